//! The engine's thread at work: takes commands one by one, owns the KV cache's bookkeeping, reads and answers.
//!
//! The picture: a desk with one open book (the cache, described by a [`KvLog`]), a shelf of other readings, and a tray of commands.
//! To read something, the worker takes from the shelf whatever holds more of it than the open book, cuts off what differs,
//! and reads on from there, chunk by chunk, saying after each how far it is and looking whether it should stop.
//!
//! Example: 12,000 tokens read under `quick`; `full` is asked for: the open book goes on the shelf, 4,196 positions stay, 7,804 are read.
//! Going back to `quick`: the shelf holds all 12,000, nothing is read.
//!
//! What it does not do: know llama.cpp ([`Machine`] does) or sample ([`super::generate`] does).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::config::{ContextSize, EngineSettings};
use super::forecast::Forecaster;
use super::job::{Job, rate};
use super::kv_log::{KvLog, Reading};
use super::machine::{Decoded, Machine};
use super::message::{
    CancelToken, Command, Event, Failure, FailureKind, Figures, Finish, JobId, Memory, Origin, Plan, Progress, Prompt,
};
use super::readings::Readings;
use super::speeds::Ledger;
use super::wanted::{KnownTexts, Wanted};
use crate::swaa::{Recipe, RecipeSpec};

/// A reading shorter than this is quicker read again than kept.
const WORTH_KEEPING_TOKENS: u32 = 512;

/// The worker's state; lives on the engine's thread.
pub(super) struct Worker<M: Machine> {
    pub(super) machine: M,
    pub(super) kv: KvLog,
    shelf: Readings<M::Snapshot>,
    forecaster: Forecaster,
    ledger: Ledger,
    pub(super) known: KnownTexts,
    settings: EngineSettings,
    events: UnboundedSender<Event>,
    pub(super) inbox: Inbox,
}

/// Commands, with those that were looked at before their turn.
pub(super) struct Inbox {
    receiver: Receiver<Command>,
    waiting: VecDeque<Command>,
}

impl Inbox {
    pub(super) fn new(receiver: Receiver<Command>) -> Self {
        Self { receiver, waiting: VecDeque::new() }
    }

    /// The next command; `None` when nobody can send one any more.
    fn next(&mut self) -> Option<Command> {
        self.waiting.pop_front().or_else(|| self.receiver.recv().ok())
    }

    /// Whether `job` has been asked to answer now. Other commands keep their order.
    pub(super) fn takes_answer_now(&mut self, job: JobId) -> bool {
        self.waiting.extend(self.receiver.try_iter());
        let before = self.waiting.len();
        self.waiting.retain(|command| *command != Command::AnswerNow { job });
        self.waiting.len() < before
    }
}

/// What a prefill is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// To have it read.
    Keep,
    /// To answer: the logits of the last token are needed, which no cache holds, so that token is always computed.
    Answer,
}

/// How a prefill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefilled {
    Whole,
    /// Stopped between chunks; what was read is kept.
    Stopped(Finish),
}

impl<M: Machine> Worker<M> {
    pub(super) fn new(
        machine: M,
        forecaster: Forecaster,
        ledger: Ledger,
        settings: EngineSettings,
        inbox: Inbox,
        events: UnboundedSender<Event>,
    ) -> Self {
        Self {
            machine,
            kv: KvLog::default(),
            shelf: Readings::new(settings.resident_bytes),
            forecaster,
            ledger,
            known: KnownTexts::default(),
            settings,
            events,
            inbox,
        }
    }

    /// Works until it is told to stop, or until nobody is left to tell it anything.
    pub(super) fn run(&mut self) {
        while let Some(command) = self.inbox.next() {
            match command {
                Command::Read { job, prompt, recipe, cancel } => self.read(job, &prompt, &recipe, cancel),
                Command::Ask(question) => self.ask(&question),
                Command::Forecast { job, prompt, recipe } => self.forecast(job, &prompt, &recipe),
                Command::Count { job, texts } => self.count(job, &texts),
                // The answer that it was meant for is over.
                Command::AnswerNow { .. } => {}
                Command::Shutdown => break,
            }
        }
    }

