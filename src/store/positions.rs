//! How far each document was read, and its marks.
//!
//! A document is known by its text, not by its path: renamed or fetched again it is still open at the same page.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::database::{Database, Error};
use super::sessions::{index, number};

/// From each end of a text; what lies between is told apart by the length.
const HASHED: usize = 1 << 16;

/// A place in a document, in bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// For people who look into the file.
    pub title: String,
    pub byte: usize,
    #[serde(default)]
    pub marks: BTreeMap<char, usize>,
}

/// What a document is known by: 16 hexadecimal digits.
pub(super) fn place_key(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut hasher = Sha256::new();
    hasher.update(bytes.len().to_le_bytes());
    hasher.update(&bytes[..bytes.len().min(HASHED)]);
    hasher.update(&bytes[bytes.len().saturating_sub(HASHED)..]);
    let first = hasher.finalize().iter().take(8).fold(0_u64, |name, byte| name << 8 | u64::from(*byte));
    format!("{first:016x}")
}

impl Database {
    /// Where the document with this text was left, if it was.
    pub fn place(&self, text: &str) -> Result<Option<Remembered>, Error> {
        self.place_of(&place_key(text))
    }

    pub(super) fn place_of(&self, key: &str) -> Result<Option<Remembered>, Error> {
        let select = "SELECT title, byte FROM places WHERE document = ?1";
        let place: Option<(String, i64)> = self
            .connection
            .query_row(select, [key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(|error| self.failed(error))?;
        let marks = self.all_by("SELECT name, byte FROM marks WHERE document = ?1", [key], |row| {
            let name: String = row.get(0)?;
            Ok((name.chars().next().unwrap_or('\''), index(row.get(1)?)))
        })?;
        Ok(place.map(|(title, byte)| Remembered { title, byte: index(byte), marks: marks.into_iter().collect() }))
    }

    /// Saves where it was left. Marks that another window set meanwhile stay, but for those of the same name.
    pub fn put_place(&self, text: &str, place: &Remembered) -> Result<(), Error> {
        self.put_place_of(&place_key(text), place)
    }

    pub(super) fn put_place_of(&self, key: &str, place: &Remembered) -> Result<(), Error> {
        let put = "INSERT INTO places (document, title, byte) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (document) DO UPDATE SET title = excluded.title, byte = excluded.byte";
        self.change(put, params![key, place.title, number(place.byte)])?;
        for (name, byte) in &place.marks {
            let put = "INSERT INTO marks (document, name, byte) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (document, name) DO UPDATE SET byte = excluded.byte";
            self.change(put, params![key, name.to_string(), number(*byte)])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(byte: usize, marks: &[(char, usize)]) -> Remembered {
        Remembered { title: "Emma".into(), byte, marks: marks.iter().copied().collect() }
    }

    #[test]
    fn a_place_is_found_again_by_the_text() {
        let home = tempfile::tempdir().expect("a folder");
        let database = Database::open(home.path()).expect("opened");
        assert_eq!(database.place("a text").expect("read"), None);
        database.put_place("a text", &at(812, &[('a', 3)])).expect("written");
        assert_eq!(database.place("a text").expect("read"), Some(at(812, &[('a', 3)])));
        assert_eq!(database.place("another text").expect("read"), None);
    }

    #[test]
    fn marks_of_two_windows_are_kept() {
        let home = tempfile::tempdir().expect("a folder");
        let [one, other] = [(); 2].map(|()| Database::open(home.path()).expect("opened"));
        one.put_place("a text", &at(1, &[('a', 3), ('b', 4)])).expect("written");
        other.put_place("a text", &at(2, &[('b', 5), ('c', 6)])).expect("written");
        assert_eq!(one.place("a text").expect("read"), Some(at(2, &[('a', 3), ('b', 5), ('c', 6)])));
    }
}
