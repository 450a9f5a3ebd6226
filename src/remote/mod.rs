//! Engines that run elsewhere.

pub mod openai;
