//! The passages that were read again before a question, one per line.
//!
//! ```text
//! read again before the question: 2 passages, 561 tokens, found by attention
//! ↺ Chapter 13, lines 912–930      31%
//! ↺ Chapter 15, lines 1040–1061     9%
//! ```

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::wrap::{clean, shorten, width};
use super::entry::EntryContext;
use super::formatting::percent;
use crate::chat::Exchange;
use crate::engine::message::{FoundBy, Passage, ReadAgain};

/// The lines, none if nothing was read again; the flag marks the selected source.
pub(super) fn lines(at: &EntryContext<'_>, exchange: &Exchange, cells: usize) -> Vec<(bool, Line<'static>)> {
    let Some(read_again) = exchange.read_again.as_deref().filter(|read_again| !read_again.passages.is_empty()) else {
        return Vec::new();
    };
    let head = shorten(&format!("read again before the question: {}", read_again.in_words()), cells);
    let line = |(index, passage): (usize, &Passage)| {
        let is_chosen = at.chosen == Some(exchange.citations.len() + index);
        (is_chosen, line(at, exchange, read_again, (index, passage), is_chosen, cells))
    };
    let lines = read_again.passages.iter().enumerate().map(line);
    std::iter::once((false, Line::styled(head, at.theme.dim))).chain(lines).collect()
}

fn line(
    at: &EntryContext<'_>,
    exchange: &Exchange,
    read_again: &ReadAgain,
    (index, passage): (usize, &Passage),
    is_chosen: bool,
    cells: usize,
) -> Line<'static> {
    let source = exchange.sources.get(index).and_then(Option::as_ref);
    let place = source.map_or_else(|| format!("passage {}", index + 1), |source| clean(&source.in_words()));
    let share = match read_again.found_by {
        FoundBy::Attention => format!("  {}", percent(passage.score.into())),
        FoundBy::Words | FoundBy::User => String::new(),
    };
    let over = if is_chosen { at.theme.found } else { Style::new() };
    Line::from(vec![
        Span::styled("↺ ", at.theme.accent.patch(over)),
        Span::styled(shorten(&place, cells.saturating_sub(2 + width(&share))), over),
        Span::styled(share, at.theme.dim),
    ])
}
