//! `lunette`: parse → settings → front end → exit code.

fn main() {}
