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
//! always right, a CNAME and an event log that lag as they like, a log that may not be read, payloads
//! that arrive at any time or never; runs side by side, each of which may be cut off between any two of
//! its steps. A look is one moment; a write lands later, and anything may happen between.

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

/// Two members and two runs while the Writer moves once.
fn small() -> World {
    World {
        members: 2,
        runs: 2,
        failovers: 1,
        horizon: 2,
        slow: 1,
        groups: vec![0b01],
        fault: None,
    }
}

fn explore(world: World) {
    let began = Instant::now();
    println!("{world:?}");
    let checker = world.checker().threads(2).spawn_dfs().join();
    println!(
        "{} states, {} of them unique, depth {}, {:.0} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64()
    );
    checker.assert_properties();
}

#[test]
fn two_runs_while_the_writer_moves() {
    explore(small());
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
            horizon: 3,
            groups: vec![0b01, 0b00],
            ..small()
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

fn var(name: &str, default: u8) -> u8 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

#[test]
fn tune() {
    explore(World {
        members: var("M", 2),
        runs: var("R", 1),
        failovers: var("F", 1),
        horizon: var("H", 4),
        slow: var("S", 1),
        groups: (0..var("G", 1))
            .map(|g| [1, 0, 2][usize::from(g)])
            .collect(),
        fault: None,
    });
}
