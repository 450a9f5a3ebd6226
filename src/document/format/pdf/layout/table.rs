//! Tells columns of text from tables, and prints the rows of a table with their columns aligned.
//!
//! Columns are prose: their lines are full and have several words. And the file shows one after the other, while it
//! shows a table row by row, or cell by cell:
//!
//! ```text
//! Clause  Duty of the seller              Penalty
//! C1      Deliver lot 1 within 10 days    100 euro for each
//!         after the order                 day of delay
//! ```

use super::centred::centred_rows;
use super::fixed::Fixed;
use super::gutters::Gutter;
use super::line::{Printed, lines, rejoin_shifted, text_of};
use super::pieces::Piece;
use super::rows::{Row, leading, rows};

/// What the rows beside a gutter are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BandKind {
    /// Columns, to be read one after the other.
    Columns,
    /// A table, to be read row by row.
    Table,
    /// Lines that happen to have gaps below each other, such as those of a list with marks.
    Rows,
}

/// Minimum number of pieces of a line of prose, on average. A piece is a word, or less.
const FEWEST_WORDS: f64 = 2.5;
/// Minimum share of the width of a column that its lines fill, on average.
const FULL: f64 = 0.55;
/// Two cells beside each other are no longer than this, in characters; lines of columns are.
const LONGEST_CELLS: usize = 16;
/// A first column that has no longer text than this has the marks of a list.
const LONGEST_MARK: usize = 4;
/// The pause between rows of a table whose cells have several lines, in distances between lines.
pub(super) const PAUSE: f64 = 1.25;
/// The gaps between the columns of a table are wider than those within its cells, by this factor, and than this many
/// sizes.
const CLEAR: f64 = 1.5;
const CLEAR_SIZES: f64 = 0.9;
/// Fewest lines that are numbered in the margin.
const FEWEST_NUMBERS: usize = 6;
/// A cell of a table has no more lines.
pub(super) const MOST_CELL_LINES: usize = 15;
/// Fewest lines that tell an index by their order.
const FEWEST_SORTED: usize = 12;
/// A column that is wider has its text printed without alignment of what is behind it.
const WIDEST: usize = 80;
const BETWEEN_COLUMNS: &str = "  ";
const BETWEEN_CELLS: &str = " | ";

/// Parts the pieces at `region` into columns between `edges`.
pub(super) fn columns(pieces: &[Piece], region: &[usize], edges: &[f64]) -> Vec<Vec<usize>> {
    let mut columns = vec![Vec::new(); edges.len() + 1];
    for &index in region {
        columns[column_of(&pieces[index], edges)].push(index);
    }
    columns.retain(|column| !column.is_empty());
    columns
}

pub(super) fn column_of(piece: &Piece, edges: &[f64]) -> usize {
    let middle = f64::midpoint(piece.left, piece.right);
    edges.partition_point(|&edge| edge < middle)
}

/// What a column looks like.
pub(super) struct Shape {
    lines: usize,
    /// Average number of pieces of a line.
    words: f64,
    /// Average share of the width that is filled, without the last line.
    fill: f64,
    longest: usize,
    /// Share of the characters that are letters.
    letters: f64,
    /// Whether its lines are numbered, in the margin of a text.
    is_numbers: bool,
    baselines: Vec<f64>,
    pauses: Vec<f64>,
}

