//! Keeps checkpoints: copies of the part of a cache that can't be cut, each of one position.
//!
//! The keys and values of full layers can be cut at any position. The state of recurrent layers can't: it has forgotten
//! how it came about. So the worker copies the state where a later prompt is likely to branch off, and puts it back
//! before it cuts the rest. A copy is megabytes where the cache is gigabytes.
//!
//! Example: a document of 30,000 tokens and a question of 40. Copies were taken at 2,048, 4,096, 8,192, 16,384, at
//! 30,000 (the document's end) and at 30,034 (before the template asks for the answer). Another question goes back to
//! 30,000, the same question to 30,034.
//!
//! A checkpoint is valid for every cache whose beginning has the same tokens under the same attention, live or in a
//! snapshot. Above a limit in bytes the least useful one is dropped ([`Place`]), then the least recently used; the
//! newest and two more always stay, since without them each question would read the document again.
//!
//! Doesn't decide where to take them (`worker` does).

use super::cache_index::CacheIndex;

/// Where a checkpoint was taken, the least useful first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Before the decode call that runs, which may be interrupted. Only the newest of these is kept.
    Passing,
    /// Inside a document: for another window, or for a document of which the end changes.
    Within,
    /// Where a turn begins, or where it asks for the answer.
    Turn,
    /// At a document's end.
    Document,
}

struct Kept<S> {
    log: CacheIndex,
    state: S,
    bytes: u64,
    place: Place,
}

/// The checkpoints, most recently used last.
pub(super) struct Checkpoints<S> {
    kept: Vec<Kept<S>>,
    limit_bytes: u64,
}

/// These stay even above the limit.
const LEAST: usize = 3;

