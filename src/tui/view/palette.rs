//! The command palette: an input line and the matching commands with their keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};

use super::super::keymap::COMMANDS;
use super::super::screen::{CommandPalette, Screen, what};
use super::super::theme::Theme;
use super::super::wrap::{shorten, width};
use super::input::draw_line;
use super::popup::Popup;
use crate::chat::Chat;

const WIDEST: u16 = 72;
const HIGHEST: u16 = 18;

pub(super) fn draw(
    frame: &mut Frame,
    chat: &Chat,
    screen: &Screen,
    palette: &CommandPalette,
    theme: &Theme,
    area: Rect,
) {
    let rows = palette.commands(chat);
    let height = area.height.saturating_sub(2).min(HIGHEST);
    let keys = &[" Enter runs it · Esc closes "];
    let inner = Popup { title: " commands ", keys, cells: WIDEST, height }.draw(frame, theme, area);
    let [typed, below] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
    let shown = usize::from(below.height);
    let top = palette.at.saturating_sub(shown.saturating_sub(1));
    let chosen = |at: usize| at == palette.at;
    // On a narrow screen, long names may reach into the descriptions.
    let widest = usize::from(inner.width) / 4;
    let names = rows.iter().map(|row| width(COMMANDS[*row].name)).max().unwrap_or(0).min(widest);
    let lines = rows.iter().enumerate().skip(top).take(shown);
    let columns = Columns { names, all: inner.width.into() };
    let lines = lines.map(|(at, row)| command(chat, screen, *row, chosen(at), theme, columns));
    let mut lines: Vec<Line> = lines.collect();
    if lines.is_empty() {
        lines.push(Line::styled("no matching command", theme.dim));
    }
    frame.render_widget(Text::from(lines), below);
    draw_line(frame, "/", palette.input.area(), theme.accent, typed);
}

/// The width of the names, and of the whole row.
#[derive(Clone, Copy)]
struct Columns {
    names: usize,
    all: usize,
}

/// The name and description of a command in columns, its keys at the right.
fn command(
    chat: &Chat,
    screen: &Screen,
    row: usize,
    is_chosen: bool,
    theme: &Theme,
    columns: Columns,
) -> Line<'static> {
    let cells = columns.all;
    let command = &COMMANDS[row];
    let place = if command.places.contains(&screen.focus) { screen.focus } else { command.places[0] };
    let keys = screen.keymap.keys(row, place).join(" ");
    let room = cells.saturating_sub(width(&keys) + 1);
    let name = shorten(&format!("{:<1$}", command.name, columns.names), room);
    let description = shorten(&format!("  {}", what(row, chat)), room.saturating_sub(width(&name)));
    let gap = " ".repeat(cells.saturating_sub(width(&name) + width(&description) + width(&keys)));
    let mut spans =
        vec![Span::styled(name, theme.accent), Span::raw(description), Span::raw(gap), Span::styled(keys, theme.dim)];
    if is_chosen {
        for span in &mut spans {
            span.style = span.style.patch(theme.found);
        }
    }
    Line::from(spans)
}
