//! The table of parts that `lunette inspect` and `lunette fit` print: a list, or a tree where the parts are files of folders.
//!
//! ```text
//!   part    tokens  title
//!            6,012  src/
//!      1     4,000    lib.rs
//!      2     2,012    main.rs
//! ```

use std::fmt::Write as _;

use super::report::bytes;
use crate::document::FileReport;
use crate::fit::tree::{Row, rows};

/// A part with what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'a> {
    pub number: usize,
    pub title: &'a str,
    /// `None` without a model.
    pub tokens: Option<usize>,
}

/// The parts, line by line under a heading. `kv_bytes_per_token` brings a column with what each takes in the cache.
pub(super) fn table(parts: &[Listed], files: &[FileReport], kv_bytes_per_token: Option<u64>) -> String {
    let kv_heading = kv_bytes_per_token.map_or("", |_| "        KV");
    let mut table = format!("  part    tokens{kv_heading}  title\n");
    let mut line = |number: &str, tokens: Option<usize>, indent: usize, title: &str| {
        let counted = tokens.map_or_else(|| "–".to_owned(), grouped);
        let kv = kv_bytes_per_token
            .map_or(String::new(), |each| format!(" {:>9}", bytes(tokens.unwrap_or(0) as u64 * each)));
        writeln!(table, "{number:>6} {counted:>9}{kv}  {:indent$}{title}", "").expect("a string takes everything");
    };
    if !is_tree(parts, files) {
        for part in parts {
            line(&part.number.to_string(), part.tokens, 0, part.title);
        }
        return table;
    }
    let are_counted = parts.iter().all(|part| part.tokens.is_some());
    let named: Vec<(&str, u32)> = parts.iter().map(|part| (part.title, part.tokens.unwrap_or(0) as u32)).collect();
    for row in rows(&named) {
        match row {
            Row::Folder { name, depth, folder } => {
                line("", are_counted.then_some(folder.tokens as usize), depth * 2, &name);
            }
            Row::File { name, depth, index } => {
                line(&parts[index].number.to_string(), parts[index].tokens, depth * 2, &name);
            }
        }
    }
    table
}

/// Whether every part is a file, and one at least lies in a folder.
fn is_tree(parts: &[Listed], files: &[FileReport]) -> bool {
    let is_file = |title: &str| files.iter().any(|file| file.name == title);
    parts.len() > 1 && parts.iter().any(|part| part.title.contains('/')) && parts.iter().all(|part| is_file(part.title))
}

/// `1,234,567`
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn files_of_folders_are_a_tree_with_sums() {
        let names = ["lib/README.md", "lib/src/lib.rs", "lib/src/net/tcp.rs"];
        let files: Vec<FileReport> =
            names.iter().map(|name| FileReport { name: (*name).to_owned(), ..FileReport::default() }).collect();
        let parts: Vec<Listed> =
            (1..).zip(names).map(|(number, title)| Listed { number, title, tokens: Some(number * 1000) }).collect();
        insta::assert_snapshot!(table(&parts, &files, Some(12_288)));
    }
}
