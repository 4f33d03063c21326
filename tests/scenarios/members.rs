//! Failovers of a group that holds members, in the simulated world: the guard turns the replica
//! away from a reader, so what counts is the time without the Writer in the group, and that no
//! member is ever beside it that does not refuse the replica.

use std::time::Duration;

use failover_follower::config::{OnFailoverStart, Settings};
use failover_follower::report::Outcome;
use failover_follower::route::GroupHolds;
use failover_follower::standby::Alone;
use failover_follower::world::Target;
use simulated_world::payload::{completed, schedule, started, went_back};
use simulated_world::universe::{PORT, instance};
use simulated_world::{Health, Invocation, Lambda, Run, Universe};

use crate::scene::{at, log, of, seconds, target};

const ONE: &str = "aurora-source-instance-1";
const TWO: &str = "aurora-source-instance-2";
const THREE: &str = "aurora-source-instance-3";

/// A cluster of guarded members, the first of which is the Writer; these are in the group.
fn universe(instances: usize, group: &[usize]) -> Universe {
    let universe = Universe::new(instances, 1);
    let mut state = universe.now();
    state.hold_members();
    state.group = group.iter().map(|number| (target(*number), None)).collect();
    drop(state);
    universe
}

fn lambda() -> Lambda {
    Lambda {
        holds: GroupHolds::Members,
        ..Lambda::default()
    }
}

/// The schedule, once a minute.
fn each_minute(until: u64) -> Vec<Invocation> {
    let ticks = (0..=until).step_by(60);
    ticks.map(|when| at(when, schedule())).collect()
}

/// No law was broken, and the group holds these and nothing else.
#[track_caller]
fn assert_holds(universe: &Universe, numbers: &[usize]) {
    let state = universe.now();
    let history = state.history.join("\n");
    assert!(state.broken.is_empty(), "{:#?}\n{history}", state.broken);
    let expected: Vec<Target> = numbers.iter().map(|number| target(*number)).collect();
    assert_eq!(state.registered(), expected, "{history}");
}

#[tokio::test(start_paused = true)]
async fn radio_silence_when_all_is_well() {
    let universe = universe(2, &[1, 2]);
    let runs = lambda().deliver(&universe, each_minute(120)).await;
    for run in &runs {
        assert_eq!(of(run).outcome, Outcome::Unchanged);
        assert_eq!(of(run).looks, 2, "the second asks for the members");
        assert_eq!(of(run).standby, Some(instance(2)));
        assert_eq!(of(run).alone, None);
    }
    assert!(universe.now().writes.is_empty());
    assert_holds(&universe, &[1, 2]);
}

