//! Executes commands one by one on the engine's thread: prefills, answers, and tracks what the KV cache holds.
//!
//! To prefill a prompt, the worker restores a snapshot if one saves more of it than the live cache, cuts what differs
//! ([`super::rewind`]), appends what is on disk, and computes the rest in chunks. After each chunk it reports progress, has
//! the chunk saved to disk and checks whether to stop.
//!
//! Example: 12,000 tokens are cached under `quick`, and the user switches to `full`: the cache is kept as a snapshot,
//! 4,196 positions are reused and 7,804 computed. Switching back to `quick` restores the snapshot of all 12,000 and
//! computes nothing. The next day, both are appended from disk.
//!
//! Under a recipe that is bounded everywhere, the context has one size whatever the length, and each call is made room for ([`super::dropping`]).
//! What was dropped can't be gone back to, so the state at a document's end and at the last turn's is kept as a snapshot, if there is room for it.
//!
//! Where several questions are answered at the same time ([`super::lanes`]), the context is larger by the room that the guests need.
//!
//! Doesn't call llama.cpp ([`Machine`] does) or generate answers ([`super::generate`] does).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::bounded::{Allowed, Bounded};
use super::cache_index::{AdapterKey, CacheIndex, Token, TokenSequence};
use super::calibration::Calibration;
use super::checkpoints::{Checkpoints, Place};
use super::config::{ContextSize, EngineSettings, OwnWindows};
use super::cost_model::CostModel;
use super::disk_cache::{Behind, DiskCache, Worth};
use super::draft::CallCost;
use super::dropping::make_way;
use super::heads::{HeadSearch, KnownHeads};
use super::job::{Job, rate};
use super::machine::{Before, Decoded, Logits, Machine};
use super::message::{
    CancelToken, Command, Event, Failure, FailureKind, Figures, Finish, JobId, Memory, Origin, Part, Plan, Progress,
    Prompt, ReadAhead, Segment,
};
use super::ngrams::NgramIndex;
use super::snapshot_cache::{Kept, SnapshotCache};
use super::threads::ThreadChooser;
use super::tokenized_prompt::{TokenCache, TokenizedPrompt};
use crate::store::blocks::BlockName;
use crate::swaa::{Adapter, Recipe, RecipeSpec};
use crate::units::{bytes, count};

/// Recomputing fewer tokens than this is faster than copying them.
const WORTH_KEEPING_TOKENS: u32 = 512;

/// The worker's state; lives on the engine's thread.
pub(super) struct Worker<M: Machine> {
    pub(super) machine: M,
    pub(super) kv: CacheIndex,
    /// What is on the model.
    adapters: AdapterKey,
    /// The same, as it was asked for.
    pub(super) adapted: Vec<Adapter>,
    pub(super) snapshots: SnapshotCache<M::Snapshot>,
    pub(super) disk: DiskCache,
    pub(super) checkpoints: Checkpoints<M::Snapshot>,
    pub(super) cost_model: CostModel,
    calibration: Calibration,
    pub(super) token_cache: TokenCache,
    pub(super) settings: EngineSettings,
    pub(super) heads: KnownHeads,
    pub(super) search: HeadSearch,
    /// Tokens that the cache holds and that are gone with the next question: passages, or all if the question stands before the document.
    pub(super) fleeting_tokens: u32,
    /// What drafts are taken from.
    pub(super) ngrams: NgramIndex,
    pub(super) call_cost: CallCost,
    /// Whether anything was drafted in this run.
    pub(super) has_drafted: bool,
    /// Of the prompt that was prefilled last.
    pub(super) bounded: Option<Bounded>,
    pub(super) threads: ThreadChooser,
    /// Cells that are kept for conversations beside the first one.
    pub(super) guest_cells: u32,
    /// Memory has no room for them.
    refuses_guests: bool,
    events: UnboundedSender<Event>,
    pub(super) inbox: Inbox,
}

/// The incoming commands, with a queue of those already taken from the channel.
pub(super) struct Inbox {
    receiver: Receiver<Command>,
    waiting: VecDeque<Command>,
}

impl Inbox {
    pub(super) fn new(receiver: Receiver<Command>) -> Self {
        Self { receiver, waiting: VecDeque::new() }
    }

    /// The next command; `None` if the sender is gone.
    fn next(&mut self) -> Option<Command> {
        self.waiting.pop_front().or_else(|| self.receiver.recv().ok())
    }

    /// The next command, if it has come.
    pub(super) fn peek(&mut self) -> Option<&Command> {
        self.waiting.extend(self.receiver.try_iter());
        self.waiting.front()
    }

    /// Takes the command that [`Inbox::peek`] has shown.
    pub(super) fn take(&mut self) -> Option<Command> {
        self.waiting.pop_front()
    }

    /// `command` comes next.
    pub(super) fn put_back(&mut self, command: Command) {
        self.waiting.push_front(command);
    }

    /// Removes the [`Command::AnswerNow`] for `job`; returns whether there was one. Other commands keep their order.
    pub(super) fn takes_answer_now(&mut self, job: JobId) -> bool {
        self.waiting.extend(self.receiver.try_iter());
        let before = self.waiting.len();
        self.waiting.retain(|command| *command != Command::AnswerNow { job });
        self.waiting.len() < before
    }
}

/// How much of a document is tokenised to see whether it is many times too long, in bytes per token of the context.
/// English has four bytes per token, Chinese three, and source code three.
const BEGINNING_BYTES_PER_TOKEN: usize = 6;
/// Documents that are longer than this many beginnings are looked at so.
const TIMES_TOO_LONG: usize = 3;
/// A prompt in bounded memory has no other limit than that positions are numbers.
const ENDLESS_TOKENS: u32 = i32::MAX.unsigned_abs();
/// Shorter documents are always counted exactly: it takes half a second.
const SHORT_BYTES: usize = 1 << 20;

