//! The body of a request for an answer.
//!
//! Only `model`, `messages` and `stream` are OpenAI's alone; every other field is one that some server lacks. A server
//! that refuses a field by name is asked again without it, and the user is told ([`Dropped`]): reasoning models of
//! OpenAI take no `temperature`, and want `max_completion_tokens` in place of `max_tokens`. What would change the answer
//! in kind is never left out: messages, `response_format`, and the fields that the user adds (`--server-body`).
//!
//! ```text
//! vLLM          chat_template_kwargs.enable_thinking, top_k, min_p, repetition_penalty; continue_final_message
//! llama-server  the same with repeat_penalty; return_progress
//! OpenRouter    reasoning.enabled in place of chat_template_kwargs
//! Ollama        reasoning_effort
//! others        OpenAI's fields, and of the rest what the user has set
//! ```

use serde_json::{Map, Value, json};

use super::messages::{Conversation, Message, Thinking};
use super::models::Kind;
use super::refusal::Refusal;
use crate::engine::message::{Question, Sampling};

/// Fields that a server may refuse and be asked without.
const OPTIONAL: [&str; 13] = [
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "repeat_penalty",
    "repetition_penalty",
    "return_progress",
    "chat_template_kwargs",
    "reasoning",
    "reasoning_effort",
    "max_tokens",
];

/// How one server is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dialect {
    pub(super) model: String,
    pub(super) kind: Kind,
    /// Fields of the user's own, added to every request.
    pub(super) added: Map<String, Value>,
    /// Fields that the server has refused.
    pub(super) refused: Vec<&'static str>,
}

/// A field that the server refused and is asked without from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dropped(&'static str);

impl Dropped {
    /// What the user is told.
    pub(super) fn note(self) -> String {
        match self.0 {
            "max_tokens" => "the server wants max_completion_tokens in place of max_tokens, and gets it".to_owned(),
            "chat_template_kwargs" | "reasoning" | "reasoning_effort" => {
                "the server can't be told whether to reason: its model decides".to_owned()
            }
            "stream_options" => "the server can't be asked for its token counts".to_owned(),
            "return_progress" => "the server can't tell how far it has read".to_owned(),
            field => format!("the server does not take {field}: it uses its own value"),
        }
    }
}

impl Dialect {
    /// The request for the answer to `question`, whose prompt is `conversation`.
    pub(super) fn body(&self, conversation: &Conversation, question: &Question) -> Value {
        let mut body = Map::new();
        body.insert("model".into(), json!(self.model));
        body.insert("messages".into(), conversation.messages.iter().map(message).collect());
        body.insert("stream".into(), json!(true));
        let mut optional = vec![("stream_options", json!({ "include_usage": true }))];
        optional.extend(self.sampling(&question.sampling));
        optional.extend(question.limits.max_tokens.map(|most| ("max_tokens", json!(most))));
        optional.extend(self.thinking(conversation.thinking));
        if self.kind == Kind::LlamaServer || self.kind == Kind::Lunette {
            optional.push(("return_progress", json!(true)));
        }
        for (name, value) in optional {
            match name {
                "max_tokens" if self.refuses(name) => body.insert("max_completion_tokens".into(), value),
                _ if self.refuses(name) => None,
                _ => body.insert(name.into(), value),
            };
        }
        if conversation.goes_on && self.kind == Kind::Vllm {
            body.insert("add_generation_prompt".into(), json!(false));
            body.insert("continue_final_message".into(), json!(true));
        }
        if let Some(schema) = &question.schema {
            body.insert("response_format".into(), response_format(schema));
        }
        body.extend(self.added.clone());
        Value::Object(body)
    }

    fn refuses(&self, name: &str) -> bool {
        self.refused.contains(&name)
    }

    /// Greedy sampling needs one field. The others go to servers that are known to have them, or if they are not the defaults.
    fn sampling(&self, sampling: &Sampling) -> Vec<(&'static str, Value)> {
        let usual = Sampling::GREEDY;
        let mut fields = vec![("temperature", number(sampling.temperature))];
        if sampling.temperature > 0.0 {
            let is_known = self.kind != Kind::Other;
            fields.push(("top_p", number(sampling.top_p)));
            if is_known || sampling.top_k != usual.top_k {
                fields.push(("top_k", json!(sampling.top_k)));
            }
            if is_known || is_other(sampling.min_p, usual.min_p) {
                fields.push(("min_p", number(sampling.min_p)));
            }
        }
        if is_other(sampling.repeat_penalty, usual.repeat_penalty) {
            let name = match self.kind {
                Kind::Vllm | Kind::OpenRouter => "repetition_penalty",
                _ => "repeat_penalty",
            };
            fields.push((name, number(sampling.repeat_penalty)));
        }
        if sampling.seed != u32::MAX {
            fields.push(("seed", json!(sampling.seed)));
        }
        fields
    }

