//! Chooses between the texts that two engines extracted from a page, and classifies the page.

use super::quality::{Quality, READABLE, is_second_better, quality};
use super::runner::Findings;
use crate::document::report::{PageFound, PageReport};

/// Minimum score of a page that needs no second engine.
const GOOD: u8 = 90;
/// A page with fewer characters may have lost the rest.
const FEW_CHARACTERS: usize = 200;

/// A page with the text that was chosen.
#[derive(Debug)]
pub(super) struct ChosenPage {
    pub text: String,
    pub has_picture: bool,
    pub report: PageReport,
}

/// The pages for which the second engine is needed.
pub(super) fn doubtful(first: &Findings, count: u32) -> Vec<u32> {
    let is_doubtful = |page: &u32| match first.pages.get(page) {
        Some(Ok(text)) => {
            let quality = quality(text);
            quality.score < GOOD || quality.characters < FEW_CHARACTERS
        }
        _ => true,
    };
    (1..=count).filter(is_doubtful).collect()
}

/// All pages, each with the better of its texts. Drops the other.
pub(super) fn pages(mut first: Findings, mut second: Findings, count: u32) -> Vec<ChosenPage> {
    let mut page = |number| {
        let texts = [first.pages.remove(&number), second.pages.remove(&number)];
        page(number, texts, second.pictures.binary_search(&number).is_ok())
    };
    (1..=count).map(&mut page).collect()
}

fn page(number: u32, [first, second]: [Option<Result<String, String>>; 2], has_picture: bool) -> ChosenPage {
    let measured = |text: &Option<Result<String, String>>| match text {
        Some(Ok(text)) => quality(text),
        _ => Quality::default(),
    };
    let (one, other) = (measured(&first), measured(&second));
    let is_second = is_second_better(one, other);
    let (text, quality) = if is_second { (&second, other) } else { (&first, one) };
    let found = match text {
        Some(Ok(_)) if quality.characters > 0 && quality.score < READABLE => PageFound::Garbled,
        Some(Ok(_)) if quality.characters > 0 => PageFound::Text,
        _ => without_text([&first, &second], has_picture),
    };
    let text = if is_second { second } else { first };
    ChosenPage {
        text: text.and_then(Result::ok).unwrap_or_default(),
        has_picture,
        report: PageReport { number, found, quality: quality.score, characters: quality.characters, is_second },
    }
}

/// Classifies a page without text. An image explains that only if an engine could read the page.
fn without_text(texts: [&Option<Result<String, String>>; 2], has_picture: bool) -> PageFound {
    let told = || texts.into_iter().flatten();
    let was_seen = told().any(Result::is_ok) || told().next().is_none();
    match told().find_map(|text| text.as_ref().err()) {
        _ if was_seen && has_picture => PageFound::Picture,
        Some(reason) => PageFound::Failed(reason.clone()),
        None => PageFound::Blank,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const PROSE: &str = "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife. ";

    fn findings(pages: &[Result<String, &str>]) -> Findings {
        let numbered =
            |(index, page): (usize, &Result<String, &str>)| (index as u32 + 1, page.clone().map_err(str::to_owned));
        Findings {
            count: Some(pages.len() as u32),
            pages: pages.iter().enumerate().map(numbered).collect::<BTreeMap<_, _>>(),
            ..Findings::default()
        }
    }

    fn found(first: &Result<String, &str>, second: &Result<String, &str>, pictures: &[u32]) -> (PageFound, bool) {
        let mut other = findings(std::slice::from_ref(second));
        other.pictures = pictures.to_vec();
        let page = pages(findings(std::slice::from_ref(first)), other, 1).remove(0);
        (page.report.found, page.report.is_second)
    }

    #[test]
    fn the_better_text_is_taken_and_what_is_none_is_named() {
        let (good, empty, boxes) = (Ok(PROSE.repeat(3)), Ok(String::new()), Ok("\u{e001}\u{e002} ".repeat(80)));
        let failed = Err("it broke");
        let cases = [
            (&good, &good, (PageFound::Text, false)),
            (&boxes, &good, (PageFound::Text, true)),
            (&failed, &good, (PageFound::Text, true)),
            (&empty, &good, (PageFound::Text, true)),
            (&boxes, &boxes, (PageFound::Garbled, false)),
            (&empty, &empty, (PageFound::Blank, false)),
            (&failed, &empty, (PageFound::Failed("it broke".into()), false)),
        ];
        let pictured = found(&failed, &failed, &[1]).0;
        assert_eq!(
            pictured,
            PageFound::Failed("it broke".into()),
            "no engine could say whether there is text beside the image"
        );
        for (first, second, expected) in cases {
            assert_eq!(found(first, second, &[]), expected, "{first:?} {second:?}");
        }
        assert_eq!(found(&empty, &failed, &[1]), (PageFound::Picture, false));
    }

    #[test]
    fn a_second_opinion_is_asked_where_the_first_is_no_good() {
        let first = findings(&[Ok(PROSE.repeat(3)), Ok("short".into()), Ok("\u{fffd} ".repeat(300)), Err("it broke")]);
        assert_eq!(doubtful(&first, 5), [2, 3, 4, 5]);
    }
}
