//! Rows of the lists that something is chosen from to begin with: documents, models, themes, ways out of a full context.

use ratatui::style::Style;
use ratatui::text::Span;

use super::super::screen::{RecentRow, Screen, StartRow, start_rows};
use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, width};
use super::formatting::{bytes, short_count};
use crate::chat::{Chat, Fits, KnownModel, Model};
use crate::settings::ThemeChoice;

/// A recent document, or another way to begin.
pub(super) fn start(chat: &Chat, screen: &Screen, row: usize, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    match start_rows(chat, &screen.recent).get(row) {
        Some(StartRow::Earlier(earlier)) => {
            let words =
                shorten(&clean(&format!("go on with the conversation {}", earlier.words)), cells.saturating_sub(2));
            vec![Span::raw("  "), Span::raw(words)]
        }
        Some(StartRow::Recent(recent)) => recent_row(recent, theme, cells),
        Some(StartRow::Open) => keyed("o", "open a file, a folder or an address …", "", theme, cells),
        Some(StartRow::Sessions) => keyed("H", "saved conversations …", "", theme, cells),
        Some(StartRow::Demo) => keyed(" ", "demo: Pride and Prejudice", "a minute of reading", theme, cells),
        Some(StartRow::Models) => keyed("M", "models for this machine …", &model_name(chat), theme, cells),
        None => Vec::new(),
    }
}

fn recent_row(recent: &RecentRow, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    let tokens = recent.tokens.map_or(String::new(), |tokens| format!("{} tokens · ", short_count(tokens)));
    let facts = format!("{tokens}{}", recent.when);
    let more = recent.names.len().saturating_sub(1);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let name = recent
        .names
        .first()
        .map_or(String::new(), |name| short_path(name, cells.saturating_sub(width(&facts) + width(&more) + 3)));
    ends(vec![Span::raw("  "), Span::raw(clean(&name)), Span::raw(more)], &facts, theme, cells)
}

/// The end of a path that is too long tells more than its beginning.
fn short_path(path: &str, cells: usize) -> String {
    if width(path) <= cells {
        return path.to_owned();
    }
    let ends = path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| format!("…{}", &path[at..]));
    ends.into_iter().find(|end| width(end) <= cells).unwrap_or_else(|| {
        let name = path.rsplit('/').next().unwrap_or(path);
        shorten(name, cells)
    })
}

fn keyed(key: &'static str, what: &'static str, facts: &str, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    ends(vec![Span::styled(key, theme.accent), Span::raw(" "), Span::raw(what)], facts, theme, cells)
}

fn model_name(chat: &Chat) -> String {
    match &chat.model {
        Model::Ready { info, .. } => clean(&info.title()),
        Model::Loading { .. } => "loading".to_owned(),
        _ => "none".to_owned(),
    }
}

/// A model: its title, its size, whether it is here, whether it fits. The last row leads to any file.
pub(super) fn model(chat: &Chat, screen: &Screen, row: usize, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    let Some(model) = screen.models.get(row) else {
        return ends(vec![Span::raw("  another file (.gguf) …")], "", theme, cells);
    };
    let is_used = matches!(&chat.model, Model::Ready { info, .. } if model.file.as_ref() == Some(&info.path));
    let dot = if is_used { "● " } else { "  " };
    let title = Span::raw(clean(&model.offered.title));
    ends(vec![Span::styled(dot, theme.accent), title], &facts(model, is_used), theme, cells)
}

fn facts(model: &KnownModel, is_used: bool) -> String {
    let place = match (is_used, &model.file) {
        (true, _) => "in use",
        (false, Some(_)) => "installed",
        (false, None) => "to download",
    };
    let fits = match model.fits {
        _ if is_used => "",
        Fits::Yes => "fits · ",
        Fits::Perhaps => "may not fit · ",
        Fits::No => "too large · ",
    };
    format!("{} · {fits}{place}", bytes(model.offered.bytes))
}

pub(super) fn theme_row(row: usize, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    let about = match ThemeChoice::ALL.get(row) {
        Some(ThemeChoice::Auto) => "like the terminal's background",
        Some(ThemeChoice::Dark) => "on a dark background",
        Some(ThemeChoice::Light) => "on a light background",
        Some(ThemeChoice::Ansi) => "the terminal's own sixteen colours",
        Some(ThemeChoice::None) => "no colours",
        None => return Vec::new(),
    };
    ends(vec![Span::raw(ThemeChoice::ALL[row].name())], about, theme, cells)
}

pub(super) fn way_out(chat: &Chat, row: usize, cells: usize) -> Vec<Span<'static>> {
    let way = chat.full.as_ref().and_then(|full| full.ways.get(row));
    way.map_or(Vec::new(), |way| vec![Span::raw(shorten(&way.in_words(), cells))])
}

/// `left` and, at the right edge, `facts`. Where there is not room for both, `facts` get up to half of it.
fn ends(mut left: Vec<Span<'static>>, facts: &str, theme: &Theme, cells: usize) -> Vec<Span<'static>> {
    let room = cells - (width(facts) + usize::from(!facts.is_empty())).min(cells / 2);
    let before: usize = left.iter().rev().skip(1).map(|span| width(&span.content)).sum();
    if let Some(last) = left.last_mut() {
        last.content = shorten(&last.content, room.saturating_sub(before)).into();
    }
    let taken: usize = left.iter().map(|span| width(&span.content)).sum();
    let facts = shorten(facts, cells.saturating_sub(taken + 1));
    let gap = cells.saturating_sub(taken + width(&facts));
    left.push(Span::styled(" ".repeat(gap), Style::new()));
    left.push(Span::styled(facts, theme.dim));
    left
}
