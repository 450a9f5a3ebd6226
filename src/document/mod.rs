//! What is in these files: path → text, spans that lead back to the file, outline, report.
//!
//! The picture: a book on a desk with tabs in it. The text is the book; the outline is the tabs, one a chapter; the sources are the
//! shelf marks, which say for every line where it was found; the report says which pages could not be read.
//!
//! Example: `pride-and-prejudice.txt` is 684,768 bytes. [`load`] gives that text, one source, and 61 outline entries, so
//! [`Document::parts`] has 61 parts, the title page counted into the first. `select("3-7,9")` keeps six of them, and
//! [`Document::locate`] on any byte of the result still names the line of the file.
//!
//! How a file becomes text: [`input`] gives bytes → [`sniff`] refuses what is no text yet, by its first bytes → one [`mod@format`]
//! of the registry reads it ([`decode`] is the only door from bytes to text) → [`assemble`] joins the files.
//!
//! [`Watched`] says whether it has changed since.
//!
//! What it does not do: count tokens or draw. Look next at `chat` for how a document is put in front of a model.

mod assemble;
mod chapters;
mod decode;
mod encoding;
mod error;
mod format;
mod input;
mod outline;
mod parts;
mod report;
mod select;
mod sniff;
mod tree;
mod watch;
mod web;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use encoding::{Found, Sureness};
pub use error::{Error, SelectError};
pub use format::pdf::{PdfReader, READ_PDF, serve as serve_pdf};
pub use input::{Input, PRIDE_AND_PREJUDICE};
pub use parts::Part;
pub use report::{FileReport, PageFound, PageReport, Report, SkipReason, Skipped};
pub use tree::Wanted;
pub use watch::Watched;
pub use web::{Served, WebProgress, fetch};

/// A half-open range of bytes of a [`Document`]'s text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSpan {
    pub start: usize,
    pub end: usize,
}

impl ByteSpan {
    #[must_use]
    pub const fn len(self) -> usize {
        self.end - self.start
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    #[must_use]
    pub const fn contains(self, byte: usize) -> bool {
        self.start <= byte && byte < self.end
    }

    /// What both have in common, if anything.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let both = Self { start: self.start.max(other.start), end: self.end.min(other.end) };
        (both.start < both.end).then_some(both)
    }

    /// The same length, `by` bytes further on.
    const fn moved(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }
}

/// Everything that was read, as one text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// What the model sees. LF line ends, no BOM, no control characters that could reach a terminal.
    ///
    /// Several files: each begins with a line that names it, which no source covers.
    pub text: String,
    /// Which file each stretch of `text` came from; ordered, in bounds, never overlapping.
    pub sources: Vec<SourceSpan>,
    /// Parts that a reader can choose: chapters, sections, files; ordered by start and in bounds.
    pub outline: Vec<OutlineEntry>,
    /// What was read, replaced and skipped, file by file; a choice of parts leaves it as it is.
    pub report: Report,
}

/// A stretch of the text that came from one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpan {
    pub span: ByteSpan,
    /// As the user named it; `-` is standard input.
    pub name: String,
    /// Where in the file `span.start` was found.
    pub position: Position,
}

/// Where in a file a stretch was found, as far as its format can tell. All count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Line of the file. The lines of the text from there on are the next lines of the file.
    Line(u32),
    /// Page of a PDF. All of the stretch lies on it.
    Page(u32),
    /// Line of the text that was made from a file without lines of its own: HTML, EPUB, DOCX.
    TextLine(u32),
}

impl Position {
    /// `lines` line ends further on in the same stretch.
    pub(crate) const fn further(self, lines: u32) -> Self {
        match self {
            Self::Line(line) => Self::Line(line + lines),
            Self::TextLine(line) => Self::TextLine(line + lines),
            Self::Page(page) => Self::Page(page),
        }
    }

    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Line(number) | Self::TextLine(number) | Self::Page(number) => number,
        }
    }
}

/// `line 12`, `page 3`.
impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) | Self::TextLine(line) => write!(formatter, "line {line}"),
            Self::Page(page) => write!(formatter, "page {page}"),
        }
    }
}

/// One part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineEntry {
    pub title: String,
    /// 1 is the outermost.
    pub level: u8,
    pub span: ByteSpan,
}

