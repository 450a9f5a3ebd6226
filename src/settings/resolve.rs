//! Merges flags, configuration file and environment. The only place that decides which of them wins.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::args::{
    CacheArgs, ChatArgs, EvalArgs, FileArgs, FitArgs, InspectArgs, KeepingArgs, ListenArgs, LowArgs, ModelArgs,
    ModelsArgs, OutputArgs, ProbeArgs, QuestionArgs, ReadArgs, ReadingArgs, RecipeArgs, RpcServerArgs, SamplingArgs,
    ServeArgs, SessionArgs, Subcommands, SystemArgs,
};
use super::config::Config;
use super::directories::Directories;
use super::error::Error;
use super::options::{
    ApiKey, CacheTask, Documents, FitAs, FrontEnd, Headless, ModelsTask, Output, Probe, PullPolicy, ReadAhead,
    ScreenSettings, Serving, SessionChoice, Shown, ThemeChoice,
};
use super::server::ServerChoice;
use super::standard_input::StandardInput;
use super::surroundings::{ScreenVariables, Surroundings, Terminal};
use super::used_server::{self, UsedServer};
use super::values::{self, Count};
use crate::document::{Ocr, PdfReader, ReadOptions, Wanted};
use crate::engine::check_schema;
use crate::engine::config::{
    AdapterFile, ContextSize, DEVICE_SNAPSHOTS, DiskCacheSettings, EngineSettings, FirstUse, Keeps, KnownFile, KvDtype,
    Offload, OwnWindows, Parallel, PeerOffer, WeightForm,
};
use crate::engine::message::{Drafting, Limits, Repetition, Reread, SamplingPatch};
use crate::engine::peers;
use crate::models::{Catalogue, ModelRef, Places};
use crate::swaa::Adapter;
use crate::swaa::preset::AUTO;
use crate::swaa::selection::PresetSelection;
use crate::swaa::{ChainOfThought, Presets};

/// How long `lunette demo` may prefill: long enough for some chapters on a laptop, short enough to wait for.
const DEMO_WITHIN: Duration = Duration::from_mins(1);
/// What `lunette demo` asks if there is no terminal; the answer is in the first chapter. It asks for one sentence,
/// because otherwise the default model wrote a list until its context was full, which is exit code 6.
const DEMO_QUESTION: &str =
    "Who has taken Netherfield Park, and why does that matter to Mrs. Bennet? Answer in one sentence.";

/// Tokens kept free after the document for questions and answers.
const RESERVE_TOKENS: u32 = 2048;
/// Most tokens of an answer with its reasoning, unless `-n` says otherwise: what is kept free for them.
const ANSWER_TOKENS: u32 = RESERVE_TOKENS;
/// What a question and what the template has around it usually take, at most.
const QUESTION_TOKENS: u32 = 1024;
/// Host memory for snapshots under other presets: 100,000 tokens of a 0.5B model take 1.2 GB.
const RESIDENT_MIB: u32 = 2048;

/// All validated settings of a run.
#[derive(Debug)]
pub struct Settings {
    pub front_end: FrontEnd,
    pub documents: Documents,
    /// Options for reading documents.
    pub read: ReadOptions,
    /// `--parts`, as written: its meaning depends on the document.
    pub parts: Option<String>,
    /// `--pages`, as written.
    pub pages: Option<String>,
    /// `--until`, as written: its meaning depends on the document.
    pub until: Option<String>,
    /// Load only as many parts as this machine can prefill in this time.
    pub within: Option<Duration>,
    /// Load only the parts nearest to the questions, up to this many tokens.
    pub pick: Option<u32>,
    pub questions: Vec<String>,
    /// The presets of `--ab`: every question is asked under each of them.
    pub ab: Vec<String>,
    /// As written: `None` is the one for reading, a blank text is none.
    pub system_prompt: Option<String>,
    /// The JSON schema that answers are held to.
    pub schema: Option<Arc<str>>,
    pub model: ModelRef,
    /// Where to look for models, and how to reach the hub.
    pub places: Places,
    pub pull: PullPolicy,
    /// Whose engine is used in place of one on this machine.
    pub server: Option<UsedServer>,
    pub reading: PresetSelection,
    pub engine: EngineSettings,
    /// What the user asked for; the model and the engine decide on the rest.
    pub sampling: SamplingPatch,
    pub limits: Limits,
    /// Whether passages are read again before a question.
    pub reread: Reread,
    /// Whether the heads that point at passages are looked for while nothing else is to be done.
    pub calibrates_idle: bool,
    /// Whether a question stands before the documents, too.
    pub question_first: bool,
    /// How many tokens of an answer are guessed and verified at once.
    pub drafting: Drafting,
    /// For the whole run, including prefill; in a chat for each answer, as one of the `limits`.
    pub timeout: Option<Duration>,
    pub directories: Directories,
    /// Which conversation is saved, and goes on.
    pub session: SessionChoice,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    pub terminal: Terminal,
    pub stdin: StandardInput,
    pub screen: ScreenSettings,
    /// The log filter, in `tracing`'s syntax.
    pub log_filter: String,
}

