//! Fetches a model: lock → hub → sha256 → the file's own name, in one step.
//!
//! While it is fetched it is called `NAME.partial`, which the next attempt goes on with; two processes that want the same file
//! take turns by `NAME.lock`.
//!
//! Example: 491,400,064 bytes, broken off at 300 MB. The next call asks the hub for `bytes=300000000-`, gets 206, appends the
//! rest, reads all of it for its sha256, and renames.

pub(super) mod hub;
mod job;
mod lock;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use super::catalogue::Entry;
use super::error::Error;
use super::places::Places;
use crate::engine::message::CancelToken;
use job::Job;
pub use job::{PullProgress, check, check_sha256};

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
