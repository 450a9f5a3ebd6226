//! What a terminal sends: keys, pastes, the mouse, replies. The first two bytes are how much is read at once, and how fast it comes.
#![no_main]

use libfuzzer_sys::fuzz_target;

use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let [read_bytes, apart_ms, bytes @ ..] = bytes else { return };
    let apart = Duration::from_millis(u64::from(*apart_ms % 64));
    lunette_fuzz::tui::take_keys(*read_bytes >= 128, usize::from(*read_bytes % 128), apart, bytes);
});
