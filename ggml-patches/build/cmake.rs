//! Configures and builds the library with CMake.
//!
//! Options, the later ones winning: our defaults, the processor, the cargo features, the environment. Every `GGML_*` and
//! `CMAKE_*` variable is handed on: `GGML_AVX512=OFF`, `CMAKE_CUDA_ARCHITECTURES=90`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cpu;
use crate::cuda::Toolkit;
use crate::failure::Failure;
use crate::tools::Compiler;

type Options = BTreeMap<String, String>;

/// No tools, no network. No OpenMP: its barriers spin, which makes programs that share a machine crawl; ours sleep (patch 0016). Release also when
/// cargo builds for debugging: kernels without optimisation are of no use to anyone.
const DEFAULTS: &[(&str, &str)] = &[
    ("CMAKE_BUILD_TYPE", "Release"),
    ("CMAKE_POSITION_INDEPENDENT_CODE", "ON"),
    // Plain names such as libllama.so: shared libraries are copied beside the binary, where links between names get lost.
    ("CMAKE_PLATFORM_NO_VERSIONED_SONAME", "ON"),
    // They find each other in the folder they lie in, wherever that is.
    ("CMAKE_BUILD_WITH_INSTALL_RPATH", "ON"),
    ("GGML_BLAS", "OFF"),
    ("GGML_OPENMP", "OFF"),
    ("LLAMA_BUILD_APP", "OFF"),
    ("LLAMA_BUILD_COMMON", "OFF"),
    ("LLAMA_BUILD_EXAMPLES", "OFF"),
    ("LLAMA_BUILD_SERVER", "OFF"),
    ("LLAMA_BUILD_TESTS", "OFF"),
    ("LLAMA_BUILD_TOOLS", "OFF"),
    ("LLAMA_OPENSSL", "OFF"),
];

/// CMake reads these from the environment by itself.
const NOT_OPTIONS: &[&str] = &["CMAKE_BUILD_PARALLEL_LEVEL", "CMAKE_GENERATOR"];

/// Options that a user is likely to set: cargo builds again when one appears.
const WATCHED: &[&str] = &["GGML_NATIVE", "GGML_AVX2", "GGML_AVX512", "GGML_CPU_ARM_ARCH", "CMAKE_CUDA_ARCHITECTURES"];

/// Returns CMake's build folder. Static libraries come to `OUT_DIR/lib`, shared ones to `bin` in the build folder.
pub fn build(tree: &Path, out_dir: &Path, compiler: &Compiler, cuda: Option<&Toolkit>) -> Result<PathBuf, Failure> {
    let build_dir = out_dir.join("build");
    let mut options = options(compiler, cuda);
    options.insert("CMAKE_ARCHIVE_OUTPUT_DIRECTORY".into(), out_dir.join("lib").display().to_string());
    configure(tree, &build_dir, &options)?;
    compile(&build_dir)?;
    Ok(build_dir)
}

fn options(compiler: &Compiler, cuda: Option<&Toolkit>) -> Options {
    let ours = [DEFAULTS.to_vec(), cpu::options(compiler), feature_options(), system_options()].concat();
    let mut options: Options = ours.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    options.extend(cuda.into_iter().flat_map(Toolkit::options).map(|(name, value)| (name.to_owned(), value)));
    options.extend(from_environment());
    options
}

fn feature_options() -> Vec<(&'static str, &'static str)> {
    let on = |yes: bool| if yes { "ON" } else { "OFF" };
    let mut options = vec![
        ("BUILD_SHARED_LIBS", on(cfg!(feature = "dynamic-link"))),
        ("GGML_CUDA", on(cfg!(feature = "cuda"))),
        ("GGML_CUDA_NCCL", "OFF"),
        ("GGML_CUDA_NO_VMM", on(cfg!(feature = "cuda-no-vmm"))),
        ("GGML_METAL", on(cfg!(feature = "metal"))),
        ("GGML_METAL_EMBED_LIBRARY", "ON"),
        ("GGML_VULKAN", on(cfg!(feature = "vulkan"))),
    ];
    if cfg!(feature = "rpc") {
        // Without RDMA, which would be found and linked where its library is installed.
        options.extend([("GGML_RPC", "ON"), ("GGML_RPC_RDMA", "OFF")]);
    }
    options
}

/// What differs from system to system. A Mac of one kind builds for the other with the same compiler.
fn system_options() -> Vec<(&'static str, &'static str)> {
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    match (target("OS").as_str(), target("ARCH").as_str()) {
        ("macos", "aarch64") => vec![("CMAKE_OSX_ARCHITECTURES", "arm64"), ("CMAKE_INSTALL_RPATH", "@loader_path")],
        ("macos", _) => vec![("CMAKE_OSX_ARCHITECTURES", "x86_64"), ("CMAKE_INSTALL_RPATH", "@loader_path")],
        _ => vec![("CMAKE_INSTALL_RPATH", "$ORIGIN")],
    }
}

fn from_environment() -> Options {
    let handed_on =
        |name: &str| (name.starts_with("GGML_") || name.starts_with("CMAKE_")) && !NOT_OPTIONS.contains(&name);
    let given: Options = std::env::vars().filter(|(name, _)| handed_on(name)).collect();
    for name in given.keys().map(String::as_str).chain(WATCHED.iter().copied()) {
        println!("cargo::rerun-if-env-changed={name}");
    }
    given
}

fn configure(tree: &Path, build_dir: &Path, options: &Options) -> Result<(), Failure> {
    fs::create_dir_all(build_dir).map_err(|why| Failure::file("create", build_dir, &why))?;
    forget_other_options(build_dir, options)?;
    let mut command = Command::new("cmake");
    command.arg("-S").arg(tree).arg("-B").arg(build_dir);
    command.args(options.iter().map(|(name, value)| format!("-D{name}={value}")));
    // ggml asks git for its own commit and would be told ours, and compile again with each of our commits.
    command.env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree));
    run(&mut command, "configuring llama.cpp")
}

/// CMake keeps an option that is no longer given, so its memory is removed when the options change. That costs seconds:
/// objects whose flags stay the same are kept.
fn forget_other_options(build_dir: &Path, options: &Options) -> Result<(), Failure> {
    let record = build_dir.join("options.txt");
    let lines: Vec<_> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let wanted = lines.join("\n");
    let cache = build_dir.join("CMakeCache.txt");
    if fs::read_to_string(&record).is_ok_and(|old| old != wanted) && cache.exists() {
        fs::remove_file(&cache).map_err(|why| Failure::file("remove", &cache, &why))?;
    }
    fs::write(&record, wanted).map_err(|why| Failure::file("write", &record, &why))
}

/// Builds the library and the backends that it needs, with as many compilers at once as the user or cargo allows.
fn compile(build_dir: &Path) -> Result<(), Failure> {
    let jobs = ["CMAKE_BUILD_PARALLEL_LEVEL", "NUM_JOBS"].iter().find_map(|name| std::env::var(name).ok());
    let mut command = Command::new("cmake");
    command.arg("--build").arg(build_dir).args(["--target", "llama", "--config", "Release"]);
    command.args(["--parallel", jobs.as_deref().unwrap_or("1")]);
    // When cargo itself runs under make, these name a job server that this make has no part in.
    command.env_remove("MAKEFLAGS").env_remove("MFLAGS");
    run(&mut command, "building llama.cpp")
}

/// CMake's output is cargo's to keep: shown when the build script fails, or with `cargo build -vv`.
fn run(command: &mut Command, what: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|why| Failure::new(format!("cannot run cmake: {why}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("{what} failed ({status})")).hint("the compiler's messages stand in the output below"))
}
