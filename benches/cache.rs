//! What does it cost to keep readings on disk, and what is it worth? The same question twice, in two runs of the program, and twenty files in a loop.
//!
//! ```text
//! cargo bench --bench cache -- --model MODEL.gguf [--bytes 70000] [--presets quick,full] [--cache-types f16,q8_0] [--files 20] [-- -t 2 -ngl 99]
//! ```
//!
//! The first run reads the document and keeps it; the second has it from disk. Seconds to the first token have the question in them, which both
//! runs read, and not the model's loading. Processor seconds are of the whole run, loading and all: a busy machine disturbs them less. What saving
//! has cost the reading comes from the program's log.
//!
//! Then each of `--files` pieces of the document is asked the same question, by one run for each: without the cache, with an empty one, and again.
//!
//! Prints tables in markdown, and bars; exits with 1 when a bar is missed. Doesn't empty the system's own cache of the disk.

#![allow(clippy::print_stdout, reason = "the tables are the output")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;
use serde_json::Value;

/// Bars: a restored reading against a computed one, to the first token; what saving may cost, as a share of reading.
const FASTER_AT_LEAST: f64 = 20.0;
const SAVING_AT_MOST: f64 = 0.03;

const QUESTION: &str = "Who is Mr. Collins?";

#[derive(Parser)]
struct Args {
    #[arg(long, env = "LUNETTE_BENCH_MODEL")]
    model: PathBuf,
    #[arg(long, default_value = env!("CARGO_BIN_EXE_lunette"))]
    program: PathBuf,
    #[arg(long, default_value = "assets/pride-and-prejudice.txt")]
    document: PathBuf,
    /// Of the document; about 4.2 bytes are a token.
    #[arg(long, default_value_t = 70_000)]
    bytes: usize,
    #[arg(long, value_delimiter = ',', default_value = "quick,full")]
    presets: Vec<String>,
    #[arg(long, value_delimiter = ',', default_value = "f16")]
    cache_types: Vec<String>,
    /// Files of the loop; 0: no loop.
    #[arg(long, default_value_t = 20)]
    files: usize,
    #[arg(long, default_value_t = 3_000)]
    file_bytes: usize,
    /// Tokens of an answer.
    #[arg(long, default_value_t = 16)]
    tokens: usize,
    /// What cargo hands to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    /// More flags for the program.
    #[arg(last = true)]
    flags: Vec<String>,
}

/// The program in a home of its own.
struct Bench {
    args: Args,
    home: tempfile::TempDir,
}

/// What a run took.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    clock_s: f64,
    processor_s: f64,
}

/// A run, and the object that it printed.
struct Asked {
    object: Value,
    cost: Cost,
}

impl Asked {
    fn number(&self, group: &str, name: &str) -> f64 {
        self.object[group][name].as_f64().unwrap_or_else(|| panic!("{group}.{name} in {}", self.object))
    }

