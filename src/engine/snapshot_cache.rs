//! Keeps snapshots of the KV cache under other recipes in memory, so that going back to a preset is a copy instead
//! of a prefill.
//!
//! A snapshot is taken when the live cache is about to lose its contents. It lies on the devices if they have room, else in host
//! memory. Host memory has a limit in bytes, devices one in number; above either, the least recently used snapshot there is
//! dropped. 16,384 tokens of a 0.5B model take 200 MB.
//!
//! Doesn't write to disk or decide what is worth keeping (`worker` does), nor where a snapshot lies (the machine does).

use super::cache_index::CacheIndex;
use super::machine::SnapshotSize;

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
    size: SnapshotSize,
    why: Kept,
}

/// The snapshots, most recently used last.
pub(super) struct SnapshotCache<S> {
    kept: Vec<Entry<S>>,
    /// Of host memory.
    limit_bytes: u64,
    most_on_devices: u32,
}

impl<S> SnapshotCache<S> {
    pub(super) fn new(limit_bytes: u64, most_on_devices: u32) -> Self {
        Self { kept: Vec::new(), limit_bytes, most_on_devices }
    }

    /// Total bytes of all snapshots, wherever they lie.
    pub(super) fn bytes(&self) -> u64 {
        self.kept.iter().map(|kept| kept.size.host_bytes + kept.size.device_bytes).sum()
    }

    fn host_bytes(&self) -> u64 {
        self.kept.iter().map(|kept| kept.size.host_bytes).sum()
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

    /// Whether a snapshot of this size in host memory fits within the limit.
    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        bytes <= self.limit_bytes
    }

    /// Whether host memory has room for one more of this size for a while, beside all that are kept.
    pub(super) fn has_room_beside(&self, bytes: u64) -> bool {
        self.host_bytes() + bytes <= self.limit_bytes
    }

    /// Moves what lies on devices to host memory by `to_host`, which returns `None` for what is lost, and the size of the rest.
    pub(super) fn leave_devices(&mut self, to_host: impl Fn(S) -> Option<(S, SnapshotSize)>) {
        for Entry { log, snapshot, size, why } in std::mem::take(&mut self.kept) {
            let moved = if size.device_bytes > 0 { to_host(snapshot) } else { Some((snapshot, size)) };
            if let Some((snapshot, size)) = moved {
                self.kept.push(Entry { log, snapshot, size, why });
            }
        }
        self.drop_above_limits();
    }

    /// Drops the snapshot of `log`.
    pub(super) fn forget(&mut self, log: &CacheIndex) {
        self.kept.retain(|kept| !(kept.log.is_within(log) && log.is_within(&kept.log)));
    }

    /// Keeps a snapshot, replacing those that it contains. Returns how many others were dropped.
    pub(super) fn keep(&mut self, log: CacheIndex, snapshot: S, size: SnapshotSize, why: Kept) -> usize {
        let is_last_turn = |kept: &Entry<S>| why == Kept::Turn && kept.why == Kept::Turn;
        self.kept.retain(|kept| !kept.log.is_within(&log) && !is_last_turn(kept));
        self.kept.push(Entry { log, snapshot, size, why });
        self.drop_above_limits()
    }

    /// Drops the least recently used ones in host memory and on devices, until what is left is within the limits. Returns how many.
    fn drop_above_limits(&mut self) -> usize {
        let before = self.kept.len();
        while self.host_bytes() > self.limit_bytes {
            self.drop_oldest(|size| size.host_bytes > 0);
        }
        while self.kept.iter().filter(|kept| kept.size.device_bytes > 0).count() > self.most_on_devices as usize {
            self.drop_oldest(|size| size.device_bytes > 0);
        }
        before - self.kept.len()
    }

    fn drop_oldest(&mut self, is_one: impl Fn(SnapshotSize) -> bool) {
        if let Some(index) = self.kept.iter().position(|kept| is_one(kept.size)) {
            self.kept.remove(index);
        }
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

    fn host(bytes: u64) -> SnapshotSize {
        SnapshotSize { host_bytes: bytes, device_bytes: 0 }
    }

    fn device(bytes: u64) -> SnapshotSize {
        SnapshotSize { host_bytes: 0, device_bytes: bytes }
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
        let mut shelf = SnapshotCache::new(100, 4);
        shelf.keep(log(&[1, 2], 1), "short", host(40), Kept::State);
        shelf.keep(log(&[1, 2, 3], 1), "long", host(60), Kept::State);
        assert_eq!((used(&mut shelf, &[1, 2, 3], 1), shelf.bytes()), ("long", 60));
    }

    #[test]
    fn the_one_used_longest_ago_goes_first() {
        let mut shelf = SnapshotCache::new(100, 4);
        shelf.keep(log(&[1, 2, 3], 1), "one", host(50), Kept::State);
        shelf.keep(log(&[1, 2, 3], 2), "two", host(50), Kept::State);
        used(&mut shelf, &[1, 2, 3], 1);
        assert_eq!(shelf.keep(log(&[4, 5, 6], 1), "three", host(50), Kept::State), 1);
        assert!(shelf.holds(&log(&[1, 2, 3], 1)));
        assert!(!shelf.holds(&log(&[1, 2, 3], 2)));
    }

    #[test]
    fn the_beginning_of_the_last_turn_takes_the_place_of_those_before_it() {
        let mut shelf = SnapshotCache::new(100, 4);
        shelf.keep(log(&[1, 2], 1), "document", host(10), Kept::State);
        shelf.keep(log(&[1, 3, 4], 1), "turn", host(10), Kept::Turn);
        shelf.keep(log(&[1, 5, 6], 1), "next turn", host(10), Kept::Turn);
        assert_eq!((shelf.bytes(), used(&mut shelf, &[1, 2], 1)), (20, "document"));
    }

    #[test]
    fn what_is_larger_than_the_limit_is_not_kept() {
        let mut shelf = SnapshotCache::new(10, 4);
        assert!(!shelf.has_room_for(11));
        shelf.keep(log(&[1], 1), "large", host(11), Kept::State);
        assert_eq!(shelf.bytes(), 0);
    }

    #[test]
    fn devices_hold_a_few_beside_the_limit_of_host_memory() {
        let mut shelf = SnapshotCache::new(0, 4);
        let names = ["first", "second", "third", "fourth", "fifth"];
        let dropped: Vec<usize> =
            (1..).zip(names).map(|(id, name)| shelf.keep(log(&[id], 1), name, device(1000), Kept::State)).collect();
        assert_eq!((dropped, shelf.bytes()), (vec![0, 0, 0, 0, 1], 4000));
        assert_eq!(used(&mut shelf, &[2], 1), "second");
        assert!(!shelf.holds(&log(&[1], 1)), "the oldest one was dropped");
    }

    #[test]
    fn what_leaves_a_device_counts_in_host_memory() {
        let mut shelf = SnapshotCache::new(100, 4);
        shelf.keep(log(&[1], 1), "lost", device(60), Kept::State);
        shelf.keep(log(&[2], 1), "older", device(60), Kept::State);
        shelf.keep(log(&[3], 1), "newer", device(60), Kept::State);
        shelf.leave_devices(|name| (name != "lost").then_some((name, host(60))));
        assert_eq!((shelf.bytes(), used(&mut shelf, &[3], 1)), (60, "newer"));
    }
}
