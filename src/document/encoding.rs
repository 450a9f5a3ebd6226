//! Detects the encoding of bytes, and says how sure it is.
//!
//! A byte order mark decides. Without one, NULs in every other byte mean UTF-16, and valid UTF-8 is UTF-8. For the
//! rest, chardetng (Firefox's detector) guesses from letter frequencies. It knows no Macintosh encodings and none of DOS, so
//! those are tried as well, and win if they make better words ([`word_likeness`]). Turkish is told by its letters. Encodings
//! that make as good words of the bytes, but others, are named as rivals of the guess.
//!
//! Example: a Russian word in the encoding of old Macintoshes, read as windows-1251, has capitals in its middle. That
//! gives it away.
//!
//! [`super::decode`] decides whether bytes are text at all, and whether a few invalid bytes of UTF-8 are damage.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Encoding, ISO_8859_2, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1252, WINDOWS_1254, WINDOWS_1257,
    X_MAC_CYRILLIC,
};

use super::code_page::{CP850, CodePage};

/// The byte order mark of UTF-8.
pub(super) const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// How sure the detection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sureness {
    /// Valid UTF-8, or a byte order mark.
    #[default]
    Certain,
    /// Guessed from many letters.
    Likely,
    /// Guessed from few letters.
    Guessed,
}

/// The encoding of a file, as the report names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its name in the Encoding Standard, or `UTF-32LE` or `UTF-32BE`, which are not in the standard.
    pub name: &'static str,
    pub sureness: Sureness,
}

impl Default for Found {
    fn default() -> Self {
        Self { name: UTF_8.name(), sureness: Sureness::Certain }
    }
}

/// A Unicode encoding with units of two or four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WideEncoding {
    Utf16(&'static Encoding),
    Utf32 { little_endian: bool },
}

/// Fewest bytes in which UTF-16 without a BOM is recognised.
const UTF16_LEAST_BYTES: usize = 16;
/// How much of a file the guess is based on.
const GUESSED_FROM_BYTES: usize = 1 << 20;
/// Fewest non-ASCII bytes for a guess to count as likely.
const LIKELY_FROM_BYTES: usize = 40;
/// How much better the words have to be for a Macintosh encoding to win, as a share of the letters.
const MARGIN: f64 = 0.1;

/// UTF-16 or UTF-32, from the BOM or from NULs, with the length of the BOM.
pub(super) fn wide(bytes: &[u8]) -> Option<(WideEncoding, usize)> {
    // UTF-32 first: its little-endian BOM begins with that of UTF-16.
    match bytes {
        [0xff, 0xfe, 0, 0, ..] => Some((WideEncoding::Utf32 { little_endian: true }, 4)),
        [0, 0, 0xfe, 0xff, ..] => Some((WideEncoding::Utf32 { little_endian: false }, 4)),
        [0xff, 0xfe, ..] => Some((WideEncoding::Utf16(UTF_16LE), 2)),
        [0xfe, 0xff, ..] => Some((WideEncoding::Utf16(UTF_16BE), 2)),
        _ => {
            utf16_by_nuls(bytes).or_else(|| utf16_by_letters(bytes)).map(|encoding| (WideEncoding::Utf16(encoding), 0))
        }
    }
}

/// UTF-16 of mostly Latin letters has a NUL in every other byte, and none in between.
fn utf16_by_nuls(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(1 << 10)];
    let nuls = |parity: usize| head.iter().skip(parity).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    let most = head.len() / 2 * 3 / 4;
    let is_utf16 = head.len() >= UTF16_LEAST_BYTES && even.max(odd) >= most && even.min(odd) == 0;
    is_utf16.then_some(if odd > even { UTF_16LE } else { UTF_16BE })
}

/// UTF-16 of other scripts: its bytes have control characters among them, which no text has, and decoded they are letters of
/// few blocks. In the other order of bytes, they would be signs from everywhere.
fn utf16_by_letters(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(4 << 10) & !1];
    let controls = head.iter().filter(|byte| matches!(byte, 0..=6 | 14..=26 | 28..=31)).count();
    let is_possible = head.len() >= UTF16_LEAST_BYTES && controls * 50 > head.len();
    let decoded = |encoding: &'static Encoding| encoding.decode_without_bom_handling(head).0;
    [UTF_16LE, UTF_16BE].into_iter().filter(|_| is_possible).find(|encoding| is_written(&decoded(encoding)))
}

