//! Writes the rows of a sheet.

use crate::document::format::flow::Flow;
use crate::document::report::{FileReport, counted};

/// Nobody asks about more rows than this; a sheet of a million rows is data.
pub(super) const MOST_ROWS: u64 = 20_000;
/// More columns are not readable on a line.
const MOST_COLUMNS: usize = 256;
/// More empty cells are not written.
const MOST_EMPTY: usize = 32;

/// The rows of one sheet.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    cells: Vec<String>,
    rows: u64,
    left_out: u64,
}

impl Sheet {
    /// Puts `value` into `column`, from 0.
    pub(super) fn set(&mut self, column: usize, value: &str) {
        if column < MOST_COLUMNS {
            if self.cells.len() <= column {
                self.cells.resize(column + 1, String::new());
            }
            self.cells[column] = value.split_whitespace().collect::<Vec<_>>().join(" ");
        }
    }

    /// The number of the next column.
    pub(super) fn next_column(&self) -> usize {
        self.cells.len()
    }

    /// Puts `value` into the next `times` columns.
    pub(super) fn push(&mut self, value: &str, times: usize) {
        let times = if value.trim().is_empty() { times.min(MOST_EMPTY) } else { times.min(MOST_COLUMNS) };
        for _ in 0..times {
            self.set(self.next_column(), value);
        }
    }

    pub(super) fn end_row(&mut self, flow: &mut Flow) {
        let cells = std::mem::take(&mut self.cells);
        let Some(last) = cells.iter().rposition(|cell| !cell.is_empty()) else { return };
        if self.rows == MOST_ROWS {
            self.left_out += 1;
            return;
        }
        self.rows += 1;
        flow.line();
        flow.text(&cells[..=last].join(" | "));
        flow.line();
    }

    /// Says how many rows are left out.
    pub(super) fn end(self, name: &str, report: &mut FileReport) {
        if self.left_out > 0 {
            report
                .remarks
                .push(format!("{} of the sheet {name} left out, after {MOST_ROWS}", counted(self.left_out, "row")));
        }
    }
}
