//! Tests the worker with the toy: reuse, cancelling, limits, and random command sequences against a naive
//! recomputation.

mod bounded;
mod lanes;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::calibration::Calibration;
use super::config::*;
use super::cost_model::{CostModel, Shape};
use super::cpu_load::{Load, Unknown};
use super::disk_cache::DiskCache;
use super::heads::KnownHeads;
use super::machine::Machine;
use super::message::*;
use super::threads::{Cores, ThreadChooser};
use super::toy::Toy;
use super::worker::{Inbox, Worker};
use crate::store::blocks::About;
use crate::swaa::{Attention, LayerSpec, Presets, RecipeSpec, WindowSpec, weight};

/// A worker, both ends of its counter, and a source of ids.
struct Desk {
    worker: Worker<Toy>,
    commands: Sender<Command>,
    events: UnboundedReceiver<Event>,
    next_job: u64,
    /// Of every question.
    schema: Option<Arc<str>>,
    /// What readings had to tell.
    notes: Vec<String>,
    rereading: Option<Rereading>,
    drafting: Drafting,
    n_probs: Option<u32>,
}

impl Desk {
    fn new(train_context_tokens: u32, resident_bytes: u64) -> Self {
        Self::beside(Box::new(Unknown), train_context_tokens, resident_bytes)
    }

    /// With a model that has a state beside its cells.
    fn hybrid(resident_bytes: u64) -> Self {
        Self::with(Toy::hybrid(4096), Box::new(Unknown), resident_bytes)
    }

    /// Beside other programs that keep cores busy.
    fn beside(load: Box<dyn Load>, train_context_tokens: u32, resident_bytes: u64) -> Self {
        Self::with(Toy::new(train_context_tokens), load, resident_bytes)
    }

    /// A run of the program that keeps its readings in `folder`.
    fn on_disk(folder: &Path) -> Self {
        let model = folder.join("model.gguf");
        std::fs::write(&model, "weights").expect("written");
        Self::of_model_on_disk(folder, &model, None)
    }

    fn of_model_on_disk(folder: &Path, model: &Path, most_bytes: Option<u64>) -> Self {
        let disk = disk(folder, model, most_bytes, Keeps::Documents);
        Self::made(Toy::new(4096), Box::new(Unknown), disk, 0)
    }

    /// A run of the program with `toy`, which keeps its readings and conversations in `folder`.
    fn in_conversation(toy: Toy, folder: &Path) -> Self {
        let model = folder.join("model.gguf");
        std::fs::write(&model, "weights").expect("written");
        let disk = disk(folder, &model, None, Keeps::Conversations);
        Self::made(toy, Box::new(Unknown), disk, PLENTY)
    }

    fn with(toy: Toy, load: Box<dyn Load>, resident_bytes: u64) -> Self {
        Self::made(toy, load, DiskCache::off(), resident_bytes)
    }

    fn made(toy: Toy, load: Box<dyn Load>, disk: DiskCache, resident_bytes: u64) -> Self {
        let settings = EngineSettings {
            context: ContextSize::Fit,
            reserve_tokens: 64,
            n_batch: Some(16),
            n_ubatch: Some(16),
            threads: None,
            kv_dtype: KvDtype::F16,
            own_windows: OwnWindows::default(),
            flash_attention: true,
            offload: Offload::none(),
            resident_bytes,
            device_snapshots: DEVICE_SNAPSHOTS,
            speeds: None,
            disk_cache: None,
            first_use: None,
            adapters: Vec::new(),
            presets: Vec::new(),
            parallel: Parallel::ONE,
            rope: RopeScaling::default(),
            heads: None,
        };
        let (commands, receiver) = channel();
        let (sender, events) = unbounded_channel();
        let shape = Shape { parameters: 1.0, layers: 4, attention_width: 1.0 };
        let cost_model = CostModel::knowing(shape, false, Calibration::none().sums());
        let worker = Worker::new(
            toy,
            cost_model,
            Calibration::none(),
            settings,
            ThreadChooser::new(None, Cores { in_machine: 4, allowed: 4 }, load),
            Inbox::new(receiver),
            sender,
        )
        .keeping(disk);
        Self {
            worker,
            commands,
            events,
            next_job: 0,
            schema: None,
            rereading: None,
            drafting: Drafting::Off,
            n_probs: None,
            notes: Vec::new(),
        }
    }

    fn job(&mut self) -> JobId {
        self.next_job += 1;
        JobId(self.next_job)
    }

    /// Sends one command and returns all its events.
    fn give(&mut self, command: Command) -> Vec<Event> {
        for command in [command, Command::Shutdown] {
            self.commands.send(command).expect("the worker holds the other end");
        }
        self.worker.run();
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    fn ask(&mut self, prompt: &Prompt, recipe: &RecipeSpec) -> Answer {
        self.ask_with(prompt, recipe, Limits { max_tokens: Some(12), ..Limits::default() }, OutputMarkup::default())
    }

    fn ask_with(&mut self, prompt: &Prompt, recipe: &RecipeSpec, limits: Limits, markup: OutputMarkup) -> Answer {
        let question = Question {
            job: self.job(),
            prompt: prompt.clone(),
            rereading: self.rereading.clone(),
            recipe: recipe.clone(),
            sampling: Sampling { n_probs: self.n_probs, ..Sampling::GREEDY },
            drafting: self.drafting,
            limits,
            markup: markup.into(),
            schema: self.schema.clone(),
            cancel: CancelToken::default(),
        };
        Answer::from(self.give(Command::Ask(question)))
    }

    /// The weights of `answer`, as the last event tells them.
    fn weigh(&mut self, prompt: &Prompt, recipe: &RecipeSpec, answer: &str, cancel: CancelToken) -> Event {
        let question = Question {
            job: self.job(),
            prompt: prompt.clone(),
            rereading: None,
            recipe: recipe.clone(),
            sampling: Sampling::GREEDY,
            drafting: Drafting::Off,
            limits: Limits::default(),
            markup: Box::default(),
            schema: None,
            cancel,
        };
        self.give(Command::Weigh { question, answer: answer.into() }).pop().expect("a job ends with an event")
    }

    fn read(&mut self, prompt: &Prompt, recipe: &RecipeSpec) -> TokenCounts {
        let job = self.job();
        let command =
            Command::Prefill { job, prompt: prompt.clone(), recipe: recipe.clone(), cancel: CancelToken::default() };
        let mut events = self.give(command);
        self.notes.extend(events.iter().filter_map(|event| match event {
            Event::Noted { text, .. } => Some(text.clone()),
            _ => None,
        }));
        match events.pop() {
            Some(Event::Prefilled { figures, .. }) => figures.tokens,
            other => panic!("a reading ends with Read, got {other:?}"),
        }
    }
}

fn disk(folder: &Path, model: &Path, most_bytes: Option<u64>, keeps: Keeps) -> DiskCache {
    let about = About { model: "toy".into(), file: model.into(), cache_type: "f16".into(), library: "1".into() };
    DiskCache::begin(&DiskCacheSettings { folder: folder.join("kv"), most_bytes, keeps }, about)
}

/// The result of an `Ask`.
#[derive(Debug)]
struct Answer {
    reasoning: String,
    text: String,
    finish: Finish,
    tokens: TokenCounts,
    reasoning_end: Option<ReasoningEnd>,
    /// The answer's tokens, if their scores were asked for.
    scored: Vec<ScoredToken>,
}

impl From<Vec<Event>> for Answer {
    fn from(events: Vec<Event>) -> Self {
        let (mut reasoning, mut text) = (String::new(), String::new());
        let scored = events.iter().filter_map(|event| match event {
            Event::Scored { channel: Channel::Answer, tokens, .. } => Some(tokens.clone()),
            _ => None,
        });
        let scored = scored.flatten().collect();
        for event in &events {
            match event {
                Event::Piece { channel: Channel::Reasoning, text: piece, .. } => reasoning.push_str(piece),
                Event::Piece { channel: Channel::Answer, text: piece, .. } => text.push_str(piece),
                Event::WasReasoning { .. } => reasoning.push_str(&std::mem::take(&mut text)),
                _ => {}
            }
        }
        match events.last() {
            Some(Event::Answered { finish, figures, .. }) => {
                let reasoning_end = figures.reasoning_end;
                Self { reasoning, text, finish: *finish, tokens: figures.tokens, reasoning_end, scored }
            }
            other => panic!("a question ends with Answered, got {other:?}"),
        }
    }
}

fn part(text: &str, segment: Segment) -> Part {
    Part { text: Arc::from(text), origin: Origin::Text, segment }
}

fn prompt(document: &str, turns: &[&str]) -> Prompt {
    let mut parts = vec![part(document, Segment::Document)];
    parts.extend(turns.iter().map(|turn| part(turn, Segment::Tail)));
    Prompt { parts, title: "A book".into() }
}

/// The same with a system prompt of 9 tokens and the question before the document, too.
fn asked_first(document: &str, question: &str) -> Prompt {
    let parts = [part("be brief.", Segment::Front), part(question, Segment::Front), part(document, Segment::Document)];
    Prompt { parts: parts.into_iter().chain([part(question, Segment::Tail)]).collect(), title: "A book".into() }
}

fn spec(window: u32, sinks: u32) -> RecipeSpec {
    RecipeSpec {
        window: WindowSpec::Tokens(window),
        sinks,
        far: 0,
        full_layers: LayerSpec::None,
        fa_decode: true,
        dense_tail: true,
        adapters: Vec::new(),
    }
}

const PLENTY: u64 = 1 << 20;

fn book() -> String {
    "it is a truth universally acknowledged ".repeat(20)
}

/// Up to here: a question about the first quarter of what was read reads nothing of it again, and then all of it is there at once.
#[test]
fn a_question_about_the_beginning_of_a_reading_reads_nothing_again_and_the_rest_comes_back() {
    for recipe in [RecipeSpec::FULL, spec(64, 4)] {
        let mut desk = Desk::new(4096, PLENTY);
        let book = book();
        assert_eq!(desk.read(&prompt(&book, &[]), &recipe).prefilled, 780);
        let quarter = prompt(&book[..195], &["Who?"]);
        let answer = desk.ask(&quarter, &recipe);
        assert_eq!((answer.tokens.cached, answer.tokens.prefilled), (195, 4), "{recipe:?}");
        let again = desk.ask(&prompt(&book[..195], &["Where?"]), &recipe);
        assert_eq!((again.tokens.cached, again.tokens.prefilled), (195, 6), "{recipe:?}");
        let back = desk.read(&prompt(&book, &[]), &recipe);
        assert_eq!((back.cached, back.prefilled), (780, 0), "{recipe:?}");
        let mut alone = Desk::new(4096, PLENTY);
        assert_eq!(alone.ask(&quarter, &recipe).text, answer.text, "the rest of the book made no difference");
    }
}

/// Another program that starts to keep 3 cores busy once a job has begun.
struct StartsLater;

impl Load for StartsLater {
    fn before_job(&mut self) -> Option<f32> {
        Some(0.2)
    }

    fn between_calls(&mut self) -> Option<f32> {
        Some(3.2)
    }

