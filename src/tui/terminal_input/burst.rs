//! Tells typed text from text that is pasted by a terminal without brackets.
//!
//! Nobody types a line end and the next line within one read. `first\rsecond` in one read is one paste, not a question
//! and half of the next. A line with its end may be either, so it waits for a moment: nothing more came, and it is keys;
//! more text came, and all is one paste. Enter that is typed comes alone, and does not wait.
//!
//! One pasted line that ends with a line end cannot be told from a typed one.

use std::time::{Duration, Instant};

use super::sequence::{Kind, Sequence};

/// Terminals that write a paste in pieces leave less between them.
const GAP: Duration = Duration::from_millis(30);
/// Nobody types as fast as this; a paste that comes byte by byte does.
const TYPED_APART: Duration = Duration::from_millis(5);

const LINE_ENDS: [char; 2] = ['\r', '\n'];

/// Joins text that comes at once.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    /// What may be pasted.
    text: String,
    last: Option<Instant>,
}

impl Bursts {
    /// Takes the sequences of one read at `now`, and returns those that are certain.
    pub(super) fn take(&mut self, read: &[Sequence], now: Instant) -> Vec<Sequence> {
        let mut certain =
            if self.deadline().is_some_and(|deadline| now >= deadline) { self.give_up() } else { Vec::new() };
        for run in read.chunk_by(|one, next| typed(one).is_some() == typed(next).is_some()) {
            let text: String = run.iter().filter_map(typed).collect();
            if text.is_empty() {
                certain.append(&mut self.give_up());
                certain.extend_from_slice(run);
            } else {
                self.take_text(&text, now, &mut certain);
            }
        }
        certain
    }

    fn take_text(&mut self, text: &str, now: Instant, certain: &mut Vec<Sequence>) {
        let is_fast = self.last.is_some_and(|last| now.duration_since(last) < TYPED_APART);
        self.last = Some(now);
        let ends_a_line = text.ends_with(LINE_ENDS) && (is_fast || !text.trim().is_empty());
        if ends_a_line || is_pasted(text) || !self.text.is_empty() {
            self.text.push_str(text);
        } else {
            certain.extend(text.chars().map(key));
        }
    }

    /// When what is held becomes certain, if anything is held.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.last.filter(|_| !self.text.is_empty()).map(|last| last + GAP)
    }

    /// What is held: a paste, or keys if no text came behind a line end.
    pub(super) fn give_up(&mut self) -> Vec<Sequence> {
        let text = std::mem::take(&mut self.text);
        if is_pasted(&text) { vec![Kind::Paste(text).plain()] } else { text.chars().map(key).collect() }
    }
}

/// A character that can be typed text: a printable one, a line end, a tab.
fn typed(sequence: &Sequence) -> Option<char> {
    match sequence {
        Sequence { alt: false, kind: Kind::Char(c) } => Some(*c),
        Sequence { alt: false, kind: Kind::Control(byte @ (b'\r' | b'\n' | b'\t')) } => Some(char::from(*byte)),
        _ => None,
    }
}

fn key(c: char) -> Sequence {
    u8::try_from(c).ok().filter(u8::is_ascii_control).map_or(Kind::Char(c), Kind::Control).plain()
}

/// Whether text comes behind a line end.
fn is_pasted(text: &str) -> bool {
    text.find(LINE_ENDS).is_some_and(|end| !text[end..].trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Sequence> {
        text.chars().map(key).collect()
    }

    fn paste(text: &str) -> Vec<Sequence> {
        vec![Kind::Paste(text.to_owned()).plain()]
    }

    /// What is certain at once after reads of `texts`, each `apart` after the one before, and then in the end.
    fn read(texts: &[&str], apart: Duration) -> (Vec<Sequence>, Vec<Sequence>) {
        let (mut bursts, mut now) = (Bursts::default(), Instant::now());
        let mut certain = Vec::new();
        for text in texts {
            now += apart;
            certain.extend(bursts.take(&keys(text), now));
        }
        (certain, bursts.give_up())
    }

    const AT_ONCE: Duration = Duration::from_millis(8);

    #[test]
    fn lines_that_come_at_once_are_one_paste() {
        for text in ["one\rtwo", "one\r\rtwo\r", "one\n\ttwo\n", "a\rb\rc\r", "/one\r?two", "真\r理"] {
            assert_eq!(read(&[text], AT_ONCE), (Vec::new(), paste(text)), "{text:?}");
        }
    }

    #[test]
    fn a_line_with_its_end_is_typed_and_waits_for_a_moment() {
        assert_eq!(read(&["Who?\r"], AT_ONCE), (Vec::new(), keys("Who?\r")));
        assert_eq!(read(&["\r"], AT_ONCE), (keys("\r"), Vec::new()), "alone, it does not wait");
        assert_eq!(read(&["Who?", "\r"], AT_ONCE), (keys("Who?\r"), Vec::new()));
        assert_eq!(read(&["Who?\r", "\t"], AT_ONCE), (Vec::new(), keys("Who?\r\t")));
    }

    #[test]
    fn a_paste_that_comes_in_pieces_is_one() {
        assert_eq!(read(&["/one\r", "two\r", "three"], AT_ONCE), (Vec::new(), paste("/one\rtwo\rthree")));
        assert_eq!(read(&["one\rtw", "o\r"], AT_ONCE), (Vec::new(), paste("one\rtwo\r")));
        let bytes = ["o", "n", "e", "\r", "t", "w", "o", "\r"];
        assert_eq!(read(&bytes, Duration::from_millis(1)), (keys("one"), paste("\rtwo\r")));
    }

    #[test]
    fn two_questions_of_a_fast_typist_stay_two() {
        let (certain, held) = read(&["one\r", "two\r"], Duration::from_millis(31));
        assert_eq!((certain, held), (keys("one\r"), keys("two\r")));
    }

    #[test]
    fn another_key_ends_a_paste() {
        let mut bursts = Bursts::default();
        let esc = Kind::Esc.plain();
        let read = [keys("one\rtwo"), vec![esc.clone()], keys("x")].concat();
        assert_eq!(bursts.take(&read, Instant::now()), [paste("one\rtwo"), vec![esc], keys("x")].concat());
    }
}
