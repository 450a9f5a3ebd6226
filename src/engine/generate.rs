//! Answers one question: prefill, then token by token until something ends the answer.
//!
//! [`Worker::turn`] goes from the scores of the newest token to the next token that belongs into the cache. Who puts it there is
//! [`super::lanes`]: for one answer alone, or for several together.
//!
//! Sampled bytes become characters ([`Utf8Assembler`]), which are split into reasoning and answer ([`Splitter`]) and
//! sent as events. The model, a stop string, a limit, the user or a loop ([`RepetitionGuard`]) ends the answer.
//!
//! A token of an answer that is alone is put into the cache by [`super::verify`], several at once where they were drafted.
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
use super::tokenized_prompt::TokenizedPrompt;
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

/// An answer that is being generated. `S` is what shapes its sampling.
pub(super) struct Writing<S> {
    sampler: S,
    limits: Limits,
    markup: Box<OutputMarkup>,
    schema: Schema,
    pub(super) verifying: Verifying,
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

/// What an answer goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The rest of the prompt is read.
    Prompt,
    /// The token that was just written belongs into the cache.
    Token(Token),
    /// The answer is asked for: these tokens belong into the cache.
    Cue(Vec<Token>),
    Ended(Finish),
}

/// Where an answer stands in the last decode call, and in the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// How many tokens of the last call come after its own.
    pub others_after: u32,
    pub room_tokens: u32,
}

/// A question whose answer is being written.
pub(super) struct Answering<M: Machine> {
    pub job: Job,
    pub tokenized: TokenizedPrompt,
    pub writing: Writing<M::Sampler>,
    /// When its prompt was read.
    pub prefilled: Instant,
}

