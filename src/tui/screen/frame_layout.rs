//! Where everything is in a frame: made before it is drawn, and kept for the mouse.

use ratatui::layout::Rect;

/// On a smaller screen nothing can be told.
const SMALLEST: (u16, u16) = (24, 8);

/// The parts of a frame from the top to the bottom.
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
    /// `None` while it is not shown.
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
    /// Empty without line numbers.
    pub numbers: Rect,
    pub text: Rect,
    pub map: Rect,
}

/// The transcript's pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::tui) struct TranscriptLayout {
    pub area: Rect,
    /// What is searched for; empty while nothing is.
    pub search: Rect,
    pub text: Rect,
    /// The first line that is shown.
    pub top: usize,
}
