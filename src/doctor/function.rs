//! The function itself: what it may do, its clock, its settings.

use std::time::Duration;

use super::Patient;
use super::finding::{Checkup, Severity, Wrong};
use super::survey::{Surroundings, Survey};
use crate::config::Settings;

/// How far a clock may be off before it is worth a word; AWS tells the time to the second.
const OFF: Duration = Duration::from_secs(5);
/// How far it may be off before events are taken for older or newer than they are: the announcement of a
/// failover counts for a minute.
const FAR_OFF: Duration = Duration::from_secs(30);
/// What a run needs beyond its watch: to write, to look again, and to report.
const BEYOND_THE_WATCH: Duration = Duration::from_secs(12);

/// Whether the function may do what a run does, tried and not read.
pub(super) fn permissions(survey: &Survey, checkup: &mut Checkup) {
    let group = survey.route.group.as_str();
    checkup.permission("rds:DescribeDBClusters", "*", &survey.sighting.api);
    checkup.permission("rds:DescribeDBInstances", "*", &survey.instances);
    checkup.permission(
        "elasticloadbalancing:DescribeTargetHealth",
        "*",
        &survey.sighting.targets,
    );
    if let Some(answer) = &survey.deregister {
        checkup.permission("elasticloadbalancing:DeregisterTargets", group, answer);
    }
    if let Some(answer) = &survey.register {
        checkup.permission("elasticloadbalancing:RegisterTargets", group, answer);
    }
}

pub(super) fn clock(around: &Surroundings, checkup: &mut Checkup) {
    let Some(caller) = checkup.answer("clock", &around.caller) else {
        return;
    };
    let Some(ahead) = caller.clock_ahead else {
        return;
    };
    let off = ahead.abs().to_std().unwrap_or_default();
    checkup.expect("clock", off < OFF, || Wrong {
        severity: if off < FAR_OFF { Severity::Warning } else { Severity::Error },
        is: format!("{:+.1} s from AWS's", ahead.as_seconds_f64()),
        should: format!("within {} s", OFF.as_secs()),
        why: "an event's age decides what it is worth: announcements count for a minute, names for five",
        mend: "on Lambda the clock is AWS's to keep: tell AWS Support; elsewhere, synchronize it".to_owned(),
    });
}

pub(super) fn settings(settings: Settings, patient: &Patient, checkup: &mut Checkup) {
    let (name, time) = (patient.name(), patient.time);
    checkup.expect("function: DRY_RUN", !settings.dry_run, || Wrong {
        severity: Severity::Warning,
        is: "true".to_owned(),
        should: "false".to_owned(),
        why: "it decides and reports, and follows no failover; whether it may write was not tried either",
        mend: "deploy with DryRun=false".to_owned(),
    });
    let needed = settings.longest_watch + BEYOND_THE_WATCH;
    checkup.expect("function: timeout", time >= needed, || Wrong {
        severity: Severity::Warning,
        is: format!("{:.0} s", time.as_secs_f64()),
        should: format!(
            "{} s or more, for WATCH_SECONDS={}",
            needed.as_secs(),
            settings.longest_watch.as_secs()
        ),
        why: "Lambda cuts a watch short that has not seen the failover, and the run fails with FailoverPending",
        mend: format!("aws lambda update-function-configuration --function-name {name} --timeout {}", needed.as_secs().clamp(180, 900)),
    });
}
