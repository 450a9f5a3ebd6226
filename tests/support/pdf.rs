//! Small PDFs, written by hand: what is on each page is said in the language of content streams, so that a test shows what it tests.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use lopdf::encryption::crypt_filters::{Aes256CryptFilter, CryptFilter};
use lopdf::{Document, EncryptionState, EncryptionVersion, Object, Permissions};

/// A document in the making.
#[derive(Debug, Default, Clone)]
pub(crate) struct Made {
    /// Content streams, and whether a picture fills the page.
    pages: Vec<(String, bool)>,
    /// Annotations, each with its page, from 1.
    annotations: Vec<(usize, String)>,
    /// Titles with levels and pages, both from 1.
    outline: Vec<(String, u8, usize)>,
    /// Objects of its own, numbered from [`FIRST_OWN`].
    own: Vec<String>,
}

/// The first object of a test's own.
pub(crate) const FIRST_OWN: usize = 100_000;

const AES_KEY: [u8; 32] = *b"a key that nobody would ever use";

fn aes() -> BTreeMap<Vec<u8>, Arc<dyn CryptFilter>> {
    BTreeMap::from([(b"StdCF".to_vec(), Arc::new(Aes256CryptFilter) as Arc<dyn CryptFilter>)])
}

/// The file, encrypted.
fn with_state(mut document: Document, state: &EncryptionState) -> Vec<u8> {
    document.encrypt(state).expect("encrypted");
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).expect("memory");
    bytes
}

/// A line of Helvetica, in Latin-1, at `x`, `y` points from the lower left corner of A4 (595 by 842).
pub(crate) fn line(x: u32, y: u32, size: u32, text: &str) -> String {
    let bytes: String = text.chars().map(escaped).collect();
    format!("BT /F1 {size} Tf {x} {y} Td ({bytes}) Tj ET\n")
}

/// Lines below each other.
pub(crate) fn lines(x: u32, top: u32, texts: &[&str]) -> String {
    (0..).zip(texts).map(|(index, text)| line(x, top - 14 * index, 11, text)).collect()
}

/// A line in a font that has every character, with a map from its glyphs to them.
pub(crate) fn unicode(x: u32, y: u32, text: &str) -> String {
    glyphs("F2", x, y, text)
}

/// A line in a font without such a map.
pub(crate) fn unmapped(x: u32, y: u32, text: &str) -> String {
    glyphs("F3", x, y, text)
}

fn glyphs(font: &str, x: u32, y: u32, text: &str) -> String {
    let codes = text.chars().fold(String::new(), |mut codes, character| {
        write!(codes, "{:04x}", u32::from(character)).expect("a string");
        codes
    });
    format!("BT /{font} 11 Tf {x} {y} Td <{codes}> Tj ET\n")
}

/// Latin-1 as PDF writes it, with everything beyond ASCII as an octal number.
fn escaped(character: char) -> String {
    match character {
        '(' | ')' | '\\' => format!("\\{character}"),
        ' '..='~' => character.to_string(),
        other => format!("\\{:03o}", u32::from(other)),
    }
}

impl Made {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub(crate) fn page(mut self, content: impl Into<String>) -> Self {
        self.pages.push((content.into(), false));
        self
    }

    /// A page that is a picture, with `content` over it.
    #[must_use]
    pub(crate) fn scan(mut self, content: impl Into<String>) -> Self {
        self.pages.push((format!("q 595 0 0 842 0 0 cm /Scan Do Q\n{}", content.into()), true));
        self
    }

    /// An annotation with these entries, on the last page.
    #[must_use]
    pub(crate) fn annotated(mut self, entries: &str) -> Self {
        self.annotations.push((self.pages.len(), format!("<< /Type /Annot {entries} >>")));
        self
    }

    #[must_use]
    pub(crate) fn titled(mut self, title: &str, level: u8, page: usize) -> Self {
        self.outline.push((title.into(), level, page));
        self
    }

