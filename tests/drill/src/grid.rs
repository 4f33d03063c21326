//! The cells of the table, and how they are played side by side.

use std::sync::Arc;

use anyhow::Result;
use futures_util::{StreamExt, stream};

use crate::cell::{Cell, Played, play};
use crate::clock::Scale;
use crate::kit::Kit;
use crate::replica::Place;
use crate::scenario::Scenario;
use crate::strategy::Strategy;

const OURS: [Strategy; 2] = [Strategy::Wait, Strategy::Detach];

/// A cell as most of them are. `MariaDB` counts its retry interval in whole seconds, so that one of
/// 1 s cannot be shortened: such a cell is played as fast as time passes.
#[must_use]
pub fn usual(scenario: Scenario, strategy: Strategy, propagation: u32, retry: u32) -> Cell {
    Cell {
        scenario,
        strategy,
        propagation,
        retry,
        place: Place::File,
        guarded: false,
        scale: Scale::new(if retry.is_multiple_of(5) { 5 } else { 1 }),
    }
}

/// The table's cells, chosen to tell the strategies apart.
#[must_use]
pub fn grid() -> Vec<Cell> {
    use Scenario::{AnnouncedAtEnd, AnnouncedAtStart, AnnouncedLate, FailoverFails, NotAnnounced};
    let mut cells = Vec::new();
    let mut add = |scenarios: &[Scenario], strategies: &[Strategy], waits: &[(u32, u32)]| {
        for &scenario in scenarios {
            for &(propagation, retry) in waits {
                for &strategy in strategies {
                    cells.push(usual(scenario, strategy, propagation, retry));
                }
            }
        }
    };
    // What cannot be shortened takes longest, and begins first.
    add(&[AnnouncedAtStart], &Strategy::ALL, &[(0, 1), (5, 1)]);
    add(&[AnnouncedAtEnd], &OURS, &[(0, 1)]);
    // A retry interval longer than the load balancer takes, and than the schedule takes beside.
    add(&[AnnouncedAtStart], &OURS, &[(90, 180), (120, 180)]);
    add(&[AnnouncedLate, NotAnnounced], &OURS, &[(120, 240)]);
    // The strategies: a load balancer that does at once what it is told.
    add(&Scenario::ALL, &Strategy::ALL, &[(0, 10)]);
    // The load balancer.
    let waits = [(0, 60), (30, 10), (30, 60), (90, 10), (90, 60), (120, 60)];
    add(&[AnnouncedAtStart], &Strategy::ALL, &waits);
    // MySQL's default retry interval and a load balancer at its quickest.
    let others: Vec<_> = Scenario::ALL
        .into_iter()
        .filter(|scenario| *scenario != AnnouncedAtStart)
        .collect();
    add(&others, &OURS, &[(30, 60)]);
    add(&[FailoverFails], &OURS, &[(90, 10)]);
    // Readers that refuse the replication user, the load balancer at its slowest and not.
    let mut guarded = Vec::new();
    for scenario in Scenario::ALL {
        guarded.extend(OURS.map(|strategy| usual(scenario, strategy, 120, 60)));
    }
    for scenario in [AnnouncedAtStart, NotAnnounced] {
        guarded.push(usual(scenario, Strategy::PollEachMinute, 120, 60));
        for (propagation, retry) in [(0, 10), (90, 10)] {
            let strategies = [Strategy::PollEachMinute, Strategy::Wait, Strategy::Detach];
            guarded
                .extend(strategies.map(|strategy| usual(scenario, strategy, propagation, retry)));
        }
    }
    cells.extend(guarded.into_iter().map(|cell| Cell {
        guarded: true,
        ..cell
    }));
    // GTID.
    for (propagation, strategy) in [
        (0, Strategy::Detach),
        (0, Strategy::LookOnce),
        (30, Strategy::Detach),
    ] {
        let place = Place::Gtid;
        cells.push(Cell {
            place,
            ..usual(AnnouncedAtStart, strategy, propagation, 10)
        });
    }
    cells
}

/// Plays cells, so many side by side, and returns them in their order. `done` hears of each as it
/// ends.
///
/// # Errors
/// As [`play`]; a cell that breaks is tried once more.
pub async fn play_all(
    kit: &Arc<Kit>,
    cells: Vec<Cell>,
    side_by_side: usize,
    done: impl Fn(usize, &Played),
) -> Result<Vec<Played>> {
    let playing = cells.into_iter().enumerate().map(|(number, cell)| {
        let kit = Arc::clone(kit);
        async move {
            let played = match play(&kit, cell, false).await {
                Err(_) => play(&kit, cell, false).await,
                played => played,
            };
            played.map(|played| (number, played))
        }
    });
    let mut playing = stream::iter(playing).buffer_unordered(side_by_side.max(1));
    let mut all = Vec::new();
    while let Some(played) = playing.next().await {
        let (number, played) = played?;
        done(all.len() + 1, &played);
        all.push((number, played));
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, played)| played).collect())
}
