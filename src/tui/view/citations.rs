//! The quotes of an answer, one per line: whether and where the document has them.
//!
//! ```text
//! ✓ “a single man in possession of a good fortune”  Chapter 1 · line 28
//! ≈ “a large fortune must be in want of a wife”     Chapter 1 · line 28
//! ✗ “men should marry for love”                     not in the document
//! ```

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::wrap::{clean, shorten, width};
use super::entry::EntryContext;
use crate::chat::Exchange;
use crate::citations::{Citation, Verdict};

/// The lines; the flag marks the selected quote.
pub(super) fn lines(at: &EntryContext<'_>, exchange: &Exchange, cells: usize) -> Vec<(bool, Line<'static>)> {
    // Spans refer to the untrimmed answer.
    let line = |(index, citation): (usize, &Citation)| {
        let is_chosen = at.chosen == Some(index);
        (is_chosen, line(at, &exchange.answer[citation.span.start..citation.span.end], citation, is_chosen, cells))
    };
    exchange.citations.iter().enumerate().map(line).collect()
}

fn line(at: &EntryContext<'_>, text: &str, citation: &Citation, is_chosen: bool, cells: usize) -> Line<'static> {
    let (sign, style) = match citation.verdict {
        Verdict::Verified(_) => ("✓ ", at.theme.good),
        Verdict::Repaired { .. } => ("≈ ", at.theme.accent),
        Verdict::NotFound => ("✗ ", at.theme.error),
    };
    let place = place(citation, cells / 2);
    let room = cells.saturating_sub(2 + 4 + width(&place));
    let words = clean(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let over = if is_chosen { at.theme.found } else { Style::new() };
    Line::from(vec![
        Span::styled(sign, style.patch(over)),
        Span::styled(format!("“{}”", shorten(&words, room)), over),
        Span::raw("  "),
        Span::styled(place, at.theme.dim),
    ])
}

/// The position of a quote, as long as fits, or that there is none.
fn place(citation: &Citation, room: usize) -> String {
    if citation.verdict.passage().is_none() {
        return shorten("not in the document", room);
    }
    let Some(source) = &citation.source else { return String::new() };
    let agreement = match citation.verdict {
        Verdict::Repaired { agreement, .. } => format!("{} match · ", super::formatting::percent(agreement.into())),
        _ => String::new(),
    };
    let part = source.title.as_ref().map_or(String::new(), |title| format!("{} · ", clean(title)));
    let position = clean(&source.position());
    let forms = [format!("{agreement}{part}{position}"), format!("{agreement}{position}"), position];
    forms.iter().find(|form| width(form) <= room).cloned().unwrap_or_else(|| shorten(&forms[2], room))
}
