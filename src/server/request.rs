//! What a request asks for, read from its JSON and checked field by field.
//!
//! Fields are OpenAI's, with llama.cpp's for sampling; a recipe has our names or those of the reference. A field that changes what is
//! answered and is not offered (`n`, `tools`, `logit_bias`, …) is refused by name; fields that change nothing here (`user`, `store`, …) are
//! read over.
//!
//! Example: `{"messages": [{"role": "user", "content": "Who?"}], "preset": "quick", "stream": true}`.
//!
//! It does not know presets, documents or the model: [`super::asked`] looks them up.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::conversation::Conversation;
use super::error::ApiError;
use super::fields::{Fields, object};
use crate::engine::message::{MOST_PROBS, SamplingPatch};
use crate::settings::{Count, from_zero, limit, look_back, penalty, seed, share};

/// OpenAI takes four.
const MOST_STOPS: usize = 16;
/// A text that ends an answer is looked for behind each token.
const LONGEST_STOP: usize = 1024;

/// The fields of a recipe: our names, and the reference's.
const RECIPE: [&str; 10] = [
    "window",
    "sliding_window_size",
    "sinks",
    "keep_first",
    "far",
    "full_layers",
    "non_sliding_layers",
    "fa_decode",
    "force_fa_decode",
    "dense_tail",
];

/// How it is asked: in one of OpenAI's two ways, or llama-server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`: a bare text, without a chat template.
    Text,
    /// `/completion`: the same, answered as llama-server answers it.
    Native,
}

/// What is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Conversation(Conversation),
    Text(Arc<str>),
}

/// How the answer is sent piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Streaming {
    /// With the tokens used at the end.
    pub(super) usage: bool,
    /// With the progress of the prefill, as llama-server sends it.
    pub(super) progress: bool,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) said: Said,
    /// Names of documents; `None`: all.
    pub(super) documents: Option<Vec<String>>,
    pub(super) preset: Option<String>,
    /// Fields of a recipe, as they would be written on a flag.
    pub(super) recipe: Vec<(&'static str, String)>,
    pub(super) cot: Option<String>,
    pub(super) sampling: SamplingPatch,
    pub(super) max_tokens: Option<Count>,
    pub(super) reasoning_tokens: Option<Count>,
    pub(super) stop: Vec<String>,
    /// How many of the likeliest tokens are told beside each token; `None`: nothing is told.
    pub(super) logprobs: Option<u32>,
    /// A JSON schema, not checked yet.
    pub(super) schema: Option<Arc<str>>,
    /// With the ids of all tokens beside a whole answer, in llama-server's own form.
    pub(super) returns_tokens: bool,
    /// Which fields of llama-server's own form are sent, `generation_settings/seed` for one inside of another; empty: all.
    pub(super) response_fields: Vec<String>,
    /// `None`: the answer is sent whole.
    pub(super) streaming: Option<Streaming>,
}

impl Request {
    pub(super) fn read(way: Way, body: &[u8]) -> Result<Self, ApiError> {
        let body = object(body)?;
        let fields = Fields::of(&body);
        refuse_what_is_not_offered(&fields)?;
        refuse_what_this_way_has_not(way, &fields)?;
        let said = said(way, &fields)?;
        Ok(Self {
            documents: documents(&fields, &said)?,
            said,
            preset: fields.text("preset")?.map(str::to_owned),
            recipe: recipe(&fields)?,
            cot: cot(&fields)?,
            sampling: sampling(&fields)?,
            max_tokens: max_tokens(&fields)?,
            reasoning_tokens: fields.parsed("reasoning_budget", limit)?,
            stop: stop(&fields)?,
            logprobs: logprobs(way, &fields)?,
            schema: schema(&fields)?,
            returns_tokens: way == Way::Native && fields.flag("return_tokens")?,
            response_fields: response_fields(way, &fields)?,
            streaming: streaming(&fields)?,
        })
    }
}

