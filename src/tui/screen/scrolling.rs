//! Scroll positions and their limits.

use ratatui::text::Line;

use super::super::keymap::Scroll;

/// The length of a text and the visible part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tui) struct ScrollExtent {
    pub lines: usize,
    /// Visible lines.
    pub shown: usize,
    pub rest: Rest,
}

/// Where an unscrolled text rests: a greeting at its beginning, a conversation at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tui) enum Rest {
    #[default]
    Beginning,
    End,
}

impl ScrollExtent {
    /// The last possible first line.
    pub(super) fn end(self) -> usize {
        self.lines.saturating_sub(self.shown)
    }

    pub(super) fn home(self) -> usize {
        match self.rest {
            Rest::Beginning => 0,
            Rest::End => self.end(),
        }
    }
}

/// The text of a popup, as laid out for the last frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::tui) struct PopupText {
    pub lines: Vec<Line<'static>>,
    /// Visible lines.
    pub shown: usize,
}

impl PopupText {
    /// The last possible first line.
    pub(in crate::tui) fn end(&self) -> usize {
        self.lines.len().saturating_sub(self.shown)
    }

    /// The visible lines if scrolled to `top`.
    pub(in crate::tui) fn visible(&self, top: usize) -> &[Line<'static>] {
        let top = top.min(self.end());
        &self.lines[top..self.lines.len().min(top + self.shown)]
    }
}

/// The first visible line after a movement; `end` is the last possible one.
pub(super) fn scrolled(scroll: Scroll, top: usize, end: usize, shown: usize) -> usize {
    match scroll {
        Scroll::Up => top.saturating_sub(1),
        Scroll::Down => top + 1,
        Scroll::HalfUp => top.saturating_sub(shown / 2),
        Scroll::HalfDown => top + shown / 2,
        Scroll::PageUp => top.saturating_sub(shown.saturating_sub(1).max(1)),
        Scroll::PageDown => top + shown.saturating_sub(1).max(1),
        Scroll::Top => 0,
        Scroll::Bottom => end,
    }
}
