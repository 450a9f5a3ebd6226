//! Why what the user asked for can't be done as asked: one sentence with the evidence, and apart from it what to do.

use std::path::PathBuf;

use crate::engine::config::KvDtype;
use crate::failure::Hint;
use crate::swaa::RecipeError;
use crate::swaa::preset::UnknownPreset;
use crate::toml_fields::FileError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    /// The one that was named; the usual one may be missing.
    #[error("cannot read {path}: no such file")]
    NoConfig { path: PathBuf },
    #[error("cannot read {path}: {source}")]
    Config { path: PathBuf, source: std::io::Error },
    #[error("cannot read the question in {path}: {source}")]
    PromptFile { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    UnknownPreset(#[from] UnknownPreset),
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error("{flag} changes a recipe, and auto has none before it has seen the document")]
    NothingToChange { flag: &'static str },
    #[error("keys cached as {} and values as {} can't be mixed", keys.name(), values.name())]
    MixedCache { keys: KvDtype, values: KvDtype },
    #[error("values can't be cached as {} without flash attention", values.name())]
    QuantisedWithoutFlash { values: KvDtype },
    #[error(transparent)]
    Model(#[from] crate::models::Error),
    #[error("there is no question")]
    NothingToAsk,
    #[error("--pick needs a question to pick for")]
    NothingToPickFor,
    #[error("there is no terminal to talk in, and no question")]
    NoTerminal,
    #[error("there is no home directory")]
    NoHome,
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) if error.allowed.is_empty() => return None,
            Self::File(error) => return Some(format!("allowed: {}", error.allowed)),
            Self::UnknownPreset(error) => return Some(format!("one of {}", error.known)),
            Self::Recipe(error) => return error.hint(),
            Self::Model(error) => return error.hint(),
            Self::MixedCache { .. } => {
                "give -ctk and -ctv the same type: only then does llama.cpp have a fast kernel (mixed, 1147 tok/s fell to 34)"
            }
            Self::NothingToChange { .. } => "name what it changes: --preset quick, or --window 4k",
            Self::QuantisedWithoutFlash { .. } => "leave out -fa off, or cache in f16",
            Self::NothingToAsk | Self::NoTerminal | Self::NothingToPickFor => "ask with -p 'QUESTION'",
            Self::NoHome => "set HOME",
            Self::NoConfig { .. } => {
                "LUNETTE_CONFIG names it; without that, `lunette paths` says where it is looked for"
            }
            Self::Config { .. } | Self::PromptFile { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
