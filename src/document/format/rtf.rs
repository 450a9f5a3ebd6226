//! RTF: the paragraphs, headings and tables of a rich text.
//!
//! An RTF file is text with control words and groups: `{\rtf1\ansi\b Cats\b0\par}`. Text is read in the code page of the
//! file or of its font, and in Unicode where the file has it. Fonts, colours, pictures, headers and other destinations are
//! skipped. A paragraph with an outline level is a heading.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::flow::Flow;
use super::interface::{FileText, Format};
use super::raised::raised;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;
use crate::report::{FileReport, counted};

const WHAT: &str = "a rich text (RTF)";
const MARK: &[u8] = b"{\\rtf";

/// Deeper groups are read without their state.
const DEEPEST: usize = 1000;
/// More bytes than this stand for a character in no file.
const MOST_SKIPPED: usize = 8;

pub(super) struct Rtf;

impl Format for Rtf {
    fn name(&self) -> &'static str {
        "rtf"
    }

    fn recognises(&self, file: &RawFile) -> bool {
        file.bytes.starts_with(MARK)
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let RawFile { name, bytes, .. } = file;
        let mut report = FileReport { name, bytes: bytes.len() as u64, ..FileReport::default() };
        let mut reader = RtfReader::new();
        reader.read(&bytes);
        if reader.pictures > 0 {
            report.remarks.push(counted(reader.pictures, "picture") + " left out");
        }
        let flowed = reader.flow.finish();
        let outline = flowed.outline();
        FileText::of_flow(flowed, outline, report, WHAT)
    }
}

/// What a group inherits from the group around it.
#[derive(Debug, Clone, Copy)]
struct Group {
    is_skipped: bool,
    is_hidden: bool,
    /// Bytes that stand for a Unicode character in programs without Unicode.
    fallback_bytes: usize,
    encoding: &'static Encoding,
    in_font_table: bool,
    is_raised: bool,
}

