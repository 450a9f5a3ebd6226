//! Tables with lines between their cells: whatever is between the same lines is one cell, in however many lines, and wherever
//! in the cell it stands.
//!
//! ```text
//! ┌────┬──────────────────┬───────┐
//! │ No │ Description      │ Price │
//! ├────┼──────────────────┼───────┤      No | Description | Price
//! │  1 │ A lamp with two  │       │      1 | A lamp with two wicks | 13.50
//! │    │ wicks            │ 13.50 │
//! └────┴──────────────────┴───────┘
//! ```
//!
//! Frames around text, charts, and lines between columns of a newspaper are no tables: of a table, two rows and two
//! columns have text, and no cell has more than [`MOST_CELL_LINES`] lines. A cell that reaches over several columns or
//! rows has its text in the first of them.
//!
//! A table takes the place of one wide line ([`stand_in`]) while its page is put in order.

use super::bidi::is_right_to_left;
use super::line::{Printed, rejoin_shifted, text_of};
use super::pieces::{Piece, Unit};
use super::rows::{Row, rows};
use super::table::{MOST_CELL_LINES, Shape, aligned_cells, between_cells, joined};

/// A straight line on a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Rule {
    pub from: (f64, f64),
    pub to: (f64, f64),
}

/// Lines are level or upright if their ends differ by no more than this, in points.
const LEVEL: f64 = 1.0;
/// Shorter lines are no part of a table.
const SHORTEST: f64 = 4.0;
/// Lines that are nearer than this are one, and meet, in points.
const NEAR: f64 = 2.5;
/// A column beyond the last upright line is wider than this, in points, and so is a row beyond the last level one.
const BEYOND: f64 = 8.0;
/// Maximum number of lines of each direction. More are a drawing.
const MOST_BARS: usize = 500;
/// Marks a line that stands for a table, around the table's number. Neither is a character.
const MARKS: [char; 2] = ['\u{fdd0}', '\u{fdd1}'];

/// A level line at a height, or an upright one at a distance from the left.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bar {
    at: f64,
    from: f64,
    to: f64,
}

impl Bar {
    fn covers(&self, place: f64) -> bool {
        (self.from - NEAR..=self.to + NEAR).contains(&place)
    }

    fn meets(&self, upright: &Self) -> bool {
        self.covers(upright.at) && upright.covers(self.at)
    }
}

/// The lines of one direction, those on one line joined.
fn bars(rules: &[Rule], is_level: bool) -> Vec<Bar> {
    let bar = |rule: &Rule| {
        let ((x0, y0), (x1, y1)) = (rule.from, rule.to);
        let (at, end, from, to) = if is_level { (y0, y1, x0, x1) } else { (x0, x1, y0, y1) };
        let is_one = (at - end).abs() <= LEVEL && (from - to).abs() >= SHORTEST;
        is_one.then_some(Bar { at: f64::midpoint(at, end), from: from.min(to), to: from.max(to) })
    };
    let mut all: Vec<Bar> = rules.iter().filter_map(bar).collect();
    all.sort_by(|one, other| one.at.total_cmp(&other.at));
    let mut bars: Vec<Bar> = Vec::new();
    for mut group in all.chunk_by(|one, other| other.at - one.at < LEVEL).map(<[Bar]>::to_vec) {
        let at = group[0].at;
        group.sort_by(|one, other| one.from.total_cmp(&other.from));
        for bar in group {
            match bars.last_mut().filter(|last| (last.at - at).abs() < f64::EPSILON && bar.from <= last.to + NEAR) {
                Some(last) => last.to = last.to.max(bar.to),
                None => bars.push(Bar { at, ..bar }),
            }
        }
    }
    bars
}

/// Lines that meet, and the rows and columns between them.
#[derive(Debug, Clone, PartialEq)]
struct Grid {
    level: Vec<Bar>,
    upright: Vec<Bar>,
    /// From left to right, and from top to bottom.
    xs: Vec<f64>,
    ys: Vec<f64>,
}

impl Grid {
    /// The grid of lines that meet, if it has two rows and two columns.
    fn of(level: Vec<Bar>, upright: Vec<Bar>) -> Option<Self> {
        let xs = borders(&upright, &level);
        let ys = borders(&level, &upright);
        (xs.len() > 2 && ys.len() > 2).then_some(Self { level, upright, xs, ys })
    }

    /// The row and the column of `piece`, if it is inside.
    fn cell(&self, piece: &Piece) -> Option<(usize, usize)> {
        let x = f64::midpoint(piece.left, piece.right);
        let y = piece.baseline - 0.3 * piece.size;
        let (mut row, mut column) = (between(&self.ys, y)?, between(&self.xs, x)?);
        while column > 0 && !is_closed(&self.upright, self.xs[column], f64::midpoint(self.ys[row], self.ys[row + 1])) {
            column -= 1;
        }
        while row > 0 && !is_closed(&self.level, self.ys[row], f64::midpoint(self.xs[column], self.xs[column + 1])) {
            row -= 1;
        }
        Some((row, column))
    }
}