/// How many tokens a text has, by its beginning.
struct Estimate {
    tokens: u32,
    beginning_bytes: u64,
}

/// What a prefill is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// To have the tokens in the cache.
    Keep,
    /// To answer. This needs the logits of the last token, which no cache holds, so that token is always computed.
    Answer,
    /// To answer, with passages that were found while the question was read first. The plan was told then.
    AnswerWithPassages,
}

/// What a prefill is for, and from which position on everything is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Goal {
    aim: Aim,
    compute_from: u32,
}

impl Goal {
    const KEEP: Self = Self { aim: Aim::Keep, compute_from: u32::MAX };
    pub(super) const ANSWER: Self = Self { aim: Aim::Answer, compute_from: u32::MAX };
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
        threads: ThreadChooser,
        inbox: Inbox,
        events: UnboundedSender<Event>,
    ) -> Self {
        Self {
            machine,
            kv: CacheIndex::default(),
            adapters: AdapterKey::NONE,
            adapted: Vec::new(),
            snapshots: SnapshotCache::new(settings.resident_bytes, settings.device_snapshots),
            disk: DiskCache::off(),
            checkpoints: Checkpoints::new(settings.resident_bytes),
            cost_model,
            calibration,
            token_cache: TokenCache::default(),
            settings,
            heads: KnownHeads::default(),
            search: HeadSearch::default(),
            fleeting_tokens: 0,
            ngrams: NgramIndex::default(),
            call_cost: CallCost::CPU,
            has_drafted: false,
            bounded: None,
            threads,
            guest_cells: 0,
            refuses_guests: false,
            events,
            inbox,
        }
    }

    /// The same, with its readings kept on disk.
    pub(super) fn keeping(self, disk: DiskCache) -> Self {
        Self { disk, ..self }
    }

    /// The same, with the retrieval heads that are known of the model.
    pub(super) fn knowing(self, heads: KnownHeads) -> Self {
        Self { heads, ..self }
    }

    /// The same on a device where calls with several tokens cost this.
    pub(super) fn verifying_at(self, call_cost: CallCost) -> Self {
        Self { call_cost, ..self }
    }

    /// Executes commands until [`Command::Shutdown`] or until the sender is gone.
    pub(super) fn run(&mut self) {
        while let Some(command) = self.inbox.next() {
            if self.ends_stopped(&command) {
                continue;
            }
            match command {
                Command::Prefill { job, prompt, recipe, cancel } => self.read(job, &prompt, &recipe, cancel),
                Command::Ask(question) => self.ask(&question),
                Command::Weigh { question, answer } => self.weigh(&question, answer),
                Command::ReadAhead(ahead) => self.read_ahead(&ahead),
                Command::Forecast { job, prompt, recipe } => self.forecast(job, &prompt, &recipe),
                Command::Count { job, texts } => self.count(job, &texts),
                Command::FindHeads { job, trials, urgency, cancel } => self.find_heads(job, &trials, urgency, cancel),
                Command::AllowContext { tokens } => self.settings.context = ContextSize::Tokens(tokens),
                // Its answer has already ended.
                Command::AnswerNow { .. } => {}
                Command::Shutdown => break,
            }
        }
    }

    /// Sends an event. A closed channel is not an error: no more commands will come either.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn read(&mut self, id: JobId, prompt: &Prompt, spec: &RecipeSpec, cancel: CancelToken) {
        let event = match self.prefill_document(id, prompt, spec, cancel) {
            Ok((outcome, figures)) => Event::Prefilled { job: id, stopped: outcome != Prefilled::Whole, figures },
            Err(failure) => Event::Failed { job: id, failure },
        };
        self.tell(event);
    }

    fn prefill_document(
        &mut self,
        id: JobId,
        prompt: &Prompt,
        spec: &RecipeSpec,
        cancel: CancelToken,
    ) -> Result<(Prefilled, Box<Figures>), Failure> {
        self.refuse_endless(prompt, spec)?;
        self.adapt(spec)?;
        let mut job = self.begin(id, cancel, None);
        let tokenized = self.tokenize(prompt, spec).document_only();
        let outcome = self.prefill(&tokenized, Aim::Keep, &mut job);
        self.threads.after_job();
        Ok((outcome?, Box::new(self.figures(&job, tokenized.recipe))))
    }

    /// Reads a document while nothing else is to be done. Afterwards the cache holds what it held before, unless something else is wanted.
    fn read_ahead(&mut self, ahead: &ReadAhead) {
        let ReadAhead { job: id, prompt, recipe, home: (home_prompt, home_recipe), cancel } = ahead;
        if let Err(failure) = self.adapt(home_recipe) {
            return self.tell(Event::Failed { job: *id, failure });
        }
        let home = self.tokenize(home_prompt, home_recipe).document_only();
        if !self.is_at_hand(&home) {
            return self.tell(Event::Failed { job: *id, failure: nowhere_to_keep() });
        }
        let read = self.prefill_document(*id, prompt, recipe, cancel.clone());
        if !cancel.is_cancelled()
            && let Err(failure) = self.go_back_to(&home, &Job::new(*id, cancel.clone(), None))
        {
            tracing::warn!(message = failure.message, "the reading in use is not restored before it is asked about");
        }
        let event = match read {
            Ok((outcome, figures)) => Event::Prefilled { job: *id, stopped: outcome != Prefilled::Whole, figures },
            Err(failure) => Event::Failed { job: *id, failure },
        };
        self.tell(event);
    }

    /// Fills the cache with what is at hand of `home`.
    fn go_back_to(&mut self, home: &TokenizedPrompt, job: &Job) -> Result<(), Failure> {
        self.bounded = self.bounded_by(&home.recipe);
        self.make_room(home)?;
        self.reuse(home, Aim::Keep, job)?;
        self.give_room_back()
    }

    /// Whether the cache can hold something else without losing what it holds of `home`.
    fn is_at_hand(&self, home: &TokenizedPrompt) -> bool {
        let on_disk = self.chain_on_disk(home, u32::MAX).last().map_or(0, BlockName::end);
        let is_on_disk = on_disk + WORTH_KEEPING_TOKENS >= home.sequence.len();
        is_on_disk || self.has_room_for_snapshot()
    }

    /// Whether the next prompt gets back from disk what `log` holds, but for a few tokens at its end.
    pub(super) fn is_on_disk(&self, log: &CacheIndex) -> bool {
        let on_disk = self.disk.longest(log.sequence()).last().map_or(0, BlockName::end);
        self.machine.cuts_anywhere() && on_disk + WORTH_KEEPING_TOKENS >= log.len()
    }

    /// Starts a job, with as many threads as the machine has to spare.
    pub(super) fn begin(&mut self, id: JobId, cancel: CancelToken, time_limit: Option<Duration>) -> Job {
        let mut job = Job::new(id, cancel, time_limit);
        job.threads = self.threads.before_job();
        self.machine.set_threads(job.threads.count);
        tracing::debug!(job = id.0, threads = ?job.threads, "threads");
        job
    }

    /// Follows the load between two decode calls of `job`.
    pub(super) fn follow_load(&mut self, job: &mut Job) {
        let threads = self.threads.between_calls();
        if threads.count != job.threads.count {
            self.machine.set_threads(threads.count);
        }
        job.threads = threads;
    }

    /// Puts the adapters of `spec` onto the model, for the prompts of this job.
    pub(super) fn adapt(&mut self, spec: &RecipeSpec) -> Result<(), Failure> {
        self.adapters = self.machine.adapt(&spec.adapters)?;
        self.adapted.clone_from(&spec.adapters);
        Ok(())
    }

    pub(super) fn forecast(&mut self, job: JobId, prompt: &Prompt, spec: &RecipeSpec) {
        if let Err(failure) = self.adapt(spec) {
            return self.tell(Event::Failed { job, failure });
        }
        self.disk.begin_job(&mut self.machine);
        self.tell_forecast(job, prompt, spec);
    }

    /// A forecast with the present adapters, and with the blocks on disk that were found before: without waiting for either.
    pub(super) fn tell_forecast(&mut self, job: JobId, prompt: &Prompt, spec: &RecipeSpec) {
        if let Some((Estimate { tokens, .. }, recipe)) = self.endless(prompt, spec) {
            let plan = self.plan_of_endless(tokens, recipe);
            return self.tell(Event::Forecast { job, plan });
        }
        let tokenized = self.tokenize(prompt, spec);
        let live = self.saved_by(&self.kv, &tokenized, Goal::KEEP);
        let room = self.context_for(&tokenized);
        let kept = self.snapshots.logs().filter(|log| log.cells() <= room);
        let in_memory = kept.map(|log| self.saved_by(log, &tokenized, Goal::KEEP)).fold(live, u32::max);
        let on_disk = self.chain_on_disk(&tokenized, u32::MAX).last().map_or(0, BlockName::end);
        let plan = self.plan(&tokenized, in_memory.max(on_disk));
        self.tell(Event::Forecast { job, plan });
    }

    /// Counts tokens. Of a text that is many times too long, an estimate is enough: nobody will read it.
    pub(super) fn count(&self, job: JobId, texts: &[Arc<str>]) {
        let count = |text: &Arc<str>| match self.estimate(text) {
            Some(estimate) => estimate.tokens,
            None => self.machine.tokenize(&[(text, Origin::Text)], Before::Mark).len() as u32,
        };
        self.tell(Event::Counted { job, tokens: texts.iter().map(count).collect() });
    }

    pub(super) fn tokenize(&mut self, prompt: &Prompt, spec: &RecipeSpec) -> TokenizedPrompt {
        TokenizedPrompt::new(prompt, spec, self.adapters, &self.machine, &mut self.token_cache)
    }

    /// The tokens of parts that follow what was generated.
    pub(super) fn tokenize_behind(&self, parts: &[Part]) -> Vec<Token> {
        let texts: Vec<(&str, Origin)> = parts.iter().map(|part| (&*part.text, part.origin)).collect();
        self.machine.tokenize(&texts, Before::Text)
    }

    /// Most tokens in one decode call.
    pub(super) fn batch_tokens(&self) -> u32 {
        self.settings.batch_tokens()
    }

    /// Fills the cache with `tokenized`, computing only what neither it nor a snapshot holds.
    /// Errors: [`FailureKind::DoesNotFit`] before any work.
    pub(super) fn prefill(
        &mut self,
        tokenized: &TokenizedPrompt,
        aim: Aim,
        job: &mut Job,
    ) -> Result<Prefilled, Failure> {
        if aim == Aim::Answer && tokenized.sequence.len() == 0 {
            return Err(nothing_to_read());
        }
        self.bounded = self.bounded_by(&tokenized.recipe);
        if let Err(failure) = self.make_room(tokenized) {
            if aim != Aim::Keep {
                // A conversation wants to know by how much it is too long.
                let cached = self.saved_by(&self.kv, tokenized, Goal { aim, compute_from: job.compute_from });
                self.tell(Event::Planned { job: job.id, plan: self.plan(tokenized, cached) });
            }
            return Err(failure);
        }
        self.disk.begin_job(&mut self.machine);
        let (cached, from_disk) = self.reuse(tokenized, aim, job)?;
        self.give_room_back()?;
        self.keep_turn(tokenized)?;
        job.tokens.document = tokenized.document_tokens;
        job.tokens.front = tokenized.front_tokens;
        job.tokens.prompt = tokenized.sequence.len();
        job.tokens.cached = cached;
        job.tokens.from_disk = from_disk;
        self.tell_notes(job.id);
        if aim != Aim::AnswerWithPassages {
            self.tell(Event::Planned { job: job.id, plan: self.plan(tokenized, cached) });
        }
        let started = Instant::now();
        let worth = self.worth(tokenized, job, aim == Aim::AnswerWithPassages || job.tokens.reread > 0);
        let outcome = self.read_on(tokenized, worth, job, started);
        if tokenized.front_tokens > 0 {
            self.fleeting_tokens = self.kv.len();
        }
        job.timings.prefill = started.elapsed();
        job.tokens.prefilled = self.kv.len().saturating_sub(cached);
        job.timings.prefill_tokens_per_s = rate(job.tokens.prefilled, job.timings.prefill);
        self.calibration.record(job.tokens.prefilled, self.cost_model.sums());
        self.disk.end_job(job.tokens.prefilled, &self.kv, worth, &mut self.machine);
        self.disk.call_document(worth.document_tokens, &tokenized.title);
        // A reading that was broken off goes on here in another run.
        let least = if matches!(outcome, Ok(Prefilled::Stopped(_))) { Place::Passing } else { Place::Within };
        self.save_checkpoints(worth.document_tokens, least);
        self.tell_notes(job.id);
        outcome
    }

    /// Tells what there is to tell about the cache on disk.
    pub(super) fn tell_notes(&mut self, job: JobId) {
        for text in self.disk.take_notes() {
            self.tell(Event::Noted { job, text });
        }
    }

    /// Prefills from the end of the cache to the end of `tokenized`. A chunk never contains both document and question,
    /// even if their attention is the same: so a document is computed in the same calls whether it is prefilled ahead
    /// or together with its question.
    fn read_on(
        &mut self,
        tokenized: &TokenizedPrompt,
        worth: Worth,
        job: &mut Job,
        started: Instant,
    ) -> Result<Prefilled, Failure> {
        let sequence = &tokenized.sequence;
        loop {
            let start = self.kv.len();
            let before_question = tokenized.document_tokens.checked_sub(start).filter(|&left| left > 0);
            self.pass(tokenized, job.tokens.cached);
            if before_question.is_none() && start == tokenized.document_tokens {
                self.keep_turn(tokenized)?;
            }
            let limit = before_question.unwrap_or(u32::MAX).min(self.settings.batch_tokens());
            let limit = limit.min(self.tokens_to_next_stop(tokenized));
            let limit = limit.min(self.make_way_for(limit.min(sequence.len() - start))?);
            let Some((tokens, attention)) = sequence.chunk_from(start, limit) else { return Ok(Prefilled::Whole) };
            if let Some(finish) = job.watch.stop() {
                return Ok(Prefilled::Stopped(finish));
            }
            self.follow_load(job);
            let chunk_started = Instant::now();
            let interrupted = || job.watch.stop().is_some();
            let decoded = self.machine.decode(tokens, start, attention, Logits::OfTheLast, &interrupted);
            if !matches!(decoded, Ok(Decoded::Done)) {
                self.recover();
                decoded?;
                continue;
            }
            let elapsed = chunk_started.elapsed();
            let tokens_per_s = rate(tokens.len() as u32, elapsed);
            self.kv.push(tokens, attention);
            self.cost_model.observe(start, tokens.len() as u32, attention, elapsed);
            self.disk.save(&self.kv, worth, tokens_per_s, &mut self.machine);
            self.tell_progress(sequence, self.kv.len(), job, started, tokens_per_s);
        }
    }

    /// What of the prompt is to be kept on disk. A document behind a question is of use to that question alone. Passages are gone with the next
    /// question. An answer with drafts was computed in longer calls than its
    /// blocks would say, and what follows it is computed from it: so once anything was drafted, a run keeps only documents.
    fn worth(&self, tokenized: &TokenizedPrompt, job: &Job, has_passages: bool) -> Worth {
        if tokenized.front_tokens > 0 || !job.keeps_on_disk {
            return Worth::NOTHING;
        }
        let worth = self.disk.worth(tokenized.document_tokens);
        if has_passages || self.has_drafted { Worth { behind: Behind::None, ..worth } } else { worth }
    }

    /// Keeps an answer that was written, so that the next turn can follow it in another run. Thoughts and passages are gone with that turn.
    pub(super) fn keep_answer(&mut self, tokenized: &TokenizedPrompt, job: &Job) {
        if job.tokens.reasoning > 0 || self.fleeting_tokens > 0 {
            return;
        }
        let worth = self.worth(tokenized, job, false);
        self.disk.save(&self.kv, worth, 0.0, &mut self.machine);
        if !self.machine.cuts_anywhere() && self.disk.wants_state(self.kv.len(), worth.document_tokens) {
            self.take_checkpoint(Place::Turn);
            self.save_checkpoints(worth.document_tokens, Place::Turn);
        }
    }

    pub(super) fn tell_progress(
        &self,
        sequence: &TokenSequence,
        done_tokens: u32,
        job: &Job,
        started: Instant,
        tokens_per_s: f64,
    ) {
        let progress = Progress {
            done_tokens,
            total_tokens: sequence.len(),
            cached_tokens: job.tokens.cached,
            elapsed: started.elapsed(),
            tokens_per_s,
            remaining: self.cost_model.predict(sequence, done_tokens),
        };
        self.tell(Event::Prefilling { job: job.id, progress });
    }

    /// How many leading positions of `tokenized` need no prefill if the cache holds, or gets from a snapshot, `log`.
    fn saved_by(&self, log: &CacheIndex, tokenized: &TokenizedPrompt, goal: Goal) -> u32 {
        if log.gap().is_some() {
            // Whether it can be gone back to a call's beginning makes a difference of the whole document.
            return self.reusable_positions(log, tokenized, goal);
        }
        let shared = log.common_prefix(&tokenized.sequence);
        self.checkpoints.cut_position(self.machine.cuts_anywhere(), log, shared)
    }

    /// Reduces the cache to the part of `tokenized` that it or a snapshot holds, and appends what is on disk. Returns the number of positions
    /// kept, and how many of them came from disk.
    fn reuse(&mut self, tokenized: &TokenizedPrompt, aim: Aim, job: &Job) -> Result<(u32, u32), Failure> {
        let goal = Goal { aim, compute_from: job.compute_from };
        self.reuse_memory(tokenized, goal)?;
        if self.kv.sequence().adapters() != tokenized.sequence.adapters() {
            self.cut(0);
            self.kv.adopt(tokenized.sequence.adapters());
        }
        self.leave_gap(tokenized, goal);
        let in_memory = self.append_from_disk(tokenized, goal, job);
        self.cut(self.reusable_positions(&self.kv, tokenized, goal));
        self.fleeting_tokens = 0;
        let keep = self.kv.len();
        self.disk.follow(&self.kv);
        Ok((keep, keep.saturating_sub(in_memory)))
    }

    /// Restores a snapshot if one saves more of `tokenized` than the live cache.
    fn reuse_memory(&mut self, tokenized: &TokenizedPrompt, goal: Goal) -> Result<(), Failure> {
        let live = self.saved_by(&self.kv, tokenized, goal);
        let room = self.context_for(tokenized);
        let fitting = self.snapshots.logs().enumerate().filter(|(_, log)| log.cells() <= room);
        let best = fitting.map(|(index, log)| (self.saved_by(log, tokenized, goal), index)).max();
        // Behind a gap, what the live cache can't go back to may be in a snapshot.
        let staying = if self.kv.gap().is_some() { live.max(best.map_or(0, |(saved, _)| saved)) } else { live };
        let replaced = self.copy_if_worth_keeping(staying)?;
        if let Some((saved, index)) = best
            && saved > live
        {
            let (log, snapshot) = self.snapshots.at(index);
            if let Err(failure) = self.machine.restore(snapshot) {
                self.machine.forget();
                self.kv.truncate(0);
                return Err(failure);
            }
            self.kv = log.clone();
        }
        // Only after restoring: keeping this snapshot may drop that one.
        if let Some((log, snapshot)) = replaced {
            let size = M::snapshot_size(&snapshot);
            let dropped = self.snapshots.keep(log, snapshot, size, Kept::State);
            tracing::debug!(?size, dropped, "cache state kept as a snapshot");
        }
        Ok(())
    }

    /// Appends the blocks on disk that hold more of `sequence` than memory does, if that is quicker than to compute them. Returns where what
    /// the cache held before ends.
    ///
    /// What a block is appended to must be exactly what the block was computed behind. So the cache is cut where it stops to be that, even if
    /// the tokens agree further: then it was computed in other calls.
    ///
    /// A cache that can't be cut anywhere is emptied, and gets the state at the end of the chain after its positions.
    fn append_from_disk(&mut self, tokenized: &TokenizedPrompt, goal: Goal, job: &Job) -> u32 {
        let sequence = &tokenized.sequence;
        let in_memory = self.saved_by(&self.kv, tokenized, goal);
        let chain = self.chain_on_disk(tokenized, most_reusable(tokenized, goal));
        let end = chain.last().map_or(0, BlockName::end);
        let has_moved = self.kv.gap().is_some_and(|gap| gap.moved_by > 0);
        if end <= in_memory || has_moved {
            return in_memory;
        }
        let cuts_anywhere = self.machine.cuts_anywhere();
        let there = if cuts_anywhere { DiskCache::already_there(&chain, sequence, &self.kv) } else { 0 };
        let (there, missing) = chain.split_at(there);
        if !self.disk.is_quicker(missing, self.time_between(sequence, in_memory, end)) {
            return in_memory;
        }
        let kept = there.last().map_or(0, BlockName::end);
        if cuts_anywhere {
            self.cut(kept);
        } else {
            self.machine.forget();
            self.kv.truncate(0);
        }
        if self.kv.len() != kept {
            return self.kv.len();
        }
        let bounded = self.bounded_by(&tokenized.recipe);
        self.disk.restore(missing, sequence, bounded, &mut self.kv, &mut self.machine, &job.watch);
        if !cuts_anywhere {
            self.restore_state(&chain);
        }
        kept
    }

    /// The longest chain of blocks on disk that the prompt begins with. Where a chain needs a state at its end, one that ends at `most` or before;
    /// in bounded memory, one that ends before positions are moved.
    fn chain_on_disk(&self, tokenized: &TokenizedPrompt, most: u32) -> Vec<BlockName> {
        let sequence = &tokenized.sequence;
        if !self.machine.cuts_anywhere() {
            return self.disk.longest_with_state(sequence, most);
        }
        let mut chain = self.disk.longest(sequence);
        if let Some(bounded) = self.bounded_by(&tokenized.recipe) {
            let is_of_use = |name: &BlockName| name.tokens <= self.batch_tokens() && bounded.is_unmoved(name.end());
            chain.truncate(chain.iter().take_while(|name| is_of_use(name)).count());
        }
        chain
    }

    /// Gives the machine the state that belongs to the last block of `chain` that was appended. If it can't be used, an earlier one, and what
    /// is behind that is cut.
    fn restore_state(&mut self, chain: &[BlockName]) {
        let appended = self.kv.len();
        for block in chain.iter().rev().filter(|block| block.end() <= appended) {
            let Some(bytes) = self.disk.state_at(block) else { continue };
            let kept_bytes = bytes.len() as u64;
            let state = M::checkpoint_of(bytes);
            match self.machine.rewind(&state, block.end()) {
                Ok(()) => {
                    self.kv.truncate(block.end());
                    let kept_bytes = kept_bytes + self.kv.bytes();
                    self.checkpoints.keep(self.kv.clone(), state, kept_bytes, Place::Within);
                    return;
                }
                Err(failure) => tracing::warn!(message = failure.message, "a state from disk was refused"),
            }
        }
        self.recover();
    }

    /// The predicted time to prefill positions `start..end` of `sequence`; `None` before anything has been measured.
    fn time_between(&self, sequence: &TokenSequence, start: u32, end: u32) -> Option<Duration> {
        let whole = self.cost_model.predict(sequence, start)?;
        Some(whole.saturating_sub(self.cost_model.predict(sequence, end)?))
    }

    /// How many positions of a cache to reuse.
    ///
    /// For an answer, a decode call that could be reused only in part is recomputed whole, so that the same question
    /// gets the same answer. This applies to the tail only: the document is never recomputed because of rounding.
    pub(super) fn reusable_positions(&self, log: &CacheIndex, tokenized: &TokenizedPrompt, goal: Goal) -> u32 {
        let shared = log.common_prefix(&tokenized.sequence);
        let shared = match goal.aim {
            Aim::Keep => shared,
            Aim::Answer | Aim::AnswerWithPassages => {
                let shared = shared.min(most_reusable(tokenized, goal));
                log.call_of(shared).max(shared.min(tokenized.document_tokens))
            }
        };
        log.usable(shared, self.bounded_by(&tokenized.recipe).map(|bounded| bounded.bound))
    }

    /// Takes a snapshot of the cache, if what follows the first `staying` positions is worth keeping and not kept yet.
    fn copy_if_worth_keeping(&self, staying: u32) -> Result<Option<(CacheIndex, M::Snapshot)>, Failure> {
        let lost = self.kv.len().saturating_sub(staying).saturating_sub(self.fleeting_tokens);
        if lost < WORTH_KEEPING_TOKENS || self.snapshots.holds(&self.kv) || !self.has_room_for_snapshot() {
            return Ok(None);
        }
        Ok(Some((self.kv.clone(), self.machine.snapshot()?)))
    }

    /// Whether a snapshot of the cache would be kept.
    fn has_room_for_snapshot(&self) -> bool {
        let bytes = || self.machine.memory(self.kv.cells()).kv_used_bytes;
        self.machine.copies_on_device() || self.snapshots.has_room_for(bytes())
    }

    /// Makes room for the prompt and at least one token more.
    fn make_room(&mut self, tokenized: &TokenizedPrompt) -> Result<(), Failure> {
        let (prompt_tokens, limit) = (tokenized.sequence.len(), self.prompt_limit(&tokenized.recipe));
        if prompt_tokens >= limit {
            return Err(self.does_not_fit(&count(prompt_tokens), tokenized.document_tokens, &tokenized.recipe));
        }
        let tokens = self.context_for(tokenized);
        let guest_room = self.guest_room(&tokenized.recipe);
        if tokens + guest_room <= self.machine.context_tokens() {
            return Ok(());
        }
        // The devices' memory is for the larger cache.
        self.snapshots.leave_devices(|snapshot| {
            let moved = M::leave_device(snapshot)?;
            let size = M::snapshot_size(&moved);
            Some((moved, size))
        });
        match self.machine.resize(tokens + guest_room) {
            Err(failure) if guest_room > 0 => {
                tracing::info!(message = failure.message, "no room for several answers at the same time");
                self.refuses_guests = true;
                if tokens > self.machine.context_tokens() { self.machine.resize(tokens) } else { Ok(()) }
            }
            resized => resized,
        }
    }

    /// The part of a context that is for conversations beside the first one.
    fn guest_room(&self, recipe: &Recipe) -> u32 {
        if self.refuses_guests || self.machine.guests() == 0 || self.bounded_by(recipe).is_some() {
            return 0;
        }
        self.settings.parallel.tokens_each * (self.machine.guests() - 1)
    }

    /// The size of the context when the prompt is read. It grows only if less than half of the reserve is left.
    fn context_for(&self, tokenized: &TokenizedPrompt) -> u32 {
        let now = self.machine.context_tokens().saturating_sub(self.guest_room(&tokenized.recipe));
        if let Some(bounded) = self.bounded_by(&tokenized.recipe) {
            return now.max(bounded.cells());
        }
        let (prompt_tokens, reserve_tokens) = (tokenized.sequence.len(), self.settings.reserve_tokens);
        let limit = self.context_limit();
        let least = (prompt_tokens + 1).max((prompt_tokens + reserve_tokens / 2).min(limit));
        if now >= least { now } else { self.settings.context.made_for(prompt_tokens, reserve_tokens, limit) }
    }

    /// Makes a context smaller that was made for another recipe and is larger than this one needs.
    fn give_room_back(&mut self) -> Result<(), Failure> {
        match self.bounded {
            Some(bounded) if self.machine.context_tokens() > bounded.cells() => {
                self.copy_for_going_back(bounded)?;
                make_way(bounded, &mut self.kv, &mut self.machine, 0)?;
                self.machine.resize(bounded.cells())
            }
            _ => Ok(()),
        }
    }

    /// What a recipe has read that keeps everything is about to be dropped.
    fn copy_for_going_back(&mut self, bounded: Bounded) -> Result<(), Failure> {
        if self.kv.gap().is_none()
            && let Some((log, snapshot)) = self.copy_if_worth_keeping(self.kv.len().min(bounded.cells()))?
        {
            let size = M::snapshot_size(&snapshot);
            self.snapshots.keep(log, snapshot, size, Kept::State);
        }
        Ok(())
    }

    /// In bounded memory, makes room for a call of `tokens`. Returns how many it may have at most.
    pub(super) fn make_way_for(&mut self, tokens: u32) -> Result<u32, Failure> {
        if let Some(bounded) = self.bounded {
            make_way(bounded, &mut self.kv, &mut self.machine, tokens)?;
        }
        Ok(self.tokens_to_move())
    }

    /// Most tokens of the next call, so that positions are moved where they always are.
    pub(super) fn tokens_to_move(&self) -> u32 {
        self.bounded.map_or(u32::MAX, |bounded| bounded.tokens_to_move(self.kv.rope_position()))
    }

    /// The size that memory is bounded to under `recipe`; `None` if everything is kept.
    pub(super) fn bounded_by(&self, recipe: &Recipe) -> Option<Bounded> {
        Bounded::of(recipe, self.allowed())
    }

    fn allowed(&self) -> Allowed {
        Allowed {
            drops_anywhere: self.machine.drops_anywhere() && self.settings.own_windows == OwnWindows::Short,
            train_context_tokens: self.machine.train_context_tokens(),
            context: self.settings.context,
            batch_tokens: self.batch_tokens(),
        }
    }

    /// Leaves a cache with a gap that the prompt can't go on from, before what is on disk is compared with it.
    fn leave_gap(&mut self, tokenized: &TokenizedPrompt, goal: Goal) {
        if let Some(gap) = self.kv.gap() {
            let saved = self.saved_by(&self.kv, tokenized, goal);
            if saved < gap.end {
                self.cut(saved);
            }
        }
    }

    /// In bounded memory, keeps the state at the end of a document or of a turn if what comes next may drop what an answer to another question
    /// there needs. Without room for it, the document is read again then.
    fn keep_turn(&mut self, tokenized: &TokenizedPrompt) -> Result<(), Failure> {
        let Some(bounded) = self.bounded.filter(|_| self.kv.len() >= tokenized.document_tokens) else { return Ok(()) };
        let to_come = tokenized.sequence.len() - self.kv.len() + self.settings.reserve_tokens;
        let is_lost = self.kv.len() >= WORTH_KEEPING_TOKENS && self.kv.len() + to_come > bounded.cells();
        if is_lost && !self.snapshots.holds(&self.kv) && self.has_room_for_snapshot() {
            let place = if self.kv.len() == tokenized.document_tokens { Kept::State } else { Kept::Turn };
            let snapshot = self.machine.snapshot()?;
            let size = M::snapshot_size(&snapshot);
            self.snapshots.keep(self.kv.clone(), snapshot, size, place);
        }
        Ok(())
    }

    /// Free positions of the context.
    pub(super) fn room_tokens(&self) -> u32 {
        if self.bounded.is_some() {
            return ENDLESS_TOKENS.saturating_sub(self.kv.len());
        }
        let free = self.machine.context_tokens().saturating_sub(self.kv.len() + self.guest_cells);
        // The room of the guests is not for a text that is longer than the model was made for.
        let most = if self.machine.guests() > 0 { self.context_limit() } else { u32::MAX };
        free.min(most.saturating_sub(self.kv.len()))
    }

    /// Max tokens of a prompt and its answer together under `recipe`.
    pub(super) fn prompt_limit(&self, recipe: &Recipe) -> u32 {
        if self.bounded_by(recipe).is_some() { ENDLESS_TOKENS } else { self.context_limit() }
    }

    pub(super) fn context_limit(&self) -> u32 {
        self.settings.context.limit(self.machine.train_context_tokens())
    }

    /// Refuses a document that is many times too long without tokenising all of it: 68 MB of log take a minute.
    ///
    /// Only a beginning is tokenised. If that has more tokens than fit, so has the whole; how many in all is an
    /// estimate from the beginning, and is called one.
    pub(super) fn refuse_endless(&self, prompt: &Prompt, spec: &RecipeSpec) -> Result<(), Failure> {
        let Some((Estimate { tokens, beginning_bytes }, recipe)) = self.endless(prompt, spec) else { return Ok(()) };
        let need = format!("about {} (an estimate from its first {})", count(tokens), bytes(beginning_bytes));
        Err(self.does_not_fit(&need, tokens, &recipe))
    }

    /// The estimated length of a document that is many times too long, and the recipe for it; `None` for others, and where memory is bounded.
    fn endless(&self, prompt: &Prompt, spec: &RecipeSpec) -> Option<(Estimate, Recipe)> {
        let texts = prompt.parts.iter().filter(|part| part.segment == Segment::Document).map(|part| &*part.text);
        let estimate = self.estimate(texts.max_by_key(|text| text.len())?)?;
        let recipe = spec.resolve(estimate.tokens, self.machine.layers());
        self.bounded_by(&recipe).is_none().then_some((estimate, recipe))
    }

    /// The plan of a document of about `tokens` tokens that can't fit: an estimate is enough, as nobody will read it.
    fn plan_of_endless(&self, tokens: u32, recipe: Recipe) -> Plan {
        Plan {
            document_tokens: tokens,
            prompt_tokens: tokens,
            cached_tokens: 0,
            to_prefill_tokens: tokens,
            predicted: None,
            context_tokens: self.machine.context_tokens().saturating_sub(self.guest_room(&recipe)),
            bounded_tokens: None,
            recipe,
        }
    }

    /// The tokens of a text that is many times too long; `None` for others.
    fn estimate(&self, text: &str) -> Option<Estimate> {
        let limit = self.context_limit();
        let mut length = limit as usize * BEGINNING_BYTES_PER_TOKEN;
        loop {
            let beginning = &text[..text.floor_char_boundary(length)];
            if text.len() < SHORT_BYTES.max(beginning.len() * TIMES_TOO_LONG) {
                return None;
            }
            let tokens = self.machine.tokenize(&[(beginning, Origin::Text)], Before::Mark).len() as u32;
            if tokens > limit {
                let all = (f64::from(tokens) * text.len() as f64 / beginning.len() as f64) as u32;
                return Some(Estimate { tokens: all, beginning_bytes: beginning.len() as u64 });
            }
            // Eight letters `a` are one token, so that more of them fit.
            length *= 2;
        }
    }

    fn does_not_fit(&self, need: &str, document: u32, recipe: &Recipe) -> Failure {
        let have = self.context_limit();
        // What stands after the document is too long by itself: fewer parts would not help.
        let is_short_document = document <= have / 2;
        let (whose, hint) = match (self.settings.context, is_short_document) {
            (ContextSize::Tokens(_), false) => {
                ("the context (-c)", "raise -c, or run `lunette fit` with the same flags to see which parts fit")
            }
            (ContextSize::Fit, false) => (
                "this model",
                "run `lunette fit` with the same flags to see which parts fit, or use a model with a longer context",
            ),
            (ContextSize::Tokens(_), true) => ("the context (-c)", "ask less at once, or raise -c"),
            (ContextSize::Fit, true) => ("this model", "ask less at once, or use a model with a longer context"),
        };
        Failure {
            kind: FailureKind::DoesNotFit,
            message: format!("the prompt has {need} tokens, but {whose} holds {}, including the answer", count(have)),
            hint: Some(format!(
                "{hint}; the prompt can have up to {} tokens{}",
                count(have.saturating_sub(1)),
                self.why_not_bounded(recipe)
            )),
        }
    }

    /// Why a recipe that would take any length keeps everything here; empty for others.
    fn why_not_bounded(&self, recipe: &Recipe) -> String {
        if recipe.bound().is_none() {
            return String::new();
        }
        if !self.machine.drops_anywhere() || self.settings.own_windows == OwnWindows::Whole {
            return " (this model's memory keeps every token, also where no later one sees it)".to_owned();
        }
        match Bounded::of(recipe, Allowed { context: ContextSize::Fit, ..self.allowed() }) {
            Some(bounded) => format!(" (this preset takes any length with -c {} or more)", bounded.cells()),
            None => " (the model's context is too short for this preset's window and a decode call)".to_owned(),
        }
    }

    pub(super) fn plan(&self, tokenized: &TokenizedPrompt, cached: u32) -> Plan {
        Plan {
            recipe: tokenized.recipe.clone(),
            document_tokens: tokenized.document_tokens,
            prompt_tokens: tokenized.sequence.len(),
            cached_tokens: cached,
            to_prefill_tokens: tokenized.sequence.len() - cached,
            predicted: self.cost_model.predict(&tokenized.sequence, cached),
            context_tokens: self.machine.context_tokens().saturating_sub(self.guest_room(&tokenized.recipe)),
            bounded_tokens: self.bounded_by(&tokenized.recipe).map(Bounded::cells),
        }
    }

    pub(super) fn figures(&self, job: &Job, recipe: Recipe) -> Figures {
        let context_tokens = self.machine.context_tokens().saturating_sub(self.guest_room(&recipe));
        Figures {
            recipe,
            tokens: job.tokens,
            timings: job.timings,
            memory: self.memory(),
            threads: job.threads,
            reasoning_end: None,
            prefill_cost: self.cost_model.cost(),
            context_tokens,
        }
    }

    pub(super) fn memory(&self) -> Memory {
        let resident_bytes = self.snapshots.bytes() + self.checkpoints.bytes();
        Memory { resident_bytes, ..self.machine.memory(self.kv.cells()) }
    }
}

/// How many positions of a prompt can be reused at most.
fn most_reusable(tokenized: &TokenizedPrompt, goal: Goal) -> u32 {
    match goal.aim {
        Aim::Keep => tokenized.sequence.len(),
        Aim::Answer | Aim::AnswerWithPassages => tokenized.sequence.len().saturating_sub(1).min(goal.compute_from),
    }
}

/// Reading ahead would cost the present reading.
fn nowhere_to_keep() -> Failure {
    let message = "no preset can be read in the background: what is read now would be lost";
    let hint = "keep readings on disk (disk_cache_gib in config.toml), or give snapshots more room (resident_mib)";
    Failure::new(FailureKind::Usage, message, Some(hint.to_owned()))
}

/// A library that computes nothing has no logits to sample from, and ends the process when it is asked to.
fn nothing_to_read() -> Failure {
    let hint = "its vocabulary has no tokens for it; try another copy of this model".to_owned();
    Failure::new(FailureKind::Model, "the prompt has no tokens", Some(hint))
}
