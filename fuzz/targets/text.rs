//! Text and Markdown: encodings, control characters, chapters, headings.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    lunette_fuzz::read_but_pdf("a.txt", bytes);
    lunette_fuzz::read_but_pdf("a.md", bytes);
});
