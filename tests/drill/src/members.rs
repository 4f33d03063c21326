//! All members in the group, guarded, and nothing that follows: a matter of chance, so that each
//! cell is played several times. Beside it a group that is kept on the Writer.

use std::fmt::Write as _;

use crate::cell::{Cell, Played};
use crate::grid::{DEFAULTS, every, guarded};
use crate::outcome::Fate;
use crate::replica::Retry;
use crate::scenario::Scenario::{self, AnnouncedAtStart, Cut, NotAnnounced, TwoInARow};
use crate::strategy::Strategy;
use crate::summary::median;
use crate::timeline::Topic;

/// Nothing is registered or deregistered, so the load balancer's time cannot matter: its two ends
/// show that it does not.
const PROPAGATIONS: [u32; 2] = [0, 120];

/// The members table's cells, those of `members` so many times each. What takes longest comes
/// first: the function, which cannot be played faster, at its best, with an announced failover.
#[must_use]
pub fn member_cells(times: usize) -> Vec<Cell> {
    let retry = |interval, count| Retry { interval, count };
    let many = [5, 10, 60].map(|interval| retry(interval, 100));
    let few = [5, 10, 60].map(|interval| retry(interval, 10));
    let all = [many, few].concat();
    let mut cells = every(&[AnnouncedAtStart], &[Strategy::Detach], &[120], &all);
    // One is enough: with the Writer alone the first try, which is made at once, finds it.
    cells.extend(every(&[Cut], &[Strategy::Detach], &[120], &[DEFAULTS]));
    let members = |scenarios: &[Scenario], retries: &[Retry]| {
        every(scenarios, &[Strategy::Members], &PROPAGATIONS, retries)
    };
    let mut chance = members(&[AnnouncedAtStart, NotAnnounced], &all);
    // The only scenario with a third instance.
    chance.extend(members(&[TwoInARow], &many[..2]));
    chance.extend(members(&[Cut], &many));
    cells.extend(std::iter::repeat_n(chance, times).flatten());
    guarded(cells).collect()
}

/// The chance that a replica's tries run out where each of them meets one of `n` members: the
/// first is made at once, and those of the first `without_writer` seconds are lost.
fn chance_to_run_out(n: usize, retry: Retry, without_writer: f64) -> f64 {
    let lost = (without_writer / f64::from(retry.interval)).floor();
    let left = (f64::from(retry.count) - 1.0 - lost).max(0.0);
    let members = u32::try_from(n).unwrap_or(u32::MAX);
    (1.0 - 1.0 / f64::from(members)).powf(left)
}

/// What becomes of the members table's cells, those that differ in nothing but the load balancer's
/// time and in chance counted together.
#[must_use]
pub fn member_table(played: &[Played]) -> String {
    let mut text = String::from(
        "| strategy | scenario | in the group | load balancer | retry | ran out | by the arithmetic \
         | back, median | worst | behind, median | worst | tries in vain, median | worst |\n",
    );
    let _ = writeln!(text, "|{}", "---|".repeat(13));
    let key = |one: &Played| (one.cell.strategy, one.cell.scenario, one.cell.retry);
    let mut keys = Vec::new();
    for one in played {
        if !keys.contains(&key(one)) {
            keys.push(key(one));
        }
    }
    for (strategy, scenario, retry) in keys {
        let alike = |one: &&Played| key(one) == (strategy, scenario, retry);
        let alike: Vec<_> = played.iter().filter(alike).collect();
        let mut propagations: Vec<_> = alike.iter().map(|one| one.cell.propagation).collect();
        propagations.sort_unstable();
        propagations.dedup();
        let propagations: Vec<_> = propagations.iter().map(ToString::to_string).collect();
        let (members, chance) = if strategy == Strategy::Members {
            let n = scenario.instances().len();
            let without = alike.iter().map(|one| without_writer(one));
            let chance = chance_to_run_out(n, retry, without.fold(0.0, f64::max));
            (n, percent(chance))
        } else {
            (1, "–".to_owned())
        };
        let stopped = |one: &&&Played| matches!(one.outcome.fate, Fate::Stopped(_));
        let recovered = |one: &&&Played| one.outcome.fate == Fate::Recovered;
        let behind = alike.iter().filter(recovered).map(|one| one.outcome.behind);
        let back = alike.iter().filter_map(|one| back(one));
        let tries = alike.iter().map(|one| f64::from(one.outcome.tries));
        let _ = writeln!(
            text,
            "| {strategy} | {scenario} | {members} | {} s | {retry} | {} of {} | {chance} | {} | \
             {} | {} |",
            propagations.join(", "),
            alike.iter().filter(stopped).count(),
            alike.len(),
            spread(back, 1, " s"),
            spread(behind, 0, " s"),
            spread(tries, 0, ""),
        );
    }
    text
}

