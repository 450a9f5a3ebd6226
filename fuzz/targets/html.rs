//! HTML and XHTML.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    lunette_fuzz::read("a.html", &[b"<!DOCTYPE html>".as_slice(), bytes].concat());
    lunette_fuzz::read("a.xhtml", &[b"<?xml version='1.0'?><html>".as_slice(), bytes].concat());
});
