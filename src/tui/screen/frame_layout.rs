//! Where the parts of a frame are. Computed before drawing, and kept for mouse clicks.

use ratatui::layout::Rect;

/// A smaller screen shows nothing useful.
const SMALLEST: (u16, u16) = (24, 8);

/// The areas of a frame, from top to bottom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::tui) struct FrameLayout {
    /// The whole frame.
    pub area: Rect,
    pub header: Rect,
    pub work: Rect,
    pub notice: Rect,
    pub input: Rect,
    pub presets: Rect,
    pub figures: Rect,
    /// `None` while hidden.
    pub reader: Option<ReaderLayout>,
    pub transcript: Option<TranscriptLayout>,
}

impl FrameLayout {
    /// Whether the screen is large enough to show anything.
    pub(in crate::tui) fn has_room(&self) -> bool {
        self.area.width >= SMALLEST.0 && self.area.height >= SMALLEST.1
    }
}

/// The document's pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::tui) struct ReaderLayout {
    pub area: Rect,
    pub title: Rect,
    /// Empty if line numbers are off.
    pub numbers: Rect,
    pub text: Rect,
    pub map: Rect,
}

/// The transcript's pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::tui) struct TranscriptLayout {
    pub area: Rect,
    /// The search line; empty while there is no search.
    pub search: Rect,
    pub text: Rect,
    /// The first visible line.
    pub top: usize,
}
