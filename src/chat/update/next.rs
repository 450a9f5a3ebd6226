//! Starts what waits whenever nothing runs: one thing after another, until the engine has something to do.
//!
//! The order: another document, newly selected parts, a new text, a switch, or the first preset; choosing how much to read, and
//! prefilling it; the way back from a comparison; the oldest question; counting attachments; the forecast of a draft; the survey of all presets; reading ahead; looking for heads.

use super::{
    ahead, answering, attaching, changing, choosing, drafting, idle_search, opening, prefilling, stopping, survey,
    switching, taking, versus,
};
use crate::chat::exchange::Exchange;
use crate::chat::input::Effect;
use crate::chat::state::{Chat, Model, Phase, Questions};
use crate::chat::transcript::Entry;

/// Starts what waits. Afterwards either something runs or nothing waits. Nothing waits for a model that has failed.
pub(super) fn start_what_waits(chat: &mut Chat) -> Vec<Effect> {
    if let Model::Failed(failure) = &chat.model {
        let failure = failure.clone();
        stopping::fail_what_waits(chat, &failure);
    }
    let mut effects = Vec::new();
    while chat.work == Phase::Idle && matches!(chat.model, Model::Ready { .. }) {
        let Some(more) = start_one(chat) else { break };
        effects.extend(more);
    }
    effects
}

/// Does one step; `None` if nothing waits. Each step removes its cause from what waits, so the loop ends.
fn start_one(chat: &mut Chat) -> Option<Vec<Effect>> {
    if let Some(document) = chat.next_document.take() {
        return Some(opening::take(chat, *document));
    }
    if let Some(chosen) = chat.next_choice.take() {
        taking::take(chat, chosen);
        return Some(Vec::new());
    }
    if let Some(new) = chat.next_text.take() {
        changing::take(chat, new);
        return Some(Vec::new());
    }
    if let Some(preset_entry) = chat.next_switch.take() {
        return Some(switching::go_to_preset_entry(chat, preset_entry));
    }
    if chat.resolved_preset.is_none() {
        return chat.paused.is_none().then(|| switching::go_to_preset_entry(chat, chat.first_preset_entry));
    }
    if is_to_be_read(chat) {
        let is_chosen = !choosing::is_due(chat);
        return Some(if is_chosen { prefilling::start_reading(chat, None) } else { choosing::start(chat) });
    }
    if let Some(effects) = versus::go_home(chat) {
        return Some(effects);
    }
    match waiting_entry(chat) {
        Some((entry, waits_for_file)) if !waits_for_file => {
            Some(versus::read_for(chat, entry).unwrap_or_else(|| answering::start_answering(chat, entry)))
        }
        Some(_) => attaching::count_attachments(chat),
        None => attaching::count_attachments(chat)
            .or_else(|| drafting::start(chat))
            .or_else(|| survey::go_on(chat))
            .or_else(|| ahead::go_on(chat))
            .or_else(|| idle_search::go_on(chat)),
    }
}

/// Whether to prefill the document before anything else. A script's document is prefilled with its first question,
/// except for the part that `--within` measures.
fn is_to_be_read(chat: &Chat) -> bool {
    let is_read_ahead = chat.asking.questions == Questions::Conversation || chat.beginning.is_some();
    let has_document = !chat.document.text.trim().is_empty();
    is_read_ahead && has_document && chat.paused.is_none() && !chat.is_read()
}

/// The oldest question that waits, and whether it waits for a file.
fn waiting_entry(chat: &Chat) -> Option<(usize, bool)> {
    let waiting =
        |entry: &'_ Entry| entry.exchange().filter(|exchange| exchange.is_waiting()).map(Exchange::waits_for_file);
    chat.transcript.iter().enumerate().find_map(|(index, entry)| Some((index, waiting(entry)?)))
}
