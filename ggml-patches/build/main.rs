//! Builds the patched llama.cpp and tells cargo how to link it.
//!
//! ```text
//! upstream's crate  ──source──▶  its llama.cpp  ──series, patch──▶  patched files
//!                                      └────────────tree───────────────┴──▶ OUT_DIR/llama.cpp
//! OUT_DIR/llama.cpp ──cmake (cpu, cuda, features)──▶ OUT_DIR/build ──link──▶ lines for cargo
//! ```
//!
//! Run a second time with one patch edited, it rewrites only the files of that patch, so that CMake compiles only what they touch.
//! It downloads nothing itself (cargo does), needs neither git nor `patch` nor libclang, and writes only below `OUT_DIR`
//! (and, for shared libraries, copies beside the binary).

#![cfg_attr(feature = "generate-bindings", allow(dead_code, reason = "the headers are enough, nothing is compiled"))]

#[cfg(feature = "generate-bindings")]
mod bindings;
mod cmake;
mod cpu;
mod cuda;
mod failure;
mod features;
mod link;
mod patch;
mod series;
mod source;
mod tools;
mod tree;

use std::path::{Path, PathBuf};

use failure::Failure;
use series::Series;

fn main() {
    if let Err(failure) = run() {
        failure.tell_cargo();
        std::process::exit(1);
    }
}

fn run() -> Result<(), Failure> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    watch(here);
    features::refuse_unsupported()?;
    let upstream = source::find(here, &out_dir)?;
    let series = if cfg!(feature = "unpatched") { Series::default() } else { Series::load(here)? };
    let stamp = series.stamp(&upstream.version);
    println!("cargo::rustc-env=LLAMA_PATCH_STAMP={stamp}");

    let tree = tree::lay_out(&upstream.llama_cpp, &series, &stamp, &out_dir)?;
    use_tree(&tree, &out_dir)
}

#[cfg(not(feature = "generate-bindings"))]
fn use_tree(tree: &Path, out_dir: &Path) -> Result<(), Failure> {
    let compiler = tools::find(&std::env::var_os("PATH").unwrap_or_default())?;
    let toolkit = if cfg!(feature = "cuda") { Some(cuda::find()?) } else { None };
    let build_dir = cmake::build(tree, out_dir, &compiler, toolkit.as_ref())?;
    link::tell_cargo(&build_dir, out_dir, toolkit.as_ref())
}

#[cfg(feature = "generate-bindings")]
fn use_tree(tree: &Path, _out_dir: &Path) -> Result<(), Failure> {
    bindings::generate(Path::new(env!("CARGO_MANIFEST_DIR")), tree)
}

/// Has cargo run this again when one of its inputs changes; each patch adds itself when the series is read.
fn watch(here: &Path) {
    for input in ["build", "upstream", "series", "wrapper.h"] {
        println!("cargo::rerun-if-changed={}", here.join(input).display());
    }
}
