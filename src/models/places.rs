//! Where model files may lie, how to reach the hub, and what this machine holds. Plain values: `settings` reads the environment and hands it in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::catalogue::Entry;
use super::machine::Machine;

/// Where Ollama's installer for Linux lets its service keep models.
const OLLAMA_SERVICE: &str = "/usr/share/ollama/.ollama/models";

/// Shelves and the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Our own cache: the only place that is written.
    pub own: PathBuf,
    /// The Hugging Face cache (`…/huggingface/hub`).
    pub hub_cache: Option<PathBuf>,
    /// llama.cpp's cache.
    pub llama_cache: Option<PathBuf>,
    /// LM Studio's folders of models, the new one and the old.
    pub lm_studio: Vec<PathBuf>,
    /// Ollama's: the user's, and the one of its service.
    pub ollama: Vec<PathBuf>,
    pub hub: Hub,
    pub machine: Machine,
}

/// The Hugging Face hub, or a mirror of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// Without a slash at the end.
    pub endpoint: String,
    pub token: Option<String>,
    /// Fetch nothing, from nowhere.
    pub offline: bool,
    pub patience: Patience,
}

/// How long to wait for a network, and how often to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To reach the server at all. Where a firewall drops packets this is what a person waits.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub read: Duration,
    /// Connections in a row that bring nothing before we give up.
    pub attempts: u32,
    /// Before the next of them.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(30),
            attempts: 5,
            pause: Duration::from_secs(2),
        }
    }
}

/// Environment variables by name, as they stand: what Hugging Face's own tools and llama.cpp look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HubVariables {
    pub hf_home: Option<String>,
    pub hf_hub_cache: Option<String>,
    pub hf_endpoint: Option<String>,
    pub hf_hub_offline: Option<String>,
    pub hf_token: Option<String>,
    pub xdg_cache_home: Option<String>,
    pub llama_cache: Option<String>,
    pub ollama_models: Option<String>,
}

impl Places {
    /// The usual places: `models` in our own `cache`, the others where `variables` say, or below `home`.
    #[must_use]
    pub fn new(cache: &Path, home: Option<&Path>, variables: HubVariables) -> Self {
        let set = |value: Option<String>| value.filter(|value| !value.is_empty());
        let hub = Hub {
            endpoint: set(variables.hf_endpoint)
                .map_or("https://huggingface.co".into(), |endpoint| endpoint.trim_end_matches('/').to_owned()),
            token: set(variables.hf_token),
            offline: set(variables.hf_hub_offline).is_some_and(|value| is_yes(&value)),
            patience: Patience::default(),
        };
        let user_cache = set(variables.xdg_cache_home).map(PathBuf::from).or(home.map(|home| home.join(".cache")));
        let hf_home = set(variables.hf_home).map(PathBuf::from);
        let hf_home = hf_home.or(user_cache.as_ref().map(|cache| cache.join("huggingface")));
        let hub_cache = set(variables.hf_hub_cache).map(PathBuf::from).or(hf_home.map(|home| home.join("hub")));
        let llama_cache = set(variables.llama_cache).map(PathBuf::from);
        let llama_cache = llama_cache.or(user_cache.map(|cache| cache.join("llama.cpp")));
        let below_home = |path: &str| home.map(|home| home.join(path));
        let lm_studio = [".lmstudio/models", ".cache/lm-studio/models"].into_iter().filter_map(below_home).collect();
        let ollama = match set(variables.ollama_models) {
            Some(folder) => vec![folder.into()],
            None => below_home(".ollama/models").into_iter().chain([OLLAMA_SERVICE.into()]).collect(),
        };
        let own = cache.join("models");
        Self { own, hub_cache, llama_cache, lm_studio, ollama, hub, machine: Machine::default() }
    }

    /// Where `entry` lies in our own cache.
    #[must_use]
    pub fn own_path(&self, entry: &Entry) -> PathBuf {
        self.own.join(&entry.file)
    }

