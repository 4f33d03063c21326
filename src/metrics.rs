//! CloudWatch metrics, as log lines in the embedded metric format.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::error::RunError;
use crate::report::{Outcome, RouteReport};
use crate::standby::Alone;

/// The metrics' namespace.
const NAMESPACE: &str = "FailoverFollower";

/// What distinguishes two functions that follow the same source.
const FUNCTION: &str = "FunctionName";

/// The metrics of a route, in one line of the embedded metric format; `None` where it did nothing
/// nothing failed and no guard is missing, as a scheduled run does 1,440 times a day.
///
/// Each metric is published twice, by cluster (or instance) and by that and function.
#[must_use]
pub fn line(route: &RouteReport, function: &str, now: DateTime<Utc>) -> Option<Value> {
    let wrote = !route.registered.is_empty() || !route.deregistered.is_empty();
    let unguarded = matches!(route.alone, Some(Alone::Unguarded(_)));
    if route.outcome == Outcome::Planned || !(wrote || unguarded || route.error.is_some()) {
        return None;
    }
    let error_type = route.error.as_ref().map(RunError::error_type);
    let count = |is: bool| Value::from(u8::from(is));
    let mut metrics = vec![
        (
            "Switches",
            "Count",
            count(route.outcome == Outcome::Switched),
        ),
        ("Detaches", "Count", count(route.tally.detached)),
        ("Looks", "Count", Value::from(route.looks)),
        ("Disagreements", "Count", count(route.tally.disagreed)),
        ("WrongTargets", "Count", count(route.tally.wrong_target)),
        ("Failures", "Count", count(route.error.is_some())),
        ("Undecided", "Count", count(error_type == Some("Undecided"))),
        (
            "EmptyGroups",
            "Count",
            count(route.targets.as_deref() == Some(&[])),
        ),
        ("Unguarded", "Count", count(unguarded)),
    ];
    if let Some(after) = route.tally.followed_after {
        metrics.push((
            "SecondsToFollow",
            "Seconds",
            Value::from(after.as_secs_f64()),
        ));
    }
    let definitions: Vec<Value> = metrics
        .iter()
        .map(|(name, unit, _)| json!({"Name": name, "Unit": unit}))
        .collect();
    let mut line = Map::new();
    let source = route.source.dimension();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [[source], [source, FUNCTION]],
                "Metrics": definitions,
            }],
        }),
    );
    line.insert(source.to_owned(), json!(route.source.as_str()));
    line.insert(FUNCTION.to_owned(), json!(function));
    line.extend(
        metrics
            .into_iter()
            .map(|(name, _, value)| (name.to_owned(), value)),
    );
    if let Some(error_type) = error_type {
        line.insert("errorType".to_owned(), json!(error_type));
    }
    Some(Value::Object(line))
}
