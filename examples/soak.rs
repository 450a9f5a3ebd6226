//! Uses the program for a long time, twenty times as fast as a person, and looks whether it grows.
//!
//! ```text
//! cargo run --release --example soak -- --program target/release/lunette --minutes 60
//! ```
//!
//! A model of a megabyte answers. Questions, presets, new conversations, branches and other documents follow each other by `--plain`.
//! Memory and open files are read every few seconds. It fails if either has grown from the second sixth of the time to the last by more than
//! 5%, or if the log has a warning. Linux only: it reads `/proc`.
//!
//! What is kept of readings in memory grows up to its limit (`resident_mib`), which is 2 GiB unless the configuration says otherwise: a model
//! this small would take days. Here it is [`RESIDENT_MIB`], which is full within the first minutes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the output")]

#[path = "../tests/support/gguf.rs"]
mod gguf;
#[path = "../tests/support/scripted_model.rs"]
mod scripted_model;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

/// A person takes some seconds for a line.
const BETWEEN_LINES: Duration = Duration::from_millis(250);
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// What the model says.
const ANSWER: &str = "Hi.";
/// For readings that are kept in memory.
const RESIDENT_MIB: u32 = 8;

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
    scripted_model::write(&home.path().join("m.gguf"), ANSWER, scripted_model::CHATML);
    for name in ["book.txt", "other.txt"] {
        let chapters: Vec<String> = (1..=40).map(|n| format!("Chapter {n}\n\n{name} has {n} cats.\n")).collect();
        fs::write(home.path().join(name), chapters.join("\n")).expect("written");
    }
    let folder = home.path().join(".config/lunette");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("config.toml"), format!("resident_mib = {RESIDENT_MIB}\n")).expect("written");
    let program = fs::canonicalize(&args.program).expect("the program is there");
    let (mut child, answers) = start(&program, home.path());
    let looks = use_for(&mut child, Duration::from_secs_f64(args.minutes * 60.0), &answers);
    println!("{} answers", answers.load(Ordering::Relaxed));
    drop(child.stdin.take());
    let status = child.wait().expect("it is ours");
    let warnings = warnings(home.path());
    judge(&looks, &warnings, status.success())
}

/// Starts the program. The number counts its answers.
fn start(program: &Path, home: &Path) -> (Child, Arc<AtomicUsize>) {
    let mut command = Command::new(program);
    command.args(["--plain", "-m", "m.gguf", "--preset", "full", "-t", "1", "book.txt"]);
    command.current_dir(home).env_clear().env("HOME", home);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut output = child.stdout.take().expect("it is piped");
    let answers = Arc::<AtomicUsize>::default();
    let counted = answers.clone();
    thread::spawn(move || {
        let (mut buffer, mut said) = (vec![0; 1 << 16], Vec::new());
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            said.extend_from_slice(&buffer[..count]);
            let new = said.windows(ANSWER.len()).filter(|window| *window == ANSWER.as_bytes()).count();
            counted.fetch_add(new, Ordering::Relaxed);
            // What may be the beginning of another one stays.
            said.drain(..said.len().saturating_sub(ANSWER.len() - 1));
        }
    });
    (child, answers)
}

/// On a busy machine answers come late: so many questions wait at most, as lines that wait take memory, too.
const MOST_WAITING: usize = 4;

fn use_for(child: &mut Child, time: Duration, answers: &AtomicUsize) -> Vec<Look> {
    let mut input = child.stdin.take().expect("it is piped");
    let (begun, mut looked) = (Instant::now(), Instant::now());
    let (mut looks, mut asked) = (Vec::new(), 0);
    for number in 0.. {
        if begun.elapsed() > time || !type_line(&mut input, number) {
            break;
        }
        thread::sleep(BETWEEN_LINES);
        asked += usize::from(!line(number).starts_with('/'));
        while asked > answers.load(Ordering::Relaxed) + MOST_WAITING && begun.elapsed() < time {
            thread::sleep(BETWEEN_LINES);
        }
        if looked.elapsed() > BETWEEN_LOOKS {
            looked = Instant::now();
            looks.extend(look(child.id()));
        }
    }
    child.stdin = Some(input);
    looks
}

/// Types the line of this number. Returns whether the program still listens.
fn type_line(input: &mut ChildStdin, number: u32) -> bool {
    writeln!(input, "{}", line(number)).and_then(|()| input.flush()).is_ok()
}

/// One line in the order of a long day.
fn line(number: u32) -> String {
    match number % 60 {
        59 => "/new".to_owned(),
        29 => "/open other.txt".to_owned(),
        44 => "/open book.txt".to_owned(),
        10 => "/think off".to_owned(),
        20 => "/branch".to_owned(),
        _ => format!("How many cats are there, asked for the time {number}?"),
    }
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
    let is_flat = late.0 <= early.0 + early.0 / 20 && late.1 <= early.1;
    if is_flat && warnings.is_empty() && ended_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
