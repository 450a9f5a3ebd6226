//! Chooses the parts of a document nearest to a question, for documents that do not fit or would take too long.
//!
//! Every part gets a BM25 score for the question (rare words count more, long parts less). From the best score down,
//! whole parts are taken as long as there is room, and then put into document order. A part that is too long for the
//! room by itself is split between paragraphs, and its pieces are named by their lines.
//!
//! Example: 61 chapters, 162,000 tokens, `--pick 20k -p "Who is Mr. Collins?"`: eight chapters, including the first
//! that is about him.
//!
//! Words are compared in lower case, without stemming. In scripts without spaces, every two letters are a word.
//! `read_line` and `readLine` also count as `read` and `line`.
//!
//! It does not understand meaning: a part that answers the question in other words is not found. So it runs only if the
//! user asks for it.

use std::convert::Infallible;
use std::sync::Arc;

use bm25::{Embedder, EmbedderBuilder, Scorer};
use futures_util::FutureExt;

use crate::document::{ByteSpan, Document, Part};
use crate::passages::Words;
use crate::units;

/// A part that is too long is split into pieces of about this fraction of the room, so that several of them can be
/// taken.
const PIECES_IN_THE_ROOM: usize = 8;

/// A part, or a piece of one, that may be taken.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// Index of the part.
    part: usize,
    /// Whether it is the whole part.
    is_whole: bool,
    span: ByteSpan,
    tokens: u32,
}

/// A part that was taken, or some paragraphs of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Number of the part.
    pub part: usize,
    pub title: String,
    /// The lines of its paragraphs, if it is not the whole part.
    pub lines: Option<String>,
    pub span: ByteSpan,
    pub tokens: u32,
}

/// The result of a retrieval.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrievedParts {
    /// In document order.
    pub pieces: Vec<Piece>,
    /// Number of parts to choose from.
    pub of_parts: usize,
    /// The document made of these pieces.
    pub document: Document,
    pub tokens: u32,
}

impl RetrievedParts {
    /// The number of pieces: `8 of 61 parts`, or `12 passages` if some parts are split.
    #[must_use]
    pub fn in_short(&self) -> String {
        if self.pieces.iter().all(|piece| piece.lines.is_none()) {
            return format!("{} of {} parts", self.pieces.len(), self.of_parts);
        }
        format!("{} passages", self.pieces.len())
    }

    /// One line for display: the pieces taken, by number and title.
    #[must_use]
    pub fn in_words(&self) -> String {
        let name = |piece: &Piece| match &piece.lines {
            Some(lines) => format!("{} ({lines})", piece.title),
            None => format!("{} ({})", piece.title, piece.part),
        };
        let names: Vec<String> = self.pieces.iter().map(name).collect();
        format!("selected {}, {} tokens: {}", self.in_short(), units::count(self.tokens), names.join(", "))
    }
}

/// Returns the pieces of `document` nearest to `question`, up to `room` tokens together; `None` if it contains no word
/// of the question, or no piece with one is short enough. `count` returns the tokens of texts.
///
/// Errors: those of `count`.
pub async fn pick<E>(
    document: &Document,
    question: &str,
    room: u32,
    mut count: impl AsyncFnMut(Vec<Arc<str>>) -> Result<Vec<u32>, E>,
) -> Result<Option<RetrievedParts>, E> {
    let parts = document.parts();
    let candidates = candidates(document, &parts, room, &mut count).await?;
    let mut taken = as_many_as_fit(&candidates, &by_mark(document, &candidates, question), room);
    while !taken.is_empty() {
        let chosen = in_order(&candidates, &taken);
        let picked = document.with_stretches(&chosen.iter().map(|candidate| candidate.span).collect::<Vec<_>>());
        let tokens = count(vec![Arc::from(picked.text.as_str())]).await?.into_iter().sum();
        if tokens <= room {
            let pieces = chosen.iter().map(|candidate| named(document, &parts, candidate)).collect();
            return Ok(Some(RetrievedParts { pieces, of_parts: parts.len(), document: picked, tokens }));
        }
        // The file names and the signs for parts left out do not fit.
        drop_last(&mut taken, &candidates, tokens, room);
    }
    Ok(None)
}

/// [`pick`] with a `count` that returns at once.
#[must_use]
pub fn retrieve(
    document: &Document,
    question: &str,
    room: u32,
    count: impl Fn(&[&str]) -> Vec<u32>,
) -> Option<RetrievedParts> {
    let counted =
        async |texts: Vec<Arc<str>>| Ok::<_, Infallible>(count(&texts.iter().map(AsRef::as_ref).collect::<Vec<_>>()));
    match pick(document, question, room, counted).now_or_never() {
        Some(Ok(picked)) => picked,
        None => unreachable!("nothing is waited for"),
    }
}

