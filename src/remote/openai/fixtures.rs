//! What the tests of this module share.

use std::sync::Arc;

use crate::engine::message::{
    CancelToken, Counting, Drafting, JobId, Limits, ModelInfo, Origin, OutputMarkup, Part, Prompt, Question, Sampling,
    Segment,
};
use crate::remote::openai::facts;
use crate::remote::openai::models::{Kind, Offer};
use crate::swaa::RecipeSpec;

pub(super) fn model() -> ModelInfo {
    let offer = Offer { id: "m".to_owned(), kind: Kind::Other, context_tokens: None, vocab_tokens: None, bytes: None };
    facts::info("127.0.0.1:1", &offer, Counting::Exact, std::time::Duration::ZERO)
}

/// `Who?` about a document of `document`.
pub(super) fn prompt(document: &str) -> Prompt {
    let part = |text: &str, origin, segment| Part { text: Arc::from(text), origin, segment };
    let parts = vec![
        part("<|lunette:user|>", Origin::Template, Segment::Document),
        part(document, Origin::Text, Segment::Document),
        part("\n\nWho?", Origin::Text, Segment::Tail),
        part("<|lunette:end|><|lunette:assistant|>", Origin::Template, Segment::Tail),
    ];
    Prompt { parts, title: "a book".into() }
}

pub(super) fn question(limits: Limits) -> Question {
    Question {
        job: JobId(1),
        prompt: prompt("A book."),
        rereading: None,
        recipe: RecipeSpec::FULL,
        sampling: Sampling::GREEDY,
        drafting: Drafting::Off,
        limits,
        markup: Box::new(OutputMarkup::default()),
        schema: None,
        cancel: CancelToken::default(),
    }
}
