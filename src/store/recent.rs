//! The documents that were opened last, for the start screen.
//!
//! Example: `lunette ~/book.txt` adds `/home/ada/book.txt` with its title and, once it was read, its 161,059 tokens. Opened again it moves
//! to the front.
//!
//! It keeps paths and addresses, no text.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::database::{Database, Error};
use super::sessions::number;

/// So many are kept.
const KEPT: usize = 20;

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

impl Database {
    /// All of them, newest first.
    pub fn recent(&self) -> Result<Vec<RecentDocument>, Error> {
        self.all_by("SELECT names, title, opened_s, tokens FROM recent ORDER BY used DESC", [], |row| {
            let names: String = row.get(0)?;
            let names = names.lines().map(str::to_owned).collect();
            Ok(RecentDocument { names, title: row.get(1)?, opened_s: row.get(2)?, tokens: row.get(3)? })
        })
    }

    /// Puts one at the front. The tokens that are known of it stay known.
    pub fn add_recent(&self, document: &RecentDocument) -> Result<(), Error> {
        let RecentDocument { names, title, opened_s, tokens } = document;
        self.change(
            "INSERT INTO recent (names, title, opened_s, tokens, used)
             VALUES (?1, ?2, ?3, ?4, (SELECT coalesce(max(used), 0) + 1 FROM recent))
             ON CONFLICT (names) DO UPDATE SET title = excluded.title, opened_s = excluded.opened_s,
                 tokens = coalesce(excluded.tokens, tokens), used = excluded.used",
            params![names.join("\n"), title, opened_s, tokens],
        )?;
        self.change(
            "DELETE FROM recent WHERE used <= (SELECT used FROM recent ORDER BY used DESC LIMIT 1 OFFSET ?1)",
            [number(KEPT)],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(name: &str, opened_s: i64, tokens: Option<u32>) -> RecentDocument {
        RecentDocument { names: vec![format!("/{name}")], title: name.to_owned(), opened_s, tokens }
    }

    #[test]
    fn the_last_one_opened_comes_first_once_and_keeps_its_tokens() {
        let home = tempfile::tempdir().expect("a folder");
        let database = Database::open(home.path()).expect("opened");
        assert_eq!(database.recent().expect("a list"), []);
        // The clock is set back before the last one.
        for document in [opened("a", 1, Some(100)), opened("b", 2, None), opened("a", 0, None)] {
            database.add_recent(&document).expect("written");
        }
        assert_eq!(database.recent().expect("a list"), [opened("a", 0, Some(100)), opened("b", 2, None)]);
        for number in 0..30 {
            database.add_recent(&opened(&number.to_string(), 4, None)).expect("written");
        }
        let all = database.recent().expect("a list");
        assert_eq!((all.len(), &*all[0].title), (KEPT, "29"));
    }
}
