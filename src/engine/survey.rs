//! Examines a model without its weights: its shape and limits, its vocabulary, and its prefill speed.
//!
//! Reads only the tables of the file. This is quick, even for a model too large for this machine.
//!
//! Example: a 0.5B has 24 layers, 12,288 bytes of KV per token and 32,768 tokens of context; 60,000 tokens under
//! `quick` take 4 minutes, predicted from 12,000 that were prefilled on this machine the day before.
//!
//! Can't compute anything with the model.

use super::calibration::{Calibration, Measured};
use super::config::EngineConfig;
use super::cost_model::CostModel;
use super::first_use;
use super::llama::{Model, vocabulary::Vocabulary};
use super::memory;
use super::message::{Failure, ModelInfo};

/// A model as its file describes it.
pub struct Survey {
    vocabulary: Vocabulary,
    info: ModelInfo,
    measured: Option<Measured>,
}

impl Survey {
    /// Surveys the model of `config`, for runs under its settings.
    ///
    /// Errors: [`super::message::FailureKind::Model`], as for loading it.
    pub fn of(config: &EngineConfig) -> Result<Self, Failure> {
        first_use::check(config, &mut || true)?;
        let model = Model::describe(config)?;
        let calibration = Calibration::open(config, model.info(), model.shape());
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

    /// The measurements that predictions are based on; `None` if there are none yet.
    #[must_use]
    pub fn measured(&self) -> Option<Measured> {
        self.measured
    }

    /// Bytes available for model and cache now; `None` with a GPU or a peer, which are asked only when they are loaded.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        self.info.is_in_main_memory().then(memory::free_bytes)
    }
}
