//! Turns the elements of HTML into running text.
//!
//! Scripts, styles, SVG, selection lists and hidden elements are skipped, and so are the signs that link a heading to
//! itself (¶). If a page has main content (`<main>`, `<article>`), the
//! boilerplate around it (`<nav>`, `<header>`, `<footer>`, `<aside>`) can be dropped. Inside main content, and on pages
//! without any, everything is kept. A `<header>` outside of main content is kept if the title of the page is there only.
//!
//! The alternative text of an image is in brackets, and so is the number of a note: `word[1]`. Readings of Chinese
//! characters (ruby) are in parentheses. Exponents are `10^-9`, formulas `$TeX$` or on one line ([`super::math`]), and
//! crossed-out text is between `~~`. A cell that spans several columns or rows leaves the others empty.

use std::collections::HashSet;

use super::math::{Formula, tex};
use super::tokens::{Attributes, HtmlHandler};
use crate::format::flow::Flow;

/// An end tag closes an element at most this many levels out. Without a limit, stray tags in deep nesting would cost
/// quadratic time.
const FURTHEST_CLOSE: usize = 256;

/// Maximum size of a note's number or an exponent.
const LONGEST_RAISED: usize = 16;

/// What to do with navigation, headers and footers of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Boilerplate {
    Keep,
    /// Drop it, except headers if the title is there.
    Drop {
        keeps_headers: bool,
    },
}

/// Writes the text of a page or chapter to a flow.
pub(in crate::format) struct HtmlReader<'a> {
    pub flow: &'a mut Flow,
    around: Boilerplate,
    /// The anchors to set, as `chapter#id`.
    wanted: &'a HashSet<String>,
    chapter: &'a str,
    open: Vec<OpenElement>,
    /// How many of the open elements are skipped, are boilerplate, are main content.
    skipped: usize,
    outside: usize,
    inside: usize,
    lists: Vec<ListKind>,
    /// For each open table, the rows that cells above still span, by column.
    spans: Vec<TableSpans>,
    formula: Option<Formula>,
    /// The text of the first `<title>`.
    title: String,
    in_title: bool,
    /// Number of links so far, and whether the last is open.
    links: usize,
    in_link: bool,
    seen: Landmarks,
}

/// Where there is text. Boilerplate can be dropped only if there is text in the main content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::format) struct Landmarks {
    pub main: bool,
    pub around: bool,
    /// Whether main content, or a header around it, has a heading of level 1.
    pub has_title_in_main: bool,
    pub has_title_in_header: bool,
    /// Elements that a reader of the page does not see.
    pub hidden: u64,
}

/// How far the cells of a table reach.
#[derive(Debug, Default)]
struct TableSpans {
    /// For each column, how many rows are still covered by a cell above.
    covered: Vec<u16>,
    column: usize,
    /// Columns of the current cell after its first.
    more_columns: usize,
}

/// More columns are not readable, and cost time.
const MOST_COLUMNS: u16 = 200;

/// An open element that has an effect when it closes.
#[derive(Debug)]
struct OpenElement {
    name: String,
    kind: ElementKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ElementKind {
    Block,
    Heading,
    List,
    Code,
    Table,
    Row,
    Cell,
    Main,
    Boilerplate,
    Skipped,
    /// A superscript: where it began, and the number of links before it.
    Raised {
        start: usize,
        links: usize,
    },
    Reading,
    /// Crossed out, with where it began.
    Struck {
        start: usize,
    },
    Formula,
}

#[derive(Debug)]
enum ListKind {
    Bullets,
    Numbers(i64),
}

impl<'a> HtmlReader<'a> {
    pub(crate) fn new(flow: &'a mut Flow, around: Boilerplate, chapter: &'a str, wanted: &'a HashSet<String>) -> Self {
        let (open, lists, spans) = (Vec::new(), Vec::new(), Vec::new());
        let (formula, title, in_title) = (None, String::new(), false);
        let (skipped, outside, inside, seen) = (0, 0, 0, Landmarks::default());
        let (links, in_link) = (0, false);
        Self {
            flow,
            around,
            wanted,
            chapter,
            open,
            skipped,
            outside,
            inside,
            lists,
            spans,
            formula,
            title,
            in_title,
            links,
            in_link,
            seen,
        }
    }

    /// Closes what is still open.
    pub(crate) fn end(&mut self) -> Landmarks {
        self.close_down_to(0);
        self.flow.block();
        self.seen
    }

