//! Lines in fonts whose letters are all of one width, such as programs: their indents and columns of spaces are kept.
//!
//! ```text
//! def f(x):
//!     return x   # four spaces, and three
//! ```
//!
//! Lines of other fonts are not indented: how far a paragraph is from the left says nothing that its words don't.

use std::ops::Range;

use super::pieces::{Piece, Unit};
use super::rows::Row;

/// Widths that differ by less are one, in shares of the width.
const SAME_WIDTH: f64 = 0.02;
/// Fewest different letters of one width: figures have one width in most fonts.
const FEWEST_LETTERS: usize = 5;
/// More spaces than this are no indent.
const MOST_SPACES: usize = 100;
/// How far letters may be from where they should be, in widths.
const OFF: f64 = 0.25;

/// Which rows are in such a font, and where the leftmost of those around them begins.
pub(super) struct Fixed {
    rows: Vec<Option<Grid>>,
}

/// The places of letters in neighbouring rows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Grid {
    left: f64,
    width: f64,
}

impl Fixed {
    pub(super) fn of(pieces: &[Piece], rows: &[Row]) -> Self {
        let widths: Vec<Option<f64>> = rows.iter().map(|row| width(pieces, row)).collect();
        let mut grids = Vec::with_capacity(rows.len());
        let lefts: Vec<f64> = rows.iter().map(|row| left(pieces, row)).collect();
        let mut start = 0;
        for end in 1..=rows.len() {
            let goes_on = end < rows.len() && is_same(widths[end - 1], widths[end]);
            if goes_on {
                continue;
            }
            let left = lefts[start..end].iter().copied().fold(f64::INFINITY, f64::min);
            let is_fixed = has_letters(pieces, &rows[start..end]);
            let grid = widths[start].filter(|_| is_fixed).map(|width| Grid { left, width });
            grids.extend(std::iter::repeat_n(grid, end - start));
            start = end;
        }
        Self { rows: grids }
    }

    /// Whether all rows are in such a font.
    pub(super) fn is_all(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(Option::is_some)
    }

    /// Stretches of two rows or more in such a font.
    pub(super) fn runs(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let mut runs = Vec::new();
        for run in self.rows.chunk_by(|one, other| one == other) {
            let end = start + run.len();
            if run.len() > 1 && run[0].is_some() {
                runs.push(start..end);
            }
            start = end;
        }
        runs
    }

    /// The text of `row` at `index`, with all of its spaces, if it is in such a font.
    pub(super) fn line(&self, pieces: &[Piece], row: &Row, index: usize) -> Option<String> {
        let Grid { left, width } = (*self.rows.get(index)?)?;
        let mut line = String::new();
        let mut columns = 0;
        for unit in units(pieces, row) {
            let place = (unit.left - left) / width;
            let column = place.round().max(0.0) as usize;
            if (place - column as f64).abs() > OFF || column < columns || column > columns + MOST_SPACES {
                return None;
            }
            line.extend(std::iter::repeat_n(' ', column - columns));
            line.push_str(&unit.text);
            columns = column + 1;
        }
        Some(line)
    }
}

/// The letters of a row, from left to right.
fn units<'a>(pieces: &'a [Piece], row: &Row) -> Vec<&'a Unit> {
    let mut units: Vec<&Unit> = row.pieces.iter().flat_map(|&index| &pieces[index].units).collect();
    units.sort_by(|one, other| one.left.total_cmp(&other.left));
    units
}

fn left(pieces: &[Piece], row: &Row) -> f64 {
    row.pieces.iter().map(|&index| pieces[index].left).fold(f64::INFINITY, f64::min)
}

/// The width of all letters of a row, if they have one. Spaces are no letters.
fn width(pieces: &[Piece], row: &Row) -> Option<f64> {
    let units = || row.pieces.iter().flat_map(|&index| &pieces[index].units);
    let first = units().next().map(|unit| unit.right - unit.left)?;
    let is_one = |unit: &Unit| {
        let width = unit.right - unit.left;
        (width - first).abs() <= SAME_WIDTH * first && unit.text.chars().nth(1).is_none() && unit.text.is_ascii()
    };
    (first > 0.0 && units().all(is_one)).then_some(first)
}

fn is_same(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= SAME_WIDTH * one,
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// Whether these rows have enough different letters to tell.
fn has_letters(pieces: &[Piece], rows: &[Row]) -> bool {
    let mut letters: Vec<char> = Vec::new();
    for letter in rows.iter().flat_map(|row| &row.pieces).flat_map(|&index| pieces[index].characters()) {
        if letter.is_alphabetic() && !letters.contains(&letter) {
            letters.push(letter);
        }
        if letters.len() >= FEWEST_LETTERS {
            return true;
        }
    }
    false
}
