//! Which key means what: one table, from which keys are understood and the help is drawn.
//!
//! While the input box has the focus, letters are letters; presets are Alt-0…9 or F1…F9 there, and bare digits when the
//! transcript has it. Nothing is bound that a terminal can't tell apart from another key (Ctrl-I is Tab, Ctrl-M Enter, Ctrl-[ Esc).

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Who gets the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    Input,
    Transcript,
}

/// What a person wants, whatever key said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// For the input box.
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
    ToggleFocus,
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
}

/// A movement through the transcript.
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

/// Where a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Everywhere,
    Only(Focus),
}

/// One row of the table.
struct Binding {
    place: Where,
    code: KeyCode,
    modifiers: KeyModifiers,
    intent: Intent,
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;

const EVERYWHERE: Where = Where::Everywhere;
const INPUT: Where = Where::Only(Focus::Input);
const TRANSCRIPT: Where = Where::Only(Focus::Transcript);

const fn bind(place: Where, modifiers: KeyModifiers, code: KeyCode, intent: Intent) -> Binding {
    Binding { place, code, modifiers, intent }
}

const fn key(letter: char) -> KeyCode {
    KeyCode::Char(letter)
}

static BINDINGS: [Binding; 47] = [
    bind(EVERYWHERE, CTRL, key('c'), Intent::Interrupt),
    bind(INPUT, CTRL, key('d'), Intent::EndOfInput),
    bind(TRANSCRIPT, CTRL, key('d'), Intent::Scroll(Scroll::HalfDown)),
    bind(EVERYWHERE, CTRL, key('l'), Intent::Redraw),
    bind(EVERYWHERE, CTRL, key('o'), Intent::AnswerNow),
    bind(EVERYWHERE, CTRL, key('t'), Intent::ToggleReasoning),
    bind(EVERYWHERE, NONE, KeyCode::Esc, Intent::Escape),
    bind(EVERYWHERE, NONE, KeyCode::Tab, Intent::ToggleFocus),
    bind(EVERYWHERE, NONE, KeyCode::PageUp, Intent::Scroll(Scroll::PageUp)),
    bind(EVERYWHERE, NONE, KeyCode::PageDown, Intent::Scroll(Scroll::PageDown)),
    bind(INPUT, NONE, KeyCode::Enter, Intent::Submit),
    bind(INPUT, ALT, KeyCode::Enter, Intent::Newline),
    bind(INPUT, SHIFT, KeyCode::Enter, Intent::Newline),
    bind(INPUT, CTRL, key('j'), Intent::Newline),
    bind(INPUT, NONE, KeyCode::Up, Intent::Earlier),
    bind(INPUT, NONE, KeyCode::Down, Intent::Later),
    bind(INPUT, ALT, key('['), Intent::PreviousPreset),
    bind(INPUT, ALT, key(']'), Intent::NextPreset),
    bind(TRANSCRIPT, NONE, KeyCode::Enter, Intent::Submit),
    bind(TRANSCRIPT, NONE, key('?'), Intent::Help),
    bind(TRANSCRIPT, SHIFT, key('?'), Intent::Help),
    bind(TRANSCRIPT, NONE, key('q'), Intent::Leave),
    bind(TRANSCRIPT, NONE, key('i'), Intent::ToggleFocus),
    bind(TRANSCRIPT, NONE, key('r'), Intent::Resume),
    bind(TRANSCRIPT, NONE, key('['), Intent::PreviousPreset),
    bind(TRANSCRIPT, NONE, key(']'), Intent::NextPreset),
    bind(TRANSCRIPT, NONE, key('k'), Intent::Scroll(Scroll::Up)),
    bind(TRANSCRIPT, NONE, KeyCode::Up, Intent::Scroll(Scroll::Up)),
    bind(TRANSCRIPT, NONE, key('j'), Intent::Scroll(Scroll::Down)),
    bind(TRANSCRIPT, NONE, KeyCode::Down, Intent::Scroll(Scroll::Down)),
    bind(TRANSCRIPT, CTRL, key('u'), Intent::Scroll(Scroll::HalfUp)),
    bind(TRANSCRIPT, NONE, key('b'), Intent::Scroll(Scroll::PageUp)),
    bind(TRANSCRIPT, NONE, key(' '), Intent::Scroll(Scroll::PageDown)),
    bind(TRANSCRIPT, NONE, key('g'), Intent::Scroll(Scroll::Top)),
    bind(TRANSCRIPT, NONE, KeyCode::Home, Intent::Scroll(Scroll::Top)),
    bind(TRANSCRIPT, NONE, key('G'), Intent::Scroll(Scroll::Bottom)),
    bind(TRANSCRIPT, SHIFT, key('G'), Intent::Scroll(Scroll::Bottom)),
    bind(TRANSCRIPT, NONE, KeyCode::End, Intent::Scroll(Scroll::Bottom)),
    bind(EVERYWHERE, NONE, KeyCode::F(1), Intent::Preset('1')),
    bind(EVERYWHERE, NONE, KeyCode::F(2), Intent::Preset('2')),
    bind(EVERYWHERE, NONE, KeyCode::F(3), Intent::Preset('3')),
    bind(EVERYWHERE, NONE, KeyCode::F(4), Intent::Preset('4')),
    bind(EVERYWHERE, NONE, KeyCode::F(5), Intent::Preset('5')),
    bind(EVERYWHERE, NONE, KeyCode::F(6), Intent::Preset('6')),
    bind(EVERYWHERE, NONE, KeyCode::F(7), Intent::Preset('7')),
    bind(EVERYWHERE, NONE, KeyCode::F(8), Intent::Preset('8')),
    bind(EVERYWHERE, NONE, KeyCode::F(9), Intent::Preset('9')),
];

/// What the help says: keys, and what they do. *Here* is the input box, *there* the transcript.
pub(super) const HELP: [(&str, &str); 11] = [
    ("Enter", "ask; on an empty line: go, or read on (r there)"),
    ("Ctrl-J  Alt-Enter", "a new line in the question"),
    ("Up  Down", "earlier questions"),
    ("Tab", "from here, the input box, to there, the transcript"),
    ("Alt-0…9 here, 0…9 there", "read by another preset"),
    ("Alt-[ ] here, [ ] there", "the preset before, the next one"),
    ("Esc", "stop; what was read and said is kept"),
    ("Ctrl-T  Ctrl-O", "open or fold the reasoning; end it and answer now"),
    ("PgUp PgDn, j k g G there", "scroll"),
    ("Ctrl-C", "stop, then clear, then leave"),
    ("Ctrl-D here, q there", "leave"),
];

/// What `event` means while `focus` has the letters; `None` for a key that is let go, or bound to nothing.
pub(super) fn intent(event: KeyEvent, focus: Focus) -> Option<Intent> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    bound(event, focus).or_else(|| preset(event, focus)).or_else(|| typed(event, focus))
}

