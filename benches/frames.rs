//! Measures frame times on a document of a million tokens and with a transcript of two thousand turns.
//!
//! The interface is drawn into memory ([`lunette::tui::Stage`]), without model and terminal. An answer streams piece by
//! piece with a frame after each; then the document is scrolled, searched and jumped through, and files are ticked in a
//! tree of six hundred. Times cover layout and drawing, and for keys the key.
//!
//! ```text
//! cargo bench --bench frames -- [--pieces 600] [--turns 2000] [--books 7]
//! ```
//!
//! Prints markdown tables. Exits with 1 if a bar is missed: 99 of 100 frames within 16 ms, and frames beside a long
//! transcript at most 10% and 0.1 ms slower than beside a short one.

#![allow(clippy::print_stdout, reason = "the tables are the output")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use lunette::chat::{
    Action, Asking, Chat, DocumentFacts, Effect, Input, Keeping, Moment, Questions, Setup, Suggestions, SystemPrompt,
    update,
};
use lunette::document::{self, Document, ReadOptions};
use lunette::engine::config::ContextSize;
use lunette::engine::message::{
    CacheShape, Channel, Command, Event, Figures, Finish, JobId, Limits, Memory, ModelInfo, Reread, Sampling,
    SamplingPatch, Threads, Timings, TokenCounts,
};
use lunette::swaa::cost::PrefillCost;
use lunette::swaa::preset::RecipePatch;
use lunette::swaa::selection::PresetSelection;
use lunette::swaa::{ModelLayers, Presets, Recipe};
use lunette::tui::Stage;

/// The bar.
const FRAME_AT_MOST: Duration = Duration::from_millis(16);
/// Tokens of the bundled book in Qwen2.5's vocabulary.
const BOOK_TOKENS: usize = 160_900;

const SIZES: [(u16, u16); 2] = [(120, 40), (200, 60)];

