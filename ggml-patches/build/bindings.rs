//! Writes `src/bindings.rs` anew from the patched headers. Only with the feature `generate-bindings`; needs libclang.
//!
//! The settings are upstream's own: llama-cpp-2 is written against what they yield.

use std::path::Path;

use crate::failure::Failure;

pub fn generate(here: &Path, tree: &Path) -> Result<(), Failure> {
    let include = |folder: &str| format!("-I{}", tree.join(folder).display());
    let bindings = bindgen::Builder::default()
        .header(here.join("wrapper.h").display().to_string())
        .clang_args([include("include"), include("ggml/include")])
        .derive_partialeq(true)
        .prepend_enum_name(false)
        .allowlist_item("ggml_.*")
        .allowlist_item("gguf_.*")
        .allowlist_item("llama_.*")
        // System types would make the file differ from system to system; FILE is the only one that is met.
        .allowlist_recursively(false)
        .raw_line("type FILE = ::std::os::raw::c_void;")
        .generate()
        .map_err(|why| Failure::new(format!("bindgen: {why}")))?;
    let path = here.join("src/bindings.rs");
    bindings.write_to_file(&path).map_err(|why| Failure::file("write", &path, &why))
}
