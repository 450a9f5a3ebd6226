//! Any text, as a chat template.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| lunette_fuzz::render(source));
