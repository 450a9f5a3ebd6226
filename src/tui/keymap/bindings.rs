//! The key bindings: the defaults of the table, overridden by the user's configuration.

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};

use super::chord::Chord;
use super::intent::{Focus, Intent, PLACES};
use super::table::{COMMANDS, KeyCommand};
use crate::failure::Hint;
use crate::toml_fields::{Field, FileError};

/// Key bindings.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// Each chord, with the table row of its command.
    chords: Vec<(Chord, usize)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let of_row = |(row, command): (usize, &KeyCommand)| {
            let chord = |key: &&str| key.parse().expect("a key of the table is tested to be one");
            command.keys.iter().map(|key| (chord(key), row)).collect::<Vec<(Chord, usize)>>()
        };
        Self { chords: COMMANDS.iter().enumerate().flat_map(of_row).collect() }
    }
}

/// Why a key binding is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Field(#[from] FileError),
    #[error("{file}, line {line}, keys.{name}: {key} is already bound to {other} in {place}")]
    Conflict { file: String, line: usize, name: String, key: String, other: &'static str, place: &'static str },
}

impl Hint for KeyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Field(error) => Some(format!("allowed: {}", error.allowed)),
            Self::Conflict { other, .. } => Some(format!("choose another key, or rebind {other}")),
        }
    }
}

impl Keymap {
    /// The default bindings, with those in `fields` instead of a command's own.
    ///
    /// Errors: an unknown command or key, or a key with two meanings in one place.
    pub fn with(file: &str, fields: &[Field]) -> Result<Self, KeyError> {
        let mut keymap = Self::default();
        let mut changed = Vec::new();
        for field in fields {
            let name = &field.path[field.path.len() - 1];
            let row = COMMANDS.iter().position(|command| command.name == *name);
            let row = row.ok_or_else(|| field.refused(file, "unknown command", names()))?;
            let chords: Result<Vec<Chord>, ()> =
                field.text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::parse).collect();
            let wrong = || {
                field.refused(
                    file,
                    format!("invalid key {:?}", field.text),
                    "t, G, ctrl-d, alt-enter, f1, space, pageup",
                )
            };
            keymap.chords.retain(|(_, of)| *of != row);
            keymap.chords.extend(chords.map_err(|()| wrong())?.into_iter().map(|chord| (chord, row)));
            changed.push((field, row));
        }
        match changed.into_iter().find_map(|(field, row)| keymap.conflict(file, field, row)) {
            Some(conflict) => Err(conflict),
            None => Ok(keymap),
        }
    }

    /// A conflict of a key of `row` with another command.
    fn conflict(&self, file: &str, field: &Field, row: usize) -> Option<KeyError> {
        let mine = self.chords.iter().filter(|(_, of)| *of == row);
        mine.flat_map(|(chord, _)| PLACES.iter().map(move |place| (*chord, *place))).find_map(|(chord, place)| {
            let clashes = |(other, of): &&(Chord, usize)| *of != row && *other == chord && holds(*other, *of, place);
            let clash = self.chords.iter().find(clashes).filter(|_| holds(chord, row, place))?;
            Some(KeyError::Conflict {
                file: file.to_owned(),
                line: field.line,
                name: COMMANDS[row].name.to_owned(),
                key: chord.to_string(),
                other: COMMANDS[clash.1].name,
                place: place.name(),
            })
        })
    }

    /// The intent of a key at `place`; `None` if it is unbound, or was released.
    pub(in crate::tui) fn intent(&self, event: KeyEvent, place: Focus) -> Option<Intent> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let chord = Chord::of(event);
        let bound = self.chords.iter().find(|(bound, row)| *bound == chord && holds(*bound, *row, place));
        let intent = bound.map(|(_, row)| COMMANDS[*row].intent.clone());
        intent.or_else(|| place.takes_text().then_some(Intent::Type(event)))
    }

    /// The keys of a command at `place`, for display.
    pub(in crate::tui) fn keys(&self, row: usize, place: Focus) -> Vec<String> {
        let of_row = self.chords.iter().filter(|(chord, of)| *of == row && holds(*chord, row, place));
        of_row.map(|(chord, _)| chord.to_string()).collect()
    }
}

/// All command names.
fn names() -> String {
    COMMANDS.iter().map(|command| command.name).collect::<Vec<_>>().join(", ")
}

