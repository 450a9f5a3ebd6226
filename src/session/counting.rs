//! Counts the tokens of parts, and finds out which parts would fit. Uses only the model's vocabulary, so the engine
//! isn't interrupted.
//!
//! The vocabulary is opened when it is first needed, and kept. [`super::text_counter`] says what counts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::documents::{folder_of, named_source, only_folder};
use super::text_counter::{Known, for_plans};
use crate::chat::{Moment, Source, SystemPrompt};
use crate::document::{ByteSpan, Document};
use crate::engine::Measured;
use crate::engine::config::EngineSettings;
use crate::engine::message::{ModelInfo, Prompt};
use crate::failure::{Failure, FailureKind};
use crate::fit::{self, Estimator, PlanRequest, PromptTokens, Proposal};
use crate::settings::{Settings, UsedServer};
use crate::swaa::selection::PresetSelection;

/// A document whose parts are to be counted, and the model to count with.
#[derive(Debug, Clone)]
pub struct CountRequest {
    /// The model's file.
    pub model: PathBuf,
    pub whole: Arc<Document>,
}

/// Two requests are equal if they share the same document in memory: texts are not compared.
impl PartialEq for CountRequest {
    fn eq(&self, other: &Self) -> bool {
        self.model == other.model && Arc::ptr_eq(&self.whole, &other.whole)
    }
}

impl Eq for CountRequest {}

/// Receives the index of a batch's first part, and the token count of each part in it. Returns false to stop counting.
pub type OnBatch<'a> = &'a mut dyn FnMut(usize, Vec<u32>) -> bool;

/// Counts tokens without the engine. Clones share one vocabulary.
#[derive(Clone)]
pub struct TokenCounter(Arc<Inner>);

/// What plans depend on, and the vocabulary once it is open.
struct Inner {
    server: Option<UsedServer>,
    engine: EngineSettings,
    reading: PresetSelection,
    system: SystemPrompt,
    /// What was named.
    source: Source,
    answer_tokens: Option<u32>,
    folder: Option<String>,
    known: Mutex<Option<Known>>,
}

impl TokenCounter {
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            server: settings.server.clone(),
            engine: settings.engine.clone(),
            reading: settings.reading.clone(),
            system: SystemPrompt::of(settings.system_prompt.as_deref()),
            source: named_source(&settings.documents),
            answer_tokens: settings.limits.max_tokens,
            folder: only_folder(settings),
            known: Mutex::default(),
        }))
    }

    /// The same for other documents.
    #[must_use]
    pub fn for_source(&self, source: &Source) -> Self {
        let Inner { server, engine, reading, system, answer_tokens, .. } = &*self.0;
        Self(Arc::new(Inner {
            server: server.clone(),
            engine: engine.clone(),
            reading: reading.clone(),
            system: system.clone(),
            source: source.clone(),
            answer_tokens: *answer_tokens,
            folder: folder_of(source),
            known: Mutex::default(),
        }))
    }

    /// Counts the tokens of every part, in batches.
    pub fn count_parts(&self, of: &CountRequest, on_batch: OnBatch<'_>) -> Result<(), Failure> {
        let known = self.0.known(&of.model)?;
        let mut told = |first, tokens| known.failure().is_none() && on_batch(first, tokens);
        fit::count_parts(&*known, &of.whole, &mut told);
        known.failure().map_or(Ok(()), Err)
    }

    /// Selections that would fit instead of the parts with these numbers.
    pub fn propose(&self, of: &CountRequest, parts: &[usize]) -> Result<Vec<Proposal>, Failure> {
        let known = Loaded(self.0.known(&of.model)?);
        let engine =
            EngineSettings { context: known.info().context_or(self.0.engine.context), ..self.0.engine.clone() };
        let fit = fit::plan(&self.0.wish(&of.whole, &fit::written(parts), &engine), &known);
        if let Some(failure) = known.failure() {
            return Err(failure);
        }
        Ok(fit.map_err(|error| Failure::of(FailureKind::Runtime, &error))?.proposals)
    }
}

impl Inner {
    fn known(&self, model: &Path) -> Result<Known, Failure> {
        let mut opened = self.known.lock().expect("nothing panics while it holds the lock");
        let is_of_it = |known: &&Known| known.info().path == model && known.failure().is_none();
        if let Some(known) = opened.as_ref().filter(is_of_it) {
            return Ok(known.clone());
        }
        let known = for_plans(self.server.as_ref(), &self.engine.with_model(model.to_owned()))?;
        *opened = Some(known.clone());
        Ok(known)
    }

    fn wish<'a>(&'a self, whole: &'a Document, parts: &'a str, engine: &'a EngineSettings) -> PlanRequest<'a> {
        PlanRequest {
            whole,
            parts: Some(parts),
            within: None,
            pick: None,
            folder: self.folder.as_deref(),
            question: None,
            question_first: false,
            system: &self.system,
            source: &self.source,
            reading: &self.reading,
            engine,
            answer_tokens: self.answer_tokens,
            now: Moment::from(SystemTime::now()),
        }
    }
}

/// A model whose weights are already in memory, so that a plan needs no room for them.
struct Loaded(Known);

impl Estimator for Loaded {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn count(&self, text: &str) -> u32 {
        self.0.count(text)
    }

    fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        self.0.count_each(texts)
    }

    fn count_prompt(&self, prompt: &Prompt) -> PromptTokens {
        self.0.count_prompt(prompt)
    }

    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        self.0.count_spans(text, spans)
    }

    fn measured(&self) -> Option<Measured> {
        self.0.measured()
    }

    fn free_bytes(&self) -> Option<u64> {
        self.0.free_bytes().map(|free| free + self.info().model_bytes)
    }

    fn failure(&self) -> Option<Failure> {
        self.0.failure()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::fixtures::settings;

    #[test]
    fn requests_are_equal_if_they_share_a_document() {
        let of = |whole: &Arc<Document>| CountRequest { model: "model.gguf".into(), whole: whole.clone() };
        let (one, other) = (Arc::new(Document::default()), Arc::new(Document::default()));
        assert!(of(&one) == of(&one) && of(&one) != of(&other));
        assert_ne!(of(&one), CountRequest { model: "other.gguf".into(), ..of(&one) });
    }

    #[test]
    fn a_model_that_can_t_be_opened_is_a_model_failure() {
        let home = tempfile::tempdir().expect("a folder");
        let counter = TokenCounter::new(&settings(home.path(), &[]));
        let of = CountRequest { model: home.path().join("gone.gguf"), whole: Arc::default() };
        let failures = [counter.count_parts(&of, &mut |_, _| true).err(), counter.propose(&of, &[1]).err()];
        assert_eq!(failures.map(|failure| failure.map(|failure| failure.kind)), [Some(FailureKind::Model); 2]);
    }
}
