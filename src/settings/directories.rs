//! Where Lunette keeps things: each kind in the directory that the system has for it. `lunette paths` prints them.

use std::path::PathBuf;

/// The directories, none of which need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Holds `config.toml`.
    pub config: PathBuf,
    /// What can be made or fetched again: models.
    pub cache: PathBuf,
    /// What would be missed: exported conversations.
    pub data: PathBuf,
    /// What is of use for a while: logs, measured speeds.
    pub state: PathBuf,
}

impl Directories {
    /// The system's (XDG on Linux); `None` when there is no home directory.
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

    /// What this machine was measured to read.
    #[must_use]
    pub fn speeds_file(&self) -> PathBuf {
        self.state.join("speeds.json")
    }
}