/// Where the rows or columns between `bars` begin and end. Outer ones may have no line of their own, only the ends of
/// those that cross.
fn borders(bars: &[Bar], crossing: &[Bar]) -> Vec<f64> {
    let mut borders: Vec<f64> = bars.iter().map(|bar| bar.at).collect();
    borders.sort_by(f64::total_cmp);
    borders.dedup_by(|next, last| *next - *last < NEAR);
    let first = crossing.iter().map(|bar| bar.from).fold(f64::INFINITY, f64::min);
    let last = crossing.iter().map(|bar| bar.to).fold(f64::NEG_INFINITY, f64::max);
    if borders.first().is_some_and(|border| border - first > BEYOND) {
        borders.insert(0, first);
    }
    if borders.last().is_some_and(|border| last - border > BEYOND) {
        borders.push(last);
    }
    borders
}

fn between(borders: &[f64], place: f64) -> Option<usize> {
    let after = borders.partition_point(|border| *border <= place);
    (1..borders.len()).contains(&after).then(|| after - 1)
}

/// Whether a line at `border` goes through `place`.
fn is_closed(bars: &[Bar], border: f64, place: f64) -> bool {
    bars.iter().any(|bar| (bar.at - border).abs() < NEAR && (bar.from..=bar.to).contains(&place))
}

/// The grids that these lines make.
fn grids(rules: &[Rule]) -> Vec<Grid> {
    let (level, upright) = (bars(rules, true), bars(rules, false));
    if level.len() > MOST_BARS || upright.len() > MOST_BARS {
        return Vec::new();
    }
    let mut left: Vec<Bar> = level;
    let mut others: Vec<Bar> = upright;
    let mut grids = Vec::new();
    while let Some(first) = left.pop() {
        let (mut levels, mut uprights) = (vec![first], Vec::new());
        loop {
            let (meeting, rest): (Vec<Bar>, Vec<Bar>) =
                others.into_iter().partition(|upright| levels.iter().any(|level| level.meets(upright)));
            others = rest;
            let (more, rest): (Vec<Bar>, Vec<Bar>) =
                left.into_iter().partition(|level| meeting.iter().any(|upright| level.meets(upright)));
            left = rest;
            uprights.extend(meeting);
            if more.is_empty() {
                break;
            }
            levels.extend(more);
        }
        grids.extend(Grid::of(levels, uprights));
    }
    grids
}

/// The tables with lines of a page, taken out of its pieces.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The lines of each, in the order of their numbers.
    printed: Vec<Vec<Printed>>,
}

impl Tables {
    /// Takes the tables between `rules` out of `pieces`. Each leaves a piece in its place.
    pub(super) fn take(pieces: &mut Vec<Piece>, rules: &[Rule]) -> Self {
        let mut tables = Self::default();
        let is_right_to_left = is_right_to_left(pieces);
        for grid in grids(rules) {
            let cells = Cells::of(pieces, &grid);
            if !cells.are_a_table(pieces) {
                continue;
            }
            let inside = cells.all();
            let printed = cells.printed(pieces, is_right_to_left);
            let Some(stand_in) = stand_in(pieces, &inside, &printed, tables.printed.len()) else { continue };
            let mut is_inside = vec![false; pieces.len()];
            for &index in &inside {
                is_inside[index] = true;
            }
            let mut index = 0;
            pieces.retain(|_| {
                index += 1;
                !is_inside[index - 1]
            });
            pieces.push(stand_in);
            tables.printed.push(printed);
        }
        tables
    }

    /// `lines` with the rows of each table in the place of the line that stands for it.
    pub(super) fn put_back(mut self, lines: Vec<Printed>) -> Vec<Printed> {
        if self.printed.is_empty() {
            return lines;
        }
        let mut all = Vec::with_capacity(lines.len());
        for line in lines {
            self.put_back_line(line, &mut all);
        }
        all
    }

    fn put_back_line(&mut self, line: Printed, all: &mut Vec<Printed>) {
        let Some((before, number, after)) = marked(&line.text) else { return all.push(line) };
        let Some(table) = self.printed.get_mut(number) else { return all.push(line) };
        let [before, after] = [before, after].map(|text| Printed { text: text.trim().to_owned(), ..line.clone() });
        all.extend((!before.text.is_empty()).then_some(before));
        all.append(table);
        if !after.text.is_empty() {
            self.put_back_line(after, all);
        }
    }
}

/// What is before and after the first mark in `text`, and the number in it.
fn marked(text: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = text.split_once(MARKS[0])?;
    let (number, after) = rest.split_once(MARKS[1])?;
    Some((before, number.parse().ok()?, after))
}

