//! What counts as a word of a quote or a document.

use unicode_segmentation::UnicodeSegmentation;

/// The words of `text` with their byte offsets: letters and digits, by Unicode's rules.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.unicode_word_indices()
}
