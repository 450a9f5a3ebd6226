//! Finds gutters: gaps that go down the page through several rows, with text on both sides.
//!
//! ```text
//! A title over both of the columns         no gap
//! The cat sat on the mat     and looked    ┐
//! and would not move, for    at the dog,   │ a band of rows with a gutter
//! it was of the opinion      who had no    ┘
//! 12                                       too far away to belong to it
//! ```
//!
//! The more rows a gutter goes through, the narrower it may be: in justified text, gaps between words are wide, but
//! seldom below each other.

use super::pieces::Piece;
use super::rows::{Row, leading};

/// Maximum number of rows that are searched. A page has 60; one with more than this is hostile.
const MOST_ROWS: usize = 600;
/// A row is not part of a band if it is further away, in distances between rows, and there are few such rows.
const FAR: f64 = 1.7;
const FEW_ROWS: usize = 3;
/// Two distances are alike if one is this share of the other.
const ALIKE: f64 = 0.95;

/// Rows with gutters in common.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Band {
    pub from: usize,
    /// Behind the last row.
    pub to: usize,
    /// From left to right.
    pub gutters: Vec<Gutter>,
}

/// A gap between columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gutter {
    pub left: f64,
    pub right: f64,
    /// How many rows have text on the left, or on the right, whichever are fewer, as far as both sides reach down.
    pub rows: usize,
    /// How many rows it goes through with text on both sides, which may be at different heights.
    reach: usize,
}

impl Gutter {
    pub(super) fn middle(self) -> f64 {
        f64::midpoint(self.left, self.right)
    }
}

/// The band with the most rows beside a gutter.
pub(super) fn best_band(pieces: &[Piece], rows: &[Row]) -> Option<Band> {
    best_bands(pieces, rows).map(|(band, _)| band)
}

/// The same, and the band with the rows at its ends that are no farther from the others than those in its middle: the
/// first and the last row of a table whose cells have several lines.
pub(super) fn best_bands(pieces: &[Piece], rows: &[Row]) -> Option<(Band, Band)> {
    if rows.len() > MOST_ROWS {
        return None;
    }
    let search = Search { rows, spans: rows.iter().map(|row| spans(pieces, row)).collect(), leading: leading(rows)? };
    let bands = (0..rows.len()).filter_map(|from| search.best_from(from));
    let best = bands.max_by_key(|band| (weight(band), std::cmp::Reverse(band.from)))?;
    let with_ends = search.trimmed(best.clone(), Ends::AsInside);
    Some((search.trimmed(best, Ends::Near), with_ends))
}

/// The rows beside the longest gutter, then those beside all.
fn weight(band: &Band) -> (usize, usize) {
    let reach = band.gutters.iter().map(|gutter| gutter.reach).max();
    (reach.unwrap_or(0), band.gutters.iter().map(|gutter| gutter.rows).sum())
}

/// Which rows at the ends of a band belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Those that follow each other as lines do.
    Near,
    /// Those that are no farther from each other than some inside.
    AsInside,
}

type Span = (f64, f64);

/// What the pieces of a row cover.
fn spans(pieces: &[Piece], row: &Row) -> Vec<Span> {
    row.pieces.iter().map(|&index| (pieces[index].left, pieces[index].right)).collect()
}

struct Search<'a> {
    rows: &'a [Row],
    spans: Vec<Vec<Span>>,
    leading: f64,
}

