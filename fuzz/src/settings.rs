//! The configuration file, without the flags' surroundings: variables, folders, models.

#[path = "../../src/settings/args.rs"]
mod args;
#[path = "../../src/settings/config.rs"]
mod config;
#[path = "../../src/settings/config_file.rs"]
mod config_file;
#[path = "../../src/settings/options.rs"]
mod options;
#[path = "../../src/settings/presets.rs"]
mod presets;
#[path = "../../src/settings/server.rs"]
mod server;
#[path = "../../src/settings/values.rs"]
mod values;

/// What the options refer to of the surroundings.
mod surroundings {
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct ScreenVariables;
}

pub use config_file::{SaveError, add_preset};
pub use options::ThemeChoice;
pub use values::{Count, from_zero, limit, look_back, penalty, seed, share};

use crate::swaa::{Preset, Presets, RecipeSpec, WindowSpec};
use crate::toml_fields::{Field, FileError};

/// The key bindings of a configuration.
pub fn read(text: &str) -> Result<Vec<Field>, FileError> {
    config::Config::read("config.toml", text, &mut Presets::built_in()).map(|config| config.keys)
}
