//! Popups: texts, lists, the palette, the preset picker, the tree of parts.

use super::field::FieldEntry;
use super::palette::CommandPalette;
use super::parts::PartSelection;
use super::picker::PresetPicker;
use super::sessions::SessionList;

/// An open popup.
#[allow(clippy::large_enum_variant, reason = "there is one at most")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) enum Overlay {
    /// Scrolled to this line.
    Help(usize),
    List(ListPopup),
    Palette(CommandPalette),
    Field(FieldEntry),
    Picker(PresetPicker),
    Parts(PartSelection),
    Sessions(SessionList),
    /// The figures, scrolled to this line.
    Figures(usize),
}

impl Overlay {
    /// Sets how many rows of a list or tree are visible.
    pub(in crate::tui) fn set_shown(&mut self, rows: usize) {
        match self {
            Self::List(list) => list.shown = rows,
            Self::Parts(selection) => selection.shown = rows,
            Self::Sessions(list) => list.shown = rows,
            Self::Help(_) | Self::Palette(_) | Self::Field(_) | Self::Picker(_) | Self::Figures(_) => {}
        }
    }
}

/// A list with one selected row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct ListPopup {
    pub kind: ListKind,
    pub at: usize,
    /// Visible rows.
    pub shown: usize,
}

/// What the list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum ListKind {
    Contents,
    Hits,
    /// Entries after which a branch can start.
    ForkPoints,
    Branches,
    /// What can be opened.
    Start,
    Models,
    Themes,
    /// The ways out of a full context.
    WaysOut,
}

impl ListPopup {
    pub(in crate::tui) fn new(kind: ListKind, at: usize) -> Self {
        Self { kind, at, shown: 10 }
    }
}
