//! The document pane: title, page with line numbers, and map.
//!
//! ```text
//!  Chapter 3                        line 412 · 4%    title and position
//!   410  so odd a mixture of quick parts, sar  ▒▐    page and map
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};

use super::super::keymap::Focus;
use super::super::reader::DocumentReader;
use super::super::reader::code::Coloured;
use super::super::reader::look::TextRole;
use super::super::reader::rows::{Glyph, PageRow};
use super::super::screen::{ReaderLayout, Screen};
use super::super::theme::Theme;
use super::super::wrap::width;
use super::formatting::percent;
use super::input::draw_line;
use super::map;
use super::popup::ends;
use crate::chat::Chat;
use crate::document;

/// In verse and lists, every how many lines have a number.
const EVERY: u32 = 5;

pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &Screen, theme: &Theme, layout: ReaderLayout) {
    let (reader, page) = (&screen.reader, &screen.reader.page);
    draw_title(frame, screen, page, theme, layout.title);
    if !layout.numbers.is_empty() {
        let lines: Vec<Line> = page.iter().map(|row| number(reader, row, layout.numbers.width, theme)).collect();
        frame.render_widget(Text::from(lines), layout.numbers);
    }
    let lines: Vec<Line> = page.iter().map(|row| line(reader, row, theme)).collect();
    frame.render_widget(Text::from(lines), layout.text);
    let shown = page.first().zip(page.last()).map(|(first, last)| (first.span.start, last.span.end));
    map::draw(frame, chat, reader, shown, theme, layout.map);
}

/// The width of the greatest line number.
pub(in crate::tui) fn gutter(reader: &DocumentReader) -> u16 {
    let digits = reader.book.widest_position().map_or(0, |position| number_of(position).len());
    digits.max(3) as u16 + 2
}

fn number_of(position: document::Position) -> String {
    match position {
        document::Position::Page(number) => format!("p{number}"),
        line => line.number().to_string(),
    }
}

/// The number of a line, or of a page where it begins.
fn number(reader: &DocumentReader, row: &PageRow, gutter: u16, theme: &Theme) -> Line<'static> {
    let begins = row.is_first && reader.book.begins_a_line(row.unit);
    let position = reader.book.position(row.unit).filter(|_| begins);
    let shown = position.filter(|position| match position {
        document::Position::Line(number) | document::Position::TextLine(number) => {
            row.is_code || has_number(reader, row, *number)
        }
        document::Position::Page(_) => row.unit == 0 || reader.book.position(row.unit - 1) != Some(*position),
    });
    let number = shown.map_or(String::new(), number_of);
    Line::styled(format!("{number:>room$}  ", room = usize::from(gutter) - 2), theme.dim)
}

/// Numbered lines of running text: beginnings of paragraphs, and every fifth line of lists and verse.
fn has_number(reader: &DocumentReader, row: &PageRow, number: u32) -> bool {
    let begins = |before: usize| reader.book.span(before).is_empty() || reader.book.position(before).is_none();
    let is_paragraph = row.unit == 0 || begins(row.unit - 1);
    !reader.book.span(row.unit).is_empty() && (is_paragraph || number.is_multiple_of(EVERY))
}

fn draw_title(frame: &mut Frame, screen: &Screen, page: &[PageRow], theme: &Theme, area: Rect) {
    let focused = screen.focus == Focus::Reader && screen.overlay.is_none();
    let cells = usize::from(area.width);
    if let Some(entry) = screen.search_entry.as_ref().filter(|entry| !entry.is_in_transcript()) {
        let right = hits(screen);
        let room = Constraint::Length(width(&right) as u16 + 1);
        let [left, _] = Layout::horizontal([Constraint::Min(2), room]).areas(area);
        frame.render_widget(ends("", theme.strong, &right, theme, cells), area);
        draw_line(frame, "/", entry.input.area(), theme.strong, left);
        return;
    }
    let style = if focused { theme.accent } else { theme.dim };
    let right = if screen.reader.search.needle.is_empty() { place(screen, page) } else { hits(screen) };
    let left = title(&screen.reader, page);
    let mark = if focused { "▸ " } else { "  " };
    frame.render_widget(ends(&format!("{mark}{left}"), style, &right, theme, cells), area);
}

/// The heading or file of the page.
fn title(reader: &DocumentReader, page: &[PageRow]) -> String {
    let byte = page.first().map_or(0, |row| row.span.start);
    let document = reader.book.document();
    match reader.book.entry_at(byte) {
        Some(entry) => document.outline[entry].title.clone(),
        None => reader.book.file_at(byte).unwrap_or_default().to_owned(),
    }
}

/// `line 412 · 4%`.
fn place(screen: &Screen, page: &[PageRow]) -> String {
    let reader = &screen.reader;
    let position = page.first().and_then(|row| reader.book.position_at(row.span.start));
    let position = position.map_or(String::new(), |position| format!("{position} · "));
    format!("{position}{}", percent(reader.share()))
}

/// `hit 3 of 12`.
fn hits(screen: &Screen) -> String {
    let search = &screen.reader.search;
    match search.hits.len() {
        0 if search.needle.trim().is_empty() => "search".to_owned(),
        0 => "no hits".to_owned(),
        all => format!("hit {} of {} · n N l", search.at + 1, all),
    }
}

/// A rendered row: roles become styles, with hits and the current passage on top.
fn line(reader: &DocumentReader, row: &PageRow, theme: &Theme) -> Line<'static> {
    let roles = if row.is_code { reader.code.roles(row.unit) } else { &[] };
    let mut spans: Vec<Span<'static>> = vec![Span::raw(" ".repeat(row.indent))];
    for glyph in &row.glyphs {
        let style = over(reader, glyph, theme.role(role(glyph, roles)), theme);
        let shown = glyph.shown.as_deref().unwrap_or(&reader.book.text()[glyph.span.start..glyph.span.end]);
        match spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(shown),
            _ => spans.push(Span::styled(shown.to_owned(), style)),
        }
    }
    Line::from(spans)
}

fn role(glyph: &Glyph, roles: &[Coloured]) -> TextRole {
    let after = roles.partition_point(|(span, _)| span.start <= glyph.span.start);
    match roles[..after].last() {
        Some((span, role)) if glyph.span.start < span.end => *role,
        _ => glyph.role,
    }
}

fn over(reader: &DocumentReader, glyph: &Glyph, style: Style, theme: &Theme) -> Style {
    let selected = reader.search.selected();
    let lies_in = |span: document::ByteSpan| span.intersection(glyph.span).is_some();
    if reader.found.is_some_and(lies_in) || selected.is_some_and(lies_in) {
        style.patch(theme.found)
    } else if reader.search.within(glyph.span).iter().any(|hit| lies_in(*hit)) {
        style.patch(theme.hit)
    } else {
        style
    }
}
