//! Each source in the simulated world: blue/green switchovers, DB instances, Multi-AZ DB clusters.
//!
//! Each test is a scenario; its name says which. The judge behind the seam knows where the Writer
//! is.

use std::net::Ipv4Addr;

use failover_follower::blue_green::Deployment;
use failover_follower::report::Outcome;
use failover_follower::route::{ClusterId, InstanceId};
use failover_follower::source::SourceId;
use failover_follower::world::Target;
use serde_json::{Value, json};
use simulated_world::payload::{completed, instance_event, record, schedule, started};
use simulated_world::universe::{CLUSTER, PORT, address, instance};
use simulated_world::{Health, Lambda, State, Universe};

use crate::scene::{assert_never, assert_right, at, error_type, history, of, once, seconds};

const A: &str = "aurora-source-instance-1";
const GREEN: Ipv4Addr = Ipv4Addr::new(10, 0, 7, 7);
const STANDBY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 12);

fn target(address: Ipv4Addr) -> Target {
    Target::new(address, PORT)
}

// --- Blue/green ------------------------------------------------------------------------------

/// A switchover at `when`: green takes the names over, blue's Writer is `<name>-old1` at its old
/// address, and DNS gives the name the new address `dns_lag` later.
fn switch_over(universe: &Universe, when: u64, dns_lag: u64) {
    let (old, blue) = (InstanceId::parse(&format!("{A}-old1")).unwrap(), address(1));
    universe.at(seconds(when), move |state| {
        state.tell("green is the Writer");
        state.relocate(&instance(1), GREEN);
        state.dns_addresses.insert(old, vec![blue]);
    });
    universe.at(seconds(when + dns_lag), |state| {
        state.tell("DNS shows green");
        state.dns_addresses.insert(instance(1), vec![GREEN]);
    });
}

fn deployment_event(id: &str, message: &str, happened: f64) -> Value {
    json!({"Records": [record(id, "blue-green-deployment", "bgd-1", message, happened)]})
}

