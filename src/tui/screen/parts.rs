//! The selection of parts: which parts of the document are in use, and what another selection would cost.
//!
//! A tree of checkboxes with a summary below. Each tick updates the summary. Enter loads the selection if it fits, and
//! otherwise shows what would fit. Nothing is loaded before Enter, and Esc discards the selection.
//!
//! Example: 61 chapters, 161,000 tokens, a context of 8,192. The tree opens by itself; `n` clears all ticks, `f` on
//! chapter 5 ticks 5 and 6, Enter loads them.

use std::sync::Arc;

use super::line_input::LineInput;
use crate::chat::{Chat, Choice, Forecast, Model};
use crate::document::Document;
use crate::engine::message::Plan;
use crate::fit::Proposal;
use crate::fit::room::{Room, too_many};
use crate::fit::ticks::{PartTree, Ticks};
use crate::session::CountRequest;

/// The parts of the document, some of which are in use.
#[derive(Debug, Clone)]
pub(in crate::tui) struct DocumentParts {
    pub whole: Arc<Document>,
    /// Built on first use.
    tree: Option<Arc<PartTree>>,
    /// Tokens of each part; `None` until counted.
    pub tokens: Vec<Option<u32>>,
    /// The indices of the parts in use.
    pub(super) taken: Vec<usize>,
    pub(super) reserve_tokens: u32,
    /// The last request to count.
    pub(super) asked: Option<CountRequest>,
    /// Why counting failed.
    pub failed: Option<String>,
    /// The tree has opened once because the document is too long.
    pub(super) has_opened: bool,
}

/// An open tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct PartSelection {
    pub ticks: Ticks,
    /// The selected row.
    pub at: usize,
    pub shown: usize,
    /// The filter, while it is being typed.
    pub field: Option<LineInput>,
    /// The preset to use, if another was chosen along with the parts.
    pub preset_entry: Option<usize>,
    /// What would fit, shown when the selection does not.
    pub would_fit: Option<WouldFit>,
    /// The last draft sent to the chat.
    pub(super) drafted: Choice,
}

/// What would fit instead of `parts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct WouldFit {
    pub(super) parts: Vec<usize>,
    /// `None` while they are being computed.
    pub proposals: Option<Vec<Proposal>>,
    pub at: usize,
}

/// What the selection costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::tui) struct SelectionCost<'a> {
    pub ticked: usize,
    pub parts: usize,
    /// The engine's count for the whole prompt if available, else the sum of the counted parts.
    pub tokens: u32,
    /// How many ticked parts are not counted yet.
    pub uncounted: usize,
    /// The context limit; `None` without a model.
    pub limit: Option<u32>,
    pub kv_bytes: Option<u64>,
    pub forecast: Option<&'a Forecast>,
}

/// Whether the selection can be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum SelectionVerdict {
    NothingTicked,
    Counting(usize),
    TooMany(u32),
    /// Tokens left for questions and answers; `None` without a model.
    Fits(Option<u32>),
}

impl SelectionCost<'_> {
    pub(in crate::tui) fn verdict(&self) -> SelectionVerdict {
        if self.ticked == 0 {
            return SelectionVerdict::NothingTicked;
        }
        let Some(limit) = self.limit else { return SelectionVerdict::Fits(None) };
        match too_many(self.tokens, limit) {
            Some(too_many) => SelectionVerdict::TooMany(too_many),
            None if self.uncounted > 0 => SelectionVerdict::Counting(self.uncounted),
            None => SelectionVerdict::Fits(Some(limit - self.tokens)),
        }
    }
}

impl DocumentParts {
    /// `taken` are part numbers of `whole`. In a context that is made for them, `reserve_tokens` are kept free.
    pub(in crate::tui) fn new(whole: Arc<Document>, taken: &[usize], reserve_tokens: u32) -> Self {
        let taken = taken.iter().map(|number| number - 1).collect();
        let (tree, tokens, asked, failed, has_opened) = (None, Vec::new(), None, None, false);
        Self { whole, tree, tokens, taken, reserve_tokens, asked, failed, has_opened }
    }

    /// All parts of `whole` are in use.
    pub(super) fn all(whole: Arc<Document>) -> Self {
        let all: Vec<usize> = (1..=whole.parts().len()).collect();
        Self::new(whole, &all, 0)
    }

