//! Nothing that a terminal would obey, or show in another order, reaches one: every such character is sent through every way out of the program.
//!
//! Where a way out is a function of the library, it is called with strings that are full of them, as a model, a document or a server could
//! have sent them; what needs arguments and files goes through the real binary.

mod support {
    pub(crate) mod binary;
}

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use clap::Parser;
use lunette::chat::{
    Action, Asking, Chat, DocumentFacts, Effect, Input, Keeping, Moment, Questions, Setup, Suggestions, SystemPrompt,
    export, update,
};
use lunette::document::{
    ByteSpan, Document, FileReport, OutlineEntry, Position, Report, SkipReason, Skipped, SourceSpan,
};
use lunette::engine::Measured;
use lunette::engine::config::ContextSize;
use lunette::engine::message::{
    CacheShape, Channel, Command, Event, Figures, Finish, JobId, Limits, Memory, ModelInfo, Part, Plan, Prompt,
    Sampling, SamplingPatch, Segment, Threads, Timings, TokenCounts,
};
use lunette::eval;
use lunette::exit::Exit;
use lunette::failure::{Failure, FailureKind};
use lunette::fit::{Estimator, PromptTokens};
use lunette::harmless::sign;
use lunette::headless::{self, Counted, Reporter, Started};
use lunette::models::{HubVariables, Places};
use lunette::session::{EngineChannels, EngineClient, Kept, Stops};
use lunette::settings::{
    Directories, FitAs, FrontEnd, LowArgs, Output, ScreenVariables, ServerVariables, Settings, Shown, StandardInput,
    Surroundings, Terminal, argv,
};
use lunette::swaa::cost::PrefillCost;
use lunette::swaa::preset::RecipePatch;
use lunette::swaa::selection::PresetSelection;
use lunette::swaa::{ModelLayers, Presets, Recipe};
use lunette::tui::Stage;
use support::binary::Home;
use tokio::sync::mpsc::unbounded_channel;

fn is_harmful(c: char) -> bool {
    sign(c).is_some() && !matches!(c, '\n' | '\t')
}

/// Every harmful character behind its number: `‹1b ESC›`.
fn everything() -> String {
    let harmful = ('\0'..=char::MAX).filter(|c| is_harmful(*c));
    harmful.map(|c| format!("‹{:x} {c}›", u32::from(c))).collect::<Vec<_>>().concat()
}

/// `said` came out by `way_out`: it has the text, and nothing harmful in it.
fn check(way_out: &str, said: &str) {
    let harmful: Vec<char> = said.chars().filter(|c| is_harmful(*c)).collect();
    assert!(harmful.is_empty(), "{way_out} lets {harmful:?} out: {said}");
    for shown in ["‹1b ␛›", "‹d ␍›", "‹7f ␡›", "‹9b �›", "‹202e �›", "‹e0041 �›"] {
        assert!(said.contains(shown), "{way_out} does not show {shown}: {said}");
    }
}

/// The same for JSON, where the characters are escaped: a reader gets them as they were.
fn check_json(way_out: &str, said: &str, strings: &[&str]) {
    let harmful: Vec<char> = said.chars().filter(|c| is_harmful(*c)).collect();
    assert!(harmful.is_empty(), "{way_out} lets {harmful:?} out: {said}");
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    for string in strings {
        let is_there = lines.iter().any(|line| holds(line, string));
        assert!(is_there, "{way_out} does not have {string:?}: {said}");
    }
}

fn holds(value: &serde_json::Value, wanted: &str) -> bool {
    match value {
        serde_json::Value::String(text) => text == wanted,
        serde_json::Value::Array(values) => values.iter().any(|value| holds(value, wanted)),
        serde_json::Value::Object(fields) => fields.values().any(|value| holds(value, wanted)),
        _ => false,
    }
}

const PREFILL_COST: PrefillCost = PrefillCost { pairs_per_token: 1_500.0, token_s: None };

