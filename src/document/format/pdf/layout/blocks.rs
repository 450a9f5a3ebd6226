//! The lines of a plane in reading order: columns one after the other, tables row by row, the rest from top to bottom.

use std::ops::Range;

use super::bidi::is_right_to_left;
use super::fixed::Fixed;
use super::gutters::{Band, Gutter, best_band, best_bands, stretches};
use super::line::{Printed, lines, rejoin_shifted};
use super::pieces::Piece;
use super::rows::{Row, rows};
use super::table::{self, BandKind};

/// Maximum depth of columns within columns.
const DEEPEST: usize = 8;
/// A larger distance between two baselines separates paragraphs, in sizes of the larger text.
const PARAGRAPH: f64 = 1.9;

/// A distance that is larger than the usual one by this factor separates them, too.
const PAUSE: f64 = 1.4;

/// Gaps that are wider part the tiers of vertical text, in sizes: a sign takes one, and so does the space after a sentence.
const TIERS_APART: f64 = 1.4;

/// The lines of a plane, in reading order.
pub(super) fn printed(pieces: &[Piece], is_vertical: bool) -> Vec<Printed> {
    let all: Vec<usize> = (0..pieces.len()).collect();
    let reader = Reader { pieces, is_right_to_left: is_right_to_left(pieces), is_vertical };
    let mut printed = Vec::new();
    reader.read_all(&all, &mut printed);
    printed
}

struct Reader<'a> {
    pieces: &'a [Piece],
    /// Whether columns go from right to left.
    is_right_to_left: bool,
    /// Whether it is vertical text, whose columns are tiers below each other.
    is_vertical: bool,
}

impl Reader<'_> {
    /// Reads a whole plane: programs, whose lines have gaps of their own, by themselves, unless they are in a column.
    fn read_all(&self, all: &[usize], printed: &mut Vec<Printed>) {
        let rows = rows(self.pieces, all);
        let programs = Fixed::of(self.pieces, &rows).runs();
        let columns = if programs.is_empty() { 0..0 } else { self.columns(&rows) };
        let mut rest = 0;
        for program in programs {
            let is_in_column = program.start < columns.end && columns.start < program.end;
            if is_in_column || !self.columns(&rows[program.clone()]).is_empty() {
                continue;
            }
            self.read(&region_of(&rows[rest..program.start]), 0, printed);
            printed.extend(lines(self.pieces, &region_of(&rows[program.clone()])));
            rest = program.end;
        }
        self.read(&region_of(&rows[rest..]), 0, printed);
    }

    /// The rows that are the longest columns of prose, if any are.
    fn columns(&self, rows: &[Row]) -> Range<usize> {
        let Some(band) = best_band(self.pieces, rows) else { return 0..0 };
        let region = region_of(&rows[band.from..band.to]);
        let are_columns = self.kind(&region, &band.gutters).0 == BandKind::Columns;
        if are_columns { band.from..band.to } else { 0..0 }
    }

    fn read(&self, region: &[usize], depth: usize, printed: &mut Vec<Printed>) {
        let mut rows = rows(self.pieces, region);
        rejoin_shifted(self.pieces, &mut rows);
        let bands = if depth < DEEPEST { best_bands(self.pieces, &rows) } else { None };
        let Some((band, with_ends)) = bands else {
            printed.extend(lines(self.pieces, region));
            return;
        };
        let has_ends = with_ends != band && self.is_wrapped_table(&rows, &with_ends);
        let band = if has_ends { with_ends } else { band };
        let band = self.columns_within(&rows, &band).unwrap_or(band);
        self.read_part(&rows[..band.from], depth, printed);
        self.read_band(&rows[band.from..band.to], &band, depth, printed);
        self.read_part(&rows[band.to..], depth, printed);
    }

    /// The longest stretch of `band` that is columns by itself, if that is told by one of these: they are more columns than
    /// the whole has; the whole is taken for a table, and the stretch has too many lines for one of its rows; or the file
    /// shows the columns of the stretch before or after all the rest, and so does not go on from its first column to what is
    /// below.
    fn columns_within(&self, rows: &[Row], band: &Band) -> Option<Band> {
        let region = region_of(&rows[band.from..band.to]);
        let is_table = self.kind(&region, &band.gutters).0 != BandKind::Columns;
        let are_columns = |stretch: &Band| {
            let part = region_of(&rows[stretch.from..stretch.to]);
            let (kind, columns) = self.kind(&part, &stretch.gutters);
            let is_told = if is_table {
                stretch.to - stretch.from > table::MOST_CELL_LINES && table::are_even(self.pieces, &columns)
            } else {
                self.are_shown_together(&region, &part) && table::are_one_by_one(self.pieces, &columns)
            };
            let are_all = columns.len() > stretch.gutters.len();
            kind == BandKind::Columns && are_all && (is_told || columns.len() > band.gutters.len() + 1)
        };
        let stretches = stretches(self.pieces, rows, band).into_iter();
        stretches.filter(are_columns).max_by_key(|stretch| stretch.to - stretch.from)
    }

    /// Whether the file shows nothing else of `region` between the pieces at `part`.
    fn are_shown_together(&self, region: &[usize], part: &[usize]) -> bool {
        let orders = || part.iter().map(|&index| self.pieces[index].order);
        let Some((first, last)) = orders().min().zip(orders().max()) else { return false };
        region.iter().filter(|&&index| (first..=last).contains(&self.pieces[index].order)).count() == part.len()
    }

    /// Whether `band` is a table whose cells have several lines.
    fn is_wrapped_table(&self, rows: &[Row], band: &Band) -> bool {
        let rows = &rows[band.from..band.to];
        self.kind(&region_of(rows), &band.gutters).0 == BandKind::Table
            && table::is_wrapped(self.pieces, rows, &edges_of(band))
    }

    /// What the columns between these gutters are: columns of text if they are, perhaps without some of the gutters.
    fn kind(&self, region: &[usize], gutters: &[Gutter]) -> (BandKind, Vec<Vec<usize>>) {
        let kind_of = |gutters: &[Gutter]| {
            let edges: Vec<f64> = gutters.iter().map(|gutter| gutter.middle()).collect();
            let columns = table::columns(self.pieces, region, &edges);
            let kind = if self.is_vertical {
                self.kind_of_tiers(region, gutters)
            } else {
                table::kind(self.pieces, &columns, gutters)
            };
            (kind, columns)
        };
        let whole = kind_of(gutters);
        let mut fewer = gutters.to_vec();
        while whole.0 != BandKind::Columns && fewer.len() > 1 {
            fewer = without_weakest(&fewer);
            let part = kind_of(&fewer);
            if part.0 == BandKind::Columns {
                return part;
            }
        }
        whole
    }

    /// What is between the gutters of vertical text: tiers, whose lines are too short for columns elsewhere, or lines.
    fn kind_of_tiers(&self, region: &[usize], gutters: &[Gutter]) -> BandKind {
        let size = region.iter().map(|&index| self.pieces[index].size).fold(0.0, f64::max);
        let are_wide = gutters.iter().all(|gutter| gutter.right - gutter.left > TIERS_APART * size);
        if are_wide { BandKind::Columns } else { BandKind::Rows }
    }

    fn read_part(&self, rows: &[Row], depth: usize, printed: &mut Vec<Printed>) {
        if !rows.is_empty() {
            self.read(&region_of(rows), depth + 1, printed);
        }
    }

    fn read_band(&self, rows: &[Row], band: &Band, depth: usize, printed: &mut Vec<Printed>) {
        let region = region_of(rows);
        let edges = edges_of(band);
        let (kind, mut columns) = self.kind(&region, &band.gutters);
        match kind {
            BandKind::Columns => {
                if self.is_right_to_left {
                    columns.reverse();
                }
                table::numbers_last(self.pieces, &mut columns);
                for column in columns {
                    let first = printed.len();
                    self.read(&column, depth + 1, printed);
                    if let Some(line) = printed.get_mut(first) {
                        line.begins_column = true;
                    }
                }
            }
            BandKind::Table => printed.extend(table::print(self.pieces, &region, &edges, self.is_right_to_left)),
            BandKind::Rows => printed.extend(lines(self.pieces, &region)),
        }
    }
}

