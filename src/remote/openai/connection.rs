//! Which server is asked, for which model, and what the user adds.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::wire::{Address, Wire};
use crate::failure::Failure;

/// What a server knows the user by. It is sent, and shown nowhere: not in logs, errors or exports.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// `None` if it can't stand in the head of a request: it has spaces, line ends or letters beyond ASCII, or nothing.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(key.to_owned()))
    }

    /// The line of a request's head that carries it.
    pub(super) fn header(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A server that is to be connected to.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    address: Address,
    pub key: Option<Key>,
    /// `-m`: one of the server's models, or a part of its name.
    pub model: Option<String>,
    /// `--tokenizer`: what counts tokens.
    pub tokenizer: Option<PathBuf>,
    /// `-c`, over what the server says.
    pub context_tokens: Option<u32>,
    /// Fields of every request for an answer.
    pub added: Map<String, Value>,
}

impl Connection {
    /// A connection to the server at `url`, for its only model.
    ///
    /// Errors: `url` is not the address of one.
    pub fn to(url: &str) -> Result<Self, Failure> {
        let address = Address::parse(url)?;
        Ok(Self { address, key: None, model: None, tokenizer: None, context_tokens: None, added: Map::new() })
    }

    pub(super) fn wire(&self) -> Wire {
        Wire::to(self.address.clone(), self.key.as_ref().map(Key::header).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_nowhere_and_breaks_no_head() {
        let key = Key::new(" sk-1 \n").expect("a key");
        assert_eq!((format!("{key:?}").as_str(), key.header().as_str()), ("Key(…)", "Authorization: Bearer sk-1\r\n"));
        assert_eq!(["", " ", "a b", "a\r\nX: y", "é"].map(Key::new), [const { None }; 5]);
    }
}