#[derive(Parser)]
struct Args {
    /// Pieces of the streamed answer.
    #[arg(long, default_value_t = 600)]
    pieces: usize,
    /// Turns of the long transcript.
    #[arg(long, default_value_t = 2_000)]
    turns: usize,
    /// Copies of the bundled book in the document.
    #[arg(long, default_value_t = 7)]
    books: usize,
    /// Passed by cargo to each benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// An answer with all supported markdown, in pieces.
const ANSWER: [&str; 12] = [
    "Mr. Collins ",
    "is a **clergyman**, ",
    "heir to `Longbourn`.\n\n",
    "- his patroness\n",
    "- his proposal, ",
    "which is refused\n\n",
    "| who | what |\n|---|---|\n",
    "| Elizabeth | refuses |\n\n",
    "```rust\nfn propose() -> Option<Wife> {\n",
    "    None // refused\n}\n```\n\n",
    "He says “it is a truth ",
    "universally acknowledged”.\n\n",
];

/// A chat and its last job.
struct Talk {
    chat: Chat,
    job: JobId,
    now: Duration,
}

impl Talk {
    fn about(document: &Document) -> Self {
        let facts =
            DocumentFacts { title: "Books".into(), part: None, text: document.text.as_str().into(), choice: None };
        let presets = Presets::built_in();
        let reading = PresetSelection { presets, preset: "full".into(), changes: RecipePatch::default(), cot: None };
        let asking = Asking {
            questions: Questions::Conversation,
            system: SystemPrompt::Absent,
            sampling: Sampling::GREEDY,
            given: SamplingPatch::default(),
            limits: Limits::default(),
            schema: None,
            reread: Reread::Off,
            question_first: false,
            calibrate: lunette::chat::Calibrate::Idle,
            drafting: lunette::engine::message::Drafting::Off,
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
        let mut talk = Self { chat: Chat::new(setup), job: JobId(0), now: Duration::ZERO };
        talk.tell(Event::Loaded(Box::new(model())));
        talk.tell(Event::Prefilled { job: talk.job, stopped: false, figures: figures() });
        talk
    }

    fn input(&mut self, input: Input) {
        self.now += Duration::from_millis(50);
        for effect in update(&mut self.chat, self.now, input) {
            match effect {
                Effect::Send(Command::Prefill { job, .. }) => self.job = job,
                Effect::Send(Command::Ask(question)) => self.job = question.job,
                _ => {}
            }
        }
    }

    fn tell(&mut self, event: Event) {
        self.input(Input::Engine(event));
    }

    fn ask(&mut self) {
        self.input(Input::User(Action::Ask("Who is Mr. Collins?".into())));
    }

    fn piece(&mut self, index: usize) {
        let text = ANSWER[index % ANSWER.len()].to_owned();
        self.tell(Event::Piece { job: self.job, channel: Channel::Answer, text });
    }

    fn turn(&mut self) {
        self.ask();
        (0..ANSWER.len()).for_each(|index| self.piece(index));
        self.tell(Event::Answered { job: self.job, finish: Finish::EndOfGeneration, figures: figures() });
    }
}

fn model() -> ModelInfo {
    ModelInfo {
        path: "model.gguf".into(),
        name: "Model".into(),
        called: None,
        quantisation: None,
        architecture: "qwen2".into(),
        layers: ModelLayers::All(24),
        train_context_tokens: 1 << 20,
        stretched_from: None,
        vocab_tokens: 151_936,
        cache: CacheShape::plain(12_288),
        model_bytes: 0,
        repacked_bytes: 0,
        load_time: Duration::ZERO,
        chat_template: None,
        turn_marks: lunette::engine::message::TurnMarks::default(),
        bos_text: String::new(),
        eos_text: String::new(),
        sliding_refused: None,
        sampling: SamplingPatch::default(),
        without_gpu: None,
        prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: None },
        patch_stamp: String::new(),
        devices: vec!["CPU".into()],
        offloaded_layers: 0,
        server: None,
        context: lunette::engine::config::ContextSize::Fit,
        heads: lunette::engine::message::HeadsKnown::default(),
        runs_on: None,
    }
}

fn figures() -> Box<Figures> {
    let tokens = TokenCounts { document: 1, prompt: 1, prefilled: 1, generated: 40, ..TokenCounts::default() };
    let recipe = Recipe::FULL;
    Box::new(Figures {
        recipe,
        tokens,
        timings: Timings::default(),
        memory: Memory::default(),
        threads: Threads::default(),
        reasoning_end: None,
        prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: None },
        context_tokens: 2,
    })
}

fn main() -> ExitCode {
    let args = Args::parse();
    let (document, tree) = (Arc::new(shelf(args.books)), Arc::new(tree(600)));
    println!(
        "{:.1} MB of text, about {} tokens; {} pieces\n",
        document.text.len() as f64 / 1e6,
        args.books * BOOK_TOKENS,
        args.pieces
    );
    println!("| what | frames | p50, ms | p99, ms | max, ms | bar |\n|---|---|---|---|---|---|");
    let mut met = true;
    for size in SIZES {
        let short = streaming(&document, size, 0, &args);
        let long = streaming(&document, size, args.turns, &args);
        met &= print(&format!("streaming, {}x{}, 0 turns", size.0, size.1), &short);
        met &= print(&format!("streaming, {}x{}, {} turns", size.0, size.1, args.turns), &long);
        met &= long.at(0.5) <= short.at(0.5).mul_f64(1.1) + Duration::from_micros(100);
        met &= print(&format!("reading, {}x{}: scrolling", size.0, size.1), &moving(&document, size, "j"));
        met &= print(&format!("reading, {}x{}: chapters", size.0, size.1), &moving(&document, size, "}"));
        met &= print(&format!("choosing among 600 files, {}x{}", size.0, size.1), &choosing(&tree, size));
    }
    searching(&document);
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A document of several copies of the bundled book.
fn shelf(books: usize) -> Document {
    let book = |number: usize| document::Input::Memory {
        name: format!("book-{number}.txt"),
        bytes: document::PRIDE_AND_PREJUDICE.as_bytes().into(),
    };
    let inputs: Vec<document::Input> = (1..=books).map(book).collect();
    document::load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("it is text")
}

/// A document of many files, in folders of twenty.
fn tree(files: usize) -> Document {
    let text = "fn main() {}\n".repeat(300);
    let file = |number: usize| document::Input::Memory {
        name: format!("tree/d{:02}/f{number:03}.rs", number / 20),
        bytes: text.clone().into_bytes().into(),
    };
    let inputs: Vec<document::Input> = (0..files).map(file).collect();
    document::load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("it is text")
}

struct Times(Vec<Duration>);

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    fn at(&self, share: f64) -> Duration {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }
}

