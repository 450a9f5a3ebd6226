//! Is a command that another Lunette sent one that this engine may carry out?
//!
//! The engine trusts its own program, so everything that it takes for granted is checked here: numbers in their ranges, indices inside,
//! documents before tails, no empty mark that would be found everywhere. What belongs to the server stays the server's: a client can neither
//! find heads, which are kept for everybody, nor enlarge the context or end the engine.
//!
//! Example: `"window": {"share": {"divisor": 0, …}}` would divide by 0; it is refused with "window: a share of the document has a divisor".
//!
//! Parts of a chat template may come from the client, whose control tokens shape its own prompt alone; text stays text. See SECURITY.md.

use std::ops::Range;

use super::error::ApiError;
use crate::engine::check_schema;
use crate::engine::message::{
    Command, Drafting, Limits, MOST_PROBS, OutputMarkup, Prompt, Question, Reread, Rereading, Sampling, Segment,
};
use crate::failure::Hint;
use crate::settings::{from_zero, look_back, penalty, share};
use crate::swaa::{LayerSpec, RecipeSpec, WindowSpec};

/// A conversation of thousands of turns.
const MOST_PARTS: usize = 100_000;
/// Stop strings, tags, passages: a template has some.
const MOST_MARKS: usize = 1_000;
const LONGEST_MARK: usize = 10_000;
const LONGEST_SCHEMA: usize = 1 << 20;
const MOST_LAYERS: usize = 10_000;
const LONGEST_DRAFT: u32 = crate::engine::message::LONGEST_DRAFT;
const MOST_PASSAGES: u32 = 32;

/// Checks `command`, and puts the server's limits where it has none.
pub(super) fn check(command: &mut Command, own: &Limits) -> Result<(), ApiError> {
    match command {
        Command::Prefill { prompt, recipe, .. } | Command::Forecast { prompt, recipe, .. } => {
            check_prompt(prompt)?;
            check_recipe(recipe)
        }
        Command::ReadAhead(ahead) => {
            for (prompt, recipe) in [(&ahead.prompt, &ahead.recipe), (&ahead.home.0, &ahead.home.1)] {
                check_prompt(prompt)?;
                check_recipe(recipe)?;
            }
            Ok(())
        }
        Command::Ask(question) | Command::Weigh { question, .. } => check_question(question, own),
        Command::Count { texts, .. } => most("texts", texts.len(), MOST_PARTS),
        Command::FindHeads { .. } => Err(not_for_clients("finding heads")),
        Command::AllowContext { .. } => Err(not_for_clients("the size of the context")),
        Command::AnswerNow { .. } | Command::Shutdown => Err(ApiError::invalid("command", "this is no job")),
    }
}

fn not_for_clients(what: &str) -> ApiError {
    ApiError::not_offered("command", format!("{what} is for whoever runs the server"))
}

fn check_question(question: &mut Question, own: &Limits) -> Result<(), ApiError> {
    check_prompt(&question.prompt)?;
    check_recipe(&question.recipe)?;
    check_sampling(&question.sampling)?;
    check_markup(&question.markup)?;
    if let Some(rereading) = &question.rereading {
        check_rereading(rereading, &question.prompt)?;
    }
    if matches!(question.drafting, Drafting::Tokens(tokens) if !(1..=LONGEST_DRAFT).contains(&tokens)) {
        return Err(ApiError::invalid("drafting", format!("a number of tokens from 1 to {LONGEST_DRAFT}")));
    }
    if let Some(schema) = &question.schema {
        most("schema", schema.len(), LONGEST_SCHEMA)?;
        check_schema(schema).map_err(|error| ApiError::invalid("schema", error.to_string()))?;
    }
    marks("stop", question.limits.stop.iter())?;
    limit(&mut question.limits, own);
    Ok(())
}

/// A client may ask for less time than the server gives each answer, and for any number of tokens.
fn limit(limits: &mut Limits, own: &Limits) {
    limits.max_tokens = limits.max_tokens.or(own.max_tokens);
    limits.time = match (limits.time, own.time) {
        (Some(asked), Some(own)) => Some(asked.min(own)),
        (asked, own) => asked.or(own),
    };
}

/// Checks a prompt.
pub(super) fn check_prompt(prompt: &Prompt) -> Result<(), ApiError> {
    most("prompt.parts", prompt.parts.len(), MOST_PARTS)?;
    most("prompt.title", prompt.title.len(), LONGEST_MARK)?;
    if prompt.parts.is_sorted_by_key(|part| part.segment) {
        return Ok(());
    }
    let order = "parts of the front come before those of the document, and these before those of the tail";
    Err(ApiError::invalid("prompt.parts", order))
}