    fn thinking(&self, thinking: Thinking) -> Option<(&'static str, Value)> {
        let on = match thinking {
            Thinking::Default => return None,
            Thinking::On => true,
            Thinking::Off => false,
        };
        Some(match self.kind {
            Kind::OpenRouter => ("reasoning", json!({ "enabled": on })),
            Kind::Ollama => ("reasoning_effort", json!(if on { "medium" } else { "none" })),
            // Templates know the switch by either name (Qwen, DeepSeek).
            _ => ("chat_template_kwargs", json!({ "enable_thinking": on, "thinking": on })),
        })
    }

    /// The field that the server refuses, if it can be asked without it; it is left out from now on.
    pub(super) fn drop_refused(&mut self, refusal: &Refusal, body: &Value) -> Option<Dropped> {
        if !matches!(refusal.status, Some(400 | 422)) || !says_unknown(&refusal.message) {
            return None;
        }
        let may_go =
            |name: &&'static str| body.get(*name).is_some() && !self.added.contains_key(*name) && !self.refuses(name);
        let names_it = |name: &&'static str| {
            let param = refusal.param.as_deref().unwrap_or_default();
            param.split('.').next() == Some(*name) || has_word(&refusal.message, name)
        };
        let name = OPTIONAL.into_iter().filter(may_go).find(names_it)?;
        self.refused.push(name);
        Some(Dropped(name))
    }
}

fn message(message: &Message) -> Value {
    json!({ "role": message.role.name(), "content": message.content })
}

/// `f32` values in JSON as they are written: 0.7 and not 0.699999988079071.
fn number(value: f32) -> Value {
    json!(value.to_string().parse::<f64>().unwrap_or_default())
}

fn is_other(value: f32, usual: f32) -> bool {
    (value - usual).abs() > f32::EPSILON
}

/// As OpenAI has it. A schema that is not JSON was refused before.
fn response_format(schema: &str) -> Value {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    json!({ "type": "json_schema", "json_schema": { "name": "answer", "strict": true, "schema": schema } })
}

