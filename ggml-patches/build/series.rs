//! The patch series: the file `series` names the patches in order, the stamp names the whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::patch;

/// The patches with their texts, in order.
#[derive(Debug, Default)]
pub struct Series {
    pub patches: Vec<(String, String)>,
}

/// Files by path; `None`: deleted.
pub type Changed = BTreeMap<String, Option<String>>;

impl Series {
    pub fn load(here: &Path) -> Result<Self, Failure> {
        let path = here.join("series");
        let list = fs::read_to_string(&path).map_err(|why| Failure::file("read", &path, &why))?;
        let patches = names(&list).map(|name| read_patch(here, name)).collect::<Result<_, _>>()?;
        Ok(Self { patches })
    }

    /// Names upstream's version and everything that was done to it: `0.1.161-5d41402abc4b2a76`, or `0.1.161-unpatched`.
    pub fn stamp(&self, version: &str) -> String {
        if self.patches.is_empty() {
            return format!("{version}-unpatched");
        }
        let mut hash = FNV_OFFSET;
        for (name, text) in &self.patches {
            hash = fnv1a(hash, format!("{name}\n{}\n{text}", text.len()).as_bytes());
        }
        format!("{version}-{hash:016x}")
    }

    /// Applies all patches to the tree at `llama_cpp`, in memory. Returns every file that they touch.
    pub fn apply(&self, llama_cpp: &Path) -> Result<Changed, Failure> {
        let mut changed = Changed::new();
        for (name, text) in &self.patches {
            apply_patch(text, llama_cpp, &mut changed).map_err(|failure| does_not_apply(name, &failure))?;
        }
        Ok(changed)
    }
}

/// Where the 64-bit FNV-1a hash starts. It tells versions apart; it protects from nothing.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The names in a `series` file: one a line, `#` starts a comment.
pub fn names(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn read_patch(here: &Path, name: &str) -> Result<(String, String), Failure> {
    let path = here.join(name);
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(&path).map_err(|why| Failure::file("read", &path, &why))?;
    Ok((name.to_owned(), text))
}

/// Applies one patch to what earlier ones left in `changed`, else to upstream's file.
fn apply_patch(text: &str, llama_cpp: &Path, changed: &mut Changed) -> Result<(), Failure> {
    let not_applied = |why: patch::Error| Failure::new(why.to_string());
    for file in patch::parse(text).map_err(not_applied)? {
        let old = match changed.remove(&file.path) {
            Some(earlier) => earlier,
            None => read_if_there(&llama_cpp.join(&file.path))?,
        };
        changed.insert(file.path.clone(), file.apply(old.as_deref()).map_err(not_applied)?);
    }
    Ok(())
}

fn read_if_there(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(Failure::file("read", path, &why)),
    }
}

fn does_not_apply(name: &str, failure: &Failure) -> Failure {
    Failure::new(format!("{name} does not apply: {}", failure.message))
        .hint("patches are edited in the patched tree and exported from it: see ggml-patches/README.md")
}