    fn answer(&self) -> &str {
        self.object["answer"].as_str().expect("an answer")
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let bench = Bench { args, home: tempfile::tempdir().expect("a temporary folder") };
    let text = fs::read_to_string(&bench.args.document).expect("the document can be read");
    let document = &text[..text.floor_char_boundary(bench.args.bytes)];
    fs::write(bench.path("document.txt"), document).expect("written");
    fs::write(bench.path("warm-up.txt"), "The model is hashed once, and remembered.").expect("written");
    bench.ask("warm-up.txt", &["--preset", "full"]);
    let are_good = bench.readings();
    if bench.args.files > 0 {
        bench.script_loop(&text);
    }
    if are_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (String, Cost) {
        let (begun, before_s) = (Instant::now(), children_s());
        let mut command = Command::new(fs::canonicalize(&self.args.program).expect("the program is there"));
        command.args(arguments).current_dir(self.home.path()).env("HOME", self.home.path());
        for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output().expect("it starts");
        let cost = Cost { clock_s: begun.elapsed().as_secs_f64(), processor_s: children_s() - before_s };
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!out.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        (out, cost)
    }

    fn ask(&self, document: &str, more: &[&str]) -> Asked {
        let model = fs::canonicalize(&self.args.model).expect("the model is there");
        let tokens = self.args.tokens.to_string();
        let asked = ["--headless", "-p", QUESTION, "-n", &tokens, "--allow-repetition", "--json", document];
        let model = ["-m", model.to_str().expect("a path in UTF-8")];
        let flags: Vec<&str> = self.args.flags.iter().map(String::as_str).collect();
        let (out, cost) = self.run(&[&asked[..], &model, &flags, more].concat());
        Asked { object: serde_json::from_str(out.trim()).unwrap_or_else(|_| panic!("{out}")), cost }
    }

    fn forget(&self) {
        self.run(&["cache", "rm", "--all"]);
    }

    /// Bytes of all that is kept.
    fn kept_bytes(&self) -> f64 {
        let (listed, _) = self.run(&["cache", "ls", "--json"]);
        serde_json::from_str::<Value>(&listed).expect("an object")["bytes"].as_f64().expect("a number")
    }

    /// Seconds that the last run has copied blocks out of its cache.
    fn copying_s(&self) -> f64 {
        let logs = fs::read_dir(self.path(".local/state/lunette")).expect("it logs").flatten();
        let mut logs: Vec<PathBuf> = logs.map(|log| log.path()).collect();
        logs.sort();
        let text: String = logs.iter().filter_map(|log| fs::read_to_string(log).ok()).collect();
        let line = text.lines().rfind(|line| line.contains("copied for the cache on disk")).expect("it says so");
        let seconds = line.split_once(" seconds=").expect("it says how long").1;
        seconds.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// Whether all bars are met.
    fn readings(&self) -> bool {
        println!(
            "| preset | KV | tokens | read: first token | processor | from disk: first token | processor | times as fast | MB per 1,000 tokens | \
             saving / reading | same answer |\n|---|---|---|---|---|---|---|---|---|---|---|"
        );
        let mut are_good = true;
        for cache_type in &self.args.cache_types {
            for preset in &self.args.presets {
                are_good &= self.reading(preset, cache_type);
                self.forget();
            }
        }
        println!(
            "\nBars: {FASTER_AT_LEAST:.0} times as fast to the first token, saving below {:.0}% of reading, the same answer: {}",
            100.0 * SAVING_AT_MOST,
            if are_good { "met" } else { "missed" }
        );
        are_good
    }

    fn reading(&self, preset: &str, cache_type: &str) -> bool {
        self.forget();
        let flags = ["--preset", preset, "-ctk", cache_type, "-ctv", cache_type];
        let read = self.ask("document.txt", &flags);
        let (copying_s, bytes) = (self.copying_s(), self.kept_bytes());
        let restored = self.ask("document.txt", &flags);
        let tokens = read.number("tokens", "document");
        let [read_s, restored_s] = [&read, &restored].map(|asked| asked.number("timings", "ttft_s"));
        let share = copying_s / read.number("timings", "prefill_s");
        let is_same = read.answer() == restored.answer() && restored.number("tokens", "from_disk") >= tokens;
        println!(
            "| {preset} | {cache_type} | {tokens} | {read_s:.2} s | {:.1} s | {restored_s:.2} s | {:.1} s | {:.0} | {:.2} | {:.2}% | {} |",
            read.cost.processor_s,
            restored.cost.processor_s,
            read_s / restored_s,
            bytes / tokens / 1e3,
            100.0 * share,
            if is_same { "yes" } else { "NO" }
        );
        is_same && share < SAVING_AT_MOST && read_s >= FASTER_AT_LEAST * restored_s
    }

    fn script_loop(&self, document: &str) {
        let files = pieces(document, self.args.files, self.args.file_bytes);
        let names: Vec<String> = (1..=files.len()).map(|number| format!("{number}.txt")).collect();
        for (name, text) in names.iter().zip(files) {
            fs::write(self.path(name), text).expect("written");
        }
        self.forget();
        println!("\n| {} files of {} bytes | clock | processor |\n|---|---|---|", names.len(), self.args.file_bytes);
        let preset = ["--preset", self.args.presets.first().map_or("full", String::as_str)];
        let mut answers: Vec<Vec<String>> = Vec::new();
        for (what, cache) in [("`--no-cache`", &["--no-cache"][..]), ("first time", &[]), ("again", &[])] {
            let asked: Vec<Asked> = names.iter().map(|name| self.ask(name, &[&preset[..], cache].concat())).collect();
            let sum = |cost: fn(&Cost) -> f64| asked.iter().map(|asked| cost(&asked.cost)).sum::<f64>();
            println!("| {what} | {:.1} s | {:.1} s |", sum(|cost| cost.clock_s), sum(|cost| cost.processor_s));
            answers.push(asked.iter().map(|asked| asked.answer().to_owned()).collect());
        }
        assert!(answers.iter().all(|all| *all == answers[0]), "{answers:?}");
    }
}

/// As many stretches of the text, one behind the other.
fn pieces(text: &str, count: usize, bytes: usize) -> Vec<&str> {
    let cut = |number: usize| text.floor_char_boundary(number * bytes);
    (0..count).map(|number| &text[cut(number)..cut(number + 1)]).filter(|piece| !piece.is_empty()).collect()
}

/// Processor seconds of all programs that were started and have ended.
#[allow(unsafe_code, reason = "the system's clock of processor time")]
fn children_s() -> f64 {
    // SAFETY: all zeros are a valid value of this structure of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a place for the answer.
    let status = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    assert_eq!(status, 0, "the system has this clock");
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