/// Whether a refusal is about a field that the server doesn't have, and not about its value.
fn says_unknown(message: &str) -> bool {
    let said = message.to_lowercase();
    let words = [
        "unsupported",
        "not supported",
        "does not support",
        "unrecognized",
        "unknown",
        "extra inputs",
        "not permitted",
        "not offered",
        "unexpected",
    ];
    words.iter().any(|word| said.contains(word))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::Limits;
    use crate::remote::openai::fixtures::question;
    use crate::remote::openai::messages::Role;

    fn dialect(kind: Kind) -> Dialect {
        Dialect { model: "m".to_owned(), kind, added: Map::new(), refused: Vec::new() }
    }

    fn asks(thinking: Thinking) -> Conversation {
        let messages = vec![Message { role: Role::User, content: "Who?".to_owned() }];
        Conversation { messages, thinking, goes_on: false }
    }

    fn refusal(message: &str, param: Option<&str>) -> Refusal {
        Refusal {
            status: Some(400),
            message: message.to_owned(),
            param: param.map(str::to_owned),
            ..Refusal::default()
        }
    }

    #[test]
    fn a_greedy_question_to_an_unknown_server_has_openai_s_fields_alone() {
        let limits = Limits { max_tokens: Some(40), ..Limits::default() };
        let expected = json!({
            "model": "m", "messages": [{ "role": "user", "content": "Who?" }], "stream": true,
            "stream_options": { "include_usage": true }, "temperature": 0.0, "max_tokens": 40,
        });
        assert_eq!(dialect(Kind::Other).body(&asks(Thinking::Default), &question(limits)), expected);
    }

    #[test]
    fn sampling_is_as_the_user_set_it_and_each_server_names_it() {
        let mut warm = question(Limits::default());
        warm.sampling = Sampling { temperature: 0.7, repeat_penalty: 1.1, seed: 7, ..Sampling::GREEDY };
        let sampled = |kind| {
            let body = dialect(kind).body(&asks(Thinking::Default), &warm);
            let names = ["temperature", "top_p", "top_k", "min_p", "repeat_penalty", "repetition_penalty", "seed"];
            names.map(|name| body.get(name).map_or_else(String::new, Value::to_string)).join(" ")
        };
        assert_eq!(sampled(Kind::Vllm), "0.7 0.95 40 0.05  1.1 7");
        assert_eq!(sampled(Kind::LlamaServer), "0.7 0.95 40 0.05 1.1  7");
        assert_eq!(sampled(Kind::Other), "0.7 0.95   1.1  7");
    }

    #[test]
    fn reasoning_is_switched_in_each_server_s_way() {
        let switch =
            |kind, name: &str| dialect(kind).body(&asks(Thinking::Off), &question(Limits::default()))[name].clone();
        assert_eq!(switch(Kind::Vllm, "chat_template_kwargs"), json!({ "enable_thinking": false, "thinking": false }));
        assert_eq!(switch(Kind::OpenRouter, "reasoning"), json!({ "enabled": false }));
        assert_eq!(switch(Kind::Ollama, "reasoning_effort"), json!("none"));
    }

    #[test]
    fn the_user_s_own_fields_are_added_and_win() {
        let added = json!({ "sliding_window_size": 2048, "keep_first": 100, "temperature": 1 });
        let dialect = Dialect { added: added.as_object().cloned().expect("an object"), ..dialect(Kind::Vllm) };
        let body = dialect.body(&asks(Thinking::Default), &question(Limits::default()));
        assert_eq!(
            (&body["sliding_window_size"], &body["keep_first"], &body["temperature"]),
            (&json!(2048), &json!(100), &json!(1))
        );
    }

    #[test]
    fn vllm_is_told_to_go_on_with_the_last_message() {
        let goes_on = Conversation { goes_on: true, ..asks(Thinking::Default) };
        let body = dialect(Kind::Vllm).body(&goes_on, &question(Limits::default()));
        assert_eq!((&body["continue_final_message"], &body["add_generation_prompt"]), (&json!(true), &json!(false)));
        assert!(
            dialect(Kind::Other).body(&goes_on, &question(Limits::default())).get("continue_final_message").is_none()
        );
    }

    #[test]
    fn a_schema_is_a_response_format() {
        let mut asked = question(Limits::default());
        asked.schema = Some(r#"{"type":"object"}"#.into());
        let body = dialect(Kind::Other).body(&asks(Thinking::Default), &asked);
        let expected = json!({ "type": "json_schema", "json_schema": { "name": "answer", "strict": true, "schema": { "type": "object" } } });
        assert_eq!(body["response_format"], expected);
    }

    #[test]
    fn a_field_that_the_server_does_not_have_is_left_out_and_told() {
        let limits = Limits { max_tokens: Some(40), ..Limits::default() };
        let mut dialect = dialect(Kind::Other);
        let mut told = Vec::new();
        for (message, param) in [
            (
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                Some("max_tokens"),
            ),
            ("Unsupported value: 'temperature' does not support 0 with this model.", Some("temperature")),
            (r#"[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]"#, None),
        ] {
            let body = dialect.body(&asks(Thinking::Default), &question(limits.clone()));
            told.extend(dialect.drop_refused(&refusal(message, param), &body).map(Dropped::note));
        }
        let expected = [
            "the server wants max_completion_tokens in place of max_tokens, and gets it",
            "the server does not take temperature: it uses its own value",
            "the server can't be asked for its token counts",
        ];
        assert_eq!(told, expected);
        let body = dialect.body(&asks(Thinking::Default), &question(limits));
        let expected = json!({ "model": "m", "messages": [{ "role": "user", "content": "Who?" }], "stream": true, "max_completion_tokens": 40 });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_wrong_value_and_what_makes_the_answer_are_not_left_out() {
        let mut dialect = dialect(Kind::Other);
        let body = json!({ "temperature": 9, "messages": [], "response_format": {} });
        for (message, param) in [
            ("temperature must be at most 2", Some("temperature")),
            ("Unsupported: response_format", Some("response_format")),
            ("Unknown model", None),
        ] {
            assert_eq!(dialect.drop_refused(&refusal(message, param), &body), None, "{message}");
        }
    }
}
