//! What counts tokens: the server of the model in use, or the model's own tables?
//!
//! A model of a server is counted with by that server. Of a file, texts need the vocabulary alone ([`TextCounter`]), and
//! plans the whole survey ([`for_plans`]), which also tries out a model that was never loaded.
//!
//! Example: `lunette inspect --server gpu-box:8080 book.txt` has 61 parts counted on `gpu-box`; with `-m qwen.gguf` in its place they are counted here.
//!
//! It does not know parts or plans. A server that fails counts zeros: whoever counts asks for the failure before showing anything.

use std::path::Path;
use std::sync::Arc;

use crate::document::ByteSpan;
use crate::engine::config::EngineConfig;
use crate::engine::{Survey, Vocabulary};
use crate::failure::Failure;
use crate::fit::Estimator;
use crate::remote::Counter;
use crate::settings::UsedServer;

/// What is known of a model: its tables, or what its server counts.
pub type Known = Arc<dyn Estimator + Send + Sync>;

/// What plans are made with: the server, or else the model of `config`.
pub fn for_plans(server: Option<&UsedServer>, config: &EngineConfig) -> Result<Known, Failure> {
    Ok(match server {
        Some(server) => Arc::new(Counter::connect(server)?),
        None => Arc::new(Survey::of(config)?),
    })
}

/// Counts the tokens of texts.
pub struct TextCounter(By);

enum By {
    Server(Box<Counter>),
    Model { vocabulary: Box<Vocabulary>, title: String },
}

impl TextCounter {
    /// Counts by the server, or else with the vocabulary of the file `model`.
    pub fn open(server: Option<&UsedServer>, model: &Path) -> Result<Self, Failure> {
        if let Some(server) = server {
            return Ok(Self(By::Server(Counter::connect(server)?.into())));
        }
        let vocabulary = Box::new(Vocabulary::open(model)?);
        Ok(Self(By::Model { title: vocabulary.title(model), vocabulary }))
    }

    /// What people call the model.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.0 {
            By::Server(counter) => counter.info().title(),
            By::Model { title, .. } => title.clone(),
        }
    }

    /// Tokens of each text.
    #[must_use]
    pub fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        match &self.0 {
            By::Server(counter) => counter.count_each(texts),
            By::Model { vocabulary, .. } => {
                vocabulary.count_each(texts).into_iter().map(|tokens| tokens as u32).collect()
            }
        }
    }

    /// Tokens of each of `spans` of `text`. Counts of adjacent spans add up to the count of both together.
    #[must_use]
    pub fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        match &self.0 {
            By::Server(counter) => counter.count_spans(text, spans),
            By::Model { vocabulary, .. } => vocabulary.count_spans(text, spans.iter().map(|span| span.start..span.end)),
        }
    }

    /// Whether its counts are estimates, because the server counts none.
    #[must_use]
    pub fn is_estimating(&self) -> bool {
        matches!(&self.0, By::Server(counter) if counter.info().is_estimating())
    }

    /// Why what was counted last is wrong. A model's own tables don't fail.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match &self.0 {
            By::Server(counter) => counter.failure(),
            By::Model { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;
    use crate::session::fixtures::settings;

    #[test]
    fn without_a_server_the_model_s_file_is_opened() {
        let home = tempfile::tempdir().expect("a folder");
        let gone = home.path().join("gone.gguf");
        let config = settings(home.path(), &[]).engine.with_model(gone.clone());
        let failures = [TextCounter::open(None, &gone).err(), for_plans(None, &config).err()];
        assert_eq!(failures.map(|failure| failure.map(|failure| failure.kind)), [Some(FailureKind::Model); 2]);
    }
}
