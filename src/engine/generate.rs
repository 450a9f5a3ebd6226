//! Answers one question: prefill, then token by token until something ends the answer.
//!
//! Sampled bytes become characters ([`Utf8Assembler`]), which are split into reasoning and answer ([`Splitter`]) and
//! sent as events. The model, a stop string, a limit, the user or a loop ([`RepetitionGuard`]) ends the answer.
//!
//! A token that is written is put into the cache by [`super::verify`], several at once where they were drafted.
//!
//! An answer that is held to a JSON schema ([`super::schema`]) is so from its first token on; the reasoning before it is free.
//!
//! When the reasoning has used up its budget, or the model ends its turn inside of it, the answer is asked for: the
//! prompt's [`OutputMarkup::answer_cue`](super::message::OutputMarkup) (or the closing tag) is prefilled behind the
//! reasoning, and the model continues from there. Example: 12 tokens of cue behind 400 tokens of prompt and 80 of
//! reasoning cost the prefill of 12. The same is done when the reasoning repeats itself.

use std::sync::Arc;
use std::time::Instant;

use super::cache_index::Token;
use super::job::{Job, rate};
use super::machine::{Before, Decoded, Logits, Machine};
use super::message::{
    Channel, Event, Failure, FailureKind, Figures, Finish, Limits, MOST_PROBS, Origin, OutputMarkup, Part, Question,
    ReasoningEnd, Repetition, ScoredToken, Segment, TokenScore,
};
use super::repetition::RepetitionGuard;
use super::scores::Scores;
use super::split::{Output, Splitter, Stopped};
use super::utf8::Utf8Assembler;
use super::verify::Verifying;
use super::worker::{Prefilled, Worker};
use crate::swaa::Recipe;

/// How often an answer is asked for: a model may begin to reason again.
const CUES: u32 = 2;

/// Tokens of context that are kept for the answer when the reasoning fills it.
const ANSWER_ROOM_TOKENS: u32 = 128;

/// Whether the answer is held to a JSON schema.
enum Schema {
    No,
    /// From where the answer begins.
    Later(Arc<str>),
    Now,
}

/// An answer that is being generated.
struct Writing {
    limits: Limits,
    markup: Box<OutputMarkup>,
    schema: Schema,
    verifying: Verifying,
    assembler: Utf8Assembler,
    splitter: Splitter,
    tokens: Vec<Token>,
    answer: String,
    reasoning_started: Option<Instant>,
    reasoning_end: Option<ReasoningEnd>,
    answers_now: bool,
    cues_left: u32,
    /// `None` where the answer may repeat itself.
    guard: Option<RepetitionGuard>,
    repeats: bool,
    /// How many of the likeliest tokens are told; `None`: nothing is told of any.
    n_probs: Option<u32>,
    scores: Scores,
}

impl Writing {
    fn new(question: &Question, verifying: Verifying) -> Self {
        Self {
            limits: question.limits.clone(),
            markup: question.markup.clone(),
            schema: question.schema.clone().map_or(Schema::No, Schema::Later),
            verifying,
            assembler: Utf8Assembler::default(),
            splitter: Splitter::new((*question.markup).clone(), question.limits.stop.clone()),
            tokens: Vec::new(),
            answer: String::new(),
            reasoning_started: None,
            reasoning_end: None,
            answers_now: false,
            cues_left: CUES,
            guard: new_guard(&question.limits),
            repeats: false,
            n_probs: question.sampling.n_probs.map(|count| count.min(MOST_PROBS)),
            scores: Scores::default(),
        }
    }

    /// What closes the reasoning and asks for the answer; empty if nothing can.
    fn cue(&self) -> Vec<Part> {
        if !self.markup.answer_cue.is_empty() {
            return self.markup.answer_cue.clone();
        }
        let part = |close: &str| Part {
            text: format!("\n{close}\n\n").into(),
            origin: Origin::Template,
            segment: Segment::Tail,
        };
        self.splitter.closing_tag().map(part).into_iter().collect()
    }

