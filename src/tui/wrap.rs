//! Wraps styled lines by what a terminal shows: a Chinese character is two cells wide, a flag of two code points is one
//! picture.
//!
//! A line breaks at the last space that fits, or inside a word that is wider than the screen. Only the space at the
//! break is lost. Continuation lines hang under the text of a list item. Control characters, which could reach the
//! terminal, become visible: ESC is `␛`.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::harmless::sign;

const TAB: &str = "    ";

/// A grapheme and its style.
type StyledGrapheme = (String, Style);

/// `text` for one line: tabs become four spaces, and signs replace what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str(TAB),
            c => out.push(sign(c).unwrap_or(c)),
        }
    }
    out
}

/// The width of `text` in cells.
pub(super) fn width(text: &str) -> usize {
    text.graphemes(true).map(grapheme_width).sum()
}

/// A grapheme is at most two cells wide, whatever its parts add up to.
pub(super) fn grapheme_width(grapheme: &str) -> usize {
    grapheme.width().min(2)
}

/// `text` cut to `cells`, ending with `…` if anything was cut.
pub(super) fn shorten(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut taken = 0;
    let fits = text.graphemes(true).take_while(|grapheme| {
        taken += grapheme_width(grapheme);
        taken < cells
    });
    let mut short: String = fits.collect();
    if cells > 0 {
        short.push('…');
    }
    short
}

/// Wraps one line of spans to at most `cells` cells (at least 2); all lines but the first start with `hang` spaces.
pub(super) fn wrap(spans: &[Span<'_>], cells: usize, hang: usize) -> Vec<Line<'static>> {
    let cells = cells.max(2);
    let hang = if hang + 2 > cells { 0 } else { hang };
    let mut lines = Vec::new();
    let mut rest = graphemes(spans);
    while !rest.is_empty() {
        let indent = if lines.is_empty() { 0 } else { hang };
        let (line, after) = break_once(rest, cells - indent);
        let indented = std::iter::once((" ".repeat(indent), Style::new())).filter(|_| indent > 0);
        lines.push(joined(indented.chain(line)));
        rest = after;
    }
    if lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

fn graphemes(spans: &[Span<'_>]) -> Vec<StyledGrapheme> {
    let cells = |span: &Span<'_>| {
        let style = span.style;
        clean(&span.content).graphemes(true).map(|grapheme| (grapheme.to_owned(), style)).collect::<Vec<_>>()
    };
    spans.iter().flat_map(cells).collect()
}

/// Splits off what fits into `cells`; the rest starts without the space at the break.
fn break_once(mut cells_left: Vec<StyledGrapheme>, cells: usize) -> (Vec<StyledGrapheme>, Vec<StyledGrapheme>) {
    let fitting = fitting(&cells_left, cells);
    if fitting == cells_left.len() {
        return (cells_left, Vec::new());
    }
    let is_space = |index: usize| cells_left[index].0 == " ";
    // Breaking before the first word would leave an empty line, so an indented long word is broken inside.
    let first_word = cells_left.iter().position(|(grapheme, _)| grapheme != " ").unwrap_or(0);
    let space = (first_word..=fitting).rev().find(|&index| is_space(index));
    let end = space.unwrap_or(fitting);
    let next = (end..cells_left.len()).find(|&index| !is_space(index)).unwrap_or(cells_left.len());
    let rest = cells_left.split_off(next);
    cells_left.truncate(end);
    (cells_left, rest)
}

/// How many graphemes fit into `cells`; at least one.
fn fitting(line: &[StyledGrapheme], cells: usize) -> usize {
    let mut taken = 0;
    let fits = line.iter().take_while(|(grapheme, _)| {
        taken += grapheme_width(grapheme);
        taken <= cells
    });
    fits.count().max(1)
}

fn joined(cells: impl Iterator<Item = StyledGrapheme>) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (text, style) in cells {
        match spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(&text),
            _ => spans.push(Span::styled(text, style)),
        }
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrapped(text: &str, cells: usize, hang: usize) -> Vec<String> {
        wrap(&[Span::raw(text.to_owned())], cells, hang).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_hang() {
        assert_eq!(wrapped("- a truth universally known", 10, 2), ["- a truth", "  universa", "  lly", "  known"]);
    }

    #[test]
    fn wide_characters_count_two_cells() {
        assert_eq!(wrapped("真理は広く認められ", 8, 0), ["真理は広", "く認めら", "れ"]);
        assert_eq!((width("e\u{301}"), width("👩‍👩‍👧"), width("🇫🇷")), (1, 2, 2));
    }

    #[test]
    fn what_could_reach_the_terminal_is_made_visible() {
        assert_eq!(clean("\x1b[2J\ta\u{9b}"), "␛[2J    a�");
    }

    #[test]
    fn shortening_says_that_it_did() {
        assert_eq!(
            (shorten("Emma", 4), shorten("Emma", 3), shorten("真理", 3)),
            ("Emma".into(), "Em…".into(), "真…".into())
        );
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_character_is_lost(
            text in "[ a-z真👩‍👧é\u{301}\t-]{0,80}",
            cells in 2_usize..30,
            hang in 0_usize..6,
        ) {
            let lines = wrapped(&text, cells, hang);
            for line in &lines {
                prop_assert!(width(line) <= cells, "{line:?} is wider than {cells}");
            }
            let letters = |text: &str| text.replace([' ', '\t'], "");
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
