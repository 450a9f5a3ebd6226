//! The report on the files of a document: what was read, what was replaced, what was skipped.
//!
//! Front ends print [`Report::notes`]. Without a note, the text contains every character of every file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::encoding::{Found, Sureness};
use super::error::{Error, shown};

/// The report on a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The files that were read, in the order of the text.
    pub files: Vec<FileReport>,
    /// The files that were not, by name.
    pub skipped: Vec<Skipped>,
}

/// The report on one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileReport {
    pub name: String,
    /// `text`, `markdown`, …
    pub format: &'static str,
    /// Size of the file.
    pub bytes: u64,
    pub lines: u32,
    /// The encoding that was used.
    pub encoding: Found,
    /// Encodings that make as good words of the file, if the encoding was guessed.
    pub rivals: Vec<&'static str>,
    /// Control characters that were replaced by symbols.
    pub control_characters: u64,
    /// Byte sequences that are invalid in the encoding, each replaced by U+FFFD.
    pub invalid_sequences: u64,
    /// Offset of the first of them.
    pub first_invalid_offset: Option<u64>,
    /// NUL or Ctrl-Z bytes that were dropped from the end.
    pub trailing_padding: u64,
    /// For formats with pages: the report on each page.
    pub pages: Vec<PageReport>,
    /// Lines that were dropped because they say nothing about the text: running heads and page numbers.
    pub dropped: Vec<DroppedLine>,
    /// Other remarks of the format, about pages without text, or about skipped content. A sentence each, without the
    /// name.
    pub remarks: Vec<String>,
}

/// The report on a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageReport {
    /// From 1.
    pub number: u32,
    pub found: PageFound,
    /// How much it looks like text, 0 to 100.
    pub quality: u8,
    /// Characters other than white space, before anything was dropped.
    pub characters: usize,
}

/// A line of a page that is not in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedLine {
    /// From 1.
    pub page: u32,
    pub text: String,
    /// Why it was dropped, in words.
    pub why: &'static str,
}

/// What was found on a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PageFound {
    #[default]
    Text,
    /// An empty page.
    Blank,
    /// An image without text.
    Picture,
    /// An image whose text was recognised by OCR, with this confidence in percent.
    Recognised { confidence: u8 },
    /// Characters that are not text in any language. They are dropped.
    Garbled,
    /// The page could not be read, for this reason.
    Failed(String),
}

impl PageFound {
    /// The name of the variant in lower case.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Blank => "blank",
            Self::Picture => "picture",
            Self::Recognised { .. } => "recognised",
            Self::Garbled => "garbled",
            Self::Failed(_) => "failed",
        }
    }
}

/// A file that was skipped, or a folder with all its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub name: String,
    pub reason: SkipReason,
}

/// Why a file was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    Empty,
    /// Not written by hand, by this rule.
    Generated(&'static str),
    /// Too large for a file of a folder.
    Large {
        bytes: u64,
    },
    SymbolicLink,
    /// Its name, or that of a folder around it, begins with a dot.
    Hidden,
    /// git has it, although `.gitignore` says that it is of no interest.
    TrackedButIgnored,
    /// It was named, too, and is read there.
    NamedToo,
    /// No text could be read. The reason does not contain the name.
    Unreadable(String),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("empty"),
            Self::Generated(rule) => formatter.write_str(rule),
            Self::Large { bytes } => write!(formatter, "{:.1} MB", *bytes as f64 / 1e6),
            Self::SymbolicLink => formatter.write_str("a symbolic link"),
            Self::Hidden => formatter.write_str("hidden"),
            Self::TrackedButIgnored => formatter.write_str("in git, but ignored by .gitignore"),
            Self::NamedToo => formatter.write_str("named by itself, and read there"),
            Self::Unreadable(reason) => formatter.write_str(reason),
        }
    }
}

