//! Histories in which a function of this kind has stopped a replication for good, each by name and
//! judged by who the Writer really was.
//!
//! Member A (instance 1) is the Writer and registered, B the other, unless a history says
//! otherwise. Every second of it the group is held against the truth: `assert_never` says who must
//! never be in it.

use std::time::Duration;

use failover_follower::config::{OnFailoverStart, Settings};
use failover_follower::report::Outcome;
use failover_follower::world::Target;
use serde_json::json;
use simulated_world::payload::{cluster_event, completed, instance_event, schedule, started};
use simulated_world::universe::instance;
use simulated_world::{Health, Lambda, Universe};

use crate::scene::{
    assert_never, assert_nothing_written, assert_right, at, error_type, history, of, once, seconds,
    target,
};

const A: &str = "aurora-source-instance-1";
const B: &str = "aurora-source-instance-2";

/// A world in which B is the Writer and registered, and the CNAME still leads to A.
fn b_with_a_stale_cname() -> Universe {
    let universe = Universe::new(2, 1);
    let flip = universe.started();
    {
        let mut state = universe.now();
        state.promote(instance(2));
        state.list(instance(2), flip);
        state.group = [(target(2), None)].into();
    }
    universe
}

fn watching(longest_watch: u64) -> Lambda {
    Lambda {
        settings: Settings {
            longest_watch: seconds(longest_watch),
            ..Settings::default()
        },
        ..once()
    }
}

/// When the group first held this target after a write, in seconds.
fn came_in(universe: &Universe, target: &Target) -> Option<u64> {
    let writes = universe.now().writes.clone();
    let first = writes.iter().find(|write| write.left.contains(target))?;
    Some(first.at.as_secs())
}

/// When the group first lacked it after a write.
fn left(universe: &Universe, target: &Target) -> Option<u64> {
    let writes = universe.now().writes.clone();
    let first = writes.iter().find(|write| !write.left.contains(target))?;
    Some(first.at.as_secs())
}

#[tokio::test(start_paused = true)]
async fn h01_a_failover_that_is_called_off_with_a_stale_cname_puts_the_writer_back() {
    for watch in [10, 120] {
        let universe = b_with_a_stale_cname();
        let runs = watching(watch)
            .deliver(&universe, vec![at(2, started(A, 1.0))])
            .await;
        assert_never(&universe, &target(1));
        assert_eq!(
            of(&runs[0]).outcome,
            Outcome::Switched,
            "{}",
            history(&universe)
        );
        assert_right(&universe);
    }
}

