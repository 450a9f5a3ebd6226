//! Any bytes behind the magic, as a model's file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    lunette_fuzz::read_header(&[b"GGUF\x03\0\0\0".as_slice(), bytes].concat());
});
