//! What would other parts of the document take? While somebody ticks them, the engine is asked, when there is nothing else to do.
//!
//! The answer is exact: the tokens of the prompt that would be read, how many of them are cached, and the time by what was measured. What is
//! asked about is the last draft; of those before it nobody wants to know any more.

use std::sync::Arc;

use super::{Effect, back_to_idle, new_job, next, prompt_about};
use crate::chat::state::{Chat, Model, Work};
use crate::engine::message::{Command, Plan, Prompt};
use crate::swaa::RecipeSpec;

/// A document that somebody thinks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub text: Arc<str>,
    /// Of its parts; `auto` chooses by them.
    pub tokens: u32,
    /// The preset to read it by, when it is not the present one.
    pub offer: Option<usize>,
}

/// A draft, and what the engine says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Drafted {
    pub draft: Draft,
    pub forecast: Option<Forecast>,
}

/// What a draft would take.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The preset that it would be read by.
    pub preset: Arc<str>,
    pub plan: Plan,
}

/// Notes what is thought of, or that nothing is any more.
pub(super) fn draft(chat: &mut Chat, draft: Option<Draft>) -> Vec<Effect> {
    if chat.drafted.as_ref().map(|drafted| &drafted.draft) == draft.as_ref() {
        return Vec::new();
    }
    chat.drafted = draft.map(|draft| Drafted { draft, forecast: None });
    next(chat)
}

/// Asks about the draft, if there is one that was not asked about.
pub(super) fn start(chat: &mut Chat) -> Vec<Effect> {
    let Some(Drafted { draft, forecast: None }) = &chat.drafted else { return Vec::new() };
    let draft = draft.clone();
    let Some((preset, prompt, recipe)) = prompt_of(chat, &draft) else { return Vec::new() };
    let job = new_job(chat);
    chat.work = Work::Drafting { job, text: draft.text, preset };
    vec![Effect::Send(Command::Forecast { job, prompt, recipe })]
}

fn prompt_of(chat: &Chat, draft: &Draft) -> Option<(Arc<str>, Prompt, RecipeSpec)> {
    let Model::Ready { info, .. } = &chat.model else { return None };
    let preset = chat.offers.get(draft.offer.or(chat.automatic()).unwrap_or_else(|| chat.current_offer()))?;
    let (way, _) = chat.reading.choose(preset, &info.facts(), draft.tokens).ok()?;
    let (prompt, _) = prompt_about(chat, &draft.text, way.cot, None).ok()?;
    Some((way.name, prompt, way.recipe))
}

pub(super) fn forecasted(chat: &mut Chat, plan: Plan) -> Vec<Effect> {
    let Work::Drafting { text, preset, .. } = &chat.work else { return Vec::new() };
    if let Some(drafted) = &mut chat.drafted
        && Arc::ptr_eq(&drafted.draft.text, text)
    {
        drafted.forecast = Some(Forecast { preset: preset.clone(), plan });
    }
    back_to_idle(chat)
}
