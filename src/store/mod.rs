//! What is remembered between two runs, in files of the user's state directory. Nothing of it is needed: what is lost or unreadable is
//! as if it had never been.
//!
//! A file is written beside its place and then put there, so that it is whole or not there at all.

mod history;
mod positions;

use std::fs;
use std::io;
use std::path::Path;

pub use history::History;
pub use positions::{Place, Positions, Remembered};

/// Writes `text` to `path`, whole or not at all; makes the folder that it lies in.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
