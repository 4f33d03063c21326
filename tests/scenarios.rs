//! Failovers in the simulated world, where a minute takes a millisecond and every witness lags as
//! it likes.
//!
//! Each test is a scenario; its name says which. The judge behind the seam checks the laws at every
//! write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::net::Ipv4Addr;
use std::time::Duration;

use failover_follower::config::{OnFailoverStart, Settings};
use failover_follower::error::RunError;
use failover_follower::report::{Outcome, RouteReport};
use failover_follower::world::Target;
use serde_json::{Value, json};
use simulated_world::payload::{completed, instance_event, schedule, started, went_back};
use simulated_world::universe::{PORT, address, instance};
use simulated_world::{Health, Invocation, Lambda, Run, Universe};

const ONE: &str = "aurora-source-instance-1";
const TWO: &str = "aurora-source-instance-2";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(when: u64, payload: Value) -> Invocation {
    Invocation::new(seconds(when), payload)
}

fn two() -> Target {
    Target::new(address(2), PORT)
}

fn one() -> Target {
    Target::new(address(1), PORT)
}

/// The cluster's event log shows this a second after it happened.
fn log(universe: &Universe, happened: u64, message: &str) {
    universe.log(seconds(happened), message, seconds(1));
}

fn of(run: &Run) -> &RouteReport {
    &run.report.routes[0]
}

/// No law was broken, and the group holds the Writer and nobody else.
#[track_caller]
fn assert_right(universe: &Universe) {
    let state = universe.now();
    let history = state.history.join("\n");
    assert!(state.broken.is_empty(), "{:#?}\n{history}", state.broken);
    assert!(
        state.is_right(),
        "the group holds {:?}, the Writer is {}\n{history}",
        state.registered(),
        state.writer
    );
}

#[track_caller]
fn assert_nothing_written(universe: &Universe) {
    let state = universe.now();
    let wrote = state.history.iter().any(|line| line.contains("registers"));
    assert!(!wrote, "{}", state.history.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn radio_silence_when_all_is_well() {
    let universe = Universe::new(2, 1);
    let runs = Lambda::default()
        .deliver(&universe, vec![at(0, schedule()), at(60, schedule())])
        .await;
    assert!(
        runs.iter()
            .all(|run| of(run).outcome == Outcome::Unchanged && of(run).looks == 1)
    );
    assert_nothing_written(&universe);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_announced_at_its_start_is_followed_when_the_api_shows_it_and_dns_does_not() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(2, started(TWO, 1.0))])
        .await;
    let report = of(&runs[0]);
    assert_eq!(report.outcome, Outcome::Switched);
    assert_eq!(report.deregistered, [one()]);
    assert_eq!(report.registered, [two()]);
    assert_eq!(report.witnesses.dns, Some(instance(1)), "DNS still lags");
    assert!(runs[0].ended < seconds(13), "{:?}", runs[0].ended);
    assert!(
        universe.now().writes[0].at < seconds(10),
        "taken out before the Writer moved"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn waiting_leaves_the_old_writer_in_until_the_new_one_is_confirmed() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
    let settings = Settings {
        on_failover_start: OnFailoverStart::Wait,
        ..Settings::default()
    };
    let runs = Lambda {
        settings,
        ..Lambda::default()
    }
    .deliver(&universe, vec![at(2, started(TWO, 1.0))])
    .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!(
        universe.now().writes[0].at > seconds(10),
        "nothing before the Writer moved"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_announced_only_at_its_end_is_followed_at_the_first_look() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(25));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(16, completed(TWO, 15.0))])
        .await;
    assert_eq!(
        (of(&runs[0]).outcome, of(&runs[0]).looks),
        (Outcome::Switched, 2),
        "one look to see it, one to verify"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn an_event_at_the_end_with_the_api_behind_waits_until_it_is_not() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(9), seconds(25));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(13, completed(TWO, 12.0))])
        .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!((seconds(19)..seconds(21)).contains(&runs[0].ended));
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_nobody_announced_is_found_by_the_schedule() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(25));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(0, schedule()), at(60, schedule())])
        .await;
    assert_eq!(
        (of(&runs[1]).outcome, of(&runs[1]).looks),
        (Outcome::Switched, 2)
    );
    assert!(of(&runs[1]).tally.wrong_target);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn the_schedule_waits_for_dns_and_believes_the_api_when_dns_never_moves() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(50), &instance(2), seconds(1), seconds(3600));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(60, schedule())])
        .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert!(
        (seconds(90)..seconds(92)).contains(&runs[0].ended),
        "{:?}",
        runs[0].ended
    );
    assert!(of(&runs[0]).tally.disagreed);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_changes_its_mind_is_not_believed_alone() {
    let universe = Universe::new(2, 1);
    universe.at(seconds(0), |state| state.dns = None);
    for flip in 0..50u64 {
        universe.at(seconds(2 * flip), move |state| {
            state.api = Some(instance(if flip % 2 == 0 { 2 } else { 1 }));
        });
    }
    let lambda = Lambda {
        retries: false,
        ..Lambda::default()
    };
    let runs = lambda.deliver(&universe, vec![at(1, schedule())]).await;
    assert_eq!(
        of(&runs[0]).error.as_ref().map(RunError::error_type),
        Some("Undecided")
    );
    assert_nothing_written(&universe);
}

