//! Hostile input through the whole function: whatever comes in, a group that is right stays right,
//! and nothing is written for what states nothing about the Writer.
//!
//! `PROPTEST_CASES=100000 cargo test --release --test hostile --test events` for a long look.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use failover_follower::trigger::read;
use proptest::prelude::*;
use serde_json::{Value, json};
use simulated_world::payload::{completed, record, started, wall_clock, went_back};
use simulated_world::{Invocation, Lambda, Universe};

/// Who can be named: members, a stranger, and what is no name.
fn who() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("aurora-source-instance-1".to_owned()),
        Just("aurora-source-instance-2".to_owned()),
        Just("somebody-else".to_owned()),
        ".{0,20}",
    ]
}

/// Events that AWS could have sent, and events that it couldn't.
fn any_payload() -> impl Strategy<Value = Value> {
    let event = (who(), -400.0..60.0).prop_flat_map(|(who, age)| {
        prop_oneof![
            Just(started(&who, age)),
            Just(completed(&who, age)),
            Just(went_back(&who, age)),
            ("RDS-EVENT-[0-9]{4}", ".{0,80}").prop_map(move |(id, message)| {
                json!({"Records": [record(&id, "db-cluster", "aurora-source", &message, age)]})
            }),
            any::<Vec<u8>>()
                .prop_map(|bytes| Value::from(String::from_utf8_lossy(&bytes).into_owned())),
        ]
    });
    // And any of them with one character of its text replaced.
    (
        event,
        any::<prop::sample::Index>(),
        any::<char>(),
        any::<bool>(),
    )
        .prop_map(|(event, at, with, mutate)| {
            let text: Vec<char> = event.to_string().chars().collect();
            let mut mutated = text.clone();
            mutated[at.index(text.len())] = with;
            let mutated: String = mutated.into_iter().collect();
            if mutate {
                serde_json::from_str(&mutated).unwrap_or(event)
            } else {
                event
            }
        })
}

proptest! {
    #[test]
    fn whatever_comes_in_a_right_group_stays_right(payload in any_payload()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let universe = Universe::new(2, 1);
            let now = wall_clock(universe.started());
            let states = read(&payload, now).iter().any(|trigger| trigger.statement(now).is_some());
            let runs = Lambda::default().deliver(&universe, vec![Invocation::new(std::time::Duration::ZERO, payload)]).await;
            let state = universe.now();
            prop_assert!(state.broken.is_empty(), "{:?}", state.broken);
            prop_assert!(state.is_right(), "{:?}", state.registered());
            prop_assert_eq!(runs.len(), 1, "no run failed");
            let wrote = state.history.iter().any(|line| line.contains("registers"));
            prop_assert!(states || !wrote, "{:#?}", state.history);
            Ok(())
        })?;
    }
}