fn print(what: &str, times: &Times) -> bool {
    let millis = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
    let met = times.at(0.99) <= FRAME_AT_MOST;
    let judged = format!("p99 ≤ {} ms, {}", FRAME_AT_MOST.as_millis(), if met { "met" } else { "MISSED" });
    println!(
        "| {what} | {} | {} | {} | {} | {judged} |",
        times.0.len(),
        millis(times.at(0.5)),
        millis(times.at(0.99)),
        millis(times.at(1.0))
    );
    met
}

/// Streams an answer after `turns` turns. The first frame, which renders all their lines, is not timed.
fn streaming(document: &Arc<Document>, (width, height): (u16, u16), turns: usize, args: &Args) -> Times {
    let mut talk = Talk::about(document);
    (0..turns).for_each(|_| talk.turn());
    let mut stage = Stage::new(document.clone(), width, height);
    talk.ask();
    stage.frame(&talk.chat);
    let frame = |index| {
        talk.piece(index);
        stage.frame(&talk.chat)
    };
    Times::of((0..args.pieces).map(frame).collect())
}

/// Presses a key repeatedly in the document.
fn moving(document: &Arc<Document>, (width, height): (u16, u16), key: &str) -> Times {
    let talk = Talk::about(document);
    let mut stage = Stage::new(document.clone(), width, height);
    stage.frame(&talk.chat);
    stage.press(&talk.chat, "\t\t");
    let step = |_| {
        let start = Instant::now();
        stage.press(&talk.chat, key);
        stage.frame(&talk.chat);
        start.elapsed()
    };
    Times::of((0..300).map(step).collect())
}

/// Walks through the tree of files, and ticks each that it comes to.
fn choosing(tree: &Arc<Document>, (width, height): (u16, u16)) -> Times {
    let talk = Talk::about(tree);
    let mut stage = Stage::new(tree.clone(), width, height);
    stage.frame(&talk.chat);
    stage.press(&talk.chat, "\ts");
    stage.count_parts(1_200);
    let step = |_| {
        let start = Instant::now();
        stage.press(&talk.chat, "↓ ");
        stage.frame(&talk.chat);
        start.elapsed()
    };
    Times::of((0..300).map(step).collect())
}

/// What happens once, not in each frame.
fn searching(document: &Arc<Document>) {
    let talk = Talk::about(document);
    let start = Instant::now();
    let mut stage = Stage::new(document.clone(), 120, 40);
    let opened = start.elapsed();
    let first = stage.frame(&talk.chat);
    stage.press(&talk.chat, "\t\t/");
    let start = Instant::now();
    stage.press(&talk.chat, "e");
    let most = start.elapsed();
    stage.press(&talk.chat, "\x1b/shades of pemberle");
    let start = Instant::now();
    stage.press(&talk.chat, "y");
    let few = start.elapsed();
    let millis = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    println!(
        "\nOnce: the document is made ready in {}, its first frame takes {}; a letter is searched for in {}, the last letter of a phrase in {}.",
        millis(opened),
        millis(first),
        millis(most),
        millis(few)
    );
}
