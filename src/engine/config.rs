//! Settings of the engine: context size, batch sizes, cache type, and which layers go onto a GPU.
//!
//! [`EngineConfig`] is fixed when the engine starts; [`EngineSettings`] is the part that does not depend on the model.
//!
//! Example: a prompt of 30,000 tokens with a reserve of 2,048 gets a context of 32,768 under [`ContextSize::Fit`].
//!
//! Imports nothing from the crate but recipes, so that settings, plans and front ends can name these values without the
//! engine.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::swaa::RecipeSpec;

/// Data type of the KV cache, the same for keys and values.
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
    /// ggml's name for it, as in `-ctk`.
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

/// How layers keep tokens that see only a window: one of their own (Gemma, gpt-oss), or that of a recipe that is bounded everywhere
/// ([`super::bounded`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnWindows {
    /// Only those that the window may still see.
    #[default]
    Short,
    /// All (`--swa-full`): the cache is cut anywhere, and is several times as large.
    Whole,
}

/// How the context is sized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextSize {
    /// As large as the first prompt plus the reserve needs.
    Fit,
    /// This many tokens (`-c`).
    Tokens(u32),
}

impl ContextSize {
    /// Max tokens of a prompt and its answer together, for a model trained on `train_context_tokens`.
    #[must_use]
    pub const fn limit(self, train_context_tokens: u32) -> u32 {
        match self {
            Self::Tokens(tokens) => tokens,
            Self::Fit => train_context_tokens,
        }
    }

    /// The same, but no more than the model was trained for. The engine reads more if `-c` asks for it, but the model makes no sense of it, so plans
    /// don't count on it.
    #[must_use]
    pub const fn useful_limit(self, train_context_tokens: u32) -> u32 {
        let limit = self.limit(train_context_tokens);
        if limit < train_context_tokens { limit } else { train_context_tokens }
    }

    /// Size of the context created for a prompt, with `reserve_tokens` kept free after it; `limit` is
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

/// How positions reach beyond a model's training (`RoPE` scaling), by llama.cpp's names. `None` and the default: as the model's
/// file says.
///
/// Example: a scale of 0.25 lets a model that was trained for 8,192 tokens read 32,768, with positions that lie closer together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RopeScaling {
    pub method: Option<RopeMethod>,
    pub freq_base: Option<f32>,
    pub freq_scale: Option<f32>,
    pub yarn: Yarn,
}

/// Which positions are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeMethod {
    None,
    /// All alike.
    Linear,
    /// Those of slow rotations, and attention is made sharper (`YaRN`, arXiv 2309.00071).
    Yarn,
}

/// The fields of `YaRN`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Yarn {
    /// What the model was trained for, if its file says something else.
    pub orig_ctx: Option<u32>,
    pub ext_factor: Option<f32>,
    pub attn_factor: Option<f32>,
    pub beta_slow: Option<f32>,
    pub beta_fast: Option<f32>,
}

impl RopeScaling {
    /// How many tokens a model that was trained for `trained` reads with these positions, if `context` is asked for. Where
    /// its file scales positions itself, these were `unscaled` before.
    ///
    /// Another base reaches further by itself, but nothing says how far: as far as is asked for.
    #[must_use]
    pub fn reach(&self, trained: u32, unscaled: Option<u32>, context: ContextSize) -> u32 {
        let from = self.yarn.orig_ctx.or(unscaled).unwrap_or(trained);
        let scaled = match (self.method, self.freq_scale) {
            (Some(RopeMethod::None), _) | (_, None) => trained,
            (_, Some(scale)) => (f64::from(from) / f64::from(scale)).round() as u32,
        };
        match context {
            ContextSize::Tokens(tokens) if self.freq_base.is_some() => tokens.max(scaled),
            _ => scaled,
        }
    }
}

/// How many questions are answered at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parallel {
    pub answers: u32,
    /// The room that a context has for the question and the answer of each but the first.
    pub tokens_each: u32,
}

impl Parallel {
    /// One after the other.
    pub const ONE: Self = Self { answers: 1, tokens_each: 0 };
}

/// Contexts grow in steps of this many tokens: llama.cpp pads to 256, and a new context costs a copy of the cache.
pub const CONTEXT_STEP_TOKENS: u32 = 1024;

