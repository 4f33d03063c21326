//! What a strategy's writes were worth: each group that it left, held against who was the Writer.

use std::time::Duration;

use failover_follower::world::Target;

use super::failover::{Failover, Flip};
use crate::state::State;
use crate::universe::{PORT, address};

/// How one move of the Writer was followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// From the flip to the Writer's target, and no other, being in; `None` where that never was so
    /// before the Writer moved on or a quarter of an hour was over.
    pub after: Option<Duration>,
    /// Time from "Started" to the flip in which a target was registered that was not the Writer's.
    pub wrong_before: Duration,
    /// The same after the flip, until the next "Started".
    pub wrong_after: Duration,
}

/// How a failover was followed.
#[derive(Clone, Debug)]
pub struct Score {
    /// Each move of the Writer.
    pub followed: Vec<Followed>,
    /// From the first "Started" to the end, the time in which the group was empty or wrong.
    pub away: Duration,
    /// Whether somebody else than the Writer was registered at the end.
    pub ends_wrong: bool,
    /// Whether the Writer, and nobody else, was registered at the end.
    pub ends_right: bool,
    /// Calls that wrote.
    pub writes: usize,
}

/// The group between two moments in which nothing changed.
struct Stretch {
    from: Duration,
    to: Duration,
    writer: Target,
    held: Vec<Target>,
}

impl Stretch {
    fn is_right(&self) -> bool {
        self.held == [self.writer.clone()]
    }

    fn is_wrong(&self) -> bool {
        self.held.iter().any(|target| *target != self.writer)
    }

    /// How much of it lies between two moments.
    fn within(&self, from: Duration, to: Duration) -> Duration {
        self.to.min(to).saturating_sub(self.from.max(from))
    }
}

impl Score {
    pub(super) fn of(failover: &Failover, state: &State) -> Self {
        let stretches = stretches(failover, state);
        let until_next = |flip: &Flip| {
            let next = failover.flips.iter().find(|next| next.at == flip.until);
            next.map_or(flip.until, |next| next.started)
        };
        let time = |from, to, counts: fn(&Stretch) -> bool| {
            let counted = stretches.iter().filter(|stretch| counts(stretch));
            counted.map(|stretch| stretch.within(from, to)).sum()
        };
        let followed = failover.flips.iter().map(|flip| Followed {
            after: stretches
                .iter()
                .filter(|stretch| stretch.is_right())
                .filter(|stretch| stretch.within(flip.at, flip.until) > Duration::ZERO)
                .map(|stretch| stretch.from.saturating_sub(flip.at))
                .min(),
            wrong_before: time(flip.started, flip.at, Stretch::is_wrong),
            wrong_after: time(flip.at, until_next(flip), Stretch::is_wrong),
        });
        let began = Duration::from_secs(20);
        Self {
            followed: followed.collect(),
            away: time(began, failover.end, |stretch| !stretch.is_right()),
            ends_wrong: stretches.last().is_some_and(Stretch::is_wrong),
            ends_right: stretches.last().is_some_and(Stretch::is_right),
            writes: state.writes.len(),
        }
    }
}

/// Cuts time at every write and at every move of the Writer.
fn stretches(failover: &Failover, state: &State) -> Vec<Stretch> {
    let writes = || state.writes.iter().filter(|write| write.at < failover.end);
    let flips = failover.flips.iter().map(|flip| flip.at);
    let mut cuts: Vec<Duration> = writes().map(|write| write.at).chain(flips).collect();
    cuts.extend([Duration::ZERO, failover.end]);
    cuts.sort_unstable();
    cuts.dedup();
    let stretch = |pair: &[Duration]| {
        let (from, to) = (pair[0], pair[1]);
        let left = writes().take_while(|write| write.at <= from).last();
        Stretch {
            from,
            to,
            writer: state.target(&failover.writer(from)),
            held: left.map_or_else(
                || vec![Target::new(address(1), PORT)],
                |write| write.left.clone(),
            ),
        }
    };
    cuts.windows(2).map(stretch).collect()
}