impl Search<'_> {
    /// The best band that begins with row `from`.
    fn best_from(&self, from: usize) -> Option<Band> {
        let mut covered: Vec<Span> = Vec::new();
        let mut size = 0.0_f64;
        let mut best: Option<Band> = None;
        let mut known: Vec<Span> = Vec::new();
        for to in from..self.rows.len() {
            size = if to == from { self.rows[to].size } else { size.min(self.rows[to].size) };
            let before = covered.clone();
            cover(&mut covered, &self.spans[to]);
            let gaps = gaps(&covered, narrowest(usize::MAX) * size);
            // When a gap closes or gets narrower, the band before it is as long as it can get.
            if known.iter().any(|gap| !gaps.contains(gap)) {
                best = better(best, self.band(from, to, &before));
            }
            known.clone_from(&gaps);
            if gaps.is_empty() && to > from + 1 {
                return best;
            }
        }
        better(best, self.band(from, self.rows.len(), &covered))
    }

    /// The rows `from..to`, if there is a gutter in what they leave free.
    fn band(&self, from: usize, to: usize, covered: &[Span]) -> Option<Band> {
        let mut sizes: Vec<f64> = self.rows[from..to].iter().map(|row| row.size).collect();
        sizes.sort_by(f64::total_cmp);
        let size = *sizes.get(sizes.len() / 2)?;
        let gaps = gaps(covered, narrowest(usize::MAX) * size);
        let gutters = gaps.into_iter().map(|(left, right)| self.gutter(from, to, left, right));
        let gutters: Vec<Gutter> =
            gutters.filter(|gutter| gutter.right - gutter.left >= narrowest(gutter.rows) * size).collect();
        (!gutters.is_empty()).then_some(Band { from, to, gutters })
    }

    /// A gap as a gutter of the rows `from..to`.
    fn gutter(&self, from: usize, to: usize, left: f64, right: f64) -> Gutter {
        let is_left = |row: &usize| self.spans[*row].iter().any(|span| span.1 <= left + 0.01);
        let is_right = |row: &usize| self.spans[*row].iter().any(|span| span.0 >= right - 0.01);
        let ends = |is_there: &dyn Fn(&usize) -> bool| {
            Some(((from..to).find(|row| is_there(row))?, (from..to).rfind(|row| is_there(row))?))
        };
        let (Some(lefts), Some(rights)) = (ends(&is_left), ends(&is_right)) else {
            return Gutter { left, right, rows: 0, reach: 0 };
        };
        let both = lefts.0.max(rights.0)..=lefts.1.min(rights.1);
        // On other baselines, each side has a row beyond.
        let near = both.start().saturating_sub(1).max(from)..=(both.end() + 1).min(to - 1);
        let rows = near.clone().filter(is_left).count().min(near.filter(is_right).count());
        Gutter { left, right, rows, reach: both.count() }
    }

    /// `band` without a few rows at its ends that are far from the others: heads, page numbers, notes.
    fn trimmed(&self, band: Band, ends: Ends) -> Band {
        let (from, to) = (band.from, band.to);
        let distance = |row: usize| self.rows[row + 1].baseline - self.rows[row].baseline;
        let inside = (from + FEW_ROWS..to.saturating_sub(FEW_ROWS + 1)).map(distance).fold(0.0, f64::max);
        let is_far = |row: usize| {
            let least = FAR * self.leading.max(self.rows[row].size.min(self.rows[row + 1].size));
            distance(row) > least && (ends == Ends::Near || distance(row) * ALIKE > inside)
        };
        let middle = usize::midpoint(from, to);
        let first = (from..middle.min(from + FEW_ROWS)).rev().find(|&row| is_far(row));
        let last = (middle.max(to.saturating_sub(FEW_ROWS + 1))..to.saturating_sub(1)).find(|&row| is_far(row));
        let (first, last) = (first.map_or(from, |row| row + 1), last.map_or(to, |row| row + 1));
        if (first, last) == (from, to) || first + 1 >= last {
            return band;
        }
        let mut covered = Vec::new();
        (first..last).for_each(|row| cover(&mut covered, &self.spans[row]));
        let shorter = self.band(first, last, &covered).filter(|shorter| weight(shorter).0 * 2 > weight(&band).0);
        shorter.unwrap_or(band)
    }
}

/// The narrowest gutter beside this many rows, in font sizes.
fn narrowest(rows: usize) -> f64 {
    match rows {
        0 | 1 => f64::INFINITY,
        2 => 1.6,
        3..=4 => 0.95,
        5..=9 => 0.75,
        _ => 0.6,
    }
}

fn better(one: Option<Band>, other: Option<Band>) -> Option<Band> {
    [one, other].into_iter().flatten().max_by_key(weight)
}

/// Adds `spans` to `covered`, which is sorted and without overlaps.
fn cover(covered: &mut Vec<Span>, spans: &[Span]) {
    for &(mut left, mut right) in spans {
        let first = covered.partition_point(|span| span.1 < left);
        let last = covered.partition_point(|span| span.0 <= right);
        if first < last {
            left = left.min(covered[first].0);
            right = right.max(covered[last - 1].1);
        }
        covered.splice(first..last.max(first), [(left, right)]);
    }
}

/// The gaps of at least this width.
fn gaps(covered: &[Span], narrowest: f64) -> Vec<Span> {
    let gaps = covered.windows(2).map(|two| (two[0].1, two[1].0));
    gaps.filter(|gap| gap.1 - gap.0 >= narrowest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covered_spans_grow_together() {
        let mut covered = Vec::new();
        cover(&mut covered, &[(10.0, 20.0), (40.0, 50.0)]);
        cover(&mut covered, &[(0.0, 5.0), (18.0, 30.0)]);
        assert_eq!(covered, [(0.0, 5.0), (10.0, 30.0), (40.0, 50.0)]);
        cover(&mut covered, &[(4.0, 41.0)]);
        assert_eq!(covered, [(0.0, 50.0)]);
        assert_eq!(gaps(&[(0.0, 5.0), (10.0, 30.0), (40.0, 50.0)], 6.0), [(30.0, 40.0)]);
    }
}
