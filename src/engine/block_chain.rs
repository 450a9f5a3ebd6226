//! Which blocks on disk hold the beginning of a prompt? Keys of blocks, and the search for the longest chain of them.
//!
//! The KV entries of a block follow from its tokens, the attention in effect at each of its positions, and everything before it. So its key
//! hashes these and the key of its parent. That presets give the same entries as long as the window hides nothing needs no rule of its own: the
//! attention in effect is the same there, and so are the keys.
//!
//! The call is hashed, too. The same tokens computed in calls of other lengths differ by rounding (see [`CacheIndex`]), and a chain must be
//! exactly what one reading computed. An answer is computed token by token: its calls of one token are one block.
//!
//! Models with a state of fixed size need that, too, where a chain ends. It is a block without positions behind the block that it was copied
//! at the end of.
//!
//! Example: under `quick` (window 4096, sinks 100), blocks of 512 tokens from 0 to 4096 have the same keys as under `full`; the block from
//! 4096 on hides something from its 101st position, and has another key.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::cache_index::{AdapterKey, CacheIndex, Token, TokenSequence};
use crate::store::blocks::{BlockKey, BlockName, PartOf};
use crate::swaa::Attention;

/// A block holds so many calls of one token, so that what is read at once stays small.
const MOST_SINGLE_CALLS: u32 = 512;
/// Changes when a block's key or contents mean something else.
const VERSION: &[u8] = b"lunette block 1\n";

/// The block of `tokens` tokens of `sequence` behind `parent`, which ends at `start`. The document ends at `document_end`.
fn name_of(
    parent: BlockKey,
    sequence: &TokenSequence,
    (start, tokens, call_tokens): (u32, u32, u32),
    document_end: u32,
) -> BlockName {
    let key = key_of(parent, sequence, (start, tokens, call_tokens));
    let part = if start < document_end { PartOf::Document } else { PartOf::Conversation };
    BlockName { start, tokens, call_tokens, parent, key, part }
}

fn key_of(parent: BlockKey, sequence: &TokenSequence, (start, tokens, call_tokens): (u32, u32, u32)) -> BlockKey {
    let end = start + tokens;
    let mut hasher = Sha256::new();
    hasher.update(VERSION);
    hasher.update(parent.0);
    // Those behind the first inherit it; blocks of before there were adapters stay what they are.
    if start == 0 && sequence.adapters() != AdapterKey::NONE {
        hasher.update(b"adapters");
        hasher.update(sequence.adapters().0);
    }
    for number in [start, tokens, call_tokens] {
        hasher.update(number.to_le_bytes());
    }
    for (run_end, attention) in sequence.effective_runs(start, end) {
        hash_attention(&mut hasher, run_end, attention);
    }
    hasher.update(head_of(&sequence.tokens()[start as usize..end as usize]));
    let mut key = BlockKey::ROOT;
    key.0.copy_from_slice(&hasher.finalize()[..16]);
    key
}

/// The state of a model where `behind` ends.
pub(super) fn state_behind(behind: &BlockName) -> BlockName {
    let mut hasher = Sha256::new();
    hasher.update(VERSION);
    hasher.update(b"state\n");
    hasher.update(behind.key.0);
    let mut key = BlockKey::ROOT;
    key.0.copy_from_slice(&hasher.finalize()[..16]);
    BlockName { start: behind.end(), tokens: 0, call_tokens: 0, parent: behind.key, key, part: behind.part }
}

fn hash_attention(hasher: &mut Sha256, run_end: u32, attention: &Attention) {
    let mut numbers = vec![run_end];
    if let Attention::Sliding { window, sinks, far, full_layers } = attention {
        numbers.extend([*window, *sinks, *far, full_layers.len() as u32]);
        numbers.extend(full_layers.as_slice());
    }
    hasher.update((numbers.len() as u32).to_le_bytes());
    for number in numbers {
        hasher.update(number.to_le_bytes());
    }
}

/// What a block's file holds beside the KV entries: its token ids, so that no hash has to be trusted.
pub(super) fn head_of(tokens: &[Token]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.0.to_le_bytes()).collect()
}

