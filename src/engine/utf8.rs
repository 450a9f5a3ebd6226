//! Turns a stream of bytes into whole characters: a token may end in the middle of one.
//!
//! `[0xF0, 0x9F]` gives nothing, then `[0x98, 0x80]` gives `😀`. Bytes that can't become a character any more come out as
//! U+FFFD, as `String::from_utf8_lossy` would give for the whole.

/// Holds the bytes of a character that has not ended yet: three at most.
#[derive(Debug, Default)]
pub(super) struct Utf8Assembler {
    pending: Vec<u8>,
}

impl Utf8Assembler {
    /// Adds bytes; returns the characters that are whole now.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut whole = String::new();
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    whole.push_str(text);
                    self.pending.clear();
                    return whole;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    whole.push_str(&String::from_utf8_lossy(&self.pending[..valid]));
                    let Some(bad) = error.error_len() else {
                        self.pending.drain(..valid);
                        return whole;
                    };
                    whole.push(char::REPLACEMENT_CHARACTER);
                    self.pending.drain(..valid + bad);
                }
            }
        }
    }

    /// What is left when the stream has ended: a replacement character if a character was cut short.
    pub(super) fn finish(&mut self) -> String {
        let rest = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        rest
    }
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
