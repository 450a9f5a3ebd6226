//! Sets the run path, where the program looks for its shared libraries at run time, packs relocations, and merges equal functions.
//!
//! | feature | run path |
//! |---|---|
//! | none | none: llama.cpp is linked statically |
//! | `portable` | beside the program, as they are distributed |
//! | `cuda` | in the toolkit that it was built with; on other machines, the system's search path |
//!
//! Packed, the relocations take 43 kB of the program instead of 2.1 MB. Merging functions with equal machine code saves another 1.4 MB.

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

/// The first glibc that loads programs with packed relocations.
const PACKED_SINCE: (u32, u32) = (2, 36);

/// Merges functions with equal machine code. LLVM's linker knows the argument, which is Rust's default on Linux. Such functions then have the same
/// address. That is safe here: ggml compares addresses of functions where it asks what a buffer is (`ggml_backend_buffer_is_multi_buffer`, and RPC's
/// `ggml_backend_buffer_is_rpc` and `ggml_backend_rpc_device_supports_buft`), and no other function has the code of those.
const MERGE: &str = "-Wl,--icf=all";

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
    if links_with(MERGE) {
        println!("cargo::rustc-link-arg-bins={MERGE}");
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

/// Whether a program links with this argument, with the linker and the flags of this build.
fn links_with(argument: &str) -> bool {
    let (Some(rustc), Some(out)) = (env::var_os("RUSTC"), env::var_os("OUT_DIR")) else { return false };
    let mut command = Command::new(rustc);
    command.args(["-", "--crate-name", "probe", "--target"]).arg(env::var("TARGET").unwrap_or_default());
    command.args(["-C", &format!("link-arg={argument}"), "--out-dir"]).arg(out);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        command.arg("-C").arg(option);
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    command.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    spawned.is_ok_and(|mut probe| {
        let is_written = probe.stdin.take().is_some_and(|mut source| source.write_all(b"fn main() {}").is_ok());
        probe.wait().is_ok_and(|status| status.success()) && is_written
    })
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
