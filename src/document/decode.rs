//! Turns the bytes of a plain text file into text: decodes them, makes every line end LF, and replaces control
//! characters.
//!
//! Example: `EF BB BF "one" 0D 0A 1B "[31m"` becomes `"one\n␛[31m"`, and one control character is counted. Line ends
//! map one to one, so the line numbers of the file stay valid.
//!
//! A file with NUL bytes or many control characters near its start is binary. Up to one invalid sequence per thousand
//! bytes of UTF-8 is replaced by U+FFFD and counted. A file with more is in another encoding (a French book in Latin-1
//! has forty per thousand), which [`encoding`] guesses and the report names.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::code_page::{CP037, is_ebcdic};
use super::controls::{is_control, without_controls};
use super::encoding::{self, Found, Guess, Sureness, UTF8_BOM, WideEncoding};
use super::error::Error;
use super::position::count_lines;
use super::raw_file::RawFile;
use super::report::{FileReport, counted};

/// How much of a file is examined to tell text from binary; the same as git's limit.
const HEAD_BYTES: usize = 8 << 10;

/// Bell, backspace, form feed, carriage return, escape: text for a terminal or a printer may contain any number of
/// these.
const TERMINAL_CONTROLS: [u8; 5] = [0x07, 0x08, 0x0c, b'\r', 0x1b];

/// Text has at most one other control character per this many bytes. Random bytes have one per ten.
const BYTES_PER_CONTROL: usize = 20;

/// Damaged text has at most one invalid sequence per this many bytes.
const BYTES_PER_INVALID: usize = 1000;

/// The text of a file, and what was done to it.
#[derive(Debug)]
pub(super) struct DecodedFile {
    pub text: String,
    /// Complete except for the format, which the caller knows.
    pub report: FileReport,
}

/// The text of `file`. Formats that are recognised by their first bytes must have been ruled out.
pub(super) fn decode(file: RawFile) -> Result<DecodedFile, Error> {
    let charset = file.charset();
    let RawFile { name, bytes, .. } = file;
    let mut report = FileReport { name, bytes: bytes.len() as u64, ..FileReport::default() };
    let text = match encoding::wide(&bytes) {
        Some((unicode, mark)) => decode_wide(unicode, &bytes[mark..], &mut report),
        None => decode_narrow(bytes, charset, &mut report)?,
    };
    let text = clean(text, &mut report);
    if text.trim().is_empty() {
        return Err(Error::Empty { name: report.name, bytes: report.bytes });
    }
    report.lines = count_lines(text.as_bytes()) + u32::from(!text.ends_with('\n'));
    Ok(DecodedFile { text, report })
}

/// Removes NUL and Ctrl-Z bytes from the end, which preallocating writers and CP/M leave there. Returns how many.
fn drop_padding(bytes: &mut Vec<u8>) -> u64 {
    let kept = bytes.iter().rposition(|byte| !matches!(byte, 0 | 0x1a)).map_or(0, |last| last + 1);
    let dropped = bytes.len() - kept;
    bytes.truncate(kept);
    dropped as u64
}

fn refuse_binary(name: &str, bytes: &[u8]) -> Result<(), Error> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let binary = |evidence| Err(Error::Binary { name: name.into(), evidence });
    if let Some(offset) = head.iter().position(|&byte| byte == 0) {
        return binary(format!("a NUL byte at offset {offset}"));
    }
    let controls = head.iter().filter(|&&byte| is_control(byte) && !TERMINAL_CONTROLS.contains(&byte)).count();
    if controls > 1 && controls * BYTES_PER_CONTROL > head.len() {
        return binary(format!("{controls} control characters in the first {} bytes", head.len()));
    }
    Ok(())
}

/// Decodes UTF-8 or a legacy encoding, or fails because the bytes are not text.
fn decode_narrow(
    mut bytes: Vec<u8>,
    charset: Option<&'static Encoding>,
    report: &mut FileReport,
) -> Result<String, Error> {
    if charset.is_none() && is_ebcdic(&bytes) {
        report.encoding = Found { name: CP037.name, sureness: Sureness::Likely };
        report.rivals = vec!["an EBCDIC of another country"];
        return Ok(CP037.decode(&bytes));
    }
    report.trailing_padding = drop_padding(&mut bytes);
    if bytes.is_empty() && report.trailing_padding > 0 {
        return Err(Error::Binary { name: report.name.clone(), evidence: "nothing but NUL bytes".into() });
    }
    refuse_binary(&report.name, &bytes)?;
    match charset.filter(|charset| charset.is_ascii_compatible() && *charset != UTF_8) {
        Some(charset) if !bytes.starts_with(UTF8_BOM) => Ok(decode_as(charset, &bytes, report)),
        _ => decode_bytes(bytes, report),
    }
}

