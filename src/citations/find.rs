//! Finds the citations in an answer: text between quotation marks, and block quotes. Code is excluded.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::words::words;
use crate::document::ByteSpan;

/// Shorter quotes are names or terms, which prove nothing.
const FEWEST_WORDS: usize = 4;
/// A longer quote, in bytes, was probably never closed.
const LONGEST: usize = 2_000;

const PAIRS: [(char, char); 8] =
    [('“', '”'), ('„', '“'), ('„', '”'), ('«', '»'), ('»', '«'), ('「', '」'), ('『', '』'), ('"', '"')];

/// The spans of all quotes in `answer` with at least four words, in order and without nesting.
#[must_use]
pub fn find_citations(answer: &str) -> Vec<ByteSpan> {
    let mut spans = block_quotes(answer);
    let code = code(answer);
    let in_marks = marked(answer).into_iter().filter(|citation| !code.iter().any(|code| code.contains(citation.start)));
    for citation in in_marks {
        if !spans.iter().any(|span| span.intersection(citation).is_some()) {
            spans.push(citation);
        }
    }
    spans.retain(|span| words(&answer[span.start..span.end]).take(FEWEST_WORDS).count() == FEWEST_WORDS);
    spans.sort_by_key(|span| span.start);
    spans
}

/// The text of block quotes. A nested block quote is part of the outer one.
fn block_quotes(answer: &str) -> Vec<ByteSpan> {
    let mut spans = Vec::new();
    let (mut depth, mut text): (usize, Option<ByteSpan>) = (0, None);
    for (event, range) in Parser::new(answer).into_offset_iter() {
        match event {
            Event::Start(Tag::BlockQuote(_)) => depth += 1,
            Event::End(TagEnd::BlockQuote(_)) => {
                depth -= 1;
                if depth == 0 {
                    spans.extend(text.take());
                }
            }
            Event::Text(_) if depth > 0 => {
                let start = text.map_or(range.start, |text| text.start);
                text = Some(ByteSpan { start, end: range.end });
            }
            _ => {}
        }
    }
    spans
}

fn code(answer: &str) -> Vec<ByteSpan> {
    let events = Parser::new(answer).into_offset_iter();
    let code = events.filter(|(event, _)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))));
    code.map(|(_, range)| ByteSpan { start: range.start, end: range.end }).collect()
}

/// The text between two marks of a pair, within one paragraph.
fn marked(answer: &str) -> Vec<ByteSpan> {
    let mut spans = Vec::new();
    let mut from = 0;
    while let Some((at, open)) = answer[from..].char_indices().find(|(_, c)| PAIRS.iter().any(|(open, _)| open == c)) {
        let start = from + at + open.len_utf8();
        from = match end_of(answer, start, open) {
            Some(end) => {
                spans.push(ByteSpan { start, end });
                end + answer[end..].chars().next().map_or(0, char::len_utf8)
            }
            None => start,
        };
    }
    spans
}

fn end_of(answer: &str, start: usize, open: char) -> Option<usize> {
    let paragraph = answer[start..].find("\n\n").unwrap_or(answer.len() - start);
    let inside = &answer[start..start + paragraph];
    let closes = |c: char| PAIRS.iter().any(|(opens, closes)| *opens == open && *closes == c);
    inside.find(closes).filter(|length| *length <= LONGEST).map(|length| start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn citations(answer: &str) -> Vec<&str> {
        find_citations(answer).iter().map(|span| &answer[span.start..span.end]).collect()
    }

    #[test]
    fn quotes_stand_between_marks_or_in_a_block() {
        let answer = "He says “it is a truth universally”, and \"how pleasant it is to\" stay.\n\n> I have no objection\n> at all to it.\n";
        let expected = ["it is a truth universally", "how pleasant it is to", "I have no objection\n> at all to it."];
        assert_eq!(citations(answer), expected);
    }

    #[test]
    fn names_code_and_marks_that_are_never_closed_are_no_quotes() {
        assert_eq!(citations("the \"Hunsford parsonage\" and `print(\"one two three four five\")`"), [""; 0]);
        assert_eq!(citations("5\" of rain fell\n\nand one two three four\""), [""; 0]);
    }
}
