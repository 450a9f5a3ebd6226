//! Which blocks go when there is no room for all.
//!
//! Those that were not used for longest go first, and a block never before those that build on it: without its parent a block is of no
//! use. Blocks whose parent is gone go before all others.
//!
//! Example: of two documents that share their first 3 blocks, the one used last week has 5 more and today's has 2 more. The five go, from the
//! last to the first, and the shared ones stay.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use nix::sys::statvfs::statvfs;

use super::group::KeptBlock;
use super::name::BlockKey;

/// How much the blocks may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub most_bytes: u64,
    /// What stays free on the disk for everything else.
    pub least_free_bytes: u64,
    /// How many blocks of conversations one model may have: each job looks through the names of all.
    pub most_turns: usize,
}

impl Limits {
    /// So much is never taken by itself.
    const MOST: u64 = 64 << 30;
    /// A disk with less room than this is full to most programs.
    const LEAST_FREE: u64 = 1 << 30;
    /// Two for a turn, its question and its answer: so many are the turns of weeks.
    const MOST_TURNS: usize = 4096;

    /// For a disk with `free` bytes, of which the blocks take `taken` more: a quarter of both, at most 64 GiB. 1 GiB stays free.
    #[must_use]
    pub fn for_disk(free: u64, taken: u64) -> Self {
        let most_bytes = ((free + taken) / 4).min(Self::MOST);
        Self { most_bytes, least_free_bytes: Self::LEAST_FREE, most_turns: Self::MOST_TURNS }
    }

    /// How many bytes have to go before `more` are written, with `taken` in blocks and `free` on the disk.
    #[must_use]
    pub fn excess(self, taken: u64, free: u64, more: u64) -> u64 {
        let over_limit = (taken + more).saturating_sub(self.most_bytes);
        over_limit.max((self.least_free_bytes + more).saturating_sub(free))
    }
}

/// What programs of this user can still write to the disk of `folder`, or of the nearest folder above it that is there.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let disk = statvfs(there)?;
    #[allow(clippy::useless_conversion, reason = "not everywhere are these 64 bits")]
    Ok(u64::from(disk.blocks_available()) * u64::from(disk.fragment_size()))
}

/// The blocks in the order in which they go, as indices. `blocks` holds those of several groups, each with the group's number.
pub(super) fn order(blocks: &[(usize, KeptBlock)], now: SystemTime) -> Vec<usize> {
    let used = last_uses(blocks, now);
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|&index| (used[index], std::cmp::Reverse(blocks[index].1.name.start)));
    order
}

/// When each block was last used, itself or by one that builds on it; `UNIX_EPOCH` for those that cannot be reached, and for those whose time
/// is to come because the clock was set back.
fn last_uses(blocks: &[(usize, KeptBlock)], now: SystemTime) -> Vec<SystemTime> {
    let by_key: HashMap<(usize, BlockKey), usize> =
        blocks.iter().enumerate().map(|(index, (group, block))| ((*group, block.name.key), index)).collect();
    let parent = |index: usize| {
        let (group, block) = &blocks[index];
        let parent = by_key.get(&(*group, block.name.parent)).copied();
        // Keys are hashes: a parent that is not just before its child can only be forged, and might be a circle.
        parent.filter(|&parent| blocks[parent].1.name.end() == block.name.start)
    };
    let mut from_the_front: Vec<usize> = (0..blocks.len()).collect();
    from_the_front.sort_by_key(|&index| blocks[index].1.name.start);
    let mut reached = vec![false; blocks.len()];
    for &index in &from_the_front {
        let is_root = blocks[index].1.name.start == 0 && blocks[index].1.name.parent == BlockKey::ROOT;
        reached[index] = is_root || parent(index).is_some_and(|parent| reached[parent]);
    }
    let mut used: Vec<SystemTime> = (0..blocks.len())
        .map(|index| (index, blocks[index].1.used))
        .map(|(index, used)| if reached[index] && used <= now { used } else { SystemTime::UNIX_EPOCH })
        .collect();
    for &index in from_the_front.iter().rev() {
        if let Some(parent) = parent(index).filter(|_| reached[index]) {
            used[parent] = used[parent].max(used[index]);
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::name::{BlockName, PartOf};
    use super::*;

    fn key(number: u8) -> BlockKey {
        BlockKey([number; 16])
    }

    /// A block of 10 tokens.
    fn block(start: u32, parent: u8, own: u8, used_s: u64) -> (usize, KeptBlock) {
        let (parent, key) = (key(parent), key(own));
        let name = BlockName { start, tokens: 10, call_tokens: 10, parent, key, part: PartOf::Document };
        (0, KeptBlock { name, bytes: 100, used: at(used_s) })
    }

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn the_one_unused_for_longest_goes_first_from_its_end() {
        // 1 - 2 - 3 (last week), and 2 - 4 (today).
        let blocks = [block(0, 0, 1, 50), block(10, 1, 2, 50), block(20, 2, 3, 60), block(20, 2, 4, 90)];
        assert_eq!(order(&blocks, at(1000)), [2, 3, 1, 0]);
    }

    #[test]
    fn times_to_come_count_as_long_ago() {
        let blocks = [block(0, 0, 1, 50), block(0, 0, 2, 2000), block(0, 0, 3, 40)];
        assert_eq!(order(&blocks, at(1000)), [1, 2, 0]);
    }

    #[test]
    fn blocks_without_their_parent_go_first() {
        let blocks = [block(0, 0, 1, 1), block(30, 9, 2, 90), block(40, 2, 3, 99)];
        assert_eq!(order(&blocks, at(1000)), [2, 1, 0]);
    }

    #[test]
    fn what_has_to_go_depends_on_the_limit_and_on_the_disk() {
        let limits = Limits { most_bytes: 1000, least_free_bytes: 100, most_turns: 10 };
        assert_eq!(limits.excess(800, 5000, 200), 0);
        assert_eq!(limits.excess(800, 5000, 201), 1);
        assert_eq!(limits.excess(0, 150, 200), 150);
        let of = |free, taken| Limits::for_disk(free, taken).most_bytes;
        assert_eq!((of(79 << 30, 1 << 30), of(1 << 40, 0)), (20 << 30, 64 << 30));
    }

    #[test]
    fn the_disk_of_a_folder_that_is_not_there_yet_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(free_bytes(&folder.path().join("a/b")).expect("a disk") > 0);
    }

    proptest! {
        #[test]
        fn no_block_goes_before_one_that_builds_on_it(
            parents in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..100), 1..30)
        ) {
            // A tree: each block builds on an earlier one or on nothing.
            let mut blocks: Vec<(usize, KeptBlock)> = Vec::new();
            for (number, (parent, used)) in parents.iter().enumerate() {
                let parent = parent.index(blocks.len() + 1).checked_sub(1).map(|index| blocks[index].1.name);
                let (start, above) = parent.map_or((0, 0), |parent| (parent.end(), parent.key.0[0]));
                blocks.push(block(start, above, number as u8 + 1, *used));
            }
            let order = order(&blocks, at(1000));
            let place = |own: BlockKey| order.iter().position(|&index| blocks[index].1.name.key == own);
            for (_, block) in &blocks {
                if block.name.parent != BlockKey::ROOT {
                    prop_assert!(place(block.name.key) < place(block.name.parent));
                }
            }
            prop_assert_eq!(order.len(), blocks.len());
        }
    }
}
