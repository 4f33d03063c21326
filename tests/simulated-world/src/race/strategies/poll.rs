//! Asks DNS for the cluster endpoint every so often, as the many copies of "hostname as target" do.

use std::time::Duration;

use super::{switch, target_of_cluster, wait_until};
use crate::race::failover::Failover;
use crate::seat::Seat;
use crate::universe::Universe;

pub(super) async fn follow(failover: &Failover, universe: &Universe, every: Duration) {
    let seat = Seat::new(universe, "poll");
    for tick in failover.ticks(every) {
        wait_until(universe, tick).await;
        if let Ok(target) = target_of_cluster(&seat).await {
            // Nothing fails in this race, and the next tick would try again.
            let _ = switch(&seat, &target).await;
        }
    }
}
