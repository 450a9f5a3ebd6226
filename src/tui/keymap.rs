//! Which key means what: one table, from which keys are understood, and the help and the palette are drawn.
//!
//! The picture: a row is a command: its name, where it holds, its keys, what it does. `reader.contents` holds in the reader and has
//! `t`. A bare character is a key only where no text is typed: `1` is a preset in the reader, and a digit in the input box,
//! where `f1` and `alt-1` are the preset.
//!
//! Nothing is bound that a terminal can't tell apart from another key (Ctrl-M is Enter, Ctrl-[ Esc). Ctrl-I is Tab for most; only a
//! terminal that tells them apart sends it as a key of its own, and there it means what it means in vi. Alt-[ and Alt-] begin
//! what a terminal sends for other keys, and are left to it.

mod chord;
mod table;

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};

use chord::Chord;
pub(super) use table::COMMANDS;

use crate::failure::Hint;
use crate::fields::{Field, FileError};

/// Who gets the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Input,
    Transcript,
    Reader,
    /// A list that lies over everything: contents, hits.
    List,
    /// The tree of the document's parts.
    Parts,
    /// A line that is typed: what is searched for, a command's name.
    Entry,
    /// The name of a mark is waited for.
    MarkName,
}

const PLACES: [Place; 7] =
    [Place::Input, Place::Transcript, Place::Reader, Place::List, Place::Parts, Place::Entry, Place::MarkName];

impl Place {
    const fn name(self) -> &'static str {
        match self {
            Self::Input => "the question",
            Self::Transcript => "the transcript",
            Self::Reader => "the document",
            Self::List => "lists",
            Self::Parts => "the tree of parts",
            Self::Entry => "lines that are typed",
            Self::MarkName => "the names of marks",
        }
    }

    /// Whether letters are text here.
    const fn takes_text(self) -> bool {
        matches!(self, Self::Input | Self::Entry | Self::MarkName)
    }
}

/// What a person wants, whatever key said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// For whatever takes text.
    Type(KeyEvent),
    Paste(String),
    Submit,
    Newline,
    /// Ctrl-C: stop, then clear, then leave.
    Interrupt,
    Escape,
    /// Ctrl-D: leave, when nothing is written.
    EndOfInput,
    Leave,
    NextPane,
    PreviousPane,
    ToInput,
    Panes,
    ToggleReasoning,
    AnswerNow,
    Resume,
    Help,
    Redraw,
    Scroll(Scroll),
    Preset(char),
    NextPreset,
    PreviousPreset,
    Earlier,
    Later,
    Contents,
    Search,
    /// In the transcript.
    Find,
    Hits,
    NextHit,
    PreviousHit,
    NextPart,
    PreviousPart,
    SetMark,
    GoToMark,
    Back,
    Forward,
    Numbers,
    /// Goes on from an earlier place on a branch of its own.
    Fork,
    Branches,
    NextBranch,
    PreviousBranch,
    EditLast,
    Regenerate,
    Continue,
    CopyAnswer,
    CopyCode,
    ExportMarkdown,
    ExportJson,
    /// A name of a part or a file is put into the question.
    Refer,
    /// The question in the user's own editor.
    Editor,
    Palette,
    Suspend,
    Presets,
    /// One question under two presets.
    Versus,
    Figures,
    /// The tree of the document's parts.
    Parts,
    Tick,
    TickAll,
    TickNone,
    /// What was not ticked.
    TickOthers,
    /// As many as fit.
    TickFitting,
    /// Changes what is chosen in a list.
    Change,
    Less,
    More,
    Save,
    /// Was done already.
    Seen,
}

/// A movement through what has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scroll {
    Up,
    Down,
    HalfUp,
    HalfDown,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Command {
    /// `reader.contents`, as a keymap names it.
    pub name: &'static str,
    pub places: &'static [Place],
    /// As [`Chord`] reads them.
    pub keys: &'static [&'static str],
    pub intent: Intent,
    /// What it does, in a few words.
    pub what: &'static str,
}

/// The keys in force.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// Every chord with the command that it belongs to, by its row.
    chords: Vec<(Chord, usize)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let of_row = |(row, command): (usize, &Command)| {
            let chord = |key: &&str| key.parse().expect("a key of the table is tested to be one");
            command.keys.iter().map(|key| (chord(key), row)).collect::<Vec<(Chord, usize)>>()
        };
        Self { chords: COMMANDS.iter().enumerate().flat_map(of_row).collect() }
    }
}

/// Why keys that a person wished for can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Field(#[from] FileError),
    #[error("{file}, line {line}, keys.{name}: {key} is {other} already, in {place}")]
    Conflict { file: String, line: usize, name: String, key: String, other: &'static str, place: &'static str },
}

impl Hint for KeyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Field(error) => Some(format!("allowed: {}", error.allowed)),
            Self::Conflict { other, .. } => Some(format!("take another key, or give {other} one of its own, too")),
        }
    }
}

