//! Puts the pages together: one text, the stretch of each page in it, and the outline led to the lines where its titles stand.
//!
//! A page that ends in the middle of a sentence is followed by the next on a new line, others by a blank line. In place of a page that has no text but
//! should, there is a line that says so, to the reader and to the model: `[page 7: a picture without text]`.
//!
//! Without an outline of its own a document has its pages as parts.

use super::choice::ChosenPage;
use super::lines::PageLines;
use super::protocol::Bookmark;
use crate::document::controls::printable;
use crate::document::outline::{OutlineEntry, close_spans};
use crate::document::position::Position;
use crate::document::report::PageFound;
use crate::document::span::ByteSpan;

/// Lines of a page that are searched for a title.
const MOST_LINES_SEARCHED: usize = 400;

/// What may stand before a title in its line: `Chapter 12`, `Appendix B`.
const LONGEST_PREFIX: usize = 16;

/// So much of a title in a line is enough when the title goes on in the next.
const ENOUGH_OF_A_TITLE: usize = 12;

/// The text of all pages, and where each is. Pages with nothing to say of them are not among them.
#[derive(Debug, Default)]
pub(super) struct LaidOut {
    pub text: String,
    pub pages: Vec<(ByteSpan, Position)>,
}

/// `texts` are the readable of `pages`, both in ascending order; each is let go of once it is laid.
pub(super) fn lay_out(texts: Vec<PageLines>, pages: &[ChosenPage]) -> LaidOut {
    let mut laid_out = LaidOut::default();
    let lines = texts.iter().flat_map(|text| &text.lines);
    laid_out.text.reserve(lines.map(|line| line.len() + 1).sum::<usize>() + texts.len());
    let mut texts = texts.into_iter().peekable();
    for page in pages {
        let number = page.report.number;
        if let Some(text) = texts.next_if(|text| text.number == number) {
            let goes_on = texts.peek().is_some_and(|next| next.number == number + 1 && continues(&text, next));
            laid_out.push(number, &text.lines.join("\n"), if goes_on { "\n" } else { "\n\n" });
        } else if let Some(reason) = missing(&page.report.found) {
            laid_out.push(number, &format!("[page {number}: {reason}]"), "\n\n");
        }
    }
    let text_end = laid_out.text.trim_end().len() + 1;
    laid_out.text.truncate(text_end);
    laid_out.pages.last_mut().expect("a page at least has text").0.end = text_end;
    laid_out
}

impl LaidOut {
    fn push(&mut self, number: u32, text: &str, end: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.text.push_str(end);
        self.pages.push((ByteSpan { start, end: self.text.len() }, Position::Page(number)));
    }

    /// The stretch of page `number`, or of the next that has one.
    fn page(&self, number: u32) -> Option<ByteSpan> {
        let is_before =
            |(_, position): &(ByteSpan, Position)| matches!(position, Position::Page(page) if *page < number);
        let index = self.pages.partition_point(is_before);
        self.pages.get(index).map(|(span, _)| *span)
    }
}

/// What the text has in place of a page.
fn missing(found: &PageFound) -> Option<&'static str> {
    match found {
        PageFound::Text | PageFound::Blank => None,
        PageFound::Picture => Some("a picture without text"),
        PageFound::Garbled => Some("letters that nobody can map to text"),
        PageFound::Failed(_) => Some("could not be read"),
    }
}

/// Whether a sentence of `page` goes on in `next`.
fn continues(page: &PageLines, next: &PageLines) -> bool {
    let ends_open =
        page.lines.last().is_some_and(|line| line.ends_with(|end: char| end.is_alphanumeric() || end == ','));
    let begins_small = next.lines.first().is_some_and(|line| line.trim_start().starts_with(char::is_lowercase));
    ends_open && begins_small
}

/// The outline of the document: its own, or its pages.
pub(super) fn outline(laid_out: &LaidOut, bookmarks: &[Bookmark]) -> Vec<OutlineEntry> {
    let mut outline = own_outline(laid_out, bookmarks);
    if outline.len() < 2 {
        outline = laid_out.pages.iter().map(page_entry).collect();
    }
    close_spans(&mut outline, laid_out.text.len());
    outline
}

fn page_entry((span, position): &(ByteSpan, Position)) -> OutlineEntry {
    OutlineEntry { title: position.to_string(), level: 1, span: *span }
}

fn own_outline(laid_out: &LaidOut, bookmarks: &[Bookmark]) -> Vec<OutlineEntry> {
    let mut sorted: Vec<&Bookmark> = bookmarks.iter().collect();
    sorted.sort_by_key(|bookmark| bookmark.page);
    let mut outline = Vec::with_capacity(sorted.len());
    let mut open: Option<TitleSearch> = None;
    for bookmark in sorted {
        let Some(span) = laid_out.page(bookmark.page) else { continue };
        let search = match open.take().filter(|search| search.page == span) {
            Some(search) => open.insert(search),
            None => open.insert(TitleSearch::new(&laid_out.text, span)),
        };
        let start = search.next(&bookmark.title);
        let title = printable(&bookmark.title);
        outline.push(OutlineEntry { title, level: bookmark.level, span: ByteSpan { start, end: start } });
    }
    outline
}

