//! llama.cpp's C interface, from a llama.cpp with Lunette's patch series applied.
//!
//! This crate stands in for the crate of the same name on crates.io: same version, same items, so that llama-cpp-2 builds on it
//! unchanged. `build/main.rs` says how the library is made, README.md how its patches are edited.
//!
//! The declarations were generated once and committed, so that no libclang is needed. [`PATCH_STAMP`] names the series that was
//! built; the running library tells its own.

/// Upstream's version and a hash of the patch series that this crate was built with: `0.1.161-5d41402abc4b2a76`, or `…-unpatched`.
///
/// A KV cache on disk is only good for the stamp that wrote it.
pub const PATCH_STAMP: &str = env!("LLAMA_PATCH_STAMP");

/// Where backends lie that are loaded when the program runs; upstream has this name, llama-cpp-2 reads it.
///
/// `None`: they lie beside the program. With `dynamic-backends` the program loads them from there by
/// `ggml_backend_load_all_from_path`; not by `ggml_backend_load_all`, which looks in the current folder too, and that may be
/// anybody's.
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
