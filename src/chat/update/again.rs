//! Repeats the last question: changed, for another answer, or to continue an answer that was cut off.

use super::answering::{ask, start_going_on};
use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Phase};
use crate::chat::transcript::Entry;
use crate::document::ByteSpan;
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

/// Asks for another answer on a new branch; the former one stays on its own. Greedy sampling would repeat the answer, so
/// the new one is sampled warmer.
pub(super) fn regenerate(chat: &mut Chat) {
    ask_again(chat, |former| Exchange {
        attached: former.attached.clone(),
        chosen: former.chosen.clone(),
        variation: former.variation + 1,
        ..Exchange::waiting(former.question.clone())
    });
}

/// Asks the last question again on a new branch, with these passages read again before it instead of those that were
/// found.
pub(super) fn with_passages(chat: &mut Chat, passages: Vec<ByteSpan>) {
    ask_again(chat, |former| Exchange {
        attached: former.attached.clone(),
        chosen: Some(passages),
        ..Exchange::waiting(former.question.clone())
    });
}

/// Asks what `change` makes of the last exchange. The former one stays on its own branch, unless it has no answer.
fn ask_again(chat: &mut Chat, change: impl FnOnce(&Exchange) -> Exchange) {
    if chat.is_waited_for() {
        return chat.tell(Notice::info("an answer is in progress"));
    }
    let Some(entry) = last(chat) else { return chat.tell(Notice::info("nothing was asked yet")) };
    let Some(former) = chat.transcript[entry].exchange().cloned() else { return };
    let again = change(&former);
    chat.clear_notice();
    chat.paused = None;
    // Of several answers to one question all are replaced: the question stands before the first.
    let is_first = |entry: &Entry| entry.exchange().is_some_and(|exchange| !exchange.is_further_variant());
    let start = chat.transcript[..=entry].iter().rposition(is_first).unwrap_or(entry);
    if former.answer.trim().is_empty() {
        chat.transcript.truncate(start);
    } else {
        keep_former(chat, start);
    }
    chat.transcript.push(Entry::Exchange(again));
}

/// Asks the question of `exchange` as if it was asked for the first time.
pub(super) fn start_over_with(chat: &mut Chat, exchange: &Exchange) {
    let attached = exchange.attached.clone();
    let again = Exchange { attached, ..Exchange::waiting(exchange.question.clone()) };
    chat.paused = None;
    chat.transcript.push(Entry::Exchange(again));
}

/// Keeps the transcript as a branch, and goes on with what is before entry `start` on another.
fn keep_former(chat: &mut Chat, start: usize) {
    let old = chat.branches.shown() + 1;
    chat.branches.fork(&mut chat.transcript, start);
    let all = chat.branches.count();
    chat.tell(Notice::info(format!("branch {all} of {all}: another answer; the former one is on branch {old}")));
}

/// Continues the last answer, if it was cut off.
pub(super) fn go_on(chat: &mut Chat) -> Vec<Effect> {
    match cut_off(chat) {
        Ok(entry) => {
            chat.clear_notice();
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
        let ended = matches!(
            exchange.state,
            ExchangeState::Answered(Finish::EndOfGeneration | Finish::NoAnswer | Finish::StopString)
        );
        matches!(exchange.state, ExchangeState::Answered(_)) && !ended && !exchange.answer.trim().is_empty()
    });
    if is_cut { Ok(entry) } else { Err("the last answer was not cut off") }
}

fn last(chat: &Chat) -> Option<usize> {
    chat.transcript.iter().rposition(|entry| matches!(entry, Entry::Exchange(_)))
}