fn said(way: Way, fields: &Fields<'_>) -> Result<Said, ApiError> {
    match way {
        Way::Chat => {
            let messages =
                fields.list("messages")?.ok_or_else(|| ApiError::invalid("messages", "messages is missing"))?;
            Conversation::of(messages).map(Said::Conversation)
        }
        Way::Text | Way::Native => {
            let prompt = fields.value("prompt").ok_or_else(|| ApiError::invalid("prompt", "prompt is missing"))?;
            let text = match prompt {
                Value::Array(texts) if texts.len() == 1 => texts[0].as_str(),
                // As llama-server has it, where there may be pictures beside the text.
                Value::Object(parts) if parts.len() == 1 => parts.get("prompt_string").and_then(Value::as_str),
                prompt => prompt.as_str(),
            };
            let text = text.ok_or_else(|| {
                ApiError::not_offered(
                    "prompt",
                    "prompt is one text; token ids, pictures and several texts are not offered",
                )
            })?;
            if text.is_empty() {
                return Err(ApiError::invalid("prompt", "prompt is empty"));
            }
            Ok(Said::Text(text.into()))
        }
    }
}

/// Those that the request names, and files that its messages name. A bare text is about no document unless it names some.
fn documents(fields: &Fields<'_>, said: &Said) -> Result<Option<Vec<String>>, ApiError> {
    let names = fields.texts("documents")?;
    let names: Option<Vec<String>> = names.map(|names| names.into_iter().map(str::to_owned).collect());
    Ok(match said {
        Said::Conversation(conversation) if !conversation.files.is_empty() => {
            Some([names.unwrap_or_default(), conversation.files.clone()].concat())
        }
        Said::Text(_) => names.or(Some(Vec::new())),
        Said::Conversation(_) => names,
    })
}

/// Whether the value stands for what is so without it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text == "none",
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        Value::Bool(true) => false,
    }
}

/// Refuses what would be another answer than the one that was asked for.
fn refuse_what_is_not_offered(fields: &Fields<'_>) -> Result<(), ApiError> {
    let is_one = |value: &Value| value.as_u64() == Some(1);
    if fields.value("add_generation_prompt") == Some(&Value::Bool(false)) {
        let told = "add_generation_prompt is not offered: a prompt ends where the answer begins";
        return Err(ApiError::not_offered("add_generation_prompt", told));
    }
    if fields.value("typical_p").is_some_and(|value| value.as_f64() != Some(1.0)) {
        return Err(ApiError::not_offered("typical_p", "typical_p is not offered".to_owned()));
    }
    if fields.value("tool_choice").is_some_and(|value| *value != "auto" && !is_nothing(value)) {
        return Err(ApiError::not_offered("tool_choice", "tool_choice: no tools are offered".to_owned()));
    }
    for name in ["n", "best_of"] {
        if fields.value(name).is_some_and(|value| !is_one(value)) {
            return Err(ApiError::not_offered(name, format!("{name}: one answer to a request is offered")));
        }
    }
    let others = [
        "tools",
        "functions",
        "logit_bias",
        "presence_penalty",
        "frequency_penalty",
        "echo",
        "suffix",
        "audio",
        "prediction",
        "grammar",
        "lora",
        "mirostat",
        "dry_multiplier",
        "xtc_probability",
        "continue_final_message",
        "t_max_predict_ms",
        "n_indent",
        "ignore_eos",
        "samplers",
    ];
    match others.into_iter().find(|name| fields.value(name).is_some_and(|value| !is_nothing(value))) {
        Some(name) => Err(ApiError::not_offered(name, format!("{name} is not offered"))),
        None => Ok(()),
    }
}

/// Refuses what the answers of this way have no place for.
fn refuse_what_this_way_has_not(way: Way, fields: &Fields<'_>) -> Result<(), ApiError> {
    let others = match way {
        Way::Chat | Way::Text => &["n_probs"][..],
        Way::Native => &["post_sampling_probs"],
    };
    match others.iter().find(|name| fields.value(name).is_some_and(|value| !is_nothing(value))) {
        Some(&name) => Err(ApiError::not_offered(name, format!("{name} is not offered"))),
        None => Ok(()),
    }
}

/// The fields of a recipe that the request has, as text.
fn recipe(fields: &Fields<'_>) -> Result<Vec<(&'static str, String)>, ApiError> {
    let mut recipe = Vec::new();
    for name in RECIPE {
        let Some(value) = fields.value(name) else { continue };
        let written = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            // The reference has a list of layers.
            Value::Array(layers) if layers.iter().all(Value::is_u64) => value.to_string(),
            _ => return Err(fields.wrong(name, "a text, a number, true, false or a list of layers", value)),
        };
        recipe.push((name, written));
    }
    Ok(recipe)
}

