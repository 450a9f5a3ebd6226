//! What computes: the devices that ggml has on this machine, and what it says about each.
//!
//! Example: `CUDA0`, an NVIDIA H200 with 139 of 150 GB free, and `CPU`.
//!
//! Devices of other machines are not in this list (`rpc` has them), but are devices like any other.

use std::ffi::{CStr, c_char};
use std::sync::LazyLock;

use llama_cpp_sys_2 as sys;

use super::library::LIBRARY;

/// A device, which lives as long as the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Device(pub(super) sys::ggml_backend_dev_t);

// SAFETY: ggml's devices may be used by any thread.
unsafe impl Send for Device {}
// SAFETY: as above.
unsafe impl Sync for Device {}

/// All of this machine, in ggml's order.
pub(super) fn all() -> Vec<Device> {
    LazyLock::force(&LIBRARY);
    // SAFETY: indices below the count are valid.
    unsafe { (0..sys::ggml_backend_dev_count()).map(|index| Device(sys::ggml_backend_dev_get(index))).collect() }
}

impl Device {
    /// `CUDA0`
    pub(super) fn name(self) -> String {
        // SAFETY: the device lives; the string belongs to it.
        unsafe { text(sys::ggml_backend_dev_name(self.0)) }
    }

    /// `NVIDIA H200`
    pub(super) fn description(self) -> String {
        // SAFETY: as above.
        unsafe { text(sys::ggml_backend_dev_description(self.0)) }
    }

    fn kind(self) -> sys::ggml_backend_dev_type {
        // SAFETY: as above.
        unsafe { sys::ggml_backend_dev_type(self.0) }
    }

    pub(super) fn is_gpu(self) -> bool {
        matches!(self.kind(), sys::GGML_BACKEND_DEVICE_TYPE_GPU | sys::GGML_BACKEND_DEVICE_TYPE_IGPU)
    }

    /// Whether it shares the processor's memory.
    pub(super) fn is_integrated(self) -> bool {
        self.kind() == sys::GGML_BACKEND_DEVICE_TYPE_IGPU
    }

    pub(super) fn is_cpu(self) -> bool {
        self.kind() == sys::GGML_BACKEND_DEVICE_TYPE_CPU
    }

    /// Bytes that are free, and all.
    pub(super) fn memory(self) -> (u64, u64) {
        let (mut free, mut total) = (0, 0);
        // SAFETY: the device lives, and both numbers may be written to.
        unsafe { sys::ggml_backend_dev_memory(self.0, &raw mut free, &raw mut total) };
        (free as u64, total as u64)
    }
}

/// SAFETY: `pointer` is a zero-terminated string that lives through the call.
pub(super) unsafe fn text(pointer: *const c_char) -> String {
    // SAFETY: see above.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
