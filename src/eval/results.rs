//! The answers so far, kept in a file so that an interrupted run can be resumed.
//!
//! A row is identified by record, preset, the recipe as text *and* the system prompt, so that what was edited is asked
//! again.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::engine::message::FoundBy;

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultRow {
    pub id: String,
    /// Id of the document's first record.
    pub document: String,
    pub task: String,
    pub preset: String,
    /// The recipe as written, before it was resolved for this document.
    pub recipe: String,
    /// What the model was told before the document.
    #[serde(default)]
    pub system_prompt: String,
    /// `native`, `prompted` or `off`.
    #[serde(default = "off")]
    pub cot: String,
    #[serde(default)]
    pub question: String,
    /// How long the document is, in the record's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub length: String,
    /// 0 to 1.
    pub score: f64,
    /// Of the right answer, in nats per token; `None` if it was not weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<f64>,
    /// Of the right answer's parts, the share that the model would say, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<f64>,
    pub answer: String,
    /// As `finish` in `--json`, or `weighed`: no answer was written. Files of earlier versions have other names.
    pub finish: String,
    pub prompt_tokens: u32,
    pub cached_tokens: u32,
    /// Of what was not cached: the question, and what is read again before it.
    pub prefill_s: f64,
    pub decode_tok_s: f64,
    /// Of the document, before its first question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reread: Option<RereadRow>,
}

/// How a document was read under a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub tokens: u32,
    /// Of these, those that were there from another recipe.
    pub cached_tokens: u32,
    pub seconds: f64,
}

impl Reading {
    /// The seconds as if nothing had been there, in proportion to the tokens; `None` if most was there.
    #[must_use]
    pub fn whole_s(&self) -> Option<f64> {
        let computed = self.tokens.saturating_sub(self.cached_tokens);
        (computed > self.tokens / 4).then(|| self.seconds * f64::from(self.tokens) / f64::from(computed))
    }
}

/// What was read again before a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RereadRow {
    pub found_by: FoundBy,
    pub passages: usize,
    pub tokens: u32,
    /// How much of the heads' attention is on the best windows together, 0 to 1.
    pub share: Option<f32>,
    /// The same of the best window alone.
    pub best_share: Option<f32>,
    /// Of the right answers, the share that stands in the passages, 0 to 1.
    pub has_answers: f64,
}

/// Why results could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    #[error("cannot read earlier results from {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a results file of lunette eval: {source}", path.display())]
    Parse { path: PathBuf, source: serde_json::Error },
    #[error("{} has results for {found}, not for {wanted}", path.display())]
    OtherModel { path: PathBuf, found: String, wanted: String },
    #[error("cannot write results to {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// All rows, by record, preset and recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    model: String,
    rows: BTreeMap<RowKey, ResultRow>,
}

/// What was asked, and how: record, preset, recipe, system prompt, chain of thought.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    pub id: String,
    pub preset: String,
    pub recipe: String,
    pub system_prompt: String,
    pub cot: String,
}

impl ResultRow {
    fn key(&self) -> RowKey {
        RowKey {
            id: self.id.clone(),
            preset: self.preset.clone(),
            recipe: self.recipe.clone(),
            system_prompt: self.system_prompt.clone(),
            cot: self.cot.clone(),
        }
    }
}

fn off() -> String {
    "off".to_owned()
}

/// The format of the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<serde_json::Value>,
    results: Vec<ResultRow>,
}

impl Results {
    #[must_use]
    pub fn new(model: &str) -> Self {
        Self { model: model.to_owned(), rows: BTreeMap::new() }
    }

    /// The results in `path`; empty if there is no such file. Errors: not a results file, or one of another model.
    pub fn load(path: &Path, model: &str) -> Result<Self, ResultsError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::new(model)),
            Err(source) => return Err(ResultsError::Read { path: path.to_owned(), source }),
        };
        let stored: Stored =
            serde_json::from_str(&text).map_err(|source| ResultsError::Parse { path: path.to_owned(), source })?;
        if stored.model != model {
            let (found, wanted) = (stored.model, model.to_owned());
            return Err(ResultsError::OtherModel { path: path.to_owned(), found, wanted });
        }
        let mut results = Self::new(model);
        stored.results.into_iter().for_each(|row| results.insert(row));
        Ok(results)
    }

    /// Writes everything, with `table` at the end of the run. The old file is replaced only when the new one is
    /// complete.
    pub fn save(&self, path: &Path, table: Option<&impl Serialize>) -> Result<(), ResultsError> {
        let failed = |source| ResultsError::Write { path: path.to_owned(), source };
        let stored = Stored {
            model: self.model.clone(),
            table: table.map(|table| serde_json::to_value(table).expect("a table is plain data")),
            results: self.rows.values().cloned().collect(),
        };
        let text = serde_json::to_string_pretty(&stored).expect("results are plain data") + "\n";
        let part = path.with_extension("part");
        let written = std::fs::File::create(&part).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, path)
        });
        written.map_err(|source| {
            let _ = std::fs::remove_file(&part);
            failed(source)
        })
    }

    pub fn insert(&mut self, row: ResultRow) {
        self.rows.insert(row.key(), row);
    }

    #[must_use]
    pub fn row(&self, key: &RowKey) -> Option<&ResultRow> {
        self.rows.get(key)
    }

    /// The rows with these keys.
    #[must_use]
    pub fn only(&self, keys: &[RowKey]) -> Self {
        let rows = keys.iter().filter_map(|key| Some((key.clone(), self.rows.get(key)?.clone()))).collect();
        Self { model: self.model.clone(), rows }
    }

    pub fn rows(&self) -> impl Iterator<Item = &ResultRow> {
        self.rows.values()
    }
}

#[cfg(test)]
pub(super) mod fixtures {
    use super::*;

    /// The answer to the question `id` about a document of its own.
    pub(in crate::eval) fn row(id: &str, task: &str, preset: &str, score: f64) -> ResultRow {
        ResultRow {
            id: id.into(),
            document: id.into(),
            task: task.into(),
            preset: preset.into(),
            recipe: preset.into(),
            system_prompt: String::new(),
            cot: "off".into(),
            question: "q".into(),
            length: String::new(),
            score,
            nats: None,
            said: None,
            answer: String::new(),
            finish: "end".into(),
            prompt_tokens: 100,
            cached_tokens: 90,
            prefill_s: 0.25,
            decode_tok_s: 10.0,
            reading: Some(Reading { tokens: 90, cached_tokens: 30, seconds: 2.0 }),
            reread: None,
        }
    }
}