fn model() -> ModelInfo {
    ModelInfo {
        path: PathBuf::from(everything()),
        name: format!("model {}", everything()),
        called: None,
        quantisation: None,
        architecture: format!("architecture {}", everything()),
        layers: ModelLayers::All(24),
        train_context_tokens: 8192,
        stretched_from: None,
        sampling: SamplingPatch::default(),
        vocab_tokens: 100,
        cache: CacheShape::plain(1024),
        model_bytes: 1_000_000,
        repacked_bytes: 0,
        load_time: Duration::from_millis(250),
        chat_template: None,
        turn_marks: lunette::engine::message::TurnMarks::default(),
        bos_text: String::new(),
        eos_text: String::new(),
        sliding_refused: None,
        without_gpu: Some(format!("no GPU {}", everything())),
        prefill_cost: PREFILL_COST,
        patch_stamp: String::new(),
        devices: vec![format!("CPU {}", everything())],
        offloaded_layers: 0,
        server: None,
        context: lunette::engine::config::ContextSize::Fit,
        heads: lunette::engine::message::HeadsKnown::default(),
        runs_on: None,
    }
}

/// A document whose names and titles are full of them. Its text was made harmless when it was read, as far as bytes go.
fn document() -> Document {
    let text = "It is a truth.\n".to_owned();
    let span = ByteSpan { start: 0, end: text.len() };
    let name = format!("name {}", everything());
    let file = FileReport { name: name.clone(), format: "text", remarks: vec![everything()], ..FileReport::default() };
    let skipped = Skipped { name: name.clone(), reason: SkipReason::Unreadable(everything()) };
    Document {
        text,
        sources: vec![SourceSpan { span, name, position: Position::Line(1) }],
        outline: vec![OutlineEntry { title: format!("title {}", everything()), level: 1, span }],
        report: Report { files: vec![file], skipped: vec![skipped] },
    }
}

fn figures() -> Box<Figures> {
    let tokens = TokenCounts { document: 4, prompt: 8, prefilled: 8, generated: 3, ..TokenCounts::default() };
    Box::new(Figures {
        recipe: Recipe::FULL,
        tokens,
        timings: Timings::default(),
        memory: Memory::default(),
        threads: Threads::default(),
        reasoning_end: None,
        prefill_cost: PREFILL_COST,
        context_tokens: 8192,
    })
}

fn forecast() -> Plan {
    Plan {
        recipe: Recipe::FULL,
        document_tokens: 4,
        prompt_tokens: 8,
        cached_tokens: 0,
        to_prefill_tokens: 8,
        predicted: None,
        context_tokens: 8192,
        bounded_tokens: None,
    }
}

fn failure() -> Failure {
    let message = format!("message {}", everything());
    Failure { kind: FailureKind::Runtime, message, hint: Some(format!("hint {}", everything())) }
}

/// What an engine says to a question.
#[derive(Clone, Copy)]
enum Says {
    /// Reasoning and an answer, with everything in both.
    Everything,
    /// A failure whose words are full of them.
    Failure,
}

/// An engine that has `model` and says one thing to every question.
fn engine(model: ModelInfo, says: Says) -> EngineClient {
    let (commands, received) = channel();
    let (events, heard) = unbounded_channel();
    let thread = thread::spawn(move || {
        let tell = |event| drop(events.send(event));
        tell(Event::Loaded(Box::new(model)));
        obey(&received, says, tell);
    });
    EngineClient::new(EngineChannels { commands, events: heard, thread: Some(thread) }, Stops::never())
}

fn obey(received: &Receiver<Command>, says: Says, tell: impl Fn(Event)) {
    for command in received {
        match command {
            Command::Count { job, texts } => tell(Event::Counted { job, tokens: vec![4; texts.len()] }),
            Command::Forecast { job, .. } => tell(Event::Forecast { job, plan: forecast() }),
            Command::Prefill { job, .. } => tell(Event::Prefilled { job, stopped: false, figures: figures() }),
            Command::ReadAhead(ahead) => {
                tell(Event::Prefilled { job: ahead.job, stopped: false, figures: figures() });
            }
            Command::Ask(question) => answer(question.job, says, &tell),
            Command::AnswerNow { .. }
            | Command::AllowContext { .. }
            | Command::FindHeads { .. }
            | Command::Weigh { .. } => {}
            Command::Shutdown => return,
        }
    }
}

