//! Loads a model's weights and places its layers on the GPUs.
//!
//! The safe binding can't set how a model is split across devices, so this fills in the library's own parameters.
//!
//! How many layers fit is decided in [`crate::engine::offload`].

use std::ffi::{CString, c_void};
use std::path::Path;
use std::ptr::{NonNull, null_mut};
use std::sync::LazyLock;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_sys_2 as sys;

use super::devices::{self, Device, text};
use super::library::{LIBRARY, failure, take_complaints, without_unwinding};
use super::rpc::{self, Remote};
use crate::engine::config::{ContextSize, EngineConfig, KvDtype, Offload, SplitMode, WeightForm};
use crate::engine::message::{Failure, FailureKind};
use crate::engine::offload::{self, Need};

/// Weights, and the devices that hold them.
pub(super) struct Loaded {
    pub(super) weights: LlamaModel,
    /// Descriptions of the GPUs and peers that hold layers.
    pub(super) gpus: Vec<String>,
    pub(super) offloaded_layers: u32,
    /// See [`offload::without_gpu`].
    pub(super) without_gpu: Option<&'static str>,
}

/// A GPU of this machine, or a device of a peer.
#[derive(Clone)]
struct Gpu {
    device: Device,
    /// What is shown of it.
    label: String,
}

impl Gpu {
    /// All of this machine, in ggml's order.
    fn all() -> Vec<Self> {
        let gpus = devices::all().into_iter().filter(|device| device.is_gpu());
        gpus.map(|device| Self { device, label: device.description() }).collect()
    }

    /// The devices of peers, and those of [`Gpu::all`] that are used beside them.
    fn with_peers(peers: &[String]) -> Result<Vec<Self>, Failure> {
        let remote = rpc::devices_of_all(peers)?.into_iter().map(|Remote { device, label }| Self { device, label });
        let mut here = Self::all();
        // As llama.cpp does where it chooses itself: what is integrated shares the processor's memory.
        if !peers.is_empty() && here.iter().any(|gpu| !gpu.device.is_integrated()) {
            here.retain(|gpu| !gpu.device.is_integrated());
        }
        Ok(remote.chain(here).collect())
    }
}

/// Descriptions of all GPUs that ggml sees.
pub(super) fn gpu_names() -> Vec<String> {
    Gpu::all().into_iter().map(|gpu| gpu.label).collect()
}

/// The devices that get layers.
/// Errors: [`FailureKind::Unsupported`] if one is unknown, with a list of the known ones.
fn chosen_gpus(offload: &Offload) -> Result<Vec<Gpu>, Failure> {
    offload::sharing(named_gpus(offload)?, offload).map_err(|count| {
        let message = format!("there is no GPU {} for --main-gpu", offload.main_gpu);
        failure(FailureKind::Unsupported, message, Some(&format!("there are {count} GPUs, numbered from 0")))
    })
}

fn named_gpus(offload: &Offload) -> Result<Vec<Gpu>, Failure> {
    let all = Gpu::with_peers(&offload.peers)?;
    if offload.devices.is_empty() {
        return Ok(all);
    }
    let find = |wanted: &String| {
        all.iter().find(|gpu| gpu.device.name().eq_ignore_ascii_case(wanted)).cloned().ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|gpu| gpu.device.name()).collect();
            let there = if names.is_empty() { "none that this build can use".to_owned() } else { names.join(", ") };
            failure(
                FailureKind::Unsupported,
                format!("there is no device {wanted}"),
                Some(&format!("devices: {there}")),
            )
        })
    };
    offload.devices.iter().map(find).collect()
}

/// The model's size according to the file's header; `None` if the header lacks the keys for it.
fn need(config: &EngineConfig) -> Option<Need> {
    let path = CString::new(config.model.to_str()?).ok()?;
    let params = sys::gguf_init_params { no_alloc: true, ctx: null_mut() };
    // SAFETY: `path` lives through the call; without allocation only the header is read.
    let header = NonNull::new(unsafe { sys::gguf_init_from_file(path.as_ptr(), params) })?;
    let number = |key: &str| header_number(header, key);
    let architecture = header_text(header, "general.architecture");
    let need = architecture.and_then(|architecture| {
        let own = |name: &str| number(&format!("{architecture}.{name}"));
        let layers = own("block_count")?;
        let heads = own("attention.head_count")?;
        let kv_heads = own("attention.head_count_kv").unwrap_or(heads);
        let head = own("embedding_length").map_or(128, |width| width / heads.max(1));
        let sizes = own("attention.key_length").unwrap_or(head) + own("attention.value_length").unwrap_or(head);
        let context = match config.settings.context {
            ContextSize::Tokens(tokens) => tokens,
            ContextSize::Fit => own("context_length")
                .map_or(offload::EXPECTED_CONTEXT_TOKENS, |tokens| tokens.min(offload::EXPECTED_CONTEXT_TOKENS)),
        };
        // Of a hybrid, only one layer in so many keeps tokens.
        let keeping = own("full_attention_interval").map_or(layers, |every| layers.div_ceil(every.max(1)));
        let values = u64::from(keeping) * u64::from(kv_heads) * u64::from(sizes) * u64::from(context);
        let model_bytes = std::fs::metadata(&config.model).ok()?.len();
        Some(Need { layers, model_bytes, kv_bytes: kv_bytes(config.settings.kv_dtype, values) })
    });
    // SAFETY: created above, not used any more.
    unsafe { sys::gguf_free(header.as_ptr()) };
    need
}

