//! Predicts how many bytes of weights get a second copy in memory.
//!
//! On the CPU, llama.cpp rearranges matrices of some types so that its kernels read several rows at once
//! (`ggml_repack_get_optimal_repack_type` in ggml-cpu/repack.cpp). The rearranged copy is allocated; the file stays mapped
//! beside it, whole. Example: of Qwen2.5-Coder 1.5B in `Q4_K_M`, 1.12 GB, the `Q4_K` matrices have 0.62 GB: 1.74 GB.
//!
//! Does not know whether a GPU takes the weights, which are not rearranged then.

use llama_cpp_sys_2 as sys;

use crate::gguf::Tensor;

/// The bytes of all tensors that are rearranged for this CPU.
pub(super) fn bytes(tensors: &[Tensor]) -> u64 {
    let kinds = kinds();
    tensors
        .iter()
        .filter(|tensor| is_matrix(&tensor.name) && kinds.contains(&tensor.kind))
        .map(|tensor| tensor.bytes)
        .sum()
}

/// Rows of the embedding are looked up, not multiplied.
fn is_matrix(name: &str) -> bool {
    name.ends_with(".weight") && !name.starts_with("token_embd")
}

/// The types that have kernels for several rows on this CPU.
#[cfg(target_arch = "x86_64")]
fn kinds() -> Vec<sys::ggml_type> {
    let mut kinds = Vec::new();
    if std::arch::is_x86_feature_detected!("avx2") {
        kinds.extend([sys::GGML_TYPE_Q4_0, sys::GGML_TYPE_Q4_K, sys::GGML_TYPE_IQ4_NL]);
    }
    if std::arch::is_x86_feature_detected!("avx512f") {
        kinds.push(sys::GGML_TYPE_Q2_K);
    }
    kinds
}

/// The types that have kernels for several rows on this CPU.
#[cfg(target_arch = "aarch64")]
fn kinds() -> Vec<sys::ggml_type> {
    if !std::arch::is_aarch64_feature_detected!("dotprod") {
        return Vec::new();
    }
    vec![
        sys::GGML_TYPE_Q4_0,
        sys::GGML_TYPE_Q8_0,
        sys::GGML_TYPE_Q4_K,
        sys::GGML_TYPE_Q5_K,
        sys::GGML_TYPE_Q6_K,
        sys::GGML_TYPE_IQ4_NL,
    ]
}

/// Others are not predicted.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn kinds() -> Vec<sys::ggml_type> {
    Vec::new()
}