/// Finds titles on a page, each behind the one before.
struct TitleSearch {
    page: ByteSpan,
    /// Where each line starts, and its letters and digits.
    lines: Vec<(usize, String)>,
    /// The line of the last title that was found.
    at: usize,
}

impl TitleSearch {
    fn new(text: &str, page: ByteSpan) -> Self {
        let mut start = page.start;
        let line = |line: &str| {
            start += line.len();
            (start - line.len(), letters(line))
        };
        let lines = text[page.start..page.end].split_inclusive('\n').take(MOST_LINES_SEARCHED).map(line).collect();
        Self { page, lines, at: 0 }
    }

    /// Where the line with `title` starts; where the last one found does when there is none.
    fn next(&mut self, title: &str) -> usize {
        let title = letters(title);
        let found = self.lines[self.at..].iter().position(|(_, line)| is_title(line, &title));
        self.at += found.unwrap_or(0);
        self.lines.get(self.at).map_or(self.page.start, |(start, _)| *start)
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_title(line: &str, title: &str) -> bool {
    if line.is_empty() || title.is_empty() {
        return false;
    }
    let is_end = line.ends_with(title) && line.len() <= title.len() + LONGEST_PREFIX;
    let is_start = line.starts_with(title) && line.len() <= title.len() + LONGEST_PREFIX;
    let goes_on = line.len() >= ENOUGH_OF_A_TITLE && (title.starts_with(line) || title.ends_with(line));
    is_end || is_start || goes_on
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::report::PageReport;

    fn laid_out(pages: &[(&str, PageFound)]) -> LaidOut {
        let numbered = || (1..).zip(pages);
        let text = |(number, (text, found)): (u32, &(&str, PageFound))| {
            (*found == PageFound::Text).then(|| PageLines::new(number, text).0)
        };
        let page = |(number, (_, found)): (u32, &(&str, PageFound))| ChosenPage {
            text: String::new(),
            has_picture: false,
            report: PageReport { number, found: found.clone(), ..PageReport::default() },
        };
        let texts: Vec<PageLines> = numbered().filter_map(text).collect();
        lay_out(texts, &numbered().map(page).collect::<Vec<_>>())
    }

    fn titles(laid_out: &LaidOut, bookmarks: &[(&str, u8, u32)]) -> Vec<(String, u8, String)> {
        let bookmark = |&(title, level, page): &(&str, u8, u32)| Bookmark { title: title.into(), level, page };
        let bookmarks: Vec<Bookmark> = bookmarks.iter().map(bookmark).collect();
        let line =
            |entry: &OutlineEntry| laid_out.text[entry.span.start..].lines().next().unwrap_or_default().to_owned();
        let entry = |entry: OutlineEntry| (entry.title.clone(), entry.level, line(&entry));
        outline(laid_out, &bookmarks).into_iter().map(entry).collect()
    }

    #[test]
    fn a_sentence_goes_on_over_the_page_and_a_missing_page_has_its_line() {
        let text = PageFound::Text;
        let pages = [
            ("One sentence goes", text.clone()),
            ("on here.", text.clone()),
            ("", PageFound::Blank),
            ("", PageFound::Picture),
            ("The end.", text),
        ];
        let laid_out = laid_out(&pages);
        assert_eq!(laid_out.text, "One sentence goes\non here.\n\n[page 4: a picture without text]\n\nThe end.\n");
        let numbers: Vec<String> = laid_out.pages.iter().map(|(_, position)| position.to_string()).collect();
        assert_eq!(numbers, ["page 1", "page 2", "page 4", "page 5"]);
        assert_eq!(laid_out.pages[3].0.end, laid_out.text.len());
    }

    #[test]
    fn titles_lead_to_their_lines_or_at_least_to_their_page() {
        let pages =
            [("Preface\n\nText.\n\nChapter 1. Of  Cats\nText.", PageFound::Text), ("1.2 Milk\nText.", PageFound::Text)];
        let expected = [
            ("Preface", 1, "Preface"),
            ("Of Cats", 1, "Chapter 1. Of  Cats"),
            ("1.2. Milk", 2, "1.2 Milk"),
            ("Nowhere", 2, "1.2 Milk"),
        ];
        let bookmarks = [("Preface", 1, 1), ("Of Cats", 1, 1), ("1.2. Milk", 2, 2), ("Nowhere", 2, 2)];
        let expected: Vec<(String, u8, String)> =
            expected.iter().map(|&(title, level, line)| (title.to_owned(), level, line.to_owned())).collect();
        assert_eq!(titles(&laid_out(&pages), &bookmarks), expected);
    }

    #[test]
    fn without_an_outline_the_pages_are_the_parts() {
        let laid_out = laid_out(&[("a", PageFound::Text), ("B", PageFound::Text)]);
        let expected = [("page 1".to_owned(), 1, "a".to_owned()), ("page 2".to_owned(), 1, "B".to_owned())];
        assert_eq!(titles(&laid_out, &[("All", 1, 1)]), expected);
    }
}
