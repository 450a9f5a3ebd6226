//! Input boxes: readline's editing, in the question and in every one-line field.
//!
//! What a key cannot mean here types nothing: Ctrl-U kills, Alt-X is no X. Killed text goes to the box's kill buffer, and
//! Ctrl-Y puts it back. Ctrl-W kills to the last white space, Alt-Backspace to the last beginning of a word: `src/main.rs`
//! goes whole, or only its `rs`. In a question of several lines, Ctrl-U kills to the start of its line, and there the line
//! end before it.
//!
//! Keys with a meaning of their own in the keymap (Enter, arrows, Ctrl-C) don't come here.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Style;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

/// An input box with `text` and the caret at its end. The hardware cursor is the caret, so the box draws none.
pub(super) fn input_box(text: &str) -> TextArea<'static> {
    let mut input = TextArea::from(text.split('\n'));
    input.set_wrap_mode(WrapMode::WordOrGlyph);
    input.set_cursor_style(Style::new());
    input.set_cursor_line_style(Style::new());
    input.set_max_histories(100);
    input.move_cursor(CursorMove::Bottom);
    input.move_cursor(CursorMove::End);
    input
}

/// A one-line box with `text` that scrolls with the caret.
pub(super) fn line_box(text: &str) -> TextArea<'static> {
    let mut input = input_box(text);
    input.set_wrap_mode(WrapMode::None);
    input
}

/// `text` in the place of what `input` holds. What was killed there can still be put back.
pub(super) fn replace(input: &mut TextArea<'static>, text: &str) {
    let killed = input.yank_text();
    *input = input_box(text);
    input.set_yank_text(killed);
}

