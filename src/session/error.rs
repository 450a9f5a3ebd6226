//! Why documents or a model can't be opened: what failed with the evidence, and apart from it what to do.

use crate::chat::bytes;
use crate::document::{self, SelectError};
use crate::engine::message::Failure;
use crate::fit;
use crate::models::{self, Entry};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Document(#[from] document::Error),
    #[error(transparent)]
    Selection(#[from] SelectError),
    #[error(transparent)]
    Retrieval(#[from] fit::Error),
    /// Parts that were chosen by hand, of a document that has fewer since.
    #[error("the document has {parts} parts now, none of them those that were chosen")]
    PartsGone { parts: usize },
    #[error(transparent)]
    Model(#[from] models::Error),
    #[error("the model {} is not on this machine", entry.name)]
    ModelMissing { entry: Box<Entry> },
    /// The model's file can't be read.
    #[error("{}", .0.message)]
    Engine(Failure),
}

impl Error {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Document(error) => error.hint(),
            Self::Selection(error) => Some(error.hint()),
            Self::Retrieval(error) => error.hint(),
            Self::PartsGone { .. } => None,
            Self::Model(error) => error.hint(),
            Self::ModelMissing { entry } => {
                let Entry { name, bytes: size, .. } = &**entry;
                Some(format!("lunette pull {name} fetches it ({}), and so does --pull", bytes(*size)))
            }
            Self::Engine(failure) => failure.hint.clone(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Engine(failure)
    }
}
