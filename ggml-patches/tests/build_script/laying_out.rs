//! How the build script lays out the source: unchanged files keep their time, files of a removed patch are removed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::series::Series;
use crate::{tools, tree};

const ADD_FILE: &str = "diff --git a/src/new.cpp b/src/new.cpp\nnew file mode 100644\n--- /dev/null\n+++ b/src/new.cpp\n@@ -0,0 +1 @@\n+new\n";
const EDIT_FILE: &str =
    "diff --git a/src/old.cpp b/src/old.cpp\n--- a/src/old.cpp\n+++ b/src/old.cpp\n@@ -1 +1 @@\n-old\n+edited\n";

fn series(patches: &[&str]) -> Series {
    let named = |(number, text): (usize, &&str)| (format!("{number}.patch"), (*text).to_owned());
    Series { patches: patches.iter().enumerate().map(named).collect() }
}

/// A llama.cpp of a few lines, in its own folder.
fn upstream(test: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&root);
    for (path, text) in [
        ("up/CMakeLists.txt", "project"),
        ("up/LICENSE", "MIT"),
        ("up/cmake/a.cmake", ""),
        ("up/include/llama.h", ""),
        ("up/vendor/CMakeLists.txt", ""),
        ("up/ggml/src/ggml.c", ""),
        ("up/ggml/src/ggml-cpu/ops.cpp", ""),
        ("up/ggml/src/ggml-sycl/big.cpp", ""),
        ("up/src/old.cpp", "old\n"),
        ("up/src/kept.cpp", "kept\n"),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it lies below root")).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }
    root
}

fn lay_out(root: &Path, series: &Series, stamp: &str) -> PathBuf {
    tree::lay_out(&root.join("up"), series, stamp, &root.join("out")).unwrap_or_else(|why| panic!("{}", why.message))
}

fn read(tree: &Path, path: &str) -> Option<String> {
    fs::read_to_string(tree.join(path)).ok()
}

#[test]
fn patched_files_stand_in_the_place_of_upstreams() {
    let root = upstream("patched_files");
    let tree = lay_out(&root, &series(&[ADD_FILE, EDIT_FILE]), "1-abc");
    assert_eq!(read(&tree, "src/new.cpp").as_deref(), Some("new\n"));
    assert_eq!(read(&tree, "src/old.cpp").as_deref(), Some("edited\n"));
    assert_eq!(read(&tree, "src/kept.cpp").as_deref(), Some("kept\n"));
    assert_eq!(read(&tree, "src/llama-swaa-stamp.h").as_deref(), Some("#define LLAMA_SWAA_STAMP \"1-abc\"\n"));
    assert_eq!(read(&root, "up/src/old.cpp").as_deref(), Some("old\n"), "upstream's copy is never written to");
}

#[test]
fn backends_that_are_not_built_stay_behind() {
    let tree = lay_out(&upstream("backends"), &series(&[]), "");
    assert!(read(&tree, "ggml/src/ggml-cpu/ops.cpp").is_some());
    assert!(read(&tree, "ggml/src/ggml-sycl/big.cpp").is_none());
}

#[test]
fn only_files_that_change_are_written_again() {
    let root = upstream("only_changed");
    let tree = lay_out(&root, &series(&[EDIT_FILE]), "1-abc");
    let modified = |path: &str| fs::metadata(tree.join(path)).unwrap().modified().unwrap();
    let paths = ["src/old.cpp", "src/kept.cpp", "src/llama-swaa-stamp.h"];
    let before = paths.map(modified);
    std::thread::sleep(std::time::Duration::from_millis(20));

    lay_out(&root, &series(&[&EDIT_FILE.replace("edited", "edited again")]), "1-def");
    let rewritten = [0, 1, 2].map(|index| modified(paths[index]) != before[index]);
    assert_eq!(rewritten, [true, false, true]);
}

#[test]
fn what_a_patch_brought_goes_with_the_patch() {
    let root = upstream("gone");
    lay_out(&root, &series(&[ADD_FILE, EDIT_FILE]), "1-abc");
    let tree = lay_out(&root, &series(&[]), "");
    assert_eq!(read(&tree, "src/new.cpp"), None);
    assert_eq!(read(&tree, "src/llama-swaa-stamp.h"), None);
    assert_eq!(read(&tree, "src/old.cpp").as_deref(), Some("old\n"));
}

#[test]
fn a_patch_that_does_not_fit_names_itself_and_the_line() {
    let root = upstream("not_fitting");
    let twice = series(&[EDIT_FILE, EDIT_FILE]);
    let failure = tree::lay_out(&root.join("up"), &twice, "", &root.join("out")).unwrap_err();
    assert_eq!(failure.message, "1.patch does not apply: src/old.cpp:1 is `edited`, the patch expects `old`");
}

#[test]
fn a_missing_cmake_is_told_with_the_command_that_installs_it() {
    let failure = tools::find(OsStr::new("/nowhere")).err().expect("there is no cmake in /nowhere");
    assert_eq!(failure.message, "cmake is needed to build llama.cpp and was not found");
    assert!(failure.hint.unwrap().starts_with("install it: "));
}
