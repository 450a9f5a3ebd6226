//! How much of a reading is kept under a recipe that is bounded everywhere, and which cells can go.
//!
//! Without FA decode, dense tail, far keys and full layers, a token sees the sinks and a window, and what lies between is of no use to any later
//! token. So a reading of any length takes a cache of one size: sinks, window, and room for two decode calls. When it is full, what lies between is
//! dropped, and the cells behind it close up.
//!
//! ```text
//! position 0 .. 99 | 100 .. 5987: dropped | 5988 .. 10239, the next call begins at 10240
//! cell     0 .. 99 |                      | 100  .. 4351
//! ```
//!
//! Example: `stream` (100 sinks, a window of 4,096) in calls of 512 tokens takes 5,632 cells, 69 MB of a 0.5B in f16, for 10,000 tokens as for
//! 1,000,000. Every second call drops 1,024 positions.
//!
//! *The same sums.* Attention kernels go through cells in blocks of 256, and floating-point sums depend on where these begin. What is dropped is a multiple
//! of 256 positions, and the sinks have blocks of their own. So each key has the place in its block that it has in a whole cache, and the
//! answers are those of a whole cache bit by bit, as long as positions are not moved.
//!
//! *Positions.* A model makes no sense of positions beyond its training. Where the next call could reach them, the positions behind the gap are
//! moved next to the sinks, and their keys rotated to match (positions within the cache, as in Xiao et al. 2023, section 3.2). That is done once in
//! thousands of tokens and not in each call, since every rotation rounds a cached key. Where it happens depends on the position alone.
//!
//! Doesn't touch a cache ([`super::dropping`] does).

use super::config::ContextSize;
use crate::swaa::{Bound, Recipe};

/// Kernels go through the cache in blocks of so many cells (`SWAA_BLOCK` in the patches).
const BLOCK_TOKENS: u32 = 256;

/// What a model and the settings allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Whether cells in the middle of this model's cache can be dropped, and may be.
    pub drops_anywhere: bool,
    /// What the model was trained for.
    pub train_context_tokens: u32,
    pub context: ContextSize,
    /// Of a decode call.
    pub batch_tokens: u32,
}

/// A cache of one size for a reading of any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounded {
    pub(super) bound: Bound,
    cells: u32,
    /// From this position on, as the library counts, positions are moved before the next call.
    moves_from: u32,
}

impl Bounded {
    /// `None`: everything that is read is kept. The recipe looks at all of it, the model keeps it in another form, or the context that `-c` or the
    /// model allows is too short for sinks, window and a call.
    #[must_use]
    pub fn of(recipe: &Recipe, allowed: Allowed) -> Option<Self> {
        let bound = recipe.bound().filter(|_| allowed.drops_anywhere)?;
        let trained = allowed.train_context_tokens;
        let most = allowed.context.useful_limit(trained);
        let mut sizes = [2, 1].into_iter().filter_map(|calls| cells(bound, calls, allowed.batch_tokens));
        let cells = sizes.find(|&size| size <= most)?;
        Some(Self { bound, cells, moves_from: trained - allowed.batch_tokens })
    }

    /// The size of the cache.
    #[must_use]
    pub const fn cells(self) -> u32 {
        self.cells
    }

    /// Where the cells to keep behind the gap begin, if the next token is at `position` and as much as possible is dropped.
    pub(super) fn gap_end(self, position: u32) -> u32 {
        let Bound { sinks, window } = self.bound;
        let first_seen = (position + 1).saturating_sub(window);
        let blocks = (first_seen / BLOCK_TOKENS).saturating_sub(sinks.div_ceil(BLOCK_TOKENS));
        sinks + blocks * BLOCK_TOKENS
    }

    /// Whether positions are moved before a call that begins at `rope_position`.
    pub(super) fn moves_at(self, rope_position: u32) -> bool {
        rope_position >= self.moves_from
    }

    /// Whether everything up to `position` of a text is computed before positions are moved.
    pub(super) fn is_unmoved(self, position: u32) -> bool {
        position <= self.moves_from
    }

    /// Most tokens of a call at `rope_position`, so that the next one begins where positions are moved.
    pub(super) fn tokens_to_move(self, rope_position: u32) -> u32 {
        self.moves_from.checked_sub(rope_position).filter(|&left| left > 0).unwrap_or(u32::MAX)
    }
}