/// Whether `text` is mostly letters, of few blocks of 256 beside those of Chinese, Japanese and Korean, without control
/// characters. More than half of all numbers of 16 bits are ideographs or syllables; what numbers lack are spaces, full
/// stops and their kind, of which a text has one in a hundred signs at least.
fn is_written(text: &str) -> bool {
    const MOST_BLOCKS: usize = 6;
    let is_separator = |sign: char| {
        sign.is_whitespace()
            || sign.is_ascii_punctuation()
            || matches!(sign, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff1f}')
    };
    let mut blocks: Vec<u32> = Vec::new();
    let (mut letters, mut separators, mut all) = (0_usize, 0_usize, 0_usize);
    // The last character may be cut.
    for sign in text.chars().take(text.chars().count() - 1) {
        let is_ideograph = matches!(sign, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
        let is_usual = sign.is_alphanumeric()
            || matches!(sign, ' '..='~' | '\u{a0}'..='\u{bf}' | '\n' | '\r' | '\t')
            || matches!(sign, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{e7f}' | '\u{2010}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}');
        if !is_usual {
            return false;
        }
        all += 1;
        letters += usize::from(sign.is_alphabetic());
        separators += usize::from(is_separator(sign));
        let block = u32::from(sign) >> 8;
        if !is_ideograph && !blocks.contains(&block) {
            blocks.push(block);
        }
    }
    letters * 10 >= all * 6 && separators * 100 >= all && blocks.len() <= MOST_BLOCKS
}

/// Decodes UTF-32. Invalid characters become U+FFFD.
pub(super) fn decode_utf32(bytes: &[u8], little_endian: bool) -> String {
    let number = |four: &[u8]| {
        let four = [four[0], four[1], four[2], four[3]];
        if little_endian { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }
    };
    bytes.chunks_exact(4).map(|four| char::from_u32(number(four)).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// An encoding of the standard, or another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Standard(&'static Encoding),
    Page(&'static CodePage),
}

impl Charset {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Standard(encoding) => encoding.name(),
            Self::Page(page) => page.name,
        }
    }

    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Standard(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            Self::Page(page) => page.decode(bytes),
        }
    }
}

/// A guess, and what else it might be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guess {
    pub charset: Charset,
    pub sureness: Sureness,
    /// The names of encodings that make as good words of the bytes.
    pub rivals: Vec<&'static str>,
}

/// Most rivals that are named.
const MOST_RIVALS: usize = 3;
/// How much worse the words of a rival may be.
const RIVAL_MARGIN: f64 = 0.05;

/// Best guess for non-Unicode bytes, among all encodings.
pub(super) fn guess_any(bytes: &[u8]) -> Guess {
    let head = &bytes[..bytes.len().min(GUESSED_FROM_BYTES)];
    let (encoding, sureness) = guess(bytes);
    let guessed = Charset::Standard(encoding);
    if !encoding.is_single_byte() {
        return Guess { charset: guessed, sureness, rivals: Vec::new() };
    }
    let likeness = |charset: Charset| word_likeness(&charset.decode(head));
    let dos = Charset::Page(&CP850);
    let charset = if likeness(dos) > likeness(guessed) + MARGIN { dos } else { guessed };
    let (best, text) = (likeness(charset), charset.decode(head));
    let others = [WINDOWS_1252, WINDOWS_1250, WINDOWS_1254, WINDOWS_1257, ISO_8859_2, MACINTOSH].map(Charset::Standard);
    let is_rival =
        |other: &Charset| *other != charset && likeness(*other) >= best - RIVAL_MARGIN && other.decode(head) != text;
    let rivals = others.into_iter().chain([dos]).filter(is_rival).map(Charset::name).take(MOST_RIVALS).collect();
    Guess { charset, sureness, rivals }
}

/// Whether the bytes above ASCII are those of Turkish in windows-1254: `ı`, `ş`, `ğ` and the letters with two dots.
fn is_turkish(bytes: &[u8]) -> bool {
    let high = bytes.iter().filter(|byte| **byte >= 0xc0);
    let (mut all, mut own, mut usual) = (0_usize, 0_usize, 0_usize);
    for byte in high {
        all += 1;
        own += usize::from(matches!(byte, 0xfd | 0xfe | 0xf0 | 0xdd | 0xde | 0xd0));
        usual += usize::from(matches!(
            byte,
            0xfd | 0xfe | 0xf0 | 0xdd | 0xde | 0xd0 | 0xfc | 0xf6 | 0xe7 | 0xd6 | 0xdc | 0xc7
        ));
    }
    all >= 4 && usual * 10 >= all * 9 && own * 3 >= all
}