#[tokio::test(start_paused = true)]
async fn an_event_ten_minutes_late_that_names_the_old_writer_moves_nothing() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(1), &instance(2), seconds(1), seconds(20));
    let group = move |state: &mut simulated_world::State| state.group = [(two(), None)].into();
    universe.at(seconds(5), group);
    let late = vec![at(700, completed(ONE, 10.0)), at(701, started(ONE, 10.0))];
    let runs = Lambda::default().deliver(&universe, late).await;
    assert!(
        runs.iter()
            .all(|run| of(run).outcome == Outcome::Unchanged && of(run).witnesses.hint.is_none())
    );
    assert_nothing_written(&universe);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_never_comes_puts_the_writer_back() {
    let universe = Universe::new(2, 1);
    log(
        &universe,
        1,
        &format!("Started cross AZ failover to DB instance: {TWO}"),
    );
    let runs = Lambda::default()
        .deliver(&universe, vec![at(2, started(TWO, 1.0))])
        .await;
    let report = of(&runs[0]);
    assert_eq!(
        (report.outcome, &report.registered, &report.deregistered),
        (Outcome::Switched, &vec![one()], &vec![one()])
    );
    let back = universe
        .now()
        .history
        .iter()
        .find(|line| line.contains(" registers"))
        .cloned()
        .unwrap();
    let back: f64 = back.split_whitespace().next().unwrap().parse().unwrap();
    assert!(
        (61.0..63.0).contains(&back),
        "the announcement is a minute old at 61 s, it went back in at {back}"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_goes_back_is_followed_back_at_the_event_and_not_fought_over() {
    let universe = Universe::new(2, 1);
    log(
        &universe,
        1,
        &format!("Started cross AZ failover to DB instance: {TWO}"),
    );
    log(
        &universe,
        30,
        &format!("Promoting previous primary again: {ONE}"),
    );
    let events = vec![at(2, started(TWO, 1.0)), at(33, went_back(ONE, 30.0))];
    Lambda::default().deliver(&universe, events).await;
    let history = universe.now().history.join("\n");
    assert_eq!(history.matches(" registers").count(), 1, "{history}");
    assert!(
        universe.now().writes[1].at < seconds(34) && universe.now().is_right(),
        "{history}"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_watch_shorter_than_the_announcement_puts_the_writer_back_when_it_ends() {
    let universe = Universe::new(2, 1);
    let settings = Settings {
        longest_watch: seconds(10),
        ..Settings::default()
    };
    let runs = Lambda {
        settings,
        ..Lambda::default()
    }
    .deliver(&universe, vec![at(2, started(TWO, 1.0))])
    .await;
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_cuts_the_watch_short_fails_loudly_and_the_retry_puts_it_right() {
    let universe = Universe::new(2, 1);
    let lambda = Lambda {
        timeout: seconds(40),
        ..Lambda::default()
    };
    let runs = lambda
        .deliver(&universe, vec![at(2, started(TWO, 1.0))])
        .await;
    assert_eq!(
        of(&runs[0]).error.as_ref().map(RunError::error_type),
        Some("FailoverPending")
    );
    assert_eq!(
        of(&runs[0]).targets.as_deref(),
        Some(&[][..]),
        "empty beats wrong"
    );
    assert!(runs[0].ended < seconds(2 + 40), "inside Lambda's deadline");
    assert!(of(&runs[1]).error.is_none());
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn the_schedule_does_not_fill_a_group_that_an_announcement_emptied() {
    // The schedule comes every second of the ten in which the old Writer still is the Writer.
    for tick in 3..11 {
        let universe = Universe::new(2, tick);
        universe.fail_over(seconds(11), &instance(2), seconds(1), seconds(25));
        let runs = vec![
            at(2, started(TWO, 1.0)),
            at(tick, schedule()),
            at(
                tick,
                instance_event("RDS-EVENT-0004", ONE, "DB instance shutdown", 2.0),
            ),
        ];
        Lambda::default().deliver(&universe, runs).await;
        let history = universe.now().history.join("\n");
        assert!(
            !history.contains(&format!(" registers {}", one())),
            "tick at {tick} s:\n{history}"
        );
        assert_right(&universe);
    }
}

/// DNS shows the first failover only after the second: the announcement of the way back and a stale
/// CNAME agree on the old Writer, while it is still a reader.
async fn back_within_a_minute(universe: &Universe) {
    universe.now().drains_for = seconds(300);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(60));
    universe.fail_over(seconds(40), &instance(1), seconds(1), seconds(60));
    let events = vec![
        at(2, started(TWO, 1.0)),
        at(15, completed(TWO, 14.0)),
        at(31, started(ONE, 30.0)),
        at(45, completed(ONE, 44.0)),
    ];
    Lambda::default().deliver(universe, events).await;
    let history = universe.now().history.clone();
    let early = history.iter().find(|line| {
        let time: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
        (12.0..40.0).contains(&time) && line.contains(&format!(" registers {}", one()))
    });
    assert_eq!(
        early,
        None,
        "registered before its promotion:\n{}",
        history.join("\n")
    );
    assert_right(universe);
}

#[tokio::test(start_paused = true)]
async fn a_failover_and_a_failback_within_a_minute_with_the_old_target_still_draining() {
    back_within_a_minute(&Universe::new(2, 1)).await;
}

/// Found by the race (seeds 6959, 8237 and 8533).
#[tokio::test(start_paused = true)]
async fn a_failback_with_a_stale_cname_in_the_moment_when_the_api_lists_no_writer() {
    let universe = Universe::new(2, 1);
    universe.at(seconds(37), |state| state.api = None);
    back_within_a_minute(&universe).await;
}

/// Found by the campaign (seed 69782): the API is thirty seconds late and the CNAME goes back for a
/// moment, so that two stale witnesses agree on the old Writer while the group is empty.
#[tokio::test(start_paused = true)]
async fn two_stale_witnesses_do_not_put_the_old_writer_back_beside_other_runs() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(11), &instance(2), seconds(30), seconds(19));
    universe.at(seconds(34), |state| state.dns = Some(instance(1)));
    universe.at(seconds(39), |state| state.dns = Some(instance(2)));
    let restarted = instance_event("RDS-EVENT-0006", TWO, "DB instance restarted", 14.0);
    let events = vec![
        at(2, started(TWO, 1.0)),
        at(15, completed(TWO, 14.0)),
        at(16, restarted),
    ];
    Lambda::default().deliver(&universe, events).await;
    let history = universe.now().history.join("\n");
    assert!(
        !history.contains(&format!(" registers {}", one())),
        "{history}"
    );
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn a_draining_target_is_not_there() {
    let universe = Universe::new(2, 1);
    let until = universe.started() + seconds(300);
    universe.now().group.insert(one(), Some(until));
    let runs = Lambda::default()
        .deliver(&universe, vec![at(0, json!({}))])
        .await;
    assert_eq!(of(&runs[0]).registered, [one()]);
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
        writes[last + 1..].iter().all(|write| write.left == [two()]),
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
        ..one()
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
        (&vec![one()], &vec![two()])
    );
    assert_eq!(
        report.targets,
        Some(vec![one()]),
        "what the group really holds"
    );
    assert_nothing_written(&universe);
}

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
    assert_eq!(universe.now().registered(), [one()]);
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

#[tokio::test(start_paused = true)]
async fn a_cname_that_goes_new_old_new_moves_nothing_back() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(16));
    universe.at(seconds(30), |state| state.dns = Some(instance(1)));
    universe.at(seconds(36), |state| state.dns = Some(instance(2)));
    let ticks = (20..50).map(|second| at(second, schedule()));
    let runs = [at(2, started(TWO, 1.0))]
        .into_iter()
        .chain(ticks)
        .collect();
    Lambda::default().deliver(&universe, runs).await;
    let history = universe.now().history.join("\n");
    assert_eq!(history.matches(" registers").count(), 1, "{history}");
    assert_right(&universe);
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
