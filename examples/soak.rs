//! Uses the program for a long time, twenty times as fast as a person, and looks whether it grows.
//!
//! ```text
//! cargo run --release --example soak -- --program target/release/lunette --minutes 60
//! ```
//!
//! A model of a megabyte answers. Questions, presets, new conversations, branches and other documents follow each other by `--plain`.
//! Memory and open files are read every few seconds. It fails if either has grown from the first sixth of the time to the last by more than
//! 5% (and 4 MB), or if the log has a warning. Linux only: it reads `/proc`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the output")]

#[path = "../tests/support/gguf.rs"]
mod gguf;
#[path = "../tests/support/scripted_model.rs"]
mod scripted_model;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

/// A person takes some seconds for a line.
const BETWEEN_LINES: Duration = Duration::from_millis(250);
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// What the allocator keeps may differ by this much.
const ALLOWED_BYTES: u64 = 4 << 20;

#[derive(Parser)]
struct Args {
    /// The program to use.
    #[arg(long)]
    program: PathBuf,
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
}

/// What the process has at a moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    memory_bytes: u64,
    files: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let home = tempfile::tempdir().expect("a temporary folder");
    scripted_model::write(&home.path().join("m.gguf"), "Hi.", scripted_model::CHATML);
    for name in ["book.txt", "other.txt"] {
        let chapters: Vec<String> = (1..=40).map(|n| format!("Chapter {n}\n\n{name} has {n} cats.\n")).collect();
        fs::write(home.path().join(name), chapters.join("\n")).expect("written");
    }
    let program = fs::canonicalize(&args.program).expect("the program is there");
    let mut child = start(&program, home.path());
    let looks = use_for(&mut child, Duration::from_secs_f64(args.minutes * 60.0));
    drop(child.stdin.take());
    let status = child.wait().expect("it is ours");
    let warnings = warnings(home.path());
    judge(&looks, &warnings, status.success())
}

fn start(program: &Path, home: &Path) -> Child {
    let mut command = Command::new(program);
    command.args(["--plain", "-m", "m.gguf", "--preset", "full", "-t", "1", "book.txt"]);
    command.current_dir(home).env_clear().env("HOME", home);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut output = child.stdout.take().expect("it is piped");
    // Nobody reads it, but it must not fill the pipe.
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while output.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    child
}

fn use_for(child: &mut Child, time: Duration) -> Vec<Look> {
    let mut input = child.stdin.take().expect("it is piped");
    let (begun, mut looked) = (Instant::now(), Instant::now());
    let mut looks = Vec::new();
    for number in 0.. {
        if begun.elapsed() > time || !type_line(&mut input, number) {
            break;
        }
        thread::sleep(BETWEEN_LINES);
        if looked.elapsed() > BETWEEN_LOOKS {
            looked = Instant::now();
            looks.extend(look(child.id()));
        }
    }
    child.stdin = Some(input);
    looks
}

/// One line in the order of a long day. Returns whether the program still listens.
fn type_line(input: &mut ChildStdin, number: u32) -> bool {
    let line = match number % 60 {
        59 => "/new".to_owned(),
        29 => "/open other.txt".to_owned(),
        44 => "/open book.txt".to_owned(),
        10 => "/think off".to_owned(),
        20 => "/branch".to_owned(),
        _ => format!("How many cats are there, asked for the time {number}?"),
    };
    writeln!(input, "{line}").and_then(|()| input.flush()).is_ok()
}

fn look(id: u32) -> Option<Look> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    let files = fs::read_dir(format!("/proc/{id}/fd")).ok()?.count();
    Some(Look { memory_bytes: kilobytes << 10, files })
}

/// Lines of the log that warn, or tell an error.
fn warnings(home: &Path) -> Vec<String> {
    let logs = fs::read_dir(home.join(".local/state/lunette")).into_iter().flatten().flatten();
    let logs = logs.filter(|file| file.path().extension().is_some_and(|ending| ending == "log"));
    let lines = logs.flat_map(|log| {
        let text = fs::read_to_string(log.path()).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    lines.filter(|line| line.contains(" WARN ") || line.contains("ERROR ")).collect()
}

fn judge(looks: &[Look], warnings: &[String], ended_well: bool) -> ExitCode {
    let sixth = (looks.len() / 6).max(1);
    if looks.len() < 2 * sixth {
        eprintln!("only {} looks: it takes longer, or the program ended early", looks.len());
        return ExitCode::FAILURE;
    }
    let most = |looks: &[Look]| {
        let memory_bytes = looks.iter().map(|look| look.memory_bytes).max().unwrap_or(0);
        (memory_bytes, looks.iter().map(|look| look.files).max().unwrap_or(0))
    };
    // The first sixth warms up.
    let (early, late) = (most(&looks[sixth..2 * sixth]), most(&looks[looks.len() - sixth..]));
    println!(
        "{} looks; memory {} -> {} kB; open files {} -> {}",
        looks.len(),
        early.0 >> 10,
        late.0 >> 10,
        early.1,
        late.1
    );
    warnings.iter().take(10).for_each(|line| println!("log: {line}"));
    println!("{} warnings; the program {}", warnings.len(), if ended_well { "ended by itself" } else { "failed" });
    let is_flat = late.0 <= early.0 + early.0 / 20 + ALLOWED_BYTES && late.1 <= early.1;
    if is_flat && warnings.is_empty() && ended_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
