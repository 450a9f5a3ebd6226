//! Arithmetic on outlines that every format needs.

use super::OutlineEntry;

/// Ends each entry where the next of its level or above begins, the last at `end`. Starts and levels must be set.
pub(super) fn close_spans(outline: &mut [OutlineEntry], end: usize) {
    for index in 0..outline.len() {
        let level = outline[index].level;
        let next = outline[index + 1..].iter().find(|entry| entry.level <= level);
        outline[index].span.end = next.map_or(end, |entry| entry.span.start);
    }
}