impl Settings {
    /// Merges flags, configuration file and environment.
    pub fn resolve(low: LowArgs, surroundings: Surroundings) -> Result<Self, Error> {
        match low.command {
            None => Self::of_session(Documents::Named(low.chat.documents), low.chat.session, surroundings),
            Some(Subcommands::Demo(session)) => {
                Self::of_session(Documents::BundledBook, demo(*session, &surroundings), surroundings)
            }
            Some(Subcommands::Presets(args)) => {
                Self::of_command(FrontEnd::Presets { json: args.json }, Some(args.model), surroundings)
            }
            Some(Subcommands::Inspect(args)) => Self::of_inspect(args, surroundings),
            Some(Subcommands::Fit(args)) => Self::of_fit(*args, surroundings),
            Some(Subcommands::Paths { json }) => Self::of_command(FrontEnd::Paths { json }, None, surroundings),
            Some(Subcommands::Pull { name }) => Self::of_command(FrontEnd::Pull { name }, None, surroundings),
            Some(Subcommands::Read(args)) => Self::of_read(*args, surroundings),
            Some(Subcommands::Cache { task }) => {
                let (task, json) = cache_task(task);
                Self::of_command(FrontEnd::Cache { task, json }, None, surroundings)
            }
            Some(Subcommands::Sessions(command)) => Self::of_command(FrontEnd::Sessions(command), None, surroundings),
            Some(Subcommands::Doctor { json, rpc }) => {
                // Whether RPC is there is what it tells.
                let mut settings = Self::of_command(FrontEnd::Doctor { json }, None, surroundings)?;
                if !rpc.is_empty() {
                    settings.engine.offload.peers = named_peers(&rpc);
                }
                Ok(settings)
            }
            Some(Subcommands::Models { task }) => Self::of_models(task, surroundings),
            Some(Subcommands::Calibrate(args)) => {
                Self::of_command(FrontEnd::Calibrate { json: args.json }, Some(args.model), surroundings)
            }
            Some(Subcommands::Completions { shell }) => {
                Self::of_command(FrontEnd::Completions(shell), None, surroundings)
            }
            Some(Subcommands::Man) => Self::of_command(FrontEnd::Man, None, surroundings),
            Some(Subcommands::Probe(args)) => Self::of_probe(*args, surroundings),
            Some(Subcommands::Eval(args)) => Self::of_eval(args, surroundings),
            Some(Subcommands::Serve(args)) => Self::of_serve(*args, surroundings),
            Some(Subcommands::RpcServer(args)) => {
                let RpcServerArgs { listen, memory, device, threads } = args;
                let threads = threads.and_then(|count| count.0);
                let offer = PeerOffer { devices: device, threads, most_bytes: memory };
                Self::of_command(FrontEnd::RpcServer { listen, offer }, None, surroundings)
            }
        }
    }

    fn of_command(front_end: FrontEnd, model: Option<ModelArgs>, surroundings: Surroundings) -> Result<Self, Error> {
        let mut settings =
            Self::built(&Gathered { model: model.unwrap_or_default(), ..Gathered::default() }, surroundings)?;
        settings.front_end = front_end;
        Ok(settings)
    }

    fn of_inspect(args: InspectArgs, surroundings: Surroundings) -> Result<Self, Error> {
        let shown = match (args.json, args.text) {
            (true, _) => Shown::Json,
            (_, true) => Shown::Text,
            _ => Shown::Summary,
        };
        let mut settings = Self::of_command(FrontEnd::Inspect(shown), Some(args.model), surroundings)?;
        settings.documents = Documents::Named(args.documents);
        settings.add_files(args.files);
        settings.read.cross_check = shown != Shown::Text;
        settings.parts = args.selected.parts;
        settings.pages = args.selected.pages;
        Ok(settings)
    }