/// A one-line field that scrolls with the caret: a search, a filter, a name.
#[derive(Debug, Clone)]
pub(in crate::tui) struct LineInput(TextArea<'static>);

/// Compares what is visible.
impl PartialEq for LineInput {
    fn eq(&self, other: &Self) -> bool {
        (self.text(), caret(&self.0)) == (other.text(), caret(&other.0))
    }
}

impl Eq for LineInput {}

impl LineInput {
    pub(in crate::tui) fn new(text: &str) -> Self {
        Self(line_box(text))
    }

    pub(in crate::tui) fn text(&self) -> &str {
        &self.0.lines()[0]
    }

    pub(in crate::tui) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The box to draw.
    pub(in crate::tui) fn area(&self) -> &TextArea<'static> {
        &self.0
    }

    /// Edits the line with `key`.
    pub(super) fn press(&mut self, key: KeyEvent) {
        edit(&mut self.0, key);
    }

    /// Inserts `text`, each run of white space as one space: a field has one line.
    pub(super) fn paste(&mut self, text: &str) {
        self.0.insert_str(text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

/// Whether `key` takes something away before the caret.
pub(super) fn is_backspace(key: KeyEvent) -> bool {
    let is_control_h = key.code == KeyCode::Char('h') && key.modifiers == KeyModifiers::CONTROL;
    is_control_h || (key.code == KeyCode::Backspace && key.modifiers.is_empty())
}

/// Whether `key` types a letter or a sign.
pub(super) fn is_text(key: KeyEvent) -> bool {
    matches!(key.code, KeyCode::Char(_)) && (key.modifiers - KeyModifiers::SHIFT).is_empty()
}

/// Edits `input` with `key` as readline does. A key that means nothing here changes nothing.
pub(super) fn edit(input: &mut TextArea<'static>, key: KeyEvent) {
    let held = key.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | OTHERS);
    match held {
        KeyModifiers::CONTROL => with_control(input, key.code),
        KeyModifiers::ALT => with_alt(input, key.code),
        KeyModifiers::NONE => plain(input, key.code),
        // Ctrl and Alt together are how some layouts type a letter: AltGr. Terminals send the letter itself then.
        _ => {}
    }
}

/// No letter is typed with these.
const OTHERS: KeyModifiers = KeyModifiers::SUPER.union(KeyModifiers::HYPER).union(KeyModifiers::META);

fn plain(input: &mut TextArea<'static>, code: KeyCode) {
    match code {
        KeyCode::Char(c) if !c.is_control() => input.insert_char(c),
        KeyCode::Backspace => drop(input.delete_char()),
        KeyCode::Delete => drop(input.delete_next_char()),
        KeyCode::Left => input.move_cursor(CursorMove::Back),
        KeyCode::Right => input.move_cursor(CursorMove::Forward),
        KeyCode::Home => input.move_cursor(CursorMove::Head),
        KeyCode::End => input.move_cursor(CursorMove::End),
        _ => {}
    }
}

fn with_control(input: &mut TextArea<'static>, code: KeyCode) {
    match code {
        KeyCode::Char('a') | KeyCode::Home => input.move_cursor(CursorMove::Head),
        KeyCode::Char('e') | KeyCode::End => input.move_cursor(CursorMove::End),
        KeyCode::Char('b') => input.move_cursor(CursorMove::Back),
        KeyCode::Char('f') => input.move_cursor(CursorMove::Forward),
        KeyCode::Char('h') => drop(input.delete_char()),
        KeyCode::Char('d') => drop(input.delete_next_char()),
        KeyCode::Char('u') => kill_to(input, Goal::LineStart),
        KeyCode::Char('k') => kill_to(input, Goal::LineEnd),
        KeyCode::Char('w') => kill_to(input, Goal::TextBack),
        KeyCode::Char('y') => drop(input.paste()),
        // Ctrl-_, which terminals send as Ctrl-7.
        KeyCode::Char('7' | '_' | '/') => drop(input.undo()),
        KeyCode::Char('r') => drop(input.redo()),
        KeyCode::Backspace => kill_to(input, Goal::WordBack),
        KeyCode::Delete => kill_to(input, Goal::WordForward),
        KeyCode::Left => move_to(input, Goal::WordBack),
        KeyCode::Right => move_to(input, Goal::WordForward),
        _ => {}
    }
}

fn with_alt(input: &mut TextArea<'static>, code: KeyCode) {
    match code {
        KeyCode::Char('b' | 'B') | KeyCode::Left => move_to(input, Goal::WordBack),
        KeyCode::Char('f' | 'F') | KeyCode::Right => move_to(input, Goal::WordForward),
        KeyCode::Char('d' | 'D') | KeyCode::Delete => kill_to(input, Goal::WordForward),
        KeyCode::Backspace => kill_to(input, Goal::WordBack),
        KeyCode::Char('<') => input.move_cursor(CursorMove::Top),
        KeyCode::Char('>') => {
            input.move_cursor(CursorMove::Bottom);
            input.move_cursor(CursorMove::End);
        }
        _ => {}
    }
}

/// Where an edit goes, from the caret.
#[derive(Debug, Clone, Copy)]
enum Goal {
    LineStart,
    LineEnd,
    /// Back over white space and then over anything else.
    TextBack,
    WordBack,
    WordForward,
}

impl Goal {
    const fn is_back(self) -> bool {
        matches!(self, Self::LineStart | Self::TextBack | Self::WordBack)
    }
}

/// Row and column of the caret.
fn caret(input: &TextArea<'_>) -> (usize, usize) {
    let caret = input.cursor();
    (caret.0, caret.1)
}

/// Row and column of `goal`. From the end of a line it is the start of the next one, and so backwards: a second Ctrl-U
/// joins the line with the one above.
fn place(input: &TextArea<'_>, goal: Goal) -> (usize, usize) {
    let (row, column) = caret(input);
    let line: Vec<char> = input.lines()[row].chars().collect();
    match goal {
        back if back.is_back() && column == 0 => match row.checked_sub(1) {
            Some(above) => (above, input.lines()[above].chars().count()),
            None => (row, column),
        },
        forward if !forward.is_back() && column == line.len() => {
            if row + 1 < input.lines().len() {
                (row + 1, 0)
            } else {
                (row, column)
            }
        }
        Goal::LineStart => (row, 0),
        Goal::LineEnd => (row, line.len()),
        Goal::TextBack => (row, start_of_text(&line, column)),
        Goal::WordBack => (row, start_of_word(&line, column)),
        Goal::WordForward => (row, end_of_word(&line, column)),
    }
}

fn move_to(input: &mut TextArea<'static>, goal: Goal) {
    let (row, column) = place(input, goal);
    let cell = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    input.move_cursor(CursorMove::Jump(cell(row), cell(column)));
}

/// Kills from the caret to `goal`.
fn kill_to(input: &mut TextArea<'static>, goal: Goal) {
    if place(input, goal) == caret(input) {
        return;
    }
    input.start_selection();
    move_to(input, goal);
    input.cut();
    input.cancel_selection();
}

/// Where the run of text before `column` begins, in white space's terms.
fn start_of_text(line: &[char], column: usize) -> usize {
    let text = line[..column].iter().rposition(|c| !c.is_whitespace()).map_or(0, |last| last + 1);
    line[..text].iter().rposition(|c| c.is_whitespace()).map_or(0, |space| space + 1)
}

/// Where the word before `column` begins. A word is letters and digits.
fn start_of_word(line: &[char], column: usize) -> usize {
    let word = line[..column].iter().rposition(|c| c.is_alphanumeric()).map_or(0, |last| last + 1);
    line[..word].iter().rposition(|c| !c.is_alphanumeric()).map_or(0, |other| other + 1)
}

/// Where the word behind `column` ends.
fn end_of_word(line: &[char], column: usize) -> usize {
    let after = |from: usize, is_end: &dyn Fn(&char) -> bool| {
        line[from..].iter().position(is_end).map_or(line.len(), |at| from + at)
    };
    let word = after(column, &|c| c.is_alphanumeric());
    after(word, &|c| !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A box with `text`, `|` standing for the caret.
    fn at_caret(text: &str) -> TextArea<'static> {
        let mut input = input_box(&text.replace('|', ""));
        let before: Vec<&str> = text.split('|').next().expect("one").split('\n').collect();
        let column = before[before.len() - 1].chars().count();
        input.move_cursor(CursorMove::Jump(before.len() as u16 - 1, column as u16));
        input
    }

    fn shown(input: &TextArea<'_>) -> String {
        let (row, column) = caret(input);
        let mut lines: Vec<Vec<char>> = input.lines().iter().map(|line| line.chars().collect()).collect();
        lines[row].insert(column, '|');
        lines.iter().map(|line| line.iter().collect::<String>()).collect::<Vec<_>>().join("\n")
    }

    /// `text` after the keys, written as in the configuration.
    fn edited(text: &str, keys: &[&str]) -> String {
        let mut input = at_caret(text);
        for key in keys {
            edit(&mut input, key_of(key));
        }
        shown(&input)
    }

    fn key_of(name: &str) -> KeyEvent {
        let (modifiers, code) = match name.rsplit_once('-') {
            Some(("ctrl", code)) => (KeyModifiers::CONTROL, code),
            Some(("alt", code)) => (KeyModifiers::ALT, code),
            Some(("super", code)) => (KeyModifiers::SUPER, code),
            Some(("ctrl-alt", code)) => (KeyModifiers::CONTROL | KeyModifiers::ALT, code),
            _ => (KeyModifiers::NONE, name),
        };
        let code = match code {
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "backspace" => KeyCode::Backspace,
            "delete" => KeyCode::Delete,
            letter => KeyCode::Char(letter.chars().next().expect("a letter")),
        };
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn keys_kill_as_in_readline() {
        let cases = [
            ("one two| three", "ctrl-u", "| three"),
            ("one two| three", "ctrl-k", "one two|"),
            ("one src/main.rs  |x", "ctrl-w", "one |x"),
            ("one src/main.rs|x", "alt-backspace", "one src/main.|x"),
            ("one| src/main.rs", "alt-d", "one|/main.rs"),
            ("one| two three", "ctrl-delete", "one| three"),
            ("one two|", "ctrl-backspace", "one |"),
            ("one\ntwo| three", "ctrl-u", "one\n| three"),
            ("one\n|two", "ctrl-u", "one|two"),
            ("one|\ntwo", "ctrl-k", "one|two"),
            ("|one", "ctrl-u", "|one"),
            ("one\n|two", "alt-backspace", "one|two"),
            ("真理 は|", "ctrl-w", "真理 |"),
        ];
        for (text, key, expected) in cases {
            assert_eq!(edited(text, &[key]), expected, "{key} in {text:?}");
        }
    }

    #[test]
    fn keys_move_by_words_and_lines() {
        let cases = [
            ("one two-three|", "alt-left", "one two-|three"),
            ("one two-|three", "alt-b", "one |two-three"),
            ("|one two", "alt-f", "one| two"),
            ("one| two", "alt-right", "one two|"),
            ("one\n|two", "alt-b", "one|\ntwo"),
            ("one|\ntwo", "ctrl-right", "one\n|two"),
            ("one t|wo", "ctrl-a", "|one two"),
            ("one t|wo", "ctrl-e", "one two|"),
            ("o|ne", "ctrl-f", "on|e"),
        ];
        for (text, key, expected) in cases {
            assert_eq!(edited(text, &[key]), expected, "{key} in {text:?}");
        }
    }

    #[test]
    fn what_was_killed_is_put_back_and_an_edit_is_undone() {
        assert_eq!(edited("one two|", &["ctrl-w", "ctrl-a", "ctrl-y"]), "two|one ");
        assert_eq!(edited("one two|", &["ctrl-u", "ctrl-y"]), "one two|");
        assert_eq!(edited("one two|", &["ctrl-u", "ctrl-7"]), "one two|");
        let mut input = at_caret("one two|");
        edit(&mut input, key_of("ctrl-u"));
        replace(&mut input, "");
        edit(&mut input, key_of("ctrl-y"));
        assert_eq!(shown(&input), "one two|", "also in the next question");
    }

    #[test]
    fn a_field_keeps_one_line() {
        let mut field = LineInput::new("one");
        field.paste(" two\r\n\tthree");
        for code in [KeyCode::Enter, KeyCode::Char('\n'), KeyCode::Tab] {
            field.press(code.into());
        }
        field.press(KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT));
        assert_eq!((field.text(), field.area().lines().len()), ("onetwo three", 1));
    }

    proptest! {
        #[test]
        fn a_letter_with_a_modifier_is_never_typed(
            c in proptest::char::range(' ', '~'),
            modifiers in prop::sample::select(vec!["ctrl-", "alt-", "super-", "ctrl-alt-"]),
        ) {
            let held = key_of(&format!("{modifiers}x")).modifiers;
            let mut input = input_box("");
            edit(&mut input, KeyEvent::new(KeyCode::Char(c), held));
            prop_assert!(input.is_empty());
        }

        #[test]
        fn any_keys_keep_the_caret_in_the_text(keys in proptest::collection::vec((0_usize..26, 0_usize..3), 0..40)) {
            let mut input = input_box("one two\nthree/four");
            for (letter, with) in keys {
                let code = KeyCode::Char(char::from(b'a' + letter as u8));
                let modifiers = [KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT][with];
                edit(&mut input, KeyEvent::new(code, modifiers));
                let (row, column) = caret(&input);
                prop_assert!(column <= input.lines()[row].chars().count());
            }
        }
    }
}
