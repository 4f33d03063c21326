//! The payloads that wake the function: SNS, EventBridge, the schedule, a hand.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::rds_event::{Raw, RdsEvent};
use super::{Kind, Trigger};

/// Reads an invocation's payload; `now` is the wall clock's. Every SNS record is a trigger of its own,
/// and there is always at least one trigger.
#[must_use]
pub fn read(payload: &Value, now: DateTime<Utc>) -> Vec<Trigger> {
    match payload.get("Records") {
        Some(Value::Array(records)) if !records.is_empty() => records
            .iter()
            .map(|record| sns_record(record, now))
            .collect(),
        Some(other) => vec![Trigger::unrecognized(format!(
            "`Records` holds {}, it should hold a list of SNS records",
            describe(other)
        ))],
        None => vec![message(payload, now)],
    }
}

/// A record of an SNS event. Only `Sns.Message` is needed of it, so nothing else about it can be wrong.
fn sns_record(record: &Value, now: DateTime<Utc>) -> Trigger {
    let Some(text) = record.pointer("/Sns/Message").and_then(Value::as_str) else {
        return Trigger::unrecognized(format!(
            "a record holds {}, it should hold `Sns.Message`",
            describe(record)
        ));
    };
    let Ok(inner @ Value::Object(_)) = serde_json::from_str::<Value>(text) else {
        return Trigger::unrecognized(format!(
            "an SNS message holds {:?}, it should hold an RDS event in JSON",
            shorten(text)
        ));
    };
    if inner.get("Event Message").is_none() && inner.get("Event ID").is_none() {
        return message(&inner, now); // an EventBridge rule that goes through a topic
    }
    // Newer events carry their id as an attribute of the message as well.
    let attribute = record.pointer("/Sns/MessageAttributes/EventID/Value");
    notification(&inner, attribute.and_then(Value::as_str), now)
}

/// A payload without records.
fn message(payload: &Value, now: DateTime<Utc>) -> Trigger {
    match payload {
        Value::Null => Trigger::bare(Kind::Manual),
        Value::Object(fields) if fields.is_empty() => Trigger::bare(Kind::Manual),
        Value::Object(fields) if fields.contains_key("detail-type") => event_bridge(payload, now),
        Value::Object(fields) if fields.contains_key("Event Message") => {
            notification(payload, None, now)
        }
        other => Trigger::unrecognized(format!(
            "the payload holds {}, it should hold an SNS event, an EventBridge event or {{}}",
            describe(other)
        )),
    }
}

/// An RDS event as SNS tells it.
fn notification(message: &Value, attribute: Option<&str>, now: DateTime<Utc>) -> Trigger {
    let field = |name: &str| message.get(name).and_then(Value::as_str);
    let event = RdsEvent::from_raw(&Raw {
        event_id: field("Event ID")
            .filter(|id| id.contains("RDS-EVENT-"))
            .or(attribute),
        source_type: field("Event Source"),
        source_id: field("Source ID"),
        source_arn: field("Source ARN"),
        time: field("Event Time"),
        message: field("Event Message"),
    });
    Trigger::from_event(event, now)
}

/// An event as EventBridge tells it: RDS's, or the clock's.
fn event_bridge(payload: &Value, now: DateTime<Utc>) -> Trigger {
    let event = match serde_json::from_value::<EventBridgeEvent>(payload.clone()) {
        Ok(event) => event,
        Err(error) => {
            return Trigger::unrecognized(format!("an EventBridge event that isn't one: {error}"));
        }
    };
    match event.source.as_str() {
        "aws.rds" => {
            let field = |name: &str| event.detail.get(name).and_then(Value::as_str);
            let time = event.time.map(|time| time.to_rfc3339());
            Trigger::from_event(
                RdsEvent::from_raw(&Raw {
                    event_id: field("EventID"),
                    source_type: field("SourceType"),
                    source_id: field("SourceIdentifier"),
                    source_arn: field("SourceArn"),
                    time: field("Date").or(time.as_deref()),
                    message: field("Message"),
                }),
                now,
            )
        }
        "aws.events" | "aws.scheduler" => Trigger::bare(Kind::Schedule),
        other => Trigger::unrecognized(format!(
            "an EventBridge event's source holds {other:?}, it should hold aws.rds or aws.events"
        )),
    }
}

/// What a value is, short enough for a log line, and without its contents where they are long.
fn describe(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let names: Vec<&str> = fields.keys().map(String::as_str).take(5).collect();
            format!("an object with the fields {:?}", shorten(&names.join(", ")))
        }
        Value::Array(items) => format!("a list of {}", items.len()),
        other => format!("{:?}", shorten(&other.to_string())),
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