    /// Why the answer has to be asked for now: the budget or the room is used up, the reasoning repeats itself, the user
    /// asked for it, or nothing else gives an answer.
    fn why_to_ask(&self, reasoning_tokens: u32, room_tokens: u32) -> Option<ReasoningEnd> {
        let spent = self.limits.reasoning_tokens.is_some_and(|budget| reasoning_tokens >= budget);
        let was_asked = self.cues_left < CUES;
        match self.splitter.is_reasoning() {
            true if self.answers_now || self.limits.reasoning_tokens == Some(0) => Some(ReasoningEnd::Asked),
            true if spent || self.repeats || room_tokens < ANSWER_ROOM_TOKENS => Some(ReasoningEnd::Budget),
            false if self.markup.answer_is_asked_for && !was_asked => Some(ReasoningEnd::Closed),
            _ => None,
        }
    }

    /// Whether reasoning that repeats itself can be closed, and the answer asked for.
    fn can_close_reasoning(&self) -> bool {
        self.splitter.is_reasoning() && self.cues_left > 0 && !self.cue().is_empty()
    }

    /// How the reasoning ended, now that the answer has.
    fn how_reasoning_ended(&self, reasoning_tokens: u32) -> Option<ReasoningEnd> {
        let is_open = self.splitter.is_reasoning();
        match self.reasoning_end {
            _ if reasoning_tokens == 0 => None,
            _ if is_open => Some(ReasoningEnd::Never),
            end => end.or(Some(ReasoningEnd::Closed)),
        }
    }
}

/// How an answer ended, and the recipe under which its prompt was prefilled.
struct Written {
    recipe: Recipe,
    finish: Finish,
    reasoning_end: Option<ReasoningEnd>,
}

fn new_guard(limits: &Limits) -> Option<RepetitionGuard> {
    (limits.repetition == Repetition::Ends).then(RepetitionGuard::default)
}

impl<M: Machine> Worker<M> {
    pub(super) fn ask(&mut self, question: &Question) {
        if let Err(failure) = self.refuse_endless(&question.prompt, &question.recipe) {
            return self.tell(Event::Failed { job: question.job, failure });
        }
        let mut job = self.begin(question.job, question.cancel.clone(), question.limits.time);
        let outcome = self.prefill_and_write(question, &mut job);
        self.threads.after_job();
        match outcome {
            Ok(Written { recipe, finish, reasoning_end }) => {
                self.tell_notes(job.id);
                let figures = Box::new(Figures { reasoning_end, ..self.figures(&job, recipe) });
                self.tell(Event::Answered { job: job.id, finish, figures });
            }
            Err(failure) => self.tell(Event::Failed { job: job.id, failure }),
        }
    }

    fn prefill_and_write(&mut self, question: &Question, job: &mut Job) -> Result<Written, Failure> {
        let (tokenized, prefilled) = self.prefill_question(question, job)?;
        if let Prefilled::Stopped(finish) = prefilled {
            return Ok(Written { recipe: tokenized.recipe, finish, reasoning_end: None });
        }
        self.check_logits()?;
        self.machine.start_sampling(&question.sampling, tokenized.sequence.tokens());
        let decoding = tokenized.recipe.decoding().clone();
        let verifying = self.begin_verifying(question.drafting, decoding, question.limits.max_tokens);
        let mut writing = Writing::new(question, verifying);
        let started = Instant::now();
        let finish = self.write(&mut writing, job);
        self.drop_draft(&mut writing.verifying);
        let finish = finish?;
        job.timings.decode = started.elapsed();
        // The first token comes from the prefill, so the rate counts only the tokens after it.
        let after_first = (job.started + job.timings.first_token).elapsed();
        job.timings.decode_tokens_per_s = rate(job.tokens.generated.saturating_sub(1), after_first);
        self.hand_over_rest(&mut writing, job);
        self.keep_answer(&tokenized, job);
        let is_blank = writing.answer.trim().is_empty();
        if writing.splitter.is_verbatim() {
            self.token_cache.remember_answer(std::mem::take(&mut writing.answer), std::mem::take(&mut writing.tokens));
        }
        let was_ended_by_model = matches!(finish, Finish::EndOfGeneration | Finish::StopString);
        let finish = if was_ended_by_model && is_blank { Finish::NoAnswer } else { finish };
        let reasoning_end = writing.how_reasoning_ended(job.tokens.reasoning);
        Ok(Written { recipe: tokenized.recipe, finish, reasoning_end })
    }

