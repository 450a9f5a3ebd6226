//! The documents that were opened last, for the start screen.
//!
//! Example: `lunette ~/book.txt` adds `/home/ada/book.txt` with its title and, once it was read, its 161,059 tokens. Opened
//! again it moves to the front. Only the user can read the file.
//!
//! It keeps paths and addresses, no text.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::update;

/// So many are kept.
const KEPT: usize = 20;

/// The file of recent documents.
#[derive(Debug, Clone)]
pub struct Recent {
    file: PathBuf,
}

/// Documents that were opened together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentDocument {
    /// Absolute paths, and addresses.
    pub names: Vec<String>,
    pub title: String,
    /// Seconds since 1970 (UTC).
    pub opened_s: i64,
    /// Of the whole document; `None` until it was read.
    #[serde(default)]
    pub tokens: Option<u32>,
}

impl Recent {
    #[must_use]
    pub fn in_directory(state: &Path) -> Self {
        Self { file: state.join("recent.json") }
    }

    /// All of them, newest first.
    #[must_use]
    pub fn load(&self) -> Vec<RecentDocument> {
        documents(&fs::read(&self.file).unwrap_or_default())
    }

    /// Puts one at the front. The tokens that are known of it stay known.
    pub fn add(&self, document: &RecentDocument) -> io::Result<()> {
        update(&self.file, |there| {
            let mut all = documents(there);
            let known = all.iter().find(|known| known.names == document.names).and_then(|known| known.tokens);
            all.retain(|known| known.names != document.names);
            all.insert(0, RecentDocument { tokens: document.tokens.or(known), ..document.clone() });
            all.truncate(KEPT);
            Ok(serde_json::to_string_pretty(&all)?)
        })
    }
}

fn documents(bytes: &[u8]) -> Vec<RecentDocument> {
    serde_json::from_slice(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(name: &str, opened_s: i64, tokens: Option<u32>) -> RecentDocument {
        RecentDocument { names: vec![format!("/{name}")], title: name.to_owned(), opened_s, tokens }
    }

    #[test]
    fn the_last_one_opened_comes_first_once_and_keeps_its_tokens() {
        let folder = tempfile::tempdir().expect("a folder");
        let recent = Recent::in_directory(folder.path());
        assert_eq!(recent.load(), []);
        for document in [opened("a", 1, Some(100)), opened("b", 2, None), opened("a", 3, None)] {
            recent.add(&document).expect("written");
        }
        assert_eq!(recent.load(), [opened("a", 3, Some(100)), opened("b", 2, None)]);
        for number in 0..30 {
            recent.add(&opened(&number.to_string(), 4, None)).expect("written");
        }
        assert_eq!((recent.load().len(), &*recent.load()[0].title), (KEPT, "29"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_as_if_it_were_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("recent.json"), "[{\"names\": ").expect("written");
        let recent = Recent::in_directory(folder.path());
        assert_eq!(recent.load(), []);
        recent.add(&opened("a", 1, None)).expect("written");
        assert_eq!(recent.load(), [opened("a", 1, None)]);
    }
}
