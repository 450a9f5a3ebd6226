//! Why a document could not be read, or a part of it not chosen: what failed with the evidence, and apart from it what to do.

use std::io;

use super::sniff::{Support, UnsupportedKind};

/// Why the documents could not be read. `name` is as the user wrote it; `-` is standard input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no document was named")]
    NothingNamed,
    #[error("cannot read {name}: no such file")]
    Missing { name: String },
    #[error("cannot read {name}: permission denied")]
    Denied { name: String },
    #[error("cannot read {name}: {source}")]
    Io { name: String, source: io::Error },
    /// A folder in which no file could be read; `skipped` of them were left out.
    #[error("nothing to read in the folder {name}{}", if *skipped == 0 { String::new() } else { format!(" ({skipped} files left out)") })]
    NothingIn { name: String, skipped: usize },
    #[error("`{glob}` is no glob: {reason}")]
    BadGlob { glob: String, reason: String },
    #[error("cannot read {name}: it has more than {most_mib} MiB")]
    TooLarge { name: String, most_mib: u64 },
    /// `bytes` is not 0 when there is only white space.
    #[error("{name} {}", if *bytes == 0 { "is empty".into() } else { format!("has only white space ({bytes} bytes)") })]
    Empty { name: String, bytes: u64 },
    /// Recognised by its content, but of a kind that is not read yet.
    #[error("cannot read {name}: it is {what}, which is not read yet")]
    NotYet { name: String, what: &'static str, hint: &'static str },
    /// Recognised by its content as something without text.
    #[error("cannot read {name}: it is {what}, not a document")]
    NoDocument { name: String, what: &'static str, hint: &'static str },
    /// Recognised and readable, but without a word: pictures only, or a page that a script fills.
    #[error("cannot read {name}: it is {what} without text in it ({bytes} bytes)")]
    NoText { name: String, what: &'static str, bytes: u64 },
    /// Recognised, but not as it should be.
    #[error("cannot read {name}: it is {what} that is damaged: {evidence}")]
    Broken { name: String, what: &'static str, evidence: String },
    #[error("cannot read {name}: it is {what} that unpacks to {evidence}; such a file is made to do harm")]
    Bomb { name: String, what: &'static str, evidence: String },
    #[error("cannot read {name}: it is {what} with copy protection: {evidence}")]
    Protected { name: String, what: &'static str, evidence: String },
    #[error("cannot fetch {name}: {reason}")]
    Unreachable { name: String, reason: String },
    #[error("cannot fetch {name}: the server answers with status {status}")]
    Status { name: String, status: u16 },
    /// It asks for a password.
    #[error("cannot read {name}: it is encrypted, and {}", if *was_tried { "the password does not open it" } else { "asks for a password" })]
    Locked { name: String, was_tried: bool },
    #[error("cannot read {name}: its {} without text", if *pages == 1 { "page is a picture".into() } else { format!("{pages} pages are pictures") })]
    Scanned { name: String, pages: usize },
    /// The fonts don't say which letters their glyphs are.
    #[error("cannot read {name}: the text of its {} garbled, with no map from its fonts to letters", if *pages == 1 { "page is".into() } else { format!("{pages} pages is") })]
    Garbled { name: String, pages: usize },
    #[error("cannot read {name}: it is binary, not text ({evidence})")]
    Binary { name: String, evidence: String },
    /// Too many invalid bytes to be text with a few accidents in it, in any encoding that is known.
    #[error("cannot read {name}: no text in any known encoding ({guess} comes nearest, with {count} invalid places)")]
    Undecodable { name: String, guess: &'static str, count: u64 },
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NothingNamed => "name a file, or `-` for standard input",
            Self::Missing { .. } => "check the spelling, or give the path from the root",
            Self::Denied { .. } => "make it readable for you: `chmod u+r`",
            Self::NothingIn { .. } => {
                "`lunette inspect` says what was left out; `--include '*.ext'` takes it all the same"
            }
            Self::BadGlob { .. } => "as in .gitignore: `*.rs`, `src/**`, `tests/`",
            Self::TooLarge { .. } => "cut it into smaller files; no model's context holds that much",
            Self::Empty { .. } => "there is nothing to ask about; was the right file named?",
            Self::NotYet { hint, .. } | Self::NoDocument { hint, .. } => hint,
            Self::NoText { .. } => "export it as text from the program that shows it",
            Self::Broken { .. } => "fetch it again, or open it in the program that made it and save it anew",
            Self::Bomb { .. } => "if you trust it, unpack it yourself and name the files in it",
            Self::Protected { .. } => "only the shop's own program opens it; get a copy without protection",
            Self::Unreachable { .. } => "check the address and the network; a file that was saved can be named instead",
            Self::Status { status: 401 | 403, .. } => {
                "it is not for everyone: save it with a browser and name the file"
            }
            Self::Status { .. } => "check the address in a browser",
            Self::Locked { was_tried: true, .. } => "check the password; the owner's password opens it too",
            Self::Locked { .. } => "give it with --pdf-password, or in LUNETTE_PDF_PASSWORD",
            Self::Scanned { .. } => "add a text layer first, as in `ocrmypdf scan.pdf text.pdf`",
            Self::Garbled { .. } => "add a text layer first, as in `ocrmypdf --force-ocr garbled.pdf text.pdf`",
            Self::Binary { .. } => super::sniff::NO_DOCUMENT,
            Self::Undecodable { .. } => "convert it to UTF-8 first, as in `iconv -f CP850 -t UTF-8 old.txt > new.txt`",
            Self::Io { .. } => return None,
        };
        Some(hint.into())
    }

    /// The file that it is about.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::NothingNamed | Self::BadGlob { .. } => None,
            Self::Missing { name }
            | Self::Denied { name }
            | Self::Io { name, .. }
            | Self::NothingIn { name, .. }
            | Self::TooLarge { name, .. }
            | Self::Empty { name, .. }
            | Self::NotYet { name, .. }
            | Self::NoDocument { name, .. }
            | Self::Binary { name, .. }
            | Self::NoText { name, .. }
            | Self::Broken { name, .. }
            | Self::Bomb { name, .. }
            | Self::Protected { name, .. }
            | Self::Unreachable { name, .. }
            | Self::Status { name, .. }
            | Self::Locked { name, .. }
            | Self::Scanned { name, .. }
            | Self::Garbled { name, .. }
            | Self::Undecodable { name, .. } => Some(name),
        }
    }

    /// What is wrong, without the name: for a list that has it already.
    pub(super) fn reason(&self) -> String {
        let whole = self.to_string();
        let opening = format!("cannot read {}: ", self.name().unwrap_or_default());
        whole.strip_prefix(&opening).unwrap_or(&whole).to_owned()
    }

    pub(super) fn from_io(name: &str, source: io::Error) -> Self {
        let name = name.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { name },
            io::ErrorKind::PermissionDenied => Self::Denied { name },
            _ => Self::Io { name, source },
        }
    }

    pub(super) fn from_unsupported(name: String, UnsupportedKind { what, hint, support }: UnsupportedKind) -> Self {
        match support {
            Support::Planned => Self::NotYet { name, what, hint },
            Support::Never => Self::NoDocument { name, what, hint },
        }
    }
}

