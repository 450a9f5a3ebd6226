//! Splits HTML or XHTML into tags and text with html5ever's tokenizer, and passes them to a handler in file order.
//!
//! No tree is built. It would cost memory and, by the rules of the standard, quadratic time on a hundred thousand
//! nested elements. Reading text needs neither parents nor siblings.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// Maximum number of attributes of a tag. The tokenizer compares each attribute with all before it.
const MOST_ATTRIBUTES: usize = 1000;

/// What `<a/>` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Dialect {
    /// The slash is ignored.
    Html,
    /// The element is empty.
    Xml,
}

/// Receives the tags and the text of a page.
pub(in crate::format) trait HtmlHandler {
    /// `name` is in lower case and without its prefix. If `is_closed`, no end tag follows.
    fn open(&mut self, name: &str, attributes: &Attributes<'_>, is_closed: bool);
    fn close(&mut self, name: &str);
    /// Text, with references resolved. One text may arrive in several pieces.
    fn text(&mut self, text: &str);
}

/// The attributes of a tag.
pub(in crate::format) struct Attributes<'a>(&'a Tag);

impl Attributes<'_> {
    /// The value of `name`, which must be in lower case and with its prefix.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
    }
}

/// Passes the content of `text` to `handler`. Fails with the number of attributes if a tag has too many.
pub(in crate::format) fn walk(text: &str, dialect: Dialect, markup: &mut dyn HtmlHandler) -> Result<(), usize> {
    if let Some(count) = crowded_tag(text) {
        return Err(count);
    }
    let tokenizer = Tokenizer::new(Sink { dialect, markup: RefCell::new(markup) }, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    // It stops at each `</script>`, where a browser would run the script.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    Ok(())
}

struct Sink<'a> {
    dialect: Dialect,
    markup: RefCell<&'a mut dyn HtmlHandler>,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            TagToken(tag) => return self.tag(&tag),
            CharacterTokens(text) => self.markup.borrow_mut().text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    /// CDATA sections are text in XML.
    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.dialect == Dialect::Xml
    }
}

impl Sink<'_> {
    fn tag(&self, tag: &Tag) -> TokenSinkResult<()> {
        let name = tag.name.rsplit(':').next().unwrap_or_default();
        let mut markup = self.markup.borrow_mut();
        if tag.kind != StartTag {
            markup.close(name);
            return TokenSinkResult::Continue;
        }
        let is_closed = tag.self_closing && (self.dialect == Dialect::Xml || matches!(name, "svg" | "math"));
        markup.open(name, &Attributes(tag), is_closed);
        if is_closed || *tag.name != *name {
            return TokenSinkResult::Continue;
        }
        match name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => TokenSinkResult::RawData(RawKind::Rawtext),
            "title" | "textarea" if self.dialect == Dialect::Html => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }
}

/// The number of attributes of the first tag with more than [`MOST_ATTRIBUTES`]. Ignores scripts, styles and comments.
fn crowded_tag(text: &str) -> Option<usize> {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end..]);
        } else if rest.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/') {
            let (count, length) = attributes(rest.as_bytes());
            if count > MOST_ATTRIBUTES {
                return Some(count);
            }
            let raw = ["script", "style"].into_iter().find(|name| starts_with_word(rest, name));
            rest = &rest[length..];
            rest = raw.and_then(|name| rest.find(&format!("</{name}"))).map_or(rest, |end| &rest[end..]);
        }
    }
    None
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// The number of attributes of the tag at the start of `bytes`, and where the tag ends.
fn attributes(bytes: &[u8]) -> (usize, usize) {
    let (mut count, mut at, mut citation, mut before) = (0, 0, None, b'<');
    while let Some(&byte) = bytes.get(at) {
        match citation {
            Some(open) if byte == open => citation = None,
            Some(_) => {}
            None if byte == b'>' => break,
            None if matches!(byte, b'"' | b'\'') && before == b'=' => citation = Some(byte),
            None => {
                count += usize::from(is_between(before) && !is_between(byte));
            }
        }
        if !(before == b'=' && byte.is_ascii_whitespace()) {
            before = byte;
        }
        at += 1;
    }
    (count, at)
}

/// Whether `byte` separates attributes. A quote ends one.
fn is_between(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct HtmlTranscript(String);

    impl HtmlHandler for HtmlTranscript {
        fn open(&mut self, name: &str, attributes: &Attributes<'_>, is_closed: bool) {
            let id = attributes.get("id").map(|id| format!(" id={id}")).unwrap_or_default();
            self.0.extend(["<", name, &id, if is_closed { "/>" } else { ">" }]);
        }

        fn close(&mut self, name: &str) {
            self.0.extend(["</", name, ">"]);
        }

        fn text(&mut self, text: &str) {
            self.0 += text;
        }
    }

    fn seen(text: &str, dialect: Dialect) -> String {
        let mut seen = HtmlTranscript::default();
        walk(text, dialect, &mut seen).expect("no crowded tag");
        seen.0
    }

    #[test]
    fn references_are_resolved_and_comments_gone() {
        assert_eq!(seen("<P ID='x'>a&amp;b &eacute;&#x41;&nbsp;<!-- > -->c", Dialect::Html), "<p id=x>a&b éA\u{a0}c");
    }

    #[test]
    fn a_stroke_closes_in_xml_only() {
        assert_eq!(seen("<a id='1'/>x<title/>y", Dialect::Xml), "<a id=1/>x<title/>y");
        assert_eq!(seen("<a id='1'/>x", Dialect::Html), "<a id=1>x");
    }

    #[test]
    fn prefixes_are_dropped_and_cdata_is_text() {
        assert_eq!(seen("<h:p><![CDATA[a < b]]></h:p>", Dialect::Xml), "<p>a < b</p>");
    }

    #[test]
    fn what_is_in_a_script_is_no_tag() {
        assert_eq!(seen("<script>if (a<b) '<p>'</script>x", Dialect::Html), "<script>if (a<b) '<p>'</script>x");
    }

    #[test]
    fn a_tag_of_a_million_attributes_is_refused_and_a_big_picture_is_not() {
        let attribute = |number| format!("a{number} ");
        let crowded: String = (0..1_000_000).map(attribute).collect();
        assert_eq!(walk(&format!("<p {crowded}>"), Dialect::Html, &mut HtmlTranscript::default()), Err(1_000_000));
        let attribute = |number| format!("a{number}='1'");
        let quoted: String = (0..2000).map(attribute).collect();
        assert!(walk(&format!("<p {quoted}>"), Dialect::Html, &mut HtmlTranscript::default()).is_err());
        let path = "M 1 2 ".repeat(10_000);
        seen(&format!("<path d = \"{path}\"/><!-- <a {path} --><script>a<b {path}</script>"), Dialect::Html);
    }
}
