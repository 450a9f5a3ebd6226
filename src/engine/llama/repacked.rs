//! Predicts how many bytes of weights get a second copy in memory.
//!
//! On the CPU, llama.cpp rearranges matrices of some types so that its kernels read several rows at once
//! (`ggml_repack_get_optimal_repack_type` in ggml-cpu/repack.cpp). The rearranged copy is allocated; the file stays mapped
//! beside it, whole. Example: of Qwen2.5-Coder 1.5B in `Q4_K_M`, 1.12 GB, the `Q4_K` matrices have 0.62 GB: 1.74 GB.
//!
//! Reads the file's header only. Does not know whether a GPU takes the weights, which are not rearranged then.

use std::ffi::CString;
use std::path::Path;
use std::ptr::{NonNull, null_mut};

use llama_cpp_sys_2 as sys;

/// The bytes of all tensors that are rearranged for this CPU; `None` if the header can't be read.
pub(super) fn bytes(model: &Path) -> Option<u64> {
    let path = CString::new(model.to_str()?).ok()?;
    let params = sys::gguf_init_params { no_alloc: true, ctx: null_mut() };
    // SAFETY: `path` lives through the call; without allocation only the header is read.
    let header = NonNull::new(unsafe { sys::gguf_init_from_file(path.as_ptr(), params) })?;
    // SAFETY: the header lives.
    let count = unsafe { sys::gguf_get_n_tensors(header.as_ptr()) };
    let sum = (0..count).map(|index| repacked(header, index)).sum();
    // SAFETY: created above, not used any more.
    unsafe { sys::gguf_free(header.as_ptr()) };
    Some(sum)
}

/// The bytes of a tensor if it is rearranged, else 0.
fn repacked(header: NonNull<sys::gguf_context>, index: i64) -> u64 {
    // SAFETY: the header lives, and `index` is one of its tensors.
    let (kind, size, name) = unsafe {
        let name = std::ffi::CStr::from_ptr(sys::gguf_get_tensor_name(header.as_ptr(), index));
        (sys::gguf_get_tensor_type(header.as_ptr(), index), sys::gguf_get_tensor_size(header.as_ptr(), index), name)
    };
    // Rows of the embedding are looked up, not multiplied.
    let is_matrix = name.to_bytes().ends_with(b".weight") && !name.to_bytes().starts_with(b"token_embd");
    if is_matrix && kinds().contains(&kind) { size as u64 } else { 0 }
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