impl Keymap {
    /// The keys of the table with those of the fields in the place of a command's own.
    ///
    /// Errors: a command or a key that there is not; a key that means two things in one place.
    pub fn with(file: &str, fields: &[Field]) -> Result<Self, KeyError> {
        let mut keymap = Self::default();
        let mut changed = Vec::new();
        for field in fields {
            let name = &field.path[field.path.len() - 1];
            let row = COMMANDS.iter().position(|command| command.name == *name);
            let row = row.ok_or_else(|| field.refused(file, "there is no such command", names()))?;
            let chords: Result<Vec<Chord>, ()> =
                field.text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::parse).collect();
            let wrong = || {
                field.refused(file, format!("can't be {:?}", field.text), "t, G, ctrl-d, alt-enter, f1, space, pageup")
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

    /// A key of `row` that belongs to another command where both hold.
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

    /// What `event` means at `place`; `None` for a key that is let go, or bound to nothing.
    pub(super) fn intent(&self, event: KeyEvent, place: Place) -> Option<Intent> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let chord = Chord::of(event);
        let bound = self.chords.iter().find(|(bound, row)| *bound == chord && holds(*bound, *row, place));
        let intent = bound.map(|(_, row)| COMMANDS[*row].intent.clone());
        intent.or_else(|| place.takes_text().then_some(Intent::Type(event)))
    }

    /// The keys of a command that hold at `place`, as they are shown.
    pub(super) fn keys(&self, row: usize, place: Place) -> Vec<String> {
        let of_row = self.chords.iter().filter(|(chord, of)| *of == row && holds(*chord, row, place));
        of_row.map(|(chord, _)| chord.to_string()).collect()
    }
}

/// The names of all commands.
fn names() -> String {
    COMMANDS.iter().map(|command| command.name).collect::<Vec<_>>().join(", ")
}

/// A command's key counts where the command holds, a bare character only where it is no text.
fn holds(chord: Chord, row: usize, place: Place) -> bool {
    COMMANDS[row].places.contains(&place) && !(chord.is_text() && place.takes_text())
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};

    use super::*;

    fn press(modifiers: KeyModifiers, code: KeyCode, place: Place) -> Option<Intent> {
        Keymap::default().intent(KeyEvent::new(code, modifiers), place)
    }

    #[test]
    fn digits_are_digits_in_the_input_box_and_presets_elsewhere() {
        let five = KeyEvent::new(KeyCode::Char('5'), KeyModifiers::NONE);
        assert_eq!(press(KeyModifiers::NONE, KeyCode::Char('5'), Place::Input), Some(Intent::Type(five)));
        assert_eq!(press(KeyModifiers::NONE, KeyCode::Char('5'), Place::Transcript), Some(Intent::Preset('5')));
        assert_eq!(press(KeyModifiers::NONE, KeyCode::Char('5'), Place::Reader), Some(Intent::Preset('5')));
        assert_eq!(press(KeyModifiers::ALT, KeyCode::Char('5'), Place::Input), Some(Intent::Preset('5')));
        assert_eq!(press(KeyModifiers::NONE, KeyCode::F(5), Place::Input), Some(Intent::Preset('5')));
    }

    #[test]
    fn capitals_come_with_shift_or_without() {
        for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            assert_eq!(press(modifiers, KeyCode::Char('G'), Place::Reader), Some(Intent::Scroll(Scroll::Bottom)));
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
        Keymap::with("config.toml", &crate::fields::read("config.toml", text).expect("TOML"))
    }

    #[test]
    fn keys_are_given_anew() {
        let keymap = changed("[keys]\ncontents = [\"T\", \"ctrl-e\"]\nhelp = \"f12\"\n").expect("no conflict");
        let press = |code, modifiers, place| keymap.intent(KeyEvent::new(code, modifiers), place);
        assert_eq!(press(KeyCode::Char('T'), KeyModifiers::SHIFT, Place::Reader), Some(Intent::Contents));
        assert_eq!(press(KeyCode::Char('e'), KeyModifiers::CONTROL, Place::Input), Some(Intent::Contents));
        assert_eq!(press(KeyCode::Char('t'), KeyModifiers::NONE, Place::Reader), None);
        assert_eq!(press(KeyCode::F(12), KeyModifiers::NONE, Place::Transcript), Some(Intent::Help));
    }

    #[test]
    fn two_commands_may_change_keys_with_each_other() {
        assert!(changed("[keys]\nnext-hit = \"N\"\nprevious-hit = \"n\"\n").is_ok());
    }

    #[test]
    fn what_cannot_be_had_is_named_with_its_place() {
        let cases = [
            ("[keys]\nfly = \"f\"\n", "config.toml, line 2, keys.fly: there is no such command"),
            ("[keys]\nhelp = \"hyper-x\"\n", "config.toml, line 2, keys.help: can't be \"hyper-x\""),
            ("[keys]\n\nhelp = \"t\"\n", "config.toml, line 3, keys.help: t is contents already, in the transcript"),
        ];
        for (text, message) in cases {
            assert_eq!(changed(text).expect_err(text).to_string(), message);
        }
    }

    #[test]
    fn letting_a_key_go_means_nothing() {
        let released = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(Keymap::default().intent(released, Place::Input), None);
    }
}
