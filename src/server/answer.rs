//! Answers as OpenAI's clients read them: whole, or in chunks.
//!
//! | object | fields beyond OpenAI's |
//! |---|---|
//! | `chat.completion`, `text_completion` | `reasoning_content` in the message, `timings` as llama-server has them, `lunette` |
//! | `chat.completion.chunk` | the same in the last chunk; `prompt_progress` where it was asked for |
//!
//! [`super::native`] has the form of llama-server's own.
//!
//! `lunette` has what OpenAI has no place for: `preset` and `recipe` that the document was read with, `tokens`, `finish`, why an answer is
//! not whole (`note`), why `auto` chose this preset (`reason`), the `documents` it is about and the `citations` in it.
//!
//! Text is passed on as it was generated, so that a conversation that sends it back finds it in the KV cache.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::logprobs::{characters, logprobs};
use super::native::{self, Native};
use super::request::Way;
use super::work::{Ended, Update};
use crate::chat::record::{CitationRecord, RecipeRecord, Tokens, finish_name, rounded};
use crate::chat::{Texts, note};
use crate::citations::Citation;
use crate::engine::message::{Figures, Finish, Progress, ScoredToken, TokenCounts};

/// In which form an answer is sent.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Chat,
    Text,
    Native(Box<Native>),
}

impl Form {
    const fn way(&self) -> Way {
        match self {
            Self::Chat => Way::Chat,
            Self::Text => Way::Text,
            Self::Native(_) => Way::Native,
        }
    }
}

/// What identifies an answer.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    form: Form,
    pub(super) id: String,
    pub(super) model: Arc<str>,
    /// What answers: with another build, the same seed may give another answer.
    fingerprint: Arc<str>,
    /// Seconds since 1970.
    created: u64,
}

impl Heading {
    /// The heading of answer `number` of this run, which began at `began`.
    pub(super) fn new(form: Form, number: u64, began: SystemTime, model: Arc<str>, fingerprint: Arc<str>) -> Self {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let prefix = match form {
            Form::Chat => "chatcmpl",
            Form::Text | Form::Native(_) => "cmpl",
        };
        let id = format!("{prefix}-{:x}-{number}", seconds(began));
        Self { form, id, model, fingerprint, created: seconds(SystemTime::now()) }
    }

    fn object(&self, kind: &str, choices: &Value) -> Value {
        json!({
            "id": self.id, "object": kind, "created": self.created, "model": &*self.model,
            "system_fingerprint": &*self.fingerprint, "choices": choices,
        })
    }

    /// A whole answer.
    pub(super) fn whole(&self, written: &Written, ending: &Ending<'_>) -> Value {
        let reason = finish_reason(ending.ended.finish);
        let logprobs = self.logprobs(written.scores.as_deref(), 0);
        let mut object = match &self.form {
            Form::Native(native) => {
                let mut object = native.last(&self.model, &written.answer, &written.answer, ending.ended);
                native.add_tokens(&mut object, written.scores.as_deref(), logprobs);
                ending.add_to(&mut object);
                return native.chosen(object);
            }
            Form::Chat => {
                let mut message = json!({ "role": "assistant", "content": written.answer });
                if !written.reasoning.is_empty() {
                    message["reasoning_content"] = json!(written.reasoning);
                }
                let choice = json!({ "index": 0, "message": message, "logprobs": logprobs, "finish_reason": reason });
                self.object("chat.completion", &json!([choice]))
            }
            Form::Text => {
                let choice =
                    json!({ "index": 0, "text": written.answer, "logprobs": logprobs, "finish_reason": reason });
                self.object("text_completion", &json!([choice]))
            }
        };
        object["usage"] = usage(&ending.ended.figures.tokens);
        ending.add_to(&mut object);
        object
    }

    /// The first chunk: who speaks. A bare text has none.
    pub(super) fn first_chunk(&self) -> Option<Value> {
        matches!(self.form, Form::Chat).then(|| self.chunk(&json!({ "role": "assistant", "content": "" }), None))
    }

    /// A piece of the reasoning; a bare text has no place for it.
    pub(super) fn reasoning(&self, text: &str) -> Option<Value> {
        matches!(self.form, Form::Chat).then(|| self.chunk(&json!({ "reasoning_content": text }), None))
    }

    /// A piece of the answer.
    pub(super) fn piece(&self, piece: &AnswerPiece) -> Value {
        let logprobs = self.logprobs(piece.scores.as_deref(), piece.begin);
        let mut chunk = match &self.form {
            Form::Chat => self.chunk(&json!({ "content": piece.text }), None),
            Form::Text => self.text_chunk(&piece.text, None),
            Form::Native(native) => {
                let mut chunk = native::piece(&piece.text);
                native.add_tokens(&mut chunk, piece.scores.as_deref(), logprobs);
                return chunk;
            }
        };
        chunk["choices"][0]["logprobs"] = logprobs;
        chunk
    }

