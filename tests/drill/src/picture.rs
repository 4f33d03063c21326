//! The picture of cells: rows over time, what happened when, and what the path led to.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::cell::Played;
use crate::outcome::Fate;
use crate::strategy::Strategy;
use crate::timeline::{Entry, Topic};

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

const WIDTH: u32 = 960;
/// A panel's title, labels, rows over time, axis and strip, from top to bottom.
const HEIGHT: u32 = 475;
const LABELS: i32 = 34;
const LABEL_ROW: i32 = 15;
const LABEL_ROWS: i32 = 11;
const STRIP: i32 = 427;
const CHARACTER: i32 = 6;

const COMMITTED: RGBColor = RGBColor(60, 60, 70);
const REPLICATED: RGBColor = RGBColor(20, 130, 90);
const TROUBLE: RGBColor = RGBColor(200, 40, 40);
const CALM: RGBColor = RGBColor(110, 110, 120);
const ACT: RGBColor = RGBColor(30, 90, 190);

/// Draws cells below each other into an SVG file. `version` is the server's.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(version: &str, played: &[Played], file: &Path) -> Result<()> {
    let panels = played.len().max(1);
    let height = HEIGHT * u32::try_from(panels)?;
    let root = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    let wrong = |error: DrawingAreaErrorKind<_>| anyhow!("failed to draw: {error}");
    root.fill(&WHITE).map_err(wrong)?;
    // One axis of time, so that cells can be compared.
    let to = played.iter().map(last).fold(45.0, f64::max) + 15.0;
    for (panel, played) in root.split_evenly((panels, 1)).iter().zip(played) {
        let from = -10.0;
        let cell = Panel {
            version,
            played,
            from,
            to,
        };
        cell.draw(panel).map_err(wrong)?;
    }
    root.present().map_err(wrong)
}

/// When the last thing happened.
fn last(played: &Played) -> f64 {
    let all = played.entries.iter().map(|entry| entry.at);
    all.fold(0.0, f64::max)
}

type Drawn<'a> =
    std::result::Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// A cell, and the stretch of its time that is worth showing.
struct Panel<'a> {
    version: &'a str,
    played: &'a Played,
    from: f64,
    to: f64,
}

