//! Changes whether the model reasons before its answers, and for how long at most.
//!
//! What was read stays: with most templates only the prompt's tail changes, so the change is free. If a template writes
//! the mode into its head, the change is a switch like one between presets, with a forecast.

use super::prompts::document_prompt_for;
use super::switching::go_to;
use crate::chat::input::Effect;
use crate::chat::notice::{Notice, no_reasoning};
use crate::chat::state::{Chat, Model, Phase};
use crate::swaa::ChainOfThought;
use crate::swaa::selection::ResolvedPreset;

/// Uses `cot` from the next answer on.
pub(super) fn think(chat: &mut Chat, cot: ChainOfThought) -> Vec<Effect> {
    let Some(old) = chat.resolved_preset.clone() else {
        chat.reading.cot = Some(cot);
        tell(chat);
        return Vec::new();
    };
    let new = ResolvedPreset { cot, ..old.clone() };
    if document_prompt_for(chat, &old) == document_prompt_for(chat, &new) {
        chat.reading.cot = Some(cot);
        take(chat, cot);
        tell(chat);
        return Vec::new();
    }
    if chat.work != Phase::Idle {
        let why = "with this model the beginning of the prompt changes: wait until nothing runs, or press Esc";
        chat.tell(Notice::info(why));
        return Vec::new();
    }
    chat.reading.cot = Some(cot);
    go_to(chat, new)
}

/// Ends reasoning after `tokens`; `None`: never. With 0 there is none.
pub(super) fn set_budget(chat: &mut Chat, tokens: Option<u32>) -> Vec<Effect> {
    chat.asking.limits.reasoning_tokens = tokens;
    if let Some(cot) = ChainOfThought::by_budget(tokens) {
        return think(chat, cot);
    }
    tell(chat);
    Vec::new()
}

/// The presets that are in force or about to be have the same recipe, and now this mode.
fn take(chat: &mut Chat, cot: ChainOfThought) {
    chat.resolved_preset.iter_mut().for_each(|preset| preset.cot = cot);
    chat.cache_state.iter_mut().for_each(|state| state.resolved_preset.cot = cot);
    if let Phase::Forecasting { to, .. } | Phase::Deciding { to, .. } = &mut chat.work {
        to.cot = cot;
    }
}

fn tell(chat: &mut Chat) {
    let text = chat.thinking().unwrap_or_else(|| "thinking as the model's template has it".to_owned());
    let in_vain = match &chat.model {
        Model::Ready { template, .. } if chat.reading.cot == Some(ChainOfThought::Native) => no_reasoning(template),
        _ => None,
    };
    chat.tell(Notice::info(in_vain.map_or(text.clone(), |why| format!("{text}; {why}"))));
}
