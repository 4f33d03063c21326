//! The judge, judged: writes by hand in a universe whose truth is known.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use failover_follower::world::{Cause, Target, World};
use simulated_world::universe::{PORT, address, instance, route};
use simulated_world::{Seat, Universe};
use tokio::time::sleep;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn target(number: usize) -> Target {
    Target::new(address(number), PORT)
}

/// A universe in which every answer comes at once.
fn universe() -> Universe {
    let universe = Universe::new(3, 1);
    universe.now().latency = Duration::ZERO;
    universe
}

async fn register(seat: &Seat, number: usize) {
    let group = route().group;
    seat.register(&group, &target(number)).await.unwrap();
}

async fn deregister(seat: &Seat, number: usize) {
    let targets = BTreeSet::from([target(number)]);
    seat.deregister(&route().group, &targets).await.unwrap();
}

/// Looks at a moment, and registers an instance at once: how often that was another than the
/// Writer, and avoidably.
async fn registers(universe: &Universe, at: u64, number: usize) -> (u64, u64) {
    let seat = Seat::new(universe, "run");
    sleep(seconds(at)).await;
    // Its answer may be an error: the judge knows what could be asked.
    let _ = seat.source(&route().source, None).await;
    deregister(&seat, 1).await;
    register(&seat, number).await;
    let tally = universe.now().tally();
    (tally.another.times, tally.avoidable.times)
}

#[tokio::test(start_paused = true)]
async fn the_writer_is_never_another() {
    let universe = universe();
    universe.fail_over(seconds(5), &instance(2), seconds(9), seconds(9));
    assert_eq!(registers(&universe, 6, 2).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn another_is_avoidable_once_the_api_the_cname_or_the_log_speaks_of_the_flip() {
    for (api, dns, log, avoidable) in [
        (60, 60, 60, 0),
        (1, 60, 60, 1),
        (60, 1, 60, 1),
        (60, 60, 1, 1),
    ] {
        let universe = universe();
        universe.fail_over(seconds(5), &instance(2), seconds(api), seconds(dns));
        let message = "Completed failover to DB instance: aurora-source-instance-2";
        universe.log(seconds(5), message, seconds(log));
        assert_eq!(registers(&universe, 10, 1).await, (1, avoidable));
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_reign_left_behind_speaks_of_no_flip() {
    let universe = universe();
    // To 2 and back to 1: the API and the CNAME show 1 all the while.
    universe.fail_over(seconds(5), &instance(2), seconds(60), seconds(60));
    universe.fail_over(seconds(20), &instance(1), seconds(60), seconds(60));
    let message = "Completed failover to DB instance: aurora-source-instance-1";
    universe.log(seconds(1), message, seconds(1));
    assert_eq!(registers(&universe, 30, 2).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_newer_statement_in_the_log_makes_it_avoidable_whomever_it_names() {
    for (denied, avoidable) in [(false, 1), (true, 0)] {
        let universe = universe();
        universe.now().log.denied = denied;
        universe.fail_over(seconds(20), &instance(2), seconds(60), seconds(60));
        let message = "Started cross AZ failover to DB instance: aurora-source-instance-3";
        universe.log(seconds(10), message, seconds(2));
        assert_eq!(registers(&universe, 21, 1).await, (1, avoidable));
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_flip_overtakes_what_an_earlier_one_had_to_show() {
    let universe = universe();
    universe.fail_over(seconds(5), &instance(2), seconds(30), seconds(60));
    universe.fail_over(seconds(20), &instance(3), seconds(1), seconds(15));
    sleep(seconds(70)).await;
    let state = universe.now();
    let shown = (state.api.clone(), state.dns.clone());
    assert_eq!(shown, (Some(instance(3)), Some(instance(3))));
}

#[tokio::test(start_paused = true)]
async fn time_is_counted_by_what_the_group_held() {
    let universe = universe();
    universe.fail_over(seconds(10), &instance(2), seconds(1), seconds(1));
    let seat = Seat::new(&universe, "run");
    // 3 before its time from 4 s on, with 1 until 7 s; then nothing; then 1 again, which is demoted
    // at 10 s.
    sleep(seconds(4)).await;
    register(&seat, 3).await;
    sleep(seconds(3)).await;
    deregister(&seat, 3).await;
    deregister(&seat, 1).await;
    sleep(seconds(2)).await;
    register(&seat, 1).await;
    sleep(seconds(5)).await;
    deregister(&seat, 1).await;
    universe.now().intrude(target(3));
    sleep(seconds(6)).await;
    let tally = universe.now().tally();
    assert_eq!(tally.wrong_before, seconds(3));
    assert_eq!(tally.empty, seconds(2));
    assert_eq!(tally.wrong_after, seconds(4));
    assert_eq!(tally.foreign, seconds(6));
    assert_eq!((tally.two.times, tally.writes), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_never_a_members_breaks_a_law_and_so_does_one_beside_another_that_was_listed()
 {
    let universe = universe();
    let seat = Seat::new(&universe, "run");
    let (group, stranger) = (route().group, Target::new([10, 9, 9, 9].into(), PORT));
    seat.register(&group, &stranger).await.unwrap();
    assert_eq!(universe.now().broken.len(), 1);
    seat.targets(&group).await.unwrap();
    register(&seat, 2).await;
    assert_eq!(universe.now().broken.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_behind_shows_the_group_as_it_was() {
    let universe = universe();
    universe.now().list_lag = seconds(5);
    universe.now().register_latency = seconds(3);
    let (seat, group) = (Seat::new(&universe, "run"), route().group);
    register(&seat, 2).await;
    assert_eq!(universe.started().elapsed(), seconds(3), "it took its time");
    for (after, listed) in [(4, 1), (1, 2)] {
        sleep(seconds(after)).await;
        assert_eq!(seat.targets(&group).await.unwrap().len(), listed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_shows_the_last_ten_minutes_late_and_only_to_who_may_read_it() {
    let universe = universe();
    universe.log(seconds(10), "Completed failover", seconds(5));
    let (seat, source) = (Seat::new(&universe, "run"), route().source);
    for (at, entries) in [(14, 0), (15, 1), (610, 1), (611, 0)] {
        let now = universe.now().clock();
        sleep(seconds(at).saturating_sub(Duration::from_secs_f64(now))).await;
        assert_eq!(seat.log(&source).await.unwrap().len(), entries, "{at} s");
    }
    universe.now().log.denied = true;
    assert_eq!(seat.log(&source).await.unwrap_err().cause, Cause::Denied);
}
