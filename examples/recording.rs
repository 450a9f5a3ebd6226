//! A recording of the main job, made by the real binary: open a book, ask, read by another preset, compare two. For asciinema's player.
//!
//! ```text
//! cargo build --release && cargo run --release --example recording -- --model "$(target/release/lunette pull)"
//! asciinema play assets/screenshots/tour.cast
//! ```
//!
//! The picture: a person at a terminal of 120 by 36, who types a letter every twentieth of a second and looks for a moment at what came. What
//! is recorded is what the terminal was sent, with its times; a player shortens pauses of more than two seconds (reading takes what it takes).

#[path = "../tests/support/pty.rs"]
mod pty;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use pty::Terminal;
use serde_json::json;

const COLUMNS: u16 = 120;
const ROWS: u16 = 36;
/// Longer than reading a few chapters takes on a busy machine.
const LONG: Duration = Duration::from_secs(1800);
const KEY: Duration = Duration::from_millis(50);
/// The heading of both readings' figures.
const SWITCHED: &str = "full → balanced · ";
const LOOK: Duration = Duration::from_millis(1500);

#[derive(Parser)]
struct Args {
    #[arg(long)]
    model: PathBuf,
    /// Chapters of the bundled book.
    #[arg(long, default_value = "1-3")]
    parts: String,
    #[arg(long, default_value = "assets/screenshots/tour.cast")]
    out: PathBuf,
}

fn main() {
    let args = Args::parse();
    let model = args.model.to_str().expect("a path in UTF-8");
    let arguments = ["demo", "--parts", &args.parts, "--preset", "full", "-n", "80", "-m", model];
    let mut terminal = Terminal::open(COLUMNS, ROWS, &[], &arguments);
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.watch(LOOK);
    ask(&mut terminal);
    toggle(&mut terminal);
    compare(&mut terminal);
    typed(&mut terminal, "\x04");
    write(&args.out, terminal.recorded()).expect("the recording can be written");
}

fn ask(terminal: &mut Terminal) {
    typed(terminal, "What does Mr. Darcy say when he is asked to dance? Answer with his words in quotation marks.\r");
    terminal.wait_for("first token after", LONG);
    terminal.watch(LOOK);
}

/// To another preset; where that takes longer than a moment, it says so first and waits for Enter.
fn toggle(terminal: &mut Terminal) {
    typed(terminal, "\t3");
    terminal.wait_until("question or figures", LONG, |it| it.shows("Enter confirms") || it.shows(SWITCHED));
    if terminal.shows("Enter confirms") {
        terminal.watch(LOOK * 2);
        typed(terminal, "\r");
    }
    terminal.wait_for(SWITCHED, LONG);
    terminal.watch(LOOK * 2);
}

/// The question again, under the preset in force and under `full`.
fn compare(terminal: &mut Terminal) {
    typed(terminal, "iWho is rich? One sentence.");
    typed(terminal, "\x1ba");
    terminal.watch(LOOK);
    typed(terminal, "\r");
    terminal.wait_until("figures of both", LONG, |it| {
        it.screen().lines().any(|line| line.contains("written at") && line.matches("tok/s").count() == 2)
    });
    terminal.watch(LOOK * 2);
}

fn typed(terminal: &mut Terminal, keys: &str) {
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        // Escape and what follows it are one key where both come at once.
        let end = if rest.starts_with("\x1ba") { 2 } else { first.len_utf8() };
        terminal.press(&rest[..end]);
        terminal.watch(KEY);
        rest = &rest[end..];
    }
}

/// In the format asciicast v2: a header, and a line for each piece of output.
fn write(path: &Path, recorded: &[(Duration, Vec<u8>)]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    let header = json!({ "version": 2, "width": COLUMNS, "height": ROWS, "idle_time_limit": 2.0, "title": "Lunette: ask, switch, compare" });
    writeln!(out, "{header}")?;
    let mut unfinished = Vec::new();
    for (time, bytes) in recorded {
        unfinished.extend_from_slice(bytes);
        // A character whose other bytes come with the next piece waits for them.
        let whole = match std::str::from_utf8(&unfinished) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => unfinished.len(),
        };
        let text = String::from_utf8_lossy(&unfinished[..whole]).into_owned();
        writeln!(out, "{}", json!([time.as_secs_f64(), "o", text]))?;
        unfinished.drain(..whole);
    }
    out.flush()
}
