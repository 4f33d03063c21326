//! A request of the function, as IAM sees it.

use local_cloud::{Call, REGION};

use crate::intrinsic::ACCOUNT;

/// What IAM is asked about a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    /// `rds:DescribeDBClusters`, say.
    pub(crate) action: String,
    /// The ARN that it names, or `*` where the action knows no resource: then only `*` in a policy
    /// allows it.
    pub(crate) resource: String,
}

impl From<&Call> for Request {
    fn from(call: &Call) -> Self {
        Self {
            action: format!("{}:{}", call.service, call.action),
            resource: resource(call),
        }
    }
}

/// The resource as the Service Authorization Reference has it for the action.
fn resource(call: &Call) -> String {
    let parameter = |name: &str| call.parameters.get(name).map(String::as_str);
    let rds = |kind: &str, name: Option<&str>| {
        // A question about no one resource is one about all.
        format!(
            "arn:aws:rds:{REGION}:{ACCOUNT}:{kind}:{}",
            name.unwrap_or("*")
        )
    };
    match (call.service.as_str(), call.action.as_str()) {
        ("elasticloadbalancing", "RegisterTargets" | "DeregisterTargets") => {
            parameter("TargetGroupArn").unwrap().to_owned()
        }
        ("elasticloadbalancing", action) if action.starts_with("Describe") => "*".to_owned(),
        ("rds", "DescribeDBClusters") => rds("cluster", parameter("DBClusterIdentifier")),
        ("rds", "DescribeDBInstances") => rds("db", parameter("DBInstanceIdentifier")),
        ("rds", "DescribeDBSubnetGroups") => rds("subgrp", parameter("DBSubnetGroupName")),
        ("rds", "DescribeDBClusterParameters") => {
            rds("cluster-pg", parameter("DBClusterParameterGroupName"))
        }
        ("sns", "ListSubscriptionsByTopic") => parameter("TopicArn").unwrap().to_owned(),
        ("rds", "DescribeEventSubscriptions") | ("ec2" | "sts", _) => "*".to_owned(),
        (service, action) => panic!(
            "the function asks for {service}:{action} now: say here by which resource IAM judges it"
        ),
    }
}
