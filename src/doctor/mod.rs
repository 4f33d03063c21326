//! An audit of a live installation, which changes nothing.
//!
//! ```text
//! {"action": "doctor"} ─► survey ─► examine ─► Diagnosis ─► JSON, or text for people
//!                         asks       pure: group, balancer, service, cluster, events, function
//! ```
//!
//! A run keeps the group right with what it is given. Whether it was given the right things shows in the
//! failover, or here before it.

mod balancer;
mod cluster;
mod events;
mod finding;
mod function;
mod group;
mod parameters;
mod service;
mod survey;
mod text;

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::Value;

pub use finding::{Check, Finding, Severity};
pub use survey::{Surroundings, Survey};

use crate::config::{Config, Settings};
use crate::world::Live;
use finding::Checkup;

/// How a diagnosis is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For programs.
    Json,
    /// For people.
    Text,
}

/// A `format` that there is none of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`format` holds {0}, it should hold \"json\" or \"text\"")]
pub struct NoFormat(String);

/// What the doctor is told of the function by Lambda.
#[derive(Clone, Debug)]
pub struct Patient {
    /// The function's ARN, with or without a version; `None` where it is not the deployed function that runs.
    pub arn: Option<String>,
    /// The time that Lambda gave this invocation: the function's timeout, or what is left of it.
    pub time: Duration,
}

impl Patient {
    /// The function's name, as commands take it.
    fn name(&self) -> &str {
        let arn = self.arn.as_deref().unwrap_or_default();
        arn.split(':').nth(6).unwrap_or("FUNCTION_NAME")
    }
}

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// It, in a sentence.
    pub summary: String,
    /// What is not as it should be, the worst first.
    pub findings: Vec<Finding>,
    /// What was looked at and is right.
    pub passed: Vec<Check>,
    /// What no audit from here can see, and where to look instead.
    pub not_checked: Vec<&'static str>,
}

/// What no audit from here can see, and where to look instead.
const NOT_CHECKED: [&str; 5] = [
    "binlog retention, which no API tells: CALL mysql.rds_show_configuration; should be longer than the longest outage of the \
     replica, 24 hours or more",
    "the database's security group, which has to let the load balancer in: aws ec2 describe-security-groups (an EC2 permission \
     that the function is better without)",
    "EventBridge's rule and the schedule: aws events list-rules, aws scheduler list-schedules; the alarm -no-run rings where the \
     schedule stops",
    "the consumer's side: zones in common (by zone ID), the replication user, the channel: docs/heatwave.md, steps 1 and 8",
    "how fast the load balancer acts: a game day (docs/runbook.md)",
];

/// Whether a payload asks for the doctor, and how it wants to be told.
///
/// # Errors
/// Where it asks for a format that there is none of.
#[must_use]
pub fn asked(payload: &Value) -> Option<Result<Format, NoFormat>> {
    if payload.get("action")? != "doctor" {
        return None;
    }
    Some(match payload.get("format") {
        None => Ok(Format::Json),
        Some(held) if held == "json" => Ok(Format::Json),
        Some(held) if held == "text" => Ok(Format::Text),
        Some(held) => Err(NoFormat(held.to_string())),
    })
}

/// Looks at everything that a failover will depend on.
pub async fn examine(live: &Live, config: &Config, patient: &Patient) -> Diagnosis {
    let dry_run = config.settings.dry_run;
    let surveys = config
        .routes
        .iter()
        .map(|route| Survey::look(live, route, dry_run));
    let (around, surveys) = tokio::join!(Surroundings::look(live.auditor()), join_all(surveys));
    diagnose(&around, &surveys, config.settings, patient)
}

/// Makes findings of what was seen. Pure.
#[must_use]
pub fn diagnose(
    around: &Surroundings,
    surveys: &[Survey],
    settings: Settings,
    patient: &Patient,
) -> Diagnosis {
    let caller = around.caller.as_ref().ok();
    let mut checkup = Checkup::running_as(caller.and_then(|caller| role(&caller.arn)));
    function::clock(around, &mut checkup);
    function::settings(settings, patient, &mut checkup);
    for survey in surveys {
        checkup.turn_to(&survey.route);
        function::permissions(survey, &mut checkup);
        cluster::examine(survey, &mut checkup);
        group::examine(survey, patient, &mut checkup);
        balancer::examine(survey, &mut checkup);
        service::examine(survey, &mut checkup);
        events::examine(survey, around, patient, &mut checkup);
    }
    let Checkup {
        mut findings,
        passed,
        ..
    } = checkup;
    findings.sort_by_key(|finding| finding.severity);
    Diagnosis {
        summary: summary(&findings, passed.len()),
        findings,
        passed,
        not_checked: NOT_CHECKED.to_vec(),
    }
}

/// The role's name in the ARN of its session, `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
fn role(arn: &str) -> Option<String> {
    let (_, role) = arn.split_once(":assumed-role/")?;
    Some(role.split('/').next()?.to_owned())
}

fn summary(findings: &[Finding], passed: usize) -> String {
    let count = |severity| {
        findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let several = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    format!(
        "{}, {}, {} unknown, {}; {} passed",
        several(count(Severity::Error), "error"),
        several(count(Severity::Warning), "warning"),
        count(Severity::Unknown),
        several(count(Severity::Note), "note"),
        several(passed, "check"),
    )
}

impl Diagnosis {
    /// The diagnosis in a format, as an invocation's result.
    #[must_use]
    pub fn told(&self, format: Format) -> Value {
        match format {
            Format::Text => Value::String(self.to_string()),
            Format::Json => {
                serde_json::to_value(self).unwrap_or_else(|error| Value::String(error.to_string()))
            }
        }
    }
}
