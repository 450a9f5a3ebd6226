//! Books and articles in XML: `FictionBook`, `DocBook`, JATS (scientific articles), TEI and DITA.
//!
//! All of them have sections with titles, paragraphs, lists and tables; only the names differ. A title becomes a heading
//! at the depth of its section. Pictures, binary data and metadata other than title, author and abstract are skipped.
//!
//! ```xml
//! <section><title><p>Of Cats</p></title><p>They sleep.</p></section>      # Of Cats
//!
//!                                                                          They sleep.
//! ```

use super::charset;
use super::dtd;
use super::flow::Flow;
use super::html::Formula;
use super::interface::{FileText, Format};
use super::xml::{self, Element, XmlHandler};
use crate::error::Error;
use crate::options::ReadOptions;
use crate::raw_file::RawFile;
use crate::report::{FileReport, counted};

const WHAT: &str = "a book in XML";

/// How much of a file is examined for its outermost element.
const HEAD_BYTES: usize = 8 << 10;

/// Outermost elements of the kinds that are read.
const ROOTS: [&str; 9] =
    ["FictionBook", "book", "article", "chapter", "refentry", "TEI", "topic", "concept", "bookmap"];

pub(super) struct XmlBook;

impl Format for XmlBook {
    fn name(&self) -> &'static str {
        "xml-book"
    }

    /// XML with one of the outermost elements, and with something that only books have near its start.
    fn recognises(&self, file: &RawFile) -> bool {
        let head = charset::read(&file.bytes[..file.bytes.len().min(HEAD_BYTES)]).text.into_owned();
        let is_xml = ["<?xml", "<!DOCTYPE", "<FictionBook"].iter().any(|start| head.trim_start().starts_with(start));
        let Some(root) = root(&head).filter(|root| is_xml && ROOTS.contains(root)) else { return false };
        let is_book = ["docbook", "DocBook", "JATS", "article-meta", "tei-c.org", "DITA", "fictionbook", "FictionBook"];
        is_book.iter().any(|mark| head.contains(mark))
            || root != "book" && head.contains("<title")
            || head.contains("<chapter")
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let RawFile { name, bytes, .. } = file;
        let decoded = charset::read(&bytes);
        let mut report = FileReport { name, bytes: bytes.len() as u64, ..FileReport::default() };
        report.encoding = decoded.encoding;
        report.invalid_sequences = decoded.invalid_sequences;
        let mut reader = BookReader::default();
        if let Err(fault) = xml::read(&dtd::resolved(&decoded.text), &mut reader) {
            report.remarks.push(format!("it breaks off ({}); the rest of it is lost", fault.reason));
        }
        if reader.pictures > 0 {
            report.remarks.push(format!("{} left out", counted(reader.pictures, "picture")));
        }
        let flowed = reader.flow.finish();
        let outline = flowed.outline();
        FileText::of_flow(flowed, outline, report, WHAT)
    }
}

/// The name of the outermost element, without its prefix.
fn root(head: &str) -> Option<&str> {
    let mut rest = head;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        if rest.starts_with("!--") {
            rest = &rest[rest.find("-->")?..];
        } else if rest.starts_with('!')
            && rest.find('[').is_some_and(|open| rest.find('>').is_none_or(|close| open < close))
        {
            rest = &rest[rest.find("]>")?..];
        } else if !rest.starts_with(['?', '!']) {
            let name = &rest[..rest.find(|sign: char| sign.is_whitespace() || matches!(sign, '>' | '/'))?];
            return name.rsplit(':').next();
        }
    }
}

/// What an element means, whatever its kind of book calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Section,
    Title,
    Paragraph,
    List,
    Item,
    Code,
    Table,
    Row,
    Cell,
    LineEnd,
    Space,
    Note,
    /// A reference or a keyword; its text stays.
    Inline,
    Skipped,
}

