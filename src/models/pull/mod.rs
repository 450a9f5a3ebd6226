//! Fetches a model: lock → hub → sha256 → the file's own name, in one step.
//!
//! While it is fetched it is called `NAME.partial`, which the next attempt goes on with; two processes that want the same file
//! take turns by `NAME.lock`. Of an entry without a sha256 the hub is asked for size and sha256 first; the latter is noted in
//! `NAME.sha256`. A model in several files is fetched file by file; what is whole stays.
//!
//! Example: 491,400,064 bytes, broken off at 300 MB. The next call asks the hub for `bytes=300000000-`, gets 206, appends the
//! rest, reads all of it for its sha256, and renames.

pub(super) mod hub;
mod job;
mod lock;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::PathBuf;

use super::catalogue::Entry;
use super::error::Error;
use super::lookup;
use super::places::Places;
use crate::engine::message::CancelToken;
use job::Job;
pub use job::{PullProgress, check, check_sha256};
pub(super) use job::{recorded_sha256, sha256_file};

/// Fetches `entry` into our own cache and returns its path. Nothing is fetched if it is on this machine with the sha256 that it
/// should have: a file of the right length may hold anything.
///
/// Errors: [`Error::Offline`] before any work; [`Error::NotFetched`] with what the hub said; [`Error::Cancelled`], which keeps what was
/// fetched, as a broken connection does.
pub fn pull(
    entry: &Entry,
    places: &Places,
    progress: &mut dyn FnMut(PullProgress),
    cancel: &CancelToken,
) -> Result<PathBuf, Error> {
    if entry.sha256.is_some() {
        return pull_all(entry, places, progress, cancel);
    }
    if let Some(path) = find_whole(entry, places, progress, cancel)? {
        return Ok(path);
    }
    if places.hub.offline {
        return Err(Error::Offline { name: entry.name.clone() });
    }
    let not_fetched = |source| Error::NotFetched { name: entry.name.clone(), source: Box::new(source) };
    let confirmed = lookup::confirmed(entry, places).map_err(not_fetched)?;
    let path = pull_all(&confirmed, places, progress, cancel)?;
    if path == places.own_path(entry) {
        let (note, sha256) = (job::sha256_file(&path), confirmed.sha256.unwrap_or_default());
        fs::write(&note, sha256).map_err(|source| Error::Disk { path: note, source })?;
    }
    Ok(path)
}

/// Fetches the files of `entry` one after the other; progress counts the bytes of all of them.
fn pull_all(
    entry: &Entry,
    places: &Places,
    progress: &mut dyn FnMut(PullProgress),
    cancel: &CancelToken,
) -> Result<PathBuf, Error> {
    let total = entry.all_bytes();
    let (mut first, mut before) = (None, 0);
    for file in entry.files() {
        let mut of_all = |of_file| progress(of_several_files(of_file, before, total));
        let path = pull_file(&file, places, &mut of_all, cancel)?;
        before += file.bytes;
        first.get_or_insert(path);
    }
    Ok(first.expect("an entry has a file"))
}

/// Progress of one file as that of all of them, of which `before` bytes are done.
fn of_several_files(progress: PullProgress, before: u64, total: u64) -> PullProgress {
    match progress {
        PullProgress::Fetching { done, .. } => PullProgress::Fetching { done: before + done, total },
        PullProgress::Checking { done, .. } => PullProgress::Checking { done: before + done, total },
        other => other,
    }
}

fn pull_file(
    entry: &Entry,
    places: &Places,
    progress: &mut dyn FnMut(PullProgress),
    cancel: &CancelToken,
) -> Result<PathBuf, Error> {
    if let Some(path) = find_whole(entry, places, progress, cancel)? {
        return Ok(path);
    }
    if places.hub.offline {
        return Err(Error::Offline { name: entry.name.clone() });
    }
    let mut job = Job { entry, places, target: places.own_path(entry), progress, cancel };
    job.make_folder()?;
    let _lock = lock::take(&mut job)?;
    // Another process may have fetched it meanwhile.
    if let Some(path) = find_whole(entry, places, &mut *job.progress, cancel)? {
        return Ok(path);
    }
    match hub::fetch(&mut job).and_then(|()| job.finish()) {
        Ok(()) => Ok(job.target),
        Err(error) if error.is_ours() => Err(error),
        Err(error) => Err(Error::NotFetched { name: entry.name.clone(), source: Box::new(error) }),
    }
}

/// A copy of `entry` on this machine that is whole.
fn find_whole(
    entry: &Entry,
    places: &Places,
    progress: &mut dyn FnMut(PullProgress),
    cancel: &CancelToken,
) -> Result<Option<PathBuf>, Error> {
    for path in places.copies(entry) {
        match check(&path, entry, progress, cancel) {
            Ok(()) => return Ok(Some(path)),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => tracing::warn!(path = %path.display(), %error, "this copy of a model is not used"),
        }
    }
    Ok(None)
}
