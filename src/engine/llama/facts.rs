//! What the library was compiled for, and what it finds on this machine.

use std::ffi::CStr;
use std::sync::LazyLock;

use llama_cpp_sys_2 as sys;

use super::library::LIBRARY;
use super::weights;
use crate::engine::offload;

/// Instruction sets and GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Instruction sets of this processor that the library has code for.
    pub found: Vec<&'static str>,
    /// Those that this build of it uses.
    pub compiled: Vec<&'static str>,
    pub gpus: Vec<String>,
    /// Whether the library was built with a GPU backend.
    pub built_for_gpus: bool,
}

/// What matters for speed, as the library's own report names it.
const NAMES: [&str; 4] = ["AVX2", "AVX512", "AVX512_VNNI", "DOTPROD"];

/// Asks the library and the processor.
#[must_use]
pub fn facts() -> Facts {
    LazyLock::force(&LIBRARY);
    // SAFETY: returns a string of the library that lives until the next call; it is copied.
    let report = unsafe { CStr::from_ptr(sys::llama_print_system_info()) }.to_string_lossy().into_owned();
    let compiled = NAMES.into_iter().filter(|name| is_on(&report, name)).collect();
    Facts { found: found(), compiled, gpus: weights::gpu_names(), built_for_gpus: offload::BUILT_FOR_GPUS }
}

/// Whether the library's report says `NAME = 1`.
fn is_on(report: &str, name: &str) -> bool {
    report.split(['|', ':']).any(|part| part.trim() == format!("{name} = 1"))
}

#[cfg(target_arch = "x86_64")]
fn found() -> Vec<&'static str> {
    let sets = [
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("AVX512", std::arch::is_x86_feature_detected!("avx512f")),
        ("AVX512_VNNI", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    sets.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
fn found() -> Vec<&'static str> {
    if std::arch::is_aarch64_feature_detected!("dotprod") { vec!["DOTPROD"] } else { Vec::new() }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn found() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compiled_in_is_read_from_the_librarys_report() {
        let report = "CPU : SSE3 = 1 | AVX2 = 1 | AVX512 = 1 | LLAMAFILE = 1 | REPACK = 1 | ";
        let on = NAMES.map(|name| is_on(report, name));
        assert_eq!(on, [true, true, false, false]);
    }

    #[test]
    fn this_build_uses_only_what_this_processor_has() {
        let facts = facts();
        let extra: Vec<_> = facts.compiled.iter().filter(|name| !facts.found.contains(name)).collect();
        assert_eq!(extra, Vec::<&&str>::new());
    }
}
