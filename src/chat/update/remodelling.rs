//! Loads another model instead of the current one. The conversation stays: its turns are text, and the new model prefills
//! them with the document.
//!
//! What was measured and cached belongs to the old model and is dropped. `auto` chooses again.

use std::path::PathBuf;

use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::Effect;
use crate::chat::measurements::Measurements;
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Model, Phase, Run};
use crate::engine::message::Finish;

/// Loads the model from `file`.
pub(super) fn load(chat: &mut Chat, file: PathBuf) -> Vec<Effect> {
    // A path that was typed to be opened turned out to be a model.
    chat.opening = None;
    if let Some(server) = chat.server() {
        let told = Notice::info(format!("{server} decides on the model"));
        chat.tell(told.with_hint("start Lunette with --server none to use one of this machine"));
        return Vec::new();
    }
    if let Model::Ready { info, .. } = &chat.model
        && info.path == file
    {
        chat.tell(Notice::info(format!("already using {}", info.title())));
        return Vec::new();
    }
    let mut effects = match &chat.model {
        Model::Fetching { cancel, .. } => vec![Effect::Cancel(cancel.clone())],
        _ => chat.run_mut().map(Run::stop).unwrap_or_default(),
    };
    let entry = chat.automatic().unwrap_or_else(|| chat.current_preset_entry());
    end_answer(chat);
    chat.first_preset_entry = chat.next_switch.take().unwrap_or(entry);
    chat.model = Model::Loading { fraction: 0.0 };
    chat.work = Phase::Idle;
    (chat.resolved_preset, chat.cache_state, chat.chosen_by, chat.home) = (None, None, None, None);
    (chat.document_tokens, chat.drafted, chat.full, chat.paused) = (None, None, None, None);
    chat.too_long = false;
    chat.measurements = Measurements::default();
    chat.survey.clear();
    chat.next_survey = None;
    chat.notice = None;
    effects.push(Effect::Start(file));
    effects
}

/// The engine that was writing the answer is gone: what there is of it is kept.
fn end_answer(chat: &mut Chat) {
    let Phase::Answering { entry, .. } = chat.work else { return };
    let now = chat.now;
    let Some(exchange) = chat.exchange_mut(entry) else { return };
    if exchange.answer.is_empty() {
        let again = Exchange::waiting(exchange.question.clone());
        let attached = std::mem::take(&mut exchange.attached);
        *exchange = Exchange { attached, variant: exchange.variant.take(), ..again };
    } else {
        exchange.end(now);
        exchange.state = ExchangeState::Answered(Finish::Cancelled);
    }
}
