//! What the screen makes of text and keys, without the screen.

#[path = "../../src/tui/keymap/mod.rs"]
mod keymap;
#[path = "../../src/tui/markdown/mod.rs"]
mod markdown;
#[path = "../../src/tui/reader/mod.rs"]
mod reader;
#[path = "keys.rs"]
mod terminal_input;
#[path = "../../src/tui/theme.rs"]
mod theme;
#[path = "../../src/tui/wrap.rs"]
mod wrap;

use std::sync::Arc;
use std::time::Duration;

use keymap::Scroll;
use markdown::RenderedMarkdown;
use reader::DocumentReader;
use terminal_input::TerminalEvent;
use theme::Theme;

use crate::document::Document;
use crate::settings::ThemeChoice;
use crate::toml_fields::Field;

/// From here on no line of an answer is wider than the screen.
const NARROWEST: usize = 12;

/// Shows an answer as it grows by `step` bytes, `cells` wide.
pub fn show_answer(text: &str, cells: usize, step: usize) {
    let theme = Theme::of(ThemeChoice::Ansi);
    let mut rendered = RenderedMarkdown::default();
    let ends = (0..text.len()).step_by(step.max(1)).filter(|&end| text.is_char_boundary(end)).chain([text.len()]);
    for end in ends {
        for line in rendered.of(&text[..end], cells, &theme) {
            let line = line.to_string();
            assert!(cells < NARROWEST || wrap::width(&line) <= cells, "{line:?} is wider than {cells}");
            assert!(!line.contains(char::is_control), "a terminal would obey {line:?}");
        }
    }
}

/// Pages through a document, searches it, and goes to a place that may not be in it.
pub fn page_through(document: Document, cells: usize, rows: usize, needle: &str, place: usize) {
    let mut reader = DocumentReader::new(Arc::new(document));
    reader.open_at(place);
    for scroll in [Scroll::Down, Scroll::PageDown, Scroll::HalfUp, Scroll::Bottom, Scroll::PageUp, Scroll::Top] {
        reader.lay_out(cells, rows);
        reader.scroll(scroll);
        assert!(reader.book.text().is_char_boundary(reader.top()), "the page begins inside a character");
    }
    reader.search_for(needle);
    reader.next_hit(1);
    reader.go_to_part(true);
    reader.lay_out(cells, rows);
    assert!(reader.page.len() <= rows.max(1), "more rows than the page has");
}

/// Reads what a terminal sends, and binds keys to it.
pub fn take_keys(in_tmux: bool, read_bytes: usize, apart: Duration, bytes: &[u8]) {
    for event in terminal_input::events(in_tmux, read_bytes, apart, bytes) {
        if let TerminalEvent::Paste(text) = event {
            assert!(
                text.lines().all(|line| !wrap::clean(line).contains(char::is_control)),
                "a terminal would obey a paste"
            );
        }
    }
}

/// Binds the keys of a configuration.
pub fn bind(keys: &[Field]) -> bool {
    keymap::Keymap::with("config.toml", keys).is_ok()
}
