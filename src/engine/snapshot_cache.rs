//! Keeps snapshots of the KV cache under other recipes in host memory, so that going back to a preset is a copy instead
//! of a prefill.
//!
//! A snapshot is taken when the live cache is about to lose its contents. Above a limit in bytes, the least recently
//! used one is dropped. 16,384 tokens of a 0.5B model take 200 MB.
//!
//! Doesn't write to disk or decide what is worth keeping (`worker` does).

use super::cache_index::CacheIndex;

/// Why a snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// A recipe is gone back to, or a document's end.
    State,
    /// The beginning of the last turn, for another answer. There is one of these.
    Turn,
}

struct Entry<S> {
    log: CacheIndex,
    snapshot: S,
    bytes: u64,
    why: Kept,
}

/// The snapshots, most recently used last.
pub(super) struct SnapshotCache<S> {
    kept: Vec<Entry<S>>,
    limit_bytes: u64,
}

impl<S> SnapshotCache<S> {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { kept: Vec::new(), limit_bytes }
    }

    /// Total bytes of all snapshots.
    pub(super) fn bytes(&self) -> u64 {
        self.kept.iter().map(|kept| kept.bytes).sum()
    }

    /// What each snapshot is of.
    pub(super) fn logs(&self) -> impl Iterator<Item = &CacheIndex> {
        self.kept.iter().map(|kept| &kept.log)
    }

    /// The snapshot at `index` of [`SnapshotCache::logs`]; it is now the most recently used.
    pub(super) fn at(&mut self, index: usize) -> (&CacheIndex, &S) {
        let kept = self.kept.remove(index);
        self.kept.push(kept);
        let kept = self.kept.last().expect("it was put there");
        (&kept.log, &kept.snapshot)
    }

    /// Whether a snapshot contains all of `log`.
    pub(super) fn holds(&self, log: &CacheIndex) -> bool {
        self.kept.iter().any(|kept| log.is_within(&kept.log))
    }

    /// Whether a snapshot of this size fits within the limit.
    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        bytes <= self.limit_bytes
    }

    /// Whether there is room for one more of this size for a while, beside all that are kept.
    pub(super) fn has_room_beside(&self, bytes: u64) -> bool {
        self.bytes() + bytes <= self.limit_bytes
    }

    /// Drops the snapshot of `log`.
    pub(super) fn forget(&mut self, log: &CacheIndex) {
        self.kept.retain(|kept| !(kept.log.is_within(log) && log.is_within(&kept.log)));
    }

    /// Keeps a snapshot, replacing those that it contains. Returns how many others were dropped.
    pub(super) fn keep(&mut self, log: CacheIndex, snapshot: S, bytes: u64, why: Kept) -> usize {
        let is_last_turn = |kept: &Entry<S>| why == Kept::Turn && kept.why == Kept::Turn;
        self.kept.retain(|kept| !kept.log.is_within(&log) && !is_last_turn(kept));
        self.kept.push(Entry { log, snapshot, bytes, why });
        let mut dropped = 0;
        while self.bytes() > self.limit_bytes && !self.kept.is_empty() {
            self.kept.remove(0);
            dropped += 1;
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cache_index::{Token, TokenSequence};
    use crate::swaa::{Attention, LayerSet};

    fn attention(window: u32) -> Attention {
        Attention::Sliding { window, sinks: 0, far: 0, full_layers: LayerSet::default() }
    }

    fn tokens(ids: &[i32]) -> Vec<Token> {
        ids.iter().copied().map(Token).collect()
    }

    fn log(ids: &[i32], window: u32) -> CacheIndex {
        let mut log = CacheIndex::default();
        log.push(&tokens(ids), &attention(window));
        log
    }

    /// Uses the snapshot that holds most of these tokens.
    fn used(shelf: &mut SnapshotCache<&'static str>, ids: &[i32], window: u32) -> &'static str {
        let mut sequence = TokenSequence::default();
        sequence.push(&tokens(ids), &attention(window));
        let held = shelf.logs().map(|log| log.common_prefix(&sequence)).enumerate();
        let best = held.max_by_key(|&(_, held)| held).map(|(index, _)| index);
        shelf.at(best.expect("there are some")).1
    }

    #[test]
    fn a_longer_snapshot_takes_the_place_of_its_beginning() {
        let mut shelf = SnapshotCache::new(100);
        shelf.keep(log(&[1, 2], 1), "short", 40, Kept::State);
        shelf.keep(log(&[1, 2, 3], 1), "long", 60, Kept::State);
        assert_eq!((used(&mut shelf, &[1, 2, 3], 1), shelf.bytes()), ("long", 60));
    }

    #[test]
    fn the_one_used_longest_ago_goes_first() {
        let mut shelf = SnapshotCache::new(100);
        shelf.keep(log(&[1, 2, 3], 1), "one", 50, Kept::State);
        shelf.keep(log(&[1, 2, 3], 2), "two", 50, Kept::State);
        used(&mut shelf, &[1, 2, 3], 1);
        assert_eq!(shelf.keep(log(&[4, 5, 6], 1), "three", 50, Kept::State), 1);
        assert!(shelf.holds(&log(&[1, 2, 3], 1)));
        assert!(!shelf.holds(&log(&[1, 2, 3], 2)));
    }

    #[test]
    fn the_beginning_of_the_last_turn_takes_the_place_of_those_before_it() {
        let mut shelf = SnapshotCache::new(100);
        shelf.keep(log(&[1, 2], 1), "document", 10, Kept::State);
        shelf.keep(log(&[1, 3, 4], 1), "turn", 10, Kept::Turn);
        shelf.keep(log(&[1, 5, 6], 1), "next turn", 10, Kept::Turn);
        assert_eq!((shelf.bytes(), used(&mut shelf, &[1, 2], 1)), (20, "document"));
    }

    #[test]
    fn what_is_larger_than_the_limit_is_not_kept() {
        let mut shelf = SnapshotCache::new(10);
        assert!(!shelf.has_room_for(11));
        shelf.keep(log(&[1], 1), "large", 11, Kept::State);
        assert_eq!(shelf.bytes(), 0);
    }
}