/// The blocks of the calls of `cache` behind the blocks `known`, as far as `is_worth` wants each (first position, tokens). The document ends at
/// `document_end`.
pub(super) fn names_behind(
    known: &[BlockName],
    cache: &CacheIndex,
    document_end: u32,
    is_worth: impl Fn(u32, u32) -> bool,
) -> Vec<BlockName> {
    let (mut parent, mut end) = known.last().map_or((BlockKey::ROOT, 0), |name| (name.key, name.end()));
    let mut names = Vec::new();
    for (start, tokens, call_tokens) in runs_of_calls(cache, end) {
        if start != end || !is_worth(start, tokens) {
            break;
        }
        let name = name_of(parent, cache.sequence(), (start, tokens, call_tokens), document_end);
        (parent, end) = (name.key, name.end());
        names.push(name);
    }
    names
}

/// The calls of `cache` from `from` on: first position, tokens, and tokens of the call. Calls of one token are put together.
fn runs_of_calls(cache: &CacheIndex, from: u32) -> Vec<(u32, u32, u32)> {
    let mut runs: Vec<(u32, u32, u32)> = Vec::new();
    for (call, tokens) in cache.calls_from(from) {
        match runs.last_mut() {
            Some((_, run, 1)) if call.tokens == 1 && *run < MOST_SINGLE_CALLS => *run += 1,
            _ => runs.push((call.start, tokens, call.tokens)),
        }
    }
    runs
}

/// The blocks that are there, by their parents.
#[derive(Debug, Default)]
pub(super) struct BlockIndex {
    children: HashMap<BlockKey, Vec<BlockName>>,
}

impl BlockIndex {
    pub(super) fn of(names: impl IntoIterator<Item = BlockName>) -> Self {
        let mut index = Self::default();
        names.into_iter().for_each(|name| index.add(name));
        index
    }

    pub(super) fn add(&mut self, name: BlockName) {
        let children = self.children.entry(name.parent).or_default();
        if !children.contains(&name) {
            children.push(name);
        }
    }

    pub(super) fn remove(&mut self, name: &BlockName) {
        if let Some(children) = self.children.get_mut(&name.parent) {
            children.retain(|child| child != name);
        }
    }

    pub(super) fn holds(&self, name: &BlockName) -> bool {
        self.children.get(&name.parent).is_some_and(|children| children.contains(name))
    }

    /// The longest chain of blocks that `wanted` begins with; of equally long ones that with the fewest blocks.
    pub(super) fn longest(&self, wanted: &TokenSequence) -> Vec<BlockName> {
        self.longest_of(wanted, |_| true)
    }

    /// The longest chain of blocks that `cache` holds as they were computed.
    pub(super) fn longest_in(&self, cache: &CacheIndex) -> Vec<BlockName> {
        self.longest_of(cache.sequence(), |name| is_computed(name, cache))
    }

    fn longest_of(&self, wanted: &TokenSequence, is_good: impl Fn(&BlockName) -> bool) -> Vec<BlockName> {
        let mut best = Vec::new();
        // A tree, as a key has one parent; so each block is looked at once, and the stack holds no circle.
        let mut open = vec![Vec::new()];
        while let Some(chain) = open.pop() {
            let (parent, end) = chain.last().map_or((BlockKey::ROOT, 0), |name: &BlockName| (name.key, name.end()));
            for name in self.matching(parent, end, wanted).into_iter().filter(&is_good) {
                open.push(chain.iter().copied().chain([name]).collect());
            }
            if is_better(&chain, &best) {
                best = chain;
            }
        }
        best
    }

    /// The blocks behind `parent`, which ends at `end`, that hold what `wanted` has there.
    fn matching(&self, parent: BlockKey, end: u32, wanted: &TokenSequence) -> Vec<BlockName> {
        let children = self.children.get(&parent).map(Vec::as_slice).unwrap_or_default();
        let fits = |name: &BlockName| {
            !name.is_state()
                && name.start == end
                && name.end() <= wanted.len()
                && key_of(parent, wanted, (end, name.tokens, name.call_tokens)) == name.key
        };
        children.iter().copied().filter(fits).collect()
    }
}

/// Whether `cache` holds the positions of a block in the calls of the block.
pub(super) fn is_computed(name: &BlockName, cache: &CacheIndex) -> bool {
    cache.was_computed_in(name.start, name.tokens, name.call_tokens)
}

