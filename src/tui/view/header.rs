//! The header: document, branch and model.

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::super::wrap::{clean, shorten, width};
use crate::chat::{Chat, Model};

/// The document on the left, the model on the right if there is room.
pub(super) fn line<'a>(chat: &Chat, theme: &Theme, cells: usize) -> Line<'a> {
    let title = match (&chat.name, chat.document.title.is_empty()) {
        (Some(name), true) => name.to_string(),
        (Some(name), false) => format!("{name} · {}", chat.document.title),
        (None, _) => chat.document.title.clone(),
    };
    let title = shorten(&clean(&title), cells);
    let part = chat.document.part.as_ref().map_or(String::new(), |part| format!(" · {part}"));
    let until = chat.until.as_ref().map_or(String::new(), |until| format!(" · up to {}", clean(&until.words)));
    let part = branch(chat) + &until + &part;
    let part = shorten(&part, cells - width(&title));
    let model = match &chat.model {
        Model::Ready { info, .. } => clean(&info.title()),
        _ => String::new(),
    };
    let left = cells - width(&title) - width(&part);
    let model = if width(&model) + 2 <= left { model } else { String::new() };
    let gap = " ".repeat(left - width(&model));
    Line::from(vec![
        Span::styled(title, theme.strong),
        Span::styled(part, theme.dim),
        Span::raw(gap),
        Span::styled(model, theme.dim),
    ])
}

/// ` · branch 2 of 3` if there are several.
fn branch(chat: &Chat) -> String {
    let all = chat.branches.count();
    if all > 1 { format!(" · branch {} of {all}", chat.branches.shown() + 1) } else { String::new() }
}
