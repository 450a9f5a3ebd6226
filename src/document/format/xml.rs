//! Parses XML with quick-xml, and passes elements and text to a handler in file order.
//!
//! Names keep their case and lose their prefix: writers choose prefixes freely (`w:p`, `ns0:p`, `p`), and some never
//! declare them. CDATA sections are text. Comments and processing instructions are skipped.
//!
//! Real files are often not well-formed, and other programs open them anyway. So a bare `&` or `<` is text, HTML's
//! named characters are known, numbers 128 to 159 are Windows-1252 as in HTML, attributes need no quotes, and a tag
//! with an odd quote ends where an HTML parser would end it. End tags may be missing or wrong, and handlers must cope
//! with that.
//!
//! Example: for `<w:t>AT&T &eacute;</w:t>`, the handler sees `t` open, the text `AT&T é` in several pieces, and `t`
//! close.
//!
//! Entities that the file defines itself are not expanded. They stay as written (`&lol9;`), so they cannot grow. A file
//! that breaks off gives a [`Fault`] after everything before that point.

use std::borrow::Cow;

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};
use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;

/// Maximum number of repaired tags. Each may cost a search to the end of the file.
const MOST_REPAIRS: usize = 100;

/// Receives the content of an XML file.
pub(super) trait XmlHandler {
    /// An element opens. `close` follows, unless the element is empty (`<a/>`).
    fn open(&mut self, element: &Element<'_>);

    /// An element closes. `name` is without its prefix.
    fn close(&mut self, _name: &str) {}

    /// Text, with references resolved. One text may arrive in several pieces.
    fn text(&mut self, _text: &str) {}
}

/// The start of an element.
pub(super) struct Element<'a> {
    tag: &'a BytesStart<'a>,
    pub is_empty: bool,
}

impl Element<'_> {
    /// The name without its prefix.
    pub(super) fn name(&self) -> &str {
        local(self.tag.name())
    }

    /// The value of the first attribute whose name without prefix is `name`.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.tag.html_attributes();
        let is_it = |key: QName<'_>| local(key) == name && key.as_namespace_binding().is_none();
        let found = attributes.with_checks(false).flatten().find(|attribute| is_it(attribute.key))?;
        Some(match found.value {
            Cow::Borrowed(value) => unescaped(value),
            Cow::Owned(value) => unescaped(&value).into_owned().into(),
        })
    }
}

impl Element<'_> {
    /// The value of the attribute with this very name, prefix included: `r:id` beside `id`.
    pub(super) fn prefixed_attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.tag.html_attributes();
        let found = attributes.with_checks(false).flatten().find(|attribute| attribute.key.as_ref() == name)?;
        Some(match found.value {
            Cow::Borrowed(value) => unescaped(value),
            Cow::Owned(value) => unescaped(&value).into_owned().into(),
        })
    }
}

/// Where and why a file breaks off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte offset in the text.
    pub at: usize,
    pub reason: String,
}

/// Passes the content of `text` to `handler`.
pub(super) fn read(text: &str, handler: &mut dyn XmlHandler) -> Result<(), Fault> {
    Parser { text, reader: reader(text), handler, root: None, repairs: 0 }.read()
}

fn reader(text: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    reader
}

struct Parser<'a, 'h> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    handler: &'h mut dyn XmlHandler,
    root: Option<Root>,
    repairs: usize,
}

/// The outermost element.
struct Root {
    name: String,
    /// How many elements with its name are open.
    open: usize,
}

impl Parser<'_, '_> {
    fn read(mut self) -> Result<(), Fault> {
        loop {
            let at = self.position();
            let rest = &self.text[at..];
            if begins_with_bare(rest) {
                self.handler.text("<");
                self.go_on_from(at + 1);
                continue;
            }
            let event = self.reader.read_event();
            let markup = &self.text[at..self.position()];
            if let Some(end) = self.repaired_end(rest, markup, event.is_err()) {
                self.repairs += 1;
                self.tell_tag(&rest[1..end]);
                self.go_on_from(at + end + 1);
                continue;
            }
            match event {
                Ok(Event::Eof) => return self.end(),
                Ok(event) => self.tell(&event),
                // `<!DOCTYPE>` without a name, which is harmless.
                Err(Error::IllFormed(_)) => {}
                Err(Error::Syntax(error)) => return Err(Fault { at, reason: error.to_string() }),
                Err(error) => return Err(Fault { at, reason: error.to_string() }),
            }
        }
    }

    /// How much of the text the reader has consumed.
    fn position(&self) -> usize {
        self.text.len() - self.reader.get_ref().len()
    }

    fn go_on_from(&mut self, at: usize) {
        self.reader = reader(&self.text[at..]);
    }

    /// The end of the tag at the start of `rest`, if quick-xml got it wrong: after an odd quote, it takes following
    /// tags for part of the value (`markup`), or finds no end at all.
    fn repaired_end(&self, rest: &str, markup: &str, has_failed: bool) -> Option<usize> {
        if self.repairs == MOST_REPAIRS {
            return None;
        }
        match MarkupKind::of(rest)? {
            MarkupKind::Tag if has_failed || markup[1..].contains('<') => html_tag_end(rest),
            MarkupKind::Declaration if has_failed => rest.find('>'),
            _ => None,
        }
    }

    fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.open(tag, false),
            Event::Empty(tag) => self.open(tag, true),
            Event::End(tag) => self.close(tag.name().as_ref()),
            Event::Text(text) => self.handler.text(&text.xml10_content()),
            Event::CData(text) => self.handler.text(&text.xml10_content()),
            Event::GeneralRef(reference) => match character(reference) {
                Some(character) => self.handler.text(&character),
                None => self.handler.text(&format!("&{};", &**reference)),
            },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {}
        }
    }

    /// Passes on a repaired tag. `content` is between its `<` and `>`.
    fn tell_tag(&mut self, content: &str) {
        if content.starts_with(['?', '!']) {
            return;
        }
        if let Some(name) = content.strip_prefix('/') {
            return self.close(name);
        }
        let (content, is_empty) = content.strip_suffix('/').map_or((content, false), |content| (content, true));
        self.open(&BytesStart::from_content(content, name_len(content)), is_empty);
    }

    fn open(&mut self, tag: &BytesStart<'_>, is_empty: bool) {
        if !is_empty {
            let root = self.root.get_or_insert_with(|| Root { name: tag.name().as_ref().into(), open: 0 });
            root.open += usize::from(root.name == tag.name().as_ref());
        }
        self.handler.open(&Element { tag, is_empty });
    }

    /// An end tag may have attributes by mistake.
    fn close(&mut self, name: &str) {
        let name = QName(&name[..name_len(name)]);
        if let Some(root) = self.root.as_mut().filter(|root| root.name == name.as_ref()) {
            root.open = root.open.saturating_sub(1);
        }
        self.handler.close(local(name));
    }

    fn end(&self) -> Result<(), Fault> {
        match &self.root {
            Some(root) if root.open > 0 => {
                Err(Fault { at: self.text.len(), reason: "the outermost element is not closed".into() })
            }
            _ => Ok(()),
        }
    }
}

/// Kinds of markup that end at a `>`.
enum MarkupKind {
    Tag,
    /// `<!DOCTYPE …>`, `<?…?>`
    Declaration,
}

impl MarkupKind {
    fn of(rest: &str) -> Option<Self> {
        let after = rest.strip_prefix('<')?;
        match after.as_bytes().first()? {
            b'!' if after.starts_with("!--") || after.starts_with("![") => None,
            b'!' | b'?' => Some(Self::Declaration),
            _ => Some(Self::Tag),
        }
    }
}

fn local(name: QName<'_>) -> &str {
    name.local_name().into_inner()
}

fn name_len(tag: &str) -> usize {
    tag.find(|char: char| char.is_ascii_whitespace() || char == '/').unwrap_or(tag.len())
}

/// Whether `rest` begins with a `<` that does not begin markup: `a < b`, `<3`.
fn begins_with_bare(rest: &str) -> bool {
    let Some(after) = rest.strip_prefix('<') else { return false };
    if let Some(declared) = after.strip_prefix('!') {
        let is_doctype = declared.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("doctype"));
        return !(is_doctype || declared.starts_with("--") || declared.starts_with("[CDATA["));
    }
    !after.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | ':' | '/' | '?'))
}

/// Where an HTML parser would end the tag at the start of `rest`: a quote opens a value only after `=`.
fn html_tag_end(rest: &str) -> Option<usize> {
    let (mut citation, mut before) = (None, b'<');
    for (at, byte) in rest.bytes().enumerate() {
        match citation {
            Some(open) if byte == open => citation = None,
            None if byte == b'>' => return Some(at),
            None if matches!(byte, b'"' | b'\'') && before == b'=' => citation = Some(byte),
            Some(_) | None => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    None
}

/// Resolves the references in `text`. Unknown ones stay as written.
fn unescaped(text: &str) -> Cow<'_, str> {
    let mut unescaped = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        unescaped.push_str(before);
        let end = after.find(['&', ';']).filter(|&end| after[end..].starts_with(';'));
        if let Some((end, character)) = end.and_then(|end| Some((end, character(&after[..end])?))) {
            unescaped.push_str(&character);
            rest = &after[end + 1..];
        } else {
            unescaped.push('&');
            rest = after;
        }
    }
    if rest.len() == text.len() { text.into() } else { (unescaped + rest).into() }
}