    fn after_job(&mut self) {}
}

#[test]
fn a_job_begins_with_the_free_cores_and_gives_back_those_that_others_take() {
    let mut desk = Desk::beside(Box::new(StartsLater), 4096, 0);
    let job = desk.job();
    let command =
        Command::Prefill { job, prompt: prompt("a text", &[]), recipe: spec(8, 2), cancel: CancelToken::default() };
    let Some(Event::Prefilled { figures, .. }) = desk.give(command).pop() else { panic!("it is read") };
    assert_eq!(figures.threads, Threads { count: 1, cores: 4, busy_cores: Some(3.2) });
    assert_eq!(desk.worker.machine.threads, 1, "the machine was told");
    let begun = desk.worker.begin(JobId(99), CancelToken::default(), None);
    assert_eq!((begun.threads.count, desk.worker.machine.threads), (4, 4), "the next job looks again");
}

#[test]
fn a_second_turn_prefills_the_new_tokens_only_under_every_recipe() {
    let paper = RecipeSpec { dense_tail: false, ..spec(32, 4) };
    let naive = RecipeSpec { fa_decode: false, ..paper.clone() };
    let far = RecipeSpec { far: 8, ..spec(32, 4) };
    for recipe in [RecipeSpec::FULL, spec(32, 4), paper, naive, far] {
        let mut desk = Desk::new(4096, PLENTY);
        let first = desk.ask(&prompt(&book(), &["who?"]), &recipe);
        let second = desk.ask(&prompt(&book(), &["who?", &first.text, "and why?"]), &recipe);
        // The last token of an answer that hit its limit was never put into the cache.
        let undecoded = u32::from(first.finish == Finish::TokenLimit);
        let new = "and why?".len() as u32 + undecoded;
        assert_eq!((second.tokens.prefilled, second.tokens.cached), (new, second.tokens.prompt - new), "{recipe:?}");
    }
}

#[test]
fn going_back_to_a_recipe_reads_nothing() {
    let mut desk = Desk::new(4096, PLENTY);
    let book = prompt(&book(), &[]);
    assert_eq!(desk.read(&book, &spec(64, 8)).prefilled, 780);
    assert_eq!(desk.read(&book, &RecipeSpec::FULL).prefilled, 780 - 72);
    let back = desk.read(&book, &spec(64, 8));
    assert_eq!((back.prefilled, back.cached), (0, 780));
}

/// Reads under `recipe` in the background, while `home` is in use. Returns the last event.
fn read_ahead(desk: &mut Desk, recipe: &RecipeSpec, home: &RecipeSpec, cancel: CancelToken) -> Event {
    let (job, prompt) = (desk.job(), prompt(&book(), &[]));
    let home = (prompt.clone(), home.clone());
    let ahead = ReadAhead { job, prompt, recipe: recipe.clone(), home, cancel };
    desk.give(Command::ReadAhead(Box::new(ahead))).pop().expect("it ends")
}

#[test]
fn a_preset_that_was_read_in_the_background_costs_nothing_and_the_present_one_is_in_the_cache() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain: fn(u32) -> Toy = Toy::new;
    let desks =
        [(Desk::new(4096, PLENTY), plain), (Desk::hybrid(PLENTY), Toy::hybrid), (Desk::on_disk(folder.path()), plain)];
    for (mut desk, toy) in desks {
        let (book, other) = (prompt(&book(), &[]), spec(64, 8));
        desk.read(&book, &RecipeSpec::FULL);
        let ended = read_ahead(&mut desk, &other, &RecipeSpec::FULL, CancelToken::default());
        assert!(matches!(ended, Event::Prefilled { stopped: false, .. }), "{ended:?}");
        assert_eq!(desk.worker.kv.len(), 780);
        let computed = desk.worker.machine.computed;
        let answer = desk.ask(&prompt(&self::book(), &["who?"]), &RecipeSpec::FULL);
        assert_eq!((answer.tokens.cached, answer.tokens.prefilled), (780, 4));
        let mut fresh = Desk::with(toy(4096), Box::new(Unknown), 0);
        assert_eq!(answer.text, fresh.ask(&prompt(&self::book(), &["who?"]), &RecipeSpec::FULL).text);
        assert_eq!(desk.read(&book, &other).prefilled, 0);
        assert!(desk.worker.machine.computed < computed + 20, "nothing of the document was computed again");
    }
}

#[test]
fn a_reading_in_the_background_that_is_stopped_keeps_what_it_has() {
    let mut desk = Desk::new(4096, PLENTY);
    let book = prompt(&book(), &[]);
    desk.read(&book, &RecipeSpec::FULL);
    let cancel = CancelToken::default();
    desk.worker.machine.interrupt_at = Some(700);
    desk.worker.machine.cancels = Some(cancel.clone());
    let ended = read_ahead(&mut desk, &spec(64, 8), &RecipeSpec::FULL, cancel);
    assert!(matches!(ended, Event::Prefilled { stopped: true, .. }), "{ended:?}");
    assert_eq!(desk.read(&book, &RecipeSpec::FULL).prefilled, 0, "the present one is at hand");
    assert_eq!(desk.read(&book, &spec(64, 8)).cached, 696, "calls of 16 from 72 on");
}

#[test]
fn nothing_is_read_in_the_background_where_the_present_reading_would_be_lost() {
    let mut desk = Desk::new(4096, 0);
    desk.read(&prompt(&book(), &[]), &RecipeSpec::FULL);
    let ended = read_ahead(&mut desk, &spec(64, 8), &RecipeSpec::FULL, CancelToken::default());
    let Event::Failed { failure, .. } = ended else { panic!("a failure, got {ended:?}") };
    assert_eq!(failure.message, "no preset can be read in the background: what is read now would be lost");
    assert_eq!(desk.read(&prompt(&book(), &[]), &RecipeSpec::FULL).prefilled, 0);
}

#[test]
fn without_a_shelf_going_back_reads_again() {
    let mut desk = Desk::new(4096, 0);
    let book = prompt(&book(), &[]);
    desk.read(&book, &spec(64, 8));
    desk.read(&book, &RecipeSpec::FULL);
    assert_eq!(desk.read(&book, &spec(64, 8)).prefilled, 780 - 72);
}

#[test]
fn on_a_device_going_back_needs_no_host_memory_until_the_context_grows() {
    // Room for a hybrid's state, and for no cells.
    for mut desk in [Desk::new(4096, 100), Desk::hybrid(100)] {
        desk.worker.machine.has_device = true;
        let book = prompt(&book(), &[]);
        desk.read(&book, &spec(64, 8));
        desk.read(&book, &RecipeSpec::FULL);
        assert_eq!(desk.read(&book, &spec(64, 8)).prefilled, 0);
        assert!(desk.worker.memory().resident_bytes >= 780 * 8);
        // The larger cache has the device for itself, and host memory has no room.
        desk.read(&prompt(&self::book().repeat(3), &[]), &spec(64, 8));
        assert!(desk.read(&book, &RecipeSpec::FULL).prefilled > 600);
    }
}

/// Cached, of these from disk, and prefilled.
fn parts(tokens: TokenCounts) -> (u32, u32, u32) {
    (tokens.cached, tokens.from_disk, tokens.prefilled)
}

#[test]
fn the_next_run_reads_nothing_again_under_any_recipe() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipes = [RecipeSpec::FULL, spec(64, 8), RecipeSpec { far: 8, ..spec(32, 4) }];
    let book = prompt(&book(), &[]);
    let mut first = Desk::on_disk(folder.path());
    for recipe in &recipes {
        first.read(&book, recipe);
    }
    drop(first);
    for recipe in &recipes {
        let mut next = Desk::on_disk(folder.path());
        assert_eq!(parts(next.read(&book, recipe)), (780, 780, 0), "{recipe:?}");
        assert_eq!(next.worker.machine.computed, 0);
        assert_eq!(next.notes.len(), 1, "{:?}", next.notes);
        assert!(next.notes[0].starts_with("780 tokens were read before; they came from disk in "), "{:?}", next.notes);
    }
}

#[test]
fn an_answer_after_a_restart_is_the_same_and_costs_the_question() {
    let folder = tempfile::tempdir().expect("a folder");
    for recipe in [RecipeSpec::FULL, spec(64, 8), RecipeSpec { dense_tail: false, fa_decode: false, ..spec(40, 4) }] {
        let question = prompt(&book(), &["who?"]);
        let first = Desk::on_disk(folder.path()).ask(&question, &recipe);
        let second = Desk::on_disk(folder.path()).ask(&question, &recipe);
        assert_eq!((&second.text, second.finish), (&first.text, first.finish));
        assert_eq!(parts(second.tokens), (780, 780, 4));
    }
}

/// What a prefill cost: tokens of the prompt that were there, and tokens that were computed.
fn cost(tokens: TokenCounts) -> (u32, u32) {
    (tokens.cached, tokens.prefilled)
}

/// The contract: what is paid for in one run is not paid for again, in that run or in a later one. A question costs itself, and what a hybrid
/// can't go back to.
#[test]
fn each_prefill_costs_what_is_new_in_one_run_and_across_runs() {
    for toy in [Toy::new as fn(u32) -> Toy, Toy::hybrid] {
        let is_hybrid = !toy(1).cuts_anywhere();
        let folder = tempfile::tempdir().expect("a folder");
        let start = || {
            let mut desk = Desk::in_conversation(toy(8192), folder.path());
            desk.give(Command::AllowContext { tokens: 4096 });
            desk
        };
        let (book, window) = (book(), spec(64, 8));
        let text = "w".repeat(300);
        let mut desk = start();
        desk.worker.machine.script = Some(text.clone().into_bytes());
        let long = Limits { max_tokens: Some(1000), repetition: Repetition::Allowed, ..Limits::default() };
        let first = desk.ask_with(&prompt(&book, &["who?"]), &RecipeSpec::FULL, long, OutputMarkup::default());
        assert_eq!((cost(first.tokens), first.text.len()), ((0, 784), 300), "the first question reads the document");
        let turns = ["who?", &*text, "and why?"];
        let second = desk.ask(&prompt(&book, &turns), &RecipeSpec::FULL);
        assert_eq!(cost(second.tokens), (1084, 8), "second turn");
        drop(desk);

        let mut desk = start();
        let again = desk.ask(&prompt(&book, &turns), &RecipeSpec::FULL);
        assert_eq!(cost(again.tokens), (1084, 8), "the same after a restart, hybrid: {is_hybrid}");
        let forked = desk.ask(&prompt(&book, &["who?", &*text, "or not?"]), &RecipeSpec::FULL);
        assert_eq!(cost(forked.tokens), (1084, 7), "a fork");
        let other = desk.ask(&prompt(&book, &["when?"]), &RecipeSpec::FULL);
        assert_eq!(cost(other.tokens), (780, 5), "a conversation of its own about the same document");
        drop(desk);

        let expected = if is_hybrid { (0, 780) } else { (64, 716) };
        assert_eq!(cost(start().read(&prompt(&book, &[]), &window)), expected, "another preset after a restart");
        let mut desk = start();
        assert_eq!(cost(desk.read(&prompt(&book, &[]), &window)), (780, 0), "and again");
        assert_eq!(cost(desk.read(&prompt(&book, &[]), &RecipeSpec::FULL)), (780, 0), "A → B");
        assert_eq!(cost(desk.read(&prompt(&book, &[]), &window)), (780, 0), "A → B → A");
        let quarter = desk.ask(&prompt(&book[..195], &["Who?"]), &window);
        let expected = if is_hybrid { (0, 199) } else { (195, 4) };
        assert_eq!(cost(quarter.tokens), expected, "up to here");
        drop(desk);

        let longer = format!("{book}and so on");
        assert_eq!(cost(start().read(&prompt(&longer, &[]), &RecipeSpec::FULL)), (780, 9), "a longer document");
        let mut changed = self::book();
        changed.replace_range(300..301, "X");
        let expected = if is_hybrid { (0, 780) } else { (288, 492) };
        assert_eq!(cost(start().read(&prompt(&changed, &[]), &RecipeSpec::FULL)), expected, "a changed document");
    }
}

