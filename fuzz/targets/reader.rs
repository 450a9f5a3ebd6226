//! A document on the screen: paged through, searched, opened at a place that it may not have. The first four bytes are width, height, kind
//! and place.
#![no_main]

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["a.txt", "a.md", "a.rs", "a.html"];

fuzz_target!(|bytes: &[u8]| {
    let [cells, rows, name, place, text @ ..] = bytes else { return };
    if text.trim_ascii_start().starts_with(b"%PDF-") {
        return;
    }
    let needle = String::from_utf8_lossy(&text[..text.len().min(3)]).into_owned();
    if let Some(document) = lunette_fuzz::opened(NAMES[usize::from(*name) % NAMES.len()], text) {
        lunette_fuzz::tui::page_through(document, (*cells).into(), (*rows).into(), &needle, usize::from(*place) * 7);
    }
});
