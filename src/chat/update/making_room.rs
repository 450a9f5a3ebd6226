//! Takes a way out of a full context, and starts new conversations. See [`crate::chat::room`].

use super::again::start_over_with;
use super::answering::start_going_on;
use super::restoring;
use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::room::WayOut;
use crate::chat::state::{Chat, Phase};
use crate::engine::config::ContextSize;
use crate::engine::message::Command;

/// Takes a way out: one that was offered, or any at any time while nothing runs.
pub(super) fn make_room(chat: &mut Chat, way: WayOut) -> Vec<Effect> {
    if chat.is_waited_for() || matches!(chat.work, Phase::Prefilling { .. }) {
        chat.tell(Notice::info("this has to wait until nothing runs"));
        return Vec::new();
    }
    let stuck = chat.full.take().map(|full| full.entry);
    match way {
        WayOut::NewConversation => start_anew(chat, stuck),
        // The front end asks where, and then forks.
        WayOut::Branch => {}
        WayOut::LeaveOut { turns } => {
            leave_out(chat, turns);
            return try_again(chat, stuck);
        }
        WayOut::Enlarge { .. } if chat.server().is_some() => {
            chat.tell(
                Notice::info("the server decides how large the context is").with_hint("`lunette serve -c` there"),
            );
        }
        WayOut::Enlarge { tokens, .. } => {
            chat.context = ContextSize::Tokens(tokens);
            let effect = Effect::Send(Command::AllowContext { tokens });
            return [vec![effect], try_again(chat, stuck)].concat();
        }
    }
    Vec::new()
}

/// Starts a new conversation about the same document, and asks there what could not be asked here.
fn start_anew(chat: &mut Chat, stuck: Option<usize>) {
    let failed =
        stuck.and_then(|entry| chat.transcript.get(entry)?.exchange()).filter(|exchange| !is_answered(exchange));
    let question = failed.cloned();
    if let (Some(entry), Some(_)) = (stuck, &question) {
        // It was not answered there, so it doesn't have to stay there.
        chat.transcript.truncate(entry);
    }
    new_conversation(chat);
    if let Some(exchange) = question {
        start_over_with(chat, &exchange);
    }
}

/// Starts a new conversation about the same document. The old one is saved; where nothing is saved, it stays as a
/// branch.
pub(super) fn new_conversation(chat: &mut Chat) {
    if chat.is_waited_for() {
        return chat.tell(Notice::info("an answer is in progress"));
    }
    chat.full = None;
    if chat.transcript.is_empty() {
        return chat.tell(Notice::info("this is a new conversation"));
    }
    if chat.is_saved() {
        restoring::leave(chat);
        return chat.tell(Notice::info("a new conversation; the one before is saved"));
    }
    let old = chat.branches.shown() + 1;
    chat.branches.fork(&mut chat.transcript, 0);
    chat.name = None;
    chat.tell(Notice::info(format!("a new conversation; the one before is branch {old}")));
}

fn leave_out(chat: &mut Chat, turns: usize) {
    let told = chat.exchanges_mut().filter(|exchange| exchange.is_told());
    told.take(turns).for_each(|exchange| exchange.is_left_out = true);
    let noun = if turns == 1 { "turn is" } else { "turns are" };
    chat.tell(Notice::info(format!("the oldest {turns} {noun} no longer given to the model")));
}

/// Asks the question of `entry` again, or continues its answer.
fn try_again(chat: &mut Chat, entry: Option<usize>) -> Vec<Effect> {
    let Some((entry, exchange)) = entry.and_then(|entry| Some((entry, chat.exchange_mut(entry)?))) else {
        return Vec::new();
    };
    if is_answered(exchange) {
        return start_going_on(chat, entry);
    }
    exchange.wait_again();
    chat.paused = None;
    Vec::new()
}

fn is_answered(exchange: &Exchange) -> bool {
    matches!(exchange.state, ExchangeState::Answered(_))
}