/// How many layers are offloaded to a GPU (`-ngl`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GpuLayers {
    /// As many as fit into its free memory, with their part of the KV cache.
    #[default]
    Auto,
    /// All layers, including the output.
    All,
    Count(u32),
}

/// How a model is split between several GPUs (`--split-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SplitMode {
    /// The whole model on one GPU (`--main-gpu`).
    None,
    /// Layer by layer.
    #[default]
    Layer,
}

/// In which form the CPU's weights lie in memory (`--no-repack`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightForm {
    /// Matrices of some types get a copy that is read several rows at once: faster, and sums are added in another order.
    #[default]
    Repacked,
    /// As in the file.
    AsStored,
}

/// Where a model's weights lie: which layers go onto which GPU or to which peer, and in which form the others are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offload {
    pub layers: GpuLayers,
    /// Other machines that compute layers (`--rpc`), each HOST:PORT. Their devices come before this machine's.
    pub peers: Vec<String>,
    pub weights: WeightForm,
    /// llama.cpp's names of the devices to use (`CUDA0`, `RPC0`); empty: all.
    pub devices: Vec<String>,
    pub split_mode: SplitMode,
    /// Fraction of the model per device, in any unit; empty: by free memory.
    pub tensor_split: Vec<f32>,
    pub main_gpu: u32,
}

impl Offload {
    /// No layers on a GPU, even if there is one.
    #[must_use]
    pub fn none() -> Self {
        Self { layers: GpuLayers::Count(0), ..Self::default() }
    }
}

/// What this machine computes with for others (`lunette rpc-server`), and how much memory they may take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerOffer {
    /// ggml's names; none for the GPUs or, without one, the CPU.
    pub devices: Vec<String>,
    /// Of the CPU; `None`: one for each core that this process may use.
    pub threads: Option<u32>,
    /// Of all clients together; `None`: what the devices have.
    pub most_bytes: Option<u64>,
}

/// The best batch size in tokens on a device, logical (`-b`) and physical (`-ub`).
///
/// CPU: a call takes seconds, and progress and Esc wait until it ends. GPU: matmuls of 2,048 rows reach the chip's full
/// rate, and attention by position costs no more with them (`benches/results/prefill-cuda.md`).
pub(super) const fn best_batch(on_gpu: bool) -> u32 {
    if on_gpu { 2048 } else { 512 }
}

/// Max snapshots on devices. Other programs use their memory, too, and few people switch among more than five presets.
pub const DEVICE_SNAPSHOTS: u32 = 4;

/// Enough for the checkpoints of a hybrid, and less than a copy of a long document's cache.
const MEASURING_RESIDENT_BYTES: u64 = 256 << 20;

/// Everything that is fixed when the engine starts.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineConfig {
    pub model: PathBuf,
    pub settings: EngineSettings,
}

/// The engine's configuration, except the model's path.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSettings {
    pub context: ContextSize,
    /// Tokens kept free after the document for questions and answers if `context` is [`ContextSize::Fit`].
    pub reserve_tokens: u32,
    /// Logical batch size (`-b`): max tokens per decode call. Progress and cancelling wait for a call to end. `None`:
    /// the best for the device.
    pub n_batch: Option<u32>,
    /// Physical batch size (`-ub`): max tokens computed at once, at most the logical batch size.
    pub n_ubatch: Option<u32>,
    /// `None`: the physical cores that other programs leave free (`super::threads`).
    pub threads: Option<u32>,
    pub kv_dtype: KvDtype,
    pub own_windows: OwnWindows,
    pub rope: RopeScaling,
    pub flash_attention: bool,
    pub offload: Offload,
    /// Max host memory for snapshots of the cache under other recipes, so that going back to one needs no prefill.
    pub resident_bytes: u64,
    /// Max snapshots in the memory of the devices that hold the cache; 0: none.
    pub device_snapshots: u32,
    /// The file that keeps the calibration between runs; `None`: not kept.
    pub speeds: Option<PathBuf>,
    /// The file that keeps which attention heads of a model point at passages; `None`: not kept.
    pub heads: Option<PathBuf>,
    /// Where readings are kept on disk; `None`: nowhere.
    pub disk_cache: Option<DiskCacheSettings>,
    /// How a model that was never loaded before is checked; `None`: its header only.
    pub first_use: Option<FirstUse>,
    /// Adapters that are loaded with the model: those of every recipe that may come.
    pub adapters: Vec<AdapterFile>,
    /// Recipes that a conversation may switch to. A model that goes back only to checkpoints gets one where the window of
    /// each begins to hide something.
    pub presets: Vec<RecipeSpec>,
    pub parallel: Parallel,
}

