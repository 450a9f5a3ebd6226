//! The linked library: it runs, it was built for this machine, and it is the patched one.

use std::ffi::CStr;

/// What ggml says of its backends: `CPU : SSE3 = 1 | AVX2 = 1 | …`.
fn system_info() -> String {
    // SAFETY: the function returns a C string in a static buffer, which nothing writes to while this test copies it.
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

#[test]
#[cfg(feature = "dynamic-backends")]
fn a_processor_backend_is_found_beside_the_program() {
    let program = std::env::current_exe().expect("a running program has a path");
    let beside = program.parent().expect("it lies in a folder").as_os_str().as_encoded_bytes();
    let beside = std::ffi::CString::new(beside).expect("a path holds no 0");
    // SAFETY: `beside` is a C string that outlives the call.
    let devices = unsafe {
        assert_eq!(llama_cpp_sys_2::ggml_backend_dev_count(), 0, "nothing is loaded before it is asked for");
        llama_cpp_sys_2::ggml_backend_load_all_from_path(beside.as_ptr());
        llama_cpp_sys_2::ggml_backend_dev_count()
    };
    assert!(devices > 0, "no backend in {}", program.display());
    assert!(system_info().contains("CPU : "), "{}", system_info());
}
