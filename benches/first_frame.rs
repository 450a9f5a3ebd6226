//! How soon is there something to see, what does an idle screen cost, and how soon is a preset back?
//!
//! The real binary in a pseudo terminal with an emulator behind it, as the tests have it. Times are those of whoever looks at
//! the screen: from before the process is started to the end of the first whole frame; from a key to the frame in which the
//! strip of presets shows the other one as being in force.
//!
//! ```text
//! cargo bench --bench first_frame -- --model MODEL.gguf [--runs 11] [--idle-s 20] [--parts 1-3] [--switches 20]
//! ```
//!
//! Prints tables in markdown, with the same binary's `--version` as what a start costs anyway. Exits with 1 when a bar is missed.
//! What an idle screen costs is the process's time over all threads, which the system counts in steps of 10 ms.

#![allow(clippy::print_stdout, reason = "the tables are the output")]

#[path = "../tests/support/pty.rs"]
mod pty;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use pty::Terminal;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What is to be held; "about 0" is one part in two hundred of one core.
const FRAME_AT_MOST: Duration = Duration::from_millis(100);
const SWITCH_AT_MOST: Duration = Duration::from_millis(100);
const IDLE_SHARE_AT_MOST: f64 = 0.005;

/// Longer than loading and reading take on a busy machine.
const LONG: Duration = Duration::from_mins(30);

#[derive(Parser)]
struct Args {
    #[arg(long, env = "LUNETTE_BENCH_MODEL")]
    model: PathBuf,
    /// Starts of each kind.
    #[arg(long, default_value_t = 11)]
    runs: usize,
    /// How long an idle screen is watched; 0 leaves it out.
    #[arg(long, default_value_t = 20)]
    idle_s: u64,
    /// Chapters of the bundled book that are read before presets are switched.
    #[arg(long, default_value = "1-3")]
    parts: String,
    /// Switches between two readings that are both there; 0 leaves them out.
    #[arg(long, default_value_t = 20)]
    switches: usize,
    /// What cargo hands to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    /// Opens the screen with `arguments` on `files`.
    fn open(&self, files: &[(&str, &str)], arguments: &[&str]) -> Terminal {
        let model = self.model.to_str().expect("the model's path is UTF-8");
        Terminal::open(100, 30, files, &[arguments, &["-m", model]].concat())
    }
}

