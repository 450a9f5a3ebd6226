//! Messages and notices: up to three lines above the input box.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::screen::Screen;
use super::super::theme::Theme;
use super::super::wrap::wrap;
use crate::chat::{Chat, Notice, Tone};

/// The current message, else the chat's notice.
pub(in crate::tui) fn lines(chat: &Chat, screen: &Screen, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let spans = match (&screen.message, &chat.notice) {
        (Some(message), _) => vec![Span::raw(message.clone())],
        (None, Some(notice)) => noticed(notice, theme),
        (None, None) => return Vec::new(),
    };
    let mut lines = wrap(&spans, cells, 2);
    lines.truncate(3);
    lines
}

/// A notice with its hint.
fn noticed(notice: &Notice, theme: &Theme) -> Vec<Span<'static>> {
    let style = match notice.tone {
        Tone::Info => Style::new(),
        Tone::Error => theme.error,
    };
    let hint = notice.hint.iter().map(|hint| Span::styled(format!(" · {hint}"), theme.dim));
    [Span::styled(notice.text.clone(), style)].into_iter().chain(hint).collect()
}
