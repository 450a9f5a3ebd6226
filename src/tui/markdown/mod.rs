//! Renders the markdown of answers while they stream.
//!
//! Blocks before the last one that follows a blank line cannot change any more and stay rendered. A new token renders
//! only the last block again, so it costs the same at the start of an answer as after a thousand lines. Tables get the
//! width that is available.
//!
//! Line breaks within a paragraph are kept, because models intend them. Unclosed markup is shown as written.

mod table;
mod writer;

use pulldown_cmark::{Event, Options, Parser};
use ratatui::text::Line;

use self::writer::Writer;
use super::theme::Theme;

/// Supported extensions.
const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);

/// A text rendered so far, for one width and theme.
#[derive(Debug, Clone, Default)]
pub(super) struct RenderedMarkdown {
    cells: usize,
    /// Bytes of the text that are final.
    dry_bytes: usize,
    dry_lines: usize,
    lines: Vec<Line<'static>>,
}

impl RenderedMarkdown {
    /// The lines of `text` in at most `cells` cells. `text` must begin with the text of the last call.
    pub(super) fn of(&mut self, text: &str, cells: usize, theme: &Theme) -> &[Line<'static>] {
        if self.cells != cells || text.len() < self.dry_bytes {
            *self = Self { cells, ..Self::default() };
        }
        self.lines.truncate(self.dry_lines);
        let mut writer = Writer::new(&text[self.dry_bytes..], cells, theme, !self.lines.is_empty());
        let mut depth = 0_usize;
        let mut last_block = 0;
        let mut lines_before_last = 0;
        for (event, range) in Parser::new_ext(&text[self.dry_bytes..], OPTIONS).into_offset_iter() {
            let begins = depth == 0 && !matches!(event, Event::End(_));
            if begins && stands_apart(&text[self.dry_bytes..], range.start) {
                last_block = range.start;
                lines_before_last = writer.lines.len();
            }
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
            writer.take(event, range);
        }
        let new = writer.finish();
        self.dry_lines += lines_before_last;
        self.dry_bytes += last_block;
        self.lines.extend(new);
        &self.lines
    }
}

/// Whether a blank line precedes `start`. Without one, the block may still belong to the previous one: a table row is a
/// paragraph while only its first `|` is there.
fn stands_apart(text: &str, start: usize) -> bool {
    let mut lines = text[..start].rsplit('\n');
    lines.next().is_none_or(|before| before.trim().is_empty())
        && lines.next().is_none_or(|before| before.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::ThemeChoice;
    use crate::tui::wrap::width;

    fn markdown(text: &str, cells: usize, theme: &Theme) -> Vec<Line<'static>> {
        RenderedMarkdown::default().of(text, cells, theme).to_vec()
    }

    fn shown_in(text: &str, cells: usize) -> Vec<String> {
        markdown(text, cells, &Theme::of(ThemeChoice::Ansi))
            .iter()
            .map(|line| line.to_string().trim_end().to_owned())
            .collect()
    }

    fn shown(text: &str) -> Vec<String> {
        shown_in(text, 20)
    }

    #[test]
    fn marks_are_taken_off_only_when_they_are_closed() {
        assert_eq!(shown("a **bold** `x*y`"), ["a bold x*y"]);
        assert_eq!(shown("2 ** 3 and `open"), ["2 ** 3 and `open"]);
        assert_eq!(shown("a ** b ** c"), ["a ** b ** c"]);
    }

    #[test]
    fn code_is_left_alone() {
        assert_eq!(
            shown("```rust\nlet **a** = `b`;\n\n  x\n```\n**x**"),
            ["▏ let **a** = `b`;", "▏", "▏   x", "", "x"]
        );
    }

    #[test]
    fn list_items_hang_under_their_text() {
        assert_eq!(shown("10. a clergyman of the parish"), ["10. a clergyman of", "    the parish"]);
        assert_eq!(shown("- a\n  - b\n- c\n\nd"), ["• a", "  • b", "• c", "", "d"]);
    }

    #[test]
    fn blocks_stand_apart_and_line_ends_stay() {
        assert_eq!(
            shown("# A\nb\nc\n\n\nd\n***\n> e\n> f"),
            ["A", "", "b", "c", "", "d", "", "────────────────────", "", "▎ e", "▎ f"]
        );
    }

    #[test]
    fn tables_have_columns() {
        let table = "| who | what |\n|---|--:|\n| Mr. Collins | clergyman |\n| 真理 | b |";
        assert_eq!(
            shown_in(table, 40),
            [
                "who         │      what",
                "────────────┼──────────",
                "Mr. Collins │ clergyman",
                "真理        │         b"
            ]
        );
    }

    #[test]
    fn a_table_that_is_too_wide_wraps_in_its_cells() {
        let table = "| who | what |\n|---|---|\n| Mr. Collins | a clergyman of the parish |";
        let lines = shown_in(table, 20);
        assert!(lines.iter().all(|line| width(line) <= 20), "{lines:?}");
        assert!(lines.len() > 4, "{lines:?}");
    }

    #[test]
    fn links_show_where_they_lead() {
        assert_eq!(shown_in("see [it](http://x.y)", 40), ["see it (http://x.y)"]);
    }

    const BLOCKS: [&str; 9] = [
        "A paragraph of *some* words\nin two lines.",
        "- one\n- two\n  1. three\n\n- four",
        "```rust\nfn x() {}\n\n# no heading\n```",
        "| a | b |\n|---|---|\n| c | d |",
        "> quoted\n> twice",
        "## A heading",
        "***",
        "Open `code and **bold",
        "彼は牧師です 👩‍👩‍👧",
    ];

    proptest! {
        #[test]
        fn piece_by_piece_it_becomes_what_it_is_at_once(blocks in prop::collection::vec(0_usize..BLOCKS.len(), 1..6), step in 1_usize..9) {
            let text = blocks.iter().map(|block| BLOCKS[*block]).collect::<Vec<_>>().join("\n\n");
            let theme = Theme::of(ThemeChoice::Ansi);
            let mut rendered = RenderedMarkdown::default();
            for end in (0..text.len()).step_by(step) {
                let end = (end..=text.len()).find(|&end| text.is_char_boundary(end)).expect("the end is one");
                rendered.of(&text[..end], 24, &theme);
            }
            prop_assert_eq!(rendered.of(&text, 24, &theme).to_vec(), markdown(&text, 24, &theme));
        }

        #[test]
        fn no_line_is_too_wide(text in "[ a-z真#>*`|\n-]{0,120}", cells in 12_usize..40) {
            for line in shown_in(&text, cells) {
                prop_assert!(width(&line) <= cells, "{line:?} is wider than {cells}");
            }
        }
    }
}
