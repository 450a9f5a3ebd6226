//! Tells cargo what to link.
//!
//! By default everything of ours is static: llama, ggml, its backends, ggml-base, in the order in which they need each
//! other. With `dynamic-link` the libraries are shared and are copied beside the binary; the package that builds the binary
//! gives it a run path (`$ORIGIN`).

use std::fs;
use std::path::Path;

use crate::cuda::Toolkit;
use crate::failure::Failure;

/// Variants that are built but not shipped: they use AMX, which kills the process on some virtual machines (see cpu.rs).
const NOT_SHIPPED: &[&str] = &["sapphirerapids"];

pub fn tell_cargo(build_dir: &Path, out_dir: &Path, cuda: Option<&Toolkit>) -> Result<(), Failure> {
    if cfg!(feature = "dynamic-link") {
        let shared = build_dir.join("bin");
        link(&shared, "dylib", &["llama", "ggml", "ggml-base"]);
        copy_beside_binaries(&shared, out_dir)?;
    } else {
        link(&out_dir.join("lib"), "static", &static_libraries());
        link_devices(cuda);
    }
    link_system();
    Ok(())
}

fn link(folder: &Path, kind: &str, libraries: &[&str]) {
    println!("cargo::rustc-link-search=native={}", folder.display());
    for library in libraries {
        println!("cargo::rustc-link-lib={kind}={library}");
    }
}

fn static_libraries() -> Vec<&'static str> {
    let all = [
        ("llama", true),
        ("ggml", true),
        ("ggml-cuda", cfg!(feature = "cuda")),
        ("ggml-vulkan", cfg!(feature = "vulkan")),
        ("ggml-metal", cfg!(feature = "metal")),
        ("ggml-rpc", cfg!(feature = "rpc")),
        ("ggml-cpu", true),
        ("ggml-base", true),
    ];
    all.into_iter().filter(|(_, built)| *built).map(|(name, _)| name).collect()
}

/// What the device backends need when they are linked statically. CUDA's own libraries stay shared: few systems have the
/// static ones.
fn link_devices(cuda: Option<&Toolkit>) {
    if let Some(toolkit) = cuda {
        let libraries = toolkit.libraries.display();
        // The stubs stand for the driver's library on machines without one.
        println!("cargo::rustc-link-search=native={libraries}");
        println!("cargo::rustc-link-search=native={libraries}/stubs");
        // The package that builds the binary makes its run path of it.
        println!("cargo::metadata=CUDA_LIBRARIES={libraries}");
        for library in ["cudart", "cublas", "cublasLt"] {
            println!("cargo::rustc-link-lib=dylib={library}");
        }
    }
    if cfg!(all(feature = "cuda", not(feature = "cuda-no-vmm"))) {
        println!("cargo::rustc-link-lib=dylib=cuda");
    }
    if cfg!(feature = "vulkan") {
        println!("cargo::rustc-link-lib=dylib=vulkan");
    }
}

fn link_system() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os != "macos") {
        println!("cargo::rustc-link-lib=dylib=stdc++");
        return;
    }
    println!("cargo::rustc-link-lib=dylib=c++");
    for framework in ["Accelerate", "Foundation"] {
        println!("cargo::rustc-link-lib=framework={framework}");
    }
    if cfg!(feature = "metal") {
        println!("cargo::rustc-link-lib=framework=Metal");
        println!("cargo::rustc-link-lib=framework=MetalKit");
    }
}

/// Copies shared libraries to `target/PROFILE`, where binaries are, and to `deps` and `examples`, where tests and examples
/// are. ggml looks for its backends beside the running program.
fn copy_beside_binaries(shared: &Path, out_dir: &Path) -> Result<(), Failure> {
    // OUT_DIR is target/PROFILE/build/PACKAGE-HASH/out.
    let profile = out_dir.ancestors().nth(3).expect("OUT_DIR lies three folders below target/PROFILE");
    let entries = fs::read_dir(shared).map_err(|why| Failure::file("list", shared, &why))?;
    for library in entries.flatten().map(|entry| entry.path()).filter(|path| is_shipped(path)) {
        for folder in [profile.to_path_buf(), profile.join("deps"), profile.join("examples")] {
            let to = folder.join(library.file_name().expect("a listed file has a name"));
            let copied = fs::create_dir_all(&folder).and_then(|()| fs::copy(&library, &to));
            copied.map_err(|why| Failure::file("copy a library to", &to, &why))?;
        }
    }
    Ok(())
}

fn is_shipped(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let library = [".so", ".dylib", ".dll"].iter().any(|end| name.ends_with(end));
    library && !NOT_SHIPPED.iter().any(|variant| name.contains(variant))
}
