//! Finds where a text can be split so that its pieces have the same tokens as the whole. All cores can then tokenise
//! it, and a long text needs little memory.
//!
//! A byte-level BPE vocabulary first splits the text into words by a pattern, and then merges inside each word. A split
//! between two words changes nothing if no word of the pattern can span it and the pattern doesn't look past it. Two
//! kinds of place are safe in every pattern listed in [`is_cuttable`]: between a letter and a space or line end that is
//! followed by a letter, and between a Han or kana letter and an ideographic comma or full stop.
//!
//! ```text
//! It is a truth| universally acknowledged,   吾輩は猫である|。名前はまだ無い|。
//! ```
//!
//! A word of more than [`LONGEST_WORD_BYTES`] is split, although its tokens at the split may then be others: merging a
//! word takes a hundred times its size in memory, 5 GB for 50 MB of `a`. No text that means anything has such a word.
//!
//! Other vocabularies are not split (`SentencePiece` merges across the whole text). `tests/tokens.rs` checks with every
//! vocabulary that llama.cpp has test cases for that the pieces give llama.cpp's own tokens for the whole.

/// Values of `tokenizer.ggml.pre` whose patterns were checked one by one and tested. `llama-v3` and `llama3` are
/// other names of `llama-bpe`.
const CUTTABLE: [&str; 14] = [
    "command-r",
    "deepseek-coder",
    "deepseek-llm",
    "falcon",
    "gpt-2",
    "llama-bpe",
    "llama-v3",
    "llama3",
    "mpt",
    "qwen2",
    "qwen35",
    "refact",
    "smollm",
    "starcoder",
];

/// Approximate size of a piece: small enough to keep all cores busy, large enough that the overhead of a call does not
/// matter.
const PIECE_BYTES: usize = 64 << 10;

/// Longer stretches without a safe place are split anywhere.
const LONGEST_WORD_BYTES: usize = 1 << 20;

/// Whether texts can be split for a vocabulary with this pattern.
pub(super) fn is_cuttable(pre: &str) -> bool {
    CUTTABLE.contains(&pre)
}

/// Splits `text` into pieces, in order, only where no token can span the split, or else after
/// [`LONGEST_WORD_BYTES`].
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::with_capacity(text.len() / PIECE_BYTES + 1);
    let mut rest = text;
    while rest.len() > PIECE_BYTES {
        let Some(cut) = next_cut(rest, PIECE_BYTES) else { break };
        let (piece, behind) = rest.split_at(cut);
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

/// The first place from byte `from` on where `text` can be split.
fn next_cut(text: &str, from: usize) -> Option<usize> {
    let last = text.len().saturating_sub(1);
    let longest = from + LONGEST_WORD_BYTES;
    let safe = (from.max(1)..last.min(longest)).find(|&at| is_between_words(text, at));
    safe.or_else(|| (longest < last).then(|| text.floor_char_boundary(longest)))
}

fn is_between_words(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    match bytes[at] {
        b' ' | b'\n' => bytes[at - 1].is_ascii_alphabetic() && bytes[at + 1].is_ascii_alphabetic(),
        0xe3 | 0xef => is_ideographic_stop(text, at),
        _ => false,
    }
}

/// Whether there is a Chinese or Japanese comma or full stop at `at`, after a Chinese or Japanese letter.
fn is_ideographic_stop(text: &str, at: usize) -> bool {
    let stop = text[at..].chars().next();
    matches!(stop, Some('。' | '、' | '，')) && text[..at].chars().next_back().is_some_and(is_east_asian_letter)
}

/// Only the common letters, which are letters in every version of Unicode.
fn is_east_asian_letter(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3093}' | '\u{30a1}'..='\u{30f4}' | '\u{4e00}'..='\u{9fa5}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_lie_between_words_only() {
        let text = "It's a 12th one.  No\n\ncut here; but here\nand 猫である。名";
        let cuts: Vec<&str> = (1..text.len() - 1)
            .filter(|&at| text.is_char_boundary(at) && is_between_words(text, at))
            .map(|at| &text[at..])
            .collect();
        let at_each: Vec<String> = cuts.iter().map(|rest| rest.chars().take(5).collect()).collect();
        assert_eq!(at_each, [" a 12", " one.", " here", " here", "\nand ", "。名"]);
    }

    #[test]
    fn a_text_without_such_a_place_stays_whole() {
        assert_eq!(pieces(&"12 34\n".repeat(50_000)).len(), 1);
        assert_eq!(pieces(&"a word ".repeat(50_000)).len(), 6);
        assert_eq!(pieces(""), [""]);
    }

    #[test]
    fn a_word_without_end_is_split_all_the_same() {
        let text = "é".repeat(LONGEST_WORD_BYTES * 2);
        let pieces = pieces(&text);
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() <= LONGEST_WORD_BYTES + PIECE_BYTES));
        assert_eq!(pieces.concat(), text);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text(words in prop::collection::vec("[a-zé猫。 \n.0-9]{0,30}", 0..20), times in 1..2000_usize) {
            let text = words.concat().repeat(times);
            prop_assert_eq!(pieces(&text).concat(), text);
        }
    }
}
