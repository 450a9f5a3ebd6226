//! The interface of a model with its KV cache that the worker uses. `llama` is the real one; tests use a toy that
//! recomputes everything.
//!
//! The cache holds positions `0..len`. The machine appends tokens under one attention at a time, truncates, and copies
//! the whole cache to other memory and back, or ranges of it. Some can drop cells in the middle. A machine with a state of fixed size can't be truncated: it
//! goes back to a checkpoint, a copy of that state.
//!
//! Beside this first conversation, guests may lie in the same cells. Each begins with positions of the first one, whose cells it shares, and
//! goes on by itself. Example: three questions about a book of 160,000 tokens take 160,000 cells, and 50 more for each.

use std::ops::Range;
use std::sync::Arc;

use super::cache_index::{AdapterKey, Token};
use super::message::{Failure, Head, LONGEST_DRAFT, Memory, Origin, Sampling, Weight};
use crate::swaa::{Adapter, Attention, ModelLayers};

/// What comes before a text that is tokenised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: it begins the prompt.
    Nothing,
    /// A control token, or nothing that matters: the text is counted by itself.
    Mark,
    /// Text, which it continues.
    Text,
}

/// How a decode call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoded {
    Done,
    /// Interrupted before the end; the caller must truncate the cache to its length before the call, or go back to a
    /// checkpoint.
    Interrupted,
}

/// Which tokens of a decode call get logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logits {
    OfTheLast,
    /// Of at most [`MOST_LOGITS`] tokens.
    OfEach,
}

/// How many tokens of one call can have logits: a draft and the one before it. 16 rows of a vocabulary of 152,000 are 10 MB, and
/// those of a whole batch of 2,048 would be 1.2 GB.
pub(super) const MOST_LOGITS: u32 = 1 + LONGEST_DRAFT;

/// A conversation beside the first one, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Guest(pub u32);

/// The next token of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NextToken {
    /// `None`: of the first one.
    pub guest: Option<Guest>,
    pub position: u32,
    pub token: Token,
}

/// Some heads, which tell what they attend to among the first tokens while others are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookout {
    /// Ascending.
    pub heads: Arc<[Head]>,
    /// How many leading positions they tell about.
    pub keys: u32,
    /// The positions of the tokens that are read; none of them is one of the first `keys`.
    pub rows: Range<u32>,
}

/// How much memory a snapshot takes, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SnapshotSize {
    pub host_bytes: u64,
    pub device_bytes: u64,
}

/// A model with one KV cache.
pub(super) trait Machine {
    /// A copy of the cache or of its state.
    type Snapshot;

    /// What shapes the tokens that are chosen for one answer.
    type Sampler;

    /// The tokens of texts that follow each other and `before`, as if the whole had been tokenised at once. At the
    /// beginning of a prompt the vocabulary's own first token comes first, if it wants one and the text has none.
    fn tokenize(&self, texts: &[(&str, Origin)], before: Before) -> Vec<Token>;

    /// The bytes of `token`; those of control tokens only if `special`, else none.
    fn token_bytes(&self, token: Token, special: bool) -> Vec<u8>;

    fn ends_generation(&self, token: Token) -> bool;

    fn layers(&self) -> &ModelLayers;

    /// Query heads of each layer that attends.
    fn query_heads(&self) -> u32;

    /// Puts these adapters onto the model for the next decode calls, and only these. Returns what a cache that is computed with them
    /// is known by; adapters of scale 0 are none.
    ///
    /// Errors: one of them was not loaded with the model.
    fn adapt(&mut self, adapters: &[Adapter]) -> Result<AdapterKey, Failure>;

    /// Size of the context in tokens, cached or free; 0 before [`Machine::resize`].
    fn context_tokens(&self) -> u32;

    /// The context length that the model was trained on.
    fn train_context_tokens(&self) -> u32;

    /// Makes room for `tokens`. Cached tokens are kept if they fit.
    fn resize(&mut self, tokens: u32) -> Result<(), Failure>;

    /// How many threads compute the next decode calls.
    fn set_threads(&mut self, threads: u32);

