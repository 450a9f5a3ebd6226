//! How things look, in the terminal's own sixteen colours, so that a dark and a light terminal are both served.
//!
//! Colour is never the only carrier of a meaning: with `NO_COLOR` what is left is bold, dim and reversed, and every word is still there.

use ratatui::style::{Color, Modifier, Style};

/// One style for each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Theme {
    /// What a person said, and what is in force.
    pub accent: Style,
    pub strong: Style,
    /// What can be skipped.
    pub dim: Style,
    pub error: Style,
    pub good: Style,
    pub code: Style,
    /// The preset in force.
    pub chosen: Style,
    /// The filled part of a bar.
    pub bar: Style,
}

impl Theme {
    /// With colours, or with bold, dim and reversed only.
    pub(super) fn new(color: bool) -> Self {
        let style = Style::new();
        let tinted = |tint: Color| if color { style.fg(tint) } else { style };
        Self {
            accent: tinted(Color::Cyan).add_modifier(Modifier::BOLD),
            strong: style.add_modifier(Modifier::BOLD),
            dim: style.add_modifier(Modifier::DIM),
            error: tinted(Color::Red).add_modifier(Modifier::BOLD),
            good: tinted(Color::Green),
            code: tinted(Color::Magenta),
            chosen: tinted(Color::Cyan).add_modifier(Modifier::BOLD | Modifier::REVERSED),
            bar: tinted(Color::Cyan),
        }
    }
}
