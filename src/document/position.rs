//! Where in a file a stretch of the text was found, as far as the file's format can tell.

use std::fmt;

use super::span::ByteSpan;

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

/// Line ends in `bytes`.
#[expect(clippy::naive_bytecount, reason = "a book is counted in well under a millisecond; not worth a dependency")]
pub(super) fn count_lines(bytes: &[u8]) -> u32 {
    let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
    u32::try_from(ends).unwrap_or(u32::MAX)
}
