//! The screen over a server beside the screen alone, and over a server that is far away: what differs?
//!
//! ```text
//! cargo run --release --example over_a_wire -- --program target/release/lunette --model smollm2.gguf --rounds 5
//! ```
//!
//! The program runs in a pseudo terminal with an emulator behind it, on a stretch of a novel: with the model of its own, with
//! that of a `lunette serve` on loopback, and with the same through a wire that delays everything by 100 ms each way. Each time a question is
//! asked; letters are typed while the answer comes, and more when it is there. It measures from a key to the frame that shows what it
//! did: from Enter to the first words of the answer and to its figures, and from each letter to the frame that has it.
//!
//! It fails if an answer differs from the first one: sampling is greedy, so that the wire may change the wait and nothing else. Times are
//! printed and decide nothing.

#![allow(clippy::print_stdout, reason = "the table is the output")]

#[path = "../tests/support/proxy.rs"]
mod proxy;
#[path = "../tests/support/pty.rs"]
mod pty;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use proxy::Proxy;
use pty::Terminal;

/// Whoever waits longer is hung.
const HUNG: Duration = Duration::from_mins(10);
const EACH_WAY: Duration = Duration::from_millis(100);
const QUESTION: &str = "Who is Mr. Collins?";
/// They fit on one line.
const LETTERS: &str = "what does he want of Elizabeth and why would she refuse him so firmly in the end";
const MEANWHILE: usize = 40;
const NOVEL: &str = include_str!("../assets/pride-and-prejudice.txt");
/// Where Mr. Collins is heard of first.
const CHAPTER: &str = "cousin, Mr. Collins";

#[derive(Parser)]
struct Args {
    /// The program to use.
    #[arg(long)]
    program: PathBuf,
    /// A chat model.
    #[arg(long)]
    model: PathBuf,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Tokens of an answer.
    #[arg(long, default_value_t = 60)]
    tokens: u32,
    /// Bytes of the document: a stretch of a novel.
    #[arg(long, default_value_t = 12_000)]
    bytes: usize,
}

/// What one run of the program showed.
struct Shown {
    answer: String,
    ready: Duration,
    first: Duration,
    whole: Duration,
    /// From a letter to the frame that shows it, while the answer came.
    meanwhile: Vec<Duration>,
    /// The same when it was there.
    after: Vec<Duration>,
}

/// A server that ends with this value.
struct Serving {
    child: Child,
    address: String,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let program = std::fs::canonicalize(&args.program).expect("the program is there");
    let model = std::fs::canonicalize(&args.model).expect("the model is there");
    let model = model.to_str().expect("UTF-8");
    let serving = Serving::start(&program, model);
    let book = stretch(args.bytes);
    let far = Proxy::to(&serving.address, EACH_WAY);
    let ways: [(&str, Vec<&str>); 3] = [
        ("alone", vec!["-m", model, "--no-cache"]),
        ("over a server", vec!["--server", &serving.address]),
        ("over a server, 200 ms away", vec!["--server", &far.address]),
    ];
    // The first run reads the model's file into memory, and says what the answer begins with.
    let first = shown(&program, &ways[0].1, book, args.tokens, "");
    let begins: String = first.answer.split_whitespace().next().unwrap_or_default().to_owned();
    println!(
        "| | ready, s | first words, s | whole answer, s | a letter while it is answered, ms | a letter after it, ms |"
    );
    println!("|---|---|---|---|---|---|");
    let mut is_same = true;
    for (name, line) in &ways {
        let runs: Vec<Shown> = (0..args.rounds).map(|_| shown(&program, line, book, args.tokens, &begins)).collect();
        is_same &= runs.iter().all(|run| run.answer == first.answer);
        println!("{}", row(name, &runs));
    }
    println!("\nThe answer, {}: {}", if is_same { "each time the same" } else { "NOT each time" }, first.answer);
    if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn stretch(bytes: usize) -> &'static str {
    let from = &NOVEL[NOVEL.find(CHAPTER).expect("the novel has him")..];
    &from[..from.floor_char_boundary(bytes)]
}

