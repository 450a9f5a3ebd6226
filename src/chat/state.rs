//! The state of a chat: plain data, changed by [`super::update()`] only.

use std::sync::Arc;
use std::time::Duration;

use super::attached::Attached;
use super::branches::{BranchRow, Branches, fork_points};
use super::document::DocumentFacts;
use super::exchange::{AnsweringModel, Exchange, ExchangeState};
use super::input::{Chosen, Draft, Effect, Fetched, NewText, Offered, OpenedDocument, OpeningAt};
use super::measurements::Measurements;
use super::moment::Moment;
use super::notice::{Notice, Tone, asked_in_vain, model_notes};
use super::recording::{Earlier, Keeping, Recording};
use super::room::FullContext;
use super::suggestions::Suggestions;
use super::system_prompt::SystemPrompt;
use super::template::ChatTemplate;
use super::transcript::Entry;
use super::until::Until;
use super::within::{Beginning, Search, Within};
use crate::engine::config::ContextSize;
use crate::engine::message::{
    CancelToken, Drafting, JobId, Limits, ModelInfo, PlainServer, Plan, Progress, Prompt, Reread, Sampling,
    SamplingPatch,
};
use crate::failure::Failure;
use crate::swaa::preset::RecipePatch;
use crate::swaa::selection::{PresetSelection, ResolvedPreset};
use crate::swaa::{Preset, RecipeSpec};

/// How questions relate to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Questions {
    /// A conversation: each question follows the earlier turns, and the document is prefilled before the first one. A
    /// preset that is not available is replaced by full attention, with a notice.
    Conversation,
    /// A script: each question is about the document alone. The document is prefilled with the first question, so that
    /// its figures include the whole cost. A preset that is not available is a failure.
    Alone,
    /// A script that goes on with a saved conversation: as [`Self::Alone`], but each question follows the earlier turns.
    Thread,
}

impl Questions {
    /// Whether a script asks: nobody is there to decide anything.
    #[must_use]
    pub const fn is_script(self) -> bool {
        matches!(self, Self::Alone | Self::Thread)
    }
}

/// How questions are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
    pub questions: Questions,
    pub system: SystemPrompt,
    /// In force; once the model is loaded, `given` over what the model recommends.
    pub sampling: Sampling,
    /// What the user asked for.
    pub given: SamplingPatch,
    pub limits: Limits,
    /// The JSON schema that answers are held to.
    pub schema: Option<Arc<str>>,
    /// Whether passages are read again before a question.
    pub reread: Reread,
    /// Whether a question stands before the document, too. Only where each question is about the document alone: no two of them share a reading.
    pub question_first: bool,
    /// When the heads are looked for that point at passages.
    pub calibrate: Calibrate,
    /// How many tokens of an answer are guessed and verified at once.
    pub drafting: Drafting,
}

/// When the heads that point at passages are looked for, if they are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Calibrate {
    /// While nothing else is to be done, after the first answer.
    #[default]
    Idle,
    /// Only where it is asked for.
    Never,
}

/// Everything a chat starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    pub document: DocumentFacts,
    /// How much of the document to read, if time is limited.
    pub within: Option<Within>,
    /// The presets, and how they are resolved for this model and document.
    pub reading: PresetSelection,
    pub asking: Asking,
    /// The date that templates may print, fixed at the start; see [`Moment`].
    pub now: Moment,
    /// The size of the context that was asked for.
    pub context: ContextSize,
    /// The model to offer for download, if it is not on this machine.
    pub absent: Option<Offered>,
    /// What suits this machine, if no model was named and none is here.
    pub suggestions: Suggestions,
    pub keeping: Keeping,
    /// A saved conversation to offer.
    pub earlier: Option<Earlier>,
}

/// The state of the model.
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
    /// It is not on this machine, and can be fetched.
    Absent(Offered),
    Fetching {
        offered: Offered,
        fetched: Fetched,
        cancel: CancelToken,
    },
}

/// Documents that are being opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// In words.
    pub called: String,
    /// Where reading is, if it takes long.
    pub at: Option<OpeningAt>,
}

impl Opening {
    pub(super) fn of(called: impl Into<String>) -> Self {
        Self { called: called.into(), at: None }
    }
}

/// A model that is being fetched while another one works.
#[derive(Debug, Clone, PartialEq)]
pub struct Download {
    pub offered: Offered,
    pub fetched: Fetched,
    pub cancel: CancelToken,
}

