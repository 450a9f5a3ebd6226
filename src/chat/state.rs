//! What the chat knows: plain data, changed by [`super::update()`] only.

use std::sync::Arc;
use std::time::Duration;

use super::attached::Attached;
use super::branches::{BranchRow, Branches, fork_points};
use super::document::DocumentFacts;
use super::exchange::{Exchange, ExchangeState};
use super::input::{Chosen, Draft, Effect, Fetched, NewText, Offered};
use super::measurements::Measurements;
use super::moment::Moment;
use super::notice::{Notice, model_notes};
use super::template::ChatTemplate;
use super::transcript::Entry;
use super::within::{Beginning, Search, Within};
use crate::engine::message::{CancelToken, JobId, Limits, ModelInfo, Plan, Progress, Sampling};
use crate::failure::Failure;
use crate::swaa::Preset;
use crate::swaa::preset::RecipePatch;
use crate::swaa::selection::{PresetSelection, ResolvedPreset};

/// How questions belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Questions {
    /// A person asks one after the other: each is asked behind the earlier turns, and the document is read before the first comes. A preset that
    /// is not available is replaced by full attention, and the person is told.
    Conversation,
    /// A script asks: each is about the document alone, which is read with the first, so that its figures have all that it cost. A preset that
    /// is not available is a failure.
    Alone,
}

/// How questions are put.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
    pub questions: Questions,
    pub system: Option<Arc<str>>,
    pub sampling: Sampling,
    pub limits: Limits,
}

/// Everything a chat starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    pub document: DocumentFacts,
    /// How much of the document is to be read, when there is no time for all of it.
    pub within: Option<Within>,
    /// The presets that can be switched to, and how one becomes a recipe for this model and document.
    pub reading: PresetSelection,
    pub asking: Asking,
    /// The date that templates may print; settled once, see [`Moment`].
    pub now: Moment,
    /// What can be fetched, when the model is not on this machine.
    pub absent: Option<Offered>,
}

/// The model, as far as it has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    Loading {
        fraction: f32,
    },
    Ready {
        info: Box<ModelInfo>,
        template: ChatTemplate,
    },
    Failed(Failure),
    /// It is not on this machine yet, and can be fetched.
    Absent(Offered),
    Fetching {
        offered: Offered,
        fetched: Fetched,
        cancel: CancelToken,
    },
}

/// A job that the engine works on.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub job: JobId,
    pub cancel: CancelToken,
    /// It was told to stop and has not said yet that it did.
    pub stopping: bool,
    pub plan: Option<Plan>,
    pub progress: Option<Progress>,
}

impl Run {
    pub(super) fn new(job: JobId) -> Self {
        Self { job, cancel: CancelToken::default(), stopping: false, plan: None, progress: None }
    }

    /// Tells it to stop, once.
    pub(super) fn stop(&mut self) -> Vec<Effect> {
        if std::mem::replace(&mut self.stopping, true) {
            return Vec::new();
        }
        vec![Effect::Cancel(self.cancel.clone())]
    }
}

/// What the document's length is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizing {
    /// To read by this offer.
    Read { preset_entry: usize },
    /// To ask this question under these offers.
    Compare { question: String, preset_entries: Vec<usize> },
}

/// What is going on. One thing at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Idle,
    /// Asked how long the document is, for `auto` to choose.
    Sizing {
        job: JobId,
        sizing: Sizing,
    },
    /// Asked what a switch would cost.
    Forecasting {
        job: JobId,
        to: ResolvedPreset,
    },
    /// Asked what the first `parts` parts would take: see [`super::within`].
    Choosing {
        job: JobId,
        search: Search,
        parts: usize,
    },
    /// Asked what a text would take that somebody thinks of; see [`Chat::drafted`].
    Drafting {
        job: JobId,
        text: Arc<str>,
        preset: Arc<str>,
    },
    /// Asked how many tokens something has that goes along with a question.
    CountingAttachments {
        job: JobId,
        text: Arc<str>,
    },
    /// Asked what each preset would cost; see [`Chat::survey`].
    Surveying {
        job: JobId,
        preset_entry: usize,
    },
    /// It costs more than a moment: the person is asked.
    Deciding {
        to: ResolvedPreset,
        plan: Plan,
    },
    /// The document is being read; `from` is the way it was read before, if this is a switch.
    Prefilling {
        run: Run,
        from: Option<ResolvedPreset>,
    },
    /// `entry` of the transcript is being answered.
    Answering {
        run: Run,
        entry: usize,
    },
}

/// What the engine's KV cache holds, by its own account.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheState {
    pub resolved_preset: ResolvedPreset,
    /// Positions read so far, and of how many.
    pub tokens: u32,
    pub document_tokens: u32,
    /// In use and in all.
    pub context_used: u32,
    pub context_tokens: u32,
}

