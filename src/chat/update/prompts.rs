//! Builds prompts from the chat's state: the document, earlier turns, the question.

use std::sync::Arc;

use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::prompt::{PromptRequest, build_prompt};
use crate::chat::state::{Chat, Model, Questions};
use crate::chat::turn::Turn;
use crate::engine::message::{Command, JobId, OutputMarkup, Prompt};
use crate::failure::{Failure, FailureKind};
use crate::swaa::ChainOfThought;
use crate::swaa::selection::ResolvedPreset;

/// The prompt that is prefilled before any question. If the template fails, the failure is shown and nothing is
/// prefilled.
pub(super) fn document_prompt(chat: &mut Chat, resolved_preset: &ResolvedPreset) -> Option<Prompt> {
    match prompt(chat, resolved_preset, Asked::Nothing) {
        Ok((prompt, _)) => Some(prompt),
        Err(failure) => {
            chat.pause_by(failure);
            None
        }
    }
}

/// As [`document_prompt`], for a forecast: a failure gives `None` without a notice.
pub(super) fn document_prompt_for(chat: &Chat, resolved_preset: &ResolvedPreset) -> Option<Prompt> {
    prompt(chat, resolved_preset, Asked::Nothing).ok().map(|(prompt, _)| prompt)
}

/// Has a document's length forecast, for `auto` to choose by: it is the same as what is prefilled before a question.
pub(super) fn sizing_of(chat: &Chat, job: JobId, document: &Arc<str>) -> Result<Command, Failure> {
    let (prompt, _) = prompt_about(chat, document, chat.cot(), Asked::Something)?;
    Ok(Command::Forecast { job, prompt, recipe: chat.reading.sizing() })
}

/// What a prompt asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    /// It is the document's alone.
    Nothing,
    /// It is the document's alone, and of the length that it has with a question before it that is not known yet.
    Something,
    Question {
        /// As it was typed: this stands before the document, if anything does.
        typed: &'a Arc<str>,
        /// With what it refers to.
        whole: &'a Arc<str>,
    },
}

/// Stands before the document in place of a question that is not known yet.
const SOME_QUESTION: &str = "?";

impl<'a> Asked<'a> {
    fn front(self, chat: &Chat) -> Option<&'a str> {
        match self {
            _ if !chat.asking.question_first => None,
            Self::Nothing => None,
            Self::Something => Some(SOME_QUESTION),
            Self::Question { typed, .. } => Some(typed),
        }
    }

    fn question(self) -> Option<&'a Arc<str>> {
        match self {
            Self::Nothing | Self::Something => None,
            Self::Question { whole, .. } => Some(whole),
        }
    }
}

/// The document with a question, or without one.
pub(super) fn prompt(
    chat: &Chat,
    resolved_preset: &ResolvedPreset,
    asked: Asked,
) -> Result<(Prompt, OutputMarkup), Failure> {
    prompt_about(chat, &chat.text_asked_about(), resolved_preset.cot, asked)
}

/// As [`prompt`], about another document.
pub(super) fn prompt_about(
    chat: &Chat,
    document: &Arc<str>,
    cot: ChainOfThought,
    asked: Asked,
) -> Result<(Prompt, OutputMarkup), Failure> {
    let Model::Ready { template, .. } = &chat.model else {
        let hint = Some("wait until it is loaded".to_owned());
        return Err(Failure::new(FailureKind::Model, "the model is not loaded yet", hint));
    };
    build_prompt(&PromptRequest {
        template,
        system: &chat.asking.system,
        title: &chat.document.title,
        document,
        front: asked.front(chat),
        turns: &turns(chat),
        question: asked.question(),
        cot,
    })
    .map_err(|error| Failure::of(FailureKind::Model, &error))
}

/// The turns before the running question. Other answers to the same question are not among them.
fn turns(chat: &Chat) -> Vec<Turn> {
    if chat.asking.questions == Questions::Alone {
        return Vec::new();
    }
    let running = chat.exchanges().find(|exchange| exchange.state == ExchangeState::Running);
    let group = running.and_then(|exchange| exchange.variant.as_ref()).map(|variant| variant.group);
    let is_told =
        |exchange: &&Exchange| group.is_none() || exchange.variant.as_ref().map(|variant| variant.group) != group;
    // A turn about more of the document may tell what comes later.
    let limit = chat.until.as_ref().map_or(usize::MAX, |until| until.byte);
    let knows_no_more = |exchange: &&Exchange| exchange.until.as_ref().map_or(usize::MAX, |until| until.byte) <= limit;
    chat.exchanges().filter(is_told).filter(knows_no_more).filter_map(Exchange::turn).collect()
}
