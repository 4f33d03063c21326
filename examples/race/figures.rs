//! From thousands of scores to the figures of a table.

use std::time::Duration;

use simulated_world::race::{Ending, Failover, Followed, News, Strategy};

use crate::Race;

/// What the table and the picture are made of.
pub(crate) struct Figures {
    /// How many failovers.
    pub(crate) failovers: usize,
    /// How many of them failed, moved back, or were never told of.
    pub(crate) failed: usize,
    pub(crate) moved_back: usize,
    pub(crate) untold: usize,
    /// One line a strategy, in the table's order.
    pub(crate) lines: Vec<Line>,
    /// The limit and ours again, by what became of the events.
    pub(crate) by_news: Vec<(News, Vec<Line>)>,
}

/// A strategy's figures.
pub(crate) struct Line {
    pub(crate) strategy: Strategy,
    /// Seconds from each flip to the right target, in order.
    pub(crate) after: Vec<f64>,
    /// Flips, those that were never followed among them.
    pub(crate) flips: usize,
    /// Seconds behind the limit at each flip that both followed, in order.
    pub(crate) behind: Vec<f64>,
    /// Seconds on a wrong target, flip by flip, in order.
    pub(crate) wrong_before: Vec<f64>,
    pub(crate) wrong_after: Vec<f64>,
    /// Flips around which a wrong target was registered at all.
    pub(crate) met_wrong: usize,
    /// Seconds away from a Writer who stayed, in each failover that failed, in order.
    pub(crate) away: Vec<f64>,
    /// Failovers that did not end with the Writer, and nobody else, in the group.
    pub(crate) end_not_right: usize,
    /// Writes a failover.
    pub(crate) writes: f64,
}

impl Figures {
    pub(crate) fn of(races: &[Race]) -> Self {
        let all: Vec<&Race> = races.iter().collect();
        let of_news = |news| {
            let some: Vec<&Race> = all
                .iter()
                .filter(|race| race.failover.news == news)
                .copied()
                .collect();
            let lines = (0..3).map(|number| Line::of(&some, number)).collect();
            (news, lines)
        };
        let count =
            |is: &dyn Fn(&Failover) -> bool| all.iter().filter(|race| is(&race.failover)).count();
        Self {
            failovers: races.len(),
            failed: count(&|failover| failover.ending == Ending::Failed),
            moved_back: count(&|failover| failover.ending == Ending::MovedBack),
            untold: count(&|failover| failover.news == News::None),
            lines: (0..Strategy::ALL.len())
                .map(|number| Line::of(&all, number))
                .collect(),
            by_news: [News::InTime, News::Patchy, News::None].map(of_news).into(),
        }
    }
}

impl Line {
    /// The strategy of this number, over these failovers.
    fn of(races: &[&Race], number: usize) -> Self {
        let scores = || races.iter().map(|race| &race.scores[number]);
        let followed = || scores().flat_map(|score| &score.followed);
        let limits = races.iter().flat_map(|race| &race.scores[0].followed);
        let behind = followed()
            .zip(limits)
            .filter_map(|(own, limit)| Some(own.after?.as_secs_f64() - limit.after?.as_secs_f64()));
        let failed = races
            .iter()
            .filter(|race| race.failover.ending == Ending::Failed);
        let of_flips = |time: fn(&Followed) -> Duration| in_order(followed().map(time).map(secs));
        let writes: usize = scores().map(|score| score.writes).sum();
        Self {
            strategy: Strategy::ALL[number],
            after: in_order(followed().filter_map(|one| one.after).map(secs)),
            flips: followed().count(),
            behind: in_order(behind),
            wrong_before: of_flips(|one| one.wrong_before),
            wrong_after: of_flips(|one| one.wrong_after),
            met_wrong: followed()
                .filter(|one| one.wrong_before + one.wrong_after > Duration::ZERO)
                .count(),
            away: in_order(failed.map(|race| secs(race.scores[number].away))),
            end_not_right: scores().filter(|score| !score.ends_right).count(),
            writes: ratio(writes, races.len()),
        }
    }

    /// Seconds within which that share of all flips was followed; `None` where it never was.
    pub(crate) fn within(&self, share: f64) -> Option<f64> {
        at(&self.after, self.flips, share)
    }

    /// The same, behind the limit.
    pub(crate) fn behind(&self, share: f64) -> Option<f64> {
        at(&self.behind, self.behind.len(), share)
    }

    /// Flips that were never followed.
    pub(crate) fn never(&self) -> usize {
        self.flips - self.after.len()
    }
}

fn secs(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn in_order(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The value that this share of `count` values does not exceed, of which the last may be missing.
fn at(values: &[f64], count: usize, share: f64) -> Option<f64> {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of some thousands"
    )]
    let rank = (count as f64 * share).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

/// A share, or a mean.
#[allow(clippy::cast_precision_loss, reason = "some thousands")]
pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// The mean of values in order, and the highest.
pub(crate) fn mean_and_worst(values: &[f64]) -> (f64, f64) {
    let sum: f64 = values.iter().sum();
    #[allow(clippy::cast_precision_loss, reason = "some thousands")]
    let mean = sum / values.len().max(1) as f64;
    (mean, values.last().copied().unwrap_or_default())
}
