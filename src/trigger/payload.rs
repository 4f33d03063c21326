//! The payloads that invoke the function: SNS, EventBridge, the schedule, a person.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::rds_event::{Raw, RdsEvent};
use super::{Kind, Trigger};

/// Reads an invocation's payload; `now` is the wall clock's. Every SNS record is a trigger of its
/// own, and there is always at least one trigger.
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

/// A record of an SNS event. Only `Sns.Message` is needed of it, so nothing else about it can be
/// wrong.
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
    let of_record = |path| record.pointer(path).and_then(Value::as_str);
    let id = of_record("/Sns/MessageAttributes/EventID/Value");
    notification(&inner, id, of_record("/Sns/Timestamp"), now)
}

/// A payload without records.
fn message(payload: &Value, now: DateTime<Utc>) -> Trigger {
    match payload {
        Value::Null => Trigger::bare(Kind::Manual),
        Value::Object(fields) if fields.is_empty() => Trigger::bare(Kind::Manual),
        Value::Object(fields) if fields.contains_key("detail-type") => event_bridge(payload, now),
        Value::Object(fields) if fields.contains_key("Event Message") => {
            notification(payload, None, None, now)
        }
        other => Trigger::unrecognized(format!(
            "the payload holds {}, it should hold an SNS event, an EventBridge event or {{}}",
            describe(other)
        )),
    }
}

/// An RDS event as SNS delivers it, with what its record says beside it: the event's id, and a
/// time.
fn notification(
    message: &Value,
    id: Option<&str>,
    time: Option<&str>,
    now: DateTime<Utc>,
) -> Trigger {
    let field = |name: &str| message.get(name).and_then(Value::as_str);
    let event = RdsEvent::from_raw(&Raw {
        event_id: field("Event ID")
            .filter(|id| id.contains("RDS-EVENT-"))
            .or(id),
        source_type: field("Event Source"),
        source_id: field("Source ID"),
        source_arn: field("Source ARN"),
        times: [field("Event Time"), time],
        message: field("Event Message"),
    });
    Trigger::from_event(event, now)
}

/// An event as EventBridge delivers it: RDS's, or the schedule's. An envelope that is bent keeps
/// what its `detail` says.
fn event_bridge(payload: &Value, now: DateTime<Utc>) -> Trigger {
    let envelope = serde_json::from_value::<EventBridgeEvent>(payload.clone());
    let source = match &envelope {
        Ok(event) => event.source.as_str(),
        Err(_) if payload.pointer("/detail/Message").is_some() => "aws.rds",
        Err(error) => {
            return Trigger::unrecognized(format!("an EventBridge event that isn't one: {error}"));
        }
    };
    match source {
        "aws.rds" => {
            let detail = payload.get("detail").unwrap_or(&Value::Null);
            let field = |name: &str| detail.get(name).and_then(Value::as_str);
            let event = RdsEvent::from_raw(&Raw {
                event_id: field("EventID"),
                source_type: field("SourceType"),
                source_id: field("SourceIdentifier"),
                source_arn: field("SourceArn"),
                times: [field("Date"), payload.get("time").and_then(Value::as_str)],
                message: field("Message"),
            });
            Trigger::from_event(event, now)
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
