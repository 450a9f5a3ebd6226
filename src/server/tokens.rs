//! `/tokenize` and `/detokenize`, with the fields of llama-server.
//!
//! Example: `{"content": "Hello", "with_pieces": true}` gives `{"tokens": [{"id": 9707, "piece": "Hello"}]}`.
//!
//! Text is text: marks of a chat template in it are letters, as everywhere here. They use tables of their own, so that nobody waits for an
//! answer to end.

use serde_json::{Value, json};

use super::error::ApiError;
use super::fields::{Fields, object, typed};
use super::jobs::{check_protocol, incomplete};
use super::sent::{check_prompt, check_spans};
use super::shared::Server;
use crate::engine::Vocabulary;
use crate::engine::message::{Origin, Part, Prompt, Segment};
use crate::remote::wire::{CountJob, Counted, Counts, unbundled};

/// The token ids of `content`.
pub(super) fn tokenize(vocabulary: &Vocabulary, body: &[u8]) -> Result<Value, ApiError> {
    let body = object(body)?;
    let fields = Fields::of(&body);
    let text = fields.text("content")?.ok_or_else(|| ApiError::invalid("content", "content is missing"))?;
    if fields.flag("parse_special")? {
        return Err(ApiError::not_offered(
            "parse_special",
            "parse_special is not offered: text never becomes control tokens",
        ));
    }
    // With what begins a prompt, if the vocabulary wants it.
    let as_prompt = || Prompt {
        parts: vec![Part { text: text.into(), origin: Origin::Text, segment: Segment::Tail }],
        ..Prompt::default()
    };
    let ids =
        if fields.flag("add_special")? { vocabulary.prompt_numbers(&as_prompt()) } else { vocabulary.numbers(text) };
    if !fields.flag("with_pieces")? {
        return Ok(json!({ "tokens": ids }));
    }
    let token = |id: i32| json!({ "id": id, "piece": piece(&vocabulary.piece(id).unwrap_or_default()) });
    Ok(json!({ "tokens": ids.into_iter().map(token).collect::<Vec<_>>() }))
}

/// A token's text, or its bytes where they are a part of a character.
fn piece(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| json!(bytes), |text| json!(text))
}

/// The text of `tokens`.
pub(super) fn detokenize(vocabulary: &Vocabulary, body: &[u8]) -> Result<Value, ApiError> {
    let body = object(body)?;
    let fields = Fields::of(&body);
    let ids = fields.list("tokens")?.ok_or_else(|| ApiError::invalid("tokens", "tokens is missing"))?;
    let mut text = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let bytes = id.as_i64().and_then(|id| vocabulary.piece(i32::try_from(id).ok()?));
        let place = format!("tokens[{number}]");
        text.extend(bytes.ok_or_else(|| ApiError::invalid(&*place, format!("{place}: there is no token {id}")))?);
    }
    Ok(json!({ "content": String::from_utf8_lossy(&text) }))
}

/// Keeps texts that another Lunette sends, for its next jobs.
pub(super) fn keep_texts(server: &Server, body: &[u8]) -> Result<Value, ApiError> {
    for text in unbundled(body).map_err(ApiError::malformed)? {
        server.texts.keep(text);
    }
    Ok(json!({}))
}

/// Counts what another Lunette wants to plan with.
pub(super) fn count_tokens(server: &Server, body: &[u8]) -> Result<Value, ApiError> {
    server.model()?;
    let job: CountJob = typed(body)?;
    check_protocol(job.protocol)?;
    let (what, texts) = job.whole(|hash| server.texts.find(hash)).map_err(incomplete)?;
    let vocabulary = server.vocabulary()?;
    let tokens = match what {
        Counted::Each => counts(vocabulary.count_each(&texts.iter().map(AsRef::as_ref).collect::<Vec<_>>())),
        Counted::Spans(spans) => {
            let [text] = &texts[..] else { return Err(ApiError::invalid("texts", "one text for all stretches")) };
            check_spans(text, &spans)?;
            vocabulary.count_spans(text, spans.into_iter())
        }
        Counted::Prompt(prompt) => {
            check_prompt(&prompt)?;
            counts(vocabulary.count_prompt(&prompt).to_vec())
        }
    };
    Ok(json!(Counts { tokens }))
}

fn counts(tokens: Vec<usize>) -> Vec<u32> {
    tokens.into_iter().map(|tokens| tokens as u32).collect()
}
