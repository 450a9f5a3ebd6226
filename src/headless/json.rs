//! Writes JSON that a terminal may show: what it would obey, or show in another order, is escaped in strings.
//!
//! `serde_json` escapes control characters below U+0020 alone. Here `"\u{9b}2J"`, which clears a screen, becomes `"\u009b2J"`: the same
//! string to every reader of JSON.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::harmless::sign;

/// Writes `object` on one line, without a newline behind it.
pub(super) fn write(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    Ok(object.serialize(&mut Serializer::with_formatter(out, Escaping))?)
}

/// Compact, as `serde_json` is by itself.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut done = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| sign(*c).is_some()) {
            out.write_all(&fragment.as_bytes()[done..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            done = at + c.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[done..])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(object: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(&mut out, object).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        let object = serde_json::json!({ "a\u{7f}": "é \u{1b}\u{9b}2J\n\u{202e}\u{e0041}" });
        assert_eq!(written(&object), r#"{"a\u007f":"é \u001b\u009b2J\n\u202e\udb40\udc41"}"#);
    }

    proptest! {
        #[test]
        fn a_reader_gets_the_same_string(text in any::<String>()) {
            let json = written(&text);
            prop_assert!(json.chars().all(|c| sign(c).is_none()), "{json}");
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
        }
    }
}
