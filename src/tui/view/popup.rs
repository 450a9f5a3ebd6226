//! The frame of a popup: position, border, title and key hints.

use ratatui::Frame;
use ratatui::layout::{Constraint, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear};

use super::super::theme::Theme;
use super::super::wrap::{shorten, width};

/// The texts on the frame, and its largest size.
pub(super) struct Popup<'a> {
    pub title: &'a str,
    /// Key hints, longest first.
    pub keys: &'a [&'a str],
    pub cells: u16,
    pub height: u16,
}

impl Popup<'_> {
    /// The inner width of a popup in a screen of `area`.
    pub(super) fn room(cells: u16, area: Rect) -> u16 {
        area.width.saturating_sub(2).min(cells).saturating_sub(4)
    }

    /// Its position, in the middle of `area`.
    fn place(&self, area: Rect) -> Rect {
        let cells = self.cells.min(area.width.saturating_sub(2));
        area.centered(Constraint::Length(cells), Constraint::Length(self.height.min(area.height)))
    }

    /// The area inside the border.
    pub(super) fn inside(&self, area: Rect) -> Rect {
        self.place(area).inner(Margin::new(2, 1))
    }

    /// Draws the frame, and returns the area inside.
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

/// Key hints of a text that scrolls.
pub(super) const SCROLL_KEYS: &[&str] = &[" ↓ ↑ scroll · Esc closes ", " Esc closes "];

/// A line with text at both edges.
pub(super) fn ends(left: &str, style: Style, right: &str, theme: &Theme, cells: usize) -> Line<'static> {
    let right = if width(right) + 4 > cells { String::new() } else { right.to_owned() };
    let left = shorten(left, cells.saturating_sub(width(&right) + 1));
    let gap = " ".repeat(cells.saturating_sub(width(&left) + width(&right)));
    Line::from(vec![Span::styled(left, style), Span::raw(gap), Span::styled(right, theme.dim)])
}