impl<S> Checkpoints<S> {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { kept: Vec::new(), limit_bytes }
    }

    /// Total bytes of all checkpoints.
    pub(super) fn bytes(&self) -> u64 {
        self.kept.iter().map(|kept| kept.bytes).sum()
    }

    /// The last position up to `at_most` that a cache with these tokens can go back to; 0 is its beginning.
    pub(super) fn last_position(&self, log: &CacheIndex, at_most: u32) -> u32 {
        let lengths = self.kept.iter().map(|kept| kept.log.len());
        let candidates = lengths.enumerate().filter(|(_, len)| *len <= at_most);
        candidates.filter(|(index, _)| self.kept[*index].log.is_within(log)).map(|(_, len)| len).max().unwrap_or(0)
    }

    /// The last position up to `keep` that a cache with these tokens can be cut to; `cuts_anywhere` says whether it needs
    /// checkpoints for that at all.
    pub(super) fn cut_position(&self, cuts_anywhere: bool, log: &CacheIndex, keep: u32) -> u32 {
        if keep >= log.len() || cuts_anywhere { keep.min(log.len()) } else { self.last_position(log, keep) }
    }

    /// The positions and states of checkpoints of this cache that are at least as useful as `least`.
    pub(super) fn of(&self, log: &CacheIndex, least: Place) -> impl Iterator<Item = (u32, &S)> {
        let kept = self.kept.iter().filter(move |kept| kept.place >= least);
        kept.filter(|kept| kept.log.is_within(log)).map(|kept| (kept.log.len(), &kept.state))
    }

    /// The state at position `len` of a cache with these tokens; it is now the most recently used.
    pub(super) fn state_at(&mut self, log: &CacheIndex, len: u32) -> Option<&S> {
        let index = self.index_of(log, len)?;
        let kept = self.kept.remove(index);
        self.kept.push(kept);
        self.kept.last().map(|kept| &kept.state)
    }

    /// Whether the end of this cache has a checkpoint. Raises its place to `place`.
    pub(super) fn holds(&mut self, log: &CacheIndex, place: Place) -> bool {
        let Some(index) = self.index_of(log, log.len()) else { return false };
        let kept = &mut self.kept[index];
        kept.place = kept.place.max(place);
        true
    }

    fn index_of(&self, log: &CacheIndex, len: u32) -> Option<usize> {
        self.kept.iter().position(|kept| kept.log.len() == len && kept.log.is_within(log))
    }

    /// Keeps the state at the end of `log`. Returns how many others were dropped for it.
    pub(super) fn keep(&mut self, log: CacheIndex, state: S, bytes: u64, place: Place) -> usize {
        if place == Place::Passing {
            self.kept.retain(|kept| kept.place != Place::Passing);
        }
        self.kept.push(Kept { log, state, bytes, place });
        let mut dropped = 0;
        while self.bytes() > self.limit_bytes && self.kept.len() > LEAST {
            let older = 0..self.kept.len() - 1;
            let least = older.min_by_key(|&index| self.kept[index].place).expect("there are more than three");
            self.kept.remove(least);
            dropped += 1;
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cache_index::Token;
    use crate::swaa::{Attention, LayerSet};

    fn log(ids: &[i32], attention: &Attention) -> CacheIndex {
        let mut log = CacheIndex::default();
        log.push(&ids.iter().copied().map(Token).collect::<Vec<_>>(), attention);
        log
    }

    fn full(ids: &[i32]) -> CacheIndex {
        log(ids, &Attention::Full)
    }

    #[test]
    fn a_cache_goes_back_to_the_last_checkpoint_of_its_own_tokens() {
        let mut checkpoints = Checkpoints::new(1000);
        checkpoints.keep(full(&[1, 2]), "two", 10, Place::Within);
        checkpoints.keep(full(&[1, 2, 3, 4]), "four", 10, Place::Document);
        checkpoints.keep(full(&[1, 9, 9]), "other", 10, Place::Turn);
        let live = full(&[1, 2, 3, 4, 5, 6]);
        assert_eq!([6, 4, 3, 2, 1].map(|most| checkpoints.last_position(&live, most)), [4, 4, 2, 2, 0]);
        assert_eq!(checkpoints.state_at(&live, 4), Some(&"four"));
        assert_eq!(checkpoints.state_at(&live, 3), None);
    }

    #[test]
    fn another_attention_shares_checkpoints_as_long_as_its_window_hides_nothing() {
        let narrow = Attention::Sliding { window: 2, sinks: 1, far: 0, full_layers: LayerSet::default() };
        let mut checkpoints = Checkpoints::new(1000);
        checkpoints.keep(log(&[1, 2, 3], &narrow), "at three", 10, Place::Within);
        checkpoints.keep(log(&[1, 2, 3, 4], &narrow), "at four", 10, Place::Document);
        assert_eq!(checkpoints.last_position(&full(&[1, 2, 3, 4, 5]), 5), 3);
    }

    #[test]
    fn the_least_useful_goes_first_then_the_one_used_longest_ago() {
        let mut checkpoints = Checkpoints::new(35);
        checkpoints.keep(full(&[1, 2]), "within", 10, Place::Within);
        checkpoints.keep(full(&[1, 2, 3]), "document", 10, Place::Document);
        checkpoints.keep(full(&[1, 2, 3, 4]), "turn", 10, Place::Turn);
        assert_eq!(checkpoints.keep(full(&[1, 2, 3, 4, 5]), "turn 2", 10, Place::Turn), 1);
        assert_eq!(checkpoints.keep(full(&[1, 2, 3, 4, 5, 6]), "turn 3", 10, Place::Turn), 1);
        let live = full(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(
            [6, 5, 4, 3, 2].map(|len| checkpoints.state_at(&live, len).copied()),
            [Some("turn 3"), Some("turn 2"), None, Some("document"), None]
        );
    }

    #[test]
    fn three_stay_whatever_the_limit_and_one_passes() {
        let mut checkpoints = Checkpoints::new(0);
        checkpoints.keep(full(&[1]), "document", 10, Place::Document);
        checkpoints.keep(full(&[1, 2]), "turn", 10, Place::Turn);
        checkpoints.keep(full(&[1, 2, 3]), "later turn", 10, Place::Turn);
        checkpoints.keep(full(&[1, 2, 3, 4]), "last turn", 10, Place::Turn);
        assert_eq!(checkpoints.bytes(), 30);
        let live = full(&[1, 2, 3, 4]);
        assert_eq!([2, 3, 4].map(|most| checkpoints.last_position(&live, most)), [1, 3, 4]);
        let mut passing = Checkpoints::new(1000);
        passing.keep(full(&[1]), "first", 10, Place::Passing);
        passing.keep(full(&[1, 2]), "second", 10, Place::Passing);
        assert_eq!((passing.bytes(), passing.last_position(&live, 3)), (10, 2));
        assert!(passing.holds(&full(&[1, 2]), Place::Turn), "and now it stays");
        passing.keep(full(&[1, 2, 3]), "third", 10, Place::Passing);
        assert_eq!(passing.bytes(), 20);
    }
}
