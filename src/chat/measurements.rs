//! What each preset has cost so far, so that two can be compared.
//!
//! There is one measurement per preset. Prefilling 161,000 tokens under `full` in 310 s and under `fastest` in 48 s
//! makes two measurements; going back to `full` prefills nothing, so its measurement keeps the 310 s. The parts of a
//! prefill that was stopped and continued add up. All figures are measured; a measurement without an answer has no
//! decode speed.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::message::{Figures, Memory, Progress, Threads};
use crate::swaa::Recipe;

/// Times, tokens and memory under one preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    pub preset: Arc<str>,
    /// The resolved recipe that the engine reported.
    pub recipe: Recipe,
    /// Tokens prefilled, over all runs of this prefill together.
    pub prefilled_tokens: u32,
    /// How many tokens were in the cache before them: with full attention, deeper tokens take longer.
    pub from_tokens: u32,
    pub prefill: Duration,
    /// Tokens of the document; compare with `prefilled_tokens`.
    pub document_tokens: u32,
    pub memory: Memory,
    /// Those of the last job under this preset.
    pub threads: Threads,
    /// Of the last answer under this preset.
    pub decode_tokens_per_s: Option<f64>,
}

impl Measurement {
    /// Over all runs; `None` if nothing had to be prefilled.
    #[must_use]
    pub fn prefill_tokens_per_s(&self) -> Option<f64> {
        let seconds = self.prefill.as_secs_f64();
        (self.prefilled_tokens > 0 && seconds > 0.0).then(|| f64::from(self.prefilled_tokens) / seconds)
    }
}

/// Prefill speed chunk by chunk: the depth in tokens, and tokens a second over the chunk that ended there.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    pub preset: Arc<str>,
    pub chunks: Vec<(u32, f64)>,
}

/// The measurements of all presets, in the order of their first prefill.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measurements {
    cards: Vec<Measurement>,
    traces: Vec<Trace>,
}

impl Measurements {
    #[must_use]
    pub fn of(&self, preset: &str) -> Option<&Measurement> {
        self.cards.iter().find(|reading| *reading.preset == *preset)
    }

    #[must_use]
    pub fn as_slice(&self) -> &[Measurement] {
        &self.cards
    }

    /// The speed of each preset's last prefill, by depth.
    #[must_use]
    pub fn traces(&self) -> &[Trace] {
        &self.traces
    }

    /// Adds a prefilled chunk. A chunk no deeper than the last one starts a new trace.
    pub(super) fn chunk(&mut self, preset: &Arc<str>, progress: &Progress) {
        let known = self.traces.iter().position(|trace| trace.preset == *preset);
        let index = known.unwrap_or_else(|| {
            self.traces.push(Trace { preset: preset.clone(), chunks: Vec::new() });
            self.traces.len() - 1
        });
        let chunks = &mut self.traces[index].chunks;
        if chunks.last().is_some_and(|last| last.0 >= progress.done_tokens) {
            chunks.clear();
        }
        if progress.tokens_per_s > 0.0 {
            chunks.push((progress.done_tokens, progress.tokens_per_s));
        }
    }

    /// Adds the figures of a prefill, or of a part of one, under `preset`.
    pub(super) fn read(&mut self, preset: &Arc<str>, figures: &Figures) {
        let reading = self.card(preset, figures);
        if reading.prefilled_tokens + figures.tokens.prefilled > figures.tokens.prompt {
            // It was prefilled from the start again: the engine had dropped it from the cache.
            reading.prefilled_tokens = 0;
            reading.prefill = Duration::ZERO;
        }
        if reading.prefilled_tokens == 0 {
            reading.from_tokens = figures.tokens.cached;
        }
        reading.prefilled_tokens += figures.tokens.prefilled;
        reading.prefill += figures.timings.prefill;
    }

    /// Adds the figures of an answer under `preset`. The prefill of its question is not counted.
    pub(super) fn answered(&mut self, preset: &Arc<str>, figures: &Figures) {
        let reading = self.card(preset, figures);
        if figures.timings.decode_tokens_per_s > 0.0 {
            reading.decode_tokens_per_s = Some(figures.timings.decode_tokens_per_s);
        }
    }

    fn card(&mut self, preset: &Arc<str>, figures: &Figures) -> &mut Measurement {
        let known = self.cards.iter().position(|reading| reading.preset == *preset && reading.recipe == figures.recipe);
        let index = known.unwrap_or_else(|| {
            self.cards.retain(|reading| reading.preset != *preset);
            self.cards.push(Measurement {
                preset: preset.clone(),
                recipe: figures.recipe.clone(),
                prefilled_tokens: 0,
                from_tokens: 0,
                prefill: Duration::ZERO,
                document_tokens: 0,
                memory: Memory::default(),
                threads: Threads::default(),
                decode_tokens_per_s: None,
            });
            self.cards.len() - 1
        });
        let reading = &mut self.cards[index];
        reading.document_tokens = figures.tokens.document;
        reading.memory = figures.memory;
        reading.threads = figures.threads;
        reading
    }
}

/// Two measurements side by side, after a switch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub old: Measurement,
    pub new: Measurement,
    /// What the switch itself cost: 0 tokens if the engine still had the prefilled document.
    pub reread_tokens: u32,
    pub took: Duration,
}
