//! The table, in Markdown.

use std::fmt::Write as _;

use crate::cell::{Cell, Played};
use crate::outcome::Fate;
use crate::replica::Place;
use crate::strategy::Strategy;

const HEAD: [&str; 10] = [
    "scenario",
    "strategy",
    "propagation",
    "retry",
    "replica",
    "behind",
    "exposed",
    "rows missing",
    "factor",
    "notes",
];

/// The cells as a table.
#[must_use]
pub fn table(played: &[Played]) -> String {
    let rows: Vec<_> = played.iter().map(row).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(HEAD[column].len())
        })
        .collect();
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
    };
    line(&HEAD.map(str::to_owned));
    line(
        &widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>(),
    );
    for row in &rows {
        line(row);
    }
    text
}

fn row(played: &Played) -> [String; 10] {
    let (cell, outcome) = (&played.cell, &played.outcome);
    let mut notes = Vec::new();
    if cell.guarded {
        notes.push("guard".to_owned());
    }
    if cell.place == Place::Gtid {
        notes.push("GTID".to_owned());
    }
    if outcome.twice > 0 {
        notes.push(format!("{} rows twice", outcome.twice));
    }
    if outcome.lost_by_source > 0 {
        notes.push(format!(
            "{} rows lost by the source",
            outcome.lost_by_source
        ));
    }
    if outcome.late > LATE {
        notes.push(format!("machine late by {:.0} s", outcome.late));
    }
    let behind = match outcome.fate {
        Fate::Recovered => format!("{:.0} s", outcome.behind),
        Fate::Stopped(_) => "for good".to_owned(),
        Fate::Searching => format!("{:.0} s, and growing", outcome.behind),
    };
    [
        cell.scenario.to_string(),
        cell.strategy.to_string(),
        format!("{} s", cell.propagation),
        format!("{} s", cell.retry),
        outcome.fate.to_string(),
        behind,
        format!("{:.0} s", outcome.exposed),
        format!("{} of {}", outcome.missing, outcome.acknowledged),
        format!("{}×", cell.scale.factor()),
        notes.join(", "),
    ]
}

/// Seconds of a scenario by which a step may begin late without a word about it.
const LATE: f64 = 2.0;

/// What the columns mean.
pub const LEGEND: &str = "\
All times are seconds of the scenario. *propagation*: what the load balancer takes to let a target in or
out; *retry*: the replica's retry interval; *behind*: the age of the oldest row that the replica lacked, at
worst; *exposed*: for how long the path led to a server that was up and not the Writer, each retry in that
time being the end; *rows missing*: of those the source had acknowledged, at the end of the cell; *factor*:
how much faster than in life it was played; *guard*: readers refuse the replication user.";

/// How a cell ended, in a sentence.
#[must_use]
pub fn verdict(played: &Played) -> String {
    let outcome = &played.outcome;
    let (missing, all) = (outcome.missing, outcome.acknowledged);
    let mut text = match outcome.fate {
        Fate::Recovered => format!(
            "recovered by itself: all {all} acknowledged rows are on the replica, none twice, \
             the checksums agree; {:.0} s behind at worst",
            outcome.behind
        ),
        Fate::Stopped(errno) => format!(
            "stopped for good with error {errno}: {missing} of {all} acknowledged rows are missing, \
             and every one from now on"
        ),
        Fate::Searching => {
            format!("not recovered: {missing} of {all} acknowledged rows are missing")
        }
    };
    let _ = write!(
        text,
        "; the path led to a server that was not the Writer for {:.0} s",
        outcome.exposed
    );
    if outcome.late > LATE {
        let _ = write!(
            text,
            " (this machine was late by {:.0} s at worst)",
            outcome.late
        );
    }
    text
}

/// How each strategy fared in those cells that all of them played.
#[must_use]
pub fn summary(played: &[Played]) -> String {
    let same = |one: &Played, other: &Played| {
        Cell {
            strategy: other.cell.strategy,
            ..one.cell
        } == other.cell
    };
    let by_all: Vec<_> = played
        .iter()
        .filter(|one| played.iter().filter(|other| same(one, other)).count() == Strategy::ALL.len())
        .collect();
    let mut text = String::from(
        "| strategy         | recovered by itself | stopped for good | not recovered | median behind |\n\
         | ---------------- | ------------------- | ---------------- | ------------- | ------------- |\n",
    );
    for strategy in Strategy::ALL {
        let mine = || by_all.iter().filter(|one| one.cell.strategy == strategy);
        let count = |of: fn(&Fate) -> bool| mine().filter(|one| of(&one.outcome.fate)).count();
        let recovered = mine().filter(|one| one.outcome.fate == Fate::Recovered);
        let mut behind: Vec<f64> = recovered.map(|one| one.outcome.behind).collect();
        behind.sort_by(f64::total_cmp);
        let median = behind.get(behind.len() / 2);
        let _ = writeln!(
            text,
            "| {strategy:<16} | {:<19} | {:<16} | {:<13} | {:<13} |",
            format!("{} of {}", behind.len(), mine().count()),
            count(|fate| matches!(fate, Fate::Stopped(_))),
            count(|fate| *fate == Fate::Searching),
            median.map_or(String::new(), |behind| format!("{behind:.0} s")),
        );
    }
    text
}
