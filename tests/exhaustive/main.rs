//! Every interleaving of a small world, none left to chance, judged by the truth.
//!
//! ```text
//! model    what can happen, and what must hold
//! truth    who the Writer is, and what of it the witnesses show
//! driven   a run in that world: carries out what the machine asks for
//! machine  the function's own `Run`, shared, and each of its steps taken once
//! ```
//!
//! Two or three instances, failovers that start and come about or are called off, an API that is
//! always right, a CNAME and an event log that lag as they like, a log that may not be read,
//! payloads that arrive at any time or never; runs side by side, each of which may be cut off
//! between any two of its steps. A look is one moment; a write lands later, and anything may happen
//! between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod driven;
mod machine;
mod model;
mod names;
mod truth;

use std::collections::BTreeSet;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use driven::Fault;
use model::{
    ENDS_RIGHT_AFTER_CALM, LEAVES_NO_TWO, REGISTERS_THE_WRITER, SUCCEEDS_OVER_THE_WRITER, World,
};
use truth::Holds;

impl World {
    /// One failover, and the time in which the first run follows it.
    const SMALL: Self = Self {
        members: 2,
        runs: 2,
        failovers: 1,
        horizon: 3,
        slow: 1,
        failures: 0,
        groups: &[0b01],
        holds: Holds::Writer,
        fault: None,
    };
}

/// To the end.
fn explore(world: World) {
    let checker = world.checker().threads(2).spawn_dfs().join();
    println!("{} states", checker.unique_state_count());
    checker.assert_properties();
}

/// The shortest stories first, until `EXPLORE_MILLIONS` (20) of states have been met, or to the
/// end; and says how far it came.
fn explore_so_far(world: World) {
    let millions = std::env::var("EXPLORE_MILLIONS").map_or(20, |held| held.parse().unwrap());
    let limit = millions * 1_000_000;
    println!("{world:?}");
    let began = Instant::now();
    let checker = world.checker().threads(2).target_state_count(limit);
    let checker = checker.spawn_bfs().join();
    let how_far = if checker.state_count() < limit {
        "all stories".to_owned()
    } else {
        format!("all stories of {} actions", checker.max_depth() - 1)
    };
    println!(
        "{how_far}: {} states, {} unique, {:.0} s, {} MB",
        checker.state_count(),
        checker.unique_state_count(),
        began.elapsed().as_secs_f64(),
        peak_memory()
    );
    for law in [
        REGISTERS_THE_WRITER,
        SUCCEEDS_OVER_THE_WRITER,
        LEAVES_NO_TWO,
        ENDS_RIGHT_AFTER_CALM,
    ] {
        checker.assert_no_discovery(law);
    }
}

/// The most memory that this process has used so far, in MB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    kilobytes.unwrap().parse::<u64>().unwrap() / 1000
}

#[test]
fn two_runs_while_the_writer_moves() {
    explore(World::SMALL);
}

#[test]
fn one_run_until_all_evidence_has_had_its_time() {
    explore(World {
        runs: 1,
        horizon: 9,
        ..World::SMALL
    });
}

#[test]
fn two_runs_of_a_group_that_holds_members_while_the_writer_moves() {
    explore(World {
        holds: Holds::Members,
        groups: &[0b01, 0b11],
        horizon: 2,
        ..World::SMALL
    });
}

#[test]
fn two_runs_of_a_group_that_should_hold_members_and_sees_no_guard() {
    explore(World {
        holds: Holds::UnguardedMembers,
        horizon: 2,
        ..World::SMALL
    });
}

#[test]
fn one_run_of_a_group_that_holds_members_until_all_evidence_has_had_its_time() {
    explore(World {
        holds: Holds::Members,
        groups: &[0b01, 0b10, 0b11],
        members: 3,
        runs: 1,
        horizon: 7,
        ..World::SMALL
    });
}

#[test]
fn a_standby_without_the_guard_is_found() {
    let world = World {
        holds: Holds::UnguardedMembers,
        fault: Some(Fault::BelievesInTheGuard),
        ..World::SMALL
    };
    let found = HasDiscoveries::AllOf(BTreeSet::from([REGISTERS_THE_WRITER]));
    let checker = world.checker().threads(2).finish_when(found);
    let checker = checker.spawn_bfs().join();
    assert!(checker.discovery(REGISTERS_THE_WRITER).is_some());
}

#[test]
fn a_deliberate_fault_is_found() {
    for (fault, property) in [
        (Fault::BelievesAnnouncements, REGISTERS_THE_WRITER),
        (Fault::ReadsTheGroupOnce, SUCCEEDS_OVER_THE_WRITER),
        (Fault::EndsUnverified, LEAVES_NO_TWO),
        (Fault::NeverDeregisters, ENDS_RIGHT_AFTER_CALM),
    ] {
        let world = World {
            fault: Some(fault),
            groups: &[0b01, 0b00],
            ..World::SMALL
        };
        let found = HasDiscoveries::AllOf(BTreeSet::from([property]));
        let checker = world.checker().threads(2).finish_when(found);
        let checker = checker.spawn_bfs().join();
        println!("{fault:?}: {} states", checker.unique_state_count());
        assert!(
            checker.discovery(property).is_some(),
            "{fault:?} breaks nothing"
        );
    }
}

#[test]
#[ignore = "minutes and gigabytes; one at a time: --test-threads 1"]
fn three_members_and_two_runs() {
    explore_so_far(World {
        members: 3,
        horizon: 5,
        ..World::SMALL
    });
}

#[test]
#[ignore = "minutes and gigabytes; one at a time: --test-threads 1"]
fn two_members_and_three_runs() {
    explore_so_far(World {
        runs: 3,
        ..World::SMALL
    });
}

#[test]
#[ignore = "minutes and gigabytes; one at a time: --test-threads 1"]
fn two_runs_while_the_writer_moves_there_and_back() {
    explore_so_far(World {
        failovers: 2,
        ..World::SMALL
    });
}

#[test]
#[ignore = "minutes and gigabytes; one at a time: --test-threads 1"]
fn two_runs_until_all_evidence_has_had_its_time() {
    explore_so_far(World {
        horizon: 9,
        ..World::SMALL
    });
}

#[test]
#[ignore = "minutes and gigabytes; one at a time: --test-threads 1"]
fn a_write_that_fails_or_is_done_unanswered() {
    explore_so_far(World {
        failures: 1,
        groups: &[0b01, 0b00, 0b10],
        ..World::SMALL
    });
}
