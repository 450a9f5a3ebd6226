//! Tests of the build script's modules: the strict applier, the committed series, the tree that is laid out.

#![allow(dead_code, reason = "the build script uses its modules whole, the tests in parts")]

#[path = "../../build/cuda.rs"]
mod cuda;
#[path = "../../build/failure.rs"]
mod failure;
#[path = "../../build/patch.rs"]
mod patch;
#[path = "../../build/series.rs"]
mod series;
#[path = "../../build/source.rs"]
mod source;
#[path = "../../build/tools.rs"]
mod tools;
#[path = "../../build/tree.rs"]
mod tree;

mod applying;
mod committed;
mod laying_out;
#[cfg(unix)]
mod toolkits;
