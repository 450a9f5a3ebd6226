//! The steps of choosing how much of a document is read; [`crate::chat::within`] has the picture.
//!
//! After the first part was read: how many tokens has this beginning ([`Command::Count`])? What would it take by the recipe that it would get
//! ([`Command::Forecast`])? And so on with a longer or a shorter one, until the document is settled.

use std::time::Duration;

use super::{Effect, back_to_idle, go_to_offer, new_job, prompt_about};
use crate::chat::state::{Chat, Model, Notice, Way, Work};
use crate::chat::within::{Beginning, Search};
use crate::engine::message::{Command, Figures, Plan, Prompt};
use crate::swaa::RecipeSpec;

/// Whether all that is left to do before the document is read is to choose how much of it.
pub(super) fn is_due(chat: &Chat) -> bool {
    chat.beginning.as_ref().is_some_and(|beginning| beginning.taste.is_some())
}

/// Takes the end of a reading under `way`. True when that was all of the first part, which is not the document yet.
pub(super) fn take_taste(chat: &mut Chat, way: &Way, figures: &Figures) -> bool {
    let tokens = figures.tokens;
    let is_whole = tokens.cached + tokens.prefilled >= tokens.document;
    let spent = chat.readings.of(&way.name).map_or(Duration::ZERO, |card| card.prefill);
    let Some(beginning) = chat.beginning.as_mut().filter(|_| is_whole) else { return false };
    beginning.taste = Some(spent);
    chat.held = None;
    true
}

/// The first question to the engine.
pub(super) fn start(chat: &mut Chat) -> Vec<Effect> {
    let parts = chat.beginning.as_ref().map_or(1, Beginning::parts);
    ask(chat, Search::new(parts))
}

/// The next question to the engine; or there is none, and the document is settled.
fn ask(chat: &mut Chat, search: Search) -> Vec<Effect> {
    let (Some(beginning), Some(parts)) = (&chat.beginning, search.next()) else { return settle(chat, search.found()) };
    let texts = vec![beginning.text(parts)];
    let job = new_job(chat);
    chat.work = Work::Choosing { job, search, parts };
    vec![Effect::Send(Command::Count { job, texts })]
}

/// A beginning has so many tokens, which settles its recipe: what would it take?
pub(super) fn counted(chat: &mut Chat, document_tokens: u32) -> Vec<Effect> {
    let Work::Choosing { search, parts, .. } = chat.work else { return Vec::new() };
    let Some((prompt, recipe)) = longer(chat, parts, document_tokens) else { return settle(chat, search.found()) };
    let job = new_job(chat);
    chat.work = Work::Choosing { job, search, parts };
    vec![Effect::Send(Command::Forecast { job, prompt, recipe })]
}

/// The prompt of the first `parts` parts, and the recipe that a document of so many tokens gets. `None` when it gets none: it will be
/// told why when the document is settled.
fn longer(chat: &Chat, parts: usize, document_tokens: u32) -> Option<(Prompt, RecipeSpec)> {
    let (Some(beginning), Model::Ready { info, .. }) = (&chat.beginning, &chat.model) else { return None };
    let preset = chat.offers.get(beginning.offer)?;
    let (way, _) = chat.reading.choose(preset, &info.facts(), document_tokens).ok()?;
    let (prompt, _) = prompt_about(chat, &beginning.text(parts), way.cot, None).ok()?;
    Some((prompt, way.recipe))
}

/// What a beginning would take: it is allowed, or too much.
pub(super) fn forecasted(chat: &mut Chat, plan: &Plan) -> Vec<Effect> {
    let (Work::Choosing { search, parts, .. }, Model::Ready { info, .. }) = (&chat.work, &chat.model) else {
        return Vec::new();
    };
    let Some(Beginning { within, taste: Some(spent), .. }) = &chat.beginning else { return back_to_idle(chat) };
    let allowed = within.allowance.allows(plan, *spent, info.train_context_tokens);
    let search = search.told(*parts, allowed);
    ask(chat, search)
}

/// Waits until it is told to go on, as a reading that was stopped does.
pub(super) fn stop(chat: &mut Chat) -> Vec<Effect> {
    let text = "stopped before it was settled how much is read";
    chat.notice = Some(Notice { hint: Some("Enter or a question goes on".to_owned()), ..Notice::info(text) });
    chat.paused = true;
    back_to_idle(chat)
}

/// The first `parts` parts are the document from now on.
fn settle(chat: &mut Chat, parts: usize) -> Vec<Effect> {
    let Some(beginning) = chat.beginning.take() else { return back_to_idle(chat) };
    chat.document.text = beginning.text(parts);
    chat.parts_taken = Some(parts);
    chat.document.part = beginning.part(parts);
    chat.document.choice = Some(beginning.choice(parts));
    chat.work = Work::Idle;
    go_to_offer(chat, beginning.offer)
}