    /// Tells; nobody listening is no failure, the next command will say so.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn read(&mut self, id: JobId, prompt: &Prompt, spec: &RecipeSpec, cancel: CancelToken) {
        let mut job = Job::new(id, cancel, None);
        let wanted = self.wanted(prompt, spec).document_only();
        match self.prefill(&wanted, Aim::Keep, &mut job) {
            Ok(outcome) => {
                let figures = Box::new(self.figures(&job, wanted.recipe));
                self.tell(Event::Read { job: id, stopped: outcome != Prefilled::Whole, figures });
            }
            Err(failure) => self.tell(Event::Failed { job: id, failure }),
        }
    }

    fn forecast(&mut self, job: JobId, prompt: &Prompt, spec: &RecipeSpec) {
        let wanted = self.wanted(prompt, spec);
        let cached = self.kv.common_prefix(&wanted.reading).max(self.shelf.best_prefix(&wanted.reading));
        let plan = self.plan(&wanted, cached);
        self.tell(Event::Forecast { job, plan });
    }

    fn count(&self, job: JobId, texts: &[Arc<str>]) {
        let count = |text: &Arc<str>| self.machine.tokenize(text, Origin::Text).len() as u32;
        self.tell(Event::Counted { job, tokens: texts.iter().map(count).collect() });
    }

    pub(super) fn wanted(&mut self, prompt: &Prompt, spec: &RecipeSpec) -> Wanted {
        Wanted::new(prompt, spec, &self.machine, &mut self.known)
    }

    /// Makes the cache hold `wanted`, reading only what neither it nor the shelf holds.
    /// Errors: [`FailureKind::DoesNotFit`] before any work.
    pub(super) fn prefill(&mut self, wanted: &Wanted, aim: Aim, job: &mut Job) -> Result<Prefilled, Failure> {
        self.make_room(wanted.reading.len())?;
        let cached = self.reuse(wanted, aim)?;
        job.tokens.document = wanted.document_tokens;
        job.tokens.prompt = wanted.reading.len();
        job.tokens.cached = cached;
        self.tell(Event::Planned { job: job.id, plan: self.plan(wanted, cached) });
        let started = Instant::now();
        let outcome = self.read_on(wanted, job, started);
        job.timings.prefill = started.elapsed();
        job.tokens.prefilled = self.kv.len() - cached;
        job.timings.prefill_tokens_per_s = rate(job.tokens.prefilled, job.timings.prefill);
        self.ledger.record(job.tokens.prefilled, self.forecaster.sums());
        outcome
    }

    /// Reads from where the cache ends to the end of `wanted`. No chunk holds both document and question, whatever their attention:
    /// a document that was read ahead and one that is read with its question are then computed in the same calls.
    fn read_on(&mut self, wanted: &Wanted, job: &Job, started: Instant) -> Result<Prefilled, Failure> {
        let reading = &wanted.reading;
        loop {
            let start = self.kv.len();
            let before_question = wanted.document_tokens.checked_sub(start).filter(|&left| left > 0);
            let limit = before_question.unwrap_or(u32::MAX).min(self.settings.batch_tokens());
            let Some((tokens, attention)) = reading.chunk_from(start, limit) else { return Ok(Prefilled::Whole) };
            if let Some(finish) = job.watch.stop() {
                return Ok(Prefilled::Stopped(finish));
            }
            let chunk_started = Instant::now();
            if self.machine.decode(tokens, start, attention, &|| job.watch.stop().is_some())? == Decoded::Interrupted {
                self.machine.truncate(start)?;
                continue;
            }
            let elapsed = chunk_started.elapsed();
            self.kv.push(tokens, attention);
            self.forecaster.observe(start, tokens.len() as u32, attention, elapsed);
            self.tell_progress(reading, job, started, rate(tokens.len() as u32, elapsed));
        }
    }

    fn tell_progress(&self, reading: &Reading, job: &Job, started: Instant, tokens_per_s: f64) {
        let progress = Progress {
            done_tokens: self.kv.len(),
            total_tokens: reading.len(),
            cached_tokens: job.tokens.cached,
            elapsed: started.elapsed(),
            tokens_per_s,
            remaining: self.forecaster.predict(reading, self.kv.len()),
        };
        self.tell(Event::Prefilling { job: job.id, progress });
    }

    /// Leaves in the cache what it or the shelf holds of `reading`, and nothing else. Returns how many positions that is.
    fn reuse(&mut self, wanted: &Wanted, aim: Aim) -> Result<u32, Failure> {
        let reading = &wanted.reading;
        let live = self.kv.common_prefix(reading);
        let replaced = self.copy_if_worth_keeping(live)?;
        if self.shelf.best_prefix(reading) > live
            && let Some((log, snapshot)) = self.shelf.best(reading)
        {
            self.machine.restore(snapshot)?;
            self.kv = log.clone();
        }
        // Only now: making room for the one must not throw away the other.
        if let Some((log, snapshot)) = replaced {
            let bytes = M::snapshot_bytes(&snapshot);
            let dropped = self.shelf.keep(log, snapshot, bytes);
            tracing::debug!(bytes, dropped, "reading put on the shelf");
        }
        let keep = self.start_of_reading(wanted, aim);
        self.cut(keep)?;
        Ok(keep)
    }

    /// From where on the cache has to be read anew.
    ///
    /// For an answer, the call that is cut in two is computed whole: the same question then gets the same answer.
    /// Never more than the tail, though: a document is not read again for the sake of rounding.
    fn start_of_reading(&self, wanted: &Wanted, aim: Aim) -> u32 {
        let held = self.kv.common_prefix(&wanted.reading);
        match aim {
            Aim::Keep => held,
            Aim::Answer => {
                let held = held.min(wanted.reading.len().saturating_sub(1));
                self.kv.call_of(held).max(held.min(wanted.document_tokens))
            }
        }
    }

    /// A copy of the open reading, if what lies behind `staying` is worth a place on the shelf and not there yet.
    fn copy_if_worth_keeping(&self, staying: u32) -> Result<Option<(KvLog, M::Snapshot)>, Failure> {
        let lost = self.kv.len() - staying;
        let bytes = self.machine.memory(self.kv.len()).kv_used_bytes;
        if lost < WORTH_KEEPING_TOKENS || self.shelf.holds(&self.kv) || !self.shelf.has_room_for(bytes) {
            return Ok(None);
        }
        Ok(Some((self.kv.clone(), self.machine.snapshot()?)))
    }

    fn cut(&mut self, len: u32) -> Result<(), Failure> {
        if len < self.kv.len() {
            self.machine.truncate(len)?;
            self.kv.truncate(len);
        }
        Ok(())
    }

    /// Sees to it that `prompt_tokens` and at least one more fit; with half of the reserve left, a context is not grown.
    fn make_room(&mut self, prompt_tokens: u32) -> Result<(), Failure> {
        let limit = self.context_limit();
        if prompt_tokens >= limit {
            return Err(self.does_not_fit(prompt_tokens, limit));
        }
        let least = (prompt_tokens + 1).max((prompt_tokens + self.settings.reserve_tokens / 2).min(limit));
        if self.machine.context_tokens() >= least {
            return Ok(());
        }
        self.machine.resize(self.settings.context.made_for(prompt_tokens, self.settings.reserve_tokens, limit))
    }

    fn context_limit(&self) -> u32 {
        self.settings.context.limit(self.machine.train_context_tokens())
    }

    fn does_not_fit(&self, need: u32, have: u32) -> Failure {
        let (whose, hint) = match self.settings.context {
            ContextSize::Tokens(_) => (
                "the context asked for",
                "raise -c, or let `lunette fit` with the same flags say which parts would fit",
            ),
            ContextSize::Fit => (
                "this model",
                "`lunette fit` with the same flags says which parts would fit, or take a model with a longer context",
            ),
        };
        Failure {
            kind: FailureKind::DoesNotFit,
            message: format!("the prompt has {need} tokens and {whose} holds {have}, an answer included"),
            hint: Some(format!("{hint}; up to {} tokens of prompt fit", have.saturating_sub(1))),
        }
    }

    fn plan(&self, wanted: &Wanted, cached: u32) -> Plan {
        Plan {
            recipe: wanted.recipe.clone(),
            document_tokens: wanted.document_tokens,
            prompt_tokens: wanted.reading.len(),
            cached_tokens: cached,
            to_prefill_tokens: wanted.reading.len() - cached,
            predicted: self.forecaster.predict(&wanted.reading, cached),
            context_tokens: self.machine.context_tokens(),
        }
    }

    pub(super) fn figures(&self, job: &Job, recipe: Recipe) -> Figures {
        Figures {
            recipe,
            tokens: job.tokens,
            timings: job.timings,
            memory: self.memory(),
            prefill_cost: self.forecaster.cost(),
            context_tokens: self.machine.context_tokens(),
        }
    }

    fn memory(&self) -> Memory {
        Memory { resident_bytes: self.shelf.bytes(), ..self.machine.memory(self.kv.len()) }
    }
}
