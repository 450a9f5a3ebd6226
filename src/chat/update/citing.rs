//! What an answer quotes is looked up once it is over.

use std::sync::Arc;

use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::state::Chat;
use crate::chat::transcript::Entry;
use crate::citations::{Citation, find_citations};

/// Asks for the quotes of an answer; nothing where it has none, or there is no document.
pub(super) fn check(chat: &Chat, entry: usize, answer: &str) -> Vec<Effect> {
    let has_quotes = !chat.document.text.is_empty() && !find_citations(answer).is_empty();
    has_quotes.then(|| Effect::CheckCitations { entry, answer: answer.into() }).into_iter().collect()
}

/// The document is another: what was found in the old one is forgotten, on every branch, and looked up in the new one for the shown one.
pub(super) fn check_again(chat: &mut Chat) -> Vec<Effect> {
    chat.branches.kept_exchanges().for_each(|exchange| exchange.citations.clear());
    chat.exchanges_mut().for_each(|exchange| exchange.citations.clear());
    check_unknown(chat)
}

/// Asks for the quotes of all answers of the shown branch of which nothing is known.
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

/// Takes what was found, unless another answer stands there by now.
pub(super) fn checked(chat: &mut Chat, entry: usize, answer: &Arc<str>, citations: Vec<Citation>) {
    if let Some(exchange) = chat.exchange_mut(entry).filter(|exchange| *exchange.answer == **answer) {
        exchange.citations = citations;
    }
}