fn meaning(name: &str) -> Meaning {
    match name {
        "section" | "sect1" | "sect2" | "sect3" | "sect4" | "sect5" | "simplesect" | "chapter" | "part" | "book"
        | "article" | "appendix" | "preface" | "sec" | "app" | "reference" | "refentry" | "refsect1" | "refsect2"
        | "refsect3" | "topic" | "concept" | "task" | "div" | "div1" | "div2" | "div3" | "poem" | "stanza" | "cite"
        | "epigraph" | "annotation" | "bibliography" | "ref-list" | "glossary" | "sub-article" | "dedication" => {
            Meaning::Section
        }
        "title" | "book-title" | "article-title" | "head" | "refentrytitle" | "bridgehead" => Meaning::Title,
        "p" | "para" | "simpara" | "formalpara" | "subtitle" | "text-author" | "abstract" | "blockquote"
        | "disp-quote" | "figure" | "example" | "note" | "warning" | "tip" | "caution" | "important" | "caption"
        | "author" | "contrib" | "synopsis" | "cmdsynopsis" | "disp-formula" | "attribution" | "boxed-text" | "fig"
        | "table-wrap" | "lg" | "sp" | "ref" | "speaker" | "refpurpose" | "refname" | "shortdesc" | "prolog"
        | "date" | "mixed-citation" | "element-citation" => Meaning::Paragraph,
        "itemizedlist" | "orderedlist" | "variablelist" | "simplelist" | "list" | "ul" | "ol" | "dl"
        | "segmentedlist" => Meaning::List,
        "listitem" | "list-item" | "li" | "item" | "member" | "term" | "def-item" | "dt" | "dd" => Meaning::Item,
        "programlisting" | "screen" | "literallayout" | "preformat" | "code-block" | "codeblock" | "pre" => {
            Meaning::Code
        }
        "table" | "informaltable" | "tgroup" => Meaning::Table,
        "row" | "tr" => Meaning::Row,
        "entry" | "td" | "th" | "cell" => Meaning::Cell,
        "v" | "l" | "empty-line" | "br" | "break" => Meaning::LineEnd,
        "tab" | "first-name" | "last-name" | "middle-name" | "surname" | "given-names" | "firstname" | "year"
        | "volume" => Meaning::Space,
        "footnote" | "fn" => Meaning::Note,
        "binary" | "image" | "graphic" | "inline-graphic" | "imagedata" | "indexterm" | "journal-meta"
        | "permissions" | "history" | "pub-date" | "article-id" | "article-categories" | "funding-group" | "counts"
        | "kwd-group" | "document-info" | "publish-info" | "custom-info" | "coverpage" | "contrib-id"
        | "xref-alternatives" | "revhistory" | "legalnotice" | "tei:revisionDesc" | "encodingDesc"
        | "src-title-info" | "publicationStmt" | "tex-math" | "self-uri" | "related-article" | "object-id" | "issn"
        | "isbn" | "genre" | "lang" | "id" | "version" | "src-ocr" => Meaning::Skipped,
        _ => Meaning::Inline,
    }
}

#[derive(Default)]
struct BookReader {
    flow: Flow,
    /// Open sections; a title has the level of the innermost.
    sections: usize,
    lists: usize,
    skipped: usize,
    /// For each open row, whether the flow has one open for it.
    rows: Vec<bool>,
    in_title: usize,
    /// Open notes: what is a block elsewhere goes on in the line there.
    notes: usize,
    /// Where the text of the innermost note begins.
    note_start: usize,
    /// Open tables, figures and examples. Their titles are no headings.
    floats: usize,
    /// For each open link, whether it is the number of a note.
    links: Vec<bool>,
    /// Whether the item that comes next says what a term means.
    is_behind_term: bool,
    formula: Option<Formula>,
    pictures: u64,
}

/// What has a title of its own within the text of a section.
fn is_float(name: &str) -> bool {
    matches!(name, "table" | "informaltable" | "figure" | "example" | "fig" | "table-wrap" | "equation" | "procedure")
}

impl XmlHandler for BookReader {
    fn open(&mut self, element: &Element<'_>) {
        let name = element.name();
        if let Some(formula) = &mut self.formula {
            if !element.is_empty {
                formula.open(name, element.attribute("encoding").as_deref());
            }
            return;
        }
        let what = meaning(name);
        if what == Meaning::Skipped || self.skipped > 0 {
            self.pictures += u64::from(matches!(name, "image" | "graphic" | "inline-graphic" | "imagedata"));
            self.skipped += usize::from(!element.is_empty && what == Meaning::Skipped);
            return;
        }
        if name == "math" && !element.is_empty {
            self.formula = Some(Formula::new(element.attribute("alttext").as_deref()));
            return;
        }
        self.floats += usize::from(is_float(name) && !element.is_empty);
        match what {
            Meaning::LineEnd if element.is_empty => self.flow.line_break(),
            Meaning::LineEnd => self.flow.line(),
            Meaning::Space => self.flow.space(),
            _ if element.is_empty => {}
            Meaning::Section => {
                self.sections += 1;
                self.flow.block();
            }
            Meaning::Title if self.floats > 0 => self.flow.block(),
            Meaning::Title => {
                self.in_title += 1;
                if self.in_title == 1 && self.rows.is_empty() {
                    self.flow.begin_heading(self.sections.clamp(1, 6) as u8);
                }
            }
            Meaning::Paragraph if self.notes > 0 => {
                if self.flow.len() > self.note_start {
                    self.flow.space();
                }
            }
            Meaning::Paragraph if self.in_title > 0 => self.flow.space(),
            Meaning::Paragraph | Meaning::Table => self.flow.block(),
            Meaning::List => {
                self.lists += 1;
                self.flow.block();
                self.flow.set_depth(self.lists);
            }
            Meaning::Item => self.begin_item(name),
            Meaning::Code => self.flow.begin_code(),
            Meaning::Row => {
                let is_begun = self.flow.begin_row();
                self.rows.push(is_begun);
            }
            Meaning::Cell => self.flow.begin_cell(),
            Meaning::Note => {
                self.notes += 1;
                self.flow.text(" [");
                self.note_start = self.flow.len();
            }
            Meaning::Inline if name == "a" => {
                let is_note = element.attribute("type").is_some_and(|kind| kind == "note");
                self.flow.text(if is_note { "[" } else { "" });
                self.links.push(is_note);
            }
            Meaning::Inline | Meaning::Skipped => {}
        }
        if name == "sup" {
            self.flow.text("^");
        }
    }

