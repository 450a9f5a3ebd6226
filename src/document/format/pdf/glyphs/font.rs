//! Fonts: what a character code stands for, and how wide its glyph is.
//!
//! A code becomes text by the font's map (`/ToUnicode`), else by the name of its glyph, else by the character collection
//! of a CJK font, else by the table of characters of the font itself ([`reverse`]), else by what codes and numbers of
//! glyphs usually are. A font that is damaged or missing is read as Latin-1 with letters half as wide as high.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;

use hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_font::{CMapResolverFn, Font, FontCache, FontGlyph, FontQuery, FontResolverFn, UNITS_PER_EM};
use hayro_syntax::object::{Array, Dict, Name, Object, Rect, String as PdfString};

use super::reverse;
use super::text_state::Code;
use super::text_string::latin;

/// Width of a letter of a font that is not known, in ems.
const UNKNOWN_WIDTH: f64 = 0.5;

/// Maximum number of entries of a table of widths that are looked at.
const MOST_WIDTHS: usize = 20_000;

/// Where a font descriptor has the font itself.
const FONT_FILES: [&str; 3] = ["FontFile", "FontFile2", "FontFile3"];

/// The fonts of a document. Each is read once.
pub(super) struct FontStore<'a> {
    cache: FontCache<'a>,
    programs: FontResolverFn,
    maps: CMapResolverFn,
    fonts: RefCell<HashMap<FontKey, Rc<PageFont<'a>>>>,
}

/// The bytes of a font's dictionary: where they are in memory, and how many.
type FontKey = (usize, usize);

impl FontStore<'_> {
    pub(super) fn new() -> Self {
        let programs = |query: &FontQuery| match query {
            FontQuery::Standard(font) => Some(font.get_font_data()),
            FontQuery::Fallback(query) => Some(query.pick_standard_font().get_font_data()),
        };
        Self {
            cache: FontCache::new(),
            programs: Arc::new(programs),
            maps: Arc::new(load_embedded),
            fonts: RefCell::default(),
        }
    }
}

impl<'a> FontStore<'a> {
    /// The font with this dictionary.
    pub(super) fn font(&self, dictionary: &Dict<'a>) -> Rc<PageFont<'a>> {
        let data = dictionary.data();
        let key = (data.as_ptr() as usize, data.len());
        let known = self.fonts.borrow().get(&key).cloned();
        known.unwrap_or_else(|| {
            let font = Rc::new(self.read(dictionary));
            self.fonts.borrow_mut().insert(key, Rc::clone(&font));
            font
        })
    }

    fn read(&self, dictionary: &Dict<'a>) -> PageFont<'a> {
        let font = self.cache.font(dictionary, &self.programs, &self.maps);
        let descendant = dictionary.get::<Array<'_>>("DescendantFonts").and_then(|all| all.iter::<Dict<'_>>().next());
        let descriptor = descendant.as_ref().unwrap_or(dictionary).get::<Dict<'_>>("FontDescriptor");
        let has_file = |descriptor: Dict<'_>| FONT_FILES.iter().any(|key| descriptor.contains_key(key));
        PageFont {
            em: type3_em(dictionary).unwrap_or(1.0),
            collection: Collection::of(dictionary),
            codes: Codes::of(dictionary, descendant.as_ref()),
            is_embedded: descriptor.is_some_and(has_file),
            characters: OnceCell::new(),
            font,
            texts: RefCell::default(),
        }
    }
}

/// A font of a page.
pub(super) struct PageFont<'a> {
    font: Option<Font<'a>>,
    collection: Option<Collection>,
    codes: Codes,
    is_embedded: bool,
    /// From the glyphs of the embedded font to characters.
    characters: OnceCell<HashMap<u32, char>>,
    em: f64,
    texts: RefCell<HashMap<u32, Box<str>>>,
}

