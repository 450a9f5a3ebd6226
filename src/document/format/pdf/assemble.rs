//! Joins the pages of a PDF into one text, and maps the outline to the lines where its titles are.
//!
//! A page that ends in the middle of a sentence is followed by a line end, other pages by a blank line. A page that
//! should have text but has none is replaced by a line that says so to the user and the model:
//! `[page 7: an image without text]`.
//!
//! If the document has no outline, its pages become the outline.

use super::classify::ReadPage;
use super::lines::PageLines;
use super::protocol::Bookmark;
use crate::controls::printable;
use crate::outline::{OutlineEntry, close_spans};
use crate::position::Position;
use crate::report::PageFound;
use crate::span::ByteSpan;

/// Maximum number of lines of a page that are searched for titles.
const MOST_LINES_SEARCHED: usize = 400;

/// Maximum size of what precedes a title on its line: `Chapter 12`, `Appendix B`.
const LONGEST_PREFIX: usize = 16;

/// How much of a title has to be on a line if the title continues on the next.
const ENOUGH_OF_A_TITLE: usize = 12;

/// The text of all pages, and the span of each. Blank pages are not included.
#[derive(Debug, Default)]
pub(super) struct LaidOut {
    pub text: String,
    pub pages: Vec<(ByteSpan, Position)>,
}

/// Joins `texts`, the readable ones of `pages`. Both must be in ascending order.
pub(super) fn lay_out(texts: Vec<PageLines>, pages: &[ReadPage]) -> LaidOut {
    let mut laid_out = LaidOut::default();
    let lines = texts.iter().flat_map(|text| &text.lines);
    laid_out.text.reserve(lines.map(|line| line.len() + 1).sum::<usize>() + texts.len());
    let mut texts = texts.into_iter().peekable();
    for page in pages {
        let number = page.report.number;
        if let Some(text) = texts.next_if(|text| text.number == number) {
            let goes_on = page.comments.is_empty()
                && texts.peek().is_some_and(|next| next.number == number + 1 && continues(&text, next));
            let mut lines = text.lines.join("\n");
            if let PageFound::Recognised { confidence } = page.report.found {
                lines = format!("[page {number}: recognised from an image, confidence {confidence}%]\n\n{lines}");
            }
            laid_out.push(number, &with_comments(&lines, page), if goes_on { "\n" } else { "\n\n" });
        } else if let Some(reason) = missing(&page.report.found) {
            laid_out.push(number, &with_comments(&format!("[page {number}: {reason}]"), page), "\n\n");
        } else if !page.comments.is_empty() {
            laid_out.push(number, &page.comments.join("\n"), "\n\n");
        }
    }
    let text_end = laid_out.text.trim_end().len() + 1;
    laid_out.text.truncate(text_end);
    laid_out.pages.last_mut().expect("at least one page has text").0.end = text_end;
    laid_out
}

impl LaidOut {
    fn push(&mut self, number: u32, text: &str, end: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.text.push_str(end);
        self.pages.push((ByteSpan { start, end: self.text.len() }, Position::Page(number)));
    }

    /// The span of page `number`, or of the next page that has one.
    fn page(&self, number: u32) -> Option<ByteSpan> {
        let is_before =
            |(_, position): &(ByteSpan, Position)| matches!(position, Position::Page(page) if *page < number);
        let index = self.pages.partition_point(is_before);
        self.pages.get(index).map(|(span, _)| *span)
    }
}

/// `text`, and below it the comments on its page.
fn with_comments(text: &str, page: &ReadPage) -> String {
    if page.comments.is_empty() { text.to_owned() } else { format!("{text}\n\n{}", page.comments.join("\n")) }
}

/// What the text says in place of a page without text.
fn missing(found: &PageFound) -> Option<&'static str> {
    match found {
        PageFound::Text | PageFound::Blank | PageFound::Recognised { .. } => None,
        PageFound::Picture => Some("an image without text"),
        PageFound::Garbled => Some("glyphs that do not map to text"),
        PageFound::Failed(_) => Some("could not be read"),
    }
}

/// Whether a sentence of `page` continues on `next`.
fn continues(page: &PageLines, next: &PageLines) -> bool {
    let ends_open =
        page.lines.last().is_some_and(|line| line.ends_with(|end: char| end.is_alphanumeric() || end == ','));
    let begins_small = next.lines.first().is_some_and(|line| line.trim_start().starts_with(char::is_lowercase));
    ends_open && begins_small
}

/// The document's own outline, or else its pages.
///
/// `labels` has what each page is called, unless pages are called by their numbers.
pub(super) fn outline(laid_out: &LaidOut, bookmarks: &[Bookmark], labels: &[String]) -> Vec<OutlineEntry> {
    let mut outline = own_outline(laid_out, bookmarks);
    if outline.len() < 2 {
        outline = laid_out.pages.iter().map(|page| page_entry(page, labels)).collect();
    }
    close_spans(&mut outline, laid_out.text.len());
    outline
}

fn page_entry((span, position): &(ByteSpan, Position), labels: &[String]) -> OutlineEntry {
    let label = labels.get((position.number() as usize).saturating_sub(1));
    let title = label.map_or_else(|| position.to_string(), |label| format!("page {}", printable(label)));
    OutlineEntry { title, level: 1, span: *span }
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

/// Finds titles on a page, each after the previous one.
struct TitleSearch {
    page: ByteSpan,
    /// For each line, its start, and its letters and digits.
    lines: Vec<(usize, String)>,
    /// The line of the last title found.
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

    /// The start of the line with `title`, or of the last title found if there is none.
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
    use crate::report::PageReport;

    fn laid_out(pages: &[(&str, PageFound)]) -> LaidOut {
        let numbered = || (1..).zip(pages);
        let text = |(number, (text, found)): (u32, &(&str, PageFound))| {
            (*found == PageFound::Text).then(|| PageLines::new(number, text).0)
        };
        let page = |(number, (_, found)): (u32, &(&str, PageFound))| ReadPage {
            text: String::new(),
            looks: Vec::new(),
            has_picture: false,
            comments: Vec::new(),
            unseen: Vec::new(),
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
        outline(laid_out, &bookmarks, &[]).into_iter().map(entry).collect()
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
        assert_eq!(laid_out.text, "One sentence goes\non here.\n\n[page 4: an image without text]\n\nThe end.\n");
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