/// Bytes of `values` cached values. Blocks of 32: 34 bytes in `q8_0`, 18 in `q4_0`.
pub(super) fn kv_bytes(kv_dtype: KvDtype, values: u64) -> u64 {
    match kv_dtype {
        KvDtype::F32 => values * 4,
        KvDtype::F16 | KvDtype::Bf16 => values * 2,
        KvDtype::Q8_0 => values * 34 / 32,
        KvDtype::Q4_0 => values * 18 / 32,
    }
}

fn header_key(header: NonNull<sys::gguf_context>, key: &str) -> Option<i64> {
    let key = CString::new(key).ok()?;
    // SAFETY: the header lives, and so does `key`, through the call.
    let index = unsafe { sys::gguf_find_key(header.as_ptr(), key.as_ptr()) };
    (index >= 0).then_some(index)
}

fn header_number(header: NonNull<sys::gguf_context>, key: &str) -> Option<u32> {
    let index = header_key(header, key)?;
    // SAFETY: `index` is one of the header's keys, and the value is only read if it has that type.
    unsafe {
        (sys::gguf_get_kv_type(header.as_ptr(), index) == sys::GGUF_TYPE_UINT32)
            .then(|| sys::gguf_get_val_u32(header.as_ptr(), index))
    }
}

fn header_text(header: NonNull<sys::gguf_context>, key: &str) -> Option<String> {
    let index = header_key(header, key)?;
    // SAFETY: as above; the string belongs to the header and is copied.
    unsafe {
        (sys::gguf_get_kv_type(header.as_ptr(), index) == sys::GGUF_TYPE_STRING)
            .then(|| text(sys::gguf_get_val_str(header.as_ptr(), index)))
    }
}

/// How many layers go onto `gpus`. If the header does not give the sizes, llama.cpp takes all layers.
fn layers_for(config: &EngineConfig, gpus: &[Gpu]) -> u32 {
    if gpus.is_empty() {
        return 0;
    }
    let free = gpus.iter().map(|gpu| gpu.device.memory().0).sum();
    let all = Need { layers: u32::MAX - 1, model_bytes: 0, kv_bytes: 0 };
    offload::layers(config.settings.offload.layers, need(config).unwrap_or(all), free)
}

fn split_mode(mode: SplitMode) -> sys::llama_split_mode {
    match mode {
        SplitMode::None => sys::LLAMA_SPLIT_MODE_NONE,
        SplitMode::Layer => sys::LLAMA_SPLIT_MODE_LAYER,
    }
}

/// How much of a model is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    /// Everything but the weights: nothing can be computed.
    Description,
    /// Everything, mapped, without a GPU and without copies.
    Trial,
}

/// Loads `config.model`. Calls `progress` with 0.0 to 1.0, and stops if it returns `false`.
pub(super) fn load(config: &EngineConfig, progress: impl FnMut(f32) -> bool) -> Result<Loaded, Failure> {
    load_extent(config, Extent::Whole, progress)
}

/// Loads all of `config.model` except its weights.
pub(super) fn describe(config: &EngineConfig) -> Result<Loaded, Failure> {
    load_extent(config, Extent::Description, |_| true)
}

/// Loads `config.model` as frugally as possible, without a GPU.
pub(super) fn load_for_trial(config: &EngineConfig) -> Result<Loaded, Failure> {
    load_extent(config, Extent::Trial, |_| true)
}

fn load_extent(config: &EngineConfig, extent: Extent, progress: impl FnMut(f32) -> bool) -> Result<Loaded, Failure> {
    LazyLock::force(&LIBRARY);
    take_complaints();
    let gpus = if extent == Extent::Trial { Vec::new() } else { chosen_gpus(&config.settings.offload)? };
    let layers = layers_for(config, &gpus);
    let weights = load_weights(config, extent, &gpus, layers, progress)?;
    let cache_state = layers.min(weights.n_layer() + 1);
    let without_gpu =
        offload::without_gpu(config.settings.offload.layers, offload::BUILT_FOR_GPUS, gpus.len(), cache_state);
    let gpus = if cache_state == 0 { Vec::new() } else { gpus.into_iter().map(|gpu| gpu.label).collect() };
    Ok(Loaded { weights, gpus, offloaded_layers: cache_state, without_gpu })
}

