//! What is known of a model without its weights: its shape and limits, its vocabulary, and what it was measured to take.
//!
//! The picture: an architect's plan of the house that [`super::spawn`] would build. Everything has its size and nothing is there, so it is
//! drawn in the time that the file's tables take to read, also of a model that this machine could never hold.
//!
//! Example: of a 0.5B: 24 layers, 12,288 bytes of KV a token, 32,768 tokens of context; 60,000 tokens under `quick` take 4 minutes, by 12,000
//! that were read on this machine the day before.
//!
//! What it does not do: compute anything with the model.

use super::config::EngineConfig;
use super::forecast::Forecaster;
use super::llama::{Model, free_memory_bytes, vocabulary::Vocabulary};
use super::message::{Failure, ModelInfo};
use super::speeds::{Ledger, Measured};

/// A model, as its file describes it.
pub struct Survey {
    vocabulary: Vocabulary,
    info: ModelInfo,
    measured: Option<Measured>,
}

impl Survey {
    /// Of the model that `config` names, computed as it says.
    ///
    /// Errors: [`super::message::FailureKind::Model`] as loading it would give.
    pub fn of(config: &EngineConfig) -> Result<Self, Failure> {
        let model = Model::describe(config)?;
        let ledger = Ledger::open(config, model.info());
        let forecaster = Forecaster::knowing(model.shape(), model.info().has_gpu(), ledger.sums());
        let info = ModelInfo { prefill_cost: forecaster.cost(), ..model.info().clone() };
        Ok(Self { vocabulary: model.into_vocabulary(), measured: ledger.measured(), info })
    }

    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What predictions rest on; `None` when nothing was measured yet.
    #[must_use]
    pub fn measured(&self) -> Option<Measured> {
        self.measured
    }

    /// Bytes that model and cache may take now; `None` where a GPU holds them, whose driver is asked when they are loaded.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        (!self.info.has_gpu()).then(free_memory_bytes)
    }
}
