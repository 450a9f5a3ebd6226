//! The name of a block's file, which says all that a search needs.
//!
//! Example: `000000512-77-512-8a41…-1f3c….kv` holds positions 512 to 588, which were computed in a call of 512 tokens, behind the block with
//! key 8a41…; its own key is 1f3c…. `000000700-30-1-….turn` holds 30 positions of an answer, each computed in a call of its own.
//! `000030000-0-0-…` holds no position: it is the state of a model at the end of its parent.

use std::fmt::{self, Write};

/// 128 bits of a hash over a block and, by its parent's key, everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockKey(pub [u8; 16]);

impl BlockKey {
    /// The parent of blocks that start at position 0.
    pub const ROOT: Self = Self([0; 16]);

    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 || !digits.iter().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit)) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Which block it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockName {
    /// Its first position.
    pub start: u32,
    pub tokens: u32,
    /// Tokens of the decode call that computed it: more than `tokens` if only the beginning of the call is kept. With 1, it was computed in
    /// as many calls as it has tokens.
    pub call_tokens: u32,
    pub parent: BlockKey,
    pub key: BlockKey,
    pub part: PartOf,
}

/// What a block is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartOf {
    /// A document with what stands before it.
    Document,
    /// What was asked and answered about it.
    Conversation,
}

impl PartOf {
    /// How the names of its files end.
    const fn ending(self) -> &'static str {
        match self {
            Self::Document => ".kv",
            Self::Conversation => ".turn",
        }
    }
}

impl BlockName {
    /// One past its last position.
    #[must_use]
    pub const fn end(&self) -> u32 {
        self.start + self.tokens
    }

    /// Whether it holds the state of a model at its parent's end, and no positions.
    #[must_use]
    pub const fn is_state(&self) -> bool {
        self.tokens == 0
    }

    /// `None` for a file that is no block.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let of = |part: PartOf| Some((file.strip_suffix(part.ending())?, part));
        let (stem, part) = of(PartOf::Document).or_else(|| of(PartOf::Conversation))?;
        let mut fields = stem.split('-');
        let mut number = || fields.next()?.parse::<u32>().ok();
        let (start, tokens, call_tokens) = (number()?, number()?, number()?);
        let mut key = || fields.next().and_then(BlockKey::parse);
        let (parent, key) = (key()?, key()?);
        let name = Self { start, tokens, call_tokens, parent, key, part };
        let is_sound = match (tokens, call_tokens) {
            (0, call_tokens) => call_tokens == 0 && start > 0,
            (_, 1) => true,
            (tokens, call_tokens) => tokens <= call_tokens,
        };
        let is_sound = is_sound && start.checked_add(tokens).is_some();
        // Another spelling of the same numbers would be another file for the same block.
        (is_sound && name.file() == file).then_some(name)
    }

    /// The name of its file.
    pub(super) fn file(&self) -> String {
        let Self { start, tokens, call_tokens, parent, key, part } = self;
        let mut file = String::with_capacity(100);
        let ending = part.ending();
        write!(file, "{start:09}-{tokens}-{call_tokens}-{parent}-{key}{ending}").expect("a string takes all");
        file
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_comes_back_from_its_file(
            start in 0_u32..2_000_000_000, tokens in 1_u32..100_000, more in 0_u32..1000, parent: [u8; 16], key: [u8; 16]
        ) {
            let name = BlockName {
                start, tokens, call_tokens: tokens + more, parent: BlockKey(parent), key: BlockKey(key), part: PartOf::Document,
            };
            prop_assert_eq!(BlockName::parse(&name.file()), Some(name));
        }

        #[test]
        fn no_name_makes_it_panic(file in "[0-9a-f-]{0,90}(.kv)?") {
            if let Some(name) = BlockName::parse(&file) {
                prop_assert_eq!(name.file(), file);
            }
        }
    }

    #[test]
    fn answers_and_states_have_names_too() {
        for (start, tokens, call_tokens) in [(700, 30, 1), (30_000, 0, 0)] {
            let (parent, key) = (BlockKey([1; 16]), BlockKey([2; 16]));
            for part in [PartOf::Document, PartOf::Conversation] {
                let name = BlockName { start, tokens, call_tokens, parent, key, part };
                assert_eq!(BlockName::parse(&name.file()), Some(name));
                assert_eq!(name.is_state(), tokens == 0);
            }
        }
    }

    #[test]
    fn other_files_are_no_blocks() {
        let key = "0".repeat(32);
        for file in [
            "about.json".to_owned(),
            format!("000000000-512-512-{key}-{key}"),
            format!("0-512-512-{key}-{key}.kv"),
            format!("000000000-0-512-{key}-{key}.kv"),
            format!("000000000-0-0-{key}-{key}.kv"),
            format!("000000000-513-512-{key}-{key}.kv"),
            format!("4294967295-512-512-{key}-{key}.kv"),
            format!("000000000-512-512-{}-{key}.kv", "F".repeat(32)),
            format!("000000000-512-512-{key}-{key}-{key}.kv"),
        ] {
            assert_eq!(BlockName::parse(&file), None, "{file}");
        }
    }
}
