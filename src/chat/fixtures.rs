//! Chats and events for tests: a short book, a small model, figures with round numbers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::within::{Allowance, Within};
use super::{
    Asking, Chat, DocumentFacts, Effect, Input, Keeping, Moment, Phase, Questions, Setup, SystemPrompt, update,
};
use crate::engine::config::ContextSize;
use crate::engine::message::{
    CacheShape, CancelToken, Command, Event, Figures, JobId, Limits, Memory, ModelInfo, Plan, Progress, Sampling,
    SamplingPatch, Threads, Timings, TokenCounts,
};
use crate::swaa::cost::PrefillCost;
use crate::swaa::preset::RecipePatch;
use crate::swaa::selection::PresetSelection;
use crate::swaa::{ModelLayers, Presets, Recipe, RecipeSpec};

/// Tokens of the book.
pub(crate) const DOCUMENT_TOKENS: u32 = 10_000;

/// The recipe of the built-in preset `preset`.
pub(crate) fn recipe_of(preset: &str) -> RecipeSpec {
    Presets::built_in().get(preset).expect("a built-in preset").recipe.clone().expect("not auto")
}

/// The setup of a chat about a book. It begins with `preset` and the `changes` that flags make to it.
fn setup(preset: &str, changes: RecipePatch) -> Setup {
    let reading = PresetSelection { presets: Presets::built_in(), preset: preset.to_owned(), changes, cot: None };
    Setup {
        document: DocumentFacts {
            title: "Pride and Prejudice".into(),
            part: Some("chapters 1-12 of 61".into()),
            text: "It is a truth universally acknowledged.\n".into(),
            choice: None,
        },
        within: None,
        reading,
        asking: Asking {
            questions: Questions::Conversation,
            system: SystemPrompt::Absent,
            sampling: Sampling::GREEDY,
            given: SamplingPatch::default(),
            limits: Limits::default(),
            schema: None,
            reread: crate::engine::message::Reread::Off,
            question_first: false,
            calibrate: crate::chat::Calibrate::Idle,
            drafting: crate::engine::message::Drafting::Off,
        },
        now: Moment(0),
        context: ContextSize::Fit,
        absent: None,
        suggestions: super::Suggestions::default(),
        keeping: Keeping::Nothing,
        earlier: None,
    }
}

/// The text of a book with `chapters` chapters, and where each chapter ends.
fn chapters(chapters: usize) -> (Arc<str>, Vec<usize>) {
    let texts = (1..=chapters).map(|number| format!("Chapter {number}.\n"));
    let mut ends = Vec::new();
    let text = texts.fold(String::new(), |text, chapter| {
        ends.push(text.len() + chapter.len());
        text + &chapter
    });
    (text.into(), ends)
}

pub(crate) fn model() -> ModelInfo {
    ModelInfo {
        path: PathBuf::from("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
        name: "Qwen2.5-Coder-0.5B".into(),
        called: None,
        quantisation: None,
        architecture: "qwen2".into(),
        layers: ModelLayers::All(24),
        train_context_tokens: 32_768,
        stretched_from: None,
        vocab_tokens: 151_936,
        cache: CacheShape::plain(12_288),
        model_bytes: 491_400_064,
        repacked_bytes: 0,
        load_time: Duration::from_millis(640),
        chat_template: Some(
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{{ '<|im_start|>assistant\n' }}".into(),
        ),
        turn_marks: crate::engine::message::TurnMarks::default(),
        bos_text: String::new(),
        eos_text: "<|im_end|>".into(),
        sliding_refused: None,
        sampling: SamplingPatch::default(),
        without_gpu: None,
        prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: None },
        patch_stamp: "test".into(),
        devices: vec!["CPU".into()],
        offloaded_layers: 0,
        server: None,
        context: crate::engine::config::ContextSize::Fit,
        heads: crate::engine::message::HeadsKnown::default(),
        runs_on: None,
    }
}

pub(crate) fn memory() -> Memory {
    Memory {
        model_bytes: 491_400_064,
        kv_bytes: 150_994_944,
        kv_used_bytes: 122_880_000,
        compute_bytes: 300_000_000,
        resident_bytes: 0,
        rss_bytes: 912_000_000,
        device_bytes: 0,
    }
}

/// Figures of a job under `recipe` with `cached` tokens in the cache and `prefilled` tokens prefilled at 1,000 a
/// second.
pub(crate) fn figures(recipe: &RecipeSpec, cached: u32, prefilled: u32) -> Figures {
    Figures {
        recipe: recipe.resolve(DOCUMENT_TOKENS, &ModelLayers::All(24)),
        tokens: TokenCounts {
            document: DOCUMENT_TOKENS,
            prompt: DOCUMENT_TOKENS,
            cached,
            prefilled,
            ..TokenCounts::default()
        },
        timings: Timings {
            prefill: Duration::from_millis(prefilled.into()),
            prefill_tokens_per_s: 1_000.0,
            ..Timings::default()
        },
        memory: memory(),
        threads: Threads { count: 2, cores: 2, busy_cores: Some(0.2) },
        reasoning_end: None,
        prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: Some(0.001) },
        context_tokens: 12_288,
    }
}

