//! This function: the real handler, woken by each event and by the clock.

use std::time::Duration;

use failover_follower::config::{OnFailoverStart, Settings};

use crate::lambda::{Invocation, Lambda};
use crate::payload::schedule;
use crate::race::failover::Failover;
use crate::universe::Universe;

pub(super) async fn follow(failover: &Failover, universe: &Universe, on_start: OnFailoverStart) {
    let settings = Settings {
        on_failover_start: on_start,
        ..Settings::default()
    };
    let lambda = Lambda {
        settings,
        ..Lambda::default()
    };
    let events = failover.events.iter().cloned();
    let ticks = failover
        .ticks(Duration::from_mins(1))
        .map(|tick| (tick, schedule()));
    let invocations = events
        .chain(ticks)
        .map(|(at, payload)| Invocation::new(at, payload));
    lambda.deliver(universe, invocations.collect()).await;
}
