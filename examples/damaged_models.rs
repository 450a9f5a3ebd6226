//! Tries a program with every damage of a model's file, and prints how each run ended.
//!
//! ```text
//! cargo run --release --example damaged_models -- --program target/release/lunette
//! cargo run --release --example damaged_models -- --program older/lunette --every 3
//! ```
//!
//! The base is a model of a megabyte that is made here. `refused` is an exit code from 2 to 5 with a sentence on standard error and
//! nothing on standard output; everything under `BAD` is listed.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the counts are the output")]

#[path = "../tests/support/damaged_models.rs"]
mod damaged_models;
#[path = "../tests/support/gguf.rs"]
mod gguf;
#[path = "../tests/support/scripted_model.rs"]
mod scripted_model;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;

/// Whoever needs longer is hung.
const HUNG: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Args {
    /// The program to try.
    #[arg(long)]
    program: PathBuf,
    /// Try one in so many.
    #[arg(long, default_value_t = 1)]
    every: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = folder.path().join("base.gguf");
    scripted_model::write(&base, "Hi.", scripted_model::CHATML);
    fs::write(folder.path().join("book.txt"), "A book about cats.\n").expect("written");
    let program = fs::canonicalize(&args.program).expect("the program is there");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for damaged in damaged_models::all(&base).iter().step_by(args.every) {
        damaged.write_to(&folder.path().join("m.gguf"));
        let (ended, told) = run(&program, folder.path());
        *counts.entry(ended).or_default() += 1;
        if ended.starts_with("BAD") {
            println!("{ended}: {}: {told}", damaged.what);
        }
    }
    let bad: usize = counts.iter().filter(|(ended, _)| ended.starts_with("BAD")).map(|(_, count)| count).sum();
    println!("{} files", counts.values().sum::<usize>());
    for (ended, count) in &counts {
        println!("{count:6}  {ended}");
    }
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How a run ended, and what it said.
fn run(program: &Path, folder: &Path) -> (&'static str, String) {
    // Files, because a pipe that nobody reads is full after 64 kB.
    let (out, err) = (folder.join("out"), folder.join("err"));
    let mut command = Command::new(program);
    command.args(["--headless", "-p", "hi", "-m", "m.gguf", "--preset", "full", "-n", "4", "-t", "1", "book.txt"]);
    command.current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null());
    command.stdout(File::create(&out).expect("a file")).stderr(File::create(&err).expect("a file"));
    let mut child = command.spawn().expect("it starts");
    let begun = Instant::now();
    while begun.elapsed() < HUNG {
        if let Some(status) = child.try_wait().expect("it is ours") {
            let said = String::from_utf8_lossy(&fs::read(&err).expect("it was made")).into_owned();
            let has_answer = out.metadata().is_ok_and(|file| file.len() > 0);
            return (judge(status, has_answer, &said), said.chars().take(300).collect());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("it is ours");
    let _ = child.wait();
    ("BAD: hung", String::new())
}

fn judge(status: ExitStatus, has_answer: bool, said: &str) -> &'static str {
    let has_sentence = said.lines().any(|line| line.starts_with("error: "));
    match status.code() {
        Some(0 | 6 | 8) => "answered",
        Some(2..=5) if has_answer => "BAD: refused, with something on standard output",
        Some(2..=5) if has_sentence => "refused",
        Some(_) => "BAD: another exit code, or no sentence",
        None if status.signal() == Some(6) => "BAD: SIGABRT",
        None => "BAD: another signal",
    }
}
