//! What every scenario is made of, and how it is judged.

use std::time::Duration;

use failover_follower::error::RunError;
use failover_follower::report::RouteReport;
use failover_follower::world::Target;
use serde_json::Value;
use simulated_world::universe::{PORT, address};
use simulated_world::{Invocation, Lambda, Run, Universe};

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A delivery, so many seconds after the universe began.
pub(crate) fn at(when: u64, payload: Value) -> Invocation {
    Invocation::new(seconds(when), payload)
}

/// Where the instance of this number is at first.
pub(crate) fn target(number: usize) -> Target {
    Target::new(address(number), PORT)
}

/// The cluster's event log shows this a second after it happened.
pub(crate) fn log(universe: &Universe, happened: u64, message: impl AsRef<str>) {
    universe.log(seconds(happened), message.as_ref(), seconds(1));
}

/// Lambda that tries nothing again, so that each scenario is one run's.
pub(crate) fn once() -> Lambda {
    Lambda {
        retries: false,
        ..Lambda::default()
    }
}

/// What a run reports of its one route.
pub(crate) fn of(run: &Run) -> &RouteReport {
    &run.report.routes[0]
}

pub(crate) fn error_type(run: &Run) -> Option<&'static str> {
    of(run).error.as_ref().map(RunError::error_type)
}

pub(crate) fn history(universe: &Universe) -> String {
    universe.now().history.join("\n")
}

/// No law was broken, none but the Writer was ever registered, and the group holds it alone.
#[track_caller]
pub(crate) fn assert_right(universe: &Universe) {
    let history = history(universe);
    let state = universe.now();
    assert!(state.broken.is_empty(), "{:#?}\n{history}", state.broken);
    assert_eq!(state.tally().another.times, 0, "{history}");
    assert!(
        state.is_right(),
        "the group holds {:?}, the Writer is {}\n{history}",
        state.registered(),
        state.writer
    );
}

/// Nothing was written, nor tried.
#[track_caller]
pub(crate) fn assert_nothing_written(universe: &Universe) {
    let history = history(universe);
    assert!(universe.now().writes.is_empty(), "{history}");
    assert!(!history.contains("registers"), "{history}");
}

/// A target was never in the group after a write, and never put in.
#[track_caller]
pub(crate) fn assert_never(universe: &Universe, target: &Target) {
    let history = history(universe);
    let writes = universe.now().writes.clone();
    let wrong = writes.iter().find(|write| write.left.contains(target));
    assert!(wrong.is_none(), "{wrong:?}\n{history}");
    assert!(
        !history.contains(&format!(" registers {target}")),
        "{history}"
    );
}
