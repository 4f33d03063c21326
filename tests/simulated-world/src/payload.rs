//! The events that RDS sends, as Lambda hands them over.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::statement::cluster_messages;
use crate::universe::CLUSTER;

/// The wall clock when the universe began. Any moment would do.
fn epoch() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()
}

/// The wall clock now, in a universe that began at `started`.
#[must_use]
pub fn wall_clock(started: Instant) -> DateTime<Utc> {
    wall_clock_at(started, Instant::now())
}

/// The wall clock at a moment of a universe that began at `started`.
#[must_use]
pub fn wall_clock_at(started: Instant, at: Instant) -> DateTime<Utc> {
    let elapsed = at.saturating_duration_since(started);
    epoch() + TimeDelta::from_std(elapsed).unwrap_or_default()
}

/// A cluster's event by SNS, `seconds` after the universe began by RDS's clock.
#[must_use]
pub fn cluster_event(id: &str, message: &str, seconds: f64) -> Value {
    json!({"Records": [record(id, "db-cluster", CLUSTER, message, seconds)]})
}

/// An instance's event by SNS.
#[must_use]
pub fn instance_event(id: &str, instance: &str, message: &str, seconds: f64) -> Value {
    json!({"Records": [record(id, "db-instance", instance, message, seconds)]})
}

/// One SNS record.
#[must_use]
pub fn record(id: &str, source: &str, name: &str, message: &str, seconds: f64) -> Value {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "milliseconds of a few hours"
    )]
    let time = epoch() + TimeDelta::milliseconds((seconds * 1000.0) as i64);
    let kind = match source {
        "db-cluster" => "cluster",
        _ => "db",
    };
    let message = json!({
        "Event Source": source,
        "Event Time": time.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        "Source ID": name,
        "Source ARN": format!("arn:aws:rds:ap-northeast-1:123456789012:{kind}:{name}"),
        "Event ID": format!("http://docs.aws.amazon.com/USER_Events.Messages.html#{id}"),
        "Event Message": message,
    });
    json!({"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": message.to_string()}})
}

/// "Started cross AZ failover to DB instance: …".
#[must_use]
pub fn started(to: &str, seconds: f64) -> Value {
    cluster_event(
        "RDS-EVENT-0073",
        &format!("Started cross AZ failover to DB instance: {to}"),
        seconds,
    )
}

/// "Completed failover to DB instance: …".
#[must_use]
pub fn completed(to: &str, seconds: f64) -> Value {
    cluster_event(
        "RDS-EVENT-0071",
        &format!("Completed failover to DB instance: {to}"),
        seconds,
    )
}

/// "Promoting previous primary again: …".
#[must_use]
pub fn went_back(to: &str, seconds: f64) -> Value {
    cluster_event(
        "RDS-EVENT-0070",
        &format!("Promoting previous primary again: {to}"),
        seconds,
    )
}

/// The clock's event.
#[must_use]
pub fn schedule() -> Value {
    json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}})
}

/// An event's message with another time.
pub(crate) fn dated(message: &str, time: DateTime<Utc>) -> String {
    let Ok(mut event) = serde_json::from_str::<Value>(message) else {
        return message.to_owned();
    };
    event["Event Time"] = time.format("%Y-%m-%d %H:%M:%S%.3f").to_string().into();
    event.to_string()
}

/// The text of the first cluster event in a payload.
#[must_use]
pub fn text(payload: &Value) -> Option<String> {
    let (_, message) = cluster_messages(payload).into_iter().next()?;
    Some(message)
}
