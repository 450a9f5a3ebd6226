//! Renders transcript entries, each only when something changed that its lines depend on.

use super::super::rendered_entries::{RenderKey, RenderedEntries};
use super::super::screen::Screen;
use super::super::theme::Theme;
use super::super::view::entry::EntryContext;
use super::super::view::{exchange, switch};
use crate::chat::{Attached, AttachedText, Chat, Entry, Exchange, ExchangeState, Model};
use crate::citations::Citation;

pub(super) fn render(entries: &mut RenderedEntries, chat: &Chat, screen: &Screen, theme: &Theme, cells: usize) {
    entries.fit(chat.branches.shown(), chat.transcript.len());
    for (index, entry) in chat.transcript.iter().enumerate() {
        let chosen = screen.citation.filter(|citation| citation.entry == index).map(|citation| citation.index);
        let at = EntryContext {
            chat,
            theme,
            cells,
            reasoning_open: screen.reasoning_open || is_thought(screen, entry),
            chosen,
        };
        match entry {
            Entry::Exchange(exchange) => match twin(chat, index) {
                Some(Twin::OfSecond(second)) => {
                    let both = render_key(exchange, &at).with(render_key(second, &at));
                    entries.write(index, both, |rendered| exchange::write_pair(rendered, exchange, second, &at));
                }
                // It is shown beside the first.
                Some(Twin::OfFirst) => entries.write(index, RenderKey { cells, ..RenderKey::default() }, |_| {}),
                None => {
                    entries
                        .write(index, render_key(exchange, &at), |rendered| exchange::write(rendered, exchange, &at));
                }
            },
            Entry::Switch(comparison) => {
                let state = u8::from(comparison.new.decode_tokens_per_s.is_some());
                let state_key = RenderKey { state, cells, ..RenderKey::default() };
                entries.write(index, state_key, |rendered| rendered.lines = switch::lines(comparison, theme, cells));
            }
        }
    }
}

/// Whether the search matches the thoughts of an entry, which then open.
fn is_thought(screen: &Screen, entry: &Entry) -> bool {
    let pattern = screen.transcript_search.as_ref().and_then(|finding| finding.pattern.as_ref());
    matches!((pattern, entry), (Some(pattern), Entry::Exchange(exchange)) if pattern.is_match(&exchange.reasoning.text))
}

/// How an answer is paired with another answer to the same question.
enum Twin<'a> {
    OfSecond(&'a Exchange),
    OfFirst,
}

/// Several answers to one question are shown in pairs: the first with the second, the third with the fourth. One that
/// is left over is shown alone.
fn twin(chat: &Chat, index: usize) -> Option<Twin<'_>> {
    let exchange = |index: usize| match chat.transcript.get(index) {
        Some(Entry::Exchange(exchange)) => exchange.variant.as_ref().map(|variant| (exchange, variant)),
        _ => None,
    };
    let (_, variant) = exchange(index)?;
    if variant.index % 2 == 1 {
        return Some(Twin::OfFirst);
    }
    exchange(index + 1).filter(|(_, other)| other.group == variant.group).map(|(second, _)| Twin::OfSecond(second))
}

/// The key of everything that an exchange's lines depend on.
fn render_key(exchange: &Exchange, at: &EntryContext<'_>) -> RenderKey {
    let reasoning = &exchange.reasoning;
    let running = reasoning.time(at.chat.now).filter(|_| reasoning.is_open());
    let state = match &exchange.state {
        ExchangeState::Waiting if !matches!(at.chat.model, Model::Ready { .. }) => 0,
        ExchangeState::Waiting if !at.chat.is_read() => 1,
        ExchangeState::Waiting => 2,
        ExchangeState::Running => 3,
        ExchangeState::Answered(_) => 4,
        ExchangeState::Failed(_) => 5,
        ExchangeState::Withdrawn => 6,
    };
    RenderKey {
        question: exchange.question.len(),
        attached: exchange.attached.iter().map(known).sum(),
        answer: 2 * exchange.answer.len() + usize::from(exchange.is_left_out),
        reasoning: reasoning.text.len(),
        state,
        seconds: running.map_or(0, |time| time.as_secs() + 1),
        citations: exchange.sources.len()
            + exchange.passages().iter().fold(exchange.citations.iter().fold(0, found_at), |sum, passage| {
                sum.wrapping_mul(31).wrapping_add(passage.start + 2)
            }),
        chosen: at.chosen,
        reasoning_open: at.reasoning_open,
        cells: at.cells,
    }
}

/// Adds the result of one quote to a hash.
fn found_at(sum: usize, citation: &Citation) -> usize {
    let place = citation.verdict.passage().map_or(1, |passage| passage.start + 2);
    sum.wrapping_mul(31).wrapping_add(place)
}

/// Changes with each step of loading an attachment.
fn known(attached: &Attached) -> usize {
    let text = match attached.text {
        AttachedText::Coming => 1,
        AttachedText::File(_) | AttachedText::Unread(_) => 2,
        AttachedText::Read(_) => 4,
    };
    text + 8 * usize::from(attached.tokens.is_some())
}
