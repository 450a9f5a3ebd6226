//! Tells the linker where the program finds the shared libraries that it may come with: beside itself.
//!
//! Only the feature `portable` has any; the default build links llama.cpp statically and this does nothing.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_PORTABLE").is_none() {
        return;
    }
    let beside = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "@executable_path",
        _ => "$ORIGIN",
    };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{beside}");
}
