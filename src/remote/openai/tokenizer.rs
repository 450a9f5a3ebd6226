//! A GGUF of the user's, to count with what a server's model counts with.
//!
//! A server without `/tokenize` runs a model that is mostly to be had as a GGUF, too. llama.cpp reads its tables, a few MB of it,
//! and counts as it does for a model that runs here.
//!
//! Example: `--tokenizer qwen3-0.6b-q8_0.gguf` beside a server with Qwen3-32B, which has the same tokeniser.
//!
//! It can't tell whether the file is that of the server's model. If not, its counts are those of another model. It doesn't read
//! `tokenizer.json`: a second implementation would have to be proved equal for every pattern of every model.

use std::fmt;
use std::path::Path;

use crate::engine::Vocabulary;
use crate::failure::{Failure, FailureKind};

/// Counts tokens as the model does that the file is of.
pub(super) struct Tokenizer(Vocabulary);

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokenizer")
    }
}

impl Tokenizer {
    /// Errors: the file is missing, or no GGUF with a vocabulary.
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        let opened = Vocabulary::open(file);
        opened.map(Self).map_err(|failure| Failure {
            kind: FailureKind::Usage,
            message: format!("--tokenizer: {}", failure.message),
            hint: Some("it is a GGUF with the tokeniser of the server's model; any size of it does".to_owned()),
        })
    }

    /// The tokens of `text`, without those that begin or end a prompt.
    pub(super) fn count(&self, text: &str) -> u32 {
        self.0.count(text) as u32
    }
}