#[tokio::test(start_paused = true)]
async fn h02_an_old_statement_and_a_stale_cname_do_not_outvote_the_api() {
    for (payload, arrives) in [
        (completed(B, 0.0), 62),
        (completed(B, 0.0), 20),
        (started(B, 0.0), 70),
    ] {
        let universe = Universe::new(2, 1);
        universe.now().dns = Some(instance(2));
        let arrival = at(arrives, payload.clone());
        Lambda::default().deliver(&universe, vec![arrival]).await;
        assert_never(&universe, &target(2));
        assert_right(&universe);
        if arrives > 60 {
            assert_nothing_written(&universe);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn h03_a_strangers_watch_does_not_refill_what_an_announcement_has_emptied() {
    for (api_lag, log_lag) in [(1, 2), (9, 2), (9, 20), (20, 12)] {
        let universe = Universe::new(2, 1);
        universe.fail_over(seconds(28), &instance(2), seconds(api_lag), seconds(40));
        universe.log(
            seconds(18),
            format!("Started cross AZ failover to DB instance: {B}"),
            seconds(log_lag),
        );
        let shutdown = |name| instance_event("RDS-EVENT-0004", name, "DB instance shutdown", 0.0);
        let invocations = vec![
            at(1, shutdown(A)),
            at(1, shutdown("somebody-elses")),
            at(19, started(B, 18.0)),
        ];
        Lambda::default().deliver(&universe, invocations).await;
        let history = history(&universe);
        assert!(
            !history.contains(&format!(" registers {}", target(1))),
            "{history}"
        );
        assert_right(&universe);
    }
}

#[tokio::test(start_paused = true)]
async fn h03_a_strangers_event_is_one_look() {
    let universe = Universe::new(2, 1);
    let shutdown = |name| instance_event("RDS-EVENT-0004", name, "DB instance shutdown", 0.0);
    let both = vec![at(1, shutdown("somebody-elses")), at(200, shutdown(A))];
    let runs = once().deliver(&universe, both).await;
    assert_eq!(of(&runs[0]).looks, 1);
    let placeless = json!({"Records": [{"Sns": {"Message": json!({
        "Event Source": "db-instance", "Event ID": "RDS-EVENT-0004",
        "Event Message": "DB instance shutdown", "Event Time": "2027-01-15 08:00:00.000",
    }).to_string()}}]});
    let runs = once().deliver(&universe, vec![at(300, placeless)]).await;
    assert!(!runs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn h04_a_completion_takes_the_old_writer_out_at_once_though_the_api_lags() {
    for on_failover_start in [OnFailoverStart::Detach, OnFailoverStart::Wait] {
        let universe = Universe::new(2, 1);
        universe.fail_over(seconds(10), &instance(2), seconds(24), seconds(24));
        let settings = Settings {
            on_failover_start,
            ..Settings::default()
        };
        let lambda = Lambda { settings, ..once() };
        let runs = lambda
            .deliver(&universe, vec![at(13, completed(B, 12.0))])
            .await;
        assert_eq!(
            left(&universe, &target(1)),
            Some(13),
            "{}",
            history(&universe)
        );
        let back = came_in(&universe, &target(2)).unwrap();
        assert!((34..=36).contains(&back), "{}", history(&universe));
        assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
        assert_right(&universe);
    }
}

#[tokio::test(start_paused = true)]
async fn h04_where_the_api_falls_silent_a_completion_decides_with_dns() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(10), &instance(2), seconds(60), seconds(15));
    universe.at(seconds(12), |state| state.api_health = Health::Throttled);
    let runs = once()
        .deliver(&universe, vec![at(11, completed(B, 10.5))])
        .await;
    assert_eq!(
        left(&universe, &target(1)),
        Some(11),
        "{}",
        history(&universe)
    );
    assert_eq!(
        came_in(&universe, &target(2)),
        Some(25),
        "{}",
        history(&universe)
    );
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn h05_one_old_answer_of_the_api_is_no_throughout() {
    let universe = b_with_a_stale_cname();
    {
        let mut state = universe.now();
        state.api = Some(instance(1));
        state.dns = Some(instance(2));
    }
    universe.at(seconds(1), |state| state.api_health = Health::Throttled);
    let runs = once().deliver(&universe, vec![at(0, schedule())]).await;
    assert_nothing_written(&universe);
    assert!(error_type(&runs[0]).is_some(), "{}", history(&universe));
}

#[tokio::test(start_paused = true)]
async fn h06_a_writer_that_cannot_be_registered_does_not_keep_the_old_one_in() {
    let universe = Universe::new(2, 1);
    let public = std::net::Ipv4Addr::new(54, 1, 2, 3);
    universe
        .now()
        .dns_addresses
        .insert(instance(2), vec![public]);
    universe.fail_over(seconds(1), &instance(2), seconds(0), seconds(1));
    let runs = once().deliver(&universe, vec![at(30, schedule())]).await;
    assert_eq!(error_type(&runs[0]), Some("AddressRefused"));
    assert_eq!(of(&runs[0]).targets.as_deref(), Some(&[][..]), "A has left");
}

#[tokio::test(start_paused = true)]
async fn h07_a_cluster_without_a_writer_is_left_by_its_members_after_a_minute() {
    let universe = Universe::new(2, 1);
    universe.now().api = None;
    let runs = once().deliver(&universe, vec![at(0, schedule())]).await;
    let gone = left(&universe, &target(1)).unwrap();
    assert!((60..=62).contains(&gone), "{}", history(&universe));
    assert_eq!(error_type(&runs[0]), Some("NoWriter"));
}

#[tokio::test(start_paused = true)]
async fn h08_an_announcement_a_stale_cname_and_a_silent_api_register_nothing() {
    let universe = Universe::new(2, 1);
    universe.now().dns = Some(instance(2));
    universe.fail_over(seconds(11), &instance(2), seconds(0), seconds(0));
    universe.at(seconds(1), |state| state.api_health = Health::Down);
    universe.at(seconds(40), |state| state.api_health = Health::Up);
    let invocations = vec![at(0, schedule()), at(2, started(B, 1.0))];
    Lambda::default().deliver(&universe, invocations).await;
    let back = came_in(&universe, &target(2)).unwrap();
    assert!(back >= 11, "{}", history(&universe));
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn h09_a_registration_that_lands_late_beside_anothers_is_taken_back() {
    let universe = Universe::new(2, 1);
    universe.now().group.clear();
    universe.at(seconds(29), |state| state.register_latency = seconds(3));
    universe.at(seconds(31), |state| state.register_latency = Duration::ZERO);
    universe.fail_over(seconds(30), &instance(2), seconds(0), seconds(20));
    let invocations = vec![at(0, schedule()), at(31, completed(B, 30.5))];
    Lambda::default().deliver(&universe, invocations).await;
    let tally = universe.now().tally();
    assert_eq!(tally.two.times, 0, "{}", history(&universe));
    assert!(universe.now().is_right(), "{}", history(&universe));
}

#[tokio::test(start_paused = true)]
async fn h10_a_list_that_is_behind_costs_a_handful_of_writes() {
    for lag in [3, 10, 30] {
        let universe = Universe::new(2, 1);
        universe.now().list_lag = seconds(lag);
        universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(20));
        let ticks = (0..5).map(|tick| at(60 * tick + 7, schedule()));
        let events = vec![at(2, started(B, 1.0)), at(14, completed(B, 12.0))];
        let invocations = events.into_iter().chain(ticks).collect();
        Lambda::default().deliver(&universe, invocations).await;
        let writes = universe.now().writes.len();
        assert!(
            writes <= 10,
            "{lag} s: {writes} writes\n{}",
            history(&universe)
        );
        assert!(universe.now().is_right(), "{}", history(&universe));
    }
}

#[tokio::test(start_paused = true)]
async fn h11_forged_announcements_register_nobody_wrong_and_write_a_bounded_number_of_times() {
    for every in [5, 30, 60] {
        let universe = Universe::new(2, 1);
        let count = usize::try_from(1200 / every).unwrap();
        let forged = (0..1200 / every).map(|number| {
            let when = number * every;
            #[allow(clippy::cast_precision_loss, reason = "twenty minutes")]
            let happened = when as f64;
            at(when + 1, started(B, happened))
        });
        let ticks = (0..22).map(|tick| at(60 * tick + 7, schedule()));
        let invocations = forged.chain(ticks).collect();
        Lambda::default().deliver(&universe, invocations).await;
        assert_never(&universe, &target(2));
        let writes = universe.now().writes.len();
        assert!(
            writes <= 4 * count,
            "every {every} s: {writes}\n{}",
            history(&universe)
        );
        assert_right(&universe);
    }
}

#[tokio::test(start_paused = true)]
async fn h12_an_unknown_event_id_with_a_known_text_is_an_announcement() {
    let universe = Universe::new(2, 1);
    universe.now().dns = Some(instance(2));
    let text = format!("Started cross AZ failover to DB instance: {B}");
    let unknown = cluster_event("RDS-EVENT-9999", &text, 1.0);
    universe.fail_over(seconds(10), &instance(2), seconds(0), seconds(0));
    let runs = once().deliver(&universe, vec![at(2, unknown)]).await;
    assert!(
        came_in(&universe, &target(2)).unwrap() >= 10,
        "{}",
        history(&universe)
    );
    assert_eq!(of(&runs[0]).outcome, Outcome::Switched);
    assert_right(&universe);
}

#[tokio::test(start_paused = true)]
async fn h13_evidence_takes_its_time_whatever_the_watch_and_the_timeout() {
    for (watch, timeout) in [(0, 180), (5, 180), (120, 11)] {
        let universe = Universe::new(2, 1);
        universe.fail_over(seconds(11), &instance(2), seconds(1), seconds(25));
        let lambda = Lambda {
            timeout: seconds(timeout),
            ..watching(watch)
        };
        let invocations = vec![at(2, started(B, 1.0)), at(3, schedule())];
        let runs = lambda.deliver(&universe, invocations).await;
        let history = history(&universe);
        assert!(
            !history.contains(&format!(" registers {}", target(1))),
            "{history}"
        );
        if timeout < 20 {
            assert!(
                runs.iter().all(|run| error_type(run).is_some()),
                "{history}"
            );
        } else {
            assert_right(&universe);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn h13_the_api_alone_moves_nothing_in_a_short_run() {
    let universe = Universe::new(2, 1);
    universe.fail_over(seconds(1), &instance(2), seconds(0), seconds(3600));
    let lambda = Lambda {
        timeout: seconds(11),
        ..watching(0)
    };
    let runs = lambda.deliver(&universe, vec![at(30, schedule())]).await;
    assert_nothing_written(&universe);
    assert_eq!(error_type(&runs[0]), Some("Undecided"));
}

#[tokio::test(start_paused = true)]
async fn h14_an_empty_object_is_a_look_like_any_other() {
    for payload in [json!({}), schedule()] {
        let universe = Universe::new(2, 1);
        universe.fail_over(seconds(11), &instance(2), seconds(1), seconds(25));
        let invocations = vec![at(2, started(B, 1.0)), at(5, payload)];
        Lambda::default().deliver(&universe, invocations).await;
        let history = history(&universe);
        assert!(
            !history.contains(&format!(" registers {}", target(1))),
            "{history}"
        );
        assert_right(&universe);
    }
}

#[tokio::test(start_paused = true)]
async fn an_emptied_group_is_filled_after_half_a_minute_of_a_silent_log_or_a_minute_without_one() {
    for (denied, earliest, latest) in [(false, 30, 34), (true, 60, 62)] {
        let universe = Universe::new(2, 1);
        {
            let mut state = universe.now();
            state.group.clear();
            state.log.denied = denied;
        }
        once().deliver(&universe, vec![at(0, schedule())]).await;
        let filled = came_in(&universe, &target(1)).unwrap();
        assert!(
            (earliest..=latest).contains(&filled),
            "{filled}\n{}",
            history(&universe)
        );
        assert_right(&universe);
    }
}
