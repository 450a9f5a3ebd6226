//! Looks up the citations of an answer once it is complete, and the places of passages that are read again.

use std::sync::Arc;

use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::state::{Chat, Phase};
use crate::chat::transcript::Entry;
use crate::citations::{Citation, SourceRange, Verdict, can_look_up};
use crate::document::ByteSpan;
use crate::engine::message::ReadAgain;

/// Has the citations of an answer looked up, if it has any and there is a document.
pub(super) fn check(chat: &Chat, entry: usize, answer: &str) -> Vec<Effect> {
    let has_quotes = can_look_up(answer, &chat.document.text);
    let passages = chat.transcript.get(entry).and_then(Entry::exchange).map(Exchange::passages).unwrap_or_default();
    has_quotes.then(|| Effect::CheckCitations { entry, answer: answer.into(), passages }).into_iter().collect()
}

/// Takes the passages that are read again for the running question, and has their places looked up.
pub(super) fn read_again(chat: &mut Chat, read_again: Box<ReadAgain>) -> Vec<Effect> {
    let Phase::Answering { entry, .. } = chat.work else { return Vec::new() };
    let Some(exchange) = chat.exchange_mut(entry) else { return Vec::new() };
    exchange.read_again = Some(read_again);
    exchange.sources.clear();
    let passages = exchange.passages();
    if passages.is_empty() { Vec::new() } else { vec![Effect::FindSources { entry, passages }] }
}

/// Takes the places of passages, unless the entry has others by now.
pub(super) fn sources_found(chat: &mut Chat, entry: usize, passages: &[ByteSpan], sources: Vec<Option<SourceRange>>) {
    if let Some(exchange) = chat.exchange_mut(entry).filter(|exchange| exchange.passages() == passages) {
        exchange.sources = sources;
    }
}

/// Call after the document has changed: drops the citations on every branch, and looks those of the shown branch up in
/// the new document.
pub(super) fn check_again(chat: &mut Chat) -> Vec<Effect> {
    chat.branches.kept_exchanges().for_each(Exchange::forget_places);
    chat.exchanges_mut().for_each(Exchange::forget_places);
    check_unknown(chat)
}

/// Looks up the citations of all answers of the shown branch that have not been looked up yet.
pub(super) fn check_unknown(chat: &Chat) -> Vec<Effect> {
    let unknown = |(entry, what)| match what {
        &Entry::Exchange(Exchange { ref answer, ref citations, state: ExchangeState::Answered(_), .. })
            if citations.is_empty() =>
        {
            check(chat, entry, answer)
        }
        _ => Vec::new(),
    };
    chat.transcript.iter().enumerate().flat_map(unknown).collect()
}

/// Takes the result, unless the entry has another answer by now.
pub(super) fn checked(chat: &mut Chat, entry: usize, answer: &Arc<str>, citations: Vec<Citation>) {
    let end =
        chat.exchange_mut(entry).and_then(|exchange| exchange.until.as_ref()).map_or(usize::MAX, |until| until.byte);
    if let Some(exchange) = chat.exchange_mut(entry).filter(|exchange| *exchange.answer == **answer) {
        exchange.citations = citations.into_iter().map(|citation| before(citation, end)).collect();
    }
}

/// A quote is looked up in the whole document, and the first place is found: one behind `end` is not in what was asked about.
fn before(citation: Citation, end: usize) -> Citation {
    match citation.verdict.passage() {
        Some(passage) if passage.end > end => Citation { verdict: Verdict::NotFound, source: None, ..citation },
        _ => citation,
    }
}
