//! The one module that imports the binding: a model, a context with its KV cache, sampling, and the patched attention.
//!
//! [`Model`] owns the weights; [`Llama`] borrows it and owns at most one context, which it replaces when it has to
//! grow. Sequence 0 is the first conversation, and guests have the numbers behind it. Most calls go through the safe binding (llama-cpp-2). The functions that the patches add and the abort
//! callback are called directly on the context's pointer, which the library returns from `llama_swaa_newest_context`.
//!
//! `adapters` checks and loads adapters, `attempt` tries a model in a child process, `devices` lists what computes, `library` starts the library and receives its log and its last words,
//! [`vocabulary`] opens a model for its token tables only, `weights` loads a model's layers onto the devices, `repacked`
//! predicts which weights get a second copy, `names` says what a model is called, `ranges` and `states` copy parts of the KV cache, `moving`
//! drops some, `probabilities` tells how probable tokens are, `sampling` chooses the samplers, `rpc` uses devices of other machines and lends this one's, and `tensors` lists what a
//! file holds.
//!
//! Makes no decisions: the worker decides about attention, tokens and when to stop.

#![allow(unsafe_code, reason = "the foreign functions that the safe binding does not wrap")]

mod adapters;
mod attempt;
mod device_copies;
mod devices;
mod facts;
mod library;
mod moving;
mod names;
mod probabilities;
mod ranges;
mod repacked;
pub(super) mod rpc;
mod sampling;
mod states;
mod tensors;
pub(super) mod vocabulary;
mod weights;

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::num::NonZeroU32;
use std::ptr::NonNull;
use std::time::Instant;

use llama_cpp_2::DecodeError;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::{KvCacheType, LlamaContextParams};
use llama_cpp_2::context::session::LlamaStateSeqFlags;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_sys_2 as sys;

use super::cache_index::{AdapterKey, Token};
use super::cache_shape::{CacheShape, MemoryClass};
use super::config::{EngineConfig, EngineSettings, KvDtype, OwnWindows, RopeMethod, RopeScaling, WeightForm};
use super::cost_model::{CostModel, Shape, Sums};
use super::machine::{Before, Decoded, Guest, Logits, Lookout, MOST_LOGITS, Machine, NextToken, SnapshotSize};
use super::memory;
use super::message::{Failure, FailureKind, Memory, ModelInfo, Origin, Sampling, SamplingPatch, TurnMarks, Weight};
use super::schema::{self, Constraint};
use super::threads::Cores;
use crate::swaa::cost::PrefillCost;
use crate::swaa::{Adapter, Attention, LayerSet, ModelLayers};
use crate::units::{bytes, count};
pub use attempt::try_model;
use device_copies::DeviceCopy;
pub use facts::{Facts, facts};
use library::{LIBRARY, check_is_gguf, failure, take_complaints, without_unwinding};
pub use library::{library_version, patch_stamp};
use moving::Moved;
use names::Names;
use probabilities::{scores_of, weight_of};
use states::SeqState;
use tensors::Tensors;
use weights::Loaded;

/// The sequence of the first conversation.
const SEQUENCE: i32 = 0;

/// The sequence of a guest.
const fn sequence_of(guest: Guest) -> i32 {
    guest.0.cast_signed()
}

/// Enough to ask a context what it is.
const SMALL_CONTEXT_TOKENS: u32 = 256;

/// What `llama_decode` returns if the abort callback stopped it.
const ABORTED: i32 = 2;

// --- the model -------------------------------------------------------------------------------------------------------

/// The weights, and facts about the model.
pub(super) struct Model {
    weights: LlamaModel,
    info: ModelInfo,
    shape: Shape,
    adapters: adapters::Adapters,
}

impl Model {
    /// Loads `config.model`. Calls `progress` with 0.0 to 1.0, and stops if it returns `false`.
    /// Errors: [`FailureKind::Model`] if the file is missing, not a GGUF file, truncated, or of an architecture that
    /// llama.cpp does not know.
    pub(super) fn load(config: &EngineConfig, mut progress: impl FnMut(f32) -> bool) -> Result<Self, Failure> {
        let mut model = Self::open(config, |config| weights::load(config, &mut progress))?;
        if !config.settings.adapters.is_empty() {
            let context = small_context(&model.weights, &config.settings, SMALL_CONTEXT_TOKENS)?;
            model.adapters = adapters::load(context.raw, &architecture(&model.weights), &config.settings.adapters)?;
        }
        Ok(model)
    }

    /// Loads all of `config.model` except its weights: nothing can be computed with it.
    pub(super) fn describe(config: &EngineConfig) -> Result<Self, Failure> {
        let model = Self::open(config, weights::describe)?;
        let required = config.settings.adapters.iter().filter(|file| file.is_required);
        required.map(|file| &file.path).try_for_each(|path| adapters::check(path, &architecture(&model.weights)))?;
        Ok(model)
    }

    fn open(
        config: &EngineConfig,
        load: impl FnOnce(&EngineConfig) -> Result<Loaded, Failure>,
    ) -> Result<Self, Failure> {
        check_is_gguf(&config.model)?;
        let started = Instant::now();
        let Loaded { weights: model, gpus, offloaded_layers, without_gpu } = load(config)?;
        // Contexts may change what the library says of it.
        let trained = model.n_ctx_train();
        let Probed { cache, layers, sliding_refused } = probe(&model, &config.settings)?;
        let tensors = Tensors::of(&config.model);
        let shape = shape(&model, &layers, &tensors);
        let unmeasured = CostModel::knowing(shape, !gpus.is_empty(), Sums::default());
        let cache = with_own_windows(cache, config, !gpus.is_empty())?;
        let mut info = describe(&model, config, started, unmeasured.cost(), cache);
        info.layers = layers;
        info.train_context_tokens = config.settings.rope.reach(trained, unscaled(&model), config.settings.context);
        info.stretched_from = (info.train_context_tokens != trained).then_some(trained);
        info.devices = if gpus.is_empty() { vec!["CPU".to_owned()] } else { gpus };
        info.offloaded_layers = offloaded_layers;
        info.without_gpu = without_gpu.map(str::to_owned);
        if info.is_in_main_memory() && config.settings.offload.weights == WeightForm::Repacked {
            info.repacked_bytes = repacked::bytes(tensors.all());
        }
        info.sliding_refused = sliding_refused;
        Ok(Self { shape, weights: model, info, adapters: adapters::Adapters::default() })
    }

    /// All tokens, for holding answers to a schema.
    fn schema_tokens(&self) -> Result<schema::Tokens, String> {
        let vocab = self.weights.vocab();
        let token = |id: u32| LlamaToken(id.cast_signed());
        let count = self.info.vocab_tokens;
        let usual = if vocab.eot().0 < 0 { vocab.eos() } else { vocab.eot() };
        let others = (0..count).filter(|id| vocab.is_eog(token(*id)) && token(*id) != usual);
        let ends: Vec<u32> = u32::try_from(usual.0).into_iter().chain(others).collect();
        let bytes_of = |id| vocab.token_to_piece(token(id), false, None);
        schema::Tokens::new(count, &ends, bytes_of, |id| vocab.token_to_piece(token(id), true, None))
    }

