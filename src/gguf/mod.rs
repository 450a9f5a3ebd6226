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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text with its length.
    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    /// A file with these keys and no tensors.
    fn file(keys: &[Vec<u8>]) -> Vec<u8> {
        let counts = [0_u64.to_le_bytes(), (keys.len() as u64).to_le_bytes()].concat();
        [b"GGUF\x03\0\0\0", &counts[..], &keys.concat()].concat()
    }

    fn number(name: &str, number: u32) -> Vec<u8> {
        [text(name), 4_u32.to_le_bytes().to_vec(), number.to_le_bytes().to_vec()].concat()
    }

    fn words(name: &str, words: &str) -> Vec<u8> {
        [text(name), 8_u32.to_le_bytes().to_vec(), text(words)].concat()
    }

    fn list(name: &str, words: &[&str]) -> Vec<u8> {
        let head = [9_u32.to_le_bytes(), 8_u32.to_le_bytes()].concat();
        let texts: Vec<u8> = words.iter().flat_map(|word| text(word)).collect();
        [text(name), head, (words.len() as u64).to_le_bytes().to_vec(), texts].concat()
    }

    /// A small model's keys, of which `changed` replace those of the same name or come behind.
    fn refused(changed: &[(&str, Vec<u8>)]) -> Option<String> {
        let mut keys = vec![
            ("general.architecture", words("general.architecture", "llama")),
            ("llama.block_count", number("llama.block_count", 2)),
            ("llama.context_length", number("llama.context_length", 4096)),
            ("llama.embedding_length", number("llama.embedding_length", 64)),
            ("tokenizer.ggml.model", words("tokenizer.ggml.model", "gpt2")),
            ("tokenizer.ggml.tokens", list("tokenizer.ggml.tokens", &["a", "b", "", ""])),
        ];
        for (name, bytes) in changed {
            keys.retain(|(other, _)| other != name);
            keys.push((name, bytes.clone()));
        }
        keys.retain(|(_, bytes)| !bytes.is_empty());
        let bytes = file(&keys.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>());
        let header = Header::read_from(&bytes[..], bytes.len() as u64);
        header.and_then(|header| check(&header)).err().map(|error| error.to_string())
    }

    #[test]
    fn a_sound_header_is_not_refused() {
        assert_eq!(refused(&[]), None);
    }

    #[test]
    fn a_refusal_names_the_key_what_it_is_and_what_it_may_be() {
        let cases: [(&str, Vec<u8>, &str); 9] = [
            (
                "llama.block_count",
                number("llama.block_count", 513),
                "llama.block_count is 513, not a u32 from 1 to 512",
            ),
            ("llama.block_count", Vec::new(), "it has no llama.block_count, its number of layers"),
            (
                "llama.block_count",
                words("llama.block_count", "two"),
                "llama.block_count is \"two\", not a u32 from 1 to 512",
            ),
            (
                "llama.expert_count",
                number("llama.expert_count", 8),
                "llama.expert_used_count is missing, not at least 1, as there are experts",
            ),
            (
                "llama.rope.scaling.type",
                words("llama.rope.scaling.type", "newer"),
                "llama.rope.scaling.type is \"newer\", not none, linear, yarn or longrope",
            ),
            (
                "tokenizer.ggml.model",
                words("tokenizer.ggml.model", "none"),
                "tokenizer.ggml.model is \"none\", not the kind of a vocabulary",
            ),
            (
                "tokenizer.ggml.tokens",
                list("tokenizer.ggml.tokens", &["a", "b", "a"]),
                "tokenizer.ggml.tokens[2] is \"a\", as token 0, not a text of its own",
            ),
            (
                "tokenizer.ggml.model",
                words("tokenizer.ggml.model", "llama"),
                "tokenizer.ggml.tokens is without a token for the byte 0x00, not complete",
            ),
            ("general.alignment", number("general.alignment", 3), "general.alignment is 3, not a power of two"),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(refused(&[(name, bytes)]).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_told_before_anything_is_allocated() {
        let mut bytes = file(&[words("general.architecture", "llama")]);
        bytes[24..32].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        let error = Header::read_from(&bytes[..], bytes.len() as u64).expect_err("there are not so many");
        let said = error.to_string();
        assert!(
            said.starts_with("it ends too early: the name of key 1 at byte 32 takes 1099511627776 bytes"),
            "{said}"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), counts in any::<[u8; 2]>()) {
            let head = [u64::from(counts[0]).to_le_bytes(), u64::from(counts[1] % 8).to_le_bytes()].concat();
            let bytes = [b"GGUF\x03\0\0\0", &head[..], &bytes[..]].concat();
            if let Ok(header) = Header::read_from(&bytes[..], bytes.len() as u64) {
                let _ = (check(&header), check_vocabulary(&header));
            }
        }
    }
}