    /// A session that is planned but not run.
    fn of_fit(args: FitArgs, surroundings: Surroundings) -> Result<Self, Error> {
        let ChatArgs { documents, mut session } = args.chat;
        session.output.dry_run = true;
        let mut settings = Self::of_session(Documents::Named(documents), session, surroundings)?;
        if settings.names_no_document() {
            return Err(Error::NothingToPlan);
        }
        if args.measure && settings.server.is_some() {
            return Err(Error::NotWithServer { flag: "--measure" });
        }
        if let FrontEnd::Fit(how) = &mut settings.front_end {
            how.measure = args.measure;
        }
        // What is measured must be computed.
        settings.engine.disk_cache = None;
        Ok(settings)
    }

    fn of_read(args: ReadArgs, surroundings: Surroundings) -> Result<Self, Error> {
        let gathered = Gathered {
            model: args.model,
            asked: QuestionArgs { system: args.system, ..QuestionArgs::default() },
            ..Gathered::default()
        };
        let mut settings = Self::built(&gathered, surroundings)?;
        for name in &args.presets {
            settings.reading.presets.get(name)?;
        }
        settings.documents = Documents::Named(args.documents);
        settings.add_files(args.files);
        settings.parts = args.selected.parts;
        settings.pages = args.selected.pages;
        let output = if args.json { Output::Json } else { Output::Text };
        settings.front_end = FrontEnd::Read(ReadAhead { presets: args.presets, output });
        Ok(settings)
    }

    fn of_probe(args: ProbeArgs, surroundings: Surroundings) -> Result<Self, Error> {
        let ProbeArgs { documents, presets, reread: rereads, facts, json, selected, files, model } = args;
        let mut settings = Self::of_command(FrontEnd::Screen, Some(model), surroundings)?;
        for name in &presets {
            settings.reading.presets.get(name)?;
        }
        settings.front_end = FrontEnd::Probe(Probe { presets, rereads, facts: facts.into(), json });
        settings.engine.for_measuring();
        settings.documents = Documents::Named(documents);
        settings.add_files(files);
        settings.parts = selected.parts;
        settings.pages = selected.pages;
        Ok(settings)
    }

    fn of_models(args: ModelsArgs, surroundings: Surroundings) -> Result<Self, Error> {
        // Models of this machine, whoever answers questions.
        let model = ModelArgs { server: Some(ServerChoice::None), ..ModelArgs::default() };
        let mut gathered = Gathered { model, ..Gathered::default() };
        let mut named = Vec::new();
        let (task, json) = match args {
            ModelsArgs::Ls { json } => (ModelsTask::List, json),
            ModelsArgs::Suggest { documents, preset, json } => {
                (gathered.preset, named) = (preset, documents.into_iter().map(OsString::from).collect());
                (ModelsTask::Suggest, json)
            }
            ModelsArgs::Pull { name } => (ModelsTask::Pull(name), false),
            ModelsArgs::Rm { name, json } => (ModelsTask::Remove(name), json),
            ModelsArgs::Info { name, json } => {
                gathered.model.model = Some(name);
                (ModelsTask::Info, json)
            }
            ModelsArgs::Verify { name, json } => (ModelsTask::Verify(name), json),
        };
        let mut settings = Self::built(&gathered, surroundings)?;
        settings.documents = Documents::Named(named);
        settings.front_end = FrontEnd::Models { task, json };
        Ok(settings)
    }

    fn of_eval(args: Box<EvalArgs>, surroundings: Surroundings) -> Result<Self, Error> {
        let gathered = Gathered {
            model: args.model.clone(),
            sampling: args.sampling.clone(),
            recipe: args.recipe.clone(),
            reread: args.reread.iter().copied().find(|reread| *reread != Reread::Off),
            asked: QuestionArgs { system: args.system.clone(), ..QuestionArgs::default() },
            ..Gathered::default()
        };
        let mut settings = Self::built(&gathered, surroundings)?;
        for name in &args.presets {
            settings.reading.presets.get(name)?;
        }
        settings.engine.for_measuring();
        settings.front_end = FrontEnd::Eval(args);
        Ok(settings)
    }

    fn of_serve(args: ServeArgs, surroundings: Surroundings) -> Result<Self, Error> {
        let ServeArgs { documents, listening, answers, files, system, reading, model, sampling } = args;
        let ReadingArgs { preset, recipe, reread, draft } = reading;
        let asked = QuestionArgs {
            system,
            predict: answers.predict,
            reasoning_budget: answers.reasoning_budget,
            ..QuestionArgs::default()
        };
        let serving = serving(listening, surroundings.api_key.clone())?;
        if let Some(ServerChoice::At(_)) = model.server {
            return Err(Error::ServesItself);
        }
        let model = ModelArgs { server: Some(ServerChoice::None), ..model };
        let gathered = Gathered { asked, preset, recipe, reread, draft, model, sampling };
        let mut settings = Self::built(&gathered, surroundings)?;
        there_is_something_to_change(&settings.reading, &gathered.recipe)?;
        settings.limits.time = Some(answers.timeout);
        settings.engine.parallel = parallel(serving.most_answers, &settings.limits);
        settings.documents = Documents::Named(documents);
        settings.add_files(files);
        settings.front_end = FrontEnd::Serve(serving);
        Ok(settings)
    }

