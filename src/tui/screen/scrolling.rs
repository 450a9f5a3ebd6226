//! How far a text is scrolled, and how far it can be.

use ratatui::text::Line;

use super::super::keymap::Scroll;

/// How many lines a text has, and how many of them a frame has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tui) struct ScrollExtent {
    pub lines: usize,
    /// How many of them are shown.
    pub shown: usize,
    pub rest: Rest,
}

/// Where a text stands that nobody has moved: a greeting at its beginning, a conversation at its end, which grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tui) enum Rest {
    #[default]
    Beginning,
    End,
}

impl ScrollExtent {
    /// The last line that can be the first.
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

/// A text that lies over everything, as far as it was laid out for the last frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::tui) struct PopupText {
    pub lines: Vec<Line<'static>>,
    /// How many of them are shown.
    pub shown: usize,
}

impl PopupText {
    /// The last line that can be the first.
    pub(in crate::tui) fn end(&self) -> usize {
        self.lines.len().saturating_sub(self.shown)
    }

    /// The lines that are shown, where they are wanted from `top` on.
    pub(in crate::tui) fn visible(&self, top: usize) -> &[Line<'static>] {
        let top = top.min(self.end());
        &self.lines[top..self.lines.len().min(top + self.shown)]
    }
}

/// Where `top` is after a movement, in lines of which `end` is the last that can be the first.
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
