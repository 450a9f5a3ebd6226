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

use std::ops::{Range, RangeInclusive};

use super::pieces::Piece;
use super::rows::{Row, leading};

/// Maximum number of rows that are searched. A page has 60; one with more than this is hostile.
const MOST_ROWS: usize = 600;
/// A row is not part of a band if it is further away, in distances between rows, and there are few such rows.
const FAR: f64 = 1.7;
const FEW_ROWS: usize = 3;
/// Two distances are alike if one is this share of the other.
const ALIKE: f64 = 0.95;
/// Text in a font of this share of the usual size, and smaller, is a head or a foot where it is the outermost row. In a larger
/// font by the other, it is a heading.
const SMALL_PRINT: f64 = 0.85;
const HEADING: f64 = 1.15;
/// Fewest rows of columns that are told from what is beside their gutter farther up or down.
const FEWEST_DENSE: usize = 8;

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
    /// Whether the file shows all that is on its left before what is on its right, which it does not do with words.
    is_shown_apart: bool,
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
    let search = Search::new(pieces, rows)?;
    let bands = (0..rows.len()).filter_map(|from| search.best_from(from));
    let best = bands.max_by_key(|band| (weight(band), std::cmp::Reverse(band.from)))?;
    let with_ends = search.trimmed(best.clone(), Ends::AsInside);
    Some((search.trimmed(best, Ends::Near), with_ends))
}

/// The stretches of the rows of `band` between distances that are larger than those between lines, if there are several:
/// each has gutters of its own. On a page with columns above a heading and a short text, the whole has the gutters that
/// are left beside the text, and the columns have all of theirs.
pub(super) fn stretches(pieces: &[Piece], rows: &[Row], band: &Band) -> Vec<Band> {
    let Some(search) = Search::new(pieces, rows) else { return Vec::new() };
    let mut stretches = Vec::new();
    let mut from = band.from;
    for to in band.from + 1..=band.to {
        if to < band.to && !search.is_far(to - 1) {
            continue;
        }
        if to - from >= FEWEST_DENSE && to - from < band.to - band.from {
            stretches.extend(search.band(from, to, &search.covered(from..to)));
        }
        from = to;
    }
    stretches
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
    pieces: &'a [Piece],
    rows: &'a [Row],
    spans: Vec<Vec<Span>>,
    leading: f64,
}

impl<'a> Search<'a> {
    fn new(pieces: &'a [Piece], rows: &'a [Row]) -> Option<Self> {
        let spans = rows.iter().map(|row| spans(pieces, row)).collect();
        Some(Self { pieces, rows, spans, leading: leading(rows)? })
    }

    /// What these rows cover.
    fn covered(&self, rows: Range<usize>) -> Vec<Span> {
        let mut covered = Vec::new();
        rows.for_each(|row| cover(&mut covered, &self.spans[row]));
        covered
    }

    fn distance(&self, row: usize) -> f64 {
        self.rows[row + 1].baseline - self.rows[row].baseline
    }

    /// Whether the next row is farther from `row` than lines are from each other.
    fn is_far(&self, row: usize) -> bool {
        self.distance(row) > FAR * self.leading.max(self.rows[row].size.min(self.rows[row + 1].size))
    }