    pub(super) fn into_vocabulary(self) -> vocabulary::Vocabulary {
        vocabulary::Vocabulary::of(self.weights)
    }

    pub(super) fn info(&self) -> &ModelInfo {
        &self.info
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }
}

fn describe(
    model: &LlamaModel,
    config: &EngineConfig,
    started: Instant,
    prefill_cost: PrefillCost,
    cache: CacheShape,
) -> ModelInfo {
    let architecture = architecture(model);
    let Names { name, called, quantisation } = Names::of(model, &config.model);
    let vocab = model.vocab();
    let text_of = |token| String::from_utf8_lossy(&vocab.token_to_piece(token, true, None)).into_owned();
    ModelInfo {
        path: config.model.clone(),
        name,
        called,
        quantisation,
        layers: ModelLayers::All(model.n_layer()),
        train_context_tokens: model.n_ctx_train(),
        stretched_from: None,
        vocab_tokens: model.n_vocab().unsigned_abs(),
        cache,
        model_bytes: model.size(),
        repacked_bytes: 0,
        load_time: started.elapsed(),
        chat_template: model.chat_template(None).ok().and_then(|template| template.to_string().ok()),
        turn_marks: if vocabulary::has_token(model, "<|im_start|>") { TurnMarks::ChatMl } else { TurnMarks::Unknown },
        bos_text: text_of(vocab.bos()),
        eos_text: text_of(vocab.eos()),
        sampling: recommended_sampling(model),
        sliding_refused: None,
        without_gpu: None,
        prefill_cost,
        patch_stamp: patch_stamp(),
        devices: Vec::new(),
        offloaded_layers: 0,
        server: None,
        context: config.settings.context,
        heads: super::message::HeadsKnown::default(),
        runs_on: None,
        architecture,
    }
}

/// `general.sampling.*`, as llama.cpp's tools apply them. A value that is no number in its range counts as not given.
fn recommended_sampling(model: &LlamaModel) -> SamplingPatch {
    fn value<T: std::str::FromStr>(model: &LlamaModel, key: &str, is_sound: impl Fn(&T) -> bool) -> Option<T> {
        let written = model.meta_val_str(&format!("general.sampling.{key}")).ok()?;
        written.trim().parse().ok().filter(is_sound)
    }
    let is_share = |share: &f32| (0.0..=1.0).contains(share);
    SamplingPatch {
        temperature: value(model, "temp", |temperature: &f32| (0.0..=1000.0).contains(temperature)),
        top_k: value(model, "top_k", |_| true),
        top_p: value(model, "top_p", is_share),
        min_p: value(model, "min_p", is_share),
        repeat_penalty: value(model, "penalty_repeat", |penalty: &f32| (0.01..=100.0).contains(penalty)),
        repeat_last_n: value(model, "penalty_last_n", |tokens: &i32| (-1..=1 << 20).contains(tokens)),
        seed: None,
    }
}

fn head_size(model: &LlamaModel, architecture: &str, which: &str) -> u32 {
    let stated = model.meta_val_str(&format!("{architecture}.attention.{which}_length")).ok();
    stated.and_then(|value| value.parse().ok()).unwrap_or_else(|| model.n_embd().unsigned_abs() / model.n_head().max(1))
}

/// What the model was trained for before its file scaled positions.
fn unscaled(model: &LlamaModel) -> Option<u32> {
    let key = format!("{}.rope.scaling.original_context_length", architecture(model));
    model.meta_val_str(&key).ok()?.parse().ok()
}

fn architecture(model: &LlamaModel) -> String {
    model.meta_val_str("general.architecture").unwrap_or_default()
}

fn shape(model: &LlamaModel, layers: &ModelLayers, tensors: &Tensors) -> Shape {
    let head = head_size(model, &architecture(model), "key");
    Shape {
        parameters: tensors.active(model.n_params()) as f64,
        layers: layers.attending_count(),
        attention_width: f64::from(model.n_head()) * f64::from(head),
    }
}

/// What only a context knows.
struct Probed {
    cache: CacheShape,
    layers: ModelLayers,
    /// Why sliding attention is not available, if so.
    sliding_refused: Option<String>,
}

/// Asks contexts of the smallest sizes: what a cache takes is llama.cpp's own account, layer by layer.
fn probe(model: &LlamaModel, settings: &EngineSettings) -> Result<Probed, Failure> {
    let (smaller, larger) = (small_context(model, settings, 256)?, small_context(model, settings, 512)?);
    let [of_256, of_512] = [&smaller, &larger].map(|context| memory_of(context).kv as u64);
    let class = memory_class(model, &smaller);
    let layers = match smaller.attending_layers() {
        none if none.is_empty() => ModelLayers::All(model.n_layer()),
        attending => ModelLayers::new(model.n_layer(), attending),
    };
    Ok(Probed { cache: CacheShape::measured(class, of_256, of_512), layers, sliding_refused: smaller.refusal() })
}

/// Asks contexts of which nothing is allocated: what layers with windows of their own keep depends on the batch size.
fn with_own_windows(whole: CacheShape, config: &EngineConfig, on_gpu: bool) -> Result<CacheShape, Failure> {
    let may_have = matches!(whole.class, MemoryClass::Windowed | MemoryClass::Hybrid | MemoryClass::TrainedSparse);
    if config.settings.own_windows == OwnWindows::Whole || !may_have {
        return Ok(whole);
    }
    let described = weights::describe(config)?.weights;
    let settings = config.settings.clone().for_device(on_gpu);
    let window = small_context(&described, &settings, 256)?.own_window();
    if window == 0 {
        return Ok(whole);
    }
    let smaller = (window + settings.ubatch_tokens()).next_multiple_of(1024) + 1024;
    let tokens = [smaller, smaller + 1024];
    let bytes = |tokens| {
        let params = with_cache_type(LlamaContextParams::default(), &settings)
            .with_n_ctx(NonZeroU32::new(tokens))
            .with_n_batch(settings.batch_tokens())
            .with_n_ubatch(settings.ubatch_tokens())
            .with_offload_kqv(false)
            .with_swa_full(false);
        probed(&described, params).map(|context| memory_of(&context).kv as u64)
    };
    Ok(whole.with_short_windows(tokens, [bytes(tokens[0])?, bytes(tokens[1])?]))
}

