//! The help: keys for the focused pane, then all others, the map's symbols, and the presets.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};

use super::super::keymap::{COMMANDS, Focus};
use super::super::screen::Screen;
use super::super::theme::Theme;
use super::super::wrap::{width, wrap};
use super::map::{Reach, sign};
use super::popup::{Popup, SCROLL_KEYS};
use crate::chat::Chat;

/// Wider, the second column is too far from its keys.
const WIDEST: u16 = 78;
/// Column of the descriptions.
const COLUMN: usize = 26;
/// Narrower, descriptions go below their keys.
const TWO_COLUMNS: usize = 60;

const SIGNS: [(Reach, &str); 7] = [
    (Reach::Window, "map: within the window at the end, or full attention"),
    (Reach::Sink, "sinks: every token attends to them"),
    (Reach::Through, "reached by full layers, far keys, or full attention of question and answer"),
    (Reach::Hidden, "read, but out of the question's reach"),
    (Reach::Cached, "already in the cache"),
    (Reach::Unread, "not read yet"),
    (Reach::Apart, "blank: not given to the model"),
];

pub(super) fn draw(frame: &mut Frame, screen: &Screen, line: usize, theme: &Theme, area: Rect) {
    let inside = popup(screen, screen.popup.lines.len(), area).draw(frame, theme, area);
    frame.render_widget(Text::from(screen.popup.visible(line).to_vec()), inside);
}

/// The width of the text.
pub(in crate::tui) fn cells(area: Rect) -> usize {
    Popup::room(WIDEST, area).into()
}

/// How many of `lines` lines are visible.
pub(in crate::tui) fn shown(screen: &Screen, lines: usize, area: Rect) -> usize {
    popup(screen, lines, area).inside(area).height.into()
}

fn popup(screen: &Screen, lines: usize, area: Rect) -> Popup<'static> {
    let height = lines as u16 + 2;
    let keys: &[&str] = if height > area.height { SCROLL_KEYS } else { &[" Esc closes "] };
    Popup { title: title(screen.focus), keys, cells: WIDEST, height }
}

/// The title for the focused pane.
fn title(focus: Focus) -> &'static str {
    match focus {
        Focus::Transcript => " help · transcript ",
        Focus::Reader => " help · document ",
        _ => " help · question ",
    }
}

/// Lines of at most `cells` cells.
pub(in crate::tui) fn lines(chat: &Chat, screen: &Screen, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let mut lines = keys(screen, screen.focus, theme, cells);
    for (place, name) in [
        (Focus::Input, "Question"),
        (Focus::Transcript, "Transcript"),
        (Focus::Reader, "Document"),
        (Focus::Parts, "Parts"),
        (Focus::Sessions, "Saved conversations"),
    ] {
        if place != screen.focus {
            lines.extend([Line::default(), Line::styled(name, theme.strong)]);
            lines.extend(keys(screen, place, theme, cells));
        }
    }
    lines.push(Line::default());
    lines.extend(
        SIGNS
            .iter()
            .flat_map(|(reach, what)| wrap(&[sign(*reach, theme), Span::raw("  "), Span::raw(*what)], cells, 3)),
    );
    lines.push(Line::default());
    lines.extend(chat.preset_entries.iter().flat_map(|preset_entry| {
        let key = preset_entry.key.map_or(String::from(" "), String::from);
        row(&format!("{key} {}", preset_entry.name), &preset_entry.summary, theme, cells)
    }));
    lines
}

/// The commands of a pane with their keys; the ten preset keys share a line.
fn keys(screen: &Screen, place: Focus, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (index, command) in COMMANDS.iter().enumerate() {
        let keys = screen.keymap.keys(index, place);
        let digit = command.name.strip_prefix("preset-");
        if keys.is_empty() || digit.is_some_and(|digit| digit != "1") {
            continue;
        }
        let (keys, what) = match digit {
            Some(_) => (keys.iter().map(|key| key.replace('1', "1…9")).collect(), "use another preset"),
            None => (keys, command.what),
        };
        lines.extend(row(&keys.join("  "), what, theme, cells));
    }
    lines
}

fn row(keys: &str, what: &str, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let keys = Span::styled(keys.to_owned(), theme.accent);
    if cells < TWO_COLUMNS {
        let mut lines = wrap(&[keys], cells, 2);
        lines.extend(wrap(&[Span::raw(format!("  {what}"))], cells, 2));
        return lines;
    }
    let gap = |taken: usize| Span::raw(" ".repeat(COLUMN - taken));
    let taken = width(&keys.content);
    if taken >= COLUMN {
        let mut lines = wrap(&[keys], cells, 2);
        lines.extend(wrap(&[gap(0), Span::raw(what.to_owned())], cells, COLUMN));
        return lines;
    }
    wrap(&[keys, gap(taken), Span::raw(what.to_owned())], cells, COLUMN)
}