    fn usual_size(&self, rows: Range<usize>) -> f64 {
        let mut sizes: Vec<f64> = self.rows[rows].iter().map(|row| row.size).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.get(sizes.len() / 2).copied().unwrap_or(0.0)
    }

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
        let size = self.usual_size(from..to);
        let gaps = gaps(covered, narrowest(usize::MAX) * size);
        let gutters = gaps.into_iter().map(|(left, right)| self.gutter(from, to, left, right));
        let gutters: Vec<Gutter> =
            gutters.filter(|gutter| gutter.right - gutter.left >= gutter.narrowest() * size).collect();
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
            return Gutter { left, right, rows: 0, reach: 0, is_shown_apart: false };
        };
        let both = lefts.0.max(rights.0)..=lefts.1.min(rights.1);
        // On other baselines, each side has a row beyond.
        let near = both.start().saturating_sub(1).max(from)..=(both.end() + 1).min(to - 1);
        let rows = near.clone().filter(is_left).count().min(near.clone().filter(is_right).count());
        let is_shown_apart = self.is_shown_apart(near, left);
        Gutter { left, right, rows, reach: both.count(), is_shown_apart }
    }

    /// Whether the file shows all words of these rows that end before `left` before the others, and both sides are text of
    /// several words a line: labels in a margin are shown apart, too.
    fn is_shown_apart(&self, rows: RangeInclusive<usize>, left: f64) -> bool {
        let (mut last, mut first) = (0, usize::MAX);
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        for row in &self.rows[rows] {
            let (lefts, rights): (Vec<&Piece>, Vec<&Piece>) =
                row.pieces.iter().map(|&index| &self.pieces[index]).partition(|piece| piece.right <= left + 0.01);
            last = lefts.iter().map(|piece| piece.order).fold(last, usize::max);
            first = rights.iter().map(|piece| piece.order).fold(first, usize::min);
            before.extend((!lefts.is_empty()).then_some(lefts.len()));
            behind.extend((!rights.is_empty()).then_some(rights.len()));
        }
        let are_lines =
            |words: &[usize]| words.split_last().is_some_and(|(_, full)| full.iter().all(|&words| words > 2));
        last < first && are_lines(&before) && are_lines(&behind)
    }

    /// `band` without a few rows at its ends that are far from the others: heads, page numbers, notes.
    fn trimmed(&self, band: Band, ends: Ends) -> Band {
        let (from, to) = (band.from, band.to);
        let inside =
            (from + FEW_ROWS..to.saturating_sub(FEW_ROWS + 1)).map(|row| self.distance(row)).fold(0.0, f64::max);
        let is_far = |row: usize| self.is_far(row) && (ends == Ends::Near || self.distance(row) * ALIKE > inside);
        let middle = usize::midpoint(from, to);
        let first = (from..middle.min(from + FEW_ROWS)).rev().find(|&row| is_far(row));
        let last = (middle.max(to.saturating_sub(FEW_ROWS + 1))..to.saturating_sub(1)).find(|&row| is_far(row));
        let far = (first.map_or(from, |row| row + 1), last.map_or(to, |row| row + 1));
        let feet = to > from + 1 && self.is_small_print(to - 1, to - 2, &band);
        let heads = (from + self.heads(&band), to - usize::from(feet));
        let without = |(first, last): (usize, usize)| {
            let is_shorter = (first, last) != (from, to) && first + 1 < last;
            let shorter = is_shorter.then(|| self.band(first, last, &self.covered(first..last))).flatten();
            shorter.filter(|shorter| weight(shorter).0 * 2 > weight(&band).0)
        };
        without((far.0.max(heads.0), far.1.min(heads.1))).or_else(|| without(heads)).unwrap_or(band)
    }

    /// How many rows at the top of `band` are no part of its columns: the head of the page, or a heading that stands above
    /// another column than the first.
    fn heads(&self, band: &Band) -> usize {
        let large = HEADING * self.usual_size(band.from..band.to);
        let left = band.gutters[0].right - 0.01;
        let is_heading =
            |&row: &usize| self.rows[row].size > large && self.spans[row].iter().all(|span| span.0 >= left);
        let headings = (band.from..band.to).take_while(is_heading).count();
        let is_head = band.to > band.from + 1 && self.is_small_print(band.from, band.from + 1, band);
        headings.max(usize::from(is_head))
    }

    /// Whether the outermost row of `band` is in small print, and those beside it are not, as the lines of a note would be.
    fn is_small_print(&self, outer: usize, next: usize, band: &Band) -> bool {
        let small = SMALL_PRINT * self.usual_size(band.from..band.to);
        let is_small = |row: usize| self.rows[row].size < small;
        let beside = if next > outer {
            next..band.to.min(next + FEW_ROWS)
        } else {
            (next + 1).saturating_sub(FEW_ROWS).max(band.from)..outer
        };
        is_small(outer) && !beside.into_iter().any(is_small) && self.distance(outer.min(next)) > self.leading
    }
}

impl Gutter {
    /// How wide it has to be, in font sizes.
    fn narrowest(self) -> f64 {
        if self.is_shown_apart && self.rows > 1 { narrowest(usize::MAX) } else { narrowest(self.rows) }
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
