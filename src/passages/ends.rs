//! Widens passages to the ends of lines or sentences, so that they can be read, and joins those that meet.

use std::ops::Range;

use super::Passage;

/// How many bytes a passage grows at most on either side to reach the end of a line or sentence.
const MOST_BYTES: usize = 240;

/// `passages` in the order of `text`, each widened to the ends of lines or sentences. Those that meet or overlap are
/// one passage with the sum of their scores. Blank ones are left out.
#[must_use]
pub fn joined(text: &str, passages: &[Passage]) -> Vec<Passage> {
    let mut widened: Vec<Passage> = passages
        .iter()
        .map(|passage| Passage { span: widened(text, &passage.span), score: passage.score })
        .filter(|passage| !text[passage.span.clone()].trim().is_empty())
        .collect();
    widened.sort_by_key(|passage| passage.span.start);
    let mut joined: Vec<Passage> = Vec::new();
    for passage in widened {
        match joined.last_mut().filter(|last| passage.span.start <= last.span.end) {
            Some(last) => {
                last.span.end = last.span.end.max(passage.span.end);
                last.score += passage.score;
            }
            None => joined.push(passage),
        }
    }
    joined
}

/// `span` grown to the nearest ends of lines or sentences; where there are none near, to whole words.
fn widened(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    let before = &text[text.floor_char_boundary(start.saturating_sub(MOST_BYTES))..start];
    let after = &text[end..text.ceil_char_boundary((end + MOST_BYTES).min(text.len()))];
    let start = start - (before.len() - last_end(before, start == before.len()));
    let is_at_end = start == end || ends_here(&text[..end], after);
    let end = if is_at_end { end } else { end + first_end(after, end + after.len() == text.len()) };
    start..end
}

/// Where the last line or sentence of `before` ends; `is_all`: nothing comes before it.
fn last_end(before: &str, is_all: bool) -> usize {
    let ends = before.char_indices().filter(|&(at, c)| is_end(c, &before[at + c.len_utf8()..]));
    let last = ends.map(|(at, c)| at + c.len_utf8()).next_back();
    let last = last.map(|at| before.len() - before[at..].trim_start_matches([' ', '\t']).len());
    let word = || before.rfind(char::is_whitespace).map_or(before.len(), |at| at + 1);
    last.unwrap_or_else(|| if is_all { 0 } else { word() })
}

/// Where the first line or sentence of `after` ends; `is_all`: nothing comes after it.
fn first_end(after: &str, is_all: bool) -> usize {
    let end = after.char_indices().find(|&(at, c)| is_end(c, &after[at + c.len_utf8()..]));
    let word = || after.find(char::is_whitespace).unwrap_or(0);
    let at_end = |(at, c): (usize, char)| if c == '\n' { at } else { at + c.len_utf8() };
    end.map_or_else(|| if is_all { after.len() } else { word() }, at_end)
}

/// Whether a line or sentence ends just before `after`.
fn ends_here(before: &str, after: &str) -> bool {
    before.chars().next_back().is_none_or(|c| is_end(c, after)) || after.starts_with('\n')
}

/// Whether a line or sentence ends with `c`, behind which comes `after`.
fn is_end(c: char, after: &str) -> bool {
    match c {
        '\n' | '。' | '！' | '？' => true,
        '.' | '!' | '?' => after.chars().next().is_none_or(char::is_whitespace),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str, spans: &[Range<usize>]) -> Vec<String> {
        let passages: Vec<_> = spans.iter().map(|span| Passage { span: span.clone(), score: 1.0 }).collect();
        joined(text, &passages).iter().map(|passage| text[passage.span.clone()].to_owned()).collect()
    }

    #[test]
    fn passages_grow_to_the_ends_of_sentences_and_lines() {
        let text = "Tom is a cat. Anna is a dog who barks. The fish is mute.\nfn main() {\n    run();\n}\n";
        assert_eq!(texts(text, &[20..25]), ["Anna is a dog who barks."]);
        assert_eq!(texts(text, &[62..64]), ["fn main() {"]);
        assert_eq!(texts("猫です。犬です。魚です。", &[15..18]), ["犬です。"]);
    }

    #[test]
    fn passages_that_meet_are_one() {
        let text = "One is red. Two is blue. Three is green. Four is grey.";
        let passages = [Passage { span: 30..33, score: 0.25 }, Passage { span: 12..28, score: 0.5 }];
        assert_eq!(joined(text, &passages), [Passage { span: 12..40, score: 0.75 }]);
        assert_eq!(texts(text, &[0..3, 45..46]), ["One is red.", "Four is grey."]);
    }

    #[test]
    fn words_stay_whole_where_no_sentence_ends() {
        let text = "word ".repeat(400);
        assert_eq!(texts(&text, &[1_002..1_003]), ["word"]);
    }

    proptest! {
        #[test]
        fn what_was_found_stays_inside(text in "[a-c .\n猫。]{1,80}", from in 0usize..200, length in 0usize..60) {
            let span = from.min(text.len())..(from + length).min(text.len());
            for passage in joined(&text, &[Passage { span: span.clone(), score: 1.0 }]) {
                prop_assert!(passage.span.start <= span.start && passage.span.end >= span.end, "{passage:?} {span:?}");
                prop_assert!(text.get(passage.span).is_some());
            }
        }
    }
}
