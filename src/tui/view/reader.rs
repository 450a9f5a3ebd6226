//! The document's pane: a title, the page with its line numbers, and the map beside it.
//!
//! ```text
//!  Chapter 3                        line 412 · 4%    title: where one is
//!   410  so odd a mixture of quick parts, sar  ▒▐    page, and the map
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};

use super::super::keymap::Place;
use super::super::reader::Reader;
use super::super::reader::code::Coloured;
use super::super::reader::look::Role;
use super::super::reader::rows::{Glyph, Row};
use super::super::screen::Screen;
use super::super::theme::Theme;
use super::super::wrap::{shorten, width};
use super::words::whole;
use super::{draw_line, map};
use crate::chat::Chat;
use crate::document;

/// Narrower, there is no room for line numbers.
const ROOM_FOR_NUMBERS: u16 = 44;
/// In running text only every so many lines have a number.
const EVERY: u32 = 5;
/// The map, and a cell before it.
const MAP: u16 = 3;

pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &mut Screen, theme: &Theme, area: Rect) {
    let [title, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let gutter = if screen.reader.numbers && area.width >= ROOM_FOR_NUMBERS { gutter(&screen.reader) } else { 0 };
    let columns = [Constraint::Length(gutter), Constraint::Min(1), Constraint::Length(MAP)];
    let [numbers, text, map] = Layout::horizontal(columns).areas(body);
    let page = screen.reader.page(text.width.into(), text.height.into());
    draw_title(frame, screen, &page, theme, title);
    if gutter > 0 {
        let lines: Vec<Line> = page.iter().map(|row| number(&screen.reader, row, gutter, theme)).collect();
        frame.render_widget(Text::from(lines), numbers);
    }
    let lines: Vec<Line> = page.iter().map(|row| line(&mut screen.reader, row, theme)).collect();
    frame.render_widget(Text::from(lines), text);
    let shown = page.first().zip(page.last()).map(|(first, last)| (first.span.start, last.span.end));
    map::draw(frame, chat, &screen.reader, shown, theme, map);
}

/// Wide enough for the greatest number.
fn gutter(reader: &Reader) -> u16 {
    let digits = reader.book.widest_position().map_or(0, |position| number_of(position).len());
    digits.max(3) as u16 + 2
}

fn number_of(position: document::Position) -> String {
    match position {
        document::Position::Page(number) => format!("p{number}"),
        line => line.number().to_string(),
    }
}

/// The number before a line, or of pages where they begin.
fn number(reader: &Reader, row: &Row, gutter: u16, theme: &Theme) -> Line<'static> {
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

/// Of running text the beginnings of paragraphs, of lists and verse every fifth line.
fn has_number(reader: &Reader, row: &Row, number: u32) -> bool {
    let begins = |before: usize| reader.book.span(before).is_empty() || reader.book.position(before).is_none();
    let is_paragraph = row.unit == 0 || begins(row.unit - 1);
    !reader.book.span(row.unit).is_empty() && (is_paragraph || number.is_multiple_of(EVERY))
}

fn draw_title(frame: &mut Frame, screen: &Screen, page: &[Row], theme: &Theme, area: Rect) {
    let focused = screen.focus == Place::Reader && screen.overlay.is_none();
    let cells = usize::from(area.width);
    if let Some(entry) = screen.entry.as_ref().filter(|entry| !entry.is_in_transcript()) {
        let right = hits(screen);
        let room = Constraint::Length(width(&right) as u16 + 1);
        let [left, _] = Layout::horizontal([Constraint::Min(2), room]).areas(area);
        frame.render_widget(ends("", theme.strong, &right, theme, cells), area);
        draw_line(frame, "/", &entry.input, theme.strong, left);
        return;
    }
    let style = if focused { theme.accent } else { theme.dim };
    let right = if screen.reader.search.needle.is_empty() { place(screen, page) } else { hits(screen) };
    let left = title(&screen.reader, page);
    let mark = if focused { "▸ " } else { "  " };
    frame.render_widget(ends(&format!("{mark}{left}"), style, &right, theme, cells), area);
}

pub(super) fn ends(left: &str, style: Style, right: &str, theme: &Theme, cells: usize) -> Line<'static> {
    let right = if width(right) + 4 > cells { String::new() } else { right.to_owned() };
    let left = shorten(left, cells.saturating_sub(width(&right) + 1));
    let gap = " ".repeat(cells.saturating_sub(width(&left) + width(&right)));
    Line::from(vec![Span::styled(left, style), Span::raw(gap), Span::styled(right, theme.dim)])
}

/// The part that the page is in.
fn title(reader: &Reader, page: &[Row]) -> String {
    let byte = page.first().map_or(0, |row| row.span.start);
    let document = reader.book.document();
    match reader.book.entry_at(byte) {
        Some(entry) => document.outline[entry].title.clone(),
        None => reader.book.file_at(byte).unwrap_or_default().to_owned(),
    }
}

/// `line 412 · 4%`.
fn place(screen: &Screen, page: &[Row]) -> String {
    let reader = &screen.reader;
    let position = page.first().and_then(|row| reader.book.position_at(row.span.start));
    let position = position.map_or(String::new(), |position| format!("{position} · "));
    format!("{position}{}", whole(reader.share()))
}

/// `hit 3 of 12`.
fn hits(screen: &Screen) -> String {
    let search = &screen.reader.search;
    match search.hits.len() {
        0 if search.needle.trim().is_empty() => "search".to_owned(),
        0 => "no hit".to_owned(),
        all => format!("hit {} of {} · n N l", search.at + 1, all),
    }
}

/// A row as it is shown: roles become styles, hits and the passage lie over them.
fn line(reader: &mut Reader, row: &Row, theme: &Theme) -> Line<'static> {
    let roles: Vec<Coloured> =
        if row.is_code { reader.code.roles(&reader.book, row.unit).to_vec() } else { Vec::new() };
    let mut spans: Vec<Span<'static>> = vec![Span::raw(" ".repeat(row.indent))];
    for glyph in &row.glyphs {
        let style = over(reader, glyph, theme.role(role(glyph, &roles)), theme);
        let shown = glyph.shown.as_deref().unwrap_or(&reader.book.text()[glyph.span.start..glyph.span.end]);
        match spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(shown),
            _ => spans.push(Span::styled(shown.to_owned(), style)),
        }
    }
    Line::from(spans)
}

fn role(glyph: &Glyph, roles: &[Coloured]) -> Role {
    let after = roles.partition_point(|(span, _)| span.start <= glyph.span.start);
    match roles[..after].last() {
        Some((span, role)) if glyph.span.start < span.end => *role,
        _ => glyph.role,
    }
}

fn over(reader: &Reader, glyph: &Glyph, style: Style, theme: &Theme) -> Style {
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
