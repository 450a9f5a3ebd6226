//! llama.cpp's C interface, from a llama.cpp with Lunette's patch series applied.
//!
//! This crate replaces the crate of the same name on crates.io. It has the same version and items, so llama-cpp-2 builds on it
//! unchanged. `build/main.rs` explains the build, README.md how to edit the patches.
//!
//! The declarations were generated once and committed, so building needs no libclang. [`PATCH_STAMP`] names the series that this
//! crate was built with; `llama_swaa_stamp` returns that of the running library.

/// Upstream's version and a hash of the patch series that this crate was built with: `0.1.161-5d41402abc4b2a76`, or `…-unpatched`.
///
/// A KV cache on disk is only valid for the stamp that wrote it.
pub const PATCH_STAMP: &str = env!("LLAMA_PATCH_STAMP");

/// The folder of backends that are loaded at run time. Upstream has this constant, and llama-cpp-2 reads it.
///
/// `None`: they are next to the program. With `dynamic-backends`, load them from there with `ggml_backend_load_all_from_path`. Do
/// not use `ggml_backend_load_all`: it also searches the current folder, where anyone may have put a library.
pub const BACKENDS_DIR: Option<&str> = None;

#[rustfmt::skip]
#[allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unpredictable_function_pointer_comparisons,
    clippy::all,
    clippy::pedantic,
    reason = "generated from C headers by bindgen"
)]
mod bindings;

pub use bindings::*;
