//! The document pane: title, line numbers, page and map; and the rows of the page.

use ratatui::layout::{Constraint, Layout, Rect};

use super::super::screen::{ReaderLayout, Screen};
use super::super::view::reader::gutter;

/// Minimum width for line numbers.
const ROOM_FOR_NUMBERS: u16 = 44;
/// The width of the map, with a gap.
const MAP: u16 = 3;

pub(super) fn lay_out(screen: &mut Screen, area: Rect) -> ReaderLayout {
    let [title, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let gutter = if screen.reader.numbers && area.width >= ROOM_FOR_NUMBERS { gutter(&screen.reader) } else { 0 };
    let columns = [Constraint::Length(gutter), Constraint::Min(1), Constraint::Length(MAP)];
    let [numbers, text, map] = Layout::horizontal(columns).areas(body);
    screen.reader.lay_out(text.width.into(), text.height.into());
    ReaderLayout { area, title, numbers, text, map }
}