/// Sinks and window in whole blocks, a block for a window that begins inside of one, and room for some calls. `None` if that is more than can be counted.
fn cells(bound: Bound, calls: u32, batch_tokens: u32) -> Option<u32> {
    let whole = |tokens: u32| tokens.checked_next_multiple_of(BLOCK_TOKENS);
    let seen = whole(bound.sinks)?.checked_add(whole(bound.window)?)?;
    whole(seen.checked_add(BLOCK_TOKENS)?.checked_add(calls.checked_mul(batch_tokens)?)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::swaa::{ModelLayers, RecipeSpec, WindowSpec};

    const ALLOWED: Allowed =
        Allowed { drops_anywhere: true, train_context_tokens: 32_768, context: ContextSize::Fit, batch_tokens: 512 };

    fn recipe(window: u32, sinks: u32) -> Recipe {
        let window = WindowSpec::Tokens(window);
        RecipeSpec { window, sinks, fa_decode: false, dense_tail: false, ..RecipeSpec::SLIDING }
            .resolve(1_000_000, &ModelLayers::All(24))
    }

    fn cells_of(recipe: &Recipe, allowed: Allowed) -> Option<u32> {
        Bounded::of(recipe, allowed).map(Bounded::cells)
    }

    #[test]
    fn the_example_of_the_module() {
        let stream = recipe(4096, 100);
        assert_eq!(cells_of(&stream, ALLOWED), Some(5_632));
        let bounded = Bounded::of(&stream, ALLOWED).expect("it is bounded");
        assert_eq!(bounded.gap_end(10_240), 5_988);
    }

    #[test]
    fn what_is_seen_whole_or_kept_in_another_form_is_not_bounded() {
        let stream = recipe(4096, 100);
        assert_eq!(cells_of(&Recipe { fa_decode: true, ..stream.clone() }, ALLOWED), None);
        assert_eq!(cells_of(&stream, Allowed { drops_anywhere: false, ..ALLOWED }), None);
        assert_eq!(cells_of(&stream, Allowed { context: ContextSize::Tokens(4_096), ..ALLOWED }), None);
        assert_eq!(cells_of(&recipe(u32::MAX, 100), ALLOWED), None);
    }

    #[test]
    fn a_short_context_has_room_for_one_call() {
        let of_gpu = Allowed { train_context_tokens: 8_192, batch_tokens: 2_048, ..ALLOWED };
        assert_eq!(cells_of(&recipe(4096, 100), of_gpu), Some(6_656));
        assert_eq!(cells_of(&recipe(4096, 100), Allowed { train_context_tokens: 6_000, ..of_gpu }), None);
    }

    proptest! {
        /// Reads 200 calls and drops as late as possible.
        #[test]
        fn a_call_always_has_room_and_never_misses_a_key(
            window in 1_u32..3000, sinks in 0_u32..600, batch_tokens in 1_u32..700, extra in 0_u32..3000
        ) {
            let seen = cells(Bound { sinks, window }, 1, batch_tokens).expect("few");
            let allowed = Allowed { train_context_tokens: seen + extra, batch_tokens, ..ALLOWED };
            let bounded = Bounded::of(&recipe(window, sinks.min(window)), allowed).expect("there is room");
            let bound = bounded.bound;
            let (mut position, mut gap_end, mut moved_by) = (0, bound.sinks, 0);
            for _ in 0..200 {
                let cells = |gap_end: u32| position - (gap_end - bound.sinks);
                let moves = bounded.moves_at(position - moved_by);
                if moves || cells(gap_end) + batch_tokens > bounded.cells() {
                    let end = bounded.gap_end(position).max(gap_end);
                    prop_assert!(end == bound.sinks || end + window <= position + 1, "its first token misses {end}");
                    prop_assert_eq!((end - gap_end) % BLOCK_TOKENS, 0);
                    gap_end = end;
                }
                if moves {
                    moved_by = gap_end - bound.sinks;
                }
                prop_assert!(cells(gap_end) + batch_tokens <= bounded.cells());
                let tokens = batch_tokens.min(bounded.tokens_to_move(position - moved_by));
                prop_assert!(position - moved_by + tokens <= allowed.train_context_tokens);
                position += tokens;
            }
        }
    }
}
