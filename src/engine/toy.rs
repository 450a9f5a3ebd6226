//! A toy model for tests. What it "computes" for a position is a hash of everything that the position sees, so a stale
//! cache entry changes the output. A hybrid toy also has a state, a hash of all positions, which can't be cut.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::path::Path;

use super::cache_index::{AdapterKey, Token};
use super::machine::{Before, Decoded, Guest, Logits, Lookout, MOST_LOGITS, Machine, NextToken, SnapshotSize};
use super::message::{CancelToken, Failure, FailureKind, Head, Memory, Origin, Sampling, Weight};
use crate::swaa::{Adapter, Attention, ModelLayers, weight};

/// Token 0 ends an answer; the other 255 are bytes.
pub(super) const END: Token = Token(0);

pub(super) struct Toy {
    /// What was computed for each position, and its token.
    cells: Vec<(u64, Token)>,
    dropped: Dropped,
    /// `None`: its cache is cut anywhere.
    state: Option<State>,
    context_tokens: u32,
    train_context_tokens: u32,
    /// Number of tokens computed so far.
    pub computed: u32,
    /// Bytes that were turned into tokens so far.
    pub tokenized_bytes: Cell<usize>,
    /// More than one where texts are to have fewer tokens than bytes.
    pub bytes_per_token: usize,
    /// If set, the toy outputs this instead of letters from the hash, then ends.
    pub script: Option<Vec<u8>>,
    /// Four times in five it says what followed its last two tokens where they stood before.
    pub quotes: bool,
    /// Number of calls so far.
    pub calls: u32,
    /// Going back to a checkpoint fails.
    pub loses_states: bool,
    /// At this position the user cancels.
    pub interrupt_at: Option<usize>,
    pub cancels: Option<CancelToken>,
    pub threads: u32,
    /// What its logits suffer from.
    pub fault: Option<&'static str>,
    /// The schema, the tokens that it begins with, and how much of the script came before it.
    pub constrained: Option<(String, Vec<Token>, usize)>,
    /// Heads look at the capital letters among the keys that are the same as the token that is read.
    lookout: Option<Lookout>,
    seen: Option<Vec<f32>>,
    /// The tokens of the last call that have logits: whose, and how many cells that conversation had with it.
    logits: Vec<(Option<Guest>, usize)>,
    /// Conversations beside the first one: their cells, of which the first so many are those of the first conversation.
    others: BTreeMap<Guest, (Vec<(u64, Token)>, usize)>,
    /// How many of them there can be.
    pub most_guests: u32,
    /// What happens before a call, by its number.
    pub before_call: Option<(u32, Box<dyn FnOnce()>)>,
    /// Snapshots lie on a device, and take no host memory.
    pub has_device: bool,
    /// What is on it changes every entry.
    adapters: AdapterKey,
    /// Nothing in the middle can be dropped.
    pub keeps_everything: bool,
}

/// What is said of a script so far.
#[derive(Debug, Default)]
pub(super) struct ToySampler {
    said: usize,
}

/// Positions that must not be looked at any more, and how much lower those behind them are for the model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Dropped {
    positions: Range<usize>,
    moved_by: usize,
}

/// What a hybrid folds its past into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct State {
    /// Of how many positions.
    len: usize,
    hash: u64,
}

/// A copy of the cells, of the state, or of both.
#[derive(Debug, Clone, Default)]
pub(super) struct ToyCopy {
    cells: Vec<(u64, Token)>,
    dropped: Dropped,
    state: Option<State>,
    is_on_device: bool,
}

impl Toy {
    /// One with a state beside its cells.
    pub(super) fn hybrid(train_context_tokens: u32) -> Self {
        Self { state: Some(State::default()), ..Self::new(train_context_tokens) }
    }

    pub(super) fn new(train_context_tokens: u32) -> Self {
        Self {
            cells: Vec::new(),
            dropped: Dropped::default(),
            state: None,
            context_tokens: 0,
            train_context_tokens,
            computed: 0,
            tokenized_bytes: Cell::new(0),
            bytes_per_token: 1,
            script: None,
            quotes: false,
            calls: 0,
            loses_states: false,
            interrupt_at: None,
            cancels: None,
            threads: 0,
            fault: None,
            constrained: None,
            lookout: None,
            seen: None,
            logits: Vec::new(),
            others: BTreeMap::new(),
            most_guests: 0,
            before_call: None,
            has_device: false,
            adapters: AdapterKey::NONE,
            keeps_everything: false,
        }
    }

