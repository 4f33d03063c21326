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
use failover_follower::route::{ClusterId, GroupHolds, InstanceId, Route, TargetGroupArn};
use failover_follower::source::SourceId;
use failover_follower::statement::{Said, Statement};
use failover_follower::trigger::{Kind, Trigger, read};
use failover_follower::watch::WatchPolicy;
use failover_follower::world::Topology;
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
        source: SourceId::Cluster(ClusterId::parse(cluster).unwrap()),
        group: TargetGroupArn::parse(
            "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/writer/0123456789abcdef",
        )
        .unwrap(),
        endpoint: None,
        holds: GroupHolds::Writer,
        replication_user: None,
    }
}

fn instance(name: &str) -> InstanceId {
    InstanceId::parse(name).unwrap()
}

/// A trigger in a line: kind, event id, source, named Writer, whether it concerns the cluster's
/// route and another's.
fn line(trigger: &Trigger) -> String {
    let event = trigger.event.as_ref();
    let text = |text: Option<String>| text.unwrap_or("-".to_owned());
    format!(
        "{:?} {} {} {} {} {}",
        trigger.kind,
        text(event.and_then(|event| event.id.clone())),
        text(event.and_then(|event| event.source_id.clone())),
        text(event.and_then(|event| event.said.as_ref()?.names().map(ToString::to_string))),
        if trigger.concerns(&route("aurora-source")) {
            "concerns"
        } else {
            "ignores"
        },
        if trigger.concerns(&route("another")) {
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
            &["Moving RDS-EVENT-0073 aurora-source aurora-source-instance-2 concerns no other"],
        ),
        (
            "failover-completed",
            &["Moved RDS-EVENT-0071 aurora-source aurora-source-instance-2 concerns no other"],
        ),
        (
            "failover-failed",
            &["Recheck RDS-EVENT-0069 aurora-source - concerns no other"],
        ),
        (
            "failover-back",
            &["Moved RDS-EVENT-0070 aurora-source aurora-source-instance-1 concerns no other"],
        ),
        (
            "instance-class-changed",
            &["Moved RDS-EVENT-0014 aurora-source-instance-1 - concerns all"],
        ),
        (
            "blue-green-switchover",
            &["Moved RDS-EVENT-0260 bgd-v53303651eexfake - concerns all"],
        ),
        (
            "blue-green-coordinates",
            &["Recheck - aurora-source-instance-1-green-p7wq2d - concerns all"],
        ),
        (
            "instance-failover",
            &["Moving RDS-EVENT-0013 rds-source - concerns all"],
        ),
        (
            "instance-failover-completed",
            &["Moved RDS-EVENT-0049 rds-source - concerns all"],
        ),
        (
            "several-records",
            &[
                "Moving RDS-EVENT-0073 aurora-source aurora-source-instance-2 concerns no other",
                "Moved RDS-EVENT-0071 aurora-source - concerns no other", // it has no ARN
                "Recheck RDS-EVENT-0006 aurora-source-instance-1 - concerns all",
            ],
        ),
        (
            "promoted-without-category",
            &["Recheck - aurora-source-instance-1 - concerns all"],
        ),
        (
            "backup",
            &["None RDS-EVENT-0001 aurora-source-instance-1 - ignores no other"],
        ),
        (
            "eventbridge-failover",
            &["Moving RDS-EVENT-0073 aurora-source aurora-source-instance-2 concerns no other"],
        ),
        (
            "eventbridge-instance",
            &["Recheck RDS-EVENT-0006 aurora-source-instance-1 - concerns all"],
        ),
        (
            "eventbridge-blue-green",
            &["Moving RDS-EVENT-0259 bgd-v53303651eexfake - concerns all"],
        ),
        (
            "eventbridge-empty-category",
            &["Recheck - aurora-source - concerns all"],
        ),
        ("schedule", &["Schedule - - - concerns all"]),
        ("manual", &["Manual - - - concerns all"]),
        (
            "subscription-confirmed",
            &["Unrecognized - - - concerns all"],
        ),
        ("malformed", &["Unrecognized - - - concerns all"]),
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
        assert!(triggers[0].concerns(&route("aurora-source")), "{payload}");
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

/// What the file's first event states, where a run begins at `now`.
fn statement(payload: &Value, now: DateTime<Utc>) -> Option<Statement> {
    read(payload, now)[0].statement(now)
}

#[test]
fn an_event_is_a_statement_of_its_own_time() {
    let time = at("2026-11-01T03:00:02.874Z");
    let said = Said::Announced(instance("aurora-source-instance-2"));
    let expected = Statement { at: time, said };
    for later in [0, 60, 600] {
        let now = time + TimeDelta::seconds(later);
        assert_eq!(statement(&event("failover"), now), Some(expected.clone()));
        let kind = read(&event("failover"), now)[0].kind;
        assert_eq!(kind, Kind::Moving, "the kind stays what it is");
    }
}

#[test]
fn a_time_to_come_counts_as_now() {
    let now = at("2026-11-01T03:00:02.874Z") - TimeDelta::seconds(600);
    assert_eq!(statement(&event("failover"), now).unwrap().at, now);
    assert_eq!(read(&event("failover"), now)[0].age, Some(Duration::ZERO));
}

#[test]
fn an_event_whose_time_cannot_be_read_has_its_records() {
    let now = at("2026-11-01T03:00:20Z");
    for (name, field, other) in [
        ("failover", "Event Time", "Event Tide"),
        ("eventbridge-failover", "\"Date\"", "\"Tide\""),
    ] {
        let undated = event(name).to_string().replace(field, other);
        let undated: Value = serde_json::from_str(&undated).unwrap();
        let undated = statement(&undated, now).unwrap();
        let age = now - undated.at;
        assert!(age < TimeDelta::seconds(30), "{name}: {age}");
    }
    let mut timeless = event("failover");
    timeless["Records"][0]["Sns"]["Timestamp"] = json!("some time");
    let timeless = timeless.to_string().replace("Event Time", "Event Tide");
    let timeless: Value = serde_json::from_str(&timeless).unwrap();
    assert_eq!(statement(&timeless, now), None);
    assert_eq!(read(&timeless, now)[0].age, None);
}

#[test]
fn an_event_of_another_account_or_region_is_no_look_and_one_without_an_arn_is_no_statement() {
    let now = at("2026-11-01T03:00:05Z");
    for name in ["failover", "eventbridge-failover"] {
        let with = |arn: &str| -> Value {
            let own = "arn:aws:rds:ap-northeast-1:123456789012";
            serde_json::from_str(&event(name).to_string().replace(own, arn)).unwrap()
        };
        for arn in [
            "arn:aws:rds:ap-northeast-1:210987654321",
            "arn:aws:rds:ap-northeast-3:123456789012",
        ] {
            let foreign = &read(&with(arn), now)[0];
            assert!(!foreign.concerns(&route("aurora-source")), "{name}, {arn}");
        }
        let placeless = with("rds");
        let trigger = &read(&placeless, now)[0];
        assert!(
            trigger.concerns(&route("aurora-source")),
            "{name}: it is a look"
        );
        assert_eq!(trigger.kind, Kind::Moving);
        assert_eq!(
            statement(&placeless, now),
            None,
            "{name}: it states nothing"
        );
    }
}

#[test]
fn an_eventbridge_event_whose_envelope_is_bent_keeps_what_its_detail_says() {
    let now = at("2026-11-01T03:00:05Z");
    let mut bent = event("eventbridge-failover");
    bent["resources"] = json!("none");
    bent["time"] = json!(17);
    assert!(statement(&bent, now).is_some());
}

fn policy(payload: &Value, now: &str, longest: Duration) -> WatchPolicy {
    let now = at(now);
    WatchPolicy::of(&read(payload, now), &route("aurora-source"), longest, now).unwrap()
}

#[test]
fn several_records_make_one_run_with_the_longest_watch_and_every_statement() {
    let mut payload = event("several-records");
    let now = "2026-11-01T03:00:20Z";
    let one = policy(&payload, now, LONGEST);
    assert_eq!(one.minimum(None), LONGEST);
    assert_eq!(one.statements.len(), 1, "the second has no ARN");
    payload["Records"].as_array_mut().unwrap().reverse();
    let reversed = policy(&payload, now, LONGEST);
    assert_eq!(reversed.minimum(None), LONGEST, "in any order");
}

#[test]
fn a_watch_is_as_long_as_its_trigger_asks_for() {
    let seconds = Duration::from_secs;
    for (name, now, minimum) in [
        ("failover", "2026-11-01T03:00:05Z", 120),
        ("failover", "2026-11-01T03:10:05Z", 0),
        ("failover-completed", "2026-11-01T03:00:15Z", 30),
        ("failover-failed", "2026-11-01T03:00:45Z", 30),
        ("failover-completed", "2026-11-01T03:10:15Z", 0),
        ("schedule", "2026-11-01T03:01:00Z", 0),
        ("manual", "2026-11-01T03:01:00Z", 0),
        ("malformed", "2026-11-01T03:01:00Z", 0),
    ] {
        let payload = event(name);
        let long = policy(&payload, now, LONGEST).minimum(None);
        assert_eq!(long, seconds(minimum), "{name} at {now}");
        let short = policy(&payload, now, seconds(5)).minimum(None);
        assert!(short <= seconds(5), "WATCH_SECONDS is the longest");
    }
}

#[test]
fn an_instances_event_is_one_look_unless_it_is_a_members_or_no_member_is_known() {
    let policy = policy(
        &event("instance-class-changed"),
        "2026-11-01T03:00:30Z",
        LONGEST,
    );
    let topology = |member: &str, listed| Topology {
        endpoint: "aurora-source.cluster-xyz.ap-northeast-1.rds.amazonaws.com".to_owned(),
        port: 3306,
        instances: [(instance(member), None)].into(),
        listed,
    };
    let watch = Duration::from_secs(30);
    assert_eq!(policy.minimum(None), watch);
    assert_eq!(
        policy.minimum(Some(&topology("aurora-source-instance-1", true))),
        watch
    );
    assert_eq!(policy.minimum(Some(&topology("another", false))), watch);
    assert_eq!(
        policy.minimum(Some(&topology("another", true))),
        Duration::ZERO
    );
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
        prop_assert!(triggers.iter().all(|trigger| trigger.statement(Utc::now()).is_none()));
    }

    /// A real event with bytes of its message changed is still a trigger, and names nobody it
    /// doesn't spell.
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
        let now = self::at("2026-11-01T03:00:05Z");
        let statement = triggers[0].statement(now);
        if let Some(named) = statement.as_ref().and_then(|statement| statement.said.names()) {
            let text = characters.iter().collect::<String>().to_lowercase();
            prop_assert!(text.contains(named.as_str()));
        }
    }
}