impl Shape {
    pub(super) fn of(pieces: &[Piece], column: &[usize]) -> Self {
        let rows = rows(pieces, column);
        let left = column.iter().map(|&index| pieces[index].left).fold(f64::INFINITY, f64::min);
        let right = column.iter().map(|&index| pieces[index].right).fold(f64::NEG_INFINITY, f64::max);
        let width = |row: &Row| {
            let ends = row.pieces.iter().map(|&index| pieces[index].right).fold(left, f64::max);
            (ends - left) / (right - left).max(1e-6)
        };
        let full = &rows[..rows.len().saturating_sub(1).max(1)];
        let lengths = rows.iter().map(|row| row.pieces.iter().map(|&index| pieces[index].characters().count()).sum());
        let characters: Vec<char> = column.iter().flat_map(|&index| pieces[index].characters()).collect();
        let letters = characters.iter().filter(|character| character.is_alphabetic()).count();
        let distance = leading(&rows).unwrap_or(0.0);
        let is_pause = |two: &&[Row]| two[1].baseline - two[0].baseline > PAUSE * distance;
        Self {
            lines: rows.len(),
            words: column.len() as f64 / rows.len() as f64,
            fill: full.iter().map(width).sum::<f64>() / full.len() as f64,
            longest: lengths.max().unwrap_or(0),
            letters: letters as f64 / characters.len().max(1) as f64,
            pauses: rows.windows(2).filter(is_pause).map(|two| two[1].baseline).collect(),
            baselines: rows.iter().map(|row| row.baseline).collect(),
            is_numbers: are_line_numbers(pieces, &rows),
        }
    }

    pub(super) fn is_wordy(&self) -> bool {
        self.words >= 2.0 && self.letters > 0.5
    }

    fn is_prose(&self) -> bool {
        self.lines >= 2 && self.words >= FEWEST_WORDS && self.fill >= FULL && self.letters > 0.5
    }
}

/// Whether nearly all rows are numbers that count.
fn are_line_numbers(pieces: &[Piece], rows: &[Row]) -> bool {
    let number = |row: &Row| match row.pieces[..] {
        [index] => pieces[index].characters().collect::<String>().parse::<u32>().ok(),
        _ => None,
    };
    let numbers: Vec<u32> = rows.iter().filter_map(number).collect();
    let steps = numbers.windows(2).filter(|two| two[1].checked_sub(two[0]) == Some(1)).count();
    numbers.len() >= FEWEST_NUMBERS && steps * 5 >= rows.len() * 4
}

/// What these columns are.
pub(super) fn kind(pieces: &[Piece], columns: &[Vec<usize>], gutters: &[Gutter]) -> BandKind {
    let shapes: Vec<Shape> = columns.iter().map(|column| Shape::of(pieces, column)).collect();
    // Fields of a form follow all of its labels.
    let has_fields = columns.iter().flatten().any(|&index| pieces[index].is_field);
    let is_column_by_column = switches(pieces, columns) < columns.len() * 2 && !has_fields;
    // Words of prose are never that few on all lines; cells are, such as those of `Rock 3  13 | Keeper 3  1853`.
    let are_cells =
        !is_column_by_column && aligned(&shapes) > 0.9 && shapes.iter().all(|shape| shape.longest <= LONGEST_CELLS);
    if !are_cells && shapes.iter().all(Shape::is_prose) {
        let has_cells = !is_column_by_column && (common_pauses(&shapes) > 0 || are_rows_of_one(&shapes));
        let has_comments = !is_column_by_column && columns.last().is_some_and(|column| are_comments(pieces, column));
        return match (has_cells, has_comments) {
            (_, true) => BandKind::Rows,
            (true, false) => BandKind::Table,
            (false, false) => BandKind::Columns,
        };
    }
    if shapes.iter().any(|shape| shape.is_numbers) && shapes.iter().all(|shape| shape.is_numbers || shape.is_prose()) {
        return BandKind::Columns;
    }
    let lines = shapes.iter().map(|shape| shape.lines).min().unwrap_or(0);
    let is_wordy = shapes.iter().all(|shape| shape.words >= 1.5 && shape.letters > 0.5);
    if is_column_by_column && lines >= 3 && (is_wordy || aligned(&shapes) < 0.4) {
        return BandKind::Columns;
    }
    if is_column_by_column && are_sorted(pieces, columns) {
        return BandKind::Columns;
    }
    let is_list = shapes.len() == 2 && shapes[0].longest <= LONGEST_MARK && shapes[1].words > 1.5;
    if is_list || are_chance(pieces, columns, gutters) { BandKind::Rows } else { BandKind::Table }
}