fn small_context<'model>(
    model: &'model LlamaModel,
    settings: &EngineSettings,
    tokens: u32,
) -> Result<Context<'model>, Failure> {
    let params = with_cache_type(LlamaContextParams::default(), settings)
        .with_n_ctx(NonZeroU32::new(tokens))
        .with_n_batch(32)
        .with_n_ubatch(32)
        .with_offload_kqv(false);
    probed(model, params)
}

fn probed(model: &LlamaModel, params: LlamaContextParams) -> Result<Context<'_>, Failure> {
    Context::new(model, params).ok_or_else(|| {
        let reason = take_complaints().unwrap_or_else(|| "no reason given".to_owned());
        failure(FailureKind::Model, format!("cannot create a context for this model: {reason}"), None)
    })
}

fn memory_class(model: &LlamaModel, context: &Context) -> MemoryClass {
    let architecture = architecture(model);
    let has = |key: &str| model.meta_val_str(&format!("{architecture}.attention.{key}")).is_ok();
    if has("indexer.head_count") {
        MemoryClass::TrainedSparse
    } else if model.is_hybrid() {
        MemoryClass::Hybrid
    } else if model.is_recurrent() {
        MemoryClass::Recurrent
    } else if context.own_window() > 0 {
        MemoryClass::Windowed
    } else if has("key_length_mla") {
        MemoryClass::Latent
    } else {
        MemoryClass::Plain
    }
}

/// The cache type and what it needs.
fn with_cache_type(params: LlamaContextParams, settings: &EngineSettings) -> LlamaContextParams {
    let kv_dtype = match settings.kv_dtype {
        KvDtype::F16 => KvCacheType::F16,
        KvDtype::F32 => KvCacheType::F32,
        KvDtype::Bf16 => KvCacheType::BF16,
        KvDtype::Q8_0 => KvCacheType::Q8_0,
        KvDtype::Q4_0 => KvCacheType::Q4_0,
    };
    let flash =
        if settings.flash_attention { sys::LLAMA_FLASH_ATTN_TYPE_AUTO } else { sys::LLAMA_FLASH_ATTN_TYPE_DISABLED };
    let params = params.with_type_k(kv_dtype).with_type_v(kv_dtype).with_flash_attention_policy(flash);
    with_rope(params, &settings.rope)
}

/// What is not given stays as the library has it: as the model's file says.
fn with_rope(params: LlamaContextParams, rope: &RopeScaling) -> LlamaContextParams {
    changed(params, |params| {
        if let Some(method) = rope.method {
            params.rope_scaling_type = match method {
                RopeMethod::None => sys::LLAMA_ROPE_SCALING_TYPE_NONE,
                RopeMethod::Linear => sys::LLAMA_ROPE_SCALING_TYPE_LINEAR,
                RopeMethod::Yarn => sys::LLAMA_ROPE_SCALING_TYPE_YARN,
            };
        }
        for (field, given) in [
            (&mut params.rope_freq_base, rope.freq_base),
            (&mut params.rope_freq_scale, rope.freq_scale),
            (&mut params.yarn_ext_factor, rope.yarn.ext_factor),
            (&mut params.yarn_attn_factor, rope.yarn.attn_factor),
            (&mut params.yarn_beta_slow, rope.yarn.beta_slow),
            (&mut params.yarn_beta_fast, rope.yarn.beta_fast),
        ] {
            *field = given.unwrap_or(*field);
        }
        params.yarn_orig_ctx = rope.yarn.orig_ctx.unwrap_or(params.yarn_orig_ctx);
    })
}

// --- a context -------------------------------------------------------------------------------------------------------

/// The closure that the abort callback calls. Set only during a decode call.
type Interrupt = Cell<Option<*const dyn Fn() -> bool>>;

/// A context, its raw pointer, and the attention configured on it.
struct Context<'model> {
    // Dropped first: the library may still use `interrupt` while it frees the context.
    safe: LlamaContext<'model>,
    raw: NonNull<sys::llama_context>,
    interrupt: Box<Interrupt>,
    configured: Option<Attention>,
    tells: Tells,
    tokens: u32,
    adapted: adapters::OnModel,
}

/// Whether the library knows the lookout, and whether heads can tell what they attend to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    /// It has to be told.
    Unknown,
    Yes,
    No,
}

impl<'model> Context<'model> {
    fn new(model: &'model LlamaModel, params: LlamaContextParams) -> Option<Self> {
        let safe = model.new_context(&LIBRARY, params).ok()?;
        // SAFETY: returns the context that this thread created last, which is `safe`; null only if there is none.
        let raw = NonNull::new(unsafe { sys::llama_swaa_newest_context() })?;
        let interrupt: Box<Interrupt> = Box::default();
        let data = std::ptr::from_ref::<Interrupt>(&interrupt).cast_mut().cast::<c_void>();
        // SAFETY: `data` points into a box that this struct keeps until after the context is dropped, and the callback
        // runs only inside decode calls, on the thread that makes them.
        unsafe { sys::llama_set_abort_callback(raw.as_ptr(), Some(is_interrupted), data) };
        let tokens = safe.n_ctx();
        Some(Self { safe, raw, interrupt, configured: None, tells: Tells::Unknown, tokens, adapted: Vec::new() })
    }

    fn refusal(&self) -> Option<String> {
        // SAFETY: `raw` is alive as long as `self`; the library returns null or a string literal.
        let reason = unsafe { sys::llama_swaa_refusal(self.raw.as_ptr()) };
        // SAFETY: as above.
        (!reason.is_null()).then(|| unsafe { CStr::from_ptr(reason) }.to_string_lossy().into_owned())
    }

    /// The layers that attend to a cache that can slide; none if there is no such cache.
    fn attending_layers(&self) -> LayerSet {
        // SAFETY: `raw` is alive as long as `self`; without room, the library writes nothing.
        let count = unsafe { sys::llama_swaa_get_layers(self.raw.as_ptr(), std::ptr::null_mut(), 0) };
        let mut layers = vec![0; count];
        // SAFETY: as above; there is room for `count` indices.
        unsafe { sys::llama_swaa_get_layers(self.raw.as_ptr(), layers.as_mut_ptr(), count) };
        layers.into_iter().map(i32::cast_unsigned).collect()
    }

    /// The window that the model itself has on some layers; 0 if none.
    fn own_window(&self) -> u32 {
        // SAFETY: `raw` is alive as long as `self`, and so is its model.
        unsafe { sys::llama_model_n_swa(sys::llama_get_model(self.raw.as_ptr())) }.unsigned_abs()
    }

