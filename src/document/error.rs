//! Errors about documents and about selections of their parts: the message has the evidence, the hint says what to do.

use std::io;

use super::sniff::{Support, UnsupportedKind};

/// Why documents could not be read. `name` is what the user wrote; `-` is standard input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no document given")]
    NothingNamed,
    #[error("cannot read {}: no such file", shown(name))]
    Missing { name: String },
    #[error("cannot read {}: permission denied", shown(name))]
    Denied { name: String },
    #[error("cannot read {}: {source}", shown(name))]
    Io { name: String, source: io::Error },
    /// No file of the folder could be read; `skipped` files were skipped.
    #[error("nothing to read in the folder {}{}", shown(name), if *skipped == 0 { String::new() } else { format!(" ({skipped} {} skipped)", if *skipped == 1 { "file" } else { "files" }) })]
    NothingIn { name: String, skipped: usize },
    #[error("invalid glob `{glob}`: {reason}")]
    BadGlob { glob: String, reason: String },
    #[error("cannot read {}: it is larger than {most_mib} MiB", shown(name))]
    TooLarge { name: String, most_mib: u64 },
    /// `bytes` is 0 if the file is empty, else it contains only white space.
    #[error("{} {}", shown(name), if *bytes == 0 { "is empty".into() } else { format!("has only white space ({bytes} bytes)") })]
    Empty { name: String, bytes: u64 },
    /// A kind of file that is recognised by its content but not supported yet.
    #[error("cannot read {}: it is {what}, which is not supported yet", shown(name))]
    NotYet { name: String, what: &'static str, hint: &'static str },
    /// A kind of file that contains no text, recognised by its content.
    #[error("cannot read {}: it is {what}, not a document", shown(name))]
    NoDocument { name: String, what: &'static str, hint: &'static str },
    /// Readable, but without text: only images, or a page that a script would fill.
    #[error("cannot read {}: it is {what} that contains no text ({bytes} bytes)", shown(name))]
    NoText { name: String, what: &'static str, bytes: u64 },
    /// Recognised, but damaged.
    #[error("cannot read {}: it is {what}, but it is damaged: {evidence}", shown(name))]
    Broken { name: String, what: &'static str, evidence: String },
    #[error(
        "cannot read {}: it is {what} that unpacks to {evidence}, which looks like a decompression bomb",
        shown(name)
    )]
    Bomb { name: String, what: &'static str, evidence: String },
    #[error("cannot read {}: it is {what} with copy protection: {evidence}", shown(name))]
    Protected { name: String, what: &'static str, evidence: String },
    #[error("cannot fetch {}: {reason}", shown(name))]
    Unreachable { name: String, reason: String },
    #[error("cannot fetch {}: the server answered with status {status}", shown(name))]
    Status { name: String, status: u16 },
    /// Encrypted.
    #[error("cannot read {}: it is encrypted, and {}", shown(name), if *was_tried { "the password does not open it" } else { "needs a password" })]
    Locked { name: String, was_tried: bool },
    #[error("cannot read {}: its {} without text", shown(name), if *pages == 1 { "page is an image".into() } else { format!("{pages} pages are images") })]
    Scanned { name: String, pages: usize },
    /// `--ocr` was asked for.
    #[error("cannot read {}: its text could not be recognised: {why}", shown(name))]
    Unrecognised { name: String, why: String },
    /// The fonts have no mapping from glyphs to characters.
    #[error("cannot read {}: the text of its {} garbled, because the fonts do not map glyphs to characters", shown(name), if *pages == 1 { "page is".into() } else { format!("{pages} pages is") })]
    Garbled { name: String, pages: usize },
    #[error("cannot read {}: it is binary, not text ({evidence})", shown(name))]
    Binary { name: String, evidence: String },
    /// Too many invalid bytes for damaged text in any known encoding.
    #[error(
        "cannot read {}: it is not text in any known encoding (the closest is {guess}, with {count} invalid sequences)",
        shown(name)
    )]
    Undecodable { name: String, guess: &'static str, count: u64 },
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NothingNamed => "give a file, a folder, an address, or `-` for standard input",
            Self::Missing { .. } => "check the spelling, or give the full path",
            Self::Denied { .. } => "make it readable, as with `chmod u+r`",
            Self::NothingIn { .. } => "`lunette inspect` lists what was skipped; `--include '*.ext'` reads it anyway",
            Self::BadGlob { .. } => "use the syntax of .gitignore: `*.rs`, `src/**`, `tests/`",
            Self::TooLarge { .. } => "split it into smaller files; no model's context holds that much",
            Self::Empty { .. } => "there is nothing to ask about; is it the right file?",
            Self::NotYet { hint, .. } | Self::NoDocument { hint, .. } => hint,
            Self::NoText { .. } => "export it as text from the program that shows it",
            Self::Broken { .. } => "download it again, or open it in the program that made it and save it again",
            Self::Bomb { .. } => "if you trust it, unpack it yourself and give the files in it",
            Self::Protected { .. } => "only the vendor's own program can open it; get a copy without protection",
            Self::Unreachable { .. } => "check the address and the network, or save the document and give the file",
            Self::Status { status: 401 | 403, .. } => "it needs a login: save it with a browser and give the file",
            Self::Status { .. } => "check the address in a browser",
            Self::Locked { was_tried: true, .. } => "check the password; the owner password works, too",
            Self::Locked { .. } => "give it with --pdf-password, or in LUNETTE_PDF_PASSWORD",
            Self::Scanned { .. } => {
                "--ocr reads them by tesseract and pdftoppm, or add a text layer first, as in `ocrmypdf scan.pdf text.pdf`"
            }
            Self::Unrecognised { .. } => "--ocr needs tesseract, its data for the language (--ocr-lang), and pdftoppm",
            Self::Garbled { .. } => {
                "--ocr reads them by tesseract and pdftoppm, or add a text layer, as in `ocrmypdf --force-ocr garbled.pdf text.pdf`"
            }
            Self::Binary { .. } => super::sniff::NO_DOCUMENT,
            Self::Undecodable { .. } => "convert it to UTF-8 first, as in `iconv -f CP850 -t UTF-8 old.txt > new.txt`",
            Self::Io { .. } => return None,
        };
        Some(hint.into())
    }

    /// The name of the file.
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
            | Self::Unrecognised { name, .. }
            | Self::Garbled { name, .. }
            | Self::Undecodable { name, .. } => Some(name),
        }
    }

    /// The message without the name, for a list that shows the name already.
    pub(super) fn reason(&self) -> String {
        let whole = self.to_string();
        let opening = format!("cannot read {}: ", shown(self.name().unwrap_or_default()));
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

/// `name` as messages have it: `-` is standard input, and no name at all is visible, too.
pub(super) fn shown(name: &str) -> &str {
    match name {
        "-" => "standard input",
        "" => "''",
        name => name,
    }
}

/// Why a selection of parts or pages such as `3-7,9` is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error("invalid {what} `{written}`: `{token}` is neither a number nor a range")]
    NotARange { what: &'static str, written: String, token: String },
    #[error("the range `{token}` is backwards")]
    Backwards { token: String },
    #[error("there is no part {number}: the document has {parts}")]
    OutOfRange { number: usize, parts: usize },
    #[error("there is no page {number}: the document has {pages}")]
    PageOutOfRange { number: usize, pages: usize },
    #[error("none of the documents has pages")]
    NoPages,
    #[error("pages {written} are blank")]
    BlankPages { written: String },
}

impl SelectError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotARange { .. } => "write numbers and ranges, as in `3-7,9`, `12-` or `-5`".into(),
            Self::Backwards { token } => {
                let turned = token.split_once('-').map(|(low, high)| format!("{high}-{low}"));
                format!("did you mean `{}`?", turned.unwrap_or_default())
            }
            Self::OutOfRange { parts: 1, .. } => "no chapters or sections were found in the document".into(),
            Self::BlankPages { .. } => "`lunette inspect` shows what is on each page".into(),
            Self::NoPages => "--pages is for PDFs; --parts selects chapters, sections or files".into(),
            Self::PageOutOfRange { pages, .. } => format!("choose from 1-{pages}"),
            Self::OutOfRange { parts, .. } => format!("choose from 1-{parts}"),
        })
    }
}
