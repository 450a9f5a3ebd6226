//! The blocks of one group: what one model computed under one cache type, with one version of the library.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, DirBuilder, File, FileTimes};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::Builder;

use super::block_file::{BlockError, around, contents};
use super::name::{BlockKey, BlockName};
use super::titles;
use crate::store::file::write_whole;

/// Files that are being written begin like this.
const UNFINISHED: &str = ".unfinished-";
/// A file that is still being written is younger.
const ABANDONED: Duration = Duration::from_hours(1);
/// Says what a group is.
const ABOUT: &str = "about.json";

/// What a group is, for people who look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What the model calls itself.
    pub model: String,
    /// Its file when the group was made.
    pub file: PathBuf,
    /// `f16`, `q8_0`, …
    pub cache_type: String,
    /// The stamp of the library and its patches.
    pub library: String,
}

/// The folder of a group.
#[derive(Debug, Clone)]
pub struct BlockGroup {
    folder: PathBuf,
}

/// A block that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptBlock {
    pub name: BlockName,
    /// Of its file.
    pub bytes: u64,
    /// When it was last read or written.
    pub used: SystemTime,
}

impl BlockGroup {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `None` if it can't be read: the blocks are good all the same.
    #[must_use]
    pub fn about(&self) -> Option<About> {
        serde_json::from_slice(&fs::read(self.folder.join(ABOUT)).ok()?).ok()
    }

    /// What the documents are called that end with these blocks.
    #[must_use]
    pub fn titles(&self) -> BTreeMap<BlockKey, String> {
        titles::titles(&self.folder)
    }

    /// Keeps what the document is called that ends with the block `key`, if that is there.
    pub fn keep_title(&self, key: BlockKey, title: &str) -> io::Result<()> {
        let there: HashSet<BlockKey> = self.names()?.into_iter().map(|name| name.key).collect();
        if !there.contains(&key) {
            return Ok(());
        }
        titles::keep(&self.folder, key, title, |key| there.contains(key))
    }

    /// The names of all blocks, in no order. A folder that is not there has none.
    pub fn names(&self) -> io::Result<Vec<BlockName>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.map(|entry| entry.file_name().to_str().and_then(BlockName::parse)).transpose()
        };
        entries.filter_map(name).collect()
    }

    /// All blocks with size and age, in no order. One that is dropped meanwhile is left out.
    pub fn blocks(&self) -> io::Result<Vec<KeptBlock>> {
        let kept = |name: BlockName| {
            let metadata = fs::metadata(self.path(&name)).ok()?;
            Some(KeptBlock { name, bytes: metadata.len(), used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH) })
        };
        Ok(self.names()?.into_iter().filter_map(kept).collect())
    }

    /// Reads a block and calls `take` with its head and payload.
    ///
    /// Errors: it is not there, not whole, or another block's; see [`BlockError`].
    pub fn read<T>(&self, name: &BlockName, take: impl FnOnce(&[u8], &[u8]) -> T) -> Result<T, BlockError> {
        let bytes = fs::read(self.path(name))?;
        let read = contents(name, &bytes)?;
        Ok(take(read.head, read.payload))
    }

    /// Writes a block: whole, on the disk, for its owner alone. One that is there already is only marked as used. Returns the bytes that were
    /// written.
    pub fn write(&self, name: &BlockName, head: &[u8], payload: &[u8], about: &About) -> io::Result<u64> {
        if self.touch(name).is_ok() {
            return Ok(0);
        }
        self.make(about)?;
        let (before, checksum) = around(name, head, payload);
        let mut beside = Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder).map_err(|error| plain(&error))?;
        for part in [&before, payload, &checksum] {
            beside.write_all(part)?;
        }
        // The system's own time for a file may lag behind the clock by some milliseconds.
        beside.as_file().set_times(FileTimes::new().set_modified(SystemTime::now()))?;
        beside.as_file().sync_all()?;
        beside.persist(self.path(name)).map_err(|error| error.error)?;
        sync_folder(&self.folder);
        Ok((before.len() + payload.len() + checksum.len()) as u64)
    }

    /// Makes the folder, which any other program may have removed since.
    fn make(&self, about: &About) -> io::Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        write_whole(&self.folder.join(ABOUT), &serde_json::to_string_pretty(about)?)
    }

    /// Marks a block as used now.
    pub fn touch(&self, name: &BlockName) -> io::Result<()> {
        // No bytes are written; the file is opened for writing, because times can't be set otherwise.
        let file = File::options().write(true).open(self.path(name))?;
        file.set_times(FileTimes::new().set_modified(SystemTime::now()))
    }

    /// Drops a block. One that is gone counts as dropped.
    pub fn remove(&self, name: &BlockName) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Overwrites a block and drops it.
    pub(super) fn wipe(&self, name: &BlockName) -> io::Result<()> {
        let path = self.path(name);
        if let Ok(mut file) = File::options().write(true).open(&path) {
            let bytes = file.metadata()?.len();
            io::copy(&mut io::repeat(0).take(bytes), &mut file)?;
            file.sync_all()?;
        }
        self.remove(name)
    }

    /// Removes what a program left behind that ended while it wrote.
    pub fn remove_unfinished(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let is_unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
            if is_unfinished && entry.metadata().and_then(|file| file.modified()).is_ok_and(is_abandoned) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes the group with all that is in it.
    pub(super) fn remove_all(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)
    }

    /// Removes the folder if no block is left in it.
    pub(super) fn remove_if_empty(&self) {
        if self.names().is_ok_and(|names| names.is_empty()) {
            let _ = fs::remove_file(self.folder.join(ABOUT));
            titles::remove(&self.folder);
            // Fails if another program has begun to write there.
            let _ = fs::remove_dir(&self.folder);
        }
    }

    fn path(&self, name: &BlockName) -> PathBuf {
        self.folder.join(name.file())
    }
}

