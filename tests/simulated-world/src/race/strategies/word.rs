//! Believes every failover event and makes whom it names the target, at its start as at its end.

use super::{switch, target_of, wait_until};
use crate::race::failover::Failover;
use crate::seat::Seat;
use crate::statement::statements;
use crate::universe::Universe;

pub(super) async fn follow(failover: &Failover, universe: &Universe) {
    let seat = Seat::new(universe, "word");
    for (at, payload) in &failover.events {
        wait_until(universe, *at).await;
        let statements = statements(payload);
        if let Some(named) = statements.iter().find_map(|said| said.says.names())
            && let Ok(target) = target_of(&seat, named).await
        {
            // Nothing fails in this race, and nobody here would try again.
            let _ = switch(&seat, &target).await;
        }
    }
}
