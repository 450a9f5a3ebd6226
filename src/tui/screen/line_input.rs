//! Input boxes.

use ratatui::crossterm::event::KeyEvent;
use ratatui::style::Style;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

/// An input box with `text` and the caret at its end. The hardware cursor is the caret, so the box draws none.
pub(super) fn input_box(text: &str) -> TextArea<'static> {
    let mut input = TextArea::from(text.split('\n'));
    input.set_wrap_mode(WrapMode::WordOrGlyph);
    input.set_cursor_style(Style::new());
    input.set_cursor_line_style(Style::new());
    input.set_max_histories(100);
    input.move_cursor(CursorMove::Bottom);
    input.move_cursor(CursorMove::End);
    input
}

/// An empty one-line box that scrolls with the caret.
pub(super) fn line_box() -> TextArea<'static> {
    let mut input = input_box("");
    input.set_wrap_mode(WrapMode::None);
    input
}

/// Passes a key to a one-line box. Keys that would insert a line break, such as Alt-Enter, do nothing.
pub(super) fn type_in_line(input: &mut TextArea<'static>, key: KeyEvent) {
    input.input(key);
    if input.lines().len() > 1 {
        input.undo();
    }
}
