//! Words, and the passages that have those of a question.
//!
//! Words are compared in lower case, without stemming. In scripts without spaces, every two letters are a word.
//! `read_line` and `readLine` also count as `read` and `line`. Windows are ranked by BM25: rare words count more.
//!
//! A passage that says the same in other words is not found.

use std::collections::HashSet;

use bm25::{Embedder, EmbedderBuilder, Scorer, Tokenizer};
use unicode_segmentation::UnicodeSegmentation;

use super::Passage;

/// A word of the question says where to look if it is in at most this share of the windows.
const DISTINCTIVE_SHARE: f32 = 0.125;

/// Words of questions that no single passage answers: about all of a text, how many, in which order, or how something
/// stands at last. In lower case; in English, German, French and Spanish.
const ABOUT_ALL: [&str; 64] = [
    "summarise",
    "summarize",
    "summary",
    "overview",
    "outline",
    "overall",
    "list",
    "enumerate",
    "all",
    "every",
    "each",
    "many",
    "often",
    "count",
    "times",
    "total",
    "first",
    "last",
    "earliest",
    "latest",
    "order",
    "sequence",
    "timeline",
    "before",
    "after",
    "compare",
    "comparison",
    "differences",
    "now",
    "currently",
    "anymore",
    "finally",
    "throughout",
    "whole",
    "entire",
    "zusammenfassung",
    "zusammen",
    "überblick",
    "alle",
    "jede",
    "jeder",
    "viele",
    "oft",
    "zähle",
    "zuerst",
    "zuletzt",
    "jetzt",
    "reihenfolge",
    "résume",
    "résumé",
    "tous",
    "toutes",
    "combien",
    "ordre",
    "maintenant",
    "enfin",
    "resume",
    "resumen",
    "todos",
    "todas",
    "cuántos",
    "cuántas",
    "orden",
    "ahora",
];

/// Whether `question` is about more than a passage, as far as its words tell.
#[must_use]
pub fn asks_about_all(question: &str) -> bool {
    Words.tokenize(question).iter().any(|word| ABOUT_ALL.contains(&word.as_str()))
}

/// Whether `best`, stretches of `text`, have at least two words of `question` that are rare in the text, and at least
/// half of those that there are.
#[must_use]
pub fn has_its_words(text: &str, question: &str, best: &[Passage], passage_bytes: usize) -> bool {
    let best: String = best.iter().map(|passage| &text[passage.span.clone()]).collect::<Vec<_>>().join("\n");
    is_pointed_at(text, &windows(text, passage_bytes), question, &best)
}

/// Up to `count` passages of about `passage_bytes` with the words of `question`, which don't overlap; the best one first.
#[must_use]
pub fn by_words(text: &str, question: &str, count: usize, passage_bytes: usize) -> Vec<Passage> {
    let windows = windows(text, passage_bytes);
    let mut passages: Vec<Passage> = Vec::new();
    for (index, score) in ranked(text, &windows, question) {
        let (start, end) = windows[index];
        let overlaps = |passage: &Passage| start < passage.span.end && passage.span.start < end;
        if passages.len() < count && !passages.iter().any(overlaps) {
            passages.push(Passage { span: start..end, score });
        }
    }
    passages
}

/// Windows of about `bytes`; each begins in the middle of the one before.
fn windows(text: &str, bytes: usize) -> Vec<(usize, usize)> {
    let step = (bytes / 2).max(1);
    let mut ends = vec![0];
    while let Some(&last) = ends.last().filter(|&&last| last < text.len()) {
        ends.push(text.ceil_char_boundary((last + step).min(text.len())));
    }
    let pairs = ends.windows(3).map(|ends| (ends[0], ends[2]));
    let windows: Vec<_> = pairs.collect();
    if windows.is_empty() && !text.is_empty() { vec![(0, text.len())] } else { windows }
}

/// The windows that have a word of the question, best first.
fn ranked(text: &str, windows: &[(usize, usize)], question: &str) -> Vec<(usize, f32)> {
    let texts: Vec<&str> = windows.iter().map(|&(start, end)| &text[start..end]).collect();
    let embedder: Embedder<u32, Words> = EmbedderBuilder::with_tokenizer_and_fit_to_corpus(Words, &texts).build();
    let mut scorer = Scorer::<usize>::new();
    texts.iter().enumerate().for_each(|(index, text)| scorer.upsert(&index, embedder.embed(text)));
    let mut marks = scorer.matches(&embedder.embed(question));
    marks.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
    marks.into_iter().map(|marked| (marked.id, marked.score)).collect()
}

