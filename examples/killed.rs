//! Kills the program at random moments of reading, saving, answering and pruning, and looks whether what it keeps is whole.
//!
//! ```text
//! cargo run --release --example killed -- --program target/release/lunette --times 200
//! ```
//!
//! Models of a megabyte with random weights read and answer, one plain and one hybrid: whatever is wrong in their cache changes what they say.
//! After each kill every block must be whole, every piece of an answer that was printed must be in the saved conversation, and the next
//! answer must be that of a run without a cache. With `--folder` on a small disk, the same goes for a full one.

#![allow(clippy::print_stdout, reason = "the counts are the output")]

#[path = "../tests/support/gguf.rs"]
mod gguf;
#[path = "../tests/support/toys.rs"]
mod toys;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::Value;
use toys::Toy;

const TOYS: [Toy; 2] = [Toy::Plain, Toy::DeltaNet];
const QUESTION: &str = "Which box is red?";

#[derive(Parser)]
struct Args {
    /// The program to kill.
    #[arg(long)]
    program: PathBuf,
    #[arg(long, default_value_t = 200)]
    times: u64,
    /// Where it keeps everything; a temporary folder if not given.
    #[arg(long)]
    folder: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What the program is doing when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Reading,
    Answering,
    Pruning,
}

struct Bench {
    program: PathBuf,
    home: PathBuf,
    random: u64,
    /// What each model says without a cache, by question.
    truths: BTreeMap<String, String>,
    /// How long each kind of work takes if it is let alone.
    takes: BTreeMap<Work, Duration>,
    faults: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let home = args.folder.as_deref().unwrap_or(temporary.path());
    let home = fs::canonicalize(home).expect("the folder is there");
    for toy in TOYS {
        toy.write_to(&home.join(file_of(toy)));
    }
    fs::write(home.join("boxes.txt"), boxes(160)).expect("written");
    let program = fs::canonicalize(&args.program).expect("the program is there");
    let mut bench = Bench {
        program,
        home,
        random: args.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        truths: BTreeMap::new(),
        takes: BTreeMap::new(),
        faults: Vec::new(),
    };
    let mut killed: BTreeMap<Work, (u64, u64)> = BTreeMap::new();
    for round in 0..args.times {
        let work = [Work::Reading, Work::Answering, Work::Answering, Work::Pruning][bench.below(4) as usize];
        let toy = TOYS[bench.below(TOYS.len() as u64) as usize];
        let was_running = bench.round(round, work, toy);
        let (runs, running) = killed.entry(work).or_default();
        (*runs, *running) = (*runs + 1, *running + u64::from(was_running));
    }
    for (work, (runs, running)) in &killed {
        println!("{work:?}: {runs} rounds, {running} of them killed while it ran");
    }
    bench.faults.iter().for_each(|fault| println!("FAULT {fault}"));
    println!("{} faults in {} rounds", bench.faults.len(), args.times);
    if bench.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn boxes(lines: usize) -> String {
    let line = |n: usize| format!("Box {n} is {}.\n", ["red", "green", "blue"][n % 3]);
    (1..=lines).map(line).collect()
}

fn file_of(toy: Toy) -> String {
    format!("{}.gguf", toy.architecture())
}

impl Bench {
    /// A number below `end`, by xorshift.
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    /// Starts the work, kills it, and looks. Returns whether it still ran when it was killed.
    fn round(&mut self, round: u64, work: Work, toy: Toy) -> bool {
        let (session, question) = (format!("r{round}"), format!("{QUESTION} And box {}?", round % 3));
        let arguments = self.arguments(work, toy, &session, &question);
        let takes = self.takes.get(&work).copied().unwrap_or(Duration::from_secs(3));
        let moment = takes.mul_f64(self.below(1100) as f64 / 1000.0);
        let begun = Instant::now();
        let mut child = self.command(&arguments).spawn().expect("it starts");
        let status = loop {
            if let Some(status) = child.try_wait().expect("it is ours") {
                break Some(status);
            }
            if begun.elapsed() >= moment {
                child.kill().expect("it is ours");
                break None;
            }
            thread::sleep(Duration::from_millis(1));
        };
        let output = child.wait_with_output().expect("its output can be read");
        if let Some(status) = status {
            self.takes.insert(work, begun.elapsed());
            self.expect(status.success(), round, || format!("{work:?} failed by itself: {}", told(&output)));
        }
        self.look(round, work, toy, &session, &question, &String::from_utf8_lossy(&output.stdout));
        status.is_none()
    }

