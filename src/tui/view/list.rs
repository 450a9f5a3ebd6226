//! List popups: contents, search hits, branches and fork points. Only visible rows are rendered.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};

use super::super::screen::{ListKind, ListPopup, Screen};
use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, width};
use super::formatting::percent;
use super::popup::Popup;
use super::start;
use crate::chat::{BranchRow, Chat, Entry};

/// Wider lists are hard to read across.
const WIDEST: u16 = 96;

pub(super) fn draw(frame: &mut Frame, chat: &Chat, screen: &Screen, list: &ListPopup, theme: &Theme, area: Rect) {
    let all = screen.rows_of(chat, list.kind);
    let name = match list.kind {
        ListKind::Contents => " contents ".to_owned(),
        ListKind::Hits => format!(" {} · {all} hits ", screen.reader.search.needle),
        ListKind::ForkPoints => " start a branch after ".to_owned(),
        ListKind::Branches => " branches ".to_owned(),
        ListKind::Start => " Lunette: chat with documents that are too long to read ".to_owned(),
        ListKind::Models => " models ".to_owned(),
        ListKind::Themes => " theme ".to_owned(),
        ListKind::WaysOut => " the context is full ".to_owned(),
    };
    let does: &[&str] = match list.kind {
        ListKind::Contents | ListKind::Hits => &[" Enter goes there · Esc closes "],
        ListKind::ForkPoints => &[" Enter forks there · Esc closes "],
        ListKind::Branches => &[" Enter shows it · Esc closes "],
        ListKind::Start => &[" ↑ ↓ Enter opens · Esc: ask without a document ", " Enter opens · Esc closes "],
        ListKind::Models => &[" Enter uses it, downloaded if need be · Esc closes ", " Enter uses it · Esc closes "],
        ListKind::Themes => &[" Enter uses it · Esc closes "],
        ListKind::WaysOut => &[" Enter does it · Esc: nothing changes ", " Enter · Esc "],
    };
    let inner = popup(&name, does, all).draw(frame, theme, area);
    let shown = usize::from(inner.height);
    let top = list.at.saturating_sub(shown / 2).min(all.saturating_sub(shown));
    let row = |row| Line::from(row_of(chat, screen, list, row, theme, inner.width.into()));
    let rows: Vec<Line> = (top..all.min(top + shown)).map(row).collect();
    frame.render_widget(Text::from(rows), inner);
}

/// How many of `all` rows are visible.
pub(in crate::tui) fn shown(all: usize, area: Rect) -> usize {
    popup("", &[], all).inside(area).height.into()
}

fn popup<'a>(title: &'a str, keys: &'a [&'a str], rows: usize) -> Popup<'a> {
    let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
    Popup { title, keys, cells: WIDEST, height }
}

fn row_of(
    chat: &Chat,
    screen: &Screen,
    list: &ListPopup,
    row: usize,
    theme: &Theme,
    cells: usize,
) -> Vec<Span<'static>> {
    let mut spans = match list.kind {
        ListKind::Contents => entry(screen, row, theme, cells),
        ListKind::Hits => hit(screen, row, theme, cells),
        ListKind::ForkPoints => fork_point(chat, row, theme, cells),
        ListKind::Branches => branch(chat, row, theme, cells),
        ListKind::Start => start::start(chat, screen, row, theme, cells),
        ListKind::Models => start::model(chat, screen, row, theme, cells),
        ListKind::Themes => start::theme_row(row, theme, cells),
        ListKind::WaysOut => start::way_out(chat, row, cells),
    };
    if row == list.at {
        for span in &mut spans {
            span.style = span.style.patch(theme.found);
        }
    }
    spans
}

/// The question to fork after, and the beginning of its answer.
fn fork_point(chat: &Chat, row: usize, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    let entry = chat.fork_points()[row].map(|entry| &chat.transcript[entry]);
    let Some(Entry::Exchange(exchange)) = entry else { return vec![Span::raw("the beginning")] };
    let question = shorten(&format!("{row}  {}", one_line(exchange.question.trim())), cells);
    let answer = shorten(&one_line(exchange.answer.trim()), cells.saturating_sub(width(&question) + 2));
    vec![Span::raw(question), Span::raw("  "), Span::styled(answer, theme.dim)]
}

/// A branch: number, first question of its own, number of turns.
fn branch(chat: &Chat, row: usize, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    let BranchRow { number, question, turns, is_shown } = chat.branch_rows()[row];
    let turns = format!("{turns} {}", if turns == 1 { "turn" } else { "turns" });
    let status = if is_shown { format!("shown · {turns}") } else { turns };
    let question = question.map_or("(no question yet)".to_owned(), |question| one_line(question.trim()));
    let left = shorten(&format!("{number}  {question}"), cells.saturating_sub(width(&status) + 1));
    let gap = " ".repeat(cells.saturating_sub(width(&left) + width(&status)));
    vec![Span::raw(left), Span::raw(gap), Span::styled(status, theme.dim)]
}

/// A heading, indented by level, and its position in the document.
fn entry(screen: &Screen, row: usize, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    let book = &screen.reader.book;
    let entry = &book.document().outline[row];
    let share = percent(entry.span.start as f64 / book.text().len().max(1) as f64);
    let indent = usize::from(entry.level.saturating_sub(1)) * 2;
    let title = format!("{}{}", " ".repeat(indent.min(12)), clean(&entry.title));
    let title = shorten(&title, cells.saturating_sub(share.len() + 1));
    let gap = " ".repeat(cells.saturating_sub(width(&title) + share.len()));
    vec![Span::raw(title), Span::raw(gap), Span::styled(share, theme.dim)]
}

/// A hit with the text around it, and its position.
fn hit(screen: &Screen, row: usize, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    let book = &screen.reader.book;
    let hit = screen.reader.search.hits[row];
    let line = screen.hit_line(hit);
    let place = book.position_at(hit.start).map_or(String::new(), |position| position.to_string());
    let room = cells.saturating_sub(width(&place) + 1);
    let found = shorten(&one_line(&book.text()[hit.start..hit.end]), room);
    let before = one_line(&book.text()[line.start..hit.start]);
    let before = end_of(&before, room.saturating_sub(width(&found)) / 2);
    let after = one_line(&book.text()[hit.end.min(line.end)..line.end]);
    let after = shorten(&after, room.saturating_sub(width(&before) + width(&found)));
    let gap = " ".repeat(cells.saturating_sub(width(&before) + width(&found) + width(&after) + width(&place)));
    vec![
        Span::raw(before),
        Span::styled(found, theme.accent),
        Span::raw(after),
        Span::raw(gap),
        Span::styled(place, theme.dim),
    ]
}

fn one_line(text: &str) -> String {
    clean(&text.replace('\n', " "))
}

/// The last `cells` of `text`.
fn end_of(text: &str, cells: usize) -> String {
    let text = text.trim_start();
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut start = text.len();
    let mut taken = 1;
    for (at, c) in text.char_indices().rev() {
        taken += width(c.encode_utf8(&mut [0; 4]));
        if taken > cells {
            break;
        }
        start = at;
    }
    format!("…{}", &text[start..])
}
