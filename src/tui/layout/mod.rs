//! Lays out a frame before it is drawn: where everything goes, which lines there are, what a search finds, how far
//! everything is scrolled.
//!
//! All this changes the screen's state, and drawing does not: [`lay_out`] runs once per frame, then [`super::view`]
//! draws the result. Lines come from functions of [`super::view`] and are cached ([`super::rendered_entries`]).

mod entries;
mod overlay;
mod reader;
mod transcript;

use ratatui::layout::{Constraint, Layout, Margin, Rect};

use super::screen::{FrameLayout, Screen};
use super::theme::Theme;
use super::view::{input, notice, work};
use crate::chat::Chat;

/// The minimum height of the document and the transcript.
const BODY_LINES: u16 = 3;

/// Lays out the next frame in `area`.
pub(super) fn lay_out(screen: &mut Screen, chat: &Chat, theme: &Theme, area: Rect) {
    let (layout, body) = rows(screen, chat, theme, area);
    screen.layout = layout;
    if !layout.has_room() {
        return;
    }
    let arranged = screen.panes.arrange(body, screen.pane, !screen.reader.is_empty());
    screen.layout.reader = arranged.reader.map(|area| reader::lay_out(screen, area));
    screen.layout.transcript = arranged.transcript.map(|area| transcript::lay_out(screen, chat, theme, area));
    overlay::lay_out(screen, chat, theme, area);
}

/// The rows from top to bottom, and the body, which is divided into panes later.
fn rows(screen: &Screen, chat: &Chat, theme: &Theme, area: Rect) -> (FrameLayout, Rect) {
    let inside = area.inner(Margin::new(1, 0));
    let work = work::lines(chat, theme, inside.width.into()).len() as u16;
    let notice = notice::lines(chat, screen, theme, inside.width.into()).len() as u16;
    let fixed = 1 + BODY_LINES + work + 2;
    let input = input::height(screen, area.width).min(area.height.saturating_sub(fixed)).max(3);
    let notice = notice.min(area.height.saturating_sub(fixed + input));
    let rows = [
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(work),
        Constraint::Length(notice),
        Constraint::Length(input),
        Constraint::Length(1),
        Constraint::Length(1),
    ];
    let [header, body, work, notice, _, presets, figures] = Layout::vertical(rows).areas(inside);
    let [_, _, _, _, input, _, _] = Layout::vertical(rows).areas(area);
    let layout = FrameLayout { area, header, work, notice, input, presets, figures, reader: None, transcript: None };
    (layout, body)
}
