//! Libraries in C that are loaded before libc, to change what a process sees of its system.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Builds `tests/support/NAME.c`, for this test program alone.
pub(crate) fn build(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = folder.join(format!("{name}-{}.so", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/support/{name}.c"));
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .stdin(Stdio::null())
        .output()
        .expect("there is a C compiler: llama.cpp was built with it");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}
