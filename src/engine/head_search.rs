//! Finds the attention heads that point at the passage that a question is about.
//!
//! Facts are planted in a text that no model knows, and a question is asked about each. For every head of every layer
//! it is measured, while the question is read, whether the chunk of the text that it looks at most is the one with the
//! fact, and the share of its attention that is on it. The heads that find the most facts are kept.
//!
//! Example: 24 facts in a text of 3,900 tokens. Qwen2.5-Coder-0.5B has 336 heads; most look at the fact in no question.
//!
//! The text replaces what the cache holds, which is kept as a snapshot if there is room. A search that nobody waits for begins only if what the
//! cache holds can be put back, and puts it back. Nothing is generated.

use std::ops::Range;
use std::sync::Arc;

use super::bounded::Bounded;
use super::cache_index::CacheIndex;
use super::job::Job;
use super::machine::{Lookout, Machine};
use super::message::{CancelToken, Event, Failure, FailureKind, Finish, Head, JobId, Trial, Urgency};
use super::reread::Ground;
use super::snapshot_cache::Kept;
use super::worker::{Aim, Prefilled, Worker};
use crate::passages::Attention;
use crate::swaa::RecipeSpec;

/// A copy of the cache, and what goes with it.
struct Copied<S> {
    log: CacheIndex,
    snapshot: S,
    bounded: Option<Bounded>,
    fleeting_tokens: u32,
}

/// What the cache held before a search.
enum Held<S> {
    /// It is put back from this copy.
    Copy(Box<Copied<S>>),
    /// The next prompt gets it back by itself, or computes it again: it is a snapshot, or on disk, or nobody minds.
    Elsewhere,
}

impl<M: Machine> Worker<M> {
    /// Does the trials that were not done yet. A stopped search goes on with the next command.
    pub(super) fn find_heads(&mut self, id: JobId, trials: &[Trial], urgency: Urgency, cancel: CancelToken) {
        let mut job = self.begin(id, cancel, None);
        let outcome = match urgency {
            Urgency::Now => self.do_trials(trials, urgency, &mut job),
            Urgency::Idle => self.search_aside(trials, &mut job),
        };
        self.threads.after_job();
        match outcome {
            Ok(Prefilled::Whole) => {
                let heads = std::mem::take(&mut self.search).best(self.machine.query_heads());
                let chosen: Vec<Head> = heads.iter().map(|pointing| pointing.head).collect();
                self.heads.keep(&chosen);
                self.tell(Event::HeadsFound { job: id, stopped: false, heads });
            }
            Ok(Prefilled::Stopped(_)) => self.tell(Event::HeadsFound { job: id, stopped: true, heads: Vec::new() }),
            Err(failure) => self.tell(Event::Failed { job: id, failure }),
        }
    }

    /// Searches on an idle machine, and puts back what the cache held.
    fn search_aside(&mut self, trials: &[Trial], job: &mut Job) -> Result<Prefilled, Failure> {
        if self.threads.is_crowded() {
            return Ok(Prefilled::Stopped(Finish::Cancelled));
        }
        let held = self.hold()?;
        job.keeps_on_disk = false;
        // The copy is there, and one is enough.
        self.fleeting_tokens = self.kv.len();
        let outcome = self.do_trials(trials, Urgency::Idle, job);
        self.keep_text(matches!(outcome, Ok(Prefilled::Stopped(_))));
        self.put_back(held);
        outcome
    }

    /// Makes sure that what the cache holds can be got back.
    fn hold(&self) -> Result<Held<M::Snapshot>, Failure> {
        if !self.machine.cuts_anywhere() {
            return Err(not_aside("this model's memory can't go back to what it holds now"));
        }
        let is_elsewhere = || self.kv.len() == 0 || self.snapshots.holds(&self.kv) || self.is_on_disk(&self.kv);
        match self.copy_beside()? {
            Some(copied) => Ok(Held::Copy(Box::new(copied))),
            None if is_elsewhere() => Ok(Held::Elsewhere),
            None => Err(not_aside("what is read now would be lost")),
        }
    }

    /// A copy of the cache; `None` if there is nothing to copy, or no room beside the other snapshots.
    fn copy_beside(&self) -> Result<Option<Copied<M::Snapshot>>, Failure> {
        let bytes = self.machine.memory(self.kv.cells()).kv_used_bytes;
        if self.kv.len() == 0 || !(self.machine.copies_on_device() || self.snapshots.has_room_beside(bytes)) {
            return Ok(None);
        }
        let snapshot = self.machine.snapshot()?;
        let (log, bounded, fleeting_tokens) = (self.kv.clone(), self.bounded, self.fleeting_tokens);
        Ok(Some(Copied { log, snapshot, bounded, fleeting_tokens }))
    }

