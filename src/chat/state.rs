//! What the chat knows: plain data, changed by [`super::update()`] only.

use std::sync::Arc;
use std::time::Duration;

use super::attached::Attached;
use super::branches::Branches;
use super::exchange::Exchange;
use super::moment::Moment;
use super::readings::{Comparison, Readings};
use super::template::ChatTemplate;
use super::update::{Change, Chosen, Drafted, NewText};
use super::within::{Beginning, Search, Within};
use crate::engine::message::{CancelToken, Failure, JobId, Limits, ModelInfo, Plan, Progress, Sampling};
use crate::swaa::Preset;
use crate::swaa::preset::RecipePatch;
use crate::swaa::selection::PresetSelection;
pub use crate::swaa::selection::ResolvedPreset as Way;

/// The document, as the screen and the prompt need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFacts {
    /// `Pride and Prejudice`, `src/ and 2 more`.
    pub title: String,
    /// What part of it was taken, when not all: `chapters 1–12 of 61`.
    pub part: Option<String>,
    pub text: Arc<str>,
    /// Why it is so long, when that was chosen for it: `4 of 61 parts are read, as many as …`.
    pub choice: Option<String>,
}

/// How questions are put.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
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

/// A model that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// `Qwen2.5-Coder 0.5B Instruct, 4 bits`
    pub title: String,
    pub bytes: u64,
    pub license: Option<String>,
}

/// How far the fetching of a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    pub done: u64,
    pub total: u64,
    /// All bytes are there, and are compared with what they should be.
    pub checking: bool,
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
}

/// What is going on. One thing at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    Idle,
    /// Asked how long the document is, for `auto` to choose.
    Sizing {
        job: JobId,
        offer: usize,
    },
    /// Asked what a switch would cost.
    Forecasting {
        job: JobId,
        to: Way,
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
    Weighing {
        job: JobId,
        text: Arc<str>,
    },
    /// Asked what each preset would cost; see [`Chat::survey`].
    Surveying {
        job: JobId,
        offer: usize,
    },
    /// It costs more than a moment: the person is asked.
    Deciding {
        to: Way,
        plan: Plan,
    },
    /// The document is being read; `from` is the way it was read before, if this is a switch.
    Reading {
        run: Run,
        from: Option<Way>,
    },
    /// `entry` of the transcript is being answered.
    Answering {
        run: Run,
        entry: usize,
    },
}

/// What the engine's KV cache holds, by its own account.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub way: Way,
    /// Positions read so far, and of how many.
    pub tokens: u32,
    pub document_tokens: u32,
    /// In use and in all.
    pub context_used: u32,
    pub context_tokens: u32,
}

impl Held {
    /// Whether the whole document is in it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tokens >= self.document_tokens
    }
}

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Info,
    Error,
}

/// One line for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Notice {
    pub(super) fn info(text: impl Into<String>) -> Self {
        Self { tone: Tone::Info, text: text.into(), hint: None }
    }

    pub(super) fn error(text: impl Into<String>, hint: Option<String>) -> Self {
        Self { tone: Tone::Error, text: text.into(), hint }
    }
}

impl From<&Failure> for Notice {
    fn from(failure: &Failure) -> Self {
        Self::error(failure.message.clone(), failure.hint.clone())
    }
}

/// One entry of the transcript.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Exchange(Exchange),
    /// A switch that was made, with both readings' figures.
    Switch(Comparison),
}

