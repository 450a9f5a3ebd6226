//! Styles: dark or light colours, the terminal's own sixteen, or none.
//!
//! Colour is never the only carrier of meaning: without it, bold, dim and reverse remain, and every word. The dark and
//! the light palette have a contrast of at least 4.5 to 1 on common backgrounds; a test computes it.

use ratatui::style::{Color, Modifier, Style};

use super::reader::look::TextRole;
use super::terminal_input::Background;
use crate::settings::ThemeChoice;

/// One style for each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Theme {
    /// The user's words, and what is active.
    pub accent: Style,
    pub strong: Style,
    /// Secondary text.
    pub dim: Style,
    pub error: Style,
    pub good: Style,
    pub code: Style,
    /// The active preset.
    pub chosen: Style,
    /// The filled part of a bar.
    pub bar: Style,
    /// A search hit that is not the current one.
    pub hit: Style,
    /// The current passage, hit or list row.
    pub found: Style,
    literal: Style,
    keyword: Style,
    emphasis: Style,
    link: Style,
}

/// The palette of a theme with its own colours.
struct ThemeColors {
    accent: Color,
    good: Color,
    error: Color,
    code: Color,
    literal: Color,
    keyword: Color,
    dim: Color,
    /// On `accent` as a background.
    on_accent: Color,
    found: Color,
    hit: Color,
}

const fn rgb(hex: u32) -> Color {
    Color::Rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const DARK: ThemeColors = ThemeColors {
    accent: rgb(0x7f_cf_dc),
    good: rgb(0xa3_cf_8c),
    error: rgb(0xf2_8b_82),
    code: rgb(0xe0_b0_e8),
    literal: rgb(0xb9_d8_8f),
    keyword: rgb(0xc8_a6_f5),
    dim: rgb(0x92_9a_a5),
    on_accent: rgb(0x10_1a_1e),
    found: rgb(0x2c_4a_66),
    hit: rgb(0x4d_43_1c),
};

const LIGHT: ThemeColors = ThemeColors {
    accent: rgb(0x00_5f_73),
    good: rgb(0x2e_6b_26),
    error: rgb(0xb0_2a_1e),
    code: rgb(0x85_30_9a),
    literal: rgb(0x38_66_18),
    keyword: rgb(0x6d_2a_b0),
    dim: rgb(0x60_66_70),
    on_accent: rgb(0xff_ff_ff),
    found: rgb(0xbf_dc_f5),
    hit: rgb(0xff_ec_a8),
};

impl Theme {
    /// `Auto` means the terminal's own colours, until its background is known ([`on`]).
    pub(super) fn of(choice: ThemeChoice) -> Self {
        match choice {
            ThemeChoice::Dark => Self::of_palette(&DARK),
            ThemeChoice::Light => Self::of_palette(&LIGHT),
            ThemeChoice::Auto | ThemeChoice::Ansi => Self::of_terminal(true),
            ThemeChoice::None => Self::of_terminal(false),
        }
    }

    /// The terminal's sixteen colours, or only bold, dim and reverse.
    fn of_terminal(color: bool) -> Self {
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
            hit: style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            found: style.add_modifier(Modifier::REVERSED),
            literal: tinted(Color::Green),
            keyword: tinted(Color::Magenta),
            emphasis: style.add_modifier(Modifier::ITALIC),
            link: style.add_modifier(Modifier::UNDERLINED),
        }
    }

    fn of_palette(palette: &ThemeColors) -> Self {
        let style = Style::new();
        Self {
            accent: style.fg(palette.accent).add_modifier(Modifier::BOLD),
            strong: style.add_modifier(Modifier::BOLD),
            dim: style.fg(palette.dim),
            error: style.fg(palette.error).add_modifier(Modifier::BOLD),
            good: style.fg(palette.good),
            code: style.fg(palette.code),
            chosen: style.fg(palette.on_accent).bg(palette.accent).add_modifier(Modifier::BOLD),
            bar: style.fg(palette.accent),
            hit: style.bg(palette.hit).add_modifier(Modifier::UNDERLINED),
            found: style.bg(palette.found).add_modifier(Modifier::BOLD),
            literal: style.fg(palette.literal),
            keyword: style.fg(palette.keyword),
            emphasis: style.add_modifier(Modifier::ITALIC),
            link: style.fg(palette.accent).add_modifier(Modifier::UNDERLINED),
        }
    }

    /// The style of a piece of a document or an answer.
    pub(super) fn role(&self, role: TextRole) -> Style {
        match role {
            TextRole::Text => Style::new(),
            TextRole::Heading | TextRole::Name => self.accent,
            TextRole::Strong => self.strong,
            TextRole::Emphasis => self.emphasis,
            TextRole::Code => self.code,
            TextRole::Link => self.link,
            TextRole::Mark | TextRole::Comment => self.dim,
            TextRole::Literal => self.literal,
            TextRole::Keyword => self.keyword,
        }
    }
}

/// The theme for a background.
pub(super) const fn on(background: Background) -> ThemeChoice {
    match background {
        Background::Dark => ThemeChoice::Dark,
        Background::Light => ThemeChoice::Light,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG's relative luminance.
    fn luminance(color: Color) -> f64 {
        let Color::Rgb(red, green, blue) = color else { panic!("{color:?} is no RGB") };
        let channel = |value: u8| {
            let share = f64::from(value) / 255.0;
            if share <= 0.03928 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_colour_can_be_read_on_the_usual_backgrounds() {
        let dark = [rgb(0x00_00_00), rgb(0x1e_1e_1e), rgb(0x28_2c_34)];
        let light = [rgb(0xff_ff_ff), rgb(0xfa_fa_fa), rgb(0xfd_f6_e3)];
        for (palette, backgrounds) in [(DARK, dark), (LIGHT, light)] {
            let colours = [
                palette.accent,
                palette.good,
                palette.error,
                palette.code,
                palette.literal,
                palette.keyword,
                palette.dim,
            ];
            for colour in colours {
                for background in backgrounds {
                    let contrast = contrast(colour, background);
                    assert!(contrast >= 4.5, "{colour:?} on {background:?}: {contrast:.1}");
                }
            }
            assert!(contrast(palette.on_accent, palette.accent) >= 4.5);
        }
    }
}
