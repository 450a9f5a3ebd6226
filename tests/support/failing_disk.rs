//! A disk that fails: a library that is loaded before libc and fails a call of a process, by its number.
//!
//! Calls that change files (`write`, `fsync`, `rename` and their kin) are counted below one folder. A call fails once, as a worn disk does,
//! or it and all after it, as a full disk does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fails {
    Nothing,
    Once(u64),
    From(u64),
}

/// The failing library, for files below a folder.
pub(crate) struct FailingDisk {
    folder: PathBuf,
    count: PathBuf,
}

impl FailingDisk {
    /// `scratch` is not below `folder`.
    pub(crate) fn new(folder: &Path, scratch: &Path) -> Self {
        Self { folder: folder.to_owned(), count: scratch.join("count") }
    }

    /// What a process needs in its environment.
    pub(crate) fn variables(&self, fails: Fails) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![
            ("LD_PRELOAD", library().into()),
            ("DISK_FOLDER", self.folder.clone().into()),
            ("DISK_COUNT", self.count.clone().into()),
        ];
        match fails {
            Fails::Nothing => {}
            Fails::Once(call) => variables.push(("DISK_FAILS_AT", call.to_string().into())),
            Fails::From(call) => {
                variables.extend([("DISK_FAILS_AT", call.to_string().into()), ("DISK_STAYS_FULL", "1".into())]);
            }
        }
        variables
    }

    /// How many calls the last process made; all processes since are forgotten.
    pub(crate) fn calls(&self) -> u64 {
        let lines = std::fs::read_to_string(&self.count).expect("a process ran");
        std::fs::remove_file(&self.count).expect("it is there");
        lines.lines().filter_map(|line| line.parse().ok()).max().expect("a number")
    }
}

/// Every failure of the first `calls` calls, one in `step` of them.
pub(crate) fn failures(calls: u64, step: u64) -> impl Iterator<Item = Fails> {
    (1..=calls).step_by(step as usize).flat_map(|call| [Fails::Once(call), Fails::From(call)])
}

/// Built once for each test program.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| super::preloaded::build("failing_disk"))
}
