//! What do several clients of a server get that answers their questions one after the other, and at the same time?
//!
//! ```text
//! cargo run --release --example parallel -- --program target/release/lunette --model ~/.cache/lunette/models/smollm2-135m.gguf
//! ```
//!
//! All ask about the beginning of *Pride and Prejudice*, each one question after the other, and get their answers as streams. For each
//! `--parallel` and number of clients a row is printed: tokens of all answers per second, seconds up to the first token and to the last, the
//! longest time between two pieces of an answer, and how many answers are those that the same questions got when they were asked alone.
//!
//! It fails if a question gets no answer, or if the document was read again for one. Times are printed and decide nothing.

#![allow(clippy::print_stdout, reason = "the figures are the output")]

#[path = "../tests/support/server_process.rs"]
mod server_process;

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::{Value, json};
use server_process::start_until;

const BOOK: &str = include_str!("../assets/pride-and-prejudice.txt");
/// Whoever waits longer is hung.
const HUNG: Duration = Duration::from_mins(10);
const QUESTIONS: [&str; 8] = [
    "Who has taken Netherfield Park?",
    "What does Mr. Bennet say about his daughters?",
    "Why does Mrs. Bennet want her husband to visit Mr. Bingley?",
    "Describe Mr. Bennet in three sentences.",
    "What is said about single men of a good fortune?",
    "Who is Lizzy?",
    "How did Mrs. Long know of it?",
    "Sum up the first chapter.",
];

#[derive(Parser)]
struct Args {
    /// The program to use.
    #[arg(long)]
    program: PathBuf,
    /// A model's file.
    #[arg(long)]
    model: PathBuf,
    /// How much of the book is served.
    #[arg(long, default_value_t = 8_000)]
    bytes: usize,
    /// Tokens of an answer.
    #[arg(long, default_value_t = 64)]
    tokens: u32,
    #[arg(long, value_delimiter = ',', default_value = "1,4")]
    parallel: Vec<u32>,
    #[arg(long, value_delimiter = ',', default_value = "1,4,8")]
    clients: Vec<usize>,
    /// Threads of the engine.
    #[arg(long, default_value_t = 2)]
    threads: u32,
    /// Questions of each client.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
}

/// What came of a question.
struct Answer {
    text: String,
    tokens: u64,
    /// Of the prompt, those that were read for it.
    prefilled: u64,
    first: Duration,
    whole: Duration,
    longest_pause: Duration,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let home = tempfile::tempdir().expect("a temporary folder");
    fs::write(home.path().join("book.txt"), &BOOK[..BOOK.floor_char_boundary(args.bytes)]).expect("written");
    let mut alone = HashMap::new();
    println!(
        "| parallel | clients | tokens/s | first token: median, slowest | whole: median, slowest | longest pause | same answers |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut is_sound = true;
    for parallel in &args.parallel {
        let server = Server::start(&args, home.path(), *parallel);
        for clients in &args.clients {
            let begun = Instant::now();
            let answers = ask_all(&server.address, &args, *clients);
            let elapsed = begun.elapsed();
            is_sound &= answers.iter().all(|(_, answer)| answer.tokens > 0 && answer.prefilled < 200);
            tell(*parallel, *clients, elapsed, &answers, &mut alone);
        }
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ask_all(address: &str, args: &Args, clients: usize) -> Vec<(usize, Answer)> {
    thread::scope(|scope| {
        let ask = |client: usize| {
            scope.spawn(move || {
                let questions = (0..args.rounds).map(|round| (client + round * 3) % QUESTIONS.len());
                questions.map(|question| (question, ask(address, QUESTIONS[question], args.tokens))).collect::<Vec<_>>()
            })
        };
        let asking: Vec<_> = (0..clients).map(ask).collect();
        asking.into_iter().flat_map(|client| client.join().expect("it does not panic")).collect()
    })
}

fn ask(address: &str, question: &str, tokens: u32) -> Answer {
    let body = json!({
        "messages": [{ "role": "user", "content": question }], "stream": true, "max_tokens": tokens, "temperature": 0.0,
    })
    .to_string();
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(HUNG)).expect("a socket");
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let begun = Instant::now();
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).expect("it is sent");
    read(begun, stream)
}

fn read(begun: Instant, stream: TcpStream) -> Answer {
    let mut answer = Answer {
        text: String::new(),
        tokens: 0,
        prefilled: 0,
        first: Duration::ZERO,
        whole: Duration::ZERO,
        longest_pause: Duration::ZERO,
    };
    let mut last: Option<Instant> = None;
    for line in BufReader::new(stream).lines() {
        let line = line.expect("it is answered in time");
        let Some(event) = line.strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
            continue;
        };
        if let Some(piece) = event["choices"][0]["delta"]["content"].as_str().filter(|piece| !piece.is_empty()) {
            let now = Instant::now();
            match last {
                Some(last) => answer.longest_pause = answer.longest_pause.max(now - last),
                None => answer.first = begun.elapsed(),
            }
            last = Some(now);
            answer.text.push_str(piece);
        }
        let counts = &event["lunette"]["tokens"];
        if counts.is_object() {
            let count = |name: &str| counts[name].as_u64().unwrap_or(0);
            (answer.tokens, answer.prefilled) = (count("generated"), count("prefilled"));
        }
    }
    answer.whole = begun.elapsed();
    answer
}

fn tell(
    parallel: u32,
    clients: usize,
    elapsed: Duration,
    answers: &[(usize, Answer)],
    alone: &mut HashMap<usize, String>,
) {
    let tokens: u64 = answers.iter().map(|(_, answer)| answer.tokens).sum();
    let sorted = |of: fn(&Answer) -> Duration| {
        let mut all: Vec<f64> = answers.iter().map(|(_, answer)| of(answer).as_secs_f64()).collect();
        all.sort_by(f64::total_cmp);
        (all[all.len() / 2], all[all.len() - 1])
    };
    let (first, whole, pause) =
        (sorted(|answer| answer.first), sorted(|answer| answer.whole), sorted(|answer| answer.longest_pause));
    let mut same = 0;
    for (question, answer) in answers {
        let alone = alone.entry(*question).or_insert_with(|| answer.text.clone());
        same += usize::from(*alone == answer.text);
    }
    println!(
        "| {parallel} | {clients} | {:.1} | {:.2} s, {:.2} s | {:.2} s, {:.2} s | {:.2} s | {same} of {} |",
        tokens as f64 / elapsed.as_secs_f64(),
        first.0,
        first.1,
        whole.0,
        whole.1,
        pause.1,
        answers.len()
    );
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(args: &Args, home: &Path, parallel: u32) -> Self {
        let program = fs::canonicalize(&args.program).expect("the program is there");
        let model = fs::canonicalize(&args.model).expect("the model is there");
        let mut command = Command::new(program);
        command.args(["serve", "book.txt", "--port", "0", "--preset", "full", "--no-cache", "-m"]).arg(model);
        command.args(["--draft", "off", "--parallel", &parallel.to_string(), "-t", &args.threads.to_string()]);
        command.current_dir(home).env_clear().env("HOME", home);
        let (child, address) = start_until("read", command);
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
