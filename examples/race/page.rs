//! The page: tables, and what to make of them.

use std::fmt::Write;

use simulated_world::race::News;

use crate::figures::{Figures, Line, mean_and_worst, ratio};

const HOW: &str = "\
## What is measured

- **Follow**: seconds from the *flip*, the moment at which the Writer changes, until the group holds
  the new Writer's target and no other. *never*: not before the Writer moved on, and not within 15
  minutes. A Writer that moves back to the one that a slow follower still has is followed at once.
- **Wrong before and after the flip**: seconds in which the group held another than the Writer, from
  \"Started\" to the flip (a reader that is not promoted yet) and from the flip on (the demoted
  Writer). *met*: the share of flips around which that happened at all.
- **Not right at the end**: failovers a quarter of an hour after which the group lacks the Writer or
  holds another beside it.
- **Writes**: calls that register or deregister, per failover.

The **all-knowing** follower is the limit. It sees each change of each witness at once, decides by
the function's own rule (two witnesses, or the API alone for 30 s), and only its writes take time. A
faster follower has trusted a single witness.

The group is what the load balancer's API says. The data plane follows 30 to 180 s later, whatever
the strategy.
";

const DRAWN: &str = "\
## What the failovers are drawn from

| what | drawn | known from |
|---|---|---|
| \"Started\" to the flip | 8–12 s | measured |
| flip to \"Completed\" | 0–1.5 s; 3 of 100: as late as 38 s after \"Started\" | measured |
| flip to the old Writer's \"A new writer was promoted\" | 0–3 s | assumed |
| an event's way to the function | 0.5–3 s; 6 of 100: 3–30 s; 2: 30–300 s; 2: never; 3 come twice | late, twice, never: documented; how often: assumed |
| no event at all | 1 of 200 failovers | assumed |
| the API's lag | 70 of 100: 0–2 s; 25: 2–6 s; 5: 6–20 s; in 30 of 100 no Writer listed for up to 3 s before | that it lags: reported; how long: assumed |
| the CNAME's lag | 80 of 100: 15–20 s; 20: 40–60 s; 15 of 100 go new, old, new | measured; how often: assumed |
| the Writer moves back | 10 of 100 failovers, \"Started\" 30–180 s after the first flip | assumed |
| it never comes about | 5 of 100 failovers, given up 10–40 s after \"Started\" | assumed |
| a call's answer | 0–200 ms | assumed |

The function is the real handler in the simulated world, invoked by each event that arrives and by a
schedule every minute. All strategies follow the same failovers.
";

/// The whole page.
pub(crate) fn page(figures: &Figures) -> String {
    let mut page = String::from("# How fast the Writer is followed\n\n");
    let Figures {
        failovers,
        moved_back,
        failed,
        untold,
        ..
    } = figures;
    let drawn = format!(
        "For reviewers. `cargo run --release --example race` draws {failovers} failovers from \
         the distributions\n[below](#what-the-failovers-are-drawn-from), has each strategy follow \
         each of them, and writes this page.\nIn {moved_back} of them the Writer moved back, \
         {failed} failed, {untold} came without any event.\n\n"
    );
    page += &drawn;
    page += "![how many flips were followed within how many seconds](race.svg)\n\n";
    page += &main_table(figures);
    page += "\n";
    page += HOW;
    page += "\n";
    page += &reading(figures);
    page += "\n";
    page += DRAWN;
    page
}

fn main_table(figures: &Figures) -> String {
    let mut table = String::from(
        "| | follow: median | 99th | worst | never | wrong before the flip, mean | wrong after it, mean | worst | met | not right at the end | writes |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for line in &figures.lines {
        let (before, _) = mean_and_worst(&line.wrong_before);
        let (after, worst) = mean_and_worst(&line.wrong_after);
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} | {before:.1} s | {after:.1} s | {worst:.0} s | {} | {} | {:.1} |",
            line.strategy.name(),
            seconds(line.within(0.5)),
            seconds(line.within(0.99)),
            seconds(line.within(1.0)),
            percent(line.never(), line.flips),
            percent(line.met_wrong, line.flips),
            percent(line.end_not_right, figures.failovers),
            line.writes,
        );
    }
    table
}

fn reading(figures: &Figures) -> String {
    let [limit, ours, wait, ..] = figures.lines.as_slice() else {
        return String::new();
    };
    let behind = |share| {
        let gap = ours.within(share).zip(limit.within(share));
        seconds(gap.map(|(ours, limit)| ours - limit))
    };
    let (away, _) = mean_and_worst(&ours.away);
    let (away_wait, _) = mean_and_worst(&wait.away);
    let mut reading = format!(
        "## What it says\n\n\
         - The function is {} behind the limit at the median and {} at the 99th percentile (aim: \
         1.5 s and 3 s);\n  flip by flip {} and {}: it looks once a second, and a look takes \
         time.\n\
         - Detaching at the announcement, the default, met a wrong target around {} of the flips, \
         waiting around {}.\n  If the failover then does not come about, the group is empty for \
         {away:.0} s on average, with `wait` for {away_wait:.0} s.\n\
         {}\
         - It is slowest where events come late or never:\n\n",
        behind(0.5),
        behind(0.99),
        seconds(ours.behind(0.5)),
        seconds(ours.behind(0.99)),
        percent(ours.met_wrong, ours.flips),
        percent(wait.met_wrong, wait.flips),
        early(ours),
    );
    reading += "| events | flips | limit: median | 99th | ours, detach: median | 99th | worst | behind, flip by flip: median | 99th | worst |\n\
                |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    for (news, lines) in &figures.by_news {
        if let [limit, ours, ..] = lines.as_slice() {
            reading += &news_line(*news, limit, ours);
        }
    }
    reading += "\nWithout any event, the function is behind the limit by the schedule's minute, the \
                shortest that EventBridge has.\n";
    reading
}

/// Flips before which the Writer to be was in already.
fn early(ours: &Line) -> String {
    let early = ours.wrong_before.iter().filter(|wrong| **wrong > 0.0);
    let (_, worst) = mean_and_worst(&ours.wrong_before);
    match early.count() {
        0 => String::new(),
        count => format!(
            "- In {count} of {} flips it was early, by {worst:.1} s at worst: the Writer moves \
             back while a CNAME that has not\n  followed it yet still names where it goes back to, \
             and the API lists no Writer for a moment, so that DNS and\n  the announcement make \
             two.\n",
            ours.flips
        ),
    }
}

fn news_line(news: News, limit: &Line, ours: &Line) -> String {
    let name = match news {
        News::InTime => "each within half a minute",
        News::Patchy => "one or more later, or never",
        News::None => "none at all",
    };
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        ours.flips,
        seconds(limit.within(0.5)),
        seconds(limit.within(0.99)),
        seconds(ours.within(0.5)),
        seconds(ours.within(0.99)),
        seconds(ours.within(1.0)),
        seconds(ours.behind(0.5)),
        seconds(ours.behind(0.99)),
        seconds(ours.behind(1.0)),
    )
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "never".to_owned(), |value| format!("{value:.1} s"))
}

/// A share in percent; what is there is never rounded to nothing.
fn percent(part: usize, whole: usize) -> String {
    match ratio(part, whole) * 100.0 {
        _ if part == 0 => "0".to_owned(),
        share if share < 0.1 => format!("{share:.2} %"),
        share => format!("{share:.1} %"),
    }
}