    /// The text of the first `<title>`.
    pub(crate) fn title(&self) -> String {
        self.title.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn push(&mut self, name: &str, kind: ElementKind) {
        match kind {
            ElementKind::Skipped => self.skipped += 1,
            ElementKind::Boilerplate => self.outside += 1,
            ElementKind::Main => self.inside += 1,
            _ => {}
        }
        self.open.push(OpenElement { name: name.into(), kind });
    }

    fn close_down_to(&mut self, count: usize) {
        while self.open.len() > count {
            let closed = self.open.pop().expect("longer than count");
            self.closed(closed.kind);
        }
    }

    fn closed(&mut self, kind: ElementKind) {
        match kind {
            ElementKind::Block => self.flow.block(),
            ElementKind::Table => {
                self.spans.pop();
                self.flow.block();
            }
            ElementKind::Heading => self.flow.end_heading(),
            ElementKind::List => self.end_list(),
            ElementKind::Code => self.flow.end_code(),
            ElementKind::Row => self.flow.end_row(),
            ElementKind::Cell => self.end_cell(),
            ElementKind::Main => self.inside -= 1,
            ElementKind::Boilerplate => self.outside -= 1,
            ElementKind::Skipped => {
                self.skipped -= 1;
                self.in_title &= self.skipped > 0;
            }
            ElementKind::Raised { start, links } => self.mark_raised(start, links != self.links || self.in_link),
            ElementKind::Reading => self.flow.text(")"),
            ElementKind::Struck { start } => self.mark_struck(start),
            ElementKind::Formula => self.end_formula(),
        }
        if matches!(kind, ElementKind::Main | ElementKind::Boilerplate) {
            self.flow.block();
        }
    }

    /// Index of the innermost open element that `is_it`, unless an element that `is_border` is further in.
    fn find(&self, is_it: impl Fn(&OpenElement) -> bool, is_border: impl Fn(&OpenElement) -> bool) -> Option<usize> {
        let near = self.open.len().saturating_sub(FURTHEST_CLOSE);
        for index in (near..self.open.len()).rev() {
            if is_it(&self.open[index]) {
                return Some(index);
            }
            if is_border(&self.open[index]) {
                return None;
            }
        }
        None
    }

    /// Closes the open row or cell of the innermost table.
    fn end_inner(&mut self, kinds: &[ElementKind]) {
        let found = self.find(|open| kinds.contains(&open.kind), |open| open.kind == ElementKind::Table);
        if let Some(index) = found {
            self.close_down_to(index);
        }
    }

    fn begin_list(&mut self, name: &str, list: ListKind) {
        if self.lists.is_empty() {
            self.flow.block();
        } else {
            self.flow.line();
        }
        self.lists.push(list);
        self.flow.set_depth(self.lists.len());
        self.push(name, ElementKind::List);
    }

    fn end_list(&mut self) {
        self.lists.pop();
        self.flow.end_item();
        self.flow.set_depth(self.lists.len());
        if self.lists.is_empty() {
            self.flow.block();
        } else {
            self.flow.line();
        }
    }

    fn item(&mut self, attributes: &Attributes<'_>) {
        let marker = match self.lists.last_mut() {
            Some(ListKind::Numbers(next)) => {
                let number = number(attributes, "value").unwrap_or(*next);
                *next = number.saturating_add(1);
                format!("{number}. ")
            }
            Some(ListKind::Bullets) | None => "- ".to_owned(),
        };
        self.flow.item(&marker);
    }

    /// `word¹` becomes `word[1]` if it is a link, `x²` becomes `x^2`, `10⁻⁹` becomes `10^-9`. Other superscripts, as that
    /// of `1st`, stay as they are.
    fn mark_raised(&mut self, start: usize, is_link: bool) {
        let raised = self.flow.written_from(start);
        let mark = raised.trim_start();
        let at = start + (raised.len() - mark.len());
        if mark.is_empty() || mark.len() > LONGEST_RAISED || mark.starts_with('[') {
            return;
        }
        if is_link {
            self.flow.insert(at, "[");
            self.flow.text("]");
        } else if start > 0 && at == start && is_exponent(mark) {
            let is_one = mark.chars().enumerate().all(|(at, sign)| sign.is_alphanumeric() || at == 0);
            self.flow.insert(at, if is_one { "^" } else { "^(" });
            self.flow.text(if is_one { "" } else { ")" });
        }
    }

    fn mark_struck(&mut self, start: usize) {
        let struck = self.flow.written_from(start);
        let at = start + (struck.len() - struck.trim_start().len());
        if !struck.trim().is_empty() && !struck.trim().contains('\n') {
            self.flow.insert(at, "~~");
            self.flow.text("~~ ");
        }
    }

    fn end_formula(&mut self) {
        if let Some(formula) = self.formula.take() {
            self.flow.text(&formula.finish());
        }
    }

    /// Leaves the columns of the row empty that cells above reach into.
    fn skip_covered(&mut self) {
        let Some(table) = self.spans.last_mut() else { return };
        while let Some(rows) = table.covered.get_mut(table.column).filter(|rows| **rows > 0) {
            *rows -= 1;
            table.column += 1;
            self.flow.begin_cell();
        }
    }

    fn begin_cell(&mut self, attributes: &Attributes<'_>) {
        self.skip_covered();
        self.flow.begin_cell();
        let Some(table) = self.spans.last_mut() else { return };
        let span = |name| number(attributes, name).map_or(1, |count| count.clamp(1, i64::from(MOST_COLUMNS))) as u16;
        let (columns, rows) = (span("colspan"), span("rowspan"));
        let end = (table.column + usize::from(columns)).min(usize::from(MOST_COLUMNS));
        if rows > 1 && end > table.covered.len() {
            table.covered.resize(end, 0);
        }
        if rows > 1 {
            table.covered[table.column.min(end)..end].fill(rows - 1);
        }
        table.more_columns = end.saturating_sub(table.column + 1);
        table.column = end;
    }

    fn end_cell(&mut self) {
        let more = self.spans.last_mut().map_or(0, |table| std::mem::take(&mut table.more_columns));
        (0..more).for_each(|_| self.flow.begin_cell());
    }

    fn image(&mut self, attributes: &Attributes<'_>) {
        let alternative = attributes.get("alt").map(str::trim).filter(|alternative| !alternative.is_empty());
        match alternative {
            // Pictures of formulas in Wikipedia.
            Some(formula) if formula.starts_with("{\\displaystyle") || formula.starts_with("{\\textstyle") => {
                self.flow.text(&format!("${}$", tex(formula)));
            }
            Some(alternative) => self.flow.text(&format!("[{alternative}]")),
            None => {}
        }
    }

    fn anchors(&mut self, name: &str, attributes: &Attributes<'_>) {
        if self.wanted.is_empty() {
            return;
        }
        let named = if name == "a" { attributes.get("name") } else { None };
        for id in [attributes.get("id"), named].into_iter().flatten() {
            let anchor = format!("{}#{id}", self.chapter);
            if self.wanted.contains(&anchor) {
                self.flow.anchor(anchor);
            }
        }
    }

    fn landmark(&mut self, name: &str, kind: ElementKind) {
        self.flow.block();
        let kind = match kind {
            ElementKind::Main if self.outside > 0 => ElementKind::Block,
            ElementKind::Boilerplate if self.inside > 0 => ElementKind::Block,
            ElementKind::Boilerplate
                if name == "header" && self.around == (Boilerplate::Drop { keeps_headers: true }) =>
            {
                ElementKind::Block
            }
            ElementKind::Boilerplate if self.around != Boilerplate::Keep => ElementKind::Skipped,
            kind => kind,
        };
        self.push(name, kind);
    }

    /// The elements of a table. Each closes what the standard says it closes.
    fn table_part(&mut self, name: &str, attributes: &Attributes<'_>) {
        match name {
            "table" => {
                self.flow.block();
                self.spans.push(TableSpans::default());
                self.push(name, ElementKind::Table);
            }
            "tr" => {
                self.end_inner(&[ElementKind::Row]);
                if let Some(table) = self.spans.last_mut() {
                    table.column = 0;
                }
                let kind = if self.flow.begin_row() { ElementKind::Row } else { ElementKind::Block };
                self.push(name, kind);
            }
            "td" | "th" => {
                self.end_inner(&[ElementKind::Cell]);
                let in_row =
                    self.find(|open| open.kind == ElementKind::Row, |open| open.kind == ElementKind::Table).is_some();
                if in_row {
                    self.begin_cell(attributes);
                    self.push(name, ElementKind::Cell);
                } else {
                    self.flow.block();
                }
            }
            _ => {
                self.end_inner(&[ElementKind::Row]);
                self.flow.line();
            }
        }
    }
}

impl HtmlHandler for HtmlReader<'_> {
    fn open(&mut self, name: &str, attributes: &Attributes<'_>, is_closed: bool) {
        if let Some(formula) = self.formula.as_mut().filter(|_| self.skipped == 0 && name != "math") {
            if !is_closed {
                formula.open(name, attributes.get("encoding"));
            }
            return;
        }
        if self.open.last().is_some_and(|open| open.kind == ElementKind::Skipped && ends(&open.name, name)) {
            self.close_down_to(self.open.len() - 1);
        }
        if self.skipped > 0 {
            let nests = is_container(name) || self.open.last().is_some_and(|open| open.name == name);
            if nests && !is_closed {
                self.push(name, ElementKind::Skipped);
            }
            return;
        }
        self.anchors(name, attributes);
        let before = self.open.len();
        self.opened(name, attributes);
        if is_closed {
            self.close_down_to(before.min(self.open.len()));
        }
    }

