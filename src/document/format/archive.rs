//! Reads members of a zip archive into memory, with limits. EPUB books and Office documents are zip archives.
//!
//! Nothing is written to disk, and no member name becomes a path on disk: [`resolve`] keeps `../` inside the archive.
//! The total size, the number of members and the compression ratio are limited, whatever sizes the archive claims. A
//! zip bomb is an error.
//!
//! Books are sloppy with names, and reading programs forgive it: a member is also found if the case differs, if accents
//! are apart from their letters, or if there are backslashes or percent escapes on one side only.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::charset;
use super::composed::composed;
use super::xml::{self, Fault, XmlHandler};
use crate::controls::printable;
use crate::error::Error;

/// Maximum that is unpacked from one archive; the same as the maximum size of a plain file.
const MOST_BYTES: u64 = 256 << 20;

/// No book has more members than this. Zip archives with more need an extension of the format.
const MOST_MEMBERS: u16 = u16::MAX - 1;

/// Maximum compression ratio. Text unpacks to a few times its size, and even a table of zeros in XML to less than this.
const MOST_RATIO: u64 = 500;

/// Below this size, any ratio is harmless.
const HARMLESS_BYTES: u64 = 8 << 20;

/// An open archive.
pub(super) struct Archive<'a> {
    name: &'a str,
    /// The kind of archive, for errors: `an EPUB book`.
    what: &'static str,
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// How many bytes may still be unpacked.
    left: u64,
    /// Members that break off: which, where and why.
    damage: Vec<String>,
    /// The members by their names without the differences that don't count.
    loosely: OnceCell<HashMap<String, usize>>,
}

/// The bytes of a member, and the damage that ends it, if any.
type Unpacked = (Vec<u8>, Option<String>);

/// `name` as it is compared.
pub(super) fn loose(name: &str) -> String {
    composed(&decoded(&name.replace('\\', "/"))).to_lowercase().trim_start_matches(['.', '/']).to_owned()
}

impl<'a> Archive<'a> {
    /// Opens `bytes`, the file `name`, which is `what`: `an EPUB book`.
    pub(super) fn open(name: &'a str, what: &'static str, bytes: &'a [u8]) -> Result<Self, Error> {
        if let Some(members) = member_count(bytes).filter(|&members| members > MOST_MEMBERS) {
            return Err(Error::Bomb { name: name.into(), what, evidence: format!("{members} members or more") });
        }
        let broken =
            |error: zip::result::ZipError| Error::Broken { name: name.into(), what, evidence: error.to_string() };
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
        Ok(Self { name, what, zip, left: MOST_BYTES, damage: Vec::new(), loosely: OnceCell::new() })
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.index(path).is_some()
    }

    /// The index of the member at `path`: the one of this very name, or else the first of a name like it.
    fn index(&self, path: &str) -> Option<usize> {
        let by_loose_name = || {
            let members =
                self.zip.file_names().enumerate().filter_map(|(index, name)| Some((loose(&name.ok()?), index)));
            let mut names = HashMap::new();
            members.for_each(|(name, index)| _ = names.entry(name).or_insert(index));
            names
        };
        let loosely = || self.loosely.get_or_init(by_loose_name).get(&loose(path)).copied();
        self.zip.index_for_name(path).or_else(loosely)
    }