    fn close(&mut self, name: &str) {
        if name == "math"
            && let Some(formula) = self.formula.take()
        {
            return self.flow.text(&formula.finish());
        }
        if let Some(formula) = &mut self.formula {
            return formula.close(name);
        }
        let what = meaning(name);
        if what == Meaning::Skipped {
            self.skipped = self.skipped.saturating_sub(1);
            return;
        }
        if self.skipped > 0 {
            return;
        }
        self.floats = self.floats.saturating_sub(usize::from(is_float(name)));
        match what {
            Meaning::Section => {
                self.sections = self.sections.saturating_sub(1);
                self.flow.block();
            }
            Meaning::Title if self.floats > 0 => self.flow.block(),
            Meaning::Title => {
                self.in_title = self.in_title.saturating_sub(1);
                if self.in_title == 0 {
                    self.flow.end_heading();
                }
            }
            // The next one begins with a space.
            Meaning::Paragraph if self.notes > 0 => {}
            Meaning::Paragraph if self.in_title > 0 => self.flow.space(),
            Meaning::Paragraph | Meaning::Table => self.flow.block(),
            Meaning::List => {
                self.lists = self.lists.saturating_sub(1);
                self.flow.end_item();
                self.flow.set_depth(self.lists);
                self.flow.block();
            }
            Meaning::Item => {
                self.flow.end_item();
                self.flow.line();
            }
            Meaning::Code => self.flow.end_code(),
            Meaning::Row => {
                if self.rows.pop() == Some(true) {
                    self.flow.end_row();
                }
            }
            Meaning::LineEnd => self.flow.line(),
            Meaning::Space => self.flow.space(),
            Meaning::Note => {
                self.notes = self.notes.saturating_sub(1);
                self.flow.text("] ");
            }
            Meaning::Inline if name == "a" && self.links.pop() == Some(true) => self.flow.text("]"),
            Meaning::Cell | Meaning::Inline | Meaning::Skipped => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.skipped > 0 {
            return;
        }
        match &mut self.formula {
            Some(formula) => formula.text(text),
            None => self.flow.text(text),
        }
    }
}

impl BookReader {
    /// A term and what it means are lines without a mark.
    fn begin_item(&mut self, name: &str) {
        self.is_behind_term |= matches!(name, "term" | "dt");
        let is_plain =
            self.is_behind_term && matches!(name, "listitem" | "item") || matches!(name, "dd" | "term" | "dt");
        self.is_behind_term &= !matches!(name, "listitem" | "item" | "dd");
        self.flow.end_item();
        self.flow.line();
        self.flow.item(if is_plain { "" } else { "- " });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> FileText {
        let file = RawFile::new("a.xml", text);
        assert!(XmlBook.recognises(&file), "{text}");
        XmlBook.read(file, &ReadOptions::default()).expect("a book")
    }

    fn titles(file: &FileText) -> Vec<(u8, &str)> {
        file.outline.iter().map(|entry| (entry.level, entry.title.as_str())).collect()
    }

    #[test]
    fn a_fiction_book_is_its_sections_without_its_pictures() {
        let book = "<?xml version='1.0'?><FictionBook xmlns='http://www.gribuser.ru/xml/fictionbook/2.0' xmlns:l='x'><description><title-info>\
            <author><first-name>Ann</first-name><last-name>Keeper</last-name></author><book-title>Lamps</book-title></title-info>\
            <document-info><id>1-2-3</id></document-info></description><body><section><title><p>One</p></title><p>They turn.</p>\
            <image l:href='#i'/><poem><stanza><v>Red</v><v>sails</v></stanza></poem></section><section><title><p>Two</p></title><p>End.</p></section>\
            </body><binary id='i' content-type='image/png'>iVBORw0KGgo=</binary></FictionBook>";
        let file = read(book);
        assert_eq!(file.text, "Ann Keeper\n\n# Lamps\n\n# One\n\nThey turn.\n\nRed\nsails\n\n# Two\n\nEnd.\n");
        assert_eq!(titles(&file), [(1, "Lamps"), (1, "One"), (1, "Two")]);
        assert_eq!(file.report.remarks, ["1 picture left out"]);
    }

    #[test]
    fn a_doc_book_has_chapters_lists_tables_and_listings() {
        let book = "<?xml version='1.0'?><book xmlns='http://docbook.org/ns/docbook'><title>Guide</title><chapter><title>Start</title>\
            <para>Do <emphasis>this</emphasis>.</para><itemizedlist><listitem><para>one</para></listitem><listitem><para>two</para></listitem>\
            </itemizedlist><programlisting>a\n  b</programlisting><informaltable><tgroup><tbody><row><entry>x</entry><entry>1</entry></row></tbody>\
            </tgroup></informaltable><section><title>More</title><para>Text<footnote><para>noted</para></footnote>.</para></section></chapter></book>";
        let file = read(book);
        assert_eq!(titles(&file), [(1, "Guide"), (2, "Start"), (3, "More")]);
        for wanted in ["Do this.", "- one\n", "- two", "a\n  b", "x | 1"] {
            assert!(file.text.contains(wanted), "{wanted} in {}", file.text);
        }
    }

    #[test]
    fn terms_notes_and_titles_of_tables_are_in_their_places() {
        let book = "<?xml version='1.0'?><book xmlns='http://docbook.org/ns/docbook'><chapter><title>Start</title>\
            <para>Text<footnote><para>noted</para></footnote> goes on.</para><variablelist><varlistentry><term>-v</term>\
            <listitem><para>Say more.</para></listitem></varlistentry></variablelist><table><title>Keys</title><tgroup><tbody><row>\
            <entry>q</entry><entry>quit</entry></row></tbody></tgroup></table></chapter></book>";
        let file = read(book);
        assert_eq!(file.text, "## Start\n\nText [noted] goes on.\n\n  -v\n\n  Say more.\n\nKeys\n\nq | quit\n");
        assert_eq!(titles(&file), [(2, "Start")]);
    }

    #[test]
    fn a_formula_keeps_its_meaning_and_the_number_of_a_note_is_no_figure() {
        let article = "<?xml version='1.0'?><article xmlns:m='http://www.w3.org/1998/Math/MathML'><front><article-meta><title-group>\
            <article-title>Rain</article-title></title-group></article-meta></front><body><p>Half is <m:math><m:mfrac><m:mn>1</m:mn><m:mn>2</m:mn>\
            </m:mfrac></m:math>, and less is <m:math><m:msup><m:mn>10</m:mn><m:mrow><m:mo>-</m:mo><m:mn>9</m:mn></m:mrow></m:msup></m:math>.</p>\
            </body></article>";
        assert_eq!(read(article).text, "# Rain\n\nHalf is 1/2, and less is 10^-9.\n");
        let book = "<?xml version='1.0'?><FictionBook xmlns='http://www.gribuser.ru/xml/fictionbook/2.0' xmlns:l='x'><body><section><title><p>One</p></title>\
            <p>They turn 4<a l:href='#n' type='note'>1</a>.</p></section></body></FictionBook>";
        assert_eq!(read(book).text, "# One\n\nThey turn 4[1].\n");
    }

    #[test]
    fn an_article_of_a_journal_is_read_without_its_numbers() {
        let article = "<?xml version='1.0'?><!DOCTYPE article PUBLIC 'JATS' 'x'><article><front><journal-meta><issn>1</issn></journal-meta><article-meta>\
            <article-id>10.1/2</article-id><title-group><article-title>On Lamps</article-title></title-group><abstract><p>Short.</p></abstract></article-meta>\
            </front><body><sec><title>Methods</title><p>10<sup>-9</sup> m.</p></sec></body></article>";
        let file = read(article);
        assert_eq!(file.text, "# On Lamps\n\nShort.\n\n## Methods\n\n10^-9 m.\n");
    }

    #[test]
    fn other_xml_is_no_book() {
        for text in [
            "<?xml version='1.0'?><config><title>x</title></config>",
            "<?xml version='1.0'?><book><price>1</price></book>",
            "<article>",
        ] {
            assert!(!XmlBook.recognises(&RawFile::new("a.xml", text)), "{text}");
        }
    }
}
