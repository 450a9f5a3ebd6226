//! Chooses as many parts as can be prefilled in a given time (`--within 60s`).
//!
//! The first part is prefilled like any document, and timed. The engine then forecasts longer beginnings, and the
//! longest one that can be prefilled in time and leaves room for an answer becomes the document. Nothing is lost,
//! because the first part is the beginning of the result.
//!
//! Example: 61 chapters, 60 s. The first takes 14 s, four are forecast at 55 s in all, five at 70 s: four are read. A
//! binary search finds that with six forecasts instead of sixty.
//!
//! [`Allowance`], [`Search`] and [`in_words`] are plain arithmetic and text; the rest is the chat's state.

use std::sync::Arc;
use std::time::Duration;

use super::document::DocumentFacts;
use crate::engine::config::ContextSize;
use crate::engine::message::Plan;

/// The time that [`in_words`] recommends for reading more.
const LONGER: Duration = Duration::from_mins(5);

/// The limits for a beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// For the whole beginning, including the first part.
    pub time: Duration,
    pub context: ContextSize,
    /// Kept free for questions and answers.
    pub reserve_tokens: u32,
}

impl Allowance {
    /// Whether `plan` can be prefilled in time, counting what was already `spent`, and leaves room in the context of a
    /// model trained for `train_context_tokens`. A plan without a predicted time counts as being in time.
    #[must_use]
    pub fn allows(&self, plan: &Plan, spent: Duration, train_context_tokens: u32) -> bool {
        let needed = plan.prompt_tokens.saturating_add(self.reserve_tokens);
        let soon_enough = plan.predicted.is_none_or(|predicted| spent + predicted <= self.time);
        let has_room = plan.bounded_tokens.is_some() || needed <= self.context.useful_limit(train_context_tokens);
        soon_enough && has_room
    }
}

/// Binary search for the longest beginning that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// This many parts are allowed; one always is.
    fits: usize,
    too_many: usize,
}

impl Search {
    #[must_use]
    pub fn new(parts: usize) -> Self {
        Self { fits: 1, too_many: parts + 1 }
    }

    /// How many parts to ask about next; `None` once [`Search::found`] is final.
    #[must_use]
    pub fn next(self) -> Option<usize> {
        (self.too_many - self.fits > 1).then(|| usize::midpoint(self.fits, self.too_many))
    }

    /// Narrows the search by the answer about `parts`, as [`Search::next`] gave it.
    #[must_use]
    pub fn told(self, parts: usize, allowed: bool) -> Self {
        if allowed { Self { fits: parts, ..self } } else { Self { too_many: parts, ..self } }
    }

    #[must_use]
    pub fn found(self) -> usize {
        self.fits
    }
}

/// How many parts are read, and how to read more. `selected` is the value of `--parts`, if given.
#[must_use]
pub fn in_words(taken: usize, parts: usize, time: Duration, selected: Option<&str>) -> String {
    let seconds = time.as_secs_f64();
    if parts == 1 {
        return "the document has no separate parts, so all of it is read".to_owned();
    }
    if taken == parts {
        return format!("all {parts} parts are read within {seconds} s");
    }
    // At least one part is always read, however long it takes.
    let chosen = match taken {
        1 => format!("1 of {parts} parts is read; two would take this machine longer than {seconds} s"),
        _ => format!("{taken} of {parts} parts are read, as many as this machine can prefill in {seconds} s"),
    };
    let more = if time < LONGER { "--within 5m" } else { "a longer --within" };
    let others = match selected {
        Some(_) => String::new(),
        None if taken == 1 => ", others with --parts 2".to_owned(),
        None => format!(", others with --parts {}-{}", taken + 1, (2 * taken).min(parts)),
    };
    format!("{chosen}; more with {more}{others}")
}

/// A document whose length the chat has to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    pub allowance: Allowance,
    /// Where the parts end, in bytes of the text; at least one.
    pub ends: Vec<usize>,
    /// The value of `--parts`, if given.
    pub selected: Option<String>,
}

/// A document whose length has not been chosen yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    pub(super) within: Within,
    whole: Arc<str>,
    /// Its preset entry: `auto` chooses anew for each length.
    pub(super) preset_entry: usize,
    /// How long the first part took, once it is prefilled.
    pub(super) probe: Option<Duration>,
}

impl Beginning {
    /// Keeps the whole text, and cuts `document` down to its first part.
    pub(super) fn of(document: &mut DocumentFacts, within: Within, preset_entry: usize) -> Self {
        let beginning = Self { within, whole: document.text.clone(), preset_entry, probe: None };
        document.text = beginning.text(1);
        document.part = Some(format!("as much as fits in {} s", beginning.within.allowance.time.as_secs_f64()));
        beginning
    }

    /// Replaces the text and the ends of its parts.
    pub(super) fn replace(&mut self, text: Arc<str>, ends: Vec<usize>) {
        self.whole = text;
        self.within.ends = ends;
    }

    /// The number of parts of the whole.
    pub(super) fn parts(&self) -> usize {
        self.within.ends.len()
    }

    /// Describes the first `parts` parts: `parts 1-4 of 61`. `None` if they are the whole document.
    pub(super) fn part(&self, parts: usize) -> Option<String> {
        match (parts == self.parts(), &self.within.selected) {
            (true, selected) => selected.as_ref().map(|selected| format!("parts {selected}")),
            (false, Some(selected)) => Some(format!("the first {parts} of parts {selected}")),
            (false, None) if parts == 1 => Some(format!("part 1 of {}", self.parts())),
            (false, None) => Some(format!("parts 1-{parts} of {}", self.parts())),
        }
    }

    /// Why this number of parts was chosen, for the user.
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
        let allowance = Allowance { time: Duration::from_mins(1), context: ContextSize::Fit, reserve_tokens: 2_048 };
        let allows = |seconds, train| {
            allowance.allows(&plan(8_000, Some(Duration::from_secs(seconds))), Duration::from_secs(14), train)
        };
        assert_eq!((allows(46, 32_768), allows(47, 32_768)), (true, false), "14 s are spent");
        assert_eq!((allows(1, 12_048), allows(1, 12_047)), (true, false), "10,000 tokens and the reserve");
        let narrow = Allowance { context: ContextSize::Tokens(12_000), ..allowance };
        assert!(!narrow.allows(&plan(8_000, None), Duration::ZERO, 32_768), "-c counts, not the model");
        let wide = Allowance { context: ContextSize::Tokens(65_536), ..allowance };
        assert!(!wide.allows(&plan(8_000, None), Duration::ZERO, 12_047), "beyond its training a model makes no room");
    }

    #[test]
    fn the_reader_is_told_how_many_and_how_to_take_more() {
        let minute = Duration::from_mins(1);
        let told = [
            in_words(4, 61, minute, None),
            in_words(1, 61, Duration::from_mins(5), None),
            in_words(2, 5, minute, Some("3-7")),
            in_words(61, 61, minute, None),
            in_words(1, 1, minute, None),
        ];
        let expected = [
            "4 of 61 parts are read, as many as this machine can prefill in 60 s; more with --within 5m, others with --parts 5-8",
            "1 of 61 parts is read; two would take this machine longer than 300 s; more with a longer --within, others with --parts 2",
            "2 of 5 parts are read, as many as this machine can prefill in 60 s; more with --within 5m",
            "all 61 parts are read within 60 s",
            "the document has no separate parts, so all of it is read",
        ];
        assert_eq!(told, expected);
    }
}