#[test]
fn a_broken_off_reading_of_a_hybrid_goes_on_where_it_was_broken_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = Desk::in_conversation(Toy::hybrid(4096), folder.path());
    let book = prompt(&book(), &[]);
    desk.worker.machine.interrupt_at = Some(500);
    let cancel = CancelToken::default();
    desk.worker.machine.cancels = Some(cancel.clone());
    let command = Command::Prefill { job: JobId(1), prompt: book.clone(), recipe: RecipeSpec::FULL, cancel };
    let events = desk.give(command);
    assert!(matches!(events.last(), Some(Event::Prefilled { stopped: true, .. })), "got {events:?}");
    drop(desk);
    let tokens = Desk::in_conversation(Toy::hybrid(4096), folder.path()).read(&book, &RecipeSpec::FULL);
    assert_eq!(cost(tokens), (496, 284), "31 calls of 16");
}

#[test]
fn a_state_that_is_bad_is_told_and_an_earlier_one_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "it is a truth universally acknowledged ".repeat(80);
    let whole = prompt(&text, &[]);
    let start = || Desk::in_conversation(Toy::hybrid(8192), folder.path());
    start().read(&whole, &RecipeSpec::FULL);
    let states: Vec<PathBuf> =
        blocks(folder.path()).into_iter().filter(|path| path.to_string_lossy().contains("-0-0-")).collect();
    assert_eq!(states.len(), 2, "at 2,048 and at the end: {states:?}");
    let mut bytes = fs::read(&states[1]).expect("a state");
    bytes[110] ^= 1;
    fs::write(&states[1], bytes).expect("written");
    let mut desk = start();
    assert_eq!(cost(desk.read(&whole, &RecipeSpec::FULL)), (2048, 3120 - 2048));
    let told = "the state of an earlier reading at token 3,120 cannot be used: its checksum is wrong; it is read again from before it";
    assert!(desk.notes.iter().any(|note| note == told), "{:?}", desk.notes);
    drop(desk);
    assert_eq!(cost(start().read(&whole, &RecipeSpec::FULL)), (3120, 0), "it was written anew");
}

#[test]
fn without_a_saved_conversation_nothing_of_it_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = Desk::on_disk(folder.path());
    desk.worker.machine.script = Some("w".repeat(300).into_bytes());
    let limits = Limits { max_tokens: Some(1000), repetition: Repetition::Allowed, ..Limits::default() };
    desk.ask_with(&prompt(&book(), &["who?"]), &RecipeSpec::FULL, limits, OutputMarkup::default());
    drop(desk);
    let last = blocks(folder.path()).pop().expect("blocks");
    assert!(last.file_name().is_some_and(|name| name.to_string_lossy().starts_with("000000768-12-12-")), "{last:?}");
}

#[test]
fn what_was_written_with_drafts_is_not_kept_on_disk() {
    let after_restart = |drafting| {
        let folder = tempfile::tempdir().expect("a folder");
        let start = || {
            let mut desk = Desk::in_conversation(Toy::new(8192), folder.path());
            desk.give(Command::AllowContext { tokens: 4096 });
            desk
        };
        let text = "w".repeat(300);
        let mut desk = start();
        desk.drafting = drafting;
        desk.worker.machine.quotes = true;
        desk.worker.machine.script = Some(text.clone().into_bytes());
        desk.ask_with(&prompt(&book(), &["who?"]), &RecipeSpec::FULL, up_to(1000), OutputMarkup::default());
        drop(desk);
        cost(start().ask(&prompt(&book(), &["who?", &text, "and why?"]), &RecipeSpec::FULL).tokens)
    };
    assert_eq!(after_restart(Drafting::Off), (1084, 8));
    assert_eq!(
        after_restart(Drafting::Tokens(15)),
        (784, 308),
        "the first question was read before anything was drafted"
    );
}

#[test]
fn a_longer_document_appends_and_a_changed_one_is_read_from_its_first_changed_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let begun = &book()[..500];
    Desk::on_disk(folder.path()).read(&prompt(begun, &[]), &RecipeSpec::FULL);
    let longer = Desk::on_disk(folder.path()).read(&prompt(&book(), &[]), &RecipeSpec::FULL);
    assert_eq!(parts(longer), (500, 500, 280));
    let mut changed = book();
    changed.replace_range(300..301, "X");
    let changed = Desk::on_disk(folder.path()).read(&prompt(&changed, &[]), &RecipeSpec::FULL);
    assert_eq!(parts(changed), (288, 288, 492), "calls have 16 tokens");
}

#[test]
fn what_is_equal_under_two_recipes_is_read_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let book = prompt(&book(), &[]);
    Desk::on_disk(folder.path()).read(&book, &RecipeSpec::FULL);
    // The window hides nothing from the first 72 positions, 4 whole calls.
    let other = Desk::on_disk(folder.path()).read(&book, &spec(64, 8));
    assert_eq!(parts(other), (64, 64, 716));
}

#[test]
fn a_switch_in_a_run_leaves_the_whole_reading_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let book = prompt(&book(), &[]);
    let mut first = Desk::on_disk(folder.path());
    first.read(&book, &RecipeSpec::FULL);
    assert_eq!(parts(first.read(&book, &spec(64, 8))), (72, 0, 708));
    drop(first);
    assert_eq!(parts(Desk::on_disk(folder.path()).read(&book, &spec(64, 8))), (780, 780, 0));
}

#[test]
fn a_reading_that_was_broken_off_goes_on_at_its_last_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = Desk::on_disk(folder.path());
    first.read(&prompt(&book()[..160], &[]), &RecipeSpec::FULL);
    drop(first);
    let whole = prompt(&book(), &[]);
    // As if the program had been killed while it wrote the last block.
    let blocks = blocks(folder.path());
    fs::remove_file(blocks.last().expect("blocks")).expect("removed");
    let again = Desk::on_disk(folder.path()).read(&whole, &RecipeSpec::FULL);
    assert_eq!(parts(again), (144, 144, 636));
}

/// The files of all blocks, by their positions.
fn blocks(folder: &Path) -> Vec<PathBuf> {
    let groups = fs::read_dir(folder.join("kv")).expect("a store").flatten().filter(|entry| entry.path().is_dir());
    let files = groups.flat_map(|group| fs::read_dir(group.path()).expect("a group").flatten());
    let mut blocks: Vec<PathBuf> =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ending| ending == "kv")).collect();
    blocks.sort();
    blocks
}

#[test]
fn a_bad_block_is_dropped_with_a_sentence_and_read_again() {
    type Spoil = fn(&mut Vec<u8>);
    let whole = prompt(&book(), &[]);
    let spoils: [(Spoil, &str); 4] = [
        (|bytes| bytes.truncate(100), "it is cut off"),
        (|bytes| bytes.clear(), "it is cut off"),
        (|bytes| bytes[150] ^= 4, "its checksum is wrong"),
        (|bytes| bytes[0] ^= 4, "it holds something else than its name says"),
    ];
    for (spoil, why) in spoils {
        let folder = tempfile::tempdir().expect("a folder");
        Desk::on_disk(folder.path()).read(&whole, &RecipeSpec::FULL);
        let bad = &blocks(folder.path())[10];
        let mut bytes = fs::read(bad).expect("a block");
        spoil(&mut bytes);
        fs::write(bad, bytes).expect("written");
        let mut desk = Desk::on_disk(folder.path());
        assert_eq!(parts(desk.read(&whole, &RecipeSpec::FULL)), (160, 160, 620));
        let told = format!("an earlier reading cannot be used from token 160 on: {why}; it is read again");
        assert!(desk.notes.contains(&told), "{:?}", desk.notes);
        drop(desk);
        assert_eq!(
            parts(Desk::on_disk(folder.path()).read(&whole, &RecipeSpec::FULL)),
            (780, 780, 0),
            "it was written anew"
        );
    }
}

#[test]
fn another_block_under_the_name_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = prompt(&book(), &[]);
    Desk::on_disk(folder.path()).read(&whole, &RecipeSpec::FULL);
    let blocks = blocks(folder.path());
    fs::copy(&blocks[11], &blocks[10]).expect("copied");
    assert_eq!(parts(Desk::on_disk(folder.path()).read(&whole, &RecipeSpec::FULL)), (160, 160, 620));
}

#[test]
fn blocks_of_another_model_are_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = prompt(&book(), &[]);
    Desk::on_disk(folder.path()).read(&whole, &RecipeSpec::FULL);
    let (same, other) = (folder.path().join("same.gguf"), folder.path().join("other.gguf"));
    fs::write(&same, "weights").expect("written");
    fs::write(&other, "other weights").expect("written");
    let read = |model: &Path| Desk::of_model_on_disk(folder.path(), model, None).read(&whole, &RecipeSpec::FULL);
    assert_eq!(parts(read(&same)), (780, 780, 0), "the same weights under another name");
    assert_eq!(parts(read(&other)), (0, 0, 780));
}

#[test]
fn a_store_that_vanishes_while_the_program_runs_is_read_again_and_made_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = prompt(&book(), &[]);
    let mut desk = Desk::on_disk(folder.path());
    desk.read(&whole, &RecipeSpec::FULL);
    while blocks(folder.path()).len() < 780_usize.div_ceil(16) {
        std::thread::yield_now();
    }
    // The title may still be about to be written.
    while folder.path().join("kv").exists() {
        let _ = fs::remove_dir_all(folder.path().join("kv"));
    }
    assert_eq!(parts(desk.read(&prompt(&book().replace("truth", "story"), &[]), &RecipeSpec::FULL)), (8, 0, 772));
    assert_eq!(parts(desk.read(&whole, &RecipeSpec::FULL)), (8, 0, 772));
    drop(desk);
    assert_eq!(parts(Desk::on_disk(folder.path()).read(&whole, &RecipeSpec::FULL)), (780, 780, 0));
}

#[test]
fn what_cannot_be_kept_is_told_once_and_read_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = prompt(&book().repeat(3), &[]);
    fs::write(folder.path().join("kv"), "in the way").expect("written");
    let mut desk = Desk::on_disk(folder.path());
    assert_eq!(desk.read(&whole, &RecipeSpec::FULL).prefilled, 2340);
    desk.read(&whole, &spec(64, 8));
    let [note] = &desk.notes[..] else { panic!("one note: {:?}", desk.notes) };
    assert!(note.starts_with("this reading is not kept on disk: cannot write to "), "{note}");
    fs::remove_file(folder.path().join("kv")).expect("removed");
    let mut small = Desk::of_model_on_disk(folder.path(), &folder.path().join("model.gguf"), Some(20_000));
    assert_eq!(small.read(&whole, &RecipeSpec::FULL).prefilled, 2340);
    assert_eq!(
        small.notes,
        ["this reading is not kept on disk: it would take 18.7 kB of the 20.0 kB that the cache may have"]
    );
}