fn load_weights<F: FnMut(f32) -> bool>(
    config: &EngineConfig,
    extent: Extent,
    gpus: &[Gpu],
    layers: u32,
    mut progress: F,
) -> Result<LlamaModel, Failure> {
    let path = path_for_c(&config.model)?;
    // The list ends with a null.
    let mut devices: Vec<sys::ggml_backend_dev_t> = gpus.iter().map(|gpu| gpu.device.0).chain([null_mut()]).collect();
    // One number for each device that llama.cpp may have.
    // SAFETY: takes nothing.
    let mut shares = vec![0.0; unsafe { sys::llama_max_devices() }];
    let offload = &config.settings.offload;
    shares.iter_mut().zip(&offload.tensor_split).for_each(|(share, &asked)| *share = asked);

    // SAFETY: the parameters start from llama.cpp's defaults; lists and callback data outlive the call, which does not
    // keep them. Callback and data both belong to `F`.
    let model = unsafe {
        let mut params = sys::llama_model_default_params();
        params.n_gpu_layers = layers.cast_signed();
        if extent == Extent::Description {
            params.no_alloc = true;
            // Without allocation the file can't be mapped into memory either.
            params.load_mode = sys::LLAMA_LOAD_MODE_NONE;
        }
        if extent == Extent::Trial {
            params.load_mode = sys::LLAMA_LOAD_MODE_MMAP;
            params.use_extra_bufts = false;
            // A list without devices: no GPU is touched.
            params.devices = devices.as_mut_ptr();
        }
        params.use_extra_bufts &= offload.weights == WeightForm::Repacked;
        params.split_mode = split_mode(offload.split_mode);
        // The first of the devices listed below.
        params.main_gpu = 0;
        if !offload.tensor_split.is_empty() {
            params.tensor_split = shares.as_ptr();
        }
        // What peers have is not in llama.cpp's own list.
        let is_chosen =
            !offload.devices.is_empty() || !offload.peers.is_empty() || offload.split_mode == SplitMode::None;
        if is_chosen && !gpus.is_empty() {
            params.devices = devices.as_mut_ptr();
        }
        params.progress_callback = Some(tell_progress::<F>);
        params.progress_callback_user_data = (&raw mut progress).cast::<c_void>();
        sys::llama_model_load_from_file(path.as_ptr(), params)
    };
    let model = NonNull::new(model).ok_or_else(|| not_loaded(config))?;
    // SAFETY: `LlamaModel` is a transparent wrapper of the pointer that it owns and frees, and nothing else owns this
    // one.
    let model = unsafe { std::mem::transmute::<NonNull<sys::llama_model>, LlamaModel>(model) };
    // The library does not see that weights went nowhere.
    rpc::lost(&offload.peers, FailureKind::Model).map_or(Ok(model), Err)
}

fn not_loaded(config: &EngineConfig) -> Failure {
    if let Some(lost) = rpc::lost(&config.settings.offload.peers, FailureKind::Model) {
        return lost;
    }
    let reason = take_complaints().unwrap_or_else(|| "llama.cpp gave no reason".to_owned());
    let message = format!("cannot load {}: {reason}", config.model.display());
    failure(FailureKind::Model, message, Some("the file may be truncated or in a newer format; download it again"))
}

fn path_for_c(path: &Path) -> Result<CString, Failure> {
    let name = path.to_str().and_then(|name| CString::new(name).ok());
    name.ok_or_else(|| {
        let message = format!("cannot load {}: its path is not valid UTF-8", path.display());
        failure(FailureKind::Model, message, Some("rename the file"))
    })
}

/// Passes on llama.cpp's progress. Returns whether to go on; a panic ends loading.
unsafe extern "C" fn tell_progress<F: FnMut(f32) -> bool>(fraction: f32, data: *mut c_void) -> bool {
    // SAFETY: `data` is the `F` of the load that is running on this thread.
    let progress = unsafe { &mut *data.cast::<F>() };
    without_unwinding(false, || progress(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<F: FnMut(f32) -> bool>(mut progress: F) -> bool {
        // SAFETY: `progress` is an `F` and outlives the call.
        unsafe { tell_progress::<F>(0.5, (&raw mut progress).cast()) }
    }

    #[test]
    fn a_panic_while_the_library_tells_its_progress_ends_the_loading() {
        assert_eq!((told(|_| true), told(|_| false)), (true, false));
        assert!(!told(|fraction| panic!("{fraction} is nothing to go by")));
    }
}