impl<'a> Panel<'a> {
    fn draw(&self, area: &Area<'a>) -> Drawn<'a> {
        let cell = &self.played.cell;
        let title = format!(
            "{}, {}: {} ({}; load balancer {} s, retry {})",
            cell.strategy,
            if cell.guarded { "guarded" } else { "unguarded" },
            self.ending(),
            self.version,
            cell.propagation,
            cell.retry
        );
        let style = ("sans-serif", 15).into_font().color(&BLACK);
        area.draw(&Text::new(title, (14, 10), style))?;
        self.draw_rows(area)?;
        self.draw_labels(area)?;
        self.draw_strip(area)
    }

    fn ending(&self) -> String {
        let outcome = &self.played.outcome;
        match outcome.fate {
            Fate::Recovered => format!(
                "recovered by itself, {:.0} s behind at worst",
                outcome.behind
            ),
            Fate::Stopped(errno) => format!("stopped for good, error {errno}"),
            Fate::Searching => "not recovered".to_owned(),
        }
    }

    /// Where a moment is, from left to right.
    fn x(&self, at: f64) -> i32 {
        let share = (at.clamp(self.from, self.to) - self.from) / (self.to - self.from);
        #[expect(clippy::cast_possible_truncation, reason = "below the picture's width")]
        let along = (share * f64::from(WIDTH - 100)) as i32;
        70 + along
    }

    fn draw_rows(&self, area: &Area<'a>) -> Drawn<'a> {
        let shown = || {
            let samples = self.played.samples.iter();
            samples.filter(|sample| (self.from..=self.to).contains(&sample.at))
        };
        let lowest = shown().map(|sample| sample.replicated).min().unwrap_or(0);
        let most = shown().map(|sample| sample.committed).max().unwrap_or(1);
        let top = u32::try_from(LABELS + LABEL_ROW * LABEL_ROWS).unwrap_or_default();
        let mut chart = ChartBuilder::on(area)
            .margin_top(top)
            .margin_bottom(HEIGHT - u32::try_from(STRIP).unwrap_or_default() + 4)
            .margin_left(14)
            .margin_right(30)
            .set_label_area_size(LabelAreaPosition::Left, 56)
            .set_label_area_size(LabelAreaPosition::Bottom, 36)
            .build_cartesian_2d(self.from..self.to, lowest..most + most / 20)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(12)
            .y_labels(5)
            .x_label_formatter(&|at| format!("{at:.0}"))
            .x_desc("seconds since the first event")
            .label_style(("sans-serif", 12))
            .draw()?;
        let committed = shown().map(|sample| (sample.at, sample.committed));
        let replicated = shown().map(|sample| (sample.at, sample.replicated));
        chart
            .draw_series(LineSeries::new(committed, COMMITTED.stroke_width(1)))?
            .label("rows committed by the source")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], COMMITTED.stroke_width(1)));
        let color = self.color();
        chart
            .draw_series(LineSeries::new(replicated, color.stroke_width(3)))?
            .label("rows on the replica")
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3)));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperMiddle)
            .label_font(("sans-serif", 12))
            .border_style(TRANSPARENT)
            .draw()?;
        Ok(())
    }

    fn color(&self) -> RGBColor {
        match self.played.outcome.fate {
            Fate::Recovered => REPLICATED,
            Fate::Stopped(_) | Fate::Searching => TROUBLE,
        }
    }

    /// A line for everything that happened, labelled above, in as many rows as it takes.
    fn draw_labels(&self, area: &Area<'a>) -> Drawn<'a> {
        let mut ends = vec![0; usize::try_from(LABEL_ROWS).unwrap_or_default()];
        for entry in &self.played.entries {
            let Some((label, color)) = label(entry) else {
                continue;
            };
            if entry.at < self.from {
                continue;
            }
            let x = self.x(entry.at);
            let free = ends.iter().position(|end| *end < x);
            let row = free.unwrap_or(ends.len() - 1);
            let width = CHARACTER * i32::try_from(label.len()).unwrap_or_default();
            ends[row] = x + width + 10;
            let y = LABELS + LABEL_ROW * i32::try_from(row).unwrap_or_default();
            let line = [(x, y), (x, STRIP - 40)];
            area.draw(&PathElement::new(line, color.mix(0.5).stroke_width(1)))?;
            let style = ("sans-serif", 12).into_font().color(&color);
            let fits = x + width < i32::try_from(WIDTH).unwrap_or_default();
            let left = if fits { x + 3 } else { x - width };
            area.draw(&Text::new(label, (left, y), style))?;
        }
        Ok(())
    }

    /// What the path led to.
    fn draw_strip(&self, area: &Area<'a>) -> Drawn<'a> {
        if self.played.cell.strategy == Strategy::Members {
            return self.draw_stretch(area, (self.from, self.to), "leads to either member");
        }
        let (mut at, mut led) = (self.from, "leads to 10.0.1.11".to_owned());
        let mut readers = BTreeSet::from(["10.0.2.12".to_owned()]);
        for entry in &self.played.entries {
            let subject = entry.what.split(' ').nth(2).unwrap_or_default().to_owned();
            match entry.topic {
                Topic::Path => {}
                Topic::Reader => drop(readers.insert(subject.clone())),
                Topic::Promoted => drop(readers.remove(&subject)),
                _ => continue,
            }
            if entry.topic == Topic::Path || led.contains(&subject) {
                self.draw_stretch(area, (at, entry.at), &led)?;
                at = entry.at;
            }
            if entry.topic == Topic::Path {
                led.clone_from(&entry.what);
            }
            led = led.replace(", a reader", "");
            if readers.iter().any(|reader| led.contains(reader)) {
                led.push_str(", a reader");
            }
        }
        self.draw_stretch(area, (at, self.to), &led)
    }

    fn draw_stretch(&self, area: &Area<'a>, (from, to): (f64, f64), led: &str) -> Drawn<'a> {
        let color = match led {
            led if led.ends_with("nowhere") => RGBColor(225, 225, 228),
            led if led.ends_with("a reader") => RGBColor(245, 195, 190),
            led if led.ends_with("10.0.1.11") => RGBColor(205, 220, 245),
            _ => RGBColor(200, 235, 215),
        };
        let (left, right) = (self.x(from), self.x(to));
        let bar = [(left, STRIP + 8), (right, STRIP + 30)];
        area.draw(&Rectangle::new(bar, color.filled()))?;
        let what = led.replace("leads", "the path leads");
        let wide = |what: &str| CHARACTER * i32::try_from(what.len()).unwrap_or_default();
        let short = what.trim_start_matches("the path leads ");
        let what = match right - left {
            room if room > wide(&what) => what.as_str(),
            room if room > wide(short) => short,
            room if room > wide("nowhere") && led.ends_with("nowhere") => "nowhere",
            _ => return Ok(()),
        };
        let centre = Pos::new(HPos::Center, VPos::Center);
        let style = ("sans-serif", 12).into_font().color(&BLACK).pos(centre);
        let place = (i32::midpoint(left, right), STRIP + 19);
        area.draw(&Text::new(what, place, style))
    }
}

/// An entry's label, if it is worth one.
fn label(entry: &Entry) -> Option<(String, RGBColor)> {
    let (text, color) = match entry.topic {
        Topic::Killed => ("Writer killed", TROUBLE),
        Topic::Promoted => ("new Writer up", CALM),
        Topic::Reader => ("old address back, as a reader", TROUBLE),
        Topic::Api => ("API: new Writer", CALM),
        Topic::Dns => ("DNS moves", CALM),
        Topic::Event => {
            let id = entry.what.split(',').next().unwrap_or_default();
            return Some((
                format!("event {}", id.trim_start_matches("RDS-EVENT-")),
                CALM,
            ));
        }
        Topic::Detach => ("detach", ACT),
        Topic::Attach => ("attach", ACT),
        Topic::Lost => ("replica loses its source", TROUBLE),
        Topic::Reconnect => ("replica reconnects", REPLICATED),
        Topic::Stopped => ("replica stops", TROUBLE),
        Topic::Data => {
            let text = entry.what.split(':').next().unwrap_or_default();
            return Some((text.to_owned(), CALM));
        }
        Topic::Cut => ("connection cut", TROUBLE),
        Topic::Path | Topic::Try | Topic::Report => return None,
    };
    Some((text.to_owned(), color))
}
