//! What became of each file: how much was read, what was replaced in it, what was left out.
//!
//! Front ends print [`Report::notes`]; no note means that the text holds every character of every file.

use std::collections::BTreeMap;
use std::fmt;

use super::encoding::{Found, Sureness};
use super::error::Error;

/// One line a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// In the order of the text.
    pub files: Vec<FileReport>,
    /// Files of a folder or among several that are not in the text, by name.
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
    /// Of formats with pages, what became of each.
    pub pages: Vec<PageReport>,
    /// What else the format has to say: pages without text, parts left out. A sentence each, without the file's name.
    pub remarks: Vec<String>,
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageReport {
    /// From 1.
    pub number: u32,
    pub found: PageFound,
    /// How much its text looks like one, 0 to 100.
    pub quality: u8,
    /// Characters but white space, as they were found.
    pub characters: usize,
    /// The second engine's text was the better.
    pub is_second: bool,
}

/// What was found on a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PageFound {
    #[default]
    Text,
    /// Nothing on it.
    Blank,
    /// A picture, and no text.
    Picture,
    /// Signs that are no text in any language; left out.
    Garbled,
    /// Why it could not be read.
    Failed(String),
}

impl PageFound {
    /// One word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Blank => "blank",
            Self::Picture => "picture",
            Self::Garbled => "garbled",
            Self::Failed(_) => "failed",
        }
    }
}

/// A file, or a folder with all in it, that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub name: String,
    pub reason: SkipReason,
}

/// Why a file was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    Empty,
    /// By which rule nobody wrote it by hand.
    Generated(&'static str),
    /// Too large for a file that was not named by itself.
    Large {
        bytes: u64,
    },
    SymbolicLink,
    /// No text in it, or none that can be had; the reason without the name.
    Unreadable(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("empty"),
            Self::Generated(rule) => formatter.write_str(rule),
            Self::Large { bytes } => write!(formatter, "{:.1} MB", *bytes as f64 / 1e6),
            Self::SymbolicLink => formatter.write_str("a symbolic link"),
            Self::Unreadable(reason) => formatter.write_str(reason),
        }
    }
}

impl SkipReason {
    /// The reasons of one kind, for a count of them.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Generated(_) => "generated or vendored",
            Self::Large { .. } => "too large",
            Self::SymbolicLink => "symbolic links",
            Self::Unreadable(_) => "not readable as text",
        }
    }
}

impl Skipped {
    pub(super) fn empty(name: &str) -> Self {
        Self { name: name.to_owned(), reason: SkipReason::Empty }
    }
}

impl From<Error> for Skipped {
    fn from(error: Error) -> Self {
        let name = error.name().unwrap_or_default().to_owned();
        let reason = match &error {
            Error::Empty { .. } => SkipReason::Empty,
            other => SkipReason::Unreadable(other.reason()),
        };
        Self { name, reason }
    }
}

/// So many files are named one by one; more are counted by kind.
const NAMED_AT_MOST: usize = 3;

/// One note a file, or one with the counts.
fn notes_on(skipped: &[Skipped]) -> Vec<String> {
    if skipped.len() <= NAMED_AT_MOST {
        return skipped.iter().map(|file| format!("{}: {}, left out", file.name, file.reason)).collect();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for file in skipped {
        *counts.entry(file.reason.kind()).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    vec![format!(
        "{} left out: {} (`lunette inspect` names them)",
        counted(skipped.len() as u64, "file"),
        counts.join(", ")
    )]
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
        replaced.chain(notes_on(&self.skipped)).collect()
    }
}

impl FileReport {
    /// What was odd about this file.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
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

/// `page 3`, `pages 1, 3-7 and 9`. The numbers are ascending.
pub(super) fn ranges(what: &str, numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let run = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let runs: Vec<String> = runs.iter().map(run).collect();
    let listed = match runs.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => runs.concat(),
    };
    format!("{what}{} {listed}", if numbers.len() == 1 { "" } else { "s" })
}

/// `1 byte`, `2 bytes`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_listed_as_ranges() {
        let cases: [(&[u32], &str); 3] =
            [(&[3], "page 3"), (&[3, 4], "pages 3-4"), (&[1, 3, 4, 5, 9], "pages 1, 3-5 and 9")];
        for (numbers, expected) in cases {
            assert_eq!(ranges("page", numbers), expected);
        }
    }
}
