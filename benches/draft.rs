//! What do drafts bring? Answers that quote and answers that don't, with drafts and without, in one run.
//!
//! The beginning of the bundled book is read once, and each question about it is answered with drafts and without in turn,
//! round after round. What counts is the processor time of decoding, which a busy machine disturbs less than the wall clock; with
//! `--gpu`, which computes all layers on GPUs, the wall clock counts.
//! With `--calls` it measures instead what drafts rest on: what a call with several tokens costs beside a call with one, and at
//! how many positions of an answer the most likely token is another one if it is computed so.
//!
//! ```text
//! cargo bench --bench draft -- --model MODEL.gguf [--depth 8192] [--rounds 3] [--threads 1] [--tokens 128] [--gpu]
//! cargo bench --bench draft -- --model MODEL.gguf --calls [--depth 8192] [--tokens 128] [--gpu]
//! ```
//!
//! Prints tables in markdown, and bars; exits with 1 when a bar is missed.

#![allow(unsafe_code, reason = "the system's clock of processor time, and a setting that the binding does not wrap")]
#![allow(clippy::print_stdout, reason = "the table is the output")]

#[path = "support/processor_time.rs"]
mod processor_time;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use clap::Parser;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_sys_2 as sys;
use lunette::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, build_prompt};
use lunette::engine::config::{
    ContextSize, EngineConfig, EngineSettings, GpuLayers, KvDtype, Offload, OwnWindows, Parallel, RopeScaling,
};
use lunette::engine::message::{
    CancelToken, Command, Drafting, Event, Figures, JobId, LONGEST_DRAFT, Limits, Prompt, Question, Repetition,
    Sampling,
};
use lunette::engine::{EngineHandle, spawn};
use lunette::swaa::preset::ChainOfThought;
use lunette::swaa::{Presets, RecipeSpec};
use processor_time::cpu_seconds;

/// What is to be held: a quoting answer at least so much faster, another at most so much slower, and of 1,000 positions at
/// most one that differs.
const QUOTING_AT_LEAST: f64 = 2.0;
const OTHERS_AT_LEAST: f64 = 0.97;
const DIFFERING_AT_MOST: f64 = 1e-3;

const QUOTING: [&str; 4] = [
    "Copy the whole first paragraph of chapter 1 and the two after it, word for word.",
    "Quote, word for word, everything that Mrs. Bennet and Mr. Bennet say to each other in chapter 1.",
    "Repeat the second chapter of the text word for word, from its first sentence on.",
    "Write down the whole text again, exactly as it is, from the beginning.",
];

const OTHERS: [&str; 4] = [
    "Write a poem about the sea in spring. Do not quote the text.",
    "In your own words: what kind of person is Mr. Bennet? Write three paragraphs.",
    "Explain how a bicycle works, step by step.",
    "Invent a letter from a friend of the family who lives in Paris.",
];

#[derive(Parser)]
struct Args {
    #[arg(long, env = "LUNETTE_BENCH_MODEL")]
    model: PathBuf,
    /// Tokens of the book before the question, about.
    #[arg(long, default_value_t = 8192)]
    depth: u32,
    /// The preset that the book is read with; answers are written with full attention under all but `naive`.
    #[arg(long, default_value = "fastest")]
    preset: String,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, default_value_t = 1)]
    threads: u32,
    /// Max tokens of an answer.
    #[arg(long, default_value_t = 128)]
    tokens: u32,
    /// Questions of each kind.
    #[arg(long, default_value_t = 4)]
    questions: usize,
    /// Measures calls with several tokens.
    #[arg(long)]
    calls: bool,
    /// The KV cache in 8 bits.
    #[arg(long)]
    q8: bool,
    /// All layers on GPUs, and seconds by the wall clock.
    #[arg(long)]
    gpu: bool,
    /// What cargo hands to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let name = args.model.file_name().unwrap_or_default().display().to_string();
    println!("{name}, {} threads", args.threads);
    let met = if args.calls { calls(&args) } else { answers(&args) };
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn book() -> &'static str {
    include_str!("../assets/pride-and-prejudice.txt")
}

