//! Finds text in the lines of a transcript entry, and highlights it.
//!
//! An entry's lines begin with a prefix (`› `, an indent, the bar beside thoughts) and break at the width of the
//! screen. So a passage is joined from its lines without their first spans and searched as one text, in which line
//! breaks count as white space. Hits are mapped back to the bytes of each line.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use regex::Regex;

/// The part of a hit on one line, as bytes of the line's text without its first span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineHit {
    /// Of the entry.
    pub line: usize,
    pub bytes: Range<usize>,
    /// The number of the hit in the entry.
    pub hit: usize,
}

/// All hits in the passages `said` of `lines`, in order.
pub(super) fn hits(lines: &[Line], said: &[Range<usize>], pattern: &Regex) -> Vec<LineHit> {
    let mut hits_of_lines = Vec::new();
    let mut hit = 0;
    for passage in said {
        let (text, starts) = joined(&lines[passage.clone()]);
        for found in pattern.find_iter(&text).filter(|found| !found.is_empty()) {
            hits_of_lines.extend(split(found.range(), &starts, text.len()).map(|(line, bytes)| LineHit {
                line: passage.start + line,
                bytes,
                hit,
            }));
            hit += 1;
        }
    }
    hits_of_lines
}

/// The lines' text joined by line breaks, and where each line begins in it.
fn joined(lines: &[Line]) -> (String, Vec<usize>) {
    let mut text = String::new();
    let mut starts = Vec::new();
    for line in lines {
        starts.push(text.len());
        line.spans.iter().skip(1).for_each(|span| text.push_str(&span.content));
        text.push('\n');
    }
    (text, starts)
}

/// Splits a range of the joined text by lines, each with its own bytes; line breaks belong to no line.
fn split(found: Range<usize>, starts: &[usize], len: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let Range { start: begins, end: ends } = found;
    let first = starts.partition_point(|start| *start <= begins).saturating_sub(1);
    let last = starts.partition_point(|start| *start < ends);
    (first..last).filter_map(move |line| {
        let (start, end) = (starts[line], starts.get(line + 1).copied().unwrap_or(len) - 1);
        let (from, to) = (begins.max(start), ends.min(end));
        (from < to).then(|| (line, from - start..to - start))
    })
}

/// Applies the style `over` to `bytes` of a line's text without its first span.
pub(super) fn mark(line: &mut Line<'static>, bytes: &Range<usize>, over: Style) {
    let mut at = 0;
    let mut spans = Vec::with_capacity(line.spans.len() + 2);
    for (index, span) in line.spans.drain(..).enumerate() {
        if index == 0 {
            spans.push(span);
            continue;
        }
        let len = span.content.len();
        let (from, to) = (bytes.start.clamp(at, at + len) - at, bytes.end.clamp(at, at + len) - at);
        for (part, style) in [
            (&span.content[..from], span.style),
            (&span.content[from..to], span.style.patch(over)),
            (&span.content[to..], span.style),
        ] {
            if !part.is_empty() {
                spans.push(Span::styled(part.to_owned(), style));
            }
        }
        at += len;
    }
    line.spans = spans;
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;
    use crate::tui::reader::pattern;

    fn lines(texts: &[&str]) -> Vec<Line<'static>> {
        texts.iter().map(|text| Line::from(vec![Span::raw("│ "), Span::raw((*text).to_owned())])).collect()
    }

    #[test]
    fn a_phrase_is_found_where_a_line_breaks_and_a_bar_begins_the_next() {
        let lines = lines(&["Tom is a red", "cat, a red cat.", "nothing"]);
        let found = hits(&lines, std::slice::from_ref(&(0..3)), &pattern("red cat").expect("words"));
        let expected =
            [(0, 9..12, 0), (1, 0..3, 0), (1, 7..14, 1)].map(|(line, bytes, hit)| LineHit { line, bytes, hit });
        assert_eq!(found, expected);
    }

    #[test]
    fn passages_are_searched_each_for_itself_and_the_rest_not_at_all() {
        let lines = lines(&["a red", "cat", "red cat", "red cat"]);
        let found = hits(&lines, &[0..1, 1..3], &pattern("red cat").expect("words"));
        assert_eq!(found, [LineHit { line: 2, bytes: 0..7, hit: 0 }]);
    }

    #[test]
    fn what_is_marked_is_the_hit_and_no_letter_is_lost() {
        let mut line = Line::from(vec![Span::raw("› "), Span::raw("a re"), Span::raw("d cät!")]);
        mark(&mut line, &(2..10), Style::new().add_modifier(Modifier::BOLD));
        let marked: String =
            line.spans.iter().filter(|span| span.style != Style::new()).map(|span| &*span.content).collect();
        assert_eq!((line.to_string().as_str(), marked.as_str()), ("› a red cät!", "red cät"));
    }
}
