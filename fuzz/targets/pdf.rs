//! PDF, read in this process, so that the libraries' branches count, too. A panic of a library is forgiven, as in the program, where it costs
//! a page; what else ends a process there (a full stack or memory) costs a page as well, and is a finding here.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: lunette_fuzz::forgive_libraries(), |bytes: &[u8]| {
    lunette_fuzz::read("a.pdf", &[b"%PDF-1.7\n".as_slice(), bytes].concat());
});
