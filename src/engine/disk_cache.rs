//! Keeps the KV cache of readings on disk, so that a document is read once: below the snapshots in memory, for the next run.
//!
//! A reading is saved block by block while it goes on ([`super::saver`]); a block is one decode call. Before a prefill, the longest chain of
//! blocks that the prompt begins with ([`super::block_chain`]) is appended to what the live cache holds. What is not whole, or not what it
//! should be, is dropped and read again.
//!
//! What is kept: the document with what stands before it, and behind it calls of at least 256 tokens, such as attachments. Questions and
//! answers are kept if the conversation is ([`Keeps`]): then its next turn costs tomorrow what it costs today.
//!
//! Models that can't go back anywhere (hybrids, windows of their own) need their state, too, where a chain of blocks ends. The checkpoints that
//! the worker takes inside of a document and at its end are blocks of the same store, and a chain is of use up to the last of them.
//!
//! Example: 12,000 tokens of a book were read by a 0.5B yesterday, in 85 s. Today its 24 blocks (147 MB) are back in 0.1 s.
//!
//! Doesn't know how blocks lie on disk ([`crate::store::blocks`] does), nor which models have ranges at all ([`Machine::range_layout`]).

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::block_chain::{BlockIndex, head_of, is_computed, names_behind, state_behind};
use super::bounded::Bounded;
use super::cache_index::{CacheIndex, TokenSequence};
use super::config::{DiskCacheSettings, Keeps};
use super::dropping::make_way;
use super::fingerprint::Fingerprinting;
use super::job::Watch;
use super::machine::Machine;
use super::message::Failure;
use super::saver::{Saved, Saver, Saving};
use crate::store::blocks::{About, BlockError, BlockGroup, BlockKey, BlockName, Limits, Store, free_bytes};
use crate::units::{bytes, count, time};

/// Fewer tokens of a call behind a document are not kept by themselves, and states are kept no closer to each other.
const WORTH_KEEPING_TOKENS: u32 = 256;
/// A model that is hashed for the first time is not waited for longer before its reading begins, nor after it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes per second that a disk is taken to give before it was measured.
const USUAL_RATE: f64 = 1e9;
/// Whether nothing is kept is only worth a word from so many tokens on.
const WORTH_TELLING_TOKENS: u32 = 1024;
/// A single reading may take this share of the store.
const LARGEST_SHARE: u64 = 2;

/// Which calls of a cache are to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Worth {
    /// All of these.
    pub document_tokens: u32,
    pub behind: Behind,
}

/// Which calls behind the document are to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    All,
    /// Attachments, say.
    LongOnes,
    None,
}

impl Worth {
    pub(super) const NOTHING: Self = Self { document_tokens: 0, behind: Behind::None };

    fn wants(self, start: u32, tokens: u32) -> bool {
        start < self.document_tokens
            || match self.behind {
                Behind::All => true,
                Behind::LongOnes => tokens >= WORTH_KEEPING_TOKENS,
                Behind::None => false,
            }
    }
}

/// The store on disk as the worker sees it.
pub(super) struct DiskCache {
    state: State,
    keeps: Keeps,
    notes: Vec<String>,
    /// Nothing is told twice.
    told: Vec<String>,
}

enum State {
    Off,
    /// The model is being hashed.
    Waiting {
        fingerprinting: Fingerprinting,
        store: Store,
        about: About,
        most_bytes: Option<u64>,
    },
    Open(Box<Open>),
    /// Nothing can be kept, and why.
    Refused(String),
}

/// The blocks of this model, and what is known of the disk.
struct Open {
    group: BlockGroup,
    saver: Saver,
    index: BlockIndex,
    /// The blocks that the live cache begins with and that are on disk or about to be.
    live: Vec<BlockName>,
    limits: Limits,
    bytes_per_token: u64,
    /// Measured, in bytes per second.
    write_rate: Option<f64>,
    read_rate: Option<f64>,
    /// Nothing more is saved until the next job.
    is_stopped: bool,
    /// What saving has cost the reading of this job.
    spent: Duration,
}

impl DiskCache {
    /// Keeps nothing.
    pub(super) fn off() -> Self {
        Self::in_state(State::Off, Keeps::Documents)
    }