/// A key works where its command does; a plain character only where it is not typed text.
fn holds(chord: Chord, row: usize, place: Focus) -> bool {
    COMMANDS[row].places.contains(&place) && !(chord.is_text() && place.takes_text())
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};

    use super::*;
    use crate::tui::keymap::Scroll;

    fn press(modifiers: KeyModifiers, code: KeyCode, place: Focus) -> Option<Intent> {
        Keymap::default().intent(KeyEvent::new(code, modifiers), place)
    }

    #[test]
    fn digits_are_digits_in_the_input_box_and_presets_elsewhere() {
        let five = KeyEvent::new(KeyCode::Char('5'), KeyModifiers::NONE);
        assert_eq!(press(KeyModifiers::NONE, KeyCode::Char('5'), Focus::Input), Some(Intent::Type(five)));
        assert_eq!(press(KeyModifiers::NONE, KeyCode::Char('5'), Focus::Transcript), Some(Intent::Preset('5')));
        assert_eq!(press(KeyModifiers::NONE, KeyCode::Char('5'), Focus::Reader), Some(Intent::Preset('5')));
        assert_eq!(press(KeyModifiers::ALT, KeyCode::Char('5'), Focus::Input), Some(Intent::Preset('5')));
        assert_eq!(press(KeyModifiers::NONE, KeyCode::F(5), Focus::Input), Some(Intent::Preset('5')));
    }

    #[test]
    fn capitals_come_with_shift_or_without() {
        for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            assert_eq!(press(modifiers, KeyCode::Char('G'), Focus::Reader), Some(Intent::Scroll(Scroll::Bottom)));
        }
    }

    #[test]
    fn a_key_means_one_thing_in_one_place() {
        let keymap = Keymap::default();
        for place in PLACES {
            let here: Vec<_> = keymap.chords.iter().filter(|(chord, row)| holds(*chord, *row, place)).collect();
            for (index, (chord, row)) in here.iter().enumerate() {
                let clash = here[index + 1..].iter().find(|(other, _)| other == chord);
                let names = (COMMANDS[*row].name, clash.map(|(_, other)| COMMANDS[*other].name));
                assert!(clash.is_none(), "{chord} is bound twice at {place:?}: {names:?}");
            }
        }
    }

    #[test]
    fn a_name_is_given_once() {
        for (index, command) in COMMANDS.iter().enumerate() {
            assert!(COMMANDS[index + 1..].iter().all(|other| other.name != command.name), "{}", command.name);
        }
    }

    #[test]
    fn keys_that_a_terminal_cannot_tell_from_others_are_left_alone() {
        for letter in ['m', 'h', '[', 's', 'q'] {
            for place in PLACES {
                let meant = press(KeyModifiers::CONTROL, KeyCode::Char(letter), place);
                assert!(matches!(meant, None | Some(Intent::Type(_))), "ctrl-{letter} at {place:?}");
            }
        }
    }

    #[test]
    fn what_begins_an_escape_sequence_is_no_key() {
        for letter in ['[', ']', 'O'] {
            for place in PLACES {
                let meant = press(KeyModifiers::ALT, KeyCode::Char(letter), place);
                assert!(matches!(meant, None | Some(Intent::Type(_))), "alt-{letter} at {place:?}");
            }
        }
    }

    fn changed(text: &str) -> Result<Keymap, KeyError> {
        Keymap::with("config.toml", &crate::toml_fields::read("config.toml", text).expect("TOML"))
    }

    #[test]
    fn keys_are_given_anew() {
        let keymap = changed("[keys]\ncontents = [\"T\", \"ctrl-e\"]\nhelp = \"f12\"\n").expect("no conflict");
        let press = |code, modifiers, place| keymap.intent(KeyEvent::new(code, modifiers), place);
        assert_eq!(press(KeyCode::Char('T'), KeyModifiers::SHIFT, Focus::Reader), Some(Intent::Contents));
        assert_eq!(press(KeyCode::Char('e'), KeyModifiers::CONTROL, Focus::Input), Some(Intent::Contents));
        assert_eq!(press(KeyCode::Char('t'), KeyModifiers::NONE, Focus::Reader), None);
        assert_eq!(press(KeyCode::F(12), KeyModifiers::NONE, Focus::Transcript), Some(Intent::Help));
    }

    #[test]
    fn two_commands_may_change_keys_with_each_other() {
        assert!(changed("[keys]\nnext-hit = \"N\"\nprevious-hit = \"n\"\n").is_ok());
    }

    #[test]
    fn what_cannot_be_had_is_named_with_its_place() {
        let cases = [
            ("[keys]\nfly = \"f\"\n", "config.toml, line 2, keys.fly: unknown command"),
            ("[keys]\nhelp = \"hyper-x\"\n", "config.toml, line 2, keys.help: invalid key \"hyper-x\""),
            (
                "[keys]\n\nhelp = \"t\"\n",
                "config.toml, line 3, keys.help: t is already bound to contents in the transcript",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(changed(text).expect_err(text).to_string(), message);
        }
    }

    #[test]
    fn letting_a_key_go_means_nothing() {
        let released = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(Keymap::default().intent(released, Focus::Input), None);
    }
}
