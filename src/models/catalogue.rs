//! The bundled list of models: `assets/models.toml` as values.

use std::sync::LazyLock;

use serde::Deserialize;

static BUNDLED: LazyLock<Catalogue> = LazyLock::new(|| {
    let text = include_str!("../../assets/models.toml");
    toml::from_str(text).expect("the bundled catalogue is read by a test")
});

/// Everything that is known beforehand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Name of the entry that is used when no model is named.
    default: String,
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

    /// The model that is used when none is named.
    #[must_use]
    pub fn default_entry(&self) -> &Entry {
        self.named(&self.default).expect("a test holds that the default is an entry")
    }

    /// The entry of this name, whatever the case.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }
}

impl Entry {
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
        assert_eq!(catalogue.default_entry().name, "qwen2.5-coder-0.5b");
        for entry in catalogue.entries() {
            assert!(
                entry.sha256.len() == 64 && entry.sha256.bytes().all(|byte| b"0123456789abcdef".contains(&byte)),
                "{entry:?}"
            );
            assert!(entry.repo.parse::<HubName>().is_ok(), "{entry:?}");
            assert_eq!(catalogue.named(&entry.name), Some(entry), "names are unique");
        }
    }
}
