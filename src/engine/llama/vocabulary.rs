//! A model's vocabulary without its weights: exact token counts before anything slow is loaded.
//!
//! Example: *Pride and Prejudice* is split into eleven pieces, which are tokenised on all cores; the result equals
//! llama.cpp's tokens for the whole. Only the tables of the file are read; the weights stay on disk.
//!
//! Why llama.cpp's own vocabulary and not a second implementation: split into pieces, it takes 0.9 s of processor time
//! for a megabyte of novel and 0.6 s for one of Rust, spread over all cores. A second implementation would have to be
//! proved equal for every pattern of every model. `cargo bench --bench document -- --model MODEL` measures it.
//!
//! Doesn't lay out prompts.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;

use super::library::{LIBRARY, check_is_gguf, failure, take_complaints};
use crate::engine::message::{Failure, FailureKind};
use crate::engine::split_points;
use crate::engine::tokens::Tokens;

/// The tables of a model that turn text into tokens.
pub struct Vocabulary {
    tables: LlamaModel,
}

impl Vocabulary {
    /// Errors: [`FailureKind::Model`] if the file is missing, not a GGUF file, or has a vocabulary that llama.cpp does
    /// not know.
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

    /// The vocabulary of a model that is already loaded.
    pub(super) fn of(tables: LlamaModel) -> Self {
        Self { tables }
    }

    /// Tokens of `text`. Special tokens in it are treated as plain text.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        tokenise_text(&self.tables, text).len()
    }

    /// Tokens of `text` written by a chat template: special tokens in it are recognised.
    #[must_use]
    pub fn count_markup(&self, text: &str) -> usize {
        self.tables.vocab().tokenize(text.as_bytes(), false, true).len()
    }

    /// The token ids of `text` from a single call of llama.cpp: the reference that [`Vocabulary::numbers`] must equal.
    #[must_use]
    pub fn reference(&self, text: &str) -> Vec<i32> {
        numbers(self.tables.vocab().tokenize(text.as_bytes(), false, false))
    }

    /// The token ids of `text`.
    #[must_use]
    pub fn numbers(&self, text: &str) -> Vec<i32> {
        numbers(tokenise_text(&self.tables, text))
    }

    /// The tokens of `text` with their byte ranges; `None` if the tokens don't reproduce the text byte for byte.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Option<Tokens> {
        let vocab = self.tables.vocab();
        Tokens::new(text, &self.numbers(text), |id| vocab.token_to_piece(LlamaToken(id), true, None))
    }

    /// Tokens of each of `spans` of `text`. A token counts in the span that it begins in, so that counts of adjacent
    /// spans add up. If the vocabulary has no byte ranges, each span is counted by itself, and a token across a
    /// boundary counts in both.
    #[must_use]
    pub fn count_spans(&self, text: &str, spans: impl Iterator<Item = Range<usize>>) -> Vec<u32> {
        let counted: Vec<usize> = match self.tokens(text) {
            Some(tokens) => spans.map(|span| tokens.count_in(span)).collect(),
            None => self.count_each(&spans.map(|span| &text[span]).collect::<Vec<_>>()),
        };
        counted.into_iter().map(|tokens| tokens as u32).collect()
    }

    /// Tokens of each of `texts`, counted on all cores.
    #[must_use]
    pub fn count_each(&self, texts: &[&str]) -> Vec<usize> {
        let vocab = self.tables.vocab();
        on_all_cores(texts, &|text| tokenise_whole(&vocab, text).len())
    }
}

fn numbers(tokens: Vec<LlamaToken>) -> Vec<i32> {
    tokens.into_iter().map(|LlamaToken(id)| id).collect()
}

/// The tokens of `text`, without special tokens; equal to llama.cpp's for the whole. Uses all cores if the vocabulary
/// allows it.
pub(super) fn tokenise_text(tables: &LlamaModel, text: &str) -> Vec<LlamaToken> {
    let vocab = tables.vocab();
    if !is_cuttable(tables) {
        return tokenise_whole(&vocab, text);
    }
    on_all_cores(&split_points::pieces(text), &|piece| tokenise_whole(&vocab, piece)).concat()
}

fn tokenise_whole(vocab: &LlamaVocab, text: &str) -> Vec<LlamaToken> {
    vocab.tokenize(text.as_bytes(), false, false)
}

/// Reads the file's own keys, because the binding's `vocab_type` panics on `WordPiece` (llama-cpp-2 0.1.160).
fn is_cuttable(tables: &LlamaModel) -> bool {
    let is = |key: &str, known: &dyn Fn(&str) -> bool| tables.meta_val_str(key).is_ok_and(|value| known(&value));
    is("tokenizer.ggml.model", &|model| model == "gpt2") && is("tokenizer.ggml.pre", &split_points::is_cuttable)
}

/// Applies `work` to each of `texts` on all cores; results are in order.
fn on_all_cores<T: Send>(texts: &[&str], work: &(impl Fn(&str) -> T + Sync)) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(texts.len());
    if cores <= 1 {
        return texts.iter().map(|text| work(text)).collect();
    }
    let next = AtomicUsize::new(0);
    let take_some = || {
        let taken =
            std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&index| index < texts.len()));
        taken.map(|index| (index, work(texts[index]))).collect::<Vec<_>>()
    };
    let mut made: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(take_some)).collect();
        let made = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(made).collect()
    });
    made.sort_by_key(|(index, _)| *index);
    made.into_iter().map(|(_, made)| made).collect()
}