    /// Sets the attention of the next decode calls. Switching between full and an unchanged sliding attention is free.
    fn attend(&mut self, attention: &Attention) -> Result<(), Failure> {
        if let Attention::Sliding { window, sinks, far, full_layers } = attention
            && self.configured.as_ref() != Some(attention)
        {
            let full: Vec<i32> = full_layers.as_slice().iter().map(|&layer| layer.cast_signed()).collect();
            // SAFETY: `raw` is alive; `full` holds `full.len()` indices and is only read during the call.
            let status = unsafe {
                sys::llama_swaa_configure_far(self.raw.as_ptr(), *window, *sinks, *far, full.as_ptr(), full.len())
            };
            if status != 0 {
                let reason = self.refusal().unwrap_or_else(|| format!("status {status}"));
                let hint = Some("use --preset full");
                return Err(failure(
                    FailureKind::Unsupported,
                    format!("sliding attention is not available: {reason}"),
                    hint,
                ));
            }
            self.configured = Some(attention.clone());
        }
        // SAFETY: `raw` is alive.
        unsafe { sys::llama_swaa_set_sliding(self.raw.as_ptr(), *attention != Attention::Full) };
        Ok(())
    }

    /// Puts adapters onto the model of the next decode calls, unless they are there.
    fn adapt(&mut self, on_model: &adapters::OnModel) {
        if self.adapted != *on_model {
            adapters::put(self.raw, on_model);
            self.adapted.clone_from(on_model);
        }
    }

    /// Tells the library which heads tell what they attend to in the next decode calls, unless it knows.
    fn look_out(&mut self, lookout: Option<&Lookout>) {
        if self.tells != Tells::Unknown {
            return;
        }
        let heads = lookout.map_or(&[][..], |lookout| &lookout.heads);
        let (layers, indices): (Vec<i32>, Vec<i32>) =
            heads.iter().map(|head| (head.layer.cast_signed(), head.head.cast_signed())).unzip();
        // SAFETY: `raw` is alive; both lists have `heads.len()` numbers and are only read during the call.
        let status =
            unsafe { sys::llama_locate_configure(self.raw.as_ptr(), layers.as_ptr(), indices.as_ptr(), heads.len()) };
        let (keys, rows) = lookout.map_or((0, 0..0), |lookout| (lookout.keys, lookout.rows.clone()));
        // SAFETY: as above.
        unsafe { sys::llama_locate_set(self.raw.as_ptr(), keys, rows.start.cast_signed(), rows.end.cast_signed()) };
        self.tells = if status == 0 { Tells::Yes } else { Tells::No };
    }

    fn seen(&self, lookout: &Lookout) -> Option<Vec<Vec<f32>>> {
        if self.tells != Tells::Yes || lookout.keys == 0 {
            return None;
        }
        let mut rows = 0;
        // SAFETY: `raw` is alive; the library writes one number.
        let sums = unsafe { sys::llama_locate_get(self.raw.as_ptr(), &raw mut rows) };
        let keys = lookout.keys as usize;
        // SAFETY: unless it is null, it has a number for each head and key of the lookout that was set, and stays until
        // the next call on the context.
        let sums =
            (!sums.is_null()).then(|| unsafe { std::slice::from_raw_parts(sums, lookout.heads.len() * keys) })?;
        Some(sums.chunks(keys).map(<[f32]>::to_vec).collect())
    }

    /// Empties the cache without overwriting it: the library never reads a cell that holds no token, and zeroing them
    /// took a quarter of the time of restoring a snapshot.
    fn forget(&mut self) {
        // SAFETY: `raw` is alive, and so is its memory; nothing else uses them, as `self` is borrowed.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.raw.as_ptr()), false) };
    }

    fn synchronize(&mut self) {
        // SAFETY: `raw` is alive, and no other call is running, as `self` is borrowed.
        unsafe { sys::llama_synchronize(self.raw.as_ptr()) };
    }

    fn decode(&mut self, batch: &mut LlamaBatch, interrupted: &dyn Fn() -> bool) -> Result<Decoded, Failure> {
        // SAFETY: only the lifetime is widened; the pointer is removed below, before `interrupted` can end, and the
        // callback runs on this thread, inside the call.
        let widened = unsafe { std::mem::transmute::<&dyn Fn() -> bool, &'static dyn Fn() -> bool>(interrupted) };
        self.interrupt.set(Some(std::ptr::from_ref(widened)));
        let result = self.safe.decode(batch);
        self.interrupt.set(None);
        match result {
            Ok(()) => Ok(Decoded::Done),
            Err(DecodeError::Unknown(ABORTED)) => Ok(Decoded::Interrupted),
            Err(error) => {
                let reason = take_complaints().unwrap_or_else(|| error.to_string());
                let message = format!("llama.cpp could not compute {} tokens: {reason}", batch.n_tokens());
                Err(failure(FailureKind::Runtime, message, None))
            }
        }
    }
}

/// Abort callback: whether the running decode call has to stop. It also stops if the closure panics.
unsafe extern "C" fn is_interrupted(data: *mut c_void) -> bool {
    // SAFETY: `data` is the box of the context that is computing, see `Context::new`.
    let interrupt = unsafe { &*data.cast::<Interrupt>() };
    // SAFETY: the pointer is set only while the closure behind it is alive, see `Context::decode`.
    interrupt.get().is_some_and(|asked| without_unwinding(true, || unsafe { (*asked)() }))
}

/// Reserves room for the logits of a few tokens, since those of a call's last token are computed, or of a draft's, or of one token of each
/// sequence. By default, llama.cpp reserves room for a whole batch: 1.2 GB with 2,048 tokens and a vocabulary of 152,000.
fn with_few_outputs(params: LlamaContextParams, sequences: u32) -> LlamaContextParams {
    changed(params, |params| params.n_outputs_max = MOST_LOGITS.max(sequences))
}

/// With settings that the wrapper has no functions for. Only plain numbers may be set so.
fn changed(mut params: LlamaContextParams, change: impl FnOnce(&mut sys::llama_context_params)) -> LlamaContextParams {
    const { assert!(size_of::<LlamaContextParams>() == size_of::<sys::llama_context_params>()) };
    // SAFETY: the wrapper has one field of the library's type and the same size, so the field fills it.
    change(unsafe { &mut *(&raw mut params).cast::<sys::llama_context_params>() });
    params
}

// --- the machine -----------------------------------------------------------------------------------------------------

/// A copy of a cache, and how its positions were moved.
pub(super) struct Copied {
    contents: Contents,
    moved: Moved,
}

/// What was copied of a sequence, and to where.
enum Contents {
    /// Whatever the library keeps of it, or the part that can't be cut, to host memory.
    State(SeqState),
    /// The cells to the devices that hold them. What can't be cut of them, if there is something, to host memory.
    OnDevice { cells: DeviceCopy, state: Option<SeqState> },
    /// The same, with the cells in host memory, too.
    Range { cells: Vec<u8>, state: Option<SeqState> },
}

impl Contents {
    /// Of a checkpoint, which is never anything else.
    fn state(&self) -> &[u8] {
        match self {
            Self::State(state) => state.bytes(),
            Self::OnDevice { .. } | Self::Range { .. } => &[],
        }
    }

