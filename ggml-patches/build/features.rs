//! Which of upstream's cargo features work here. The others exist so that llama-cpp-2 resolves; asking for one ends the build.

use crate::failure::Failure;

/// Feature, whether it was asked for, what to do in its place.
const UNSUPPORTED: &[(&str, bool, &str)] = &[
    ("common", cfg!(feature = "common"), "take llama-cpp-2 with default-features = false"),
    ("mtmd", cfg!(feature = "mtmd"), "images are not read"),
    ("mkl", cfg!(feature = "mkl"), "ggml's own kernels are used"),
    ("opencl", cfg!(feature = "opencl"), "use the feature vulkan"),
    ("openmp", cfg!(feature = "openmp"), "take llama-cpp-2 with default-features = false; ggml's own threads are used"),
    ("rocm", cfg!(feature = "rocm"), "use the feature vulkan"),
    ("static-stdcxx", cfg!(feature = "static-stdcxx"), "the system's C++ library is linked"),
    ("system-ggml", cfg!(feature = "system-ggml"), "the patches need the ggml that is built here"),
    ("webgpu", cfg!(feature = "webgpu"), "use the feature vulkan"),
];

pub fn refuse_unsupported() -> Result<(), Failure> {
    let Some((feature, _, instead)) = UNSUPPORTED.iter().find(|(_, asked_for, _)| *asked_for) else { return Ok(()) };
    Err(Failure::new(format!("the patched llama-cpp-sys-2 does not support the feature `{feature}`")).hint(*instead))
}
