//! Every event file, and every oddity seen in the wild, to its trigger.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use aws_lambda_events::event::sns::SnsEvent;
use chrono::{DateTime, TimeDelta, Utc};
use failover_follower::route::{ClusterId, InstanceId, Route, TargetGroupArn};
use failover_follower::trigger::{Kind, Trigger, Word, read};
use failover_follower::watch::Wake;
use proptest::prelude::*;
use serde_json::{Value, json};

const LONGEST: Duration = Duration::from_mins(2);

fn event(name: &str) -> Value {
    let path = format!("{}/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A moment after the events in the files.
fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(time).unwrap().to_utc()
}

fn route(cluster: &str) -> Route {
    Route {
        cluster: ClusterId::parse(cluster).unwrap(),
        group: TargetGroupArn::parse(
            "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/writer/0123456789abcdef",
        )
        .unwrap(),
        endpoint: None,
    }
}

fn instance(name: &str) -> InstanceId {
    InstanceId::parse(name).unwrap()
}

/// A trigger in a line: kind, event id, source, named Writer, whether it wakes the cluster's route and another's.
fn line(trigger: &Trigger) -> String {
    let event = trigger.event.as_ref();
    let text = |text: Option<String>| text.unwrap_or("-".to_owned());
    format!(
        "{:?} {} {} {} {} {}",
        trigger.kind,
        text(event.and_then(|event| event.id.clone())),
        text(event.and_then(|event| event.source_id.clone())),
        text(event.and_then(|event| event.names.as_ref().map(ToString::to_string))),
        if trigger.wakes(&route("aurora-source")) {
            "wakes"
        } else {
            "ignores"
        },
        if trigger.wakes(&route("another")) {
            "all"
        } else {
            "no other"
        },
    )
}

#[test]
fn every_event_file_becomes_its_triggers() {
    let expected: &[(&str, &[&str])] = &[
        (
            "failover",
            &["Moving RDS-EVENT-0073 aurora-source aurora-source-instance-2 wakes no other"],
        ),
        (
            "failover-completed",
            &["Moved RDS-EVENT-0071 aurora-source aurora-source-instance-2 wakes no other"],
        ),
        (
            "failover-failed",
            &["Recheck RDS-EVENT-0069 aurora-source - wakes no other"],
        ),
        (
            "failover-back",
            &["Moved RDS-EVENT-0070 aurora-source aurora-source-instance-1 wakes no other"],
        ),
        (
            "instance-class-changed",
            &["Moved RDS-EVENT-0014 aurora-source-instance-1 - wakes all"],
        ),
        (
            "blue-green-switchover",
            &["Moved RDS-EVENT-0260 bgd-v53303651eexfake - wakes all"],
        ),
        (
            "several-records",
            &[
                "Moving RDS-EVENT-0073 aurora-source aurora-source-instance-2 wakes no other",
                "Moved RDS-EVENT-0071 aurora-source aurora-source-instance-2 wakes no other",
                "Recheck RDS-EVENT-0006 aurora-source-instance-1 - wakes all",
            ],
        ),
        (
            "promoted-without-category",
            &["Recheck - aurora-source-instance-1 - wakes all"],
        ),
        (
            "backup",
            &["None RDS-EVENT-0001 aurora-source-instance-1 - ignores no other"],
        ),
        (
            "eventbridge-failover",
            &["Moving RDS-EVENT-0073 aurora-source aurora-source-instance-2 wakes no other"],
        ),
        (
            "eventbridge-instance",
            &["Recheck RDS-EVENT-0006 aurora-source-instance-1 - wakes all"],
        ),
        (
            "eventbridge-blue-green",
            &["Moving RDS-EVENT-0259 bgd-v53303651eexfake - wakes all"],
        ),
        (
            "eventbridge-empty-category",
            &["Recheck - aurora-source - wakes all"],
        ),
        ("schedule", &["Schedule - - - wakes all"]),
        ("manual", &["Manual - - - wakes all"]),
        ("subscription-confirmed", &["Unrecognized - - - wakes all"]),
        ("malformed", &["Unrecognized - - - wakes all"]),
    ];
    let now = at("2026-11-01T03:00:05Z");
    for (name, lines) in expected {
        let triggers: Vec<String> = read(&event(name), now).iter().map(line).collect();
        assert_eq!(triggers, *lines, "events/{name}.json");
    }
    let files = std::fs::read_dir(format!("{}/events", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let known: Vec<String> = expected
        .iter()
        .map(|(name, _)| format!("{name}.json"))
        .collect();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        let is_for_the_doctor = name == "doctor.json"; // tests/doctor/
        assert!(
            known.contains(&name) || is_for_the_doctor,
            "events/{name} has no test"
        );
    }
}

#[test]
fn the_event_files_are_what_lambda_would_hand_over() {
    for file in std::fs::read_dir(format!("{}/events", env!("CARGO_MANIFEST_DIR"))).unwrap() {
        let path = file.unwrap().path();
        let payload: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if payload.get("Records").is_some() {
            serde_json::from_value::<SnsEvent>(payload)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        } else if payload.get("detail-type").is_some() {
            serde_json::from_value::<EventBridgeEvent>(payload)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

#[test]
fn what_is_not_understood_says_why() {
    for (payload, told) in [
        (event("malformed"), "it should hold an RDS event in JSON"),
        (event("subscription-confirmed"), "You are now subscribed"),
        (json!({"Records": []}), "a list of 0"),
        (json!({"Records": "none"}), "\"\\\"none\\\"\""),
        (
            json!({"Records": [{"eventSource": "aws:s3"}]}),
            "eventSource",
        ),
        (json!([1, 2]), "a list of 2"),
        (json!("text"), "text"),
        (json!({"hello": 1}), "hello"),
        (
            json!({"detail-type": "EC2 Instance State-change", "source": "aws.ec2", "detail": {}}),
            "aws.ec2",
        ),
        (json!({"detail-type": 5}), "EventBridge"),
    ] {
        let triggers = read(&payload, Utc::now());
        assert_eq!(triggers.len(), 1);
        assert_eq!(triggers[0].kind, Kind::Unrecognized, "{payload}");
        let why = triggers[0].why.clone().unwrap();
        assert!(why.contains(told), "{payload}: {why}");
        assert!(triggers[0].wakes(&route("aurora-source")), "{payload}");
    }
}

#[test]
fn an_id_in_a_message_attribute_serves_where_the_message_has_none() {
    let mut payload = event("failover");
    let record = payload.pointer_mut("/Records/0/Sns").unwrap();
    let mut message: Value = serde_json::from_str(record["Message"].as_str().unwrap()).unwrap();
    message.as_object_mut().unwrap().remove("Event ID");
    record["Message"] = json!(message.to_string());
    let triggers = read(&payload, at("2026-11-01T03:00:05Z"));
    assert_eq!(
        triggers[0].event.as_ref().unwrap().id.as_deref(),
        Some("RDS-EVENT-0073")
    );
}

#[test]
fn an_eventbridge_event_that_comes_through_a_topic_is_understood() {
    let payload =
        json!({"Records": [{"Sns": {"Message": event("eventbridge-failover").to_string()}}]});
    assert_eq!(read(&payload, Utc::now())[0].kind, Kind::Moving);
}

#[test]
fn a_hint_ages_from_an_announcement_to_a_report_to_nothing() {
    let announced = read(&event("failover"), at("2026-11-01T03:00:05.274Z"));
    let hint = announced[0].hint().unwrap();
    assert_eq!(hint.age, Duration::from_millis(2400));
    let next = instance("aurora-source-instance-2");
    let seconds = Duration::from_secs;
    assert_eq!(hint.word(seconds(0)), Some(Word::Announced(next.clone())));
    assert_eq!(hint.word(seconds(57)), Some(Word::Announced(next.clone())));
    assert_eq!(hint.word(seconds(58)), Some(Word::Told(next.clone())));
    assert_eq!(hint.word(seconds(297)), Some(Word::Told(next)));
    assert_eq!(hint.word(seconds(298)), None);
}

#[test]
fn an_event_that_is_late_or_from_the_future_or_undated_gives_no_hint() {
    let time = at("2026-11-01T03:00:02.874Z");
    for (now, hint) in [
        (time + TimeDelta::seconds(300), true),
        (time + TimeDelta::seconds(301), false),
        (time - TimeDelta::seconds(59), true),
        (time - TimeDelta::seconds(61), false),
    ] {
        let triggers = read(&event("failover"), now);
        assert_eq!(triggers[0].hint().is_some(), hint, "at {now}");
        assert_eq!(triggers[0].kind, Kind::Moving, "the kind stays what it is");
    }
    let undated = event("failover")
        .to_string()
        .replace("Event Time", "Event Tide");
    assert_eq!(
        read(&serde_json::from_str(&undated).unwrap(), time)[0].hint(),
        None
    );
}

#[test]
fn several_records_make_one_run_with_the_longest_watch_and_the_freshest_hint() {
    let mut payload = event("several-records");
    let triggers = read(&payload, at("2026-11-01T03:00:20Z"));
    let wake = Wake::of(&triggers, &route("aurora-source"), LONGEST).unwrap();
    assert_eq!(wake.expect, LONGEST);
    let hint = wake.hint.unwrap();
    assert!(!hint.promise, "the completion is fresher than the start");
    assert_eq!(hint.instance, instance("aurora-source-instance-2"));

    payload["Records"].as_array_mut().unwrap().reverse();
    let reversed = read(&payload, at("2026-11-01T03:00:20Z"));
    assert_eq!(
        Wake::of(&reversed, &route("aurora-source"), LONGEST)
            .unwrap()
            .hint,
        Some(hint),
        "in any order"
    );
}

#[test]
fn a_watch_is_as_long_as_its_trigger_asks_for() {
    let seconds = Duration::from_secs;
    for (name, now, expect, patience) in [
        ("failover", "2026-11-01T03:00:05Z", 120, 120),
        ("failover", "2026-11-01T03:10:05Z", 0, 30),
        ("failover-completed", "2026-11-01T03:00:15Z", 30, 30),
        ("failover-failed", "2026-11-01T03:00:45Z", 30, 30),
        ("failover-completed", "2026-11-01T03:10:15Z", 0, 30),
        ("schedule", "2026-11-01T03:01:00Z", 0, 30),
        ("manual", "2026-11-01T03:01:00Z", 0, 30),
        ("malformed", "2026-11-01T03:01:00Z", 0, 30),
    ] {
        let wake = Wake::of(
            &read(&event(name), at(now)),
            &route("aurora-source"),
            LONGEST,
        )
        .unwrap();
        assert_eq!(
            (wake.expect, wake.patience),
            (seconds(expect), seconds(patience)),
            "{name} at {now}"
        );
        let short = Wake::of(
            &read(&event(name), at(now)),
            &route("aurora-source"),
            seconds(5),
        )
        .unwrap();
        assert!(short.patience <= seconds(5), "WATCH_SECONDS is the longest");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let key = prop::sample::select(vec![
            "Records",
            "Sns",
            "Message",
            "detail-type",
            "source",
            "detail",
            "Event ID",
            "Event Message",
            "Event Time",
            "x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| map
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    /// Whatever comes in, there is a trigger, and only a failover's message can name a Writer.
    #[test]
    fn any_json_becomes_a_trigger(payload in any_json()) {
        let triggers = read(&payload, Utc::now());
        prop_assert!(!triggers.is_empty());
        prop_assert!(triggers.iter().all(|trigger| trigger.hint().is_none()));
    }

    /// A real event with bytes of its message changed is still a trigger, and names nobody it doesn't spell.
    #[test]
    fn a_mutated_message_is_a_trigger(at in 0usize..400, byte in any::<char>()) {
        let mut payload = event("failover");
        let message = payload.pointer("/Records/0/Sns/Message").unwrap().as_str().unwrap().to_owned();
        let mut characters: Vec<char> = message.chars().collect();
        let at = at % characters.len();
        characters[at] = byte;
        payload["Records"][0]["Sns"]["Message"] = json!(characters.iter().collect::<String>());
        let triggers = read(&payload, self::at("2026-11-01T03:00:05Z"));
        prop_assert_eq!(triggers.len(), 1);
        if let Some(hint) = triggers[0].hint() {
            prop_assert!(characters.iter().collect::<String>().to_lowercase().contains(hint.instance.as_str()));
        }
    }
}
