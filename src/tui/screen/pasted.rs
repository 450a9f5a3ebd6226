//! A large paste does not fill the input box: a note stands for it there, and the text goes along with the question.

use super::state::Screen;

/// More than this would hide what is asked about it.
const MOST_LINES: usize = 8;
const MOST_BYTES: usize = 1_500;

impl Screen {
    /// What is put into the box for `text`: itself, or a note that stands for it.
    pub(super) fn noted(&mut self, text: String) -> String {
        let lines = text.lines().count();
        if lines <= MOST_LINES && text.len() <= MOST_BYTES {
            return text;
        }
        let note = format!("[pasted text {}: {lines} lines, {} bytes]", self.pasted.len() + 1, text.len());
        self.pasted.push((note.clone(), text));
        note
    }

    /// The question with every paste in the place of its note.
    pub(super) fn with_pasted(&mut self, question: &str) -> String {
        let put = |question: String, (note, text): (String, String)| {
            question.replace(&note, &format!("\n```\n{}\n```\n", text.trim_end_matches('\n')))
        };
        std::mem::take(&mut self.pasted).into_iter().fold(question.to_owned(), put)
    }
}
