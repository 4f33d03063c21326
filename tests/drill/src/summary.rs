//! What the table comes to.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::cell::{Cell, Played};
use crate::outcome::Fate;
use crate::path::Nowhere;
use crate::replica::{Place, Retry};
use crate::scenario::Scenario;
use crate::strategy::Strategy;

/// The longest outage to plan for, in seconds: the failover, and a load balancer at its slowest.
const OUTAGE: u32 = 360;

/// The guard and the retries against the load balancer, in those cells that differ in nothing else.
#[must_use]
pub fn matrix(played: &[Played]) -> String {
    let is_plain = |cell: &Cell| {
        cell.scenario == Scenario::AnnouncedAtStart
            && cell.strategy == Strategy::Detach
            && cell.place == Place::File
            && cell.nowhere == Nowhere::Refused
            && !cell.restarted
    };
    let plain: Vec<_> = played.iter().filter(|one| is_plain(&one.cell)).collect();
    let row = |cell: &Cell| (!cell.guarded, cell.retry.interval, cell.retry.count);
    let rows: BTreeSet<_> = plain.iter().map(|one| row(&one.cell)).collect();
    let columns: BTreeSet<_> = plain.iter().map(|one| one.cell.propagation).collect();
    let mut text = String::from("| guard | retry |");
    for column in &columns {
        let _ = write!(text, " load balancer {column} s |");
    }
    let _ = writeln!(text, "\n|{}", "---|".repeat(columns.len() + 2));
    for one in rows {
        let (unguarded, interval, count) = one;
        let guard = if unguarded { "no" } else { "yes" };
        let _ = write!(text, "| {guard} | {} |", Retry { interval, count });
        for &column in &columns {
            let here =
                |played: &&&Played| row(&played.cell) == one && played.cell.propagation == column;
            let ended = plain.iter().find(here).map(|played| ended(played));
            let _ = write!(text, " {} |", ended.unwrap_or("–".to_owned()));
        }
        text.push('\n');
    }
    text
}

fn ended(played: &Played) -> String {
    match played.outcome.fate {
        Fate::Recovered => format!("{:.0} s behind", played.outcome.behind),
        Fate::Stopped(number) => format!("**stopped**, {number}"),
        Fate::Searching => "not recovered".to_owned(),
    }
}

/// How many cells recovered, with the guard and without, by whether the retries outlast the outage.
#[must_use]
pub fn tally(played: &[Played]) -> String {
    let outlasts = |retry: Retry| retry.interval * retry.count.saturating_sub(1) > OUTAGE;
    let mut text = format!(
        "| guard | interval × (count − 1) > {OUTAGE} s | recovered by itself |\n|---|---|---|\n"
    );
    for (guarded, lasts) in [(true, true), (true, false), (false, true), (false, false)] {
        let of = played.iter().filter(|one| {
            one.cell.guarded == guarded && outlasts(one.cell.retry) == lasts && !one.cell.restarted
        });
        let (mut all, mut recovered) = (0, 0);
        for one in of {
            all += 1;
            recovered += usize::from(one.outcome.fate == Fate::Recovered);
        }
        let yes = |is: bool| if is { "yes" } else { "no" };
        let (guard, lasts) = (yes(guarded), yes(lasts));
        let _ = writeln!(text, "| {guard} | {lasts} | {recovered} of {all} |");
    }
    text
}

/// How each strategy fared in those cells that all of them played.
#[must_use]
pub fn summary(played: &[Played]) -> String {
    let played_with = |cell: &Cell, strategy| {
        played.iter().any(|other| {
            let scale = other.cell.scale;
            let same = Cell {
                strategy,
                scale,
                ..*cell
            };
            other.cell == same
        })
    };
    let by_all: Vec<_> = played
        .iter()
        .filter(|one| {
            Strategy::followers()
                .iter()
                .all(|other| played_with(&one.cell, *other))
        })
        .collect();
    let mut text = String::new();
    let mut line = |cells: [&str; 5]| {
        let [strategy, recovered, stopped, searching, median] = cells;
        let _ = writeln!(
            text,
            "| {strategy:<16} | {recovered:<19} | {stopped:<16} | {searching:<13} | {median:<13} |"
        );
    };
    line([
        "strategy",
        "recovered by itself",
        "stopped for good",
        "not recovered",
        "median behind",
    ]);
    line(["---"; 5]);
    for strategy in Strategy::followers() {
        let mine = || by_all.iter().filter(|one| one.cell.strategy == strategy);
        let count = |of: fn(&Fate) -> bool| mine().filter(|one| of(&one.outcome.fate)).count();
        let recovered = mine().filter(|one| one.outcome.fate == Fate::Recovered);
        let behind: Vec<f64> = recovered.map(|one| one.outcome.behind).collect();
        line([
            strategy.name(),
            &format!("{} of {}", behind.len(), mine().count()),
            &count(|fate| matches!(fate, Fate::Stopped(_))).to_string(),
            &count(|fate| *fate == Fate::Searching).to_string(),
            &median(&behind).map_or(String::new(), |behind| format!("{behind:.0} s")),
        ]);
    }
    text
}

/// The middle value, or the mean of the two in the middle; `None` of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{DEFAULTS, usual};
    use crate::outcome::Outcome;

    fn played(guarded: bool, count: u32, fate: Fate) -> Played {
        let retry = Retry { count, ..DEFAULTS };
        let cell = usual(Scenario::AnnouncedAtStart, Strategy::Detach, 90, retry);
        let outcome = Outcome {
            fate,
            behind: 99.0,
            without_source: 90.0,
            tries: 2,
            stops: 0,
            acknowledged: 400,
            lost_by_source: 0,
            missing: 0,
            twice: 0,
            exposed: 80.0,
            late: 0.0,
        };
        Played {
            cell: Cell { guarded, ..cell },
            outcome,
            proof: None,
            entries: Vec::new(),
            samples: Vec::new(),
        }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[24.0, 1.0]), Some(12.5));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    }

    #[test]
    fn strategies_are_compared_in_the_cells_that_all_of_them_played_at_whatever_pace() {
        let of = |strategy, propagation| {
            let mut one = played(false, 10, Fate::Recovered);
            one.cell = usual(one.cell.scenario, strategy, propagation, DEFAULTS);
            one
        };
        let mut all: Vec<_> = Strategy::followers()
            .into_iter()
            .map(|strategy| of(strategy, 0))
            .collect();
        all.push(of(Strategy::Detach, 120));
        let summary = summary(&all);
        for strategy in Strategy::followers() {
            let row = summary.lines().find(|line| line.contains(strategy.name()));
            let row = row.unwrap_or_default();
            assert!(row.contains("1 of 1") && row.contains("99 s"), "{summary}");
        }
    }

    #[test]
    fn cells_are_counted_by_the_guard_and_by_whether_their_tries_last() {
        let all = [
            played(true, 10, Fate::Recovered),
            played(true, 3, Fate::Stopped(0)),
            played(false, 10, Fate::Stopped(13114)),
        ];
        let tally = tally(&all);
        assert!(tally.contains("| yes | yes | 1 of 1 |"), "{tally}");
        assert!(tally.contains("| yes | no | 0 of 1 |"), "{tally}");
        assert!(tally.contains("| no | yes | 0 of 1 |"), "{tally}");
        let matrix = matrix(&all);
        assert!(
            matrix.contains("| yes | 60 s × 10 | 99 s behind |"),
            "{matrix}"
        );
        assert!(
            matrix.contains("| no | 60 s × 10 | **stopped**, 13114 |"),
            "{matrix}"
        );
    }
}