/// A job that the engine is running.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub job: JobId,
    pub cancel: CancelToken,
    /// Cancelled, but the engine has not reported its end yet.
    pub stopping: bool,
    pub plan: Option<Plan>,
    pub progress: Option<Progress>,
}

impl Run {
    pub(super) fn new(job: JobId) -> Self {
        Self { job, cancel: CancelToken::default(), stopping: false, plan: None, progress: None }
    }

    /// Cancels the job, once.
    pub(super) fn stop(&mut self) -> Vec<Effect> {
        if std::mem::replace(&mut self.stopping, true) {
            return Vec::new();
        }
        vec![Effect::Cancel(self.cancel.clone())]
    }
}

/// Presets that are read while nothing else is to be done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ahead {
    pub run: Option<AheadRun>,
    /// What was read.
    pub(super) done: Vec<(RecipeSpec, Prompt)>,
    pub(super) not_before: Duration,
}

/// A preset that is being read in the background.
#[derive(Debug, Clone, PartialEq)]
pub struct AheadRun {
    pub preset: ResolvedPreset,
    pub run: Run,
    pub(super) prompt: Prompt,
}

impl Ahead {
    pub(super) fn is_done(&self, recipe: &RecipeSpec, prompt: &Prompt) -> bool {
        self.done.iter().any(|(done, of)| done == recipe && of == prompt)
    }
}

/// Looking for the heads that point at passages while nothing else is to be done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IdleSearch {
    pub run: Option<Run>,
    /// Questions about planted facts that were asked, of so many in all; 0 of 0 before the first.
    pub done: u32,
    pub total: u32,
    pub(super) not_before: Duration,
    /// It can't be done in this run of the program.
    pub(super) has_failed: bool,
    pub(super) is_told: bool,
}

/// Why the document's length is being forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizing {
    /// To prefill under this preset entry.
    Read { preset_entry: usize },
    /// To ask this question under these preset entries.
    Compare { question: String, preset_entries: Vec<usize> },
}

/// What is forecast of a beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Its length, for `auto` to choose its recipe by.
    Length,
    /// What it costs under its recipe.
    Cost,
}

/// What is to be known of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftStep {
    /// Its length, for `auto` to choose by.
    Length,
    /// What it costs under this preset.
    Cost { preset: Arc<str> },
}

/// What the chat is waiting for. One thing at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Idle,
    /// The engine forecasts the document's length, for `auto` to choose by.
    Sizing {
        job: JobId,
        sizing: Sizing,
    },
    /// The engine forecasts the cost of a switch.
    Forecasting {
        job: JobId,
        to: ResolvedPreset,
    },
    /// The engine forecasts the first `parts` parts: see [`super::within`].
    Choosing {
        job: JobId,
        search: Search,
        parts: usize,
        awaited: Awaited,
    },
    /// The engine forecasts a draft; see [`Chat::drafted`].
    Drafting {
        job: JobId,
        text: Arc<str>,
        step: DraftStep,
    },
    /// The engine counts the tokens of an attachment.
    CountingAttachments {
        job: JobId,
        text: Arc<str>,
    },
    /// The engine forecasts each preset entry in turn; see [`Chat::survey`].
    Surveying {
        job: JobId,
        preset_entry: usize,
    },
    /// The switch takes longer than [`super::SHORT`]: the user has to confirm it.
    Deciding {
        to: ResolvedPreset,
        plan: Plan,
    },
    /// The document is being prefilled; `from` is the previous preset, if this is a switch.
    Prefilling {
        run: Run,
        from: Option<ResolvedPreset>,
    },
    /// Entry `entry` of the transcript is being answered.
    Answering {
        run: Run,
        entry: usize,
    },
}

/// What the engine reports its KV cache to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheState {
    pub resolved_preset: ResolvedPreset,
    /// Document tokens prefilled so far.
    pub tokens: u32,
    pub document_tokens: u32,
    /// Context positions in use.
    pub context_used: u32,
    pub context_tokens: u32,
}

impl CacheState {
    /// Whether it holds the whole document.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tokens >= self.document_tokens
    }
}

/// Why prefill does not continue by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    Stopped,
    Failed(Failure),
}

/// The preset that was in force before a comparison (A/B).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Home {
    /// The comparison is not over.
    AfterComparison(ResolvedPreset),
    /// The switch to it has begun.
    Going(ResolvedPreset),
}