fn check_recipe(recipe: &RecipeSpec) -> Result<(), ApiError> {
    recipe.check().map_err(|error| {
        let hint = error.hint().unwrap_or_default();
        ApiError::invalid("recipe", format!("{error}; {hint}"))
    })?;
    if matches!(recipe.window, WindowSpec::Share { divisor: 0, .. }) {
        return Err(ApiError::invalid("recipe.window", "a share of the document has a divisor"));
    }
    match &recipe.full_layers {
        LayerSpec::Every { step: 0, .. } => Err(ApiError::invalid("recipe.full_layers", "a step of at least 1")),
        LayerSpec::List(list) => most("recipe.full_layers", list.len(), MOST_LAYERS),
        _ => most("recipe.adapters", recipe.adapters.len(), MOST_MARKS),
    }
}

/// As a flag's values are.
fn check_sampling(sampling: &Sampling) -> Result<(), ApiError> {
    let checked = |name: &str, value: f32, check: fn(&str) -> Result<f32, String>| match check(&value.to_string()) {
        Ok(_) => Ok(()),
        Err(allowed) => Err(ApiError::invalid(format!("sampling.{name}"), format!("{allowed}, not {value}"))),
    };
    checked("temperature", sampling.temperature, from_zero)?;
    checked("top_p", sampling.top_p, share)?;
    checked("min_p", sampling.min_p, share)?;
    checked("repeat_penalty", sampling.repeat_penalty, penalty)?;
    most("sampling.n_probs", sampling.n_probs.unwrap_or(0) as usize, MOST_PROBS as usize)?;
    match look_back(&sampling.repeat_last_n.to_string()) {
        Ok(_) => Ok(()),
        Err(allowed) => Err(ApiError::invalid("sampling.repeat_last_n", allowed)),
    }
}

fn check_markup(markup: &OutputMarkup) -> Result<(), ApiError> {
    let pairs = || markup.reasoning.iter().chain(&markup.answer);
    let texts = pairs().map(|pair| &pair.close).chain(&markup.ends).chain(&markup.lone_close);
    marks("markup", texts)?;
    let openings = pairs().map(|pair| pair.open.len()).max().unwrap_or(0);
    most("markup", openings, LONGEST_MARK)?;
    let cue: usize = markup.answer_cue.iter().map(|part| part.text.len()).sum();
    most("markup.answer_cue", cue, LONGEST_MARK)?;
    most("markup.answer_cue", markup.answer_cue.len(), MOST_MARKS)
}

/// Texts that are looked for: an empty one would be found everywhere.
fn marks<'a>(name: &str, texts: impl Iterator<Item = &'a String>) -> Result<(), ApiError> {
    for (number, text) in texts.enumerate() {
        most(name, number, MOST_MARKS)?;
        most(name, text.len(), LONGEST_MARK)?;
        if text.is_empty() {
            return Err(ApiError::invalid(name, "an empty text is found everywhere"));
        }
    }
    Ok(())
}

fn check_rereading(rereading: &Rereading, prompt: &Prompt) -> Result<(), ApiError> {
    let question = prompt.parts.get(rereading.question_part);
    if question.is_none_or(|part| part.segment != Segment::Tail) {
        return Err(ApiError::invalid("rereading.question_part", "the question is a part of the tail"));
    }
    if matches!(rereading.reread, Reread::Passages(count) if !(1..=MOST_PASSAGES).contains(&count)) {
        return Err(ApiError::invalid("rereading.reread", format!("a number of passages from 1 to {MOST_PASSAGES}")));
    }
    let spans = rereading.given.as_ref().map_or(&[][..], |given| &given.spans);
    most("rereading.given", spans.len(), MOST_MARKS)?;
    let is_backwards = |span: &Range<usize>| span.start > span.end;
    if spans.iter().any(is_backwards) {
        return Err(ApiError::invalid("rereading.given", "a passage begins before it ends"));
    }
    Ok(())
}

/// Checks the stretches of `text` whose tokens are to be counted.
pub(super) fn check_spans(text: &str, spans: &[Range<usize>]) -> Result<(), ApiError> {
    most("spans", spans.len(), MOST_PARTS)?;
    if spans.iter().all(|span| span.start <= span.end && text.get(span.clone()).is_some()) {
        return Ok(());
    }
    Err(ApiError::invalid("spans", "a stretch of the text lies in it and cuts no character"))
}

/// Refuses what there is too much of.
pub(super) fn most(name: &str, count: usize, most: usize) -> Result<(), ApiError> {
    if count <= most { Ok(()) } else { Err(ApiError::invalid(name, format!("{most} at most, not {count}"))) }
}

#[cfg(test)]
mod tests;
