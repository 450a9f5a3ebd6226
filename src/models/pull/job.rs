//! A file on its way: its names, its progress, its checksum.
//!
//! Example: `model.gguf` is called `model.gguf.partial` until all of it was read and has the sha256 that the catalogue names.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::engine::message::CancelToken;
use crate::models::catalogue::Entry;
use crate::models::error::Error;
use crate::models::places::Places;

/// Bytes moved at a time: progress and cancelling have this grain.
const CHUNK_BYTES: usize = 256 << 10;

/// What [`super::pull`] is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullProgress {
    /// Another process is fetching the same file.
    Waiting,
    /// `source` is being asked: the file's address on the hub.
    Asking { source: String },
    /// `done` of `total` bytes of the model are here.
    Fetching { done: u64, total: u64 },
    /// `done` of `total` bytes have been read for the checksum.
    Checking { done: u64, total: u64 },
}

/// Reads the file at `path` and compares its sha256 with the entry's, or with the one that was noted when it was fetched. Where
/// neither is known, as in the caches of other tools, there is nothing to compare with, and the file is not read.
pub fn check(
    path: &Path,
    entry: &Entry,
    progress: &mut dyn FnMut(PullProgress),
    cancel: &CancelToken,
) -> Result<(), Error> {
    let total = path.metadata().map_or(entry.bytes, |metadata| metadata.len());
    match entry.sha256.clone().or_else(|| recorded_sha256(path)) {
        Some(expected) => check_sha256(path, &expected, total, progress, cancel),
        None => Ok(()),
    }
}

/// Where the sha256 of a fetched file is noted, if only the hub knew it.
pub(in crate::models) fn sha256_file(path: &Path) -> PathBuf {
    let mut name = path.to_path_buf().into_os_string();
    name.push(".sha256");
    name.into()
}

/// The sha256 that was noted when the file at `path` was fetched.
pub(in crate::models) fn recorded_sha256(path: &Path) -> Option<String> {
    let noted = fs::read_to_string(sha256_file(path)).ok()?;
    let noted = noted.trim();
    (noted.len() == 64 && noted.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| noted.to_ascii_lowercase())
}

/// Reads the file at `path`, which should have `total` bytes, and compares its sha256 with `expected`.
pub fn check_sha256(
    path: &Path,
    expected: &str,
    total: u64,
    progress: &mut dyn FnMut(PullProgress),
    cancel: &CancelToken,
) -> Result<(), Error> {
    let unreadable = |source| Error::Disk { path: path.into(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut done = 0;
    loop {
        refuse_cancelled(cancel)?;
        let count = file.read(&mut buffer).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        done += count as u64;
        progress(PullProgress::Checking { done, total });
    }
    let got = hexadecimal(&hash.finalize());
    if got == expected { Ok(()) } else { Err(Error::Checksum { got, expected: expected.to_owned() }) }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a string takes everything");
        digits
    })
}

pub(super) fn refuse_cancelled(cancel: &CancelToken) -> Result<(), Error> {
    if cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

/// A file on its way.
pub(super) struct Job<'a> {
    pub entry: &'a Entry,
    pub places: &'a Places,
    /// Its name once it is whole.
    pub target: PathBuf,
    pub progress: &'a mut dyn FnMut(PullProgress),
    pub cancel: &'a CancelToken,
}

impl Job<'_> {
    /// The target's name with something behind it.
    pub(super) fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.target.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    /// Its name until it is whole.
    pub(super) fn partial(&self) -> PathBuf {
        self.beside(".partial")
    }

    pub(super) fn make_folder(&self) -> Result<(), Error> {
        let folder = self.target.parent().expect("the target lies in our cache");
        fs::create_dir_all(folder).map_err(|source| Error::Disk { path: folder.into(), source })
    }

    pub(super) fn tell_fetched(&mut self, done: u64) {
        let total = self.entry.bytes;
        (self.progress)(PullProgress::Fetching { done: done.min(total), total });
    }

    /// Checks what was fetched and gives it its name. What is not the model is removed, so that the next attempt starts afresh.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let partial = self.partial();
        let checked = check(&partial, self.entry, self.progress, self.cancel);
        if let Err(Error::Checksum { .. }) = checked {
            fs::remove_file(&partial).map_err(|source| Error::Disk { path: partial, source })?;
            return checked;
        }
        checked?;
        let renamed =
            File::open(&partial).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&partial, &self.target));
        renamed.map_err(|source| Error::from_write(&self.target, self.entry.bytes, source))
    }

    /// Copies `from` to the end of `to`, which has `done` bytes; returns how many it has then.
    ///
    /// Of a failed read, what came before it is kept.
    pub(super) fn append(
        &mut self,
        from: &mut dyn Read,
        to: &mut File,
        path: &Path,
        mut done: u64,
    ) -> Result<u64, Error> {
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            refuse_cancelled(self.cancel)?;
            let broken = |error: std::io::Error| Error::Broken {
                got: done,
                expected: self.entry.bytes,
                reason: error.to_string(),
            };
            let count = from.read(&mut buffer).map_err(broken)?;
            if count == 0 {
                return Ok(done);
            }
            to.write_all(&buffer[..count]).map_err(|error| Error::from_write(path, self.entry.bytes, error))?;
            done += count as u64;
            self.tell_fetched(done);
        }
    }
}