    fn size(&self) -> SnapshotSize {
        let of = |state: &Option<SeqState>| state.as_ref().map_or(0, |state| state.bytes().len());
        let (host, device) = match self {
            Self::State(state) => (state.bytes().len(), 0),
            Self::OnDevice { cells, state } => (of(state), cells.bytes()),
            Self::Range { cells, state } => (cells.len() + of(state), 0),
        };
        SnapshotSize { host_bytes: host as u64, device_bytes: device as u64 }
    }
}

/// What shapes the tokens of one answer.
pub(super) struct Sampler {
    chain: LlamaSampler,
    constraint: Option<Constraint>,
}

/// A model with at most one context.
pub(super) struct Llama<'model> {
    model: &'model Model,
    context: Option<Context<'model>>,
    moved: Moved,
    batch: LlamaBatch<'static>,
    /// For schemas; made when one is first asked for.
    schema_tokens: Option<schema::Tokens>,
    lookout: Option<Lookout>,
    adapters: adapters::OnModel,
    settings: EngineSettings,
    threads: i32,
    marks: vocabulary::Marks,
}

impl<'model> Llama<'model> {
    pub(super) fn new(model: &'model Model, settings: &EngineSettings) -> Self {
        let batch = LlamaBatch::new(settings.batch_tokens() as usize, 1);
        let threads = Cores::here().allowed.cast_signed();
        let marks = vocabulary::Marks::of(&model.weights);
        let settings = settings.clone();
        Self {
            model,
            context: None,
            moved: Moved::default(),
            batch,
            schema_tokens: None,
            lookout: None,
            adapters: Vec::new(),
            settings,
            threads,
            marks,
        }
    }

    fn context(&mut self) -> Result<&mut Context<'model>, Failure> {
        let missing = || failure(FailureKind::Runtime, "no context has been created yet".to_owned(), None);
        self.context.as_mut().ok_or_else(missing)
    }

    fn context_params(&self, tokens: u32) -> LlamaContextParams {
        let sequences = 1 + self.guests();
        with_few_outputs(with_cache_type(LlamaContextParams::default(), &self.settings), sequences)
            .with_n_ctx(NonZeroU32::new(tokens))
            .with_n_batch(self.settings.batch_tokens())
            .with_n_ubatch(self.settings.ubatch_tokens())
            .with_n_threads(self.threads)
            .with_n_threads_batch(self.threads)
            .with_swa_full(self.settings.own_windows == OwnWindows::Whole)
            .with_n_seq_max(sequences)
            // Sequences share cells only in one buffer.
            .with_kv_unified(sequences > 1)
    }

    /// Refuses a context that memory can't hold, before allocating it: the system may grant the memory and then kill
    /// the process when it is used.
    fn check_memory(&self, tokens: u32) -> Result<(), Failure> {
        let need = self.model.info.cache.bytes(tokens);
        let cache_state = self.context.as_ref().map_or(0, |context| memory_of(context).kv as u64);
        let free = memory::free_bytes() + cache_state;
        if self.model.info.is_in_main_memory() && need > free {
            return Err(self.out_of_memory(tokens, &format!("{} are free", bytes(free))));
        }
        Ok(())
    }

    fn out_of_memory(&self, tokens: u32, reason: &str) -> Failure {
        let need = bytes(self.model.info.cache.bytes(tokens));
        let message = format!("a context of {} tokens needs {need} for its KV cache, and {reason}", count(tokens));
        let hint =
            "use a smaller context (-c), load fewer parts (--parts), or halve the KV cache (-ctk q8_0 -ctv q8_0)";
        failure(FailureKind::DoesNotFit, message, Some(hint))
    }

    /// A copy of the cache, or of the part of it that `flags` name.
    fn copy(&self, flags: LlamaStateSeqFlags) -> Result<Copied, Failure> {
        let context = self.context.as_ref().expect("only an existing context is copied");
        let state = states::copy(context.raw, SEQUENCE, flags).ok_or_else(|| failed("cannot copy the KV cache"));
        Ok(Copied { contents: Contents::State(self.unless_lost(state)?), moved: self.moved })
    }

    /// A copy of the cache in the memory of its devices; `None` if it doesn't fit there, or has to be copied in another way.
    fn copy_on_device(&self) -> Option<Copied> {
        let context = self.context.as_ref().filter(|_| self.may_copy_on_device())?;
        let cells = device_copies::take(context.raw, SEQUENCE, moving::end(context.raw, SEQUENCE)?)?;
        let rest = || states::copy(context.raw, SEQUENCE, LlamaStateSeqFlags::PARTIAL_ONLY);
        let state = if self.cuts_anywhere() { None } else { Some(rest()?) };
        Some(Copied { contents: Contents::OnDevice { cells, state }, moved: self.moved })
    }

    /// Moved positions are not those of a range.
    fn may_copy_on_device(&self) -> bool {
        self.settings.device_snapshots > 0 && self.moved == Moved::default()
    }

    /// Puts `contents` into a cache that is empty.
    fn put(&mut self, contents: &Contents) -> Result<(), Failure> {
        let raw = self.context()?.raw;
        let put_state =
            |state: &Option<SeqState>| state.as_ref().is_none_or(|state| states::put_back(raw, SEQUENCE, state));
        let is_put = match contents {
            Contents::State(state) => states::put_back(raw, SEQUENCE, state),
            Contents::OnDevice { cells, state } => device_copies::put(raw, SEQUENCE, cells) && put_state(state),
            Contents::Range { cells, state } => {
                let positions = cells.len() as u64 / self.range_bytes(1).max(1);
                ranges::append(raw, SEQUENCE, 0, positions as u32, cells)?;
                put_state(state)
            }
        };
        if is_put { Ok(()) } else { Err(failed("cannot restore a snapshot of the KV cache")) }
    }

    /// What was computed or read is of no use if the connection to a peer failed meanwhile.
    fn unless_lost<T>(&self, done: Result<T, Failure>) -> Result<T, Failure> {
        rpc::lost(&self.settings.offload.peers, FailureKind::Runtime).map_or(done, Err)
    }

    /// Has keys that wait for it rotated. The library does so when a decode call begins, and one that is interrupted then would leave some keys
    /// rotated and others not. So this is a call that nothing interrupts: of any token at position `next`, which is removed again.
    fn rotate_now(&mut self, next: i32) -> Result<(), Failure> {
        self.batch.clear();
        self.batch.add(LlamaToken(0), next, &[SEQUENCE], false).expect("one token fits");
        let missing = || failure(FailureKind::Runtime, "no context has been created yet".to_owned(), None);
        let context = self.context.as_mut().ok_or_else(missing)?;
        context.decode(&mut self.batch, &|| false)?;
        let removed = context.safe.kv_cache_seq_rm(SEQUENCE, Some(next.unsigned_abs()), None);
        removed.map_err(|error| failed(&format!("cannot remove a token of the KV cache: {error}")))
    }

    /// A range's keys are rotated to the positions of a text; moved ones are of no use elsewhere.
    fn check_not_moved(&self) -> Result<(), Failure> {
        let moved = || failure(FailureKind::Runtime, "the cached keys were moved to other positions".to_owned(), None);
        if self.moved.by == 0 { Ok(()) } else { Err(moved()) }
    }

    /// The logits of a token: -1 is the last one that has some. `None` if it has none.
    fn logits(&self, index: i32) -> Option<&[f32]> {
        let context = self.context.as_ref()?;
        let count = usize::try_from(self.model.weights.n_vocab()).ok()?;
        // SAFETY: `raw` is alive; the library returns null, or `n_vocab` numbers that stay until the next decode call, which
        // needs a mutable `self`.
        unsafe {
            let first = sys::llama_get_logits_ith(context.raw.as_ptr(), index);
            (!first.is_null()).then(|| std::slice::from_raw_parts(first, count))
        }
    }

    /// Puts `tokens` of a sequence into the batch, from position `start` on, with logits of all or of the last.
    fn fill_batch(&mut self, sequence: i32, tokens: &[Token], start: u32, logits: Logits) {
        self.batch.clear();
        let end = start + tokens.len() as u32;
        for (position, token) in (start..).zip(tokens) {
            let has_logits = logits == Logits::OfEach || position + 1 == end;
            let of_library = self.moved.of_library(position).cast_signed();
            self.batch
                .add(LlamaToken(token.0), of_library, &[sequence], has_logits)
                .expect("a chunk is no longer than n_batch, the size of the batch");
        }
    }

    /// Computes the batch under `attention`.
    fn decode_batch(&mut self, attention: &Attention, interrupted: &dyn Fn() -> bool) -> Result<Decoded, Failure> {
        let missing = || failure(FailureKind::Runtime, "no context has been created yet".to_owned(), None);
        let context = self.context.as_mut().ok_or_else(missing)?;
        context.attend(attention)?;
        context.look_out(self.lookout.as_ref());
        context.adapt(&self.adapters);
        let decoded = context.decode(&mut self.batch, interrupted);
        if !self.settings.offload.peers.is_empty() {
            // Peers compute while the call is over; whether they did is known once they have.
            context.synchronize();
        }
        self.unless_lost(decoded)
    }

    fn make_context(&self, tokens: u32) -> Result<Context<'model>, Failure> {
        take_complaints();
        Context::new(&self.model.weights, self.context_params(tokens)).ok_or_else(|| {
            let reason = take_complaints().unwrap_or_else(|| "llama.cpp gave no reason".to_owned());
            let lost = rpc::lost(&self.settings.offload.peers, FailureKind::Runtime);
            lost.unwrap_or_else(|| self.out_of_memory(tokens, &reason))
        })
    }
}

