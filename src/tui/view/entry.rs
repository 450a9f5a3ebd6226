//! What the lines of all entries have in common: what they are made from, and how far they stand in.

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use crate::chat::Chat;
use crate::document::Document;

/// How far answers stand in.
pub(in crate::tui) const INDENT: &str = "  ";

/// What an entry is drawn with.
#[derive(Clone, Copy)]
pub(in crate::tui) struct EntryContext<'a> {
    pub chat: &'a Chat,
    pub document: &'a Document,
    pub theme: &'a Theme,
    pub cells: usize,
    pub reasoning_open: bool,
    /// Of this entry's quotes, the one that the cursor is on.
    pub chosen: Option<usize>,
}

pub(super) fn indented(indent: &'static str, line: Line<'static>) -> Line<'static> {
    prefixed(Span::raw(indent), line)
}

pub(super) fn prefixed(prefix: Span<'static>, mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, prefix);
    line
}
