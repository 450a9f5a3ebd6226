//! Writes the rows of a sheet: `what | | price`. Where a long stretch of a row is empty, the cell behind it says in
//! which column it stands: `total | … | XFD: 7`.

use crate::format::flow::Flow;
use crate::report::{FileReport, counted};

/// Nobody asks about more rows than this; a sheet of a million rows is data.
pub(super) const MOST_ROWS: u64 = 20_000;
/// No program has more columns.
const MOST_CELLS: usize = 16_384;
/// A cell that says it is there more often is a background, not data.
const MOST_TIMES: usize = 256;
/// More empty cells are not written.
const MOST_EMPTY: usize = 32;

/// The rows of one sheet.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    /// The cells of the open row that are not empty, with their columns, from 0.
    cells: Vec<(usize, String)>,
    next_column: usize,
    rows: u64,
    rows_left_out: u64,
    cells_left_out: u64,
}

impl Sheet {
    /// Puts `value` into `column`, from 0.
    pub(super) fn set(&mut self, column: usize, value: &str) {
        self.next_column = column.saturating_add(1);
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if value.is_empty() {
            return;
        }
        if self.cells.len() < MOST_CELLS {
            self.cells.push((column, value));
        } else {
            self.cells_left_out += 1;
        }
    }

    /// The number of the next column.
    pub(super) const fn next_column(&self) -> usize {
        self.next_column
    }

    /// Puts `value` into the next `times` columns.
    pub(super) fn push(&mut self, value: &str, times: usize) {
        if value.trim().is_empty() {
            self.next_column = self.next_column.saturating_add(times);
            return;
        }
        for _ in 0..times.min(MOST_TIMES) {
            self.set(self.next_column, value);
        }
        self.cells_left_out += times.saturating_sub(MOST_TIMES) as u64;
    }

    /// Ends the row, which is there `times` times.
    pub(super) fn end_row(&mut self, times: u64, flow: &mut Flow) {
        self.next_column = 0;
        let mut cells = std::mem::take(&mut self.cells);
        if cells.is_empty() {
            return;
        }
        cells.sort_by_key(|(column, _)| *column);
        let written = times.min(MOST_ROWS.saturating_sub(self.rows));
        self.rows_left_out = self.rows_left_out.saturating_add(times - written);
        self.rows += written;
        let row = if written == 0 { String::new() } else { row(&cells) };
        for _ in 0..written {
            flow.line();
            flow.text(&row);
            flow.line();
        }
    }

    /// Says what is left out.
    pub(super) fn end(self, name: &str, report: &mut FileReport) {
        if self.rows_left_out > 0 {
            let rows = counted(self.rows_left_out, "row");
            report.remarks.push(format!("{rows} of the sheet {name} left out, after {MOST_ROWS}"));
        }
        if self.cells_left_out > 0 {
            let cells = counted(self.cells_left_out, "cell");
            report
                .remarks
                .push(format!("{cells} of the sheet {name} left out, which repeat another or are too many for a row"));
        }
    }
}

/// The row with these cells, which are in order.
fn row(cells: &[(usize, String)]) -> String {
    let mut fields: Vec<String> = Vec::with_capacity(cells.len());
    let mut next = 0;
    for (column, value) in cells {
        let empty = column.saturating_sub(next);
        if empty > MOST_EMPTY {
            fields.push("…".to_owned());
            fields.push(format!("{}: {value}", column_name(*column)));
        } else {
            fields.extend(std::iter::repeat_n(String::new(), empty));
            fields.push(value.clone());
        }
        next = column.saturating_add(1);
    }
    fields.join(" | ")
}

/// `A` for 0, `AB` for 27.
fn column_name(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        letters.push(char::from(b'A' + ((rest - 1) % 26) as u8));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_behind_a_long_gap_says_where_it_is() {
        let cell = |column, text: &str| (column, text.to_owned());
        assert_eq!(row(&[cell(0, "a"), cell(2, "c"), cell(16_383, "last")]), "a |  | c | … | XFD: last");
        assert_eq!([0, 25, 26, 701, 702].map(column_name), ["A", "Z", "AA", "ZZ", "AAA"]);
    }
}
