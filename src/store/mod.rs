//! What is remembered between two runs, in files of the user's state directory. Nothing of it is needed: what is lost or unreadable is
//! as if it had never been.
//!
//! A file is written beside its place and then put there, so that it is whole or not there at all.

mod history;
mod positions;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

pub use history::History;
pub use positions::{Place, Positions, Remembered};

/// Writes `text` to `path`, whole or not at all, for its owner alone; makes the folder that it lies in.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    for_owner().write(true).truncate(true).open(&beside)?.write_all(text.as_bytes())?;
    fs::rename(&beside, path)
}

/// Makes a file where there is none, one that nobody else can read.
fn for_owner() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
