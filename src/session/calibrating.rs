//! Finds the attention heads of a model that point at the passage that a question is about.
//!
//! 24 facts that no model knows are planted in the beginning of the bundled book, each between two paragraphs, and one
//! question is asked about each. The engine measures which heads look at the fact, and keeps the best ones.
//!
//! Example: "The secret number of the Longbourn pantry is 48213." between two paragraphs of chapter 1, and "What is the
//! secret number of the Longbourn pantry?" behind all of them.

use std::ops::Range;
use std::sync::Arc;

use super::client::{ClientError, EngineClient};
use super::observer::{Activity, Observer};
use super::planting::plant;
use crate::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, build_prompt, model_notes, set_question_apart};
use crate::document::PRIDE_AND_PREJUDICE;
use crate::engine::message::{Command, Event, Pointing, Trial, Urgency};
use crate::failure::{Failure, FailureKind};
use crate::swaa::ChainOfThought;

/// Bytes of the book that the facts are planted in: some 3,100 tokens, and 600 more with the facts.
const BOOK_BYTES: usize = 13_600;

/// Places, each with a fact of each kind: a number, something hidden, somebody.
const FACTS: [(&str, &str, &str, &str); 8] = [
    ("Longbourn pantry", "48213", "a copper kettle", "Old Barnaby"),
    ("Netherfield stables", "90377", "a bag of oats", "Widow Crane"),
    ("Rosings library", "15846", "a marble bust", "Doctor Vane"),
    ("Pemberley boathouse", "67502", "a coil of rope", "Young Tobias"),
    ("Lambton inn", "32981", "a cracked jug", "Sister Agnes"),
    ("Meryton chapel", "70164", "a brass bell", "Captain Holt"),
    ("Hunsford orchard", "26459", "a broken ladder", "Farmer Pryce"),
    ("Lucas greenhouse", "84730", "a stone urn", "Lady Wren"),
];

/// Something that no model knows, to be planted in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub sentence: String,
    pub question: String,
    /// How an answer begins.
    pub lead: String,
    /// What follows, and is right.
    pub answer: &'static str,
}

/// 24 facts: a number, a key and a keeper of each place. Those about one place are eight apart.
#[must_use]
pub fn facts() -> Vec<Fact> {
    let numbers = FACTS.iter().map(|&(place, answer, _, _)| Fact {
        sentence: format!("The secret number of the {place} is {answer}."),
        question: format!("What is the secret number of the {place}?"),
        lead: format!("The secret number of the {place} is"),
        answer,
    });
    let keys = FACTS.iter().map(|&(place, _, answer, _)| Fact {
        sentence: format!("The key of the {place} lies under {answer}."),
        question: format!("Where is the key of the {place}?"),
        lead: format!("The key of the {place} lies under"),
        answer,
    });
    let keepers = FACTS.iter().map(|&(place, _, _, answer)| Fact {
        sentence: format!("{answer} sweeps the {place} every Friday."),
        question: format!("Who sweeps the {place}?"),
        lead: format!("The {place} is swept by"),
        answer,
    });
    numbers.chain(keys).chain(keepers).collect()
}

/// What a calibration has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// The best heads first; empty if none points at facts.
    pub heads: Vec<Pointing>,
    pub questions: usize,
}

/// Finds the heads of the engine's model, which the engine keeps.
///
/// Errors: the model can't be loaded, or the run was stopped before it was done.
pub async fn calibrate(client: &mut EngineClient, observer: &mut dyn Observer) -> Result<Calibrated, ClientError> {
    let model = client.loaded(observer).await?;
    let template = ChatTemplate::of(&model, Moment(0));
    for note in model_notes(&model, &template) {
        observer.note(&note);
    }
    let trials = trials(&template)?;
    let questions = trials.len();
    let mut listen = |event: &Event| {
        match event {
            Event::Prefilling { progress, .. } => observer.progress(Activity::Prefilling(progress)),
            &Event::FindingHeads { done, total, .. } => observer.progress(Activity::FindingHeads { done, total }),
            _ => {}
        }
        Ok::<(), ClientError>(())
    };
    let ended = client
        .run(|job, cancel| Command::FindHeads { job, trials, urgency: Urgency::Now, cancel }, &mut listen)
        .await?;
    match (ended, client.stopped()) {
        (_, Some(stop)) => Err(ClientError::Stopped(stop)),
        (Event::HeadsFound { heads, .. }, None) => Ok(Calibrated { heads, questions }),
        _ => Err(ClientError::Failed(Failure::engine_gone())),
    }
}

/// The questions about the planted facts, laid out for the model.
///
/// Errors: the template can't lay a question out.
pub fn trials(template: &ChatTemplate) -> Result<Arc<[Trial]>, Failure> {
    let facts = facts();
    // At equal distances: facts about the same place are far apart.
    let book = &PRIDE_AND_PREJUDICE[..paragraph_end(BOOK_BYTES)];
    let (text, spans) = plant(book, facts.iter().map(|fact| fact.sentence.as_str()));
    let document: Arc<str> = text.into();
    let trial = |(Fact { question, .. }, fact): (&Fact, Range<usize>)| {
        let asked: Arc<str> = question.as_str().into();
        let request = PromptRequest {
            template,
            system: &SystemPrompt::Reading,
            title: "Pride and Prejudice",
            document: &document,
            front: None,
            turns: &[],
            question: Some(&asked),
            cot: ChainOfThought::Off,
        };
        let (mut prompt, _) = build_prompt(&request).map_err(|error| Failure::of(FailureKind::Model, &error))?;
        let question_part = set_question_apart(&mut prompt, question).ok_or_else(|| {
            Failure::new(FailureKind::Model, "the model's chat template leaves out the question", None)
        })?;
        Ok(Trial { prompt, question_part, fact })
    };
    facts.iter().zip(spans).map(trial).collect()
}

/// The end of the last paragraph that ends before `byte` of the book.
fn paragraph_end(byte: usize) -> usize {
    let ends = PRIDE_AND_PREJUDICE.match_indices("\n\n").map(|(at, _)| at);
    ends.take_while(|&at| at <= byte).last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::model;
    use crate::session::client::Stops;
    use crate::session::fixtures::Recorder;
    use crate::session::scripted_engine::{ScriptedEngine, says};

    #[test]
    fn each_question_has_one_fact_in_one_text() {
        let trials = trials(&ChatTemplate::of(&model(), Moment(0))).expect("the template takes questions");
        assert_eq!(trials.len(), 24);
        let document = |trial: &Trial| {
            trial.prompt.parts.iter().rfind(|part| part.text.len() > 10_000).map(|part| part.text.clone())
        };
        let text = document(&trials[0]).expect("the text is a part");
        for (trial, Fact { sentence, question, .. }) in trials.iter().zip(facts()) {
            assert_eq!(document(trial).as_ref(), Some(&text));
            assert_eq!(
                (&text[trial.fact.clone()], &*trial.prompt.parts[trial.question_part].text),
                (&*sentence, &*question)
            );
        }
        let numbers = FACTS.iter().map(|(_, number, _, _)| number);
        assert!(numbers.clone().all(|number| !PRIDE_AND_PREJUDICE.contains(number)), "no model knows them");
    }

    #[tokio::test]
    async fn a_model_without_such_heads_has_none() {
        let mut client = EngineClient::new(ScriptedEngine::start(says("")), Stops::never());
        let calibrated = calibrate(&mut client, &mut Recorder::default()).await;
        assert_eq!(calibrated, Ok(Calibrated { heads: Vec::new(), questions: 24 }));
    }
}
