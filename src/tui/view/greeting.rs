//! The greeting shown before the first question: whether the document is loaded, and what to do.

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::super::wrap::{clean, wrap};
use super::formatting::{bytes, count};
use crate::chat::{Chat, Model, Offered};

/// The greeting, wrapped to `cells`.
pub(in crate::tui) fn lines(chat: &Chat, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let title = &chat.document.title;
    if let Model::Absent(offered) | Model::Fetching { offered, .. } = &chat.model {
        return first_run(chat, offered, theme, cells);
    }
    let part = chat.document.part.as_ref().map_or(String::new(), |part| format!(", {part},"));
    let state = match (&chat.model, &chat.cache_state) {
        (Model::Failed(_), _) => "There is no model to ask. Alt-L lists others, and Alt-O loads one by its path.".to_owned(),
        _ if !chat.has_document() => {
            "No document is open. Alt-O opens a file or a folder by its path, and / lists everything else: recent documents, \
             the demo, models. You can also just ask."
                .to_owned()
        }
        (Model::Loading { .. }, _) | (_, None) => {
            "You can ask now; the answer comes once the document is read.".to_owned()
        }
        (_, Some(_)) if chat.sends_document() => {
            format!("{title}{part} goes to the server with each question. Ask it anything.")
        }
        (_, Some(cache_state)) if cache_state.is_complete() => format!("{title}{part} is read. Ask it anything."),
        (_, Some(cache_state)) => format!(
            "{} of {} tokens are read. Press Enter to continue reading, or ask a question.",
            count(cache_state.tokens),
            count(cache_state.document_tokens)
        ),
    };
    let presets =
        "Presets change how it is read: 1 uses full attention, others a faster sliding window. Alt-P lists them.";
    let mut lines = vec![Line::default()];
    lines.extend(wrap(&[Span::raw(state)], cells, 0));
    if let Some(earlier) = &chat.earlier {
        let goes_on = format!(" on an empty line goes on with the conversation {}.", earlier.words);
        lines.extend(wrap(&[Span::styled("Enter", theme.accent), Span::raw(clean(&goes_on))], cells, 0));
    }
    lines.extend(chat.document.choice.iter().flat_map(|choice| wrap(&[Span::raw(choice.clone())], cells, 0)));
    if !matches!(chat.model, Model::Failed(_)) && chat.has_document() && !chat.sends_document() {
        lines.extend(wrap(&[Span::styled(presets, theme.dim)], cells, 0));
    }
    lines
}

/// The first run: there is a document but no model yet.
fn first_run(chat: &Chat, offered: &Offered, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let license = offered.license.as_ref().map_or(String::new(), |license| format!(", {license}"));
    let speed = offered.speed.as_ref().map_or(String::new(), |speed| format!(" It {speed}."));
    let fetches = format!(" downloads {} ({}{license}), once.{speed}", offered.title, bytes(offered.bytes));
    let about = format!(
        "Lunette reads a long document with a language model on this machine, and answers questions about it. {} is open.",
        chat.document.title
    );
    let path = vec![
        Span::styled("A path", theme.accent),
        Span::raw(
            " to a GGUF file, typed below, loads that model instead; Alt-L lists others. Meanwhile you can ask, and read: Tab goes to the document.",
        ),
    ];
    let rows: [Vec<Span>; 3] = [
        vec![Span::raw(about)],
        vec![Span::raw("There is no model on this machine yet:")],
        vec![Span::styled("Enter", theme.accent), Span::raw(fetches)],
    ];
    let apart = |row: &Vec<Span<'static>>| [vec![Line::default()], wrap(row, cells, 2)].concat();
    let mut lines: Vec<Line> = rows.iter().flat_map(apart).collect();
    lines.extend(suggested(chat, theme, cells));
    lines.extend(apart(&path));
    lines
}

/// What suits this machine and this document; nothing where nothing does.
fn suggested(chat: &Chat, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let suggestions = &chat.suggestions;
    if suggestions.models.is_empty() {
        return Vec::new();
    }
    let heading = format!("Suited to this machine, {} (Alt-L fetches them):", suggestions.heading());
    let mut lines = [vec![Line::default()], wrap(&[Span::styled(heading, theme.dim)], cells, 2)].concat();
    for model in &suggestions.models {
        let words = format!(" {}: {}", clean(&model.title), model.facts());
        lines.extend(wrap(&[Span::styled(model.role.name(), theme.accent), Span::raw(words)], cells, 2));
    }
    lines
}
