//! Why documents or a model can't be opened. The message says what failed, and the hint what to do about it.

use std::time::Duration;

use super::places::NoPlace;
use crate::document::{self, SelectError};
use crate::failure::{Failure, Hint};
use crate::fit;
use crate::models::{self, Entry};
use crate::units::{bytes, time};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Document(#[from] document::Error),
    #[error(transparent)]
    Selection(#[from] SelectError),
    #[error(transparent)]
    Place(#[from] NoPlace),
    #[error(transparent)]
    Retrieval(#[from] fit::Error),
    /// A pipe is held open, and nothing is written to it.
    #[error("nothing came on standard input within {}, and no document is named", time(*after))]
    NothingCame { after: Duration },
    /// The document has changed and no longer has any of the parts that the user selected.
    #[error("the selected parts no longer exist: the document now has {parts}")]
    PartsGone { parts: usize },
    /// It takes longer than a person waits; what comes of it is used for the next question.
    #[error("the files are still being read")]
    StillReading,
    #[error(transparent)]
    Model(#[from] models::Error),
    #[error("the model {} is not on this machine", entry.name)]
    ModelMissing { entry: Box<Entry> },
    /// The engine can't read the model's file.
    #[error("{}", .0.message)]
    Engine(Failure),
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Document(error) => error.hint(),
            Self::Selection(error) => error.hint(),
            Self::Place(_) => {
                Some("a place is a part's number, 40%, \"line 812\", \"page 30\", a heading, or here".to_owned())
            }
            Self::Retrieval(error) => error.hint(),
            Self::NothingCame { .. } => {
                Some("`-` waits for it without a limit; `< /dev/null` asks without a document".to_owned())
            }
            Self::PartsGone { .. } | Self::StillReading => None,
            Self::Model(error) => error.hint(),
            Self::ModelMissing { entry } => {
                let Entry { name, .. } = &**entry;
                Some(format!(
                    "lunette pull {name} downloads it ({}), or pass --pull; `lunette models suggest DOCUMENT` names others for this machine",
                    bytes(entry.all_bytes())
                ))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::FailureKind;

    #[test]
    fn an_error_says_what_its_source_says_and_hints_what_it_hints() {
        let missing = document::Error::Missing { name: "book.txt".into() };
        let failure = Failure { kind: FailureKind::Model, message: "no GGUF".into(), hint: Some("fetch it".into()) };
        let said = |error: &Error| (error.to_string(), error.hint());
        assert_eq!(said(&Error::Engine(failure)), ("no GGUF".into(), Some("fetch it".into())));
        let hint = missing.hint();
        assert_eq!(said(&missing.into()), ("cannot read book.txt: no such file".into(), hint));
        assert_eq!(said(&SelectError::NoPages.into()).1, SelectError::NoPages.hint());
        let nothing = fit::Error::NothingPicked { room: 100 };
        assert!(said(&nothing.into()).1.is_some_and(|hint| hint.contains("--pick")));
    }
}
