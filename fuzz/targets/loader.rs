//! Any bytes, as a file with any name. PDFs have a target of their own.
#![no_main]

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 8] = ["a", "a.txt", "a.md", "a.html", "a.epub", "a.docx", "-", "a.rs"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    lunette_fuzz::read_but_pdf(NAMES[usize::from(*first) % NAMES.len()], rest);
});
