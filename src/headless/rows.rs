//! The table of parts that `lunette inspect` and `lunette fit` print: a list, or a tree if the parts are files in
//! folders.
//!
//! ```text
//!   part    tokens  title
//!            6,012  src/
//!      1     4,000    lib.rs
//!      2     2,012    main.rs
//! ```

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::document::FileReport;
use crate::fit::tree::{Row, file_of, rows};
use crate::units::{bytes, count};

/// A part as the table shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'a> {
    pub number: usize,
    pub title: &'a str,
    /// `None` without a model.
    pub tokens: Option<usize>,
}

/// The parts, line by line under a heading. With `kv_bytes_per_token` there is a column for the size of each in the KV
/// cache.
pub(super) fn table(parts: &[Listed], files: &[FileReport], kv_bytes_per_token: Option<u64>) -> String {
    let kv_heading = kv_bytes_per_token.map_or("", |_| "        KV");
    let mut table = format!("  part    tokens{kv_heading}  title\n");
    let mut line = |number: &str, tokens: Option<usize>, indent: usize, title: &str| {
        let counted = tokens.map_or_else(|| "–".to_owned(), count);
        let kv = kv_bytes_per_token
            .map_or(String::new(), |each| format!(" {:>9}", bytes(tokens.unwrap_or(0) as u64 * each)));
        put(&mut table, format_args!("{number:>6} {counted:>9}{kv}  {:indent$}{title}\n", ""));
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

/// Whether every part is a file, and at least one is in a folder.
fn is_tree(parts: &[Listed], files: &[FileReport]) -> bool {
    parts.len() > 1
        && files.len() > 1
        && parts.iter().any(|part| file_of(part.title).contains('/'))
        && are_files(parts.iter().map(|part| part.title), files)
}

/// Whether all `titles` are names of `files`, or chapters in them.
pub(super) fn are_files<'a>(mut titles: impl Iterator<Item = &'a str>, files: &[FileReport]) -> bool {
    let names: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    titles.all(|title| names.contains(title) || names.contains(file_of(title)))
}

/// Appends `line`.
pub(super) fn put(words: &mut String, line: std::fmt::Arguments<'_>) {
    words.write_fmt(line).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

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
