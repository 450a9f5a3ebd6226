//! Branches of a conversation: one is shown and can continue; the others are kept unchanged.
//!
//! A fork copies the transcript up to some entry into a new branch and keeps the old branch whole. The shown branch is
//! [`super::Chat::transcript`]; asking, answering, copying and exporting use only that one. A prompt is made from the
//! shown branch's turns, so the engine reuses the beginning that two branches share.
//!
//! Example: three turns A B C, forked after A: branch 1 keeps A B C, branch 2 is shown and has A. After question D it
//! has A D, and the list labels branch 1 with B and branch 2 with D: the first questions that they don't share.
//!
//! It does not merge or drop branches, or change one that is not shown.

use super::exchange::Exchange;
use super::transcript::Entry;

/// All branches. The entries of the shown one are in the transcript.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Branches {
    /// Which one is shown, from 0.
    shown: usize,
    /// The others, in order.
    others: Vec<Vec<Entry>>,
}

impl Branches {
    /// Which one is shown, from 0.
    #[must_use]
    pub fn shown(&self) -> usize {
        self.shown
    }

    /// The number of branches, including the shown one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.others.len() + 1
    }

    /// The exchanges of the branches that are not shown.
    pub(super) fn kept_exchanges(&mut self) -> impl Iterator<Item = &mut Exchange> {
        self.others.iter_mut().flatten().filter_map(Entry::exchange_mut)
    }

    /// Branches as they were saved, and the transcript of the shown one. The last one is shown if there is no branch `shown`.
    pub(super) fn restored(mut branches: Vec<Vec<Entry>>, shown: usize) -> (Self, Vec<Entry>) {
        let shown = shown.min(branches.len().saturating_sub(1));
        let transcript = if branches.is_empty() { Vec::new() } else { branches.remove(shown) };
        (Self { shown, others: branches }, transcript)
    }

    /// The entries of all branches, in order; `transcript` is the shown one's.
    pub(super) fn all<'a>(&'a self, transcript: &'a [Entry]) -> impl Iterator<Item = &'a [Entry]> {
        (0..self.count()).map(move |number| self.entries(number, transcript))
    }

    /// Keeps `transcript` as a branch, and shows a new last branch with its first `kept` entries.
    pub(super) fn fork(&mut self, transcript: &mut Vec<Entry>, kept: usize) {
        let new = transcript[..kept].to_vec();
        self.others.insert(self.shown, std::mem::replace(transcript, new));
        self.shown = self.others.len();
    }

    /// Replaces the shown `transcript` by branch `number` (from 0). Returns false if there is no such branch.
    pub(super) fn show(&mut self, transcript: &mut Vec<Entry>, number: usize) -> bool {
        if number >= self.count() {
            return false;
        }
        self.others.insert(self.shown, std::mem::take(transcript));
        *transcript = self.others.remove(number);
        self.shown = number;
        true
    }

    /// One row for each branch, in order; `transcript` is the shown one's.
    pub(super) fn rows<'a>(&'a self, transcript: &'a [Entry]) -> Vec<BranchRow<'a>> {
        let all: Vec<&[Entry]> = (0..self.count()).map(|number| self.entries(number, transcript)).collect();
        let row = |number: usize| {
            let others = (0..all.len()).filter(|other| *other != number);
            let shared = others.map(|other| shared(all[number], all[other])).max().unwrap_or(0);
            let question = questions(&all[number][shared..]).next().map(|exchange| &*exchange.question);
            let turns = questions(all[number]).count();
            BranchRow { number: number + 1, question, turns, is_shown: number == self.shown }
        };
        (0..all.len()).map(row).collect()
    }

    /// The entries of a branch, from 0.
    fn entries<'a>(&'a self, number: usize, transcript: &'a [Entry]) -> &'a [Entry] {
        match number.cmp(&self.shown) {
            std::cmp::Ordering::Less => &self.others[number],
            std::cmp::Ordering::Equal => transcript,
            std::cmp::Ordering::Greater => &self.others[number - 1],
        }
    }
}

/// A branch as a list shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchRow<'a> {
    /// From 1.
    pub number: usize,
    /// The first question that no other branch has; `None` if there is none.
    pub question: Option<&'a str>,
    pub turns: usize,
    pub is_shown: bool,
}

/// Where a branch can start: the beginning (`None`), then after the entry of each question.
pub(super) fn fork_points(transcript: &[Entry]) -> Vec<Option<usize>> {
    let entries = transcript.iter().enumerate();
    let of_questions = entries.filter(|(_, entry)| question(entry).is_some()).map(|(index, _)| Some(index));
    std::iter::once(None).chain(of_questions).collect()
}

/// How many entries a fork after `after` keeps. Several answers to one question are kept together.
pub(super) fn kept(transcript: &[Entry], after: Option<usize>) -> usize {
    let kept = after.map_or(0, |entry| entry + 1).min(transcript.len());
    let is_further = |entry: &&Entry| entry.exchange().is_some_and(Exchange::is_further_variant);
    kept + transcript[kept..].iter().take_while(|entry| kept > 0 && is_further(entry)).count()
}

/// The number of entries that both begin with. Citations are ignored: they may have been looked up in only one of them.
fn shared(one: &[Entry], other: &[Entry]) -> usize {
    let is_same = |pair: &(&Entry, &Entry)| match pair {
        (Entry::Exchange(one), Entry::Exchange(other)) => {
            (&one.question, &one.answer) == (&other.question, &other.answer)
        }
        (one, other) => one == other,
    };
    one.iter().zip(other).take_while(is_same).count()
}

/// The exchanges of `entries`, one per question.
fn questions(entries: &[Entry]) -> impl Iterator<Item = &Exchange> {
    entries.iter().filter_map(question)
}

fn question(entry: &Entry) -> Option<&Exchange> {
    entry.exchange().filter(|exchange| !exchange.is_further_variant())
}
