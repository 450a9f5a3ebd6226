//! Makes text safe for a terminal: replaces every control character by a visible symbol.

use std::borrow::Cow;

/// `text` on one line and without control characters: for names, errors and titles.
pub(super) fn printable(text: &str) -> String {
    let (cleaned, _) = without_controls(text);
    cleaned.replace(['\n', '\t'], " ")
}

/// Returns `text` with LF line ends and with symbols in place of control characters, and the number of symbols.
pub(super) fn without_controls(text: &str) -> (Cow<'_, str>, u64) {
    let bytes = text.as_bytes();
    if next_control(bytes, 0).is_none() {
        return (text.into(), 0);
    }
    let mut cleaned = String::with_capacity(text.len() + text.len() / 64);
    let mut replaced = 0;
    let mut done = 0;
    while let Some(at) = next_control(bytes, done) {
        cleaned.push_str(&text[done..at]);
        let (sign, width) = match bytes[at] {
            b'\r' => (Cow::Borrowed("\n"), 1 + usize::from(bytes.get(at + 1) == Some(&b'\n'))),
            // A page break in plain text. A space keeps the line numbers, and keeps words apart.
            0x0c => (Cow::Borrowed(" "), 1),
            0xc2 => (Cow::Borrowed("\u{fffd}"), 2),
            control => (Cow::Owned(picture(control).to_string()), 1),
        };
        replaced += u64::from(!matches!(bytes[at], b'\r' | 0x0c));
        cleaned.push_str(&sign);
        done = at + width;
    }
    cleaned.push_str(&text[done..]);
    (cleaned.into(), replaced)
}

/// Offset of the next control character at or after `from`: C0 except tab and LF, DEL, or C1 (`C2 80` to `C2 9F`).
fn next_control(bytes: &[u8], from: usize) -> Option<usize> {
    let is_next = |at: usize| match bytes[at] {
        0xc2 => bytes.get(at + 1).is_some_and(|second| (0x80..=0x9f).contains(second)),
        byte => is_control(byte),
    };
    (from..bytes.len()).find(|&at| is_next(at))
}

pub(super) const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n')) || byte == 0x7f
}

/// Unicode's symbol for a control character: ␛ for escape.
fn picture(control: u8) -> char {
    match control {
        0x7f => '\u{2421}',
        c0 => char::from_u32(0x2400 + u32::from(c0)).expect("U+2400 to U+241F are assigned"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_keeps_a_name_on_one_line() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}\nb"), "a␛]0;x␇ b");
    }
}