/// Why the text differs from what was prefilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// `from line 812 of book.txt on`
    OnDisk(String),
    /// `12 of 61 parts`
    Chosen(String),
    /// `the system prompt is set`
    System(String),
}

/// A draft, and its forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Drafted {
    pub draft: Draft,
    /// `None` if it is not known, or not needed.
    pub document_tokens: Option<u32>,
    pub forecast: Option<Forecast>,
}

/// The forecast of a draft.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The preset that it would use.
    pub preset: Arc<str>,
    pub plan: Plan,
}

/// The conversation; see [`crate::chat`].
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// The document, or only its first part while `beginning` holds the rest.
    pub document: DocumentFacts,
    pub beginning: Option<Beginning>,
    /// In a conversation, without the changes that flags make: those have a preset entry of their own. A script's flags
    /// change every preset that it names.
    pub reading: PresetSelection,
    /// The presets that can be switched to.
    pub preset_entries: Vec<Preset>,
    pub asking: Asking,
    pub started: Moment,
    pub model: Model,
    /// What suits this machine, while there is no model.
    pub suggestions: Suggestions,
    /// The entries of the shown branch.
    pub transcript: Vec<Entry>,
    pub branches: Branches,
    /// What the question being written refers to.
    pub attached: Vec<Attached>,
    pub work: Phase,
    /// The preset for the document and the questions; `None` until it is resolved.
    pub resolved_preset: Option<ResolvedPreset>,
    /// What the engine's KV cache holds. The screen shows this preset.
    pub cache_state: Option<CacheState>,
    pub measurements: Measurements,
    /// What each preset entry would cost now, by its index; `None` if not forecast yet.
    pub survey: Vec<Option<Plan>>,
    /// Reading the other presets while nothing else is to be done; `None`: not wanted.
    pub ahead: Option<Ahead>,
    /// Looking for the heads that point at passages while nothing else is to be done.
    pub idle_search: IdleSearch,
    /// The parts that the user is considering, and their forecast.
    pub drafted: Option<Drafted>,
    /// The last prefill failed because the document does not fit into the context or the memory.
    pub too_long: bool,
    /// The conversation has filled the context; see [`super::room`].
    pub full: Option<FullContext>,
    /// The size of the context that was asked for.
    pub context: ContextSize,
    /// The name that the user gave the conversation.
    pub name: Option<Arc<str>>,
    /// Questions are about what is before this place in the document; `None`: about all of it.
    pub until: Option<Until>,
    /// A saved conversation that can go on, until something is asked.
    pub earlier: Option<Earlier>,
    /// Grows when another conversation takes the place of this one.
    pub conversation: u32,
    /// Entries at the beginning of the transcript that are of an earlier run.
    pub earlier_entries: usize,
    /// What was saved last; `None` if nothing is saved.
    pub(super) recording: Option<Recording>,
    /// The last save failed, and the user knows.
    pub(super) saving_fails: bool,
    /// What is being opened.
    pub opening: Option<Opening>,
    /// Another model that is being fetched while this one works.
    pub download: Option<Download>,
    /// A switch that waits for the running job; an index into `preset_entries`.
    pub next_switch: Option<usize>,
    /// Set if prefill was stopped or failed: it does not continue by itself.
    pub paused: Option<Pause>,
    /// The current notice, for a screen that shows only one.
    pub notice: Option<Notice>,
    /// The notice came with the question that is about to be asked, so the question doesn't take it away.
    pub(super) notice_is_news: bool,
    /// All notices so far, in order. Front ends that print show each of them once.
    pub notices: Vec<Notice>,
    /// The time of the last input.
    pub now: Duration,
    pub(super) first_preset_entry: usize,
    pub(super) last_job: u64,
    /// The new text of the files, which waits for the running job.
    pub(super) next_text: Option<NewText>,
    /// The document that was opened, which waits for the running job.
    pub(super) next_document: Option<Box<OpenedDocument>>,
    /// How the document changed, until the engine reports how much is still cached.
    pub(super) changed_at: Option<Change>,
    /// The newly selected parts, which wait for the running job.
    pub(super) next_choice: Option<Chosen>,
    /// The preset entry that last chose a preset by the document's length, and the name of that preset.
    pub(super) chosen_by: Option<(usize, Arc<str>)>,
    /// How many parts were taken, if time limited them.
    pub(super) parts_taken: Option<usize>,
    /// The tokens of the current document, with what stands before it, once forecast for `auto`.
    pub(super) document_tokens: Option<u32>,
    /// The preset to return to after a comparison; see [`super::update()`].
    pub(super) home: Option<Home>,
    /// The preset entry at which the survey continues when the engine is idle.
    pub(super) next_survey: Option<usize>,
    /// Attached texts that the engine failed to count, so that it is not asked again.
    pub(super) uncountable: Vec<Arc<str>>,
}

