//! What the worker needs of a model and its KV cache. `llama` is the real one; tests bring a toy that recomputes
//! everything.
//!
//! The cache holds positions `0..len`. The machine appends tokens under one attention at a time, truncates, and copies
//! the whole cache to host memory and back.

use super::cache_index::Token;
use super::message::{Failure, Memory, Origin, Sampling};
use crate::swaa::Attention;

/// How a decode call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoded {
    Done,
    /// The interrupt came before the end; the cache must be truncated to what was there before the call.
    Interrupted,
}

/// A model with one KV cache.
pub(super) trait Machine {
    /// A copy of the cache in host memory.
    type Snapshot;

    fn tokenize(&self, text: &str, origin: Origin) -> Vec<Token>;

    /// The bytes that `token` stands for; control tokens give some only if `special`.
    fn token_bytes(&self, token: Token, special: bool) -> Vec<u8>;

    fn ends_generation(&self, token: Token) -> bool;

    fn layers(&self) -> u32;

    /// Room for so many tokens, cached or not; 0 before [`Machine::resize`].
    fn context_tokens(&self) -> u32;

    /// The longest context that the model was trained on.
    fn train_context_tokens(&self) -> u32;

    /// Makes room for `tokens`; what the cache held survives if it fits.
    fn resize(&mut self, tokens: u32) -> Result<(), Failure>;

    /// Appends `tokens` at positions `start..`, computed under `attention`. The logits of the last one are kept.
    /// Calls `interrupted` while it works, as often as it can.
    fn decode(
        &mut self,
        tokens: &[Token],
        start: u32,
        attention: &Attention,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Decoded, Failure>;

    /// Forgets positions `len..`.
    fn truncate(&mut self, len: u32) -> Result<(), Failure>;

    fn snapshot(&self) -> Result<Self::Snapshot, Failure>;

    /// Replaces what the cache holds.
    fn restore(&mut self, snapshot: &Self::Snapshot) -> Result<(), Failure>;

    fn snapshot_bytes(snapshot: &Self::Snapshot) -> u64;

    /// Starts sampling; `recent` is what the repetition penalty looks back on.
    fn start_sampling(&mut self, sampling: &Sampling, recent: &[Token]);

    /// Samples a token from the last logits.
    fn sample(&mut self) -> Token;

    /// Buffers as allocated; `kv_used_bytes` for `cache_state` tokens; `resident_bytes` is left to the caller.
    fn memory(&self, cache_state: u32) -> Memory;
}