    /// Errors: the model's weights are damaged, so that any answer would be noise.
    pub(super) fn check_logits(&self) -> Result<(), Failure> {
        let Some(fault) = self.machine.logits_fault() else { return Ok(()) };
        let hint = "its file is damaged, or its conversion failed: try another copy of this model";
        Err(Failure::new(FailureKind::Model, format!("the model can't answer: {fault}"), Some(hint.to_owned())))
    }

    /// Samples and emits until something ends the answer.
    fn write(&mut self, writing: &mut Writing, job: &mut Job) -> Result<Finish, Failure> {
        loop {
            if let Some(finish) = job.watch.stop() {
                return Ok(finish);
            }
            writing.answers_now |= self.inbox.takes_answer_now(job.id);
            if let Some(why) = writing.why_to_ask(job.tokens.reasoning, self.room_tokens()) {
                self.ask_for_answer(why, writing, job)?;
            }
            let token = self.sample(writing)?;
            if job.tokens.generated == 0 {
                job.timings.first_token = job.started.elapsed();
            }
            if self.machine.ends_generation(token) {
                if writing.splitter.is_reasoning() && self.ask_for_answer(ReasoningEnd::EndOfTurn, writing, job)? {
                    continue;
                }
                return Ok(Finish::EndOfGeneration);
            }
            self.score_token(token, writing)?;
            self.emit_token(token, writing, job);
            if let Some(finish) = self.ended(writing, job) {
                let in_reasoning = Some(Stopped::EndOfTurn { in_reasoning: true });
                if writing.splitter.stopped() == in_reasoning
                    && self.ask_for_answer(ReasoningEnd::EndOfTurn, writing, job)?
                {
                    continue;
                }
                return Ok(finish);
            }
            if self.advance(token, &mut writing.verifying, job)? == Decoded::Interrupted {
                return Ok(job.watch.stop().unwrap_or(Finish::Cancelled));
            }
        }
    }

    /// The next token. If the answer is held to a schema, that begins with the answer's first token.
    fn sample(&mut self, writing: &mut Writing) -> Result<Token, Failure> {
        self.constrain_answer(writing)?;
        let ahead = writing.verifying.draft.ahead();
        let token = self.machine.sample(ahead)?;
        if !matches!(writing.schema, Schema::Later(_)) || writing.splitter.is_reasoning() {
            return Ok(token);
        }
        // The model may reason or not: this token tells.
        let bytes = self.machine.token_bytes(token, false);
        let is_control = bytes.is_empty() && !self.machine.ends_generation(token);
        let text = String::from_utf8_lossy(&bytes);
        if is_control || (!self.machine.ends_generation(token) && !writing.splitter.is_answer(&text)) {
            return Ok(token);
        }
        writing.splitter.begin_answer();
        self.constrain_answer(writing)?;
        self.machine.sample(ahead)
    }

    fn constrain_answer(&mut self, writing: &mut Writing) -> Result<(), Failure> {
        if let Schema::Later(schema) = &writing.schema
            && writing.splitter.is_answering()
        {
            let begun = self.machine.tokenize(&[(writing.answer.trim_start(), Origin::Text)], Before::Text);
            self.machine.constrain(schema, &begun)?;
            writing.schema = Schema::Now;
        }
        Ok(())
    }

    /// Why the answer ends after the token just written, if it does.
    fn ended(&self, writing: &Writing, job: &Job) -> Option<Finish> {
        match writing.splitter.stopped() {
            Some(Stopped::StopString) => Some(Finish::StopString),
            Some(Stopped::EndOfTurn { .. }) => Some(Finish::EndOfGeneration),
            None if writing.limits.max_tokens.is_some_and(|most| job.tokens.generated >= most) => {
                Some(Finish::TokenLimit)
            }
            None if self.room_tokens() <= 1 => Some(Finish::ContextFull),
            None if writing.repeats && !writing.can_close_reasoning() => Some(Finish::Repetition),
            None => None,
        }
    }

    /// Appends tokens that the model did not write to the cache.
    fn append(&mut self, tokens: &[Token], writing: &mut Writing, job: &mut Job) -> Result<Decoded, Failure> {
        self.drop_draft(&mut writing.verifying);
        let decoded = self.decode_answer(tokens, Logits::OfTheLast, &writing.verifying.decoding, job)?;
        if decoded == Decoded::Done {
            self.kv.push(tokens, &writing.verifying.decoding);
            self.look_up_behind(tokens, &mut writing.verifying);
        }
        Ok(decoded)
    }

