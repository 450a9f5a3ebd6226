//! Which models were tried before, or are known to be whole?
//!
//! A file is known by its header's sha256, its length and the time of its last change: another file in its place, or a
//! changed one, is tried again. So is everything after an update of Lunette or its llama.cpp.
//!
//! One line of JSON a file, in the user's state folder. A line that can't be read is as if it weren't there.

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::store::file::update;

/// Models that are remembered; the oldest go first.
const MOST_LINES: usize = 500;

/// A file, by what can be seen of it in a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tried {
    /// The sha256 of the header.
    header: String,
    bytes: u64,
    /// Since 1970.
    changed_ns: u64,
    /// The program and library that it was tried with.
    by: String,
}

impl Tried {
    /// The file at `model`, whose header has this sha256.
    pub(super) fn new(model: &Path, header: &str, by: String) -> io::Result<Self> {
        let file = fs::metadata(model)?;
        let changed = file.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let changed_ns = u64::try_from(changed.as_nanos()).unwrap_or(u64::MAX);
        Ok(Self { header: header.to_owned(), bytes: file.len(), changed_ns, by })
    }

    pub(super) fn is_remembered(&self, file: &Path) -> bool {
        lines(&fs::read(file).unwrap_or_default()).any(|line| line == *self)
    }

    /// A file that can't be written is told in the log: the model is tried again the next time.
    pub(super) fn remember(&self, file: &Path) {
        let with_this = |stored: &[u8]| {
            let mut kept: Vec<Self> = lines(stored).filter(|line| line != self).collect();
            kept.drain(..kept.len().saturating_sub(MOST_LINES - 1));
            kept.push(self.clone());
            let lines: Result<Vec<String>, _> = kept.iter().map(serde_json::to_string).collect();
            Ok::<_, io::Error>(lines?.join("\n") + "\n")
        };
        if let Err(error) = update(file, with_this) {
            tracing::warn!(file = %file.display(), %error, "cannot remember that a model was tried");
        }
    }
}

fn lines(stored: &[u8]) -> impl Iterator<Item = Tried> + '_ {
    stored.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_another_and_a_broken_line_costs_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let (model, memory) = (folder.path().join("m.gguf"), folder.path().join("tried.jsonl"));
        fs::write(&model, "GGUF").expect("written");
        let tried = |header: &str| Tried::new(&model, header, "1".to_owned()).expect("it is there");
        let (one, other) = (tried("a"), tried("b"));
        assert!(!one.is_remembered(&memory));
        one.remember(&memory);
        let mut text = fs::read_to_string(&memory).expect("written");
        text.insert_str(0, "{\"header\": 3}\n\u{0}\n");
        fs::write(&memory, text).expect("written");
        assert!(one.is_remembered(&memory) && !other.is_remembered(&memory));
        other.remember(&memory);
        assert!(one.is_remembered(&memory) && other.is_remembered(&memory));
        fs::write(&model, "GGUF and more").expect("written");
        assert!(!tried("a").is_remembered(&memory));
    }
}
