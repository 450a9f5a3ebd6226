//! Positions in files, as exact as the file's format allows.

use std::fmt;

use super::span::ByteSpan;

/// A stretch of the text that came from one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpan {
    pub span: ByteSpan,
    /// As the user named it; `-` is standard input.
    pub name: String,
    /// The position of `span.start` in the file.
    pub position: Position,
}

/// A position in a file. All numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Line of the file. The following lines of the text are the following lines of the file.
    Line(u32),
    /// Page of a PDF. The whole stretch is on it.
    Page(u32),
    /// Line of the extracted text, for files without lines of their own: HTML, EPUB, DOCX.
    TextLine(u32),
}

impl Position {
    /// The position `lines` line ends later in the same stretch.
    #[must_use]
    pub const fn further(self, lines: u32) -> Self {
        match self {
            Self::Line(line) => Self::Line(line + lines),
            Self::TextLine(line) => Self::TextLine(line + lines),
            Self::Page(page) => Self::Page(page),
        }
    }

    /// Of the line or the page.
    #[must_use]
    pub const fn number(self) -> u32 {
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

/// Counts the line ends in `bytes`.
#[expect(clippy::naive_bytecount, reason = "counting a book takes well under a millisecond; not worth a dependency")]
pub(super) fn count_lines(bytes: &[u8]) -> u32 {
    let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
    u32::try_from(ends).unwrap_or(u32::MAX)
}
