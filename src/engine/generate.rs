//! Answers one question: prefill, then token by token until something ends the answer.
//!
//! Sampled bytes become characters ([`Utf8Assembler`]), which are split into reasoning and answer ([`Splitter`]) and
//! sent as events. The model, a stop string, a limit or the user ends the answer.
//!
//! When the reasoning has used up its budget, its closing tag is appended to the context as if the model had generated
//! it, and the model continues from there.

use std::time::Instant;

use super::cache_index::Token;
use super::job::{Job, rate};
use super::machine::{Decoded, Machine};
use super::message::{Channel, Event, Failure, Finish, Limits, Origin, Question};
use super::split::Splitter;
use super::tokenized_prompt::TokenizedPrompt;
use super::utf8::Utf8Assembler;
use super::worker::{Aim, Prefilled, Worker};
use crate::swaa::Attention;

/// An answer that is being generated.
struct Writing {
    limits: Limits,
    close_tag: Option<String>,
    /// Whether control tokens become text: only if the reasoning tags may be control tokens.
    special: bool,
    decoding: Attention,
    assembler: Utf8Assembler,
    splitter: Splitter,
    tokens: Vec<Token>,
    answer: String,
    reasoning_started: Option<Instant>,
    answers_now: bool,
}

impl Writing {
    fn new(question: &Question, tokenized: &TokenizedPrompt) -> Self {
        Self {
            limits: question.limits.clone(),
            close_tag: question.reasoning.as_ref().map(|tags| tags.close.clone()),
            special: question.reasoning.is_some(),
            decoding: tokenized.recipe.decoding().clone(),
            assembler: Utf8Assembler::default(),
            splitter: Splitter::new(question.reasoning.clone(), question.limits.stop.clone()),
            tokens: Vec::new(),
            answer: String::new(),
            reasoning_started: None,
            answers_now: false,
        }
    }

    /// Whether the reasoning has to be ended now: its budget is used up, or the user asked for the answer.
    fn reasoned_enough(&self, reasoning_tokens: u32) -> bool {
        let spent = self.limits.reasoning_tokens.is_some_and(|budget| reasoning_tokens >= budget);
        self.splitter.is_reasoning() && (spent || self.answers_now)
    }

    /// Whether `tokens` alone reproduce the answer's text, so that later prompts can use them instead of tokenising it.
    fn is_verbatim(&self, job: &Job, finish: Finish) -> bool {
        job.tokens.reasoning == 0 && self.close_tag.is_none() && finish != Finish::StopString
    }
}

impl<M: Machine> Worker<M> {
    pub(super) fn ask(&mut self, question: &Question) {
        let mut job = self.begin(question.job, question.cancel.clone(), question.limits.time);
        let tokenized = self.tokenize(&question.prompt, &question.recipe);
        let outcome = self.prefill_and_write(question, &tokenized, &mut job);
        self.threads.after_job();
        match outcome {
            Ok(finish) => {
                let figures = Box::new(self.figures(&job, tokenized.recipe));
                self.tell(Event::Answered { job: job.id, finish, figures });
            }
            Err(failure) => self.tell(Event::Failed { job: job.id, failure }),
        }
    }

    fn prefill_and_write(
        &mut self,
        question: &Question,
        tokenized: &TokenizedPrompt,
        job: &mut Job,
    ) -> Result<Finish, Failure> {
        if let Prefilled::Stopped(finish) = self.prefill(tokenized, Aim::Answer, job)? {
            return Ok(finish);
        }
        self.machine.start_sampling(&question.sampling, tokenized.sequence.tokens());
        let mut writing = Writing::new(question, tokenized);
        let started = Instant::now();
        let finish = self.write(&mut writing, job)?;
        job.timings.decode = started.elapsed();
        // The first token comes from the prefill, so the rate counts only the tokens after it.
        let after_first = (job.started + job.timings.first_token).elapsed();
        job.timings.decode_tokens_per_s = rate(job.tokens.generated.saturating_sub(1), after_first);
        self.hand_over_rest(&mut writing, job);
        if writing.is_verbatim(job, finish) {
            self.token_cache.remember_answer(writing.answer, writing.tokens);
        }
        Ok(finish)
    }