/// Seconds so far: of the wall clock if GPUs compute, else of the processor.
fn seconds(args: &Args) -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    if args.gpu { START.elapsed().as_secs_f64() } else { cpu_seconds() }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn bar(what: &str, measured: f64, wanted: &str, met: bool) -> bool {
    println!("| {what} | {measured:.4} | {wanted} | {} |", if met { "met" } else { "MISSED" });
    met
}

// --- answers ---------------------------------------------------------------------------------------------------------

/// The engine with a document that it has read.
struct Desk<'args> {
    args: &'args Args,
    engine: EngineHandle,
    template: ChatTemplate,
    document: Arc<str>,
    recipe: RecipeSpec,
    jobs: u64,
}

/// What an answer cost.
struct Cost {
    text: String,
    figures: Figures,
    /// From the first token on.
    decode_s: f64,
}

impl Cost {
    fn s_per_token(&self) -> f64 {
        self.decode_s / f64::from(self.figures.tokens.generated.saturating_sub(1).max(1))
    }
}

impl<'args> Desk<'args> {
    fn start(args: &'args Args) -> Self {
        let settings = EngineSettings {
            context: ContextSize::Fit,
            reserve_tokens: 1024,
            n_batch: None,
            n_ubatch: None,
            threads: Some(args.threads),
            kv_dtype: if args.q8 { KvDtype::Q8_0 } else { KvDtype::F16 },
            own_windows: OwnWindows::default(),
            flash_attention: true,
            offload: Offload { layers: if args.gpu { GpuLayers::All } else { GpuLayers::Auto }, ..Offload::default() },
            resident_bytes: 0,
            device_snapshots: 0,
            speeds: None,
            disk_cache: None,
            first_use: None,
            heads: None,
            adapters: Vec::new(),
            presets: Vec::new(),
            parallel: Parallel::ONE,
            rope: RopeScaling::default(),
        };
        let mut engine = spawn(EngineConfig { model: args.model.clone(), settings });
        let template = loop {
            match engine.events.blocking_recv().expect("the engine says how loading went") {
                Event::Loaded(model) => break ChatTemplate::of(&model, Moment(0)),
                Event::Loading { .. } => {}
                other => panic!("the model loads, got {other:?}"),
            }
        };
        let presets = Presets::built_in();
        let preset = presets.get(&args.preset).expect("a built-in preset");
        let recipe = preset.recipe.clone().expect("a preset with a recipe of its own");
        Self { args, engine, template, document: Arc::from(beginning(args.depth)), recipe, jobs: 0 }
    }

    fn prompt(&self, question: &str) -> Prompt {
        let question: Arc<str> = Arc::from(question);
        let request = PromptRequest {
            template: &self.template,
            system: &SystemPrompt::Reading,
            title: "Pride and Prejudice",
            document: &self.document,
            front: None,
            turns: &[],
            question: Some(&question),
            cot: ChainOfThought::Off,
        };
        build_prompt(&request).expect("the model's template renders").0
    }

    fn ask(&mut self, question: &str, drafting: Drafting, tokens: u32) -> Cost {
        self.jobs += 1;
        let question = Question {
            job: JobId(self.jobs),
            prompt: self.prompt(question),
            rereading: None,
            recipe: self.recipe.clone(),
            sampling: Sampling::GREEDY,
            drafting,
            limits: Limits { max_tokens: Some(tokens), repetition: Repetition::Allowed, ..Limits::default() },
            markup: Box::default(),
            schema: None,
            cancel: CancelToken::default(),
        };
        self.engine.commands.send(Command::Ask(question)).expect("the engine listens");
        let (mut text, mut began) = (String::new(), None);
        loop {
            match self.engine.events.blocking_recv().expect("a question is answered") {
                Event::Piece { text: piece, .. } => {
                    began.get_or_insert_with(|| seconds(self.args));
                    text.push_str(&piece);
                }
                Event::Answered { figures, .. } => {
                    let now = seconds(self.args);
                    return Cost { text, figures: *figures, decode_s: now - began.unwrap_or(now) };
                }
                Event::Planned { .. } | Event::Prefilling { .. } => {}
                other => panic!("an answer, got {other:?}"),
            }
        }
    }
}