/// Whether nearly all lines begin with the same sign that is no letter, as the comments of a program do.
fn are_comments(pieces: &[Piece], column: &[usize]) -> bool {
    let rows = rows(pieces, column);
    let signs: Vec<char> = rows.iter().filter_map(|row| pieces[row.pieces[0]].characters().next()).collect();
    let Some(&sign) = signs.first().filter(|sign| !sign.is_alphanumeric()) else { return false };
    rows.len() > 2 && signs.iter().filter(|other| **other == sign).count() * 10 >= rows.len() * 9
}

/// Whether the lines are in the order of the alphabet down one column and on in the next, as those of an index are. Lines
/// that are indented belong to the one above them.
fn are_sorted(pieces: &[Piece], columns: &[Vec<usize>]) -> bool {
    let mut words: Vec<String> = Vec::new();
    for column in columns {
        let left = column.iter().map(|&index| pieces[index].left).fold(f64::INFINITY, f64::min);
        let firsts = rows(pieces, column).into_iter().map(|row| &pieces[row.pieces[0]]);
        let own = firsts.filter(|first| first.left - left < 0.5 * first.size);
        let own =
            own.map(|first| first.characters().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase));
        words.extend(own.map(Iterator::collect));
    }
    let is_word = |word: &String| word.starts_with(char::is_alphabetic);
    let sorted = words.windows(2).filter(|two| is_word(&two[1]) && two[0] <= two[1]).count();
    words.len() >= FEWEST_SORTED && sorted * 10 >= words.len() * 9
}

/// Whether the gutters are gaps between words that are below each other by chance: as wide as other gaps of their rows.
fn are_chance(pieces: &[Piece], columns: &[Vec<usize>], gutters: &[Gutter]) -> bool {
    let region: Vec<usize> = columns.iter().flatten().copied().collect();
    let (mut clear, mut all) = (0, 0);
    for row in rows(pieces, &region) {
        let (mut narrowest, mut widest) = (f64::INFINITY, 0.0_f64);
        for two in row.pieces.windows(2) {
            let (left, right) = (pieces[two[0]].right, pieces[two[1]].left);
            if gutters.iter().any(|gutter| left <= gutter.left + 0.01 && right >= gutter.right - 0.01) {
                narrowest = narrowest.min(right - left);
            } else {
                widest = widest.max(right - left);
            }
        }
        if narrowest.is_finite() {
            all += 1;
            clear += usize::from(narrowest >= CLEAR_SIZES * row.size && narrowest >= CLEAR * widest);
        }
    }
    clear * 5 < all * 3
}

/// Whether the file shows these columns one after the other.
pub(super) fn are_one_by_one(pieces: &[Piece], columns: &[Vec<usize>]) -> bool {
    switches(pieces, columns) < columns.len()
}

/// Whether none of these columns is much shorter than another, as labels in a margin are.
pub(super) fn are_even(pieces: &[Piece], columns: &[Vec<usize>]) -> bool {
    let lines = || columns.iter().map(|column| rows(pieces, column).len());
    lines().min().unwrap_or(0) * 2 >= lines().max().unwrap_or(0)
}

/// Moves the numbers of lines behind the text.
pub(super) fn numbers_last(pieces: &[Piece], columns: &mut [Vec<usize>]) {
    columns.sort_by_key(|column| are_line_numbers(pieces, &rows(pieces, column)));
}

/// How often the file goes from one column to another.
fn switches(pieces: &[Piece], columns: &[Vec<usize>]) -> usize {
    let numbered = columns.iter().enumerate();
    let mut order: Vec<(usize, usize)> =
        numbered.flat_map(|(number, column)| column.iter().map(move |&index| (pieces[index].order, number))).collect();
    order.sort_unstable();
    order.windows(2).filter(|two| two[0].1 != two[1].1).count()
}