    fn of_session(documents: Documents, session: SessionArgs, surroundings: Surroundings) -> Result<Self, Error> {
        let questions = questions(&session.questions)?;
        if session.questions.question_first {
            stands_alone(&session, &questions)?;
        }
        let person = has_person(&documents, &questions, &surroundings);
        let front_end = front_end(&session, &questions, person, &surroundings.screen)?;
        let SessionArgs { selection, questions: asked, reading, model, sampling, keeping, output } = session;
        let ReadingArgs { preset, recipe, reread, draft } = reading;
        let gathered = Gathered { asked, preset, recipe, reread, draft, model, sampling };
        let mut settings = Self::built(&gathered, surroundings)?;
        there_is_something_to_change(&settings.reading, &gathered.recipe)?;
        for name in &output.ab {
            settings.reading.presets.get(name)?;
        }
        settings.ab = output.ab;
        settings.session = keeping.choice();
        settings.documents = or_piped(documents, &front_end, settings.stdin);
        settings.front_end = front_end;
        settings.questions = questions;
        settings.add_files(selection.files);
        settings.parts = selection.parts;
        settings.pages = selection.pages;
        settings.until = selection.until;
        settings.within = selection.within;
        settings.pick = selection.pick;
        if settings.pick.is_some() && settings.questions.is_empty() {
            return Err(Error::NothingToPickFor);
        }
        let is_plan = matches!(settings.front_end, FrontEnd::Fit(_));
        if is_plan && settings.questions.is_empty() && settings.names_no_document() {
            return Err(Error::NothingToPlan);
        }
        if matches!(settings.front_end, FrontEnd::Screen | FrontEnd::Plain) {
            // In a chat, the time limits each answer, not the run.
            settings.limits.time = settings.timeout;
        }
        if settings.saves_conversation()
            && let Some(disk) = &mut settings.engine.disk_cache
        {
            disk.keeps = Keeps::Conversations;
        }
        Ok(settings)
    }

    /// Whether the conversation of this run is saved: those of chats, and of scripts that name one.
    #[must_use]
    pub fn saves_conversation(&self) -> bool {
        match self.front_end {
            FrontEnd::Screen | FrontEnd::Plain => self.session != SessionChoice::Nothing,
            FrontEnd::Headless(_) => matches!(self.session, SessionChoice::Last | SessionChoice::Named(_)),
            _ => false,
        }
    }

    fn names_no_document(&self) -> bool {
        matches!(&self.documents, Documents::Named(names) if names.is_empty())
    }

    fn add_files(&mut self, files: FileArgs) {
        self.read.wanted = Wanted { include: files.include, exclude: files.exclude };
        self.read.ocr = files.ocr.then_some(Ocr { languages: files.ocr_lang });
        self.read.pdf_password = files.pdf_password.or(self.read.pdf_password.take());
    }