#[test]
fn two_programs_share_what_either_has_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut one, mut other) = (Desk::on_disk(folder.path()), Desk::on_disk(folder.path()));
    let whole = prompt(&book(), &[]);
    one.read(&whole, &RecipeSpec::FULL);
    drop(one);
    assert_eq!(parts(other.read(&whole, &RecipeSpec::FULL)), (780, 780, 0));
}

#[test]
fn a_time_that_is_over_ends_the_reading_of_a_question_and_says_so() {
    let mut desk = Desk::new(4096, PLENTY);
    let limits = Limits { time: Some(Duration::ZERO), ..Limits::default() };
    let answer = desk.ask_with(&prompt(&book(), &["who?"]), &RecipeSpec::FULL, limits, OutputMarkup::default());
    assert_eq!((answer.finish, answer.text.as_str(), answer.tokens.generated), (Finish::TimeLimit, "", 0));
}

#[test]
fn a_cancelled_reading_keeps_its_finished_chunks_and_resumes() {
    let mut desk = Desk::new(4096, PLENTY);
    let cancel = CancelToken::default();
    let book = prompt(&book(), &[]);
    cancel.cancel();
    let command = Command::Prefill { job: JobId(1), prompt: book.clone(), recipe: RecipeSpec::FULL, cancel };
    let events = desk.give(command);
    assert!(matches!(events.last(), Some(Event::Prefilled { stopped: true, .. })), "got {events:?}");
    let tokens = desk.read(&book, &RecipeSpec::FULL);
    assert_eq!((tokens.cached, tokens.prefilled), (0, 780));
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_with_figures_before_any_work() {
    let mut desk = Desk::new(700, PLENTY);
    let job = desk.job();
    let events = desk.give(Command::Prefill {
        job,
        prompt: prompt(&book(), &[]),
        recipe: RecipeSpec::FULL,
        cancel: CancelToken::default(),
    });
    let [Event::Failed { failure, .. }] = &events[..] else { panic!("one failure, got {events:?}") };
    assert_eq!(failure.kind, FailureKind::DoesNotFit);
    assert_eq!(failure.message, "the prompt has 780 tokens, but this model holds 700, including the answer");
    assert_eq!(desk.worker.machine.computed, 0);
}

#[test]
fn a_document_that_is_many_times_too_long_is_refused_by_its_beginning() {
    let mut desk = Desk::new(700, PLENTY);
    let job = desk.job();
    let events = desk.give(Command::Prefill {
        job,
        prompt: prompt(&"a word ".repeat(200_000), &[]),
        recipe: RecipeSpec::FULL,
        cancel: CancelToken::default(),
    });
    let [Event::Failed { failure, .. }] = &events[..] else { panic!("one failure, got {events:?}") };
    assert_eq!(failure.kind, FailureKind::DoesNotFit);
    let expected = "the prompt has about 1,400,000 (an estimate from its first 4.20 kB) tokens, but this model holds 700, including the answer";
    assert_eq!(failure.message, expected);
}

#[test]
fn a_document_that_is_many_times_too_long_is_counted_by_its_beginning() {
    let mut desk = Desk::new(700, PLENTY);
    let job = desk.job();
    let endless = "a word ".repeat(200_000);
    let events = desk.give(Command::Count { job, texts: vec![endless.as_str().into(), "a word".into()] });
    let [Event::Counted { tokens, .. }] = &events[..] else { panic!("one count, got {events:?}") };
    assert_eq!(*tokens, [1_400_000, 6]);
    assert!(desk.worker.machine.tokenized_bytes.get() < 10_000, "{}", desk.worker.machine.tokenized_bytes.get());
}

/// `auto` has every document forecast, also a log of 68 MB.
#[test]
fn a_document_that_is_many_times_too_long_is_forecast_by_its_beginning() {
    let mut desk = Desk::new(700, PLENTY);
    let (job, prompt) = (desk.job(), prompt(&"a word ".repeat(200_000), &[]));
    let events = desk.give(Command::Forecast { job, prompt, recipe: RecipeSpec::FULL });
    let [Event::Forecast { plan, .. }] = &events[..] else { panic!("one forecast, got {events:?}") };
    assert_eq!((plan.document_tokens, plan.to_prefill_tokens, plan.predicted), (1_400_000, 1_400_000, None));
    assert!(desk.worker.machine.tokenized_bytes.get() < 10_000, "{}", desk.worker.machine.tokenized_bytes.get());
}

/// A vocabulary has tokens of eight letters `a`: then more than the usual beginning is looked at, and not all.
#[test]
fn a_document_of_long_tokens_is_counted_by_a_longer_beginning() {
    let mut desk = Desk::new(700, PLENTY);
    desk.worker.machine.bytes_per_token = 8;
    let job = desk.job();
    let events = desk.give(Command::Count { job, texts: vec!["a".repeat(1_600_000).into()] });
    let [Event::Counted { tokens, .. }] = &events[..] else { panic!("one count, got {events:?}") };
    assert_eq!(*tokens, [200_000]);
    assert!(desk.worker.machine.tokenized_bytes.get() < 20_000, "{}", desk.worker.machine.tokenized_bytes.get());
}

#[test]
fn reasoning_past_its_budget_is_closed_and_the_model_answers() {
    let mut desk = Desk::new(4096, PLENTY);
    desk.worker.machine.script = Some(b"hmmmmmmmmmmmm".to_vec());
    let limits = Limits { reasoning_tokens: Some(4), ..Limits::default() };
    let answer = desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, limits, thinking());
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("hmmm", "mmmmmmmmm"));
    assert_eq!(
        (answer.reasoning_end, answer.tokens.asking),
        (Some(ReasoningEnd::Budget), "\n</think>\n\n".len() as u32)
    );
    assert_eq!(answer.finish, Finish::EndOfGeneration);
}

/// The prompt has opened the reasoning.
fn thinking() -> OutputMarkup {
    let close = Some("</think>".to_owned());
    OutputMarkup {
        begins: Begins::InReasoning(close.clone()),
        reasoning: vec![TagPair::new("<think>", "</think>")],
        lone_close: close,
        ..OutputMarkup::default()
    }
}

/// The whole turn is reasoning, and `cue` asks for the answer.
fn prompted(cue: &str) -> OutputMarkup {
    let answer_cue = vec![part(cue, Segment::Tail)];
    OutputMarkup { begins: Begins::InReasoning(None), answer_cue, answer_is_asked_for: true, ..OutputMarkup::default() }
}

#[test]
fn prompted_reasoning_costs_the_cue_alone_and_leaves_the_cache_with_the_next_turn() {
    let mut desk = Desk::new(4096, PLENTY);
    desk.worker.machine.script = Some(b"I see.\0In 1871.".to_vec());
    let first = prompt(&book(), &["when? think"]);
    let answer = desk.ask_with(&first, &RecipeSpec::FULL, Limits::default(), prompted("[answer]"));
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("I see.", "In 1871."));
    assert_eq!((answer.finish, answer.reasoning_end), (Finish::EndOfGeneration, Some(ReasoningEnd::Closed)));
    let prompt_tokens = (book().len() + "when? think".len()) as u32;
    let counts = answer.tokens;
    assert_eq!(
        (counts.prompt, counts.prefilled, counts.asking),
        (prompt_tokens, prompt_tokens, "[answer]".len() as u32)
    );
    assert_eq!((counts.reasoning, counts.generated), ("I see.".len() as u32, "I see.In 1871.".len() as u32));
    let next = desk.ask(&prompt(&book(), &["when?", "In 1871.", "who?"]), &RecipeSpec::FULL);
    assert_eq!(next.tokens.cached, book().len() as u32, "the thoughts are gone");
    assert_eq!(next.tokens.prefilled, "when?In 1871.who?".len() as u32);
}

#[test]
fn reasoning_that_the_model_never_closes_is_closed_for_it() {
    for (markup, end) in [(thinking(), ReasoningEnd::EndOfTurn), (prompted("?"), ReasoningEnd::Closed)] {
        let mut desk = Desk::new(4096, PLENTY);
        desk.worker.machine.script = Some(b"I think and stop.\0So.".to_vec());
        let answer = desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, Limits::default(), markup);
        assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("I think and stop.", "So."));
        assert_eq!((answer.finish, answer.reasoning_end), (Finish::EndOfGeneration, Some(end)));
    }
}

#[test]
fn an_answer_without_text_has_a_finish_of_its_own() {
    let mut desk = Desk::new(4096, PLENTY);
    for (script, end) in [("", ReasoningEnd::Never), ("I see.</think>\n", ReasoningEnd::Closed)] {
        desk.worker.machine.script = Some(script.into());
        let answer = desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, Limits::default(), thinking());
        assert_eq!((answer.text.as_str(), answer.finish), ("", Finish::NoAnswer), "{script}");
        assert_eq!(answer.reasoning_end, (answer.tokens.reasoning > 0).then_some(end), "{script}");
    }
}

#[test]
fn reasoning_without_an_opening_tag_is_told_when_it_is_closed() {
    let mut desk = Desk::new(4096, PLENTY);
    desk.worker.machine.script = Some(b"I see.</think>\n\nSo.".to_vec());
    let markup = OutputMarkup { begins: Begins::Undecided, ..thinking() };
    let answer = desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, Limits::default(), markup);
    assert_eq!((answer.reasoning.as_str(), answer.text.as_str()), ("I see.", "So."));
    assert_eq!((answer.tokens.reasoning, answer.reasoning_end), (14, Some(ReasoningEnd::Closed)));
}

#[test]
fn a_mark_of_the_stand_in_ends_the_turn() {
    let mut desk = Desk::new(4096, PLENTY);
    desk.worker.machine.script = Some(b"Yes.<|im_end|>\n<|im_start|>user\nAnd?".to_vec());
    let markup = OutputMarkup { ends: vec!["<|im_end|>".to_owned()], ..OutputMarkup::default() };
    let answer = desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, Limits::default(), markup);
    assert_eq!((answer.text.as_str(), answer.finish), ("Yes.", Finish::EndOfGeneration));
}

const AGAIN: &str = "He is a young man of large fortune. ";

#[test]
fn an_answer_that_repeats_itself_is_ended_unless_it_may() {
    let asked = |repetition| {
        let mut desk = Desk::new(4096, PLENTY);
        desk.worker.machine.script = Some(AGAIN.repeat(12).into_bytes());
        let limits = Limits { repetition, ..Limits::default() };
        let answer = desk.ask_with(&prompt("book", &["who?"]), &RecipeSpec::FULL, limits, OutputMarkup::default());
        (answer.finish, answer.text)
    };
    let (finish, text) = asked(Repetition::Ends);
    assert_eq!(finish, Finish::Repetition);
    assert!(AGAIN.repeat(6).starts_with(&text) && text.len() > 100, "{text}");
    assert_eq!(asked(Repetition::Allowed), (Finish::EndOfGeneration, AGAIN.repeat(12)));
}

#[test]
fn reasoning_that_repeats_itself_is_closed_and_the_model_answers() {
    let mut desk = Desk::new(4096, PLENTY);
    desk.worker.machine.script = Some(format!("{}So it is Mr. Bingley.", AGAIN.repeat(5)).into_bytes());
    let answer = desk.ask_with(&prompt("book", &["who?"]), &RecipeSpec::FULL, Limits::default(), thinking());
    assert!(AGAIN.repeat(5).starts_with(answer.reasoning.trim_end()), "{}", answer.reasoning);
    assert!(answer.text.ends_with("So it is Mr. Bingley."), "{}", answer.text);
    assert_eq!(answer.finish, Finish::EndOfGeneration);
}

