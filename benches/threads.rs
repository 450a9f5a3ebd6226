//! What do threads cost each other on a busy machine? Prefill and decode speed with one thread and with several, alone
//! and beside programs that compute without a pause.
//!
//! ```text
//! cargo bench --bench threads -- --model MODEL.gguf [--threads 2] [--busy 0,2] [--rounds 5]
//! ```
//!
//! Compares one thread, several threads whose barrier spins for ever (as upstream's does), and several threads as the
//! patch lets them wait. Each is measured in a process of its own, in turn, round after round; the medians count, so
//! that another program which comes and goes disturbs all alike. `taskset -c 0,1` makes 2 cores of a larger machine.
//!
//! Prints a table in markdown with medians and quartiles, and bars; exits with 1 when a bar is missed. Doesn't measure
//! how the number of threads is chosen: with `-1`, `lunette` would take one thread beside two busy programs on 2 cores.

#![allow(clippy::print_stdout, reason = "the table is the output")]

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_sys_2 as sys;

/// What is to be held: beside busy programs, several threads against one; alone, the patched barrier against upstream's.
const BESIDE_AT_LEAST: f64 = 0.90;
const ALONE_AT_LEAST: f64 = 0.98;

/// The switch of the patch.
const SPIN_US: &str = "GGML_CPU_BARRIER_SPIN_US";

#[derive(Parser)]
struct Args {
    #[arg(long, env = "LUNETTE_BENCH_MODEL")]
    model: PathBuf,
    #[arg(long, default_value_t = 2)]
    threads: i32,
    /// How many busy programs run beside it, one table each.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 2])]
    busy: Vec<usize>,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Tokens of the prompt.
    #[arg(long, default_value_t = 256)]
    prompt: u32,
    /// Decoding ends after so many tokens, or when its time is up.
    #[arg(long, default_value_t = 64)]
    tokens: u32,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Measures once, with the environment as it is, and prints two numbers: what each process does.
    #[arg(long, hide = true)]
    measure: bool,
    /// What cargo hands to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Tokens per second.
#[derive(Debug, Clone, Copy)]
struct Speed {
    prefill: f64,
    decode: f64,
}

/// How threads wait, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    One,
    SpinForEver,
    Patched,
}

const WAYS: [Way; 3] = [Way::One, Way::SpinForEver, Way::Patched];

