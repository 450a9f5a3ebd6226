//! A model's vocabulary alone: exact tokens before anything is loaded that takes time.
//!
//! Example: *Pride and Prejudice* is cut into eleven pieces, which all cores tokenise, and has the tokens that
//! llama.cpp gives for the whole. The weights stay on the disk: only the tables of the file are read.
//!
//! Why llama.cpp's own vocabulary and not a second implementation: in pieces it takes 0.9 s of processor time for a
//! megabyte of novel and 0.6 s for one of Rust, spread over all cores, and there is no other for which every pattern of
//! every model would have to be shown equal. `cargo bench --bench document -- --model MODEL` measures it.
//!
//! What it does not do: lay the text out as a prompt.

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

    /// Of a model that is loaded with all that it needs.
    pub(super) fn of(tables: LlamaModel) -> Self {
        Self { tables }
    }

    /// Tokens of `text`; what looks like a special token in it is text.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        tokenise_text(&self.tables, text).len()
    }

    /// Tokens of `text` that a chat template wrote: special tokens in it are recognised.
    #[must_use]
    pub fn count_markup(&self, text: &str) -> usize {
        self.tables.vocab().tokenize(text.as_bytes(), false, true).len()
    }

    /// The token numbers of `text`, in llama.cpp's one call for the whole: what the quick way is held to.
    #[must_use]
    pub fn reference(&self, text: &str) -> Vec<i32> {
        numbers(self.tables.vocab().tokenize(text.as_bytes(), false, false))
    }

    /// The token numbers of `text`.
    #[must_use]
    pub fn numbers(&self, text: &str) -> Vec<i32> {
        numbers(tokenise_text(&self.tables, text))
    }

    /// The tokens of `text` with their places; `None` when this vocabulary's tokens are not the text, byte for byte.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Option<Tokens> {
        let vocab = self.tables.vocab();
        Tokens::new(text, &self.numbers(text), |id| vocab.token_to_piece(LlamaToken(id), true, None))
    }

    /// Tokens of each of `spans` of `text`: a token belongs to the span that it begins in, so that those of neighbours
    /// add up. Where this vocabulary knows no places, each span is counted by itself, and a token that reaches over a
    /// cut counts in both.
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

/// The tokens of `text`, all of which is text: on all cores where the vocabulary allows it, as llama.cpp gives them for
/// the whole.
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

/// By the file's own words: the binding's `vocab_type` panics on `WordPiece` (llama-cpp-2 0.1.160).
fn is_cuttable(tables: &LlamaModel) -> bool {
    let is = |key: &str, known: &dyn Fn(&str) -> bool| tables.meta_val_str(key).is_ok_and(|value| known(&value));
    is("tokenizer.ggml.model", &|model| model == "gpt2") && is("tokenizer.ggml.pre", &split_points::is_cuttable)
}

/// What `work` makes of each of `texts`, in order.
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