    /// Appends `tokens` at positions `start..`, computed under `attention`, and keeps `logits`. Calls `interrupted` as
    /// often as possible meanwhile.
    fn decode(
        &mut self,
        tokens: &[Token],
        start: u32,
        attention: &Attention,
        logits: Logits,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Decoded, Failure>;

    /// How probable each of `next` is behind the last tokens with logits, of which there are as many: the last of `next` behind
    /// the last of them.
    ///
    /// Errors: the library has no logits for one.
    fn weigh(&self, next: &[Token]) -> Result<Vec<Weight>, Failure>;

    /// The natural logarithm of the probability of `token` where [`Machine::sample`] would sample with `others_after`, and of the
    /// `likeliest` tokens there; the likeliest first, and the one with the lower id of two that are alike. What shapes the sampling doesn't
    /// count.
    ///
    /// Errors: the library has no logits there.
    fn score(&self, token: Token, others_after: u32, likeliest: u32) -> Result<(f64, Vec<(Token, f64)>), Failure>;

    /// Whether the cache can be truncated anywhere. If not, only [`Machine::rewind`] and [`Machine::forget`] shorten it.
    fn cuts_anywhere(&self) -> bool;
    /// From now on these heads tell what they attend to; what they told before is forgotten.
    fn look_out(&mut self, lookout: Option<Lookout>);

    /// What each head of the lookout has told: its attention to each key, added up over the rows that were decoded.
    /// `None` if it can't tell, or no row was decoded.
    fn seen(&self) -> Option<Vec<Vec<f32>>>;

    /// Removes positions `len..`. What is removed with all that is behind a gap takes the gap with it.
    fn truncate(&mut self, len: u32) -> Result<(), Failure>;

    /// Whether positions in the middle of the cache can be dropped.
    fn drops_anywhere(&self) -> bool;

    /// Drops the cells of positions `start..end`, which lie right behind the sinks or right behind what was dropped before; the cells behind them
    /// close up. Positions are still counted from the beginning of the text, here and everywhere.
    fn drop_range(&mut self, start: u32, end: u32) -> Result<(), Failure>;

    /// For the model, the positions behind the first `sinks` and what was dropped are from now on `by` lower than in the text, and so are those to come.
    ///
    /// Errors: this model's keys can't be rotated to other positions.
    fn move_behind(&mut self, sinks: u32, by: u32) -> Result<(), Failure>;

    /// Copies what can't be truncated, as it is at the cache's end.
    fn checkpoint(&self) -> Result<Self::Snapshot, Failure>;

    /// Goes back to position `len`, of which `checkpoint` was taken; the cache holds everything before it.
    fn rewind(&mut self, checkpoint: &Self::Snapshot, len: u32) -> Result<(), Failure>;

    /// Empties the cache.
    fn forget(&mut self);

    /// A copy of the cache: on the devices that hold it, if there is room, else in host memory.
    fn snapshot(&self) -> Result<Self::Snapshot, Failure>;

    /// Whether a snapshot would lie on the devices now, so that it takes no host memory.
    fn copies_on_device(&self) -> bool;

    /// The same snapshot in host memory; `None` if it is lost.
    fn leave_device(snapshot: Self::Snapshot) -> Option<Self::Snapshot>;

    /// Replaces the contents of the cache.
    fn restore(&mut self, snapshot: &Self::Snapshot) -> Result<(), Failure>;

    fn snapshot_size(snapshot: &Self::Snapshot) -> SnapshotSize;

    /// A checkpoint as bytes, for another run of the program.
    fn checkpoint_bytes(checkpoint: &Self::Snapshot) -> Vec<u8>;

    /// The checkpoint of these bytes. If they are none, [`Machine::rewind`] refuses it.
    fn checkpoint_of(bytes: Vec<u8>) -> Self::Snapshot;

    /// Describes what the bytes of a range depend on beside the model: the same text, the same meaning. Ranges are of what the cache keeps of
    /// every token. If it can't be truncated anywhere, appended ranges have to be followed by [`Machine::rewind`].
    ///
    /// Errors: why ranges of this model's cache can't be copied, in words.
    fn range_layout(&mut self) -> Result<String, String>;

    /// Bytes of a range of `tokens` positions.
    fn range_bytes(&mut self, tokens: u32) -> u64;

    /// Copies positions `start..end`.
    fn copy_range(&mut self, start: u32, end: u32) -> Result<Vec<u8>, Failure>;

    /// Appends positions `start..end` from a copy. The cache must end at `start`. On failure it is unchanged.
    fn append_range(&mut self, start: u32, end: u32, bytes: &[u8]) -> Result<(), Failure>;

    /// What is wrong with the last logits: damaged weights give such as say nothing. `None` if they are sound.
    fn logits_fault(&self) -> Option<&'static str>;

    /// Starts sampling; `recent` are the tokens that the repetition penalty covers.
    fn start_sampling(&mut self, sampling: &Sampling, recent: &[Token]) -> Self::Sampler;

    /// Holds what is sampled from now on to a JSON schema. `begun` are the tokens of it that are there already.
    ///
    /// Errors: the schema can't be held to, or `begun` is not how its JSON begins.
    fn constrain(&mut self, sampler: &mut Self::Sampler, schema: &str, begun: &[Token]) -> Result<(), Failure>;

    /// Samples the token that follows one of the last decode call: the last one, or the one with `others_after` tokens
    /// after it.
    ///
    /// Errors: no token can follow under the schema.
    fn sample(&mut self, sampler: &mut Self::Sampler, others_after: u32) -> Result<Token, Failure>;

    /// How many guests there can be at the same time. While there are any, the first conversation is neither replaced nor resized.
    fn guests(&self) -> u32;

    /// A guest begins with the first `len` positions of the first conversation.
    fn share(&mut self, guest: Guest, len: u32) -> Result<(), Failure>;

    /// As [`Machine::decode`] for a guest, with logits of the last token.
    fn decode_guest(
        &mut self,
        guest: Guest,
        tokens: &[Token],
        start: u32,
        attention: &Attention,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Decoded, Failure>;

    /// Appends a token to each of several conversations in one call, under full attention and with logits of each. At most [`MOST_LOGITS`].
    ///
    /// Errors: nothing that was appended can be trusted.
    fn decode_each(&mut self, next: &[NextToken]) -> Result<(), Failure>;

    /// Removes a guest's positions from `len` on; with 0, the guest is gone.
    fn cut_guest(&mut self, guest: Guest, len: u32);

    /// Buffers as allocated, with `kv_used_bytes` for `cache_state` cached tokens. The caller fills in
    /// `resident_bytes`.
    fn memory(&self, cache_state: u32) -> Memory;
}
