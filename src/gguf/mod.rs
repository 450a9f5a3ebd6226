//! Is a model's file sound? Reads the header of a GGUF file before llama.cpp sees the file.
//!
//! llama.cpp ends the whole process where a header contradicts itself (`GGML_ASSERT`): a model of 513 layers, more experts
//! in use than there are, two tokens of the same text. Here the same is an [`Error`] that names the key, what was found and
//! what is allowed.
//!
//! | file | answers |
//! |---|---|
//! | `source` | which bytes come next, and are there so many? |
//! | `header` | which keys and tensors does the file list? |
//! | [`value`] | what is a key's value? |
//! | `tensor_types` | how many bytes does a tensor of this type take? |
//! | `rules` | which headers does llama.cpp refuse by ending the process? |
//!
//! Example: the header of `SmolLM2-135M-Instruct-Q4_K_M.gguf` has 2 MB: 33 keys, of which one lists 49,152 tokens, and 272
//! tensors. It takes some milliseconds.
//!
//! Reads no weights, and doesn't know what each architecture needs. What a header can't tell is tried in another process
//! (`engine::trial`).

mod error;
mod header;
mod rules;
mod source;
mod tensor_types;
pub mod value;

pub use error::Error;
pub use header::{Header, Tensor};
pub use rules::{check, check_vocabulary};
pub use source::hexadecimal;
pub use tensor_types::block;