/// Figures of an answer of `generated` tokens at 20 a second, with the whole document cached.
pub(crate) fn answer_figures(recipe: &RecipeSpec, generated: u32) -> Figures {
    let mut figures = figures(recipe, DOCUMENT_TOKENS, 24);
    figures.tokens.prompt = DOCUMENT_TOKENS + 24;
    figures.tokens.generated = generated;
    figures.timings.decode = Duration::from_millis(u64::from(generated) * 50);
    figures.timings.decode_tokens_per_s = 20.0;
    figures
}

pub(crate) fn plan(to_prefill_tokens: u32, predicted: Option<Duration>) -> Plan {
    Plan {
        recipe: Recipe::FULL,
        document_tokens: DOCUMENT_TOKENS,
        prompt_tokens: DOCUMENT_TOKENS,
        cached_tokens: DOCUMENT_TOKENS - to_prefill_tokens,
        to_prefill_tokens,
        predicted,
        context_tokens: 12_288,
        bounded_tokens: None,
    }
}

pub(crate) fn progress(done_tokens: u32) -> Progress {
    Progress {
        done_tokens,
        total_tokens: DOCUMENT_TOKENS,
        cached_tokens: 1_000,
        elapsed: Duration::from_secs(4),
        tokens_per_s: 812.0,
        remaining: Some(Duration::from_secs(7)),
    }
}

/// The job that a command starts.
pub(crate) fn job_of(command: &Command) -> Option<JobId> {
    match command {
        Command::Prefill { job, .. }
        | Command::Forecast { job, .. }
        | Command::Count { job, .. }
        | Command::FindHeads { job, .. }
        | Command::AnswerNow { job } => Some(*job),
        Command::Ask(question) | Command::Weigh { question, .. } => Some(question.job),
        Command::ReadAhead(ahead) => Some(ahead.job),
        Command::AllowContext { .. } | Command::Shutdown => None,
    }
}

/// A chat whose user and engine are played by a test, step by step. Each input comes one second after the last.
pub(crate) struct Session {
    pub(crate) chat: Chat,
    pub(crate) seconds: u64,
    /// The last job that the chat started.
    pub(crate) job: JobId,
}

impl Session {
    /// A chat whose model is still loading.
    pub(crate) fn begin(preset: &str) -> Self {
        Self::begin_with(preset, RecipePatch::default())
    }

    /// As [`Session::begin`], with single fields of the preset changed by flags.
    pub(crate) fn begin_with(preset: &str, changes: RecipePatch) -> Self {
        Self::of(setup(preset, changes))
    }

    /// A chat about a book of `number` chapters, as many of them as can be prefilled within a minute.
    pub(crate) fn begin_within_a_minute(preset: &str, number: usize) -> Self {
        let mut setup = setup(preset, RecipePatch::default());
        let (text, ends) = chapters(number);
        let allowance = Allowance { time: Duration::from_mins(1), context: ContextSize::Fit, reserve_tokens: 2_048 };
        setup.within = Some(Within { allowance, ends, selected: None });
        setup.document = DocumentFacts { text, part: None, ..setup.document };
        Self::of(setup)
    }

    /// A chat that is saved, with a loaded model and the document prefilled.
    pub(crate) fn saved() -> Self {
        Self::of(Setup { keeping: Keeping::Saved, ..setup("full", RecipePatch::default()) }).document_read()
    }

    /// A script's chat, whose questions are independent. It begins with `preset`, and its model is still loading.
    pub(crate) fn begin_script(preset: &str, changes: RecipePatch) -> Self {
        let setup = setup(preset, changes);
        Self::of(Setup { asking: Asking { questions: Questions::Alone, ..setup.asking }, ..setup })
    }

    /// A chat whose model is not on this machine.
    pub(crate) fn begin_without_model() -> Self {
        let title = "Qwen2.5-Coder 0.5B Instruct, 4 bits".to_owned();
        let absent = Some(super::Offered {
            name: "qwen2.5-coder-0.5b".into(),
            title,
            bytes: 491_400_064,
            license: Some("Apache-2.0".into()),
            speed: None,
        });
        Self::of(Setup { absent, ..setup("accurate", RecipePatch::default()) })
    }