    /// Null if nobody asked.
    fn logprobs(&self, scores: Option<&[ScoredToken]>, begin: usize) -> Value {
        scores.map_or(Value::Null, |scores| logprobs(self.form.way(), scores, begin))
    }

    /// How far the prefill is, as llama-server tells it.
    pub(super) fn progress(&self, progress: &Progress) -> Value {
        let mut chunk = match self.form {
            Form::Chat => self.chunk(&json!({}), None),
            Form::Text => self.text_chunk("", None),
            Form::Native(_) => native::piece(""),
        };
        chunk["prompt_progress"] = json!({
            "total": progress.total_tokens,
            "cache": progress.cached_tokens,
            "processed": progress.done_tokens,
            "time_ms": progress.elapsed.as_millis() as u64,
        });
        chunk
    }

    /// The last chunk with text's place: why it ended.
    pub(super) fn last_chunk(&self, ending: &Ending<'_>) -> Value {
        let reason = Some(finish_reason(ending.ended.finish));
        let mut chunk = match &self.form {
            Form::Chat => self.chunk(&json!({}), reason),
            Form::Text => self.text_chunk("", reason),
            Form::Native(native) => native.last(&self.model, "", &ending.written.answer, ending.ended),
        };
        ending.add_to(&mut chunk);
        match &self.form {
            Form::Native(native) => native.chosen(chunk),
            _ => chunk,
        }
    }

    /// The tokens used, in a chunk without a choice. llama-server's clients look for the times there. Its own form has both in the last chunk.
    pub(super) fn usage_chunk(&self, figures: &Figures) -> Option<Value> {
        if matches!(self.form, Form::Native(_)) {
            return None;
        }
        let mut chunk = self.object(self.chunk_kind(), &json!([]));
        chunk["usage"] = usage(&figures.tokens);
        chunk["timings"] = timings(figures);
        Some(chunk)
    }

    /// What closes a stream.
    pub(super) const fn end_of_stream(&self) -> &'static str {
        match self.form {
            Form::Chat | Form::Text => "data: [DONE]\n\n",
            // The last object says so itself.
            Form::Native(_) => "",
        }
    }

    fn chunk_kind(&self) -> &'static str {
        match self.form {
            Form::Chat => "chat.completion.chunk",
            Form::Text | Form::Native(_) => "text_completion",
        }
    }

    fn chunk(&self, delta: &Value, reason: Option<&str>) -> Value {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason });
        self.object(self.chunk_kind(), &json!([choice]))
    }

    fn text_chunk(&self, text: &str, reason: Option<&str>) -> Value {
        let choice = json!({ "index": 0, "text": text, "logprobs": null, "finish_reason": reason });
        self.object(self.chunk_kind(), &json!([choice]))
    }
}

/// What is known at the end of an answer.
pub(super) struct Ending<'a> {
    pub(super) ended: &'a Ended,
    pub(super) written: &'a Written,
    pub(super) documents: &'a [String],
    pub(super) citations: &'a [Citation],
}

impl Ending<'_> {
    fn add_to(&self, object: &mut Value) {
        let Ended { finish, figures, preset, reason } = self.ended;
        let citations: Vec<CitationRecord> =
            self.citations.iter().map(|citation| CitationRecord::of(&self.written.answer, citation)).collect();
        object["timings"] = timings(figures);
        object["lunette"] = json!({
            "preset": &*preset.name,
            "reason": reason.as_ref().map(|reason| preset.chosen_for(reason)),
            "recipe": RecipeRecord::from(&figures.recipe),
            "tokens": Tokens::from(figures.tokens),
            "finish": finish_name(*finish),
            "note": note(*finish, &self.written.answer, figures.reasoning_end),
            "documents": self.documents,
            "citations": citations,
        });
    }
}

/// OpenAI knows two ends of a text: the model's, and a limit.
fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::EndOfGeneration | Finish::NoAnswer | Finish::StopString | Finish::Cancelled => "stop",
        Finish::TokenLimit | Finish::TimeLimit | Finish::ContextFull | Finish::Repetition => "length",
    }
}

fn usage(counts: &TokenCounts) -> Value {
    json!({
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.generated,
        "total_tokens": counts.prompt + counts.generated,
        "prompt_tokens_details": { "cached_tokens": counts.cached },
        "completion_tokens_details": { "reasoning_tokens": counts.reasoning },
    })
}

