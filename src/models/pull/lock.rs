//! Two processes that want the same file take turns: the second waits, and then finds it there.

use std::fs::{File, TryLockError};
use std::thread;
use std::time::Duration;

use super::job::{Job, PullProgress, refuse_cancelled};
use crate::models::Error;

/// How often a waiting process looks again; slow enough to cost nothing, fast enough to be no wait.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Takes the file's lock. It is let go when the value is dropped, and by the system when the process dies.
///
/// The lock file stays: to remove it would let a third process lock a new file of the same name beside us.
pub(super) fn take(job: &mut Job<'_>) -> Result<File, Error> {
    let path = job.beside(".lock");
    let unusable = |source| Error::Disk { path: path.clone(), source };
    let file = File::create(&path).map_err(unusable)?;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
            Err(TryLockError::WouldBlock) if is_told => {}
            Err(TryLockError::WouldBlock) => {
                is_told = true;
                (job.progress)(PullProgress::Waiting);
            }
        }
        refuse_cancelled(job.cancel)?;
        thread::sleep(LOOK_AGAIN);
    }
}
