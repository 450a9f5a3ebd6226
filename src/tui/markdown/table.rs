//! Tables: each column is as wide as its widest cell, or as the space allows; wider cells wrap.

use pulldown_cmark::Alignment;
use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::super::wrap::{width, wrap};

/// Gap between columns.
const BETWEEN: usize = 3;
/// Minimum width of a column.
const NARROWEST: usize = 3;

type CellSpans = Vec<Span<'static>>;

/// A table; its first row is the header.
#[derive(Debug, Clone)]
pub(super) struct MarkdownTable {
    columns: Vec<Alignment>,
    rows: Vec<Vec<CellSpans>>,
}

impl MarkdownTable {
    pub(super) fn new(columns: Vec<Alignment>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(super) fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn cell(&mut self, cell: CellSpans) {
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    /// The lines of the table, at most `cells` wide.
    pub(super) fn lines(&self, cells: usize, theme: &Theme) -> Vec<CellSpans> {
        let widths = self.widths(cells);
        if widths.iter().sum::<usize>() + BETWEEN * widths.len().saturating_sub(1) > cells {
            return self.one_below_the_other(cells);
        }
        let mut lines = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            lines.extend(self.row_lines(row, &widths, index == 0, theme));
            if index == 0 {
                let dashes: Vec<String> = widths.iter().map(|cells| "─".repeat(*cells)).collect();
                lines.push(vec![Span::styled(dashes.join("─┼─"), theme.dim)]);
            }
        }
        lines
    }

    /// The widths of the widest cells, with the widest columns reduced until the table fits.
    fn widths(&self, cells: usize) -> Vec<usize> {
        let widest =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cells_of(cell)).max();
        let mut widths: Vec<usize> = (0..self.columns.len()).map(|column| widest(column).unwrap_or(0).max(1)).collect();
        let room = cells.saturating_sub(BETWEEN * widths.len().saturating_sub(1));
        while widths.iter().sum::<usize>() > room {
            let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > NARROWEST) else { break };
            *widest -= 1;
        }
        widths
    }

    fn row_lines(&self, row: &[CellSpans], widths: &[usize], is_head: bool, theme: &Theme) -> Vec<CellSpans> {
        let style = |span: &Span<'static>| if is_head { span.clone().patch_style(theme.strong) } else { span.clone() };
        let wrapped: Vec<Vec<Line<'static>>> = widths
            .iter()
            .enumerate()
            .map(|(column, cells)| {
                let cell: CellSpans = row.get(column).into_iter().flatten().map(style).collect();
                wrap(&cell, *cells, 0)
            })
            .collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(1);
        (0..height).map(|line| self.one_line(&wrapped, widths, line, theme)).collect()
    }

    fn one_line(&self, wrapped: &[Vec<Line<'static>>], widths: &[usize], line: usize, theme: &Theme) -> CellSpans {
        let mut spans = Vec::new();
        for (column, (cell, cells)) in wrapped.iter().zip(widths).enumerate() {
            if column > 0 {
                spans.push(Span::styled(" │ ", theme.dim));
            }
            let text = cell.get(line).cloned().unwrap_or_default();
            let gap = cells.saturating_sub(cells_of(&text.spans));
            let before = match self.columns[column] {
                Alignment::Right => gap,
                Alignment::Center => gap / 2,
                Alignment::Left | Alignment::None => 0,
            };
            spans.push(Span::raw(" ".repeat(before)));
            spans.extend(text.spans);
            spans.push(Span::raw(" ".repeat(gap - before)));
        }
        spans
    }

    /// One cell per line, for screens too narrow for columns.
    fn one_below_the_other(&self, cells: usize) -> Vec<CellSpans> {
        let all = self.rows.iter().flatten();
        all.flat_map(|cell| wrap(cell, cells, 2)).map(|line| line.spans).collect()
    }
}

fn cells_of(cell: &[Span<'static>]) -> usize {
    cell.iter().map(|span| width(&span.content)).sum()
}