    /// The names of all members.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.zip.file_names().filter_map(|name| Some(name.ok()?.into_owned()))
    }

    /// Unpacks the member at `path`, if there is one.
    pub(super) fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.unpack(path)? {
            Some((_, Some(damage))) => Err(self.broken(&damage)),
            whole => Ok(whole.map(|(bytes, _)| bytes)),
        }
    }

    /// Unpacks the member at `path` as far as it is whole, and remembers the damage. `None` if there is none.
    pub(super) fn salvage(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some((bytes, damage)) = self.unpack(path)? else { return Ok(None) };
        self.damage.extend(damage.map(|damage| format!("{damage} after {} bytes", bytes.len())));
        Ok(Some(bytes))
    }

    /// Unpacks the member at `path`, with the damage that ends it.
    fn unpack(&mut self, path: &str) -> Result<Option<Unpacked>, Error> {
        let Some(index) = self.index(path) else { return Ok(None) };
        let mut bytes = Vec::new();
        let (mut packed, mut most) = (0, self.left.min(HARMLESS_BYTES));
        let unpacked = self.zip.by_index(index).map_err(std::io::Error::other).and_then(|member| {
            packed = member.compressed_size();
            most = self.left.min(HARMLESS_BYTES.max(packed.saturating_mul(MOST_RATIO)));
            member.take(most + 1).read_to_end(&mut bytes)
        });
        let damage = unpacked.err().map(|error| format!("{path}: {error}"));
        if bytes.len() as u64 > most {
            let evidence = if most == self.left {
                format!("more than {} MiB", MOST_BYTES >> 20)
            } else {
                format!("more than {} MiB from {packed} bytes ({})", most >> 20, printable(path))
            };
            return Err(Error::Bomb { name: self.name.into(), what: self.what, evidence });
        }
        self.left -= bytes.len() as u64;
        Ok(Some((bytes, damage)))
    }

    /// Passes the content of the XML file at `path` to `handler`. Fails if there is none. If the file breaks off,
    /// passes what comes before and remembers the damage.
    pub(super) fn read_xml(&mut self, path: &str, handler: &mut dyn XmlHandler) -> Result<(), Error> {
        let Some(bytes) = self.salvage(path)? else { return Err(self.broken(&format!("no {path} in it"))) };
        let decoded = charset::read(&bytes);
        if let Err(Fault { at, reason }) = xml::read(&decoded.text, handler) {
            self.damage.push(format!("{path} breaks off at byte {} ({reason})", decoded.offset_in_file(at)));
        }
        Ok(())
    }

    /// Fails if `text` is empty and an XML file broke off, which may be why.
    pub(super) fn refuse_damaged(&self, text: &str) -> Result<(), Error> {
        if text.is_empty() && !self.damage.is_empty() { Err(self.broken("no text in it")) } else { Ok(()) }
    }

    /// A remark for each XML file that broke off.
    pub(super) fn remarks(&self) -> impl Iterator<Item = String> {
        self.damage.iter().map(|damage| format!("{}; the rest of it is lost", printable(damage)))
    }

    pub(super) fn protected(&self, evidence: &str) -> Error {
        Error::Protected { name: self.name.into(), what: self.what, evidence: printable(evidence) }
    }

    /// The error for a damaged archive. Adds the first XML file that broke off, which may be why.
    pub(super) fn broken(&self, evidence: &str) -> Error {
        let evidence =
            [evidence].into_iter().chain(self.damage.first().map(String::as_str)).collect::<Vec<_>>().join("; ");
        Error::Broken { name: self.name.into(), what: self.what, evidence: printable(&evidence) }
    }
}

/// The number of members, as the end of the archive states it.
fn member_count(bytes: &[u8]) -> Option<u16> {
    // The end record has 22 bytes and a comment of up to 65,535.
    let tail = &bytes[bytes.len().saturating_sub(22 + usize::from(u16::MAX))..];
    let at = tail.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let count = tail.get(at + 10..at + 12)?;
    Some(u16::from_le_bytes([count[0], count[1]]))
}

/// The path that `reference`, written in the member `base`, leads to, without its fragment. `None` if it leads out of
/// the archive or to the web.
///
/// `("OEBPS/toc.ncx", "../Text/a%20b.xhtml#top")` gives `Text/a b.xhtml`.
pub(super) fn resolve(base: &str, reference: &str) -> Option<String> {
    let path = decoded(reference.split('#').next().unwrap_or_default()).replace('\\', "/");
    if path.contains("://") || path.starts_with("data:") {
        return None;
    }
    if path.is_empty() {
        return Some(base.into());
    }
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Decodes percent escapes such as `%20`. Invalid escapes stay as they are.
pub(super) fn decoded(reference: &str) -> String {
    let mut bytes = Vec::with_capacity(reference.len());
    let mut rest = reference.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).filter(|_| first == b'%');
        let byte = escape.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| reference.into())
}

