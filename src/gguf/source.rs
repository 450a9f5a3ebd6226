//! The bytes of a file in order: numbers and texts, none longer than what is left.
//!
//! Nothing is allocated before it is known to be there: a length of 2^40 is an error, not an allocation.

use std::fmt::Write as _;
use std::io::Read;

use sha2::{Digest, Sha256};

use super::error::Error;

/// The longest header that is read. The longest known ones have 20 MB, for vocabularies of 260,000 tokens.
const MOST_HEADER_BYTES: u64 = 512 << 20;

/// A checksum as people write it: `e3b0c442…`.
#[must_use]
pub fn hexadecimal(checksum: &[u8]) -> String {
    checksum.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a string takes everything");
        digits
    })
}

/// Where reading stands.
pub(super) struct Source<'a> {
    file: Box<dyn Read + 'a>,
    hash: Sha256,
    at: u64,
    file_bytes: u64,
}

impl<'a> Source<'a> {
    /// The bytes that `file` gives, of which there are `file_bytes`.
    pub(super) fn new(file: impl Read + 'a, file_bytes: u64) -> Self {
        Self { file: Box::new(file), hash: Sha256::new(), at: 0, file_bytes }
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The sha256 of all bytes read so far, in hexadecimal.
    pub(super) fn sha256(self) -> String {
        hexadecimal(&self.hash.finalize())
    }

    /// The next `count` bytes, which are `what`.
    pub(super) fn bytes(&mut self, count: u64, what: &str) -> Result<Vec<u8>, Error> {
        self.check_left(count, what)?;
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        self.file.read_exact(&mut bytes)?;
        self.count(&bytes);
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, Error> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, Error> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A length in eight bytes, and so many bytes.
    pub(super) fn text(&mut self, what: &str) -> Result<Vec<u8>, Error> {
        let count = self.u64(what)?;
        self.bytes(count, what)
    }

    /// Errors: `count` things of at least `least_bytes` each are more than the file has left.
    pub(super) fn check_count(&self, count: u64, least_bytes: u64, what: &str) -> Result<(), Error> {
        self.check_left(count.saturating_mul(least_bytes), what)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Error> {
        self.check_left(N as u64, what)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.count(&bytes);
        Ok(bytes)
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.at += bytes.len() as u64;
    }

    fn check_left(&self, need: u64, what: &str) -> Result<(), Error> {
        let have = self.file_bytes;
        if self.at.checked_add(need).is_none_or(|end| end > have) {
            return Err(Error::Ends { what: what.to_owned(), at: self.at, need, have });
        }
        if self.at + need > MOST_HEADER_BYTES {
            let most = format!("at most {} MiB", MOST_HEADER_BYTES >> 20);
            return Err(Error::damaged("the length of the header", format!("more than {need} bytes"), most));
        }
        Ok(())
    }
}
