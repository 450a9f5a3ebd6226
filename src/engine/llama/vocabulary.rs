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

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;
use llama_cpp_2::vocab::LlamaVocab;
use regex::Regex;

use super::library::{LIBRARY, check_is_gguf, failure, take_complaints};
use super::names::Names;
use crate::engine::first_use::checked_header;
use crate::engine::machine::Before;
use crate::engine::message::{Failure, FailureKind, Origin, Prompt};
use crate::engine::split_points;
use crate::engine::tokenized_prompt::Run;
use crate::engine::tokens::Tokens;
use crate::gguf;

/// The tables of a model that turn text into tokens.
pub struct Vocabulary {
    tables: LlamaModel,
}

impl Vocabulary {
    /// Errors: [`FailureKind::Model`] if the file is missing, not a GGUF file, or has a vocabulary that llama.cpp does
    /// not know.
    pub fn open(model: &Path) -> Result<Self, Failure> {
        check_is_gguf(model)?;
        checked_header(model, gguf::check_vocabulary)?;
        LazyLock::force(&LIBRARY);
        take_complaints();
        let params = LlamaModelParams::default().with_vocab_only(true);
        let tables = LlamaModel::load_from_file(&LIBRARY, model, &params).map_err(|error| {
            let reason = take_complaints().unwrap_or_else(|| error.to_string());
            failure(FailureKind::Model, format!("cannot read the vocabulary of {}: {reason}", model.display()), None)
        })?;
        Ok(Self { tables })
    }

