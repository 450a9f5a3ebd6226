//! Fetches a model: lock → hub → sha256 → the file's own name, in one step.
//!
//! While it is fetched it is called `NAME.partial`, which the next attempt goes on with; two processes that want the same file
//! take turns by `NAME.lock`.
//!
//! Example: 491,400,064 bytes, broken off at 300 MB. The next call asks the hub for `bytes=300000000-`, gets 206, appends the
//! rest, reads all of it for its sha256, and renames.

pub(super) mod hub;
mod lock;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::catalogue::Entry;
use super::error::Error;
use super::places::Places;
use crate::engine::message::CancelToken;

/// Bytes moved at a time: progress and cancelling have this grain.
const CHUNK_BYTES: usize = 256 << 10;

/// What [`pull`] is doing.
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

/// Fetches `entry` into our own cache and returns its path. Nothing is fetched if it is there.
///
/// Errors: [`Error::Offline`] before any work; [`Error::NotFetched`] with what the hub said; [`Error::Cancelled`], which keeps what was
/// fetched, as a broken connection does.
pub fn pull(
    entry: &Entry,
    places: &Places,
    progress: &mut dyn FnMut(PullProgress),
    cancel: &CancelToken,
) -> Result<PathBuf, Error> {
    if let Some(path) = places.find(entry) {
        return Ok(path);
    }
    if places.hub.offline {
        return Err(Error::Offline { name: entry.name.clone() });
    }
    let mut job = Job { entry, places, target: places.own_path(entry), progress, cancel };
    job.make_folder()?;
    let _lock = lock::take(&mut job)?;
    if let Some(path) = places.find(entry) {
        return Ok(path);
    }
    match hub::fetch(&mut job).and_then(|()| job.finish()) {
        Ok(()) => Ok(job.target),
        Err(error) if error.is_ours() => Err(error),
        Err(error) => Err(Error::NotFetched { name: entry.name.clone(), source: Box::new(error) }),
    }
}

/// Reads the file at `path` and compares its sha256 with the entry's.
pub fn check(
    path: &Path,
    entry: &Entry,
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
        progress(PullProgress::Checking { done, total: entry.bytes });
    }
    let got = hexadecimal(&hash.finalize());
    if got == entry.sha256 { Ok(()) } else { Err(Error::Checksum { got, expected: entry.sha256.clone() }) }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a string takes everything");
        digits
    })
}

fn refuse_cancelled(cancel: &CancelToken) -> Result<(), Error> {
    if cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

/// A file on its way.
struct Job<'a> {
    entry: &'a Entry,
    places: &'a Places,
    /// Its name once it is whole.
    target: PathBuf,
    progress: &'a mut dyn FnMut(PullProgress),
    cancel: &'a CancelToken,
}

impl Job<'_> {
    /// The target's name with something behind it.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.target.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    /// Its name until it is whole.
    fn partial(&self) -> PathBuf {
        self.beside(".partial")
    }

    fn make_folder(&self) -> Result<(), Error> {
        let folder = self.target.parent().expect("the target lies in our cache");
        fs::create_dir_all(folder).map_err(|source| Error::Disk { path: folder.into(), source })
    }

    fn tell_fetched(&mut self, done: u64) {
        let total = self.entry.bytes;
        (self.progress)(PullProgress::Fetching { done: done.min(total), total });
    }

    /// Checks what was fetched and gives it its name. What is not the model is removed, so that the next attempt starts afresh.
    fn finish(&mut self) -> Result<(), Error> {
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
    fn append(&mut self, from: &mut dyn Read, to: &mut File, path: &Path, mut done: u64) -> Result<u64, Error> {
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

#[cfg(test)]
mod tests;