struct RtfReader {
    flow: Flow,
    group: Group,
    outer: Vec<Group>,
    /// Bytes of text that are not decoded yet: a character may have two.
    pending: Vec<u8>,
    /// Half of a character above U+FFFF.
    high_surrogate: Option<u16>,
    /// Bytes to skip after a Unicode character.
    to_skip: usize,
    page: &'static Encoding,
    /// The encodings of fonts, by number.
    fonts: Vec<(i32, &'static Encoding)>,
    font: i32,
    outline: Option<u8>,
    in_heading: bool,
    in_table: bool,
    has_row: bool,
    /// The last cell has ended; the next text begins another one.
    wants_cell: bool,
    is_behind_row: bool,
    /// How many groups are open around the notes that are being read.
    notes: Vec<usize>,
    /// A paragraph of a note has ended.
    wants_space: bool,
    pictures: u64,
}

/// A piece of a file.
enum Token<'a> {
    Open,
    Close,
    Word(&'a str, Option<i32>),
    /// `\'e4`
    Byte(u8),
    Symbol(u8),
    Text(&'a [u8]),
}

impl RtfReader {
    fn new() -> Self {
        let group = Group {
            is_skipped: false,
            is_hidden: false,
            fallback_bytes: 1,
            encoding: WINDOWS_1252,
            in_font_table: false,
            is_raised: false,
        };
        Self {
            flow: Flow::default(),
            group,
            outer: Vec::new(),
            pending: Vec::new(),
            high_surrogate: None,
            to_skip: 0,
            page: WINDOWS_1252,
            fonts: Vec::new(),
            font: 0,
            outline: None,
            in_heading: false,
            in_table: false,
            has_row: false,
            wants_cell: false,
            is_behind_row: false,
            notes: Vec::new(),
            wants_space: false,
            pictures: 0,
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        let mut at = 0;
        let mut is_first_in_group = false;
        while at < bytes.len() {
            let (token, length) = token(&bytes[at..]);
            at += length;
            match token {
                Token::Open => {
                    self.decode();
                    if self.outer.len() < DEEPEST {
                        self.outer.push(self.group);
                    }
                    is_first_in_group = true;
                    continue;
                }
                Token::Close => {
                    self.decode();
                    self.end_note();
                    self.group = self.outer.pop().unwrap_or(self.group);
                    self.to_skip = 0;
                }
                Token::Word("bin", Some(count)) => at += usize::try_from(count).unwrap_or(0),
                Token::Word(word, number) => self.word(word, number, is_first_in_group),
                // `{\*\unknown …}` may be skipped.
                Token::Symbol(b'*') if is_first_in_group => {
                    self.group.is_skipped = true;
                    continue;
                }
                Token::Symbol(sign) => self.symbol(sign),
                Token::Byte(byte) => self.byte(byte),
                Token::Text(text) => text.iter().for_each(|&byte| self.byte(byte)),
            }
            is_first_in_group = false;
        }
        self.decode();
        self.end_paragraph();
        self.end_row();
    }

    fn byte(&mut self, byte: u8) {
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else if !self.group.is_skipped && !self.group.is_hidden {
            self.pending.push(byte);
        }
    }

    /// Writes the bytes that were collected.
    fn decode(&mut self) {
        let bytes = std::mem::take(&mut self.pending);
        if !bytes.is_empty() {
            let text = self.group.encoding.decode_without_bom_handling(&bytes).0;
            if self.group.is_raised { self.write(&raised(&text)) } else { self.write(&text) }
        }
    }

    fn write(&mut self, text: &str) {
        if self.group.is_skipped || self.group.is_hidden {
            return;
        }
        if let Some(level) = self.outline.filter(|_| !self.in_heading && !self.in_table && !text.trim().is_empty()) {
            self.in_heading = true;
            self.flow.begin_heading(level);
        }
        if std::mem::take(&mut self.is_behind_row) && !self.in_table {
            self.flow.block();
        }
        if std::mem::take(&mut self.wants_space) {
            self.flow.space();
        }
        if std::mem::take(&mut self.wants_cell) && self.has_row {
            self.flow.begin_cell();
        }
        self.flow.text(text);
    }

    fn unicode(&mut self, number: i32) {
        self.decode();
        // Numbers above 32,767 are written as negative ones.
        let unit = number as u16;
        let decoded = match (self.high_surrogate.take(), unit) {
            (_, 0xd800..=0xdbff) => {
                self.high_surrogate = Some(unit);
                None
            }
            (Some(high), 0xdc00..=0xdfff) => char::decode_utf16([high, unit]).next().and_then(Result::ok),
            _ => char::from_u32(u32::from(unit)),
        };
        if let Some(character) = decoded {
            self.write(character.encode_utf8(&mut [0; 4]));
        }
        self.to_skip = self.group.fallback_bytes;
    }

    fn end_paragraph(&mut self) {
        if std::mem::take(&mut self.in_heading) {
            self.flow.end_heading();
        }
    }

    /// A note stands in brackets where its number is.
    fn begin_note(&mut self) {
        if self.notes.last() != Some(&self.outer.len()) {
            self.notes.push(self.outer.len());
            self.flow.space();
            self.write("[footnote:");
            self.flow.space();
        }
    }

    /// Ends the note whose group closes, if it is one.
    fn end_note(&mut self) {
        if self.notes.pop_if(|groups| *groups == self.outer.len()).is_some() {
            self.wants_space = false;
            self.flow.text("]");
        }
    }

    fn end_row(&mut self) {
        self.wants_cell = false;
        if std::mem::take(&mut self.has_row) {
            self.is_behind_row = true;
            self.flow.end_row();
        }
    }

    fn symbol(&mut self, sign: u8) {
        match sign {
            b'\\' | b'{' | b'}' => self.byte(sign),
            b'~' => self.byte(b' '),
            b'_' => self.byte(b'-'),
            b'\n' | b'\r' => self.word("par", None, false),
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i32>, is_first_in_group: bool) {
        match word {
            "u" => return number.map_or((), |number| self.unicode(number)),
            "uc" => self.group.fallback_bytes = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(MOST_SKIPPED),
            _ => {}
        }
        self.decode();
        if is_first_in_group && is_destination(word) {
            self.pictures += u64::from(word == "pict" && !self.group.is_skipped);
            self.group.in_font_table = word == "fonttbl";
            self.group.is_skipped = true;
        }
        if self.group.in_font_table {
            return self.font_word(word, number);
        }
        if self.group.is_skipped {
            return;
        }
        match word {
            "ansicpg" => {
                self.page = number.and_then(code_page).unwrap_or(WINDOWS_1252);
                self.group.encoding = self.page;
            }
            "mac" => self.group.encoding = encoding_rs::MACINTOSH,
            "f" => {
                self.font = number.unwrap_or(0);
                let of_font = self.fonts.iter().find(|(font, _)| *font == self.font);
                self.group.encoding = of_font.map_or(self.page, |(_, encoding)| encoding);
            }
            "plain" => (self.group.is_hidden, self.group.is_raised) = (false, false),
            "v" => self.group.is_hidden = number != Some(0),
            "super" => self.group.is_raised = number != Some(0),
            "nosupersub" => self.group.is_raised = false,
            "pard" => (self.outline, self.in_table) = (None, false),
            "outlinelevel" => self.outline = number.filter(|level| (0..9).contains(level)).map(|level| level as u8 + 1),
            "intbl" => {
                self.in_table = true;
                self.begin_row();
            }
            "cell" => {
                self.begin_row();
                // A cell without text.
                if std::mem::replace(&mut self.wants_cell, true) {
                    self.flow.begin_cell();
                }
            }
            "row" | "nestrow" => self.end_row(),
            "footnote" => self.begin_note(),
            "par" | "sect" | "page" if !self.notes.is_empty() => self.wants_space = true,
            "par" | "sect" | "page" if self.in_table => self.flow.space(),
            "par" | "sect" | "page" => {
                self.end_row();
                self.end_paragraph();
                self.flow.block();
            }
            "line" => self.flow.line_break(),
            "tab" => self.flow.space(),
            _ => {
                if let Some(sign) = sign(word) {
                    self.write(sign);
                }
            }
        }
    }

    fn begin_row(&mut self) {
        if !self.has_row {
            self.has_row = self.flow.begin_row();
            self.flow.begin_cell();
        }
    }

    fn font_word(&mut self, word: &str, number: Option<i32>) {
        match (word, number) {
            ("f", Some(font)) => self.font = font,
            ("fcharset", Some(charset)) => {
                if let Some(encoding) = font_encoding(charset) {
                    self.fonts.push((self.font, encoding));
                }
            }
            _ => {}
        }
    }
}

/// Groups whose text is not that of the document.
fn is_destination(word: &str) -> bool {
    const DESTINATIONS: [&str; 28] = [
        "fonttbl",
        "colortbl",
        "stylesheet",
        "info",
        "pict",
        "header",
        "headerl",
        "headerr",
        "headerf",
        "footer",
        "footerl",
        "footerr",
        "footerf",
        "object",
        "fldinst",
        "themedata",
        "datastore",
        "latentstyles",
        "listtable",
        "listoverridetable",
        "rsidtbl",
        "generator",
        "xmlnstbl",
        "annotation",
        "atnid",
        "atnauthor",
        "bkmkstart",
        "bkmkend",
    ];
    DESTINATIONS.contains(&word)
}

fn sign(word: &str) -> Option<&'static str> {
    Some(match word {
        "emdash" => "—",
        "endash" => "–",
        "lquote" => "‘",
        "rquote" => "’",
        "ldblquote" => "“",
        "rdblquote" => "”",
        "bullet" => "•",
        "emspace" | "enspace" => " ",
        _ => return None,
    })
}

fn code_page(number: i32) -> Option<&'static Encoding> {
    let label = match number {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        65001 => "utf-8".to_owned(),
        866 => "ibm866".to_owned(),
        10000 => "macintosh".to_owned(),
        other => format!("windows-{other}"),
    };
    Encoding::for_label(label.as_bytes())
}

fn font_encoding(charset: i32) -> Option<&'static Encoding> {
    code_page(match charset {
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}

/// The token at the start of `bytes`, and its length.
fn token(bytes: &[u8]) -> (Token<'_>, usize) {
    match bytes[0] {
        b'{' => (Token::Open, 1),
        b'}' => (Token::Close, 1),
        // Line ends are there for people who look into the file.
        b'\r' | b'\n' => (Token::Text(&[]), 1),
        b'\\' => control(bytes),
        _ => {
            let end = bytes
                .iter()
                .position(|byte| matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n'))
                .unwrap_or(bytes.len());
            (Token::Text(&bytes[..end]), end)
        }
    }
}

fn control(bytes: &[u8]) -> (Token<'_>, usize) {
    let Some(&first) = bytes.get(1) else { return (Token::Text(&[]), 1) };
    if first == b'\'' {
        let digits = bytes.get(2..4).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        return byte.map_or((Token::Text(&[]), 2), |byte| (Token::Byte(byte), 4));
    }
    if !first.is_ascii_alphabetic() {
        return (Token::Symbol(first), 2);
    }
    let letters = bytes[1..].iter().take(32).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = std::str::from_utf8(&bytes[1..=letters]).expect("letters");
    let rest = &bytes[1 + letters..];
    let minus = usize::from(rest.first() == Some(&b'-'));
    let digits = rest[minus..].iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    let written = std::str::from_utf8(&rest[..minus + digits]).expect("digits");
    let number = written.parse().ok();
    let used = if digits > 0 { minus + digits } else { 0 };
    let space = usize::from(rest.get(used) == Some(&b' '));
    (Token::Word(word, number), 1 + letters + used + space)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> FileText {
        let file = RawFile::new("a.rtf", text);
        assert!(Rtf.recognises(&file));
        Rtf.read(file, &ReadOptions::default()).expect("a text")
    }

    #[test]
    fn words_of_any_code_page_are_read_and_what_is_around_them_is_not() {
        let text = b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fcharset204 Arial;}{\\f1 X;}}{\\colortbl;\\red0;}{\\*\\generator x}\n\
            {\\header Top}\\pard\\outlinelevel0 Of C\\'e4ts\\par\\pard They \\b sleep\\b0{\\v hidden}.\\line Here\\par \\f0\\'ca\\'ee\\'f2\\f1\\par\n\
            \\u29483?\\u-10179?\\u-8704? \\{a\\} \\ldblquote b\\rdblquote{\\pict 00ff}\\par}";
        let file = read(text);
        assert_eq!(
            file.text,
            "# Of C\u{e4}ts\n\nThey sleep.\nHere\n\n\u{41a}\u{43e}\u{442}\n\n\u{732b}\u{1f600} {a} \u{201c}b\u{201d}\n"
        );
        assert_eq!(file.outline.len(), 1);
        assert_eq!(file.report.remarks, ["1 picture left out"]);
    }

    #[test]
    fn raised_letters_and_notes_keep_their_meaning() {
        let file = read(br"{\rtf1 Less than 10{\super -9} m{\super 2}, the 1{\super st}{\footnote\pard {\super 1} Not more.\par} of all.}");
        assert_eq!(file.text, "Less than 10^-9 m^2, the 1st [footnote: ^1 Not more.] of all.\n");
    }

    #[test]
    fn rows_of_a_table_are_lines() {
        let text = b"{\\rtf1 \\trowd\\pard\\intbl a\\cell b\\cell\\row\\trowd\\pard\\intbl c\\cell d\\cell\\row\\pard End\\par}";
        assert_eq!(read(text).text, "a | b\nc | d\n\nEnd\n");
    }

    #[test]
    fn what_is_damaged_is_read_as_far_as_it_goes() {
        for text in ["{\\rtf1 a", "{\\rtf1 a}}}}", "{\\rtf1 a\\", "{\\rtf1 a\\'", "{\\rtf1 a\\bin99999", "{\\rtf1 a\\u"]
        {
            assert_eq!(read(text.as_bytes()).text, "a\n", "{text}");
        }
        let deep = format!("{{\\rtf1 a{}", "{".repeat(1_000_000));
        assert_eq!(read(deep.as_bytes()).text, "a\n");
    }
}