impl Machine for Llama<'_> {
    type Snapshot = Copied;
    type Sampler = Sampler;

    fn tokenize(&self, texts: &[(&str, Origin)], before: Before) -> Vec<Token> {
        let tokens = vocabulary::tokenise_run(&self.model.weights, &self.marks, texts, before);
        tokens.into_iter().map(|LlamaToken(id)| Token(id)).collect()
    }

    fn token_bytes(&self, token: Token, special: bool) -> Vec<u8> {
        self.model.weights.vocab().token_to_piece(LlamaToken(token.0), special, None)
    }

    fn ends_generation(&self, token: Token) -> bool {
        self.model.weights.vocab().is_eog(LlamaToken(token.0))
    }

    fn layers(&self) -> &ModelLayers {
        &self.model.info.layers
    }

    fn query_heads(&self) -> u32 {
        self.model.weights.n_head()
    }

    fn adapt(&mut self, wanted: &[Adapter]) -> Result<AdapterKey, Failure> {
        let (on_model, key) = adapters::chosen(&self.model.adapters, wanted)?;
        self.adapters = on_model;
        Ok(key)
    }

    fn context_tokens(&self) -> u32 {
        self.context.as_ref().map_or(0, |context| context.tokens)
    }

    fn train_context_tokens(&self) -> u32 {
        self.model.info.train_context_tokens
    }

    fn resize(&mut self, tokens: u32) -> Result<(), Failure> {
        self.check_memory(tokens)?;
        let old_tokens = self.context_tokens();
        let cache_state = match &self.context {
            // To host memory: the device may have no room for both.
            Some(_) => Some(self.copy(LlamaStateSeqFlags::empty())?),
            None => None,
        };
        // Free the old cache first: memory may not hold both.
        self.context = None;
        let made = self.make_context(tokens);
        let grown = made.is_ok();
        self.context = match made {
            Ok(context) => Some(context),
            Err(failure) if old_tokens == 0 => return Err(failure),
            Err(failure) => {
                self.context = Some(self.make_context(old_tokens)?);
                self.restore(&cache_state.expect("an old context was copied above"))?;
                return Err(failure);
            }
        };
        match cache_state {
            Some(snapshot) if grown => self.restore(&snapshot),
            _ => Ok(()),
        }
    }

    fn set_threads(&mut self, threads: u32) {
        self.threads = threads.cast_signed();
        if let Some(context) = &self.context {
            // SAFETY: `raw` is alive as long as `context`, and no call is running, as `self` is borrowed.
            unsafe { sys::llama_set_n_threads(context.raw.as_ptr(), self.threads, self.threads) };
        }
    }

    fn decode(
        &mut self,
        tokens: &[Token],
        start: u32,
        attention: &Attention,
        logits: Logits,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Decoded, Failure> {
        self.fill_batch(SEQUENCE, tokens, start, logits);
        // While the window hides nothing, full attention gives the same result without a second mask.
        let end = start + tokens.len() as u32;
        self.decode_batch(if end <= attention.seen_whole() { &Attention::Full } else { attention }, interrupted)
    }

    fn weigh(&self, next: &[Token]) -> Result<Vec<Weight>, Failure> {
        let count = i32::try_from(next.len()).expect("no call has logits for so many tokens");
        let of_token = |(index, token): (i32, &Token)| {
            let logits = self.logits(index - count).zip(usize::try_from(token.0).ok());
            logits.and_then(|(logits, token)| weight_of(logits, token)).ok_or_else(|| {
                let message = format!("the library has no scores for token {} of {count}", index + 1);
                failure(FailureKind::Runtime, message, None)
            })
        };
        (0..).zip(next).map(of_token).collect()
    }

    fn score(&self, token: Token, others_after: u32, likeliest: u32) -> Result<(f64, Vec<(Token, f64)>), Failure> {
        let scored = self.logits(-1 - others_after.cast_signed()).zip(usize::try_from(token.0).ok());
        let scored = scored.and_then(|(logits, token)| scores_of(logits, token, likeliest as usize));
        scored.ok_or_else(|| failure(FailureKind::Runtime, "the library has no scores for a token".to_owned(), None))
    }

    fn cuts_anywhere(&self) -> bool {
        self.model.info.cache.cuts_anywhere()
    }

    fn look_out(&mut self, lookout: Option<Lookout>) {
        self.lookout = lookout;
        if let Some(context) = &mut self.context {
            context.tells = Tells::Unknown;
        }
    }

    fn seen(&self) -> Option<Vec<Vec<f32>>> {
        self.context.as_ref()?.seen(self.lookout.as_ref()?)
    }

    fn truncate(&mut self, len: u32) -> Result<(), Failure> {
        let of_library = self.moved.of_library(len);
        self.moved = self.moved.cut(len);
        let removed = self.context()?.safe.kv_cache_seq_rm(SEQUENCE, Some(of_library), None);
        removed.map_err(|error| {
            failure(FailureKind::Runtime, format!("cannot truncate the KV cache to {len} tokens: {error}"), None)
        })
    }

    /// Other memories keep tokens in other forms than cells, or attention that slides by position is refused.
    fn drops_anywhere(&self) -> bool {
        self.model.info.drops_anywhere()
    }

    fn drop_range(&mut self, start: u32, end: u32) -> Result<(), Failure> {
        let [first, behind] = [start, end].map(|position| self.moved.of_library(position));
        if moving::drop_range(self.context()?.raw, SEQUENCE, first, behind) {
            return Ok(());
        }
        Err(failed(&format!("cannot drop tokens {start} to {end} of the KV cache")))
    }

    fn move_behind(&mut self, sinks: u32, by: u32) -> Result<(), Failure> {
        let further = by - self.moved.by;
        if further > 0 {
            let is_quantised = matches!(self.settings.kv_dtype, KvDtype::Q8_0 | KvDtype::Q4_0);
            let Some(next) = moving::lower(self.context()?.raw, SEQUENCE, sinks, further, is_quantised) else {
                return Err(unmovable(is_quantised));
            };
            self.rotate_now(next)?;
        }
        self.moved = Moved { from: sinks, by };
        Ok(())
    }

    fn checkpoint(&self) -> Result<Copied, Failure> {
        self.copy(LlamaStateSeqFlags::PARTIAL_ONLY)
    }

    /// The state first: the library cuts keys and values only where the state allows it.
    fn rewind(&mut self, checkpoint: &Copied, len: u32) -> Result<(), Failure> {
        let Contents::State(state) = &checkpoint.contents else { return Err(failed("a checkpoint is a state")) };
        if !states::put_back(self.context()?.raw, SEQUENCE, state) {
            return Err(failed(&format!("cannot go back to token {len} of the KV cache")));
        }
        self.truncate(len)
    }

    fn forget(&mut self) {
        self.moved = Moved::default();
        if let Some(context) = &mut self.context {
            context.forget();
        }
    }

    fn snapshot(&self) -> Result<Copied, Failure> {
        match self.copy_on_device() {
            Some(copied) => self.unless_lost(Ok(copied)),
            None => self.copy(LlamaStateSeqFlags::empty()),
        }
    }

    fn copies_on_device(&self) -> bool {
        let end = |context: &Context| moving::end(context.raw, SEQUENCE);
        self.may_copy_on_device()
            && self
                .context
                .as_ref()
                .is_some_and(|context| end(context).is_some_and(|end| device_copies::fits(context.raw, end)))
    }

    fn leave_device(snapshot: Copied) -> Option<Copied> {
        let contents = match snapshot.contents {
            Contents::OnDevice { cells, state } => Contents::Range { cells: cells.read()?, state },
            in_host_memory => in_host_memory,
        };
        Some(Copied { contents, ..snapshot })
    }

    fn restore(&mut self, snapshot: &Copied) -> Result<(), Failure> {
        self.moved = snapshot.moved;
        self.context()?.forget();
        self.put(&snapshot.contents)
    }

    fn snapshot_size(snapshot: &Copied) -> SnapshotSize {
        snapshot.contents.size()
    }

    fn checkpoint_bytes(checkpoint: &Copied) -> Vec<u8> {
        checkpoint.contents.state().to_vec()
    }

    fn checkpoint_of(bytes: Vec<u8>) -> Copied {
        let state = SeqState::of(bytes, LlamaStateSeqFlags::PARTIAL_ONLY);
        Copied { contents: Contents::State(state), moved: Moved::default() }
    }

    fn range_layout(&mut self) -> Result<String, String> {
        if self.model.info.cache.class == MemoryClass::Windowed && self.cuts_anywhere() {
            return Err("with --swa-full, layers with windows of their own keep every token".to_owned());
        }
        match &self.context {
            Some(context) => ranges::layout(context.raw),
            // A small one is of the same kind.
            None => self
                .make_context(SMALL_CONTEXT_TOKENS)
                .map_or_else(|failure| Err(failure.message), |context| ranges::layout(context.raw)),
        }
    }

    fn range_bytes(&mut self, tokens: u32) -> u64 {
        u64::from(tokens) * self.model.info.cache.bytes_per_token
    }

    fn copy_range(&mut self, start: u32, end: u32) -> Result<Vec<u8>, Failure> {
        self.check_not_moved()?;
        let copied = ranges::copy(self.context()?.raw, SEQUENCE, start, end);
        self.unless_lost(copied)
    }

    fn append_range(&mut self, start: u32, end: u32, bytes: &[u8]) -> Result<(), Failure> {
        self.check_not_moved()?;
        ranges::append(self.context()?.raw, SEQUENCE, start, end, bytes)
    }

    fn logits_fault(&self) -> Option<&'static str> {
        fault_of(self.logits(-1)?)
    }

    fn start_sampling(&mut self, sampling: &Sampling, recent: &[Token]) -> Sampler {
        let mut chain = sampling::sampler_chain(sampling, self.model.weights.n_vocab());
        let look_back = usize::try_from(sampling.repeat_last_n).unwrap_or(recent.len()).min(recent.len());
        chain.accept_many(recent[recent.len() - look_back..].iter().map(|token| LlamaToken(token.0)));
        Sampler { chain, constraint: None }
    }

    fn constrain(&mut self, sampler: &mut Sampler, schema: &str, begun: &[Token]) -> Result<(), Failure> {
        if self.schema_tokens.is_none() {
            self.schema_tokens = Some(self.model.schema_tokens().map_err(not_held)?);
        }
        let tokens = self.schema_tokens.as_ref().expect("made above");
        let mut constraint = Constraint::new(tokens, schema).map_err(|error| not_held(error.to_string()))?;
        begun.iter().try_for_each(|token| constraint.take(*token)).map_err(not_held)?;
        sampler.constraint = Some(constraint);
        Ok(())
    }

    fn sample(&mut self, sampler: &mut Sampler, others_after: u32) -> Result<Token, Failure> {
        // The library counts rows of logits from the end.
        let row = -1 - others_after.cast_signed();
        let context = self.context.as_ref().expect("sampling follows a decode");
        let Sampler { chain, constraint } = sampler;
        let Some(constraint) = constraint else { return Ok(Token(chain.sample(&context.safe, row).0)) };
        let allowed = constraint.allowed().map_err(not_held)?;
        let mut candidates = context.safe.token_data_array_ith(row);
        candidates.data.retain(|candidate| allowed.has(candidate.id().0));
        candidates.apply_sampler(chain);
        let token = candidates.selected_token().ok_or_else(|| not_held("no token is allowed".to_owned()))?;
        chain.accept(token);
        constraint.take(Token(token.0)).map_err(not_held)?;
        Ok(Token(token.0))
    }

    /// Other memories keep more than a cell of a token, or drop cells that only one conversation is done with.
    fn guests(&self) -> u32 {
        match (self.model.info.cache.class, self.settings.parallel.answers) {
            (MemoryClass::Plain, answers) if answers > 1 => answers.min(MOST_LOGITS).min(self.settings.batch_tokens()),
            _ => 0,
        }
    }

    fn share(&mut self, guest: Guest, len: u32) -> Result<(), Failure> {
        let copied = self.context()?.safe.copy_kv_cache_seq(SEQUENCE, sequence_of(guest), Some(0), Some(len));
        copied.map_err(|error| failed(&format!("cannot share {len} tokens of the KV cache: {error}")))
    }

    fn decode_guest(
        &mut self,
        guest: Guest,
        tokens: &[Token],
        start: u32,
        attention: &Attention,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Decoded, Failure> {
        self.fill_batch(sequence_of(guest), tokens, start, Logits::OfTheLast);
        self.decode_batch(attention, interrupted)
    }

    fn decode_each(&mut self, next: &[NextToken]) -> Result<(), Failure> {
        self.batch.clear();
        for NextToken { guest, position, token } in next {
            let sequence = guest.map_or(SEQUENCE, sequence_of);
            self.batch
                .add(LlamaToken(token.0), position.cast_signed(), &[sequence], true)
                .expect("there are no more conversations than rows of logits");
        }
        self.decode_batch(&Attention::Full, &|| false).map(|_| ())
    }

    fn cut_guest(&mut self, guest: Guest, len: u32) {
        if let Some(context) = &mut self.context {
            let removed = context.safe.clear_kv_cache_seq(Some(guest.0), Some(len), None);
            if !matches!(removed, Ok(true)) {
                tracing::warn!(guest = guest.0, len, "the library did not remove a conversation's tokens");
            }
        }
    }

    fn memory(&self, cache_state: u32) -> Memory {
        let rss_bytes = process_bytes();
        let Some(context) = &self.context else {
            return Memory { model_bytes: self.model.info.model_bytes, rss_bytes, ..Memory::default() };
        };
        let bytes = memory_of(context);
        Memory {
            model_bytes: bytes.model as u64,
            kv_bytes: bytes.kv as u64,
            kv_used_bytes: self.model.info.cache.bytes(cache_state),
            compute_bytes: bytes.compute as u64,
            resident_bytes: 0,
            rss_bytes,
            device_bytes: bytes.device as u64,
        }
    }
}

