//! The KV cache on disk: a block under its own name, and under a name from the first line; the second line says what the group is.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let [name, about, block] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    lunette_fuzz::read_block(&String::from_utf8_lossy(name), about, block);
});
