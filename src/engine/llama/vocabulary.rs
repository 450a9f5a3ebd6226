//! A model's vocabulary alone: exact token counts before anything is loaded that takes time.
//!
//! Example: *Pride and Prejudice* in 61 chapters is counted on two cores in the time that two chapters after the other take on one, and
//! the weights stay on the disk: only the tables of the file are read.
//!
//! What it does not do: lay the text out as a prompt. The whole of a text may have a token or two fewer than its parts together, since a
//! token may reach over a cut.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;

use super::{LIBRARY, check_is_gguf, failure, take_complaints};
use crate::engine::message::{Failure, FailureKind};

/// The tables of a model that turn text into tokens.
pub struct Vocabulary {
    tables: LlamaModel,
}

impl Vocabulary {
    /// Errors: [`FailureKind::Model`] when the file is missing, is no GGUF, or has no vocabulary that llama.cpp knows.
    pub fn open(model: &Path) -> Result<Self, Failure> {
        check_is_gguf(model)?;
        LazyLock::force(&LIBRARY);
        take_complaints();
        let params = LlamaModelParams::default().with_vocab_only(true);
        let tables = LlamaModel::load_from_file(&LIBRARY, model, &params).map_err(|error| {
            let reason = take_complaints().unwrap_or_else(|| error.to_string());
            failure(FailureKind::Model, format!("cannot read the vocabulary of {}: {reason}", model.display()), None)
        })?;
        Ok(Self { tables })
    }

    /// Tokens of `text`; what looks like a special token in it is text.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        self.tables.vocab().tokenize(text.as_bytes(), false, false).len()
    }

    /// Tokens of each of `texts`, counted on all cores.
    #[must_use]
    pub fn count_each(&self, texts: &[&str]) -> Vec<usize> {
        let next = AtomicUsize::new(0);
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(texts.len().max(1));
        let count_some = || {
            let taken =
                std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&index| index < texts.len()));
            taken.map(|index| (index, self.count(texts[index]))).collect::<Vec<_>>()
        };
        let mut counts = vec![0; texts.len()];
        thread::scope(|scope| {
            let counters: Vec<_> = (0..cores).map(|_| scope.spawn(count_some)).collect();
            for counter in counters {
                let counted = counter.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                for (index, count) in counted {
                    counts[index] = count;
                }
            }
        });
        counts
    }
}