    /// Settings shared by all commands.
    fn built(gathered: &Gathered, surroundings: Surroundings) -> Result<Self, Error> {
        let mut presets = Presets::built_in();
        let config = match &surroundings.config {
            Some((file, text)) => Config::read(file, text, &mut presets)?,
            None => Config::default(),
        };
        let lora = absolute(&gathered.model.lora);
        let presets = presets.with_adapters(&lora);
        let limits = limits(&gathered.asked, &config);
        let first_use = first_use(&surroundings);
        let reread = gathered.reread.or(config.reread).unwrap_or_default();
        Ok(Self {
            front_end: FrontEnd::Screen,
            documents: Documents::Named(Vec::new()),
            read: ReadOptions {
                pdf_password: surroundings.pdf_password,
                pdf_reader: surroundings.program.map_or(PdfReader::Here, PdfReader::Program),
                ..ReadOptions::default()
            },
            parts: None,
            pages: None,
            until: None,
            within: None,
            pick: None,
            questions: Vec::new(),
            ab: Vec::new(),
            system_prompt: system_prompt(&gathered.asked.system, &config)?,
            schema: gathered.asked.schema.as_deref().map(schema).transpose()?,
            model: model(&gathered.model, &config)?,
            places: surroundings.places,
            server: used_server::used(&gathered.model, &config, &surroundings.server)?,
            pull: if gathered.model.pull { PullPolicy::Always } else { config.pull.unwrap_or(PullPolicy::Ask) },
            engine: EngineSettings {
                first_use,
                adapters: adapter_files(&presets, &lora, gathered.preset.as_deref()),
                presets: presets.iter().filter_map(|preset| preset.recipe.clone()).collect(),
                offload: offload(&gathered.model, &config, surroundings.server.rpc.as_deref())?,
                ..engine_settings(&gathered.model, &config, &limits, &surroundings.directories)?
            },
            reading: reading(gathered, &config, presets, limits.reasoning_tokens)?,
            sampling: sampling(&gathered.sampling, &config.sampling),
            limits,
            reread,
            calibrates_idle: config.calibrates_idle.unwrap_or(true),
            question_first: gathered.asked.question_first,
            drafting: gathered.draft.or(config.draft).unwrap_or_default(),
            timeout: gathered.asked.timeout,
            directories: surroundings.directories,
            session: SessionChoice::Offer,
            home: surroundings.home,
            terminal: surroundings.terminal,
            stdin: surroundings.stdin,
            screen: ScreenSettings {
                theme: if surroundings.terminal.color { config.theme.unwrap_or_default() } else { ThemeChoice::None },
                mouse: config.mouse.unwrap_or(true),
                keys: config.keys,
                keys_file: surroundings.config.map_or_else(String::new, |(file, _)| file),
                variables: surroundings.screen,
            },
            log_filter: surroundings.log_filter,
        })
    }
}

/// The flags that several commands have.
#[derive(Debug, Default)]
struct Gathered {
    asked: QuestionArgs,
    preset: Option<String>,
    recipe: RecipeArgs,
    reread: Option<Reread>,
    draft: Option<Drafting>,
    model: ModelArgs,
    sampling: SamplingArgs,
}

/// What to do, and whether to print JSON.
fn cache_task(args: CacheArgs) -> (CacheTask, bool) {
    match args {
        CacheArgs::Path { json } => (CacheTask::Path, json),
        CacheArgs::Ls { json } => (CacheTask::List, json),
        CacheArgs::Verify { json } => (CacheTask::Verify, json),
        CacheArgs::Prune { to, json } => (CacheTask::Prune { to }, json),
        CacheArgs::Rm { model, json, .. } => (CacheTask::Remove { name: model }, json),
    }
}

/// Sets the demo's defaults: a minute of prefill and, if there is no user, a question.
fn demo(mut session: SessionArgs, surroundings: &Surroundings) -> SessionArgs {
    if session.selection.parts.is_none() {
        session.selection.within.get_or_insert(DEMO_WITHIN);
    }
    let is_conversation = surroundings.terminal.is_interactive() || session.output.plain;
    let is_unattended = session.wants_headless() || !is_conversation;
    if is_unattended && session.questions.prompts.is_empty() && session.questions.prompt_files.is_empty() {
        session.questions.prompts.push(DEMO_QUESTION.to_owned());
        session.output.stats = true;
    }
    session
}

/// Without a named document, a script's is standard input. In a conversation it is for questions.
fn or_piped(documents: Documents, front_end: &FrontEnd, stdin: StandardInput) -> Documents {
    let nothing_named = matches!(&documents, Documents::Named(names) if names.is_empty());
    let is_script = matches!(front_end, FrontEnd::Headless(_) | FrontEnd::Fit(_));
    if nothing_named && is_script && stdin == StandardInput::Piped { Documents::Piped } else { documents }
}

fn questions(args: &QuestionArgs) -> Result<Vec<String>, Error> {
    let mut questions = args.prompts.clone();
    for path in &args.prompt_files {
        let read = fs::read_to_string(path);
        questions.push(read.map_err(|source| Error::PromptFile { path: path.clone(), source })?.trim().to_owned());
    }
    questions.retain(|question| !question.trim().is_empty());
    Ok(questions)
}

/// Refuses a question before the documents where a conversation shares their reading, and where there is no question.
fn stands_alone(session: &SessionArgs, questions: &[String]) -> Result<(), Error> {
    let KeepingArgs { continue_last, session: named, .. } = &session.keeping;
    if session.output.plain || *continue_last || named.is_some() {
        return Err(Error::QuestionFirstInConversation);
    }
    if questions.is_empty() { Err(Error::NothingToAsk) } else { Ok(()) }
}