impl PageFont<'_> {
    /// The code at `at`, which must be inside of `bytes`.
    pub(super) fn code(&self, bytes: &[u8], at: usize) -> Code {
        let (number, bytes) = match &self.font {
            Some(font) => font.read_code(bytes, at),
            None => (u32::from(bytes[at]), 1),
        };
        Code { number, bytes }
    }

    pub(super) fn is_vertical(&self) -> bool {
        self.font.as_ref().is_some_and(|font| !font.is_horizontal())
    }

    /// The height of an em in units of the font's size: 1, except for fonts whose glyphs are drawn by the document.
    pub(super) fn em(&self) -> f64 {
        self.em
    }

    /// From the origin of a glyph to that of the next, in units of the font's size.
    pub(super) fn advance(&self, code: u32) -> (f64, f64) {
        let Some(font) = &self.font else { return (UNKNOWN_WIDTH, 0.0) };
        let advance = font.code_advance(code);
        (advance.x / f64::from(UNITS_PER_EM), advance.y / f64::from(UNITS_PER_EM))
    }

    /// The characters that `code` stands for; empty if nothing says so.
    pub(super) fn text(&self, code: u32) -> Box<str> {
        if let Some(text) = self.texts.borrow().get(&code) {
            return text.clone();
        }
        let text = self.look_up(code);
        self.texts.borrow_mut().insert(code, text.clone());
        text
    }

    fn look_up(&self, code: u32) -> Box<str> {
        let Some(font) = &self.font else {
            return by_code(code).map_or("".into(), boxed);
        };
        let glyph = font.glyph(font.map_code(code), code);
        let mapped = match &glyph {
            FontGlyph::Outline(glyph) => glyph.as_unicode(),
            FontGlyph::Type3(glyph) => glyph.as_unicode(),
        };
        let mapped = mapped.filter(|text| *text != BfString::Char('\0'));
        let mapped = mapped.or_else(|| self.collection.as_ref()?.text(code));
        match mapped.or_else(|| self.unmapped(&glyph, code).map(BfString::Char)) {
            Some(BfString::Char(character)) => boxed(character),
            Some(BfString::String(text)) => text.into(),
            None => "".into(),
        }
    }
}

impl PageFont<'_> {
    /// The character of a glyph that nothing in the document maps to text.
    fn unmapped(&self, glyph: &FontGlyph<'_>, code: u32) -> Option<char> {
        let FontGlyph::Outline(glyph) = glyph else { return by_code(code) };
        if let Some(program) = glyph.font_data().filter(|_| self.is_embedded) {
            let characters = self.characters.get_or_init(|| reverse::characters((*program.data).as_ref()));
            if let Some(character) = characters.get(&glyph.glyph_id().to_u32()) {
                return Some(*character);
            }
        }
        match self.codes {
            Codes::Bytes => by_code(code),
            Codes::Characters => char::from_u32(code).filter(|character| !character.is_control()),
            Codes::Glyphs => by_usual_number(code),
            Codes::Unknown => None,
        }
    }
}

/// What the codes of a font are if nothing maps them to text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    /// Of one byte, usually Latin-1.
    Bytes,
    /// Characters of Unicode.
    Characters,
    /// Numbers of glyphs of a TrueType font.
    Glyphs,
    Unknown,
}

impl Codes {
    fn of(font: &Dict<'_>, descendant: Option<&Dict<'_>>) -> Self {
        if font.get::<Name<'_>>("Subtype").is_none_or(|kind| kind.as_ref() != b"Type0") {
            return Self::Bytes;
        }
        let is_true_type = descendant
            .and_then(|font| font.get::<Name<'_>>("Subtype"))
            .is_some_and(|kind| kind.as_ref() == b"CIDFontType2");
        let used = descendant.map(codes_with_widths).unwrap_or_default();
        let has = |range: RangeInclusive<u32>| used.iter().any(|code| range.contains(code));
        match (has(1..=31), has(98..=122)) {
            (false, true) if has(32..=32) || has(65..=90) => Self::Characters,
            _ if is_true_type => Self::Glyphs,
            _ => Self::Unknown,
        }
    }
}

