//! Any bytes, as the body of a request to the server.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| lunette_fuzz::server::read(body));
