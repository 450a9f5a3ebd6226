//! Rows of a table whose cells are in the middle of their height, where no lines tell the rows apart.
//!
//! ```text
//!     Deliver lot 1 within
//!  1  ten days after the    100 euro
//!     order
//! ```
//!
//! On paper, `1` and `100 euro` are beside the second line, or between two lines. A cell is a stretch of lines of one column
//! without a pause; cells whose middles are at one height are a row.

use super::line::text_of;
use super::pieces::Piece;
use super::rows::{Row, leading, rows};
use super::table::{PAUSE, column_of, joined};

/// How far the middles of the cells of a row may be from each other, in sizes.
const SAME_MIDDLE: f64 = 0.35;
/// Fewest rows that tell such a table from text with gaps.
const FEWEST_ROWS: usize = 2;

/// A stretch of lines of one column.
struct Cell {
    column: usize,
    top: f64,
    bottom: f64,
    size: f64,
    text: String,
}

impl Cell {
    fn middle(&self) -> f64 {
        f64::midpoint(self.top, self.bottom)
    }
}

/// The texts of the cells of each row, and where the row ends; `None` if the cells are not in the middle of rows.
pub(super) fn centred_rows(pieces: &[Piece], region: &[usize], edges: &[f64]) -> Option<Vec<(Vec<String>, Row)>> {
    let columns: Vec<Vec<Row>> = (0..=edges.len())
        .map(|column| {
            let own = region.iter().copied().filter(|&index| column_of(&pieces[index], edges) == column);
            rows(pieces, &own.collect::<Vec<_>>())
        })
        .collect();
    let distance = columns.iter().filter_map(|lines| leading(lines)).fold(f64::INFINITY, f64::min);
    let mut cells: Vec<Cell> = columns
        .iter()
        .enumerate()
        .flat_map(|(column, lines)| cells_of(pieces, lines, column, PAUSE * distance))
        .collect();
    cells.sort_by(|one, other| one.middle().total_cmp(&other.middle()).then(one.column.cmp(&other.column)));
    let same =
        |two: &Cell, other: &Cell| (two.middle() - other.middle()).abs() < SAME_MIDDLE * two.size.min(other.size);
    let groups: Vec<&[Cell]> = cells.chunk_by(same).collect();
    let is_row = |group: &&&[Cell]| {
        let mut columns: Vec<usize> = group.iter().map(|cell| cell.column).collect();
        columns.sort_unstable();
        group.len() > 1 && columns[0] == 0 && columns.windows(2).all(|two| two[0] != two[1])
    };
    let are_apart = |two: &[&[Cell]]| bottom(two[0]) < top(two[1]);
    let are_rows = groups.len() >= FEWEST_ROWS && groups.iter().all(|group| is_row(&group));
    if !are_rows || !groups.windows(2).all(are_apart) || !groups.iter().any(|group| is_centred(group)) {
        return None;
    }
    Some(groups.into_iter().map(|group| printed_row(group, edges.len() + 1)).collect())
}

fn cells_of(pieces: &[Piece], lines: &[Row], column: usize, pause: f64) -> Vec<Cell> {
    let goes_on = |one: &Row, next: &Row| next.baseline - one.baseline <= pause;
    let cell = |lines: &[Row]| Cell {
        column,
        top: lines[0].baseline,
        bottom: lines[lines.len() - 1].baseline,
        size: lines[0].size,
        text: lines
            .iter()
            .map(|line| text_of(pieces, &line.pieces))
            .fold(String::new(), |cell, line| joined(cell, &line)),
    };
    lines.chunk_by(goes_on).map(cell).collect()
}

fn top(group: &[Cell]) -> f64 {
    group.iter().map(|cell| cell.top).fold(f64::INFINITY, f64::min)
}

fn bottom(group: &[Cell]) -> f64 {
    group.iter().map(|cell| cell.bottom).fold(f64::NEG_INFINITY, f64::max)
}

/// Whether a cell begins below another of its row.
fn is_centred(group: &[Cell]) -> bool {
    group.iter().any(|cell| cell.top - top(group) > SAME_MIDDLE * cell.size)
}

fn printed_row(group: &[Cell], columns: usize) -> (Vec<String>, Row) {
    let mut texts = vec![String::new(); columns];
    for cell in group {
        texts[cell.column].clone_from(&cell.text);
    }
    let size = group.iter().map(|cell| cell.size).fold(0.0, f64::max);
    (texts, Row { pieces: Vec::new(), baseline: bottom(group), size })
}