    fn close(&mut self, name: &str) {
        let is_inside = name != "math" && name != "script";
        if let Some(formula) = self.formula.as_mut().filter(|_| self.skipped == 0 && is_inside) {
            return formula.close(name);
        }
        let is_part_of_table = matches!(name, "table" | "tr" | "td" | "th");
        match name {
            "a" => self.in_link = false,
            "p" if self.skipped == 0 => return self.flow.block(),
            "tr" | "td" | "th" if self.skipped > 0 => return,
            _ => {}
        }
        let is_border = |open: &OpenElement| {
            if is_part_of_table { open.kind == ElementKind::Table } else { open.kind == ElementKind::Cell }
        };
        if let Some(index) = self.find(|open| open.name == name, is_border) {
            self.close_down_to(index);
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.push_str(text);
        }
        if self.skipped > 0 {
            return;
        }
        if let Some(formula) = &mut self.formula {
            return formula.text(text);
        }
        if (self.inside > 0 || self.outside > 0) && text.contains(|char: char| !char.is_whitespace()) {
            self.seen.main |= self.inside > 0;
            self.seen.around |= self.outside > 0;
        }
        self.flow.text(text);
    }
}

impl HtmlReader<'_> {
    fn opened(&mut self, name: &str, attributes: &Attributes<'_>) {
        if is_second_copy(name, attributes) {
            return self.push(name, ElementKind::Skipped);
        }
        if is_hidden(name, attributes) {
            self.seen.hidden += 1;
            return self.push(name, ElementKind::Skipped);
        }
        match attributes.get("role") {
            Some("main") => return self.landmark(name, ElementKind::Main),
            Some("navigation" | "banner" | "contentinfo" | "complementary" | "search") => {
                return self.landmark(name, ElementKind::Boilerplate);
            }
            _ => {}
        }
        match name {
            "main" | "article" => self.landmark(name, ElementKind::Main),
            "nav" | "header" | "footer" | "aside" => self.landmark(name, ElementKind::Boilerplate),
            "title" => {
                self.in_title = self.title.is_empty();
                self.push(name, ElementKind::Skipped);
            }
            "script" if attributes.get("type").is_some_and(|kind| kind.starts_with("math/tex")) => {
                self.formula = Some(Formula::of_tex());
                self.push(name, ElementKind::Formula);
            }
            "script" | "style" | "noscript" | "template" | "svg" | "iframe" | "noembed" | "noframes" | "select"
            | "datalist" | "rp" => self.push(name, ElementKind::Skipped),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.seen.has_title_in_main |= name == "h1" && self.inside > 0;
                self.seen.has_title_in_header |= name == "h1" && self.open.iter().any(|open| open.name == "header");
                self.flow.begin_heading(name.as_bytes()[1] - b'0');
                self.push(name, ElementKind::Heading);
            }
            "table" | "tr" | "td" | "th" | "tbody" | "thead" | "tfoot" => self.table_part(name, attributes),
            "ul" | "menu" | "dl" => self.begin_list(name, ListKind::Bullets),
            "ol" => self.begin_list(name, ListKind::Numbers(number(attributes, "start").unwrap_or(1))),
            "pre" | "listing" | "xmp" | "textarea" => {
                self.flow.begin_code();
                self.push(name, ElementKind::Code);
            }
            _ => self.opened_in_text(name, attributes),
        }
    }

    fn opened_in_text(&mut self, name: &str, attributes: &Attributes<'_>) {
        match name {
            "li" => self.item(attributes),
            "dt" => {
                self.flow.set_depth(self.lists.len().saturating_sub(1));
                self.flow.line();
            }
            "dd" => {
                self.flow.set_depth(self.lists.len());
                self.flow.line();
            }
            "br" => self.flow.line_break(),
            "hr" => {
                self.flow.block();
                self.flow.text("* * *");
                self.flow.block();
            }
            "p" => self.flow.block(),
            "div" | "section" | "blockquote" | "figure" | "figcaption" | "caption" | "form" | "fieldset"
            | "address" | "details" | "summary" | "center" | "body" | "hgroup" | "legend" | "dialog" => {
                self.flow.block();
                self.push(name, ElementKind::Block);
            }
            "img" | "area" => self.image(attributes),
            "button" | "label" | "input" => self.flow.space(),
            "del" | "s" | "strike" => self.push(name, ElementKind::Struck { start: self.flow.len() }),
            "math" => {
                self.formula = Some(Formula::new(attributes.get("alttext")));
                self.push(name, ElementKind::Formula);
            }
            "sup" => self.push(name, ElementKind::Raised { start: self.flow.len(), links: self.links }),
            "a" if attributes.get("href").is_some() => {
                self.links += 1;
                self.in_link = true;
            }
            "rt" => {
                self.flow.text("(");
                self.push(name, ElementKind::Reading);
            }
            _ => {}
        }
    }
}

