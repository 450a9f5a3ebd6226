//! What lies over everything until it is closed: texts, lists, the palette, the picker, the tree of parts.

use super::palette::CommandPalette;
use super::parts::PartSelection;
use super::picker::PresetPicker;

/// What is open.
#[allow(clippy::large_enum_variant, reason = "there is one at most")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Overlay {
    /// From this line on.
    Help(usize),
    List(ListPopup),
    Palette(CommandPalette),
    Picker(PresetPicker),
    Parts(PartSelection),
    /// The figures, from this line on.
    Figures(usize),
}

impl Overlay {
    /// Notes how many rows of a list or a tree have room.
    pub(in crate::tui) fn set_shown(&mut self, rows: usize) {
        match self {
            Self::List(list) => list.shown = rows,
            Self::Parts(selection) => selection.shown = rows,
            Self::Help(_) | Self::Palette(_) | Self::Picker(_) | Self::Figures(_) => {}
        }
    }
}

/// A list with one row chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct ListPopup {
    pub kind: ListKind,
    pub at: usize,
    /// How many rows the last frame showed.
    pub shown: usize,
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum ListKind {
    Contents,
    Hits,
    /// Where a branch can begin.
    ForkPoints,
    Branches,
}

impl ListPopup {
    pub(super) fn new(kind: ListKind, at: usize) -> Self {
        Self { kind, at, shown: 10 }
    }
}