/// The parts, with those of more than `room` tokens split into pieces. Each text is counted once.
async fn candidates<E>(
    document: &Document,
    parts: &[Part],
    room: u32,
    count: &mut impl AsyncFnMut(Vec<Arc<str>>) -> Result<Vec<u32>, E>,
) -> Result<Vec<Candidate>, E> {
    let whole = |(index, part): (usize, &Part)| Candidate { part: index, is_whole: true, span: part.span, tokens: 0 };
    let mut candidates: Vec<Candidate> = parts.iter().enumerate().map(whole).collect();
    let counts = count(texts(document, &candidates)).await?;
    count_parts(&mut candidates, counts);
    let mut cut: Vec<Candidate> = candidates
        .extract_if(.., |part| part.tokens > room)
        .flat_map(|part| paragraphs(document, part, room))
        .collect();
    if !cut.is_empty() {
        let counts = count(texts(document, &cut)).await?;
        count_parts(&mut cut, counts);
        candidates.append(&mut cut);
        candidates.sort_by_key(|candidate| candidate.span.start);
    }
    Ok(candidates)
}

fn texts(document: &Document, candidates: &[Candidate]) -> Vec<Arc<str>> {
    candidates.iter().map(|candidate| Arc::from(text_of(document, candidate))).collect()
}

fn text_of<'a>(document: &'a Document, candidate: &Candidate) -> &'a str {
    &document.text[candidate.span.start..candidate.span.end]
}

fn count_parts(candidates: &mut [Candidate], counts: Vec<u32>) {
    candidates.iter_mut().zip(counts).for_each(|(candidate, tokens)| candidate.tokens = tokens);
}

/// Splits `part` between paragraphs so that several pieces fit in `room`; between lines, sentences or words if a
/// paragraph is too long.
fn paragraphs(document: &Document, part: Candidate, room: u32) -> Vec<Candidate> {
    let bytes_per_token = part.span.len() as f64 / f64::from(part.tokens);
    let most_bytes = (bytes_per_token * f64::from(room)) as usize / PIECES_IN_THE_ROOM;
    let mut start = part.span.start;
    let piece = |end: usize| {
        let span = ByteSpan { start, end: part.span.start + end };
        start = span.end;
        Candidate { is_whole: false, span, ..part }
    };
    ends(text_of(document, &part), most_bytes.max(1)).into_iter().map(piece).collect()
}

/// Where pieces of `text` end: each is as long as `most_bytes` allows, and ends with a paragraph, or else with a line, a
/// sentence or a word.
fn ends(text: &str, most_bytes: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut start = 0;
    while text.len() - start > most_bytes {
        let end = text.floor_char_boundary(start + most_bytes);
        // At least one character, or there would be no end.
        let end = if end > start { end } else { text.ceil_char_boundary(start + 1) };
        let window = &text[start..end];
        let best = ["\n\n", "\n", ". ", "。", " "].iter().find_map(|sign| Some(window.rfind(sign)? + sign.len()));
        start += best.unwrap_or(window.len());
        ends.push(start);
    }
    if ends.last() != Some(&text.len()) {
        ends.push(text.len());
    }
    ends
}

/// Indices of the candidates that contain a word of the question, best score first.
fn by_mark(document: &Document, candidates: &[Candidate], question: &str) -> Vec<usize> {
    let texts: Vec<&str> = candidates.iter().map(|candidate| text_of(document, candidate)).collect();
    let embedder: Embedder<u32, Words> = EmbedderBuilder::with_tokenizer_and_fit_to_corpus(Words, &texts).build();
    let mut scorer = Scorer::<usize>::new();
    texts.iter().enumerate().for_each(|(index, text)| scorer.upsert(&index, embedder.embed(text)));
    let mut marks = scorer.matches(&embedder.embed(question));
    marks.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
    marks.into_iter().map(|marked| marked.id).collect()
}

/// Takes `ranked` candidates, best first, skipping those that do not fit in what is left of `room`.
fn as_many_as_fit(candidates: &[Candidate], ranked: &[usize], room: u32) -> Vec<usize> {
    let mut left = room;
    let mut taken = Vec::new();
    for &index in ranked {
        if let Some(rest) = left.checked_sub(candidates[index].tokens) {
            left = rest;
            taken.push(index);
        }
    }
    taken
}

/// Drops as many from the end of `taken` as it takes to get from `tokens`, the count of the joined document, down to
/// `room`; at least one.
///
/// Joined parts have more tokens than their sum (separators), so each part's count is scaled by total/sum: 50 parts of
/// 4 tokens come to 249; to fit in 200, the last 10 are dropped.
fn drop_last(taken: &mut Vec<usize>, candidates: &[Candidate], tokens: u32, room: u32) {
    let sum: u64 = taken.iter().map(|&index| u64::from(candidates[index].tokens)).sum();
    let mut dropped = 0;
    while dropped * u64::from(tokens) < u64::from(tokens - room) * sum.max(1) {
        let Some(last) = taken.pop() else { return };
        dropped += u64::from(candidates[last].tokens);
    }
}