    /// Keeps the text of the trials for when a stopped search goes on; no longer than that.
    fn keep_text(&mut self, is_stopped: bool) {
        if let Some(log) = self.search.text.take() {
            self.snapshots.forget(&log);
        }
        if is_stopped && let Ok(Some(copied)) = self.copy_beside() {
            self.search.text = Some(copied.log.clone());
            let size = M::snapshot_size(&copied.snapshot);
            self.snapshots.keep(copied.log, copied.snapshot, size, Kept::State);
        }
    }

    fn put_back(&mut self, held: Held<M::Snapshot>) {
        let Held::Copy(copied) = held else { return };
        match self.machine.restore(&copied.snapshot) {
            Ok(()) => {
                (self.kv, self.bounded, self.fleeting_tokens) = (copied.log, copied.bounded, copied.fleeting_tokens);
            }
            Err(failure) => {
                tracing::warn!(message = failure.message, "what was read before the search is read again");
                self.machine.forget();
                self.kv.truncate(0);
            }
        }
        self.disk.follow(&self.kv);
    }

    fn do_trials(&mut self, trials: &[Trial], urgency: Urgency, job: &mut Job) -> Result<Prefilled, Failure> {
        let outcome = self.do_all(trials, urgency, job);
        self.machine.look_out(None);
        // The text of the trials is not worth a snapshot.
        self.fleeting_tokens = self.kv.len();
        outcome
    }

    fn do_all(&mut self, trials: &[Trial], urgency: Urgency, job: &mut Job) -> Result<Prefilled, Failure> {
        let of_layer = self.machine.query_heads();
        let layers = self.machine.layers().attending();
        let heads_of = |&layer: &u32| (0..of_layer).map(move |head| Head { layer, head });
        let heads: Arc<[Head]> = layers.as_slice().iter().flat_map(heads_of).collect();
        self.search.sums.resize(heads.len(), (0.0, 0.0));
        while let Some(trial) = trials.get(self.search.done) {
            let stopped = self.do_trial(trial, &heads, job)?;
            if stopped != Prefilled::Whole {
                return Ok(stopped);
            }
            self.search.done += 1;
            let (done, total) = (self.search.done as u32, trials.len() as u32);
            self.tell(Event::FindingHeads { job: job.id, done, total });
            if urgency == Urgency::Idle && done < total && self.threads.is_crowded() {
                return Ok(Prefilled::Stopped(Finish::Cancelled));
            }
        }
        Ok(Prefilled::Whole)
    }

    fn do_trial(&mut self, trial: &Trial, heads: &Arc<[Head]>, job: &mut Job) -> Result<Prefilled, Failure> {
        let recipe = RecipeSpec::FULL;
        self.adapt(&recipe)?;
        let tokenized = self.tokenize(&trial.prompt, &recipe);
        let read = &tokenized.sequence.tokens()[..tokenized.document_tokens as usize];
        let ground = Ground::of(&trial.prompt, read, |token| self.machine.token_bytes(token, true).len());
        let rows = self.rows_of_part(&trial.prompt, &recipe, trial.question_part);
        job.compute_from = rows.start;
        let lookout = Lookout { heads: heads.clone(), keys: tokenized.document_tokens, rows };
        self.machine.look_out(Some(lookout));
        let prefilled = self.prefill(&tokenized, Aim::Answer, job)?;
        // What a part of the question looked at would be counted again with the whole.
        let seen = self.machine.seen().filter(|_| prefilled == Prefilled::Whole);
        if let (Some(ground), Some(seen)) = (ground, seen) {
            let fact = ground.tokens_of(&trial.fact);
            for (sums, head) in self.search.sums.iter_mut().zip(seen.chunks(1)) {
                let attention = Attention::of(head, ground.tokens.clone());
                sums.0 += f32::from(u8::from(is_found(&attention, &fact)));
                sums.1 += share_of(&attention, &fact);
            }
        }
        Ok(prefilled)
    }
}

/// A search that nobody waits for would cost something.
fn not_aside(why: &str) -> Failure {
    let hint = Some("`lunette calibrate` looks for them at once".to_owned());
    Failure::new(
        FailureKind::Runtime,
        format!("Lunette does not look for the heads that point at passages by itself: {why}"),
        hint,
    )
}

/// Whether the chunk with the most attention has some of these tokens.
fn is_found(attention: &Attention, tokens: &Range<usize>) -> bool {
    let chunks = attention.chunks().iter().enumerate();
    let most = chunks.max_by(|one, other| one.1.total_cmp(other.1)).map(|(index, _)| index);
    most.is_some_and(|index| meets(&attention.chunk_tokens(index), tokens))
}

/// The share of the chunks that have some of these tokens.
fn share_of(attention: &Attention, tokens: &Range<usize>) -> f32 {
    let chunks = attention.chunks().iter().enumerate();
    chunks.filter(|(index, _)| meets(&attention.chunk_tokens(*index), tokens)).map(|(_, share)| share).sum()
}

fn meets(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}
