//! Large pastes: a placeholder appears in the input box, and the text is sent with the question.

use super::state::Screen;

/// A longer paste would hide the question.
const MOST_LINES: usize = 8;
const MOST_BYTES: usize = 1_500;

impl Screen {
    /// The text to insert for a paste: itself, or a placeholder.
    pub(super) fn noted(&mut self, text: String) -> String {
        let lines = text.lines().count();
        if lines <= MOST_LINES && text.len() <= MOST_BYTES {
            return text;
        }
        let note = format!("[pasted text {}: {lines} lines, {} bytes]", self.pasted.len() + 1, text.len());
        self.pasted.push((note.clone(), text));
        note
    }

    /// The question with each placeholder replaced by its text.
    pub(super) fn with_pasted(&mut self, question: &str) -> String {
        let put = |question: String, (note, text): (String, String)| {
            question.replace(&note, &format!("\n```\n{}\n```\n", text.trim_end_matches('\n')))
        };
        std::mem::take(&mut self.pasted).into_iter().fold(question.to_owned(), put)
    }
}
