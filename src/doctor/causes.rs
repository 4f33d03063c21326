//! Why a call failed, and which of the catalogue's entries it makes.

use serde_json::json;

use super::report::Severity;
use crate::route::Route;
use crate::world::{CallError, Cause};

/// What a run asks and does; without it, it fails in the middle of a failover.
const NEEDED: [&str; 4] = [
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "elasticloadbalancing:DescribeTargetHealth",
    "elasticloadbalancing:DeregisterTargets",
];
/// What a run asks and can do without, more slowly.
const USED: &str = "rds:DescribeEvents";

/// The kinds of policy that AWS names where it denies a call (IAM User Guide, "Troubleshoot access
/// denied error messages"), and the entry for each.
const POLICIES: [(&str, &str); 5] = [
    (
        "service control policy",
        "call (denied by the organization)",
    ),
    (
        "resource control policy",
        "call (denied by the organization)",
    ),
    ("VPC endpoint policy", "call (denied by an endpoint)"),
    ("permissions boundary", "call (denied by a boundary)"),
    ("explicit deny", "call (denied explicitly)"),
];

/// As whom the function calls.
#[derive(Debug, Default)]
pub(super) struct Caller {
    /// The role's name; empty where it is no role, or unknown.
    role: String,
    /// `aws`, or that of a Region with its own.
    partition: String,
    account: String,
}

/// What a failed call means.
pub(super) struct Judged {
    pub(super) severity: Severity,
    pub(super) entry: &'static str,
    pub(super) values: Vec<(&'static str, String)>,
    /// The same for all calls that fail by this cause.
    pub(super) cause: String,
}

impl Caller {
    /// Reads the ARN of a role's session, `arn:aws:sts::<account>:assumed-role/<role>/<session>`;
    /// without one, the account is the target groups'.
    pub(super) fn of(arn: Option<&str>, routes: &[Route]) -> Self {
        let known = arn
            .or_else(|| Some(routes.first()?.group.as_str()))
            .unwrap_or_default();
        let part = |number| known.split(':').nth(number).unwrap_or_default().to_owned();
        let role = known
            .split_once(":assumed-role/")
            .and_then(|(_, role)| role.split('/').next());
        Self {
            role: role.unwrap_or_default().to_owned(),
            partition: part(1),
            account: part(4),
        }
    }

    /// The role's ARN, as far as it is in the session's: a path is not.
    pub(super) fn role_arn(&self) -> String {
        let Self {
            role,
            partition,
            account,
        } = self;
        if role.is_empty() {
            return String::new();
        }
        format!("arn:{partition}:iam::{account}:role/{role}")
    }

    /// Judges a failed call about a resource.
    pub(super) fn judge(&self, error: &CallError, resource: &str, region: &str) -> Judged {
        let call = error.call;
        let is_needed = NEEDED.contains(&call);
        let severity = match error.cause {
            Cause::Credentials | Cause::ClockSkew => Severity::Error,
            Cause::Denied if is_needed => Severity::Error,
            Cause::Denied if call == USED => Severity::Warning,
            _ => Severity::Unknown,
        };
        let reason = match (is_needed, call == USED) {
            (true, _) => "a run needs it, and fails in the middle of a failover",
            (_, true) => "without it runs stay right, and take up to a minute longer to decide",
            _ => "without it this part of the installation could not be looked at",
        };
        let service = call.split(':').next().unwrap_or_default();
        let scope = self.scope(call, resource, region);
        let statement = json!({"Effect": "Allow", "Action": call, "Resource": scope});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]});
        let endpoint = format!("Name=service-name,Values=com.amazonaws.{region}.{service}");
        let (entry, cause) = match error.cause {
            Cause::Credentials => ("call (credentials)", "credentials".to_owned()),
            Cause::ClockSkew => ("call (clock)", "clock".to_owned()),
            Cause::NotAws => ("call (not AWS)", "not AWS".to_owned()),
            Cause::Unreachable | Cause::TimedOut => ("call (unreachable)", service.to_owned()),
            Cause::Denied => {
                let mut named = POLICIES
                    .iter()
                    .filter(|(kind, _)| error.detail.contains(kind));
                let entry = named.next().map_or("call (denied)", |(_, entry)| entry);
                (entry, format!("{call} {scope}"))
            }
            _ => ("call (failed)", call.to_owned()),
        };
        let values = vec![
            ("reason", reason.to_owned()),
            ("role", self.role.clone()),
            ("policy", call.replace(':', "-")),
            ("document", document.to_string()),
            ("endpoint", endpoint),
        ];
        Judged {
            severity,
            entry,
            values,
            cause,
        }
    }

    /// The resource by which IAM judges a call, as narrow as the template grants it.
    fn scope(&self, call: &str, resource: &str, region: &str) -> String {
        let Self {
            partition, account, ..
        } = self;
        let rds = |rest: &str| format!("arn:{partition}:rds:{region}:{account}:{rest}");
        match call {
            "rds:DescribeDBClusters" => rds(&format!("cluster:{resource}")),
            "rds:DescribeDBInstances" => rds("db:*"),
            "rds:DescribeDBClusterParameters" => rds("cluster-pg:*"),
            "rds:DescribeDBParameters" => rds("pg:*"),
            "rds:DescribeBlueGreenDeployments" => rds("deployment:*"),
            "rds:DescribeGlobalClusters" => {
                format!("arn:{partition}:rds::{account}:global-cluster:*")
            }
            "rds:DescribeEventSubscriptions" => rds("es:*"),
            "ec2:DescribeVpcEndpointServicePermissions" => {
                format!("arn:{partition}:ec2:{region}:{account}:vpc-endpoint-service/*")
            }
            "elasticloadbalancing:DeregisterTargets"
            | "sns:ListSubscriptionsByTopic"
            | "sns:GetTopicAttributes"
            | "sqs:GetQueueAttributes" => resource.to_owned(),
            _ => "*".to_owned(),
        }
    }
}
