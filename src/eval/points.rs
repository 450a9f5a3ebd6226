//! Score against seconds: where each preset lies, and which of them no other beats in both.
//!
//! Example: at 32k `full` has 39 points in 10.6 s, `fastest` 33 in 2.2 s, and a preset with 30 in 4.3 s has nothing for it: another is
//! quicker and better.

use serde::Serialize;

use super::table::{ALL, Table};

/// A preset on documents of one length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    pub preset: String,
    /// To read a document and a question about it.
    pub seconds: f64,
    /// 0 to 100.
    pub score: f64,
    /// Where the score would be if the difference to full were as low, or as high, as its interval allows; `None` for full itself.
    pub interval: Option<(f64, f64)>,
    /// No other preset is at least as quick and at least as good.
    pub is_best: bool,
}

/// The presets on documents of one length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Points {
    /// In the records' words; empty if they don't say.
    pub length: String,
    pub documents: usize,
    pub questions: usize,
    /// In the table's order.
    pub points: Vec<Point>,
}

impl Table {
    /// Where each preset lies, by length.
    #[must_use]
    pub fn points(&self) -> Vec<Points> {
        let mut lengths: Vec<&String> = self.costs.keys().collect();
        lengths.sort_by_key(|length| (length.len(), *length));
        lengths.into_iter().filter_map(|length| self.points_of(length)).collect()
    }

    fn points_of(&self, length: &str) -> Option<Points> {
        let row = if length.is_empty() { ALL.to_owned() } else { format!("{length} {ALL}") };
        let (cells, costs) = (self.cells.get(&row)?, self.costs.get(length)?);
        let point = |preset: &String| {
            let (cell, cost) = (cells.get(preset)?, costs.get(preset)?);
            // Around the score itself, since the interval is that of a difference.
            let around = |end: f64, mean: f64| (cell.score + end - mean).clamp(0.0, 100.0);
            let interval = cell.difference.map(|of| (around(of.low, of.mean), around(of.high, of.mean)));
            let seconds = cost.reading_s? + cost.question_s;
            Some(Point { preset: preset.clone(), seconds, score: cell.score, interval, is_best: false })
        };
        let mut points: Vec<Point> = self.presets.iter().filter_map(point).collect();
        mark_best(&mut points);
        let most = |count: fn(&super::table::Cell) -> usize| cells.values().map(count).max();
        let (documents, questions) = (most(|cell| cell.documents)?, most(|cell| cell.questions)?);
        Some(Points { length: length.to_owned(), documents, questions, points })
    }
}

fn mark_best(points: &mut [Point]) {
    let beats = |other: &Point, one: &Point| {
        other.seconds <= one.seconds
            && other.score >= one.score
            && (other.seconds < one.seconds || other.score > one.score)
    };
    let best: Vec<bool> = points.iter().map(|one| !points.iter().any(|other| beats(other, one))).collect();
    points.iter_mut().zip(best).for_each(|(point, is_best)| point.is_best = is_best);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_that_another_beats_in_both_is_not_among_the_best() {
        let point = |preset: &str, seconds, score| Point {
            preset: preset.into(),
            seconds,
            score,
            interval: None,
            is_best: false,
        };
        let mut points = [point("full", 10.6, 39.0), point("fastest", 2.2, 33.0), point("odd", 4.3, 30.0)];
        assert!(points.iter().all(|point| !point.is_best));
        mark_best(&mut points);
        assert_eq!(points.clone().map(|point| point.is_best), [true, true, false]);
        let mut alike = [point("one", 1.0, 5.0), point("two", 1.0, 5.0)];
        mark_best(&mut alike);
        assert!(alike.iter().all(|point| point.is_best));
    }
}
