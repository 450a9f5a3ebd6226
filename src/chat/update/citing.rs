//! What an answer quotes is looked up once it is over.

use std::sync::Arc;

use super::{Effect, exchange_at};
use crate::chat::state::Chat;
use crate::quotes::{Quote, find_quotes};

/// Asks for the quotes of an answer; nothing where it has none, or there is no document.
pub(super) fn check(chat: &Chat, entry: usize, answer: &str) -> Vec<Effect> {
    let has_quotes = !chat.document.text.is_empty() && !find_quotes(answer).is_empty();
    has_quotes.then(|| Effect::CheckQuotes { entry, answer: answer.into() }).into_iter().collect()
}

/// Takes what was found, unless another answer stands there by now.
pub(super) fn checked(chat: &mut Chat, entry: usize, answer: &Arc<str>, quotes: Vec<Quote>) {
    if let Some(exchange) = exchange_at(chat, entry).filter(|exchange| *exchange.answer == **answer) {
        exchange.quotes = quotes;
    }
}
