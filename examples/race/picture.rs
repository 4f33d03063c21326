//! The picture: how many flips were followed within how many seconds, one curve a strategy.

use std::fmt::Write;

use failover_follower::config::OnFailoverStart;
use simulated_world::race::Strategy;

use crate::figures::{Figures, Line, ratio};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 400.0;

/// The axis of seconds is logarithmic, between these two.
const SOONEST: f64 = 0.5;
const LATEST: f64 = 900.0;

/// Points of a curve; more are not seen.
const POINTS: u32 = 240;

/// The picture, as SVG. Its ground is white so that it reads the same wherever it is shown.
pub(crate) fn picture(figures: &Figures) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>How many flips were followed within how many seconds</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-weight=\"600\">Flips followed within so many seconds, of {}</text>\n",
        figures.lines.first().map_or(0, |line| line.flips),
    );
    axes(&mut svg);
    // Ours last, so that nothing lies over it.
    let is_ours = |line: &&Line| matches!(line.strategy, Strategy::Ours(_));
    let others = figures.lines.iter().filter(|line| !is_ours(line));
    for line in others.chain(figures.lines.iter().filter(is_ours)) {
        curve(&mut svg, line);
    }
    for (number, line) in (0_u8..).zip(&figures.lines) {
        legend(&mut svg, line, TOP + 20.0 + f64::from(number) * 44.0);
    }
    svg += "</svg>\n";
    svg
}

fn x(seconds: f64) -> f64 {
    let share = (seconds.clamp(SOONEST, LATEST) / SOONEST).ln() / (LATEST / SOONEST).ln();
    LEFT + share * (RIGHT - LEFT)
}

fn y(share: f64) -> f64 {
    BOTTOM - share * (BOTTOM - TOP)
}

fn axes(svg: &mut String) {
    for percent in [0_u8, 25, 50, 75, 100] {
        let y = y(f64::from(percent) / 100.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.0}H{RIGHT}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\" fill=\"#555\">{percent} %</text>",
            LEFT - 8.0,
            y + 4.0,
        );
    }
    for seconds in [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 300.0, 900.0] {
        let x = x(seconds);
        let name = match seconds {
            60.0 => "1 min".to_owned(),
            300.0 => "5 min".to_owned(),
            900.0 => "15 min".to_owned(),
            _ => format!("{seconds} s"),
        };
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{BOTTOM}\" stroke=\"#eee\"/>\
             <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#555\">{name}</text>",
            BOTTOM + 20.0,
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#555\">from the flip to the right target, and no other, in the group</text>",
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 44.0,
    );
}

fn curve(svg: &mut String, line: &Line) {
    let (colour, width, dash) = style(line.strategy);
    let mut path = String::new();
    let mut last = None;
    for point in 0..=POINTS {
        let seconds = SOONEST * (LATEST / SOONEST).powf(f64::from(point) / f64::from(POINTS));
        let followed = line.after.partition_point(|after| *after <= seconds);
        // A flat stretch needs its two ends and nothing between.
        if last == Some(followed) && point != POINTS {
            continue;
        }
        let (x, y) = (x(seconds), y(ratio(followed, line.flips)));
        match last {
            None => drop(write!(path, "M{x:.1} {y:.1}")),
            Some(_) => drop(write!(path, "H{x:.1}V{y:.1}")),
        }
        last = Some(followed);
    }
    let _ = writeln!(
        svg,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash}/>"
    );
}

fn legend(svg: &mut String, line: &Line, y: f64) {
    let (colour, width, dash) = style(line.strategy);
    let wrong = ratio(line.met_wrong, line.flips) * 100.0;
    let (from, to) = (RIGHT + 20.0, RIGHT + 44.0);
    let _ = writeln!(
        svg,
        "<path d=\"M{from} {:.0}H{to}\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash}/>\
         <text x=\"{}\" y=\"{y:.0}\">{}</text>\
         <text x=\"{}\" y=\"{:.0}\" font-size=\"11\" fill=\"#777\">met a wrong target: {wrong:.0} %</text>",
        y - 4.0,
        to + 6.0,
        line.strategy.name(),
        to + 6.0,
        y + 15.0,
    );
}

/// A curve's colour, width and dashes; the colours can be told apart without red and green.
fn style(strategy: Strategy) -> (&'static str, f64, &'static str) {
    const DASHED: &str = " stroke-dasharray=\"5 4\"";
    match strategy {
        Strategy::AllKnowing => ("#000", 1.5, DASHED),
        Strategy::Ours(OnFailoverStart::Detach) => ("#0072b2", 3.0, ""),
        Strategy::Ours(OnFailoverStart::Wait) => ("#56b4e9", 2.0, DASHED),
        Strategy::Word => ("#d55e00", 1.5, ""),
        Strategy::ApiOnce => ("#e69f00", 1.5, ""),
        Strategy::DnsOnce => ("#999", 1.5, ""),
        Strategy::Poll(every) if every.as_secs() > 60 => ("#cc79a7", 1.5, DASHED),
        Strategy::Poll(_) => ("#cc79a7", 1.5, ""),
    }
}