    /// Begins to hash the model at `about.file`; nothing is read or written before that is done.
    pub(super) fn begin(settings: &DiskCacheSettings, about: About) -> Self {
        let store = Store::at(settings.folder.clone());
        if let Err(error) = store.make() {
            let why = format!("cannot write to {}: {error}", store.folder().display());
            return Self::in_state(State::Refused(why), settings.keeps);
        }
        let fingerprinting = Fingerprinting::begin(about.file.clone(), settings.folder.join("models.json"));
        let waiting = State::Waiting { fingerprinting, store, about, most_bytes: settings.most_bytes };
        Self::in_state(waiting, settings.keeps)
    }

    fn in_state(state: State, keeps: Keeps) -> Self {
        Self { state, keeps, notes: Vec::new(), told: Vec::new() }
    }

    /// What is to be kept of a prompt with `document_tokens`.
    pub(super) fn worth(&self, document_tokens: u32) -> Worth {
        let behind = match self.keeps {
            Keeps::Documents => Behind::LongOnes,
            Keeps::Conversations => Behind::All,
        };
        Worth { document_tokens, behind }
    }

    /// What the user has to know, in sentences; once.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        self.take_results();
        std::mem::take(&mut self.notes)
    }

    fn tell(&mut self, note: String) {
        if !self.told.contains(&note) {
            self.told.push(note.clone());
            self.notes.push(note);
        }
    }

    /// To be called before a job looks for blocks: finds those that are there now.
    pub(super) fn begin_job<M: Machine>(&mut self, machine: &mut M) {
        self.open_within(PATIENCE, machine);
        self.take_results();
        let State::Open(open) = &mut self.state else { return };
        open.is_stopped = false;
        open.spent = Duration::ZERO;
        // What is about to be written is not there yet.
        if open.saver.is_idle() {
            match open.group.names() {
                Ok(names) => open.index = BlockIndex::of(names),
                Err(error) => {
                    let note = format!("earlier readings cannot be used: {}: {error}", open.group.folder().display());
                    self.tell(note);
                }
            }
        }
    }

    fn open_within<M: Machine>(&mut self, patience: Duration, machine: &mut M) {
        let State::Waiting { fingerprinting, store, about, most_bytes } = &self.state else { return };
        let Some(fingerprint) = fingerprinting.wait(patience) else { return };
        let opened = match (fingerprint, machine.range_layout()) {
            (Ok(fingerprint), Ok(layout)) => {
                let group = store.group(&group_id(&fingerprint, &layout, about));
                let opened = Open::new(store.clone(), group, about.clone(), *most_bytes, machine.range_bytes(1));
                State::Open(Box::new(opened))
            }
            (Err(error), _) => State::Refused(format!("cannot read {}: {error}", about.file.display())),
            (_, Err(why)) => State::Refused(why),
        };
        self.state = opened;
    }

    /// The longest chain of blocks that `wanted` begins with.
    pub(super) fn longest(&self, wanted: &TokenSequence) -> Vec<BlockName> {
        match &self.state {
            State::Open(open) => open.index.longest(wanted),
            _ => Vec::new(),
        }
    }

    /// The same, up to the last block with a state that ends at `most` or before.
    pub(super) fn longest_with_state(&self, wanted: &TokenSequence, most: u32) -> Vec<BlockName> {
        let State::Open(open) = &self.state else { return Vec::new() };
        let mut chain = open.index.longest(wanted);
        let has_state = |name: &BlockName| name.end() <= most && open.index.holds(&state_behind(name));
        chain.truncate(chain.iter().rposition(has_state).map_or(0, |last| last + 1));
        chain
    }

    /// Whether it is quicker to read `names` from disk than to compute for `instead`.
    pub(super) fn is_quicker(&self, names: &[BlockName], instead: Option<Duration>) -> bool {
        let State::Open(open) = &self.state else { return false };
        let tokens: u64 = names.iter().map(|name| u64::from(name.tokens)).sum();
        let seconds = (tokens * open.bytes_per_token) as f64 / open.read_rate.unwrap_or(USUAL_RATE);
        instead.is_none_or(|instead| seconds < instead.as_secs_f64())
    }

    /// How many blocks of `chain`, which `wanted` begins with, the cache holds as they were computed.
    pub(super) fn already_there(chain: &[BlockName], wanted: &TokenSequence, cache: &CacheIndex) -> usize {
        let shared = cache.common_prefix(wanted);
        chain.iter().take_while(|name| name.end() <= shared && is_computed(name, cache)).count()
    }

    /// Appends `chain` to the cache, which must end where it begins. `wanted` is the prompt that the blocks are the beginning of. If memory is
    /// `bounded`, blocks take the place of what no later token sees.
    ///
    /// Ends early at a block that can't be used, which is told, and when the job is stopped.
    pub(super) fn restore<M: Machine>(
        &mut self,
        chain: &[BlockName],
        wanted: &TokenSequence,
        bounded: Option<Bounded>,
        cache: &mut CacheIndex,
        machine: &mut M,
        watch: &Watch,
    ) {
        let State::Open(open) = &mut self.state else { return };
        // What was read a moment ago may still be about to be written.
        open.saver.wait(PATIENCE);
        let (started, from) = (Instant::now(), cache.len());
        let mut problem = None;
        for name in chain {
            if watch.stop().is_some() {
                break;
            }
            let made = bounded.map_or(Ok(()), |bounded| make_way(bounded, cache, machine, name.tokens));
            let appended = made.map_err(RestoreError::Machine).and_then(|()| open.append(name, wanted, machine));
            if let Err(error) = appended {
                problem = Some((*name, error));
                break;
            }
            cache.push_restored(wanted, name.tokens, name.call_tokens);
        }
        let restored = cache.len().saturating_sub(from);
        let seconds = started.elapsed().as_secs_f64();
        if restored > 0 && seconds > 0.0 {
            open.read_rate = Some(f64::from(restored) * open.bytes_per_token as f64 / seconds);
            let took = time(started.elapsed());
            self.tell(format!("{} tokens were read before; they came from disk in {took}", count(restored)));
        }
        if let Some((name, error)) = problem {
            self.drop_bad(&name, &error);
        }
    }

    /// The state of the model at the end of `behind`, as bytes; `None` if there is none that can be used, which is told.
    pub(super) fn state_at(&mut self, behind: &BlockName) -> Option<Vec<u8>> {
        let State::Open(open) = &mut self.state else { return None };
        let name = state_behind(behind);
        if !open.index.holds(&name) {
            return None;
        }
        match open.group.read(&name, |_, state| state.to_vec()) {
            Ok(state) => Some(state),
            Err(error) => {
                self.drop_bad(&name, &RestoreError::Block(error));
                None
            }
        }
    }

    /// Whether the state at `position`, an end of the live cache or a place before it, is to be saved.
    pub(super) fn wants_state(&self, position: u32, document_tokens: u32) -> bool {
        match &self.state {
            State::Open(open) => !open.is_stopped && open.wants_state(position, document_tokens),
            _ => false,
        }
    }

    /// Saves the state of the model at `position`.
    pub(super) fn save_state(&mut self, position: u32, state: Vec<u8>) {
        let State::Open(open) = &mut self.state else { return };
        if let Some(block) = open.block_before(position)
            && open.saver.has_room_for(state.len() as u64)
        {
            let name = state_behind(&block);
            open.saver.save(Saving { name, head: Vec::new(), payload: state });
            open.index.add(name);
        }
    }

    fn drop_bad(&mut self, name: &BlockName, error: &RestoreError) {
        let State::Open(open) = &mut self.state else { return };
        open.index.remove(name);
        if let RestoreError::Block(BlockError::CutOff | BlockError::Damaged | BlockError::Foreign) = error
            && let Err(error) = open.group.remove(name)
        {
            tracing::warn!(%error, "cannot drop a bad block");
        }
        let (at, why) = (count(name.start), error.why());
        self.tell(if name.is_state() {
            format!(
                "the state of an earlier reading at token {at} cannot be used: {why}; it is read again from before it"
            )
        } else {
            format!("an earlier reading cannot be used from token {at} on: {why}; it is read again")
        });
    }

    /// Looks up which blocks the live cache begins with. To be called when a prefill begins, before [`DiskCache::save`].
    pub(super) fn follow(&mut self, cache: &CacheIndex) {
        let State::Open(open) = &mut self.state else { return };
        open.live = open.index.longest_in(cache);
        let states = open.live.iter().map(state_behind).filter(|state| open.index.holds(state));
        open.saver.used(open.live.iter().copied().chain(states).collect());
    }

    /// Saves the calls of `cache` that are not saved yet, if reading at `tokens_per_s` is not quicker than the disk.
    pub(super) fn save<M: Machine>(&mut self, cache: &CacheIndex, worth: Worth, tokens_per_s: f64, machine: &mut M) {
        if matches!(self.state, State::Waiting { .. }) {
            self.open_within(Duration::ZERO, machine);
            self.follow(cache);
        }
        self.take_results();
        let State::Open(open) = &mut self.state else { return };
        let started = Instant::now();
        let saved = open.save(cache, worth, tokens_per_s, machine);
        open.spent += started.elapsed();
        if let Err(why) = saved {
            self.stop(&why);
        }
    }

    /// Saves what had to wait until the model was hashed, and tells why nothing is kept. `prefilled_tokens` were computed.
    pub(super) fn end_job<M: Machine>(
        &mut self,
        prefilled_tokens: u32,
        cache: &CacheIndex,
        worth: Worth,
        machine: &mut M,
    ) {
        if matches!(self.state, State::Waiting { .. }) && prefilled_tokens >= WORTH_KEEPING_TOKENS {
            self.open_within(PATIENCE, machine);
            self.follow(cache);
            self.save(cache, worth, 0.0, machine);
        }
        if let State::Open(open) = &self.state {
            tracing::info!(
                prefilled_tokens,
                seconds = open.spent.as_secs_f64(),
                rate = open.write_rate,
                "copied for the cache on disk"
            );
        }
        if let State::Refused(why) = &self.state
            && prefilled_tokens >= WORTH_TELLING_TOKENS
        {
            let note = not_kept(why);
            self.tell(note);
        }
    }

    /// Keeps what the document is called whose blocks the live cache begins with, if all of them are kept.
    pub(super) fn call_document(&mut self, document_tokens: u32, title: &str) {
        if let State::Open(open) = &mut self.state
            && !title.is_empty()
            && let Some(block) = open.block_before(document_tokens)
        {
            open.saver.call(block.key, title);
        }
    }

    fn stop(&mut self, why: &str) {
        if let State::Open(open) = &mut self.state {
            open.is_stopped = true;
        }
        self.tell(not_kept(why));
    }

    fn take_results(&mut self) {
        let State::Open(open) = &mut self.state else { return };
        let mut problem = None;
        for saved in open.saver.done() {
            match saved {
                Saved::Written { bytes, took } => open.write_rate = Some(bytes as f64 / took.as_secs_f64().max(1e-6)),
                Saved::Not(why) => problem = Some(why),
            }
        }
        if let Some(why) = problem {
            self.stop(&why);
        }
    }
}

