//! Settings of the engine: context size, batch sizes, cache type, and which layers go onto a GPU.
//!
//! [`EngineConfig`] is fixed when the engine starts; [`EngineSettings`] is the part that does not depend on the model.
//!
//! Example: a prompt of 30,000 tokens with a reserve of 2,048 gets a context of 32,768 under [`ContextSize::Fit`].
//!
//! Imports nothing of the crate, so that settings, plans and front ends can name these values without the engine.

use std::path::PathBuf;

/// The KV cache's data type, of keys and values alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KvDtype {
    #[default]
    F16,
    Q8_0,
    Q4_0,
    F32,
    Bf16,
}

impl KvDtype {
    /// ggml's name of it, as `-ctk` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

/// How the context is sized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextSize {
    /// As large as the first prompt with its reserve needs.
    Fit,
    /// This many tokens (`-c`).
    Tokens(u32),
}

impl ContextSize {
    /// Most tokens that a prompt and its answer may have, with a model that was trained for `train_context_tokens`.
    #[must_use]
    pub const fn limit(self, train_context_tokens: u32) -> u32 {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::Fit => train_context_tokens,
        }
    }

    /// Tokens of the context that is made for a prompt, with `reserve_tokens` kept free behind it; `limit` is
    /// [`ContextSize::limit`].
    #[must_use]
    pub const fn made_for(self, prompt_tokens: u32, reserve_tokens: u32, limit: u32) -> u32 {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::Fit => {
                let wished = prompt_tokens.saturating_add(reserve_tokens).next_multiple_of(CONTEXT_STEP_TOKENS);
                if wished < limit { wished } else { limit }
            }
        }
    }
}

/// Contexts grow in steps of this many tokens: llama.cpp pads to 256, and a new context costs a copy of the cache.
pub const CONTEXT_STEP_TOKENS: u32 = 1024;

/// How many layers are offloaded to a GPU (`-ngl`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GpuLayers {
    /// As many as fit into its free memory, with their share of the cache.
    #[default]
    Auto,
    /// Every one, the output included.
    All,
    Count(u32),
}

/// How a model is split between several GPUs (`--split-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SplitMode {
    /// All of it on one (`--main-gpu`).
    None,
    /// Layer by layer.
    #[default]
    Layer,
}

/// Which layers go onto which GPU. Without a GPU none of it matters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offload {
    pub layers: GpuLayers,
    /// Names of the devices to use, as llama.cpp has them (`CUDA0`); empty is all of them.
    pub devices: Vec<String>,
    pub split_mode: SplitMode,
    /// The fraction of the model that each device gets, in any unit; empty is by free memory.
    pub tensor_split: Vec<f32>,
    pub main_gpu: u32,
}

impl Offload {
    /// Nothing on a GPU, whatever there is.
    #[must_use]
    pub fn none() -> Self {
        Self { layers: GpuLayers::Count(0), ..Self::default() }
    }
}

/// Tokens of a decode call (`-b`), and of a computation (`-ub`), that are best on a device.
///
/// CPU: a call takes seconds, and progress and Esc wait for its end. GPU: products of 2,048 rows reach the chip's rate,
/// and attention by position costs no more with them (`benches/results/prefill-cuda.md`).
pub(super) const fn best_batch(on_gpu: bool) -> u32 {
    if on_gpu { 2048 } else { 512 }
}

/// Everything that is fixed when the engine starts.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineConfig {
    pub model: PathBuf,
    pub settings: EngineSettings,
}

/// What the engine is started with, except the model's path.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSettings {
    pub context: ContextSize,
    /// Tokens kept free behind the document for questions and answers when `context` is [`ContextSize::Fit`].
    pub reserve_tokens: u32,
    /// Most tokens given to one decode call (`-b`): the grain of progress and of cancelling. `None` is what is best on
    /// the device.
    pub n_batch: Option<u32>,
    /// Most tokens computed at once (`-ub`), no more than a decode call has.
    pub n_ubatch: Option<u32>,
    /// `None` is every physical core.
    pub threads: Option<u32>,
    pub kv_dtype: KvDtype,
    pub flash_attention: bool,
    pub offload: Offload,
    /// Most bytes of host memory for cache states of other recipes, so that going back to one needs no prefill.
    pub resident_bytes: u64,
    /// Where measured speeds are kept from run to run; `None` keeps none.
    pub speeds: Option<PathBuf>,
}

impl EngineSettings {
    /// The engine's configuration for the model at `model`.
    #[must_use]
    pub fn with_model(&self, model: PathBuf) -> EngineConfig {
        EngineConfig { model, settings: self.clone() }
    }

    /// The same with the batch sizes filled in that are best on the device.
    #[must_use]
    pub fn for_device(mut self, on_gpu: bool) -> Self {
        let best = best_batch(on_gpu);
        self.n_batch = self.n_batch.or(Some(best));
        self.n_ubatch = self.n_ubatch.or(Some(best));
        self
    }

    /// Most tokens given to one decode call.
    #[must_use]
    pub fn batch_tokens(&self) -> u32 {
        self.n_batch.unwrap_or(best_batch(false)).max(1)
    }

    /// Most tokens computed at once.
    #[must_use]
    pub fn ubatch_tokens(&self) -> u32 {
        self.n_ubatch.unwrap_or(best_batch(false)).clamp(1, self.batch_tokens())
    }
}