fn answer(job: JobId, says: Says, tell: &impl Fn(Event)) {
    if let Says::Failure = says {
        return tell(Event::Failed { job, failure: failure() });
    }
    for (channel, name) in [(Channel::Reasoning, "reasoning"), (Channel::Answer, "answer")] {
        tell(Event::Piece { job, channel, text: format!("{name} {}", everything()) });
    }
    tell(Event::Answered { job, finish: Finish::TokenLimit, figures: figures() });
}

fn settings(line: &[&str], config: Option<&str>) -> Settings {
    let words = ["lunette"].into_iter().chain(line.iter().copied()).map(OsString::from);
    let low = LowArgs::try_parse_from(argv::rewrite(words)).expect("a command line");
    let folder = PathBuf::from(everything());
    let directories =
        Directories { config: folder.clone(), cache: folder.clone(), data: folder.clone(), state: folder.clone() };
    let surroundings = Surroundings {
        stdin: StandardInput::Nothing,
        terminal: Terminal { stdin: false, stdout: false, stderr: false, color: false },
        places: Places::new(&directories.cache, None, HubVariables::default()),
        directories,
        home: None,
        config: config.map(|text| ("config.toml".to_owned(), text.to_owned())),
        log_filter: String::new(),
        program: None,
        pdf_password: None,
        api_key: None,
        server: ServerVariables::default(),
        screen: ScreenVariables::default(),
    };
    Settings::resolve(low, surroundings).expect("settings")
}

