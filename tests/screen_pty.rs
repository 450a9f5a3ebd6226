//! The real binary in a terminal: a pseudo terminal with an emulator behind it, which draws what comes and answers what is asked.
//!
//! Slow tests need a model; `make test` runs them.

#[path = "support/models.rs"]
mod models;
#[path = "support/pty.rs"]
mod pty;

use std::time::Duration;

use pty::Terminal;

const SECONDS: Duration = Duration::from_secs(60);
/// Loading and reading on a busy machine with a debug build.
const LONG: Duration = Duration::from_secs(300);

/// A text of so many paragraphs, each with a number to ask for.
fn book(paragraphs: usize) -> String {
    let paragraph = |n: usize| format!("Chapter {n}. In room {n} of the house lives a cat whose number is {}.", n * 7);
    (1..=paragraphs).map(paragraph).collect::<Vec<_>>().join("\n\n")
}

fn small_model() -> String {
    models::model("smollm2-135m").to_string_lossy().into_owned()
}

/// Opens `book` under `preset` with the small model.
fn open(text: &str, preset: &str) -> Terminal {
    Terminal::open(
        80,
        24,
        &[("book.txt", text)],
        &["-m", &small_model(), "--preset", preset, "--temp", "0", "-n", "24", "book.txt"],
    )
}

#[test]
fn a_model_that_is_missing_is_told_before_the_terminal_is_taken() {
    let mut terminal = Terminal::open(80, 24, &[("book.txt", "A book.\n")], &["-m", "nowhere.gguf", "book.txt"]);
    assert_eq!(terminal.exit_code(SECONDS), 5, "{}", terminal.screen());
    assert!(terminal.is_given_back() && terminal.screen().contains("nowhere.gguf"), "{}", terminal.screen());
}

#[test]
#[ignore = "slow: needs a model"]
fn a_book_is_opened_asked_and_read_by_another_preset_and_left() {
    let mut terminal = open(&book(60), "full");
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("Where does the cat live?\r");
    terminal.wait_for("tok/s · first after", LONG);
    // Tab, then a digit: a window of 2k is wider than this book, so that there is nothing to read again.
    terminal.press("\t5");
    terminal.wait_for("full → fastest", LONG);
    terminal.resize(40, 12);
    terminal.wait_for("5 fastest", SECONDS);
    terminal.resize(120, 40);
    terminal.wait_for("Where does the cat live?", SECONDS);
    terminal.press("\t\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

#[test]
#[ignore = "slow: needs a model"]
fn a_reading_is_stopped_kept_and_goes_on() {
    let mut terminal = open(&book(220), "full");
    // Narrower, how much of it was there already gives way to how long the rest takes.
    terminal.resize(120, 24);
    terminal.wait_for("tok/s", LONG);
    terminal.press("\x1b");
    terminal.wait_for("which are kept", LONG);
    terminal.press("\r");
    terminal.wait_for("were there", LONG);
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
#[ignore = "slow: needs a model"]
fn an_answer_that_takes_too_long_ends_and_the_screen_goes_on() {
    let arguments = ["-m", &small_model(), "--preset", "full", "--timeout", "100ms", "book.txt"];
    let mut terminal = Terminal::open(100, 24, &[("book.txt", &book(60))], &arguments);
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("Write down every sentence of it, one after the other.\r");
    terminal.wait_for("cut off: the time of --timeout is over", LONG);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
#[ignore = "slow: needs a model"]
fn as_many_parts_as_there_is_time_for_are_chosen_on_the_screen() {
    let chapters = [1, 2, 3, 4, 5, 6].map(|n| format!("# Chapter {n}\n\n{}\n\n", book(4))).concat();
    let arguments = ["-m", &small_model(), "--preset", "full", "--within", "10m", "-n", "8", "book.md"];
    let mut terminal = Terminal::open(100, 24, &[("book.md", &chapters)], &arguments);
    terminal.wait_for_frame(LONG);
    assert!(terminal.screen().contains("book.md · what is read in 600 s"), "{}", terminal.screen());
    terminal.wait_for("all 6 parts are read within 600 s", LONG);
    terminal.wait_for("book.md is read. Ask it anything.", LONG);
    terminal.press("Where does the cat live?\r");
    terminal.wait_for("first after", LONG);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
#[ignore = "slow: needs a model"]
fn a_signal_gives_the_terminal_back_and_has_its_exit_code() {
    let mut terminal = open(&book(5), "full");
    terminal.wait_for("Ask the document", LONG);
    terminal.terminate();
    assert_eq!(terminal.exit_code(SECONDS), 143);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

#[test]
#[ignore = "slow: needs a model"]
fn the_first_frame_does_not_wait_for_the_model() {
    let mut terminal = open(&book(5), "full");
    let took = terminal.wait_for("Ask the document", LONG);
    assert!(took < Duration::from_secs(5), "the first frame took {took:?}");
    terminal.press("\x03\x03");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}
