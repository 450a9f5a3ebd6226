//! The parts of the document to be ticked: which are read, what others would take, and the way from one to the other.
//!
//! The picture: a tree of boxes, and below it a scale. Every tick moves the scale; Enter takes what is ticked if it fits, and shows what would
//! fit if it does not. Nothing is read before Enter, and Esc leaves everything as it was.
//!
//! Example: 61 chapters, 161,000 tokens, a model that holds 8,192. It opens by itself; `n` unticks all, `f` on chapter 5 ticks 5 and 6, Enter.

use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::super::aside::{Aside, Question};
use super::super::errand::Errand;
use super::super::keymap::{Intent, Scroll};
use super::{Overlay, Screen, scrolled};
use crate::chat::{Action, Chat, Choice, Draft, Forecast, Model};
use crate::document::Document;
use crate::engine::config::ContextSize;
use crate::fit::Proposal;
use crate::fit::ticks::{Mark, PartTree, Ticks};

/// All parts of the document, of which some are read.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Parts {
    pub whole: Arc<Document>,
    /// Made when it is first looked at.
    tree: Option<Arc<PartTree>>,
    /// Of each part, as far as it was counted.
    pub tokens: Vec<Option<u32>>,
    /// The indices of those that were taken.
    taken: Vec<usize>,
    context: ContextSize,
    reserve_tokens: u32,
    /// Who was asked to count them.
    asked: Option<Question>,
    /// Why they can't be counted.
    pub failed: Option<String>,
    /// It was shown that what was taken is too long.
    is_told: bool,
}

/// The plan as it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct Plan {
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
    drafted: Choice,
}

/// What would fit in the place of some parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tui) struct WouldFit {
    parts: Vec<usize>,
    /// `None` while it is tried.
    pub proposals: Option<Vec<Proposal>>,
    pub at: usize,
}

/// What is ticked, on the scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::tui) struct Scale<'a> {
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
pub(in crate::tui) enum Verdict {
    NothingTicked,
    Counting(usize),
    TooMany(u32),
    /// So many tokens are left for questions and answers; `None`: nobody knows without a model.
    Fits(Option<u32>),
}

impl Scale<'_> {
    pub(in crate::tui) fn verdict(&self) -> Verdict {
        match self.limit {
            _ if self.ticked == 0 => Verdict::NothingTicked,
            // The engine wants one token for an answer, at least.
            Some(limit) if self.tokens >= limit => Verdict::TooMany(self.tokens + 1 - limit),
            None => Verdict::Fits(None),
            Some(_) if self.uncounted > 0 => Verdict::Counting(self.uncounted),
            Some(limit) => Verdict::Fits(Some(limit - self.tokens)),
        }
    }
}

impl Parts {
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

    fn tree(&mut self) -> Arc<PartTree> {
        let tree = self.tree.get_or_insert_with(|| Arc::new(PartTree::of(&self.whole))).clone();
        self.tokens.resize(tree.parts(), None);
        tree
    }

    fn limit(&self, chat: &Chat) -> Option<u32> {
        let Model::Ready { info, .. } = &chat.model else { return None };
        Some(self.context.limit(info.train_context_tokens))
    }

