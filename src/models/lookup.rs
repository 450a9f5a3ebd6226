//! Which file of a repository does `-hf user/repo:QUANT` mean?
//!
//! Of the repository's GGUF files, the one of that quantisation; of none named, `Q4_K_M`, then `Q8_0`, then the first: as
//! llama.cpp chooses. Projectors (`mmproj`) are no models; a model in several files (`-00001-of-00003`) is chosen by its first.
//! Which file of a catalogue entry is meant, and what its sha256 is, is asked here too.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::catalogue::{Entry, Shard};
use super::error::Error;
use super::names::HubName;
use super::places::Places;
use super::pull::hub;
use super::shards;

/// Tried in this order when no quantisation is named.
const PREFERRED: [&str; 2] = ["Q4_K_M", "Q8_0"];

/// Whether a file's name says that it is of this quantisation: `…-q4_k_m.gguf`, `….Q4_K_M.gguf`.
pub(super) fn is_quant(file: &str, quant: &str) -> bool {
    let file = file.to_ascii_lowercase();
    let stem = file.strip_suffix(".gguf").map(shards::base_of);
    let Some(rest) = stem.and_then(|stem| stem.strip_suffix(&quant.to_ascii_lowercase())) else { return false };
    rest.is_empty() || rest.ends_with(['-', '.', '_', '/'])
}

/// A file of that repository that is on this machine already.
pub(super) fn in_caches(name: &HubName, places: &Places) -> Option<PathBuf> {
    let folders = places.snapshots(&name.repo).into_iter().chain([places.own.join(own_folder(&name.repo))]);
    let files = folders.flat_map(|folder| folder.read_dir().into_iter().flatten());
    let paths: Vec<PathBuf> =
        files.filter_map(Result::ok).map(|file| file.path()).filter(|path| path.is_file()).collect();
    let names: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let chosen = choose(&names, name.quant.as_deref()).map(|chosen| paths[chosen].clone());
    chosen.filter(|first| shards::all_files(first).iter().all(|file| file.is_file()))
}

/// Asks the hub which files the repository has, with sizes and checksums.
pub(super) fn on_hub(name: &HubName, places: &Places) -> Result<Entry, Error> {
    if places.hub.offline {
        return Err(Error::Offline { name: written(name) });
    }
    let files = listed(&name.repo, places)?;
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let Some(chosen) = choose(&paths, name.quant.as_deref()) else {
        let there = paths.into_iter().filter(|path| is_model(path)).collect();
        return Err(Error::NoQuant { repo: name.repo.clone(), quant: name.quant.clone(), there });
    };
    entry(name, &files[chosen], &files)
}

/// The entry with the size and the sha256 that the hub has for its file now. The hub's names differ in case at times.
pub(super) fn confirmed(entry: &Entry, places: &Places) -> Result<Entry, Error> {
    let files = listed(&entry.repo, places)?;
    let Some(file) = files.iter().find(|file| file.path.eq_ignore_ascii_case(entry.path_on_hub())) else {
        let there = files.into_iter().map(|file| file.path).filter(|path| is_model(path)).collect();
        return Err(Error::GoneFromHub { repo: entry.repo.clone(), file: entry.path_on_hub().to_owned(), there });
    };
    Ok(Entry {
        repo_path: Some(file.path.clone()),
        bytes: file.lfs.size,
        sha256: Some(file.lfs.oid.to_ascii_lowercase()),
        ..entry.clone()
    })
}

/// The large files of a repository.
fn listed(repo: &str, places: &Places) -> Result<Vec<HubFile>, Error> {
    let listing = hub::get_text(&places.hub, &format!("/api/models/{repo}/tree/main?recursive=true"))?;
    let files: Vec<ListedFile> =
        serde_json::from_str(&listing).map_err(|error| Error::Garbled { reason: error.to_string() })?;
    Ok(files.into_iter().filter_map(|ListedFile { path, lfs }| Some(HubFile { path, lfs: lfs? })).collect())
}

/// A file as the hub lists it.
#[derive(Debug, Deserialize)]
struct ListedFile {
    path: String,
    /// Large files have it.
    lfs: Option<LargeFile>,
}

