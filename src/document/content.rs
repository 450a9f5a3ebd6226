//! A document: its text, which file each stretch of it came from, its outline and the report on its files.

use super::outline::OutlineEntry;
use super::position::{Position, SourceSpan, count_lines};
use super::report::Report;

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

/// Where a byte of the text was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file, as the user named it.
    pub file: &'a str,
    pub position: Position,
    /// Title of the innermost outline entry, if the byte lies in one.
    pub title: Option<&'a str>,
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