/// The conversation. See the module's page.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// As far as it is settled: its first part, while `beginning` has the rest.
    pub document: DocumentFacts,
    pub beginning: Option<Beginning>,
    /// Without the fields that flags change: those are an offer of their own.
    pub reading: PresetSelection,
    /// The presets that can be switched to.
    pub offers: Vec<Preset>,
    pub asking: Asking,
    pub started: Moment,
    pub model: Model,
    /// Of the branch that is shown.
    pub transcript: Vec<Entry>,
    pub branches: Branches,
    /// What the question that is being written refers to.
    pub attached: Vec<Attached>,
    pub work: Work,
    /// How the document is to be read and questions are asked; `None` until it is settled.
    pub way: Option<Way>,
    /// What the engine has: this is what the screen shows as the preset.
    pub held: Option<Held>,
    pub readings: Readings,
    /// What each offer would cost now, as far as that was asked; by its index.
    pub survey: Vec<Option<Plan>>,
    /// What somebody thinks of reading instead, and what that would take.
    pub drafted: Option<Drafted>,
    /// The document has more tokens than the context or the memory holds: its last reading failed by that.
    pub too_long: bool,
    /// A switch that waits for the running job to end; index into `offers`.
    pub next_switch: Option<usize>,
    /// Reading was stopped or failed, and does not go on by itself.
    pub paused: bool,
    pub notice: Option<Notice>,
    /// The time of the last input.
    pub now: Duration,
    pub(super) first_offer: usize,
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
}

impl Chat {
    /// A chat that waits for its model.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let (offers, first_offer) = setup.reading.offers();
        let mut document = setup.document;
        let beginning = setup.within.map(|within| Beginning::of(&mut document, within, first_offer));
        Self {
            document,
            beginning,
            reading: PresetSelection { changes: RecipePatch::default(), ..setup.reading },
            offers,
            asking: setup.asking,
            started: setup.now,
            model: setup.absent.map_or(Model::Loading { fraction: 0.0 }, Model::Absent),
            transcript: Vec::new(),
            branches: Branches::default(),
            attached: Vec::new(),
            work: Work::Idle,
            way: None,
            held: None,
            readings: Readings::default(),
            survey: Vec::new(),
            drafted: None,
            too_long: false,
            next_switch: None,
            paused: false,
            notice: None,
            now: Duration::ZERO,
            first_offer,
            last_job: 0,
            next_text: None,
            changed_at: None,
            next_choice: None,
            chosen_by: None,
            parts_taken: None,
        }
    }

    /// The offer that chose the present preset by the document's length, if one did.
    #[must_use]
    pub fn automatic(&self) -> Option<usize> {
        let (offer, name) = self.chosen_by.as_ref()?;
        self.way.as_ref().is_some_and(|way| way.name == *name).then_some(*offer)
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
            || !matches!(self.work, Work::Idle | Work::Deciding { .. })
    }

    /// Whether the engine has the whole document, read as it is to be read.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.held.as_ref().is_some_and(|held| Some(&held.way) == self.way.as_ref() && held.is_complete())
    }

    /// The job that the engine works on, if any.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        match &self.work {
            Work::Reading { run, .. } | Work::Answering { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The offer that is in force or, before anything was read, will be.
    #[must_use]
    pub fn current_offer(&self) -> usize {
        let name = self.held.as_ref().map(|held| &held.way.name).or(self.way.as_ref().map(|way| &way.name));
        name.and_then(|name| self.offers.iter().position(|offer| *offer.name == **name)).unwrap_or(self.first_offer)
    }

    /// What an offer is for this model and the document that was read.
    #[must_use]
    pub fn way_of(&self, offer: usize) -> Option<Way> {
        super::update::way_of(self, offer)
    }

    /// Whether one question can be asked under both offers.
    ///
    /// Errors: why not, in a sentence.
    pub fn compares(&self, offers: [usize; 2]) -> Result<(), String> {
        super::update::compared(self, offers).map(drop)
    }

    /// Whether an answer is on its way, or waits for its turn.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        use super::ExchangeState::{Running, Waiting};
        self.exchanges().any(|exchange| matches!(exchange.state, Waiting | Running))
    }

    /// Questions that wait for the engine.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.exchanges().filter(|exchange| exchange.state == super::ExchangeState::Waiting).count()
    }

    /// The questions, oldest first.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.transcript.iter().filter_map(|entry| match entry {
            Entry::Exchange(exchange) => Some(exchange),
            Entry::Switch(_) => None,
        })
    }
}