/// Whether an element `open` without an end tag ends where `next` begins.
fn ends(open: &str, next: &str) -> bool {
    match open {
        "p" => is_block(next),
        "li" => next == "li",
        "dt" | "dd" => matches!(next, "dt" | "dd"),
        _ => false,
    }
}

/// The elements that a paragraph has none of.
fn is_block(name: &str) -> bool {
    const BLOCKS: [&str; 36] = [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "search",
        "section",
        "summary",
        "table",
        "ul",
    ];
    BLOCKS.contains(&name)
}

/// Whether a reader of the page does not see the element. Elements without an end tag, and cells, are never hidden here.
fn is_hidden(name: &str, attributes: &Attributes<'_>) -> bool {
    if matches!(
        name,
        "html" | "body" | "main" | "article" | "img" | "br" | "hr" | "input" | "meta" | "link" | "td" | "th" | "tr"
    ) {
        return false;
    }
    let is_hidden = attributes.get("hidden").is_some_and(|value| value != "until-found");
    let style = attributes.get("style").unwrap_or_default();
    let style: String = style.chars().filter(|sign| !sign.is_whitespace()).flat_map(char::to_lowercase).collect();
    is_hidden || style.contains("display:none") || style.contains("visibility:hidden")
}

/// Whether the element says again what is said beside it: the pieces that `KaTeX` makes of a formula, or the sign that
/// links a heading to itself.
fn is_second_copy(name: &str, attributes: &Attributes<'_>) -> bool {
    const SIGNS: [&str; 5] = ["headerlink", "header-anchor", "anchorjs-link", "hash-link", "heading-link"];
    let classes = attributes.get("class").unwrap_or_default();
    let has_class = |names: &[&str]| classes.split_ascii_whitespace().any(|class| names.contains(&class));
    has_class(&["katex-html", "MJX_Assistive_MathML", "MathJax_Preview"]) || name == "a" && has_class(&SIGNS)
}

/// Whether a raised `mark` is an exponent: `2`, `-9`, `n`, `n+1`; not `st`.
fn is_exponent(mark: &str) -> bool {
    let has_digit_or_sign = mark.contains(|sign: char| sign.is_ascii_digit() || "+-−–".contains(sign));
    let is_formula = mark.chars().all(|sign| sign.is_alphanumeric() || "+-−–/.,*()".contains(sign));
    let is_variable = matches!(mark, "n" | "m" | "k" | "i" | "j" | "x" | "y" | "t" | "p" | "N");
    is_formula && has_digit_or_sign || is_variable
}

/// Elements that always have an end tag.
fn is_container(name: &str) -> bool {
    matches!(
        name,
        "div"
            | "section"
            | "main"
            | "article"
            | "nav"
            | "header"
            | "footer"
            | "aside"
            | "form"
            | "fieldset"
            | "table"
            | "ul"
            | "ol"
            | "dl"
            | "figure"
            | "blockquote"
            | "details"
            | "svg"
    )
}

fn number(attributes: &Attributes<'_>, name: &str) -> Option<i64> {
    attributes.get(name)?.trim().parse().ok()
}
