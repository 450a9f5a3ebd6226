//! The tokens of a text with their byte ranges.
//!
//! Example: `"It is"` has the tokens `It` and ` is`, which end at bytes 2 and 5. Byte 3 is in token 1; the bytes `2..5`
//! contain one token.
//!
//! Tokenising is done by [`super::Vocabulary`]. Ranges exist only if the tokens' bytes reproduce the text. With a
//! vocabulary that lower-cases, or lacks a token for a character, [`Tokens::new`] returns `None`.

use std::ops::Range;

/// The tokens of a text with their byte ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// End of each token in the text, in bytes, ascending. May be inside a character, if a token is a part of one.
    ends: Vec<u32>,
}

impl Tokens {
    /// Matches the tokens `ids` against `text`; `bytes_of` returns the bytes of a token. A space that the vocabulary
    /// puts before the text (as `SentencePiece` does) is ignored.
    ///
    /// `None` if the tokens don't reproduce the text byte for byte, or the text has 4 GiB or more.
    #[must_use]
    pub fn new(text: &str, ids: &[i32], mut bytes_of: impl FnMut(i32) -> Vec<u8>) -> Option<Self> {
        u32::try_from(text.len()).ok()?;
        let text = text.as_bytes();
        let mut ends = Vec::with_capacity(ids.len());
        let mut at = 0;
        for &id in ids {
            let bytes = bytes_of(id);
            at += if text[at..].starts_with(&bytes) {
                bytes.len()
            } else if at == 0 && bytes[0] == b' ' && text.starts_with(&bytes[1..]) {
                bytes.len() - 1
            } else {
                return None;
            };
            ends.push(at as u32);
        }
        (at == text.len()).then_some(Self { ends })
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The byte range of token `index`.
    #[must_use]
    pub fn bytes_of(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start as usize..self.ends[index] as usize
    }

    /// The token that contains `byte`; [`Tokens::len`] past the end.
    #[must_use]
    pub fn at(&self, byte: usize) -> usize {
        self.ends.partition_point(|&end| end as usize <= byte)
    }

    /// How many tokens begin in `bytes`. Counts of ranges that make up the text add up to its tokens.
    #[must_use]
    pub fn count_in(&self, bytes: Range<usize>) -> usize {
        self.beginning_before(bytes.end) - self.beginning_before(bytes.start)
    }

    /// How many tokens begin before `byte`: those that end by then, and the one that spans it.
    fn beginning_before(&self, byte: usize) -> usize {
        if byte == 0 { 0 } else { (self.at(byte - 1) + 1).min(self.ends.len()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tokens that result from splitting `text` at `cuts`.
    fn cut(text: &str, cuts: &[usize]) -> Tokens {
        let bounds: Vec<usize> = [0].into_iter().chain(cuts.iter().copied()).chain([text.len()]).collect();
        let ids: Vec<i32> = (0..).take(bounds.len() - 1).collect();
        let bytes_of = |id: i32| text.as_bytes()[bounds[id as usize]..bounds[id as usize + 1]].to_vec();
        Tokens::new(text, &ids, bytes_of).expect("the stretches are the text")
    }

    #[test]
    fn a_space_that_the_vocabulary_put_first_is_no_part_of_the_text() {
        let tokens = Tokens::new("It is", &[7, 8], |id| if id == 7 { b" It".to_vec() } else { b" is".to_vec() });
        assert_eq!(tokens.map(|tokens| (tokens.bytes_of(0), tokens.bytes_of(1))), Some((0..2, 2..5)));
    }

    #[test]
    fn tokens_that_are_not_the_text_have_no_place() {
        assert_eq!(Tokens::new("It", &[7], |_| b"it".to_vec()), None);
        assert_eq!(Tokens::new("It", &[7], |_| b"I".to_vec()), None);
        assert_eq!(Tokens::new("", &[7], |_| b"I".to_vec()), None);
    }

    proptest! {
        #[test]
        fn bytes_lead_to_tokens_and_back(text in "[a-zé猫 ]{1,20}", cuts in prop::collection::btree_set(1..60_usize, 0..12)) {
            let cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut < text.len()).collect();
            let tokens = cut(&text, &cuts);
            for index in 0..tokens.len() {
                let bytes = tokens.bytes_of(index);
                prop_assert!(bytes.clone().all(|byte| tokens.at(byte) == index));
                prop_assert_eq!(tokens.count_in(bytes), 1);
            }
            prop_assert_eq!(tokens.at(text.len()), tokens.len());
        }

        #[test]
        fn stretches_have_the_tokens_of_the_whole(text in "[a-zé猫 ]{1,20}", cuts in prop::collection::btree_set(1..60_usize, 0..12), at in 0..60_usize) {
            let cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut < text.len()).collect();
            let tokens = cut(&text, &cuts);
            let at = at.min(text.len());
            prop_assert_eq!(tokens.count_in(0..at) + tokens.count_in(at..text.len()), tokens.len());
        }
    }
}
