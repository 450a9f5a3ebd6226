//! Lays the patched source out in `OUT_DIR/llama.cpp`: upstream's files, the patched ones in their place.
//!
//! A file that already has the right content is not touched, so CMake, which goes by time, compiles again only what changed.
//! Of upstream's 30 MB, those of the backends that are not built stay behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::series::{Changed, Series};

/// What CMake needs of llama.cpp to build the library.
const PARTS: &[&str] = &["CMakeLists.txt", "LICENSE", "cmake", "ggml", "include", "src", "vendor"];

/// Backends, built or not by this crate's features; the CPU's always is.
const BACKENDS: &[(&str, bool)] = &[
    ("ggml-cpu", true),
    ("ggml-cuda", cfg!(feature = "cuda")),
    ("ggml-vulkan", cfg!(feature = "vulkan")),
    ("ggml-metal", cfg!(feature = "metal")),
    ("ggml-rpc", cfg!(feature = "rpc")),
];

/// The stamp reaches C++ in a header of its own: as a compiler flag it would compile every file again that shares the flag.
const STAMP_HEADER: &str = "src/llama-swaa-stamp.h";

/// Returns the folder of the patched source.
pub fn lay_out(upstream: &Path, series: &Series, stamp: &str, out_dir: &Path) -> Result<PathBuf, Failure> {
    let root = out_dir.join("llama.cpp");
    let mut changed = series.apply(upstream)?;
    if !series.patches.is_empty() {
        changed.insert(STAMP_HEADER.into(), Some(format!("#define LLAMA_SWAA_STAMP \"{stamp}\"\n")));
    }
    let wanted = wanted(upstream, &changed)?;
    for path in &wanted {
        write_if_different(&root.join(path), &content(upstream, path, &changed)?)?;
    }
    remove_others(&root, &wanted)?;
    Ok(root)
}

fn wanted(upstream: &Path, changed: &Changed) -> Result<BTreeSet<PathBuf>, Failure> {
    let mut wanted = BTreeSet::new();
    for part in PARTS {
        collect(upstream, Path::new(part), &mut wanted)?;
    }
    wanted.extend(changed.keys().map(PathBuf::from));
    wanted.retain(|path| is_built(path) && !is_deleted(path, changed));
    Ok(wanted)
}

/// Adds the files below `root/path`, relative to `root`.
fn collect(root: &Path, path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    let full = root.join(path);
    if !full.is_dir() {
        files.insert(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(&full).map_err(|why| Failure::file("list", &full, &why))? {
        let entry = entry.map_err(|why| Failure::file("list", &full, &why))?;
        collect(root, &path.join(entry.file_name()), files)?;
    }
    Ok(())
}

/// Everything but the folders `ggml/src/ggml-*` of other backends.
fn is_built(path: &Path) -> bool {
    let Ok(below) = path.strip_prefix("ggml/src") else { return true };
    let mut parts = below.iter();
    let (Some(folder), Some(_)) = (parts.next(), parts.next()) else { return true };
    BACKENDS.iter().any(|&(name, built)| built && folder == name)
}

fn is_deleted(path: &Path, changed: &Changed) -> bool {
    path.to_str().is_some_and(|path| changed.get(path) == Some(&None))
}

fn content(upstream: &Path, path: &Path, changed: &Changed) -> Result<Vec<u8>, Failure> {
    match path.to_str().and_then(|path| changed.get(path)) {
        Some(Some(text)) => Ok(text.clone().into_bytes()),
        _ => fs::read(upstream.join(path)).map_err(|why| Failure::file("read", &upstream.join(path), &why)),
    }
}

fn write_if_different(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let folder = path.parent().expect("the path lies below OUT_DIR");
    fs::create_dir_all(folder).map_err(|why| Failure::file("create", folder, &why))?;
    fs::write(path, content).map_err(|why| Failure::file("write", path, &why))
}

/// Removes what an earlier run laid out and this one does not want, e.g. the new file of a patch that has gone.
fn remove_others(root: &Path, wanted: &BTreeSet<PathBuf>) -> Result<(), Failure> {
    let mut there = BTreeSet::new();
    collect(root, Path::new(""), &mut there)?;
    for path in there.difference(wanted) {
        let path = root.join(path);
        fs::remove_file(&path).map_err(|why| Failure::file("remove", &path, &why))?;
    }
    Ok(())
}
