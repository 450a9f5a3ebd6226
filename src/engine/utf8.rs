//! Turns a stream of bytes into whole characters, since a token may end in the middle of one.
//!
//! `[0xF0, 0x9F]` gives nothing, then `[0x98, 0x80]` gives `😀`. Invalid bytes become U+FFFD, as with
//! `String::from_utf8_lossy` on the whole.

use encoding_rs::{Decoder, UTF_8};

/// Holds the bytes of an incomplete character.
pub(super) struct Utf8Assembler(Decoder);

impl Default for Utf8Assembler {
    fn default() -> Self {
        // A byte order mark in an answer is a character like any other.
        Self(UTF_8.new_decoder_without_bom_handling())
    }
}

impl Utf8Assembler {
    /// Adds bytes; returns the characters that are complete now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        decode(&mut self.0, bytes, false)
    }

    /// Ends the stream; returns a replacement character if the last character is incomplete.
    pub(super) fn finish(&mut self) -> String {
        decode(&mut std::mem::take(self).0, &[], true)
    }
}

fn decode(decoder: &mut Decoder, bytes: &[u8], is_last: bool) -> String {
    let room = decoder.max_utf8_buffer_length(bytes.len()).expect("a token's bytes are few");
    let mut text = String::with_capacity(room);
    let _ = decoder.decode_to_string(bytes, &mut text, is_last);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_split_character_waits_for_its_end() {
        let mut assembler = Utf8Assembler::default();
        assert_eq!(assembler.push(&[b'a', 0xF0, 0x9F]), "a");
        assert_eq!(assembler.push(&[0x98, 0x80, b'b']), "😀b");
        assert_eq!(assembler.finish(), "");
    }

    proptest! {
        #[test]
        fn any_split_gives_what_the_whole_gives(bytes in prop::collection::vec(any::<u8>(), 0..64), cuts in prop::collection::vec(0usize..64, 0..8)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut <= bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut assembler = Utf8Assembler::default();
            let mut text: String = cuts.windows(2).map(|cut| assembler.push(&bytes[cut[0]..cut[1]])).collect();
            text.push_str(&assembler.finish());
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