#[tokio::test(start_paused = true)]
async fn a_switchover_is_followed_to_the_green_side() {
    for dns_lag in [0, 4, 20] {
        let universe = Universe::new(2, 1);
        switch_over(&universe, 30, dns_lag);
        let started = deployment_event("RDS-EVENT-0259", "Switchover … started.", 2.0);
        let runs = once().deliver(&universe, vec![at(3, started)]).await;
        assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
        assert_eq!(of(&runs[0]).deregistered, [target(address(1))]);
        assert_eq!(of(&runs[0]).registered, [target(GREEN)]);
        assert_right(&universe);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_found_empty_is_not_filled_with_the_old_side_while_dns_still_leads_there() {
    let universe = Universe::new(2, 1);
    switch_over(&universe, 1, 50);
    universe.at(seconds(2), |state| state.group.clear());
    let runs = Lambda::default()
        .deliver(&universe, vec![at(3, schedule()), at(63, schedule())])
        .await;
    assert_never(&universe, &target(address(1)));
    assert_eq!(of(runs.last().unwrap()).targets, Some(vec![target(GREEN)]));
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_goes_back_to_the_old_side_is_not_followed_back() {
    let universe = Universe::new(2, 1);
    switch_over(&universe, 10, 5);
    for (when, shown) in [(25, address(1)), (40, GREEN)] {
        universe.at(seconds(when), move |state| {
            state.dns_addresses.insert(instance(1), vec![shown]);
        });
    }
    let done = deployment_event("RDS-EVENT-0260", "Switchover … completed.", 11.0);
    let events = vec![at(12, done), at(30, schedule()), at(60, schedule())];
    Lambda::default().deliver(&universe, events).await;
    assert_never(&universe, &target(address(1)));
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_member_of_the_old_side_that_the_api_lists_for_a_moment_is_not_registered() {
    // Blue's instances are renamed before their cluster is.
    let universe = Universe::new(2, 1);
    switch_over(&universe, 10, 5);
    let old = InstanceId::parse(&format!("{A}-old1")).unwrap();
    universe.at(seconds(8), move |state| state.api = Some(old));
    universe.at(seconds(10), |state| state.api = Some(instance(1)));
    universe.at(seconds(9), |state| state.group.clear());
    let done = deployment_event("RDS-EVENT-0259", "Switchover … started.", 7.0);
    Lambda::default()
        .deliver(&universe, vec![at(8, done)])
        .await;
    assert_never(&universe, &target(address(1)));
    assert_right(&universe);
}

fn coordinates(green: &str) -> Value {
    let message = "Binary log coordinates in green environment after switchover: file \
                   mysql-bin-changelog.000003 and position 804";
    instance_event("", green, message, 12.0)
}

fn deployment(source: &str, target: &str, member: &str) -> Deployment {
    let cluster = |name: &str| SourceId::Cluster(ClusterId::parse(name).unwrap());
    Deployment {
        source: Some(cluster(source)),
        target: Some(cluster(target)),
        members: vec![SourceId::Instance(InstanceId::parse(member).unwrap())],
        status: "SWITCHOVER_COMPLETED".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_coordinates_of_this_clusters_switchover_are_in_its_report() {
    let universe = Universe::new(2, 1);
    universe.now().deployments = vec![
        deployment("other-old1", "other", "other-1"),
        deployment("aurora-source-old1", CLUSTER, A),
    ];
    let event = coordinates(&format!("{A}-green-p7wq2d"));
    let runs = once().deliver(&universe, vec![at(13, event)]).await;
    let report = runs[0].report.to_json();
    let expected = json!({"file": "mysql-bin-changelog.000003", "position": 804});
    assert_eq!(report["triggers"][0]["kind"], "recheck");
    assert_eq!(report["triggers"][0]["binlogCoordinates"], expected);
    assert_eq!(report["routes"][0]["binlogCoordinates"], expected);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_coordinates_are_in_the_trigger_and_in_no_route() {
    let ours = || deployment("aurora-source-old1", CLUSTER, A);
    let planned = Deployment {
        status: "AVAILABLE".to_owned(),
        ..ours()
    };
    for (deployments, green) in [
        (vec![], format!("{A}-green-p7wq2d")),
        (vec![ours()], "other-1-green-p7wq2d".to_owned()),
        (
            vec![deployment("other-old1", "other", A)],
            format!("{A}-green-p7wq2d"),
        ),
        (vec![planned], format!("{A}-green-p7wq2d")),
    ] {
        let universe = Universe::new(2, 1);
        universe.now().deployments = deployments;
        let runs = once()
            .deliver(&universe, vec![at(13, coordinates(&green))])
            .await;
        let report = runs[0].report.to_json();
        assert!(report["triggers"][0]["binlogCoordinates"].is_object());
        assert_eq!(
            report["routes"][0].get("binlogCoordinates"),
            None,
            "{green}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn deployments_that_cannot_be_read_cost_the_coordinates_and_not_the_run() {
    let universe = Universe::new(2, 1);
    universe.at(seconds(13), |state| state.api_health = Health::Hanging);
    let event = coordinates(&format!("{A}-green-p7wq2d"));
    let payload = json!({"Records": [event["Records"][0], completed(A, 11.0)["Records"][0]]});
    let runs = once().deliver(&universe, vec![at(13, payload)]).await;
    assert_eq!(runs[0].report.routes[0].binlog_coordinates, None);
    assert!(runs[0].ended < seconds(13 + 180), "{:?}", runs[0].ended);
}

// --- A DB instance ---------------------------------------------------------------------------

fn failover_of_instance(id: &str, message: &str, happened: f64) -> Value {
    instance_event(id, A, message, happened)
}

fn begun(happened: f64) -> Value {
    failover_of_instance(
        "RDS-EVENT-0013",
        "Multi-AZ instance failover started.",
        happened,
    )
}

#[tokio::test(start_paused = true)]
async fn an_instance_at_rest_is_one_look_and_no_write() {
    let universe = Universe::of_instance(1);
    let runs = once()
        .deliver(&universe, vec![at(0, schedule()), at(60, schedule())])
        .await;
    for run in &runs {
        assert_eq!((of(run).outcome, of(run).looks), (Outcome::Unchanged, 1));
        let report = run.report.to_json();
        assert_eq!(report["routes"][0]["dbInstanceIdentifier"], A);
        assert_eq!(report["routes"][0].get("dbClusterIdentifier"), None);
    }
    assert!(universe.now().writes.is_empty(), "{}", history(&universe));
}

#[tokio::test(start_paused = true)]
async fn an_instances_failover_is_followed_once_its_name_keeps_to_the_new_address() {
    let universe = Universe::of_instance(1);
    universe.move_address(seconds(40), STANDBY, seconds(20));
    let runs = once().deliver(&universe, vec![at(3, begun(2.0))]).await;
    let report = of(&runs[0]);
    assert_eq!(report.outcome, Outcome::Switched, "{}", history(&universe));
    assert_eq!(report.deregistered, [target(address(1))]);
    assert_eq!(report.registered, [target(STANDBY)]);
    let ended = runs[0].ended;
    assert!((seconds(66)..seconds(69)).contains(&ended), "{ended:?}");
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn the_announcement_of_an_instances_failover_empties_nothing() {
    // The standby serves nobody, and the old address nobody a demoted Writer.
    let universe = Universe::of_instance(1);
    let runs = once().deliver(&universe, vec![at(3, begun(2.0))]).await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Unchanged);
    assert!(runs[0].ended >= seconds(3 + 120), "{:?}", runs[0].ended);
    assert!(universe.now().writes.is_empty(), "{}", history(&universe));
}

#[tokio::test(start_paused = true)]
async fn an_instances_completion_is_watched_for_as_long_since_dns_comes_after_it() {
    for (id, message) in [
        ("RDS-EVENT-0049", "Multi-AZ instance failover completed"),
        (
            "RDS-EVENT-0015",
            "Multi-AZ failover to standby complete - DNS propagation may take a few minutes",
        ),
        ("RDS-EVENT-0051", "Multi-AZ instance activation completed"),
    ] {
        let universe = Universe::of_instance(1);
        universe.move_address(seconds(1), STANDBY, seconds(90));
        let event = failover_of_instance(id, message, 2.0);
        let runs = once().deliver(&universe, vec![at(3, event)]).await;
        assert_eq!(of(&runs[0]).outcome, Outcome::Switched, "{id}");
        assert_right(&universe);
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_goes_back_and_forth_moves_an_instance_once() {
    let universe = Universe::of_instance(1);
    universe.move_address(seconds(10), STANDBY, seconds(5));
    for (when, shown) in [(18, 1), (20, 2), (24, 1), (27, 2), (60, 1), (64, 2)] {
        universe.at(seconds(when), move |state: &mut State| {
            let address = if shown == 1 { address(1) } else { STANDBY };
            state.dns_addresses.insert(instance(1), vec![address]);
        });
    }
    let events = vec![at(3, begun(2.0)), at(61, schedule()), at(121, schedule())];
    Lambda::default().deliver(&universe, events).await;
    let history = history(&universe);
    assert_eq!(history.matches(" registers").count(), 1, "{history}");
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_of_an_instance_that_no_event_announces_is_found_by_the_schedule() {
    let universe = Universe::of_instance(1);
    universe.move_address(seconds(10), STANDBY, seconds(20));
    let runs = once()
        .deliver(&universe, vec![at(0, schedule()), at(60, schedule())])
        .await;
    assert_eq!(of(&runs[1]).outcome, Outcome::Switched);
    assert!(of(&runs[1]).tally.wrong_target);
    assert!(runs[1].ended < seconds(70), "{:?}", runs[1].ended);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_followed_while_the_api_is_silent() {
    let universe = Universe::of_instance(1);
    universe.move_address(seconds(10), STANDBY, seconds(5));
    universe.at(seconds(12), |state| state.api_health = Health::Down);
    let runs = once().deliver(&universe, vec![at(3, begun(2.0))]).await;
    assert_eq!(
        of(&runs[0]).outcome,
        Outcome::Switched,
        "{}",
        history(&universe)
    );
    assert_eq!(of(&runs[0]).witnesses.api, None);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_is_silent_detaches_no_instance() {
    let universe = Universe::of_instance(1);
    universe.at(seconds(1), |state| state.dns_health = Health::Down);
    let runs = once().deliver(&universe, vec![at(3, schedule())]).await;
    assert!(universe.now().writes.is_empty(), "{}", history(&universe));
    assert_eq!(error_type(&runs[0]), Some("AddressUnknown"));
}

#[tokio::test(start_paused = true)]
async fn an_instances_group_found_empty_is_filled_once_the_log_is_silent_about_it() {
    let universe = Universe::of_instance(1);
    universe.now().group.clear();
    let runs = once().deliver(&universe, vec![at(0, schedule())]).await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!((seconds(30)..seconds(33)).contains(&runs[0].ended));
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_switchover_of_an_instance_is_not_followed_back_to_the_old_side() {
    let universe = Universe::of_instance(1);
    switch_over(&universe, 10, 5);
    for (when, shown) in [(30, address(1)), (90, GREEN)] {
        universe.at(seconds(when), move |state| {
            state.dns_addresses.insert(instance(1), vec![shown]);
        });
    }
    let done = deployment_event("RDS-EVENT-0248", "Switchover completed …", 11.0);
    let events = vec![at(12, done), at(40, schedule()), at(100, schedule())];
    Lambda::default().deliver(&universe, events).await;
    assert_never(&universe, &target(address(1)));
    assert_right(&universe);
}

// --- A Multi-AZ DB cluster -------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_no_alias_speaks_for_the_member_whose_address_it_has() {
    let universe = Universe::new(3, 1);
    universe.now().endpoint_is_no_alias = true;
    universe.fail_over(seconds(10), &instance(3), seconds(1), seconds(15));
    let runs = once()
        .deliver(&universe, vec![at(3, schedule()), at(60, schedule())])
        .await;
    assert_eq!(of(&runs[0]).witnesses.dns, Some(instance(1)));
    assert_eq!(of(&runs[1]).witnesses.dns, Some(instance(3)));
    assert_eq!(
        (of(&runs[1]).outcome, of(&runs[1]).looks),
        (Outcome::Switched, 2)
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_multi_az_clusters_announced_failover_is_followed_like_auroras() {
    let universe = Universe::new(3, 1);
    universe.now().endpoint_is_no_alias = true;
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(25));
    let named = instance(2);
    let runs = once()
        .deliver(&universe, vec![at(3, started(named.as_str(), 2.0))])
        .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!(runs[0].ended < seconds(13), "{:?}", runs[0].ended);
    assert_right(&universe);
}