    /// An object of the test's own; the first is [`FIRST_OWN`].
    #[must_use]
    pub(crate) fn object(mut self, body: impl Into<String>) -> Self {
        self.own.push(body.into());
        self
    }

    /// Encrypted with this user password.
    pub(crate) fn encrypted(&self, user_password: &str) -> Vec<u8> {
        let document = self.identified();
        let version = EncryptionVersion::V2 {
            document: &document,
            owner_password: "the owner's",
            user_password,
            key_length: 128,
            permissions: Permissions::all(),
        };
        let state = EncryptionState::try_from(version).expect("a cipher");
        with_state(document, &state)
    }

    /// As [`Self::encrypted`], by AES-256 as PDF 2.0 has it (revision 6).
    pub(crate) fn encrypted_by_aes(&self, user_password: &str) -> Vec<u8> {
        let version = EncryptionVersion::V5 {
            encrypt_metadata: true,
            crypt_filters: aes(),
            file_encryption_key: &AES_KEY,
            stream_filter: b"StdCF".to_vec(),
            string_filter: b"StdCF".to_vec(),
            owner_password: "the owner's",
            user_password,
            permissions: Permissions::all(),
        };
        with_state(self.identified(), &EncryptionState::try_from(version).expect("a cipher"))
    }

    /// As [`Self::encrypted_by_aes`], as Acrobat 9 has it (revision 5).
    #[expect(deprecated, reason = "there are such files")]
    pub(crate) fn encrypted_by_old_aes(&self, user_password: &str) -> Vec<u8> {
        let version = EncryptionVersion::R5 {
            encrypt_metadata: true,
            crypt_filters: aes(),
            file_encryption_key: &AES_KEY,
            stream_filter: b"StdCF".to_vec(),
            string_filter: b"StdCF".to_vec(),
            owner_password: "the owner's",
            user_password,
            permissions: Permissions::all(),
        };
        with_state(self.identified(), &EncryptionState::try_from(version).expect("a cipher"))
    }

