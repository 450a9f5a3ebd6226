//! The transcript pane: the visible lines, with the search above.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span, Text};

use super::super::screen::{Screen, SearchEntry, TranscriptLayout, TranscriptSearch};
use super::super::theme::Theme;
use super::super::wrap::{shorten, width};
use super::popup::ends;
use crate::chat::Chat;

pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &Screen, theme: &Theme, layout: TranscriptLayout) {
    if chat.transcript.is_empty() {
        draw_greeting(frame, screen, theme, layout);
        return;
    }
    let TranscriptLayout { search, text, top, .. } = layout;
    let shown = usize::from(text.height);
    draw_search(frame, screen, theme, search);
    let mut visible = screen.entries.lines(top, shown);
    if let Some(search) = screen.transcript_search.as_ref().filter(|search| search.pattern.is_some()) {
        screen.entries.mark(&mut visible, top, search.at, theme);
    }
    frame.render_widget(Text::from(visible), text);
    draw_rest(frame, screen.entries.len().saturating_sub(top + shown), theme, text);
}

/// The greeting. If it continues below, the last row says so.
fn draw_greeting(
    frame: &mut Frame,
    screen: &Screen,
    theme: &Theme,
    TranscriptLayout { text, top, .. }: TranscriptLayout,
) {
    let (all, shown) = (screen.greeting.len(), usize::from(text.height));
    let seen = if top + shown < all { shown.saturating_sub(1) } else { shown };
    let lines = screen.greeting.iter().skip(top).take(seen).cloned();
    frame.render_widget(Text::from(lines.collect::<Vec<Line>>()), text);
    draw_rest(frame, all.saturating_sub(top + seen), theme, text);
}

/// How many lines are below.
fn draw_rest(frame: &mut Frame, below: usize, theme: &Theme, area: Rect) {
    if below > 0 {
        let mark = format!(" {below} more ↓ ");
        let cells = width(&mark) as u16;
        let corner = Rect { x: area.right().saturating_sub(cells), y: area.bottom() - 1, width: cells, height: 1 };
        frame.render_widget(Span::styled(mark, theme.chosen), corner.intersection(area));
    }
}

/// The search and its number of hits.
fn draw_search(frame: &mut Frame, screen: &Screen, theme: &Theme, title: Rect) {
    let Some(search) = screen.transcript_search.as_ref().filter(|_| !title.is_empty()) else { return };
    let (cells, right) = (usize::from(title.width), hits(search));
    let left = shorten(&format!("/{}", search.needle), cells.saturating_sub(width(&right) + 2));
    let is_typed = screen.search_entry.as_ref().is_some_and(SearchEntry::is_in_transcript);
    let style = if is_typed { theme.strong } else { theme.accent };
    let column = (width(&left) as u16).min(title.width.saturating_sub(1));
    frame.render_widget(ends(&left, style, &right, theme, cells), title);
    if is_typed {
        frame.set_cursor_position(Position { x: title.x + column, y: title.y });
    }
}

/// `hit 3 of 12`.
fn hits(search: &TranscriptSearch) -> String {
    match search.all {
        0 if search.pattern.is_none() => "search".to_owned(),
        0 => "no hits".to_owned(),
        all => format!("hit {} of {all} · n N", search.at + 1),
    }
}
