//! The short drill: the function on real parts, and a replica that has to find its way.
//!
//! `cargo run --example drill -- --all` is the long one. Where MariaDB or HAProxy is not installed
//! this is skipped and says so; with `DRILL_REQUIRED=1`, which CI sets, that is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use drill::{Fate, Kit, Played, Scenario, Strategy, play_all, usual, verdict};

#[track_caller]
fn assert_recovered(played: &Played) {
    let outcome = &played.outcome;
    let story: Vec<_> = played
        .entries
        .iter()
        .map(|entry| format!("{:6.1} s {}", entry.at, entry.what))
        .collect();
    let story = format!("{}\n{}", verdict(played), story.join("\n"));
    assert_eq!(outcome.fate, Fate::Recovered, "{story}");
    assert_eq!((outcome.missing, outcome.twice), (0, 0), "{story}");
    assert_eq!(outcome.lost_by_source, 0, "{story}");
    assert!(outcome.acknowledged > 100, "{story}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_finds_the_new_writer_after_a_failover_announced_and_one_found_by_the_schedule() {
    if let Some(missing) = drill::missing() {
        let required = std::env::var("DRILL_REQUIRED").is_ok_and(|required| required == "1");
        assert!(!required, "{missing}");
        // Past the test harness, which keeps what a passing test prints to itself.
        writeln!(std::io::stderr(), "SKIPPED: {missing}").unwrap();
        return;
    }
    let bootstrap = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
    let kit = Arc::new(Kit::new(bootstrap).await.unwrap());
    let cells = vec![
        usual(Scenario::AnnouncedAtStart, Strategy::Detach, 0, 10),
        // A replica that tried sooner would meet the old Writer before the minute is over.
        usual(Scenario::NotAnnounced, Strategy::Detach, 0, 60),
        // The proof that the drill can fail.
        usual(Scenario::NotAnnounced, Strategy::LookOnce, 0, 10),
    ];
    let played = play_all(&kit, cells, 3, |_, _| {}).await.unwrap();
    let [announced, scheduled, unfollowed] = &played[..] else {
        panic!("three cells were played")
    };
    assert_recovered(announced);
    assert!(
        announced.outcome.exposed < 1.0,
        "the path never led to a demoted Writer: {}",
        verdict(announced)
    );
    assert_recovered(scheduled);
    assert_eq!(
        unfollowed.outcome.fate,
        Fate::Stopped(1236),
        "{}",
        verdict(unfollowed)
    );
}
