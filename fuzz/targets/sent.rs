//! Any bytes, as what another Lunette sends to the server.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| lunette_fuzz::server::read_sent(body));