/// The codes that a composite font has widths for. A subset has them for what the document uses.
fn codes_with_widths(descendant: &Dict<'_>) -> Vec<u32> {
    let Some(widths) = descendant.get::<Array<'_>>("W") else { return Vec::new() };
    let mut codes = Vec::new();
    let mut first = None;
    for item in widths.iter::<Object<'_>>().take(MOST_WIDTHS) {
        match (item, first) {
            (Object::Array(widths), Some(start)) => {
                codes.extend((0..).zip(widths.iter::<Object<'_>>()).map(|(index, _)| start + index));
                first = None;
            }
            (Object::Number(code), None) => first = u32::try_from(code.as_i64()).ok(),
            // A range with one width: of all glyphs that look alike, used or not.
            _ => first = None,
        }
    }
    codes
}

/// The character of a code of a font with codes of one byte, if nothing else is known: codes usually are Latin-1.
fn by_code(code: u32) -> Option<char> {
    let character = latin(u8::try_from(code).ok()?);
    (!character.is_control() && !character.is_whitespace()).then_some(character)
}

/// The character of a glyph's number in a font that is not embedded: most follow the order of the first Macintosh fonts.
fn by_usual_number(glyph: u32) -> Option<char> {
    match glyph {
        3..=97 => char::from_u32(glyph + 29),
        98..=201 => {
            let byte = u8::try_from(glyph + 30).ok()?;
            encoding_rs::MACINTOSH.decode_without_bom_handling(&[byte]).0.chars().next()
        }
        _ => None,
    }
}

fn boxed(character: char) -> Box<str> {
    character.encode_utf8(&mut [0; 4]).to_owned().into()
}

/// The characters of a CJK font without a map of its own: its codes are numbers of a collection, whose characters are
/// known.
struct Collection {
    /// From codes to numbers of the collection.
    encoding: CMap,
    /// From these to characters.
    characters: CMap,
}

impl Collection {
    fn of(font: &Dict<'_>) -> Option<Self> {
        if font.get::<Name<'_>>("Subtype")?.as_ref() != b"Type0" || font.contains_key("ToUnicode") {
            return None;
        }
        let encoding = match font.get::<Object<'_>>("Encoding")? {
            Object::Name(name) => named_map(CMapName::from_bytes(name.as_ref()))?,
            Object::Stream(stream) => CMap::parse(&stream.decoded_data().ok()?, load_embedded)?,
            _ => return None,
        };
        let own = encoding.metadata().character_collection.as_ref().map(|collection| collection.family.clone());
        let family = own.filter(|family| *family != CidFamily::AdobeIdentity).or_else(|| descendant_family(font))?;
        Some(Self { encoding, characters: named_map(family.ucs2_cmap()?)? })
    }

    fn text(&self, code: u32) -> Option<BfString> {
        let number = (1..=4).find_map(|bytes| self.encoding.lookup_cid_code(code, bytes))?;
        self.characters.lookup_bf_string(number)
    }
}

fn named_map(name: CMapName<'_>) -> Option<CMap> {
    match name {
        CMapName::IdentityH => Some(CMap::identity_h()),
        CMapName::IdentityV => Some(CMap::identity_v()),
        name => CMap::parse(load_embedded(name)?, load_embedded),
    }
}

fn descendant_family(font: &Dict<'_>) -> Option<CidFamily> {
    let descendant = font.get::<Array<'_>>("DescendantFonts")?.iter::<Dict<'_>>().next()?;
    let info = descendant.get::<Dict<'_>>("CIDSystemInfo")?;
    let (registry, ordering) = (info.get::<PdfString<'_>>("Registry")?, info.get::<PdfString<'_>>("Ordering")?);
    Some(CidFamily::from_registry_ordering(registry.as_bytes(), ordering.as_bytes()))
}

/// The height of the glyphs of a font that the document draws itself (Type 3), in units of its size.
fn type3_em(font: &Dict<'_>) -> Option<f64> {
    if font.get::<Name<'_>>("Subtype")?.as_ref() != b"Type3" {
        return None;
    }
    let [_, _, _, scale, ..] = font.get::<[f64; 6]>("FontMatrix")?;
    let bounds = font.get::<Rect>("FontBBox").map_or(0.0, |bounds| bounds.y1 - bounds.y0);
    let widths = font.get::<Array<'_>>("Widths");
    let widest = || widths.iter().flat_map(Array::iter::<f64>).fold(0.0, f64::max);
    let height = if bounds > 0.0 { bounds } else { widest() };
    Some(height * scale.abs()).filter(|em| em.is_finite() && *em > 0.0)
}
