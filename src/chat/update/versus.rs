//! A/B: one question under several presets. It is asked under the first; then the document is prefilled under the
//! second, it is asked again, and so on.
//!
//! Each answer is an exchange with its own preset ([`Variant`]). Its question is asked once the document is prefilled
//! under that preset, and its prompt contains none of the other answers. In a script each question prefills the
//! document itself.
//!
//! Afterwards the preset that was in force before comes back. That is a switch like any other: one that takes long is
//! asked about, and declining it keeps the last preset. Who stops one answer stops the comparison.

use super::attaching;
use super::switching::{count_document, go_to, start_switch};
use crate::chat::exchange::{Exchange, ExchangeState, Variant};
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::presets::NotCompared;
use crate::chat::state::{Chat, Home, Phase, Questions, Sizing};
use crate::chat::transcript::Entry;

/// Asks `question` under each of `preset_entries`. If `auto` is one of them and the document's length is unknown, its
/// tokens are counted first.
pub(super) fn ask(chat: &mut Chat, question: String, preset_entries: Vec<usize>) -> Vec<Effect> {
    let resolved_presets = match chat.compared(&preset_entries) {
        Ok(resolved_presets) => resolved_presets,
        Err(NotCompared::NotSized) if chat.work == Phase::Idle => {
            return count_document(chat, Sizing::Compare { question, preset_entries });
        }
        Err(NotCompared::NotSized) => {
            chat.tell(Notice::info("presets can be compared once the engine is idle"));
            return Vec::new();
        }
        Err(NotCompared::Refused(failure)) => {
            match chat.asking.questions {
                Questions::Conversation => chat.tell(Notice::from(&failure)),
                Questions::Alone | Questions::Thread => chat.pause_by(failure),
            }
            return Vec::new();
        }
    };
    let groups = chat.exchanges().filter_map(|exchange| exchange.variant.as_ref()).map(|variant| variant.group + 1);
    let group = groups.max().unwrap_or(0);
    let attached = attaching::take(chat, &question);
    for (index, resolved_preset) in resolved_presets.into_iter().enumerate() {
        let variant = Some(Variant { group, index, resolved_preset });
        let attached = attached.clone();
        let exchange = Exchange { attached, variant, ..Exchange::waiting(question.trim().into()) };
        chat.transcript.push(Entry::Exchange(exchange));
    }
    if chat.asking.questions == Questions::Conversation && chat.home.is_none() {
        chat.home = chat.resolved_preset.clone().map(Home::AfterComparison);
    }
    chat.clear_notice();
    chat.paused = None;
    Vec::new()
}

/// Withdraws the answers of a comparison that have not begun, because what was in progress is stopped. A comparison that waits for the
/// document's first prefill goes on with it later, as any question does.
pub(super) fn stop(chat: &mut Chat) {
    let is_switching = matches!(chat.work, Phase::Prefilling { from: Some(_), .. });
    let group = |exchange: &Exchange| exchange.variant.as_ref().map(|variant| variant.group);
    let begun: Vec<_> = chat.exchanges().filter(|exchange| !exchange.is_waiting()).filter_map(group).collect();
    for exchange in chat.exchanges_mut().filter(|exchange| exchange.is_waiting()) {
        if group(exchange).is_some_and(|group| is_switching || begun.contains(&group)) {
            exchange.state = ExchangeState::Withdrawn;
        }
    }
}

/// Switches back to the preset that was in force before the comparison; `None` if there was none, or it is not over.
pub(super) fn go_home(chat: &mut Chat) -> Option<Vec<Effect>> {
    let Some(Home::AfterComparison(home)) = &chat.home else { return None };
    if chat.exchanges().any(|exchange| exchange.variant.is_some() && exchange.is_waited_for()) {
        return None;
    }
    let home = home.clone();
    if chat.resolved_preset.as_ref() == Some(&home) {
        chat.home = None;
        return None;
    }
    chat.home = Some(Home::Going(home.clone()));
    Some(go_to(chat, home))
}

/// Switches to the preset of `entry`; `None` if the entry can be answered now.
pub(super) fn read_for(chat: &mut Chat, entry: usize) -> Option<Vec<Effect>> {
    let resolved_preset = chat.transcript.get(entry)?.exchange()?.variant.as_ref()?.resolved_preset.clone();
    if chat.resolved_preset.as_ref() == Some(&resolved_preset) {
        return None;
    }
    if chat.asking.questions.is_script() {
        chat.resolved_preset = Some(resolved_preset);
        return None;
    }
    Some(start_switch(chat, resolved_preset))
}