    /// What `plan` comes to.
    pub(in crate::tui) fn scale<'a>(&self, chat: &'a Chat, plan: &Plan) -> Scale<'a> {
        let sum = plan.ticks.sum_of_ticked(&self.tokens);
        let forecast = chat.drafted.as_ref().and_then(|drafted| drafted.forecast.as_ref());
        let tokens = forecast.map_or(sum.tokens, |forecast| forecast.plan.document_tokens);
        let limit = self.limit(chat);
        Scale {
            ticked: plan.ticks.ticked().len(),
            parts: plan.ticks.tree().parts(),
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

impl Plan {
    fn choice(&self) -> Choice {
        let parts = self.ticks.ticked().into_iter().map(|part| part + 1).collect();
        Choice { parts, offer: self.offer }
    }

    /// The node that is looked at.
    fn node(&self) -> Option<usize> {
        self.ticks.rows().get(self.at).copied()
    }

    /// Looks at the row of `node`, or at the last before it.
    fn look_at(&mut self, node: usize) {
        let rows = self.ticks.rows();
        self.at = rows.partition_point(|&row| row <= node).saturating_sub(1);
    }

    /// Ticks the parts from the row that is looked at on, as many as fit into `room` tokens, and no others.
    fn fill(&mut self, room: u32, tokens: &[Option<u32>]) {
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

impl Screen {
    /// Opens the plan on what is read.
    pub(super) fn open_parts(&mut self, chat: &Chat) -> Vec<Action> {
        let tree = self.parts.tree();
        if self.reader.is_empty() {
            self.told = Some("there is no document to choose from".to_owned());
            return Vec::new();
        }
        let read = chat.parts_read(self.parts.taken.len());
        let ticks = Ticks::new(tree, &self.parts.taken[..read]);
        let drafted = Choice::default();
        // What is read is what one looks for first.
        let at = ticks.rows().iter().position(|&row| ticks.mark(row) != Mark::Nothing).unwrap_or(0);
        self.overlay =
            Some(Overlay::Parts(Plan { ticks, at, shown: 10, typing: false, offer: None, would_fit: None, drafted }));
        self.attend(chat)
    }

    /// Whether something has come up that opens the plan, or that it waits for. To be asked after everything that happens to `chat`.
    pub(in crate::tui) fn attend(&mut self, chat: &Chat) -> Vec<Action> {
        self.parts.is_told &= chat.too_long;
        if chat.too_long && !self.parts.is_told && self.overlay.is_none() && self.entry.is_none() {
            self.parts.is_told = true;
            return if self.parts.tree().parts() > 1 { self.open_parts(chat) } else { Vec::new() };
        }
        let mut plan = match self.overlay.take() {
            Some(Overlay::Parts(plan)) => plan,
            other => {
                self.overlay = other;
                return Vec::new();
            }
        };
        self.have_weighed(chat);
        let actions = self.draft(chat, &mut plan);
        self.overlay = Some(Overlay::Parts(plan));
        actions
    }

    /// Has the parts counted, once.
    fn have_weighed(&mut self, chat: &Chat) {
        let Some(question) = self.parts_question(chat).filter(|_| self.parts.tokens.contains(&None)) else { return };
        if self.parts.asked.as_ref() != Some(&question) {
            self.parts.asked = Some(question.clone());
            self.errands.push(Errand::Weigh(question));
        }
    }

    fn parts_question(&self, chat: &Chat) -> Option<Question> {
        let Model::Ready { info, .. } = &chat.model else { return None };
        Some(Question { model: info.path.clone(), whole: self.parts.whole.clone() })
    }

    /// Tells the chat what is ticked, where that could be read and is another than it was told of.
    fn draft(&mut self, chat: &Chat, plan: &mut Plan) -> Vec<Action> {
        let choice = plan.choice();
        let sum = plan.ticks.sum_of_ticked(&self.parts.tokens);
        let could_be_read = self.parts.limit(chat).is_some_and(|limit| sum.tokens < limit);
        if choice.parts.is_empty() || sum.uncounted > 0 || !could_be_read {
            plan.drafted = Choice::default();
            return if chat.drafted.is_some() { vec![Action::Draft(None)] } else { Vec::new() };
        }
        if plan.drafted == choice {
            return Vec::new();
        }
        let text = Arc::from(self.parts.whole.with_parts(&choice.parts).text);
        let draft = Draft { text, tokens: sum.tokens, offer: choice.offer };
        plan.drafted = choice;
        vec![Action::Draft(Some(draft))]
    }

    pub(super) fn in_parts(&mut self, chat: &Chat, mut plan: Plan, intent: &Intent) -> Vec<Action> {
        let stays_open = match () {
            () if plan.typing => type_filter(&mut plan, intent),
            () if plan.would_fit.is_some() => self.among_proposals(&mut plan, intent),
            () => self.among_parts(chat, &mut plan, intent),
        };
        if !stays_open {
            return vec![Action::Draft(None)];
        }
        let actions = self.draft(chat, &mut plan);
        self.overlay = Some(Overlay::Parts(plan));
        actions
    }

    /// False closes the plan.
    fn among_parts(&mut self, chat: &Chat, plan: &mut Plan, intent: &Intent) -> bool {
        match intent {
            Intent::Scroll(scroll) => {
                let last = plan.ticks.rows().len().saturating_sub(1);
                plan.at = scrolled(*scroll, plan.at, last, plan.shown).min(last);
            }
            Intent::Tick => plan.node().into_iter().for_each(|node| plan.ticks.toggle(node)),
            Intent::TickAll => plan.ticks.set_all(true),
            Intent::TickNone => plan.ticks.set_all(false),
            Intent::TickOthers => plan.ticks.invert(),
            Intent::TickFitting => self.fill(chat, plan),
            Intent::Less => plan.node().into_iter().for_each(|node| {
                let node = plan.ticks.fold(node);
                plan.look_at(node);
            }),
            Intent::More => plan.node().into_iter().for_each(|node| plan.ticks.unfold(node)),
            Intent::Search => plan.typing = true,
            Intent::Preset(_) | Intent::NextPreset | Intent::PreviousPreset => choose_preset(chat, plan, intent),
            Intent::Submit => return self.take_ticked(chat, plan),
            Intent::Escape if !plan.ticks.filter().is_empty() => set_filter(plan, ""),
            Intent::Escape | Intent::Interrupt => return false,
            _ => {}
        }
        true
    }

    /// As many as fit with room for questions and answers; where that is more than there is, with half of the context.
    fn fill(&mut self, chat: &Chat, plan: &mut Plan) {
        let Some(limit) = self.parts.limit(chat) else {
            self.told = Some("what fits is known once the model is there".to_owned());
            return;
        };
        plan.fill(limit.saturating_sub(self.parts.reserve_tokens).max(limit / 2), &self.parts.tokens);
        let sum = plan.ticks.sum_of_ticked(&self.parts.tokens);
        if sum.tokens == 0 {
            let is_counted = !self.parts.tokens.contains(&None);
            let why = if is_counted { "not even this part fits" } else { "the parts are still being counted" };
            self.told = Some(why.to_owned());
        }
    }

    /// Takes what is ticked, or says why not. False when it was taken.
    fn take_ticked(&mut self, chat: &Chat, plan: &mut Plan) -> bool {
        let choice = plan.choice();
        match self.parts.scale(chat, plan).verdict() {
            Verdict::NothingTicked => self.told = Some("nothing is ticked: Space ticks, a ticks all".to_owned()),
            Verdict::Counting(parts) => self.told = Some(format!("{parts} of the parts are still being counted")),
            Verdict::TooMany(_) => self.ask_what_would_fit(chat, plan, choice.parts),
            Verdict::Fits(_) if self.is_read(chat, &choice) => {
                self.told = Some("these parts are read already".to_owned());
                return false;
            }
            Verdict::Fits(_) => {
                self.errands.push(Errand::TakeParts(choice));
                return false;
            }
        }
        true
    }

    /// Whether nothing would change.
    fn is_read(&self, chat: &Chat, choice: &Choice) -> bool {
        let read = &self.parts.taken[..chat.parts_read(self.parts.taken.len())];
        let same = read.len() == choice.parts.len()
            && read.iter().zip(&choice.parts).all(|(part, number)| part + 1 == *number);
        same && chat.is_read() && choice.offer.is_none_or(|offer| offer == chat.current_offer())
    }

    fn ask_what_would_fit(&mut self, chat: &Chat, plan: &mut Plan, parts: Vec<usize>) {
        let Some(of) = self.parts_question(chat) else { return };
        self.errands.push(Errand::Propose { of, parts: parts.clone() });
        plan.would_fit = Some(WouldFit { parts, proposals: None, at: 0 });
    }

    /// A proposal of parts becomes ticks, one of flags is for the next start.
    fn among_proposals(&mut self, plan: &mut Plan, intent: &Intent) -> bool {
        let Some(would_fit) = &mut plan.would_fit else { return true };
        let proposals = would_fit.proposals.as_deref().unwrap_or_default();
        match intent {
            Intent::Scroll(scroll) => {
                let last = proposals.len().saturating_sub(1);
                would_fit.at = scrolled(*scroll, would_fit.at, last, proposals.len()).min(last);
            }
            Intent::Submit => match proposals.get(would_fit.at) {
                Some(Proposal { parts: Some(parts), .. }) => {
                    plan.ticks.set(&parts.iter().map(|number| number - 1).collect::<Vec<_>>());
                    plan.would_fit = None;
                    self.told = Some("ticked; Enter reads it".to_owned());
                }
                Some(Proposal { flags, .. }) => self.told = Some(format!("leave, and start again with {flags}")),
                None => {}
            },
            Intent::Escape | Intent::Interrupt => plan.would_fit = None,
            _ => {}
        }
        true
    }

    /// Takes what was found out on the side.
    pub(in crate::tui) fn take_aside(&mut self, chat: &Chat, aside: Aside) -> Vec<Action> {
        match aside {
            Aside::Weighed { of, first, tokens } if Arc::ptr_eq(&of.whole, &self.parts.whole) => {
                let places = self.parts.tokens.iter_mut().skip(first);
                places.zip(tokens).for_each(|(place, tokens)| *place = Some(tokens));
            }
            Aside::Proposed { of, parts, proposals } if Arc::ptr_eq(&of.whole, &self.parts.whole) => {
                if let Some(Overlay::Parts(Plan { would_fit: Some(would_fit), .. })) = &mut self.overlay
                    && would_fit.parts == parts
                {
                    would_fit.proposals = Some(proposals);
                }
            }
            Aside::Failed(why) => self.parts.failed = Some(why),
            Aside::Weighed { .. } | Aside::Proposed { .. } => {}
        }
        self.attend(chat)
    }
}

/// What is typed narrows the tree down at once.
fn type_filter(plan: &mut Plan, intent: &Intent) -> bool {
    let mut text = plan.ticks.filter().to_owned();
    match intent {
        Intent::Type(KeyEvent { code: KeyCode::Backspace, .. }) if text.is_empty() => plan.typing = false,
        Intent::Type(KeyEvent { code: KeyCode::Backspace, .. }) => {
            text.pop();
        }
        Intent::Type(KeyEvent { code: KeyCode::Char(c), .. }) => text.push(*c),
        Intent::Paste(pasted) => text.push_str(&pasted.split_whitespace().collect::<Vec<_>>().join(" ")),
        Intent::Submit | Intent::Scroll(Scroll::Down) => plan.typing = false,
        Intent::Escape | Intent::Interrupt => {
            plan.typing = false;
            text.clear();
        }
        _ => {}
    }
    if text != plan.ticks.filter() {
        set_filter(plan, &text);
    }
    true
}

fn set_filter(plan: &mut Plan, text: &str) {
    let node = plan.node().unwrap_or(0);
    plan.ticks.set_filter(text);
    plan.look_at(node);
}

/// The preset to read what is ticked by; nothing is switched before it is taken.
fn choose_preset(chat: &Chat, plan: &mut Plan, intent: &Intent) {
    let here = plan.offer.unwrap_or_else(|| chat.current_offer());
    let chosen = match intent {
        Intent::Preset(key) => chat.offers.iter().position(|offer| offer.key == Some(*key)),
        Intent::NextPreset => Some(here + 1),
        _ => here.checked_sub(1),
    };
    plan.offer = chosen.filter(|&offer| offer < chat.offers.len()).or(plan.offer);
}