impl Way {
    fn name(self, threads: i32) -> String {
        match self {
            Self::One => "1 thread".to_owned(),
            Self::SpinForEver => format!("{threads} threads that spin for ever"),
            Self::Patched => format!("{threads} threads"),
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.measure {
        let speed = measure(&args);
        println!("{} {}", speed.prefill, speed.decode);
        return ExitCode::SUCCESS;
    }
    let name = args.model.file_name().unwrap_or_default().display().to_string();
    println!("{name}: prompts of {} tokens, answers of up to {}, {} rounds", args.prompt, args.tokens, args.rounds);
    let met: Vec<bool> = args.busy.iter().map(|&busy| table(&args, busy)).collect();
    if met.iter().all(|met| *met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures all ways beside `busy` programs. Returns whether the bars are met.
fn table(args: &Args, busy: usize) -> bool {
    let mut speeds = WAYS.map(|_| Vec::new());
    for _ in 0..args.rounds {
        for (way, speeds) in WAYS.into_iter().zip(&mut speeds) {
            let _busy = Busy::start(busy);
            speeds.push(in_a_process(args, way));
        }
    }
    println!("\nBeside {busy} busy programs:\n\n| | prefill, tok/s | decode, tok/s |\n|---|---|---|");
    for (way, speeds) in WAYS.into_iter().zip(&speeds) {
        let prefill = quartiles(speeds.iter().map(|speed| speed.prefill));
        let decode = quartiles(speeds.iter().map(|speed| speed.decode));
        println!("| {} | {} | {} |", way.name(args.threads), written(prefill), written(decode));
    }
    bars(busy, &speeds)
}

fn bars(busy: usize, speeds: &[Vec<Speed>; 3]) -> bool {
    let [one, forever, patched] = speeds;
    let (base, against, least) =
        if busy == 0 { (forever, "spinning for ever", ALONE_AT_LEAST) } else { (one, "1 thread", BESIDE_AT_LEAST) };
    println!("\n| bar | measured | wanted | |\n|---|---|---|---|");
    let met = ["prefill", "decode"].map(|what| {
        let figure = |speed: &Speed| if what == "prefill" { speed.prefill } else { speed.decode };
        let [_, ours, _] = quartiles(patched.iter().map(figure));
        let [_, theirs, _] = quartiles(base.iter().map(figure));
        let (ratio, met) = (ours / theirs, ours / theirs >= least);
        let word = if met { "met" } else { "MISSED" };
        println!("| {what} against {against} | {ratio:.2} | ≥ {least:.2} | {word} |");
        met
    });
    met.into_iter().all(|met| met)
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(figures: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[(sorted.len() - 1) * quarter / 4])
}

fn written([low, median, high]: [f64; 3]) -> String {
    format!("{median:.1} ({low:.1} to {high:.1})")
}

/// Threads of this process that compute until they are dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn start(count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..count {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::black_box(0);
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn in_a_process(args: &Args, way: Way) -> Speed {
    let threads = if way == Way::One { 1 } else { args.threads };
    let mut command = Command::new(std::env::current_exe().expect("a running program has a path"));
    command.arg("--measure").arg("--model").arg(&args.model).args(["--threads", &threads.to_string()]);
    for (flag, value) in [("--prompt", args.prompt), ("--tokens", args.tokens)] {
        command.args([flag, &value.to_string()]);
    }
    command.args(["--seconds", &args.seconds.to_string()]);
    match way {
        Way::SpinForEver => command.env(SPIN_US, "-1"),
        Way::One | Way::Patched => command.env_remove(SPIN_US),
    };
    let output = command.output().expect("this program can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut figures = text.split_whitespace().map(|word| word.parse().expect("the process prints two numbers"));
    let mut next = || figures.next().expect("the process prints two numbers");
    Speed { prefill: next(), decode: next() }
}

/// Reads a prompt of made-up tokens and generates a few more.
fn measure(args: &Args) -> Speed {
    let mut backend = LlamaBackend::init().expect("the library starts");
    backend.void_logs();
    let model =
        LlamaModel::load_from_file(&backend, &args.model, &LlamaModelParams::default()).expect("the model loads");
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(args.prompt + args.tokens + 64))
        .with_n_batch(args.prompt)
        .with_n_ubatch(args.prompt)
        .with_n_threads(args.threads)
        .with_n_threads_batch(args.threads)
        .with_flash_attention_policy(sys::LLAMA_FLASH_ATTN_TYPE_ENABLED);
    let mut context = model.new_context(&backend, params).expect("the context fits into memory");
    let mut batch = LlamaBatch::new(args.prompt as usize, 1);
    let vocab = model.n_vocab();
    let mut compute = |start: u32, tokens: u32| {
        batch.clear();
        for position in start..start + tokens {
            let token = LlamaToken((position.wrapping_mul(2_654_435_761) % vocab.unsigned_abs()).cast_signed());
            let is_last = position + 1 == start + tokens;
            batch.add(token, position.cast_signed(), &[0], is_last).expect("the batch holds a prompt");
        }
        let started = Instant::now();
        context.decode(&mut batch).expect("the tokens are computed");
        context.synchronize();
        started.elapsed()
    };
    // The first calls touch the weights for the first time.
    compute(0, 8);
    compute(8, 1);
    let prefill = compute(9, args.prompt - 9);
    let (mut decode, mut tokens) = (Duration::ZERO, 0);
    while tokens < args.tokens && decode.as_secs_f64() < args.seconds {
        decode += compute(args.prompt + tokens, 1);
        tokens += 1;
    }
    Speed {
        prefill: f64::from(args.prompt - 9) / prefill.as_secs_f64(),
        decode: f64::from(tokens) / decode.as_secs_f64(),
    }
}
