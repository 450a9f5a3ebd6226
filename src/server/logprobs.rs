//! Log probabilities of an answer's tokens as OpenAI's clients read them.
//!
//! | way | object |
//! |---|---|
//! | chat | `{"content": [{"token": "He", "logprob": -0.1, "bytes": [72, 101], "top_logprobs": […]}, …], "refusal": null}` |
//! | llama-server's own | `[{"id": 1544, "token": "He", "logprob": -0.1, "bytes": [72, 101], "top_logprobs": […]}, …]` |
//! | bare text | `{"tokens": ["He"], "token_logprobs": [-0.1], "top_logprobs": [{"He": -0.1, …}], "text_offset": [0]}` |
//!
//! A token whose bytes are a part of a character is shown with U+FFFD in its place; `bytes` has it as it is.

use serde_json::{Map, Value, json};

use super::request::Way;
use crate::engine::message::{ScoredToken, TokenScore};

/// JSON has no infinity; OpenAI writes this for what is impossible.
const IMPOSSIBLE: f64 = -9999.0;

/// Of `tokens`; `begin` is the number of characters that the answer's tokens before them have.
pub(super) fn logprobs(way: Way, tokens: &[ScoredToken], begin: usize) -> Value {
    match way {
        Way::Chat => {
            json!({ "content": tokens.iter().map(|scored| nested(scored, plain)).collect::<Vec<_>>(), "refusal": null })
        }
        Way::Text => of_text(tokens, begin),
        Way::Native => tokens.iter().map(|scored| nested(scored, numbered)).collect(),
    }
}

/// How many characters `tokens` have.
pub(super) fn characters(tokens: &[ScoredToken]) -> usize {
    tokens.iter().map(|scored| text(&scored.token).chars().count()).sum()
}

/// A token as `one` writes it, with the likeliest ones inside.
fn nested(scored: &ScoredToken, one: fn(&TokenScore) -> Value) -> Value {
    let mut object = one(&scored.token);
    object["top_logprobs"] = scored.likeliest.iter().map(one).collect();
    object
}

fn plain(token: &TokenScore) -> Value {
    json!({ "token": text(token), "logprob": logprob(token), "bytes": token.bytes })
}

fn numbered(token: &TokenScore) -> Value {
    json!({ "id": token.id, "token": text(token), "logprob": logprob(token), "bytes": token.bytes })
}

fn of_text(tokens: &[ScoredToken], mut offset: usize) -> Value {
    let mut offsets = Vec::with_capacity(tokens.len());
    for scored in tokens {
        offsets.push(offset);
        offset += characters(std::slice::from_ref(scored));
    }
    // The token itself is among them, however unlikely it was.
    let tops = |scored: &ScoredToken| -> Map<String, Value> {
        let all = scored.likeliest.iter().chain([&scored.token]);
        all.map(|token| (text(token), json!(logprob(token)))).collect()
    };
    json!({
        "tokens": tokens.iter().map(|scored| text(&scored.token)).collect::<Vec<_>>(),
        "token_logprobs": tokens.iter().map(|scored| logprob(&scored.token)).collect::<Vec<_>>(),
        "top_logprobs": tokens.iter().map(tops).collect::<Vec<_>>(),
        "text_offset": offsets,
    })
}

fn text(token: &TokenScore) -> String {
    String::from_utf8_lossy(&token.bytes).into_owned()
}

fn logprob(token: &TokenScore) -> f64 {
    if token.log_probability.is_finite() { token.log_probability } else { IMPOSSIBLE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(bytes: &[u8], log_probability: f64) -> TokenScore {
        TokenScore { id: i32::from(bytes[0]), bytes: bytes.to_vec(), log_probability }
    }

    fn tokens() -> Vec<ScoredToken> {
        let likeliest = vec![score("é".as_bytes(), -0.5), score(b"e", -1.5)];
        vec![
            ScoredToken { token: score("é".as_bytes(), -0.5), likeliest },
            ScoredToken { token: score(&[0xc3], f64::NEG_INFINITY), likeliest: vec![score(b"a", -0.25)] },
        ]
    }

    #[test]
    fn a_chat_has_an_object_for_each_token() {
        let expected = json!({
            "content": [
                { "token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [
                    { "token": "é", "logprob": -0.5, "bytes": [195, 169] }, { "token": "e", "logprob": -1.5, "bytes": [101] }
                ] },
                { "token": "\u{fffd}", "logprob": -9999.0, "bytes": [195], "top_logprobs": [
                    { "token": "a", "logprob": -0.25, "bytes": [97] }
                ] },
            ],
            "refusal": null
        });
        assert_eq!(logprobs(Way::Chat, &tokens(), 7), expected);
    }

    #[test]
    fn llama_server_s_own_form_has_their_numbers_too() {
        let objects = logprobs(Way::Native, &tokens(), 7);
        assert_eq!(
            objects[1],
            json!({ "id": 195, "token": "\u{fffd}", "logprob": -9999.0, "bytes": [195], "top_logprobs": [
                { "id": 97, "token": "a", "logprob": -0.25, "bytes": [97] }
            ] })
        );
        assert_eq!(objects.as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_bare_text_has_a_list_of_each_kind() {
        let expected = json!({
            "tokens": ["é", "\u{fffd}"],
            "token_logprobs": [-0.5, -9999.0],
            "top_logprobs": [{ "é": -0.5, "e": -1.5 }, { "a": -0.25, "\u{fffd}": -9999.0 }],
            "text_offset": [7, 8],
        });
        assert_eq!(logprobs(Way::Text, &tokens(), 7), expected);
        assert_eq!(characters(&tokens()), 2);
    }
}