    /// A copy of `entry` that has its size, in our own cache or another's.
    #[must_use]
    pub fn find(&self, entry: &Entry) -> Option<PathBuf> {
        self.copies(entry).into_iter().next()
    }

    /// All copies of `entry` that have its size, our own first.
    pub(super) fn copies(&self, entry: &Entry) -> Vec<PathBuf> {
        let elsewhere = self.in_hub_cache(entry).into_iter().chain(self.in_llama_cache(entry));
        let all = std::iter::once(self.own_path(entry)).chain(elsewhere);
        all.filter(|path| is_copy(path, entry)).collect()
    }

    /// Every snapshot's file of that name; the hub's cache keeps one folder a commit.
    fn in_hub_cache(&self, entry: &Entry) -> Vec<PathBuf> {
        self.snapshots(&entry.repo).into_iter().map(|snapshot| snapshot.join(entry.path_on_hub())).collect()
    }

    /// The folders of a repository in the Hugging Face cache, one a commit.
    pub(super) fn snapshots(&self, repo: &str) -> Vec<PathBuf> {
        let Some(cache) = &self.hub_cache else { return Vec::new() };
        let folder = cache.join(format!("models--{}", repo.replace('/', "--"))).join("snapshots");
        let entries = folder.read_dir().into_iter().flatten();
        entries.filter_map(Result::ok).map(|entry| entry.path()).collect()
    }

    /// llama.cpp writes `user_repo_file`; people put files there under their own name.
    fn in_llama_cache(&self, entry: &Entry) -> Vec<PathBuf> {
        let Some(cache) = &self.llama_cache else { return Vec::new() };
        let base = entry.path_on_hub().replace('/', "_");
        vec![cache.join(format!("{}_{base}", entry.repo.replace('/', "_"))), cache.join(&base)]
    }
}

/// Whether all files of `entry` lie at and beside `path`. Of one whose size only the hub knows, a file is enough: every tool gives a
/// file its name once it is whole.
fn is_copy(path: &Path, entry: &Entry) -> bool {
    if entry.sha256.is_none() {
        return path.is_file();
    }
    let beside = |file: &str| path.with_file_name(file.rsplit('/').next().unwrap_or(file));
    has_size(path, entry.bytes) && entry.more.iter().all(|shard| has_size(&beside(&shard.file), shard.bytes))
}

fn has_size(path: &Path, bytes: u64) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes)
}

/// What Hugging Face's tools take for yes.
fn is_yes(value: &str) -> bool {
    ["1", "on", "yes", "true"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: HubVariables) -> Places {
        Places::new(Path::new("/cache"), Some(Path::new("/home/ada")), variables)
    }

    #[test]
    fn without_variables_everything_is_where_the_tools_put_it() {
        let places = places(HubVariables::default());
        assert_eq!(places.own, Path::new("/cache/models"));
        assert_eq!(places.hub_cache, Some("/home/ada/.cache/huggingface/hub".into()));
        assert_eq!(places.llama_cache, Some("/home/ada/.cache/llama.cpp".into()));
        assert_eq!(places.hub.endpoint, "https://huggingface.co");
        assert!(!places.hub.offline);
    }

    #[test]
    fn variables_move_the_places() {
        let places = places(HubVariables {
            hf_home: Some("/hf".into()),
            hf_endpoint: Some("https://mirror.example/".into()),
            hf_hub_offline: Some("True".into()),
            llama_cache: Some("/llama".into()),
            hf_token: Some(String::new()),
            ..HubVariables::default()
        });
        assert_eq!(places.hub_cache, Some("/hf/hub".into()));
        assert_eq!(places.llama_cache, Some("/llama".into()));
        assert_eq!(places.hub.endpoint, "https://mirror.example");
        assert!(places.hub.offline);
        assert_eq!(places.hub.token, None, "empty is not set");
    }
}
