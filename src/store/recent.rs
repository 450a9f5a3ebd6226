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

    /// Gives every address that is kept the name that `renamed` gives it, in the list and with conversations.
    pub fn rename_addresses(&self, renamed: impl Fn(&str) -> String) -> Result<(), Error> {
        const WITH_NAME: &str = "LIKE '%://%@%'";
        let listed = |column: &str, table: &str| -> Result<Vec<String>, Error> {
            self.all_by(&format!("SELECT {column} FROM {table} WHERE {column} {WITH_NAME}"), [], |row| row.get(0))
        };
        for names in listed("names", "recent")? {
            let new = names.lines().map(&renamed).collect::<Vec<_>>().join("\n");
            self.change("UPDATE OR REPLACE recent SET names = ?2 WHERE names = ?1", [&names, &new])?;
        }
        for source in listed("source", "sessions")? {
            let mut new = Vec::new();
            for name in source.lines() {
                new.push(renamed(name));
                // The same name is in JSON.
                let set = "UPDATE sessions SET documents = replace(documents, ?2, ?3) WHERE source = ?1 AND ?2 <> ?3";
                self.change(set, [&source, name, &new[new.len() - 1]])?;
            }
            self.change("UPDATE sessions SET source = ?2 WHERE source = ?1", [&source, &new.join("\n")])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sessions::{Documents, Saving, Target, Writer};
    use super::*;

    fn opened(name: &str, opened_s: i64, tokens: Option<u32>) -> RecentDocument {
        RecentDocument { names: vec![format!("/{name}")], title: name.to_owned(), opened_s, tokens }
    }

    #[test]
    fn addresses_get_other_names_wherever_they_are_kept() {
        let home = tempfile::tempdir().expect("a folder");
        let mut database = Database::open(home.path()).expect("opened");
        let names = vec!["https://ada:secret@a.org/".to_owned(), "/mail/@b".to_owned()];
        let document = RecentDocument { names: names.clone(), ..opened("a", 1, None) };
        database.add_recent(&document).expect("written");
        let detail = format!(r#"{{"names": ["{}"]}}"#, names[0]);
        let saving = Saving { documents: Some(Documents { names, detail }), ..Saving::default() };
        let writer = Writer { token: "a", folder: "/", now_s: 0 };
        database.save(Target::New, writer, &saving).expect("saved");
        let renamed = |name: &str| name.replace("ada:secret@", "");
        (0..2).for_each(|_| database.rename_addresses(renamed).expect("renamed"));
        let expected = ["https://a.org/", "/mail/@b"];
        assert_eq!(database.recent().expect("a list")[0].names, expected);
        let session = database.sessions().expect("a list").remove(0);
        assert_eq!(
            (&session.documents.names[..], &*session.documents.detail),
            (&expected.map(str::to_owned)[..], r#"{"names": ["https://a.org/"]}"#)
        );
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
