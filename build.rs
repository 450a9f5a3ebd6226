//! Sets the run path, where the program looks for its shared libraries at run time, and packs relocations.
//!
//! | feature | run path |
//! |---|---|
//! | none | none: llama.cpp is linked statically |
//! | `portable` | beside the program, as they are distributed |
//! | `cuda` | in the toolkit that it was built with; on other machines, the system's search path |
//!
//! Packed, the relocations take 43 kB of the program instead of 2.1 MB.

use std::env;
use std::process::Command;

/// The first glibc that loads programs with packed relocations.
const PACKED_SINCE: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_PORTABLE").is_some() {
        run_path(if target("OS") == "macos" { "@executable_path" } else { "$ORIGIN" });
    }
    if let Ok(libraries) = env::var("DEP_LLAMA_CUDA_LIBRARIES") {
        run_path(&libraries);
    }
    if can_pack_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

fn run_path(folder: &str) {
    println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
}

/// Whether this machine's glibc loads them, and its linker makes them. Programs that are built for another machine stay as they were, and so do
/// those that are copied beside shared libraries to machines with an older glibc.
fn can_pack_relocations() -> bool {
    let for_this_machine = env::var("HOST").is_ok_and(|host| env::var("TARGET").is_ok_and(|target| host == target));
    let is_known = target("OS") == "linux" && target("ARCH") == "x86_64" && target("ENV") == "gnu";
    let is_portable = env::var_os("CARGO_FEATURE_PORTABLE").is_some();
    for_this_machine && is_known && !is_portable && glibc().is_some_and(|version| version >= PACKED_SINCE)
}

/// `OS`, `ARCH` or `ENV` of the target.
fn target(what: &str) -> String {
    env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default()
}

/// The version of this machine's glibc: `glibc 2.36` is (2, 36).
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