/// Whether somebody can type and read. If the document comes from standard input, the screen reads keys from
/// `/dev/tty`; plain lines can't. A pipe with a question is a script.
fn has_person(documents: &Documents, questions: &[String], surroundings: &Surroundings) -> bool {
    let Surroundings { terminal, screen, .. } = surroundings;
    let is_piped = matches!(documents, Documents::Named(names) if names.iter().any(|name| name == "-"));
    let draws = terminal.stdout && screen.tty && !screen.dumb && !screen.accessible;
    terminal.is_interactive() || (is_piped && draws && questions.is_empty())
}

/// Chooses the front end: the screen if there is a terminal, unless the flags are for scripts. A headless run needs a
/// question. Plain lines need no terminal.
fn front_end(
    session: &SessionArgs,
    questions: &[String],
    person: bool,
    screen: &ScreenVariables,
) -> Result<FrontEnd, Error> {
    let output = &session.output;
    let headless = session.wants_headless();
    if output.dry_run {
        return Ok(FrontEnd::Fit(FitAs { json: output.json || output.jsonl, measure: false }));
    }
    if (person || output.plain) && !headless {
        let plain = output.plain || screen.accessible || screen.dumb;
        return Ok(if plain { FrontEnd::Plain } else { FrontEnd::Screen });
    }
    if questions.is_empty() {
        return Err(if headless { Error::NothingToAsk } else { Error::NoTerminal });
    }
    Ok(FrontEnd::Headless(Headless {
        output: match (output.json, output.jsonl) {
            (true, _) => Output::Json,
            (_, true) => Output::JsonLines,
            _ => Output::Text,
        },
        stats: output.stats,
        hide_reasoning: output.hide_reasoning,
        extract: output.extract,
        cite: output.cite,
        require_citations: output.require_citations,
    }))
}

impl SessionArgs {
    /// Flags that only make sense without a screen.
    fn wants_headless(&self) -> bool {
        self.output.wants_headless() || self.questions.schema.is_some() || self.questions.question_first
    }
}

impl KeepingArgs {
    fn choice(self) -> SessionChoice {
        match self {
            Self { no_session: true, .. } => SessionChoice::Nothing,
            Self { continue_last: true, .. } => SessionChoice::Last,
            Self { session: Some(named), .. } => SessionChoice::Named(named),
            Self { new_session: true, .. } => SessionChoice::New,
            _ => SessionChoice::Offer,
        }
    }
}

impl OutputArgs {
    fn wants_headless(&self) -> bool {
        self.headless
            || self.json
            || self.jsonl
            || self.extract
            || self.cite
            || self.require_citations
            || !self.ab.is_empty()
    }
}

/// Where to listen and to whom. A flag wins over the environment.
///
/// Errors: other machines can reach it, and there is no key.
fn serving(args: ListenArgs, from_environment: Option<String>) -> Result<Serving, Error> {
    let mut listen = args.listen;
    listen.host = args.host.unwrap_or(listen.host);
    listen.port = args.port.unwrap_or(listen.port);
    let from_file = |path: PathBuf| fs::read_to_string(&path).map_err(|source| Error::KeyFile { path, source });
    let given = args.api_key_file.map(from_file).transpose()?.or(args.api_key).or(from_environment);
    let api_key = given.map(|key| ApiKey(key.trim().to_owned()));
    match &api_key {
        Some(key) if key.0.is_empty() => return Err(Error::EmptyKey),
        None if !listen.is_loopback() => return Err(Error::OpenToAll { host: listen.host }),
        _ => {}
    }
    Ok(Serving {
        listen,
        api_key,
        most_body_bytes: args.max_body,
        most_waiting: args.max_queue,
        most_answers: args.parallel,
        most_connections: args.max_connections,
    })
}

/// A context has room for a question of a thousand tokens and an answer of the usual length for each.
fn parallel(answers: u32, limits: &Limits) -> Parallel {
    let longest = limits.max_tokens.map_or(ANSWER_TOKENS, |tokens| tokens.min(ANSWER_TOKENS));
    Parallel { answers, tokens_each: longest + QUESTION_TOKENS }
}

/// The flag's text, or that of the file that it names; else the configuration's. An empty text means none, and wins over
/// the configuration as any text does.
fn system_prompt(flags: &SystemArgs, config: &Config) -> Result<Option<String>, Error> {
    if flags.no_system {
        return Ok(Some(String::new()));
    }
    let Some(given) = &flags.system_prompt else { return Ok(config.system_prompt.clone()) };
    match given.strip_prefix('@') {
        Some(literal) if literal.starts_with('@') => Ok(Some(literal.to_owned())),
        Some(path) => {
            let read = fs::read_to_string(path).map(|text| text.trim().to_owned());
            read.map(Some).map_err(|source| Error::SystemFile { path: path.into(), source })
        }
        None => Ok(Some(given.clone())),
    }
}

