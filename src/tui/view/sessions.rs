//! The list of saved conversations: what each is called, what was asked last in it, and when.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};

use super::super::screen::{SessionList, SessionRow};
use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, width};
use super::input::draw_line;
use super::popup::Popup;

/// Wider lists are hard to read across.
const WIDEST: u16 = 96;
const KEYS: &[&str] = &[
    " Enter goes on · / finds · n names · c copies · x exports · d removes · Esc ",
    " Enter goes on · / finds · n c x d · Esc ",
    " Enter · / · n c x d · Esc ",
];

pub(super) fn draw(frame: &mut Frame, list: &SessionList, theme: &Theme, area: Rect) {
    let title = match &list.found_by {
        Some(text) => format!(" {} · {} found ", clean(text), list.rows.len()),
        None => " saved conversations ".to_owned(),
    };
    let inner = popup(&title, list).draw(frame, theme, area);
    let typed = u16::from(list.entry.is_some());
    let [rows, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(typed)]).areas(inner);
    let (shown, cells) = (usize::from(rows.height), usize::from(rows.width));
    let top = list.at.saturating_sub(shown / 2).min(list.rows.len().saturating_sub(shown));
    let visible = list.rows.iter().enumerate().skip(top).take(shown);
    let mut lines: Vec<Line> = visible.map(|(at, row)| line(row, at == list.at, theme, cells)).collect();
    if lines.is_empty() {
        lines.push(Line::styled("nothing is found", theme.dim));
    }
    frame.render_widget(Text::from(lines), rows);
    if let Some((label, input)) = list.input() {
        draw_line(frame, label, input.area(), theme.accent, below);
    }
}

/// How many rows are visible.
pub(in crate::tui) fn shown(list: &SessionList, area: Rect) -> usize {
    usize::from(popup("", list).inside(area).height).saturating_sub(usize::from(list.entry.is_some())).max(1)
}

/// At least one row, and one for what is typed.
fn popup<'a>(title: &'a str, list: &SessionList) -> Popup<'a> {
    let rows = list.rows.len().max(1) + usize::from(list.entry.is_some());
    let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
    Popup { title, keys: KEYS, cells: WIDEST, height }
}

/// `Emma  Who is Mr. Elton?                    open · 3 questions · today`
fn line(row: &SessionRow, is_chosen: bool, theme: &Theme, cells: usize) -> Line<'static> {
    let noun = if row.questions == 1 { "question" } else { "questions" };
    let open = if row.is_open { "open · " } else { "" };
    let facts = format!("{open}{} {noun} · {}", row.questions, row.when);
    let facts = if width(&facts) * 2 > cells { row.when.clone() } else { facts };
    let room = cells.saturating_sub(width(&facts) + 1);
    let called = shorten(&one_line(row.called()), room);
    let words = shorten(&one_line(&row.words), room.saturating_sub(width(&called) + 2));
    let gap = " ".repeat(cells.saturating_sub(width(&called) + 2 + width(&words) + width(&facts)));
    let mut spans = vec![
        Span::raw(called),
        Span::raw("  "),
        Span::styled(words, theme.dim),
        Span::raw(gap),
        Span::styled(facts, theme.dim),
    ];
    if is_chosen {
        for span in &mut spans {
            span.style = span.style.patch(theme.found);
        }
    }
    Line::from(spans)
}

fn one_line(text: &str) -> String {
    clean(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}