fn not_kept(why: &str) -> String {
    format!("this reading is not kept on disk: {why}")
}

/// The group of what a model computes: the same weights, cache type, layout and library give the same name.
fn group_id(fingerprint: &str, layout: &str, about: &About) -> String {
    let mut hasher = Sha256::new();
    for text in [fingerprint, layout, &about.cache_type, &about.library] {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    let mut id = BlockKey::ROOT;
    id.0.copy_from_slice(&hasher.finalize()[..16]);
    id.to_string()
}

/// Errors: why what the cache holds from `start` on is not what a block there has to hold.
fn can_be_copied(start: u32, cache: &CacheIndex) -> Result<(), String> {
    match cache.gap() {
        Some(gap) if start < gap.end => Err("its beginning was dropped before the model's file was hashed".to_owned()),
        Some(gap) if gap.moved_by > 0 => {
            Err(format!("from token {} on its positions are those of this run alone", count(start)))
        }
        _ => Ok(()),
    }
}

/// Why a block was not appended.
enum RestoreError {
    Block(BlockError),
    Machine(Failure),
}

impl RestoreError {
    fn why(&self) -> String {
        match self {
            Self::Block(error) => error.to_string(),
            Self::Machine(failure) => failure.message.clone(),
        }
    }
}

impl Open {
    fn new(store: Store, group: BlockGroup, about: About, most_bytes: Option<u64>, bytes_per_token: u64) -> Self {
        let taken = store.bytes().unwrap_or(0);
        let for_disk = Limits::for_disk(free_bytes(store.folder()).unwrap_or(0), taken);
        let limits = Limits { most_bytes: most_bytes.unwrap_or(for_disk.most_bytes), ..for_disk };
        let index = BlockIndex::of(group.names().unwrap_or_default());
        let saver = Saver::start(store, group.clone(), about, limits);
        Self {
            group,
            saver,
            index,
            live: Vec::new(),
            limits,
            bytes_per_token,
            write_rate: None,
            read_rate: None,
            is_stopped: false,
            spent: Duration::ZERO,
        }
    }

    fn append<M: Machine>(
        &self,
        name: &BlockName,
        wanted: &TokenSequence,
        machine: &mut M,
    ) -> Result<(), RestoreError> {
        let tokens = &wanted.tokens()[name.start as usize..name.end() as usize];
        let append = |head: &[u8], payload: &[u8]| {
            if head != head_of(tokens) {
                return Err(RestoreError::Block(BlockError::Foreign));
            }
            machine.append_range(name.start, name.end(), payload).map_err(RestoreError::Machine)
        };
        self.group.read(name, append).map_err(RestoreError::Block)?
    }

    /// The block of the live cache that ends at `position`.
    fn block_before(&self, position: u32) -> Option<BlockName> {
        self.live.iter().copied().find(|name| name.end() == position)
    }

    /// At a document's end, and elsewhere if the last state is far enough away.
    fn wants_state(&self, position: u32, document_tokens: u32) -> bool {
        let has_state = |name: &&BlockName| self.index.holds(&state_behind(name));
        let last = self.live.iter().rev().filter(|name| name.end() <= position).find(has_state);
        let since = position - last.map_or(0, BlockName::end);
        let is_far = since >= WORTH_KEEPING_TOKENS || (since > 0 && position == document_tokens);
        is_far && self.block_before(position).is_some()
    }

    fn save<M: Machine>(
        &mut self,
        cache: &CacheIndex,
        worth: Worth,
        tokens_per_s: f64,
        machine: &mut M,
    ) -> Result<(), String> {
        if self.is_stopped {
            return Ok(());
        }
        for name in names_behind(&self.live, cache, worth.document_tokens, |start, tokens| worth.wants(start, tokens)) {
            if !self.index.holds(&name) {
                self.check_size(worth.document_tokens)?;
                if !self.saver.has_room_for(u64::from(name.tokens) * self.bytes_per_token) {
                    return self.check_speed(tokens_per_s);
                }
                can_be_copied(name.start, cache)?;
                let payload = machine.copy_range(name.start, name.end()).map_err(|failure| failure.message)?;
                let head = head_of(&cache.sequence().tokens()[name.start as usize..name.end() as usize]);
                self.saver.save(Saving { name, head, payload });
                self.index.add(name);
            }
            self.live.push(name);
        }
        Ok(())
    }

    fn check_size(&self, document_tokens: u32) -> Result<(), String> {
        let (whole, most) = (u64::from(document_tokens) * self.bytes_per_token, self.limits.most_bytes);
        if whole <= most / LARGEST_SHARE {
            return Ok(());
        }
        Err(format!("it would take {} of the {} that the cache may have", bytes(whole), bytes(most)))
    }

    /// A block has to wait. That is only worth it if the disk catches up.
    fn check_speed(&self, tokens_per_s: f64) -> Result<(), String> {
        let reading = tokens_per_s * self.bytes_per_token as f64;
        match self.write_rate {
            Some(rate) if reading > rate => Err(format!(
                "reading is quicker ({}/s) than the disk ({}/s)",
                bytes(reading as u64),
                bytes(rate as u64)
            )),
            _ => Ok(()),
        }
    }
}