impl CacheState {
    /// Whether the whole document is in it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tokens >= self.document_tokens
    }
}

/// Why nothing is read by itself any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    Stopped,
    Failed(Failure),
}

/// Why the text is another than what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// `from line 812 of book.txt on`
    OnDisk(String),
    /// `12 of 61 parts`
    Chosen(String),
}

/// A draft, and what the engine says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Drafted {
    pub draft: Draft,
    pub forecast: Option<Forecast>,
}

/// What a draft would take.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The preset that it would be read by.
    pub preset: Arc<str>,
    pub plan: Plan,
}

/// The conversation. See the module's page.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// As far as it is settled: its first part, while `beginning` has the rest.
    pub document: DocumentFacts,
    pub beginning: Option<Beginning>,
    /// In a conversation without the fields that flags change: those are an offer of their own. A script's flags change every preset that it
    /// names.
    pub reading: PresetSelection,
    /// The presets that can be switched to.
    pub preset_entries: Vec<Preset>,
    pub asking: Asking,
    pub started: Moment,
    pub model: Model,
    /// Of the branch that is shown.
    pub transcript: Vec<Entry>,
    pub branches: Branches,
    /// What the question that is being written refers to.
    pub attached: Vec<Attached>,
    pub work: Phase,
    /// How the document is to be read and questions are asked; `None` until it is settled.
    pub resolved_preset: Option<ResolvedPreset>,
    /// What the engine has: this is what the screen shows as the preset.
    pub cache_state: Option<CacheState>,
    pub measurements: Measurements,
    /// What each offer would cost now, as far as that was asked; by its index.
    pub survey: Vec<Option<Plan>>,
    /// What somebody thinks of reading instead, and what that would take.
    pub drafted: Option<Drafted>,
    /// The document has more tokens than the context or the memory holds: its last reading failed by that.
    pub too_long: bool,
    /// A switch that waits for the running job to end; index into `preset_entries`.
    pub next_switch: Option<usize>,
    /// Reading was stopped or failed, and does not go on by itself.
    pub paused: Option<Pause>,
    /// What is to be known now, on a screen that has room for one notice.
    pub notice: Option<Notice>,
    /// Everything that was ever told, in order. What prints tells each of them once.
    pub notices: Vec<Notice>,
    /// The time of the last input.
    pub now: Duration,
    pub(super) first_preset_entry: usize,
    pub(super) last_job: u64,
    /// The text that the files have now, which waits for the running job to end.
    pub(super) next_text: Option<NewText>,
    /// Where the document has changed, until the engine has said how much of it is kept.
    pub(super) changed_at: Option<Change>,
    /// The parts that were chosen, which wait for the running job to end.
    pub(super) next_choice: Option<Chosen>,
    /// The offer that last chose a preset by the document's length, and which.
    pub(super) chosen_by: Option<(usize, Arc<str>)>,
    /// How many parts were taken, when that was chosen by time.
    pub(super) parts_taken: Option<usize>,
    /// Of the document as it is, once they were counted for `auto`.
    pub(super) document_tokens: Option<u32>,
    /// The offer that [`Chat::survey`] goes on with, when nothing else is to be done.
    pub(super) next_survey: Option<usize>,
    /// Attached texts that the engine could not count: it would fail again.
    pub(super) uncountable: Vec<Arc<str>>,
}

