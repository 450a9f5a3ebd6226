//! A key with modifiers, as written in the configuration: `t`, `G`, `ctrl-d`, `alt-enter`, `f1`, `space`.

use std::fmt;
use std::str::FromStr;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A normalised key: a capital letter is the same with or without a reported Shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::tui) struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Named keys.
const NAMES: [(&str, KeyCode); 14] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
];
const PAGE_DOWN: (&str, KeyCode) = ("pagedown", KeyCode::PageDown);

impl Chord {
    pub(in crate::tui) fn of(event: KeyEvent) -> Self {
        let reported = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let modifiers = match event.code {
            KeyCode::Char(_) | KeyCode::BackTab => event.modifiers & reported & !KeyModifiers::SHIFT,
            _ => event.modifiers & reported,
        };
        Self { code: event.code, modifiers }
    }

    /// Whether it types a character.
    pub(super) fn is_text(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }
}

impl FromStr for Chord {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            let (modifier, after) = match rest.split_once('-') {
                Some(("ctrl", after)) => (KeyModifiers::CONTROL, after),
                Some(("alt", after)) => (KeyModifiers::ALT, after),
                Some(("shift", after)) => (KeyModifiers::SHIFT, after),
                _ => break,
            };
            modifiers |= modifier;
            rest = after;
        }
        let code = code(rest).ok_or(())?;
        Ok(Self::of(KeyEvent::new(code, modifiers)))
    }
}

fn code(name: &str) -> Option<KeyCode> {
    let mut characters = name.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        return Some(KeyCode::Char(character));
    }
    if let Some(number) = name.strip_prefix('f').and_then(|number| number.parse().ok()) {
        return (1..=24).contains(&number).then_some(KeyCode::F(number));
    }
    NAMES.iter().chain([&PAGE_DOWN]).find(|(known, _)| *known == name).map(|(_, code)| *code)
}

/// As people write keys: `Ctrl-D`, `Alt-Enter`, `PgUp`, `t`.
impl fmt::Display for Chord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modified = !self.modifiers.is_empty();
        for (modifier, name) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.modifiers.contains(modifier) {
                formatter.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::Char(' ') => formatter.write_str("Space"),
            KeyCode::Char(letter) if modified => write!(formatter, "{}", letter.to_uppercase()),
            KeyCode::Char(letter) => write!(formatter, "{letter}"),
            KeyCode::F(number) => write!(formatter, "F{number}"),
            KeyCode::BackTab => formatter.write_str("Shift-Tab"),
            KeyCode::PageUp => formatter.write_str("PgUp"),
            KeyCode::PageDown => formatter.write_str("PgDn"),
            code => write!(formatter, "{code:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_shown() {
        let shown = |text: &str| text.parse::<Chord>().map(|chord| chord.to_string());
        let cases = [
            ("t", "t"),
            ("G", "G"),
            ("-", "-"),
            ("ctrl-d", "Ctrl-D"),
            ("alt-enter", "Alt-Enter"),
            ("ctrl-alt-x", "Ctrl-Alt-X"),
            ("space", "Space"),
            ("f12", "F12"),
            ("backtab", "Shift-Tab"),
            ("pagedown", "PgDn"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text).as_deref(), Ok(expected));
        }
        for wrong in ["", "ctrl-", "meta-x", "f0", "enterr"] {
            assert_eq!(shown(wrong), Err(()), "{wrong:?}");
        }
    }
}
