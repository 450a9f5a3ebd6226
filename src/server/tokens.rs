//! `/tokenize` and `/detokenize`, with the fields of llama-server.
//!
//! Example: `{"content": "Hello", "with_pieces": true}` gives `{"tokens": [{"id": 9707, "piece": "Hello"}]}`.
//!
//! Text is text: marks of a chat template in it are letters, as everywhere here. They use tables of their own, so that nobody waits for an
//! answer to end.

use serde_json::{Value, json};

use super::error::ApiError;
use super::fields::{Fields, object};
use crate::engine::Vocabulary;
use crate::engine::message::{Origin, Part, Prompt, Segment};

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
