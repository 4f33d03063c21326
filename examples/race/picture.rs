//! The picture: how many flips were followed within how many seconds, one curve a strategy.

use std::path::Path;

use failover_follower::config::OnFailoverStart;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use simulated_world::race::Strategy;

use crate::figures::{Figures, Line, ratio};

const SIZE: (u32, u32) = (900, 460);
/// What stays of the width for the legend.
const LEGEND: u32 = 270;
/// From one entry of the legend to the next.
const ENTRY: i32 = 42;

/// The axis of seconds is logarithmic, between these two.
const SOONEST: f64 = 0.5;
const LATEST: f64 = 900.0;

/// Points of a curve; more are not seen.
const POINTS: u32 = 240;

const GREY: RGBColor = RGBColor(110, 110, 120);

/// Draws the picture into an SVG file. Its ground is white so that it reads the same wherever it is
/// shown.
pub(crate) fn draw(figures: &Figures, file: &Path) -> crate::Result<()> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let flips = figures.lines.first().map_or(0, |line| line.flips);
    let mut chart = ChartBuilder::on(&root)
        .caption(
            format!("Flips followed within so many seconds, of {flips}"),
            ("sans-serif", 15),
        )
        .margin_left(14)
        .margin_right(LEGEND)
        .margin_bottom(8)
        .set_label_area_size(LabelAreaPosition::Left, 48)
        .set_label_area_size(LabelAreaPosition::Bottom, 44)
        .build_cartesian_2d((SOONEST..LATEST).log_scale(), 0.0..100.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .y_labels(5)
        .x_label_formatter(&|seconds| format!("{seconds} s"))
        .y_label_formatter(&|percent| format!("{percent} %"))
        .x_desc("from the flip to the right target, and no other, in the group")
        .label_style(("sans-serif", 12))
        .draw()?;
    // Ours last, so that nothing lies over it.
    let is_ours = |line: &&Line| matches!(line.strategy, Strategy::Ours(_));
    let others = figures.lines.iter().filter(|line| !is_ours(line));
    for line in others.chain(figures.lines.iter().filter(is_ours)) {
        let (style, dashed) = style(line.strategy);
        let points = curve(line);
        if dashed {
            chart.draw_series(DashedLineSeries::new(points, 5, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    for (number, line) in (0..).zip(&figures.lines) {
        legend(&root, line, 56 + ENTRY * number)?;
    }
    root.present()?;
    Ok(())
}

/// The steps of a curve: seconds, and the percentage that was followed by then.
fn curve(line: &Line) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for point in 0..=POINTS {
        let x = SOONEST * (LATEST / SOONEST).powf(f64::from(point) / f64::from(POINTS));
        let followed = line.after.partition_point(|after| *after <= x);
        let y = ratio(followed, line.flips) * 100.0;
        let before = steps.last().map_or(y, |(_, before)| *before);
        // A flat stretch needs its two ends and nothing between.
        if point == 0 || point == POINTS {
            steps.push((x, y));
        } else if followed > 0 && (y - before).abs() > f64::EPSILON {
            steps.extend([(x, before), (x, y)]);
        }
    }
    steps
}

fn legend(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    line: &Line,
    y: i32,
) -> crate::Result<()> {
    let from = i32::try_from(SIZE.0 - LEGEND)? + 20;
    let (style, dashed) = style(line.strategy);
    let stroke = vec![(from, y), (from + 24, y)];
    if dashed {
        root.draw(&DashedPathElement::new(stroke, 5, 4, style))?;
    } else {
        root.draw(&PathElement::new(stroke, style))?;
    }
    let wrong = ratio(line.met_wrong, line.flips) * 100.0;
    for (text, below, size, color) in [
        (line.strategy.name().to_owned(), -7, 13, BLACK),
        (format!("met a wrong target: {wrong:.0} %"), 9, 11, GREY),
    ] {
        let font = ("sans-serif", size).into_font().color(&color);
        root.draw(&Text::new(text, (from + 30, y + below), font))?;
    }
    Ok(())
}

/// A curve's colour and width, and whether it is dashed; the colours can be told apart without red
/// and green.
fn style(strategy: Strategy) -> (ShapeStyle, bool) {
    let (color, width, dashed) = match strategy {
        Strategy::AllKnowing => (BLACK, 2, true),
        Strategy::Ours(OnFailoverStart::Detach) => (RGBColor(0, 114, 178), 3, false),
        Strategy::Ours(OnFailoverStart::Wait) => (RGBColor(86, 180, 233), 2, true),
        Strategy::Word => (RGBColor(213, 94, 0), 2, false),
        Strategy::ApiOnce => (RGBColor(230, 159, 0), 2, false),
        Strategy::DnsOnce => (RGBColor(153, 153, 153), 2, false),
        Strategy::Poll(every) => (RGBColor(204, 121, 167), 2, every.as_secs() > 60),
    };
    (color.stroke_width(width), dashed)
}