    /// Closes the reasoning in place of the model and asks for the answer. `false` if that can't be done: it was tried
    /// before, there is nothing to ask with, or the context has no room for it.
    fn ask_for_answer(&mut self, why: ReasoningEnd, writing: &mut Writing, job: &mut Job) -> Result<bool, Failure> {
        if writing.cues_left == 0 {
            return Ok(false);
        }
        let tokens = self.tokenize_behind(&writing.cue());
        if tokens.is_empty() || tokens.len() as u32 >= self.room_tokens() {
            return Ok(false);
        }
        writing.cues_left -= 1;
        writing.guard = new_guard(&writing.limits);
        writing.repeats = false;
        // Where the answer is asked for anyway, the end of the turn is how reasoning ends.
        let is_regular = why == ReasoningEnd::EndOfTurn && writing.markup.answer_is_asked_for;
        writing.reasoning_end = Some(if is_regular { ReasoningEnd::Closed } else { why });
        let text = writing.assembler.finish();
        let mut out = writing.splitter.push(&text);
        out.extend(writing.splitter.end_reasoning());
        self.hand_over(out, writing, job);
        self.tell(Event::AskedForAnswer { job: job.id });
        for chunk in tokens.chunks(self.batch_tokens() as usize) {
            // The loop notices why a call was interrupted.
            if self.append(chunk, writing, job)? == Decoded::Interrupted {
                break;
            }
            job.tokens.asking += chunk.len() as u32;
        }
        Ok(true)
    }

    /// Notes how probable the token is that was just sampled, if the question wants to know.
    fn score_token(&self, token: Token, writing: &mut Writing) -> Result<(), Failure> {
        let Some(count) = writing.n_probs else { return Ok(()) };
        let (own, likeliest) = self.machine.score(token, writing.verifying.draft.ahead(), count)?;
        let scored = |token: Token, log_probability: f64, special: bool| TokenScore {
            bytes: self.machine.token_bytes(token, special),
            log_probability,
        };
        writing.scores.push(ScoredToken {
            token: scored(token, own, false),
            likeliest: likeliest.into_iter().map(|(token, score)| scored(token, score, true)).collect(),
        });
        Ok(())
    }

    /// Sends a token as text.
    fn emit_token(&self, token: Token, writing: &mut Writing, job: &mut Job) {
        let was_reasoning = writing.splitter.is_reasoning();
        let bytes = self.machine.token_bytes(token, false);
        let text = writing.assembler.push(&bytes);
        writing.repeats |= writing.guard.as_mut().is_some_and(|guard| guard.take(token, &text));
        let mut out = writing.splitter.push(&text);
        if bytes.is_empty() {
            // A control token can't be inside a character.
            out.extend(writing.splitter.push(&writing.assembler.finish()));
            let control = self.machine.token_bytes(token, true);
            out.extend(writing.splitter.push_control(&String::from_utf8_lossy(&control)));
        }
        job.tokens.generated += 1;
        writing.tokens.push(token);
        if writing.splitter.is_reasoning() || was_reasoning {
            job.tokens.reasoning += 1;
            let started = *writing.reasoning_started.get_or_insert_with(Instant::now);
            job.timings.reasoning = started.elapsed();
        }
        self.hand_over(out, writing, job);
    }

    fn hand_over(&self, out: Vec<Output>, writing: &mut Writing, job: &mut Job) {
        for output in out {
            match output {
                Output::Text(channel, text) => {
                    if channel == Channel::Answer {
                        writing.answer.push_str(&text);
                    }
                    if writing.n_probs.is_some() {
                        self.tell(Event::Scored { job: job.id, channel, tokens: writing.scores.take(&text) });
                    }
                    self.tell(Event::Piece { job: job.id, channel, text });
                }
                Output::WasReasoning => {
                    writing.answer.clear();
                    job.tokens.reasoning = job.tokens.generated;
                    job.timings.reasoning = (job.started + job.timings.first_token).elapsed();
                    self.tell(Event::WasReasoning { job: job.id });
                }
            }
        }
    }

    /// Sends the text that was held back, after the end of the answer.
    fn hand_over_rest(&self, writing: &mut Writing, job: &mut Job) {
        let text = writing.assembler.finish();
        let mut out = writing.splitter.push(&text);
        out.extend(writing.splitter.finish());
        self.hand_over(out, writing, job);
    }
}
