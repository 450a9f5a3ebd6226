//! The bytes of a file, with its name and what the server said about it.

use std::path::Path;

use encoding_rs::Encoding;

/// Maximum size of a file: many times what any context holds, and small enough not to fill the memory (`/dev/zero`).
pub(super) const MAX_BYTES: u64 = 256 << 20;

/// A file whose format is not known yet.
#[derive(Debug)]
pub(super) struct RawFile {
    pub name: String,
    pub bytes: Vec<u8>,
    /// If it was fetched: what the server said about it.
    pub served: Option<Served>,
}

impl RawFile {
    /// A file that was not fetched.
    #[cfg(test)]
    pub(super) fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), served: None }
    }

    /// Whether the server gave this media type: `text/html`.
    pub(super) fn is_served_as(&self, media_type: &str) -> bool {
        self.served.as_ref().is_some_and(|served| served.media_type == media_type)
    }

    /// The encoding that the server named.
    pub(super) fn charset(&self) -> Option<&'static Encoding> {
        self.served.as_ref().and_then(|served| served.charset)
    }

    /// The extension of the name, in lower case. The query and fragment of an address are ignored.
    pub(super) fn extension(&self) -> Option<String> {
        let is_address = self.served.is_some();
        let name = if is_address { self.name.split(['?', '#']).next().unwrap_or_default() } else { &self.name };
        Path::new(name).extension().map(|extension| extension.to_string_lossy().to_lowercase())
    }
}

/// What the server said about a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// `text/html`, in lower case; empty if the server named none.
    pub(super) media_type: String,
    /// The encoding of the text, if the server named one.
    pub(super) charset: Option<&'static Encoding>,
    /// Where redirects led, if there were any.
    pub(super) moved_to: Option<String>,
}

impl Served {
    /// Parses the header `Content-Type`: `text/html; charset="Shift_JIS"`.
    pub(super) fn read(content_type: &str) -> Self {
        let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let label = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
        });
        Self {
            media_type: media_type.trim().to_ascii_lowercase(),
            charset: label.and_then(|label| Encoding::for_label(label.as_bytes())),
            moved_to: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_tells_kind_and_encoding() {
        let read = |said| Served::read(said);
        assert_eq!(read("").media_type, "");
        assert_eq!(
            read("Text/HTML; x=y; Charset=\"Shift_JIS\""),
            Served { media_type: "text/html".into(), charset: Some(encoding_rs::SHIFT_JIS), moved_to: None }
        );
        assert_eq!(read("text/plain;charset=none-such").charset, None);
    }
}
