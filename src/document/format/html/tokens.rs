//! Tags and text of HTML or XHTML, in the order of the file: html5ever's tokenizer, without a tree.
//!
//! A tree would cost memory and, built by the standard's rules, quadratic time on a hundred thousand nested elements. Reading text needs
//! neither parents nor siblings: [`HtmlHandler`] is told what opens, what closes and what is written between, and keeps what it needs.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// The tokenizer compares each attribute of a tag with all before it. No real tag has as many as this.
const MOST_ATTRIBUTES: usize = 1000;

/// Which rules hold for `<a/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::document::format) enum Dialect {
    /// The stroke means nothing.
    Html,
    /// The element is closed.
    Xml,
}

/// Is told of each tag and text.
pub(in crate::document::format) trait HtmlHandler {
    /// Names are in lower case and without a namespace's prefix. `is_closed`: `</a>` does not follow.
    fn open(&mut self, name: &str, attributes: &Attributes<'_>, is_closed: bool);
    fn close(&mut self, name: &str);
    /// Character references are resolved. A stretch may come in several pieces.
    fn text(&mut self, text: &str);
}

/// Attributes of one tag.
pub(in crate::document::format) struct Attributes<'a>(&'a Tag);

impl Attributes<'_> {
    /// The value of `name`, which is in lower case and has its prefix.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
    }
}

/// Reads all of `text`. `Err` has the count of attributes of a tag that is no tag of a document.
pub(in crate::document::format) fn walk(
    text: &str,
    dialect: Dialect,
    markup: &mut dyn HtmlHandler,
) -> Result<(), usize> {
    if let Some(count) = crowded_tag(text) {
        return Err(count);
    }
    let tokenizer = Tokenizer::new(Sink { dialect, markup: RefCell::new(markup) }, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    // It stops at each `</script>`, where a browser would run it.
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

/// The count of attributes of the first tag that has more than [`MOST_ATTRIBUTES`]. Scripts, styles and comments are no tags.
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

/// How many attributes the tag has that `bytes` begin with, and where it ends.
fn attributes(bytes: &[u8]) -> (usize, usize) {
    let (mut count, mut at, mut quote, mut before) = (0, 0, None, b'<');
    while let Some(&byte) = bytes.get(at) {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == b'>' => break,
            None if matches!(byte, b'"' | b'\'') && before == b'=' => quote = Some(byte),
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

/// What separates attributes; a quote ends one.
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