/// Packs an archive of these members.
#[cfg(test)]
pub(crate) fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a new member");
        writer.write_all(bytes).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8], read: &[&str]) -> String {
        let result = Archive::open("b.epub", "an EPUB book", bytes)
            .and_then(|mut archive| read.iter().try_for_each(|path| archive.read(path).map(|_| ())));
        result.expect_err("refused").to_string()
    }

    #[test]
    fn members_are_read_by_their_paths() {
        let bytes = zipped(&[("a/b.txt", b"one"), ("c", b"")]);
        let mut archive = Archive::open("b.epub", "an EPUB book", &bytes).expect("an archive");
        assert_eq!(archive.read("a/b.txt").expect("whole"), Some(b"one".to_vec()));
        assert_eq!(archive.read("b.txt").expect("no member"), None);
    }

    #[test]
    fn names_are_matched_as_other_programs_match_them() {
        let bytes = zipped(&[
            ("OEBPS\\Text\\A.xhtml", b"one"),
            ("e\u{301}.txt", b"two"),
            ("c%20d", b"three"),
            ("a", b"4"),
            ("A", b"5"),
        ]);
        let mut archive = Archive::open("b.epub", "an EPUB book", &bytes).expect("an archive");
        for (path, text) in [
            ("OEBPS/text/a.xhtml", "one"),
            ("\u{e9}.txt", "two"),
            ("c d", "three"),
            ("c%20d", "three"),
            ("a", "4"),
            ("A", "5"),
        ] {
            let read = archive.read(path).expect("whole").expect(path);
            assert_eq!(String::from_utf8_lossy(&read), text, "{path}");
        }
    }

    #[test]
    fn a_member_of_zeros_is_a_bomb() {
        let bytes = zipped(&[("big", &vec![0; 64 << 20])]);
        let error = refused(&bytes, &["big"]);
        assert!(error.starts_with("cannot read b.epub: it is an EPUB book that unpacks to more than "), "{error}");
        assert!(error.contains("(big)"), "{error}");
    }

    #[test]
    fn many_members_together_are_a_bomb() {
        let mut seed = 1_u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8 & 0x0f
        };
        let bytes = zipped(&[("half", &(0..10 << 20).map(|_| noise()).collect::<Vec<u8>>())]);
        let error = refused(&bytes, &["half"; 26]);
        assert!(error.contains("unpacks to more than 256 MiB"), "{error}");
    }

    #[test]
    fn a_file_cut_off_is_damaged() {
        let bytes = zipped(&[("a", b"some text in it")]);
        assert!(refused(&bytes[..bytes.len() - 30], &[]).contains("damaged"));
    }

    #[test]
    fn references_stay_in_the_archive() {
        assert_eq!(resolve("OEBPS/toc.ncx", "../Text/a%20b.xhtml#top").as_deref(), Some("Text/a b.xhtml"));
        assert_eq!(resolve("OEBPS/x/toc.ncx", "./a.xhtml").as_deref(), Some("OEBPS/x/a.xhtml"));
        assert_eq!(resolve("a.xhtml", "#here").as_deref(), Some("a.xhtml"));
        assert_eq!(resolve("OEBPS/content.opf", "/etc/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!(resolve("OEBPS/content.opf", "../../etc/passwd"), None);
        assert_eq!(resolve("content.opf", "https://example.org/a.xhtml"), None);
        assert_eq!(decoded("100%-%zz-%c3%a9-%ff"), "100%-%zz-%c3%a9-%ff", "not UTF-8: left as it is");
        assert_eq!(decoded("100%-%zz-%c3%a9"), "100%-%zz-é");
    }
}
