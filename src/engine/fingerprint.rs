//! Which model is it? A hash of the model's file, remembered as long as the file stays what it is.
//!
//! Blocks of the KV cache on disk are only good for the very weights that computed them, whatever the file is called. Hashing 20 GB takes
//! seconds even from memory, so a file is hashed once: `models.json` remembers its hash by device, inode, size and the times of its last
//! changes.
//!
//! The whole file is hashed, tables and all: a change of the hyperparameters changes the KV entries, too. A model in several files is hashed
//! file by file.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::store::file::update;

/// Read at once.
const PIECE: usize = 1 << 22;
/// So many files are remembered, the last ones used.
const REMEMBERED: usize = 200;

/// The state of a file: if all of it is the same, so are the contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct FileState {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for FileState {
    fn from(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    #[serde(flatten)]
    state: FileState,
    hash: String,
}

/// A fingerprint that is being computed.
pub(super) struct Fingerprinting {
    result: Receiver<io::Result<String>>,
}

impl Fingerprinting {
    /// Begins to hash the model at `model` on a thread of its own, unless the file `memory` knows it.
    pub(super) fn begin(model: PathBuf, memory: PathBuf) -> Self {
        let (sender, result) = channel();
        thread::Builder::new()
            .name("fingerprint".into())
            // If nobody waits any more, the program ends.
            .spawn(move || drop(sender.send(fingerprint(&model, &memory))))
            .expect("the system can start a thread");
        Self { result }
    }

    /// The fingerprint, if it comes within `patience`.
    pub(super) fn wait(&self, patience: Duration) -> Option<io::Result<String>> {
        match self.result.recv_timeout(patience) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(io::Error::other("the model could not be hashed"))),
        }
    }
}

/// The hash of the model at `model`, 32 hexadecimal digits for each of its files.
fn fingerprint(model: &Path, memory: &Path) -> io::Result<String> {
    files_of(model).iter().map(|file| remembered_or_hashed(file, memory)).collect()
}

fn remembered_or_hashed(path: &Path, memory: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let state = FileState::from(&file.metadata()?);
    let known = parse(&fs::read(memory).unwrap_or_default());
    if let Some(known) = known.into_iter().find(|known| known.state == state) {
        return Ok(known.hash);
    }
    let hash = hash(&mut file)?;
    // A file that changed meanwhile is hashed again next time.
    if FileState::from(&file.metadata()?) == state {
        let remembered = Remembered { state, hash: hash.clone() };
        if let Err(error) = remember(memory, remembered) {
            tracing::warn!(memory = %memory.display(), %error, "cannot remember the hash of the model");
        }
    }
    Ok(hash)
}

/// The hash of a small file, which is not remembered.
pub(super) fn hash_of(path: &Path) -> io::Result<String> {
    hash(&mut File::open(path)?)
}

fn hash(file: &mut File) -> io::Result<String> {
    let mut hasher = XxHash3_128::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(format!("{:032x}", hasher.finish_128())),
            read => hasher.write(&piece[..read]),
        }
    }
}

fn parse(stored: &[u8]) -> Vec<Remembered> {
    serde_json::from_slice(stored).unwrap_or_default()
}

fn remember(memory: &Path, new: Remembered) -> io::Result<()> {
    update(memory, |stored| {
        let mut all = parse(stored);
        let is_same =
            |known: &Remembered| known.state.device == new.state.device && known.state.inode == new.state.inode;
        all.retain(|known| !is_same(known));
        all.push(new);
        let surplus = all.len().saturating_sub(REMEMBERED);
        Ok(serde_json::to_string(&all[surplus..])?)
    })
}

/// All files of a model: `…-00001-of-00003.gguf` has two more. A file that is missing is an error when it is opened.
fn files_of(model: &Path) -> Vec<PathBuf> {
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    let numbers = name.strip_suffix(".gguf").and_then(|name| {
        let (rest, of) = name.rsplit_once("-of-")?;
        let (beginning, first) = rest.rsplit_once('-')?;
        let is_first = first.len() == 5 && of.len() == 5 && first.parse() == Ok(1_u32);
        Some((beginning, of, of.parse::<u32>().ok().filter(|_| is_first)?))
    });
    match numbers {
        Some((beginning, of, count)) => {
            (1..=count).map(|number| model.with_file_name(format!("{beginning}-{number:05}-of-{of}.gguf"))).collect()
        }
        None => vec![model.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_contents_and_hashed_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let memory = path("kv/models.json");
        for (name, text) in [("a", "weights"), ("b", "weights"), ("c", "weightz")] {
            fs::write(path(name), text).expect("written");
        }
        let hashes = ["a", "b", "c"].map(|name| fingerprint(&path(name), &memory).expect("hashed"));
        assert_eq!((hashes[0] == hashes[1], hashes[0] == hashes[2], hashes[0].len()), (true, false, 32));
        assert_eq!(parse(&fs::read(&memory).expect("remembered")).len(), 3);
        // As if the hash of `a` had been another: it is believed.
        let stored = fs::read_to_string(&memory).expect("remembered");
        fs::write(&memory, stored.replacen(&hashes[0], &"0".repeat(32), 1)).expect("written");
        assert_eq!(fingerprint(&path("a"), &memory).expect("remembered"), "0".repeat(32));
        fs::write(path("a"), "other weights").expect("written");
        assert_ne!(fingerprint(&path("a"), &memory).expect("hashed again"), "0".repeat(32));
    }

    #[test]
    fn a_memory_that_cannot_be_read_or_written_costs_only_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let (model, memory) = (folder.path().join("m"), folder.path().join("models.json"));
        fs::write(&model, "weights").expect("written");
        fs::write(&memory, "[{\"device\": ").expect("written");
        let first = fingerprint(&model, &memory).expect("hashed");
        assert_eq!(fingerprint(&model, &memory).expect("remembered"), first);
        assert_eq!(fingerprint(&model, &model.join("no/folder")).expect("hashed"), first);
        assert!(fingerprint(&folder.path().join("gone"), &memory).is_err());
    }

    #[test]
    fn a_model_in_several_files_is_all_of_them() {
        let files = |name: &str| -> Vec<String> {
            let files = files_of(&Path::new("/models").join(name));
            files.iter().map(|file| file.to_string_lossy().into_owned()).collect()
        };
        assert_eq!(files("m-00001-of-00002.gguf"), ["/models/m-00001-of-00002.gguf", "/models/m-00002-of-00002.gguf"]);
        for single in ["m.gguf", "m-00002-of-00002.gguf", "m-1-of-2.gguf", "best-of-00002.gguf"] {
            assert_eq!(files(single), [format!("/models/{single}")]);
        }
    }

    #[test]
    fn a_fingerprint_comes_from_a_thread_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let model = folder.path().join("m");
        fs::write(&model, "weights").expect("written");
        let begun = Fingerprinting::begin(model, folder.path().join("models.json"));
        let result = begun.wait(Duration::from_mins(1)).expect("it comes").expect("hashed");
        assert_eq!(result.len(), 32);
    }
}