/// Whether the model reasons first: our field, or the one that vLLM and llama-server give to templates.
fn cot(fields: &Fields<'_>) -> Result<Option<String>, ApiError> {
    if let Some(mode) = fields.text("cot")? {
        return Ok(Some(mode.to_owned()));
    }
    let Some(told) = fields.object("chat_template_kwargs")? else { return Ok(None) };
    let thinks = told.value("enable_thinking").and_then(Value::as_bool);
    Ok(thinks.map(|thinks| if thinks { "native" } else { "off" }.to_owned()))
}

fn sampling(fields: &Fields<'_>) -> Result<SamplingPatch, ApiError> {
    let whole = |text: &str| text.parse().map_err(|_| "a whole number".to_owned());
    Ok(SamplingPatch {
        temperature: fields.parsed("temperature", from_zero)?,
        top_k: fields.parsed("top_k", whole)?,
        top_p: fields.parsed("top_p", share)?,
        min_p: fields.parsed("min_p", share)?,
        repeat_penalty: match fields.parsed("repeat_penalty", penalty)? {
            None => fields.parsed("repetition_penalty", penalty)?,
            given => given,
        },
        repeat_last_n: fields.parsed("repeat_last_n", look_back)?,
        seed: fields.parsed("seed", seed)?,
    })
}

/// The first that is there of OpenAI's two names and llama.cpp's.
fn max_tokens(fields: &Fields<'_>) -> Result<Option<Count>, ApiError> {
    for name in ["max_completion_tokens", "max_tokens", "n_predict"] {
        if let Some(count) = fields.parsed(name, limit)? {
            return match count {
                Count(Some(0)) => Err(ApiError::invalid(name, format!("{name} is 1 or more, not 0"))),
                count => Ok(Some(count)),
            };
        }
    }
    Ok(None)
}

fn stop(fields: &Fields<'_>) -> Result<Vec<String>, ApiError> {
    let stops = fields.texts("stop")?.unwrap_or_default();
    if stops.len() > MOST_STOPS || stops.iter().any(|stop| stop.len() > LONGEST_STOP) {
        let told = format!("stop has {MOST_STOPS} texts of {LONGEST_STOP} bytes at most");
        return Err(ApiError::invalid("stop", told));
    }
    Ok(stops.into_iter().filter(|stop| !stop.is_empty()).map(str::to_owned).collect())
}

/// A chat has a flag and a number, a bare text a number, and so has llama-server's own form.
fn logprobs(way: Way, fields: &Fields<'_>) -> Result<Option<u32>, ApiError> {
    let most = |text: &str| {
        text.parse().ok().filter(|count| *count <= MOST_PROBS).ok_or_else(|| format!("a number from 0 to {MOST_PROBS}"))
    };
    match way {
        Way::Text if fields.value("logprobs") == Some(&Value::Bool(false)) => Ok(None),
        Way::Text => fields.parsed("logprobs", most),
        Way::Native => {
            // The ids of tokens come with their scores.
            let ids = fields.flag("return_tokens")? || fields.flag("stream")?;
            Ok(fields.parsed("n_probs", most)?.filter(|count| *count > 0 || ids).or(ids.then_some(0)))
        }
        Way::Chat => match (fields.flag("logprobs")?, fields.parsed("top_logprobs", most)?) {
            (true, count) => Ok(Some(count.unwrap_or(0))),
            (false, None | Some(0)) => Ok(None),
            (false, Some(_)) => {
                Err(ApiError::invalid("top_logprobs", "top_logprobs needs \"logprobs\": true beside it"))
            }
        },
    }
}

