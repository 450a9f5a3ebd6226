//! The real binary in a pseudo terminal, with an emulator that draws its output and answers its queries.
//!
//! Tests that need a model (`#[ignore]`, run by `make test`) use short books, small batches and one thread, to share a
//! busy machine.

#[path = "support/models.rs"]
mod models;
#[path = "support/pty.rs"]
mod pty;

use std::time::Duration;

use pty::Terminal;

/// Longer than anything without a model takes on a busy machine.
const SECONDS: Duration = Duration::from_secs(60);
/// Longer than loading, prefill and an answer take on a busy machine.
const LONG: Duration = Duration::from_secs(300);

/// The heading of the comparison after a switch of presets.
const SWITCHED: &str = "custom → full · ";

/// A text of numbered paragraphs of about 20 tokens.
fn book(paragraphs: usize) -> String {
    let paragraph = |n: usize| format!("Chapter {n}. In room {n} of the house lives a cat whose number is {}.", n * 7);
    (1..=paragraphs).map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// Opens `text` as a book, with the small model, full attention, and `options`.
fn open(text: &str, options: &[&str]) -> Terminal {
    open_file("book.txt", text, options)
}

fn open_file(name: &str, text: &str, options: &[&str]) -> Terminal {
    let model = models::model("smollm2-135m");
    let model = model.to_str().expect("a path in UTF-8");
    let small = ["-t", "1", "-b", "32", "-ub", "32", "--preset", "full", "-m", model];
    Terminal::open(80, 24, &[(name, text)], &[&small[..], options, &[name]].concat())
}

#[test]
fn a_model_that_is_missing_is_told_before_the_terminal_is_taken() {
    let mut terminal = Terminal::open(80, 24, &[("book.txt", "A book.\n")], &["-m", "nowhere.gguf", "book.txt"]);
    assert_eq!(terminal.exit_code(SECONDS), 5, "{}", terminal.screen());
    assert!(terminal.is_given_back() && terminal.screen().contains("nowhere.gguf"), "{}", terminal.screen());
}

#[test]
#[ignore = "needs a model"]
fn a_book_is_opened_asked_and_read_by_another_preset_and_left() {
    let mut terminal = open(&book(16), &["--window", "64", "--sinks", "4", "-n", "8"]);
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("Where does the cat live?\r");
    terminal.wait_for("first token after", LONG);
    // Tab, then a digit. What the window hid has to be prefilled again, which needs a confirmation if it takes long.
    terminal.press("\t1");
    let asks = "1 or Enter confirms";
    terminal.wait_until("question or figures", LONG, |it| it.shows(asks) || it.shows(SWITCHED));
    if terminal.shows(asks) {
        terminal.press("1");
    }
    terminal.wait_for(SWITCHED, LONG);
    terminal.resize(120, 40);
    terminal.press("iAnd what is its number?\r");
    terminal.wait_until("second answer", LONG, |it| it.unwrapped().matches("first token after").count() == 2);
    terminal.resize(40, 12);
    terminal.wait_for("1 full 2 3 4 5 6 7 8", SECONDS);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

#[test]
#[ignore = "needs a model"]
fn a_reading_is_stopped_kept_and_goes_on() {
    let mut terminal = open(&book(30), &[]);
    // Narrower, the cached tokens give way to the remaining time.
    terminal.resize(120, 24);
    terminal.wait_for("tok/s", LONG);
    terminal.press("\x1b");
    terminal.wait_for("which are kept", LONG);
    terminal.press("\r");
    terminal.wait_for("cached)", LONG);
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
#[ignore = "needs a model"]
fn the_screen_can_be_left_in_the_middle_of_a_reading() {
    let mut terminal = open(&book(200), &[]);
    terminal.wait_for("tok/s", LONG);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

#[test]
#[ignore = "needs a model"]
fn an_answer_that_takes_too_long_ends_and_the_screen_goes_on() {
    let mut terminal = open(&book(16), &["--timeout", "100ms"]);
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("Write down every sentence of it, one after the other.\r");
    terminal.wait_for("cut off: --timeout reached", LONG);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
#[ignore = "needs a model"]
fn as_many_parts_as_there_is_time_for_are_chosen_on_the_screen() {
    let chapters = [1, 2, 3, 4, 5, 6].map(|n| format!("# Chapter {n}\n\n{}\n\n", book(4))).concat();
    let mut terminal = open_file("book.md", &chapters, &["--within", "10m", "-n", "8"]);
    terminal.wait_for_frame(LONG);
    assert!(terminal.screen().contains("book.md · as much as fits in 600 s"), "{}", terminal.screen());
    terminal.wait_for("all 6 parts are read within 600 s", LONG);
    terminal.wait_for("book.md is read. Ask it anything.", LONG);
    terminal.press("Where does the cat live?\r");
    terminal.wait_for("first token after", LONG);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

/// The tokens in use, from the status line: `412 of 3,072 tokens`.
fn tokens_in_use(terminal: &Terminal) -> Option<u32> {
    let screen = terminal.screen();
    let figures = screen.lines().rev().find(|line| line.contains(" tokens"))?;
    figures.split_whitespace().next()?.replace(',', "").parse().ok()
}

#[test]
#[ignore = "needs a model"]
fn chapters_are_unticked_and_fewer_tokens_are_asked_about() {
    let chapters = [1, 2, 3, 4, 5, 6].map(|n| format!("# Chapter {n}\n\n{}\n\n", book(6))).concat();
    let mut terminal = open_file("book.md", &chapters, &["-n", "8"]);
    terminal.resize(120, 40);
    terminal.wait_for("book.md is read. Ask it anything.", LONG);
    let all = tokens_in_use(&terminal).expect("figures");
    terminal.press("\ts");
    terminal.wait_for("6 of 6 parts", SECONDS);
    // Chapters 4 to 6, from the last one up.
    terminal.press("G k k ");
    terminal.wait_for("3 of 6 parts", SECONDS);
    terminal.wait_for("fits; ", LONG);
    terminal.press("\r");
    terminal.wait_for("the document is now 3 of 6 parts", LONG);
    terminal.wait_for("book.md · parts 1-3 of 6", SECONDS);
    terminal.press("iWhere does the cat live?\r");
    terminal.wait_for("first token after", LONG);
    let some = tokens_in_use(&terminal).expect("figures");
    assert!(some * 3 < all * 2, "{some} of {all} tokens on\n{}", terminal.screen());
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
#[ignore = "needs a model"]
fn what_does_not_fit_opens_its_parts_and_what_fits_is_read() {
    let chapters = [1, 2, 3, 4, 5, 6].map(|n| format!("# Chapter {n}\n\n{}\n\n", book(6))).concat();
    let mut terminal = open_file("book.md", &chapters, &["-n", "8", "-c", "512"]);
    terminal.resize(120, 40);
    terminal.wait_for("tokens too many; Enter shows what would fit", LONG);
    terminal.press("ngf");
    terminal.wait_for("fits; ", LONG);
    terminal.press("\r");
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
#[ignore = "needs a model"]
fn a_signal_gives_the_terminal_back_and_has_its_exit_code() {
    let mut terminal = open(&book(5), &[]);
    terminal.wait_for("Ask about the document", LONG);
    terminal.terminate();
    assert_eq!(terminal.exit_code(SECONDS), 143);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

#[test]
#[ignore = "needs a model"]
fn the_first_frame_is_there_while_the_model_is_loading() {
    let mut terminal = open(&book(5), &[]);
    terminal.wait_for("Ask about the document", LONG);
    assert!(terminal.shows("loading the model"), "{}", terminal.screen());
    terminal.press("\x03\x03");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
#[ignore = "needs a model"]
fn the_document_is_searched_and_jumped_through_while_an_answer_streams() {
    let mut terminal = open(&book(40), &["-n", "400"]);
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("Write down every sentence of it, one after the other.\r");
    terminal.press("\t\t/number is 70\r");
    terminal.wait_for("hit 1 of 1", SECONDS);
    terminal.resize(120, 40);
    terminal.wait_for("hit 1 of 1", SECONDS);
    terminal.press("G");
    terminal.wait_for("whose number is 280", SECONDS);
    terminal.press("\x0f");
    terminal.wait_for("whose number is 70", SECONDS);
    terminal.press("q");
    assert_eq!(terminal.exit_code(SECONDS), 0);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

#[test]
#[ignore = "needs a model"]
fn one_question_is_answered_under_two_presets_side_by_side() {
    let mut terminal = open(&book(16), &["--window", "64", "--sinks", "4", "-n", "8"]);
    terminal.resize(120, 40);
    terminal.wait_for("is read. Ask it anything.", LONG);
    terminal.press("Where does the cat live?");
    terminal.press("\x1ba");
    terminal.wait_for("compare custom with", SECONDS);
    terminal.press("1\r");
    terminal.wait_until("figures of both", LONG, |it| it.shows("written at") && it.shows("first word"));
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

#[test]
fn without_a_model_the_book_is_open_and_one_is_offered() {
    let mut terminal = Terminal::open(80, 24, &[], &[]);
    terminal.wait_for("There is no model on this machine yet", SECONDS);
    terminal.press("\t\t/universally\r");
    terminal.wait_for("hit 1 of", SECONDS);
    terminal.press("q");
    assert_eq!(terminal.exit_code(SECONDS), 0);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

/// Resizing while typing sends both at once, and neither may swallow the other.
#[test]
fn what_is_typed_while_the_window_is_resized_is_taken() {
    let mut terminal = Terminal::open(100, 30, &[], &[]);
    terminal.wait_for("There is no model on this machine yet", SECONDS);
    terminal.press("\t\t");
    for time in 0..100 {
        let columns = 100 + 20 * (time % 2);
        terminal.resize(columns, 30);
        terminal.press(&format!("/chapter {time}"));
        terminal.wait_for(&format!("chapter {time}"), SECONDS);
        terminal.press("\x1b");
        terminal.wait_until("search left", SECONDS, |it| !it.shows(&format!("chapter {time}")));
    }
    terminal.press("q");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

/// The exit code is that of SIGTERM. The terminal goes in the middle of typing.
#[test]
fn it_ends_when_its_terminal_is_closed_in_the_middle_of_typing() {
    for time in 0..8 {
        let typing = Duration::from_millis(200 + 50 * time);
        assert_eq!(pty::exit_code_without_terminal(typing, SECONDS), 143, "after {typing:?}");
    }
}

/// Suspended and resumed by a shell with job control.
#[cfg(unix)]
#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_brings_the_screen_back() {
    let script = "set -m; \"$LUNETTE\"; echo \"stopped with $?\"; read line; fg; echo \"ended with $?\"";
    let binary = pty::binary();
    let variables = [("LUNETTE", binary.to_str().expect("a path in UTF-8"))];
    let mut terminal = Terminal::run(80, 24, &[], "/bin/sh".as_ref(), &["-c", script], &variables);
    terminal.wait_for("There is no model on this machine yet", SECONDS);
    terminal.press("\x1a");
    // 128 and the number of SIGTSTP, which is 20 on Linux and 18 on macOS.
    terminal.wait_until("shell", SECONDS, |it| it.shows("stopped with 148") || it.shows("stopped with 146"));
    assert!(terminal.is_given_back(), "{}", terminal.screen());
    terminal.press("\r");
    terminal.wait_for("There is no model on this machine yet", SECONDS);
    // Ctrl-L redraws.
    let frames = terminal.frames();
    terminal.press("\x0c");
    terminal
        .wait_until("frame", SECONDS, |it| it.frames() > frames && it.shows("There is no model on this machine yet"));
    terminal.press("\x04");
    terminal.wait_for("ended with 0", SECONDS);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

#[test]
fn keys_that_cannot_be_had_are_told_before_anything_is_loaded() {
    let config = ("config.toml", "[keys]\nhelp = \"t\"\n");
    let mut terminal = Terminal::open_with(80, 24, &[config], &[], &[("LUNETTE_CONFIG", "config.toml")]);
    assert_eq!(terminal.exit_code(SECONDS), 2, "{}", terminal.screen());
    assert!(terminal.shows("keys.help: t is already bound to contents"), "{}", terminal.screen());
}
