//! Makes a question for the engine: its prompt, its limits, and the passages that are read again before it.
//!
//! ```text
//! build_prompt ──> ReadyQuestion ── under(recipe) ──> Question
//! ```
//!
//! Chats, evaluations and servers all ask by it. Three rules are here and nowhere else:
//!
//! * The question is a part of its own if passages are read again before it. They are, unless rereading is off and nobody has chosen any, or there is
//!   no document: a text that is only white space has no passages.
//! * Chain of thought limits the reasoning.
//! * An answer that goes on continues behind what there is of it.
//!
//! Example: "Who is Mr. Collins?" under `--reread on` and `--cot off` gets `question_part: 3` of four parts, and a reasoning budget of 0.
//!
//! It does not lay out prompts ([`super::prompt`]), and does not resolve presets.

use std::sync::Arc;

use super::prompt::set_question_apart;
use crate::engine::message::{
    Begins, CancelToken, Command, Drafting, GivenPassages, JobId, Limits, Origin, OutputMarkup, Part, Prompt, Question,
    Reread, Rereading, Sampling, Segment,
};
use crate::swaa::{ChainOfThought, RecipeSpec};

/// A question that is ready but for its recipe.
#[derive(Debug, Clone)]
pub struct ReadyQuestion {
    pub prompt: Prompt,
    pub markup: OutputMarkup,
    /// As it is in the prompt.
    pub question: Arc<str>,
    /// The text that it is about; empty without one.
    pub document: Arc<str>,
    pub cot: ChainOfThought,
    pub reread: Reread,
    /// Passages that are chosen already.
    pub given: Option<GivenPassages>,
    /// What there is of its answer, if that goes on.
    pub begun: Option<Begun>,
    pub sampling: Sampling,
    pub drafting: Drafting,
    pub limits: Limits,
    pub schema: Option<Arc<str>>,
}

/// The beginning of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// `None` if the model has not reasoned.
    pub reasoning: Option<Arc<str>>,
    pub answer: Arc<str>,
}

impl ReadyQuestion {
    /// The command that asks it under `recipe`.
    #[must_use]
    pub fn command(self, recipe: RecipeSpec, job: JobId, cancel: CancelToken) -> Command {
        Command::Ask(self.under(recipe, job, cancel))
    }

    /// The question under `recipe`.
    #[must_use]
    pub fn under(mut self, recipe: RecipeSpec, job: JobId, cancel: CancelToken) -> Question {
        // Before anything is put behind the prompt: an answer may repeat its question.
        let rereading = self.rereading();
        if let Some(begun) = self.begun {
            self.prompt.parts.extend(begun.parts(&self.markup));
            self.markup = behind_beginning(self.markup);
        }
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

    /// How passages are read again before the question, which becomes a part of its own.
    fn rereading(&mut self) -> Option<Rereading> {
        // The passages of an answer that goes on were chosen when it began.
        let looks_for_some = self.reread != Reread::Off && self.begun.is_none();
        let is_wanted = looks_for_some || self.given.is_some();
        if !is_wanted || self.document.trim().is_empty() {
            return None;
        }
        let question_part = set_question_apart(&mut self.prompt, &self.question)?;
        Some(Rereading { reread: self.reread, question_part, given: self.given.take() })
    }
}

impl Begun {
    /// What follows the prompt: the reasoning and the answer so far.
    fn parts(self, markup: &OutputMarkup) -> Vec<Part> {
        let part = |text: Arc<str>, origin| Part { text, origin, segment: Segment::Tail };
        let is_open = matches!(markup.begins, Begins::InReasoning(_));
        let mut parts = Vec::new();
        if is_open || self.reasoning.is_some() {
            let own = markup.reasoning.first();
            let tag = |text: &str| part(text.into(), Origin::Template);
            parts.extend(own.filter(|_| !is_open).map(|tags| tag(&tags.open)));
            parts.push(part(self.reasoning.unwrap_or_default(), Origin::Text));
            if markup.answer_cue.is_empty() {
                parts.extend(own.map(|tags| tag(&tags.close)));
            }
            parts.extend(markup.answer_cue.iter().cloned());
        }
        parts.push(part(self.answer, Origin::Text));
        parts
    }
}

/// The markup of what follows an answer: its end alone. The reasoning is over.
fn behind_beginning(markup: OutputMarkup) -> OutputMarkup {
    let mut ends = markup.ends;
    ends.extend(markup.answer.into_iter().map(|wrapper| wrapper.close).filter(|close| !close.is_empty()));
    OutputMarkup { ends, ..OutputMarkup::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::FoundBy;

    fn part(text: &str, segment: Segment) -> Part {
        Part { text: text.into(), origin: Origin::Text, segment }
    }

    fn about(document: &str, reread: Reread) -> ReadyQuestion {
        let parts = vec![part(document, Segment::Document), part("</document> Who?", Segment::Tail)];
        ReadyQuestion {
            prompt: Prompt { parts, ..Prompt::default() },
            markup: OutputMarkup::default(),
            question: "Who?".into(),
            document: document.into(),
            cot: ChainOfThought::Off,
            reread,
            given: None,
            begun: None,
            sampling: Sampling::GREEDY,
            drafting: Drafting::Off,
            limits: Limits::default(),
            schema: None,
        }
    }

    fn asked(ready: ReadyQuestion) -> Question {
        ready.under(RecipeSpec::FULL, JobId(1), CancelToken::default())
    }

    #[test]
    fn passages_are_read_again_if_there_is_a_document_and_it_is_wanted() {
        let question_part = |ready| asked(ready).rereading.map(|rereading| rereading.question_part);
        assert_eq!(question_part(about("It is red.", Reread::On)), Some(2));
        assert_eq!(question_part(about("It is red.", Reread::Off)), None);
        let given = Some(GivenPassages { found_by: FoundBy::User, spans: vec![0..5] });
        assert_eq!(question_part(ReadyQuestion { given, ..about("It is red.", Reread::Off) }), Some(2));
    }

    /// Chats looked for passages in it, and evaluations even in no text at all; servers did not.
    #[test]
    fn a_document_of_white_space_has_no_passages() {
        for document in ["", " \n\n"] {
            assert_eq!(asked(about(document, Reread::On)).rereading, None, "{document:?}");
        }
    }

    #[test]
    fn an_answer_that_goes_on_may_repeat_its_question() {
        let begun = Some(Begun { reasoning: None, answer: "Who? He".into() });
        let given = Some(GivenPassages { found_by: FoundBy::Words, spans: vec![0..5] });
        let ready = ReadyQuestion { begun, ..about("It is red.", Reread::On) };
        assert_eq!(asked(ready.clone()).rereading, None, "it began without passages");
        let question = asked(ReadyQuestion { given, ..ready });
        let texts: Vec<&str> = question.prompt.parts.iter().map(|part| &*part.text).collect();
        assert_eq!(texts, ["It is red.", "</document> ", "Who?", "Who? He"]);
        assert_eq!(question.rereading.map(|rereading| rereading.question_part), Some(2));
    }
}