fn schema(fields: &Fields<'_>) -> Result<Option<Arc<str>>, ApiError> {
    let of = |schema: &Map<String, Value>| Some(Value::Object(schema.clone()).to_string().into());
    // As llama-server has it.
    if let Some(schema) = fields.value("json_schema") {
        let schema = schema.as_object().ok_or_else(|| fields.wrong("json_schema", "an object", schema))?;
        return Ok(of(schema));
    }
    let Some(format) = fields.object("response_format")? else { return Ok(None) };
    let missing = |param: String| ApiError::invalid(&*param, format!("{param} is missing"));
    match format.text("type")? {
        Some("text") | None => Ok(None),
        Some("json_object") => Ok(match format.value("schema").and_then(Value::as_object) {
            Some(schema) => of(schema),
            None => Some(r#"{"type": "object"}"#.into()),
        }),
        Some("json_schema") => {
            let named = format.object("json_schema")?.ok_or_else(|| missing(format.path("json_schema")))?;
            let schema = named.value("schema").and_then(Value::as_object);
            Ok(of(schema.ok_or_else(|| missing(named.path("schema")))?))
        }
        Some(other) => {
            let told = format!("response_format.type is text, json_object or json_schema, not {other:?}");
            Err(ApiError::invalid("response_format.type", told))
        }
    }
}

fn response_fields(way: Way, fields: &Fields<'_>) -> Result<Vec<String>, ApiError> {
    if way != Way::Native {
        return Ok(Vec::new());
    }
    let names = fields.texts("response_fields")?.unwrap_or_default();
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn streaming(fields: &Fields<'_>) -> Result<Option<Streaming>, ApiError> {
    let options = fields.object("stream_options")?;
    let usage = options.map_or(Ok(false), |options| options.flag("include_usage"))?;
    let progress = fields.flag("return_progress")?;
    Ok(fields.flag("stream")?.then_some(Streaming { usage, progress }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(way: Way, more: &Value) -> Result<Request, ApiError> {
        let mut body = json!({ "messages": [{ "role": "user", "content": "Who?" }], "prompt": "Once" });
        let fields = body.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        Request::read(way, body.to_string().as_bytes())
    }

    fn chat(more: &Value) -> Request {
        read(Way::Chat, more).unwrap_or_else(|error| panic!("{more}: {}", error.message))
    }

    fn told(more: &Value) -> String {
        read(Way::Chat, more).expect_err("it is refused").message.clone()
    }

    #[test]
    fn a_request_that_says_nothing_leaves_all_to_the_server() {
        let bare =
            chat(&json!({ "model": "gpt-4", "user": "me", "store": false, "tools": [], "n": 1, "logprobs": false }));
        assert_eq!((bare.documents, bare.preset, bare.recipe, bare.cot), (None, None, Vec::new(), None));
        assert_eq!(
            (bare.sampling, bare.max_tokens, bare.stop, bare.schema),
            (SamplingPatch::default(), None, Vec::new(), None)
        );
        assert_eq!(bare.streaming, None);
    }

    #[test]
    fn sampling_and_limits_have_their_usual_names() {
        let full = chat(&json!({
            "temperature": 0.5, "top_k": 20, "top_p": 0.9, "min_p": 0.1, "repetition_penalty": 1.1, "repeat_last_n": 32, "seed": 7,
            "max_tokens": 20, "stop": "END", "stream": true, "stream_options": { "include_usage": true }
        }));
        let expected = SamplingPatch {
            temperature: Some(0.5),
            top_k: Some(20),
            top_p: Some(0.9),
            min_p: Some(0.1),
            repeat_penalty: Some(1.1),
            repeat_last_n: Some(32),
            seed: Some(7),
        };
        assert_eq!((full.sampling, full.max_tokens), (expected, Some(Count(Some(20)))));
        assert_eq!(
            (full.stop, full.streaming),
            (vec!["END".to_owned()], Some(Streaming { usage: true, progress: false }))
        );
        let both = chat(&json!({ "max_tokens": 20, "max_completion_tokens": -1, "stop": ["a", "", "b"] }));
        assert_eq!((both.max_tokens, both.stop), (Some(Count(None)), vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_recipe_has_our_names_or_the_reference_s() {
        let asked = chat(&json!({
            "preset": "quick", "sliding_window_size": 2048, "keep_first": 10, "force_fa_decode": true,
            "non_sliding_layers": [1, 3, 5], "far": "none", "documents": ["book"], "chat_template_kwargs": { "enable_thinking": false }
        }));
        let expected = [
            ("sliding_window_size", "2048"),
            ("keep_first", "10"),
            ("far", "none"),
            ("non_sliding_layers", "[1,3,5]"),
            ("force_fa_decode", "true"),
        ];
        assert_eq!(asked.recipe, expected.map(|(name, text)| (name, text.to_owned())));
        assert_eq!((asked.preset.as_deref(), asked.cot.as_deref()), (Some("quick"), Some("off")));
        assert_eq!(asked.documents, Some(vec!["book".to_owned()]));
        let file = json!({ "type": "file", "file": { "file_id": "file-1" } });
        let naming = json!({ "messages": [{ "role": "user", "content": [file, { "type": "text", "text": "Who?" }] }] });
        assert_eq!(chat(&naming).documents, Some(vec!["file-1".to_owned()]), "and not those of the command line");
        assert!(told(&json!({ "window": {} })).starts_with("window is a text, a number"));
    }

    #[test]
    fn log_probabilities_are_asked_for_as_openai_s_two_ways_have_them() {
        let of =
            |way, more: Value| read(way, &more).map(|request| request.logprobs).map_err(|error| error.message.clone());
        assert_eq!(of(Way::Chat, json!({ "logprobs": true })), Ok(Some(0)));
        assert_eq!(of(Way::Chat, json!({ "logprobs": true, "top_logprobs": 20 })), Ok(Some(20)));
        assert_eq!(of(Way::Chat, json!({ "logprobs": false, "top_logprobs": 0 })), Ok(None));
        assert_eq!(of(Way::Text, json!({ "logprobs": 5 })), Ok(Some(5)));
        assert_eq!(of(Way::Text, json!({ "logprobs": false })), Ok(None));
        let told = |way, more| of(way, more).expect_err("it is refused");
        assert_eq!(told(Way::Chat, json!({ "top_logprobs": 2 })), "top_logprobs needs \"logprobs\": true beside it");
        assert_eq!(
            told(Way::Chat, json!({ "logprobs": true, "top_logprobs": 21 })),
            "top_logprobs is a number from 0 to 20, not 21"
        );
        assert_eq!(told(Way::Text, json!({ "logprobs": true })), "logprobs is a number, not true");
    }

    #[test]
    fn a_schema_comes_as_openai_writes_it() {
        let schema = json!({ "type": "object", "properties": { "age": { "type": "integer" } } });
        let format =
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": schema } } });
        assert_eq!(chat(&format).schema.as_deref(), Some(schema.to_string().as_str()));
        assert_eq!(chat(&json!({ "json_schema": schema })).schema.as_deref(), Some(schema.to_string().as_str()));
        assert_eq!(told(&json!({ "json_schema": 7 })), "json_schema is an object, not 7");
        assert_eq!(chat(&json!({ "response_format": { "type": "text" } })).schema, None);
        assert_eq!(
            chat(&json!({ "response_format": { "type": "json_object" } })).schema.as_deref(),
            Some(r#"{"type": "object"}"#)
        );
        assert_eq!(
            told(&json!({ "response_format": { "type": "json_schema" } })),
            "response_format.json_schema is missing"
        );
        assert_eq!(
            told(&json!({ "response_format": { "type": "xml" } })),
            "response_format.type is text, json_object or json_schema, not \"xml\""
        );
    }

    #[test]
    fn what_would_be_another_answer_is_refused() {
        assert_eq!(told(&json!({ "n": 2 })), "n: one answer to a request is offered");
        for more in [
            json!({ "tools": [{}] }),
            json!({ "presence_penalty": 0.5 }),
            json!({ "logit_bias": { "1": 2 } }),
            json!({ "grammar": "root ::= \"a\"" }),
            json!({ "mirostat": 2 }),
            json!({ "typical_p": 0.5 }),
            json!({ "samplers": ["top_k"] }),
            json!({ "n_probs": 2 }),
        ] {
            assert!(told(&more).ends_with(" is not offered"), "{more}");
        }
        assert_eq!(told(&json!({ "tool_choice": "required" })), "tool_choice: no tools are offered");
        assert_eq!(told(&json!({ "max_tokens": 0 })), "max_tokens is 1 or more, not 0");
        assert_eq!(told(&json!({ "temperature": -1 })), "temperature is a number from 0 to 1000, not -1");
        assert_eq!(told(&json!({ "temperature": "hot" })), "temperature is a number, not \"hot\"");
        assert_eq!(told(&json!({ "stop": vec!["a"; 17] })), "stop has 16 texts of 1024 bytes at most");
        assert_eq!(told(&json!({ "messages": null })), "messages is missing");
    }

    static NAMES: [&str; 11] =
        ["messages", "prompt", "stop", "stream", "n", "top_k", "seed", "window", "documents", "response_format", "cot"];

    /// JSON that is nearly a request.
    fn body() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            Just("null".to_owned()),
            Just("[[]]".to_owned()),
            Just("{\"type\": \"json_object\"}".to_owned()),
            Just("[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"tool\"}]".to_owned()),
            any::<f64>().prop_map(|number| number.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            "\\PC{0,9}".prop_map(|text| Value::String(text).to_string()),
        ];
        let fields = prop::collection::vec((prop::sample::select(&NAMES[..]), value), 0..6);
        fields.prop_map(|fields| {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            format!(
                "{{\"messages\": [{{\"role\": \"user\", \"content\": \"Who?\"}}], \"prompt\": \"Once\", {}}}",
                fields.join(", ")
            )
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused_in_a_short_sentence(body in prop_oneof!["\\PC{0,60}", body()]) {
            for way in [Way::Chat, Way::Text, Way::Native] {
                if let Err(error) = Request::read(way, body.as_bytes()) {
                    prop_assert!(error.status == 400 && (1..600).contains(&error.message.len()), "{:?}", error);
                }
            }
        }
    }

    #[test]
    fn llama_server_s_own_form_has_its_own_names() {
        let own = |more: Value| read(Way::Native, &more).map_err(|error| error.message.clone());
        let asked = own(json!({
            "prompt": { "prompt_string": "Once" }, "n_predict": 5, "n_probs": 3, "return_tokens": false, "cache_prompt": true,
            "response_fields": ["content", "generation_settings/seed"]
        }));
        let asked = asked.expect("a request");
        assert_eq!((asked.said, asked.logprobs), (Said::Text("Once".into()), Some(3)));
        assert_eq!((asked.max_tokens, asked.documents), (Some(Count(Some(5))), Some(Vec::new())));
        assert_eq!(asked.response_fields, ["content", "generation_settings/seed"]);
        assert_eq!(own(json!({ "n_probs": 0, "n_predict": -1 })).map(|asked| asked.logprobs), Ok(None));
        for ids in
            [json!({ "return_tokens": true }), json!({ "stream": true }), json!({ "n_probs": 0, "stream": true })]
        {
            assert_eq!(own(ids).map(|asked| asked.logprobs), Ok(Some(0)));
        }
        let told = |more: Value| own(more).expect_err("it is refused");
        assert_eq!(told(json!({ "post_sampling_probs": true })), "post_sampling_probs is not offered");
        assert_eq!(told(json!({ "t_max_predict_ms": 500 })), "t_max_predict_ms is not offered");
        assert_eq!(told(json!({ "response_fields": 7 })), "response_fields is a text or a list of texts, not 7");
        let picture = json!({ "prompt": { "prompt_string": "Once", "multimodal_data": "iVBO" } });
        assert!(told(picture).starts_with("prompt is one text; token ids, pictures"));
    }

    #[test]
    fn a_prompt_ends_where_the_answer_begins() {
        assert!(told(&json!({ "add_generation_prompt": false })).starts_with("add_generation_prompt is not offered"));
        assert_eq!(told(&json!({ "continue_final_message": true })), "continue_final_message is not offered");
        chat(&json!({ "add_generation_prompt": true, "continue_final_message": false }));
    }

    #[test]
    fn a_bare_text_is_one_text() {
        let said = |prompt: Value| read(Way::Text, &json!({ "prompt": prompt })).map(|request| request.said);
        assert_eq!(said(json!("Once")), Ok(Said::Text("Once".into())));
        assert_eq!(said(json!(["Once"])), Ok(Said::Text("Once".into())));
        for refused in [json!(""), json!([1, 2]), json!(["a", "b"]), json!(7)] {
            assert!(said(refused.clone()).is_err(), "{refused}");
        }
    }
}
