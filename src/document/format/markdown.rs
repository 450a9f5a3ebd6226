//! Markdown: the text stays as it is, and its headings become the outline.
//!
//! Supported are `# Heading` with up to six marks, headings underlined with `===` or `---`, code fences (a `# comment`
//! in one is not a heading) and front matter between `---` lines. Emphasis and links in titles stay as written.

use super::interface::{FileText, Format};
use crate::decode::decode;
use crate::error::Error;
use crate::options::ReadOptions;
use crate::outline::{OutlineEntry, close_spans};
use crate::raw_file::RawFile;
use crate::span::ByteSpan;

pub(super) struct Markdown;

/// How much of a file is examined if its name does not tell.
const HEAD_BYTES: usize = 64 << 10;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    /// By the name, or by the content for `.txt` files and text from a pipe.
    fn recognises(&self, file: &RawFile) -> bool {
        if file.is_served_as("text/markdown") {
            return true;
        }
        match file.extension().as_deref() {
            Some("md" | "markdown" | "mkd" | "mdx" | "rmd" | "qmd") => true,
            None | Some("txt") => looks_like_markdown(&file.bytes),
            Some(_) => false,
        }
    }

    fn read(&self, file: RawFile, _options: &ReadOptions) -> Result<FileText, Error> {
        let decoded = decode(file)?;
        let outline = headings(&decoded.text);
        Ok(FileText::of_lines(decoded, outline))
    }
}

/// Whether there are two headings and some other Markdown syntax. A shell script has `# comments`, but begins with
/// `#!`.
fn looks_like_markdown(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
    let has_marks = head.contains("](") || head.contains("```") || head.contains("**") || head.contains("\n- ");
    !head.starts_with("#!") && has_marks && head.lines().filter(|line| atx_heading(line).is_some()).count() >= 2
}

/// All headings outside of code, in order. Each ends where the next of the same or an outer level begins.
pub(super) fn headings(text: &str) -> Vec<OutlineEntry> {
    let mut scan = Scan { front_matter: text.starts_with("---\n"), ..Scan::default() };
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        scan.line(offset, line.trim_end());
        offset += line.len();
    }
    let mut outline = scan.outline;
    close_spans(&mut outline, text.len());
    outline
}

/// The state of the line-by-line scan.
#[derive(Default)]
struct Scan<'a> {
    outline: Vec<OutlineEntry>,
    /// The marks that opened the current code fence.
    fence: Option<&'a str>,
    front_matter: bool,
    /// The previous line, if it begins a paragraph: a heading if the next line underlines it.
    alone: Option<(usize, &'a str)>,
    previous_is_blank: bool,
}

impl<'a> Scan<'a> {
    fn line(&mut self, offset: usize, line: &'a str) {
        let alone = self.alone.take();
        if self.front_matter {
            self.front_matter = offset == 0 || line != "---";
        } else if let Some(open) = self.fence {
            self.fence = if closes_fence(line, open) { None } else { Some(open) };
        } else if let Some(open) = opening_fence(line) {
            self.fence = Some(open);
        } else if let Some((level, title)) = atx_heading(line) {
            self.push(offset, level, title);
        } else if let (Some((start, title)), Some(level)) = (alone, underline_level(line)) {
            self.push(start, level, title);
        } else if self.outline.is_empty() && offset == 0 || self.previous_is_blank {
            self.alone = (!line.trim().is_empty() && !line.starts_with("    ")).then_some((offset, line.trim()));
        }
        self.previous_is_blank = line.is_empty();
    }

    fn push(&mut self, start: usize, level: u8, title: &str) {
        self.outline.push(OutlineEntry { title: title.into(), level, span: ByteSpan { start, end: start } });
    }
}

