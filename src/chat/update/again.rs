//! The last question once more: changed, for another answer, or for the rest of a cut one.

use super::answering::{ask, start_going_on};
use super::{Effect, exchange_at, next};
use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::state::{Chat, Entry, Notice, Work};
use crate::engine::message::Finish;

/// Asks `question` in the place of an entry's, and drops what follows it.
pub(super) fn replace(chat: &mut Chat, entry: usize, question: &str) -> Vec<Effect> {
    if chat.is_waited_for() {
        return refuse(chat, "an answer is on its way");
    }
    if !question.trim().is_empty() {
        chat.transcript.truncate(entry);
    }
    ask(chat, question)
}

/// Drops the last answer and asks for another. A greedy model would say the same again, so it is made to choose.
pub(super) fn regenerate(chat: &mut Chat) -> Vec<Effect> {
    if chat.is_waited_for() {
        return refuse(chat, "an answer is on its way");
    }
    let Some(entry) = last(chat) else { return refuse(chat, "nothing was asked yet") };
    chat.transcript.truncate(entry + 1);
    if let Some(exchange) = exchange_at(chat, entry) {
        let again = Exchange::waiting(exchange.question.clone());
        let attached = std::mem::take(&mut exchange.attached);
        *exchange = Exchange { attached, variation: exchange.variation + 1, ..again };
    }
    chat.notice = None;
    chat.paused = false;
    next(chat)
}

/// Lets the last answer go on, when it was cut off.
pub(super) fn go_on(chat: &mut Chat) -> Vec<Effect> {
    if chat.is_waited_for() || chat.work != Work::Idle {
        return refuse(chat, "an answer is on its way");
    }
    let Some(entry) = last(chat) else { return refuse(chat, "nothing was asked yet") };
    let is_cut = exchange_at(chat, entry).is_some_and(|exchange| {
        let ended = matches!(exchange.state, ExchangeState::Answered(Finish::EndOfGeneration | Finish::StopString));
        matches!(exchange.state, ExchangeState::Answered(_)) && !ended && !exchange.answer.trim().is_empty()
    });
    if !is_cut {
        return refuse(chat, "the last answer was not cut off");
    }
    chat.notice = None;
    start_going_on(chat, entry)
}

fn last(chat: &Chat) -> Option<usize> {
    chat.transcript.iter().rposition(|entry| matches!(entry, Entry::Exchange(_)))
}

pub(super) fn refuse(chat: &mut Chat, why: &str) -> Vec<Effect> {
    chat.notice = Some(Notice::info(why));
    Vec::new()
}