fn bound(event: KeyEvent, focus: Focus) -> Option<Intent> {
    let here = |binding: &&Binding| matches!(binding.place, Where::Everywhere) || binding.place == Where::Only(focus);
    BINDINGS
        .iter()
        .filter(here)
        .find(|binding| binding.code == event.code && binding.modifiers == event.modifiers)
        .map(|binding| binding.intent.clone())
}

/// Digits: with Alt everywhere, bare in the transcript.
fn preset(event: KeyEvent, focus: Focus) -> Option<Intent> {
    let KeyCode::Char(digit @ '0'..='9') = event.code else { return None };
    let meant = event.modifiers == ALT || (event.modifiers == NONE && focus == Focus::Transcript);
    meant.then_some(Intent::Preset(digit))
}

fn typed(event: KeyEvent, focus: Focus) -> Option<Intent> {
    (focus == Focus::Input).then_some(Intent::Type(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(modifiers: KeyModifiers, code: KeyCode, focus: Focus) -> Option<Intent> {
        intent(KeyEvent::new(code, modifiers), focus)
    }

    #[test]
    fn digits_are_digits_in_the_input_box_and_presets_in_the_transcript() {
        let five = KeyEvent::new(key('5'), NONE);
        assert_eq!(press(NONE, key('5'), Focus::Input), Some(Intent::Type(five)));
        assert_eq!(press(NONE, key('5'), Focus::Transcript), Some(Intent::Preset('5')));
        assert_eq!(press(ALT, key('5'), Focus::Input), Some(Intent::Preset('5')));
        assert_eq!(press(NONE, KeyCode::F(5), Focus::Input), Some(Intent::Preset('5')));
    }

    #[test]
    fn a_key_means_one_thing_in_one_place() {
        for (index, binding) in BINDINGS.iter().enumerate() {
            let clash = BINDINGS[index + 1..].iter().find(|other| {
                let same_key = (other.code, other.modifiers) == (binding.code, binding.modifiers);
                same_key && (other.place == binding.place || [other.place, binding.place].contains(&Where::Everywhere))
            });
            assert!(clash.is_none(), "{:?} with {:?} is bound twice", binding.code, binding.modifiers);
        }
    }

    #[test]
    fn keys_that_a_terminal_cannot_tell_from_others_are_left_alone() {
        for letter in ['i', 'm', 'h', '[', 's', 'q', 'z'] {
            let bound = BINDINGS.iter().find(|binding| binding.code == key(letter) && binding.modifiers == CTRL);
            assert!(bound.is_none(), "Ctrl-{letter}");
        }
    }

    #[test]
    fn letting_a_key_go_means_nothing() {
        let released = KeyEvent::new_with_kind(KeyCode::Enter, NONE, KeyEventKind::Release);
        assert_eq!(intent(released, Focus::Input), None);
    }
}