/// The character for `amp`, `#233`, `#xe9` or `eacute`. A few names stand for two characters.
fn character(reference: &str) -> Option<String> {
    let Some(number) = reference.strip_prefix('#') else {
        let &(first, second) = NAMED_ENTITIES.get(format!("{reference};").as_str())?;
        return Some([first, second].into_iter().filter(|&code| code > 0).filter_map(char::from_u32).collect());
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    Some(numbered(code.ok()?).to_string())
}

fn numbered(code: u32) -> char {
    let of_windows = code.checked_sub(0x80).and_then(|at| *C1_REPLACEMENTS.get(at as usize)?);
    of_windows.or(char::from_u32(code).filter(|&char| char != '\0')).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Transcript(String);

    impl XmlHandler for Transcript {
        fn open(&mut self, element: &Element<'_>) {
            let id = element.attribute("id").map(|id| format!(" id={id}")).unwrap_or_default();
            self.0.extend(["<", element.name(), &id, if element.is_empty { "/>" } else { ">" }]);
        }

        fn close(&mut self, name: &str) {
            self.0.extend(["</", name, ">"]);
        }

        fn text(&mut self, text: &str) {
            self.0 += text;
        }
    }

    fn told(text: &str) -> (String, Result<(), Fault>) {
        let mut seen = Transcript::default();
        let result = read(text, &mut seen);
        (seen.0, result)
    }

    fn seen(text: &str) -> String {
        let (seen, result) = told(text);
        assert_eq!(result, Ok(()), "{text}");
        seen
    }

    #[test]
    fn names_keep_their_case_and_lose_their_prefix() {
        assert_eq!(seen("<w:pPr w:id='1'><w:P/></w:pPr>"), "<pPr id=1><P/></pPr>");
        assert_eq!(seen("<a xmlns:id='x' w:Id='y' v:id='z'/>"), "<a id=z/>");
    }

    #[test]
    fn what_is_no_element_and_no_text_is_skipped() {
        let text = "\u{feff}<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b '<c>'>]><a><!-- <d> -- --><?e <f> ?><![CDATA[g < &amp;]]></a>";
        assert_eq!(seen(text).trim_start_matches('\u{feff}'), "<a>g < &amp;</a>");
    }

    #[test]
    fn references_are_resolved_in_texts_and_attributes() {
        let references = "&lt;&amp;&#233;&#xE9;&eacute;&nbsp;&#147;&#0;&#x110000;";
        let resolved = "<&ééé\u{a0}“\u{fffd}\u{fffd}";
        assert_eq!(seen(&format!("<a id='{references}'>{references}</a>")), format!("<a id={resolved}>{resolved}</a>"));
    }

    #[test]
    fn what_is_no_reference_stays_as_written() {
        let odd = "AT&T & B; &none; &amp &#; &#x; &;";
        assert_eq!(seen(&format!("<a id=\"{odd}\">{odd}</a>")), format!("<a id={odd}>{odd}</a>"));
    }

    #[test]
    fn entities_of_the_file_are_not_expanded() {
        let bomb = "<!DOCTYPE a [<!ENTITY l 'lol'><!ENTITY m '&l;&l;&l;&l;'>]><a>&m;</a>";
        assert_eq!(seen(bomb), "<a>&m;</a>");
    }

    #[test]
    fn a_bare_bracket_is_text() {
        assert_eq!(seen("<a>1 < 2 <3 <! <></a>"), "<a>1 < 2 <3 <! <></a>");
    }

    #[test]
    fn end_tags_need_not_match() {
        assert_eq!(seen("<a><br><b></i></a></c>"), "<a><br><b></i></a></c>");
        assert_eq!(seen("<w:a></w:a id='1'>"), "<a></a>");
    }

    #[test]
    fn attributes_may_lack_their_quotes_or_come_twice() {
        assert_eq!(seen("<a b id=1 c=2 id=3/>"), "<a id=1/>");
    }

    #[test]
    fn an_odd_quote_costs_no_other_tag() {
        for odd in ["<b id='1'' c='2'/>", "<b c=\"5\" wide\" id='1'/>"] {
            let told = seen(&format!("<a>{odd}<c id='3'/></a>"));
            assert!(told.starts_with("<a><b id=1") && told.ends_with("<c id=3/></a>"), "{odd}: {told}");
        }
        assert_eq!(seen("<!DOCTYPE a [ ><?php echo><a/>"), "<a/>");
    }

    #[test]
    fn a_file_that_breaks_off_is_told_up_to_there() {
        let cases = [
            ("<a><b>c", "<a><b>c", 7, "the outermost element is not closed"),
            ("<a><b>c</a><a>", "<a><b>c</a><a>", 14, "the outermost element is not closed"),
            ("<a>b<c d", "<a>b", 4, "tag not closed: `>` not found before end of input"),
            ("<a>b<!-- c>", "<a>b", 4, "comment not closed: `-->` not found before end of input"),
            ("<a>b<![CDATA[c", "<a>b", 4, "CDATA not closed: `]]>` not found before end of input"),
        ];
        for (text, seen, at, reason) in cases {
            assert_eq!(told(text), (seen.to_owned(), Err(Fault { at, reason: reason.into() })), "{text}");
        }
    }

    #[test]
    fn what_is_made_to_take_long_does_not() {
        let many = 200_000;
        for (start, part) in [
            ("", "<a>"),
            ("", "</a>"),
            ("<a ", "b='1' "),
            ("", "<a '>"),
            ("", "<a '><b \">"),
            ("", "<"),
            ("", "&"),
            ("", "<!--"),
        ] {
            let _ = told(&format!("{start}{}", part.repeat(many)));
        }
    }
}