/// A large file of the hub.
#[derive(Debug)]
struct HubFile {
    path: String,
    lfs: LargeFile,
}

#[derive(Debug, Deserialize)]
struct LargeFile {
    /// The sha256.
    oid: String,
    size: u64,
}

fn entry(name: &HubName, first: &HubFile, all: &[HubFile]) -> Result<Entry, Error> {
    let base = base_name(&first.path);
    Ok(Entry {
        name: written(name),
        title: format!("{base} of {}", name.repo),
        file: own_file(name, &first.path),
        bytes: first.lfs.size,
        sha256: Some(first.lfs.oid.to_ascii_lowercase()),
        repo: name.repo.clone(),
        repo_path: Some(first.path.clone()),
        more: further_files(name, first, all)?,
        default_from_bytes: None,
        core_tokens_per_s: None,
        card: None,
    })
}

/// The other files of the model whose first file is `first`.
fn further_files(name: &HubName, first: &HubFile, all: &[HubFile]) -> Result<Vec<Shard>, Error> {
    let paths = shards::all_files(Path::new(&first.path));
    let shard = |path: &PathBuf| {
        let wanted = path.to_string_lossy();
        let file = all.iter().find(|file| file.path.eq_ignore_ascii_case(&wanted));
        let HubFile { path, lfs } = file.ok_or_else(|| Error::GoneFromHub {
            repo: name.repo.clone(),
            file: wanted.into_owned(),
            there: all.iter().map(|file| file.path.clone()).filter(|path| is_model(path)).collect(),
        })?;
        let sha256 = lfs.oid.to_ascii_lowercase();
        Ok(Shard { file: own_file(name, path), repo_path: path.clone(), bytes: lfs.size, sha256 })
    };
    paths.iter().skip(1).map(shard).collect()
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn own_file(name: &HubName, path: &str) -> String {
    format!("{}/{}", own_folder(&name.repo), base_name(path))
}

/// Files of unlisted repositories lie in a folder each, since many are called alike.
fn own_folder(repo: &str) -> String {
    repo.replace('/', "--")
}

fn written(name: &HubName) -> String {
    name.quant.as_ref().map_or_else(|| name.repo.clone(), |quant| format!("{}:{quant}", name.repo))
}

fn choose(files: &[String], quant: Option<&str>) -> Option<usize> {
    let of = |quant: &str| files.iter().position(|file| is_model(file) && is_quant(file, quant));
    match quant {
        Some(quant) => of(quant),
        None => PREFERRED.iter().find_map(|quant| of(quant)).or_else(|| files.iter().position(|file| is_model(file))),
    }
}

/// A model, or the first file of one.
fn is_model(file: &str) -> bool {
    let base = base_name(file).to_ascii_lowercase();
    base.strip_suffix(".gguf").is_some_and(|stem| !stem.contains("mmproj") && shards::is_first(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantisations_are_told_from_their_longer_relatives() {
        assert!(is_quant("qwen2.5-0.5b-q4_k_m.gguf", "Q4_K_M"));
        assert!(is_quant("SmolLM2.Q4_1.gguf", "q4_1"));
        assert!(!is_quant("model-IQ4_XS.gguf", "Q4_XS"));
        assert!(!is_quant("model-Q4_K_M.gguf", "Q4_K"));
    }

    #[test]
    fn the_usual_quantisation_is_chosen_when_none_is_named() {
        let files: Vec<String> = [
            "mmproj-q4_k_m.gguf",
            "m-q2_k.gguf",
            "m-q8_0.gguf",
            "m-q6_k-00002-of-00002.gguf",
            "m-q6_k-00001-of-00002.gguf",
        ]
        .map(str::to_owned)
        .into();
        assert_eq!(choose(&files, None), Some(2));
        assert_eq!(choose(&files[..2], None), Some(1), "the first that is a model");
        assert_eq!(choose(&files, Some("q4_k_m")), None);
        assert_eq!(choose(&files, Some("q6_k")), Some(4), "the first file of several");
    }
}
