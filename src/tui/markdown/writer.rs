//! Turns markdown parser events into lines.
//!
//! Lists and block quotes prefix each line inside them; an item's first line has its bullet, the others spaces. A
//! paragraph is collected as spans and wrapped when it ends.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Tag, TagEnd};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::reader::code;
use super::super::reader::look::TextRole;
use super::super::theme::Theme;
use super::super::wrap::{width, wrap};
use super::table::MarkdownTable;

/// Deeper nesting is shown at this depth, to save width.
const DEEPEST: usize = 6;
/// Minimum width of text in lists and quotes.
const NARROWEST: usize = 8;

/// A line prefix.
#[derive(Debug, Clone)]
enum Prefix {
    Quote,
    /// An item's bullet or number; spaces once it was written.
    Item {
        mark: String,
        written: bool,
    },
}

/// An open list: its next number, if it is numbered.
type OpenList = Option<u64>;

pub(super) struct Writer<'a> {
    pub lines: Vec<Line<'static>>,
    source: &'a str,
    cells: usize,
    theme: &'a Theme,
    prefixes: Vec<Prefix>,
    lists: Vec<OpenList>,
    styles: Vec<Style>,
    spans: Vec<Span<'static>>,
    /// The language and text of a code block.
    code: Option<(String, String)>,
    table: Option<MarkdownTable>,
    link: Option<String>,
    /// A blank line is needed before the next block.
    apart: bool,
}

impl<'a> Writer<'a> {
    /// Writes lines of at most `cells` cells; `follows` says whether blocks come before.
    pub(super) fn new(source: &'a str, cells: usize, theme: &'a Theme, follows: bool) -> Self {
        Self {
            lines: Vec::new(),
            source,
            cells,
            theme,
            prefixes: Vec::new(),
            lists: Vec::new(),
            styles: vec![Style::new()],
            spans: Vec::new(),
            code: None,
            table: None,
            link: None,
            apart: follows,
        }
    }