    /// With the identifier that encryption takes part of its key from.
    fn identified(&self) -> Document {
        let mut document = Document::load_mem(&self.bytes()).expect("well-formed");
        document.trailer.set("ID", Object::Array(vec![Object::string_literal(*b"0123456789abcdef"); 2]));
        document
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut file = File::default();
        let (outline, first_page) = (10, 1000);
        let page_id = |number: usize| first_page + 2 * (number - 1);
        let kids: Vec<String> = (1..=self.pages.len()).map(|number| format!("{} 0 R", page_id(number))).collect();
        let has_outline = if self.outline.is_empty() { "" } else { "/Outlines 10 0 R" };
        file.object(1, &format!("<< /Type /Catalog /Pages 2 0 R {has_outline} >>"));
        file.object(2, &format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), kids.len()));
        file.object(3, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>");
        file.object(11, "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>");
        self.fonts(&mut file);
        let picture = "<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 1 /Length 8 >>\nstream\n\u{1}\u{2}\u{4}\u{8}\u{10}\u{20}\u{40}\u{7f}\nendstream";
        file.object(9, picture);
        self.write_outline(&mut file, outline, page_id);
        for (number, (content, has_picture)) in (1..).zip(&self.pages) {
            let pictures = if *has_picture { "/XObject << /Scan 9 0 R >>" } else { "" };
            let fonts = "/Font << /F1 3 0 R /F2 4 0 R /F3 7 0 R /F4 11 0 R >>";
            let own = if self.own.is_empty() { String::new() } else { format!("/XObject << /Own {FIRST_OWN} 0 R >>") };
            let id = page_id(number);
            let annotations = self.annotations.iter().filter(|(page, _)| *page == number);
            let annotations: String = annotations.map(|(_, annotation)| annotation.as_str()).collect();
            file.object(id, &format!("<< /Type /Page /Annots [{annotations}] /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << {fonts} {pictures}{own} >> /Contents {} 0 R >>", id + 1));
            file.object(id + 1, &stream("", content));
        }
        for (index, body) in self.own.iter().enumerate() {
            file.object(FIRST_OWN + index, body);
        }
        file.finish()
    }

    /// F2 and F3: composite fonts whose glyph numbers are UTF-16; only F2 says so.
    fn fonts(&self, file: &mut File) {
        let used: BTreeSet<String> = self.pages.iter().flat_map(|(content, _)| codes(content)).collect();
        let map: String = used.iter().fold(String::new(), |mut map, code| {
            write!(map, "1 beginbfchar\n<{code}> <{code}>\nendbfchar\n").expect("a string");
            map
        });
        let font = |map: &str, descendant: u32| {
            format!(
                "<< /Type /Font /Subtype /Type0 /BaseFont /Made /Encoding /Identity-H /DescendantFonts [{descendant} 0 R] {map} >>"
            )
        };
        let descendant = "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Made /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 1000 /FontDescriptor 8 0 R >>";
        file.object(4, &font("/ToUnicode 5 0 R", 6));
        file.object(5, &stream("", &format!("/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Made def /CMapType 2 def\n1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{map}endcmap end end")));
        file.object(6, descendant);
        file.object(7, &font("", 6));
        file.object(8, "<< /Type /FontDescriptor /FontName /Made /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>");
    }

    /// A tree of linked items. Levels may go deeper one at a time.
    fn write_outline(&self, file: &mut File, root: usize, page_id: impl Fn(usize) -> usize) {
        let id = |index: usize| 200_000 + index;
        let level = |index: usize| self.outline.get(index).map_or(0, |(_, level, _)| *level);
        if self.outline.is_empty() {
            return;
        }
        file.object(root, &format!("<< /Type /Outlines /First {} 0 R >>", id(0)));
        for (index, (title, own, page)) in self.outline.iter().enumerate() {
            let child = if level(index + 1) > *own { format!("/First {} 0 R", id(index + 1)) } else { String::new() };
            let after = (index + 1..self.outline.len()).find(|&next| level(next) <= *own);
            let next = after
                .filter(|&next| level(next) == *own)
                .map_or(String::new(), |next| format!("/Next {} 0 R", id(next)));
            let title: String = title.chars().map(escaped).collect();
            file.object(
                id(index),
                &format!("<< /Title ({title}) /Dest [{} 0 R /Fit] {child} {next} >>", page_id(*page)),
            );
        }
    }
}

/// The four-digit codes in a content stream.
fn codes(content: &str) -> Vec<String> {
    let strings = content.split("Td <").skip(1).filter_map(|rest| rest.split('>').next());
    let digits: Vec<char> = strings.flat_map(str::chars).collect();
    digits.chunks(4).map(|code| code.iter().collect()).collect()
}

/// A stream object with these entries beside its length.
pub(crate) fn stream(entries: &str, content: &str) -> String {
    format!("<< {entries} /Length {} >>\nstream\n{content}\nendstream", content.len())
}

/// A file in the making, in Latin-1.
#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    offsets: Vec<(usize, usize)>,
}

impl File {
    fn object(&mut self, id: usize, body: &str) {
        if self.bytes.is_empty() {
            self.bytes.extend(b"%PDF-1.7\n");
        }
        self.offsets.push((id, self.bytes.len()));
        self.bytes.extend(format!("{id} 0 obj\n").bytes());
        self.bytes.extend(body.chars().map(|character| character as u8));
        self.bytes.extend(b"\nendobj\n");
    }

    fn finish(mut self) -> Vec<u8> {
        self.offsets.sort_unstable();
        let start = self.bytes.len();
        let last = self.offsets.last().map_or(0, |(id, _)| *id);
        let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
        for (id, offset) in &self.offsets {
            write!(table, "{id} 1\n{offset:010} 00000 n \n").expect("a string");
        }
        write!(table, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", last + 1).expect("a string");
        self.bytes.extend(table.bytes());
        self.bytes
    }
}