/// Why a choice of parts such as `3-7,9` can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error("`{written}` is no choice of {what}: `{token}` is neither a number nor a range")]
    NotARange { what: &'static str, written: String, token: String },
    #[error("`{token}` runs backwards")]
    Backwards { token: String },
    #[error("there is no part {number}: the document has {parts}")]
    OutOfRange { number: usize, parts: usize },
    #[error("there is no page {number}: the document has {pages}")]
    PageOutOfRange { number: usize, pages: usize },
    #[error("no document here has pages")]
    NoPages,
    #[error("there is nothing on the pages {written}")]
    BlankPages { written: String },
}

impl SelectError {
    /// What can be written instead.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotARange { .. } => "write numbers and ranges, as in `3-7,9`, `12-` or `-5`".into(),
            Self::Backwards { token } => {
                let turned = token.split_once('-').map(|(low, high)| format!("{high}-{low}"));
                format!("did you mean `{}`?", turned.unwrap_or_default())
            }
            Self::OutOfRange { parts: 1, .. } => "no chapters or sections were found in it".into(),
            Self::BlankPages { .. } => "`lunette inspect` says what is on the others".into(),
            Self::NoPages => "--pages is for PDFs; --parts chooses chapters, sections or files".into(),
            Self::PageOutOfRange { pages, .. } => format!("choose from 1-{pages}"),
            Self::OutOfRange { parts, .. } => format!("choose from 1-{parts}"),
        })
    }
}
