//! The little markdown that answers are written in: headings, fenced code, `code`, **bold**, and lists that hang.
//!
//! Line by line, so that half an answer looks like the beginning of the whole one. Marks that are not closed stay as they are
//! written; what is not known here is shown as plain text. Tables, links and highlighting are not.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::theme::Theme;
use super::wrap::wrap;

/// `text` in lines of at most `cells` cells.
pub(super) fn markdown(text: &str, cells: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        if fence || in_code {
            in_code ^= fence;
            lines.extend(wrap(&[Span::styled(line, theme.code)], cells, leading_spaces(line)));
        } else if line.starts_with('#') {
            lines.extend(wrap(&[Span::styled(line, theme.strong)], cells, 0));
        } else {
            lines.extend(wrap(&inline(line, theme), cells, hang(line)));
        }
    }
    lines
}

/// Where the text of a list item begins; 0 for other lines.
fn hang(line: &str) -> usize {
    let indent = leading_spaces(line);
    let item = &line[indent..];
    let digits = item.len() - item.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let numbered = digits > 0 && (item[digits..].starts_with(". ") || item[digits..].starts_with(") "));
    if numbered {
        indent + digits + 2
    } else if ["- ", "* ", "+ ", "> "].iter().any(|mark| item.starts_with(mark)) {
        indent + 2
    } else {
        indent
    }
}

fn leading_spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Spans of `code` and **bold**, without their marks where these are closed.
fn inline(line: &str, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut rest = line;
    while let Some(marked) = next_marked(rest) {
        spans.push(Span::raw(rest[..marked.start].to_owned()));
        spans.push(Span::styled(marked.inside.to_owned(), if marked.mark == "`" { theme.code } else { theme.strong }));
        rest = marked.after;
    }
    spans.push(Span::styled(rest.to_owned(), Style::new()));
    spans
}

struct Marked<'a> {
    mark: &'static str,
    start: usize,
    inside: &'a str,
    after: &'a str,
}

/// The first stretch between two equal marks.
fn next_marked(text: &str) -> Option<Marked<'_>> {
    let marked = |mark: &'static str| {
        let start = text.find(mark)?;
        let (inside, after) = text[start + mark.len()..].split_once(mark)?;
        let is_text = !inside.is_empty() && inside.trim() == inside;
        is_text.then_some(Marked { mark, start, inside, after })
    };
    ["`", "**"].into_iter().filter_map(marked).min_by_key(|marked| marked.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        markdown(text, 20, &Theme::new(true)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn marks_are_taken_off_only_when_they_are_closed() {
        assert_eq!(shown("a **bold** `x*y`"), ["a bold x*y"]);
        assert_eq!(shown("2 ** 3 and `open"), ["2 ** 3 and `open"]);
        assert_eq!(shown("a ** b ** c"), ["a ** b ** c"]);
    }

    #[test]
    fn code_is_left_alone() {
        assert_eq!(shown("```rust\nlet **a** = `b`;\n```\n**x**"), ["```rust", "let **a** = `b`;", "```", "x"]);
    }

    #[test]
    fn list_items_hang_under_their_text() {
        assert_eq!(shown("10. a clergyman of the parish"), ["10. a clergyman of", "    the parish"]);
    }

    #[test]
    fn blank_lines_stay() {
        assert_eq!(shown("a\n\nb"), ["a", "", "b"]);
    }
}
