//! The input box, and one-line inputs elsewhere.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType};
use ratatui_textarea::TextArea;

use super::super::keymap::Focus;
use super::super::screen::Screen;
use super::super::theme::Theme;
use super::super::wrap::{shorten, width, wrap};
use super::references;
use crate::chat::{Chat, Model};

/// Most text lines of the box.
const MOST_LINES: usize = 6;

/// The height of the box on a screen of `cells`, borders included.
pub(in crate::tui) fn height(screen: &Screen, cells: u16) -> u16 {
    let inner = usize::from(cells.saturating_sub(4));
    let rows: usize = screen.input.lines().iter().map(|line| wrap(&[Span::raw(line)], inner, 0).len()).sum();
    rows.clamp(1, MOST_LINES) as u16 + 2
}

pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &Screen, theme: &Theme, area: Rect) {
    let focused = screen.focus == Focus::Input;
    let hints = hints(chat, screen.focus);
    let room = usize::from(area.width.saturating_sub(4));
    let hint = hints.iter().find(|hint| width(hint) <= room).copied().unwrap_or_default();
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(if focused { Style::new() } else { theme.dim })
        .title_bottom(Line::styled(hint, theme.dim).right_aligned());
    let with = references::title(chat, screen).map(|with| shorten(&with, room));
    let block = with.into_iter().fold(block, |block, with| block.title_top(Line::styled(with, theme.dim)));
    let inner = block.inner(area).inner(Margin::new(1, 0));
    frame.render_widget(block, area);
    if screen.input.is_empty() {
        let invitation = match (focused, chat.has_document()) {
            (false, _) => "press i to ask",
            (true, true) => "Ask about the document",
            (true, false) => "Ask, or open a document with Alt-O",
        };
        frame.render_widget(Line::styled(invitation, theme.dim), inner);
    } else {
        frame.render_widget(&screen.input, inner);
    }
    if screen.key_focus() == Focus::Input || (focused && screen.name_list.is_some() && screen.overlay.is_none()) {
        frame.set_cursor_position(caret(&screen.input, inner));
    }
}

/// A one-line input with its prompt and caret.
pub(super) fn draw_line(frame: &mut Frame, sign: &'static str, input: &TextArea<'static>, style: Style, area: Rect) {
    let [before, line] = Layout::horizontal([Constraint::Length(width(sign) as u16), Constraint::Min(1)]).areas(area);
    frame.render_widget(Span::styled(sign, style), before);
    frame.render_widget(input, line);
    frame.set_cursor_position(caret(input, line));
}

/// Key hints for the focused pane, longest first.
fn hints(chat: &Chat, focus: Focus) -> &'static [&'static str] {
    match focus {
        Focus::Input if matches!(chat.model, Model::Absent(_)) => {
            &[" Enter fetches the model · Tab transcript · ? help ", " Enter fetches the model · ? help ", " ? help "]
        }
        Focus::Transcript => {
            &[" 1…8 preset · j k scroll · Tab document · ? help ", " 1…8 preset · Tab document · ? help ", " ? help "]
        }
        Focus::Reader => &[
            " / search · t contents · s parts · m mark · w panes · Tab question · ? help ",
            " / search · t contents · ? help ",
            " ? help ",
        ],
        _ => &[
            " Enter send · Alt-1…8 preset · Tab transcript · ? help ",
            " Enter send · Alt-1…8 preset · ? help ",
            " ? help ",
        ],
    }
}

/// The position of the hardware cursor, next to which input methods open.
pub(super) fn caret(input: &TextArea<'_>, area: Rect) -> Position {
    if input.is_empty() {
        return area.as_position();
    }
    let (top, left) = input.scroll_offset();
    let cursor = input.screen_cursor();
    let x = area.x + (cursor.col as u16).saturating_sub(left);
    let y = area.y + (cursor.row as u16).saturating_sub(top);
    Position { x: x.min(area.right().saturating_sub(1)), y: y.min(area.bottom().saturating_sub(1)) }
}
