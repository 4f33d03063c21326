//! Asks one witness, once, at each event, and takes its answer.

use failover_follower::world::{Target, World};

use super::{switch, target_of, target_of_cluster, wait_until};
use crate::race::failover::Failover;
use crate::seat::Seat;
use crate::universe::{Universe, route};

/// Asks DNS for the cluster endpoint.
pub(super) async fn ask_dns(failover: &Failover, universe: &Universe) {
    at_each_event(failover, universe, async |seat| {
        target_of_cluster(seat).await.ok()
    })
    .await;
}

/// Asks the API for the Writer. Where it lists none, nothing is done.
pub(super) async fn ask_the_api(failover: &Failover, universe: &Universe) {
    at_each_event(failover, universe, async |seat| {
        let writer = seat.source(&route().source, None).await.ok()?.writer?;
        target_of(seat, &writer).await.ok()
    })
    .await;
}

async fn at_each_event(
    failover: &Failover,
    universe: &Universe,
    ask: impl AsyncFn(&Seat) -> Option<Target>,
) {
    let seat = Seat::new(universe, "once");
    for (at, _) in &failover.events {
        wait_until(universe, *at).await;
        if let Some(target) = ask(&seat).await {
            // Nothing fails in this race, and nobody here would try again.
            let _ = switch(&seat, &target).await;
        }
    }
}