/// For how long there was no Writer, at worst.
fn without_writer(played: &Played) -> f64 {
    let mut killed = None;
    let mut longest: f64 = 0.0;
    for entry in &played.entries {
        match entry.topic {
            Topic::Killed => killed = killed.or(Some(entry.at)),
            Topic::Promoted => longest = longest.max(entry.at - killed.take().unwrap_or(entry.at)),
            _ => {}
        }
    }
    longest
}

/// Seconds from the latest Writer being up, or from the cut, until the replica has a row that was
/// written after; `None` where it got none.
fn back(played: &Played) -> Option<f64> {
    let starts = |topic| matches!(topic, Topic::Promoted | Topic::Cut);
    let from = played.entries.iter().rfind(|one| starts(one.topic))?.at;
    let mut samples = played.samples.iter().skip_while(|one| one.at < from);
    let first = samples.next()?;
    let flows = samples.find(|one| one.replicated > first.committed)?;
    Some(flows.at - from)
}

fn percent(chance: f64) -> String {
    match chance * 100.0 {
        tiny if tiny < 0.01 => "< 0.01 %".to_owned(),
        some => format!("{some:.2} %"),
    }
}

/// Median and worst, as two cells of a row.
fn spread(values: impl Iterator<Item = f64>, digits: usize, unit: &str) -> String {
    let values: Vec<f64> = values.collect();
    match (median(&values), values.iter().copied().reduce(f64::max)) {
        (Some(median), Some(worst)) => {
            format!("{median:.digits$}{unit} | {worst:.digits$}{unit}")
        }
        _ => "– | –".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::usual;
    use crate::outcome::Outcome;
    use crate::timeline::{Entry, Sample};

    /// A failover at 6 s with a new Writer at 8 s, after which rows flow at `flows`, or never.
    fn played(strategy: Strategy, propagation: u32, flows: Option<f64>) -> Played {
        let retry = Retry {
            interval: 5,
            count: 10,
        };
        let entry = |at, topic| Entry {
            at,
            topic,
            what: String::new(),
        };
        let sample = |at, replicated| Sample {
            at,
            committed: 100,
            replicated,
        };
        let mut samples = vec![sample(7.0, 90), sample(8.5, 100), sample(9.0, 100)];
        samples.extend(flows.map(|at| sample(at, 101)));
        let behind = flows.map_or(50.0, |at| at - 6.0);
        Played {
            cell: usual(AnnouncedAtStart, strategy, propagation, retry),
            outcome: Outcome {
                fate: flows.map_or(Fate::Stopped(0), |_| Fate::Recovered),
                behind,
                without_source: behind,
                tries: 3,
                stops: 0,
                acknowledged: 400,
                lost_by_source: 0,
                missing: 0,
                twice: 0,
                exposed: 0.0,
                late: 0.0,
            },
            proof: None,
            entries: vec![entry(6.0, Topic::Killed), entry(8.0, Topic::Promoted)],
            samples,
        }
    }

    #[test]
    fn the_chance_to_run_out_counts_the_tries_that_are_left_once_there_is_a_writer() {
        let retry = |interval, count| Retry { interval, count };
        for (n, retry, without, chance) in [
            (2, retry(5, 3), 0.0, 0.25),
            (2, retry(5, 3), 4.9, 0.25),
            (2, retry(5, 3), 5.0, 0.5),
            (3, retry(10, 3), 9.0, 4.0 / 9.0),
            (2, retry(5, 3), 60.0, 1.0),
            (1, retry(5, 3), 0.0, 0.0),
        ] {
            let is = chance_to_run_out(n, retry, without);
            assert!((is - chance).abs() < 1e-9, "{n}, {retry}, {without}: {is}");
        }
        assert_eq!(
            [0.25, 1.0 / 512.0, 1e-9].map(percent),
            ["25.00 %", "0.20 %", "< 0.01 %"]
        );
    }

    #[test]
    fn draws_that_differ_only_in_the_load_balancer_are_one_row() {
        let table = member_table(&[
            played(Strategy::Members, 0, Some(9.5)),
            played(Strategy::Members, 120, Some(18.0)),
            played(Strategy::Members, 120, None),
            played(Strategy::Detach, 120, Some(129.0)),
        ]);
        let rows: Vec<_> = table.lines().skip(2).collect();
        let expected = [
            "| members | announced-at-start | 2 | 0, 120 s | 5 s × 10 | 1 of 3 | 0.20 % \
             | 5.8 s | 10.0 s | 8 s | 12 s | 3 | 3 |",
            "| detach | announced-at-start | 1 | 120 s | 5 s × 10 | 0 of 1 | – \
             | 121.0 s | 121.0 s | 123 s | 123 s | 3 | 3 |",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn members_are_guarded_and_each_draw_is_played_so_many_times() {
        let count = |times| {
            let cells = member_cells(times);
            assert!(cells.iter().all(|cell| cell.guarded));
            let of = |strategy| cells.iter().filter(|one| one.strategy == strategy).count();
            (of(Strategy::Members), of(Strategy::Detach))
        };
        let (once, beside) = count(1);
        assert_eq!(count(3), (3 * once, beside));
    }
}
