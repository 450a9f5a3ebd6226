//! What a model writes: split into reasoning and answer, searched for quotes, and shown as Markdown while it grows. The first two bytes
//! are the width and how much comes at a time.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [width, step, bytes @ ..] = bytes else { return };
    lunette_fuzz::engine::split_output(*width >= 128, usize::from(*step % 16), bytes);
    let text = String::from_utf8_lossy(bytes);
    // A long text is rendered in a few large steps: each renders its last block again.
    let step = usize::from(*step).max(text.len() / 64);
    lunette_fuzz::read_answer(&text, usize::from(*width % 128) + 2, step);
});
