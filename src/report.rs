//! What a run reports: its result, and the log line that ends it.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::{RunError, chain};
use crate::route::{InstanceId, Route, TargetGroupArn};
use crate::source::SourceId;
use crate::standby::Alone;
use crate::trigger::{BinlogCoordinates, Kind, Trigger};
use crate::world::Target;

/// A run's report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Why it ran.
    pub triggers: Vec<TriggerReport>,
    /// What it did, route by route.
    pub routes: Vec<RouteReport>,
}

/// A trigger, reported.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TriggerReport {
    /// What kind of reason.
    pub kind: Kind,
    /// `RDS-EVENT-0073`, where the event says so.
    pub event_id: Option<String>,
    /// Whom the event is about.
    pub source_id: Option<String>,
    /// The instance that it names as the Writer, or as the Writer to be, fresh or not.
    pub hint: Option<InstanceId>,
    /// Its age when the run began, in seconds.
    #[serde(serialize_with = "tenths")]
    pub age_seconds: Option<Duration>,
    /// Why a payload was not understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The binlog coordinates that the event carries, whosever they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binlog_coordinates: Option<BinlogCoordinates>,
}

/// How a route ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The group was right.
    Unchanged,
    /// The group was made right.
    Switched,
    /// It would have been, were it not a dry run.
    Planned,
    /// No trigger was about this route.
    #[default]
    Ignored,
    /// The group could not be left verified; `error` says why.
    Failed,
}

/// A route, reported.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteReport {
    /// What it follows: `dbClusterIdentifier` or `dbInstanceIdentifier`.
    #[serde(flatten)]
    pub source: SourceId,
    /// Its group.
    pub target_group_arn: TargetGroupArn,
    /// How it ended.
    pub outcome: Outcome,
    /// The Writer, where one was confirmed.
    pub writer: Option<InstanceId>,
    /// The member beside it, where the group holds members and one of them is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standby: Option<InstanceId>,
    /// Why there is none, where the group holds members.
    #[serde(
        rename = "noStandby",
        serialize_with = "told",
        skip_serializing_if = "Option::is_none"
    )]
    pub alone: Option<Alone>,
    /// Whom each witness named last.
    pub witnesses: Witnesses,
    /// Every target put in, in order; in a dry run, that would have been.
    pub registered: Vec<Target>,
    /// Every target taken out, in order; in a dry run, that would have been.
    pub deregistered: Vec<Target>,
    /// What the group holds: as last read, and what this run has written since; `null` where it was
    /// never read.
    pub targets: Option<Vec<Target>>,
    /// How many looks it took.
    pub looks: u32,
    /// From the first look to the end.
    #[serde(rename = "elapsedMs", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// Where the binlog begins to which a replica by position goes on after a blue/green
    /// switchover of this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binlog_coordinates: Option<BinlogCoordinates>,
    /// Why it failed.
    #[serde(serialize_with = "described", skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// What goes into the metrics and not into the report.
    #[serde(skip)]
    pub tally: Tally,
}

/// Whom each witness named; `null` where it was silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Witnesses {
    /// The RDS API.
    pub api: Option<InstanceId>,
    /// The cluster endpoint's CNAME.
    pub dns: Option<InstanceId>,
    /// A fresh event.
    pub hint: Option<InstanceId>,
}

/// What a run counts beside what it reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    /// A target was taken out because a failover had been announced.
    pub detached: bool,
    /// The API and DNS named different instances in some look.
    pub disagreed: bool,
    /// No event had announced it, and the group held somebody else than the Writer.
    pub wrong_target: bool,
    /// From the event's time to the verified switch.
    pub followed_after: Option<Duration>,
}

impl RouteReport {
    /// The report of a route that nothing has been done for.
    #[must_use]
    pub fn ignored(route: &Route) -> Self {
        Self {
            source: route.source.clone(),
            target_group_arn: route.group.clone(),
            outcome: Outcome::Ignored,
            writer: None,
            standby: None,
            alone: None,
            witnesses: Witnesses::default(),
            registered: Vec::new(),
            deregistered: Vec::new(),
            targets: None,
            looks: 0,
            elapsed: Duration::ZERO,
            binlog_coordinates: None,
            error: None,
            tally: Tally::default(),
        }
    }

    /// What went wrong, in a sentence: which route, why, what was seen, what the group now holds.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let name = |witness: &Option<InstanceId>| {
            witness
                .as_ref()
                .map_or("silent".to_owned(), ToString::to_string)
        };
        let Witnesses { api, dns, hint } = &self.witnesses;
        let held = match &self.targets {
            None => "what the group holds is unknown".to_owned(),
            Some(targets) if targets.is_empty() => "the group is empty".to_owned(),
            Some(targets) => format!("the group holds {}", list(targets)),
        };
        let written = |what: &str, targets: &[Target]| match targets {
            [] => String::new(),
            targets => format!("; this run {what} {}", list(targets)),
        };
        let out = written("deregistered", &self.deregistered);
        let in_ = written("registered", &self.registered);
        Some(format!(
            "{}, {}: {}; seen in {} looks over {:.1} s: api {}, dns {}, hint {}{out}{in_}; {held}",
            self.source,
            self.target_group_arn,
            chain(error),
            self.looks,
            self.elapsed.as_secs_f64(),
            name(api),
            name(dns),
            name(hint),
        ))
    }
}

impl From<&Trigger> for TriggerReport {
    fn from(trigger: &Trigger) -> Self {
        let event = trigger.event.as_ref();
        Self {
            kind: trigger.kind,
            event_id: event.and_then(|event| event.id.clone()),
            source_id: event.and_then(|event| event.source_id.clone()),
            hint: event.and_then(|event| event.said.as_ref()?.names().cloned()),
            age_seconds: trigger.age,
            why: trigger.why.clone(),
            binlog_coordinates: event.and_then(|event| event.coordinates.clone()),
        }
    }
}

impl Report {
    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|error| Value::String(error.to_string()))
    }

    /// The routes that failed.
    pub fn failed(&self) -> impl Iterator<Item = (&RouteReport, &RunError)> {
        self.routes
            .iter()
            .filter_map(|route| Some((route, route.error.as_ref()?)))
    }
}

fn list(targets: &[Target]) -> String {
    let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
    targets.join(", ")
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn tenths<S: Serializer>(age: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    age.map(|age| (age.as_secs_f64() * 10.0).round() / 10.0)
        .serialize(serializer)
}

fn milliseconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    elapsed.as_millis().serialize(serializer)
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn told<S: Serializer>(alone: &Option<Alone>, serializer: S) -> Result<S::Ok, S::Error> {
    alone.as_ref().map(|why| chain(why)).serialize(serializer)
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn described<S: Serializer>(error: &Option<RunError>, serializer: S) -> Result<S::Ok, S::Error> {
    error
        .as_ref()
        .map(|error| format!("{}: {}", error.error_type(), chain(error)))
        .serialize(serializer)
}
