//! An entry of a saved conversation, in lines: the answer, the thoughts, and JSON for the rest. The first byte tells questions from switches.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let mut lines = text.splitn(3, '\n');
    let [answer, thoughts, detail] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let kind = if *kind < 224 { "question" } else { "switch" };
    lunette_fuzz::restore(kind, "Who is @a?", answer, thoughts, detail);
});