/// About so many tokens of the book, from its beginning on.
fn beginning(tokens: u32) -> &'static str {
    const BYTES_PER_TOKEN: usize = 4;
    let book = book();
    &book[..book.floor_char_boundary(tokens as usize * BYTES_PER_TOKEN)]
}

/// All answers to a question, without drafts and with.
struct Asked {
    question: &'static str,
    off: Vec<Cost>,
    auto: Vec<Cost>,
}

impl Asked {
    /// How many times as fast an answer is with drafts.
    fn ratio(&self) -> f64 {
        let of = |costs: &[Cost]| median(costs.iter().map(Cost::s_per_token));
        of(&self.off) / of(&self.auto)
    }

    fn print(&self) {
        let tokens = &self.auto[0].figures.tokens;
        let same = if self.off[0].text == self.auto[0].text { "yes" } else { "no" };
        let rate = |costs: &[Cost]| 1.0 / median(costs.iter().map(Cost::s_per_token));
        println!(
            "| {} | {} | {} of {} | {:.1} | {:.1} | {:.2} | {same} |",
            self.question,
            tokens.generated,
            tokens.accepted,
            tokens.drafted,
            rate(&self.off),
            rate(&self.auto),
            self.ratio()
        );
    }
}

fn answers(args: &Args) -> bool {
    let mut desk = Desk::start(args);
    let read = desk.ask("?", Drafting::Off, 1).figures.tokens.document;
    println!(
        "{read} tokens of the book, read with `{}`, answers of up to {} tokens, {} rounds\n",
        args.preset, args.tokens, args.rounds
    );
    println!("| question | tokens | accepted | tokens a second, off | auto | ratio | same text |");
    println!("|---|---|---|---|---|---|---|");
    let [quoting, others] = [QUOTING, OTHERS].map(|questions| {
        let ratios: Vec<f64> = questions
            .into_iter()
            .take(args.questions)
            .map(|question| asked(&mut desk, question, args).ratio())
            .collect();
        ratios.iter().product::<f64>().powf(1.0 / ratios.len() as f64)
    });
    println!("\n| bar | geometric mean | wanted | |\n|---|---|---|---|");
    let faster = bar("answers that quote", quoting, "≥ 2", quoting >= QUOTING_AT_LEAST);
    let no_slower = bar("others", others, "≥ 0.97", others >= OTHERS_AT_LEAST);
    faster && no_slower
}

fn asked(desk: &mut Desk<'_>, question: &'static str, args: &Args) -> Asked {
    let mut asked = Asked { question, off: Vec::new(), auto: Vec::new() };
    for _ in 0..args.rounds {
        asked.off.push(desk.ask(question, Drafting::Off, args.tokens));
        asked.auto.push(desk.ask(question, Drafting::Auto, args.tokens));
    }
    asked.print();
    asked
}

// --- calls with several tokens ---------------------------------------------------------------------------------------

/// Tokens of a call.
const CALLS: [u32; 7] = [1, 2, 4, 6, 8, 12, 16];

/// A context whose cache holds a part of the book.
struct Reader<'model> {
    args: &'model Args,
    context: LlamaContext<'model>,
    batch: LlamaBatch<'static>,
    vocab: usize,
}

