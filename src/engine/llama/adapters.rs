//! Adapters (`LoRA`) of a model: checked, loaded with it, and put onto its contexts.
//!
//! llama.cpp wants them before the first context, since they make graphs larger, and ends the process where a key has another type
//! than it expects. So the header is read first, and told what is wrong with it in words.
//!
//! Example: an adapter of rank 16 for the queries of a 1.5B takes 3 MB; its key is a hash of its bytes and its scale.
//!
//! Doesn't decide which recipe has which adapters.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;
use sha2::{Digest, Sha256};

use super::library::{failure, take_complaints};
use crate::engine::cache_index::AdapterKey;
use crate::engine::config::AdapterFile;
use crate::engine::fingerprint;
use crate::engine::message::{Failure, FailureKind};
use crate::gguf::Header;
use crate::swaa::Adapter;

/// The adapters of a model.
#[derive(Debug, Default)]
pub(super) struct Adapters {
    loaded: Vec<Loaded>,
    /// Those that don't fit the model, and why.
    refused: Vec<(PathBuf, Failure)>,
}

/// An adapter that was loaded. The library frees it with its model.
#[derive(Debug)]
struct Loaded {
    file: PathBuf,
    /// Of its bytes.
    hash: String,
    adapter: NonNull<sys::llama_adapter_lora>,
}

/// What a context has on it.
pub(super) type OnModel = Vec<(NonNull<sys::llama_adapter_lora>, f32)>;

/// Loads the adapters in `files` for the model of `context`, which is alive.
///
/// Errors: a file that is required is no adapter, or one for another model.
pub(super) fn load(
    context: NonNull<sys::llama_context>,
    architecture: &str,
    files: &[AdapterFile],
) -> Result<Adapters, Failure> {
    let mut adapters = Adapters::default();
    for AdapterFile { path, is_required } in files {
        match load_one(context, architecture, path) {
            Ok(loaded) => adapters.loaded.push(loaded),
            Err(failure) if *is_required => return Err(failure),
            Err(failure) => adapters.refused.push((path.clone(), failure)),
        }
    }
    Ok(adapters)
}

fn load_one(context: NonNull<sys::llama_context>, architecture: &str, file: &Path) -> Result<Loaded, Failure> {
    check(file, architecture)?;
    let hash = fingerprint::hash_of(file).map_err(|error| unusable(file, &error.to_string(), None))?;
    let path = CString::new(file.as_os_str().as_bytes()).map_err(|error| unusable(file, &error.to_string(), None))?;
    take_complaints();
    // SAFETY: the context and its model are alive. The library wants a model that it may change: it notes the adapter there, and
    // nothing else uses the model now, on the one thread that has it.
    let adapter = unsafe {
        let of_context = sys::llama_get_model(context.as_ptr()).cast_mut();
        sys::llama_adapter_lora_init(of_context, path.as_ptr())
    };
    let Some(adapter) = NonNull::new(adapter) else {
        let reason = take_complaints().unwrap_or_else(|| "llama.cpp gave no reason".to_owned());
        return Err(unusable(
            file,
            &in_short(&reason),
            Some("it was made for another model: use that one, or drop --lora"),
        ));
    };
    Ok(Loaded { file: file.to_owned(), hash, adapter })
}

/// What llama.cpp says after its function's name.
fn in_short(complaint: &str) -> String {
    complaint.rsplit_once("lora adapter: ").map_or(complaint, |(_, reason)| reason).to_owned()
}

fn unusable(file: &Path, reason: &str, hint: Option<&str>) -> Failure {
    failure(FailureKind::Model, format!("the adapter {} can't be used: {reason}", file.display()), hint)
}

/// Checks what the header says before the library reads it.
pub(super) fn check(file: &Path, architecture: &str) -> Result<(), Failure> {
    let header = Header::read(file).map_err(|error| unusable(file, &error.to_string(), None))?;
    let expected = [
        ("general.type", "adapter", "it is no adapter; models are named with -m"),
        ("adapter.type", "lora", "only LoRA adapters are known"),
        ("general.architecture", architecture, "use the model that it was made for, or drop --lora"),
    ];
    for (key, expected, hint) in expected {
        let got = header.text(key).unwrap_or_else(|| "nothing".to_owned());
        if got != expected {
            return Err(unusable(file, &format!("its {key} is {got}, not {expected}"), Some(hint)));
        }
    }
    match header.get("adapter.lora.alpha") {
        Some(alpha) if alpha.f32().is_none() => {
            Err(unusable(file, "its adapter.lora.alpha is not a number in single precision", None))
        }
        _ => Ok(()),
    }
}

/// What `wanted` puts onto the model, and by what a cache that is computed with it is known.
pub(super) fn chosen(adapters: &Adapters, wanted: &[Adapter]) -> Result<(OnModel, AdapterKey), Failure> {
    let (mut on_model, mut hasher) = (OnModel::new(), Sha256::new());
    for Adapter { file, scale } in wanted.iter().filter(|adapter| !adapter.scale.is_none()) {
        if let Some((_, why)) = adapters.refused.iter().find(|(refused, _)| refused == file) {
            return Err(why.clone());
        }
        let known = adapters.loaded.iter().find(|known| known.file == *file).ok_or_else(|| {
            let hint = Some("start again: adapters are loaded with their model");
            unusable(file, "it was not named when the model was loaded", hint)
        })?;
        if on_model.iter().any(|(adapter, _)| *adapter == known.adapter) {
            let hint = Some("name it once, with the sum of its scales");
            return Err(unusable(file, "it is named twice, and llama.cpp takes the first scale alone", hint));
        }
        hasher.update(known.hash.as_bytes());
        hasher.update(scale.as_f32().to_le_bytes());
        on_model.push((known.adapter, scale.as_f32()));
    }
    let mut key = AdapterKey::NONE;
    if !on_model.is_empty() {
        key.0.copy_from_slice(&hasher.finalize()[..16]);
    }
    Ok((on_model, key))
}

/// Puts `on_model` onto a context that is alive, and only that.
pub(super) fn put(context: NonNull<sys::llama_context>, on_model: &OnModel) {
    let (mut adapters, mut scales): (Vec<*mut sys::llama_adapter_lora>, Vec<f32>) =
        on_model.iter().map(|(adapter, scale)| (adapter.as_ptr(), *scale)).unzip();
    // SAFETY: the context is alive, the adapters are those of its model, and both lists have as many entries and are only read
    // during the call.
    unsafe {
        sys::llama_set_adapters_lora(context.as_ptr(), adapters.as_mut_ptr(), adapters.len(), scales.as_mut_ptr());
    }
}
