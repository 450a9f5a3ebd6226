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
    let lines = rows.iter().enumerate().skip(top).take(shown);
    let lines = lines.map(|(at, row)| command(chat, screen, *row, chosen(at), theme, inner.width.into()));
    let mut lines: Vec<Line> = lines.collect();
    if lines.is_empty() {
        lines.push(Line::styled("no matching command", theme.dim));
    }
    frame.render_widget(Text::from(lines), below);
    draw_line(frame, "/", &palette.input, theme.accent, typed);
}

/// The name and description of a command, its keys at the right.
fn command(chat: &Chat, screen: &Screen, row: usize, is_chosen: bool, theme: &Theme, cells: usize) -> Line<'static> {
    let command = &COMMANDS[row];
    let place = if command.places.contains(&screen.focus) { screen.focus } else { command.places[0] };
    let keys = screen.keymap.keys(row, place).join(" ");
    let room = cells.saturating_sub(width(&keys) + 1);
    let name = shorten(command.name, room);
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