/// Several measurements of one thing.
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "something was measured");
        times.sort();
        Self(times)
    }

    fn median(&self) -> Duration {
        self.0[self.0.len() / 2]
    }

    /// A row of a table, and whether the median is within `bar`.
    fn print(&self, what: &str, bar: Option<Duration>) -> bool {
        let millis = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
        let met = bar.is_none_or(|bar| self.median() <= bar);
        let judged = bar.map_or("–".to_owned(), |bar| {
            format!("≤ {} ms, {}", bar.as_millis(), if met { "met" } else { "MISSED" })
        });
        let (least, most) = (self.0[0], self.0[self.0.len() - 1]);
        println!(
            "| {what} | {} | {} | {} | {} | {judged} |",
            self.0.len(),
            millis(least),
            millis(self.median()),
            millis(most)
        );
        met
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    println!("{}\n", args.model.file_name().unwrap_or_default().display());
    let mut met = first_frames(&args);
    if args.idle_s > 0 {
        met &= idle(&args);
    }
    if args.switches > 0 {
        met &= switches(&args);
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// From the start of the process to the first whole frame, while the model is loaded beside it.
fn first_frames(args: &Args) -> bool {
    let book = lunette::document::PRIDE_AND_PREJUDICE;
    let shelf = book.repeat(7);
    println!(
        "| start to first frame | n | min, ms | median, ms | max, ms | bar, of the median |\n|---|---|---|---|---|---|"
    );
    Times::new((0..args.runs).map(|_| version()).collect()).print("`--version`, for comparison", None);
    let cases = [("no document", ""), ("a novel", book), ("seven novels in one file", shelf.as_str())];
    let mut met = true;
    for (name, text) in cases {
        let what = format!("{name}, {:.1} MB", text.len() as f64 / 1e6);
        let named: &[&str] = if text.is_empty() { &[] } else { &["book.txt"] };
        met &= frames(args, &what, &[("book.txt", text)], named);
    }
    // As many chapters as are read within a minute: nothing of that is waited for.
    met & frames(args, "the demo", &[], &["demo"])
}

/// Starts with `arguments`, time and again, and prints a row.
fn frames(args: &Args, what: &str, files: &[(&str, &str)], arguments: &[&str]) -> bool {
    let frame = |_| {
        let mut terminal = args.open(files, arguments);
        let took = terminal.wait_for_frame(LONG);
        assert!(terminal.screen().contains("Ask the document"), "{}", terminal.screen());
        took
    };
    Times::new((0..args.runs).map(frame).collect()).print(what, Some(FRAME_AT_MOST))
}

/// How long the binary takes to say its version.
fn version() -> Duration {
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_lunette")).arg("--version").output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    started.elapsed()
}

/// What a screen costs on which nothing happens.
fn idle(args: &Args) -> bool {
    println!(
        "\n| idle for {} s | processor time, ms | of one core | frames | bar |\n|---|---|---|---|---|",
        args.idle_s
    );
    let mut terminal = args.open(&[], &[]);
    terminal.wait_for("model ", LONG);
    let mut met = watched(&mut terminal, "the model is there, nothing was read", args);
    let mut terminal = args.open(&[("note.txt", "The cat lives in room 7.\n")], &["note.txt", "-n", "16"]);
    terminal.wait_for_frame(LONG);
    terminal.press("Where does the cat live?\r");
    terminal.wait_for("first after", LONG);
    met &= watched(&mut terminal, "a question was answered", args);
    let mut terminal =
        args.open(&[("novel.txt", lunette::document::PRIDE_AND_PREJUDICE)], &["novel.txt", "-c", "400000"]);
    terminal.wait_for("tok/s", LONG);
    terminal.press("\x1b");
    terminal.wait_for("which are kept", LONG);
    met & watched(&mut terminal, "reading was stopped", args)
}

/// Watches an idle screen, prints a row, and returns whether it was idle.
fn watched(terminal: &mut Terminal, what: &str, args: &Args) -> bool {
    // What the last event still has to do is no part of being idle.
    terminal.watch(Duration::from_secs(1));
    let (before, frames) = (cpu_time(terminal.process_id()), terminal.frames());
    let time = Duration::from_secs(args.idle_s);
    terminal.watch(time);
    let spent = cpu_time(terminal.process_id()).saturating_sub(before);
    let share = spent.as_secs_f64() / time.as_secs_f64();
    let met = share <= IDLE_SHARE_AT_MOST;
    println!(
        "| {what} | {} | {:.2}% | {} | ≤ {:.1}%, {} |",
        spent.as_millis(),
        share * 100.0,
        terminal.frames() - frames,
        IDLE_SHARE_AT_MOST * 100.0,
        if met { "met" } else { "MISSED" }
    );
    met
}

/// The time of all threads of a process.
fn cpu_time(id: u32) -> Duration {
    let id = Pid::from_u32(id);
    let mut system = System::new();
    let kind = ProcessRefreshKind::nothing().with_cpu();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), false, kind);
    Duration::from_millis(system.process(id).expect("it runs").accumulated_cpu_time())
}

/// From a key to the preset it names, when the engine still has both readings.
fn switches(args: &Args) -> bool {
    let model = args.model.to_str().expect("the model's path is UTF-8");
    let line = ["demo", "--parts", &args.parts, "--preset", "full", "-m", model];
    let mut terminal = Terminal::open(100, 30, &[], &line);
    terminal.wait_for("is read. Ask it anything.", LONG);
    let figures = terminal.screen().lines().last().unwrap_or_default().trim().to_owned();
    terminal.press("\t5");
    terminal.wait_until("offer or switch", LONG, |it| it.is_reversed("fastest") || it.screen().contains("goes on"));
    if !terminal.is_reversed("fastest") {
        terminal.press("5");
    }
    terminal.wait_until("fastest in force", LONG, |it| it.is_reversed("fastest"));
    println!("\n{figures}\n");
    println!(
        "| key to preset in force | n | min, ms | median, ms | max, ms | bar, of the median |\n|---|---|---|---|---|---|"
    );
    let presses = [("1", "full"), ("5", "fastest")].into_iter().cycle().take(args.switches);
    let times: Vec<Duration> = presses.map(|(key, name)| switched(&mut terminal, key, name)).collect();
    let (first, later) = times.split_first().expect("there is one switch at least");
    let mut met = Times::new(vec![*first]).print("back for the first time", Some(SWITCH_AT_MOST));
    if !later.is_empty() {
        met &= Times::new(later.to_vec()).print("to and fro after that", Some(SWITCH_AT_MOST));
    }
    met
}

/// How long it takes from `key` to the frame in which `name` is in force.
fn switched(terminal: &mut Terminal, key: &str, name: &str) -> Duration {
    terminal.watch(Duration::from_millis(300));
    let pressed = Instant::now();
    terminal.press(key);
    terminal.wait_until(name, LONG, |it| it.is_reversed(name));
    pressed.elapsed()
}