    /// The cells up to the token of the last call with `others_after` after it that have logits.
    fn cells_at(&self, others_after: usize) -> &[(u64, Token)] {
        assert!(others_after < self.logits.len(), "the token has logits");
        let (guest, len) = self.logits[self.logits.len() - 1 - others_after];
        &self.cells_of(guest)[..len]
    }

    fn cells_of(&self, guest: Option<Guest>) -> &[(u64, Token)] {
        guest.map_or(&self.cells, |guest| &self.others[&guest].0)
    }

    /// A lower-case letter, or about once in eight the end token; or the next of the script. Behind the cell with
    /// `others_after` others after it.
    fn next(&self, sampler: &mut ToySampler, others_after: usize) -> Token {
        let cells = self.cells_at(others_after);
        if let Some(script) = &self.script {
            let token = script.get(sampler.said).map_or(END, |&byte| Token(i32::from(byte)));
            sampler.said += 1;
            return token;
        }
        let last = cells.last().map_or(0, |&(cell, _)| cell);
        let quoted = if self.quotes && !last.is_multiple_of(5) { what_followed(cells) } else { None };
        quoted.unwrap_or_else(|| likeliest(last))
    }

    /// Computes a token of a guest.
    fn push_to(&mut self, guest: Guest, token: Token, start: u32, attention: &Attention) {
        assert!(self.taken() < self.context_tokens as usize, "the context is never overrun");
        let cells = &self.others[&guest].0;
        assert_eq!(start as usize, cells.len(), "positions are appended without a gap");
        let entry = self.entry_behind(cells, token, attention);
        self.others.get_mut(&guest).expect("it was shared with").0.push((entry, token));
        self.computed += 1;
    }

    /// Cells in use by all conversations.
    pub(super) fn taken(&self) -> usize {
        self.held() + self.others.values().map(|(cells, shared)| cells.len() - shared).sum::<usize>()
    }

    fn begin_call(&mut self) {
        self.logits.clear();
        let calls = self.calls;
        if let Some((_, act)) = self.before_call.take_if(|(call, _)| *call <= calls) {
            act();
        }
    }

    /// Positions, dropped ones included.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Cells in use.
    pub(super) fn held(&self) -> usize {
        self.cells.len() - self.dropped.positions.len()
    }

    /// How far positions were moved.
    pub(super) fn moved_by(&self) -> usize {
        self.dropped.moved_by
    }

    /// The entry of the next position: a hash of its token and every entry that it sees.
    fn entry(&self, token: Token, attention: &Attention) -> u64 {
        self.entry_behind(&self.cells, token, attention)
    }