impl SkipReason {
    /// The label under which reasons of a kind are counted.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Generated(_) => "generated or vendored",
            Self::Large { .. } => "too large",
            Self::SymbolicLink => "symbolic links",
            Self::Hidden => "hidden",
            Self::TrackedButIgnored => "in git but ignored",
            Self::NamedToo => "named twice",
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

/// Up to this many skipped files get a note each. More are counted by kind.
const NAMED_AT_MOST: usize = 3;

/// A note for each file, or one note with the counts.
fn notes_on(skipped: &[Skipped]) -> Vec<String> {
    if skipped.len() <= NAMED_AT_MOST {
        return skipped.iter().map(|file| format!("{}: skipped ({})", shown(&file.name), file.reason)).collect();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for file in skipped {
        *counts.entry(file.reason.kind()).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    vec![format!(
        "{} skipped: {} (`lunette inspect` lists them)",
        counted(skipped.len() as u64, "file"),
        counts.join(", ")
    )]
}

/// Notes that say the same of many files, but for numbers, become one: `324 files: navigation … skipped`.
fn summed_up(notes: Vec<String>, files: &[FileReport]) -> Vec<String> {
    if files.len() <= NAMED_AT_MOST {
        return notes;
    }
    let without_name = |note: &str| {
        let named = files.iter().find_map(|file| note.strip_prefix(file.name.as_str())?.strip_prefix(": "));
        named.map(|rest| rest.chars().filter(|sign| !sign.is_ascii_digit()).collect::<String>())
    };
    let kinds: Vec<Option<String>> = notes.iter().map(|note| without_name(note)).collect();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    kinds.iter().flatten().for_each(|kind| *counts.entry(kind).or_default() += 1);
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut summed_up = Vec::new();
    for (note, kind) in notes.iter().zip(&kinds) {
        match kind.as_deref().map(|kind| (kind, counts[kind])) {
            Some((kind, count)) if count > NAMED_AT_MOST as u64 => {
                if told.insert(kind) {
                    summed_up.push(format!("{}: {note}", counted(count, "file")).replacen(
                        ": ",
                        " (`lunette inspect` lists them), the first: ",
                        1,
                    ));
                }
            }
            _ => summed_up.push(note.clone()),
        }
    }
    summed_up
}

impl Report {
    /// Size of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// What the user should know. Empty if everything was read as it is.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let replaced = self.files.iter().flat_map(FileReport::notes).collect();
        summed_up(replaced, &self.files).into_iter().chain(notes_on(&self.skipped)).collect()
    }
}

impl FileReport {
    /// What the user should know about this file.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let name = shown(&self.name);
        let mut notes = Vec::new();
        let encoding = self.encoding.name;
        let rivals = match self.rivals.split_last() {
            None => String::new(),
            Some((last, [])) => format!("; it could also be {last}"),
            Some((last, others)) => format!("; it could also be {} or {last}", others.join(", ")),
        };
        let guess = match self.encoding.sureness {
            Sureness::Certain => None,
            Sureness::Likely => Some("a likely guess"),
            Sureness::Guessed => Some("a guess from few letters"),
        };
        notes.extend(guess.map(|guess| format!("{name}: read as {encoding}, which is {guess}{rivals}")));
        if self.invalid_sequences > 0 {
            let sequences = counted(self.invalid_sequences, "sequence");
            let first = self.first_invalid_offset.map(|offset| format!(", the first at offset {offset}"));
            notes.push(format!("{name}: {sequences} of invalid {encoding} replaced{}", first.unwrap_or_default()));
        }
        if self.control_characters > 0 {
            let characters = counted(self.control_characters, "control character");
            notes.push(format!("{name}: {characters} replaced by visible symbols"));
        }
        if self.trailing_padding > 0 {
            let padding = counted(self.trailing_padding, "byte");
            notes.push(format!("{name}: {padding} of padding at the end dropped"));
        }
        notes.extend(self.remarks.iter().map(|remark| format!("{name}: {remark}")));
        notes
    }
}

/// `page 3`, `pages 1, 3-7 and 9`. `numbers` must be ascending.
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