    fn arguments(&mut self, work: Work, toy: Toy, session: &str, question: &str) -> Vec<String> {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let model = file_of(toy);
        let common = ["-t", "1", "-b", "128", "-m", &*model];
        match work {
            Work::Reading => texts(&[&["read", "boxes.txt", "--presets", "full,paper"], &common[..]].concat()),
            Work::Answering => {
                let asked = [
                    "--headless",
                    "--session",
                    session,
                    "--jsonl",
                    "-n",
                    "24",
                    "--allow-repetition",
                    "-p",
                    question,
                    "boxes.txt",
                ];
                texts(&[&asked, &common[..]].concat())
            }
            Work::Pruning => {
                let to = format!("{}kB", 200 + self.below(8000));
                texts(&["cache", "prune", "--to", &to])
            }
        }
    }

    fn look(&mut self, round: u64, work: Work, toy: Toy, session: &str, question: &str, printed: &str) {
        let verified = self.ran(&["cache", "verify"]);
        self.expect(verified.status.success(), round, || format!("{work:?}: {}", told(&verified)));
        let listed = self.ran(&["sessions", "ls", "--json"]);
        let notes = String::from_utf8_lossy(&listed.stderr).into_owned();
        self.expect(listed.status.success() && !notes.contains("damaged"), round, || told(&listed));
        let pieces = pieces(printed);
        if work == Work::Answering && !pieces.is_empty() {
            let shown = self.ran(&["sessions", "show", session, "--json"]);
            let saved = saved_answer(&shown.stdout);
            self.expect(saved.starts_with(&pieces), round, || format!("{pieces:?} was printed, {saved:?} is saved"));
        }
        let answer = self.answer(toy, question, &[]);
        if !self.truths.contains_key(&format!("{toy:?} {question}")) {
            let truth = self.answer(toy, question, &["--no-cache"]);
            self.truths.insert(format!("{toy:?} {question}"), truth);
        }
        let truth = self.truths[&format!("{toy:?} {question}")].clone();
        self.expect(answer == truth && !truth.is_empty(), round, || format!("{toy:?} says {answer:?}, not {truth:?}"));
    }

    /// What the model answers in a script that names no session.
    fn answer(&self, toy: Toy, question: &str, more: &[&str]) -> String {
        let model = file_of(toy);
        let asked = [
            "--headless",
            "--json",
            "-n",
            "24",
            "--allow-repetition",
            "-p",
            question,
            "boxes.txt",
            "-t",
            "1",
            "-b",
            "128",
            "-m",
            &model,
        ];
        let output = self.ran(&[&asked, more].concat());
        let object: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        object["answer"].as_str().map_or_else(|| told(&output), str::to_owned)
    }

    fn command(&self, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.home).env_clear().env("HOME", &self.home);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn ran(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it starts")
    }

    fn expect(&mut self, holds: bool, round: u64, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(format!("round {round}: {}", fault()));
        }
    }
}

fn told(output: &Output) -> String {
    format!("{} {}", output.status, String::from_utf8_lossy(&output.stderr).trim())
}

/// The answer as far as it was printed. The last line may be cut.
fn pieces(printed: &str) -> String {
    let events = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events
        .filter(|event| event["type"] == "answer")
        .filter_map(|event| event["text"].as_str().map(str::to_owned))
        .collect()
}

/// The last answer of an exported conversation.
fn saved_answer(exported: &[u8]) -> String {
    let object: Value = serde_json::from_slice(exported).unwrap_or_default();
    let last = object["turns"].as_array().and_then(|turns| turns.last()).cloned().unwrap_or_default();
    last["answer"].as_str().unwrap_or_default().to_owned()
}
