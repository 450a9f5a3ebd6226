//! Records a tour with the real binary, for asciinema's player: open a book, ask, switch presets, compare two.
//!
//! ```text
//! cargo build --release && cargo run --release --example recording -- --model "$(target/release/lunette pull)"
//! asciinema play assets/screenshots/tour.cast
//! ```
//!
//! It types like a person, a letter every twentieth of a second, in a terminal of 120 by 36. It records what the
//! terminal receives, with times; players shorten pauses of more than two seconds.

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
/// Longer than a prefill of a few chapters takes on a busy machine.
const LONG: Duration = Duration::from_mins(30);
const KEY: Duration = Duration::from_millis(50);
/// The heading of the comparison after a switch of presets.
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

/// Switches the preset, and confirms if that takes long.
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

/// Asks the question again, with the active preset and `full`.
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
        // Escape and the next key would be one key if they arrived together.
        let end = if rest.starts_with("\x1ba") { 2 } else { first.len_utf8() };
        terminal.press(&rest[..end]);
        terminal.watch(KEY);
        rest = &rest[end..];
    }
}

/// Formats as asciicast v2: a header, and a line for each piece of output.
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
        // An incomplete character waits for the next piece.
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