fn in_order(candidates: &[Candidate], taken: &[usize]) -> Vec<Candidate> {
    let mut indices = taken.to_vec();
    indices.sort_unstable();
    indices.into_iter().map(|index| candidates[index]).collect()
}

/// Names a candidate for display. Only here are its lines looked up.
fn named(document: &Document, parts: &[Part], &Candidate { part, is_whole, span, tokens }: &Candidate) -> Piece {
    let at = |byte| document.locate(byte).map_or(String::new(), |place| place.position.to_string());
    let lines = (!is_whole).then(|| format!("{} to {}", at(span.start), at(span.end - 1)));
    Piece { part: parts[part].number, title: parts[part].title.clone(), lines, span, tokens }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::document::{Input, ReadOptions, load};

    fn words_of(text: &str) -> u32 {
        text.split_whitespace().count() as u32
    }

    /// One token per word.
    fn words(texts: &[&str]) -> Vec<u32> {
        texts.iter().map(|text| words_of(text)).collect()
    }

    fn document(name: &str, text: &str) -> Document {
        let input = Input::Memory { name: name.into(), bytes: text.as_bytes().to_vec().into() };
        load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("text")
    }

    /// Six chapters of 40 words; the second and the fifth are about a whale.
    fn chapters() -> Document {
        let chapter = |number: usize| {
            let about = if [2, 5].contains(&number) { "the white whale " } else { "a calm sea " };
            format!("# Chapter {number}\n\n{}\n\n", about.repeat(13))
        };
        document("book.md", &(1..=6).map(chapter).collect::<String>())
    }

    #[test]
    fn whole_parts_that_have_the_words_are_taken_in_the_order_of_the_document() {
        let picked = retrieve(&chapters(), "Where is the whale?", 100, words).expect("two chapters");
        let parts: Vec<usize> = picked.pieces.iter().map(|piece| piece.part).collect();
        assert_eq!((parts, picked.in_short().as_str()), (vec![2, 5], "2 of 6 parts"));
        assert!(picked.document.text.contains("Chapter 2") && picked.document.text.contains("[…]"));
        assert_eq!(picked.tokens, words_of(&picked.document.text));
        let only_one = retrieve(&chapters(), "Where is the whale?", 60, words).expect("one chapter");
        assert_eq!(only_one.in_words(), "selected 1 of 6 parts, 42 tokens: Chapter 2 (2)");
    }

    #[test]
    fn nothing_is_taken_for_words_that_are_not_there() {
        assert_eq!(retrieve(&chapters(), "Elephants?", 100, words), None);
        assert_eq!(retrieve(&chapters(), "", 100, words), None);
        assert_eq!(retrieve(&chapters(), "whale", 1, words), None);
    }

    #[test]
    fn a_part_that_never_fits_is_cut_between_paragraphs_and_named_by_its_lines() {
        let filler = "Nothing of note was seen on that day, nor on the next.\n\n";
        let text = format!("{}Then the whale\ncame up.\n\n{}", filler.repeat(40), filler.repeat(40));
        let picked = retrieve(&document("log.txt", &text), "whale", 120, words).expect("a passage");
        let [piece] = &picked.pieces[..] else { panic!("{picked:?}") };
        assert!(picked.document.text.contains("Then the whale\ncame up."), "{}", picked.document.text);
        assert!(piece.lines.as_ref().is_some_and(|lines| lines.starts_with("line ")), "{piece:?}");
        assert!(picked.tokens <= 120);
    }

    #[test]
    fn each_text_is_counted_once_and_what_is_too_much_goes_at_once() {
        let chapter = |number: usize| format!("# Chapter {number}\n\n{}\n\n", ["whale", "calm"][number % 2]);
        let long = "Nothing but a calm sea.\n\n".repeat(100);
        let document = document("log.md", &((1..=100).map(chapter).collect::<String>() + "# End\n\n" + &long));
        let (counted, calls) = (RefCell::new(Vec::new()), Cell::new(0));
        let count = |texts: &[&str]| {
            calls.set(calls.get() + 1);
            counted.borrow_mut().extend(texts.iter().map(|text| (*text).to_owned()));
            words(texts)
        };
        let picked = retrieve(&document, "whale", 180, count).expect("some chapters");
        assert_eq!((picked.pieces.len(), picked.tokens), (36, 179));
        assert_eq!(calls.get(), 4, "parts, pieces, and the document twice");
        let counted = counted.into_inner();
        assert!(counted.iter().filter(|text| text.contains("# Chapter 7\n")).count() == 1);
    }

    proptest::proptest! {
        #[test]
        fn pieces_of_a_part_are_the_part(text in "([a-z ]{0,30}\n{1,2}){1,30}", most in 1..80_usize) {
            let ends = ends(&text, most);
            proptest::prop_assert_eq!(ends.last(), Some(&text.len()));
            let starts: Vec<usize> = [0].into_iter().chain(ends.iter().copied()).collect();
            proptest::prop_assert!(starts.windows(2).all(|two| two[0] < two[1] && two[1] - two[0] <= most));
        }
    }
}
