//! As many parts as there is time for (`--within 60s`).
//!
//! The picture: a taste, then the menu. The first part is read as any document is, and timed. The engine then forecasts longer
//! beginnings, and the longest that is read in time and leaves room for an answer becomes the document. Nothing is lost: what was read
//! is the beginning of what will be.
//!
//! Example: 61 chapters, 60 s; the first takes 14 s, four are forecast at 55 s in all, five at 70 s: four are read, which six
//! forecasts find and not sixty.
//!
//! [`Allowance`], [`Search`] and [`in_words`] are plain arithmetic and words, which runs without a screen use too; the rest is the chat's.

use std::sync::Arc;
use std::time::Duration;

use super::document::DocumentFacts;
use crate::engine::config::ContextSize;
use crate::engine::message::Plan;

/// What is recommended to those who want more.
const LONGER: Duration = Duration::from_secs(300);

/// What a beginning has to keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// For all of it.
    pub time: Duration,
    pub context: ContextSize,
    /// Kept free for questions and answers.
    pub reserve_tokens: u32,
}

impl Allowance {
    /// Whether what `plan` is about is read in time, with what was `spent` already, and leaves room in a model that was trained
    /// for so many tokens. What nobody can predict is allowed.
    #[must_use]
    pub fn allows(&self, plan: &Plan, spent: Duration, train_context_tokens: u32) -> bool {
        let needed = plan.prompt_tokens.saturating_add(self.reserve_tokens);
        let soon_enough = plan.predicted.is_none_or(|predicted| spent + predicted <= self.time);
        soon_enough && needed <= self.context.limit(train_context_tokens)
    }
}

/// The search for the longest beginning that is allowed: it halves what is left with each that it is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// Parts that are allowed; the first always is.
    fits: usize,
    too_many: usize,
}

impl Search {
    #[must_use]
    pub fn new(parts: usize) -> Self {
        Self { fits: 1, too_many: parts + 1 }
    }

    /// How many parts to ask about next; `None` when [`Search::found`] has it.
    #[must_use]
    pub fn next(self) -> Option<usize> {
        (self.too_many - self.fits > 1).then(|| usize::midpoint(self.fits, self.too_many))
    }

    /// Takes the answer about what [`Search::next`] named.
    #[must_use]
    pub fn told(self, parts: usize, allowed: bool) -> Self {
        if allowed { Self { fits: parts, ..self } } else { Self { too_many: parts, ..self } }
    }

    #[must_use]
    pub fn found(self) -> usize {
        self.fits
    }
}

/// How many parts are read, and how to take more. `selected` is what `--parts` took of the document before, if anything.
#[must_use]
pub fn in_words(taken: usize, parts: usize, time: Duration, selected: Option<&str>) -> String {
    let seconds = time.as_secs_f64();
    if parts == 1 {
        return "the document has no parts to choose from, all of it is read".to_owned();
    }
    if taken == parts {
        return format!("all {parts} parts are read within {seconds} s");
    }
    // One part is read in any case, however long it takes.
    let chosen = match taken {
        1 => format!("1 of {parts} parts is read, two would take this machine longer than {seconds} s"),
        _ => format!("{taken} of {parts} parts are read, as many as this machine reads in {seconds} s"),
    };
    let more = if time < LONGER { "--within 5m" } else { "a longer --within" };
    let others = match selected {
        Some(_) => String::new(),
        None if taken == 1 => ", others with --parts 2".to_owned(),
        None => format!(", others with --parts {}-{}", taken + 1, (2 * taken).min(parts)),
    };
    format!("{chosen}; more with {more}{others}")
}

/// What a chat is told of a document whose length it is to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    pub allowance: Allowance,
    /// Where the parts end, in bytes of the text; one at least.
    pub ends: Vec<usize>,
    /// What `--parts` took of the document before.
    pub selected: Option<String>,
}

/// A document whose length is not chosen yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    pub(super) within: Within,
    whole: Arc<str>,
    /// The offer to read it by: `auto` chooses anew for each length.
    pub(super) preset_entry: usize,
    /// What the first part took, once it was read.
    pub(super) probe: Option<Duration>,
}