impl Chat {
    /// A chat that waits for its model.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let (preset_entries, first_preset_entry) = setup.reading.preset_entries();
        let reading = match setup.asking.questions {
            Questions::Conversation => PresetSelection { changes: RecipePatch::default(), ..setup.reading },
            Questions::Alone => setup.reading,
        };
        let mut document = setup.document;
        let beginning = setup.within.map(|within| Beginning::of(&mut document, within, first_preset_entry));
        Self {
            document,
            beginning,
            reading,
            preset_entries,
            asking: setup.asking,
            started: setup.now,
            model: setup.absent.map_or(Model::Loading { fraction: 0.0 }, Model::Absent),
            transcript: Vec::new(),
            branches: Branches::default(),
            attached: Vec::new(),
            work: Phase::Idle,
            resolved_preset: None,
            cache_state: None,
            measurements: Measurements::default(),
            survey: Vec::new(),
            drafted: None,
            too_long: false,
            next_switch: None,
            paused: None,
            notice: None,
            notices: Vec::new(),
            now: Duration::ZERO,
            first_preset_entry,
            last_job: 0,
            next_text: None,
            changed_at: None,
            next_choice: None,
            chosen_by: None,
            parts_taken: None,
            document_tokens: None,
            next_survey: None,
            uncountable: Vec::new(),
        }
    }

    /// The offer that chose the present preset by the document's length, if one did.
    #[must_use]
    pub fn automatic(&self) -> Option<usize> {
        let (preset_entry, name) = self.chosen_by.as_ref()?;
        self.resolved_preset
            .as_ref()
            .is_some_and(|resolved_preset| resolved_preset.name == *name)
            .then_some(*preset_entry)
    }

    /// How many of `parts` parts are the document: the first ones, where that is chosen by time.
    #[must_use]
    pub fn parts_read(&self, parts: usize) -> usize {
        if self.beginning.is_some() { 1 } else { self.parts_taken.unwrap_or(parts).min(parts) }
    }

    /// Whether figures on the screen change with time alone.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.model, Model::Loading { .. } | Model::Fetching { .. })
            || !matches!(self.work, Phase::Idle | Phase::Deciding { .. })
    }

    /// Whether the engine has the whole document, read as it is to be read.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.cache_state.as_ref().is_some_and(|cache_state| {
            Some(&cache_state.resolved_preset) == self.resolved_preset.as_ref() && cache_state.is_complete()
        })
    }

    /// The job that the engine works on, if any.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        match &self.work {
            Phase::Prefilling { run, .. } | Phase::Answering { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The offer that is in force or, before anything was read, will be.
    #[must_use]
    pub fn current_preset_entry(&self) -> usize {
        let name = self
            .cache_state
            .as_ref()
            .map(|cache_state| &cache_state.resolved_preset.name)
            .or(self.resolved_preset.as_ref().map(|resolved_preset| &resolved_preset.name));
        name.and_then(|name| self.preset_entries.iter().position(|preset_entry| *preset_entry.name == **name))
            .unwrap_or(self.first_preset_entry)
    }

    /// Whether an answer is on its way, or waits for its turn.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.exchanges().any(Exchange::is_waited_for)
    }

    /// Questions that wait for the engine.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.exchanges().filter(|exchange| exchange.state == ExchangeState::Waiting).count()
    }

    /// The questions, oldest first.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.transcript.iter().filter_map(Entry::exchange)
    }

    /// One row for each branch, in order.
    #[must_use]
    pub fn branch_rows(&self) -> Vec<BranchRow<'_>> {
        self.branches.rows(&self.transcript)
    }

    /// After what a branch can go on: the beginning (`None`), then every question's entry.
    #[must_use]
    pub fn fork_points(&self) -> Vec<Option<usize>> {
        fork_points(&self.transcript)
    }

    /// Why it can't go on, if something failed: the model or its engine, or what comes before anything can be asked.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match (&self.model, &self.paused) {
            (Model::Failed(failure), _) | (_, Some(Pause::Failed(failure))) => Some(failure),
            _ => None,
        }
    }

    // For `update`, which alone changes a chat.

    /// Tells it: shown until something else is, and kept for what prints.
    pub(super) fn tell(&mut self, notice: Notice) {
        self.notices.push(notice.clone());
        self.notice = Some(notice);
    }

    /// Tells why `auto` chose; at the start together with what was told of the model, as a screen has room for one notice.
    pub(super) fn tell_choice(&mut self, text: String) {
        let before = match &self.model {
            Model::Ready { info, template } if self.cache_state.is_none() => model_notes(info, template),
            _ => Vec::new(),
        };
        self.notices.push(Notice::info(text.clone()));
        let together: Vec<String> = before.into_iter().chain([text]).collect();
        self.notice = Some(Notice::info(together.join("; ")));
    }

    /// Nothing is read by itself any more: something failed, which is told.
    pub(super) fn pause_by(&mut self, failure: Failure) {
        self.tell(Notice::from(&failure));
        self.paused = Some(Pause::Failed(failure));
    }

    /// The document has another text from now on, of which nothing is known.
    pub(super) fn take_text(&mut self, text: Arc<str>) {
        self.document.text = text;
        self.document_tokens = None;
    }

    pub(super) fn new_job(&mut self) -> JobId {
        self.last_job += 1;
        JobId(self.last_job)
    }

    /// The job that the engine works on, if any.
    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.work {
            Phase::Prefilling { run, .. } | Phase::Answering { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The exchange of an entry, if it is one.
    pub(super) fn exchange_mut(&mut self, entry: usize) -> Option<&mut Exchange> {
        self.transcript.get_mut(entry)?.exchange_mut()
    }

    pub(super) fn exchanges_mut(&mut self) -> impl Iterator<Item = &mut Exchange> {
        self.transcript.iter_mut().filter_map(Entry::exchange_mut)
    }

    /// The exchange that is being answered.
    pub(super) fn answering(&mut self) -> Option<&mut Exchange> {
        match self.work {
            Phase::Answering { entry, .. } => self.exchange_mut(entry),
            _ => None,
        }
    }
}
