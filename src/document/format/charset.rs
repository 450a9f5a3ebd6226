//! Decodes web pages, chapters and XML files.
//!
//! The encoding is, in this order: what a byte order mark says; UTF-8, if the bytes are valid UTF-8 that is not ASCII
//! (pages are converted more often than their declarations); what the server said; what the file declares
//! (`<meta charset=…>`, `<?xml encoding=…?>`); UTF-8, if nearly all bytes are valid UTF-8; or [`encoding::guess`], as
//! for plain text.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::encoding::{self, Found, Sureness, WideEncoding};

/// The standard requires the declaration in the first 1024 bytes, but some pages begin with a licence in a comment.
const HEAD_BYTES: usize = 4096;

/// Damaged UTF-8 has at most one invalid sequence per this many bytes.
const BYTES_PER_INVALID: usize = 1000;

/// So many letters of valid UTF-8 are no accident.
const CERTAIN_LETTERS: usize = 3;

/// Decoded text, and the encoding that it was in.
#[derive(Debug)]
pub(super) struct DecodedText<'a> {
    pub text: Cow<'a, str>,
    pub encoding: Found,
    /// Invalid sequences, each now U+FFFD.
    pub invalid_sequences: u64,
    /// Length of the byte order mark.
    mark_bytes: usize,
}

impl DecodedText<'_> {
    /// The offset in the file of byte `at` of the text. Exact unless there are invalid sequences before it.
    pub(super) fn offset_in_file(&self, at: usize) -> usize {
        let before = &self.text[..at];
        let encoding = Encoding::for_label(self.encoding.name.as_bytes()).unwrap_or(UTF_8);
        let bytes = if encoding == UTF_16LE || encoding == UTF_16BE {
            2 * before.encode_utf16().count()
        } else {
            encoding.encode(before).0.len()
        };
        self.mark_bytes + bytes
    }
}

/// Decodes `bytes`, without the byte order mark.
pub(super) fn read(bytes: &[u8]) -> DecodedText<'_> {
    read_as(bytes, None)
}

/// Decodes `bytes`, for which a server named the encoding `served`.
pub(super) fn read_as<'a>(bytes: &'a [u8], served: Option<&'static Encoding>) -> DecodedText<'a> {
    let mark_bytes = Encoding::for_bom(bytes).map_or(0, |(_, bytes)| bytes);
    let utf8 = (mark_bytes == 0 && is_certainly_utf8(bytes)).then_some(UTF_8);
    let (encoding, sureness) = match utf8.or(served.filter(|_| mark_bytes == 0)).or_else(|| declared(bytes)) {
        Some(encoding) => (encoding, Sureness::Certain),
        None if is_mostly_utf8(bytes) => (UTF_8, Sureness::Certain),
        None => encoding::guess(bytes),
    };
    let (text, had_errors) = encoding.decode_with_bom_removal(bytes);
    let invalid_sequences = if had_errors { text.matches(char::REPLACEMENT_CHARACTER).count() as u64 } else { 0 };
    DecodedText { text, encoding: Found { name: encoding.name(), sureness }, invalid_sequences, mark_bytes }
}

/// The encoding that a byte order mark, NULs or the file itself declare.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Some(encoding);
    }
    if let Some((WideEncoding::Utf16(encoding), _)) = encoding::wide(bytes) {
        return Some(encoding);
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]).to_ascii_lowercase();
    let encoding = Encoding::for_label(label(&head)?.as_bytes())?;
    // The label was found by reading single bytes, so the file can't be UTF-16. Browsers use UTF-8 then.
    Some(if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding })
}

/// `latin1` of `<meta charset="latin1">`, `<meta … content="text/html; charset=latin1">`,
/// `<?xml … encoding='latin1'?>`.
fn label(head: &str) -> Option<&str> {
    let declaration = head.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next());
    let in_declaration = declaration.and_then(|declaration| value(declaration, "encoding"));
    let in_meta = || head.split("<meta").skip(1).find_map(|meta| value(meta.split('>').next()?, "charset"));
    in_declaration.or_else(in_meta)
}

/// The value that follows `name` and `=`.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.split_once(name)?.1.trim_start().strip_prefix('=')?.trim_start();
    let rest = rest.trim_start_matches(['"', '\'']);
    let end = rest.find(|char: char| matches!(char, '"' | '\'' | ';' | '/' | '>') || char.is_whitespace());
    Some(&rest[..end.unwrap_or(rest.len())]).filter(|label| !label.is_empty())
}

/// Whether `bytes` are valid UTF-8 with at least [`CERTAIN_LETTERS`] letters that are not ASCII. Two bytes of another
/// encoding may look like one such letter, hardly ever all of them.
fn is_certainly_utf8(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    text.is_ok_and(|text| {
        text.chars().filter(|letter| !letter.is_ascii()).take(CERTAIN_LETTERS).count() == CERTAIN_LETTERS
    })
}

fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let invalid = bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    invalid * BYTES_PER_INVALID <= bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        read(bytes).text.into_owned()
    }

    #[test]
    fn a_page_says_its_encoding_in_three_ways() {
        assert_eq!(text(b"<meta charset=iso-8859-2>\xb1"), "<meta charset=iso-8859-2>ą");
        assert!(text(b"<META HTTP-EQUIV=x CONTENT='text/html; charset=shift_jis'>\x82\xa0").ends_with('あ'));
        assert!(text(b"<?xml version='1.0' encoding='koi8-r'?><p>\xc1").ends_with('а'));
    }

    #[test]
    fn valid_utf8_outdoes_a_stale_declaration() {
        let page = read("<meta charset=gb2312><p>Größe: 鸟 – ja".as_bytes());
        assert_eq!((&*page.text, page.encoding), ("<meta charset=gb2312><p>Größe: 鸟 – ja", Found::default()));
        assert_eq!(text(b"<meta charset=gb2312><p>\xc4\xe3"), "<meta charset=gb2312><p>你", "too short to be sure");
    }

    #[test]
    fn a_byte_order_mark_outdoes_what_the_page_says() {
        assert_eq!(text(b"\xef\xbb\xbf<meta charset=latin1>\xc3\xa9"), "<meta charset=latin1>é");
        let utf16: Vec<u8> = "\u{feff}<p>é".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(text(&utf16), "<p>é");
    }

    #[test]
    fn what_says_nothing_is_utf8_or_a_guess() {
        let utf8 = read("<p>é".as_bytes());
        assert_eq!((&*utf8.text, utf8.encoding), ("<p>é", Found::default()));
        let old = read(b"<p>caf\xe9 \x93so\x94");
        assert_eq!((&*old.text, old.encoding.sureness), ("<p>café “so”", Sureness::Guessed));
    }

    #[test]
    fn a_byte_of_the_text_leads_back_to_the_file() {
        let utf16: Vec<u8> = "\u{feff}é🐱x".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in ["é🐱x".as_bytes(), "\u{feff}é🐱x".as_bytes(), &utf16, b"<?xml encoding='latin1'?>\xe9x"] {
            let read = read(bytes);
            let at = read.text.find('x').expect("an x in it");
            let last = read.text.rfind('x').expect("an x in it");
            assert!(at < 10 && bytes[read.offset_in_file(last)] == b'x', "{}", read.encoding.name);
        }
    }

    #[test]
    fn accidents_are_counted() {
        let mut bytes = b"<p>".repeat(1000);
        bytes[1500] = 0xff;
        assert_eq!((read(&bytes).invalid_sequences, read(&bytes).encoding), (1, Found::default()));
    }
}