impl<S> Writing<S> {
    pub(super) fn new(question: &Question, sampler: S, verifying: Verifying) -> Self {
        Self {
            sampler,
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

    /// Most tokens of reasoning and answer.
    pub(super) fn max_tokens(&self) -> Option<u32> {
        self.limits.max_tokens
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

/// What becomes of a question whose prompt is prefilled.
enum Begun<M: Machine> {
    Writing(Box<Answering<M>>),
    /// It was stopped before.
    Stopped(Box<Job>, Recipe, Finish),
}

/// Why the answer ends after the token just written, if it does.
fn ended<S>(writing: &Writing<S>, job: &Job, room_tokens: u32) -> Option<Finish> {
    match writing.splitter.stopped() {
        Some(Stopped::StopString) => Some(Finish::StopString),
        Some(Stopped::EndOfTurn { .. }) => Some(Finish::EndOfGeneration),
        None if writing.limits.max_tokens.is_some_and(|most| job.tokens.generated >= most) => Some(Finish::TokenLimit),
        None if room_tokens <= 1 => Some(Finish::ContextFull),
        None if writing.repeats && !writing.can_close_reasoning() => Some(Finish::Repetition),
        None => None,
    }
}

fn new_guard(limits: &Limits) -> Option<RepetitionGuard> {
    (limits.repetition == Repetition::Ends).then(RepetitionGuard::default)
}

impl<M: Machine> Worker<M> {
    /// Answers `question`, and others that join it meanwhile.
    pub(super) fn ask(&mut self, question: &Question) {
        if let Err(failure) = self.refuse_endless(&question.prompt, &question.recipe) {
            return self.tell(Event::Failed { job: question.job, failure });
        }
        let job = self.begin(question.job, question.cancel.clone(), question.limits.time);
        match self.begin_answer(question, job) {
            Ok(Begun::Writing(answering)) => self.answer_all(*answering),
            Ok(Begun::Stopped(job, recipe, finish)) => self.tell_answered(&job, recipe, finish, None),
            Err(failure) => self.tell(Event::Failed { job: question.job, failure }),
        }
        self.threads.after_job();
    }

    fn begin_answer(&mut self, question: &Question, mut job: Job) -> Result<Begun<M>, Failure> {
        let (tokenized, prefilled) = self.prefill_question(question, &mut job)?;
        if let Prefilled::Stopped(finish) = prefilled {
            return Ok(Begun::Stopped(Box::new(job), tokenized.recipe, finish));
        }
        self.check_logits()?;
        let sampler = self.machine.start_sampling(&question.sampling, tokenized.sequence.tokens());
        let decoding = tokenized.recipe.decoding().clone();
        let verifying = self.begin_verifying(question.drafting, decoding, question.limits.max_tokens);
        let writing = Writing::new(question, sampler, verifying);
        Ok(Begun::Writing(Box::new(Answering { job, tokenized, writing, prefilled: Instant::now() })))
    }

    /// Hands over what was held back, and tells how the answer ended. The cache of the first conversation has it, if `is_first`.
    pub(super) fn conclude(&mut self, answering: Answering<M>, is_first: bool, finish: Finish) {
        let Answering { mut job, tokenized, mut writing, prefilled } = answering;
        job.timings.decode = prefilled.elapsed();
        // The first token comes from the prefill, so the rate counts only the tokens after it.
        let after_first = (job.started + job.timings.first_token).elapsed();
        job.timings.decode_tokens_per_s = rate(job.tokens.generated.saturating_sub(1), after_first);
        self.hand_over_rest(&mut writing, &mut job);
        if is_first {
            self.keep_answer(&tokenized, &job);
        }
        let is_blank = writing.answer.trim().is_empty();
        if writing.splitter.is_verbatim() {
            self.token_cache.remember_answer(std::mem::take(&mut writing.answer), std::mem::take(&mut writing.tokens));
        }
        let was_ended_by_model = matches!(finish, Finish::EndOfGeneration | Finish::StopString);
        let finish = if was_ended_by_model && is_blank { Finish::NoAnswer } else { finish };
        let reasoning_end = writing.how_reasoning_ended(job.tokens.reasoning);
        self.tell_answered(&job, tokenized.recipe, finish, reasoning_end);
    }

    pub(super) fn tell_answered(
        &mut self,
        job: &Job,
        recipe: Recipe,
        finish: Finish,
        reasoning_end: Option<ReasoningEnd>,
    ) {
        self.tell_notes(job.id);
        let figures = Box::new(Figures { reasoning_end, ..self.figures(job, recipe) });
        self.tell(Event::Answered { job: job.id, finish, figures });
    }

    /// Errors: the model's weights are damaged, so that any answer would be noise.
    pub(super) fn check_logits(&self) -> Result<(), Failure> {
        let Some(fault) = self.machine.logits_fault() else { return Ok(()) };
        let hint = "its file is damaged, or its conversion failed: try another copy of this model";
        Err(Failure::new(FailureKind::Model, format!("the model can't answer: {fault}"), Some(hint.to_owned())))
    }

    /// From the scores of an answer's newest token, or of its prompt's last one, to what belongs into the cache next. What is written is told.
    pub(super) fn turn(
        &mut self,
        writing: &mut Writing<M::Sampler>,
        job: &mut Job,
        standing: Standing,
    ) -> Result<Next, Failure> {
        if let Some(finish) = job.watch.stop() {
            return Ok(Next::Ended(finish));
        }
        writing.answers_now |= self.inbox.takes_answer_now(job.id);
        if let Some(why) = writing.why_to_ask(job.tokens.reasoning, standing.room_tokens)
            && let Some(cue) = self.ask_for_answer(why, writing, job, standing.room_tokens)
        {
            return Ok(Next::Cue(cue));
        }
        let token = self.sample(writing, standing.others_after)?;
        if job.tokens.generated == 0 {
            job.timings.first_token = job.started.elapsed();
        }
        if self.machine.ends_generation(token) {
            return Ok(self.end_turn(writing.splitter.is_reasoning(), Finish::EndOfGeneration, writing, job, standing));
        }
        self.score_token(token, writing, standing.others_after)?;
        self.emit_token(token, writing, job);
        let Some(finish) = ended(writing, job, standing.room_tokens) else { return Ok(Next::Token(token)) };
        let in_reasoning = writing.splitter.stopped() == Some(Stopped::EndOfTurn { in_reasoning: true });
        Ok(self.end_turn(in_reasoning, finish, writing, job, standing))
    }

    /// The end of an answer, or of reasoning behind which there is none yet.
    fn end_turn(
        &self,
        in_reasoning: bool,
        finish: Finish,
        writing: &mut Writing<M::Sampler>,
        job: &mut Job,
        standing: Standing,
    ) -> Next {
        let cue = in_reasoning
            .then(|| self.ask_for_answer(ReasoningEnd::EndOfTurn, writing, job, standing.room_tokens))
            .flatten();
        cue.map_or(Next::Ended(finish), Next::Cue)
    }

    /// The next token. If the answer is held to a schema, that begins with the answer's first token.
    fn sample(&mut self, writing: &mut Writing<M::Sampler>, others_after: u32) -> Result<Token, Failure> {
        self.constrain_answer(writing)?;
        let token = self.machine.sample(&mut writing.sampler, others_after)?;
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
        self.machine.sample(&mut writing.sampler, others_after)
    }

    fn constrain_answer(&mut self, writing: &mut Writing<M::Sampler>) -> Result<(), Failure> {
        if let Schema::Later(schema) = &writing.schema
            && writing.splitter.is_answering()
        {
            let begun = self.machine.tokenize(&[(writing.answer.trim_start(), Origin::Text)], Before::Text);
            self.machine.constrain(&mut writing.sampler, schema, &begun)?;
            writing.schema = Schema::Now;
        }
        Ok(())
    }

    /// Appends tokens to the first conversation's cache that the model did not write.
    pub(super) fn append(
        &mut self,
        tokens: &[Token],
        writing: &mut Writing<M::Sampler>,
        job: &mut Job,
    ) -> Result<Decoded, Failure> {
        self.drop_draft(&mut writing.verifying);
        for chunk in tokens.chunks(self.batch_tokens() as usize) {
            if self.decode_answer(chunk, Logits::OfTheLast, &writing.verifying.decoding, job)? == Decoded::Interrupted {
                return Ok(Decoded::Interrupted);
            }
            self.kv.push(chunk, &writing.verifying.decoding);
            self.look_up_behind(chunk, &mut writing.verifying);
            job.tokens.asking += chunk.len() as u32;
        }
        Ok(Decoded::Done)
    }

    /// Closes the reasoning in place of the model; what is returned asks for the answer. `None` if that can't be done: it was tried
    /// before, there is nothing to ask with, or the context has no room for it.
    fn ask_for_answer(
        &self,
        why: ReasoningEnd,
        writing: &mut Writing<M::Sampler>,
        job: &mut Job,
        room_tokens: u32,
    ) -> Option<Vec<Token>> {
        if writing.cues_left == 0 {
            return None;
        }
        let tokens = self.tokenize_behind(&writing.cue());
        if tokens.is_empty() || tokens.len() as u32 >= room_tokens {
            return None;
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
        Some(tokens)
    }

    /// Notes how probable the token is that was just sampled, if the question wants to know.
    fn score_token(&self, token: Token, writing: &mut Writing<M::Sampler>, others_after: u32) -> Result<(), Failure> {
        let Some(count) = writing.n_probs else { return Ok(()) };
        let (own, likeliest) = self.machine.score(token, others_after, count)?;
        let scored = |token: Token, log_probability: f64, special: bool| TokenScore {
            id: token.0,
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
    fn emit_token(&self, token: Token, writing: &mut Writing<M::Sampler>, job: &mut Job) {
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

    fn hand_over(&self, out: Vec<Output>, writing: &mut Writing<M::Sampler>, job: &mut Job) {
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
    fn hand_over_rest(&self, writing: &mut Writing<M::Sampler>, job: &mut Job) {
        let text = writing.assembler.finish();
        let mut out = writing.splitter.push(&text);
        out.extend(writing.splitter.finish());
        self.hand_over(out, writing, job);
    }
}
