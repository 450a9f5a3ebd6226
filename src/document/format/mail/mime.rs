//! Takes messages apart: headers, parts, transfer encodings, character sets (RFC 2045 to 2047, 2231 in part).
//!
//! `Subject: =?utf-8?Q?M=C3=A4rz?=` is `März`; a part in Base64 or quoted-printable is decoded. What is damaged is read
//! as far as it goes.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{Encoding, UTF_8};

use crate::format::charset;

/// Most headers of a message, and most parts of one.
const MOST_HEADERS: usize = 500;
const MOST_PARTS: usize = 1000;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A line of the head, unfolded.
#[derive(Debug)]
pub(super) struct Header<'a> {
    /// In lower case.
    pub name: String,
    pub raw: Cow<'a, str>,
}

/// A message, or a part of one.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    headers: Vec<Header<'a>>,
    body: &'a [u8],
}

/// `bytes` without the blank lines at the start.
pub(super) fn skip_blank(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    &bytes[start..]
}

/// The headers at the start of `bytes`.
pub(super) fn headers(bytes: &[u8]) -> Vec<Header<'_>> {
    split(bytes).0
}

/// The headers, and what is behind the blank line after them.
fn split(bytes: &[u8]) -> (Vec<Header<'_>>, &[u8]) {
    let mut headers: Vec<Header<'_>> = Vec::new();
    let mut at = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let text = line.trim_ascii_end();
        if text.is_empty() {
            return (headers, &bytes[at + line.len()..]);
        }
        at += line.len();
        let decoded = if std::str::from_utf8(text).is_ok() {
            String::from_utf8_lossy(text)
        } else {
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(text).0
        };
        if text[0].is_ascii_whitespace() {
            if let Some(last) = headers.last_mut() {
                last.raw = format!("{} {}", last.raw, decoded.trim()).into();
            }
            continue;
        }
        let Some((name, value)) = decoded.split_once(':') else { return (headers, &bytes[at..]) };
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name || headers.len() == MOST_HEADERS {
            return (headers, &bytes[at..]);
        }
        headers.push(Header { name: name.to_ascii_lowercase(), raw: value.trim().to_owned().into() });
    }
    (headers, &[])
}

impl<'a> Entity<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let (headers, body) = split(skip_blank(bytes));
        Self { headers, body }
    }

    /// The value of the header `name`, in words.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|header| header.name == name).map(Header::value)
    }

    fn raw(&self, name: &str) -> &str {
        self.headers.iter().find(|header| header.name == name).map_or("", |header| &header.raw)
    }

    /// `text/plain`, in lower case.
    pub(super) fn media_type(&self) -> String {
        let kind = self.raw("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind.contains('/') { kind } else { "text/plain".into() }
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }

    pub(super) fn is_attachment(&self) -> bool {
        self.raw("content-disposition")
            .trim_start()
            .get(..10)
            .is_some_and(|start| start.eq_ignore_ascii_case("attachment"))
    }

    /// Whether it has the name of a file, and not only an address.
    pub(super) fn is_named(&self) -> bool {
        parameter(self.raw("content-disposition"), "filename").is_some()
            || parameter(self.raw("content-type"), "name").is_some()
    }

    pub(super) fn file_name(&self) -> Option<String> {
        let named = parameter(self.raw("content-disposition"), "filename");
        let name = named.or_else(|| parameter(self.raw("content-type"), "name"));
        name.or_else(|| self.header("content-location")).map(|name| words(&name))
    }

    /// The parts of a multipart entity.
    pub(super) fn parts(&self) -> Vec<Entity<'a>> {
        let Some(boundary) = parameter(self.raw("content-type"), "boundary") else { return Vec::new() };
        let delimiter = format!("--{boundary}");
        let mut parts = Vec::new();
        let (mut start, mut at) = (None, 0);
        for line in self.body.split_inclusive(|&byte| byte == b'\n') {
            let rest = line.strip_prefix(delimiter.as_bytes()).map(<[u8]>::trim_ascii_end);
            if matches!(rest, Some(b"" | b"--")) {
                parts.extend(start.map(|start: usize| Entity::new(&self.body[start..at])));
                start = (rest == Some(b"")).then_some(at + line.len());
                if parts.len() == MOST_PARTS {
                    return parts;
                }
            }
            at += line.len();
        }
        parts.extend(start.map(|start| Entity::new(&self.body[start..])));
        parts
    }

    /// The body, decoded from its transfer encoding.
    pub(super) fn decoded(&self) -> Cow<'a, [u8]> {
        let encoding = self.raw("content-transfer-encoding").trim().to_ascii_lowercase();
        match encoding.as_str() {
            "base64" => base64(self.body).into(),
            "quoted-printable" => quoted_printable(self.body, false).into(),
            _ => self.body.into(),
        }
    }

    /// The body as text.
    pub(super) fn text(&self) -> String {
        let bytes = self.decoded();
        let named = parameter(self.raw("content-type"), "charset");
        let named =
            named.and_then(|label| Encoding::for_label(label.trim().as_bytes())).filter(|named| *named != UTF_8);
        charset::read_as(&bytes, named).text.into_owned()
    }
}

