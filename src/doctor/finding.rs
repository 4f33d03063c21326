//! What an audit finds, and how findings are gathered.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use crate::route::{ClusterId, Route, TargetGroupArn};
use crate::world::audit::Answered;
use crate::world::{CallError, Cause};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The replication does not work, or will not survive the next failover.
    Error,
    /// It works, with less to hold it than there could be.
    Warning,
    /// It could not be looked at.
    Unknown,
    /// Worth knowing.
    Note,
}

/// What was looked at, and on which route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// With AWS's own word for it where there is one.
    pub check: String,
    /// The route's cluster; `None` where it is about the function.
    pub db_cluster_identifier: Option<ClusterId>,
    /// The route's group.
    pub target_group_arn: Option<TargetGroupArn>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at.
    #[serde(flatten)]
    pub of: Check,
    /// What is.
    pub is: String,
    /// What should be.
    pub should: String,
    /// Why it matters.
    pub why: String,
    /// The command that mends it.
    pub mend: String,
}

/// What is wrong about something, before it is known of what.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) severity: Severity,
    pub(super) is: String,
    pub(super) should: String,
    pub(super) why: &'static str,
    pub(super) mend: String,
}

/// An audit under way: what has been found so far, and what was looked at and is right.
#[derive(Debug, Default)]
pub(super) struct Checkup {
    pub(super) findings: Vec<Finding>,
    pub(super) passed: Vec<Check>,
    route: Option<Route>,
    role: Option<String>,
    unanswered: BTreeSet<(Option<TargetGroupArn>, &'static str)>,
}

impl Checkup {
    /// An audit of a function that runs as this role.
    pub(super) fn running_as(role: Option<String>) -> Self {
        Self {
            role,
            ..Self::default()
        }
    }

    /// From here on it is about this route.
    pub(super) fn turn_to(&mut self, route: &Route) {
        self.route = Some(route.clone());
    }

    /// Notes a check: passed if it `holds`, else what is wrong.
    pub(super) fn expect(&mut self, check: &str, holds: bool, wrong: impl FnOnce() -> Wrong) {
        if holds {
            self.pass(check);
        } else {
            self.find(check, wrong());
        }
    }

    /// Notes that something is as it should be.
    pub(super) fn pass(&mut self, check: &str) {
        self.passed.push(self.of(check));
    }

    fn of(&self, check: &str) -> Check {
        let route = self.route.as_ref();
        Check {
            check: check.to_owned(),
            db_cluster_identifier: route.map(|route| route.cluster.clone()),
            target_group_arn: route.map(|route| route.group.clone()),
        }
    }

    /// Notes what is wrong.
    pub(super) fn find(&mut self, check: &str, wrong: Wrong) {
        let Wrong {
            severity,
            is,
            should,
            why,
            mend,
        } = wrong;
        self.findings.push(Finding {
            severity,
            of: self.of(check),
            is,
            should,
            why: why.to_owned(),
            mend,
        });
    }

    /// The answer to a question; without one, what it is about stays unknown.
    pub(super) fn answer<'a, T>(&mut self, check: &str, answer: &'a Answered<T>) -> Option<&'a T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(failure) => {
                self.unanswered(check, Severity::Unknown, failure, "*");
                None
            }
        }
    }

    /// Whether the function may do to a resource what a run does: a missing permission shows in the answer.
    pub(super) fn permission<T>(&mut self, action: &str, resource: &str, answer: &Answered<T>) {
        let severity = match answer {
            Err(failure) if failure.cause == Cause::Denied => Severity::Error,
            Err(failure) if !matches!(failure.cause, Cause::NotFound | Cause::Rejected) => {
                Severity::Unknown
            }
            _ => return self.pass(&format!("permission {action}")),
        };
        if let Err(failure) = answer {
            // The answer may have taken several calls; the one that failed is named.
            let check = format!("permission {}", failure.call);
            self.unanswered(&check, severity, failure, resource);
        }
    }

    /// Notes a call that failed, once for each route however much depends on it.
    fn unanswered(&mut self, check: &str, severity: Severity, failure: &CallError, resource: &str) {
        let group = self.route.as_ref().map(|route| route.group.clone());
        if !self.unanswered.insert((group, failure.call)) {
            return;
        }
        let (should, why) = match severity {
            Severity::Error => (
                "allowed",
                "a run needs it, and would fail in the middle of a failover",
            ),
            _ => (
                "an answer",
                "without it this part of the installation could not be looked at",
            ),
        };
        self.find(
            check,
            Wrong {
                severity,
                is: failure.to_string(),
                should: should.to_owned(),
                why,
                mend: self.mend(failure, resource),
            },
        );
    }

    fn mend(&self, failure: &CallError, resource: &str) -> String {
        if failure.cause != Cause::Denied {
            return "ask again in a minute; if it stays so, see whether the function's network reaches the service: \
                    docs/runbook.md, The doctor"
                .to_owned();
        }
        let role = self.role.as_deref().unwrap_or("ROLE");
        let action = failure.call;
        let name = action.replace(':', "-");
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        format!(
            "aws iam put-role-policy --role-name {role} --policy-name {name} --policy-document '{policy}'"
        )
    }
}
