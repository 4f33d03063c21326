//! Failovers that go back, or do not come about.

use failover_follower::config::Settings;
use failover_follower::error::RunError;
use failover_follower::report::Outcome;
use simulated_world::payload::{completed, instance_event, schedule, started, went_back};
use simulated_world::universe::instance;
use simulated_world::{Lambda, Universe};

use crate::scene::{assert_right, at, log, of, seconds, target};

const ONE: &str = "aurora-source-instance-1";
const TWO: &str = "aurora-source-instance-2";

#[tokio::test(start_paused = true)]
async fn a_failover_that_never_comes_puts_the_writer_back() {
    let universe = Universe::new(2, 1);
    log(
        &universe,
        1,
        format!("Started cross AZ failover to DB instance: {TWO}"),
    );
    let runs = Lambda::default()
        .deliver(&universe, vec![at(2, started(TWO, 1.0))])
        .await;
    let report = of(&runs[0]);
    assert_eq!(
        (report.outcome, &report.registered, &report.deregistered),
        (Outcome::Switched, &vec![target(1)], &vec![target(1)])
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
        format!("Started cross AZ failover to DB instance: {TWO}"),
    );
    log(
        &universe,
        30,
        format!("Promoting previous primary again: {ONE}"),
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
            !history.contains(&format!(" registers {}", target(1))),
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
        (12.0..40.0).contains(&time) && line.contains(&format!(" registers {}", target(1)))
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
        !history.contains(&format!(" registers {}", target(1))),
        "{history}"
    );
    assert_right(&universe);
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
