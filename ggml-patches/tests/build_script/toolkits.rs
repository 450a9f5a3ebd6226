//! Which CUDA toolkits are accepted, and what the error says about the others.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::cuda::{check, find_among, version};

/// A toolkit whose nvcc reports `release`, with `libraries` in `folder`.
fn toolkit(root: &Path, release: &str, folder: &str, libraries: &[&str]) {
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::create_dir_all(root.join(folder)).unwrap();
    let nvcc = root.join("bin/nvcc");
    fs::write(&nvcc, format!("#!/bin/sh\necho 'Cuda compilation tools, release {release}, V{release}.1'\n")).unwrap();
    fs::set_permissions(&nvcc, fs::Permissions::from_mode(0o755)).unwrap();
    for library in libraries {
        fs::write(root.join(folder).join(format!("lib{library}.so")), "").unwrap();
    }
}

const ALL: &[&str] = &["cudart", "cublas", "cublasLt"];

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("lunette-toolkit-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

#[test]
fn the_version_is_read_from_what_nvcc_says() {
    let said = "nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release 13.0, V13.0.88\n";
    assert_eq!(version(said), Some((13, 0)));
    assert_eq!(version("command not found"), None);
}

#[test]
fn the_first_whole_toolkit_that_is_new_enough_is_taken() {
    let root = folder("first");
    toolkit(&root.join("old"), "11.8", "lib64", ALL);
    toolkit(&root.join("poor"), "12.6", "lib64", &["cudart", "cublasLt"]);
    toolkit(&root.join("good"), "12.4", "targets/x86_64-linux/lib", ALL);
    let roots = ["nowhere", "old", "poor", "good"].map(|name| root.join(name));
    let found = find_among(&roots).unwrap();
    assert_eq!(found.root, root.join("good"));
    assert_eq!(found.libraries, root.join("good/targets/x86_64-linux/lib"));
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn what_is_missing_is_said_in_one_sentence() {
    let root = folder("missing");
    toolkit(&root.join("old"), "11.8", "lib64", ALL);
    toolkit(&root.join("poor"), "12.6", "lib64", &["cudart", "cublasLt"]);
    let old = check(&root.join("old")).unwrap_err();
    assert_eq!(old.message, format!("CUDA 11.8 in {} is too old", root.join("old").display()));
    let poor = check(&root.join("poor")).unwrap_err();
    assert_eq!(poor.message, format!("libcublas.so is missing in the CUDA toolkit {}", root.join("poor").display()));
    let none = find_among(&[root.join("nowhere")]).unwrap_err();
    assert_eq!(none.message, "no CUDA toolkit was found (nvcc)");
    assert!(none.hint.unwrap().contains("make cuda"));
    fs::remove_dir_all(root).unwrap();
}