#[tokio::test(start_paused = true)]
async fn the_first_run_puts_the_writer_in_and_then_the_standby() {
    let universe = universe(2, &[]);
    let runs = lambda().deliver(&universe, vec![at(0, schedule())]).await;
    assert_eq!(of(&runs[0]).registered, [target(1), target(2)]);
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert_holds(&universe, &[1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_announced_failover_cuts_the_old_writer_off_and_needs_no_registration() {
    let universe = universe(2, &[1, 2]);
    log(
        &universe,
        1,
        format!("Started cross AZ failover to DB instance: {TWO}"),
    );
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    log(
        &universe,
        12,
        format!("Completed failover to DB instance: {TWO}"),
    );
    let events = vec![at(2, started(TWO, 1.0)), at(13, completed(TWO, 12.0))];
    let runs = lambda()
        .deliver(&universe, [events, each_minute(300)].concat())
        .await;
    let state = universe.now();
    let (out, back) = (&state.writes[0], &state.writes[1]);
    assert!(out.at < seconds(3), "{:?}", out.at);
    assert_eq!(
        out.left,
        [target(2)],
        "the one that is about to be the Writer stays"
    );
    assert!((180..260).contains(&back.at.as_secs()), "{:?}", back.at);
    assert_eq!(state.writes.len(), 2);
    let without = state.tally().without;
    assert!(
        without < seconds(9),
        "from the announcement on: {without:?}"
    );
    drop(state);
    assert!(runs.iter().all(|run| of(run).error.is_none()));
    assert_holds(&universe, &[1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_unannounced_failover_needs_nothing_and_no_second_is_lost() {
    let universe = universe(2, &[1, 2]);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let runs = lambda().deliver(&universe, each_minute(300)).await;
    assert_eq!(universe.now().tally().without, Duration::ZERO);
    assert!(universe.now().writes.is_empty());
    assert_eq!(of(runs.last().unwrap()).standby, Some(instance(1)));
    assert_holds(&universe, &[1, 2]);
}

#[tokio::test(start_paused = true)]
async fn with_the_function_dead_throughout_the_writer_is_in_the_group() {
    let universe = universe(3, &[1, 2]);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    tokio::time::sleep(seconds(600)).await;
    assert_eq!(universe.now().tally().without, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_failover_to_another_than_the_standby_puts_it_in_when_it_is_announced() {
    let universe = universe(3, &[1, 2]);
    log(
        &universe,
        1,
        format!("Started cross AZ failover to DB instance: {THREE}"),
    );
    universe.fail_over(seconds(12), &instance(3), seconds(1), seconds(20));
    log(
        &universe,
        14,
        format!("Completed failover to DB instance: {THREE}"),
    );
    lambda()
        .deliver(&universe, vec![at(2, started(THREE, 1.0))])
        .await;
    let state = universe.now();
    assert_eq!(state.writes[0].left, []);
    assert_eq!(state.writes[1].left, [target(3)]);
    assert!(state.writes[1].at < seconds(10), "before it is the Writer");
    drop(state);
    assert_holds(&universe, &[3]);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_is_called_off_brings_the_writer_back_beside_its_standby() {
    let universe = universe(2, &[1, 2]);
    log(
        &universe,
        1,
        format!("Started cross AZ failover to DB instance: {TWO}"),
    );
    log(
        &universe,
        15,
        format!("Promoting previous primary again: {ONE}"),
    );
    let events = vec![at(2, started(TWO, 1.0)), at(16, went_back(ONE, 15.0))];
    lambda()
        .deliver(&universe, [events, each_minute(120)].concat())
        .await;
    assert_holds(&universe, &[1, 2]);
}

#[tokio::test(start_paused = true)]
async fn waiting_keeps_the_old_writer_in_as_the_standby() {
    let universe = universe(2, &[1, 2]);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let settings = Settings {
        on_failover_start: OnFailoverStart::Wait,
        ..Settings::default()
    };
    let wait = Lambda {
        settings,
        ..lambda()
    };
    wait.deliver(&universe, vec![at(2, started(TWO, 1.0))])
        .await;
    assert!(universe.now().writes.is_empty());
    assert_holds(&universe, &[1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_gone_takes_the_standby_out_and_one_that_is_back_puts_it_in() {
    let universe = universe(2, &[1, 2]);
    let two = instance(2);
    universe.at(seconds(90), move |state| {
        state.members.guarded.remove(&two);
    });
    universe.at(seconds(210), simulated_world::State::hold_members);
    let runs = lambda().deliver(&universe, each_minute(300)).await;
    let unguarded = |run: &&Run| matches!(of(run).alone, Some(Alone::Unguarded(_)));
    let began: Vec<u64> = runs
        .iter()
        .filter(unguarded)
        .map(|run| run.began.as_secs())
        .collect();
    assert_eq!(began, [120, 180]);
    assert!(
        runs.iter().all(|run| of(run).error.is_none()),
        "as with the Writer alone"
    );
    let left: Vec<_> = universe
        .now()
        .writes
        .iter()
        .map(|write| write.left.clone())
        .collect();
    assert_eq!(left, [vec![target(1)], vec![target(1), target(2)]]);
    assert_holds(&universe, &[1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_unguarded_group_follows_as_one_of_the_writer_alone_does() {
    let universe = universe(2, &[1]);
    universe.now().members.guarded.clear();
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let events = vec![at(2, started(TWO, 1.0))];
    let runs = lambda().deliver(&universe, events).await;
    assert_eq!(of(&runs[0]).deregistered, [target(1)]);
    assert_eq!(of(&runs[0]).registered, [target(2)]);
    assert!(runs[0].ended < seconds(15), "{:?}", runs[0].ended);
    assert_holds(&universe, &[2]);
}

#[tokio::test(start_paused = true)]
async fn parameters_that_cannot_be_looked_up_leave_the_writer_alone_after_ten_seconds() {
    let universe = universe(2, &[1, 2]);
    universe.now().members.health = Health::Throttled;
    let runs = lambda().deliver(&universe, vec![at(0, schedule())]).await;
    assert!(
        (9..15).contains(&runs[0].ended.as_secs()),
        "{:?}",
        runs[0].ended
    );
    assert!(matches!(of(&runs[0]).alone, Some(Alone::Unguarded(_))));
    assert_eq!(of(&runs[0]).error, None);
    assert_holds(&universe, &[1]);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_hangs_delays_no_write_for_the_writers_sake() {
    let universe = universe(2, &[1, 2]);
    universe.now().members.health = Health::Hanging;
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    lambda()
        .deliver(&universe, vec![at(2, started(TWO, 1.0))])
        .await;
    assert!(
        universe.now().writes[0].at < seconds(3),
        "the old Writer leaves at once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_changes_its_address_is_followed() {
    let universe = universe(2, &[1, 2]);
    universe.at(seconds(70), |state| {
        state.replace(&instance(2), std::net::Ipv4Addr::new(10, 0, 9, 9));
    });
    lambda().deliver(&universe, each_minute(180)).await;
    let new = Target::new(std::net::Ipv4Addr::new(10, 0, 9, 9), PORT);
    assert_eq!(universe.now().registered(), [target(1), new]);
    assert!(universe.now().broken.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_is_deleted_makes_room_for_the_next() {
    let universe = universe(3, &[1, 2]);
    universe.at(seconds(70), |state| {
        state.addresses.remove(&instance(2));
        state.dns_addresses.remove(&instance(2));
    });
    lambda().deliver(&universe, each_minute(180)).await;
    assert_holds(&universe, &[1, 3]);
}

#[tokio::test(start_paused = true)]
async fn another_tier_makes_another_the_standby() {
    let universe = universe(3, &[1, 2]);
    universe.at(seconds(70), |state| {
        state.members.tiers.insert(instance(3), 0);
    });
    lambda().deliver(&universe, each_minute(180)).await;
    assert_holds(&universe, &[1, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_forged_announcement_costs_the_writer_no_longer_than_the_log_takes() {
    let universe = universe(3, &[1, 2]);
    let forged = vec![at(2, started(THREE, 1.0))];
    lambda()
        .deliver(&universe, [forged, each_minute(240)].concat())
        .await;
    let without = universe.now().tally().without;
    assert!(without < seconds(60), "{without:?}");
    let state = universe.now();
    assert!(state.broken.is_empty() && state.is_right());
    assert_eq!(state.tally().another.times, 0);
}

#[tokio::test(start_paused = true)]
async fn overlapping_runs_never_put_a_third_in() {
    let universe = universe(3, &[1]);
    let runs = (0..8).map(|tenth| Invocation::new(Duration::from_millis(tenth * 130), schedule()));
    lambda().deliver(&universe, runs.collect()).await;
    assert!(
        universe
            .now()
            .writes
            .iter()
            .all(|write| write.left.len() <= 2)
    );
    assert_holds(&universe, &[1, 2]);
}
