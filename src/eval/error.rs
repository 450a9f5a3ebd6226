//! Why a run ended early, as people and scripts are told.

use std::io;
use std::path::PathBuf;

use super::records::RecordsError;
use super::results::ResultsError;
use crate::chat::template::Error as PromptError;
use crate::exit::ExitError;
use crate::failure::{Failure, FailureKind, Hint};
use crate::session::{ClientError, Stop};
use crate::swaa::selection;

/// Why a run ended early. The answers so far are in the results file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error("no records to evaluate: {0}")]
    NothingToAsk(String),
    #[error("record {0} has no right answer to weigh, and no answer is to be written (-n 0)")]
    NothingToWeigh(String),
    #[error("cannot write the picture to {}: {source}", path.display())]
    Picture { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Preset(#[from] selection::Error),
    #[error(transparent)]
    Engine(Failure),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error("stopped")]
    Stopped(Stop),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Engine(failure) => failure.hint(),
            Self::Prompt(error) => error.hint(),
            Self::Stopped(_) => Some("use --resume to continue from the --out file".to_owned()),
            Self::NothingToWeigh(_) => Some("leave -n out, or give the record a gold".to_owned()),
            _ => None,
        }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Failed(failure) => Self::Engine(failure),
            ClientError::Stopped(stop) => Self::Stopped(stop),
        }
    }
}

impl From<Error> for ExitError {
    fn from(error: Error) -> Self {
        match error {
            Error::Engine(failure) => failure.into(),
            Error::Prompt(error) => error.into(),
            Error::Output(error) => error.into(),
            Error::Stopped(stop) => Self::Stopped(stop),
            Error::Records(_) | Error::NothingToAsk(_) | Error::NothingToWeigh(_) => {
                Failure::of(FailureKind::Input, &error).into()
            }
            Error::Preset(error) => error.into(),
            Error::Results(_) | Error::Picture { .. } => Failure::of(FailureKind::Runtime, &error).into(),
        }
    }
}
