//! The whole store: its groups, what they take, whether their blocks are whole, and what is dropped.

use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::block_file::BlockError;
use super::group::{About, BlockGroup, KeptBlock};
use super::name::{BlockKey, BlockName};
use super::room::order;

/// The folder of all groups.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// What a group holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSummary {
    /// The name of its folder.
    pub id: String,
    pub about: Option<About>,
    pub blocks: usize,
    pub bytes: u64,
    /// The chains of blocks, each from position 0: tokens and last use, the newest first. One that another begins with is no reading of its
    /// own.
    pub readings: Vec<(u32, SystemTime)>,
}

/// What looking at every block found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    pub whole: usize,
    pub bytes: u64,
    /// Those that were not whole, and why. They are dropped.
    pub dropped: Vec<(PathBuf, String)>,
}

impl Store {
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder, for its owner alone.
    pub fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)
    }

    /// The group of this name, whether there is one or not.
    #[must_use]
    pub fn group(&self, id: &str) -> BlockGroup {
        BlockGroup::at(self.folder.join(id))
    }

    /// The names of all groups, in order.
    pub fn ids(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_id(&name) && entry.path().is_dir() {
                ids.push(name);
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Every group with what it holds.
    pub fn summaries(&self) -> io::Result<Vec<GroupSummary>> {
        self.ids()?.into_iter().map(|id| self.summary(id)).collect()
    }

    fn summary(&self, id: String) -> io::Result<GroupSummary> {
        let group = self.group(&id);
        let blocks = group.blocks()?;
        let bytes = blocks.iter().map(|block| block.bytes).sum();
        Ok(GroupSummary { about: group.about(), blocks: blocks.len(), bytes, readings: readings(&blocks), id })
    }

    /// All blocks take so many bytes.
    pub fn bytes(&self) -> io::Result<u64> {
        Ok(self.blocks()?.iter().map(|(_, block)| block.bytes).sum())
    }

    fn blocks(&self) -> io::Result<Vec<(usize, KeptBlock)>> {
        let mut all = Vec::new();
        for (number, id) in self.ids()?.iter().enumerate() {
            all.extend(self.group(id).blocks()?.into_iter().map(|block| (number, block)));
        }
        Ok(all)
    }

    /// Drops blocks until `excess` bytes are free, those first that were not used for longest. Those used from `spared` on stay. Returns the
    /// bytes that were freed.
    pub fn make_room(&self, excess: u64, spared: SystemTime) -> io::Result<u64> {
        let (ids, blocks) = (self.ids()?, self.blocks()?);
        let now = SystemTime::now();
        let mut freed = 0;
        for index in order(&blocks, now) {
            let (group, block) = &blocks[index];
            if freed >= excess {
                break;
            }
            if (spared..=now).contains(&block.used) {
                continue;
            }
            self.group(&ids[*group]).remove(&block.name)?;
            freed += block.bytes;
        }
        for id in &ids {
            self.group(id).remove_if_empty();
        }
        Ok(freed)
    }

    /// Reads every block, and drops those that are not whole. `seen` gets each block's bytes as it goes on.
    pub fn verify(&self, mut seen: impl FnMut(u64)) -> io::Result<Verified> {
        let mut verified = Verified::default();
        for id in self.ids()? {
            let group = self.group(&id);
            group.remove_unfinished();
            for KeptBlock { name, bytes, .. } in group.blocks()? {
                match group.read(&name, |_, _| ()) {
                    Ok(()) => {
                        verified.whole += 1;
                        verified.bytes += bytes;
                    }
                    Err(BlockError::Gone) => {}
                    Err(error) => {
                        group.remove(&name)?;
                        verified.dropped.push((group.folder().join(name.file()), error.to_string()));
                    }
                }
                seen(bytes);
            }
        }
        Ok(verified)
    }

    /// Removes the groups that `wanted` chooses. Returns what they took.
    pub fn remove(&self, wanted: impl Fn(&GroupSummary) -> bool) -> io::Result<Vec<GroupSummary>> {
        let removed: Vec<GroupSummary> = self.summaries()?.into_iter().filter(wanted).collect();
        removed.iter().try_for_each(|group| self.group(&group.id).remove_all())?;
        Ok(removed)
    }
}

/// The chains that no other begins with.
fn readings(blocks: &[KeptBlock]) -> Vec<(u32, SystemTime)> {
    let parents: HashSet<BlockKey> = blocks.iter().map(|block| block.name.parent).collect();
    let is_last = |name: &BlockName| !parents.contains(&name.key);
    let mut readings: Vec<(u32, SystemTime)> =
        blocks.iter().filter(|block| is_last(&block.name)).map(|block| (block.name.end(), block.used)).collect();
    readings.sort_by_key(|&(tokens, used)| std::cmp::Reverse((used, tokens)));
    readings
}

fn is_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn about() -> About {
        About { model: "m".into(), file: "/m.gguf".into(), cache_type: "f16".into(), library: "1".into() }
    }

    fn name(start: u32, parent: u8, own: u8) -> BlockName {
        let parent = BlockKey([parent; 16]);
        BlockName { start, tokens: 10, call_tokens: 10, parent, key: BlockKey([own; 16]) }
    }

    /// A store with 1 - 2 - 3 and 2 - 4, each of `len` bytes and what is around them.
    fn store(folder: &Path, len: usize) -> Store {
        let store = Store::at(folder.join("kv"));
        for name in [name(0, 0, 1), name(10, 1, 2), name(20, 2, 3), name(20, 2, 4)] {
            store.group(ID).write(&name, b"", &vec![name.key.0[0]; len], &about()).expect("written");
        }
        store
    }

    #[test]
    fn a_store_that_is_not_there_holds_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::at(folder.path().join("kv"));
        assert_eq!((store.summaries().expect("none"), store.bytes().expect("none")), (Vec::new(), 0));
        assert_eq!(
            (store.verify(|_| ()).expect("none"), store.make_room(1, SystemTime::UNIX_EPOCH).expect("none")),
            (Verified::default(), 0)
        );
    }

    #[test]
    fn a_summary_counts_blocks_and_readings() {
        let folder = tempfile::tempdir().expect("a folder");
        let summaries = store(folder.path(), 100).summaries().expect("readable");
        let [GroupSummary { id, about: group, blocks, readings, .. }] = &summaries[..] else { panic!("{summaries:?}") };
        assert_eq!((id.as_str(), group, *blocks), (ID, &Some(about()), 4));
        assert_eq!(readings.iter().map(|(tokens, _)| *tokens).collect::<Vec<_>>(), [30, 30]);
    }

    #[test]
    fn room_is_made_from_the_end_of_chains_and_an_empty_group_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), 1000);
        let all = store.bytes().expect("readable");
        let spared = SystemTime::now() - Duration::from_mins(1);
        assert_eq!(store.make_room(1, spared).expect("looked"), 0, "all were just written");
        let any = SystemTime::now() + Duration::from_mins(1);
        store.make_room(1, any).expect("dropped");
        assert_eq!(store.group(ID).names().expect("readable").len(), 3);
        assert!(store.group(ID).names().expect("readable").contains(&name(0, 0, 1)));
        assert_eq!(store.make_room(all, any).expect("dropped"), all / 4 * 3);
        assert_eq!(store.ids().expect("readable"), Vec::<String>::new());
    }

    #[test]
    fn a_damaged_block_is_found_and_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), 100);
        let damaged = store.group(ID).folder().join(name(10, 1, 2).file());
        let mut bytes = fs::read(&damaged).expect("a block");
        bytes[200] ^= 1;
        fs::write(&damaged, bytes).expect("written");
        let mut seen = 0;
        let verified = store.verify(|bytes| seen += bytes).expect("readable");
        assert_eq!((verified.whole, verified.dropped), (3, vec![(damaged, "its checksum is wrong".to_owned())]));
        assert!(seen > verified.bytes);
        assert_eq!(store.group(ID).names().expect("readable").len(), 3);
    }

    #[test]
    fn groups_are_removed_by_what_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), 100);
        let of = |model: &'static str| {
            move |group: &GroupSummary| group.about.as_ref().is_some_and(|about| about.model == model)
        };
        assert_eq!(store.remove(of("other")).expect("removed").len(), 0);
        assert_eq!(store.remove(of("m")).expect("removed").len(), 1);
        assert_eq!(store.ids().expect("readable"), Vec::<String>::new());
    }
}
