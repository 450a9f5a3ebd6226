//! Searches the document: finds all hits at once.
//!
//! Lower case finds upper case; a capital finds only itself. A space finds any white space including line breaks, so a
//! phrase is found across lines.

use regex::{Regex, RegexBuilder};

use crate::document::ByteSpan;

/// The pattern for `needle`; `None` if it is blank.
pub(in crate::tui) fn pattern(needle: &str) -> Option<Regex> {
    let words: Vec<String> = needle.split_whitespace().map(regex::escape).collect();
    let pattern =
        RegexBuilder::new(&words.join(r"\s+")).case_insensitive(!needle.chars().any(char::is_uppercase)).build();
    pattern.ok().filter(|_| !words.is_empty())
}

/// A search and its hits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::tui) struct DocumentSearch {
    pub needle: String,
    pub hits: Vec<ByteSpan>,
    /// The current hit.
    pub at: usize,
}

impl DocumentSearch {
    pub(super) fn for_text(text: &str, needle: &str) -> Self {
        let pattern = pattern(needle);
        let found = pattern.iter().flat_map(|pattern| pattern.find_iter(text));
        let hits = found.map(|hit| ByteSpan { start: hit.start(), end: hit.end() }).collect();
        Self { needle: needle.to_owned(), hits, at: 0 }
    }

    /// Selects the first hit from `byte` on, or the first of all.
    pub(super) fn select_from(&mut self, byte: usize) {
        let next = self.hits.partition_point(|hit| hit.start < byte);
        self.at = if next < self.hits.len() { next } else { 0 };
    }

    /// Moves by `step` hits, wrapping around.
    pub(super) fn step(&mut self, step: isize) {
        if !self.hits.is_empty() {
            let all = self.hits.len();
            self.at = (self.at + all).wrapping_add_signed(step) % all;
        }
    }

    pub(in crate::tui) fn selected(&self) -> Option<ByteSpan> {
        self.hits.get(self.at).copied()
    }

    /// The hits that overlap `span`.
    pub(in crate::tui) fn within(&self, span: ByteSpan) -> &[ByteSpan] {
        let from = self.hits.partition_point(|hit| hit.end <= span.start);
        let to = self.hits.partition_point(|hit| hit.start < span.end);
        &self.hits[from..to.max(from)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, needle: &str) -> Vec<&'a str> {
        DocumentSearch::for_text(text, needle).hits.iter().map(|hit| &text[hit.start..hit.end]).collect()
    }

    #[test]
    fn small_letters_find_capitals_and_spaces_find_line_ends() {
        let text = "The truth\nuniversally acknowledged. the (truth)";
        assert_eq!(found(text, "the truth"), ["The truth"]);
        assert_eq!(found(text, "truth universally"), ["truth\nuniversally"]);
        assert_eq!(found(text, "The"), ["The"]);
        assert_eq!(found(text, "(truth)"), ["(truth)"]);
        assert_eq!(found(text, " "), [""; 0]);
    }

    #[test]
    fn hits_go_around() {
        let mut search = DocumentSearch::for_text("a b a b a", "a");
        search.select_from(5);
        assert_eq!(search.at, 2);
        search.step(1);
        assert_eq!(search.at, 0);
        search.step(-1);
        assert_eq!(search.at, 2);
        assert_eq!(search.within(ByteSpan { start: 1, end: 5 }), [ByteSpan { start: 4, end: 5 }]);
    }
}
