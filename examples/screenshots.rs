//! Takes pictures of the main views: runs the real binary in a pseudo terminal, presses keys, and saves the screen as
//! SVG.
//!
//! ```text
//! cargo build --release && cargo run --release --example screenshots -- --model "$(target/release/lunette pull)"
//! ```
//!
//! Writes `assets/screenshots/NAME-THEME.svg` for the dark, light and 16-colour themes.

#[path = "../tests/support/pty.rs"]
mod pty;
#[path = "../tests/support/svg.rs"]
mod svg;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use pty::Terminal;
use svg::{DARK, Frame, LIGHT};

/// Longer than a prefill of a few chapters takes on a busy machine.
const LONG: Duration = Duration::from_mins(30);
const SECONDS: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Args {
    #[arg(long)]
    model: PathBuf,
    /// Chapters of the bundled book.
    #[arg(long, default_value = "1-3")]
    parts: String,
    #[arg(long, default_value = "assets/screenshots")]
    out: PathBuf,
}

fn main() {
    let args = Args::parse();
    std::fs::create_dir_all(&args.out).expect("the folder can be made");
    for (theme, frame) in [("dark", &DARK), ("light", &LIGHT), ("ansi", &DARK)] {
        main_views(&args, theme, frame);
    }
}

/// Opens the book and walks through the main views.
fn main_views(args: &Args, theme: &str, frame: &Frame) {
    let model = args.model.to_str().expect("a path in UTF-8");
    let config = format!("theme = \"{theme}\"\n");
    let files = [("config.toml", config.as_str())];
    let arguments = ["demo", "--parts", &args.parts, "--preset", "accurate", "-n", "120", "-m", model];
    let mut terminal = Terminal::open_with(120, 36, &files, &arguments, &[("LUNETTE_CONFIG", "config.toml")]);
    let save = |terminal: &Terminal, name: &str| {
        let path = args.out.join(format!("{name}-{theme}.svg"));
        std::fs::write(&path, svg::picture(terminal.emulator(), frame, name)).expect("the picture can be written");
    };
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("What does Mr. Darcy say when he is asked to dance? Answer with his words in quotation marks.\r");
    terminal.wait_for("first token after", LONG);
    terminal.watch(Duration::from_millis(500));
    save(&terminal, "answer");
    let mut view = |keys: &str, text: &str, name: &str| {
        terminal.press(keys);
        terminal.wait_for(text, SECONDS);
        terminal.watch(Duration::from_secs(2));
        save(&terminal, name);
        terminal.press("\x1b");
        terminal.watch(Duration::from_millis(500));
    };
    view("\t\t/fortune\r", "hit 1 of", "reader");
    view("\x1bpjjj", "presets", "presets");
    view("\x1bs", "parts of", "parts");
    // Alt-f moves by a word: unlike the views before, this one needs the plain key.
    view("f", "figures", "figures");
    terminal.press("i");
    terminal.press("Who is Mr. Bingley? One sentence.\x1ba");
    terminal.wait_for("compare", SECONDS);
    terminal.press("\r");
    terminal.wait_until("figures of both", LONG, has_both_answers);
    terminal.watch(Duration::from_millis(500));
    save(&terminal, "compare");
    terminal.press("\x04");
    terminal.exit_code(SECONDS);
}

/// Whether both columns show the speed of their answer.
fn has_both_answers(terminal: &Terminal) -> bool {
    terminal.screen().lines().any(|line| line.contains("written at") && line.matches("tok/s").count() == 2)
}