/// The parameter `name` of a header: `text/plain; charset="utf-8"`, also as RFC 2231 writes it: `filename*=utf-8''%c3`.
fn parameter(header: &str, name: &str) -> Option<String> {
    let (mut rest, mut pieces) = (header.split_once(';')?.1, String::new());
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_at(value.find(';').unwrap_or(value.len())),
        };
        rest = behind.split_once(';').map_or("", |(_, rest)| rest);
        let key = key.trim().to_ascii_lowercase();
        if key == name {
            return Some(value.trim().to_owned());
        }
        // `filename*0*`, `filename*1`: pieces of one value.
        if let Some(star) = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('*')) {
            let is_escaped = star.is_empty() || star.ends_with('*');
            let value = value.rsplit_once("''").map_or(value, |(_, value)| value);
            pieces += &if is_escaped { crate::format::archive::decoded(value) } else { value.to_owned() };
        }
    }
    Some(pieces).filter(|pieces| !pieces.is_empty())
}

/// `=?utf-8?B?TcOkcno=?=` in words.
pub(super) fn words(raw: &str) -> String {
    let mut words = String::new();
    let mut rest = raw;
    let mut was_encoded = false;
    while let Some(at) = rest.find("=?") {
        let (before, encoded) = rest.split_at(at);
        let Some((word, behind)) = encoded_word(encoded) else {
            words.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            was_encoded = false;
            continue;
        };
        // White space between two encoded words belongs to neither.
        if !(was_encoded && before.trim().is_empty()) {
            words.push_str(before);
        }
        words.push_str(&word);
        rest = behind;
        was_encoded = true;
    }
    words + rest
}

/// The word at the start of `text`, and what is behind it.
fn encoded_word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (kind, rest) = rest.split_once('?')?;
    let (content, behind) = rest.split_once("?=")?;
    let bytes = match kind {
        "B" | "b" => base64(content.as_bytes()),
        "Q" | "q" => quoted_printable(content.as_bytes(), true),
        _ => return None,
    };
    let charset = charset.split('*').next().unwrap_or_default();
    let encoding = Encoding::for_label(charset.as_bytes()).unwrap_or(UTF_8);
    Some((encoding.decode_without_bom_handling(&bytes).0.into_owned(), behind))
}

/// As much as is valid.
fn base64(bytes: &[u8]) -> Vec<u8> {
    let is_sign = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let signs: Vec<u8> = bytes.iter().copied().filter(is_sign).collect();
    let whole = signs.len() - usize::from(signs.len() % 4 == 1);
    BASE64.decode(&signs[..whole]).unwrap_or_default()
}

/// `=C3=A4`, and `=` at the end of a line that goes on. In headers, `_` is a space.
fn quoted_printable(bytes: &[u8], in_header: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (byte, value) {
            (b'=', Some(value)) => {
                decoded.push(value);
                at += 3;
            }
            (b'=', None) if bytes[at + 1..].starts_with(b"\r\n") => at += 3,
            (b'=', None) if bytes[at + 1..].starts_with(b"\n") => at += 2,
            (b'_', _) if in_header => {
                decoded.push(b' ');
                at += 1;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}
