//! The outline of a document: titled entries with levels, and where each of them ends.

use super::span::ByteSpan;

/// A chapter, section or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineEntry {
    pub title: String,
    /// 1 is the outermost.
    pub level: u8,
    pub span: ByteSpan,
}

/// Ends each entry where the next entry of the same or an outer level begins, or at `end`. Starts and levels must be
/// set.
pub(super) fn close_spans(outline: &mut [OutlineEntry], end: usize) {
    for index in 0..outline.len() {
        let level = outline[index].level;
        let next = outline[index + 1..].iter().find(|entry| entry.level <= level);
        outline[index].span.end = next.map_or(end, |entry| entry.span.start);
    }
}
