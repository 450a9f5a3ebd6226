//! Computes how many layers of a model go onto a GPU.
//!
//! Layers are offloaded from the last one down, as in llama.cpp, until the next one (its weights and its part of the KV
//! cache) would not fit beside the compute buffers.
//!
//! Example: 7,600 MiB are free, 1,024 are kept for compute buffers, and a layer takes 150 MiB of weights and 64 of
//! cache: 30 of 36 layers.
//!
//! Doesn't query the devices (`llama/weights.rs` does) or split layers.

use super::config::{GpuLayers, Offload, SplitMode};

/// Kept free for llama.cpp's compute buffers, cuBLAS's workspace, and a desktop running on the same card.
const KEPT_FREE_BYTES: u64 = 1 << 30;

/// Tokens of cache to reserve if no context size is given: a long chapter or two.
pub(super) const EXPECTED_CONTEXT_TOKENS: u32 = 32_768;

/// The memory that a model needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// Repeating layers; the output counts as one more.
    pub(super) layers: u32,
    /// All weights.
    pub(super) model_bytes: u64,
    /// The KV cache of all layers.
    pub(super) kv_bytes: u64,
}

/// How many layers llama.cpp should offload, including the output, with `free_bytes` on all devices together.
pub(super) fn layers(asked: GpuLayers, need: Need, free_bytes: u64) -> u32 {
    let all = need.layers + 1;
    match asked {
        GpuLayers::All => all,
        GpuLayers::Count(count) => count.min(all),
        GpuLayers::Auto => {
            let layer_bytes = (need.model_bytes + need.kv_bytes).div_ceil(u64::from(all)).max(1);
            let fit = free_bytes.saturating_sub(KEPT_FREE_BYTES) / layer_bytes;
            u32::try_from(fit).map_or(all, |fit| fit.min(all))
        }
    }
}

/// The GPUs that get layers: all of `gpus`, or only the main one with `--split-mode none`.
/// Errors: there is no such main GPU; the error is the number of GPUs.
pub(super) fn sharing<T>(mut gpus: Vec<T>, offload: &Offload) -> Result<Vec<T>, usize> {
    let main = offload.main_gpu as usize;
    match offload.split_mode {
        SplitMode::None if gpus.len() > main => Ok(vec![gpus.swap_remove(main)]),
        SplitMode::None if !gpus.is_empty() => Err(gpus.len()),
        SplitMode::None | SplitMode::Layer => Ok(gpus),
    }
}

/// Whether llama.cpp was built with a GPU backend.
pub(super) const BUILT_FOR_GPUS: bool = cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal"));

/// Why no GPU is in use although one was requested or could have been used, in a sentence; `None` if one is, or none
/// should be.
pub(super) fn without_gpu(
    asked: GpuLayers,
    built_for_gpus: bool,
    gpus: usize,
    held_layers: u32,
) -> Option<&'static str> {
    if held_layers > 0 || asked == GpuLayers::Count(0) {
        return None;
    }
    match (gpus, built_for_gpus) {
        (0, true) => Some("no usable GPU found: running on the CPU"),
        (0, false) if asked == GpuLayers::Auto => None,
        (0, false) => Some("this program was built without GPU support, so -ngl has no effect: running on the CPU"),
        _ => Some("the GPU's free memory does not hold one layer of the model: running on the CPU"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gets_the_cpu_in_place_of_a_gpu_is_told_why() {
        let told = |asked, built, gpus, cache_state| without_gpu(asked, built, gpus, cache_state).unwrap_or_default();
        assert!(told(GpuLayers::Auto, true, 0, 0).starts_with("no usable GPU found"));
        assert!(told(GpuLayers::All, true, 0, 0).starts_with("no usable GPU found"));
        assert!(told(GpuLayers::All, false, 0, 0).starts_with("this program was built without GPU support"));
        assert!(told(GpuLayers::Auto, true, 1, 0).contains("does not hold one layer"));
        let fine = [(GpuLayers::Auto, false, 0, 0), (GpuLayers::Auto, true, 1, 7), (GpuLayers::Count(0), true, 1, 0)];
        for (asked, built, gpus, cache_state) in fine {
            assert_eq!(without_gpu(asked, built, gpus, cache_state), None, "{asked:?}");
        }
    }

    #[test]
    fn without_a_split_the_main_gpu_has_it_all() {
        let offload = |split_mode, main_gpu| Offload { split_mode, main_gpu, ..Offload::default() };
        assert_eq!(sharing(vec!["a", "b"], &offload(SplitMode::Layer, 1)), Ok(vec!["a", "b"]));
        assert_eq!(sharing(vec!["a", "b"], &offload(SplitMode::None, 1)), Ok(vec!["b"]));
        assert_eq!(sharing(vec!["a", "b"], &offload(SplitMode::None, 2)), Err(2));
        assert_eq!(
            sharing(Vec::<&str>::new(), &offload(SplitMode::None, 2)),
            Ok(vec![]),
            "without a GPU nothing of it matters"
        );
    }

    const MIB: u64 = 1 << 20;
    const NEED: Need = Need { layers: 36, model_bytes: 37 * 150 * MIB, kv_bytes: 37 * 64 * MIB };

    #[test]
    fn as_many_layers_as_fit_beside_what_computing_needs() {
        for (free_mib, expected) in [(0, 0), (1024, 0), (1024 + 213, 0), (1024 + 214, 1), (7600, 30), (80_000, 37)] {
            assert_eq!(layers(GpuLayers::Auto, NEED, free_mib * MIB), expected, "{free_mib} MiB");
        }
    }

    #[test]
    fn what_is_asked_for_is_done() {
        assert_eq!(layers(GpuLayers::All, NEED, 0), 37);
        assert_eq!(layers(GpuLayers::Count(12), NEED, 0), 12);
        assert_eq!(layers(GpuLayers::Count(99), NEED, u64::MAX), 37, "there are no more");
    }
}
