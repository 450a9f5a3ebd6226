//! Where upstream's llama.cpp comes from.
//!
//! This crate bears the name of the crate that it takes the source from, so it cannot name it as a dependency. It writes a
//! manifest whose one dependency is upstream's crate, in a workspace of its own, and asks cargo where that dependency lies.
//! Cargo downloads it when needed, through whatever mirror, proxy or vendored source the user has set up, and checks it
//! against the registry's checksum; that checksum in turn is compared with the one written in the file `upstream`.
//!
//! `LLAMA_CPP_SOURCE=DIR` names a local copy in place of all that: an unpacked `llama-cpp-sys-2-VERSION.crate`, or its
//! `llama.cpp` folder. Its checksum is the packager's business; the patches still have to fit it line by line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::failure::Failure;

const LOCAL_COPY: &str = "LLAMA_CPP_SOURCE";

/// Upstream's source on this machine. Never written to.
pub struct Upstream {
    pub version: String,
    pub llama_cpp: PathBuf,
}

/// What the file `upstream` says.
#[derive(Debug, PartialEq, Eq)]
pub struct Pin {
    pub name: String,
    pub version: String,
    pub sha256: String,
}

pub fn find(here: &Path, out_dir: &Path) -> Result<Upstream, Failure> {
    let path = here.join("upstream");
    let text = fs::read_to_string(&path).map_err(|why| Failure::file("read", &path, &why))?;
    let pin = Pin::parse(&text)?;
    println!("cargo::rerun-if-env-changed={LOCAL_COPY}");
    let llama_cpp = match std::env::var_os(LOCAL_COPY) {
        Some(folder) => local_copy(Path::new(&folder))?,
        None => from_cargo(&pin, here, &out_dir.join("upstream"))?,
    };
    Ok(Upstream { version: pin.version, llama_cpp })
}

impl Pin {
    /// Reads the one line that is no comment: name, version, SHA-256.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let line = text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name, version, sha256] => Ok(Self { name: name.into(), version: version.into(), sha256: sha256.into() }),
            _ => Err(Failure::new(format!("the file `upstream` should say `name version sha256`, not `{line}`"))),
        }
    }
}

fn local_copy(folder: &Path) -> Result<PathBuf, Failure> {
    println!("cargo::rerun-if-changed={}", folder.display());
    [folder.join("llama.cpp"), folder.to_path_buf()]
        .into_iter()
        .find(|candidate| candidate.join("src/llama-graph.cpp").is_file())
        .ok_or_else(|| Failure::new(format!("{LOCAL_COPY}={} holds no llama.cpp", folder.display())))
}

/// Asks cargo for the pinned crate, first from its cache alone: a machine that built this once needs no network.
fn from_cargo(pin: &Pin, here: &Path, probe: &Path) -> Result<PathBuf, Failure> {
    let manifest = write_manifest(pin, probe)?;
    let cached = ask_cargo(&manifest, here, &["--offline"])?;
    let answer = if cached.status.success() { cached } else { ask_cargo(&manifest, here, &[])? };
    if !answer.status.success() {
        return Err(not_fetched(pin, &answer));
    }
    verify(pin, &probe.join("Cargo.lock"))?;
    let metadata = String::from_utf8_lossy(&answer.stdout);
    package_folder(&metadata, pin)
        .map(|folder| folder.join("llama.cpp"))
        .ok_or_else(|| Failure::new(format!("cargo metadata does not list {} {}", pin.name, pin.version)))
}

fn write_manifest(pin: &Pin, probe: &Path) -> Result<PathBuf, Failure> {
    let text = format!(
        "[package]\nname = \"upstream-source\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{} = {{ version = \"={}\", default-features = false }}\n",
        pin.name, pin.version
    );
    let manifest = probe.join("Cargo.toml");
    let library = probe.join("src/lib.rs");
    fs::create_dir_all(probe.join("src")).map_err(|why| Failure::file("create", probe, &why))?;
    fs::write(&manifest, text).map_err(|why| Failure::file("write", &manifest, &why))?;
    fs::write(&library, "").map_err(|why| Failure::file("write", &library, &why))?;
    Ok(manifest)
}

/// Runs in this crate's own folder, so that a `.cargo/config.toml` above it (a mirror, a vendored source) is obeyed.
fn ask_cargo(manifest: &Path, here: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Command::new(cargo)
        .args(["metadata", "--format-version=1", "--manifest-path"])
        .arg(manifest)
        .args(arguments)
        .current_dir(here)
        .output()
        .map_err(|why| Failure::new(format!("cannot run cargo: {why}")))
}

fn not_fetched(pin: &Pin, answer: &Output) -> Failure {
    let said = String::from_utf8_lossy(&answer.stderr);
    Failure::new(format!("cargo could not fetch {} {}:\n{}", pin.name, pin.version, said.trim())).hint(format!(
        "without a network, unpack {}-{}.crate and set {LOCAL_COPY} to its folder",
        pin.name, pin.version
    ))
}

/// Compares the checksum that cargo verified with the one that was pinned.
fn verify(pin: &Pin, lock: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(lock).map_err(|why| Failure::file("read", lock, &why))?;
    let found = locked_checksum(&text, &pin.name).unwrap_or("none");
    if found == pin.sha256 {
        return Ok(());
    }
    Err(Failure::new(format!("{} {} has the checksum {found}, pinned is {}", pin.name, pin.version, pin.sha256)))
}

/// The checksum of the package `name` in the text of a `Cargo.lock`.
pub fn locked_checksum<'lock>(lock: &'lock str, name: &str) -> Option<&'lock str> {
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")))?;
    entry.split("checksum = \"").nth(1)?.split('"').next()
}

/// Where the pinned package lies, by cargo's metadata: the folder of the `manifest_path` behind its name and version.
pub fn package_folder(metadata: &str, pin: &Pin) -> Option<PathBuf> {
    let package = format!("{{\"name\":\"{}\",\"version\":\"{}\"", pin.name, pin.version);
    let (_, of_package) = metadata.split_once(&package)?;
    let (_, from_path) = of_package.split_once("\"manifest_path\":\"")?;
    let (manifest, _) = from_path.split_once('"')?;
    Path::new(&manifest.replace("\\\\", "\\")).parent().map(Path::to_path_buf)
}
