//! Finds cmake and the C++ compiler before they are needed, so that a missing one is told in one sentence.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// The C++ compiler that CMake will take too: `$CXX`, else `c++`.
pub struct Compiler(PathBuf);

/// Checks that both tools run when looked for in `search_path`.
pub fn find(search_path: &OsStr) -> Result<Compiler, Failure> {
    if !runs(Path::new("cmake"), search_path) {
        return Err(Failure::new("cmake is needed to build llama.cpp and was not found").hint(install_command("cmake")));
    }
    println!("cargo::rerun-if-env-changed=CXX");
    println!("cargo::rerun-if-env-changed=CC");
    let named = std::env::var_os("CXX").map(PathBuf::from);
    let compiler = named.clone().unwrap_or_else(|| PathBuf::from("c++"));
    // A compiler named with arguments ("ccache g++") is left to CMake, which knows how to take it apart.
    if runs(&compiler, search_path) || named.is_some() {
        return Ok(Compiler(compiler));
    }
    Err(Failure::new("a C++ compiler is needed to build llama.cpp and `c++` was not found")
        .hint(install_command("compiler")))
}

impl Compiler {
    /// Whether the compiler knows `flag`: a processor may be newer than the compiler.
    pub fn accepts(&self, flag: &str) -> bool {
        Command::new(&self.0)
            .args([flag, "-fsyntax-only", "-x", "c++", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

fn runs(tool: &Path, search_path: &OsStr) -> bool {
    let mut command = Command::new(tool);
    command.arg("--version").env("PATH", search_path).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// How to install what is missing on the machine that builds.
fn install_command(missing: &str) -> String {
    let command = match (std::env::consts::OS, missing) {
        ("macos", "cmake") => "brew install cmake",
        ("macos", _) => "xcode-select --install",
        (_, "cmake") => "sudo apt-get install cmake (Debian, Ubuntu) or sudo dnf install cmake (Fedora)",
        (_, _) => "sudo apt-get install g++ (Debian, Ubuntu) or sudo dnf install gcc-c++ (Fedora)",
    };
    format!("install it: {command}")
}
