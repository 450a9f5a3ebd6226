//! The library that was linked: it runs, it was built for this machine, and it is the patched one.

use std::ffi::CStr;

/// What ggml says of itself: `CPU : SSE3 = 1 | AVX2 = 1 | …`.
fn system_info() -> String {
    // SAFETY: the function returns a C string in a static buffer, which nobody writes to while this test copies it.
    unsafe { CStr::from_ptr(llama_cpp_sys_2::llama_print_system_info()) }.to_string_lossy().into_owned()
}

#[test]
#[cfg(all(target_arch = "x86_64", not(feature = "dynamic-backends")))]
fn the_machines_own_instructions_are_used_and_amx_is_not() {
    let info = system_info();
    for (name, there) in [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("AVX512", is_x86_feature_detected!("avx512bw")),
        ("AVX512_VNNI", is_x86_feature_detected!("avx512vnni")),
        ("AMX_INT8", false),
    ] {
        assert_eq!(info.contains(&format!("{name} = 1")), there, "{name} in {info}");
    }
    assert!(!info.contains("OPENMP = 1"), "{info}");
}

#[test]
#[cfg(not(feature = "unpatched"))]
fn the_running_library_names_the_series_that_this_crate_was_built_with() {
    // SAFETY: the function returns a string literal of the library.
    let running = unsafe { CStr::from_ptr(llama_cpp_sys_2::llama_swaa_stamp()) };
    assert_eq!(running.to_str(), Ok(llama_cpp_sys_2::PATCH_STAMP));
}