fn row(name: &str, runs: &[Shown]) -> String {
    let seconds = |of: fn(&Shown) -> Duration| {
        let mut times: Vec<Duration> = runs.iter().map(of).collect();
        times.sort_unstable();
        let all: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        format!("{:.2} ({:.2} to {:.2})", all[all.len() / 2], all[0], all[all.len() - 1])
    };
    let letters = |of: fn(&Shown) -> &Vec<Duration>| {
        let mut times: Vec<Duration> = runs.iter().flat_map(|run| of(run).clone()).collect();
        times.sort_unstable();
        let at = |share: f64| {
            let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
            times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        format!("p50 {:.1}, p99 {:.1}, n {}", at(0.5), at(0.99), times.len())
    };
    format!(
        "| {name} | {} | {} | {} | {} | {} |",
        seconds(|run| run.ready),
        seconds(|run| run.first),
        seconds(|run| run.whole),
        letters(|run| &run.meanwhile),
        letters(|run| &run.after)
    )
}

/// Runs the program with `line`, and asks. The answer begins with `begins`.
fn shown(program: &Path, line: &[&str], book: &str, tokens: u32, begins: &str) -> Shown {
    let tokens = tokens.to_string();
    let usual = ["--preset", "full", "--temp", "0", "--no-session", "-n", &tokens, "book.txt"];
    // Narrow enough that the document is not beside the conversation.
    let mut terminal = Terminal::run(100, 50, &[("book.txt", book)], program, &[line, &usual].concat(), &[]);
    let ready = terminal.wait_for("is read. Ask it anything.", HUNG);
    let asked = Instant::now();
    terminal.press(&format!("{QUESTION}\r"));
    terminal.wait_until("the answer's beginning", HUNG, |it| {
        !begins.is_empty() && written(it).starts_with(begins) || is_whole(it)
    });
    let first = asked.elapsed();
    let mut letters = LETTERS.char_indices().skip(1);
    let meanwhile = typed(&mut terminal, &mut letters.by_ref().take(MEANWHILE), is_whole);
    terminal.wait_until("the answer's figures", HUNG, is_whole);
    let whole = asked.elapsed();
    let answer = written(&terminal);
    let after = typed(&mut terminal, &mut letters, |_| false);
    // Empties the line, and leaves.
    terminal.press("\x15\x04");
    let _ = terminal.exit_code(HUNG);
    Shown { answer, ready, first, whole, meanwhile, after }
}

/// Types one letter after the other until `is_enough`, and says how long each took to be seen.
fn typed(
    terminal: &mut Terminal,
    letters: &mut impl Iterator<Item = (usize, char)>,
    is_enough: impl Fn(&Terminal) -> bool,
) -> Vec<Duration> {
    let mut times = Vec::new();
    while !is_enough(terminal) {
        let Some((end, _)) = letters.next() else { break };
        let text = &LETTERS[..end];
        let pressed = Instant::now();
        terminal.press(&LETTERS[end - 1..end]);
        terminal.wait_until("the letter", HUNG, |it| it.shows(text.trim_end()));
        // A blank can't be told from none.
        if !text.ends_with(' ') {
            times.push(pressed.elapsed());
        }
    }
    times
}

/// The rows between the question and the figures of its answer, as one line.
fn written(terminal: &Terminal) -> String {
    let screen = terminal.screen();
    let rows = screen.lines().skip_while(|row| !row.contains(&format!("› {QUESTION}"))).skip(1);
    let rows = rows.take_while(|row| !is_figures(row) && !row.starts_with('╭'));
    rows.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

fn is_whole(terminal: &Terminal) -> bool {
    terminal.screen().lines().any(is_figures)
}

/// `   cut off: token limit reached · full · 40 tokens at 20.0 tok/s`
fn is_figures(row: &str) -> bool {
    row.contains("full · ") && row.contains(" tok/s")
}

impl Serving {
    fn start(program: &Path, model: &str) -> Self {
        let line = ["serve", "-m", model, "--port", "0", "--no-cache", "--preset", "full"];
        let mut child = Command::new(program).args(line).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut log = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut address = String::new();
        let mut line = String::new();
        while !line.contains("\"loaded\"") {
            line.clear();
            assert!(log.read_line(&mut line).expect("UTF-8") > 0, "the server ended");
            if let Some(rest) = line.split("\"address\":\"").nth(1) {
                rest.split('"').next().unwrap_or_default().clone_into(&mut address);
            }
        }
        // Nobody reads the rest; a full pipe would stop it.
        std::thread::spawn(move || log.lines().count());
        Self { child, address }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
