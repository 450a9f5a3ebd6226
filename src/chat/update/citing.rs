//! What an answer quotes is looked up once it is over.

use std::sync::Arc;

use super::{Effect, exchange_at, exchanges_mut};
use crate::chat::state::{Chat, Entry};
use crate::quotes::{Quote, find_quotes};

/// Asks for the quotes of an answer; nothing where it has none, or there is no document.
pub(super) fn check(chat: &Chat, entry: usize, answer: &str) -> Vec<Effect> {
    let has_quotes = !chat.document.text.is_empty() && !find_quotes(answer).is_empty();
    has_quotes.then(|| Effect::CheckQuotes { entry, answer: answer.into() }).into_iter().collect()
}

/// The document is another: what was found in the old one is forgotten, and looked up in the new one.
pub(super) fn check_again(chat: &mut Chat) -> Vec<Effect> {
    let quoting = |(entry, what): (usize, &Entry)| match what {
        Entry::Exchange(exchange) if !exchange.quotes.is_empty() => Some((entry, exchange.answer.clone())),
        _ => None,
    };
    let answers: Vec<(usize, String)> = chat.transcript.iter().enumerate().filter_map(quoting).collect();
    exchanges_mut(chat).for_each(|exchange| exchange.quotes.clear());
    answers.iter().flat_map(|(entry, answer)| check(chat, *entry, answer)).collect()
}

/// Takes what was found, unless another answer stands there by now.
pub(super) fn checked(chat: &mut Chat, entry: usize, answer: &Arc<str>, quotes: Vec<Quote>) {
    if let Some(exchange) = exchange_at(chat, entry).filter(|exchange| *exchange.answer == **answer) {
        exchange.quotes = quotes;
    }
}
