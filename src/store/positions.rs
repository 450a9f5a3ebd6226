//! How far each document was read, and its marks.
//!
//! A document is known by its text, not by its path: renamed or fetched again it is still open at the same page. One small file for each,
//! `reading/1f3a….json`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::file::update;

/// From each end of a text; what lies between is told apart by the length.
const HASHED: usize = 1 << 16;

/// Where the places of all documents lie.
#[derive(Debug, Clone)]
pub struct Positions {
    folder: PathBuf,
}

/// Where the place of one document lies.
#[derive(Debug, Clone)]
pub struct Place {
    file: PathBuf,
}

/// A place in a document, in bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// For people who look into the file.
    pub title: String,
    pub byte: usize,
    #[serde(default)]
    pub marks: BTreeMap<char, usize>,
}

impl Positions {
    #[must_use]
    pub fn in_directory(state: &Path) -> Self {
        Self { folder: state.join("reading") }
    }

    /// The place of the document with this text.
    #[must_use]
    pub fn of(&self, text: &str) -> Place {
        let bytes = text.as_bytes();
        let mut hasher = Sha256::new();
        hasher.update(bytes.len().to_le_bytes());
        hasher.update(&bytes[..bytes.len().min(HASHED)]);
        hasher.update(&bytes[bytes.len().saturating_sub(HASHED)..]);
        let digest = hasher.finalize();
        let first = digest.iter().take(8).fold(0_u64, |name, byte| name << 8 | u64::from(*byte));
        Place { file: self.folder.join(format!("{first:016x}.json")) }
    }
}

impl Place {
    /// What is known of it; `None` when that is nothing, or can't be read.
    #[must_use]
    pub fn load(&self) -> Option<Remembered> {
        serde_json::from_str(&fs::read_to_string(&self.file).ok()?).ok()
    }

    /// Marks that another window set meanwhile stay, but for those of the same name.
    pub fn save(&self, remembered: &Remembered) -> io::Result<()> {
        update(&self.file, |there| {
            let there: Option<Remembered> = serde_json::from_slice(there).ok();
            let mut all = remembered.clone();
            for (name, byte) in there.into_iter().flat_map(|there| there.marks) {
                all.marks.entry(name).or_insert(byte);
            }
            Ok(serde_json::to_string_pretty(&all)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_by_the_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let positions = Positions::in_directory(folder.path());
        let remembered = Remembered { title: "Emma".into(), byte: 812, marks: BTreeMap::from([('a', 3)]) };
        assert_eq!(positions.of("a text").load(), None);
        positions.of("a text").save(&remembered).expect("written");
        assert_eq!(positions.of("a text").load(), Some(remembered));
        assert_eq!(positions.of("another text").load(), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_as_if_it_were_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Positions::in_directory(folder.path()).of("a text");
        update(&place.file, |_| Ok::<_, io::Error>("{ \"byte\": ".to_owned())).expect("written");
        assert_eq!(place.load(), None);
    }

    #[test]
    fn marks_of_two_windows_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Positions::in_directory(folder.path()).of("a text");
        let window = |byte, marks: &[(char, usize)]| Remembered {
            title: "Emma".into(),
            byte,
            marks: marks.iter().copied().collect(),
        };
        place.save(&window(1, &[('a', 3), ('b', 4)])).expect("written");
        place.save(&window(2, &[('b', 5), ('c', 6)])).expect("written");
        assert_eq!(place.load(), Some(window(2, &[('a', 3), ('b', 5), ('c', 6)])));
    }
}
