//! Repeats the last question: changed, for another answer, or to continue an answer that was cut off.

use super::answering::{ask, start_going_on};
use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Phase};
use crate::chat::transcript::Entry;
use crate::engine::message::Finish;

/// Asks `question` instead of the one at `entry`, and drops everything after it.
pub(super) fn replace(chat: &mut Chat, entry: usize, question: &str) {
    if chat.is_waited_for() {
        return chat.tell(Notice::info("an answer is in progress"));
    }
    if !question.trim().is_empty() {
        chat.transcript.truncate(entry);
    }
    ask(chat, question);
}

/// Drops the last answer and asks for another. Greedy sampling would repeat the answer, so the new one is sampled
/// warmer.
pub(super) fn regenerate(chat: &mut Chat) {
    if chat.is_waited_for() {
        return chat.tell(Notice::info("an answer is in progress"));
    }
    let Some(entry) = last(chat) else { return chat.tell(Notice::info("nothing was asked yet")) };
    chat.transcript.truncate(entry + 1);
    if let Some(exchange) = chat.exchange_mut(entry) {
        let again = Exchange::waiting(exchange.question.clone());
        let attached = std::mem::take(&mut exchange.attached);
        *exchange = Exchange { attached, variation: exchange.variation + 1, ..again };
    }
    chat.notice = None;
    chat.paused = None;
}

/// Continues the last answer, if it was cut off.
pub(super) fn go_on(chat: &mut Chat) -> Vec<Effect> {
    match cut_off(chat) {
        Ok(entry) => {
            chat.notice = None;
            start_going_on(chat, entry)
        }
        Err(why) => {
            chat.tell(Notice::info(why));
            Vec::new()
        }
    }
}

/// The last exchange, if its answer was cut off. Errors: why it can't be continued.
fn cut_off(chat: &Chat) -> Result<usize, &'static str> {
    if chat.is_waited_for() || chat.work != Phase::Idle {
        return Err("an answer is in progress");
    }
    let entry = last(chat).ok_or("nothing was asked yet")?;
    let is_cut = chat.transcript[entry].exchange().is_some_and(|exchange| {
        let ended = matches!(exchange.state, ExchangeState::Answered(Finish::EndOfGeneration | Finish::StopString));
        matches!(exchange.state, ExchangeState::Answered(_)) && !ended && !exchange.answer.trim().is_empty()
    });
    if is_cut { Ok(entry) } else { Err("the last answer was not cut off") }
}

fn last(chat: &Chat) -> Option<usize> {
    chat.transcript.iter().rposition(|entry| matches!(entry, Entry::Exchange(_)))
}
