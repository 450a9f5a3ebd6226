//! The library that was linked: it runs, and it was built for this machine.

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
