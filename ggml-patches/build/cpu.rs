//! Which instructions ggml's CPU kernels may use.
//!
//! | build | instructions |
//! |---|---|
//! | default, host = target | this machine's own, AVX-512 included, AMX left out |
//! | default, cross | those that rustc was told of (`-C target-feature`, `-C target-cpu`) |
//! | `dynamic-backends` | every variant that ggml knows, chosen when the program starts |
//!
//! AMX is left out because `cpuid` offers it on some virtual machines that then kill the process at the first tile
//! instruction. `-march=native` cannot leave it out (it switches AMX on again behind any flag before it), hence the list.
//! Each entry can be overruled by an environment variable of its name, e.g. `GGML_AVX512=OFF`.

use crate::tools::Compiler;

/// ggml's option, the target features that it stands for, a flag that the compiler must know.
const X86: &[(&str, &[&str], &str)] = &[
    ("GGML_SSE42", &["sse4.2"], "-msse4.2"),
    ("GGML_AVX", &["avx"], "-mavx"),
    ("GGML_AVX2", &["avx2"], "-mavx2"),
    ("GGML_BMI2", &["bmi2"], "-mbmi2"),
    ("GGML_FMA", &["fma"], "-mfma"),
    ("GGML_F16C", &["f16c"], "-mf16c"),
    ("GGML_AVX_VNNI", &["avxvnni"], "-mavxvnni"),
    ("GGML_AVX512", &["avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw"], "-mavx512bw"),
    ("GGML_AVX512_VBMI", &["avx512vbmi"], "-mavx512vbmi"),
    ("GGML_AVX512_VNNI", &["avx512vnni"], "-mavx512vnni"),
    ("GGML_AVX512_BF16", &["avx512bf16"], "-mavx512bf16"),
];

/// CMake options for the CPU backend.
pub fn options(compiler: &Compiler) -> Vec<(&'static str, &'static str)> {
    let cross = std::env::var("HOST") != std::env::var("TARGET");
    if cfg!(feature = "dynamic-backends") {
        return vec![("GGML_NATIVE", "OFF"), ("GGML_BACKEND_DL", "ON"), ("GGML_CPU_ALL_VARIANTS", "ON")];
    }
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch != "x86_64") {
        return vec![("GGML_NATIVE", on(!cross))];
    }
    let told = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let has = |feature: &str| if cross { told.split(',').any(|known| known == feature) } else { machine_has(feature) };
    let mut options = vec![("GGML_NATIVE", "OFF")];
    for (option, features, flag) in X86 {
        options.push((option, on(features.iter().all(|feature| has(feature)) && compiler.accepts(flag))));
    }
    options
}

fn on(yes: bool) -> &'static str {
    if yes { "ON" } else { "OFF" }
}

/// Whether the processor has `feature` and the system lets programs use it.
#[cfg(target_arch = "x86_64")]
fn machine_has(feature: &str) -> bool {
    match feature {
        "sse4.2" => is_x86_feature_detected!("sse4.2"),
        "avx" => is_x86_feature_detected!("avx"),
        "avx2" => is_x86_feature_detected!("avx2"),
        "bmi2" => is_x86_feature_detected!("bmi2"),
        "fma" => is_x86_feature_detected!("fma"),
        "f16c" => is_x86_feature_detected!("f16c"),
        "avxvnni" => is_x86_feature_detected!("avxvnni"),
        "avx512f" => is_x86_feature_detected!("avx512f"),
        "avx512cd" => is_x86_feature_detected!("avx512cd"),
        "avx512vl" => is_x86_feature_detected!("avx512vl"),
        "avx512dq" => is_x86_feature_detected!("avx512dq"),
        "avx512bw" => is_x86_feature_detected!("avx512bw"),
        "avx512vbmi" => is_x86_feature_detected!("avx512vbmi"),
        "avx512vnni" => is_x86_feature_detected!("avx512vnni"),
        "avx512bf16" => is_x86_feature_detected!("avx512bf16"),
        _ => unreachable!("every feature of the table X86 is named above"),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn machine_has(_feature: &str) -> bool {
    false
}
