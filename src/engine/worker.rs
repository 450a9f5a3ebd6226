//! The engine's thread at work: takes commands one by one, keeps account of the KV cache, prefills and answers.
//!
//! To prefill a prompt, the worker restores the snapshot that holds more of it than the live cache, if there is one,
//! truncates what differs, and computes the rest chunk by chunk. After each chunk it reports progress and checks
//! whether to stop.
//!
//! Example: 12,000 tokens are cached under `quick` and `full` is asked for: the cache is kept as a snapshot, 4,196
//! positions stay, 7,804 are computed. Going back to `quick` restores the snapshot of all 12,000, and nothing is
//! computed.
//!
//! What it does not do: know llama.cpp ([`Machine`] does) or generate answers ([`super::generate`] does).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::cache_index::{CacheIndex, TokenSequence};
use super::calibration::Calibration;
use super::config::{ContextSize, EngineSettings};
use super::cost_model::CostModel;
use super::job::{Job, rate};
use super::machine::{Decoded, Machine};
use super::message::{
    CancelToken, Command, Event, Failure, FailureKind, Figures, Finish, JobId, Memory, Origin, Plan, Progress, Prompt,
};
use super::snapshot_cache::SnapshotCache;
use super::tokenized_prompt::{TokenCache, TokenizedPrompt};
use crate::swaa::{Recipe, RecipeSpec};

/// Fewer tokens than this are computed again faster than they are copied.
const WORTH_KEEPING_TOKENS: u32 = 512;

/// The worker's state; lives on the engine's thread.
pub(super) struct Worker<M: Machine> {
    pub(super) machine: M,
    pub(super) kv: CacheIndex,
    snapshots: SnapshotCache<M::Snapshot>,
    cost_model: CostModel,
    calibration: Calibration,
    pub(super) token_cache: TokenCache,
    settings: EngineSettings,
    events: UnboundedSender<Event>,
    pub(super) inbox: Inbox,
}

/// Commands, and those that were taken from the channel before their turn.
pub(super) struct Inbox {
    receiver: Receiver<Command>,
    waiting: VecDeque<Command>,
}

impl Inbox {
    pub(super) fn new(receiver: Receiver<Command>) -> Self {
        Self { receiver, waiting: VecDeque::new() }
    }

    /// The next command; `None` when the sender is gone.
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
    /// To have it in the cache.
    Keep,
    /// To answer: the logits of the last token are needed, which no cache holds, so that token is always computed.
    Answer,
}

/// How a prefill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefilled {
    Whole,
    /// Stopped between chunks; what was computed is kept.
    Stopped(Finish),
}

impl<M: Machine> Worker<M> {
    pub(super) fn new(
        machine: M,
        cost_model: CostModel,
        calibration: Calibration,
        settings: EngineSettings,
        inbox: Inbox,
        events: UnboundedSender<Event>,
    ) -> Self {
        Self {
            machine,
            kv: CacheIndex::default(),
            snapshots: SnapshotCache::new(settings.resident_bytes),
            cost_model,
            calibration,
            token_cache: TokenCache::default(),
            settings,
            events,
            inbox,
        }
    }

    /// Works until it is told to stop, or until the sender of commands is gone.
    pub(super) fn run(&mut self) {
        while let Some(command) = self.inbox.next() {
            match command {
                Command::Prefill { job, prompt, recipe, cancel } => self.read(job, &prompt, &recipe, cancel),
                Command::Ask(question) => self.ask(&question),
                Command::Forecast { job, prompt, recipe } => self.forecast(job, &prompt, &recipe),
                Command::Count { job, texts } => self.count(job, &texts),
                // The answer that it was meant for is over.
                Command::AnswerNow { .. } => {}
                Command::Shutdown => break,
            }
        }
    }

