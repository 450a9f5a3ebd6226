//! Writes a crash report that users can send: what happened, where, and in which build. It has no document text and no
//! questions, unless the panic message itself quotes them.

use std::backtrace::Backtrace;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::file::write_whole;

/// Writes the report into `folder` and returns its path. `build` names the program, the system and llama.cpp, with
/// their versions.
pub(super) fn write(folder: &Path, build: &str, what: &str) -> io::Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let path = folder.join(format!("crash-{seconds}-{}.txt", std::process::id()));
    let report = format!("{build}\n\n{what}\n\n{}\n", Backtrace::force_capture());
    write_whole(&path, &report)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_happened_and_which_build_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let build = "lunette 1.2.3 on linux x86_64\nllama.cpp b1 abc";
        let path = write(&folder.path().join("state"), build, "panicked at src/x.rs:1: no row").expect("written");
        let report = std::fs::read_to_string(path).expect("it is there");
        let expected = format!("{build}\n\npanicked at src/x.rs:1: no row\n\n");
        assert!(report.starts_with(&expected), "{report}");
    }
}
