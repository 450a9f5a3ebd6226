//! Sets the run path: where the program looks for its shared libraries at run time.
//!
//! | feature | where |
//! |---|---|
//! | none | nowhere: llama.cpp is linked statically |
//! | `portable` | beside the program, as they are distributed |
//! | `cuda` | in the toolkit that it was built with; on other machines, the system's search path |

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_PORTABLE").is_some() {
        let is_mac = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "macos");
        run_path(if is_mac { "@executable_path" } else { "$ORIGIN" });
    }
    if let Ok(libraries) = std::env::var("DEP_LLAMA_CUDA_LIBRARIES") {
        run_path(&libraries);
    }
}

fn run_path(folder: &str) {
    println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
}
