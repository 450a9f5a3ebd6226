//! Answers as llama-server has them in its own form, which `/completion` asks for.
//!
//! | object | fields |
//! |---|---|
//! | a piece | `content`, `tokens`, `stop: false`, `completion_probabilities` where `n_probs` asks for them |
//! | the last, or the whole | `content`, `stop: true`, `stop_type`, `stopping_word`, the counts, `generation_settings`, `prompt` |
//!
//! Example: `{"prompt": "Once", "n_predict": 8, "response_fields": ["content", "generation_settings/seed"]}` is answered by
//! `{"content": " upon a time", "generation_settings/seed": 42}`.
//!
//! `tokens` are the ids of what was generated: of each piece, and of a whole answer where `return_tokens` asks for them. The number of a slot
//! is left out. `generation_settings` has what was in force, and as off what this engine does not have.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::work::Ended;
use crate::chat::ReadyQuestion;
use crate::engine::message::{Finish, Limits, Sampling, ScoredToken};

/// What an answer in this form repeats of its request.
#[derive(Debug, Clone)]
pub(super) struct Native {
    prompt: Arc<str>,
    stop: Vec<String>,
    settings: Value,
    tells_ids: bool,
    tells_probabilities: bool,
    /// Paths of the fields that are sent; empty: all are.
    fields: Vec<String>,
}

impl Native {
    /// For `asked`, of whose last object only `fields` are sent. A stream has the ids of its tokens, a whole answer if it `returns_tokens`.
    pub(super) fn of(asked: &ReadyQuestion, fields: Vec<String>, is_streamed: bool, returns_tokens: bool) -> Self {
        Self {
            prompt: asked.question.clone(),
            stop: asked.limits.stop.clone(),
            settings: settings(&asked.sampling, &asked.limits, is_streamed),
            tells_ids: is_streamed || returns_tokens,
            tells_probabilities: asked.sampling.n_probs.is_some_and(|count| count > 0),
            fields,
        }
    }

    /// The last object, with `content` of the `answer`.
    pub(super) fn last(&self, model: &str, content: &str, answer: &str, ended: &Ended) -> Value {
        let counts = ended.figures.tokens;
        let finish = ended.finish;
        json!({
            "index": 0,
            "content": content,
            "tokens": [],
            "stop": true,
            "model": model,
            "tokens_predicted": counts.generated,
            "tokens_evaluated": counts.prompt,
            "tokens_cached": counts.cached,
            "generation_settings": self.settings,
            "prompt": &*self.prompt,
            "has_new_line": answer.contains('\n'),
            "truncated": finish == Finish::ContextFull,
            "stop_type": stop_type(finish),
            "stopping_word": self.stopping_word(finish),
        })
    }

    /// Adds to `object` what it tells of its tokens, whose `scores` are there if anything was asked for.
    pub(super) fn add_tokens(&self, object: &mut Value, scores: Option<&[ScoredToken]>, probabilities: Value) {
        if self.tells_ids {
            object["tokens"] = scores.unwrap_or_default().iter().map(|scored| scored.token.id).collect();
        }
        if self.tells_probabilities {
            object["completion_probabilities"] = probabilities;
        }
    }

    /// The text that ended the answer; null where it may have been one of several.
    fn stopping_word(&self, finish: Finish) -> Value {
        match (finish, &self.stop[..]) {
            (Finish::StopString, [word]) => json!(word),
            (Finish::StopString, _) => Value::Null,
            _ => json!(""),
        }
    }

    /// The fields of the last `object` that the client wants, each under its path.
    pub(super) fn chosen(&self, object: Value) -> Value {
        if self.fields.is_empty() {
            return object;
        }
        let found = |path: &String| Some((path.clone(), at(&object, path)?.clone()));
        Value::Object(self.fields.iter().filter_map(found).collect::<Map<_, _>>())
    }
}

/// A piece of an answer.
pub(super) fn piece(text: &str) -> Value {
    json!({ "index": 0, "content": text, "tokens": [], "stop": false })
}

/// What `path` leads to: `generation_settings/seed`.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').try_fold(object, |value, name| value.as_object()?.get(name))
}