/// The text of a schema, checked.
fn schema(path: &Path) -> Result<Arc<str>, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::SchemaFile { path: path.to_owned(), source })?;
    check_schema(&text).map_err(|reason| Error::Schema { path: path.to_owned(), reason })?;
    Ok(text.into())
}

fn model(args: &ModelArgs, config: &Config) -> Result<ModelRef, Error> {
    if let Some(repository) = &args.hf_repo {
        return Ok(ModelRef::Hub(repository.parse()?));
    }
    let named = args.model.as_ref().or(config.model.as_ref());
    Ok(named.map_or(ModelRef::Default, |name| ModelRef::Named(name.clone())))
}

fn reading(
    gathered: &Gathered,
    config: &Config,
    presets: Presets,
    reasoning_tokens: Option<u32>,
) -> Result<PresetSelection, Error> {
    let preset = gathered.preset.clone().or(config.preset.clone()).unwrap_or_else(|| AUTO.to_owned());
    presets.get(&preset)?;
    let cot = ChainOfThought::by_budget(reasoning_tokens).or(gathered.recipe.cot).or(config.cot);
    let reading = PresetSelection { presets, preset, changes: gathered.recipe.patch(), cot };
    if let Some((_, recipe)) = reading.recipe_of(reading.asked()) {
        recipe.check()?;
    }
    Ok(reading)
}

/// Refuses flags that change single fields under `auto`: its choice is not known yet, and the reason that it gives
/// would not hold for a changed recipe.
fn there_is_something_to_change(reading: &PresetSelection, flags: &RecipeArgs) -> Result<(), Error> {
    match flags.first_beside_the_window() {
        Some(flag) if reading.recipe_of(reading.asked()).is_none() => Err(Error::NothingToChange { flag }),
        _ => Ok(()),
    }
}

fn engine_settings(
    args: &ModelArgs,
    config: &Config,
    limits: &Limits,
    directories: &Directories,
) -> Result<EngineSettings, Error> {
    let kv_dtype = cache_type(args, config)?;
    let flash_attention = args.flash_attn.or(config.flash_attn).unwrap_or(true);
    if !flash_attention && matches!(kv_dtype, KvDtype::Q8_0 | KvDtype::Q4_0) {
        return Err(Error::QuantisedWithoutFlash { values: kv_dtype });
    }
    let resident_mib = config.resident_mib.unwrap_or(RESIDENT_MIB);
    Ok(EngineSettings {
        context: match args.ctx_size.or(config.ctx_size) {
            None | Some(0) => ContextSize::Fit,
            Some(tokens) => ContextSize::Tokens(tokens),
        },
        reserve_tokens: limits.max_tokens.map_or(RESERVE_TOKENS, |tokens| tokens.max(RESERVE_TOKENS)),
        n_batch: args.batch_size.or(config.batch_size),
        n_ubatch: args.ubatch_size.or(config.ubatch_size),
        threads: args.threads.or(config.threads).and_then(|count| count.0).filter(|&threads| threads > 0),
        kv_dtype,
        own_windows: if args.swa_full || config.swa_full.unwrap_or(false) {
            OwnWindows::Whole
        } else {
            OwnWindows::Short
        },
        rope: args.rope.scaling(),
        flash_attention,
        offload: Offload::default(),
        resident_bytes: u64::from(resident_mib) << 20,
        device_snapshots: if resident_mib == 0 { 0 } else { DEVICE_SNAPSHOTS },
        speeds: Some(directories.speeds_file()),
        disk_cache: disk_cache(args, config, directories),
        first_use: None,
        adapters: Vec::new(),
        presets: Vec::new(),
        parallel: Parallel::ONE,
        heads: Some(directories.heads_file()),
    })
}

/// Where readings are kept on disk, unless that is not wanted.
fn disk_cache(args: &ModelArgs, config: &Config, directories: &Directories) -> Option<DiskCacheSettings> {
    let most_bytes = config.disk_cache_gib.map(|gib| u64::from(gib) << 30);
    let is_wanted = !args.no_cache && most_bytes != Some(0);
    is_wanted.then(|| DiskCacheSettings { folder: directories.kv_folder(), most_bytes, keeps: Keeps::Documents })
}

/// Models are tried by this program. Where it doesn't know its own path, as in tests, they aren't.
fn first_use(surroundings: &Surroundings) -> Option<FirstUse> {
    let program = surroundings.program.clone()?;
    // Those whose sha256 only the hub knows are tried like any other.
    let known = Catalogue::bundled().entries().iter().filter_map(|entry| {
        Some(KnownFile {
            name: entry.name.clone(),
            bytes: entry.bytes,
            sha256: entry.sha256.clone()?,
            own_path: surroundings.places.own_path(entry),
        })
    });
    Some(FirstUse { program, memory: surroundings.directories.tried_file(), known: known.collect() })
}

