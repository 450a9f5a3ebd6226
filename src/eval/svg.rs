//! Draws score against seconds as a picture (SVG): a panel for each length, a dot for each preset, a line along the best ones.
//!
//! Left is quicker (a logarithmic scale), up is better. A hollow dot is a preset without passages that are read again, a filled one
//! with; the bar is the 95% interval of the difference to full.

use std::fmt::Write as _;

use super::points::{Point, Points};
use crate::units::counted;

/// Of a panel, in pixels.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 380.0;
/// Around the plot: left, right, top, bottom.
const MARGINS: (f64, f64, f64, f64) = (46.0, 20.0, 56.0, 44.0);
const LABEL_HEIGHT: f64 = 12.0;
/// Letters of a label are about so wide.
const LETTER_WIDTH: f64 = 6.0;
const DOT: f64 = 4.5;

const STYLE: &str = "<style>text{font:11px sans-serif;fill:#222}.title{font-size:14px;font-weight:bold}.dim{fill:#666}\
                     .grid{stroke:#ddd}.bar{stroke:#999}.best{stroke:#0a6;stroke-width:1.5;fill:none}.dot{stroke:#06c;stroke-width:1.5}</style>";

/// The picture of `lengths`. `title` says which model and machine.
#[must_use]
pub fn picture(title: &str, lengths: &[Points]) -> String {
    let width = WIDTH * lengths.len().max(1) as f64;
    let (whole, height) = (width.round(), (HEIGHT + 24.0).round());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"{height}\" viewBox=\"0 0 {whole} {height}\">\n{STYLE}\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text class=\"title\" x=\"16\" y=\"20\">{}</text>\n",
        escaped(title)
    );
    for (index, points) in lengths.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate({} 20)\">\n{}</g>", WIDTH * index as f64, panel(points));
    }
    svg + "</svg>\n"
}

/// Where values lie in a panel.
struct Scales {
    seconds: (f64, f64),
    score: (f64, f64),
}

impl Scales {
    fn of(points: &[Point]) -> Self {
        let seconds = points.iter().map(|point| point.seconds.max(1e-4));
        let (low, high) = seconds.fold((f64::MAX, 0.0_f64), |(low, high), s| (low.min(s), high.max(s)));
        let ends = points.iter().flat_map(|point| [point.score, point.interval.map_or(point.score, |ends| ends.1)]);
        let bottoms = points.iter().map(|point| point.interval.map_or(point.score, |ends| ends.0));
        let (bottom, top) = (bottoms.fold(100.0, f64::min), ends.fold(0.0, f64::max));
        let tens = |value: f64| value / 10.0;
        let score = (tens(bottom).floor() * 10.0, (tens(top).ceil() * 10.0).max(tens(bottom).floor() * 10.0 + 10.0));
        Self { seconds: (low / 1.25, high * 1.9), score }
    }

    fn x(&self, seconds: f64) -> f64 {
        let share = (seconds.max(1e-4) / self.seconds.0).ln() / (self.seconds.1 / self.seconds.0).ln();
        MARGINS.0 + share * (WIDTH - MARGINS.0 - MARGINS.1)
    }

    fn y(&self, score: f64) -> f64 {
        let share = (score - self.score.0) / (self.score.1 - self.score.0);
        HEIGHT - MARGINS.3 - share * (HEIGHT - MARGINS.2 - MARGINS.3)
    }
}

fn panel(of: &Points) -> String {
    let scales = Scales::of(&of.points);
    let length = if of.length.is_empty() { String::new() } else { format!("{} tokens, ", escaped(&of.length)) };
    let (documents, questions) = (counted(of.documents, "document"), counted(of.questions, "question"));
    let counts = format!("{length}{documents}, {questions}");
    let mut svg = format!("<text class=\"dim\" x=\"{}\" y=\"{}\">{counts}</text>\n", MARGINS.0, MARGINS.2 - 18.0);
    draw_axes(&mut svg, &scales, &of.points);
    draw_best(&mut svg, &scales, &of.points);
    of.points.iter().for_each(|point| draw_point(&mut svg, &scales, point));
    draw_labels(&mut svg, &scales, &of.points);
    svg
}

