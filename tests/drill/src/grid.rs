//! The cells of the table, and how they are played side by side.

use std::sync::Arc;

use anyhow::Result;
use futures_util::{StreamExt, stream};

use crate::cell::{Cell, Played, play};
use crate::clock::Scale;
use crate::kit::Kit;
use crate::path::Nowhere;
use crate::replica::{Place, Retry};
use crate::scenario::Scenario::{self, AnnouncedAtStart, NotAnnounced};
use crate::server::Product;
use crate::strategy::Strategy;

const DETACH: [Strategy; 1] = [Strategy::Detach];

/// MySQL's defaults: a replica stops nine minutes after it lost its source.
pub const DEFAULTS: Retry = Retry {
    interval: 60,
    count: 10,
};
/// A short interval, with the default count and with one that outlasts the load balancer.
const SHORT: Retry = Retry {
    interval: 10,
    count: 10,
};
const SHORT_AND_MANY: Retry = Retry {
    interval: 10,
    count: 50,
};
/// A long interval, which is what there is without the guard.
const LONG: Retry = Retry {
    interval: 240,
    count: 10,
};
/// As quick as a replica gets: it tells the order of the writes.
const EACH_SECOND: Retry = Retry {
    interval: 1,
    count: 600,
};

/// A cell as most of them are. The function's own times do not shorten, so that a cell with it is
/// played as fast as time passes; one with another strategy five times as fast, where the retry
/// interval, which a server counts in whole seconds, allows that.
#[must_use]
pub fn usual(scenario: Scenario, strategy: Strategy, propagation: u32, retry: Retry) -> Cell {
    Cell {
        scenario,
        strategy,
        propagation,
        nowhere: Nowhere::Refused,
        retry,
        place: Place::File,
        guarded: false,
        restarted: false,
        tpch: false,
        scale: Scale::new(if strategy.is_ours() || !retry.interval.is_multiple_of(5) {
            1
        } else {
            5
        }),
    }
}

/// The table's cells, chosen to tell apart what matters: the guard, the retries, the load balancer,
/// and the strategies where those leave them a difference.
#[must_use]
pub fn grid(product: Product) -> Vec<Cell> {
    let mut cells = order_of_writes();
    cells.extend(strategies());
    cells.extend(load_balancer());
    cells.extend(scenarios());
    cells.extend(ways_to_lead_nowhere());
    if product == Product::MySql {
        cells.extend(restarted());
    }
    let mut grid: Vec<Cell> = Vec::new();
    for cell in cells {
        if !grid.contains(&cell) {
            grid.push(cell);
        }
    }
    grid
}

/// Every combination of these, unguarded.
pub(crate) fn every(
    scenarios: &[Scenario],
    strategies: &[Strategy],
    propagations: &[u32],
    retries: &[Retry],
) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &scenario in scenarios {
        for &propagation in propagations {
            for &retry in retries {
                for &strategy in strategies {
                    cells.push(usual(scenario, strategy, propagation, retry));
                }
            }
        }
    }
    cells
}

/// The same cells, guarded.
pub(crate) fn guarded(cells: Vec<Cell>) -> impl Iterator<Item = Cell> {
    cells.into_iter().map(|cell| Cell {
        guarded: true,
        ..cell
    })
}

/// What cannot be shortened takes longest, and begins first.
fn order_of_writes() -> Vec<Cell> {
    let strategies = [Strategy::RegisterFirst, Strategy::Wait, Strategy::Detach];
    every(&[AnnouncedAtStart], &strategies, &[0, 5], &[EACH_SECOND])
}

/// The strategies: a load balancer that obeys at once.
fn strategies() -> Vec<Cell> {
    let mut cells = every(
        &Scenario::of_the_cluster(),
        &Strategy::followers(),
        &[0],
        &[SHORT_AND_MANY],
    );
    let slow = every(
        &[AnnouncedAtStart, NotAnnounced],
        &[Strategy::PollEachMinute, Strategy::Wait],
        &[120],
        &[DEFAULTS, SHORT_AND_MANY],
    );
    cells.extend(guarded(slow));
    cells
}

/// The load balancer against the retries, with the guard and without.
fn load_balancer() -> Vec<Cell> {
    let mut cells = Vec::new();
    for retry in [DEFAULTS, SHORT, SHORT_AND_MANY, LONG] {
        let these = || every(&[AnnouncedAtStart], &DETACH, &[0, 30, 90, 120], &[retry]);
        cells.extend(these());
        cells.extend(guarded(these()));
    }
    let by_gtid = |cell| Cell {
        place: Place::Gtid,
        ..cell
    };
    let gtid = every(&[AnnouncedAtStart], &DETACH, &[0, 120], &[DEFAULTS]);
    cells.extend(guarded(gtid.clone()).map(by_gtid));
    cells.extend(gtid.into_iter().map(by_gtid));
    cells
}

/// Everything that can befall the cluster, the load balancer at its slowest.
fn scenarios() -> Vec<Cell> {
    let others: Vec<_> = Scenario::of_the_cluster()
        .into_iter()
        .filter(|one| *one != AnnouncedAtStart)
        .collect();
    let mut cells = every(&others, &DETACH, &[30, 120], &[DEFAULTS]);
    cells.extend(guarded(every(
        &others,
        &DETACH,
        &[120],
        &[DEFAULTS, SHORT_AND_MANY],
    )));
    cells
}

/// What becomes of a connection while no target is in.
fn ways_to_lead_nowhere() -> Vec<Cell> {
    let mut cells = Vec::new();
    for nowhere in [Nowhere::Closed, Nowhere::Unanswered] {
        let retries = [DEFAULTS, SHORT, SHORT_AND_MANY];
        let these = guarded(every(&[AnnouncedAtStart], &DETACH, &[120], &retries));
        cells.extend(these.map(|cell| Cell { nowhere, ..cell }));
    }
    cells
}

/// The event that starts a stopped receiver, in the place of the guard and of the count.
fn restarted() -> Vec<Cell> {
    let mut cells = every(
        &[AnnouncedAtStart, NotAnnounced],
        &DETACH,
        &[120],
        &[DEFAULTS],
    );
    cells.extend(guarded(every(
        &[AnnouncedAtStart],
        &DETACH,
        &[120],
        &[SHORT],
    )));
    let restarted = |cell| Cell {
        restarted: true,
        ..cell
    };
    cells.into_iter().map(restarted).collect()
}

/// Plays cells, so many side by side, and returns them in their order. `done` is called with each
/// as it ends.
///
/// # Errors
/// As [`play`]; a cell that breaks is tried twice more.
pub async fn play_all(
    kit: &Arc<Kit>,
    cells: Vec<Cell>,
    side_by_side: usize,
    done: impl Fn(usize, &Played),
) -> Result<Vec<Played>> {
    let playing = cells.into_iter().enumerate().map(|(number, cell)| {
        let kit = Arc::clone(kit);
        async move {
            let mut played = play(&kit, cell, false).await;
            for _ in 0..2 {
                if played.is_err() {
                    played = play(&kit, cell, false).await;
                }
            }
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
