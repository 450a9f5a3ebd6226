//! Keeps snapshots of the KV cache under other recipes in host memory, so that going back to a preset is a copy instead
//! of a prefill.
//!
//! A snapshot is taken when the live cache is about to lose its contents. Above a limit in bytes, the least recently
//! used one is dropped. 16,384 tokens of a 0.5B model take 200 MB.
//!
//! Doesn't write to disk or decide what is worth keeping (`worker` does).

use super::cache_index::CacheIndex;

struct Kept<S> {
    log: CacheIndex,
    snapshot: S,
    bytes: u64,
}

/// The snapshots, most recently used last.
pub(super) struct SnapshotCache<S> {
    kept: Vec<Kept<S>>,
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

    /// Of how many positions the best snapshot saves the prefill, if `saved` says that of one.
    pub(super) fn most_saved(&self, saved: impl Fn(&CacheIndex) -> u32) -> u32 {
        self.kept.iter().map(|kept| saved(&kept.log)).max().unwrap_or(0)
    }

    /// Returns the snapshot that saves the most, and marks it as the most recently used.
    pub(super) fn best(&mut self, saved: impl Fn(&CacheIndex) -> u32) -> Option<(&CacheIndex, &S)> {
        let best = (0..self.kept.len()).max_by_key(|&index| saved(&self.kept[index].log))?;
        let kept = self.kept.remove(best);
        self.kept.push(kept);
        self.kept.last().map(|kept| (&kept.log, &kept.snapshot))
    }

    /// Whether a snapshot contains all of `log`.
    pub(super) fn holds(&self, log: &CacheIndex) -> bool {
        self.kept.iter().any(|kept| log.is_within(&kept.log))
    }

    /// Whether a snapshot of this size fits within the limit.
    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        bytes <= self.limit_bytes
    }

    /// Keeps a snapshot, replacing those that it contains. Returns how many others were dropped.
    pub(super) fn keep(&mut self, log: CacheIndex, snapshot: S, bytes: u64) -> usize {
        self.kept.retain(|kept| !kept.log.is_within(&log));
        self.kept.push(Kept { log, snapshot, bytes });
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

    /// How much of these tokens a cache holds.
    fn held_of(ids: &[i32], window: u32) -> impl Fn(&CacheIndex) -> u32 {
        let mut sequence = TokenSequence::default();
        sequence.push(&tokens(ids), &attention(window));
        move |log| log.common_prefix(&sequence)
    }

    #[test]
    fn a_longer_snapshot_takes_the_place_of_its_beginning() {
        let mut shelf = SnapshotCache::new(100);
        shelf.keep(log(&[1, 2], 1), "short", 40);
        shelf.keep(log(&[1, 2, 3], 1), "long", 60);
        assert_eq!((shelf.bytes(), shelf.best(held_of(&[1, 2, 3], 1)).map(|(_, name)| *name)), (60, Some("long")));
    }

    #[test]
    fn the_one_used_longest_ago_goes_first() {
        let mut shelf = SnapshotCache::new(100);
        shelf.keep(log(&[1, 2, 3], 1), "one", 50);
        shelf.keep(log(&[1, 2, 3], 2), "two", 50);
        shelf.best(held_of(&[1, 2, 3], 1));
        assert_eq!(shelf.keep(log(&[4, 5, 6], 1), "three", 50), 1);
        assert!(shelf.holds(&log(&[1, 2, 3], 1)));
        assert!(!shelf.holds(&log(&[1, 2, 3], 2)));
    }

    #[test]
    fn what_is_larger_than_the_limit_is_not_kept() {
        let mut shelf = SnapshotCache::new(10);
        assert!(!shelf.has_room_for(11));
        shelf.keep(log(&[1], 1), "large", 11);
        assert_eq!(shelf.bytes(), 0);
    }
}
