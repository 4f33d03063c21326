//! Silence, throttling, crashes.

use std::time::Duration;

use failover_follower::error::RunError;
use failover_follower::report::Outcome;
use simulated_world::payload::{completed, schedule};
use simulated_world::universe::instance;
use simulated_world::{Health, Lambda, Universe};

use crate::scene::{assert_nothing_written, assert_right, at, of, seconds, target};

const TWO: &str = "aurora-source-instance-2";

#[tokio::test(start_paused = true)]
async fn silence_of_any_service_detaches_nothing_and_fails_loudly() {
    type Break = fn(&mut simulated_world::State, Health);
    let services: [(&str, Break, &[&str]); 3] = [
        (
            "rds",
            |state, health| state.api_health = health,
            &["Undecided", "Throttled"],
        ),
        (
            "dns",
            |state, health| state.dns_health = health,
            &["AddressUnknown"],
        ),
        (
            "elb",
            |state, health| state.elb_health = health,
            &["TargetsUnknown", "Throttled"],
        ),
    ];
    for (name, break_it, error_types) in services {
        for health in [Health::Down, Health::Throttled, Health::Hanging] {
            let universe = Universe::new(2, 1);
            break_it(&mut universe.now(), health);
            let lambda = Lambda {
                retries: false,
                ..Lambda::default()
            };
            let runs = lambda.deliver(&universe, vec![at(0, schedule())]).await;
            let error = of(&runs[0])
                .error
                .clone()
                .unwrap_or_else(|| panic!("{name} {health:?} succeeded"));
            assert!(
                error_types.contains(&error.error_type()),
                "{name} {health:?}: {error:?}"
            );
            assert_nothing_written(&universe);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_throttled_is_tried_again_until_it_goes_through() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(0), &instance(2), seconds(0), seconds(0));
    universe.now().write_health = Health::Throttled;
    universe.at(seconds(40), |state| state.write_health = Health::Up);
    let runs = Lambda::default()
        .deliver(&universe, vec![at(1, completed(TWO, 0.0))])
        .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!((seconds(40)..seconds(43)).contains(&runs[0].ended));
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_throttled_to_the_end_fails_as_throttled() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(0), &instance(2), seconds(0), seconds(0));
    universe.now().write_health = Health::Throttled;
    let lambda = Lambda {
        retries: false,
        ..Lambda::default()
    };
    let runs = lambda
        .deliver(&universe, vec![at(1, completed(TWO, 0.0))])
        .await;
    assert_eq!(
        of(&runs[0]).error.as_ref().map(RunError::error_type),
        Some("Throttled"),
        "{:?}",
        of(&runs[0]).failure()
    );
    assert!(runs[0].ended < seconds(181));
    assert_eq!(universe.now().registered(), [target(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_crashes_between_its_writes_leaves_it_empty_and_the_next_fills_it() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(0), &instance(2), seconds(0), seconds(0));
    universe.now().write_health = Health::Up;
    let mut crash = at(1, completed(TWO, 0.0));
    // Between the two writes: the second never answers.
    universe.at(Duration::from_secs(1), |state| {
        state.latency = Duration::from_millis(1);
    });
    crash.crashes_after = Some(Duration::from_millis(1));
    Lambda::default()
        .deliver(&universe, vec![crash, at(60, schedule())])
        .await;
    assert_right(&universe);
}
