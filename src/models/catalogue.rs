//! The bundled list of models: `assets/models.toml` as values.

use std::sync::LazyLock;

use serde::Deserialize;

use super::machine::Machine;

static BUNDLED: LazyLock<Catalogue> = LazyLock::new(|| {
    let text = include_str!("../../assets/models.toml");
    toml::from_str(text).expect("the bundled catalogue is read by a test")
});

/// Everything that is known beforehand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "model")]
    entries: Vec<Entry>,
}

/// One file that can be fetched and checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What `-m` takes.
    pub name: String,
    pub title: String,
    /// Where it lies in our own cache.
    pub file: String,
    pub bytes: u64,
    /// In hexadecimal, lower case.
    pub sha256: String,
    /// `user/repo` on the hub.
    pub repo: String,
    /// Its path in that repository, where that is not `file`.
    #[serde(default)]
    pub repo_path: Option<String>,
    /// The context it was trained for; `None` where nobody has told us.
    #[serde(default)]
    pub train_context_tokens: Option<u32>,
    /// SPDX; `None` where nobody has told us.
    #[serde(default)]
    pub license: Option<String>,
    /// The memory of a machine from which on this is the default; `None`: it never is.
    #[serde(default)]
    pub default_from_bytes: Option<u64>,
    /// Tokens prefilled per second of one core, where that was measured.
    #[serde(default)]
    pub core_tokens_per_s: Option<u32>,
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
            assert!(
                entry.sha256.len() == 64 && entry.sha256.bytes().all(|byte| b"0123456789abcdef".contains(&byte)),
                "{entry:?}"
            );
            assert!(entry.repo.parse::<HubName>().is_ok(), "{entry:?}");
            assert_eq!(catalogue.named(&entry.name), Some(entry), "names are unique");
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
