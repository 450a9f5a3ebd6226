//! Drops the cells that a bounded reading doesn't need any more, and moves positions that would leave the model's training.
//!
//! [`super::bounded`] says which and when. Called before each decode call, and before each block that is appended from disk.
//!
//! Example: a cache of 5,632 cells holds positions 0 to 5,631, and the next call has 512 tokens. The cells of 1,280 positions behind the sinks are
//! dropped, so 4,352 are in use.

use super::bounded::Bounded;
use super::cache_index::CacheIndex;
use super::machine::Machine;
use super::message::Failure;

/// Makes room for a decode call of `tokens` behind what the cache holds.
///
/// Errors: the library failed in it. Then nothing in the cache can be trusted, and it is empty.
pub(super) fn make_way<M: Machine>(
    bounded: Bounded,
    cache: &mut CacheIndex,
    machine: &mut M,
    tokens: u32,
) -> Result<(), Failure> {
    let moves = bounded.moves_at(cache.rope_position());
    if !moves && cache.cells() + tokens <= bounded.cells() {
        return Ok(());
    }
    let made = drop_and_move(bounded, cache, machine, moves);
    if made.is_err() {
        machine.forget();
        cache.truncate(0);
    }
    made
}

fn drop_and_move<M: Machine>(
    bounded: Bounded,
    cache: &mut CacheIndex,
    machine: &mut M,
    moves: bool,
) -> Result<(), Failure> {
    let start = cache.gap().map_or(bounded.bound.sinks, |gap| gap.end);
    let end = bounded.gap_end(cache.len());
    if end > start {
        machine.drop_range(start, end)?;
        cache.drop_to(bounded.bound, end);
        tracing::debug!(start, end, cells = cache.cells(), "positions that no later token sees were dropped");
    }
    if let Some(gap) = cache.gap().filter(|_| moves) {
        machine.move_behind(gap.start, gap.end - gap.start)?;
        cache.close_positions();
        tracing::debug!(by = gap.end - gap.start, "positions were moved next to the sinks");
    }
    Ok(())
}