fn is_better(chain: &[BlockName], than: &[BlockName]) -> bool {
    let end = |chain: &[BlockName]| chain.last().map_or(0, BlockName::end);
    (end(chain), than.len()) > (end(than), chain.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::swaa::LayerSet;

    fn sliding(window: u32, sinks: u32) -> Attention {
        Attention::Sliding { window, sinks, far: 0, full_layers: LayerSet::default() }
    }

    fn tokens(ids: impl IntoIterator<Item = i32>) -> Vec<Token> {
        ids.into_iter().map(Token).collect()
    }

    fn sequence(ids: impl IntoIterator<Item = i32>, attention: &Attention) -> TokenSequence {
        let mut sequence = TokenSequence::default();
        sequence.push(&tokens(ids), attention);
        sequence
    }

    /// A cache that read `ids` in calls of `chunk`.
    fn read(ids: impl IntoIterator<Item = i32>, attention: &Attention, chunk: u32) -> CacheIndex {
        let sequence = sequence(ids, attention);
        let mut cache = CacheIndex::default();
        while let Some((tokens, attention)) = sequence.chunk_from(cache.len(), chunk) {
            cache.push(tokens, attention);
        }
        cache
    }

    fn all_of(cache: &CacheIndex) -> Vec<BlockName> {
        names_behind(&[], cache, u32::MAX, |_, _| true)
    }

    fn ends(chain: &[BlockName]) -> Vec<u32> {
        chain.iter().map(BlockName::end).collect()
    }

    #[test]
    fn a_reading_is_found_again_with_its_last_partial_block() {
        let index = BlockIndex::of(all_of(&read(0..25, &Attention::Full, 10)));
        assert_eq!(ends(&index.longest(&sequence(0..25, &Attention::Full))), [10, 20, 25]);
        assert_eq!(ends(&index.longest(&sequence(0..40, &Attention::Full))), [10, 20, 25], "a longer document appends");
        assert_eq!(ends(&index.longest(&sequence(0..24, &Attention::Full))), [10, 20], "a shorter one");
        let changed = (0..12).chain([99]).chain(13..25);
        assert_eq!(ends(&index.longest(&sequence(changed, &Attention::Full))), [10], "a changed one, up to the change");
    }

    #[test]
    fn presets_share_what_every_token_sees_whole() {
        let index = BlockIndex::of(all_of(&read(0..60, &Attention::Full, 10)));
        assert_eq!(ends(&index.longest(&sequence(0..60, &sliding(20, 3)))), [10, 20]);
        assert_eq!(ends(&index.longest(&sequence(0..60, &sliding(100, 3)))), [10, 20, 30, 40, 50, 60]);
        let index = BlockIndex::of(all_of(&read(0..60, &sliding(20, 3), 10)));
        assert_eq!(ends(&index.longest(&sequence(0..60, &Attention::Full))), [10, 20]);
        assert_eq!(ends(&index.longest(&sequence(0..60, &sliding(20, 4)))), [10, 20]);
    }

    #[test]
    fn a_switch_in_the_middle_of_a_call_leaves_a_chain() {
        // 23 positions were kept of what was read with full attention, and the rest was read through a window.
        let mut cache = read(0..60, &Attention::Full, 10);
        cache.truncate(23);
        let wanted = sequence(0..60, &sliding(20, 3));
        while let Some((tokens, attention)) = wanted.chunk_from(cache.len(), 10) {
            cache.push(tokens, attention);
        }
        let names = all_of(&cache);
        assert_eq!(ends(&names), [10, 20, 23, 33, 43, 53, 60]);
        assert_eq!((names[2].tokens, names[2].call_tokens), (3, 10));
        assert_eq!(BlockIndex::of(names.clone()).longest(&wanted), names);
    }

    #[test]
    fn calls_of_other_lengths_make_another_chain_and_the_longest_is_taken() {
        let one = all_of(&read(0..30, &Attention::Full, 10));
        let other = all_of(&read(0..28, &Attention::Full, 7));
        let index = BlockIndex::of(one.into_iter().chain(other));
        assert_eq!(ends(&index.longest(&sequence(0..30, &Attention::Full))), [10, 20, 30]);
        assert_eq!(ends(&index.longest(&sequence(0..28, &Attention::Full))), [7, 14, 21, 28]);
    }

    #[test]
    fn an_answer_is_one_block_and_goes_on_in_another() {
        let mut cache = read(0..20, &Attention::Full, 10);
        (20..25).for_each(|id| cache.push(&tokens([id]), &Attention::Full));
        let first = all_of(&cache);
        assert_eq!(ends(&first), [10, 20, 25]);
        (25..28).for_each(|id| cache.push(&tokens([id]), &Attention::Full));
        let more = names_behind(&first, &cache, u32::MAX, |_, _| true);
        assert_eq!(
            more.iter().map(|name| (name.start, name.tokens, name.call_tokens)).collect::<Vec<_>>(),
            [(25, 3, 1)]
        );
        let all: Vec<BlockName> = first.into_iter().chain(more).collect();
        let index = BlockIndex::of(all.clone());
        assert_eq!((index.longest(cache.sequence()), index.longest_in(&cache)), (all.clone(), all));
        let other = read(0..28, &Attention::Full, 10);
        assert_eq!(ends(&index.longest_in(&other)), [10, 20], "the rest was computed in other calls");
    }

    #[test]
    fn states_are_found_behind_their_blocks_and_hold_no_positions() {
        let names = all_of(&read(0..30, &Attention::Full, 10));
        let index = BlockIndex::of(names.iter().copied().chain([state_behind(&names[1])]));
        assert!(index.holds(&state_behind(&names[1])) && !index.holds(&state_behind(&names[2])));
        assert_eq!(index.longest(&sequence(0..30, &Attention::Full)), names);
        assert_eq!(state_behind(&names[1]).end(), 20);
    }

    #[test]
    fn a_chain_ends_where_a_block_is_missing() {
        let names = all_of(&read(0..30, &Attention::Full, 10));
        let mut index = BlockIndex::of(names.clone());
        index.remove(&names[1]);
        assert!(index.holds(&names[2]) && !index.holds(&names[1]));
        assert_eq!(ends(&index.longest(&sequence(0..30, &Attention::Full))), [10]);
    }

    #[test]
    fn names_go_on_where_the_known_ones_end_as_far_as_they_are_wanted() {
        let cache = read(0..30, &Attention::Full, 10);
        let names = all_of(&cache);
        assert_eq!(names_behind(&names[..1], &cache, u32::MAX, |_, _| true), names[1..]);
        assert_eq!(names_behind(&[], &cache, u32::MAX, |start, _| start < 20), names[..2]);
    }

    fn any_attention() -> impl Strategy<Value = Attention> {
        prop_oneof![Just(Attention::Full), (1u32..6, 0u32..4).prop_map(|(window, sinks)| sliding(window, sinks))]
    }

    fn any_reading() -> impl Strategy<Value = (Vec<i32>, Attention, u32)> {
        (prop::collection::vec(0_i32..2, 0..14), any_attention(), 1_u32..6)
    }

    proptest! {
        /// Whatever was read before, what is found holds the same entries as the prompt would.
        #[test]
        fn what_is_found_is_the_beginning_of_what_is_wanted(
            readings in prop::collection::vec(any_reading(), 0..8), wanted in any_reading()
        ) {
            let caches: Vec<CacheIndex> =
                readings.into_iter().map(|(ids, attention, chunk)| read(ids, &attention, chunk)).collect();
            let index = BlockIndex::of(caches.iter().flat_map(all_of));
            let wanted = sequence(wanted.0, &wanted.1);
            let found = index.longest(&wanted);
            let end = found.last().map_or(0, BlockName::end);
            let source = caches.iter().find(|cache| all_of(cache).starts_with(&found));
            prop_assert!(source.is_some_and(|cache| cache.common_prefix(&wanted) >= end) || found.is_empty());
            // No reading of whole blocks agrees further.
            for cache in &caches {
                let agreed = cache.common_prefix(&wanted);
                let blocks = all_of(cache);
                let whole = blocks.iter().map(BlockName::end).filter(|&end| end <= agreed).max().unwrap_or(0);
                prop_assert!(end >= whole, "{} of {}", end, whole);
            }
        }
    }
}
