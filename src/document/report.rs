//! What became of each file: how much was read, what was replaced in it, what was left out.
//!
//! Front ends print [`Report::notes`]; no note means that the text holds every character of every file.

use super::encoding::{Found, Sureness};
use super::error::Error;

/// One line a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// In the order of the text.
    pub files: Vec<FileReport>,
    /// Files without content, left out of a document of several.
    pub skipped: Vec<Skipped>,
}

/// What was read of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileReport {
    pub name: String,
    /// `text`, `markdown`, …
    pub format: &'static str,
    /// Of the file, as it lies there.
    pub bytes: u64,
    pub lines: u32,
    /// The encoding that it was read in.
    pub encoding: Found,
    /// Control characters that were replaced by a visible sign.
    pub control_characters: u64,
    /// Stretches of bytes that are nothing in that encoding, each replaced by U+FFFD.
    pub invalid_sequences: u64,
    /// Where the first of those was.
    pub first_invalid_offset: Option<u64>,
    /// NUL or Ctrl-Z bytes behind the end of the text, dropped.
    pub trailing_padding: u64,
    /// What else the format has to say: pages without text, parts left out. A sentence each, without the file's name.
    pub remarks: Vec<String>,
}

/// A file that was left out because it holds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub name: String,
    /// 0, or so many bytes of white space.
    pub bytes: u64,
}

impl From<Error> for Skipped {
    /// Only [`Error::Empty`] is ever skipped; the name of another error would be a loss, so it becomes the name.
    fn from(error: Error) -> Self {
        match error {
            Error::Empty { name, bytes } => Self { name, bytes },
            other => Self { name: other.to_string(), bytes: 0 },
        }
    }
}

impl Report {
    /// Bytes of all files together, as they lie there.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// What the user should know: one sentence each, none when everything was read as it is.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let replaced = self.files.iter().flat_map(FileReport::notes);
        let skipped = self.skipped.iter().map(|file| format!("{}: empty, left out", file.name));
        replaced.chain(skipped).collect()
    }
}

impl FileReport {
    fn notes(&self) -> Vec<String> {
        let name = &self.name;
        let mut notes = Vec::new();
        let encoding = self.encoding.name;
        match self.encoding.sureness {
            Sureness::Certain => {}
            Sureness::Likely => notes.push(format!("{name}: read as {encoding}, which is likely what it is")),
            Sureness::Guessed => notes.push(format!("{name}: read as {encoding}, a guess from few letters")),
        }
        if self.invalid_sequences > 0 {
            let places = counted(self.invalid_sequences, "place");
            let first = self.first_invalid_offset.map(|offset| format!("; the first at offset {offset}"));
            notes.push(format!("{name}: not {encoding} in {places}, replaced{}", first.unwrap_or_default()));
        }
        if self.control_characters > 0 {
            let characters = counted(self.control_characters, "control character");
            notes.push(format!("{name}: {characters} replaced by visible signs"));
        }
        if self.trailing_padding > 0 {
            let padding = counted(self.trailing_padding, "byte");
            notes.push(format!("{name}: {padding} of padding at the end dropped"));
        }
        notes.extend(self.remarks.iter().map(|remark| format!("{name}: {remark}")));
        notes
    }
}

/// `1 byte`, `2 bytes`.
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