impl Chat {
    /// A chat that waits for its model.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let (preset_entries, first_preset_entry) = setup.reading.preset_entries();
        let reading = match setup.asking.questions {
            Questions::Conversation => PresetSelection { changes: RecipePatch::default(), ..setup.reading },
            Questions::Alone | Questions::Thread => setup.reading,
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
            suggestions: setup.suggestions,
            model: setup.absent.map_or(Model::Loading { fraction: 0.0 }, Model::Absent),
            transcript: Vec::new(),
            branches: Branches::default(),
            attached: Vec::new(),
            work: Phase::Idle,
            resolved_preset: None,
            cache_state: None,
            measurements: Measurements::default(),
            survey: Vec::new(),
            ahead: None,
            idle_search: IdleSearch::default(),
            drafted: None,
            too_long: false,
            full: None,
            context: setup.context,
            name: None,
            until: None,
            earlier: setup.earlier,
            conversation: 0,
            earlier_entries: 0,
            recording: (setup.keeping == Keeping::Saved).then(Recording::new),
            saving_fails: false,
            opening: None,
            download: None,
            next_document: None,
            next_switch: None,
            paused: None,
            notice: None,
            notice_is_news: false,
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
            home: None,
            next_survey: None,
            uncountable: Vec::new(),
        }
    }

    /// Whether everything that was said so far is saved.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.recording.is_some() && !self.saving_fails
    }

    /// The preset entry that chose the current preset by the document's length, if one did.
    #[must_use]
    pub fn automatic(&self) -> Option<usize> {
        let (preset_entry, name) = self.chosen_by.as_ref()?;
        self.resolved_preset
            .as_ref()
            .is_some_and(|resolved_preset| resolved_preset.name == *name)
            .then_some(*preset_entry)
    }

    /// How many of `parts` parts are in the document: if time limits them, the first ones.
    #[must_use]
    pub fn parts_read(&self, parts: usize) -> usize {
        if self.beginning.is_some() { 1 } else { self.parts_taken.unwrap_or(parts).min(parts) }
    }

    /// Whether time alone makes a difference: something is in progress, or begins after a while.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.is_busy() || self.begins_something() || self.idle_search.run.is_some()
    }

    /// Whether something begins after a while.
    #[must_use]
    pub fn begins_something(&self) -> bool {
        self.ahead.is_some() || self.awaits_quiet()
    }

    /// Whether something is in progress.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.opening.is_some()
            || self.download.is_some()
            || matches!(self.model, Model::Loading { .. } | Model::Fetching { .. })
            || !matches!(self.work, Phase::Idle | Phase::Deciding { .. })
    }

    /// Whether there is a document to ask about.
    #[must_use]
    pub fn has_document(&self) -> bool {
        !self.document.text.trim().is_empty()
    }

    /// Whether the engine holds the whole document under the current preset, or sends it along with each question.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.cache_state.as_ref().is_some_and(|cache_state| {
            Some(&cache_state.resolved_preset) == self.resolved_preset.as_ref()
                && (cache_state.is_complete() || self.sends_document())
        })
    }

    /// Whether the document goes to a server with each question, instead of being read ahead of them.
    #[must_use]
    pub fn sends_document(&self) -> bool {
        self.plain_server().is_some()
    }

    /// What is known of a model on somebody else's server.
    #[must_use]
    pub fn plain_server(&self) -> Option<PlainServer> {
        match &self.model {
            Model::Ready { info, .. } => info.server,
            _ => None,
        }
    }

    /// Whether tokens are counted by rules of thumb: whoever shows a count says "about".
    #[must_use]
    pub fn is_estimating(&self) -> bool {
        matches!(&self.model, Model::Ready { info, .. } if info.is_estimating())
    }

    /// The job that the engine is running, if any.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        match &self.work {
            Phase::Prefilling { run, .. } | Phase::Answering { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The preset entry in force or, before the first prefill, the one that will be.
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

    /// Whether a question is being answered or waits for its turn.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.exchanges().any(Exchange::is_waited_for)
    }

    /// The number of questions that wait for the engine.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.exchanges().filter(|exchange| exchange.state == ExchangeState::Waiting).count()
    }

    /// What is noted of the model that answers now; `None` while there is none.
    #[must_use]
    pub fn answering_model(&self) -> Option<Arc<AnsweringModel>> {
        match &self.model {
            Model::Ready { info, .. } => Some(Arc::new(AnsweringModel {
                name: info.title(),
                file: info.path.clone(),
                devices: info.devices.clone(),
                offloaded_layers: info.offloaded_layers,
                load_time: info.load_time,
            })),
            _ => None,
        }
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

    /// Where a branch can start: the beginning (`None`), then after the entry of each question.
    #[must_use]
    pub fn fork_points(&self) -> Vec<Option<usize>> {
        fork_points(&self.transcript)
    }

    /// Why the chat can't continue, if something failed: the model, its engine, or a step before the first question.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match (&self.model, &self.paused) {
            (Model::Failed(failure), _) | (_, Some(Pause::Failed(failure))) => Some(failure),
            _ => None,
        }
    }

    // For `update`, the only function that changes a chat.

    /// Shows a notice until the next one, and keeps it for front ends that print.
    pub(super) fn tell(&mut self, notice: Notice) {
        self.notices.push(notice.clone());
        self.notice = Some(notice);
    }

    /// Shows a notice about something that happened outside. The next question doesn't take it away: the files are looked
    /// at when a question is asked, with the same key.
    pub(super) fn tell_news(&mut self, notice: Notice) {
        self.tell(notice);
        self.notice_is_news = true;
    }

    /// Adds a sentence to the notice that is shown, if it is no error: a screen shows only one.
    pub(super) fn tell_beside(&mut self, text: String) {
        self.notices.push(Notice::info(text.clone()));
        let shown = self.notice.take().filter(|notice| notice.tone == Tone::Info);
        self.notice = Some(match shown {
            Some(notice) => Notice { text: format!("{}; {text}", notice.text), ..notice },
            None => Notice::info(text),
        });
    }

    /// Takes the notice away, because something new begins; news stay.
    pub(super) fn clear_notice(&mut self) {
        if !std::mem::take(&mut self.notice_is_news) {
            self.notice = None;
        }
    }

    /// Shows why `auto` chose a preset; at the start together with the notes about the model, because a screen shows
    /// only one notice.
    pub(super) fn tell_choice(&mut self, text: String) {
        let before = match &self.model {
            Model::Ready { info, template } if self.cache_state.is_none() => self.notes_about(info, template),
            _ => Vec::new(),
        };
        self.notices.push(Notice::info(text.clone()));
        let news = self.notice.take().filter(|_| self.notice_is_news).map(|notice| notice.text);
        let together: Vec<String> = news.into_iter().chain(before).chain([text]).collect();
        self.notice = Some(Notice::info(together.join("; ")));
    }

    /// The server that runs the model, if one does.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        match &self.model {
            Model::Ready { info, .. } => info.runs_on.as_deref(),
            _ => None,
        }
    }

    /// The engine sizes its context like this, whatever was asked for here.
    pub(super) fn has_context(&mut self, context: ContextSize) {
        self.context = context;
        if let Some(beginning) = &mut self.beginning {
            beginning.within.allowance.context = context;
        }
    }

    /// What the user has to know about the model, and about what was asked of it in vain.
    pub(super) fn notes_about(&self, model: &ModelInfo, template: &ChatTemplate) -> Vec<String> {
        let in_vain = asked_in_vain(model, template, self.context, self.reading.cot);
        model_notes(model, template).into_iter().chain(in_vain).collect()
    }

    /// Pauses prefill because of a failure, and shows the failure.
    pub(super) fn pause_by(&mut self, failure: Failure) {
        self.tell(Notice::from(&failure));
        self.paused = Some(Pause::Failed(failure));
    }

    /// Replaces the document's text. Its tokens have to be counted again.
    pub(super) fn take_text(&mut self, text: Arc<str>) {
        self.document.text = text;
        self.document_tokens = None;
    }

    pub(super) fn new_job(&mut self) -> JobId {
        self.last_job += 1;
        JobId(self.last_job)
    }

    /// The job that the engine is running, if any.
    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.work {
            Phase::Prefilling { run, .. } | Phase::Answering { run, .. } => Some(run),
            _ => None,
        }
    }

    /// The exchange at index `entry`, if there is one.
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
