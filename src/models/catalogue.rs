//! The bundled list of models: `assets/models.toml` as values.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer};

use super::machine::Machine;

static BUNDLED: LazyLock<Catalogue> = LazyLock::new(|| {
    let text = include_str!("../../assets/models.toml");
    toml::from_str(text).expect("the bundled catalogue is read by a test")
});

/// Everything that is known beforehand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "model", deserialize_with = "entries")]
    entries: Vec<Entry>,
}

/// One model that can be fetched and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What `-m` takes.
    pub name: String,
    pub title: String,
    /// Where it lies in our own cache: the first file, if there are several.
    pub file: String,
    /// Of that file. Without a `sha256`, what it had when it was listed.
    pub bytes: u64,
    /// In hexadecimal, lower case. `None`: the hub is asked for size and sha256 when the model is fetched.
    pub sha256: Option<String>,
    /// `user/repo` on the hub.
    pub repo: String,
    /// Its path in that repository, where that is not `file`.
    pub repo_path: Option<String>,
    /// The other files of a model in several (`-00002-of-00003.gguf`), in their order.
    pub more: Vec<Shard>,
    /// The memory of a machine from which on this is the default; `None`: it never is.
    pub default_from_bytes: Option<u64>,
    /// Tokens prefilled per second of one core, where that was measured.
    pub core_tokens_per_s: Option<u32>,
    /// What the catalogue knows of it; `None` for those that it doesn't list.
    pub card: Option<Card>,
}

/// A further file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Where it lies in our own cache.
    pub file: String,
    pub repo_path: String,
    pub bytes: u64,
    /// In hexadecimal, lower case.
    pub sha256: String,
}

/// What the catalogue knows of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The context it was trained for.
    pub context_tokens: u32,
    /// SPDX.
    pub license: String,
    /// `general.architecture` of its file.
    pub architecture: String,
    pub memory_class: ListedClass,
    pub thinking: Thinking,
    /// `None` where its shape was not seen.
    pub shape: Option<Shape>,
}

/// The memory classes that models of the catalogue have, by the engine's names for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListedClass {
    Plain,
    Windowed,
    Hybrid,
}

impl ListedClass {
    /// One word, as in `--json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Windowed => "windowed",
            Self::Hybrid => "hybrid",
        }
    }

    /// Why `auto` does not take sliding attention for such a model, although it can.
    #[must_use]
    pub const fn sliding_unproven(self) -> Option<&'static str> {
        match self {
            Self::Hybrid => Some("what a window costs the answers of a hybrid has not been measured"),
            Self::Plain | Self::Windowed => None,
        }
    }
}

/// Whether a model reasons before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    Never,
    Always,
    /// As the template's switch says.
    Switch,
}

impl Thinking {
    /// One word, as in `--json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Always => "always",
            Self::Switch => "switch",
        }
    }
}

/// From what time and memory are predicted before the model is here. `assets/models.toml` says what the fields mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub layers: u32,
    pub active_parameters: u64,
    pub attention_layers: u32,
    pub attention_width: u32,
    pub kv_bytes_per_token: u64,
    pub state_bytes: u64,
}

/// An entry as it is written: what must be there has no default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    title: String,
    repo: String,
    file: String,
    bytes: NonZeroU64,
    sha256: Option<String>,
    repo_path: Option<String>,
    default_from_bytes: Option<u64>,
    core_tokens_per_s: Option<u32>,
    train_context_tokens: NonZeroU32,
    license: String,
    architecture: String,
    memory_class: ListedClass,
    thinking: Thinking,
    layers: Option<u32>,
    active_parameters: Option<u64>,
    attention_layers: Option<u32>,
    attention_width: Option<u32>,
    kv_bytes_per_token: Option<u64>,
    #[serde(default)]
    state_bytes: u64,
}

fn entries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    Ok(Vec::<Written>::deserialize(deserializer)?.into_iter().map(Entry::from).collect())
}

impl From<Written> for Entry {
    fn from(written: Written) -> Self {
        let card = Card {
            context_tokens: written.train_context_tokens.get(),
            license: written.license.clone(),
            architecture: written.architecture.clone(),
            memory_class: written.memory_class,
            thinking: written.thinking,
            shape: written.shape(),
        };
        Self {
            name: written.name,
            title: written.title,
            file: written.file,
            bytes: written.bytes.get(),
            sha256: written.sha256,
            repo: written.repo,
            repo_path: written.repo_path,
            more: Vec::new(),
            default_from_bytes: written.default_from_bytes,
            core_tokens_per_s: written.core_tokens_per_s,
            card: Some(card),
        }
    }
}

impl Written {
    fn shape(&self) -> Option<Shape> {
        Some(Shape {
            layers: self.layers?,
            active_parameters: self.active_parameters?,
            attention_layers: self.attention_layers?,
            attention_width: self.attention_width?,
            kv_bytes_per_token: self.kv_bytes_per_token?,
            state_bytes: self.state_bytes,
        })
    }
}

