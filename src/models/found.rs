//! Which models are on this machine already? Our own cache, and the shelves of Hugging Face's tools, llama.cpp, LM Studio
//! and Ollama.
//!
//! Each file has one name that `-m` takes: the catalogue's for what we know, `user/repo/file.gguf` for Hugging Face and LM
//! Studio, `ollama:qwen3:4b` for Ollama, whose files are called by their sha256. A model in several files is listed once,
//! by its first file: llama.cpp finds the others.
//!
//! Example: `~/.ollama/models/manifests/registry.ollama.ai/library/qwen3/4b` names the layer
//! `sha256:3e4c…` of the kind `application/vnd.ollama.image.model`; the file is `blobs/sha256-3e4c…`.
//!
//! Doesn't open the files. What is no model (`mmproj` projectors, Ollama's licences and templates) is left out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::catalogue::Catalogue;
use super::places::Places;
use super::pull::{recorded_sha256, sha256_file};
use super::shards;

/// Whose shelf a model is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shelf {
    Own,
    HuggingFace,
    LlamaCpp,
    LmStudio,
    Ollama,
}

impl Shelf {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "Lunette",
            Self::HuggingFace => "Hugging Face",
            Self::LlamaCpp => "llama.cpp",
            Self::LmStudio => "LM Studio",
            Self::Ollama => "Ollama",
        }
    }
}

/// A model on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundModel {
    /// What `-m` takes.
    pub name: String,
    pub path: PathBuf,
    /// Of all its files.
    pub bytes: u64,
    pub shelf: Shelf,
    /// What its sha256 should be, in hexadecimal; `None` where nothing says so.
    pub sha256: Option<String>,
}

