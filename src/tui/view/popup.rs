//! The frame of what lies over everything: its place, its border, its title, and the keys that it answers to.

use ratatui::Frame;
use ratatui::layout::{Constraint, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear};

use super::super::theme::Theme;
use super::super::wrap::{shorten, width};

/// What is written on a frame, and how large it is at most.
pub(super) struct Popup<'a> {
    pub title: &'a str,
    /// The keys, in as many words as there is room for: the longest first.
    pub keys: &'a [&'a str],
    pub cells: u16,
    pub height: u16,
}

impl Popup<'_> {
    /// How wide what is inside of it is, in a screen of `area`.
    pub(super) fn room(cells: u16, area: Rect) -> u16 {
        area.width.saturating_sub(2).min(cells).saturating_sub(4)
    }

    /// Where it is: in the middle of `area`.
    fn place(&self, area: Rect) -> Rect {
        let cells = self.cells.min(area.width.saturating_sub(2));
        area.centered(Constraint::Length(cells), Constraint::Length(self.height.min(area.height)))
    }

    /// What is inside of its border.
    pub(super) fn inside(&self, area: Rect) -> Rect {
        self.place(area).inner(Margin::new(2, 1))
    }

    /// Draws it in the middle of `area`, and returns what is inside.
    pub(super) fn draw(&self, frame: &mut Frame, theme: &Theme, area: Rect) -> Rect {
        let popup = self.place(area);
        let room = usize::from(popup.width.saturating_sub(4));
        let keys = self.keys.iter().find(|keys| width(keys) <= room).copied().unwrap_or_default();
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .title(Line::styled(shorten(self.title, room), theme.strong))
            .title_bottom(Line::styled(keys, theme.dim).right_aligned());
        frame.render_widget(Clear, popup);
        frame.render_widget(block, popup);
        self.inside(area)
    }
}

/// The keys of a text that goes on below.
pub(super) const SCROLL_KEYS: &[&str] = &[" ↓ ↑ scroll · Esc closes ", " Esc closes "];

/// One text at the left edge, one at the right.
pub(super) fn ends(left: &str, style: Style, right: &str, theme: &Theme, cells: usize) -> Line<'static> {
    let right = if width(right) + 4 > cells { String::new() } else { right.to_owned() };
    let left = shorten(left, cells.saturating_sub(width(&right) + 1));
    let gap = " ".repeat(cells.saturating_sub(width(&left) + width(&right)));
    Line::from(vec![Span::styled(left, style), Span::raw(gap), Span::styled(right, theme.dim)])
}