/// Decodes with the encoding that the server named.
fn decode_as(charset: &'static Encoding, bytes: &[u8], report: &mut FileReport) -> String {
    let text = charset.decode_without_bom_handling(bytes).0;
    report.encoding = Found { name: charset.name(), sureness: Sureness::Certain };
    report.invalid_sequences = text.matches(char::REPLACEMENT_CHARACTER).count() as u64;
    text.into_owned()
}

/// Decodes UTF-16 or UTF-32. Invalid sequences are replaced and counted.
fn decode_wide(unicode: WideEncoding, bytes: &[u8], report: &mut FileReport) -> String {
    let (name, text) = match unicode {
        WideEncoding::Utf16(encoding) => (encoding.name(), encoding.decode_without_bom_handling(bytes).0.into_owned()),
        WideEncoding::Utf32 { little_endian } => {
            (if little_endian { "UTF-32LE" } else { "UTF-32BE" }, encoding::decode_utf32(bytes, little_endian))
        }
    };
    report.encoding = Found { name, sureness: Sureness::Certain };
    let text = text.trim_end_matches('\0').to_owned();
    report.invalid_sequences = text.matches(char::REPLACEMENT_CHARACTER).count() as u64;
    text
}

/// Decodes UTF-8 with a few invalid sequences, or else the encoding that the bytes are most likely in.
fn decode_bytes(mut bytes: Vec<u8>, report: &mut FileReport) -> Result<String, Error> {
    let bom = if bytes.starts_with(UTF8_BOM) { UTF8_BOM.len() } else { 0 };
    bytes.drain(..bom);
    // ISO-2022-JP is ASCII with escapes, and therefore valid UTF-8.
    let is_escaped = bytes.windows(3).any(|three| matches!(three, b"\x1b$B" | b"\x1b$@"));
    match String::from_utf8(bytes) {
        Ok(text) if is_escaped => decode_legacy(text.as_bytes(), report),
        Ok(text) => Ok(text),
        Err(error) => {
            let first = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let count = bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
            if bom == 0 && count * BYTES_PER_INVALID > bytes.len() {
                if is_mixed(bytes, count) {
                    return Ok(decode_mixed(bytes, report));
                }
                return decode_legacy(bytes, report);
            }
            report.invalid_sequences = count as u64;
            report.first_invalid_offset = Some((first + bom) as u64);
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

/// Decodes with the guessed encoding. Fails if the bytes are not text in that encoding either.
fn decode_legacy(bytes: &[u8], report: &mut FileReport) -> Result<String, Error> {
    let Guess { charset, sureness, rivals } = encoding::guess_any(bytes);
    let text = charset.decode(bytes);
    let count = text.matches(char::REPLACEMENT_CHARACTER).count();
    if count * BYTES_PER_INVALID > bytes.len() + BYTES_PER_INVALID {
        return Err(Error::Undecodable { name: report.name.clone(), guess: charset.name(), count: count as u64 });
    }
    report.encoding = Found { name: charset.name(), sureness };
    report.rivals = rivals;
    report.invalid_sequences = count as u64;
    Ok(text)
}

/// Whether bytes that are not valid UTF-8 have as many letters of UTF-8 in them as invalid sequences: lines of two
/// encodings were put together.
fn is_mixed(bytes: &[u8], invalid: usize) -> bool {
    let valid = bytes.utf8_chunks().map(|chunk| chunk.valid().chars().filter(|letter| !letter.is_ascii()).count());
    valid.sum::<usize>() >= invalid.max(3)
}

/// Decodes each line as UTF-8, or else as windows-1252; in a line with letters of both, only what is no UTF-8.
fn decode_mixed(bytes: &[u8], report: &mut FileReport) -> String {
    let mut others = 0;
    let mut line = |line: &[u8]| {
        std::str::from_utf8(line).map_or_else(
            |_| {
                others += 1;
                let is_both = line.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
                if is_both {
                    decode_chunks(line)
                } else {
                    WINDOWS_1252.decode_without_bom_handling(line).0.into_owned()
                }
            },
            str::to_owned,
        )
    };
    let text = bytes.split_inclusive(|&byte| byte == b'\n').map(&mut line).collect();
    report.encoding = Found { name: UTF_8.name(), sureness: Sureness::Likely };
    report.remarks.push(format!("{} read as windows-1252 among lines in UTF-8", counted(others, "line")));
    text
}

fn decode_chunks(line: &[u8]) -> String {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        chunk.valid().to_owned() + &WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0
    };
    line.utf8_chunks().map(chunk).collect()
}

/// Makes line ends LF and replaces control characters by symbols.
fn clean(text: String, report: &mut FileReport) -> String {
    let (cleaned, replaced) = without_controls(&text);
    report.control_characters = replaced;
    match cleaned {
        Cow::Borrowed(_) => text,
        Cow::Owned(cleaned) => cleaned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<DecodedFile, Error> {
        decode(RawFile::new("a.txt", bytes.to_vec()))
    }

    fn text(bytes: &[u8]) -> String {
        decoded(bytes).expect("text").text
    }

    #[test]
    fn letters_of_two_encodings_on_one_line_are_both_read() {
        let mixed = ["Größe und Straße. ".repeat(3).as_bytes(), b"Gr\xf6\xdfe alt. ", "Ende über.".as_bytes()].concat();
        let expected = "Größe und Straße. ".repeat(3) + "Größe alt. Ende über.";
        assert_eq!(text(&mixed), expected);
    }

    #[test]
    fn byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(text(b"\xef\xbb\xbfone"), "one");
    }

    #[test]
    fn every_kind_of_line_end_becomes_one_newline() {
        assert_eq!(text(b"a\r\nb\rc\nd\r\r\n\ne"), "a\nb\nc\nd\n\n\ne");
        assert_eq!(decoded(b"a\rb\rc").expect("text").report.lines, 3);
    }

    #[test]
    fn terminal_escapes_become_visible_and_are_counted() {
        let decoded =
            decoded("a long enough line of text, red: \u{1b}[31m, C1: \u{9b}2J, delete: \u{7f}, tab:\t.".as_bytes());
        let decoded = decoded.expect("text");
        assert_eq!(decoded.text, "a long enough line of text, red: ␛[31m, C1: \u{fffd}2J, delete: ␡, tab:\t.");
        assert_eq!(decoded.report.control_characters, 3);
    }

    #[test]
    fn page_breaks_become_spaces_and_shift_no_line() {
        assert_eq!(text(b"end of page\n\x0cChapter 2\n"), "end of page\n Chapter 2\n");
    }

    #[test]
    fn a_few_invalid_bytes_are_replaced_and_counted() {
        let mut bytes = vec![b'a'; 4000];
        bytes[1500] = 0xff;
        bytes[3000] = 0xe9;
        let decoded = decoded(&bytes).expect("mostly UTF-8");
        assert_eq!(decoded.text.matches('\u{fffd}').count(), 2);
        assert_eq!((decoded.report.invalid_sequences, decoded.report.first_invalid_offset), (2, Some(1500)));
    }

    #[test]
    fn another_encoding_is_guessed_and_named() {
        let decoded = decoded(b"first line\nun caf\xe9 cr\xe8me").expect("Latin-1");
        assert_eq!(decoded.text, "first line\nun café crème");
        assert_eq!(decoded.report.encoding, Found { name: "windows-1252", sureness: Sureness::Guessed });
    }

    #[test]
    fn lines_of_two_encodings_are_each_read_in_their_own() {
        let mixed = [&b"caf\xe9 cr\xe8me\n"[..], "café crème à la\n".as_bytes(), "où é\n".as_bytes()].concat();
        let decoded = decoded(&mixed).expect("text");
        assert_eq!(decoded.text, "café crème\ncafé crème à la\noù é\n");
        assert_eq!(decoded.report.remarks, ["1 line read as windows-1252 among lines in UTF-8"]);
    }

    #[test]
    fn wide_text_is_read_and_its_last_letter_too() {
        let wide: Vec<u8> = "\u{feff}two\r\nlines of it\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let decoded = decoded(&wide).expect("UTF-16");
        assert_eq!((decoded.text.as_str(), decoded.report.lines), ("two\nlines of it\n", 2));
        assert_eq!(decoded.report.encoding.name, "UTF-16LE");
    }

    #[test]
    fn japanese_with_escapes_is_no_terminal_log() {
        let (bytes, ..) = encoding_rs::ISO_2022_JP.encode("吾輩は猫である。名前はまだ無い。");
        assert_eq!(text(&bytes), "吾輩は猫である。名前はまだ無い。");
    }

    #[test]
    fn nul_bytes_are_binary_except_behind_the_end() {
        let error = decoded(b"abc\0def").expect_err("binary");
        assert_eq!(error.to_string(), "cannot read a.txt: it is binary, not text (a NUL byte at offset 3)");
        let padded = decoded(b"abc\n\0\0\0\x1a").expect("text with padding");
        assert_eq!((padded.text.as_str(), padded.report.trailing_padding), ("abc\n", 4));
    }

    #[test]
    fn a_file_of_nul_bytes_is_not_called_white_space() {
        let error = decoded(&[0; 9]).expect_err("binary");
        assert_eq!(error.to_string(), "cannot read a.txt: it is binary, not text (nothing but NUL bytes)");
    }

    #[test]
    fn many_control_characters_are_binary() {
        let error = decoded(&[1, 2, 3, 4, b'a', b'b']).expect_err("binary");
        assert!(error.to_string().contains("4 control characters in the first 6 bytes"), "{error}");
    }

    #[test]
    fn white_space_alone_is_empty() {
        let error = decoded(b" \n\t\r\n").expect_err("nothing in it");
        assert_eq!(error.to_string(), "a.txt has only white space (5 bytes)");
        assert_eq!(decoded(b"").expect_err("nothing").to_string(), "a.txt is empty");
    }
}