    /// Replaces the document; parts keep their numbers.
    pub(in crate::tui) fn reopen(&mut self, whole: Arc<Document>) {
        let count = whole.parts().len();
        *self = Self { whole, tree: None, tokens: Vec::new(), asked: None, failed: None, ..self.clone() };
        self.taken.retain(|&part| part < count);
    }

    /// All parts of another document, for the same context.
    pub(super) fn of_another(&self, whole: Arc<Document>) -> Self {
        let all: Vec<usize> = (1..=whole.parts().len()).collect();
        Self::new(whole, &all, self.reserve_tokens)
    }

    pub(in crate::tui) fn take(&mut self, choice: &Choice) {
        self.taken = choice.parts.iter().map(|number| number - 1).collect();
    }

    pub(super) fn tree(&mut self) -> Arc<PartTree> {
        let tree = self.tree.get_or_insert_with(|| Arc::new(PartTree::of(&self.whole))).clone();
        self.tokens.resize(tree.parts(), None);
        tree
    }

    pub(super) fn limit(chat: &Chat) -> Option<u32> {
        let Model::Ready { info, .. } = &chat.model else { return None };
        let room = Room { info, context: chat.context, reserve_tokens: 0 };
        info.is_context_known().then(|| room.limit())
    }

    /// What `selection` costs.
    pub(in crate::tui) fn cost<'a>(&self, chat: &'a Chat, selection: &PartSelection) -> SelectionCost<'a> {
        let sum = selection.ticks.sum_of_ticked(&self.tokens);
        let forecast = chat.drafted.as_ref().and_then(|drafted| drafted.forecast.as_ref());
        let tokens = forecast.map_or(sum.tokens, |forecast| forecast.plan.document_tokens);
        // In bounded memory, any length fits.
        let is_bounded = forecast.is_some_and(|forecast| forecast.plan.bounded_tokens.is_some());
        let limit = Self::limit(chat).filter(|_| !is_bounded);
        SelectionCost {
            ticked: selection.ticks.ticked().len(),
            parts: selection.ticks.tree().parts(),
            tokens,
            uncounted: sum.uncounted,
            limit,
            kv_bytes: self.kv_bytes(chat, tokens, forecast.map(|forecast| &forecast.plan)),
            forecast,
        }
    }

    /// KV bytes for `tokens`: of the context that would be made, or of the one in place if that is large enough. Above
    /// the context limit, of the tokens alone. In bounded memory, always the same.
    fn kv_bytes(&self, chat: &Chat, tokens: u32, plan: Option<&Plan>) -> Option<u64> {
        let Model::Ready { info, .. } = &chat.model else { return None };
        if info.server.is_some() {
            return None;
        }
        let room = Room { info, context: chat.context, reserve_tokens: self.reserve_tokens };
        let bounded_tokens = plan.and_then(|plan| plan.bounded_tokens);
        let there = plan.filter(|_| bounded_tokens.is_none()).map_or(0, |plan| info.cache.bytes(plan.context_tokens));
        Some(room.kv_bytes(tokens, bounded_tokens).max(there))
    }
}

impl PartSelection {
    pub(super) fn choice(&self) -> Choice {
        let parts = self.ticks.ticked().into_iter().map(|part| part + 1).collect();
        Choice { parts, preset_entry: self.preset_entry }
    }

    /// The selected node.
    pub(super) fn node(&self) -> Option<usize> {
        self.ticks.rows().get(self.at).copied()
    }

    /// Selects the row of `node`, or the last one before it.
    pub(super) fn look_at(&mut self, node: usize) {
        let rows = self.ticks.rows();
        self.at = rows.partition_point(|&row| row <= node).saturating_sub(1);
    }

    /// Ticks as many parts as fit into `room`, from the selected row on, and clears all others.
    pub(super) fn fill(&mut self, room: u32, tokens: &[Option<u32>]) {
        let Some(node) = self.node() else { return };
        let first = self.ticks.tree().nodes()[node].parts.start;
        let mut left = room;
        let has_room = |part: &usize| {
            let rest = tokens[*part].and_then(|tokens| left.checked_sub(tokens));
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let fitting: Vec<usize> = (first..tokens.len()).take_while(has_room).collect();
        self.ticks.set(&fitting);
    }
}