/// A file of an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterFile {
    pub path: PathBuf,
    /// Whether the model is of no use without it. Of others it is told what is wrong with them when a recipe wants them: they may belong to
    /// presets for another model.
    pub is_required: bool,
}

/// The KV cache on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskCacheSettings {
    pub folder: PathBuf,
    /// Max bytes of all blocks; `None`: a quarter of the disk's free space, at most 64 GiB.
    pub most_bytes: Option<u64>,
    pub keeps: Keeps,
}

/// What the KV cache on disk is kept of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// Documents, and of what follows them only long pieces, such as attachments.
    Documents,
    /// Whole conversations: their text is saved, too.
    Conversations,
}

/// How a model that was never loaded before is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstUse {
    /// This program, which is started again to try a model.
    pub program: PathBuf,
    /// The file that remembers which models were tried.
    pub memory: PathBuf,
    /// Files that are known byte for byte.
    pub known: Arc<[KnownFile]>,
}

/// A model's file that is known byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// By which it can be fetched.
    pub name: String,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
    /// Where it is put when it is fetched.
    pub own_path: PathBuf,
}

impl EngineSettings {
    /// The engine's configuration for the model at `model`.
    #[must_use]
    pub fn with_model(&self, model: PathBuf) -> EngineConfig {
        EngineConfig { model, settings: self.clone() }
    }

    /// Each document is read once under each preset, and what is timed must be computed: no reading is kept, in memory or on disk.
    pub fn for_measuring(&mut self) {
        self.disk_cache = None;
        self.resident_bytes = MEASURING_RESIDENT_BYTES;
        self.device_snapshots = 0;
    }

    /// The same settings, with unset batch sizes filled in with the best ones for the device.
    #[must_use]
    pub fn for_device(mut self, on_gpu: bool) -> Self {
        let best = best_batch(on_gpu);
        self.n_batch = self.n_batch.or(Some(best));
        self.n_ubatch = self.n_ubatch.or(Some(best));
        self
    }

    /// Max tokens per decode call.
    #[must_use]
    pub fn batch_tokens(&self) -> u32 {
        self.n_batch.unwrap_or(best_batch(false)).max(1)
    }

    /// Max tokens computed at once.
    #[must_use]
    pub fn ubatch_tokens(&self) -> u32 {
        self.n_ubatch.unwrap_or(best_batch(false)).clamp(1, self.batch_tokens())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_reach_as_far_as_they_are_scaled() {
        let scaled =
            |freq_scale, method| RopeScaling { freq_scale: Some(freq_scale), method, ..RopeScaling::default() };
        let reach = |rope: RopeScaling| rope.reach(8_192, None, ContextSize::Fit);
        assert_eq!(reach(RopeScaling::default()), 8_192);
        assert_eq!(reach(scaled(0.25, None)), 32_768);
        assert_eq!(reach(scaled(0.25, Some(RopeMethod::Yarn))), 32_768);
        assert_eq!(reach(scaled(0.25, Some(RopeMethod::None))), 8_192);
        let from_4096 = Yarn { orig_ctx: Some(4_096), ..Yarn::default() };
        assert_eq!(reach(RopeScaling { yarn: from_4096, ..scaled(0.25, Some(RopeMethod::Yarn)) }), 16_384);
        let file_scales = scaled(0.25, None).reach(32_768, Some(8_192), ContextSize::Fit);
        assert_eq!(file_scales, 32_768, "the scale that is given takes the place of the file's");
    }

    #[test]
    fn another_base_reaches_as_far_as_is_asked_for() {
        let rope = RopeScaling { freq_base: Some(1e6), ..RopeScaling::default() };
        let reach = [ContextSize::Fit, ContextSize::Tokens(20_000), ContextSize::Tokens(100)];
        assert_eq!(reach.map(|context| rope.reach(8_192, None, context)), [8_192, 20_000, 8_192]);
    }
}
