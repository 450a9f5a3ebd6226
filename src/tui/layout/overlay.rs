//! Popups: the lines of a text, and the number of visible rows, which scrolling needs.

use ratatui::layout::Rect;

use super::super::screen::{Overlay, PopupText, Screen};
use super::super::theme::Theme;
use super::super::view::{figures, help, list, parts, references, sessions};
use crate::chat::Chat;

pub(super) fn lay_out(screen: &mut Screen, chat: &Chat, theme: &Theme, area: Rect) {
    let rows = match &screen.overlay {
        Some(Overlay::Help(_)) => {
            screen.popup = help_text(screen, chat, theme, area);
            return;
        }
        Some(Overlay::Figures(_)) => {
            screen.popup = figures_text(chat, theme, area);
            return;
        }
        Some(Overlay::List(open)) => list::shown(screen.rows_of(chat, open.kind), area),
        Some(Overlay::Parts(selection)) => parts::shown(selection, area),
        Some(Overlay::Sessions(open)) => sessions::shown(open, area),
        Some(Overlay::Palette(_) | Overlay::Field(_) | Overlay::Picker(_)) => return,
        None => return lay_out_names(screen),
    };
    screen.overlay.iter_mut().for_each(|overlay| overlay.set_shown(rows));
}

fn help_text(screen: &Screen, chat: &Chat, theme: &Theme, area: Rect) -> PopupText {
    let lines = help::lines(chat, screen, theme, help::cells(area));
    let shown = help::shown(screen, lines.len(), area);
    PopupText { lines, shown }
}

fn figures_text(chat: &Chat, theme: &Theme, area: Rect) -> PopupText {
    let lines = figures::lines(chat, theme, figures::cells(area));
    let shown = figures::shown(chat, lines.len(), area);
    PopupText { lines, shown }
}

/// The list of names, which is only visible without a popup.
fn lay_out_names(screen: &mut Screen) {
    let input = screen.layout.input;
    if let Some(names) = screen.name_list.as_mut().filter(|names| !names.rows.is_empty()) {
        names.shown = references::shown(names, input);
    }
}