    fn of(setup: Setup) -> Self {
        Self { chat: Chat::new(setup), seconds: 0, job: JobId(0) }
    }

    /// A chat with a loaded model and the document prefilled under `preset`.
    pub(crate) fn with_document_read(preset: &str) -> Self {
        Self::begin(preset).document_read()
    }

    /// Loads the model and prefills the document.
    pub(crate) fn document_read(mut self) -> Self {
        self.tell(Event::Loaded(Box::new(model())));
        self.read(0, DOCUMENT_TOKENS);
        self
    }

    pub(crate) fn input(&mut self, input: Input) -> Vec<Effect> {
        self.seconds += 1;
        let effects = update(&mut self.chat, Duration::from_secs(self.seconds), input);
        let mut jobs = effects.iter().filter_map(|effect| match effect {
            Effect::Send(command) => job_of(command),
            _ => None,
        });
        self.job = jobs.next_back().unwrap_or(self.job);
        effects
    }

    pub(crate) fn tell(&mut self, event: Event) -> Vec<Effect> {
        self.input(Input::Engine(event))
    }

    pub(crate) fn act(&mut self, action: super::Action) -> Vec<Effect> {
        self.input(Input::User(action))
    }

    pub(crate) fn ask(&mut self, question: &str) -> Vec<Effect> {
        self.act(super::Action::Ask(question.to_owned()))
    }

    pub(crate) fn switch(&mut self, preset: &str) -> Vec<Effect> {
        let preset_entry = self
            .chat
            .preset_entries
            .iter()
            .position(|preset_entry| preset_entry.name == preset)
            .expect("a built-in preset");
        self.act(super::Action::Switch(preset_entry))
    }

    /// The recipe in force.
    pub(crate) fn recipe(&self) -> RecipeSpec {
        self.chat.resolved_preset.as_ref().expect("a preset is settled").recipe.clone()
    }

    /// The engine ends its prefill.
    pub(crate) fn read(&mut self, cached: u32, prefilled: u32) -> Vec<Effect> {
        let figures = Box::new(figures(&self.recipe(), cached, prefilled));
        let stopped = cached + prefilled < DOCUMENT_TOKENS;
        self.tell(Event::Prefilled { job: self.job, stopped, figures })
    }

    /// The engine answers the running question.
    pub(crate) fn answer(&mut self, answer: &str) -> Vec<Effect> {
        use crate::engine::message::{Channel, Finish};
        self.tell(Event::Piece { job: self.job, channel: Channel::Answer, text: answer.to_owned() });
        let figures = Box::new(answer_figures(&self.recipe(), 40));
        self.tell(Event::Answered { job: self.job, finish: Finish::EndOfGeneration, figures })
    }

    /// The engine forecasts beginnings of a book, 1,000 tokens and 10 s a chapter, until the chat settles on one. Returns the effects that follow, and
    /// the beginnings that the chat asked about, in chapters.
    pub(crate) fn forecast_beginnings(&mut self, mut effects: Vec<Effect>) -> (Vec<Effect>, Vec<u32>) {
        let mut asked = Vec::new();
        while let (Phase::Choosing { .. }, [Effect::Send(Command::Forecast { prompt, .. })]) =
            (&self.chat.work, &effects[..])
        {
            let chapters = prompt.parts.iter().map(|part| part.text.matches("Chapter ").count() as u32).sum();
            asked.push(chapters);
            let predicted = Some(Duration::from_secs(u64::from(chapters - 1) * 10));
            let tokens = chapters * 1_000;
            let plan = Plan { document_tokens: tokens, prompt_tokens: tokens, ..plan(0, predicted) };
            effects = self.tell(Event::Forecast { job: self.job, plan });
        }
        // Under `auto` each is forecast twice: its length, and its cost.
        asked.dedup();
        (effects, asked)
    }

    /// The engine forecasts how long the document is, for `auto`.
    pub(crate) fn size(&mut self, document_tokens: u32) -> Vec<Effect> {
        let plan = Plan { document_tokens, prompt_tokens: document_tokens, ..plan(0, None) };
        self.tell(Event::Forecast { job: self.job, plan })
    }

    pub(crate) fn forecast(&mut self, to_prefill_tokens: u32, seconds: Option<u64>) -> Vec<Effect> {
        let plan = plan(to_prefill_tokens, seconds.map(Duration::from_secs));
        self.tell(Event::Forecast { job: self.job, plan })
    }

    /// The flag that stops the running job.
    pub(crate) fn cancel_token(&self) -> CancelToken {
        self.chat.run().expect("a job runs").cancel.clone()
    }

    pub(crate) fn cache_state(&self) -> Option<Arc<str>> {
        self.chat.cache_state.as_ref().map(|cache_state| cache_state.resolved_preset.name.clone())
    }
}
