//! A value being typed: the input, what can be typed, and why the text can't be the value or what a path may become.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Clear;

use super::super::keymap::Field;
use super::super::screen::FieldEntry;
use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, width, wrap};
use super::input::{caret, draw_line};
use super::popup::Popup;

const WIDEST: u16 = 76;
/// Lines of text that has several.
const TEXT_LINES: u16 = 6;
/// Most lines of names.
const MOST_NAME_LINES: usize = 8;

pub(super) fn draw(frame: &mut Frame, entry: &FieldEntry, theme: &Theme, area: Rect) {
    let below = below(entry, theme, Popup::room(WIDEST, area).into());
    let text_lines = if entry.field == Field::System { TEXT_LINES } else { 1 };
    let height = (text_lines + below.len() as u16 + 3).min(area.height);
    let inner =
        Popup { title: entry.field.title(), keys: keys(entry.field), cells: WIDEST, height }.draw(frame, theme, area);
    let rows = [Constraint::Length(text_lines), Constraint::Length(1), Constraint::Min(0)];
    let [typed, _, rest] = Layout::vertical(rows).areas(inner);
    frame.render_widget(Clear, inner);
    frame.render_widget(Text::from(below), rest);
    if entry.field == Field::System {
        frame.render_widget(&entry.input, typed);
        frame.set_cursor_position(caret(&entry.input, typed));
    } else {
        draw_line(frame, "> ", &entry.input, theme.accent, typed);
    }
}

fn keys(field: Field) -> &'static [&'static str] {
    match field {
        Field::Open => &[" Enter opens · Tab completes · Esc closes ", " Enter · Tab · Esc "],
        Field::System => &[" Enter sets it · Ctrl-J new line · Esc closes ", " Enter · Ctrl-J · Esc "],
        _ => &[" Enter sets it · Esc closes ", " Enter · Esc "],
    }
}

fn below(entry: &FieldEntry, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    if let Some(problem) = &entry.problem {
        return wrap(&[Span::styled(problem.clone(), theme.error)], cells, 0);
    }
    if entry.names.is_empty() {
        return wrap(&[Span::styled(entry.field.about(), theme.dim)], cells, 0);
    }
    names(&entry.names, theme, cells)
}

/// The names in columns, as many as fit.
fn names(names: &[String], theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let names: Vec<String> = names.iter().map(|name| shorten(&clean(name), cells)).collect();
    let column = names.iter().map(|name| width(name) + 2).max().unwrap_or(1);
    let columns = (cells / column).max(1);
    let fit = columns * MOST_NAME_LINES;
    let row = |row: &[String]| {
        let padded = row.iter().map(|name| format!("{name}{}", " ".repeat(column - width(name))));
        Line::raw(padded.collect::<String>().trim_end().to_owned())
    };
    let mut lines: Vec<Line> = names[..names.len().min(fit)].chunks(columns).map(row).collect();
    if names.len() > fit {
        lines.push(Line::styled(format!("… {} more", names.len() - fit), theme.dim));
    }
    lines
}
