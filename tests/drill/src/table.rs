//! The table, in Markdown.

use std::fmt::Write as _;

use crate::cell::{Cell, Played};
use crate::grid::usual;
use crate::outcome::Fate;
use crate::path::Nowhere;
use crate::replica::Place;

const HEAD: [&str; 11] = [
    "scenario",
    "strategy",
    "propagation",
    "retry",
    "guard",
    "replica",
    "behind",
    "tries",
    "exposed",
    "rows missing",
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

fn row(played: &Played) -> [String; 11] {
    let (cell, outcome) = (&played.cell, &played.outcome);
    let behind = match outcome.fate {
        Fate::Recovered => format!("{:.0} s", outcome.behind),
        Fate::Stopped(_) => "for good".to_owned(),
        Fate::Searching => format!("{:.0} s, and growing", outcome.behind),
    };
    [
        cell.scenario.to_string(),
        cell.strategy.to_string(),
        format!("{} s", cell.propagation),
        cell.retry.to_string(),
        if cell.guarded { "yes" } else { "no" }.to_owned(),
        outcome.fate.to_string(),
        behind,
        outcome.tries.to_string(),
        format!("{:.0} s", outcome.exposed),
        format!("{} of {}", outcome.missing, outcome.acknowledged),
        notes(played).join(", "),
    ]
}

/// What most cells do not have.
fn notes(played: &Played) -> Vec<String> {
    let (cell, outcome) = (&played.cell, &played.outcome);
    let usual = usual(cell.scenario, cell.strategy, cell.propagation, cell.retry);
    let when = |is: bool, note: String| is.then_some(note);
    let (twice, lost) = (outcome.twice, outcome.lost_by_source);
    [
        when(cell.place == Place::Gtid, "GTID".to_owned()),
        when(cell.nowhere != Nowhere::Refused, cell.nowhere.to_string()),
        when(cell.restarted, format!("event; stopped {}×", outcome.stops)),
        played.proof.as_ref().map(|proof| {
            let not = if proof.holds() { "" } else { "NOT " };
            format!("TPC-H query 1 {not}equal")
        }),
        when(
            cell.scale != usual.scale,
            format!("{}× as fast", cell.scale.factor()),
        ),
        when(twice > 0, format!("{twice} rows twice")),
        when(lost > 0, format!("{lost} rows lost by the source")),
        when(
            outcome.late > LATE,
            format!("machine late by {:.0} s", outcome.late),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Seconds of a scenario by which a step may begin late without a note about it.
const LATE: f64 = 2.0;

/// What the columns mean.
pub const LEGEND: &str = "\
All times are seconds of the scenario. With the function it is played as fast as it would happen,
with the other strategies five times as fast where the retry interval allows that, unless the
notes say otherwise. *propagation*: what the load balancer takes to let a target in or out;
*retry*: the replica's retry interval and count; *guard*: readers refuse the replication user;
*replica*: how it ended, with the number in its status if it stopped; *behind*:
the age of the oldest row that it lacked, at worst; *tries*: the most in vain that one loss of the
source took; *exposed*: for how long the path led to a server that was up and not the Writer, each
unguarded try in that time being the end; *rows missing*: of those the source had acknowledged, at
the end of the cell. In the notes: what becomes of a connection while the load balancer has no
target (refused where nothing is said), and whether an event starts a stopped receiver each
minute.";

/// What a cell is, in a line.
#[must_use]
pub fn headline(cell: &Cell) -> String {
    let mut text = format!(
        "{}, {}, {}, load balancer {} s, retry {}",
        cell.scenario,
        cell.strategy,
        if cell.guarded { "guarded" } else { "unguarded" },
        cell.propagation,
        cell.retry
    );
    if cell.nowhere != Nowhere::Refused {
        let _ = write!(text, ", {}", cell.nowhere);
    }
    if cell.place == Place::Gtid {
        text.push_str(", GTID");
    }
    if cell.restarted {
        text.push_str(", event");
    }
    let _ = write!(text, ", {}× as fast", cell.scale.factor());
    text
}

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
            "stopped for good after {} tries in vain, with {errno} in its status: {missing} of \
             {all} acknowledged rows are missing, and every one from now on",
            outcome.tries
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