/// In how many places all columns pause.
fn common_pauses(shapes: &[Shape]) -> usize {
    let (first, others) = shapes.split_at(1);
    let is_common =
        |baseline: &&f64| others.iter().all(|shape| shape.pauses.iter().any(|other| (*other - **baseline).abs() < 2.0));
    first[0].pauses.iter().filter(is_common).count()
}

/// Whether the lines of one column begin rows in which others have several lines: `2  Item 2` beside a description of two
/// lines. Columns of prose have about as many lines each.
fn are_rows_of_one(shapes: &[Shape]) -> bool {
    let lines = || shapes.iter().map(|shape| shape.lines);
    let (fewest, most) = (lines().min().unwrap_or(0), lines().max().unwrap_or(0));
    fewest * 4 <= most * 3 && aligned(shapes) > 0.9
}

/// The share of the lines of the shortest column that have a line beside them in every other.
fn aligned(shapes: &[Shape]) -> f64 {
    let Some(shortest) = shapes.iter().min_by_key(|shape| shape.lines) else { return 0.0 };
    let is_aligned = |baseline: &&f64| {
        shapes.iter().all(|shape| shape.baselines.iter().any(|other| (*other - **baseline).abs() < 1.0))
    };
    shortest.baselines.iter().filter(is_aligned).count() as f64 / shortest.lines.max(1) as f64
}

/// The rows of a table: with aligned columns, or, if its cells are of several lines, with each cell whole.
pub(super) fn print(pieces: &[Piece], region: &[usize], edges: &[f64], is_right_to_left: bool) -> Vec<Printed> {
    if let Some(centred) = centred_rows(pieces, region, edges) {
        return print_centred(centred, is_right_to_left);
    }
    let mut rows = rows(pieces, region);
    rejoin_shifted(pieces, &mut rows);
    let mut cells: Vec<Vec<String>> = rows.iter().map(|row| cells(pieces, row, edges)).collect();
    if is_right_to_left {
        for cells in &mut cells {
            cells.reverse();
        }
    }
    let printed = match wrapped(pieces, &rows, edges) {
        Some(groups) => whole_cells(&rows, &cells, &groups),
        None if Fixed::of(pieces, &rows).is_all() => return lines(pieces, region),
        None => aligned_cells(&cells).into_iter().zip(&rows).map(|(text, row)| Printed::new(text, row)).collect(),
    };
    as_table(printed)
}

fn print_centred(mut rows: Vec<(Vec<String>, Row)>, is_right_to_left: bool) -> Vec<Printed> {
    if is_right_to_left {
        for (cells, _) in &mut rows {
            cells.reverse();
        }
    }
    let (cells, places): (Vec<Vec<String>>, Vec<Row>) = rows.into_iter().unzip();
    as_table(between_cells(&cells).into_iter().zip(&places).map(|(text, place)| Printed::new(text, place)).collect())
}

/// Lines that are rows of one table.
fn as_table(mut printed: Vec<Printed>) -> Vec<Printed> {
    for (number, line) in printed.iter_mut().enumerate() {
        line.follows = number > 0 || line.follows;
        line.has_gap = true;
    }
    printed
}

fn cells(pieces: &[Piece], row: &Row, edges: &[f64]) -> Vec<String> {
    let mut cells = vec![Vec::new(); edges.len() + 1];
    for &index in &row.pieces {
        cells[column_of(&pieces[index], edges)].push(index);
    }
    cells.iter().map(|cell| text_of(pieces, cell)).collect()
}

