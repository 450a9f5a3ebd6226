//! The help: the keys, and what the presets are.

use ratatui::text::{Line, Span};

use super::super::keymap::HELP;
use super::super::theme::Theme;
use super::super::wrap::{width, wrap};
use crate::chat::Chat;

/// Where what a key does is told.
const COLUMN: usize = 26;
/// Below this, what a key does is told under it.
const TWO_COLUMNS: usize = 60;

/// Lines of at most `cells` cells.
pub(super) fn lines(chat: &Chat, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let keys = HELP.iter().flat_map(|(keys, what)| row(keys, what, theme, cells));
    let presets = chat.offers.iter().flat_map(|offer| {
        let key = offer.key.map_or(String::from(" "), String::from);
        row(&format!("{key} {}", offer.name), &offer.summary, theme, cells)
    });
    keys.chain([Line::default()]).chain(presets).collect()
}

fn row(keys: &str, what: &str, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let keys = Span::styled(keys.to_owned(), theme.accent);
    if cells < TWO_COLUMNS {
        let mut lines = wrap(&[keys], cells, 2);
        lines.extend(wrap(&[Span::raw(format!("  {what}"))], cells, 2));
        return lines;
    }
    let gap = " ".repeat(COLUMN.saturating_sub(width(&keys.content)).max(1));
    wrap(&[keys, Span::raw(gap), Span::raw(what.to_owned())], cells, COLUMN)
}