/// What the reader of a document may have to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Opens PDFs that ask for one.
    pub pdf_password: Option<String>,
    /// Who takes PDFs apart.
    pub pdf_reader: PdfReader,
    /// Compare with what other programs on this machine read, where there are any; takes as long again.
    pub cross_check: bool,
    /// Which files of folders.
    pub wanted: Wanted,
}

/// Where a byte of the text was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file, as the user named it.
    pub file: &'a str,
    pub position: Position,
    /// Title of the innermost outline entry, if the byte lies in one.
    pub title: Option<&'a str>,
}

/// Reads every input, in order, into one document. `stdin` is read when an input is [`Input::Stdin`].
///
/// One unreadable file that was named is an error for all, so that nothing is answered from half of what was asked about. Files of a folder
/// that hold no text are left out and named in [`Report::skipped`], and of several files those without content are too (source
/// trees are full of empty `__init__.py`).
pub fn load(inputs: &[Input], options: &ReadOptions, stdin: &mut dyn Read) -> Result<Document, Error> {
    let mut gathered = Gathered::default();
    for input in inputs {
        match input.folder() {
            Some(folder) => gathered.read_folder(folder, options)?,
            None => gathered.read_named(input, inputs.len() > 1, options, stdin)?,
        }
    }
    gathered.document(inputs)
}

/// What was read so far.
#[derive(Default)]
struct Gathered {
    pieces: Vec<format::Piece>,
    skipped: Vec<Skipped>,
    /// The last of the named files that had nothing in it.
    empty: Option<Error>,
}

impl Gathered {
    fn read_named(
        &mut self,
        input: &Input,
        has_others: bool,
        options: &ReadOptions,
        stdin: &mut dyn Read,
    ) -> Result<(), Error> {
        match input.read(stdin).and_then(|file| format::read(file, options)) {
            Ok(piece) => self.pieces.push(piece),
            Err(error @ Error::Empty { .. }) if has_others => {
                self.skipped.extend(error.name().map(Skipped::empty));
                self.empty = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn read_folder(&mut self, folder: &Path, options: &ReadOptions) -> Result<(), Error> {
        let tree = tree::walk(folder, &options.wanted)?;
        self.skipped.extend(tree.skipped);
        for path in tree.files {
            match read_member(path, options) {
                Ok(piece) => self.pieces.push(piece),
                Err(skipped) => self.skipped.push(skipped),
            }
        }
        Ok(())
    }

    fn document(self, inputs: &[Input]) -> Result<Document, Error> {
        if !self.pieces.is_empty() {
            return Ok(assemble::assemble(self.pieces, self.skipped));
        }
        let folder = inputs.iter().find(|input| input.folder().is_some());
        let nothing_in = folder.map(|folder| Error::NothingIn { name: folder.name(), skipped: self.skipped.len() });
        Err(self.empty.or(nothing_in).unwrap_or(Error::NothingNamed))
    }
}

/// A file of a folder, or why it is left out.
fn read_member(path: PathBuf, options: &ReadOptions) -> Result<format::Piece, Skipped> {
    let file = Input::Path(path).read(&mut std::io::empty())?;
    if options.wanted.include.is_empty() && tree::says_it_is_generated(&file.bytes) {
        return Err(Skipped { name: file.name, reason: SkipReason::Generated("says that it is generated") });
    }
    Ok(format::read(file, options)?)
}

impl Document {
    /// Where the byte at `byte` was found. The line that names a file counts as that file's first line. `None` past the end.
    #[must_use]
    pub fn locate(&self, byte: usize) -> Option<Place<'_>> {
        if byte >= self.text.len() {
            return None;
        }
        let source = self.sources.iter().find(|source| byte < source.span.end).or(self.sources.last())?;
        let stop = byte.clamp(source.span.start, source.span.end);
        let lines_before = count_lines(&self.text.as_bytes()[source.span.start..stop]);
        let innermost = self.outline.iter().rev().find(|entry| entry.span.contains(byte));
        Some(Place {
            file: &source.name,
            position: source.position.further(lines_before),
            title: innermost.map(|entry| entry.title.as_str()),
        })
    }
}

/// Line ends in `bytes`.
#[expect(clippy::naive_bytecount, reason = "a book is counted in well under a millisecond; not worth a dependency")]
fn count_lines(bytes: &[u8]) -> u32 {
    let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
    u32::try_from(ends).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