/// As llama-server has them.
fn timings(figures: &Figures) -> Value {
    let (counts, times) = (figures.tokens, figures.timings);
    let each = |time: Duration, tokens: u32| rounded(time.as_secs_f64() * 1e3 / f64::from(tokens.max(1)));
    let ms = |time: Duration| rounded(time.as_secs_f64() * 1e3);
    json!({
        "cache_n": counts.cached,
        "prompt_n": counts.prefilled,
        "prompt_ms": ms(times.prefill),
        "prompt_per_token_ms": each(times.prefill, counts.prefilled),
        "prompt_per_second": rounded(times.prefill_tokens_per_s),
        "predicted_n": counts.generated,
        "predicted_ms": ms(times.decode),
        "predicted_per_token_ms": each(times.decode, counts.generated),
        "predicted_per_second": rounded(times.decode_tokens_per_s),
    })
}

/// What the model has written so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Written {
    pub(super) reasoning: String,
    pub(super) answer: String,
    /// The answer's tokens; `None` if nobody wants to know how probable they are.
    pub(super) scores: Option<Vec<ScoredToken>>,
    /// The answer so far may turn out to be reasoning.
    may_be_reasoning: bool,
    sent_reasoning_bytes: usize,
    sent_answer_bytes: usize,
    sent_scores: usize,
    /// Of the tokens that were sent.
    sent_characters: usize,
}

/// A piece of the answer that was not sent yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AnswerPiece {
    pub(super) text: String,
    pub(super) scores: Option<Vec<ScoredToken>>,
    /// How many characters the answer's tokens before these have.
    begin: usize,
}

impl Written {
    /// `may_be_reasoning`: the model may leave out the tag that opens its reasoning. `is_scored`: it is told how probable the tokens are.
    pub(super) fn new(may_be_reasoning: bool, is_scored: bool) -> Self {
        Self { may_be_reasoning, scores: is_scored.then(Vec::new), ..Self::default() }
    }

    pub(super) fn take(&mut self, update: &Update) {
        match update {
            Update::Scored(tokens) => {
                if let Some(scores) = &mut self.scores {
                    scores.extend_from_slice(tokens);
                }
            }
            Update::Piece(channel, text) => self.texts().take(*channel, text),
            Update::AskedForAnswer => self.texts().ask_for_answer(),
            Update::WasReasoning => {
                self.texts().turn_into_reasoning();
                self.sent_answer_bytes = 0;
                self.sent_scores = 0;
                if let Some(scores) = &mut self.scores {
                    scores.clear();
                }
            }
            Update::Ended(_) => self.texts().end(),
            Update::Planned(_) | Update::Prefilling(_) | Update::ReadAgain(_) | Update::Failed(_) => {}
        }
    }

