//! What is in the group beside the Writer, and what a run does where it cannot have one.

use std::net::Ipv4Addr;

use failover_follower::config::Settings;
use failover_follower::error::RunError;
use failover_follower::report::Outcome;
use failover_follower::world::Target;
use serde_json::json;
use simulated_world::payload::{completed, instance_event, schedule, started};
use simulated_world::universe::{PORT, instance};
use simulated_world::{Lambda, Universe};

use crate::scene::{assert_nothing_written, assert_right, at, of, seconds, target};

const ONE: &str = "aurora-source-instance-1";
const TWO: &str = "aurora-source-instance-2";

#[tokio::test(start_paused = true)]
async fn a_draining_target_is_not_there() {
    let universe = Universe::new(2, 1);
    let until = universe.started() + seconds(300);
    universe.now().group.insert(target(1), Some(until));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(0, json!({}))])
        .await;
    assert_eq!(of(&runs[0]).registered, [target(1)]);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_changes_its_address_is_followed_to_it() {
    let universe = Universe::new(2, 1);
    let new = Ipv4Addr::new(10, 0, 1, 99);
    universe.at(seconds(30), move |state| state.replace(&instance(1), new));
    let event = instance_event(
        "RDS-EVENT-0014",
        ONE,
        "Finished applying modification to DB instance class",
        24.0,
    );
    let runs = Lambda::default()
        .deliver(&universe, vec![at(25, event)])
        .await;
    assert_eq!(of(&runs[0]).registered, [Target::new(new, PORT)]);
    assert!(
        runs[0].ended < seconds(32),
        "it ends when it has followed: {:?}",
        runs[0].ended
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_second_identical_event_does_nothing() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let events = vec![
        at(2, started(TWO, 1.0)),
        at(3, started(TWO, 1.0)),
        at(20, started(TWO, 1.0)),
    ];
    let runs = Lambda::default().deliver(&universe, events).await;
    assert_eq!(of(&runs[2]).outcome, Outcome::Unchanged);
    let writes = universe.now().writes.clone();
    let last = writes
        .iter()
        .rposition(|write| write.left.is_empty())
        .unwrap();
    assert!(
        writes[last + 1..]
            .iter()
            .all(|write| write.left == [target(2)]),
        "{writes:?}"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_target_and_a_wrong_port_leave() {
    let universe = Universe::new(2, 1);
    let foreign = Target {
        id: "10.9.9.9".to_owned(),
        port: PORT,
    };
    let port = Target {
        port: 3307,
        ..target(1)
    };
    universe.now().group.extend([(foreign, None), (port, None)]);
    let runs = Lambda::default()
        .deliver(&universe, vec![at(0, schedule())])
        .await;
    assert_eq!(
        (
            of(&runs[0]).deregistered.len(),
            of(&runs[0]).registered.len()
        ),
        (2, 0)
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reports_the_same_and_writes_nothing() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let settings = Settings {
        dry_run: true,
        ..Settings::default()
    };
    let runs = Lambda {
        settings,
        ..Lambda::default()
    }
    .deliver(&universe, vec![at(2, started(TWO, 1.0))])
    .await;
    let report = of(&runs[0]);
    assert_eq!(report.outcome, Outcome::Planned);
    assert_eq!(
        (&report.deregistered, &report.registered),
        (&vec![target(1)], &vec![target(2)])
    );
    assert_eq!(
        report.targets,
        Some(vec![target(1)]),
        "what the group really holds"
    );
    assert_nothing_written(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_a_writer_is_waited_out() {
    let universe = Universe::new(2, 1);
    universe.now().api = None;
    universe.at(seconds(10), |state| state.api = Some(instance(1)));
    let lambda = Lambda {
        retries: false,
        ..Lambda::default()
    };
    let runs = lambda.deliver(&universe, vec![at(0, schedule())]).await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Unchanged);
    assert_nothing_written(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_public_address_is_not_registered_and_the_error_says_why() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(0), &instance(2), seconds(0), seconds(0));
    universe
        .now()
        .dns_addresses
        .insert(instance(2), vec![Ipv4Addr::new(54, 1, 2, 3)]);
    let lambda = Lambda {
        retries: false,
        ..Lambda::default()
    };
    let runs = lambda
        .deliver(&universe, vec![at(1, completed(TWO, 0.0))])
        .await;
    let failure = of(&runs[0]).failure().unwrap();
    assert_eq!(
        of(&runs[0]).error.as_ref().map(RunError::error_type),
        Some("AddressRefused")
    );
    for part in [
        "aurora-source",
        "54.1.2.3",
        "publicly accessible and the function is outside its VPC",
        "this run deregistered 10.0.1.11:3306; the group is empty",
    ] {
        assert!(failure.contains(part), "{failure}");
    }
}