/// Why a reading ends where the model's context does.
fn unmovable(is_quantised: bool) -> Failure {
    let message = "this model can't read on beyond its context: its cached keys can't be moved".to_owned();
    let hint = if is_quantised { "keep them in half precision (-ctk f16 -ctv f16)" } else { "load fewer parts" };
    failure(FailureKind::DoesNotFit, message, Some(hint))
}

/// With what the library says about it.
fn failed(what: &str) -> Failure {
    let reason = take_complaints().map_or_else(String::new, |reason| format!(": {reason}"));
    failure(FailureKind::Runtime, format!("{what}{reason}"), None)
}

/// What is wrong with the scores of the next token: a model with damaged weights says nothing, or anything.
fn fault_of(logits: &[f32]) -> Option<&'static str> {
    // Tokens that must not follow may have a score of minus infinity.
    let mut finite = logits.iter().copied().filter(|logit| logit.is_finite());
    let first = finite.next();
    match first {
        _ if logits.iter().any(|logit| logit.is_nan()) => Some("the scores that it computes are not numbers"),
        None => Some("the scores that it computes are all infinite"),
        Some(first) if logits.len() > 1 && finite.all(|logit| logit.to_bits() == first.to_bits()) => {
            Some("every token gets the same score")
        }
        Some(_) => None,
    }
}

