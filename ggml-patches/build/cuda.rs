//! Finds the CUDA toolkit before CMake needs it, so that what is missing is told in one sentence.
//!
//! | looked for | where |
//! |---|---|
//! | the toolkit | `$CUDA_PATH`, the folder above `nvcc` on the PATH, `/usr/local/cuda`, `/opt/cuda` |
//! | the compiler | `bin/nvcc` in it, of 12.4 or newer |
//! | cudart, cublas, cublasLt | `lib64`, `lib`, `targets/*/lib` in it; linked as shared libraries |
//!
//! Architectures: `CMAKE_CUDA_ARCHITECTURES` says; else those of the GPU that is present, else upstream's list (a build for all takes
//! several times as long). `90` stands for `90a`, which has Hopper's own instructions.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

const OLDEST: (u32, u32) = (12, 4);

const LIBRARIES: &[&str] = &["cudart", "cublas", "cublasLt"];

const HOW_TO_GET_ONE: &str = "install CUDA 12.4 or newer (https://developer.nvidia.com/cuda-downloads) and set CUDA_PATH to its folder, \
                              or let `make cuda` put a toolkit together";

/// A toolkit that has all that is needed.
#[derive(Debug, PartialEq, Eq)]
pub struct Toolkit {
    pub root: PathBuf,
    /// The folder of the shared libraries.
    pub libraries: PathBuf,
}

impl Toolkit {
    /// CMake's options for it.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("CUDAToolkit_ROOT", self.root.display().to_string()),
            ("CMAKE_CUDA_COMPILER", self.root.join("bin/nvcc").display().to_string()),
        ];
        if has_gpu() {
            options.push(("CMAKE_CUDA_ARCHITECTURES", "native".to_owned()));
        }
        options
    }
}

fn has_gpu() -> bool {
    let listed = Command::new("nvidia-smi").arg("-L").output();
    listed.is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"GPU "))
}

/// Finds the toolkit that the environment names, or an installed one.
pub fn find() -> Result<Toolkit, Failure> {
    println!("cargo::rerun-if-env-changed=CUDA_PATH");
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    match std::env::var_os("CUDA_PATH") {
        Some(root) => check(Path::new(&root)),
        None => find_among(&installed(&search_path)),
    }
}

fn installed(search_path: &OsStr) -> Vec<PathBuf> {
    let on_path = std::env::split_paths(search_path).filter(|folder| folder.join("nvcc").is_file());
    let roots = on_path.filter_map(|folder| folder.parent().map(Path::to_owned));
    roots.chain(["/usr/local/cuda", "/opt/cuda"].map(PathBuf::from)).collect()
}

/// The first of `roots` that will do; else what is wrong with the first that is one at all.
pub fn find_among(roots: &[PathBuf]) -> Result<Toolkit, Failure> {
    let mut first_failure = None;
    for root in roots.iter().filter(|root| root.join("bin/nvcc").is_file()) {
        match check(root) {
            Ok(toolkit) => return Ok(toolkit),
            Err(failure) => first_failure = first_failure.or(Some(failure)),
        }
    }
    Err(first_failure.unwrap_or_else(|| Failure::new("no CUDA toolkit was found (nvcc)").hint(HOW_TO_GET_ONE)))
}

/// Checks that `root` holds a compiler that is new enough, and the libraries.
pub fn check(root: &Path) -> Result<Toolkit, Failure> {
    let nvcc = root.join("bin/nvcc");
    let said = Command::new(&nvcc).arg("--version").output();
    let said = said.map_err(|why| Failure::new(format!("cannot run {}: {why}", nvcc.display())).hint(HOW_TO_GET_ONE))?;
    let text = String::from_utf8_lossy(&said.stdout);
    let version = version(&text).ok_or_else(|| {
        Failure::new(format!("{} --version tells no version", nvcc.display())).hint(HOW_TO_GET_ONE)
    })?;
    if version < OLDEST {
        let message = format!("CUDA {}.{} in {} is too old", version.0, version.1, root.display());
        return Err(Failure::new(message).hint(HOW_TO_GET_ONE));
    }
    let libraries = libraries(root)?;
    Ok(Toolkit { root: root.to_owned(), libraries })
}

/// `12.4` of the line `Cuda compilation tools, release 12.4, V12.4.131`.
pub fn version(said: &str) -> Option<(u32, u32)> {
    let (major, rest) = said.split("release ").nth(1)?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn libraries(root: &Path) -> Result<PathBuf, Failure> {
    let folders = ["lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib", "targets/aarch64-linux/lib"];
    let missing_in = |folder: &Path| LIBRARIES.iter().find(|name| !folder.join(format!("lib{name}.so")).exists());
    let whole = folders.iter().map(|folder| root.join(folder)).find(|folder| missing_in(folder).is_none());
    whole.ok_or_else(|| {
        let missing = missing_in(&root.join(folders[0])).unwrap_or(&"cudart");
        Failure::new(format!("lib{missing}.so is missing in the CUDA toolkit {}", root.display()))
            .hint("install the toolkit's development libraries (Debian, Ubuntu: libcublas-dev-12-4), or set CUDA_PATH to a whole one")
    })
}
