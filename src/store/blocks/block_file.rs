//! The bytes of a block's file.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `LUNETKV1` |
//! | 4, 4, 8 | lengths of name, head and payload, little endian |
//! | | the name of the file: a block under another's name is not used |
//! | | the head, which is the engine's |
//! | | the payload: keys and values |
//! | 16 | XXH3-128 of all of the above |
//!
//! The checksum is there for disks and crashes. Whoever can write into the user's own folder can forge a block, as they could the model.

use std::io;

use twox_hash::XxHash3_128;

use super::name::BlockName;

const MAGIC: &[u8; 8] = b"LUNETKV1";
/// Magic and lengths.
const BEGINNING: usize = 24;
const CHECKSUM: usize = 16;

/// Why a block is not used.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    #[error("it is gone")]
    Gone,
    #[error("it is cut off")]
    CutOff,
    #[error("its checksum is wrong")]
    Damaged,
    #[error("it holds something else than its name says")]
    Foreign,
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
}

impl From<io::Error> for BlockError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::Gone } else { Self::Unreadable(error) }
    }
}

/// What a block holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents<'a> {
    pub head: &'a [u8],
    pub payload: &'a [u8],
}

/// What comes before the payload in the file, and what comes behind it.
pub(super) fn around(name: &BlockName, head: &[u8], payload: &[u8]) -> (Vec<u8>, [u8; CHECKSUM]) {
    let file = name.file();
    let mut before = Vec::with_capacity(BEGINNING + file.len() + head.len());
    before.extend_from_slice(MAGIC);
    before.extend_from_slice(&(file.len() as u32).to_le_bytes());
    before.extend_from_slice(&(head.len() as u32).to_le_bytes());
    before.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    before.extend_from_slice(file.as_bytes());
    before.extend_from_slice(head);
    let mut hasher = XxHash3_128::new();
    hasher.write(&before);
    hasher.write(payload);
    (before, hasher.finish_128().to_le_bytes())
}

/// The contents of the file of `name`.
///
/// Errors: it is not whole, not as it was written, or another block's.
pub(super) fn contents<'a>(name: &BlockName, bytes: &'a [u8]) -> Result<Contents<'a>, BlockError> {
    let lengths = bytes.get(..BEGINNING).ok_or(BlockError::CutOff)?;
    if !lengths.starts_with(MAGIC) {
        return Err(BlockError::Foreign);
    }
    let number = |from: usize, len: usize| {
        lengths[from..from + len].iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte))
    };
    let (name_len, head_len, payload_len) = (number(8, 4), number(12, 4), number(16, 8));
    let whole = payload_len.checked_add(name_len + head_len + (BEGINNING + CHECKSUM) as u64);
    if whole.is_none_or(|whole| whole > bytes.len() as u64) {
        return Err(BlockError::CutOff);
    }
    let (data, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
    if XxHash3_128::oneshot(data).to_le_bytes() != checksum || whole != Some(bytes.len() as u64) {
        return Err(BlockError::Damaged);
    }
    let (file, rest) = data[BEGINNING..].split_at(name_len as usize);
    if file != name.file().as_bytes() {
        return Err(BlockError::Foreign);
    }
    let (head, payload) = rest.split_at(head_len as usize);
    Ok(Contents { head, payload })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::name::{BlockKey, PartOf};
    use super::*;

    fn name(start: u32) -> BlockName {
        let key = BlockKey([7; 16]);
        BlockName { start, tokens: 3, call_tokens: 5, parent: BlockKey::ROOT, key, part: PartOf::Document }
    }

    fn written(head: &[u8], payload: &[u8]) -> Vec<u8> {
        let (mut bytes, checksum) = around(&name(0), head, payload);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    proptest! {
        #[test]
        fn contents_come_back(head: Vec<u8>, payload: Vec<u8>) {
            let bytes = written(&head, &payload);
            let read = contents(&name(0), &bytes).expect("it is whole");
            prop_assert_eq!(read, Contents { head: &head, payload: &payload });
        }

        #[test]
        fn a_block_that_is_cut_off_anywhere_is_refused(head: Vec<u8>, payload: Vec<u8>, at: prop::sample::Index) {
            let bytes = written(&head, &payload);
            let cut = &bytes[..at.index(bytes.len())];
            prop_assert!(contents(&name(0), cut).is_err());
        }

        #[test]
        fn a_block_with_any_bit_flipped_is_refused(head: Vec<u8>, payload: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let mut bytes = written(&head, &payload);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(contents(&name(0), &bytes).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = contents(&name(0), &bytes);
            let _ = contents(&name(0), &[MAGIC.as_slice(), &bytes].concat());
        }
    }

    #[test]
    fn a_block_under_anothers_name_is_refused() {
        let bytes = written(b"head", b"payload");
        assert!(matches!(contents(&name(1), &bytes), Err(BlockError::Foreign)));
    }

    #[test]
    fn bytes_behind_a_block_are_no_part_of_it() {
        let mut bytes = written(b"head", b"payload");
        bytes.push(0);
        assert!(matches!(contents(&name(0), &bytes), Err(BlockError::Damaged)));
    }
}
