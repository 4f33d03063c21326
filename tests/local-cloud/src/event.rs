//! Events from a file, dated anew.

use std::time::Duration;

use serde_json::Value;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// The event as AWS would send it for something that happened `ago`.
///
/// Moves every time in it (SNS `Timestamp`, RDS `Event Time`, `EventBridge` `time` and `Date`) by
/// the same amount, so that the newest of several records happened `ago` and the others keep their
/// distance from it. What holds no time, `{}` or a plain text, stays as it is.
#[must_use]
pub fn announce(event: &Value, ago: Duration) -> Value {
    let mut dated = event.clone();
    let mut newest = None;
    each_time(&mut dated, &mut |what, text| {
        if let Some(at) = parse(text) {
            // An SNS record is sent after its event: the event's own time counts, if it has one.
            newest = newest.max(Some((what, at)));
        }
    });
    let Some((_, newest)) = newest else {
        return dated;
    };
    let by = OffsetDateTime::now_utc() - ago - newest;
    each_time(&mut dated, &mut |_, text| {
        if let Some(at) = parse(text) {
            *text = format_like(text, at + by);
        }
    });
    dated
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Sent,
    Happened,
}

fn each_time(event: &mut Value, visit: &mut impl FnMut(What, &mut String)) {
    let records = event.get_mut("Records").and_then(Value::as_array_mut);
    for record in records.into_iter().flatten() {
        let Some(sns) = record.get_mut("Sns") else {
            continue;
        };
        if let Some(Value::String(text)) = sns.get_mut("Timestamp") {
            visit(What::Sent, text);
        }
        if let Some(Value::String(message)) = sns.get_mut("Message") {
            inside_message(message, visit);
        }
    }
    if let Some(Value::String(text)) = event.get_mut("time") {
        visit(What::Happened, text);
    }
    if let Some(Value::String(text)) = event.pointer_mut("/detail/Date") {
        visit(What::Happened, text);
    }
}

/// An RDS event is JSON inside a JSON string; its text is kept but for the time itself.
fn inside_message(message: &mut String, visit: &mut impl FnMut(What, &mut String)) {
    let Ok(event) = serde_json::from_str::<Value>(message) else {
        return;
    };
    if let Some(Value::String(old)) = event.get("Event Time") {
        let mut new = old.clone();
        visit(What::Happened, &mut new);
        *message = message.replace(old.as_str(), &new);
    }
}

/// Reads `2023-08-14 13:04:12.874` and `2023-08-14T13:04:12Z` alike.
fn parse(text: &str) -> Option<OffsetDateTime> {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty());
    let mut next = || numbers.next()?.parse::<u16>().ok();
    let small = |number: u16| u8::try_from(number).ok();
    let (year, month, day) = (next()?, small(next()?)?, small(next()?)?);
    let (hour, minute, second) = (small(next()?)?, small(next()?)?, small(next()?)?);
    let date = Date::from_calendar_date(year.into(), Month::try_from(month).ok()?, day).ok()?;
    let time = Time::from_hms_milli(hour, minute, second, next().unwrap_or(0)).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

/// Writes a time the way the old one was written.
fn format_like(old: &str, at: OffsetDateTime) -> String {
    let between = if old.contains('T') { 'T' } else { ' ' };
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    let mut text =
        format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}");
    if old.contains('.') {
        text = format!("{text}.{:03}", at.millisecond());
    }
    if old.ends_with('Z') {
        text.push('Z');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn age(text: &str) -> f64 {
        parse(text).map_or(f64::NAN, |at| {
            (OffsetDateTime::now_utc() - at).as_seconds_f64()
        })
    }

    #[test]
    fn what_holds_no_time_stays_as_it_is() {
        for event in [
            json!({}),
            json!("text"),
            json!({"Records": [{"Sns": {"Message": "plain"}}]}),
        ] {
            assert_eq!(announce(&event, Duration::ZERO), event);
        }
    }

    #[test]
    fn an_sns_record_happened_as_long_ago_as_asked() {
        let event = json!({"Records": [{"Sns": {
            "Timestamp": "2023-08-14T13:04:13.100Z",
            "Message": "{\"Event Time\":\"2023-08-14 13:04:12.874\",\"Source ID\":\"aurora-source\"}",
        }}]});
        let dated = announce(&event, Duration::from_mins(10));
        let sns = &dated["Records"][0]["Sns"];
        let message: Value =
            serde_json::from_str(sns["Message"].as_str().unwrap_or("")).unwrap_or_default();
        assert!(
            (600.0..601.0).contains(&age(message["Event Time"].as_str().unwrap_or(""))),
            "{dated}"
        );
        assert!(
            (599.0..600.8).contains(&age(sns["Timestamp"].as_str().unwrap_or(""))),
            "{dated}"
        );
        assert_eq!(message["Source ID"], "aurora-source");
    }

    #[test]
    fn an_eventbridge_event_keeps_its_way_of_writing() {
        let event =
            json!({"time": "2023-08-14T13:04:12Z", "detail": {"Date": "2023-08-14T13:04:12.874Z"}});
        let dated = announce(&event, Duration::from_secs(2));
        assert_eq!(dated["time"].as_str().map(str::len), Some(20));
        assert_eq!(dated["detail"]["Date"].as_str().map(str::len), Some(24));
        assert!(
            (2.0..4.0).contains(&age(dated["time"].as_str().unwrap_or(""))),
            "{dated}"
        );
    }
}