/// The error without the file's name, which means nothing to anyone.
fn plain(error: &io::Error) -> io::Error {
    error.kind().into()
}

/// A time far ahead is as good as one long ago: the clock was set back.
fn is_abandoned(modified: SystemTime) -> bool {
    let age = SystemTime::now().duration_since(modified).unwrap_or_else(|ahead| ahead.duration());
    age > ABANDONED
}

/// So that a new name is on the disk, too. Some file systems can't: the file is whole all the same.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    use super::super::name::{BlockKey, PartOf};
    use super::*;

    fn about() -> About {
        About { model: "m".into(), file: "/m.gguf".into(), cache_type: "f16".into(), library: "1".into() }
    }

    fn name(start: u32) -> BlockName {
        let key = BlockKey([start as u8; 16]);
        BlockName { start, tokens: 4, call_tokens: 4, parent: BlockKey::ROOT, key, part: PartOf::Document }
    }

    fn group(folder: &Path) -> BlockGroup {
        BlockGroup::at(folder.join("kv/group"))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn a_block_comes_back_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let group = group(folder.path());
        assert_eq!(group.names().expect("readable"), []);
        group.write(&name(0), b"head", b"payload", &about()).expect("written");
        let read = group.read(&name(0), |head, payload| (head.to_vec(), payload.to_vec())).expect("whole");
        assert_eq!(read, (b"head".to_vec(), b"payload".to_vec()));
        assert_eq!((group.names().expect("readable"), group.about()), (vec![name(0)], Some(about())));
        assert_eq!((mode(&folder.path().join("kv")), mode(&group.folder)), (0o700, 0o700));
        assert_eq!(mode(&group.path(&name(0))), 0o600);
        assert!(matches!(group.read(&name(4), |_, _| ()), Err(BlockError::Gone)));
    }

    #[test]
    fn a_folder_that_was_removed_is_made_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let group = group(folder.path());
        group.write(&name(0), b"", b"1", &about()).expect("written");
        fs::remove_dir_all(folder.path().join("kv")).expect("removed");
        group.write(&name(4), b"", b"2", &about()).expect("written");
        assert_eq!(group.names().expect("readable"), [name(4)]);
    }

    #[test]
    fn two_programs_may_write_one_block() {
        let folder = tempfile::tempdir().expect("a folder");
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for start in 0..20 {
                        let group = group(folder.path());
                        group.write(&name(start), b"head", &[start as u8; 1000], &about()).expect("written");
                        let read = group.read(&name(start), |_, payload| payload.to_vec()).expect("whole");
                        assert_eq!(read, [start as u8; 1000]);
                    }
                });
            }
        });
        let files = fs::read_dir(group(folder.path()).folder).expect("a folder").count();
        assert_eq!(files, 20 + 1, "20 blocks, and what they are");
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("kv"), "in the way").expect("written");
        let error = group(folder.path()).write(&name(0), b"", b"1", &about()).expect_err("a file is in the way");
        assert!(matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory), "{error}");
    }

    #[test]
    fn only_old_unfinished_files_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let group = group(folder.path());
        group.write(&name(0), b"", b"1", &about()).expect("written");
        let day = Duration::from_hours(24);
        for (file, modified) in
            [("new", SystemTime::now()), ("old", SystemTime::now() - day), ("ahead", SystemTime::now() + day)]
        {
            let file = File::create(group.folder.join(format!("{UNFINISHED}{file}"))).expect("created");
            file.set_times(FileTimes::new().set_modified(modified)).expect("ours");
        }
        group.remove_unfinished();
        let mut left: Vec<_> =
            fs::read_dir(&group.folder).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, [".unfinished-new".into(), std::ffi::OsString::from(name(0).file()), ABOUT.into()]);
    }
}
