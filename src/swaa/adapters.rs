//! Adapters (`LoRA`) that a recipe puts onto the model, and how much of each: as written.
//!
//! Example: `--lora style.gguf:0.5` is half of an adapter; `lora = "a.gguf, b.gguf:0.25"` in a preset's table is two. A model that
//! was tuned to read through a window has its adapter under that preset, and none under `full`.
//!
//! What an adapter changes is in every KV entry: readings with and without are different readings. Doesn't open the files.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How much of an adapter, in thousandths: 1 is all of it, 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scale(i32);

impl Scale {
    pub const ONE: Self = Self(1000);

    /// The nearest one that can be written.
    #[must_use]
    pub fn of(scale: f32) -> Self {
        Self((scale * 1000.0).round() as i32)
    }

    #[must_use]
    pub fn as_f32(self) -> f32 {
        self.0 as f32 / 1000.0
    }

    /// Whether nothing of the adapter is left.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// A file and its scale.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Adapter {
    pub file: PathBuf,
    pub scale: Scale,
}

impl Adapter {
    /// As it is written: what is parsed back gives the same.
    #[must_use]
    pub fn written(&self) -> String {
        format!("{}:{}", self.file.display(), self.scale.as_f32())
    }
}

impl fmt::Display for Adapter {
    /// The file's name without its folder, and a scale that is not 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Path::file_name(&self.file).unwrap_or(self.file.as_os_str());
        write!(f, "{}", name.to_string_lossy())?;
        if self.scale == Scale::ONE { Ok(()) } else { write!(f, ":{}", self.scale.as_f32()) }
    }
}
