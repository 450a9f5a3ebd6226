//! Recognises kinds of files that are not supported, by their bytes rather than their names.
//!
//! A kind that becomes supported moves from these tables to [`super::format`].

/// A kind of file that is recognised but not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnsupportedKind {
    /// With its article: `a PDF`.
    pub what: &'static str,
    pub hint: &'static str,
    pub support: Support,
}

/// Whether a kind of file may be supported one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    Planned,
    /// It contains no text.
    Never,
}

const PLAIN_ZIP: &str = "a zip archive";
const UNPACK: &str = "name it by itself, or unpack it and give the files in it";
pub(super) const NO_DOCUMENT: &str = "supported are text, source files, HTML, EPUB, PDF, Office and OpenDocument files, RTF, e-mail, notebooks and archives of these";
const SAVE_AS_TEXT: &str = "save it as plain text and give that file";

/// Offset, bytes at the offset, name of the kind, hint.
type Signature = (usize, &'static [u8], &'static str, &'static str);

/// Documents that are not supported yet. The first match counts.
const LATER: &[Signature] = &[
    (0, b"%!PS", "PostScript", "convert it to text first, as in `ps2ascii file.ps | lunette -`"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", SAVE_AS_TEXT),
    (60, b"BOOKMOBI", "a MOBI e-book", SAVE_AS_TEXT),
    (0, b"AT&TFORM", "a DjVu scan", SAVE_AS_TEXT),
    (0, b"\x1f\x8b", "gzip-compressed", "name it by itself, or unpack it first, as in `zcat file.gz | lunette -`"),
    (4, b"1AY&SY", "bzip2-compressed", "unpack it first, as in `bzcat file.bz2 | lunette -`"),
    (0, b"\xfd7zXZ\0", "xz-compressed", "unpack it first, as in `xzcat file.xz | lunette -`"),
    (0, b"\x28\xb5\x2f\xfd", "zstd-compressed", "unpack it first, as in `zstdcat file.zst | lunette -`"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (257, b"ustar\0", "a tar archive", UNPACK),
    (257, b"ustar  ", "a tar archive", UNPACK),
];

/// Files that contain no text.
const NEVER: &[Signature] = &[
    (0, b"GGUF\x02\0\0\0", "a GGUF model", "models are given with `-m`"),
    (0, b"GGUF\x03\0\0\0", "a GGUF model", "models are given with `-m`"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image", NO_DOCUMENT),
    (0, b"\xff\xd8\xff", "a JPEG image", NO_DOCUMENT),
    (0, b"GIF87a", "a GIF image", NO_DOCUMENT),
    (0, b"GIF89a", "a GIF image", NO_DOCUMENT),
    (0, b"\x7fELF", "a program (ELF)", NO_DOCUMENT),
    (0, b"SQLite format 3\0", "an SQLite database", NO_DOCUMENT),
];

/// Kinds of zip archives by the names of their members. Names are not compressed.
const ZIP_MEMBERS: &[(&[u8], &str, &str)] = &[
    (b"Index/Document.iwa", "an iWork document", SAVE_AS_TEXT),
    (b"xl/workbook.bin", "a binary Excel workbook", "save it as .xlsx or CSV and give that file"),
];

/// Members of the kinds of zip archives that are supported.
pub(super) const EPUB_MEMBER: &[u8] = b"META-INF/container.xml";
/// What the first member of a book says, which is not compressed.
pub(super) const EPUB_KIND: &[u8] = b"application/epub+zip";
/// Some programs write `document2.xml`.
pub(super) const DOCX_MEMBER: &[u8] = b"word/document";
const READ_ZIP_MEMBERS: &[&[u8]] = &[
    EPUB_MEMBER,
    EPUB_KIND,
    DOCX_MEMBER,
    b"xl/workbook.xml",
    b"ppt/presentation.xml",
    b"application/vnd.oasis.opendocument",
    b"META-INF/manifest.xml",
];

/// How much is searched for member names at either end: local headers are at the start, the directory is at the end.
const ZIP_SEARCHED_BYTES: usize = 256 << 10;

/// The kind of `bytes`, if it is one that is known but not supported.
pub(super) fn unsupported(bytes: &[u8]) -> Option<UnsupportedKind> {
    by_signature(bytes).or_else(|| zip(bytes))
}

fn by_signature(bytes: &[u8]) -> Option<UnsupportedKind> {
    let matches = |(offset, magic, ..): &&Signature| bytes.get(*offset..).is_some_and(|rest| rest.starts_with(magic));
    let found = |table: &[Signature], support| {
        table.iter().find(matches).map(|&(_, _, what, hint)| UnsupportedKind { what, hint, support })
    };
    found(LATER, Support::Planned).or_else(|| found(NEVER, Support::Never))
}

fn zip(bytes: &[u8]) -> Option<UnsupportedKind> {
    if !is_zip(bytes) || READ_ZIP_MEMBERS.iter().any(|member| is_zip_with(bytes, member)) {
        return None;
    }
    let member = ZIP_MEMBERS.iter().find(|(name, ..)| is_zip_with(bytes, name));
    let (what, hint) = member.map_or((PLAIN_ZIP, UNPACK), |&(_, what, hint)| (what, hint));
    Some(UnsupportedKind { what, hint, support: Support::Planned })
}

/// Whether `bytes` are a tar archive.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// Whether `bytes` are a zip archive that is no document.
pub(super) fn is_plain_zip(bytes: &[u8]) -> bool {
    zip(bytes).is_some_and(|kind| kind.what == PLAIN_ZIP)
}

fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// Whether `bytes` are a zip archive with a member whose name contains `name`, in any case, and with `/` or `\`, or that
/// says in its first member that it is of this kind.
///
/// The names are taken from the directory at the end, so that the documents in an archive don't count. Of a damaged archive,
/// both ends are searched.
pub(super) fn is_zip_with(bytes: &[u8], name: &[u8]) -> bool {
    if let Some(names) = is_zip(bytes).then(|| member_names(bytes)).flatten() {
        return names.iter().any(|member| contains(member, name))
            || said_kind(bytes).is_some_and(|kind| contains(kind, name));
    }
    let start = &bytes[..bytes.len().min(ZIP_SEARCHED_BYTES)];
    let end = &bytes[bytes.len().saturating_sub(ZIP_SEARCHED_BYTES)..];
    is_zip(bytes) && (contains(start, name) || contains(end, name))
}

/// The names of the members, from the directory at the end. `None` if it is damaged.
fn member_names(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let short = |at: usize| Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    // The end record has 22 bytes and a comment of up to 65,535.
    let from = bytes.len().saturating_sub(22 + usize::from(u16::MAX));
    let end = from + bytes[from..].windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let (count, mut at) = (short(end + 10)?, long(end + 16)?);
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        if bytes.get(at..at + 4)? != b"PK\x01\x02" {
            return None;
        }
        let length = short(at + 28)?;
        names.push(bytes.get(at + 46..at + 46 + length)?);
        at += 46 + length + short(at + 30)? + short(at + 32)?;
    }
    Some(names)
}

/// What the member `mimetype` says, which is the first one of books and `OpenDocument` files.
fn said_kind(bytes: &[u8]) -> Option<&[u8]> {
    let short = |at: usize| Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let length = short(26)?;
    let content = 30 + length + short(28)?;
    (bytes.get(30..30 + length)? == b"mimetype").then(|| bytes.get(content..bytes.len().min(content + 100)))?
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let is_same = |(one, other): (&u8, &u8)| one.eq_ignore_ascii_case(other) || (*one == b'\\' && *other == b'/');
    haystack.windows(needle.len()).any(|window| window.iter().zip(needle).all(is_same))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(bytes: &[u8]) -> Option<&'static str> {
        unsupported(bytes).map(|unsupported| unsupported.what)
    }

    #[test]
    fn postscript_is_known_by_its_first_bytes() {
        assert_eq!(what(b"%!PS-Adobe-3.0\n..."), Some("PostScript"));
        assert_eq!(what(b"%PDF-1.7\n..."), None, "PDF is read");
    }

    #[test]
    fn zip_is_known_by_its_members() {
        assert_eq!(what(b"PK\x03\x04....xl/workbook.xml"), None, "Excel is read");
        assert_eq!(what(b"PK\x03\x04....Index/Document.iwa"), Some("an iWork document"));
        assert_eq!(what(b"PK\x03\x04....META-INF/container.xml"), None, "EPUB is read");
        assert_eq!(what(b"PK\x03\x04....word/document.xml"), None, "DOCX is read");
        assert_eq!(what(b"PK\x03\x04....notes.txt"), Some("a zip archive"));
    }

    #[test]
    fn plain_text_and_nuls_alone_are_not_foreign() {
        assert_eq!(what(b"It is a truth universally acknowledged"), None);
        assert_eq!(what(b"GGUF is a file format"), None);
        assert_eq!(what(&[0; 64]), None);
    }
}
