//! Opens old encrypted documents by the owner's password.
//!
//! `hayro` opens those of before 2008 (RC4 and AES of 128 bits) by the user's password only. But their encryption
//! dictionary holds the user's password, encrypted with the owner's: ISO 32000-1, algorithm 7.

use hayro_syntax::object::{Dict, FromBytes, String as PdfString};
use md5::{Digest, Md5};

/// What passwords are padded with, to 32 bytes.
const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00,
    0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];
/// How often a key is hashed from the third revision on.
const MORE_HASHES: usize = 50;
/// How often the user's password is encrypted from the third revision on.
const MOST_ROUNDS: u8 = 20;

/// The user's password of the encrypted file `bytes`, if `owner_password` is the owner's. A wrong one gives a wrong
/// password.
pub(super) fn user_password(bytes: &[u8], owner_password: &str) -> Option<Vec<u8>> {
    let encryption = encryption_dictionary(bytes)?;
    let revision = encryption.get::<u8>("R").filter(|revision| (2..=4).contains(revision))?;
    let key_bytes = match revision {
        2 => 5,
        _ => usize::from(encryption.get::<u16>("Length").unwrap_or(128) / 8).clamp(5, 16),
    };
    let mut password = encryption.get::<PdfString<'_>>("O")?.as_bytes().to_vec();
    let key = key(owner_password, revision, key_bytes);
    for round in (0..if revision == 2 { 1 } else { MOST_ROUNDS }).rev() {
        let key: Vec<u8> = key.iter().map(|byte| byte ^ round).collect();
        rc4(&key, &mut password);
    }
    // Without the padding, which begins with some start of `PADDING`.
    let end = (0..=password.len()).find(|&end| PADDING.starts_with(&password[end..])).unwrap_or(password.len());
    password.truncate(end);
    Some(password)
}

/// The encryption dictionary, which is an object of its own or in the trailer, and never compressed.
fn encryption_dictionary(bytes: &[u8]) -> Option<Dict<'_>> {
    const NAME: &[u8] = b"/Encrypt";
    let at = bytes.windows(NAME.len()).rposition(|window| window == NAME)? + NAME.len();
    let rest = bytes[at..].trim_ascii_start();
    if rest.starts_with(b"<<") {
        return Dict::from_bytes(rest);
    }
    let number: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).collect();
    let header = [number.as_slice(), b" 0 obj"].concat();
    let is_object = |&at: &usize| {
        let is_whole = at == 0 || !bytes[at - 1].is_ascii_digit();
        is_whole && bytes[at..].starts_with(&header)
    };
    let at = (0..bytes.len()).rev().find(is_object)? + header.len();
    Dict::from_bytes(bytes[at..].trim_ascii_start())
}

/// The key that the user's password is encrypted with.
fn key(owner_password: &str, revision: u8, bytes: usize) -> Vec<u8> {
    let padded: Vec<u8> = owner_password.bytes().chain(PADDING).take(PADDING.len()).collect();
    let mut hash = Md5::digest(&padded);
    for _ in 0..if revision == 2 { 0 } else { MORE_HASHES } {
        hash = Md5::digest(&hash[..bytes]);
    }
    hash[..bytes].to_vec()
}

/// Encrypts or decrypts `data`.
fn rc4(key: &[u8], data: &mut [u8]) {
    let mut state: [u8; 256] = std::array::from_fn(|index| index as u8);
    let mut other = 0_u8;
    for index in 0..256 {
        other = other.wrapping_add(state[index]).wrapping_add(key[index % key.len()]);
        state.swap(index, usize::from(other));
    }
    let (mut one, mut other) = (0_u8, 0_u8);
    for byte in data {
        one = one.wrapping_add(1);
        other = other.wrapping_add(state[usize::from(one)]);
        state.swap(usize::from(one), usize::from(other));
        *byte ^= state[usize::from(state[usize::from(one)].wrapping_add(state[usize::from(other)]))];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6229 has no ASCII keys; this one is of the cipher's first description.
    #[test]
    fn the_cipher_is_rc4() {
        let mut data = b"Plaintext".to_vec();
        rc4(b"Key", &mut data);
        assert_eq!(data, [0xbb, 0xf3, 0x16, 0xe8, 0xd9, 0x40, 0xaf, 0x0a, 0xd3]);
    }
}
