//! Looks up the citations of an answer once it is complete.

use std::sync::Arc;

use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::state::Chat;
use crate::chat::transcript::Entry;
use crate::citations::{Citation, Verdict, find_citations};

/// Has the citations of an answer looked up, if it has any and there is a document.
pub(super) fn check(chat: &Chat, entry: usize, answer: &str) -> Vec<Effect> {
    let has_quotes = !chat.document.text.is_empty() && !find_citations(answer).is_empty();
    has_quotes.then(|| Effect::CheckCitations { entry, answer: answer.into() }).into_iter().collect()
}

/// Call after the document has changed: drops the citations on every branch, and looks those of the shown branch up in
/// the new document.
pub(super) fn check_again(chat: &mut Chat) -> Vec<Effect> {
    chat.branches.kept_exchanges().for_each(|exchange| exchange.citations.clear());
    chat.exchanges_mut().for_each(|exchange| exchange.citations.clear());
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