#[test]
fn a_stop_string_ends_the_answer_before_it() {
    let mut desk = Desk::new(4096, PLENTY);
    desk.worker.machine.script = Some(b"one two three".to_vec());
    let limits = Limits { stop: vec![" three".into()], ..Limits::default() };
    let answer = desk.ask_with(&prompt("book", &["count"]), &RecipeSpec::FULL, limits, OutputMarkup::default());
    assert_eq!((answer.text.as_str(), answer.finish), ("one two", Finish::StopString));
}

#[test]
fn an_answer_ends_where_the_context_does() {
    let mut desk = Desk::new(16, PLENTY);
    desk.worker.machine.script = Some(vec![b'x'; 100]);
    let answer =
        desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, Limits::default(), OutputMarkup::default());
    assert_eq!((answer.text.len(), answer.finish), (8, Finish::ContextFull));
}

/// After how many tokens the schema holds, and which of the answer's came before, if the toy says `script`.
fn held_from(script: &str, markup: OutputMarkup) -> (usize, usize) {
    let mut desk = Desk::new(4096, PLENTY);
    desk.schema = Some("{}".into());
    desk.worker.machine.script = Some(script.into());
    desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, Limits::default(), markup);
    let (schema, begun, from) = desk.worker.machine.constrained.take().expect("the answer is held to it");
    assert_eq!(schema, "{}");
    (from, begun.len())
}

#[test]
fn a_schema_holds_from_the_first_token_of_the_answer_on_and_leaves_the_reasoning_free() {
    let pair = || TagPair { open: "<t>".into(), close: "</t>".into() };
    let tags = |begins| OutputMarkup { begins, reasoning: vec![pair()], ..OutputMarkup::default() };
    assert_eq!(held_from("{}", OutputMarkup::default()), (0, 0));
    assert_eq!(held_from("hm</t>{}", tags(Begins::InReasoning(Some("</t>".into())))), (6, 0));
    assert_eq!(held_from("<t>hm</t>\n{}", tags(Begins::Undecided)), (9, 0));
    assert_eq!(held_from("{}", tags(Begins::Undecided)), (1, 0), "the token that told is sampled again");
    assert_eq!(held_from("<to", tags(Begins::Undecided)), (3, 0), "what only looked like a tag");
}

/// A document, and turns of which each ends with what the template asks for an answer with.
fn with_requests(turns: &[&str]) -> Prompt {
    let request = Part { text: Arc::from("<answer>"), origin: Origin::Template, segment: Segment::Tail };
    let mut parts = prompt(&book(), turns).parts;
    parts.push(request);
    Prompt { parts, title: "A book".into() }
}

#[test]
fn a_cache_that_cannot_be_cut_goes_back_for_the_next_question_and_for_the_same_again() {
    for resident in [0, PLENTY] {
        let mut desk = Desk::hybrid(resident);
        let first = desk.ask(&with_requests(&["who?"]), &RecipeSpec::FULL);
        assert_eq!(first.tokens.prefilled, 780 + 4 + 8);
        let other = desk.ask(&with_requests(&["where?"]), &RecipeSpec::FULL);
        assert_eq!((other.tokens.cached, other.tokens.prefilled), (780, 6 + 8), "the tail alone");
        let again = desk.ask(&with_requests(&["where?"]), &RecipeSpec::FULL);
        assert_eq!((again.tokens.prefilled, again.text), (8, other.text), "what asks for the answer");
        let back = desk.ask(&with_requests(&["who?"]), &RecipeSpec::FULL);
        assert_eq!((back.tokens.prefilled <= 4 + 8, back.text), (true, first.text));
    }
}

#[test]
fn a_template_that_drops_old_thoughts_costs_their_turn_alone() {
    let mut desk = Desk::hybrid(PLENTY);
    desk.ask(&with_requests(&["who?"]), &RecipeSpec::FULL);
    let second = desk.ask(&with_requests(&["who?", "Mr. Collins", "where?"]), &RecipeSpec::FULL);
    assert_eq!(second.tokens.cached, 780 + 4, "the first question stays");
    let third = desk.ask(&with_requests(&["who?", "Mr. Collins", "where?", "Longbourn", "why?"]), &RecipeSpec::FULL);
    assert_eq!(third.tokens.cached, 780 + 4 + 11 + 6, "so does the second");
    let branch = desk.ask(&with_requests(&["who?", "Mr. Collins", "when?"]), &RecipeSpec::FULL);
    assert_eq!(branch.tokens.cached, 780 + 4, "back to the first turn's end");
}

#[test]
fn a_document_of_which_the_end_changes_starts_at_no_less_than_half_of_what_is_shared() {
    let mut desk = Desk::with(Toy::hybrid(1 << 16), Box::new(Unknown), PLENTY);
    let text = "it is a truth universally acknowledged ".repeat(150);
    assert_eq!(desk.read(&prompt(&text, &[]), &RecipeSpec::FULL).prefilled, 5850);
    let changed = format!("{}and so on", &text[..5000]);
    assert_eq!(desk.read(&prompt(&changed, &[]), &RecipeSpec::FULL).cached, 4096);
}

/// Both presets see the first 72 tokens whole, so the states of a hybrid are the same up to there, whichever was read first.
#[test]
fn a_hybrid_switches_presets_where_the_window_begins_to_hide_something() {
    let (window, wider) = (spec(64, 8), spec(200, 10));
    let book = prompt(&book(), &[]);
    for (first, second, shared) in [
        (&RecipeSpec::FULL, &window, 72),
        (&window, &RecipeSpec::FULL, 72),
        (&RecipeSpec::FULL, &wider, 210),
        (&wider, &window, 72),
    ] {
        let mut desk = Desk::hybrid(PLENTY);
        desk.worker.settings.presets = vec![RecipeSpec::FULL, window.clone(), wider.clone()];
        desk.read(&book, first);
        assert_eq!(cost(desk.read(&book, second)), (shared, 780 - shared), "{first} → {second}");
        assert_eq!(cost(desk.read(&book, first)), (780, 0), "and back, from a snapshot");
        let other = desk.ask(&with_requests(&["where?"]), second);
        let fresh = Desk::hybrid(0).ask(&with_requests(&["where?"]), second);
        assert_eq!((other.tokens.prefilled, other.text), (6 + 8, fresh.text), "{first} → {second}");
    }
}

#[test]
fn an_interrupted_call_of_a_hybrid_loses_no_finished_one() {
    let mut desk = Desk::hybrid(PLENTY);
    let book = prompt(&book(), &[]);
    desk.worker.machine.interrupt_at = Some(100);
    let cancel = CancelToken::default();
    desk.worker.machine.cancels = Some(cancel.clone());
    let command = Command::Prefill { job: JobId(1), prompt: book.clone(), recipe: RecipeSpec::FULL, cancel };
    let events = desk.give(command);
    assert!(matches!(events.last(), Some(Event::Prefilled { stopped: true, .. })), "got {events:?}");
    let tokens = desk.read(&book, &RecipeSpec::FULL);
    assert_eq!((tokens.cached, tokens.prefilled), (96, 780 - 96), "six calls of 16");
}

#[test]
fn where_going_back_fails_the_prompt_is_read_again_and_the_conversation_goes_on() {
    let mut desk = Desk::hybrid(PLENTY);
    desk.ask(&with_requests(&["who?"]), &RecipeSpec::FULL);
    desk.worker.machine.loses_states = true;
    let other = desk.ask(&with_requests(&["where?"]), &RecipeSpec::FULL);
    assert_eq!((other.tokens.cached, other.tokens.prefilled), (0, 780 + 6 + 8));
    let fresh = Desk::hybrid(0).ask(&with_requests(&["where?"]), &RecipeSpec::FULL);
    assert_eq!(other.text, fresh.text);
}

/// A model that mostly says what followed its last tokens where they stood before.
fn quoting(drafting: Drafting) -> Desk {
    let mut desk = Desk::new(4096, PLENTY);
    desk.worker.machine.quotes = true;
    desk.drafting = drafting;
    desk
}

fn up_to(max_tokens: u32) -> Limits {
    Limits { max_tokens: Some(max_tokens), repetition: Repetition::Allowed, ..Limits::default() }
}

#[test]
fn an_answer_that_quotes_takes_fewer_calls_with_drafts_and_is_the_same() {
    let question = prompt(&book(), &["what is a tru"]);
    let calls_of = |drafting| {
        let mut desk = quoting(drafting);
        desk.worker.machine.script = Some(b"th universally acknowledged it is a truth".to_vec());
        let answer = desk.ask_with(&question, &RecipeSpec::FULL, up_to(40), OutputMarkup::default());
        let Toy { calls, computed, .. } = desk.worker.machine;
        (answer.text, answer.tokens.drafted, answer.tokens.accepted, calls, computed)
    };
    let (text, drafted, accepted, calls, computed) = calls_of(Drafting::Off);
    assert_eq!((&*text, drafted, accepted), ("th universally acknowledged it is a trut", 0, 0));
    let with = calls_of(Drafting::Tokens(15));
    // The last place of the book goes on with the question, which is guessed once in vain.
    assert_eq!((with.0, with.1, with.2), (text, 40, 36));
    assert_eq!((calls - with.3, with.4 - computed), (36, 4), "a call less for each accepted token");
}

#[test]
fn what_was_drafted_in_vain_is_in_no_cache_and_not_in_the_next_turn() {
    let mut desk = quoting(Drafting::Tokens(8));
    desk.worker.machine.script = Some(b"truth is and".to_vec());
    let question = prompt(&book(), &["who?"]);
    let answer = desk.ask_with(&question, &RecipeSpec::FULL, up_to(12), OutputMarkup::default());
    assert_eq!(&*answer.text, "truth is and");
    assert!(answer.tokens.drafted > answer.tokens.accepted, "{:?}", answer.tokens);
    // All but the last token.
    assert_eq!((desk.worker.kv.len(), desk.worker.machine.len()), (784 + 11, 784 + 11));
    let second = desk.ask(&prompt(&book(), &["who?", &answer.text, "why?"]), &RecipeSpec::FULL);
    assert_eq!(second.tokens.prefilled, 1 + 4);
}

#[test]
fn a_cache_that_can_t_be_cut_gets_no_drafts() {
    let mut desk = Desk::hybrid(PLENTY);
    desk.worker.machine.quotes = true;
    desk.drafting = Drafting::Tokens(8);
    let answer = desk.ask(&prompt(&book(), &["a truth u"]), &RecipeSpec::FULL);
    assert!(answer.tokens.generated > 0);
    assert_eq!(answer.tokens.drafted, 0);
}

#[test]
fn a_draft_that_is_interrupted_leaves_what_was_written_before_it() {
    let mut desk = quoting(Drafting::Tokens(8));
    let cancel = CancelToken::default();
    desk.worker.machine.script = Some(b"truth universally".to_vec());
    // Inside the call with the draft behind "tru".
    desk.worker.machine.interrupt_at = Some(784 + 6);
    desk.worker.machine.cancels = Some(cancel.clone());
    let question = Question {
        job: desk.job(),
        prompt: prompt(&book(), &["who?"]),
        rereading: None,
        recipe: RecipeSpec::FULL,
        sampling: Sampling::GREEDY,
        drafting: Drafting::Tokens(8),
        limits: up_to(40),
        markup: Box::default(),
        schema: None,
        cancel,
    };
    let answer = Answer::from(desk.give(Command::Ask(question)));
    assert_eq!((&*answer.text, answer.finish, answer.tokens.accepted), ("tru", Finish::Cancelled, 0));
    assert_eq!((desk.worker.kv.len(), desk.worker.machine.len()), (786, 786));
}