fn is_pointed_at(text: &str, windows: &[(usize, usize)], question: &str, best: &str) -> bool {
    let words: Vec<HashSet<String>> =
        windows.iter().map(|&(start, end)| Words.tokenize(&text[start..end]).into_iter().collect()).collect();
    let most = (windows.len() as f32 * DISTINCTIVE_SHARE).max(2.0) as usize;
    let is_distinctive = |word: &String| (1..=most).contains(&words.iter().filter(|has| has.contains(word)).count());
    let asked: HashSet<String> = Words.tokenize(question).into_iter().filter(is_distinctive).collect();
    let best: HashSet<String> = Words.tokenize(best).into_iter().collect();
    let found = asked.intersection(&best).count();
    found >= 2 && 2 * found >= asked.len()
}

/// Splits text into words in any language.
#[derive(Debug, Default)]
pub struct Words;

impl Tokenizer for Words {
    fn tokenize(&self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut before: Option<(usize, &str)> = None;
        for (at, word) in text.unicode_word_indices() {
            if is_one_ideograph(word) {
                if let Some((_, other)) = before.filter(|(end, _)| *end == at) {
                    words.push(format!("{other}{word}"));
                }
                before = Some((at + word.len(), word));
            } else {
                before = None;
                words.extend(inner_words(word));
            }
            words.push(word.to_lowercase());
        }
        words
    }
}

/// Whether `word` is a single letter of a script without spaces: Unicode's rules make each one a word.
fn is_one_ideograph(word: &str) -> bool {
    let mut letters = word.chars();
    let is_ideograph = letters.next().is_some_and(|letter| letter >= '\u{2e80}');
    is_ideograph && letters.next().is_none()
}

/// `readLine` → `read`, `line`; empty if the word is not compound.
fn inner_words(word: &str) -> Vec<String> {
    let mut inner = vec![String::new()];
    let mut was_small = false;
    for letter in word.chars() {
        if letter == '_' || (letter.is_uppercase() && was_small) {
            inner.push(String::new());
        }
        if letter != '_' {
            inner.last_mut().expect("at least one").extend(letter.to_lowercase());
        }
        was_small = letter.is_lowercase();
    }
    inner.retain(|word| !word.is_empty());
    if inner.len() > 1 { inner } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 60 sentences, of which the 41st is about a whale.
    fn text() -> String {
        let sentence = |number: usize| match number {
            41 => "The white whale came up beside the boat. ".to_owned(),
            _ => format!("On day {number} the sea was calm and the sky was blue. "),
        };
        (1..=60).map(sentence).collect()
    }

    #[test]
    fn words_are_found_in_any_script_and_in_code() {
        assert_eq!(Words.tokenize("Read_line readLine"), ["read", "line", "read_line", "read", "line", "readline"]);
        assert_eq!(Words.tokenize("吾輩は"), ["吾", "吾輩", "輩", "輩は", "は"]);
        assert_eq!(Words.tokenize("L'Été, 12"), ["l'été", "12"]);
    }

    fn is_pointed(text: &str, question: &str) -> bool {
        let best = by_words(text, question, 1, 200);
        !asks_about_all(question) && has_its_words(text, question, &best, 200)
    }

    #[test]
    fn rare_words_of_a_question_point_at_a_passage() {
        let text = text();
        let question = "Where did the white whale come up?";
        let found = by_words(&text, question, 3, 200);
        assert!(is_pointed(&text, question) && text[found[0].span.clone()].contains("whale"), "{found:?}");
        let mut spans: Vec<_> = found.iter().map(|passage| passage.span.clone()).collect();
        spans.sort_by_key(|span| span.start);
        assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start), "{spans:?}");
    }

    #[test]
    fn a_question_about_all_of_the_text_points_at_nothing() {
        let text = text();
        let all = ["Summarise the text in a few sentences.", "How many white whales came up beside the boat?"];
        assert!(all.iter().all(|question| asks_about_all(question)));
        for question in [all[0], all[1], "What was the sky like?", "", "Elephants?"] {
            assert!(!is_pointed(&text, question), "{question}");
        }
        assert!(!asks_about_all("Who is Mr. Collins?"));
        assert_eq!(by_words("", "whale", 3, 200), []);
    }
}
