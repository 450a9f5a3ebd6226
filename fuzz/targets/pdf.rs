//! PDF, read by the program that `LUNETTE` names. Whatever happens to the child process, the parent goes on.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    lunette_fuzz::read_pdf("a.pdf", &[b"%PDF-1.7\n".as_slice(), bytes].concat());
});