impl FoundModel {
    /// Removes all its files, and what was noted of them.
    pub fn remove(&self) -> io::Result<()> {
        for file in shards::all_files(&self.path) {
            let note = sha256_file(&file);
            if note.exists() {
                fs::remove_file(note)?;
            }
            if file.exists() || file == self.path {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }
}

/// Folders of publishers, repositories, quantisations: nobody nests deeper.
const DEPTH: usize = 4;

impl Places {
    /// All models on this machine, shelf by shelf, each in the order of names.
    #[must_use]
    pub fn models_on_disk(&self, catalogue: &Catalogue) -> Vec<FoundModel> {
        let mut found = self.own_models(catalogue);
        found.extend(self.models_of_hugging_face());
        found.extend(self.llama_cache.iter().flat_map(|folder| named_by_path(folder, Shelf::LlamaCpp)));
        found.extend(self.lm_studio.iter().flat_map(|folder| named_by_path(folder, Shelf::LmStudio)));
        found.extend(self.ollama.iter().flat_map(|folder| models_of_ollama(folder)));
        found.sort_by(|one, other| (one.shelf, &one.name).cmp(&(other.shelf, &other.name)));
        found.dedup_by(|one, other| (one.shelf, &one.name) == (other.shelf, &other.name));
        found
    }

    fn own_models(&self, catalogue: &Catalogue) -> Vec<FoundModel> {
        let mut found = named_by_path(&self.own, Shelf::Own);
        for model in &mut found {
            let entry = catalogue.entries().iter().find(|entry| self.own_path(entry) == model.path);
            if let Some(entry) = entry {
                model.name.clone_from(&entry.name);
                model.sha256 = entry.sha256.clone().or_else(|| recorded_sha256(&model.path));
            }
        }
        found
    }

    /// `models--user--repo/snapshots/COMMIT/file`, a link to a blob that is called by its sha256.
    fn models_of_hugging_face(&self) -> Vec<FoundModel> {
        let folders = self.hub_cache.iter().flat_map(|cache| entries_of(cache));
        let repositories = folders.filter_map(|folder| {
            let name = folder.file_name()?.to_str()?.strip_prefix("models--")?.replace("--", "/");
            Some((folder.join("snapshots"), name))
        });
        let of_repository = |(snapshots, repository): (PathBuf, String)| {
            let commits = entries_of(&snapshots).into_iter();
            let files = commits.flat_map(|commit| named_by_path(&commit, Shelf::HuggingFace));
            files.map(move |model| FoundModel { name: format!("{repository}/{}", model.name), ..model })
        };
        let mut found: Vec<FoundModel> = repositories.flat_map(of_repository).collect();
        for model in &mut found {
            model.sha256 = fs::canonicalize(&model.path).ok().and_then(|blob| digest_in_name(&blob));
        }
        found
    }
}

/// The models below a folder, named by their path in it.
fn named_by_path(folder: &Path, shelf: Shelf) -> Vec<FoundModel> {
    let name_of = |path: &Path| {
        let inside = path.strip_prefix(folder).unwrap_or(path);
        inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    let model = |path: PathBuf| {
        let bytes = bytes_of_all_files(&path);
        FoundModel { name: name_of(&path), path, bytes, shelf, sha256: None }
    };
    files_below(folder, DEPTH).into_iter().filter(|path| is_model(path)).map(model).collect()
}

/// Files below `folder`, in the order of names; links to files count, links to folders do not.
fn files_below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in entries_of(folder) {
        if path.is_file() {
            files.push(path);
        } else if depth > 0 && !path.is_symlink() && path.is_dir() {
            files.extend(files_below(&path, depth - 1));
        }
    }
    files
}

/// What lies in a folder, in the order of names; nothing if it can't be read.
fn entries_of(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// A GGUF file that is a model, or the first of one.
fn is_model(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_ascii_lowercase) else { return false };
    let Some(stem) = name.strip_suffix(".gguf") else { return false };
    !stem.contains("mmproj") && shards::is_first(stem)
}

/// Of a model in several files, the bytes of those that are there.
fn bytes_of_all_files(first: &Path) -> u64 {
    shards::all_files(first).iter().map(|path| path.metadata().map_or(0, |metadata| metadata.len())).sum()
}

/// What Ollama writes about a model.
#[derive(Debug, Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

/// `manifests/HOST/NAMESPACE/MODEL/TAG` → `blobs/sha256-…`. Names are as `ollama run` takes them.
fn models_of_ollama(folder: &Path) -> Vec<FoundModel> {
    let manifests = folder.join("manifests");
    let model = |path: PathBuf| {
        let manifest: Manifest = serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()?;
        let layer =
            manifest.layers.into_iter().find(|layer| layer.media_type == "application/vnd.ollama.image.model")?;
        let blob = folder.join("blobs").join(layer.digest.replace(':', "-"));
        let bytes = blob.metadata().ok()?.len();
        let sha256 = digest_in_name(&blob);
        let name = format!("ollama:{}", ollama_name(path.strip_prefix(&manifests).ok()?)?);
        Some(FoundModel { name, path: blob, bytes, shelf: Shelf::Ollama, sha256 })
    };
    files_below(&manifests, DEPTH).into_iter().filter_map(model).collect()
}

/// `registry.ollama.ai/library/qwen3/4b` is `qwen3:4b`; other hosts and namespaces stay.
fn ollama_name(manifest: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = manifest.iter().map(|part| part.to_str()).collect();
    let parts = parts?;
    let (tag, path) = parts.split_last()?;
    let path = match path {
        ["registry.ollama.ai", "library", model] => vec![*model],
        ["registry.ollama.ai", rest @ ..] => rest.to_vec(),
        other => other.to_vec(),
    };
    Some(format!("{}:{tag}", path.join("/")))
}

/// The sha256 that a blob is called by.
fn digest_in_name(blob: &Path) -> Option<String> {
    let name = blob.file_name()?.to_str()?;
    let digest = name.strip_prefix("sha256-").unwrap_or(name);
    (digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| digest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::HubVariables;

    const DIGEST: &str = "3e4cb14174460404e7a233e531675303b2fbf7749c02f91864fe311ab6344e4f";

    fn file(path: &Path, bytes: u64) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::File::create(path).and_then(|file| file.set_len(bytes)).expect("a file");
    }

    fn places(folder: &Path) -> Places {
        Places::new(&folder.join("own"), Some(folder), HubVariables::default())
    }

    /// Name, bytes and shelf of what is found.
    fn listed(places: &Places) -> Vec<(String, u64, Shelf)> {
        let found = places.models_on_disk(Catalogue::bundled());
        found.into_iter().map(|model| (model.name, model.bytes, model.shelf)).collect()
    }

    #[test]
    fn every_tools_models_are_found_by_a_name_that_can_be_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |path: &str| folder.path().join(path);
        file(&at("own/models/smollm2.gguf"), 10);
        file(&at(".cache/huggingface/hub/models--Qwen--Q-GGUF/snapshots/abc/q-q4_k_m.gguf"), 20);
        file(&at(".cache/huggingface/hub/models--Qwen--Q-GGUF/snapshots/abc/mmproj-q.gguf"), 5);
        file(&at(".cache/llama.cpp/Qwen_Q_q8_0.gguf"), 30);
        file(&at(".lmstudio/models/lmstudio-community/Q/big-00001-of-00002.gguf"), 40);
        file(&at(".lmstudio/models/lmstudio-community/Q/big-00002-of-00002.gguf"), 2);
        file(&at(&format!(".ollama/models/blobs/sha256-{DIGEST}")), 50);
        let manifest = format!(
            r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.license","digest":"sha256:00"}},
                 {{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{DIGEST}"}}]}}"#
        );
        let path = at(".ollama/models/manifests/registry.ollama.ai/library/qwen3/4b");
        file(&path, 0);
        fs::write(&path, manifest).expect("written");
        let expected = [
            ("smollm2.gguf", 10, Shelf::Own),
            ("Qwen/Q-GGUF/q-q4_k_m.gguf", 20, Shelf::HuggingFace),
            ("Qwen_Q_q8_0.gguf", 30, Shelf::LlamaCpp),
            ("lmstudio-community/Q/big-00001-of-00002.gguf", 42, Shelf::LmStudio),
            ("ollama:qwen3:4b", 50, Shelf::Ollama),
        ];
        assert_eq!(
            listed(&places(folder.path())),
            expected.map(|(name, bytes, shelf)| (name.to_owned(), bytes, shelf))
        );
        let found = places(folder.path()).models_on_disk(Catalogue::bundled());
        assert_eq!(found[4].sha256.as_deref(), Some(DIGEST));
    }

    #[test]
    fn what_the_catalogue_knows_has_its_name_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = places(folder.path());
        let entry = Catalogue::bundled().named("smollm2-135m").expect("it is listed");
        file(&places.own_path(entry), 7);
        let found = places.models_on_disk(Catalogue::bundled());
        assert_eq!((found[0].name.as_str(), found[0].sha256.as_ref()), ("smollm2-135m", entry.sha256.as_ref()));
    }

    #[test]
    fn names_of_other_namespaces_and_hosts_stay() {
        let name = |path: &str| ollama_name(Path::new(path));
        assert_eq!(name("registry.ollama.ai/library/qwen3/4b").as_deref(), Some("qwen3:4b"));
        assert_eq!(name("registry.ollama.ai/ada/tiny/latest").as_deref(), Some("ada/tiny:latest"));
        assert_eq!(name("hf.co/a/b/Q8_0").as_deref(), Some("hf.co/a/b:Q8_0"));
    }
}
