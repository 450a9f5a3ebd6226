//! A question outside of a chat: evaluations and servers bring whole conversations of their own.
//!
//! ```text
//! build_prompt ──> Asked ── resolve(preset) ──> recipe ── Asked::command ──> EngineClient::run
//! ```
//!
//! Example: a record of an evaluation is asked under `auto`. [`resolve`] forecasts its prompt, 160,900 tokens of document, and chooses
//! `accurate`; [`Asked::command`] makes the question from the prompt, with its limits and the passages that are read again.
//!
//! It does not lay out prompts, and keeps nothing between two questions: the engine does.

use std::sync::Arc;

use super::client::{ClientError, EngineClient};
use crate::chat::set_question_apart;
use crate::engine::message::{
    CancelToken, Command, Drafting, JobId, Limits, ModelInfo, OutputMarkup, Prompt, Question, Reread, Rereading,
    Sampling,
};
use crate::swaa::selection::{self, PresetSelection, ResolvedPreset};
use crate::swaa::{ChainOfThought, Preset, RecipeSpec};

/// A question that is ready but for its recipe.
#[derive(Debug, Clone)]
pub struct Asked {
    pub prompt: Prompt,
    pub markup: OutputMarkup,
    /// As it is in the prompt.
    pub question: Arc<str>,
    pub cot: ChainOfThought,
    pub reread: Reread,
    pub sampling: Sampling,
    pub drafting: Drafting,
    pub limits: Limits,
    pub schema: Option<Arc<str>>,
}

impl Asked {
    /// The command that asks it under `recipe`.
    #[must_use]
    pub fn command(self, recipe: RecipeSpec, job: JobId, cancel: CancelToken) -> Command {
        Command::Ask(self.under(recipe, job, cancel))
    }

    /// The question under `recipe`.
    #[must_use]
    pub fn under(mut self, recipe: RecipeSpec, job: JobId, cancel: CancelToken) -> Question {
        let question_part = set_question_apart(&mut self.prompt, &self.question);
        let rereading = question_part.filter(|_| self.reread != Reread::Off).map(|question_part| Rereading {
            reread: self.reread,
            question_part,
            given: None,
        });
        Question {
            job,
            prompt: self.prompt,
            rereading,
            recipe,
            sampling: self.sampling,
            drafting: self.drafting,
            limits: self.cot.limits(&self.limits, self.markup.answer_is_asked_for),
            markup: self.markup.into(),
            schema: self.schema,
            cancel,
        }
    }
}

/// Resolves `preset` for the document of `prompt`, with the reason if `auto` chose. Only `auto` has the prompt forecast.
pub async fn resolve<E: From<ClientError> + From<selection::Error>>(
    client: &mut EngineClient,
    reading: &PresetSelection,
    preset: &Preset,
    model: &ModelInfo,
    prompt: &Prompt,
) -> Result<(ResolvedPreset, Option<String>), E> {
    let document_tokens = match reading.recipe_of(preset) {
        Some(_) => 0,
        None => client.forecast(prompt.clone(), reading.sizing()).await?.document_tokens,
    };
    Ok(reading.choose(preset, &model.facts(), document_tokens)?)
}
