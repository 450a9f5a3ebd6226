//! What the attention tests stand on: models small enough to compute by hand, the hand, and llama.cpp.

pub(crate) mod comparing;
pub(crate) mod gguf;
pub(crate) mod llama;
pub(crate) mod pair;
pub(crate) mod random_model;
pub(crate) mod reference;
pub(crate) mod toys;
