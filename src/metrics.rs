//! CloudWatch metrics, as log lines in the embedded metric format.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::report::{Outcome, RouteReport};

/// The metrics' namespace.
const NAMESPACE: &str = "FailoverFollower";

/// The metrics of a route, in one line of the embedded metric format; `None` where it did nothing
/// and nothing failed, as a scheduled run does 1,440 times a day.
#[must_use]
pub fn line(route: &RouteReport, now: DateTime<Utc>) -> Option<Value> {
    let wrote = !route.registered.is_empty() || !route.deregistered.is_empty();
    if route.outcome == Outcome::Planned || !(wrote || route.error.is_some()) {
        return None;
    }
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
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.timestamp_millis(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["DBClusterIdentifier"]],
                "Metrics": definitions,
            }],
        }),
    );
    line.insert(
        "DBClusterIdentifier".to_owned(),
        json!(route.db_cluster_identifier),
    );
    line.extend(
        metrics
            .into_iter()
            .map(|(name, _, value)| (name.to_owned(), value)),
    );
    if let Some(error) = &route.error {
        line.insert("errorType".to_owned(), json!(error.error_type()));
    }
    Some(Value::Object(line))
}