/// Why an answer can't be held to its schema.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn not_held(reason: String) -> Failure {
    let hint = "simplify the schema";
    failure(FailureKind::Usage, format!("the answer can't be held to the schema: {reason}"), Some(hint))
}

fn memory_of(context: &Context) -> sys::llama_swaa_memory {
    // SAFETY: `raw` is alive as long as `context`.
    unsafe { sys::llama_swaa_get_memory(context.raw.as_ptr()) }
}

// --- the host computer -----------------------------------------------------------------------------------

/// Physical memory of this process as reported by the system; 0 if unknown.
fn process_bytes() -> u64 {
    memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(interrupted: &'static dyn Fn() -> bool) -> bool {
        let interrupt: Interrupt = Cell::new(Some(std::ptr::from_ref(interrupted)));
        // SAFETY: `interrupt` and the closure in it outlive the call.
        unsafe { is_interrupted(std::ptr::from_ref(&interrupt).cast_mut().cast()) }
    }

    #[test]
    fn the_types_of_tensors_are_those_of_the_library() {
        for kind in 0..sys::GGML_TYPE_COUNT + 3 {
            // SAFETY: the functions read a table; beyond its end they are not asked.
            let of_library = (kind < sys::GGML_TYPE_COUNT)
                .then(|| unsafe { (sys::ggml_blck_size(kind) as u64, sys::ggml_type_size(kind) as u64) });
            let of_library = of_library.filter(|(values, _)| *values > 0);
            assert_eq!(crate::gguf::block(kind), of_library, "type {kind}");
        }
    }

    #[test]
    fn scores_that_say_nothing_are_told() {
        assert_eq!(fault_of(&[0.5, f32::NEG_INFINITY, -3.0]), None);
        assert_eq!(fault_of(&[0.5, f32::NAN]), Some("the scores that it computes are not numbers"));
        assert_eq!(fault_of(&[f32::INFINITY; 3]), Some("the scores that it computes are all infinite"));
        assert_eq!(fault_of(&[0.0; 3]), Some("every token gets the same score"));
    }

    #[test]
    fn a_panic_while_the_library_asks_whether_to_stop_stops_it() {
        assert_eq!((asked(&|| false), asked(&|| true)), (false, true));
        assert!(asked(&|| panic!("no answer")));
    }
}