#[test]
fn reasoning_budgets_cues_and_stop_strings_hold_in_the_middle_of_a_draft() {
    for drafting in [Drafting::Off, Drafting::Auto, Drafting::Tokens(15)] {
        let mut desk = quoting(drafting);
        desk.worker.machine.script = Some(b"it is a truth universally acknowledged it is".to_vec());
        let limits = Limits { reasoning_tokens: Some(20), stop: vec!["edged".into()], ..up_to(60) };
        let answer = desk.ask_with(&prompt(&book(), &["who?"]), &RecipeSpec::FULL, limits, thinking());
        let told = (&*answer.reasoning, &*answer.text, answer.finish, answer.reasoning_end);
        let budget = Some(ReasoningEnd::Budget);
        assert_eq!(told, ("it is a truth univer", "sally acknowl", Finish::StopString, budget), "{drafting:?}");
        assert_eq!(desk.worker.kv.len() as usize, desk.worker.machine.len());
    }
}

#[test]
fn the_context_s_end_and_max_tokens_hold_in_the_middle_of_a_draft() {
    for (max_tokens, context, finish) in [(23, 4096, Finish::TokenLimit), (100, 800, Finish::ContextFull)] {
        let answers = [Drafting::Off, Drafting::Tokens(15)].map(|drafting| {
            let mut desk = Desk::new(context, PLENTY);
            desk.drafting = drafting;
            desk.worker.machine.script = Some("it is a truth universally acknowledged ".repeat(4).into_bytes());
            let answer =
                desk.ask_with(&prompt(&book(), &["?"]), &RecipeSpec::FULL, up_to(max_tokens), OutputMarkup::default());
            assert_eq!(desk.worker.kv.len() as usize, desk.worker.machine.len());
            (answer.text, answer.finish, answer.tokens.generated)
        });
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].1, finish);
    }
}

fn any_drafting() -> impl Strategy<Value = Drafting> {
    prop_oneof![Just(Drafting::Off), Just(Drafting::Auto), (1..=15_u32).prop_map(Drafting::Tokens)]
}

#[derive(Debug, Clone)]
enum Step {
    Read(usize, usize),
    Ask(usize, usize, &'static str),
    Forecast(usize, usize),
    /// A new run of the program.
    Restart,
    /// A block is removed, or a byte of it changed.
    Spoil(prop::sample::Index, Option<prop::sample::Index>),
}

fn any_step_on_disk() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_step(),
        2 => Just(Step::Restart),
        1 => any::<(prop::sample::Index, Option<prop::sample::Index>)>().prop_map(|(block, byte)| Step::Spoil(block, byte)),
    ]
}

fn spoil(folder: &Path, block: prop::sample::Index, byte: Option<prop::sample::Index>) {
    if !folder.join("kv").is_dir() || blocks(folder).is_empty() {
        return;
    }
    let blocks = blocks(folder);
    let block = &blocks[block.index(blocks.len())];
    match byte {
        None => fs::remove_file(block).expect("removed"),
        Some(byte) => {
            let mut bytes = fs::read(block).expect("a block");
            let byte = byte.index(bytes.len());
            bytes[byte] ^= 1;
            fs::write(block, bytes).expect("written");
        }
    }
}