fn stop_type(finish: Finish) -> &'static str {
    match finish {
        Finish::EndOfGeneration | Finish::NoAnswer => "eos",
        Finish::StopString => "word",
        Finish::TokenLimit | Finish::TimeLimit | Finish::ContextFull | Finish::Repetition => "limit",
        Finish::Cancelled => "none",
    }
}

/// How an answer is generated, under llama-server's names.
pub(super) fn settings(sampling: &Sampling, limits: &Limits, is_streamed: bool) -> Value {
    // -1 is without a limit.
    let most = limits.max_tokens.map_or(-1, i64::from);
    json!({
        "seed": sampling.seed,
        "temperature": decimal(sampling.temperature),
        "top_k": sampling.top_k,
        "top_p": decimal(sampling.top_p),
        "min_p": decimal(sampling.min_p),
        "repeat_last_n": sampling.repeat_last_n,
        "repeat_penalty": decimal(sampling.repeat_penalty),
        "max_tokens": most,
        "n_predict": most,
        "stop": limits.stop,
        "stream": is_streamed,
        "n_probs": sampling.n_probs.unwrap_or(0),
        "typical_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "dry_multiplier": 0.0,
        "xtc_probability": 0.0,
        "mirostat": 0,
        "dynatemp_range": 0.0,
        "ignore_eos": false,
        "logit_bias": [],
        "grammar": "",
        "lora": [],
    })
}

/// The number as it was written: 0.8, and not 0.800000011920929.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::answer_figures;
    use crate::swaa::selection::ResolvedPreset;
    use crate::swaa::{ChainOfThought, RecipeSpec};

    fn native(stop: &[&str], fields: &[&str]) -> Native {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let limits = Limits { max_tokens: Some(8), stop: owned(stop), ..Limits::default() };
        let sampling = Sampling { temperature: 0.8, seed: 42, ..Sampling::GREEDY };
        Native {
            prompt: "Once".into(),
            stop: owned(stop),
            settings: settings(&sampling, &limits, false),
            tells_ids: false,
            tells_probabilities: false,
            fields: owned(fields),
        }
    }

    fn ended(finish: Finish) -> Ended {
        let figures = answer_figures(&RecipeSpec::FULL, 6);
        let preset = ResolvedPreset { name: "full".into(), recipe: RecipeSpec::FULL, cot: ChainOfThought::Auto };
        Ended { finish, figures, preset, reason: None }
    }

    #[test]
    fn the_last_object_says_why_it_ended_and_what_was_in_force() {
        let ended = ended(Finish::TokenLimit);
        let last = native(&[], &[]).last("toy", "", "a\nb", &ended);
        let told = ["content", "stop", "stop_type", "stopping_word", "truncated", "has_new_line", "prompt"];
        let expected = [json!(""), json!(true), json!("limit"), json!(""), json!(false), json!(true), json!("Once")];
        assert_eq!(told.map(|name| last[name].clone()), expected);
        let counts = ended.figures.tokens;
        assert_eq!(
            (&last["tokens_evaluated"], &last["tokens_cached"], &last["tokens_predicted"]),
            (&json!(counts.prompt), &json!(counts.cached), &json!(counts.generated))
        );
        let settings = &last["generation_settings"];
        assert_eq!(
            (&settings["temperature"], &settings["seed"], &settings["n_predict"]),
            (&json!(0.8), &json!(42), &json!(8))
        );
    }

    #[test]
    fn the_text_that_ended_it_is_told_where_it_is_known() {
        let told = |stop: &[&str], finish| {
            let last = native(stop, &[]).last("toy", "", "", &ended(finish));
            (last["stop_type"].clone(), last["stopping_word"].clone())
        };
        assert_eq!(told(&["END"], Finish::StopString), (json!("word"), json!("END")));
        assert_eq!(told(&["END", "STOP"], Finish::StopString), (json!("word"), Value::Null));
        assert_eq!(told(&["END"], Finish::EndOfGeneration), (json!("eos"), json!("")));
    }

    #[test]
    fn only_the_wanted_fields_are_sent() {
        let native = native(&[], &["content", "generation_settings/n_predict", "nothing", "content/x"]);
        let chosen = native.chosen(native.last("toy", "Hi", "Hi", &ended(Finish::TokenLimit)));
        assert_eq!(chosen, json!({ "content": "Hi", "generation_settings/n_predict": 8 }));
    }
}