impl Catalogue {
    /// The one that Lunette brings along.
    #[must_use]
    pub fn bundled() -> &'static Self {
        &BUNDLED
    }

    /// All models, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The model that is used on `machine` when none is named: the largest that it holds.
    #[must_use]
    pub fn default_for(&self, machine: Machine) -> &Entry {
        let from = |entry: &&Entry| entry.default_from_bytes.filter(|&bytes| bytes <= machine.memory_bytes);
        let held = self.entries.iter().filter(|entry| from(entry).is_some());
        held.max_by_key(from).expect("a test holds that one is for every machine")
    }

    /// The entry of this name, whatever the case.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }
}

impl Entry {
    /// Tokens that `machine` will prefill per second, predicted from a measurement of one core elsewhere.
    #[must_use]
    pub fn predicted_tokens_per_s(&self, machine: Machine) -> Option<u32> {
        self.core_tokens_per_s.map(|of_one| of_one * machine.cores)
    }

    /// Of all its files.
    #[must_use]
    pub fn all_bytes(&self) -> u64 {
        self.bytes + self.more.iter().map(|shard| shard.bytes).sum::<u64>()
    }

    /// SPDX; `None` where nobody has told us.
    #[must_use]
    pub fn license(&self) -> Option<&str> {
        self.card.as_ref().map(|card| card.license.as_str())
    }

    /// Each file as an entry of its own, the first one first.
    pub(super) fn files(&self) -> Vec<Self> {
        let alone = |file: &str, repo_path: Option<&str>, bytes, sha256: Option<&str>| Self {
            file: file.to_owned(),
            repo_path: repo_path.map(str::to_owned),
            bytes,
            sha256: sha256.map(str::to_owned),
            more: Vec::new(),
            ..self.clone()
        };
        let first = alone(&self.file, self.repo_path.as_deref(), self.bytes, self.sha256.as_deref());
        let others = self.more.iter().map(|Shard { file, repo_path, bytes, sha256 }| {
            alone(file, Some(repo_path.as_str()), *bytes, Some(sha256.as_str()))
        });
        std::iter::once(first).chain(others).collect()
    }

    /// Its path in the hub's repository.
    pub(super) fn path_on_hub(&self) -> &str {
        self.repo_path.as_deref().unwrap_or(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::HubName;

    #[test]
    fn the_bundled_catalogue_is_sound() {
        let catalogue = Catalogue::bundled();
        for entry in catalogue.entries() {
            let is_digest =
                |sha256: &String| sha256.len() == 64 && sha256.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
            assert!(entry.sha256.iter().all(is_digest), "{entry:?}");
            assert!(entry.card.is_some() && entry.bytes > 50_000_000, "{entry:?}");
            assert!(entry.repo.parse::<HubName>().is_ok(), "{entry:?}");
            assert_eq!(catalogue.named(&entry.name), Some(entry), "names are unique");
        }
    }

    #[test]
    fn an_entry_without_size_or_context_is_refused() {
        let bundled = include_str!("../../assets/models.toml");
        let refusal = |field: &str, value: Option<&str>| {
            let written: Vec<String> = bundled
                .lines()
                .filter_map(|line| match line.split_once(" = ") {
                    Some((name, _)) if name == field => value.map(|value| format!("{field} = {value}")),
                    _ => Some(line.to_owned()),
                })
                .collect();
            toml::from_str::<Catalogue>(&written.join("\n")).expect_err(field).message().to_owned()
        };
        assert_eq!(refusal("bytes", None), "missing field `bytes`");
        assert_eq!(refusal("train_context_tokens", None), "missing field `train_context_tokens`");
        for field in ["bytes", "train_context_tokens"] {
            assert!(refusal(field, Some("0")).contains("nonzero"), "{field}");
        }
        for field in ["memory_class", "thinking", "license"] {
            assert_eq!(refusal(field, None), format!("missing field `{field}`"));
        }
    }

    #[test]
    fn the_default_is_the_best_that_the_machine_holds() {
        let name = |gigabytes: f64| {
            let machine = Machine { memory_bytes: (gigabytes * 1e9) as u64, ..Machine::default() };
            Catalogue::bundled().default_for(machine).name.as_str()
        };
        // A machine of 8 GB has a little less to give.
        assert_eq!((name(0.5), name(4.0)), ("qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b"));
        assert_eq!((name(7.6), name(512.0)), ("qwen2.5-coder-1.5b", "qwen2.5-coder-1.5b"));
    }

    #[test]
    fn a_speed_is_predicted_from_one_core_and_only_where_one_was_measured() {
        let speed = |name| {
            let entry = Catalogue::bundled().named(name).expect("it is listed");
            entry.predicted_tokens_per_s(Machine { cores: 4, ..Machine::default() })
        };
        assert_eq!((speed("qwen2.5-coder-1.5b"), speed("smollm2-135m")), (Some(168), None));
    }
}
