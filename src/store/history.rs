//! Questions that were asked, to be found again with the up key: one JSON string a line, the newest last.
//!
//! Read by whoever can read the user's own files and nobody else. A line that can't be read is left out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::Locked;

/// So many are kept.
const KEPT: usize = 500;

/// The file of questions.
#[derive(Debug, Clone)]
pub struct History {
    file: PathBuf,
}

impl History {
    #[must_use]
    pub fn in_directory(state: &Path) -> Self {
        Self { file: state.join("questions.jsonl") }
    }

    /// All questions, oldest first.
    #[must_use]
    pub fn load(&self) -> Vec<String> {
        let all = questions(&fs::read(&self.file).unwrap_or_default());
        all[all.len().saturating_sub(KEPT)..].to_vec()
    }

    /// Adds one; what is more than is kept goes when the file has twice as much.
    pub fn add(&self, question: &str) -> io::Result<()> {
        let mut file = Locked::open(&self.file)?;
        let all = questions(&file.bytes()?);
        if all.len() < 2 * KEPT {
            return file.append(&line(question)?);
        }
        let kept = all[all.len() - KEPT..].iter().map(String::as_str).chain([question]);
        file.replace(&kept.map(line).collect::<io::Result<String>>()?)
    }
}

/// The lines of the file.
fn questions(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn line(question: &str) -> io::Result<String> {
    Ok(serde_json::to_string(question)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn mode(file: &Path) -> u32 {
        std::os::unix::fs::MetadataExt::mode(&fs::metadata(file).expect("a file"))
    }

    #[test]
    fn questions_come_back_with_their_lines_and_only_the_last_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = History::in_directory(folder.path());
        assert_eq!(history.load(), Vec::<String>::new());
        for number in 0..(2 * KEPT + 2) {
            history.add(&format!("Who?\n{number}")).expect("written");
            #[cfg(unix)]
            assert_eq!(mode(&history.file) & 0o077, 0, "others may read question {number}");
        }
        let all = history.load();
        assert_eq!((all.len(), all[KEPT - 1].as_str()), (KEPT, format!("Who?\n{}", 2 * KEPT + 1).as_str()));
    }
}
