//! The whole store: its groups, what they take, whether their blocks are whole, and what is dropped.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::block_file::BlockError;
use super::group::{About, BlockGroup, KeptBlock};
use super::name::{BlockKey, BlockName, PartOf};
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
    /// The newest first.
    pub readings: Vec<Reading>,
}

/// A chain of blocks from position 0: a document with a title, or what no other chain begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub tokens: u32,
    /// When it, or what builds on it, was used last.
    pub used: SystemTime,
    pub title: Option<String>,
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
        Ok(GroupSummary {
            about: group.about(),
            blocks: blocks.len(),
            bytes,
            readings: readings(&blocks, &group.titles()),
            id,
        })
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

    /// Drops conversations' blocks of `group` until `most` are left, those first that were not used for longest. Returns how many are left.
    pub fn limit_turns(&self, group: &BlockGroup, most: usize) -> io::Result<usize> {
        let blocks: Vec<(usize, KeptBlock)> = group.blocks()?.into_iter().map(|block| (0, block)).collect();
        let names = order(&blocks, SystemTime::now()).into_iter().map(|index| blocks[index].1.name);
        let turns: Vec<BlockName> = names.filter(|name| name.part == PartOf::Conversation).collect();
        let excess = turns.len().saturating_sub(most);
        turns[..excess].iter().try_for_each(|name| group.remove(name))?;
        Ok(turns.len() - excess)
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

    /// Removes what is kept of all conversations, and none of a document. The files are overwritten before.
    pub fn forget_conversations(&self) -> io::Result<()> {
        for id in self.ids()? {
            let group = self.group(&id);
            for name in group.names()?.iter().filter(|name| name.part == PartOf::Conversation) {
                group.wipe(name)?;
            }
        }
        Ok(())
    }

    /// Removes the groups that `wanted` chooses. Returns what they took.
    pub fn remove(&self, wanted: impl Fn(&GroupSummary) -> bool) -> io::Result<Vec<GroupSummary>> {
        let removed: Vec<GroupSummary> = self.summaries()?.into_iter().filter(wanted).collect();
        removed.iter().try_for_each(|group| self.group(&group.id).remove_all())?;
        Ok(removed)
    }
}

/// The documents with a title, and the chains without one that no other begins with.
fn readings(blocks: &[KeptBlock], titles: &BTreeMap<BlockKey, String>) -> Vec<Reading> {
    let by_key: HashMap<BlockKey, &KeptBlock> =
        blocks.iter().filter(|block| !block.name.is_state()).map(|block| (block.name.key, block)).collect();
    let parents: HashSet<BlockKey> = by_key.values().map(|block| block.name.parent).collect();
    let mut readings: BTreeMap<BlockKey, Reading> = BTreeMap::new();
    for block in by_key.values().filter(|block| !parents.contains(&block.name.key)) {
        // From the end to the beginning: the first block with a title is the document's last.
        let chain = std::iter::successors(Some(*block), |block| by_key.get(&block.name.parent).copied());
        let documents: Vec<&KeptBlock> =
            chain.take(blocks.len()).filter(|block| titles.contains_key(&block.name.key)).collect();
        for end in if documents.is_empty() { vec![*block] } else { documents } {
            let BlockName { key, .. } = end.name;
            let reading = readings.entry(key).or_insert_with(|| Reading {
                tokens: end.name.end(),
                used: end.used,
                title: titles.get(&key).cloned(),
            });
            reading.used = reading.used.max(block.used);
        }
    }
    let mut readings: Vec<Reading> = readings.into_values().collect();
    readings.sort_by_key(|reading| std::cmp::Reverse((reading.used, reading.tokens)));
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
        BlockName { start, tokens: 10, call_tokens: 10, parent, key: BlockKey([own; 16]), part: PartOf::Document }
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
        assert_eq!(listed(readings), [(30, None), (30, None)]);
    }

    fn listed(readings: &[Reading]) -> Vec<(u32, Option<&str>)> {
        readings.iter().map(|reading| (reading.tokens, reading.title.as_deref())).collect()
    }

    #[test]
    fn a_document_with_a_title_is_a_reading_and_what_follows_it_and_states_are_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), 100);
        let group = store.group(ID);
        let state = BlockName { tokens: 0, call_tokens: 0, ..name(20, 2, 5) };
        group.write(&state, b"", b"state", &about()).expect("written");
        group.keep_title(BlockKey([2; 16]), "A tale").expect("written");
        let summary = store.summary(ID.to_owned()).expect("readable");
        assert_eq!((listed(&summary.readings), summary.blocks), (vec![(20, Some("A tale"))], 5));
        group.keep_title(BlockKey([4; 16]), "A longer tale").expect("written");
        let summary = store.summary(ID.to_owned()).expect("readable");
        let mut readings = listed(&summary.readings);
        readings.sort_unstable();
        assert_eq!(readings, [(20, Some("A tale")), (30, Some("A longer tale"))]);
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
    fn what_conversations_left_goes_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), 100);
        let turn = BlockName { part: PartOf::Conversation, ..name(30, 3, 6) };
        store.group(ID).write(&turn, b"head", b"payload", &about()).expect("written");
        store.forget_conversations().expect("removed");
        let names = store.group(ID).names().expect("readable");
        assert!(names.len() == 4 && !names.contains(&turn), "{names:?}");
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
