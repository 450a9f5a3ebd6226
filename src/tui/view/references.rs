//! The list of names for `@`, and what the question refers to, on the upper edge of the input box.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, BorderType, Clear};

use super::super::screen::{NameList, Screen};
use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, width};
use super::formatting::{bytes, short_count};
use crate::chat::attached::{is_meant, references};
use crate::chat::{Attached, CacheState, Chat};
use crate::session::references::{NamedPart, describe};

const WIDEST: u16 = 72;
const MOST_ROWS: u16 = 8;

/// The list, above `input`.
pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &Screen, theme: &Theme, input: Rect) {
    let Some(list) = screen.name_list.as_ref().filter(|list| !list.rows.is_empty()) else { return };
    let popup = place(list, input);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .title(Line::styled(" refer to ", theme.strong))
        .title_bottom(Line::styled(" Enter inserts · Esc closes ", theme.dim).right_aligned());
    let inner = popup.inner(Margin::new(2, 1));
    let shown = usize::from(inner.height);
    let top = list.at.saturating_sub(shown.saturating_sub(1));
    let text = &screen.parts.whole.text;
    let rows = list.rows.iter().enumerate().skip(top).take(shown);
    let rows: Vec<Line> =
        rows.map(|(at, named)| row(chat, text, named, at == list.at, theme, inner.width.into())).collect();
    frame.render_widget(Clear, popup);
    frame.render_widget(block, popup);
    frame.render_widget(Text::from(rows), inner);
}

/// How many names are visible.
pub(in crate::tui) fn shown(list: &NameList, input: Rect) -> usize {
    place(list, input).inner(Margin::new(2, 1)).height.into()
}

fn place(list: &NameList, input: Rect) -> Rect {
    let height = (list.rows.len() as u16).min(MOST_ROWS).saturating_add(2).min(input.y);
    Rect { x: input.x, y: input.y - height, width: input.width.min(WIDEST), height }
}

/// A name, its length, and whether it is part of the prompt.
fn row(chat: &Chat, text: &str, named: &NamedPart, is_chosen: bool, theme: &Theme, cells: usize) -> Line<'static> {
    let NamedPart { name, span } = named;
    let unread = if is_read(chat, &text[span.start..span.end], span.start) { "" } else { "not in context · " };
    let details = format!("{unread}{}", about(chat, span.len()));
    let name = shorten(&clean(name), cells.saturating_sub(width(&details) + 1));
    let gap = " ".repeat(cells.saturating_sub(width(&name) + width(&details)));
    let mut spans = vec![Span::raw(name), Span::raw(gap), Span::styled(details, theme.dim)];
    if is_chosen {
        for span in &mut spans {
            span.style = span.style.patch(theme.found);
        }
    }
    Line::from(spans)
}

/// Whether `part` is in the prompt: usually at the same place, else anywhere.
fn is_read(chat: &Chat, part: &str, start: usize) -> bool {
    let read = &chat.document.text;
    let here = read.get(start..start + part.len()).is_some_and(|text| text == part);
    here || read.contains(part.trim())
}

/// An estimate from the document's tokens per byte, once it is prefilled; before that, bytes.
fn about(chat: &Chat, length: usize) -> String {
    match &chat.cache_state {
        Some(CacheState { tokens, document_tokens, .. })
            if tokens >= document_tokens && !chat.document.text.is_empty() =>
        {
            let tokens = length as f64 * f64::from(*document_tokens) / chat.document.text.len() as f64;
            format!("about {} tokens", short_count(tokens.round() as u32))
        }
        _ => bytes(length as u64),
    }
}

/// ` with notes.txt, 1,204 tokens · Chapter 12, in context `: what the question in the box refers to.
pub(super) fn title(chat: &Chat, screen: &Screen) -> Option<String> {
    let names = references(&screen.input.lines().join("\n"));
    let is_named = |attached: &&Attached| names.iter().any(|name| is_meant(&name.name, &attached.name));
    let referred: Vec<String> =
        chat.attached.iter().filter(is_named).map(|attached| clean(&describe(attached))).collect();
    (!referred.is_empty()).then(|| format!(" with {} ", referred.join(" · ")))
}