/// Rows as lines with aligned columns.
pub(super) fn aligned_cells(cells: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let columns = 0..cells.first().map_or(0, Vec::len);
    let widths: Vec<usize> = columns.map(width).map(|width| if width > WIDEST { 0 } else { width }).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join(BETWEEN_COLUMNS).trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

/// Rows as lines with a sign between the cells, which may be long.
pub(super) fn between_cells(cells: &[Vec<String>]) -> Vec<String> {
    cells.iter().map(|row| row.join(BETWEEN_CELLS)).collect()
}

/// Whether these are rows of a table whose cells have several lines, with pauses between them.
pub(super) fn is_wrapped(pieces: &[Piece], rows: &[Row], edges: &[f64]) -> bool {
    wrapped(pieces, rows, edges).is_some()
}

/// The ranges of lines that are rows of a table whose cells have several lines: there are pauses between the rows, and
/// the cells that go on are prose.
fn wrapped(pieces: &[Piece], rows: &[Row], edges: &[f64]) -> Option<Vec<std::ops::Range<usize>>> {
    let distance = leading(rows)?;
    let is_pause = |two: &[Row]| two[1].baseline - two[0].baseline > PAUSE * distance;
    let mut groups = Vec::new();
    let mut start = 0;
    for end in 1..=rows.len() {
        if end == rows.len() || is_pause(&rows[end - 1..=end]) {
            groups.push(start..end);
            start = end;
        }
    }
    let going_on: Vec<usize> = groups.iter().flat_map(|group| group.clone().skip(1)).collect();
    if groups.len() < 2 || going_on.is_empty() || are_lines_rows(pieces, rows, edges, &groups) {
        return None;
    }
    let goes_on = |column: usize| {
        let pieces_of =
            |&row: &usize| rows[row].pieces.iter().filter(move |&&index| column_of(&pieces[index], edges) == column);
        going_on.iter().any(|row| pieces_of(row).next().is_some())
    };
    let is_prose = |column: usize| {
        let own = groups.iter().flat_map(|group| &rows[group.clone()]).flat_map(|row| &row.pieces).copied();
        Shape::of(pieces, &own.filter(|&index| column_of(&pieces[index], edges) == column).collect::<Vec<_>>())
            .is_wordy()
    };
    (0..=edges.len()).all(|column| !goes_on(column) || is_prose(column)).then_some(groups)
}

/// Whether most of the lines between two pauses are rows by themselves: all columns go through them, as in the groups of a
/// list of keys. Cells that are wrapped have different numbers of lines.
fn are_lines_rows(pieces: &[Piece], rows: &[Row], edges: &[f64], groups: &[std::ops::Range<usize>]) -> bool {
    let (mut even, mut uneven) = (0, 0);
    for group in groups {
        let mut lines = vec![0; edges.len() + 1];
        for row in &rows[group.clone()] {
            let mut columns: Vec<usize> = row.pieces.iter().map(|&index| column_of(&pieces[index], edges)).collect();
            columns.dedup();
            for column in columns {
                lines[column] += 1;
            }
        }
        lines.retain(|&lines| lines > 0);
        if group.len() > 1 && lines.len() > 1 {
            let is_even = lines.iter().all(|&lines| lines == group.len());
            *(if is_even { &mut even } else { &mut uneven }) += group.len();
        }
    }
    even > uneven
}

fn whole_cells(rows: &[Row], cells: &[Vec<String>], groups: &[std::ops::Range<usize>]) -> Vec<Printed> {
    let row = |group: &std::ops::Range<usize>| {
        let cell = |column: usize| {
            let lines = cells[group.clone()].iter().map(|row| row[column].as_str()).filter(|line| !line.is_empty());
            lines.fold(String::new(), joined)
        };
        (0..cells[group.start].len()).map(cell).collect()
    };
    let texts: Vec<Vec<String>> = groups.iter().map(row).collect();
    let places = groups.iter().map(|group| &rows[group.end - 1]);
    between_cells(&texts).into_iter().zip(places).map(|(text, place)| Printed::new(text, place)).collect()
}

/// Adds a line to the text of a cell. A hyphen at its end may belong to the word, and is kept.
pub(super) fn joined(mut cell: String, line: &str) -> String {
    if !cell.is_empty() && !cell.ends_with('-') {
        cell.push(' ');
    }
    cell.push_str(line);
    cell
}
