//! One question under two presets: asked under the first, read by the second, asked again.
//!
//! The picture: two exchanges that know their preset and each other. An exchange that knows its preset is answered once the document is
//! read by it; neither is part of what the other is told.

use super::survey::way_of;
use super::switching::start_switch;
use super::{Effect, attaching, next};
use crate::chat::exchange::{Exchange, ExchangeState, Pair};
use crate::chat::state::{Chat, Entry, Notice, Way};

/// Asks `question` under both offers.
pub(super) fn ask(chat: &mut Chat, question: &str, offers: [usize; 2]) -> Vec<Effect> {
    let [first, second] = match compared(chat, offers) {
        Ok(ways) => ways,
        Err(why) => {
            chat.notice = Some(Notice::info(why));
            return Vec::new();
        }
    };
    let id = chat.exchanges().filter_map(|exchange| exchange.pair.as_ref()).map(|pair| pair.id + 1).max().unwrap_or(0);
    let attached = attaching::take(chat, question);
    for (way, is_second) in [(first, false), (second, true)] {
        let pair = Some(Pair { id, is_second, way });
        chat.transcript.push(Entry::Exchange(Exchange {
            pair,
            attached: attached.clone(),
            ..Exchange::waiting(question.trim().into())
        }));
    }
    chat.notice = None;
    chat.paused = false;
    next(chat)
}

/// What both offers are for this model and document; or why they can't be compared.
pub(in crate::chat) fn compared(chat: &Chat, offers: [usize; 2]) -> Result<[Way; 2], String> {
    match offers.map(|offer| way_of(chat, offer)) {
        [Some(first), Some(second)] if first.name == second.name => {
            Err(format!("{} is in force: compare it with another", first.name))
        }
        [Some(first), Some(second)] => Ok([first, second]),
        _ => Err("two presets can be compared once the document is read".to_owned()),
    }
}

/// Reads by the preset that `entry` is to be answered under, unless the document is read by it.
pub(super) fn read_for(chat: &mut Chat, entry: usize) -> Option<Vec<Effect>> {
    let Some(Entry::Exchange(Exchange { pair: Some(pair), .. })) = chat.transcript.get(entry) else { return None };
    let way = pair.way.clone();
    (chat.way.as_ref() != Some(&way)).then(|| start_switch(chat, way))
}

/// Whether a pair is being asked: its switches are no news of their own.
pub(super) fn is_under_way(chat: &Chat) -> bool {
    let waits = |exchange: &Exchange| matches!(exchange.state, ExchangeState::Waiting | ExchangeState::Running);
    chat.exchanges().any(|exchange| exchange.pair.is_some() && waits(exchange))
}
