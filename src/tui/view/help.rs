//! The help: the keys that count where the focus is, then the others, the map's signs, and what the presets are.

use ratatui::text::{Line, Span};

use super::super::keymap::{COMMANDS, Place};
use super::super::screen::Screen;
use super::super::theme::Theme;
use super::super::wrap::{width, wrap};
use super::map::{Reach, sign};
use crate::chat::Chat;

/// Where what a key does is told.
const COLUMN: usize = 26;
/// Below this, what a key does is told under it.
const TWO_COLUMNS: usize = 60;

const SIGNS: [(Reach, &str); 7] = [
    (Reach::Window, "the map beside the document: inside the window of its end, or read with full attention"),
    (Reach::Sink, "sinks: every token sees them"),
    (Reach::Through, "seen through full layers, or by the question and the answer with full attention"),
    (Reach::Hidden, "read, but out of the question's reach"),
    (Reach::Cached, "was there before this reading began"),
    (Reach::Unread, "not read"),
    (Reach::Apart, "nothing: not given to the model"),
];

/// Where the help is about.
pub(super) fn title(focus: Place) -> &'static str {
    match focus {
        Place::Transcript => " help · the transcript ",
        Place::Reader => " help · the document ",
        _ => " help · the question ",
    }
}

/// Lines of at most `cells` cells.
pub(super) fn lines(chat: &Chat, screen: &Screen, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let mut lines = keys(screen, screen.focus, theme, cells);
    for (place, name) in [
        (Place::Input, "In the question"),
        (Place::Transcript, "In the transcript"),
        (Place::Reader, "In the document"),
        (Place::Parts, "In the tree of parts"),
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
    lines.extend(chat.offers.iter().flat_map(|offer| {
        let key = offer.key.map_or(String::from(" "), String::from);
        row(&format!("{key} {}", offer.name), &offer.summary, theme, cells)
    }));
    lines
}

/// The commands of a place with their keys; the digits, which are ten times the same, in one line.
fn keys(screen: &Screen, place: Place, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (index, command) in COMMANDS.iter().enumerate() {
        let keys = screen.keymap.keys(index, place);
        let digit = command.name.strip_prefix("preset-");
        if keys.is_empty() || digit.is_some_and(|digit| digit != "1") {
            continue;
        }
        let (keys, what) = match digit {
            Some(_) => (keys.iter().map(|key| key.replace('1', "1…9")).collect(), "read by another preset"),
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
