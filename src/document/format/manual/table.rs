//! A table of a manual page (tbl): from `.TS` to `.TE`, a line a row, with tabs between cells.
//!
//! ```text
//! .TS
//! tab(;);
//! lb l.
//! Signal;Value
//! SIGHUP;T{
//! one
//! T}
//! .TE                 gives the rows `Signal | Value` and `SIGHUP | one`
//! ```

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Table {
    separator: char,
    is_format: bool,
    cells: Vec<String>,
    in_block: bool,
}

impl Default for Table {
    fn default() -> Self {
        Self { separator: '\t', is_format: true, cells: Vec::new(), in_block: false }
    }
}

impl Table {
    /// Takes a line, and returns the row that it ends, if it does.
    pub(super) fn row(&mut self, line: &str) -> Option<Vec<String>> {
        if self.is_format {
            self.format(line.trim());
            return None;
        }
        if self.in_block {
            return self.block(line);
        }
        match line.trim() {
            "" | "_" | "=" | "\\_" => return None,
            // Another format from here on.
            ".T&" => {
                self.is_format = true;
                return None;
            }
            _ if line.starts_with('.') => return None,
            _ => {}
        }
        self.cells.clear();
        self.add(line)
    }

    /// Options end with a semicolon, the format with a full stop.
    fn format(&mut self, line: &str) {
        if line.ends_with(';') {
            let given = line.split_once("tab").and_then(|(_, rest)| rest.trim_start().strip_prefix('('));
            self.separator = given.and_then(|rest| rest.chars().next()).unwrap_or(self.separator);
        } else if line.ends_with('.') {
            self.is_format = false;
        }
    }

    fn add(&mut self, rest: &str) -> Option<Vec<String>> {
        self.cells.extend(rest.split(self.separator).map(|cell| cell.trim().to_owned()));
        // Lines and cells that are spanned.
        let is_line = |cell: &String| matches!(cell.as_str(), "_" | "=" | "\\_" | "\\^");
        self.cells.iter_mut().filter(|cell| is_line(cell)).for_each(String::clear);
        if self.cells.last().is_some_and(|last| last == "T{") {
            self.in_block = true;
            self.cells.pop();
            self.cells.push(String::new());
            return None;
        }
        Some(std::mem::take(&mut self.cells))
    }

    /// The lines of one cell, up to `T}`, behind which the row goes on.
    fn block(&mut self, line: &str) -> Option<Vec<String>> {
        if let Some(rest) = line.strip_prefix("T}") {
            self.in_block = false;
            return match rest.strip_prefix(self.separator) {
                Some(rest) => self.add(rest),
                None => Some(std::mem::take(&mut self.cells)),
            };
        }
        let (text, is_request) = match line.strip_prefix('.') {
            Some(request) => (request.split_once(' ').map_or("", |(_, rest)| rest), true),
            None => (line, false),
        };
        let is_spacing = is_request && !line[1..].starts_with(|first: char| first.is_ascii_uppercase());
        if let Some(cell) = self.cells.last_mut().filter(|_| !is_spacing) {
            cell.push_str(if cell.is_empty() { "" } else { " " });
            cell.push_str(text);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines_and_blocks_are_cells() {
        let mut table = Table::default();
        let lines = [
            "allbox tab(;);",
            "lb l",
            "l l.",
            "Signal;Value",
            "_",
            "SIGHUP;T{",
            "one",
            ".B two",
            ".br",
            "T}",
            "SIGINT;2",
        ];
        let rows: Vec<String> = lines.iter().filter_map(|line| Some(table.row(line)?.join(" | "))).collect();
        assert_eq!(rows, ["Signal | Value", "SIGHUP | one two", "SIGINT | 2"]);
    }
}