/// What `speak` puts on standard output and on standard error, on a terminal or not.
fn said(output: Output, on_terminal: bool, speak: impl FnOnce(&mut Reporter<'_>)) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let terminal = Terminal { stdin: false, stdout: on_terminal, stderr: false, color: false };
    speak(&mut Reporter::new(&mut out, &mut err, output, terminal));
    (String::from_utf8(out).expect("text"), String::from_utf8(err).expect("text"))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// What a run without a screen puts on standard output and standard error.
fn headless_run(line: &[&str], model: ModelInfo, says: Says) -> (String, String, Exit) {
    let settings = settings(line, None);
    let FrontEnd::Headless(headless) = settings.front_end else { panic!("{line:?} opens a screen") };
    let mut exit = Exit::Ok;
    let (out, err) = said(headless.output, false, |reporter| {
        let client = engine(model, says);
        let start = |_: &mut Reporter<'_>| Ok(Started { client, model: PathBuf::from("model.gguf"), retriever: None });
        exit = block_on(headless::run(
            &settings,
            headless,
            Kept::nothing(),
            &mut "It is a truth.".as_bytes(),
            start,
            reporter,
        ));
    });
    (out, err, exit)
}

#[test]
fn answers_reasoning_notes_and_figures() {
    let (out, err, exit) = headless_run(&["-p", "Who?", "--stats", "-"], model(), Says::Everything);
    assert_eq!(exit, Exit::Limit, "{err}");
    check("the answer", &out);
    check("standard error", &err);
    for (way_out, mark) in
        [("reasoning", "reasoning ‹"), ("a note", "note: no GPU ‹"), ("the figures", "model    model ‹")]
    {
        let line = err.lines().find(|line| line.contains(mark)).unwrap_or_else(|| panic!("no {way_out}: {err}"));
        check(way_out, line);
    }
}

#[test]
fn answers_as_json() {
    let (answer, reasoning) = (format!("answer {}", everything()), format!("reasoning {}", everything()));
    let model_name = model().name;
    let (out, ..) = headless_run(&["-p", "Who?", "--json", "-"], model(), Says::Everything);
    check_json("--json", &out, &[&model_name]);
    let (out, ..) = headless_run(&["-p", "Who?", "--jsonl", "-"], model(), Says::Everything);
    check_json("--jsonl", &out, &[&answer, &reasoning, &model_name]);
}

#[test]
fn failures() {
    let (_, err, exit) = headless_run(&["-p", "Who?", "-"], model(), Says::Failure);
    assert_eq!(exit, Exit::Runtime, "{err}");
    let Some((before, hint)) = err.split_once("\nhint: ") else { panic!("no hint: {err}") };
    check("an error", before.split_once("error: ").expect("an error").1);
    check("a hint", hint);
    let (out, ..) = headless_run(&["-p", "Who?", "--json", "-"], model(), Says::Failure);
    let Failure { message, hint, .. } = failure();
    check_json("an error as JSON", &out, &[&message, &hint.expect("a hint")]);
}

#[test]
fn errors_of_a_models_template() {
    let raising = format!("{{{{ raise_exception('{}') }}}}", everything().replace(['\'', '\\', '\0'], ""));
    let (_, err, exit) =
        headless_run(&["-p", "Who?", "-"], ModelInfo { chat_template: Some(raising), ..model() }, Says::Everything);
    assert_eq!(exit, Exit::Model, "{err}");
    check("an error of a template", err.split_once("error: ").expect("an error").1);
}

#[test]
fn lists_of_presets_and_places() {
    let summary = everything().chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect::<Vec<_>>().concat();
    let config = format!("[presets.mine]\nwindow = 2048\nsummary = \"{summary}\"\n");
    let settings = settings(&["presets"], Some(&config));
    let listed = |json| {
        said(if json { Output::Json } else { Output::Text }, false, |reporter| {
            let client = Some(engine(model(), Says::Everything));
            block_on(headless::list_presets(&settings.reading, client, json, reporter)).expect("a list");
        })
    };
    check("presets", &listed(false).0);
    check_json("presets as JSON", &listed(true).0, &[&everything(), &model().name]);
    let paths = |json| {
        said(Output::Text, false, |reporter| {
            headless::paths(&settings.directories, &settings.places, json, reporter).expect("a list");
        })
    };
    check("paths", &paths(false).0);
    check_json("paths as JSON", &paths(true).0, &[&everything()]);
}

#[test]
fn what_is_known_of_documents() {
    let document = document();
    let counted = Counted { model: format!("model {}", everything()), tokens: vec![4], are_estimates: false };
    let inspected = |shown| {
        said(Output::Text, false, |reporter| {
            headless::inspect(&document, Some(&counted), shown, reporter).expect("shown");
        })
        .0
    };
    let words = inspected(Shown::Summary);
    check("inspect", &words);
    for (way_out, mark) in [("a file", "name ‹"), ("a part", "title ‹"), ("a model", "vocabulary of model ‹")] {
        check(
            way_out,
            words.lines().find(|line| line.contains(mark)).unwrap_or_else(|| panic!("no {way_out}: {words}")),
        );
    }
    check_json("inspect as JSON", &inspected(Shown::Json), &[&document.report.files[0].name, &counted.model]);
}

#[test]
fn a_documents_text_is_itself_but_on_a_terminal() {
    let text = format!("text {}", everything());
    let document = Document { text: text.clone(), ..Document::default() };
    let shown = |on_terminal| {
        said(Output::Text, on_terminal, |reporter| {
            headless::inspect(&document, None, Shown::Text, reporter).expect("shown");
        })
        .0
    };
    check("inspect --text", &shown(true));
    assert_eq!(shown(false), text);
}

/// One token a word.
struct Words(ModelInfo);

fn words(text: &str) -> u32 {
    text.split_whitespace().count() as u32
}

impl Estimator for Words {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    fn count(&self, text: &str) -> u32 {
        words(text)
    }

    fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        texts.iter().map(|text| words(text)).collect()
    }

    fn count_prompt(&self, prompt: &Prompt) -> PromptTokens {
        let of = |is_counted: &dyn Fn(&Part) -> bool| {
            prompt.parts.iter().filter(|part| is_counted(part)).map(|part| words(&part.text)).sum()
        };
        PromptTokens {
            document: of(&|part| part.segment != Segment::Tail),
            front: of(&|part| part.segment == Segment::Front),
            prompt: of(&|_| true),
        }
    }

    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        spans.iter().map(|span| words(&text[span.start..span.end])).collect()
    }

    fn measured(&self) -> Option<Measured> {
        None
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

#[test]
fn plans() {
    let (settings, document) = (settings(&["fit", "-"], None), document());
    let planned = |json| {
        said(Output::Text, false, |reporter| {
            let how = FitAs { json, measure: false };
            headless::fit(&settings, how, &document, &Words(model()), reporter).expect("a plan");
        })
        .0
    };
    check("fit", &planned(false));
    check_json("fit as JSON", &planned(true), &[&model().name, &document.report.files[0].name]);
}

#[test]
fn a_measurement_of_presets() {
    let home = Home::new();
    let record = serde_json::json!({
        "id": format!("id {}", everything()), "task": format!("task {}", everything()), "context": "It is a truth.",
        "question": "Who?", "answers": [everything()], "metric": "contains_any",
    });
    let plan = eval::Plan {
        rereads: vec![lunette::engine::message::Reread::Off],
        questions_first: vec![false],
        files: vec![home.file("records.jsonl", &record.to_string())],
        read: lunette::document::ReadOptions::default(),
        presets: vec![Presets::built_in().get("full").expect("a preset").clone()],
        reading: PresetSelection {
            presets: Presets::built_in(),
            preset: "full".into(),
            changes: RecipePatch::default(),
            cot: None,
        },
        system: None,
        cot: lunette::swaa::ChainOfThought::Off,
        limit: None,
        tasks: Vec::new(),
        max_prompt_tokens: None,
        sampling: SamplingPatch::default(),
        max_answer_tokens: 10,
        out: None,
        resume: false,
        shows_answers: true,
        svg: None,
        now: Moment(0),
    };
    let (mut out, mut log) = (Vec::new(), Vec::new());
    block_on(eval::run(&plan, &mut engine(model(), Says::Everything), &mut out, &mut log)).expect("a table");
    check("the table", &String::from_utf8(out).expect("text"));
    let log = String::from_utf8(log).expect("text");
    log.lines().for_each(|line| check("a line of its log", line));
    assert!(log.contains("note: no GPU ‹") && log.contains("document 1 of 1 (id ‹"), "{log}");
}

/// A chat that has read its document, and whose question is being answered.
struct Conversation {
    chat: Chat,
    job: JobId,
}

impl Conversation {
    fn new(document: &Document) -> Self {
        let facts = DocumentFacts {
            title: format!("title {}", everything()),
            part: Some(format!("part {}", everything())),
            text: document.text.as_str().into(),
            choice: None,
        };
        let mut presets = Presets::built_in();
        presets.change("mine \u{1b}\u{9b}\u{202e}", &[("window", "2048"), ("key", "9")]).expect("a preset");
        let reading = PresetSelection { presets, preset: "full".into(), changes: RecipePatch::default(), cot: None };
        let asking = Asking {
            reread: lunette::engine::message::Reread::Off,
            question_first: false,
            calibrate: lunette::chat::Calibrate::Idle,
            drafting: lunette::engine::message::Drafting::Off,
            questions: Questions::Conversation,
            system: SystemPrompt::Absent,
            sampling: Sampling::GREEDY,
            given: SamplingPatch::default(),
            limits: Limits::default(),
            schema: None,
        };
        let setup = Setup {
            document: facts,
            within: None,
            reading,
            asking,
            now: Moment(0),
            context: ContextSize::Fit,
            absent: None,
            suggestions: Suggestions::default(),
            keeping: Keeping::Nothing,
            earlier: None,
        };
        Self { chat: Chat::new(setup), job: JobId(0) }
    }

    fn input(&mut self, input: Input) {
        for effect in update(&mut self.chat, Duration::ZERO, input) {
            match effect {
                Effect::Send(Command::Prefill { job, .. }) => self.job = job,
                Effect::Send(Command::Ask(question)) => self.job = question.job,
                _ => {}
            }
        }
    }

    /// The document is read, and a question asked.
    fn asked(document: &Document) -> Self {
        let mut talk = Self::new(document);
        talk.input(Input::Engine(Event::Loaded(Box::new(model()))));
        talk.input(Input::Engine(Event::Prefilled { job: talk.job, stopped: false, figures: figures() }));
        talk.input(Input::User(Action::Ask(format!("question {}", everything()))));
        talk
    }

    /// Everything is answered.
    fn answered(document: &Document) -> Self {
        let mut talk = Self::asked(document);
        let (events, mut heard) = unbounded_channel();
        answer(talk.job, Says::Everything, &|event| drop(events.send(event)));
        while let Ok(event) = heard.try_recv() {
            talk.input(Input::Engine(event));
        }
        talk
    }
}

#[test]
fn the_screen() {
    let document = document();
    let talk = Conversation::answered(&document);
    let mut stage = Stage::new(document.into(), 240, 60);
    stage.frame(&talk.chat);
    check("the screen", &stage.seen());
    // What is typed, then the panes, and everything that can be opened over them.
    let typed: String = everything().chars().filter(|c| *c > '\u{7e}').collect();
    for keys in [&*typed, "\t", "o", "\t", "t", "\x1b", "s", "\x1b", "p", "\x1b", "f", "\x1b", ":", "\x1b", "?", "\x1b"]
    {
        stage.press(&talk.chat, keys);
        stage.frame(&talk.chat);
        let seen = stage.seen();
        assert!(!seen.contains(is_harmful), "after {keys:?}: {seen}");
    }
    let mut talk = Conversation::new(&Document::default());
    talk.input(Input::Engine(Event::LoadFailed(failure())));
    let mut stage = Stage::new(Document::default().into(), 240, 60);
    stage.frame(&talk.chat);
    let seen = stage.seen();
    let notice = seen.lines().find(|line| line.contains("message ‹")).unwrap_or_else(|| panic!("no notice: {seen}"));
    assert!(notice.contains("‹1b ␛›") && !notice.contains(is_harmful), "{notice}");
}

#[test]
fn conversations_as_markdown() {
    check("an export", &export::as_markdown(&Conversation::answered(&document()).chat));
}

#[test]
fn errors_that_quote_arguments() {
    // An argument has no NUL, and a file's name no slash.
    let (home, evil) = (Home::new(), everything().replace(['\0', '/'], ""));
    home.file("book.txt", "It is a truth.");
    let hub = format!("{evil}/{evil}");
    let cases: &[&[&str]] = &[
        &[&format!("--{evil}")],
        &["-p", "?", &format!("missing {evil}.txt")],
        &["-p", "?", "--preset", &evil, "book.txt"],
        &["-p", "?", "--parts", &evil, "book.txt"],
        &["-p", "?", "--window", &evil, "book.txt"],
        &["-p", "?", "-m", &evil, "book.txt"],
        &["-p", "?", "-m", &format!("{evil}.gguf"), "book.txt"],
        &["-p", "?", "-hf", &hub, "book.txt"],
        &["-p", "?", "-f", &evil, "book.txt"],
        &["pull", &evil],
    ];
    for line in cases {
        let ran = home.run(line);
        assert_ne!(ran.code, 0, "{line:?}");
        let harmful: Vec<char> = ran.err.chars().filter(|c| is_harmful(*c)).collect();
        assert!(harmful.is_empty() && ran.out.is_empty(), "{line:?} lets {harmful:?} out: {}", ran.err);
        // Some errors quote as Rust does.
        assert!(ran.err.contains("‹9b �›") || ran.err.contains("‹9b \\u{9b}›"), "{line:?}: {}", ran.err);
        let json = home.run(&[&["--json"], *line].concat());
        let harmful: Vec<char> = json.out.chars().filter(|c| is_harmful(*c)).collect();
        assert!(harmful.is_empty(), "{line:?} lets {harmful:?} out as JSON: {}", json.out);
    }
}

#[test]
fn errors_that_quote_files() {
    let home = Home::new();
    let name = "\u{1b}[31m\r\u{7f}\u{9b}2J\u{202e}\u{e0041}.txt";
    fs::write(home.path(name), [0_u8; 100]).expect("a file");
    home.file("book.txt", "It is a truth.");
    home.file("config.toml", "\"\\u001b[31m\\u009b2J\\u202e\" = 1\n");
    let runs = [
        home.run(&["inspect", name]),
        home.run_with(&["presets"], &[("LUNETTE_CONFIG", "config.toml")], ""),
        home.run_with(&["presets"], &[("LUNETTE_CONFIG", name)], ""),
        home.run(&["--plain", "-p", "Who?", "-m", name, "book.txt"]),
    ];
    for ran in runs {
        let said = ran.out + &ran.err;
        assert!(ran.code != 0 && !said.contains(is_harmful), "{said}");
        assert!(said.contains("␛[31m") && said.contains("�2J�"), "{said}");
    }
}