impl Beginning {
    /// Takes all of `document`, and leaves its first part there.
    pub(super) fn of(document: &mut DocumentFacts, within: Within, preset_entry: usize) -> Self {
        let beginning = Self { within, whole: document.text.clone(), preset_entry, probe: None };
        document.text = beginning.text(1);
        document.part = Some(format!("what is read in {} s", beginning.within.allowance.time.as_secs_f64()));
        beginning
    }

    /// Takes another text, whose parts end elsewhere.
    pub(super) fn replace(&mut self, text: Arc<str>, ends: Vec<usize>) {
        self.whole = text;
        self.within.ends = ends;
    }

    /// In all.
    pub(super) fn parts(&self) -> usize {
        self.within.ends.len()
    }

    /// What the first `parts` parts are of the document: `parts 1-4 of 61`, or nothing to mention.
    pub(super) fn part(&self, parts: usize) -> Option<String> {
        match (parts == self.parts(), &self.within.selected) {
            (true, selected) => selected.as_ref().map(|selected| format!("parts {selected}")),
            (false, Some(selected)) => Some(format!("the first {parts} of parts {selected}")),
            (false, None) if parts == 1 => Some(format!("part 1 of {}", self.parts())),
            (false, None) => Some(format!("parts 1-{parts} of {}", self.parts())),
        }
    }

    /// Why there are so many of them.
    pub(super) fn choice(&self, parts: usize) -> String {
        in_words(parts, self.parts(), self.within.allowance.time, self.within.selected.as_deref())
    }

    /// The first `parts` parts.
    pub(super) fn text(&self, parts: usize) -> Arc<str> {
        match self.within.ends.get(parts - 1) {
            Some(&end) if parts < self.parts() => Arc::from(&self.whole[..end]),
            _ => self.whole.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::plan;

    #[test]
    fn a_search_finds_the_longest_that_is_allowed_and_asks_about_few() {
        for parts in 1..70 {
            for longest in 1..=parts {
                let mut search = Search::new(parts);
                let mut asked = 0;
                while let Some(next) = search.next() {
                    search = search.told(next, next <= longest);
                    asked += 1;
                }
                assert_eq!((search.found(), asked <= 7), (longest, true), "{longest} of {parts}, {asked} asked");
            }
        }
    }

    #[test]
    fn time_and_room_both_count() {
        let allowance = Allowance { time: Duration::from_secs(60), context: ContextSize::Fit, reserve_tokens: 2_048 };
        let allows = |seconds, train| {
            allowance.allows(&plan(8_000, Some(Duration::from_secs(seconds))), Duration::from_secs(14), train)
        };
        assert_eq!((allows(46, 32_768), allows(47, 32_768)), (true, false), "14 s are spent");
        assert_eq!((allows(1, 12_048), allows(1, 12_047)), (true, false), "10,000 tokens and the reserve");
        let narrow = Allowance { context: ContextSize::Tokens(12_000), ..allowance };
        assert!(!narrow.allows(&plan(8_000, None), Duration::ZERO, 32_768), "-c counts, not the model");
    }

    #[test]
    fn the_reader_is_told_how_many_and_how_to_take_more() {
        let minute = Duration::from_secs(60);
        let told = [
            in_words(4, 61, minute, None),
            in_words(1, 61, Duration::from_secs(300), None),
            in_words(2, 5, minute, Some("3-7")),
            in_words(61, 61, minute, None),
            in_words(1, 1, minute, None),
        ];
        let expected = [
            "4 of 61 parts are read, as many as this machine reads in 60 s; more with --within 5m, others with --parts 5-8",
            "1 of 61 parts is read, two would take this machine longer than 300 s; more with a longer --within, others with --parts 2",
            "2 of 5 parts are read, as many as this machine reads in 60 s; more with --within 5m",
            "all 61 parts are read within 60 s",
            "the document has no parts to choose from, all of it is read",
        ];
        assert_eq!(told, expected);
    }
}
