//! What is known of a model without its weights: its shape and limits, its vocabulary, and how long prefill takes with
//! it.
//!
//! Only the tables of the file are read, which takes a moment, also for a model that this machine could never hold.
//!
//! Example: a 0.5B has 24 layers, 12,288 bytes of KV per token and 32,768 tokens of context; 60,000 tokens under
//! `quick` take 4 minutes, according to 12,000 that were prefilled on this machine the day before.
//!
//! What it does not do: compute anything with the model.

use super::calibration::{Calibration, Measured};
use super::config::EngineConfig;
use super::cost_model::CostModel;
use super::llama::{Model, free_memory_bytes, vocabulary::Vocabulary};
use super::message::{Failure, ModelInfo};

/// A model as its file describes it.
pub struct Survey {
    vocabulary: Vocabulary,
    info: ModelInfo,
    measured: Option<Measured>,
}

impl Survey {
    /// Surveys the model that `config` names, computed as it says.
    ///
    /// Errors: [`super::message::FailureKind::Model`] as loading it would give.
    pub fn of(config: &EngineConfig) -> Result<Self, Failure> {
        let model = Model::describe(config)?;
        let calibration = Calibration::open(config, model.info());
        let cost_model = CostModel::knowing(model.shape(), model.info().has_gpu(), calibration.sums());
        let info = ModelInfo { prefill_cost: cost_model.cost(), ..model.info().clone() };
        Ok(Self { vocabulary: model.into_vocabulary(), measured: calibration.measured(), info })
    }

    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What predictions are based on; `None` when nothing was measured yet.
    #[must_use]
    pub fn measured(&self) -> Option<Measured> {
        self.measured
    }

    /// Bytes that model and cache may take now; `None` where a GPU holds them: its driver is asked when they are
    /// loaded.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        (!self.info.has_gpu()).then(free_memory_bytes)
    }
}
