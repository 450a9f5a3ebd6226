//! The steps of choosing how much of a document to read; see [`crate::chat::within`].
//!
//! After the first part is prefilled, the engine forecasts a longer beginning under the recipe that it would get; under `auto`, its length first, which
//! decides the recipe ([`Awaited`]). This repeats with longer or shorter beginnings until one is settled on.

use std::time::Duration;

use super::prompts::{Asked, prompt_about, sizing_of};
use crate::chat::input::Effect;
use crate::chat::measurements::Measurement;
use crate::chat::notice::Notice;
use crate::chat::state::{Awaited, Chat, Model, Pause, Phase};
use crate::chat::within::{Beginning, Search};
use crate::engine::message::{Command, Figures, JobId, Plan};
use crate::swaa::selection::ResolvedPreset;
use crate::units::{rate, time};

/// Whether the first part is prefilled, so that the length can be chosen now.
pub(super) fn is_due(chat: &Chat) -> bool {
    chat.beginning.as_ref().is_some_and(|beginning| beginning.probe.is_some())
}

/// Takes the end of a prefill under `resolved_preset`. Returns true if that completed the first part, which is not the
/// whole document yet.
pub(super) fn take_probe(chat: &mut Chat, resolved_preset: &ResolvedPreset, figures: &Figures) -> bool {
    let tokens = figures.tokens;
    let is_whole = tokens.cached + tokens.prefilled >= tokens.document || chat.sends_document();
    let card = chat.measurements.of(&resolved_preset.name);
    let spent = card.map_or(Duration::ZERO, |card| card.prefill);
    let tokens_per_s = card.and_then(Measurement::prefill_tokens_per_s);
    let Some(beginning) = chat.beginning.as_mut().filter(|_| is_whole) else { return false };
    beginning.probe = Some(spent);
    chat.cache_state = None;
    if let Some(speed) = tokens_per_s.map(rate) {
        chat.tell(Notice::info(format!("the first part was prefilled in {} at {speed}", time(spent))));
    }
    true
}

/// Begins the search.
pub(super) fn start(chat: &mut Chat) -> Vec<Effect> {
    let parts = chat.beginning.as_ref().map_or(1, Beginning::parts);
    ask(chat, Search::new(parts))
}

/// Has the next beginning forecast, or settles the document if the search is over.
fn ask(chat: &mut Chat, search: Search) -> Vec<Effect> {
    let (Some(beginning), Some(parts)) = (&chat.beginning, search.next()) else {
        settle(chat, search.found());
        return Vec::new();
    };
    let awaited = if chat.is_automatic(beginning.preset_entry) { Awaited::Length } else { Awaited::Cost };
    ask_about(chat, search, parts, awaited, 0)
}

/// Has the first `parts` parts forecast, as a document of `document_tokens` tokens. Settles the document if they have no prompt or no recipe: the reason
/// is shown then.
fn ask_about(chat: &mut Chat, search: Search, parts: usize, awaited: Awaited, document_tokens: u32) -> Vec<Effect> {
    let job = chat.new_job();
    let command = match awaited {
        Awaited::Length => length_of(chat, job, parts),
        Awaited::Cost => cost_of(chat, job, parts, document_tokens),
    };
    let Some(command) = command else {
        settle(chat, search.found());
        return Vec::new();
    };
    chat.work = Phase::Choosing { job, search, parts, awaited };
    vec![Effect::Send(command)]
}

fn length_of(chat: &Chat, job: JobId, parts: usize) -> Option<Command> {
    sizing_of(chat, job, &chat.beginning.as_ref()?.text(parts)).ok()
}

fn cost_of(chat: &Chat, job: JobId, parts: usize, document_tokens: u32) -> Option<Command> {
    let beginning = chat.beginning.as_ref()?;
    let (resolved_preset, _) = chat.resolve(beginning.preset_entry, document_tokens)?.ok()?;
    let (prompt, _) = prompt_about(chat, &beginning.text(parts), resolved_preset.cot, Asked::Something).ok()?;
    Some(Command::Forecast { job, prompt, recipe: resolved_preset.recipe })
}

/// Takes the forecast of a beginning: its length, which decides its recipe, or its cost, which is either allowed or too much.
pub(super) fn forecasted(chat: &mut Chat, plan: &Plan) -> Vec<Effect> {
    let (Phase::Choosing { search, parts, awaited, .. }, Model::Ready { info, .. }) = (&chat.work, &chat.model) else {
        return Vec::new();
    };
    if *awaited == Awaited::Length {
        let (search, parts) = (*search, *parts);
        return ask_about(chat, search, parts, Awaited::Cost, plan.document_tokens);
    }
    let Some(Beginning { within, probe: Some(spent), .. }) = &chat.beginning else {
        chat.work = Phase::Idle;
        return Vec::new();
    };
    let allowed = within.allowance.allows(plan, *spent, info.train_context_tokens);
    let search = search.told(*parts, allowed);
    ask(chat, search)
}

/// Pauses until the user continues, like a stopped prefill.
pub(super) fn stop(chat: &mut Chat) {
    let text = "stopped before deciding how much to read";
    chat.tell(Notice::info(text).with_hint("Enter or a question continues"));
    chat.paused = Some(Pause::Stopped);
    chat.work = Phase::Idle;
}

/// Makes the first `parts` parts the document. Its preset is resolved next.
fn settle(chat: &mut Chat, parts: usize) {
    chat.work = Phase::Idle;
    let Some(beginning) = chat.beginning.take() else { return };
    chat.take_text(beginning.text(parts));
    chat.parts_taken = Some(parts);
    chat.document.part = beginning.part(parts);
    chat.document.choice = Some(beginning.choice(parts));
    chat.next_switch = Some(beginning.preset_entry);
}
