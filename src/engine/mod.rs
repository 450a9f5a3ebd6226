//! Everything that knows llama.cpp, on a thread of its own: commands in, events out.

pub mod message;
