//! The short drill: the function on real parts, and a replica that has to find its way.
//!
//! `cargo run --example drill -- --all` is the long one. Where there is no HAProxy, or no MySQL and
//! no way to get one, this is skipped and says so; with `DRILL_REQUIRED=1`, which CI sets, that is
//! a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::OnceCell;

use drill::{
    Cell, DEFAULTS, Fate, INIT_CONNECT, Kit, Parts, Played, Product, Retry, Scale, Scenario,
    Strategy, play_all, usual, verdict,
};

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

/// What the drill runs, made once for all tests; `None` where they are skipped.
async fn kit() -> Option<Arc<Kit>> {
    static KIT: OnceCell<Option<Arc<Kit>>> = OnceCell::const_new();
    KIT.get_or_init(make_kit).await.clone()
}

async fn make_kit() -> Option<Arc<Kit>> {
    match Parts::find(Product::MySql) {
        Ok(parts) => {
            let bootstrap = Path::new(env!("CARGO_BIN_EXE_bootstrap"));
            Some(Arc::new(Kit::new(parts, bootstrap).await.unwrap()))
        }
        Err(missing) => {
            let required = std::env::var("DRILL_REQUIRED").is_ok_and(|required| required == "1");
            assert!(!required, "{missing:#}");
            // Past the test harness, which keeps what a passing test prints to itself.
            let note = format!("SKIPPED: {missing:#}\n");
            std::io::stderr().write_all(note.as_bytes()).unwrap();
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_finds_the_new_writer_after_a_failover_announced_and_one_found_by_the_schedule() {
    let Some(kit) = kit().await else { return };
    let often = Retry {
        interval: 10,
        count: 50,
    };
    let cells = vec![
        Cell {
            tpch: true,
            ..usual(Scenario::AnnouncedAtStart, Strategy::Detach, 0, often)
        },
        // Every try of the first minute meets the old Writer.
        Cell {
            guarded: true,
            ..usual(Scenario::NotAnnounced, Strategy::Detach, 30, often)
        },
        // The proof that the drill can fail: without the guard, and with too few tries.
        usual(Scenario::NotAnnounced, Strategy::Detach, 90, DEFAULTS),
        Cell {
            guarded: true,
            ..usual(
                Scenario::NotAnnounced,
                Strategy::Detach,
                30,
                Retry { count: 5, ..often },
            )
        },
    ];
    let played = play_all(&kit, cells, 4, |_, _| {}).await.unwrap();
    let [announced, guarded, unguarded, impatient] = &played[..] else {
        panic!("four cells were played")
    };
    assert_recovered(announced);
    let proof = announced.proof.as_ref().unwrap();
    assert!(proof.holds() && proof.source.len() == 4, "{proof:?}");
    assert!(
        announced.outcome.exposed < 1.0,
        "the path never led to a demoted Writer: {}",
        verdict(announced)
    );
    assert_recovered(guarded);
    for (stopped, number) in [(unguarded, 13114), (impatient, 0)] {
        let fate = stopped.outcome.fate;
        assert_eq!(fate, Fate::Stopped(number), "{}", verdict(stopped));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_finds_the_new_writer_in_a_group_of_both_members_that_is_left_alone() {
    let Some(kit) = kit().await else { return };
    let retry = Retry {
        interval: 1,
        count: 100,
    };
    let cell = Cell {
        guarded: true,
        scale: Scale::new(1),
        ..usual(Scenario::NotAnnounced, Strategy::Members, 120, retry)
    };
    let played = play_all(&kit, vec![cell], 1, |_, _| {}).await.unwrap();
    assert_recovered(&played[0]);
    let outcome = &played[0].outcome;
    assert!(outcome.tries > 0, "the old Writer was its source");
    assert!(outcome.behind < 60.0, "it waited for the load balancer");
}

#[tokio::test]
async fn the_guard_keeps_the_replication_user_from_readers_and_other_forms_lock_others_out() {
    let Some(kit) = kit().await else { return };
    let documented = INIT_CONNECT.replace("rpluser001", "rpl_user");
    let with = |from: &str, to: &str| {
        assert!(documented.contains(from), "{documented}");
        documented.replace(from, to)
    };
    let user = "SUBSTRING_INDEX(CURRENT_USER(), '@', 1) = 'rpl_user'";
    let wildcard = with(user, "CURRENT_USER() LIKE 'rpl_user@%'");
    let readable = with(
        "(SELECT 1 UNION SELECT 2)",
        "UUID_TO_BIN('this server is a reader, not the Writer')",
    );
    let two = with("= 'rpl_user'", "IN ('rpl_user', 'rplxuser')");
    let behind_another = format!("SET NAMES utf8mb4; {documented}");
    let constant = with("(SELECT 1 UNION SELECT 2)", "EXTRACTVALUE('<a/>', '~x')");
    let missing = with("(SELECT 1 UNION SELECT 2)", "(SELECT 1 FROM absent.absent)");
    let anybody = with(user, "TRUE");
    let statements = [
        &documented,
        &wildcard,
        &readable,
        &two,
        &behind_another,
        &constant,
        &missing,
        &anybody,
    ]
    .map(String::as_str);
    let trials = drill::trials(&kit, &statements).await.unwrap();
    let all = drill::USERS.to_vec();
    let others = vec!["rplxuser", "app", "root"];
    let expected = [
        ("as documented", &all, &others),
        ("`_` is a wildcard", &all, &vec!["app", "root"]),
        ("with a line in the log", &all, &others),
        ("two users", &all, &vec!["app", "root"]),
        ("behind another statement", &all, &others),
        ("a constant error", &vec!["root"], &vec!["root"]),
        ("a missing table", &vec!["root"], &vec!["root"]),
        ("any user", &all, &vec!["root"]),
    ];
    assert_eq!(trials.len(), expected.len());
    for (trial, (statement, at_writer, at_reader)) in trials.iter().zip(expected) {
        assert_eq!(&trial.at_writer, at_writer, "{statement}: {trial:?}");
        assert_eq!(&trial.at_reader, at_reader, "{statement}: {trial:?}");
    }
    assert_eq!(trials[0].aborted, 1, "{:?}", trials[0]);
    let line = "this server is a reader, not the Writer";
    assert!(trials[2].log.contains(line), "{:?}", trials[2]);
}