/// `first:who?` stands before the document, too.
fn asked(document: &str, question: &str) -> Prompt {
    match question.strip_prefix("first:") {
        Some(question) => asked_first(document, question),
        None => prompt(document, &[question]),
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..2, 0usize..5).prop_map(|(document, recipe)| Step::Read(document, recipe)),
        (0usize..2, 0usize..5, prop_oneof![Just("who?"), Just("why?"), Just("first:who?")])
            .prop_map(|(d, r, q)| Step::Ask(d, r, q)),
        (0usize..2, 0usize..5).prop_map(|(document, recipe)| Step::Forecast(document, recipe)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was read, kept, lost and spoilt before, an answer equals that of a fresh machine.
    #[test]
    fn the_cache_on_disk_never_changes_an_answer(
        steps in prop::collection::vec(any_step_on_disk(), 1..10), is_hybrid in any::<bool>(), is_kept in any::<bool>()
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let toy = || if is_hybrid { Toy::hybrid(4096) } else { Toy::new(4096) };
        let run = || if is_kept || is_hybrid { Desk::in_conversation(toy(), folder.path()) } else { Desk::on_disk(folder.path()) };
        let documents = [book(), book().replace("truth", "story"), book()[..300].to_owned()];
        let recipes = [
            RecipeSpec::FULL,
            spec(40, 4),
            spec(200, 0),
            RecipeSpec { dense_tail: false, fa_decode: false, ..spec(40, 4) },
            RecipeSpec { far: 8, ..spec(40, 4) },
        ];
        let mut desk = run();
        for step in steps {
            match step {
                Step::Read(document, recipe) => {
                    desk.read(&prompt(&documents[document], &[]), &recipes[recipe]);
                }
                Step::Ask(document, recipe, question) => {
                    let prompt = asked(&documents[document], question);
                    let answer = desk.ask(&prompt, &recipes[recipe]);
                    let fresh = Desk::with(toy(), Box::new(Unknown), 0).ask(&prompt, &recipes[recipe]);
                    prop_assert_eq!((answer.text, answer.finish), (fresh.text, fresh.finish));
                    prop_assert_eq!(answer.tokens.cached + answer.tokens.prefilled, answer.tokens.prompt);
                }
                Step::Forecast(..) => {}
                Step::Restart => {
                    drop(desk);
                    desk = run();
                }
                Step::Spoil(block, byte) => spoil(folder.path(), block, byte),
            }
        }
    }

    /// Whatever is drafted, an answer is the same, token by token, and the cache after it too.
    #[test]
    fn drafts_never_change_an_answer(
        drafting in any_drafting(),
        max_tokens in 1..80_u32,
        stop in prop_oneof![Just(None), "[a-z ]{1,2}".prop_map(Some)],
        recipe in 0..4_usize,
        question in "[it satruh?]{1,12}",
    ) {
        let recipes = [
            RecipeSpec::FULL,
            spec(40, 4),
            RecipeSpec { dense_tail: false, fa_decode: false, ..spec(40, 4) },
            RecipeSpec { dense_tail: false, fa_decode: false, far: 8, ..spec(24, 4) },
        ];
        let told = [Drafting::Off, drafting].map(|drafting| {
            let mut desk = quoting(drafting);
            let limits = Limits { stop: stop.clone().into_iter().collect(), ..up_to(max_tokens) };
            let turns = [question.as_str()];
            let first = desk.ask_with(&prompt(&book(), &turns), &recipes[recipe], limits.clone(), OutputMarkup::default());
            let turns = [question.as_str(), first.text.as_str(), "a tr"];
            let second = desk.ask_with(&prompt(&book(), &turns), &recipes[recipe], limits, OutputMarkup::default());
            assert_eq!(desk.worker.kv.len() as usize, desk.worker.machine.len());
            let of = |answer: Answer| (answer.text, answer.finish, answer.tokens.generated, answer.tokens.cached);
            (of(first), of(second), desk.worker.kv.sequence().clone())
        });
        prop_assert_eq!(&told[0], &told[1]);
    }

    /// Regardless of earlier commands, an answer equals that of a fresh machine, and a forecast equals the prefill that
    /// follows.
    #[test]
    fn reuse_never_changes_an_answer(
        steps in prop::collection::vec(any_step(), 1..12),
        resident in prop_oneof![Just(0u64), Just(9_000), Just(PLENTY)],
        is_hybrid in any::<bool>(),
        quotes in any::<bool>(),
        drafting in any_drafting(),
    ) {
        let new_desk = |resident| {
            let mut desk = if is_hybrid { Desk::hybrid(resident) } else { Desk::new(4096, resident) };
            desk.worker.machine.quotes = quotes;
            desk.worker.settings.presets = vec![spec(40, 4), spec(200, 0)];
            desk
        };
        let documents = [book(), book().replace("truth", "story")];
        let recipes = [
            RecipeSpec::FULL,
            spec(40, 4),
            spec(200, 0),
            RecipeSpec { dense_tail: false, fa_decode: false, ..spec(40, 4) },
            RecipeSpec { full_layers: LayerSpec::FirstHalf, ..spec(40, 4) },
        ];
        let mut desk = new_desk(resident);
        desk.drafting = drafting;
        for step in steps {
            match step {
                Step::Read(document, recipe) => {
                    desk.read(&prompt(&documents[document], &[]), &recipes[recipe]);
                }
                Step::Ask(document, recipe, question) => {
                    let prompt = asked(&documents[document], question);
                    let answer = desk.ask(&prompt, &recipes[recipe]);
                    let fresh = new_desk(0).ask(&prompt, &recipes[recipe]);
                    prop_assert_eq!((answer.text, answer.finish), (fresh.text, fresh.finish));
                }
                Step::Forecast(document, recipe) => {
                    let prompt = prompt(&documents[document], &[]);
                    let job = desk.job();
                    let told = desk.give(Command::Forecast { job, prompt: prompt.clone(), recipe: recipes[recipe].clone() });
                    let [Event::Forecast { plan, .. }] = &told[..] else { panic!("one forecast, got {told:?}") };
                    let read = desk.read(&prompt, &recipes[recipe]);
                    prop_assert_eq!(plan.to_prefill_tokens, read.prefilled);
                }
                Step::Restart | Step::Spoil(..) => unreachable!("only on disk"),
            }
        }
    }
}

/// Every preset and some recipes of their own.
fn any_recipe() -> impl Strategy<Value = RecipeSpec> {
    let presets: Vec<RecipeSpec> = Presets::built_in().iter().filter_map(|preset| preset.recipe.clone()).collect();
    let own = (1_u32..300, 0_u32..200, prop_oneof![Just(0_u32), 2_u32..20], any::<bool>(), any::<bool>()).prop_map(
        |(window, sinks, far, fa_decode, dense_tail)| RecipeSpec { far, fa_decode, dense_tail, ..spec(window, sinks) },
    );
    prop_oneof![prop::sample::select(presets), own]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Under any recipe every token behind it sees every token of a question before the document, and as many more as the recipe has sinks.
    #[test]
    fn the_question_before_a_document_is_among_the_sinks(recipe in any_recipe(), question in "[a-z ]{1,40}[?]") {
        let mut desk = Desk::new(1 << 20, 0);
        let document = "it is a truth universally acknowledged ".repeat(700);
        let tokenized = desk.worker.tokenize(&asked_first(&document, &question), &recipe);
        let plain = desk.worker.tokenize(&prompt(&document, &[&question]), &recipe);
        prop_assert_eq!(tokenized.front_tokens as usize, "be brief.".len() + question.len());
        prop_assert_eq!(tokenized.document_tokens, plain.document_tokens + tokenized.front_tokens);
        match (&tokenized.recipe.reading, &plain.recipe.reading) {
            (Attention::Full, Attention::Full) => {}
            (&Attention::Sliding { window, sinks, far, .. }, Attention::Sliding { sinks: own, .. }) => {
                prop_assert_eq!(sinks, own + tokenized.front_tokens);
                let last = tokenized.sequence.len() - 1;
                let is_seen = |key| (key..=last).step_by(997).chain([last]).all(|query| weight(query, key, window, sinks, far) == 1);
                prop_assert!((0..tokenized.front_tokens).all(is_seen));
            }
            other => prop_assert!(false, "the same attention but for its sinks: {:?}", other),
        }
    }
}

#[test]
fn a_reading_behind_a_question_is_of_use_to_that_question_alone() {
    for recipe in [RecipeSpec::FULL, spec(64, 8)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut desk = Desk::on_disk(folder.path());
        desk.worker.settings.resident_bytes = PLENTY;
        let first = desk.ask(&asked_first(&book(), "who?"), &recipe);
        let counts = |tokens: TokenCounts| (tokens.front, tokens.document, tokens.prompt, tokens.cached);
        assert_eq!(counts(first.tokens), (13, 793, 797, 0), "{recipe:?}");
        let again = desk.ask(&asked_first(&book(), "who?"), &recipe);
        assert_eq!((again.tokens.cached, &again.text), (793, &first.text), "{recipe:?}");
        let other = desk.ask(&asked_first(&book(), "where?"), &recipe);
        assert_eq!(other.tokens.cached, "be brief.wh".len() as u32, "what stands before it: {recipe:?}");
        assert_eq!(desk.worker.memory().resident_bytes, 0, "what no other question can use is not worth a snapshot");
        drop(desk);
        assert_eq!(blocks(folder.path()), Vec::<PathBuf>::new(), "nor a place on disk");
    }
}

#[test]
fn a_question_before_the_document_is_no_passage_to_read_again() {
    let document = long_document();
    let mut prompt = asked_first(&document, "Where is the Whale?");
    prompt.parts.insert(3, part("\n\n", Segment::Tail));
    prompt.parts.push(part("[end]", Segment::Tail));
    let mut desk = desk_with_heads();
    let events = ask_rereading(&mut desk, &prompt, Reread::Passages(1), None);
    let found = read_again(&events);
    assert_eq!(found.found_by, FoundBy::Attention);
    let [passage] = &found.passages[..] else { panic!("one passage, got {found:?}") };
    assert!(document[passage.span.clone()].contains("The Whale Came up."), "{:?}", &document[passage.span.clone()]);
    assert_eq!(desk.worker.memory().resident_bytes, 0);
}

/// A document of 4,200 bytes, each a token, in which one sentence has capital letters.
fn long_document() -> String {
    let filler = "nothing of note was seen on that day. ".repeat(60);
    format!("{filler}The Whale Came up. {filler}")
}

/// The tokens of an answer that was weighed.
fn weighed(event: Event) -> Vec<WeighedToken> {
    match event {
        Event::Weighed { tokens, stopped: false, .. } => tokens,
        other => panic!("an answer is weighed, got {other:?}"),
    }
}

#[test]
fn what_a_model_would_say_is_the_likeliest_and_anything_else_is_less_likely() {
    let recipe = spec(8, 2);
    let of_question = |number: usize| prompt(&"a document of many words ".repeat(4), &[&format!("question {number}?")]);
    let answers = (0..100).map(|number| Desk::new(4096, 0).ask(&of_question(number), &recipe).text);
    let (number, answer) = answers.enumerate().max_by_key(|(_, answer)| answer.len()).expect("a hundred");
    let question = of_question(number);
    let mut desk = Desk::new(4096, 0);
    let tokens = weighed(desk.weigh(&question, &recipe, &answer, CancelToken::default()));
    assert_eq!((tokens.len(), answer.len()), (12, 12));
    assert!(tokens.iter().all(|token| token.weight.is_likeliest && token.bytes == 1), "{tokens:?}");
    // The fifth letter is another one: what follows is weighed behind that.
    let other = format!("{}?{}", &answer[..4], &answer[5..]);
    let tokens = weighed(desk.weigh(&question, &recipe, &other, CancelToken::default()));
    let likeliest: Vec<bool> = tokens.iter().map(|token| token.weight.is_likeliest).collect();
    assert_eq!(likeliest[..5], [true, true, true, true, false]);
    assert!(tokens[4].weight.log_probability < tokens[3].weight.log_probability);
    // What was weighed is no answer: the next question is computed as if it had not been there.
    assert_eq!(desk.ask(&question, &recipe).text, answer);
}

#[test]
fn a_long_answer_is_weighed_in_calls_of_one_batch_and_an_empty_one_in_none() {
    let question = prompt("a document", &["why?"]);
    let recipe = RecipeSpec::FULL;
    let long = "because of something ".repeat(8);
    let mut desk = Desk::new(4096, 0);
    let tokens = weighed(desk.weigh(&question, &recipe, &long, CancelToken::default()));
    assert_eq!(tokens.iter().map(|token| token.bytes).sum::<usize>(), long.len());
    // One letter at a time gives the same.
    let before = prompt("a document", &["why?", &long[..100]]);
    let one = weighed(desk.weigh(&before, &recipe, &long[100..101], CancelToken::default()));
    assert_eq!(tokens[100].weight, one[0].weight);
    assert_eq!(weighed(desk.weigh(&question, &recipe, "", CancelToken::default())), []);
}

#[test]
fn weighing_ends_when_it_is_cancelled_or_there_is_no_room() {
    let question = prompt("a document", &["why?"]);
    let cancel = CancelToken::default();
    cancel.cancel();
    let told = Desk::new(4096, 0).weigh(&question, &RecipeSpec::FULL, "because", cancel);
    assert!(matches!(&told, Event::Weighed { stopped: true, tokens, .. } if tokens.is_empty()), "{told:?}");
    let told = Desk::new(64, 0).weigh(&question, &RecipeSpec::FULL, &"because ".repeat(9), CancelToken::default());
    assert!(matches!(&told, Event::Failed { failure, .. } if failure.kind == FailureKind::DoesNotFit), "{told:?}");
}

/// Asks with the question as the second part of the tail. Returns the events.
fn ask_rereading(desk: &mut Desk, prompt: &Prompt, reread: Reread, given: Option<GivenPassages>) -> Vec<Event> {
    let question_part = prompt.parts.len() - 2;
    let question = Question {
        job: desk.job(),
        prompt: prompt.clone(),
        rereading: Some(Rereading { reread, question_part, given }),
        recipe: spec(64, 8),
        sampling: Sampling::GREEDY,
        drafting: Drafting::Off,
        limits: Limits { max_tokens: Some(12), ..Limits::default() },
        markup: Box::default(),
        schema: None,
        cancel: CancelToken::default(),
    };
    desk.give(Command::Ask(question))
}

fn read_again(events: &[Event]) -> &ReadAgain {
    let found = events.iter().find_map(|event| match event {
        Event::ReadAgain { read_again, .. } => Some(&**read_again),
        _ => None,
    });
    found.expect("what was read again is told")
}

fn desk_with_heads() -> Desk {
    let mut desk = Desk::new(16_384, PLENTY);
    desk.worker.heads = KnownHeads::these(Some(&[Head { layer: 1, head: 0 }]));
    desk
}

/// Attention costs next to nothing, so that a passage costs as much as its share of the document's tokens.
fn cheap_attention() -> CostModel {
    let shape = Shape { parameters: 1e12, layers: 4, attention_width: 1.0 };
    CostModel::knowing(shape, false, Calibration::none().sums())
}

#[test]
fn passages_that_heads_point_at_are_read_again_before_the_question() {
    let document = long_document();
    let prompt = prompt(&document, &["\n\n", "Where is the Whale?", "[end]"]);
    let mut desk = desk_with_heads();
    let events = ask_rereading(&mut desk, &prompt, Reread::Passages(1), None);
    let found = read_again(&events);
    let [passage] = &found.passages[..] else { panic!("one passage, got {found:?}") };
    assert!(document[passage.span.clone()].contains("The Whale Came up."), "{:?}", &document[passage.span.clone()]);
    assert_eq!((found.found_by, found.why_none), (FoundBy::Attention, None));
    assert!(!found.heat.is_empty() && found.heat.last().is_some_and(|chunk| chunk.span.end == document.len()));
    let planned = events.iter().filter(|event| matches!(event, Event::Planned { .. })).count();
    assert_eq!(planned, 1, "one plan a job");

    // The cache holds what a prompt with the passage has, and the answer is the one to that.
    let answer = Answer::from(events.clone());
    let plain_tokens = (document.len() + "\n\nWhere is the Whale?[end]".len()) as u32;
    let text = format!("Passages of the text that may help:\n\n{}\n\n", &document[passage.span.clone()]);
    assert_eq!((found.tokens, answer.tokens.reread), (text.len() as u32, text.len() as u32));
    assert_eq!(answer.tokens.prompt, plain_tokens + text.len() as u32);
    // The call that read the question is repeated from its beginning.
    let again = "\n\nWhere is the Whale?[end]".len() as u32;
    assert_eq!((answer.tokens.cached, answer.tokens.prefilled), (0, plain_tokens + text.len() as u32 + again));
    let mut by_hand = self::prompt(&document, &["\n\n", &text, "Where is the Whale?", "[end]"]);
    by_hand.parts.retain(|part| !part.text.is_empty());
    assert_eq!(Desk::new(16_384, PLENTY).ask(&by_hand, &spec(64, 8)).text, answer.text);
}

#[test]
fn the_next_turn_drops_the_passages_and_keeps_no_snapshot_of_them() {
    let document = long_document();
    let mut desk = desk_with_heads();
    let first = prompt(&document, &["\n\n", "Where is the Whale?", "[end]"]);
    let answer = Answer::from(ask_rereading(&mut desk, &first, Reread::Passages(3), None));
    let told = "Where is the Whale?[end]";
    let second = prompt(&document, &["\n\n", told, &answer.text, "[turn]", "What Came up?", "[end]"]);
    let next = Answer::from(ask_rereading(&mut desk, &second, Reread::Passages(3), None));
    assert_eq!(next.tokens.cached, document.len() as u32, "the passages stood behind it");
    assert_eq!(desk.worker.memory().resident_bytes, 0, "a tail with passages is not worth a snapshot");
}

#[test]
fn under_auto_a_question_that_points_at_nothing_is_answered_as_without() {
    let document = long_document();
    let prompt = prompt(&document, &["\n\n", "what is it all about?", "[end]"]);
    for heads in [Some(&[Head { layer: 1, head: 0 }][..]), None] {
        let mut desk = Desk::new(16_384, PLENTY);
        desk.worker.heads = KnownHeads::these(heads);
        desk.worker.cost_model = cheap_attention();
        let events = ask_rereading(&mut desk, &prompt, Reread::Auto, None);
        let found = read_again(&events).clone();
        assert_eq!((found.passages.len(), found.why_none), (0, Some(NoPassages::NotPointed)), "{heads:?}");
        let answer = Answer::from(events);
        let plain = Answer::from(ask_rereading(&mut Desk::new(16_384, PLENTY), &prompt, Reread::Off, None));
        assert_eq!((&answer.text, answer.tokens), (&plain.text, plain.tokens), "{heads:?}");
    }
}

#[test]
fn words_choose_until_heads_are_known_and_the_user_before_both() {
    let document = long_document();
    let prompt = prompt(&document, &["\n\n", "where did the whale come up?", "[end]"]);
    let mut desk = Desk::new(16_384, PLENTY);
    let events = ask_rereading(&mut desk, &prompt, Reread::Passages(1), None);
    let found = read_again(&events);
    assert_eq!(found.found_by, FoundBy::Words);
    assert!(document[found.passages[0].span.clone()].contains("The Whale Came up."), "{found:?}");

    let given = GivenPassages { found_by: FoundBy::User, spans: vec![38..75, 0..9_999_999] };
    let events = ask_rereading(&mut desk_with_heads(), &prompt, Reread::Off, Some(given));
    let found = read_again(&events);
    assert_eq!((found.found_by, found.passages.len()), (FoundBy::User, 1));
    assert_eq!(&document[found.passages[0].span.clone()], "nothing of note was seen on that day.");
}

#[test]
fn a_short_document_and_a_full_context_are_left_alone() {
    let short = prompt("The Whale Came up. It sank.", &["\n\n", "Where is the Whale?", "[end]"]);
    let events = ask_rereading(&mut desk_with_heads(), &short, Reread::Auto, None);
    assert_eq!(read_again(&events).why_none, Some(NoPassages::TooDear));
    let document = long_document();
    let full = prompt(&document, &["\n\n", "Where is the Whale?", "[end]"]);
    let mut desk = Desk::new(document.len() as u32 + 300, PLENTY);
    desk.worker.heads = KnownHeads::these(Some(&[Head { layer: 1, head: 0 }]));
    let events = ask_rereading(&mut desk, &full, Reread::On, None);
    let found = read_again(&events);
    assert_eq!((found.passages.len(), found.why_none), (0, Some(NoPassages::NoRoom)));
    assert!(matches!(events.last(), Some(Event::Answered { .. })), "it is answered without");
}

/// The texts of scored tokens, one behind the other.
fn text_of(scored: &[ScoredToken]) -> String {
    String::from_utf8(scored.iter().flat_map(|scored| scored.token.bytes.clone()).collect()).expect("UTF-8")
}

#[test]
fn the_probability_of_each_token_is_told_where_it_is_asked_for() {
    let question = prompt(&book(), &["who?"]);
    let mut desk = Desk::new(4096, PLENTY);
    let silent = desk.ask(&question, &RecipeSpec::FULL);
    desk.n_probs = Some(3);
    let told = desk.ask(&question, &RecipeSpec::FULL);
    assert_eq!((&told.text, silent.scored), (&silent.text, Vec::new()), "it changes nothing else");
    assert_eq!(text_of(&told.scored), told.text);
    for ScoredToken { token, likeliest } in &told.scored {
        assert_eq!((&likeliest[0], likeliest.len()), (token, 3), "the toy is greedy");
        assert!(likeliest.iter().map(|token| token.log_probability.exp()).sum::<f64>() <= 1.0);
    }
}

#[test]
fn the_tokens_of_a_draft_are_scored_where_they_were_verified() {
    let question = prompt(&book(), &["what is a tru"]);
    let scored = |drafting| {
        let mut desk = quoting(drafting);
        desk.n_probs = Some(0);
        desk.worker.machine.script = Some(b"th universally acknowledged it is a truth".to_vec());
        let answer = desk.ask_with(&question, &RecipeSpec::FULL, up_to(40), OutputMarkup::default());
        assert_eq!((text_of(&answer.scored), answer.tokens.accepted > 0), (answer.text, drafting != Drafting::Off));
        answer.scored
    };
    assert_eq!(scored(Drafting::Tokens(8)), scored(Drafting::Off));
}

#[test]
fn tokens_of_tags_and_of_reasoning_are_none_of_the_answer() {
    let mut desk = Desk::new(4096, PLENTY);
    desk.n_probs = Some(1);
    desk.worker.machine.script = Some(b"Hm.</think>\n\nIt is <b>.".to_vec());
    let answer = desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, Limits::default(), thinking());
    assert_eq!((answer.reasoning.as_str(), text_of(&answer.scored)), ("Hm.", "It is <b>.".to_owned()));
    let stopped = Limits { stop: vec![" <b>".to_owned()], ..Limits::default() };
    let mut desk = Desk::new(4096, PLENTY);
    desk.n_probs = Some(1);
    desk.worker.machine.script = Some(b"It is <b>.".to_vec());
    let answer = desk.ask_with(&prompt("book", &["why?"]), &RecipeSpec::FULL, stopped, OutputMarkup::default());
    assert_eq!(text_of(&answer.scored), "It is");
}