    /// Sends an event. A closed channel is no failure: the next command will not come either.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn read(&mut self, id: JobId, prompt: &Prompt, spec: &RecipeSpec, cancel: CancelToken) {
        let mut job = Job::new(id, cancel, None);
        let tokenized = self.tokenize(prompt, spec).document_only();
        match self.prefill(&tokenized, Aim::Keep, &mut job) {
            Ok(outcome) => {
                let figures = Box::new(self.figures(&job, tokenized.recipe));
                self.tell(Event::Prefilled { job: id, stopped: outcome != Prefilled::Whole, figures });
            }
            Err(failure) => self.tell(Event::Failed { job: id, failure }),
        }
    }

    fn forecast(&mut self, job: JobId, prompt: &Prompt, spec: &RecipeSpec) {
        let tokenized = self.tokenize(prompt, spec);
        let cached = self.kv.common_prefix(&tokenized.sequence).max(self.snapshots.best_prefix(&tokenized.sequence));
        let plan = self.plan(&tokenized, cached);
        self.tell(Event::Forecast { job, plan });
    }

    fn count(&self, job: JobId, texts: &[Arc<str>]) {
        let count = |text: &Arc<str>| self.machine.tokenize(text, Origin::Text).len() as u32;
        self.tell(Event::Counted { job, tokens: texts.iter().map(count).collect() });
    }

    pub(super) fn tokenize(&mut self, prompt: &Prompt, spec: &RecipeSpec) -> TokenizedPrompt {
        TokenizedPrompt::new(prompt, spec, &self.machine, &mut self.token_cache)
    }

    /// Makes the cache hold `tokenized`, computing only what neither it nor a snapshot holds.
    /// Errors: [`FailureKind::DoesNotFit`] before any work.
    pub(super) fn prefill(
        &mut self,
        tokenized: &TokenizedPrompt,
        aim: Aim,
        job: &mut Job,
    ) -> Result<Prefilled, Failure> {
        self.make_room(tokenized.sequence.len())?;
        let cached = self.reuse(tokenized, aim)?;
        job.tokens.document = tokenized.document_tokens;
        job.tokens.prompt = tokenized.sequence.len();
        job.tokens.cached = cached;
        self.tell(Event::Planned { job: job.id, plan: self.plan(tokenized, cached) });
        let started = Instant::now();
        let outcome = self.read_on(tokenized, job, started);
        job.timings.prefill = started.elapsed();
        job.tokens.prefilled = self.kv.len() - cached;
        job.timings.prefill_tokens_per_s = rate(job.tokens.prefilled, job.timings.prefill);
        self.calibration.record(job.tokens.prefilled, self.cost_model.sums());
        outcome
    }

    /// Prefills from where the cache ends to the end of `tokenized`. No chunk holds both document and question,
    /// whatever their attention: a document that was prefilled ahead and one that is prefilled with its question are
    /// then computed in the same calls.
    fn read_on(&mut self, tokenized: &TokenizedPrompt, job: &Job, started: Instant) -> Result<Prefilled, Failure> {
        let sequence = &tokenized.sequence;
        loop {
            let start = self.kv.len();
            let before_question = tokenized.document_tokens.checked_sub(start).filter(|&left| left > 0);
            let limit = before_question.unwrap_or(u32::MAX).min(self.settings.batch_tokens());
            let Some((tokens, attention)) = sequence.chunk_from(start, limit) else { return Ok(Prefilled::Whole) };
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
            self.cost_model.observe(start, tokens.len() as u32, attention, elapsed);
            self.tell_progress(sequence, job, started, rate(tokens.len() as u32, elapsed));
        }
    }

    fn tell_progress(&self, sequence: &TokenSequence, job: &Job, started: Instant, tokens_per_s: f64) {
        let progress = Progress {
            done_tokens: self.kv.len(),
            total_tokens: sequence.len(),
            cached_tokens: job.tokens.cached,
            elapsed: started.elapsed(),
            tokens_per_s,
            remaining: self.cost_model.predict(sequence, self.kv.len()),
        };
        self.tell(Event::Prefilling { job: job.id, progress });
    }

    /// Leaves in the cache what it or a snapshot holds of `tokenized`, and nothing else. Returns how many positions
    /// that is.
    fn reuse(&mut self, tokenized: &TokenizedPrompt, aim: Aim) -> Result<u32, Failure> {
        let sequence = &tokenized.sequence;
        let live = self.kv.common_prefix(sequence);
        let replaced = self.copy_if_worth_keeping(live)?;
        if self.snapshots.best_prefix(sequence) > live
            && let Some((log, snapshot)) = self.snapshots.best(sequence)
        {
            self.machine.restore(snapshot)?;
            self.kv = log.clone();
        }
        // Only now: keeping the one must not drop the other.
        if let Some((log, snapshot)) = replaced {
            let bytes = M::snapshot_bytes(&snapshot);
            let dropped = self.snapshots.keep(log, snapshot, bytes);
            tracing::debug!(bytes, dropped, "reading kept as a snapshot");
        }
        let keep = self.reusable_positions(tokenized, aim);
        self.cut(keep)?;
        Ok(keep)
    }

    /// How many positions of the cache are reused.
    ///
    /// For an answer, a call that would be reused in part is computed whole: the same question then gets the same
    /// answer. Never more than the tail, though: a document is not computed again for the sake of rounding.
    fn reusable_positions(&self, tokenized: &TokenizedPrompt, aim: Aim) -> u32 {
        let cache_state = self.kv.common_prefix(&tokenized.sequence);
        match aim {
            Aim::Keep => cache_state,
            Aim::Answer => {
                let cache_state = cache_state.min(tokenized.sequence.len().saturating_sub(1));
                self.kv.call_of(cache_state).max(cache_state.min(tokenized.document_tokens))
            }
        }
    }

    /// A snapshot of the cache, if what is behind the first `staying` positions is worth keeping and is not kept yet.
    fn copy_if_worth_keeping(&self, staying: u32) -> Result<Option<(CacheIndex, M::Snapshot)>, Failure> {
        let lost = self.kv.len() - staying;
        let bytes = self.machine.memory(self.kv.len()).kv_used_bytes;
        if lost < WORTH_KEEPING_TOKENS || self.snapshots.holds(&self.kv) || !self.snapshots.has_room_for(bytes) {
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

    /// Makes room for `prompt_tokens` and at least one more; with half of the reserve left, the context does not grow.
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

    fn plan(&self, tokenized: &TokenizedPrompt, cached: u32) -> Plan {
        Plan {
            recipe: tokenized.recipe.clone(),
            document_tokens: tokenized.document_tokens,
            prompt_tokens: tokenized.sequence.len(),
            cached_tokens: cached,
            to_prefill_tokens: tokenized.sequence.len() - cached,
            predicted: self.cost_model.predict(&tokenized.sequence, cached),
            context_tokens: self.machine.context_tokens(),
        }
    }

    pub(super) fn figures(&self, job: &Job, recipe: Recipe) -> Figures {
        Figures {
            recipe,
            tokens: job.tokens,
            timings: job.timings,
            memory: self.memory(),
            prefill_cost: self.cost_model.cost(),
            context_tokens: self.machine.context_tokens(),
        }
    }

    fn memory(&self) -> Memory {
        Memory { resident_bytes: self.snapshots.bytes(), ..self.machine.memory(self.kv.len()) }
    }
}
