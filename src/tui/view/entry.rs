//! What rendering any entry needs, and how its lines are indented.

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use crate::chat::Chat;

/// Answer indent.
pub(in crate::tui) const INDENT: &str = "  ";

/// What an entry is rendered with.
#[derive(Clone, Copy)]
pub(in crate::tui) struct EntryContext<'a> {
    pub chat: &'a Chat,
    pub theme: &'a Theme,
    pub cells: usize,
    pub reasoning_open: bool,
    /// The selected quote of this entry.
    pub chosen: Option<usize>,
}

pub(super) fn indented(indent: &'static str, line: Line<'static>) -> Line<'static> {
    prefixed(Span::raw(indent), line)
}

pub(super) fn prefixed(prefix: Span<'static>, mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, prefix);
    line
}
