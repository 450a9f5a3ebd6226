//! Classifies the pages: text, garbled text, an image, nothing, or failed.

use super::layout::LineLook;
use super::protocol::{PageContent, UnseenLines};
use super::quality::{READABLE, quality};
use super::runner::Findings;
use crate::report::{PageFound, PageReport};

/// A page with its text, and what it is.
#[derive(Debug)]
pub(super) struct ReadPage {
    pub text: String,
    /// One for each line of the text that is not blank.
    pub looks: Vec<LineLook>,
    pub has_picture: bool,
    /// Comments on the page, each in brackets.
    pub comments: Vec<String>,
    /// What is not to be seen on the page.
    pub unseen: Vec<UnseenLines>,
    pub report: PageReport,
}

/// The pages `1..=count`, each with what was found on it.
pub(super) fn pages(mut findings: Findings, count: u32) -> Vec<ReadPage> {
    (1..=count).map(|number| page(number, findings.pages.remove(&number))).collect()
}

fn page(number: u32, read: Option<Result<PageContent, String>>) -> ReadPage {
    let (content, failure) = match read {
        Some(Ok(content)) => (content, None),
        Some(Err(reason)) => (PageContent::default(), Some(reason)),
        None => (PageContent::default(), None),
    };
    let PageContent { text, looks, has_picture, unmapped, comments, unseen } = content;
    let quality = quality(&text, unmapped);
    let found = match failure {
        Some(reason) => PageFound::Failed(reason),
        None if quality.characters > 0 && quality.score < READABLE => PageFound::Garbled,
        None if quality.characters > 0 => PageFound::Text,
        None if has_picture => PageFound::Picture,
        None => PageFound::Blank,
    };
    let report = PageReport { number, found, quality: quality.score, characters: quality.characters };
    ReadPage { text, looks, has_picture, comments, unseen, report }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_page_is_told_for_what_it_is() {
        let content =
            |text: &str, has_picture| Ok(PageContent { text: text.into(), has_picture, ..PageContent::default() });
        let read = [
            content("The cat sat on the mat.", true),
            content(&"\u{e001}\u{e002} ".repeat(80), false),
            Ok(PageContent { text: "i".into(), unmapped: 70, ..PageContent::default() }),
            content("", true),
            content("", false),
            Err("it broke".to_owned()),
        ];
        let findings = Findings { pages: (1..).zip(read).collect::<BTreeMap<_, _>>(), ..Findings::default() };
        let found: Vec<PageFound> = pages(findings, 7).into_iter().map(|page| page.report.found).collect();
        let failed = PageFound::Failed("it broke".into());
        let expected = [
            PageFound::Text,
            PageFound::Garbled,
            PageFound::Garbled,
            PageFound::Picture,
            PageFound::Blank,
            failed,
            PageFound::Blank,
        ];
        assert_eq!(found, expected);
    }
}