    fn entry_behind(&self, cells: &[(u64, Token)], token: Token, attention: &Attention) -> u64 {
        let position = cells.len() as u32;
        let mut hasher = DefaultHasher::new();
        (token, self.state, self.adapters).hash(&mut hasher);
        if self.dropped.moved_by > 0 {
            self.dropped.moved_by.hash(&mut hasher);
        }
        for (key, (cell, _)) in (0..).zip(cells) {
            let (sliding, full) = match attention {
                Attention::Full => (1, true),
                Attention::Sliding { window, sinks, far, full_layers } => {
                    (weight(position, key, *window, *sinks, *far), !full_layers.is_empty())
                }
            };
            if sliding > 0 || full {
                assert!(!self.dropped.positions.contains(&(key as usize)), "{position} sees {key}, which was dropped");
                (cell, sliding).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    fn look_at(&mut self, token: Token) {
        let Some(lookout) = self.lookout.as_ref().filter(|lookout| lookout.rows.contains(&(self.cells.len() as u32)))
        else {
            return;
        };
        let keys = &self.cells[..lookout.keys as usize];
        let seen = self.seen.get_or_insert_with(|| vec![0.0; keys.len()]);
        let is_capital = u8::try_from(token.0).is_ok_and(|byte| byte.is_ascii_uppercase());
        let is_seen = |&(_, key): &(u64, Token)| is_capital && key == token;
        seen.iter_mut().zip(keys).filter(|(_, key)| is_seen(key)).for_each(|(seen, _)| *seen += 1.0);
    }
}

/// What most likely follows a cell.
fn likeliest(cell: u64) -> Token {
    if cell.is_multiple_of(8) { END } else { Token(i32::from(b'a') + (cell % 26) as i32) }
}

/// What followed the last two tokens at the last place where they stood before.
fn what_followed(cells: &[(u64, Token)]) -> Option<Token> {
    let last = cells.last_chunk::<2>()?.map(|(_, token)| token);
    let earlier = &cells[..cells.len() - 1];
    let place = earlier.windows(2).rposition(|pair| [pair[0].1, pair[1].1] == last)?;
    Some(cells[place + 2].1)
}

impl Machine for Toy {
    type Snapshot = ToyCopy;
    type Sampler = ToySampler;

    fn tokenize(&self, texts: &[(&str, Origin)], _: Before) -> Vec<Token> {
        let bytes: usize = texts.iter().map(|(text, _)| text.len()).sum();
        self.tokenized_bytes.set(self.tokenized_bytes.get() + bytes);
        let bytes = texts.iter().flat_map(|(text, _)| text.bytes()).step_by(self.bytes_per_token);
        bytes.map(|byte| Token(i32::from(byte))).collect()
    }

    fn token_bytes(&self, token: Token, _: bool) -> Vec<u8> {
        vec![u8::try_from(token.0).expect("toy tokens are bytes")]
    }

    fn ends_generation(&self, token: Token) -> bool {
        token == END
    }

    fn layers(&self) -> &ModelLayers {
        &ModelLayers::All(4)
    }

    fn query_heads(&self) -> u32 {
        2
    }

    /// The toy has every adapter whose file is not called `missing`.
    fn adapt(&mut self, adapters: &[Adapter]) -> Result<AdapterKey, Failure> {
        if adapters.iter().any(|adapter| adapter.file == Path::new("missing")) {
            return Err(Failure { kind: FailureKind::Usage, message: "it is missing".to_owned(), hint: None });
        }
        let used: Vec<&Adapter> = adapters.iter().filter(|adapter| !adapter.scale.is_none()).collect();
        let mut hasher = DefaultHasher::new();
        used.hash(&mut hasher);
        self.adapters = AdapterKey::NONE;
        if !used.is_empty() {
            self.adapters.0[..8].copy_from_slice(&hasher.finish().to_le_bytes());
        }
        Ok(self.adapters)
    }

    fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    fn train_context_tokens(&self) -> u32 {
        self.train_context_tokens
    }

    fn resize(&mut self, tokens: u32) -> Result<(), Failure> {
        assert!(self.others.is_empty(), "no guest is there");
        assert!(self.held() <= tokens as usize, "what is cached fits");
        self.context_tokens = tokens;
        Ok(())
    }

    fn set_threads(&mut self, threads: u32) {
        self.threads = threads;
    }

    fn decode(
        &mut self,
        tokens: &[Token],
        start: u32,
        attention: &Attention,
        logits: Logits,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Decoded, Failure> {
        assert!(logits == Logits::OfTheLast || tokens.len() <= MOST_LOGITS as usize, "there is room for all logits");
        self.begin_call();
        assert_eq!(start as usize, self.cells.len(), "positions are appended without a gap");
        assert!(self.taken() + tokens.len() <= self.context_tokens as usize, "the context is never overrun");
        if !self.dropped.positions.is_empty() {
            let end = self.cells.len() + tokens.len() - self.dropped.moved_by;
            assert!(end <= self.train_context_tokens as usize, "position {end} is beyond the training");
        }
        for &token in tokens {
            if self.interrupt_at == Some(self.cells.len()) {
                self.cancels.take().inspect(CancelToken::cancel);
            }
            if interrupted() {
                return Ok(Decoded::Interrupted);
            }
            let entry = self.entry(token, attention);
            self.look_at(token);
            self.cells.push((entry, token));
            if let Some(state) = &mut self.state {
                assert_eq!(state.len + 1, self.cells.len(), "the state is that of the cells");
                *state = State { len: self.cells.len(), hash: entry };
            }
            self.computed += 1;
        }
        self.calls += 1;
        let first = if logits == Logits::OfEach { self.cells.len() - tokens.len() + 1 } else { self.cells.len() };
        self.logits = (first..=self.cells.len()).map(|len| (None, len)).collect();
        Ok(Decoded::Done)
    }

    /// Half of the probability is the likeliest token's, and the others share the rest.
    fn weigh(&self, next: &[Token]) -> Result<Vec<Weight>, Failure> {
        assert!(next.len() <= self.logits.len(), "only {} tokens have logits", self.logits.len());
        let behind = &self.cells[self.cells.len() - next.len()..];
        let weight = |(&(cell, _), &token): (&(u64, Token), &Token)| {
            let is_likeliest = likeliest(cell) == token;
            let log_probability = if is_likeliest { 0.5_f64.ln() } else { (0.5_f64 / 255.0).ln() };
            Weight { log_probability, is_likeliest }
        };
        Ok(behind.iter().zip(next).map(weight).collect())
    }

    /// As [`Machine::weigh`] has it: behind the likeliest come tokens from 0 on.
    fn score(&self, token: Token, others_after: u32, most: u32) -> Result<(f64, Vec<(Token, f64)>), Failure> {
        let first = likeliest(self.cells_at(others_after as usize).last().map_or(0, |&(cell, _)| cell));
        let score = |token: Token| (token, if token == first { 0.5_f64.ln() } else { (0.5_f64 / 255.0).ln() });
        let others = (0..255).map(Token).filter(|other| *other != first);
        let all = std::iter::once(first).chain(others).map(score);
        Ok((score(token).1, all.take(most as usize).collect()))
    }

    fn cuts_anywhere(&self) -> bool {
        self.state.is_none()
    }

    fn look_out(&mut self, lookout: Option<Lookout>) {
        self.lookout = lookout;
        self.seen = None;
    }

    fn seen(&self) -> Option<Vec<Vec<f32>>> {
        // Those of layer 1 look; others see everything alike.
        let seen = self.seen.clone()?;
        let of_head = |head: &Head| if head.layer == 1 { seen.clone() } else { vec![1.0; seen.len()] };
        Some(self.lookout.as_ref()?.heads.iter().map(of_head).collect())
    }

    fn truncate(&mut self, len: u32) -> Result<(), Failure> {
        let len = len as usize;
        assert!(self.state.is_none_or(|state| state.len == len), "{:?} can't be cut to {len}", self.state);
        self.cells.truncate(len);
        if len <= self.dropped.positions.start {
            self.dropped = Dropped::default();
        }
        assert!(len >= self.dropped.positions.end, "{len} was dropped");
        Ok(())
    }

    fn drops_anywhere(&self) -> bool {
        self.state.is_none() && !self.keeps_everything
    }

    fn drop_range(&mut self, start: u32, end: u32) -> Result<(), Failure> {
        let (start, end) = (start as usize, end as usize);
        assert!(self.dropped.positions.is_empty() || self.dropped.positions.end == start, "one gap");
        if self.dropped.positions.is_empty() {
            self.dropped.positions.start = start;
        }
        self.dropped.positions.end = end;
        assert!(end <= self.cells.len());
        Ok(())
    }

    fn move_behind(&mut self, sinks: u32, by: u32) -> Result<(), Failure> {
        assert_eq!(sinks as usize, self.dropped.positions.start);
        assert!(by as usize >= self.dropped.moved_by);
        self.dropped.moved_by = by as usize;
        Ok(())
    }

    fn checkpoint(&self) -> Result<ToyCopy, Failure> {
        Ok(ToyCopy { state: self.state, ..ToyCopy::default() })
    }

    fn rewind(&mut self, checkpoint: &ToyCopy, len: u32) -> Result<(), Failure> {
        if self.loses_states {
            let message = "the state is lost".to_owned();
            return Err(Failure { kind: FailureKind::Runtime, message, hint: None });
        }
        self.state = checkpoint.state;
        assert!(self.cells.len() >= len as usize, "the cells before it are there");
        self.truncate(len)
    }

    fn forget(&mut self) {
        assert!(self.others.is_empty(), "no guest is there");
        self.cells.clear();
        self.dropped = Dropped::default();
        self.state = self.state.map(|_| State::default());
    }

    fn snapshot(&self) -> Result<ToyCopy, Failure> {
        let (cells, dropped) = (self.cells.clone(), self.dropped.clone());
        Ok(ToyCopy { cells, dropped, state: self.state, is_on_device: self.has_device })
    }

    fn restore(&mut self, snapshot: &ToyCopy) -> Result<(), Failure> {
        self.cells.clone_from(&snapshot.cells);
        self.dropped.clone_from(&snapshot.dropped);
        assert!(self.held() <= self.context_tokens as usize, "the context is never overrun");
        self.state = snapshot.state;
        Ok(())
    }

    fn copies_on_device(&self) -> bool {
        self.has_device
    }

    fn leave_device(snapshot: ToyCopy) -> Option<ToyCopy> {
        Some(ToyCopy { is_on_device: false, ..snapshot })
    }

    fn snapshot_size(snapshot: &ToyCopy) -> SnapshotSize {
        let cells = (snapshot.cells.len() - snapshot.dropped.positions.len()) as u64 * 8;
        let state = snapshot.state.map_or(0, |_| 16);
        let on_device = if snapshot.is_on_device { cells } else { 0 };
        SnapshotSize { host_bytes: cells - on_device + state, device_bytes: on_device }
    }

    fn checkpoint_bytes(checkpoint: &ToyCopy) -> Vec<u8> {
        let State { len, hash } = checkpoint.state.expect("a checkpoint is of a state");
        [(len as u64).to_le_bytes(), hash.to_le_bytes()].concat()
    }

    fn checkpoint_of(bytes: Vec<u8>) -> ToyCopy {
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        let state = State { len: number(&bytes[..8]) as usize, hash: number(&bytes[8..]) };
        ToyCopy { state: Some(state), ..ToyCopy::default() }
    }

    fn range_layout(&mut self) -> Result<String, String> {
        Ok("toy".to_owned())
    }

    fn range_bytes(&mut self, tokens: u32) -> u64 {
        u64::from(tokens) * 8
    }

    fn copy_range(&mut self, start: u32, end: u32) -> Result<Vec<u8>, Failure> {
        let Range { start: first, end: behind } = self.dropped.positions;
        assert!(start as usize >= behind || end as usize <= first, "{start} to {end} were dropped");
        assert_eq!(self.dropped.moved_by, 0, "keys that were rotated are not those of another run");
        Ok(self.cells[start as usize..end as usize].iter().flat_map(|(cell, _)| cell.to_le_bytes()).collect())
    }

    fn append_range(&mut self, start: u32, end: u32, bytes: &[u8]) -> Result<(), Failure> {
        assert_eq!(
            (start as usize, bytes.len()),
            (self.cells.len(), (end - start) as usize * 8),
            "appended without a gap"
        );
        let held = self.held() + (end - start) as usize;
        assert!(held <= self.context_tokens as usize, "the context is never overrun");
        // Which token it was is not told: heads don't look at it.
        let cell = |bytes: &[u8]| (u64::from_le_bytes(bytes.try_into().expect("8 bytes")), END);
        self.cells.extend(bytes.chunks(8).map(cell));
        Ok(())
    }

    fn logits_fault(&self) -> Option<&'static str> {
        self.fault
    }

    fn start_sampling(&mut self, _: &Sampling, _: &[Token]) -> ToySampler {
        self.constrained = None;
        ToySampler::default()
    }

    /// Only notes where the constraint begins: what a schema allows is tested with real vocabularies.
    fn constrain(&mut self, sampler: &mut ToySampler, schema: &str, begun: &[Token]) -> Result<(), Failure> {
        self.constrained = Some((schema.to_owned(), begun.to_vec(), sampler.said));
        Ok(())
    }

    fn sample(&mut self, sampler: &mut ToySampler, others_after: u32) -> Result<Token, Failure> {
        Ok(self.next(sampler, others_after as usize))
    }

    fn guests(&self) -> u32 {
        self.most_guests
    }

    fn share(&mut self, guest: Guest, len: u32) -> Result<(), Failure> {
        assert!((1..=self.most_guests).contains(&guest.0) && !self.others.contains_key(&guest), "{guest:?} is free");
        self.others.insert(guest, (self.cells[..len as usize].to_vec(), len as usize));
        Ok(())
    }

    fn decode_guest(
        &mut self,
        guest: Guest,
        tokens: &[Token],
        start: u32,
        attention: &Attention,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Decoded, Failure> {
        self.begin_call();
        for (position, &token) in (start..).zip(tokens) {
            if interrupted() {
                return Ok(Decoded::Interrupted);
            }
            self.push_to(guest, token, position, attention);
        }
        self.calls += 1;
        self.logits = vec![(Some(guest), self.others[&guest].0.len())];
        Ok(Decoded::Done)
    }

    fn decode_each(&mut self, next: &[NextToken]) -> Result<(), Failure> {
        self.begin_call();
        for &NextToken { guest, position, token } in next {
            if let Some(guest) = guest {
                self.push_to(guest, token, position, &Attention::Full);
                continue;
            }
            assert_eq!(position as usize, self.cells.len(), "positions are appended without a gap");
            assert!(self.taken() < self.context_tokens as usize, "the context is never overrun");
            let entry = self.entry(token, &Attention::Full);
            self.cells.push((entry, token));
            self.computed += 1;
        }
        self.calls += 1;
        self.logits = next.iter().map(|next| (next.guest, self.cells_of(next.guest).len())).collect();
        Ok(())
    }

    fn cut_guest(&mut self, guest: Guest, len: u32) {
        match self.others.get_mut(&guest) {
            Some((cells, _)) if len > 0 => cells.truncate(len as usize),
            _ => drop(self.others.remove(&guest)),
        }
    }

    fn memory(&self, cache_state: u32) -> Memory {
        Memory {
            kv_bytes: u64::from(self.context_tokens) * 8,
            kv_used_bytes: u64::from(cache_state) * 8,
            ..Memory::default()
        }
    }
}
