//! The steps of choosing how much of a document is read; [`crate::chat::within`] has the picture.
//!
//! After the first part was read: how many tokens has this beginning ([`Command::Count`])? What would it take by the recipe that it would get
//! ([`Command::Forecast`])? And so on with a longer or a shorter one, until the document is settled.

use std::time::Duration;

use super::prompts::prompt_about;
use crate::chat::input::Effect;
use crate::chat::measurements::Measurement;
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Model, Pause, Phase};
use crate::chat::within::{Beginning, Search};
use crate::chat::words::time;
use crate::engine::message::{Command, Figures, Plan, Prompt};
use crate::swaa::RecipeSpec;
use crate::swaa::selection::ResolvedPreset;

/// Whether all that is left to do before the document is read is to choose how much of it.
pub(super) fn is_due(chat: &Chat) -> bool {
    chat.beginning.as_ref().is_some_and(|beginning| beginning.probe.is_some())
}

/// Takes the end of a reading under `resolved_preset`. True when that was all of the first part, which is not the document yet.
pub(super) fn take_probe(chat: &mut Chat, resolved_preset: &ResolvedPreset, figures: &Figures) -> bool {
    let tokens = figures.tokens;
    let is_whole = tokens.cached + tokens.prefilled >= tokens.document;
    let card = chat.measurements.of(&resolved_preset.name);
    let spent = card.map_or(Duration::ZERO, |card| card.prefill);
    let tokens_per_s = card.and_then(Measurement::prefill_tokens_per_s);
    let Some(beginning) = chat.beginning.as_mut().filter(|_| is_whole) else { return false };
    beginning.probe = Some(spent);
    chat.cache_state = None;
    if let Some(rate) = tokens_per_s {
        chat.tell(Notice::info(format!("the first part was read in {} at {rate:.0} tok/s", time(spent))));
    }
    true
}

/// The first question to the engine.
pub(super) fn start(chat: &mut Chat) -> Vec<Effect> {
    let parts = chat.beginning.as_ref().map_or(1, Beginning::parts);
    ask(chat, Search::new(parts))
}

/// The next question to the engine; or there is none, and the document is settled.
fn ask(chat: &mut Chat, search: Search) -> Vec<Effect> {
    let (Some(beginning), Some(parts)) = (&chat.beginning, search.next()) else {
        settle(chat, search.found());
        return Vec::new();
    };
    let texts = vec![beginning.text(parts)];
    let job = chat.new_job();
    chat.work = Phase::Choosing { job, search, parts };
    vec![Effect::Send(Command::Count { job, texts })]
}

/// A beginning has so many tokens, which settles its recipe: what would it take?
pub(super) fn counted(chat: &mut Chat, document_tokens: u32) -> Vec<Effect> {
    let Phase::Choosing { search, parts, .. } = chat.work else { return Vec::new() };
    let Some((prompt, recipe)) = longer(chat, parts, document_tokens) else {
        settle(chat, search.found());
        return Vec::new();
    };
    let job = chat.new_job();
    chat.work = Phase::Choosing { job, search, parts };
    vec![Effect::Send(Command::Forecast { job, prompt, recipe })]
}

/// The prompt of the first `parts` parts, and the recipe that a document of so many tokens gets. `None` when it gets none: it will be
/// told why when the document is settled.
fn longer(chat: &Chat, parts: usize, document_tokens: u32) -> Option<(Prompt, RecipeSpec)> {
    let beginning = chat.beginning.as_ref()?;
    let (resolved_preset, _) = chat.resolve(beginning.preset_entry, document_tokens)?.ok()?;
    let (prompt, _) = prompt_about(chat, &beginning.text(parts), resolved_preset.cot, None).ok()?;
    Some((prompt, resolved_preset.recipe))
}

/// What a beginning would take: it is allowed, or too much.
pub(super) fn forecasted(chat: &mut Chat, plan: &Plan) -> Vec<Effect> {
    let (Phase::Choosing { search, parts, .. }, Model::Ready { info, .. }) = (&chat.work, &chat.model) else {
        return Vec::new();
    };
    let Some(Beginning { within, probe: Some(spent), .. }) = &chat.beginning else {
        chat.work = Phase::Idle;
        return Vec::new();
    };
    let allowed = within.allowance.allows(plan, *spent, info.train_context_tokens);
    let search = search.told(*parts, allowed);
    ask(chat, search)
}

/// Waits until it is told to go on, as a reading that was stopped does.
pub(super) fn stop(chat: &mut Chat) {
    let text = "stopped before it was settled how much is read";
    chat.tell(Notice::info(text).with_hint("Enter or a question goes on"));
    chat.paused = Some(Pause::Stopped);
    chat.work = Phase::Idle;
}

/// The first `parts` parts are the document from now on; what it is read by is settled next.
fn settle(chat: &mut Chat, parts: usize) {
    chat.work = Phase::Idle;
    let Some(beginning) = chat.beginning.take() else { return };
    chat.take_text(beginning.text(parts));
    chat.parts_taken = Some(parts);
    chat.document.part = beginning.part(parts);
    chat.document.choice = Some(beginning.choice(parts));
    chat.next_switch = Some(beginning.preset_entry);
}