fn offload(args: &ModelArgs, config: &Config, peers_variable: Option<&str>) -> Result<Offload, Error> {
    Ok(Offload {
        layers: args.gpu_layers.or(config.gpu_layers).unwrap_or_default(),
        peers: peers(args, config, peers_variable)?,
        weights: if args.no_repack { WeightForm::AsStored } else { WeightForm::Repacked },
        devices: args.device.clone(),
        split_mode: args.split_mode.unwrap_or_default(),
        tensor_split: args.tensor_split.clone(),
        main_gpu: args.main_gpu.unwrap_or_default(),
    })
}

/// The machines that compute layers. A flag wins over the environment, and that over the configuration.
///
/// Errors: the flag names one, and the program is built without RPC. Those of the environment and the configuration are refused when a model
/// is loaded: many commands load none.
fn peers(args: &ModelArgs, config: &Config, variable: Option<&str>) -> Result<Vec<String>, Error> {
    if !args.rpc.is_empty() {
        let named = named_peers(&args.rpc);
        return if peers::BUILT || named.is_empty() { Ok(named) } else { Err(Error::WithoutRpc) };
    }
    let from_variable = variable.map(|text| values::peers(text).map_err(|allowed| Error::PeersVariable { allowed }));
    let chosen = from_variable.transpose()?.or_else(|| config.rpc.clone()).unwrap_or_default();
    Ok(named_peers(&chosen))
}

/// Each once; none if one of them is `none`.
fn named_peers(given: &[String]) -> Vec<String> {
    let mut named: Vec<String> = Vec::new();
    for peer in given {
        if !named.contains(peer) {
            named.push(peer.clone());
        }
    }
    if named.iter().any(|peer| peer == values::NO_PEER) { Vec::new() } else { named }
}

/// The cache type, which must be the same for K and V: llama.cpp's default build has fast kernels only for equal types.
fn cache_type(args: &ModelArgs, config: &Config) -> Result<KvDtype, Error> {
    let default = config.cache_type.unwrap_or_default();
    let (keys, values) = (args.cache_type_k.unwrap_or(default), args.cache_type_v.unwrap_or(default));
    if keys == values { Ok(keys) } else { Err(Error::MixedCache { keys, values }) }
}

/// The files by their full paths: a preset that is saved is used from other folders, too.
fn absolute(adapters: &[Adapter]) -> Vec<Adapter> {
    let full = |file: &Path| std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    adapters.iter().map(|adapter| Adapter { file: full(&adapter.file), scale: adapter.scale }).collect()
}

/// The adapters of all presets. Required are those of `--lora` and of the preset that is asked for.
fn adapter_files(presets: &Presets, lora: &[Adapter], asked: Option<&str>) -> Vec<AdapterFile> {
    let asked = asked.and_then(|name| presets.get(name).ok()?.recipe.as_ref());
    let required: Vec<&Path> =
        lora.iter().chain(asked.iter().flat_map(|recipe| &recipe.adapters)).map(|one| &*one.file).collect();
    let of = |path: PathBuf| AdapterFile { is_required: required.contains(&&*path), path };
    presets.adapter_files().into_iter().map(of).collect()
}

fn limits(asked: &QuestionArgs, config: &Config) -> Limits {
    let unlimited = Count(None);
    Limits {
        max_tokens: asked.predict.or(config.predict).unwrap_or(Count(Some(ANSWER_TOKENS))).0,
        reasoning_tokens: asked.reasoning_budget.or(config.reasoning_budget).unwrap_or(unlimited).0,
        time: None,
        stop: asked.stop.iter().filter(|stop| !stop.is_empty()).cloned().collect(),
        repetition: if asked.allow_repetition { Repetition::Allowed } else { Repetition::Ends },
    }
}

fn sampling(flags: &SamplingArgs, config: &SamplingArgs) -> SamplingPatch {
    SamplingPatch {
        temperature: flags.temp.or(config.temp),
        top_k: flags.top_k.or(config.top_k),
        top_p: flags.top_p.or(config.top_p),
        min_p: flags.min_p.or(config.min_p),
        repeat_penalty: flags.repeat_penalty.or(config.repeat_penalty),
        repeat_last_n: flags.repeat_last_n.or(config.repeat_last_n),
        seed: flags.seed.or(config.seed),
    }
}