impl<'model> Reader<'model> {
    fn new(backend: &LlamaBackend, model: &'model LlamaModel, args: &'model Args, tokens: u32) -> Self {
        let mut params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(tokens))
            .with_n_batch(512)
            .with_n_ubatch(512)
            .with_n_threads(args.threads.cast_signed())
            .with_n_threads_batch(args.threads.cast_signed())
            .with_flash_attention_policy(sys::LLAMA_FLASH_ATTN_TYPE_ENABLED);
        // SAFETY: the wrapper has one field of the library's type; the number is a plain setting.
        unsafe { (*(&raw mut params).cast::<sys::llama_context_params>()).n_outputs_max = 1 + LONGEST_DRAFT };
        let context = model.new_context(backend, params).expect("the context fits into memory");
        Self { args, context, batch: LlamaBatch::new(512, 1), vocab: model.n_vocab().unsigned_abs() as usize }
    }

    /// Computes `tokens` from position `start` on. Returns seconds.
    fn read(&mut self, tokens: &[LlamaToken], start: u32, all: bool) -> f64 {
        self.batch.clear();
        for (index, token) in tokens.iter().enumerate() {
            let position = (start + index as u32).cast_signed();
            self.batch.add(*token, position, &[0], all || index + 1 == tokens.len()).expect("a call fits into a batch");
        }
        let began = seconds(self.args);
        self.context.decode(&mut self.batch).expect("the tokens are computed");
        self.context.synchronize();
        seconds(self.args) - began
    }

    /// The most likely token behind each of the last call, which had `tokens`.
    fn best(&self, tokens: usize) -> Vec<LlamaToken> {
        let best = |index: i32| {
            let logits = &self.context.get_logits_ith(index)[..self.vocab];
            let best = logits.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1)).map_or(0, |best| best.0);
            LlamaToken(i32::try_from(best).expect("ids of tokens fit"))
        };
        (0..i32::try_from(tokens).expect("a call fits into a batch")).map(best).collect()
    }

    fn cut(&mut self, position: u32) {
        self.context.kv_cache_seq_rm(0, Some(position), None).expect("a plain cache can be cut");
    }

    /// Computes `tokens` behind `depth` others in calls of `call`, and cuts them off again. Returns the most likely next
    /// tokens, and the median of what a whole call took.
    fn write(&mut self, tokens: &[LlamaToken], depth: u32, call: u32) -> (Vec<LlamaToken>, f64) {
        let (mut best, mut took) = (Vec::new(), Vec::new());
        for (index, part) in tokens.chunks(call as usize).enumerate() {
            let s = self.read(part, depth + index as u32 * call, true);
            best.extend(self.best(part.len()));
            if part.len() == call as usize {
                took.push(s);
            }
        }
        self.cut(depth);
        (best, median(took.into_iter()))
    }
}

/// The book up to `--depth`, and then two texts one after the other: what the model itself goes on with, and the book.
fn calls(args: &Args) -> bool {
    let mut backend = LlamaBackend::init().expect("the library starts");
    backend.void_logs();
    let params = LlamaModelParams::default().with_n_gpu_layers(if args.gpu { 999 } else { 0 });
    let model = LlamaModel::load_from_file(&backend, &args.model, &params).expect("the model loads");
    let text = model.vocab().tokenize(book().as_bytes(), false, false);
    let (before, after) = text.split_at(args.depth as usize);
    let mut reader = Reader::new(&backend, &model, args, args.depth + args.tokens + 64);
    for (index, part) in before.chunks(512).enumerate() {
        reader.read(part, index as u32 * 512, false);
    }
    println!("{} tokens behind {} of the book, the keys in f16\n", args.tokens, args.depth);
    println!("| text | tokens of a call | s | as a multiple | other tokens most likely |\n|---|---|---|---|---|");
    let own = continued(&mut reader, before, args);
    let mut differing = 0;
    let mut positions = 0;
    for (name, tokens) in [("the model's own", &own[..]), ("the book", &after[..args.tokens as usize])] {
        let (alone, single_s) = reader.write(tokens, args.depth, 1);
        for call in CALLS {
            let (best, s) = reader.write(tokens, args.depth, call);
            let others = best.iter().zip(&alone).filter(|(one, other)| one != other).count();
            println!("| {name} | {call} | {s:.4} | {:.2} | {others} of {} |", s / single_s, best.len());
            differing += others;
            positions += best.len();
        }
    }
    println!("\n| bar | measured | wanted | |\n|---|---|---|---|");
    let share = differing as f64 / positions as f64;
    bar("positions with another most likely token", share, "≤ 0.001", share <= DIFFERING_AT_MOST)
}

/// What the model goes on with, token by token.
fn continued(reader: &mut Reader, before: &[LlamaToken], args: &Args) -> Vec<LlamaToken> {
    let last = before[before.len() - 1..].to_vec();
    reader.cut(args.depth - 1);
    reader.read(&last, args.depth - 1, true);
    let mut tokens = reader.best(1);
    while tokens.len() < args.tokens as usize {
        let position = args.depth + tokens.len() as u32 - 1;
        reader.read(&tokens[tokens.len() - 1..], position, true);
        tokens.extend(reader.best(1));
    }
    reader.cut(args.depth);
    tokens
}
