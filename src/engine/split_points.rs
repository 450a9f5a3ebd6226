//! Where a text can be split so that its pieces have the tokens of the whole: all cores can then tokenise it, and a
//! long text takes little memory.
//!
//! A byte-level BPE vocabulary first splits the text into words by a pattern, and then merges inside each word. A split
//! between two words changes nothing if the pattern lets no word reach over it and does not look at what is behind it.
//! Two kinds of place are like that in every pattern that [`is_cuttable`] names: between a letter and a space or line
//! end with a letter behind it, and between a Han or kana letter and an ideographic comma or full stop.
//!
//! ```text
//! It is a truth| universally acknowledged,   吾輩は猫である|。名前はまだ無い|。
//! ```
//!
//! Other vocabularies (`SentencePiece` merges over the whole text) are not split. That the pieces give llama.cpp's own
//! tokens of the whole is tested with every vocabulary that llama.cpp has test cases for: `tests/tokens.rs`.

/// Values of `tokenizer.ggml.pre` whose patterns were looked at, one by one, and tested. `llama-v3` and `llama3` are
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

/// Pieces of about this size: small enough that no core is left waiting, large enough that a call's own cost is
/// nothing.
const PIECE_BYTES: usize = 64 << 10;

/// Whether texts may be cut for a vocabulary with this pattern.
pub(super) fn is_cuttable(pre: &str) -> bool {
    CUTTABLE.contains(&pre)
}

/// `text` in pieces, in order, cut only where no token reaches over; one piece when there is no such place.
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

/// The first place from byte `from` on where `text` can be cut.
fn next_cut(text: &str, from: usize) -> Option<usize> {
    (from.max(1)..text.len().saturating_sub(1)).find(|&at| is_between_words(text, at))
}

fn is_between_words(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    match bytes[at] {
        b' ' | b'\n' => bytes[at - 1].is_ascii_alphabetic() && bytes[at + 1].is_ascii_alphabetic(),
        0xe3 | 0xef => is_ideographic_stop(text, at),
        _ => false,
    }
}

/// A comma or full stop of Chinese or Japanese at `at`, with a letter of theirs before it.
fn is_ideographic_stop(text: &str, at: usize) -> bool {
    let stop = text[at..].chars().next();
    matches!(stop, Some('。' | '、' | '，')) && text[..at].chars().next_back().is_some_and(is_east_asian_letter)
}

/// The common ones, which every table of Unicode has as letters.
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

    proptest! {
        #[test]
        fn pieces_are_the_text(words in prop::collection::vec("[a-zé猫。 \n.0-9]{0,30}", 0..20), times in 1..2000_usize) {
            let text = words.concat().repeat(times);
            prop_assert_eq!(pieces(&text).concat(), text);
        }
    }
}