    const fn texts(&mut self) -> Texts<'_> {
        Texts { reasoning: &mut self.reasoning, answer: &mut self.answer, may_be_reasoning: &mut self.may_be_reasoning }
    }

    /// The reasoning that is certain by now and was not sent yet.
    pub(super) fn new_reasoning(&mut self) -> Option<String> {
        let new = self.reasoning[self.sent_reasoning_bytes..].to_owned();
        self.sent_reasoning_bytes += new.len();
        (!new.is_empty()).then_some(new)
    }

    /// The same of the answer, with its tokens.
    pub(super) fn new_piece(&mut self) -> Option<AnswerPiece> {
        if self.may_be_reasoning || self.answer.len() == self.sent_answer_bytes {
            return None;
        }
        let text = self.answer[self.sent_answer_bytes..].to_owned();
        self.sent_answer_bytes = self.answer.len();
        let scores = self.scores.as_ref().map(|scores| scores[self.sent_scores..].to_vec());
        let new = scores.as_deref().unwrap_or_default();
        let begin = self.sent_characters;
        self.sent_scores += new.len();
        self.sent_characters += characters(new);
        Some(AnswerPiece { text, scores, begin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::answer_figures;
    use crate::engine::message::{Channel, TokenScore};
    use crate::swaa::selection::ResolvedPreset;
    use crate::swaa::{ChainOfThought, RecipeSpec};

    fn piece(channel: Channel, text: &str) -> Update {
        Update::Piece(channel, text.to_owned())
    }

    fn ended(finish: Finish) -> Ended {
        let figures = answer_figures(&RecipeSpec::FULL, 6);
        let preset = ResolvedPreset { name: "full".into(), recipe: RecipeSpec::FULL, cot: ChainOfThought::Auto };
        Ended { finish, figures, preset, reason: None }
    }

    /// What is sent after each of `updates`.
    fn sent(may_be_reasoning: bool, updates: &[Update]) -> Vec<String> {
        let mut written = Written::new(may_be_reasoning, false);
        let mut step = |update: &Update| {
            written.take(update);
            let (reasoning, answer) = (written.new_reasoning(), written.new_piece());
            format!("{}|{}", reasoning.unwrap_or_default(), answer.map(|piece| piece.text).unwrap_or_default())
        };
        updates.iter().map(&mut step).collect()
    }

    #[test]
    fn pieces_are_sent_as_they_come_unless_they_may_be_reasoning() {
        let said =
            [piece(Channel::Reasoning, "Hm."), piece(Channel::Answer, "A "), piece(Channel::Answer, "clergyman.")];
        assert_eq!(sent(false, &said), ["Hm.|", "|A ", "|clergyman."]);
        let late = [
            piece(Channel::Answer, "Hm."),
            Update::WasReasoning,
            piece(Channel::Answer, "He."),
            Update::Ended(Box::new(ended(Finish::EndOfGeneration))),
        ];
        assert_eq!(sent(true, &late), ["|", "Hm.|", "|He.", "|"]);
        let never = [piece(Channel::Answer, "He."), Update::Ended(Box::new(ended(Finish::EndOfGeneration)))];
        assert_eq!(sent(true, &never), ["|", "|He."]);
    }

    #[test]
    fn tokens_are_sent_with_their_pieces_and_those_of_reasoning_are_not() {
        let scored = |text: &str| {
            let token = TokenScore { id: 7, bytes: text.as_bytes().to_vec(), log_probability: -1.0 };
            Update::Scored(vec![ScoredToken { token, likeliest: Vec::new() }])
        };
        let mut written = Written::new(true, true);
        let mut step = |update: Update| {
            written.take(&update);
            let piece = written.new_piece();
            piece.map(|piece| {
                let tokens = piece.scores.expect("they were asked for").into_iter().map(|scored| scored.token.bytes);
                (
                    piece.text,
                    piece.begin,
                    tokens.map(|bytes| String::from_utf8(bytes).expect("UTF-8")).collect::<Vec<_>>(),
                )
            })
        };
        assert_eq!(
            [step(scored("Hm.")), step(piece(Channel::Answer, "Hm.")), step(Update::WasReasoning)],
            [None, None, None]
        );
        assert_eq!(step(scored("Hé")), None);
        assert_eq!(step(piece(Channel::Answer, "Hé")), Some(("Hé".into(), 0, vec!["Hé".into()])));
        assert_eq!(step(scored(".")), None);
        assert_eq!(step(piece(Channel::Answer, ".")), Some((".".into(), 2, vec![".".into()])));
        let heading = Heading::new(Form::Chat, 7, UNIX_EPOCH, "toy".into(), "build-1".into());
        let ended = ended(Finish::EndOfGeneration);
        let ending = Ending { ended: &ended, written: &written, documents: &[], citations: &[] };
        let tokens = heading.whole(&written, &ending)["choices"][0]["logprobs"]["content"].clone();
        assert_eq!(tokens.as_array().map(Vec::len), Some(2), "{tokens}");
    }

    #[test]
    fn a_whole_answer_has_openai_s_fields_and_ours() {
        let heading = Heading::new(Form::Chat, 7, UNIX_EPOCH, "toy".into(), "build-1".into());
        let written = Written { answer: "It is red.".into(), reasoning: "Hm.".into(), ..Written::default() };
        let ended = ended(Finish::TokenLimit);
        let ending = Ending { ended: &ended, written: &written, documents: &["book".to_owned()], citations: &[] };
        let object = heading.whole(&written, &ending);
        assert_eq!(
            (&object["id"], &object["object"], &object["model"]),
            (&json!("chatcmpl-0-7"), &json!("chat.completion"), &json!("toy"))
        );
        assert_eq!(object["system_fingerprint"], "build-1");
        let expected = json!([{
            "index": 0, "message": { "role": "assistant", "content": "It is red.", "reasoning_content": "Hm." },
            "logprobs": null, "finish_reason": "length"
        }]);
        assert_eq!(object["choices"], expected);
        let counts = ended.figures.tokens;
        assert_eq!(object["usage"]["prompt_tokens_details"]["cached_tokens"], json!(counts.cached));
        assert_eq!(object["usage"]["total_tokens"], json!(counts.prompt + counts.generated));
        let ours = &object["lunette"];
        assert_eq!(
            (&ours["preset"], &ours["finish"], &ours["note"]),
            (&json!("full"), &json!("token_limit"), &json!("cut off: token limit reached"))
        );
        assert_eq!((&ours["recipe"]["window"], &ours["tokens"]["document"]), (&Value::Null, &json!(counts.document)));
        assert_eq!(object["timings"]["prompt_n"], json!(counts.prefilled));
    }

    #[test]
    fn a_bare_text_has_no_roles_and_no_reasoning() {
        let heading = Heading::new(Form::Text, 1, UNIX_EPOCH, "toy".into(), "build-1".into());
        assert_eq!((heading.first_chunk(), heading.reasoning("Hm.")), (None, None));
        let chunk = heading.piece(&AnswerPiece { text: "red".to_owned(), scores: None, begin: 0 });
        assert_eq!((&chunk["object"], &chunk["choices"][0]["text"]), (&json!("text_completion"), &json!("red")));
    }
}
