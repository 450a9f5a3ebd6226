//! The parts of the document to be ticked: which are read, what others would take, and the way from one to the other.
//!
//! The picture: a tree of boxes, and below it a scale. Every tick moves the scale; Enter takes what is ticked if it fits, and shows what would
//! fit if it does not. Nothing is read before Enter, and Esc leaves everything as it was.
//!
//! Example: 61 chapters, 161,000 tokens, a model that holds 8,192. It opens by itself; `n` unticks all, `f` on chapter 5 ticks 5 and 6, Enter.

use std::sync::Arc;

use crate::chat::{Chat, Choice, Forecast, Model};
use crate::document::Document;
use crate::engine::config::ContextSize;
use crate::fit::Proposal;
use crate::fit::ticks::{PartTree, Ticks};
use crate::session::CountRequest;

/// All parts of the document, of which some are read.
#[derive(Debug, Clone)]
pub(in crate::tui) struct DocumentParts {
    pub whole: Arc<Document>,
    /// Made when it is first looked at.
    tree: Option<Arc<PartTree>>,
    /// Of each part, as far as it was counted.
    pub tokens: Vec<Option<u32>>,
    /// The indices of those that were taken.
    pub(super) taken: Vec<usize>,
    context: ContextSize,
    pub(super) reserve_tokens: u32,
    /// Who was asked to count them.
    pub(super) asked: Option<CountRequest>,
    /// Why they can't be counted.
    pub failed: Option<String>,
    /// It was shown that what was taken is too long.
    pub(super) is_told: bool,
}

/// The tree as it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct PartSelection {
    pub ticks: Ticks,
    /// Which of the rows is looked at.
    pub at: usize,
    pub shown: usize,
    /// What the tree is narrowed down to is being typed.
    pub typing: bool,
    /// The preset to read by, when another was chosen with the parts.
    pub offer: Option<usize>,
    /// What would fit, when what is ticked does not.
    pub would_fit: Option<WouldFit>,
    /// What the chat was last told of: numbers and preset.
    pub(super) drafted: Choice,
}

/// What would fit in the place of some parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct WouldFit {
    pub(super) parts: Vec<usize>,
    /// `None` while it is tried.
    pub proposals: Option<Vec<Proposal>>,
    pub at: usize,
}

/// What is ticked, on the scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::tui) struct SelectionCost<'a> {
    pub ticked: usize,
    pub parts: usize,
    /// By the engine's own count of the whole prompt once it was asked, else the sum of what was counted.
    pub tokens: u32,
    /// How many of the ticked were not counted yet.
    pub uncounted: usize,
    /// What the context may hold; `None` without a model.
    pub limit: Option<u32>,
    pub kv_bytes: Option<u64>,
    pub forecast: Option<&'a Forecast>,
}

/// Whether it can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum SelectionVerdict {
    NothingTicked,
    Counting(usize),
    TooMany(u32),
    /// So many tokens are left for questions and answers; `None`: nobody knows without a model.
    Fits(Option<u32>),
}

impl SelectionCost<'_> {
    pub(in crate::tui) fn verdict(&self) -> SelectionVerdict {
        match self.limit {
            _ if self.ticked == 0 => SelectionVerdict::NothingTicked,
            // The engine wants one token for an answer, at least.
            Some(limit) if self.tokens >= limit => SelectionVerdict::TooMany(self.tokens + 1 - limit),
            None => SelectionVerdict::Fits(None),
            Some(_) if self.uncounted > 0 => SelectionVerdict::Counting(self.uncounted),
            Some(limit) => SelectionVerdict::Fits(Some(limit - self.tokens)),
        }
    }
}

impl DocumentParts {
    /// Of `whole` these parts are read, by number; the context is made by `context`, with so many tokens kept free behind a document.
    pub(in crate::tui) fn new(
        whole: Arc<Document>,
        taken: &[usize],
        context: ContextSize,
        reserve_tokens: u32,
    ) -> Self {
        let taken = taken.iter().map(|number| number - 1).collect();
        let (tree, tokens, asked, failed, is_told) = (None, Vec::new(), None, None, false);
        Self { whole, tree, tokens, taken, context, reserve_tokens, asked, failed, is_told }
    }

    /// Of a document all of which is read.
    pub(super) fn all(whole: Arc<Document>) -> Self {
        let all: Vec<usize> = (1..=whole.parts().len()).collect();
        Self::new(whole, &all, ContextSize::Fit, 0)
    }

    /// The document is another now; the same parts of it are read, by number.
    pub(in crate::tui) fn reopen(&mut self, whole: Arc<Document>) {
        let count = whole.parts().len();
        *self = Self { whole, tree: None, tokens: Vec::new(), asked: None, failed: None, ..self.clone() };
        self.taken.retain(|&part| part < count);
    }

    pub(in crate::tui) fn take(&mut self, choice: &Choice) {
        self.taken = choice.parts.iter().map(|number| number - 1).collect();
    }

    pub(super) fn tree(&mut self) -> Arc<PartTree> {
        let tree = self.tree.get_or_insert_with(|| Arc::new(PartTree::of(&self.whole))).clone();
        self.tokens.resize(tree.parts(), None);
        tree
    }

    pub(super) fn limit(&self, chat: &Chat) -> Option<u32> {
        let Model::Ready { info, .. } = &chat.model else { return None };
        Some(self.context.limit(info.train_context_tokens))
    }

    /// What `selection` comes to.
    pub(in crate::tui) fn cost<'a>(&self, chat: &'a Chat, selection: &PartSelection) -> SelectionCost<'a> {
        let sum = selection.ticks.sum_of_ticked(&self.tokens);
        let forecast = chat.drafted.as_ref().and_then(|drafted| drafted.forecast.as_ref());
        let tokens = forecast.map_or(sum.tokens, |forecast| forecast.plan.document_tokens);
        let limit = self.limit(chat);
        SelectionCost {
            ticked: selection.ticks.ticked().len(),
            parts: selection.ticks.tree().parts(),
            tokens,
            uncounted: sum.uncounted,
            limit,
            kv_bytes: self.kv_bytes(chat, tokens, forecast.map_or(0, |forecast| forecast.plan.context_tokens)),
            forecast,
        }
    }

    /// Bytes of the cache for so many tokens: that of the context that would be made, or is `there` and large enough. For more than the
    /// context may hold, of those tokens alone.
    fn kv_bytes(&self, chat: &Chat, tokens: u32, there: u32) -> Option<u64> {
        let Model::Ready { info, .. } = &chat.model else { return None };
        let limit = self.context.limit(info.train_context_tokens);
        let context = self.context.made_for(tokens, self.reserve_tokens, limit).max(tokens).max(there);
        Some(u64::from(context) * info.kv_bytes_per_token)
    }
}

impl PartSelection {
    pub(super) fn choice(&self) -> Choice {
        let parts = self.ticks.ticked().into_iter().map(|part| part + 1).collect();
        Choice { parts, offer: self.offer }
    }

    /// The node that is looked at.
    pub(super) fn node(&self) -> Option<usize> {
        self.ticks.rows().get(self.at).copied()
    }

    /// Looks at the row of `node`, or at the last before it.
    pub(super) fn look_at(&mut self, node: usize) {
        let rows = self.ticks.rows();
        self.at = rows.partition_point(|&row| row <= node).saturating_sub(1);
    }

    /// Ticks the parts from the row that is looked at on, as many as fit into `room` tokens, and no others.
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
