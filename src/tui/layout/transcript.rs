//! The transcript pane: its lines, the search hits, and which lines are visible.

use ratatui::layout::{Constraint, Layout, Rect};

use super::super::rendered_entries::RenderedEntries;
use super::super::screen::{Rest, Screen, TranscriptLayout};
use super::super::theme::Theme;
use super::super::view::greeting;
use super::entries;
use crate::chat::Chat;

pub(super) fn lay_out(screen: &mut Screen, chat: &Chat, theme: &Theme, area: Rect) -> TranscriptLayout {
    if chat.transcript.is_empty() {
        return lay_out_greeting(screen, chat, theme, area);
    }
    let (search, text) = with_search(screen, area);
    let shown = usize::from(text.height);
    let mut rendered = std::mem::take(&mut screen.entries);
    entries::render(&mut rendered, chat, screen, theme, text.width.into());
    let lines = rendered.len();
    screen.measured(lines, shown, Rest::End);
    let end = lines.saturating_sub(shown);
    show_found(&mut rendered, screen, end, shown);
    show_chosen(&rendered, screen, end, shown);
    screen.entries = rendered;
    TranscriptLayout { area, search, text, top: screen.top.unwrap_or(end).min(end) }
}

fn lay_out_greeting(screen: &mut Screen, chat: &Chat, theme: &Theme, area: Rect) -> TranscriptLayout {
    let shown = usize::from(area.height);
    let mut lines = greeting::lines(chat, theme, area.width.into());
    if lines.len() > shown {
        // The blank line above the greeting is the first to go.
        lines.remove(0);
    }
    let top = screen.measured(lines.len(), shown, Rest::Beginning);
    screen.greeting = lines;
    TranscriptLayout { area, search: Rect::default(), text: area, top }
}

/// Reserves a line for the search, if there is one.
fn with_search(screen: &Screen, area: Rect) -> (Rect, Rect) {
    let line = u16::from(screen.transcript_search.is_some() && area.height > 1);
    let [search, rest] = Layout::vertical([Constraint::Length(line), Constraint::Min(1)]).areas(area);
    (search, rest)
}

/// Scrolls to a quote that was just selected.
fn show_chosen(entries: &RenderedEntries, screen: &mut Screen, end: usize, shown: usize) {
    if let Some(line) = screen.take_chosen_entry().and_then(|entry| entries.line_of_chosen(entry)) {
        show(screen, line, end, shown);
    }
}

/// Searches the entries and scrolls to the requested hit.
fn show_found(entries: &mut RenderedEntries, screen: &mut Screen, end: usize, shown: usize) {
    let Some(search) = &mut screen.transcript_search else { return };
    let lines = match &search.pattern {
        Some(pattern) => entries.search(search.number, pattern),
        None => Vec::new(),
    };
    if let Some(line) = search.counted(&lines) {
        show(screen, line, end, shown);
    }
}

/// Scrolls to a line unless it is visible.
fn show(screen: &mut Screen, line: usize, end: usize, shown: usize) {
    let top = screen.top.unwrap_or(end).min(end);
    if !(top..top + shown).contains(&line) {
        let top = line.saturating_sub(shown / 2);
        screen.top = (top < end).then_some(top);
    }
}