fn draw_axes(svg: &mut String, scales: &Scales, points: &[Point]) {
    let (left, right) = (MARGINS.0, WIDTH - MARGINS.1);
    let (top, bottom) = (MARGINS.2, HEIGHT - MARGINS.3);
    let tens = (scales.score.0 / 10.0) as i64..=(scales.score.1 / 10.0) as i64;
    for score in tens.map(|ten| ten * 10) {
        let y = scales.y(score as f64);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>");
        let _ = writeln!(
            svg,
            "<text class=\"dim\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{score}</text>",
            left - 6.0,
            y + 4.0
        );
    }
    for seconds in ticks(scales.seconds) {
        let x = scales.x(seconds);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>");
        let _ = writeln!(
            svg,
            "<text class=\"dim\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{seconds}</text>",
            bottom + 16.0
        );
    }
    let _ = writeln!(svg, "<text class=\"dim\" x=\"{left:.1}\" y=\"{:.1}\">% right</text>", top - 4.0);
    if points.iter().any(is_reread) {
        let legend = "+ with passages read again";
        let _ = writeln!(svg, "<text class=\"dim\" x=\"{left:.1}\" y=\"{:.1}\">{legend}</text>", bottom + 32.0);
    }
    let label = "seconds to read a document and a question";
    let _ = writeln!(
        svg,
        "<text class=\"dim\" text-anchor=\"end\" x=\"{right:.1}\" y=\"{:.1}\">{label}</text>",
        bottom + 32.0
    );
}

/// 1, 2 and 5 times powers of ten, between the ends.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let all = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| format!("{digit}e{power}").parse().unwrap_or(0.0)));
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

/// A line along the presets that no other beats.
fn draw_best(svg: &mut String, scales: &Scales, points: &[Point]) {
    let mut best: Vec<&Point> = points.iter().filter(|point| point.is_best).collect();
    best.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let places = best.iter().map(|point| format!("{:.1},{:.1}", scales.x(point.seconds), scales.y(point.score)));
    let _ = writeln!(svg, "<polyline class=\"best\" points=\"{}\"/>", places.collect::<Vec<_>>().join(" "));
}

fn draw_point(svg: &mut String, scales: &Scales, point: &Point) {
    let (x, y) = (scales.x(point.seconds), scales.y(point.score));
    if let Some((low, high)) = point.interval {
        let _ = writeln!(svg, "<path class=\"bar\" d=\"M{x:.1} {:.1}V{:.1}\"/>", scales.y(low), scales.y(high));
    }
    let fill = if is_reread(point) { "#06c" } else { "#fff" };
    let _ = writeln!(svg, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{DOT}\" fill=\"{fill}\"/>");
}

fn is_reread(point: &Point) -> bool {
    point.preset.contains(", reread ")
}

/// Names right of the dots, moved down where one would cover another.
fn draw_labels(svg: &mut String, scales: &Scales, points: &[Point]) {
    let mut placed: Vec<(f64, f64, f64)> = Vec::new();
    let mut sorted: Vec<&Point> = points.iter().collect();
    sorted.sort_by(|one, other| other.score.total_cmp(&one.score));
    for point in sorted {
        let name = point.preset.replace(", reread on", " +").replace(", reread", " + reread");
        let (x, width) = (scales.x(point.seconds) + DOT + 4.0, name.chars().count() as f64 * LETTER_WIDTH);
        let mut y = scales.y(point.score) + 4.0;
        let covers = |y: f64| {
            placed.iter().any(|&(from, to, other)| from < x + width && x < to && (other - y).abs() < LABEL_HEIGHT)
        };
        while covers(y) {
            y += 1.0;
        }
        placed.push((x, x + width, y));
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(&name));
    }
}

fn escaped(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(preset: &str, seconds: f64, score: f64, interval: Option<(f64, f64)>) -> Point {
        Point { preset: preset.into(), seconds, score, interval, is_best: preset != "quick" }
    }

    #[test]
    fn a_picture_has_a_dot_and_a_name_for_each_preset() {
        let points = vec![
            point("full", 10.6, 39.0, None),
            point("quick", 2.4, 26.0, Some((20.0, 33.0))),
            point("fastest", 2.2, 33.0, Some((27.0, 39.0))),
            point("fastest, reread on", 2.4, 57.0, Some((48.0, 66.0))),
        ];
        let points = Points { length: "32k".into(), documents: 25, questions: 225, points };
        insta::assert_snapshot!(picture("A <model> & a machine", &[points]));
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks((0.15, 12.0)), [0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
        assert_eq!(ticks((900.0, 3_000.0)), [1_000.0, 2_000.0]);
    }
}