/// A piece that stands for a table: as wide as the table, at the height of its first row.
fn stand_in(pieces: &[Piece], inside: &[usize], printed: &[Printed], number: usize) -> Option<Piece> {
    let first = printed.first()?;
    let left = inside.iter().map(|&index| pieces[index].left).fold(f64::INFINITY, f64::min);
    let right = inside.iter().map(|&index| pieces[index].right).fold(f64::NEG_INFINITY, f64::max);
    let order = inside.iter().map(|&index| pieces[index].order).min()?;
    let text = format!("{}{number}{}", MARKS[0], MARKS[1]).into();
    Some(Piece {
        units: vec![Unit { text, left, right }],
        left,
        right,
        baseline: first.baseline,
        size: first.size,
        order,
        has_space_after: false,
        has_space_before: false,
        is_field: false,
    })
}

/// The pieces in each cell of a grid, by row and column.
struct Cells {
    rows: Vec<Vec<Vec<usize>>>,
}

impl Cells {
    fn of(pieces: &[Piece], grid: &Grid) -> Self {
        let mut rows = vec![vec![Vec::new(); grid.xs.len() - 1]; grid.ys.len() - 1];
        for (index, piece) in pieces.iter().enumerate() {
            if let Some((row, column)) = grid.cell(piece) {
                rows[row][column].push(index);
            }
        }
        rows.retain(|row: &Vec<Vec<usize>>| row.iter().any(|cell| !cell.is_empty()));
        let columns = grid.xs.len() - 1;
        let has_text: Vec<bool> =
            (0..columns).map(|column| rows.iter().any(|row: &Vec<Vec<usize>>| !row[column].is_empty())).collect();
        for row in &mut rows {
            let mut has_text = has_text.iter();
            row.retain(|_| has_text.next() == Some(&true));
        }
        Self { rows }
    }

    fn all(&self) -> Vec<usize> {
        self.rows.iter().flatten().flatten().copied().collect()
    }

    fn are_a_table(&self, pieces: &[Piece]) -> bool {
        let columns = self.rows.first().map_or(0, Vec::len);
        let cells = || self.rows.iter().flatten().filter(|cell| !cell.is_empty());
        self.rows.len() > 1
            && columns > 1
            && cells().count() * 3 >= self.rows.len() * columns
            && cells().all(|cell| rows(pieces, cell).len() <= MOST_CELL_LINES)
    }

    /// The rows of the table, with aligned columns if every cell has one line.
    fn printed(&self, pieces: &[Piece], is_right_to_left: bool) -> Vec<Printed> {
        let mut texts: Vec<Vec<String>> = Vec::new();
        let mut places: Vec<Row> = Vec::new();
        let mut is_wrapped = false;
        for row in &self.rows {
            let lines: Vec<Vec<Row>> = row.iter().map(|cell| rows(pieces, cell)).collect();
            let is_one = is_one_row(pieces, row, &lines);
            is_wrapped |= is_one && lines.iter().any(|cell| cell.len() > 1);
            for part in if is_one { vec![row.clone()] } else { lines_of(row, pieces) } {
                places.extend(rows(pieces, &part.concat()).into_iter().next());
                texts.push(part.iter().map(|cell| cell_text(pieces, cell)).collect());
            }
        }
        if is_right_to_left {
            for row in &mut texts {
                row.reverse();
            }
        }
        let lines = if is_wrapped { between_cells(&texts) } else { aligned_cells(&texts) };
        let line = |(index, (text, place)): (usize, (String, Row))| Printed {
            follows: index > 0,
            has_gap: true,
            ..Printed::new(text, &place)
        };
        lines.into_iter().zip(places).enumerate().map(line).collect()
    }
}

/// Whether what is between two level lines is one row of the table. Else it is several, without lines between them: if two
/// columns have several lines, and these are no text that goes on.
fn is_one_row(pieces: &[Piece], row: &[Vec<usize>], lines: &[Vec<Row>]) -> bool {
    let several: Vec<usize> = (0..lines.len()).filter(|&column| lines[column].len() > 1).collect();
    several.len() < 2 || several.iter().all(|&column| Shape::of(pieces, &row[column]).is_wordy())
}

/// The cells between two level lines, line by line.
fn lines_of(row: &[Vec<usize>], pieces: &[Piece]) -> Vec<Vec<Vec<usize>>> {
    let part = |line: Row| row.iter().map(|cell| own(cell, &line.pieces)).collect();
    rows(pieces, &row.concat()).into_iter().map(part).collect()
}

fn own(cell: &[usize], line: &[usize]) -> Vec<usize> {
    // The pieces of a cell are in ascending order.
    line.iter().copied().filter(|index| cell.binary_search(index).is_ok()).collect()
}

fn cell_text(pieces: &[Piece], cell: &[usize]) -> String {
    let mut lines = rows(pieces, cell);
    rejoin_shifted(pieces, &mut lines);
    lines.iter().fold(String::new(), |text, line| joined(text, &text_of(pieces, &line.pieces)))
}