    pub(super) fn finish(mut self) -> Vec<Line<'static>> {
        self.flush();
        self.lines
    }

    pub(super) fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.span(&text, self.theme.code),
            Event::Html(text) | Event::InlineHtml(text) => self.text(text.trim_end_matches('\n')),
            Event::SoftBreak | Event::HardBreak => self.line_end(),
            Event::Rule => self.rule(),
            Event::TaskListMarker(done) => self.text(if done { "☑ " } else { "☐ " }),
            _ => {
                let source = self.source;
                self.text(&source[range]);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.block(),
            Tag::Heading { level, .. } => {
                self.block();
                self.styles.push(if level <= HeadingLevel::H2 { self.theme.accent } else { self.theme.strong });
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.prefixes.push(Prefix::Quote);
            }
            Tag::CodeBlock(kind) => {
                self.block();
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next().unwrap_or_default().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                } else {
                    self.flush();
                    self.apart = false;
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Table(columns) => {
                self.block();
                self.table = Some(MarkdownTable::new(columns));
            }
            Tag::TableRow | Tag::TableHead => self.table.iter_mut().for_each(MarkdownTable::row),
            Tag::Emphasis | Tag::Strikethrough => self.push_style(self.theme.role(TextRole::Emphasis)),
            Tag::Strong => self.push_style(self.theme.strong),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.link = Some(dest_url.into_string());
                self.push_style(self.theme.role(TextRole::Link));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.end_block(),
            TagEnd::Heading(_) => {
                self.end_block();
                self.styles.pop();
            }
            TagEnd::BlockQuote(_) | TagEnd::Item => {
                self.flush();
                self.prefixes.pop();
                self.apart |= matches!(tag, TagEnd::BlockQuote(_));
            }
            TagEnd::CodeBlock => self.write_code(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.apart = self.lists.is_empty();
            }
            TagEnd::Table => self.write_table(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.spans);
                self.table.iter_mut().for_each(|table| table.cell(cell.clone()));
            }
            TagEnd::Emphasis | TagEnd::Strikethrough | TagEnd::Strong => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    /// Begins a block: ends the open one and adds a blank line if needed.
    fn block(&mut self) {
        self.flush();
        if self.apart {
            self.push_line(Vec::new());
        }
        self.apart = false;
    }

    fn end_block(&mut self) {
        self.flush();
        self.apart = true;
    }

    fn item(&mut self) {
        self.flush();
        if self.apart {
            // Items of a loose list are separated.
            self.push_line(Vec::new());
            self.apart = false;
        }
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "• ".to_owned(),
        };
        self.prefixes.push(Prefix::Item { mark, written: false });
    }

    fn text(&mut self, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
            return;
        }
        let style = self.style();
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.line_end();
            }
            self.span(line, style);
        }
    }

    fn style(&self) -> Style {
        *self.styles.last().expect("the first style stays")
    }

    fn push_style(&mut self, style: Style) {
        self.styles.push(self.style().patch(style));
    }

    fn span(&mut self, text: &str, style: Style) {
        if !text.is_empty() {
            let style = if style == self.theme.code { self.style().patch(style) } else { style };
            self.spans.push(Span::styled(text.to_owned(), style));
        }
    }

    fn line_end(&mut self) {
        if self.table.is_some() {
            self.spans.push(Span::raw(" "));
        } else {
            self.flush();
        }
    }

    fn end_link(&mut self) {
        self.styles.pop();
        let Some(url) = self.link.take() else { return };
        let is_shown = self.spans.last().is_some_and(|text| *text.content == *url);
        if !is_shown && !url.is_empty() {
            self.spans.push(Span::styled(format!(" ({url})"), self.theme.dim));
        }
    }

    fn rule(&mut self) {
        self.block();
        let room = self.room();
        self.push_line(vec![Span::styled("─".repeat(room), self.theme.dim)]);
        self.apart = true;
    }

    /// Wraps the collected spans.
    fn flush(&mut self) {
        let spans = std::mem::take(&mut self.spans);
        if spans.is_empty() {
            return;
        }
        for line in wrap(&spans, self.room(), 0) {
            self.push_line(line.spans);
        }
    }

    fn write_code(&mut self) {
        let Some((language, code)) = self.code.take() else { return };
        let bar = Span::styled("▏ ", self.theme.dim);
        let room = self.room().saturating_sub(2);
        for line in coloured(code.trim_end_matches('\n'), &language, self.theme) {
            for wrapped in wrap(&line, room, 0) {
                self.push_line([bar.clone()].into_iter().chain(wrapped.spans).collect());
            }
        }
        self.apart = true;
    }

    fn write_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        for line in table.lines(self.room(), self.theme) {
            self.push_line(line);
        }
        self.apart = true;
    }

    /// The width left after prefixes.
    fn room(&self) -> usize {
        let taken: usize = self.prefixes.iter().take(DEEPEST).map(prefix_cells).sum();
        self.cells.saturating_sub(taken).max(NARROWEST.min(self.cells))
    }

    fn push_line(&mut self, spans: Vec<Span<'static>>) {
        let mut line: Vec<Span<'static>> = Vec::new();
        let is_empty = spans.is_empty();
        let room_for_prefixes =
            self.cells >= NARROWEST + self.prefixes.iter().take(DEEPEST).map(prefix_cells).sum::<usize>();
        for prefix in self.prefixes.iter_mut().take(DEEPEST).filter(|_| room_for_prefixes) {
            match prefix {
                Prefix::Quote => line.push(Span::styled("▎ ", self.theme.dim)),
                Prefix::Item { mark, written } if !*written && !is_empty => {
                    *written = true;
                    line.push(Span::styled(mark.clone(), self.theme.accent));
                }
                prefix @ Prefix::Item { .. } => line.push(Span::raw(" ".repeat(prefix_cells(prefix)))),
            }
        }
        line.extend(spans);
        self.lines.push(Line::from(line));
    }
}

fn prefix_cells(prefix: &Prefix) -> usize {
    match prefix {
        Prefix::Quote => 2,
        Prefix::Item { mark, .. } => width(mark),
    }
}

/// Highlighted lines of code.
fn coloured(code: &str, language: &str, theme: &Theme) -> Vec<Vec<Span<'static>>> {
    let plain = || code.split('\n').map(|line| vec![Span::styled(line.to_owned(), theme.code)]).collect();
    let Some(lines) = code::highlight(code, language) else { return plain() };
    let spans = |line: Vec<(&str, TextRole)>| {
        line.into_iter().map(|(text, role)| Span::styled(text.to_owned(), theme.role(role))).collect()
    };
    lines.into_iter().map(spans).collect()
}