    /// What people call the model, which is in `file`: see [`ModelInfo::title`](crate::engine::message::ModelInfo::title).
    #[must_use]
    pub fn title(&self, file: &Path) -> String {
        Names::of(&self.tables, file).title()
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

    /// Tokens of a prompt's front, of what is before its tail, and of the whole, before any answer.
    #[must_use]
    pub fn count_prompt(&self, prompt: &Prompt) -> [usize; 3] {
        let runs = self.prompt_runs(prompt);
        let count = |is_counted: &dyn Fn(&Run) -> bool| {
            runs.iter().filter(|(run, _)| is_counted(run)).map(|(_, tokens)| tokens.len()).sum()
        };
        [count(&Run::is_front), count(&Run::is_document), count(&|_| true)]
    }

    fn prompt_runs(&self, prompt: &Prompt) -> Vec<(Run, Vec<LlamaToken>)> {
        let marks = Marks::of(&self.tables);
        let tokens_of = |run: &Run| {
            let (texts, before) = run.texts();
            tokenise_run(&self.tables, &marks, &texts, before)
        };
        let runs = Run::all(prompt, |_| false).into_iter();
        runs.map(|run| (run.clone(), tokens_of(&run))).collect()
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

    /// The token ids of a prompt as the engine computes it, before any answer.
    #[must_use]
    pub fn prompt_numbers(&self, prompt: &Prompt) -> Vec<i32> {
        numbers(self.prompt_runs(prompt).into_iter().flat_map(|(_, tokens)| tokens).collect())
    }

    /// The token ids of a rendered prompt from a single call of llama.cpp, which puts the vocabulary's first token
    /// first if it wants one: the reference that [`Vocabulary::prompt_numbers`] must equal.
    #[must_use]
    pub fn prompt_reference(&self, rendered: &str) -> Vec<i32> {
        let vocab = self.tables.vocab();
        let bare = vocab.tokenize(rendered.as_bytes(), false, true);
        let has_bos = bare.first() == Some(&vocab.bos());
        let is_wanted = vocab.should_add_bos() && !has_bos;
        numbers(if is_wanted { vocab.tokenize(rendered.as_bytes(), true, true) } else { bare })
    }

    /// The bytes of token `id`, of a control token its mark; `None` if there is no such token.
    #[must_use]
    pub fn piece(&self, id: i32) -> Option<Vec<u8>> {
        let is_known = (0..self.tables.n_vocab()).contains(&id);
        is_known.then(|| self.tables.vocab().token_to_piece(LlamaToken(id), true, None))
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

/// The texts that a vocabulary reads as control tokens where a template writes them, and what is needed to keep them
/// text where a user does.
pub(super) struct Marks {
    /// Any of them; `None` if there are none.
    any: Option<Regex>,
    /// They are too many to look for: every text of a user stays by itself.
    are_too_many: bool,
    /// The length of the longest, in bytes.
    longest: usize,
    /// The vocabulary puts a space before a text that begins a prompt or follows a control token, as `SentencePiece`.
    puts_space: bool,
}

impl Marks {
    pub(super) fn of(tables: &LlamaModel) -> Self {
        let vocab = tables.vocab();
        let is_mark = |token: &LlamaToken| {
            let attributes = vocab.attr(*token);
            attributes.contains(LlamaTokenAttr::Control) || attributes.contains(LlamaTokenAttr::Unknown)
        };
        let text = |token: LlamaToken| Some(vocab.text(token)?.to_string_lossy().into_owned());
        let mut texts: Vec<String> = vocab.tokens().filter(is_mark).filter_map(text).collect();
        texts.retain(|text| !text.is_empty());
        let patterns: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
        let is = |key: &str, value: &str| tables.meta_val_str(key).is_ok_and(|is| is == value);
        let any = (!texts.is_empty()).then(|| Regex::new(&patterns.join("|")));
        Self {
            // Escaped texts are a pattern; what can fail is its size.
            are_too_many: matches!(any, Some(Err(_))),
            any: any.and_then(Result::ok),
            longest: texts.iter().map(String::len).max().unwrap_or(0),
            puts_space: is("tokenizer.ggml.model", "llama") && !is("tokenizer.ggml.add_space_prefix", "false"),
        }
    }

    fn are_in(&self, text: &str) -> bool {
        self.are_too_many || self.any.as_ref().is_some_and(|any| any.is_match(text))
    }

    /// Whether the end of `one` and the beginning of `other` together are a mark.
    fn are_across(&self, one: &str, other: &str) -> bool {
        let near = |text: &str, at: usize| (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let from = near(one, one.len().saturating_sub(self.longest));
        let both = format!("{}{}", &one[from..], &other[..near(other, self.longest.min(other.len()))]);
        let seam = one.len() - from;
        self.any.as_ref().is_some_and(|any| any.find_iter(&both).any(|mark| mark.start() < seam && mark.end() > seam))
    }
}

/// A character that no vocabulary merges with its neighbours, put before a text that continues another one: the space
/// that `SentencePiece` puts first then belongs to it.
const SEPARATOR: &str = "\u{1}";

/// The tokens of texts that lie next to each other: those of the whole, except that control tokens in the texts of
/// users are text.
pub(super) fn tokenise_run(
    tables: &LlamaModel,
    marks: &Marks,
    texts: &[(&str, Origin)],
    before: Before,
) -> Vec<LlamaToken> {
    let vocab = tables.vocab();
    let mut tokens: Vec<LlamaToken> = Vec::new();
    for (text, origin) in stretches(marks, texts) {
        let follows_text = match tokens.last() {
            Some(last) => !is_special(&vocab, *last),
            None => before == Before::Text,
        };
        if follows_text && marks.puts_space {
            tokens.extend(tokenise_behind_text(&vocab, &text, origin));
        } else {
            tokens.extend(tokenise_stretch(tables, &text, origin));
        }
    }
    if before == Before::Nothing && vocab.should_add_bos() && tokens.first() != Some(&vocab.bos()) {
        tokens.insert(0, vocab.bos());
    }
    tokens
}

/// Whether `mark` is one token as markup.
pub(super) fn has_token(tables: &LlamaModel, mark: &str) -> bool {
    tokenise_stretch(tables, mark, Origin::Template).len() == 1
}

/// The texts, joined as far as control tokens can be told from text: a text of a user that looks like one stays by
/// itself.
fn stretches<'a>(marks: &Marks, texts: &[(&'a str, Origin)]) -> Vec<(Cow<'a, str>, Origin)> {
    let mut stretches: Vec<(Cow<'a, str>, Origin)> = Vec::new();
    for &(text, origin) in texts {
        let is_plain = origin == Origin::Text && marks.are_in(text);
        match stretches.last_mut() {
            Some((last, Origin::Template)) if !is_plain && !marks.are_across(last, text) => {
                last.to_mut().push_str(text);
            }
            // Text without control tokens is the same as markup without any.
            _ => stretches.push((Cow::Borrowed(text), if is_plain { Origin::Text } else { Origin::Template })),
        }
    }
    stretches
}

/// Whether the vocabulary puts a space behind `token` if text follows.
fn is_special(vocab: &LlamaVocab, token: LlamaToken) -> bool {
    let attributes = vocab.attr(token);
    [LlamaTokenAttr::Control, LlamaTokenAttr::Unknown, LlamaTokenAttr::UserDefined]
        .into_iter()
        .any(|attribute| attributes.contains(attribute))
}

fn tokenise_behind_text(vocab: &LlamaVocab, text: &str, origin: Origin) -> Vec<LlamaToken> {
    let tokenise = |text: &str| vocab.tokenize(text.as_bytes(), false, origin == Origin::Template);
    let separator = tokenise(SEPARATOR);
    let mut tokens = tokenise(&format!("{SEPARATOR}{text}"));
    if tokens.starts_with(&separator) { tokens.split_off(separator.len()) } else { tokenise(text) }
}

/// The tokens of a text; of a long one on all cores, if the vocabulary allows it.
fn tokenise_stretch(tables: &LlamaModel, text: &str, origin: Origin) -> Vec<LlamaToken> {
    let vocab = tables.vocab();
    let tokenise = |text: &str| vocab.tokenize(text.as_bytes(), false, origin == Origin::Template);
    if !is_cuttable(tables) {
        return tokenise(text);
    }
    on_all_cores(&split_points::pieces(text), &tokenise).concat()
}

/// The tokens of `text`, without special tokens; equal to llama.cpp's for the whole. Uses all cores if the vocabulary
/// allows it.
fn tokenise_text(tables: &LlamaModel, text: &str) -> Vec<LlamaToken> {
    tokenise_stretch(tables, text, Origin::Text)
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