/// Best guess for non-Unicode bytes, among the encodings of the standard.
pub(super) fn guess(bytes: &[u8]) -> (&'static Encoding, Sureness) {
    let head = &bytes[..bytes.len().min(GUESSED_FROM_BYTES)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(head, head.len() == bytes.len());
    let guessed = detector.guess(None, Utf8Detection::Deny);
    let is_western = [WINDOWS_1250, WINDOWS_1252, ISO_8859_2].contains(&guessed);
    let guessed = if is_western && is_turkish(head) { WINDOWS_1254 } else { guessed };
    let encoding = if guessed.is_single_byte() { or_macintosh(guessed, head) } else { guessed };
    let high = head.iter().filter(|byte| !byte.is_ascii()).count();
    (encoding, if high >= LIKELY_FROM_BYTES { Sureness::Likely } else { Sureness::Guessed })
}

/// `guessed`, or the Macintosh encoding if it makes clearly better words of `bytes`.
fn or_macintosh(guessed: &'static Encoding, bytes: &[u8]) -> &'static Encoding {
    let likeness = |encoding: &'static Encoding| word_likeness(&encoding.decode_without_bom_handling(bytes).0);
    let mut best = (guessed, likeness(guessed) + MARGIN);
    for macintosh in [MACINTOSH, X_MAC_CYRILLIC] {
        let its = likeness(macintosh);
        if its > best.1 {
            best = (macintosh, its);
        }
    }
    best.0
}

/// How well the non-ASCII letters fit into words; 1 is best. A letter fits beside letters of its own script, and as a
/// capital only at the start of a word or after another capital. Quotation marks and dashes fit beside spaces.
fn word_likeness(text: &str) -> f64 {
    let chars: Vec<char> = text.chars().collect();
    let mut places = 0_u32;
    let mut good = 0_i32;
    for (index, &char) in chars.iter().enumerate().filter(|(_, char)| !char.is_ascii()) {
        places += 1;
        let before = index.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(index + 1).copied();
        good += fits(before, char, after);
    }
    if places == 0 { 0.0 } else { f64::from(good) / f64::from(places) }
}

/// 1 if `char` fits between its neighbours, -1 if not, 0 if that cannot be said.
fn fits(before: Option<char>, char: char, after: Option<char>) -> i32 {
    let is_letter = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphabetic);
    if matches!(char, '“' | '”' | '‘' | '’' | '„' | '«' | '»' | '–' | '—' | '…' | '\u{a0}') {
        return if is_letter(before) && is_letter(after) && char != '’' { -1 } else { 1 };
    }
    if !char.is_alphabetic() {
        return if is_letter(before) || is_letter(after) { -1 } else { 0 };
    }
    let is_capital_in_a_word = char.is_uppercase() && before.is_some_and(char::is_lowercase);
    let is_of_another_script =
        before.into_iter().chain(after).any(|near| near.is_alphabetic() && script(near) != script(char));
    // Accented Latin letters occur among plain ones. A whole word of them is a misread other script.
    let is_accented = |neighbour: Option<char>| neighbour.is_some_and(|near| ('\u{c0}'..'\u{250}').contains(&near));
    let is_among_accents = is_accented(before) && is_accented(Some(char)) && is_accented(after);
    if is_capital_in_a_word || is_of_another_script || is_among_accents { -1 } else { 1 }
}

/// A number for the script of a letter, to compare neighbours.
const fn script(letter: char) -> u8 {
    match letter {
        '\u{370}'..='\u{3ff}' => 1,
        '\u{400}'..='\u{52f}' => 2,
        '\u{590}'..='\u{5ff}' => 3,
        '\u{600}'..='\u{6ff}' => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::{BIG5, EUC_KR, GB18030, GBK, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    const RUSSIAN: &str = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. \
                           Всё смешалось в доме Облонских. Жена узнала, что муж был в связи с бывшею в их доме француженкою.";
    const FRENCH: &str = "Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient si \
                          vite que je n’avais pas le temps de me dire : « Je m’endors. » Et, une demi-heure après, la pensée qu’il était \
                          temps de chercher le sommeil m’éveillait.";
    const JAPANESE: &str = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。";
    const CHINESE: &str =
        "学而时习之，不亦说乎？有朋自远方来，不亦乐乎？人不知而不愠，不亦君子乎？其为人也孝弟，而好犯上者，鲜矣。";
    const TAIWANESE: &str =
        "學而時習之，不亦說乎？有朋自遠方來，不亦樂乎？人不知而不慍，不亦君子乎？其為人也孝弟，而好犯上者，鮮矣。";
    const KOREAN: &str =
        "나랏말싸미 중국에 달라 문자와로 서로 사맛디 아니할쎄 이런 젼차로 어린 백성이 니르고저 홀 배 이셔도";

    #[track_caller]
    fn is_found(text: &str, encoding: &'static Encoding, found: &'static Encoding) {
        let (bytes, _, lost) = encoding.encode(text);
        assert!(!lost, "{} can write the text", encoding.name());
        assert_eq!(guess(&bytes).0.name(), found.name());
        assert_eq!(found.decode_without_bom_handling(&bytes).0, text);
    }

    #[test]
    fn encodings_of_one_byte_are_told_by_their_letters() {
        is_found(RUSSIAN, WINDOWS_1251, WINDOWS_1251);
        is_found(FRENCH, WINDOWS_1252, WINDOWS_1252);
    }

    #[test]
    fn encodings_of_east_asia_are_told_apart() {
        is_found(JAPANESE, SHIFT_JIS, SHIFT_JIS);
        is_found(CHINESE, GB18030, GBK);
        is_found(TAIWANESE, BIG5, BIG5);
        is_found(KOREAN, EUC_KR, EUC_KR);
    }

    #[test]
    fn macintosh_texts_are_told_by_their_words() {
        // encoding_rs decodes these but does not encode them, so each byte is looked up by decoding all 256.
        for (text, encoding) in [(RUSSIAN, X_MAC_CYRILLIC), (FRENCH, MACINTOSH)] {
            let byte = |char: char| {
                (0..=255_u8)
                    .find(|&byte| encoding.decode_without_bom_handling(&[byte]).0.starts_with(char))
                    .expect("in it")
            };
            let bytes: Vec<u8> = text.chars().map(byte).collect();
            assert_eq!(guess(&bytes).0.name(), encoding.name());
        }
    }

    #[test]
    fn turkish_and_german_of_dos_are_told_by_their_letters() {
        let turkish = "Bu kitabın bakımından eşit olduğunu söylemiş; ağaçların altında üç kişi oturuyordu.";
        is_found(turkish, WINDOWS_1254, WINDOWS_1254);
        let dos = b"Die Stra\xe1e f\x81hrte \x9aber den Flu\xe1, und die M\x84nner h\x94rten die Gl\x94ckner; es war sp\x84t.";
        let guess = guess_any(dos);
        assert_eq!(
            (guess.charset, guess.charset.decode(dos).starts_with("Die Straße führte Über den Fluß")),
            (Charset::Page(&CP850), true)
        );
    }

    #[test]
    fn what_could_be_read_otherwise_has_rivals() {
        assert!(guess_any(b"un caf\xe9 cr\xe8me").rivals.contains(&"windows-1250"));
        assert_eq!(guess_any(&WINDOWS_1251.encode(RUSSIAN).0).rivals, [""; 0]);
    }

    #[test]
    fn a_word_of_accented_letters_alone_is_no_word() {
        assert!(word_likeness("été, à côté") > 0.9);
        assert!(word_likeness("òåêñò") < 0.0);
    }

    #[test]
    fn utf16_is_known_with_and_without_mark() {
        let little: Vec<u8> = "plain letters".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "plain letters".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(wide(&little), Some((WideEncoding::Utf16(UTF_16LE), 0)));
        assert_eq!(wide(&big), Some((WideEncoding::Utf16(UTF_16BE), 0)));
        assert_eq!(wide(&[b"\xff\xfe", &little[..]].concat()), Some((WideEncoding::Utf16(UTF_16LE), 2)));
        assert_eq!(wide(b"plain letters, and more of them"), None);
        assert_eq!(wide(&[0; 64]), None);
    }

    #[test]
    fn utf16_of_other_scripts_is_known_without_mark() {
        for text in [RUSSIAN, JAPANESE, CHINESE, TAIWANESE, KOREAN] {
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(wide(&big), Some((WideEncoding::Utf16(UTF_16BE), 0)), "{text}");
            assert_eq!(wide(&little), Some((WideEncoding::Utf16(UTF_16LE), 0)), "{text}");
            assert_eq!(wide(text.as_bytes()), None, "{text}");
        }
        let numbers: Vec<u8> = (0..2000_u32).flat_map(|number| (number * number).to_le_bytes()).collect();
        assert_eq!(wide(&numbers), None);
        let few = [0_u8, 159, 146, 150, 0, 1, 2, 3].repeat(64);
        let small: Vec<u8> =
            (0x4e00..0x5200_u16).flat_map(|number| [number, 7].map(u16::to_le_bytes).concat()).collect();
        let ideographs: Vec<u8> = (0x4e00..0x5200_u16).flat_map(u16::to_le_bytes).collect();
        assert_eq!([wide(&few), wide(&small), wide(&ideographs)], [None; 3]);
    }

    #[test]
    fn utf32_is_not_taken_for_utf16() {
        assert_eq!(wide(b"\xff\xfe\0\0a\0\0\0"), Some((WideEncoding::Utf32 { little_endian: true }, 4)));
        assert_eq!(decode_utf32(b"a\0\0\0\xff\xff\xff\xff", true), "a\u{fffd}");
    }

    #[test]
    fn few_letters_give_a_guess_and_many_a_likely_one() {
        assert_eq!(guess(b"un caf\xe9 cr\xe8me").1, Sureness::Guessed);
        assert_eq!(guess(&WINDOWS_1251.encode(RUSSIAN).0).1, Sureness::Likely);
    }
}
