//! IAM's judgement of a request, for the policies of one role.
//!
//! As IAM's user guide has it ("Policy evaluation logic"): denied, unless a statement allows; and
//! denied whatever allows, if a statement denies. What is not understood here ends the test, so
//! that no statement can be overlooked.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    /// Its `Sid`.
    pub(crate) sid: String,
    /// Whether its effect is `Allow`.
    pub(crate) allows: bool,
    /// The actions, `rds:Describe*` say.
    pub(crate) actions: Vec<String>,
    /// The resources.
    pub(crate) resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
struct Condition {
    is_pattern: bool,
    key: String,
    values: Vec<String>,
}

/// What is asked, of which resource, and the condition keys that are known of it.
pub(crate) struct Asked<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) context: &'a BTreeMap<&'a str, String>,
}

/// The statements of a policy document.
pub(crate) fn statements(document: &Value) -> Vec<Statement> {
    assert_eq!(document["Version"], "2012-10-17", "{document}");
    let statements = document["Statement"].as_array().unwrap();
    statements.iter().map(Statement::read).collect()
}

/// Whether a role with these statements may do what is asked.
pub(crate) fn may<'a>(
    statements: impl IntoIterator<Item = &'a Statement>,
    asked: &Asked<'_>,
) -> bool {
    let mut allowed = false;
    for statement in statements.into_iter().filter(|one| one.applies(asked)) {
        if !statement.allows {
            return false;
        }
        allowed = true;
    }
    allowed
}

impl Statement {
    fn read(statement: &Value) -> Self {
        let statement = statement.as_object().unwrap();
        for key in statement.keys() {
            let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
            assert!(known.contains(&key.as_str()), "{key} is not understood");
        }
        let sid = statement.get("Sid").and_then(Value::as_str);
        Self {
            sid: sid.unwrap_or_default().to_owned(),
            allows: match statement["Effect"].as_str() {
                Some("Allow") => true,
                Some("Deny") => false,
                other => panic!("the effect {other:?} is not understood"),
            },
            actions: one_or_many(&statement["Action"]),
            resources: one_or_many(&statement["Resource"]),
            conditions: conditions(statement),
        }
    }

    /// The keys that its conditions ask for.
    pub(crate) fn condition_keys(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().map(|condition| &*condition.key)
    }

    /// The texts in it that name resources.
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let values = self.conditions.iter_mut().map(|one| &mut one.values);
        self.resources.iter_mut().chain(values.flatten())
    }

    /// Whether it has anything to say about what is asked.
    fn applies(&self, asked: &Asked<'_>) -> bool {
        // IAM takes the names of actions in any case.
        let action = asked.action.to_lowercase();
        let actions = self.actions.iter().map(|action| action.to_lowercase());
        actions
            .into_iter()
            .any(|pattern| matches(&pattern, &action))
            && self
                .resources
                .iter()
                .any(|one| matches(one, asked.resource))
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(asked.context))
    }
}

impl Condition {
    fn holds(&self, context: &BTreeMap<&str, String>) -> bool {
        let value = context.get(self.key.as_str());
        let is = |value: &str, one: &String| {
            if self.is_pattern {
                matches(one, value)
            } else {
                one == value
            }
        };
        value.is_some_and(|value| self.values.iter().any(|one| is(value, one)))
    }
}

fn conditions(statement: &Map<String, Value>) -> Vec<Condition> {
    let operators = statement.get("Condition").and_then(Value::as_object);
    let operators = operators.into_iter().flatten();
    operators
        .flat_map(|(operator, keys)| {
            let is_pattern = match operator.as_str() {
                "ArnEquals" | "ArnLike" => true,
                "StringEquals" => false,
                _ => panic!("{operator} is not understood"),
            };
            let keys = keys.as_object().unwrap().iter();
            keys.map(move |(key, values)| Condition {
                is_pattern,
                key: key.clone(),
                values: one_or_many(values),
            })
        })
        .collect()
}

fn one_or_many(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match value {
        Value::Array(many) => many.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

/// Whether `text` is as `pattern` says, in which `*` stands for any characters and `?` for one.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter()
                .any(|at| matches(rest.as_str(), &text[at..]))
        }
        Some(wanted) => {
            let mut found = text.chars();
            found
                .next()
                .is_some_and(|found| wanted == '?' || wanted == found)
                && matches(rest.as_str(), found.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(policy: &Value, action: &str, resource: &str) -> bool {
        let context = BTreeMap::from([("lambda:SourceFunctionArn", "arn:function".to_owned())]);
        let asked = Asked {
            action,
            resource,
            context: &context,
        };
        may(&statements(policy), &asked)
    }

    fn policy(statements: &Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "arn:aws:rds:::x", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("arn:*:db:*", "arn:aws:rds:r:1:db:i", true),
            ("cluster:a", "cluster:ab", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_nothing_allows_is_denied() {
        let policy = policy(&json!([{"Effect": "Allow", "Action": "a:Do", "Resource": "arn:x"}]));
        assert!(judge(&policy, "a:Do", "arn:x"));
        assert!(judge(&policy, "A:do", "arn:x"));
        assert!(!judge(&policy, "a:Do", "arn:y"));
        assert!(!judge(&policy, "a:Other", "arn:x"));
    }

    #[test]
    fn an_arn_does_not_allow_an_action_that_knows_no_resource() {
        let policy =
            policy(&json!([{"Effect": "Allow", "Action": "a:List", "Resource": "arn:x:*"}]));
        assert!(!judge(&policy, "a:List", "*"));
    }

    #[test]
    fn a_deny_wins_where_its_condition_holds() {
        let allow = json!({"Effect": "Allow", "Action": ["a:*"], "Resource": "*"});
        let deny = |arn: &str| {
            json!({"Effect": "Deny", "Action": "a:Do", "Resource": "*",
                   "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": arn}}})
        };
        assert!(!judge(
            &policy(&json!([deny("arn:function"), allow])),
            "a:Do",
            "x"
        ));
        assert!(judge(
            &policy(&json!([deny("arn:other"), allow])),
            "a:Do",
            "x"
        ));
        assert!(judge(
            &policy(&json!([deny("arn:function"), allow])),
            "a:Be",
            "x"
        ));
    }

    #[test]
    #[should_panic(expected = "NotAction is not understood")]
    fn what_is_not_understood_is_not_passed_over() {
        statements(&policy(
            &json!([{"Effect": "Allow", "NotAction": "a:Do", "Resource": "*"}]),
        ));
    }
}
