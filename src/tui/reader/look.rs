//! How a unit is displayed: which bytes are visible, in which role, and how continuation lines are indented.
//!
//! Each piece keeps the bytes it stands for, whatever is displayed: `**bold**` shows four of eight bytes, a tab four
//! spaces. This way hits, quotes and marks find their place on the screen. It works line by line: emphasis across a
//! line break is shown as written.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::book::Book;
use super::kind::{TextKind, fence_mark};
use crate::document::ByteSpan;

/// What a piece of text is, for the theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::tui) enum TextRole {
    Text,
    Heading,
    Strong,
    Emphasis,
    Code,
    Link,
    /// Markup, rules, file names.
    Mark,
    Comment,
    Literal,
    Keyword,
    Name,
}

/// A piece of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct LookPiece {
    pub span: ByteSpan,
    pub role: TextRole,
    /// Displayed instead.
    pub shown: Option<&'static str>,
}

/// A unit's pieces in order; bytes between them are hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct Look {
    pub pieces: Vec<LookPiece>,
    pub hang: usize,
    /// Its roles come from the syntax highlighter.
    pub is_code: bool,
}

impl Look {
    pub(in crate::tui) fn of(book: &Book, unit: usize) -> Self {
        let span = book.span(unit);
        let text = &book.text()[span.start..span.end];
        match book.kind(unit) {
            TextKind::FileName => Self::plain(span, TextRole::Mark, 0),
            TextKind::Code => Self { is_code: true, ..Self::plain(span, TextRole::Text, leading_spaces(text)) },
            TextKind::Prose if book.is_heading(unit) => Self::plain(span, TextRole::Heading, 0),
            TextKind::Prose => Self::plain(span, TextRole::Text, leading_spaces(text)),
            TextKind::Markdown if book.fence_at(span.start).is_some() => {
                Self { is_code: true, ..Self::plain(span, TextRole::Code, leading_spaces(text)) }
            }
            TextKind::Markdown => markdown(text, span),
        }
    }

    fn plain(span: ByteSpan, role: TextRole, hang: usize) -> Self {
        Self { pieces: vec![LookPiece { span, role, shown: None }], hang, is_code: false }
    }
}

fn leading_spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

fn markdown(text: &str, span: ByteSpan) -> Look {
    let indent = leading_spaces(text);
    let rest = &text[indent..];
    let level = rest.len() - rest.trim_start_matches('#').len();
    if fence_mark(text).is_some() || is_rule(rest) {
        return Look::plain(span, TextRole::Mark, 0);
    }
    if (1..=6).contains(&level) && rest[level..].starts_with(' ') {
        return heading(text, span, indent + level + 1);
    }
    let (shown, mark) = match list_mark(rest) {
        Some(mark) => (None, mark),
        None if rest.starts_with("> ") => (Some("▎ "), 2),
        None => (None, 0),
    };
    let bullet = ["- ", "* ", "+ "].iter().any(|mark| rest.starts_with(mark)).then_some("• ");
    let at = |start: usize, end: usize| ByteSpan { start: span.start + start, end: span.start + end };
    let mut pieces = vec![LookPiece { span: at(0, indent), role: TextRole::Text, shown: None }];
    pieces.push(LookPiece { span: at(indent, indent + mark), role: TextRole::Mark, shown: shown.or(bullet) });
    pieces.extend(inline(&rest[mark..], span.start + indent + mark, TextRole::Text));
    pieces.retain(|piece| !piece.span.is_empty());
    Look { pieces, hang: indent + mark, is_code: false }
}

fn heading(text: &str, span: ByteSpan, from: usize) -> Look {
    Look { pieces: inline(&text[from..], span.start + from, TextRole::Heading), hang: 0, is_code: false }
}

fn is_rule(line: &str) -> bool {
    let marks = line.trim_end();
    marks.len() >= 3 && ["-", "*", "_", "="].iter().any(|mark| marks.trim_matches(|c| mark.contains(c)).is_empty())
}

/// The bytes of a list item's bullet.
fn list_mark(line: &str) -> Option<usize> {
    if ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark)) {
        return Some(2);
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let is_numbered = (1..=9).contains(&digits) && [". ", ") "].iter().any(|mark| line[digits..].starts_with(mark));
    is_numbered.then_some(digits + 2)
}

/// The pieces of a line's text starting at `start`, without emphasis, code and link markup.
fn inline(text: &str, start: usize, base: TextRole) -> Vec<LookPiece> {
    let mut roles = vec![base];
    let mut pieces: Vec<LookPiece> = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
        let span = ByteSpan { start: start + range.start, end: start + range.end };
        let role = *roles.last().expect("the base stays");
        match event {
            Event::Start(Tag::Strong) => roles.push(if base == TextRole::Heading { base } else { TextRole::Strong }),
            Event::Start(Tag::Emphasis | Tag::Strikethrough) => roles.push(TextRole::Emphasis),
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => roles.push(TextRole::Link),
            Event::End(TagEnd::Strong | TagEnd::Emphasis | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image) => {
                roles.pop();
            }
            Event::Text(_) | Event::Html(_) | Event::InlineHtml(_) => {
                pieces.push(LookPiece { span, role, shown: None });
            }
            Event::Code(_) => {
                pieces.push(LookPiece { span: without_ticks(text, range, start), role: TextRole::Code, shown: None });
            }
            _ => {}
        }
    }
    if pieces.is_empty() && !text.trim().is_empty() {
        // A construct that needs other lines.
        pieces.push(LookPiece { span: ByteSpan { start, end: start + text.len() }, role: base, shown: None });
    }
    pieces
}

/// The inside of inline code.
fn without_ticks(text: &str, range: std::ops::Range<usize>, start: usize) -> ByteSpan {
    let code = &text[range.clone()];
    let ticks = code.len() - code.trim_start_matches('`').len();
    ByteSpan { start: start + range.start + ticks, end: start + (range.end - ticks).max(range.start + ticks) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> (String, Vec<TextRole>) {
        let look = markdown(text, ByteSpan { start: 0, end: text.len() });
        let pieces = look.pieces.iter();
        let text = pieces.clone().map(|piece| piece.shown.unwrap_or(&text[piece.span.start..piece.span.end])).collect();
        (text, pieces.map(|piece| piece.role).collect())
    }

    #[test]
    fn marks_are_not_shown() {
        let cases = [
            ("## Of *Cats*", "Of Cats"),
            ("- a **bold** `x*y`", "• a bold x*y"),
            ("12. see [the page](http://x.y/z)", "12. see the page"),
            ("> said he", "▎ said he"),
            ("2 ** 3 and `open", "2 ** 3 and `open"),
            ("---", "---"),
            ("| a | b |", "| a | b |"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text).0, expected, "{text}");
        }
        assert_eq!(shown("a **b** [c](d)").1, [TextRole::Text, TextRole::Strong, TextRole::Text, TextRole::Link]);
    }
}
