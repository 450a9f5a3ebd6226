//! How fast does a server read its second and third document, and are all of them still there afterwards?
//!
//! ```text
//! cargo run --release --example several_documents -- --program target/release/lunette --model SmolLM2-135M-Instruct.Q4_1.gguf
//! ```
//!
//! Three stretches of *Pride and Prejudice* are served, and one client asks about each in turn, twice. For each question a row is printed: the
//! tokens of its prompt, those that were prefilled for it, tokens a second of that, and this speed as a share of the first document's.
//!
//! It fails if the second question about a document prefills more than itself. Speeds are printed and decide nothing.

#![allow(clippy::print_stdout, reason = "the figures are the output")]

#[path = "../tests/support/server_process.rs"]
mod server_process;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};

use clap::Parser;
use serde_json::{Value, json};
use server_process::start_until;

const BOOK: &str = include_str!("../assets/pride-and-prejudice.txt");
const NAMES: [&str; 3] = ["first", "second", "third"];
/// A question and what stands around it have fewer tokens.
const MOST_OF_A_QUESTION: u64 = 100;

#[derive(Parser)]
struct Args {
    /// The program to use.
    #[arg(long)]
    program: PathBuf,
    /// A model's file.
    #[arg(long)]
    model: PathBuf,
    /// Of each document.
    #[arg(long, default_value_t = 12_000)]
    bytes: usize,
    #[arg(long, default_value = "full")]
    preset: String,
    #[arg(long, default_value_t = 2)]
    parallel: u32,
    /// Threads of the engine.
    #[arg(long, default_value_t = 2)]
    threads: u32,
}

struct Server {
    child: Child,
    address: String,
    /// Its home, gone with it.
    _home: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let server = start(&args);
    println!("| document | asked | tokens | prefilled | tokens/s | of the first's |\n|---|---|---|---|---|---|");
    let mut first_speed = None;
    let mut are_kept = true;
    for time in ["once", "again"] {
        for name in NAMES {
            let answer = ask(&server.address, name);
            let count = |count: &str| answer["lunette"]["tokens"][count].as_u64().unwrap_or(u64::MAX);
            let (prefilled, speed) =
                (count("prefilled"), answer["timings"]["prompt_per_second"].as_f64().unwrap_or(0.0));
            let share = speed / *first_speed.get_or_insert(speed);
            println!("| {name} | {time} | {} | {prefilled} | {speed:.1} | {share:.2} |", count("prompt"));
            are_kept &= time == "once" || prefilled < MOST_OF_A_QUESTION;
        }
    }
    if are_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The server, once it has its model. All three together are longer than the context of a small one, so it reads nothing by itself.
fn start(args: &Args) -> Server {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(fs::canonicalize(&args.program).expect("the program is there"));
    command.arg("serve");
    for (index, name) in NAMES.iter().enumerate() {
        let rest = &BOOK[BOOK.floor_char_boundary(index * BOOK.len() / NAMES.len())..];
        let file = format!("{name}.txt");
        fs::write(home.path().join(&file), &rest[..rest.floor_char_boundary(args.bytes)]).expect("written");
        command.arg(file);
    }
    command.args(["--port", "0", "--preset", &args.preset, "--no-cache", "--parallel", &args.parallel.to_string()]);
    command
        .args(["-t", &args.threads.to_string(), "-m"])
        .arg(fs::canonicalize(&args.model).expect("the model is there"));
    command.current_dir(home.path()).env_clear().env("HOME", home.path());
    let (child, address) = start_until("loaded", command);
    Server { child, address, _home: home }
}

/// What the server answers to a question about the document of this name.
fn ask(address: &str, document: &str) -> Value {
    let body = json!({
        "messages": [{ "role": "user", "content": "Who speaks?" }], "max_tokens": 4, "temperature": 0.0, "documents": [document],
    })
    .to_string();
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is answered");
    let (_, body) = answer.split_once("\r\n\r\n").expect("head and body");
    serde_json::from_str(body).unwrap_or_else(|_| panic!("an object, got {answer}"))
}
