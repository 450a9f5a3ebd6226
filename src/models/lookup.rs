//! Which file of a repository does `-hf user/repo:QUANT` mean?
//!
//! Of the repository's GGUF files, the one of that quantisation; of none named, `Q4_K_M`, then `Q8_0`, then the first: as
//! llama.cpp chooses. Projectors (`mmproj`) are no models; models in several files (`-00001-of-00003`) are not fetched yet.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::catalogue::Entry;
use super::error::Error;
use super::names::HubName;
use super::places::Places;
use super::pull::hub;

/// Tried in this order when no quantisation is named.
const PREFERRED: [&str; 2] = ["Q4_K_M", "Q8_0"];

/// Whether a file's name says that it is of this quantisation: `…-q4_k_m.gguf`, `….Q4_K_M.gguf`.
pub(super) fn is_quant(file: &str, quant: &str) -> bool {
    let file = file.to_ascii_lowercase();
    let Some(rest) = file.strip_suffix(".gguf").and_then(|stem| stem.strip_suffix(&quant.to_ascii_lowercase())) else {
        return false;
    };
    rest.is_empty() || rest.ends_with(['-', '.', '_', '/'])
}

/// A file of that repository that is on this machine already.
pub(super) fn in_caches(name: &HubName, places: &Places) -> Option<PathBuf> {
    let folders = places.snapshots(&name.repo).into_iter().chain([places.own.join(own_folder(&name.repo))]);
    let files = folders.flat_map(|folder| folder.read_dir().into_iter().flatten());
    let paths: Vec<PathBuf> =
        files.filter_map(Result::ok).map(|file| file.path()).filter(|path| path.is_file()).collect();
    let names: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    choose(&names, name.quant.as_deref()).map(|chosen| paths[chosen].clone())
}

/// Asks the hub which files the repository has, with sizes and checksums.
pub(super) fn on_hub(name: &HubName, places: &Places) -> Result<Entry, Error> {
    if places.hub.offline {
        return Err(Error::Offline { name: written(name) });
    }
    let listing = hub::get_text(&places.hub, &format!("/api/models/{}/tree/main?recursive=true", name.repo))?;
    let files: Vec<HubFile> =
        serde_json::from_str(&listing).map_err(|error| Error::Garbled { reason: error.to_string() })?;
    let files: Vec<HubFile> = files.into_iter().filter(|file| file.lfs.is_some()).collect();
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let Some(chosen) = choose(&paths, name.quant.as_deref()) else {
        let there = paths.into_iter().filter(|path| is_model(path)).collect();
        return Err(Error::NoQuant { repo: name.repo.clone(), quant: name.quant.clone(), there });
    };
    Ok(entry(name, &files[chosen]))
}

/// A file as the hub lists it.
#[derive(Debug, Deserialize)]
struct HubFile {
    path: String,
    /// Large files have it.
    lfs: Option<LargeFile>,
}

#[derive(Debug, Deserialize)]
struct LargeFile {
    /// The sha256.
    oid: String,
    size: u64,
}

fn entry(name: &HubName, file: &HubFile) -> Entry {
    let large = file.lfs.as_ref().expect("files without it were left out");
    let base = file.path.rsplit('/').next().unwrap_or(&file.path);
    Entry {
        name: written(name),
        title: format!("{base} of {}", name.repo),
        file: format!("{}/{base}", own_folder(&name.repo)),
        bytes: large.size,
        sha256: large.oid.to_ascii_lowercase(),
        repo: name.repo.clone(),
        repo_path: Some(file.path.clone()),
        train_context_tokens: None,
        license: None,
        default_from_bytes: None,
        core_tokens_per_s: None,
    }
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

/// A whole model in one file.
fn is_model(file: &str) -> bool {
    let base = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    Path::new(&base).extension().is_some_and(|extension| extension == "gguf")
        && !base.contains("mmproj")
        && !base.contains("-of-0")
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
        let files: Vec<String> =
            ["mmproj-q4_k_m.gguf", "m-q2_k.gguf", "m-q8_0.gguf", "m-q4_k_m-00001-of-00002.gguf", "README.md"]
                .map(str::to_owned)
                .into();
        assert_eq!(choose(&files, None), Some(2));
        assert_eq!(choose(&files[..2], None), Some(1), "the first that is a model");
        assert_eq!(choose(&files, Some("q4_k_m")), None);
    }
}
