//! The directories that Lunette uses, following the system's conventions. `lunette paths` prints them.

use std::path::PathBuf;

/// The directories; none of them has to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Holds `config.toml`.
    pub config: PathBuf,
    /// Files that can be downloaded or computed again: models, and the KV cache of readings.
    pub cache: PathBuf,
    /// Files of lasting value: conversations, and exports of them.
    pub data: PathBuf,
    /// Files of use for a while: logs, measured speeds.
    pub state: PathBuf,
}

impl Directories {
    /// The system's directories (XDG on Linux); `None` if there is no home directory.
    #[must_use]
    pub fn of_system() -> Option<Self> {
        let project = directories::ProjectDirs::from("", "", "lunette")?;
        Some(Self {
            config: project.config_dir().to_owned(),
            cache: project.cache_dir().to_owned(),
            data: project.data_dir().to_owned(),
            state: project.state_dir().unwrap_or_else(|| project.cache_dir()).to_owned(),
        })
    }

    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The folder of the KV cache on disk.
    #[must_use]
    pub fn kv_folder(&self) -> PathBuf {
        self.cache.join("kv")
    }

    /// Holds the database of conversations.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.data.join("sessions")
    }

    /// Which attention heads of each model point at passages.
    #[must_use]
    pub fn heads_file(&self) -> PathBuf {
        self.state.join("heads.json")
    }

    /// The calibration file.
    #[must_use]
    pub fn speeds_file(&self) -> PathBuf {
        self.state.join("speeds.json")
    }

    /// The file that remembers which models were tried.
    #[must_use]
    pub fn tried_file(&self) -> PathBuf {
        self.state.join("tried-models.jsonl")
    }
}