    /// Samples and emits until something ends the answer.
    fn write(&mut self, writing: &mut Writing, job: &mut Job) -> Result<Finish, Failure> {
        loop {
            if let Some(finish) = job.watch.stop() {
                return Ok(finish);
            }
            writing.answers_now |= self.inbox.takes_answer_now(job.id);
            if writing.reasoned_enough(job.tokens.reasoning) {
                self.close_reasoning(writing, job)?;
            }
            let token = self.machine.sample();
            if job.tokens.generated == 0 {
                job.timings.first_token = job.started.elapsed();
            }
            if self.machine.ends_generation(token) {
                return Ok(Finish::EndOfGeneration);
            }
            let bytes = self.machine.token_bytes(token, writing.special);
            self.emit(writing, job, &bytes);
            job.tokens.generated += 1;
            writing.tokens.push(token);
            if let Some(finish) = self.ended(writing, job) {
                return Ok(finish);
            }
            if self.append(&[token], writing, job)? == Decoded::Interrupted {
                return Ok(job.watch.stop().unwrap_or(Finish::Cancelled));
            }
        }
    }

    /// Why the answer ends after the token just written, if it does.
    fn ended(&self, writing: &Writing, job: &Job) -> Option<Finish> {
        if writing.splitter.is_stopped() {
            Some(Finish::StopString)
        } else if writing.limits.max_tokens.is_some_and(|most| job.tokens.generated >= most) {
            Some(Finish::TokenLimit)
        } else if self.kv.len() + 1 >= self.machine.context_tokens() {
            Some(Finish::ContextFull)
        } else {
            None
        }
    }

    /// Appends tokens of the answer to the cache.
    fn append(&mut self, tokens: &[Token], writing: &Writing, job: &mut Job) -> Result<Decoded, Failure> {
        self.follow_load(job);
        let start = self.kv.len();
        let decoded = self.machine.decode(tokens, start, &writing.decoding, &|| job.watch.stop().is_some())?;
        match decoded {
            Decoded::Done => self.kv.push(tokens, &writing.decoding),
            Decoded::Interrupted => self.machine.truncate(start)?,
        }
        Ok(decoded)
    }

    /// Appends the closing tag in place of the model. Does nothing if the context has no room for it: the answer ends
    /// anyway.
    fn close_reasoning(&mut self, writing: &mut Writing, job: &mut Job) -> Result<(), Failure> {
        let Some(close) = &writing.close_tag else { return Ok(()) };
        let text = format!("\n{close}\n\n");
        let tokens = self.machine.tokenize(&text, Origin::Template);
        if self.kv.len() + tokens.len() as u32 >= self.machine.context_tokens() {
            return Ok(());
        }
        self.append(&tokens, writing, job)?;
        job.tokens.generated += tokens.len() as u32;
        writing.tokens.extend(tokens);
        self.emit(writing, job, text.as_bytes());
        Ok(())
    }

    /// Sends bytes as text, and updates the count and time of the reasoning.
    fn emit(&self, writing: &mut Writing, job: &mut Job, bytes: &[u8]) {
        let was_reasoning = writing.splitter.is_reasoning();
        let text = writing.assembler.push(bytes);
        let pieces = writing.splitter.push(&text);
        if writing.splitter.is_reasoning() || was_reasoning {
            job.tokens.reasoning += 1;
            let started = *writing.reasoning_started.get_or_insert_with(Instant::now);
            job.timings.reasoning = started.elapsed();
        }
        self.hand_over(writing, job, pieces);
    }

    fn hand_over(&self, writing: &mut Writing, job: &Job, pieces: Vec<(Channel, String)>) {
        for (channel, text) in pieces {
            if channel == Channel::Answer {
                writing.answer.push_str(&text);
            }
            self.tell(Event::Piece { job: job.id, channel, text });
        }
    }

    /// Sends the text that was held back, after the end of the answer.
    fn hand_over_rest(&self, writing: &mut Writing, job: &Job) {
        let text = writing.assembler.finish();
        let mut pieces = writing.splitter.push(&text);
        pieces.extend(writing.splitter.finish());
        self.hand_over(writing, job, pieces);
    }
}
