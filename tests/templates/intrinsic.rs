//! `CloudFormation`'s conditions, rules and functions, as many as the templates use.

use std::collections::BTreeMap;

use local_cloud::REGION;
use serde_json::{Map, Value};

/// The account everything is in.
pub(crate) const ACCOUNT: &str = "123456789012";

/// A template with its parameters.
#[derive(Clone)]
pub(crate) struct Template {
    body: Value,
    parameters: BTreeMap<String, Value>,
}

impl Template {
    /// With a value for some of the parameters, and the default for the others.
    pub(crate) fn new(body: &Value, given: &[(&str, &str)]) -> Self {
        let given: BTreeMap<&str, &str> = given.iter().copied().collect();
        let declared = object(&body["Parameters"]);
        for name in given.keys() {
            assert!(declared.contains_key(*name), "no parameter {name}");
        }
        let parameters = declared.iter().map(|(name, parameter)| {
            let value = match given.get(name.as_str()) {
                Some(given) => Value::from(*given),
                None => parameter["Default"].clone(),
            };
            assert!(!value.is_null(), "the parameter {name} needs a value");
            let is_list = parameter["Type"] == "CommaDelimitedList";
            let value = match value.as_str() {
                Some(text) if is_list => text.split(',').collect(),
                _ => value,
            };
            (name.clone(), value)
        });
        Self {
            parameters: parameters.collect(),
            body: body.clone(),
        }
    }

    /// The same template with something changed in it.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.body);
        changed
    }

    /// The properties of every resource of a type that the conditions let be made, by name.
    pub(crate) fn resources(&self, of_type: &str) -> BTreeMap<&str, Value> {
        let resources = object(&self.body["Resources"]).iter();
        resources
            .filter(|(_, resource)| resource["Type"] == of_type)
            .filter(|(_, resource)| {
                let condition = resource["Condition"].as_str();
                condition.is_none_or(|name| self.holds(&self.body["Conditions"][name]))
            })
            .map(|(name, resource)| {
                let properties = self.value(&resource["Properties"]);
                (name.as_str(), properties.unwrap_or_default())
            })
            .collect()
    }

    /// What the template's rules say against the parameters.
    pub(crate) fn refusals(&self) -> Vec<&str> {
        let rules = self.body["Rules"].as_object();
        let assertions = rules.into_iter().flatten().flat_map(|(name, rule)| {
            assert!(
                rule["RuleCondition"].is_null(),
                "{name} has a condition now"
            );
            rule["Assertions"].as_array().unwrap()
        });
        assertions
            .filter(|assertion| !self.holds(&assertion["Assert"]))
            .map(|assertion| assertion["AssertDescription"].as_str().unwrap())
            .collect()
    }

    /// An attribute of a resource. There is no resource, so this is only a name for it, the same
    /// each time.
    pub(crate) fn attribute(resource: &str, attribute: &str) -> String {
        format!("arn:{resource}.{attribute}")
    }

    fn holds(&self, condition: &Value) -> bool {
        let (function, argument) = only(condition);
        let all = || argument.as_array().unwrap().iter();
        match function {
            "Condition" => self.holds(&self.body["Conditions"][argument.as_str().unwrap()]),
            "Fn::Equals" => self.value(&argument[0]) == self.value(&argument[1]),
            "Fn::EachMemberEquals" => {
                let [members, expected] = [0, 1].map(|at| self.value(&argument[at]).unwrap());
                members
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|one| *one == expected)
            }
            "Fn::Not" => !self.holds(&argument[0]),
            "Fn::And" => all().all(|condition| self.holds(condition)),
            "Fn::Or" => all().any(|condition| self.holds(condition)),
            other => panic!("{other} is no function of conditions"),
        }
    }

    /// What becomes of a value; nothing of `AWS::NoValue`.
    fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(list) => Some(list.iter().filter_map(|item| self.value(item)).collect()),
            Value::Object(map) => {
                let mut entries = map.iter();
                match (entries.next(), entries.next()) {
                    (Some((name, argument)), None) if is_function(name) => {
                        self.call(name, argument)
                    }
                    _ => Some(self.values(map)),
                }
            }
            other => Some(other.clone()),
        }
    }

    fn values(&self, map: &Map<String, Value>) -> Value {
        let values = map
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), self.value(value)?)));
        Value::Object(values.collect())
    }

    fn call(&self, function: &str, argument: &Value) -> Option<Value> {
        let text = |value| self.value(value).map(|value| written(&value));
        match function {
            "Ref" => self.reference(argument.as_str().unwrap()),
            "Fn::GetAtt" => Some(
                Self::attribute(argument[0].as_str().unwrap(), argument[1].as_str().unwrap())
                    .into(),
            ),
            "Fn::If" => {
                let condition = argument[0].as_str().unwrap();
                let branch = if self.holds(&self.body["Conditions"][condition]) {
                    1
                } else {
                    2
                };
                self.value(&argument[branch])
            }
            "Fn::Join" => {
                let parts = self.value(&argument[1]).unwrap();
                let parts: Vec<String> = parts.as_array().unwrap().iter().map(written).collect();
                Some(parts.join(&text(&argument[0]).unwrap()).into())
            }
            "Fn::Sub" => Some(self.substitute(argument).into()),
            "Fn::Split" => {
                let whole = text(&argument[1]).unwrap();
                Some(whole.split(&text(&argument[0]).unwrap()).collect())
            }
            "Fn::Select" => {
                let number: usize = text(&argument[0]).unwrap().parse().unwrap();
                Some(self.value(&argument[1]).unwrap()[number].clone())
            }
            other => panic!("the templates use {other} now, which is missing here"),
        }
    }

    /// `Fn::Sub` of a text, or of a text and a map of further names.
    fn substitute(&self, argument: &Value) -> String {
        let (text, further) = match argument {
            Value::Array(both) => (&both[0], self.value(&both[1]).unwrap()),
            text => (text, Value::Null),
        };
        let mut parts = text.as_str().unwrap().split("${");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            let value = match (further.get(name), name.split_once('.')) {
                (Some(value), _) => written(value),
                (None, Some((resource, attribute))) => Self::attribute(resource, attribute),
                (None, None) => written(&self.reference(name).unwrap()),
            };
            whole += &value;
            whole += rest;
        }
        whole
    }

    fn reference(&self, name: &str) -> Option<Value> {
        let pseudo = match name {
            "AWS::NoValue" => return None,
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::Region" => REGION,
            "AWS::StackName" => "follower",
            "AWS::URLSuffix" => "amazonaws.com",
            _ => {
                let parameter = self.parameters.get(name).cloned();
                return parameter.or_else(|| Some(Self::attribute(name, "Ref").into()));
            }
        };
        Some(pseudo.into())
    }
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

fn written(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn only(value: &Value) -> (&str, &Value) {
    let (name, argument) = object(value).iter().next().unwrap();
    (name, argument)
}

fn object(value: &Value) -> &Map<String, Value> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("no map: {value}"))
}