/// Three questions about a text of 790 tokens, of which one sentence has capital letters.
fn trials() -> Arc<[Trial]> {
    let filler = "nothing of note was seen on that day. ".repeat(10);
    let document = format!("{filler}The Whale Came up. {filler}");
    let trial = |question: &str| Trial {
        prompt: prompt(&document, &["\n\n", question, "[end]"]),
        question_part: 2,
        fact: filler.len()..filler.len() + "The Whale Came up.".len(),
    };
    ["Where is the Whale?", "Who Came?", "Is it The Whale?"].map(trial).into()
}

fn find_heads(desk: &mut Desk, urgency: Urgency, cancel: CancelToken) -> Vec<Event> {
    let job = desk.job();
    desk.give(Command::FindHeads { job, trials: trials(), urgency, cancel })
}

/// The trials that were done, by the events of a search, and how it ended.
fn searched(events: &[Event]) -> (Vec<u32>, &Event) {
    let done = events.iter().filter_map(|event| match event {
        Event::FindingHeads { done, .. } => Some(*done),
        _ => None,
    });
    (done.collect(), events.last().expect("it ends with an event"))
}

#[test]
fn a_search_on_an_idle_machine_leaves_the_conversation_as_it_was() {
    let bounded = RecipeSpec { dense_tail: false, fa_decode: false, ..spec(64, 8) };
    for recipe in [RecipeSpec::FULL, spec(32, 4), bounded] {
        let mut desk = Desk::new(4096, PLENTY);
        let first = desk.ask(&prompt(&book(), &["who?"]), &recipe);
        let (log, memory) = (desk.worker.kv.clone(), desk.worker.memory());
        let events = find_heads(&mut desk, Urgency::Idle, CancelToken::default());
        let (done, end) = searched(&events);
        assert_eq!(done, [1, 2, 3]);
        assert!(matches!(end, Event::HeadsFound { stopped: false, heads, .. } if !heads.is_empty()), "{end:?}");
        assert_eq!((&desk.worker.kv, desk.worker.kv.cells() as usize), (&log, desk.worker.machine.len()), "{recipe:?}");
        assert_eq!(desk.worker.memory().resident_bytes, memory.resident_bytes, "no copy is left");
        let next = prompt(&book(), &["who?", &first.text, "and why?"]);
        let second = desk.ask(&next, &recipe);
        let undecoded = u32::from(first.finish == Finish::TokenLimit);
        assert_eq!(second.tokens.prefilled, "and why?".len() as u32 + undecoded, "{recipe:?}");
        let mut alone = Desk::new(4096, PLENTY);
        alone.ask(&prompt(&book(), &["who?"]), &recipe);
        assert_eq!(alone.ask(&next, &recipe).text, second.text, "{recipe:?}");
    }
}

#[test]
fn a_search_gives_way_to_other_programs_and_goes_on_where_it_was() {
    let mut desk = Desk::beside(Box::new(StartsLater), 4096, PLENTY);
    let first = desk.ask(&prompt(&book(), &["who?"]), &RecipeSpec::FULL);
    let log = desk.worker.kv.clone();
    for done in 1..3 {
        let events = find_heads(&mut desk, Urgency::Idle, CancelToken::default());
        let (told, end) = searched(&events);
        assert_eq!(told, [done]);
        assert!(matches!(end, Event::HeadsFound { stopped: true, .. }), "{end:?}");
        assert_eq!(desk.worker.kv, log);
    }
    let text = trials()[0].prompt.parts[0].text.len();
    assert!(desk.worker.memory().resident_bytes >= text as u64, "the text is kept for when it goes on");
    let cancelled = CancelToken::default();
    cancelled.cancel();
    let events = find_heads(&mut desk, Urgency::Idle, cancelled);
    assert!(
        matches!(searched(&events), (done, Event::HeadsFound { stopped: true, .. }) if done.is_empty()),
        "{events:?}"
    );
    assert_eq!(desk.worker.kv, log, "whatever stops it");
    let events = find_heads(&mut desk, Urgency::Idle, CancelToken::default());
    let (told, end) = searched(&events);
    assert_eq!(told, [3]);
    let planned = events.iter().find_map(|event| match event {
        Event::Planned { plan, .. } => Some(plan.cached_tokens as usize),
        _ => None,
    });
    assert_eq!(planned, Some(text), "it is not read again");
    // The same heads as in one go.
    let Event::HeadsFound { stopped: false, heads, .. } = end else { panic!("{end:?}") };
    let whole = find_heads(&mut Desk::new(4096, PLENTY), Urgency::Now, CancelToken::default());
    assert!(matches!(whole.last(), Some(Event::HeadsFound { heads: others, .. }) if others == heads), "{whole:?}");
    assert_eq!(desk.worker.memory().resident_bytes, 0, "and no longer than that");
    let next = desk.ask(&prompt(&book(), &["who?", &first.text, "and why?"]), &RecipeSpec::FULL);
    assert!(next.tokens.prefilled <= "and why?".len() as u32 + 1, "{:?}", next.tokens);
}

#[test]
fn nothing_is_searched_on_an_idle_machine_that_would_cost_a_reading() {
    let refusal = |desk: &mut Desk| match find_heads(desk, Urgency::Idle, CancelToken::default()).pop() {
        Some(Event::Failed { failure, .. }) => failure.message,
        other => panic!("{other:?}"),
    };
    let mut desk = Desk::new(4096, 0);
    desk.ask(&prompt(&book(), &["who?"]), &RecipeSpec::FULL);
    let log = desk.worker.kv.clone();
    assert!(refusal(&mut desk).ends_with("what is read now would be lost"));
    assert_eq!(desk.worker.kv, log);
    let mut desk = Desk::hybrid(PLENTY);
    desk.ask(&prompt(&book(), &["who?"]), &RecipeSpec::FULL);
    assert!(refusal(&mut desk).ends_with("this model's memory can't go back to what it holds now"));
    // Where the reading is on disk, no copy is needed; of the search itself nothing is kept there.
    let folder = tempfile::tempdir().expect("a folder");
    let mut desk = Desk::on_disk(folder.path());
    let first = desk.ask(&prompt(&book(), &["who?"]), &RecipeSpec::FULL);
    // They are written on another thread, in calls of 16 tokens.
    let of_book = book().len().div_ceil(16);
    while blocks(folder.path()).len() < of_book {
        std::thread::sleep(Duration::from_millis(1));
    }
    let events = find_heads(&mut desk, Urgency::Idle, CancelToken::default());
    assert!(matches!(searched(&events).1, Event::HeadsFound { stopped: false, .. }), "{events:?}");
    let next = desk.ask(&prompt(&book(), &["who?", &first.text, "and why?"]), &RecipeSpec::FULL);
    assert_eq!(next.tokens.from_disk as usize, book().len(), "{:?}", next.tokens);
    drop(desk);
    assert_eq!(blocks(folder.path()).len(), of_book);
}