/// The middles of the gutters.
fn edges_of(band: &Band) -> Vec<f64> {
    band.gutters.iter().map(|gutter| gutter.middle()).collect()
}

/// The pieces of these rows.
fn region_of(rows: &[Row]) -> Vec<usize> {
    rows.iter().flat_map(|row| row.pieces.iter().copied()).collect()
}

/// The gutters without the one that is most likely a gap between words: beside the fewest rows, and narrow.
fn without_weakest(gutters: &[Gutter]) -> Vec<Gutter> {
    let width = |gutter: &Gutter| gutter.right - gutter.left;
    let weakness = |one: &&Gutter, other: &&Gutter| one.rows.cmp(&other.rows).then(width(one).total_cmp(&width(other)));
    let weakest = gutters.iter().min_by(weakness).copied();
    gutters.iter().copied().filter(|gutter| Some(*gutter) != weakest).collect()
}

/// Joins lines to paragraphs, by the distances between them.
pub(super) fn paragraphs(printed: Vec<Printed>) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut last: Option<(f64, f64)> = None;
    let apart = PARAGRAPH.max(PAUSE * usual_distance(&printed));
    for line in printed {
        let goes_on = last.is_some_and(|(baseline, size)| {
            let distance = line.baseline - baseline;
            let text = paragraphs.last().map_or("", |paragraph| paragraph.as_str());
            if line.follows {
                true
            } else if line.begins_column || distance < -0.5 * size {
                continues(text, &line.text)
            } else {
                distance <= apart * size.max(line.size)
            }
        });
        last = Some((line.baseline, line.size));
        match paragraphs.last_mut().filter(|_| goes_on) {
            Some(paragraph) => {
                paragraph.push('\n');
                paragraph.push_str(&line.text);
            }
            None => paragraphs.push(line.text),
        }
    }
    paragraphs
}

/// The usual distance between lines, in sizes.
fn usual_distance(printed: &[Printed]) -> f64 {
    let distance = |two: &[Printed]| (two[1].baseline - two[0].baseline) / two[1].size;
    let mut distances: Vec<f64> = printed.windows(2).map(distance).filter(|distance| *distance > 0.5).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() * 2 / 5).copied().unwrap_or(0.0)
}

/// Whether a sentence goes on from one column to the next.
fn continues(text: &str, next: &str) -> bool {
    let is_open =
        text.ends_with(|end: char| end.is_alphanumeric() || matches!(end, ',' | '-' | ';' | '\u{2010}' | '\u{ad}'));
    is_open && next.trim_start().starts_with(char::is_lowercase)
}
