//! A document: its text, where each stretch of the text came from, its outline, and the report on its files.

use super::outline::OutlineEntry;
use super::position::{Position, SourceSpan, count_lines};
use super::report::Report;

/// Everything that was read, as one text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// What the model sees: LF line ends, no BOM, no control characters that a terminal would obey.
    ///
    /// If there are several files, each begins with a line that names it. No source covers that line.
    pub text: String,
    /// Which file each stretch of `text` came from. Ordered, in bounds, not overlapping.
    pub sources: Vec<SourceSpan>,
    /// Chapters, sections and files. Ordered by start, and in bounds.
    pub outline: Vec<OutlineEntry>,
    /// What was read, replaced and skipped, file by file. Selecting parts does not change it.
    pub report: Report,
}

/// Where a byte of the text came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file, as the user named it.
    pub file: &'a str,
    pub position: Position,
    /// Title of the innermost outline entry that contains the byte.
    pub title: Option<&'a str>,
}

impl Document {
    /// Where the byte at `byte` came from. The line that names a file counts as the first line of that file. `None`
    /// past the end.
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
