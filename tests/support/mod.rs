//! What the attention tests stand on: models small enough to compute by hand, the hand, and llama.cpp.

pub mod comparing;
pub mod gguf;
pub mod llama;
pub mod pair;
pub mod random_model;
pub mod reference;
