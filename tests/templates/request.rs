//! A request of the function, as IAM sees it.

use local_cloud::Call;

use crate::reference::{Action, action, filled};

/// What IAM is asked about a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    /// `rds:DescribeDBClusters`, say.
    pub(crate) action: String,
    /// The ARN that it names, or `*` where the action takes no resource: then only `*` in a policy
    /// allows it.
    pub(crate) resource: String,
}

/// The parameter that names a resource of a kind, where none names it by its ARN.
const NAMED_BY: [(&str, &str); 9] = [
    ("cluster", "DBClusterIdentifier"),
    ("cluster-pg", "DBClusterParameterGroupName"),
    ("db", "DBInstanceIdentifier"),
    ("deployment", "BlueGreenDeploymentIdentifier"),
    ("es", "SubscriptionName"),
    ("pg", "DBParameterGroupName"),
    ("queue", "QueueUrl"),
    ("subgrp", "DBSubnetGroupName"),
    ("vpc-endpoint-service", "ServiceId"),
];

impl From<&Call> for Request {
    fn from(call: &Call) -> Self {
        let name = format!("{}:{}", call.service, call.action);
        let known = action(&name).unwrap_or_else(|| panic!("IAM knows no {name}"));
        Self {
            resource: resource(call, &known),
            action: name,
        }
    }
}

fn resource(call: &Call, action: &Action) -> String {
    let is_arn = |value: &&String| value.starts_with("arn:") && action.takes(value);
    if action.resources.is_empty() {
        return "*".to_owned();
    }
    if let Some(arn) = call.parameters.values().find(is_arn) {
        return arn.clone();
    }
    let kinds: Vec<_> = action.resources.iter().collect();
    let [(kind, format)] = kinds[..] else {
        panic!("{call:?} could be about any of {kinds:?}: say here which parameter names it");
    };
    let named_by = NAMED_BY.iter().find(|(named, _)| named == kind);
    let (_, parameter) =
        named_by.unwrap_or_else(|| panic!("{call:?}: say here which parameter names its {kind}"));
    // A question about no one resource is one about all.
    let name = call.parameters.get(*parameter);
    // A queue's URL ends with its name.
    let name = name.and_then(|name| name.rsplit('/').next());
    filled(format, name.unwrap_or("*"))
}