/// Level and title of `## Title ##`, indented by up to three spaces. Headings without a title don't count.
fn atx_heading(line: &str) -> Option<(u8, &str)> {
    let unindented = line.trim_start_matches(' ');
    let marks = unindented.len() - unindented.trim_start_matches('#').len();
    let rest = &unindented[marks..];
    let is_heading = line.len() - unindented.len() <= 3 && (1..=6).contains(&marks) && rest.starts_with([' ', '\t']);
    let title = rest.trim();
    let title = title.trim_end_matches('#').trim_end();
    (is_heading && !title.is_empty()).then_some((marks as u8, title))
}

/// 1 for a line of `=`, 2 for a line of `-`.
fn underline_level(line: &str) -> Option<u8> {
    let marks = line.trim();
    let only = |mark: char| marks.len() >= 2 && marks.chars().all(|char| char == mark);
    if only('=') { Some(1) } else { only('-').then_some(2) }
}

/// The marks of a line that opens a code fence.
fn opening_fence(line: &str) -> Option<&str> {
    let unindented = line.trim_start();
    let mark = unindented.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let marks = unindented.len() - unindented.trim_start_matches(mark).len();
    let inline_code = mark == '`' && unindented[marks..].contains('`');
    (marks >= 3 && !inline_code).then_some(&unindented[..marks])
}

/// Whether `line` closes the fence: at least as many of its marks, and nothing else.
fn closes_fence(line: &str, open: &str) -> bool {
    let marks = line.trim();
    marks.len() >= open.len() && marks.chars().all(|char| open.starts_with(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(text: &str) -> Vec<(u8, String)> {
        headings(text).into_iter().map(|entry| (entry.level, entry.title)).collect()
    }

    fn expected(entries: &[(u8, &str)]) -> Vec<(u8, String)> {
        entries.iter().map(|(level, title)| (*level, (*title).to_owned())).collect()
    }

    #[test]
    fn headings_have_their_level_and_a_bare_title() {
        let text = "# Top\n\n## With marks ##\n\n   ### Indented\n    #### code\n####### seven\n#hashtag\n#\n";
        assert_eq!(titles(text), expected(&[(1, "Top"), (2, "With marks"), (3, "Indented")]));
    }

    #[test]
    fn comments_in_code_fences_are_no_headings() {
        let text = "# A\n```sh\n# not this\n~~~\n# nor this\n```\n# B\n~~~~\n# nor that\n~~~\n~~~~\n# C\n";
        assert_eq!(titles(text), expected(&[(1, "A"), (1, "B"), (1, "C")]));
    }

    #[test]
    fn inline_code_of_three_marks_opens_no_fence() {
        assert_eq!(titles("```x``` is code\n\n# A\n"), expected(&[(1, "A")]));
    }

    #[test]
    fn underlined_lines_are_headings_but_rules_are_not() {
        let text = "Title\n=====\n\nSome text\nof two lines\n---\n\nSection\n---\n\n---\n\ntext\n";
        assert_eq!(titles(text), expected(&[(1, "Title"), (2, "Section")]));
    }

    #[test]
    fn front_matter_is_no_heading() {
        assert_eq!(titles("---\ntitle: x\n# comment\n---\n# A\n"), expected(&[(1, "A")]));
    }

    #[test]
    fn spans_reach_to_the_next_heading_of_the_level_or_above() {
        let text = "intro\n# A\na\n## A1\nx\n# B\nb\n";
        let spans: Vec<&str> = headings(text).iter().map(|entry| &text[entry.span.start..entry.span.end]).collect();
        assert_eq!(spans, ["# A\na\n## A1\nx\n", "## A1\nx\n", "# B\nb\n"]);
    }

    #[test]
    fn text_without_a_telling_name_is_judged_by_its_look() {
        assert!(looks_like_markdown(b"# A\n\n- one\n- two\n\n## B\n"));
        assert!(!looks_like_markdown(b"#!/bin/sh\n# One\n# Two\n- x\n"));
        assert!(!looks_like_markdown(b"# only comments\n# here\n"));
    }
}
