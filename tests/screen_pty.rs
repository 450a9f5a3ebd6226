//! The real binary in a pseudo terminal, with an emulator that draws its output and answers its queries.
//!
//! Tests that need a model (`#[ignore]`, run by `make test`) use short books, small batches and one thread, to share a
//! busy machine.

#[path = "support/models.rs"]
mod models;
#[path = "support/pty.rs"]
mod pty;
mod support {
    pub(crate) mod gguf;
    pub(crate) mod hub;
    pub(crate) mod scripted_model;
}

use std::time::Duration;

use lunette::models::Catalogue;
use pty::Terminal;
use support::hub::{Hub, Repository};
use support::scripted_model::{self, CHATML};

/// Longer than anything without a model takes on a busy machine.
const SECONDS: Duration = Duration::from_mins(1);
/// Longer than loading, prefill and an answer take on a busy machine.
const LONG: Duration = Duration::from_mins(5);

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

/// A hub that has a model of the catalogue: its name there and its file's are true, what is in the file says `Hi.`
fn hub_with(name: &'static str, path: &'static str) -> Hub {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("model.gguf");
    scripted_model::write(&model, "Hi.", CHATML);
    let file = std::fs::read(model).expect("it was written").into();
    Hub::start(Repository { name, old_name: "ada/none", path, file, token: None, listing: None }, &[])
}

/// A bare machine: what suits it is suggested, one of the list is fetched, and it answers.
#[test]
fn without_a_model_some_are_suggested_and_the_chosen_one_is_fetched_and_asked() {
    let hub = hub_with("unsloth/Qwen3-4B-Instruct-2507-GGUF", "Qwen3-4B-Instruct-2507-Q4_K_M.gguf");
    let variables = [("HF_ENDPOINT", hub.endpoint.as_str())];
    let mut terminal = Terminal::open_with(120, 40, &[("book.txt", &book(8))], &["book.txt"], &variables);
    terminal.wait_for("Suited to this machine, for about", SECONDS);
    for told in ["fast Qwen2.5-Coder 1.5B", "to download", "of memory", "reads it in", "Alt-L fetches them"] {
        assert!(terminal.shows(told), "{told} on\n{}", terminal.screen());
    }
    terminal.press("\x1bl");
    terminal.wait_for("Qwen3-4B Instruct 2507", SECONDS);
    let row = Catalogue::bundled().entries().iter().position(|entry| entry.name == "qwen3-4b").expect("it is listed");
    terminal.press(&"\x1b[B".repeat(row));
    terminal.wait_until("Qwen3-4B chosen", SECONDS, |it| it.is_reversed("Qwen3-4B Instruct 2507"));
    terminal.press("\r");
    terminal.wait_for("book.txt is read. Ask it anything.", LONG);
    terminal.press("Who?\r");
    terminal.wait_for("first token after", LONG);
    assert!(terminal.shows("Hi."), "{}", terminal.screen());
    assert_eq!(hub.file_requests().len(), 1, "it is fetched once");
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
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
    // What comes in the same read as a question would be part of it.
    terminal.wait_for("› Write down every sentence", SECONDS);
    terminal.press("\t\t/number is 70\r");
    terminal.wait_for("hit 1 of 1", SECONDS);
    terminal.resize(120, 40);
    terminal.wait_for("hit 1 of 1", SECONDS);
    terminal.press("G");
    terminal.wait_for("whose number is 280", SECONDS);
    terminal.press("\x0f");
    terminal.wait_for("whose number is 70", SECONDS);
    // The conversation was not exported: the first q asks.
    terminal.press("qq");
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
    terminal.wait_until("figures of both", LONG, |it| it.shows("written at") && it.shows("first token"));
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}

/// From nothing to an answer, with keys alone: a path is completed, the document is read, a question is asked; the next
/// time it is in the list.
#[test]
#[ignore = "needs a model"]
fn a_document_is_opened_from_the_start_screen_and_is_a_recent_one_afterwards() {
    let model = models::model("smollm2-135m");
    let model = model.to_str().expect("a path in UTF-8");
    let files = [("notes.md", "# Cats\n\nThe cat of the house is called Tom.\n"), ("other.txt", "Nothing.\n")];
    let flags = ["-t", "1", "--preset", "full", "-n", "8", "-m", model];
    let script = "\"$LUNETTE\" \"$@\"; read line; \"$LUNETTE\" \"$@\"";
    let binary = pty::binary();
    let variables = [("LUNETTE", binary.to_str().expect("a path in UTF-8"))];
    let arguments = [&["-c", script, "sh"][..], &flags].concat();
    let mut terminal = Terminal::run(80, 24, &files, "/bin/sh".as_ref(), &arguments, &variables);
    terminal.wait_for("demo: Pride and Prejudice", LONG);
    terminal.press("o~/no");
    terminal.wait_for("~/no", SECONDS);
    terminal.press("\t");
    terminal.wait_for("~/notes.md", SECONDS);
    terminal.press("\r");
    terminal.wait_for("notes.md is read. Ask it anything.", LONG);
    terminal.press("What is the cat called?\r");
    terminal.wait_for("first token after", LONG);
    terminal.press("\x04");
    terminal.wait_for("to come back: lunette", SECONDS);
    terminal.press("\r");
    terminal.wait_for("tokens · today", LONG);
    assert!(terminal.shows("/notes.md"), "{}", terminal.screen());
    terminal.press("\r");
    terminal.wait_for("the conversation of today goes on (1 question)", LONG);
    terminal.press("\x03");
    terminal.wait_for("Ctrl-C again leaves", SECONDS);
    terminal.press("\x03");
    assert_eq!(terminal.exit_code(SECONDS), 0);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
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

/// What the screen says while there is no model.
const NO_MODEL: &str = "There is no model on this machine yet";

/// The screen without a model. A question can be typed.
fn without_a_model(variables: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::open_with(80, 24, &[], &[], variables);
    terminal.wait_for(NO_MODEL, SECONDS);
    terminal
}

/// The lines in the box of the question.
fn question(terminal: &Terminal) -> String {
    let screen = terminal.screen();
    let rows: Vec<&str> = screen.lines().collect();
    let box_start = rows.iter().rposition(|row| row.starts_with('╭')).map_or(rows.len(), |border| border + 1);
    let rows = rows[box_start..].iter().take_while(|row| row.starts_with('│'));
    rows.map(|row| row.trim_matches(['│', ' '])).collect::<Vec<_>>().join("\n")
}

/// Waits until the question is `text`, and leaves enough time for more of it to come.
fn question_stays(terminal: &mut Terminal, text: &str) {
    terminal.wait_until(&format!("question {text:?}"), SECONDS, |it| question(it) == text);
    terminal.watch(Duration::from_millis(150));
    assert_eq!(question(terminal), text, "{}", terminal.screen());
}

#[test]
fn the_question_is_edited_as_in_a_shell() {
    let mut terminal = without_a_model(&[]);
    let (line_start, kill, put_back) = ("\x01", "\x15", "\x19");
    terminal.press("one two three");
    terminal.press(kill);
    question_stays(&mut terminal, "Ask about the document");
    terminal.press(put_back);
    question_stays(&mut terminal, "one two three");
    // Alt-Left in each encoding, with a letter typed there.
    for (alt_left, expected) in [
        ("\x1b[1;3D", "one two Athree"),
        ("\x1b\x1b[D", "one two AAthree"),
        ("\x1bb", "one two AAAthree"),
        ("\x1b[57417;3u", "one two AAAAthree"),
    ] {
        terminal.press(alt_left);
        terminal.press("A");
        question_stays(&mut terminal, expected);
    }
    terminal.press("\x17\x0b");
    question_stays(&mut terminal, "one two");
    terminal.press(line_start);
    terminal.press("\x1bf\x1bd");
    question_stays(&mut terminal, "one");
    // Keys with no meaning here type nothing.
    terminal.press("\x1bx\x1b[97;6u\x1b[120;9u\x1b[27;5;49~");
    question_stays(&mut terminal, "one");
}

#[test]
fn a_search_is_edited_as_in_a_shell() {
    let mut terminal = without_a_model(&[]);
    terminal.press("\t\t/nothing like it");
    terminal.wait_for("/nothing like it", SECONDS);
    terminal.press("\x15universally");
    terminal.wait_for("/universally", SECONDS);
    terminal.press("\x1b[1;3D\x0backnowledged");
    terminal.wait_for("/acknowledged", SECONDS);
    terminal.press("\x1b\x7ftruth\r");
    terminal.wait_for("hit 1 of", SECONDS);
}

/// In one read, and so without a moment between them.
#[test]
fn esc_and_what_follows_it_are_two_and_nothing_is_typed() {
    let mut terminal = without_a_model(&[]);
    for together in [
        "\x1b\x1b[<65;10;10M",
        "\x1b\x1b[<0;10;5M\x1b[<0;10;5m",
        "\x1b\x1b[<35;10;5M\x1b[<35;11;5M",
        "\x1b\x1b",
        "\x1b\x1b[B",
        "\x1b\x1b[3~",
        "\x1b\x1b]11;rgb:0000/0000/0000\x07",
        "\x1b\x1b[?62;22c",
    ] {
        terminal.press(together);
        terminal.press("i");
        terminal.watch(Duration::from_millis(100));
        // An `i` is typed, or has only moved the focus to the question.
        assert!(
            ["i", "Ask about the document"].contains(&&*question(&terminal)),
            "{together:?}\n{}",
            terminal.screen()
        );
        terminal.press("\x15");
    }
    // A paste right behind Esc is a paste.
    terminal.press("\x1b\x1b[200~one\rtwo\x1b[201~");
    question_stays(&mut terminal, "one\ntwo");
}

#[test]
fn clicks_and_the_wheel_are_asked_for_and_movements_are_not() {
    let mut terminal = without_a_model(&[]);
    assert!(was_sent(&terminal, "\x1b[?1000h") && was_sent(&terminal, "\x1b[?1006h"));
    assert!(!was_sent(&terminal, "\x1b[?1002h") && !was_sent(&terminal, "\x1b[?1003h"));
    terminal.press("\x1b[<65;10;5M");
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
    assert_eq!(terminal.emulator().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert!(
        was_sent(&terminal, "\x1b[?7l") && was_sent(&terminal, "\x1b[?7h"),
        "line wrap is turned off, and on again"
    );
}

/// Whether the terminal was sent `sequence`.
fn was_sent(terminal: &Terminal, sequence: &str) -> bool {
    let sent: Vec<u8> = terminal.recorded().iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    sent.windows(sequence.len()).any(|window| window == sequence.as_bytes())
}

/// Whether something on the screen has the colour of headings under the light theme.
fn is_light(terminal: &Terminal) -> bool {
    let light = vt100::Color::Rgb(0x60, 0x66, 0x70);
    let screen = terminal.emulator();
    let (rows, columns) = screen.size();
    (0..rows).any(|row| (0..columns).any(|column| screen.cell(row, column).is_some_and(|cell| cell.fgcolor() == light)))
}

#[test]
fn a_colour_that_the_terminal_tells_late_is_taken_and_not_typed() {
    for pieces in [
        &["\x1b]10;rgb:0000/0000/0000\x1b\\\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\\x1b[?62;22c"][..],
        &["\x1b]11;rgb:fdfd/", "f6f6/e3e3\x1b", "\\"],
        &["\x1b]11;#fdf6e3\x07"],
    ] {
        let mut terminal = without_a_model(&[("COLORTERM", "truecolor")]);
        terminal.watch(Duration::from_millis(300));
        assert!(!is_light(&terminal), "it is not known yet");
        for piece in pieces {
            terminal.press(piece);
            terminal.watch(Duration::from_millis(20));
        }
        terminal.wait_until("light theme", SECONDS, is_light);
        terminal.press("x");
        question_stays(&mut terminal, "x");
    }
}

#[test]
fn lines_that_are_pasted_without_brackets_are_one_question() {
    let mut terminal = without_a_model(&[]);
    terminal.press("first line\rsecond line\r\tthird line\rwhat is it?");
    question_stays(&mut terminal, "first line\nsecond line\nthird line\nwhat is it?");
    terminal.press("\x03");
    question_stays(&mut terminal, "Ask about the document");
    // With a line end behind the last line, and in pieces.
    for piece in ["/one\n", "?two\n", "three\n"] {
        terminal.press(piece);
        terminal.watch(Duration::from_millis(5));
    }
    terminal.watch(Duration::from_millis(100));
    assert!(!terminal.shows("›"), "nothing is asked\n{}", terminal.screen());
}

#[test]
fn a_terminal_without_a_moving_cursor_gets_no_escape_sequence() {
    for term in ["dumb", ""] {
        let book = ("book.txt", "A book.\n");
        let mut terminal = Terminal::open_with(80, 24, &[book], &["book.txt"], &[("TERM", term)]);
        terminal.wait_until("line", SECONDS, |it| !it.screen().trim().is_empty());
        terminal.press("\x04");
        terminal.exit_code(SECONDS);
        let sent: Vec<u8> = terminal.recorded().iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        assert!(!sent.contains(&0x1b), "TERM={term:?}: {}", sent.escape_ascii());
    }
}

/// A shell that runs `script` with the binary as `$LUNETTE`.
fn in_a_shell(script: &str, files: &[(&str, &str)]) -> Terminal {
    let binary = pty::binary();
    let variables = [("LUNETTE", binary.to_str().expect("a path in UTF-8"))];
    Terminal::run(80, 24, files, "/bin/sh".as_ref(), &["-c", script], &variables)
}

#[test]
fn a_piped_document_is_on_the_screen_and_keys_come_from_the_terminal() {
    let text = "The lighthouse is red.\n".repeat(30);
    let mut terminal = in_a_shell("cat book.txt | \"$LUNETTE\" -; echo \"ended with $?\"", &[("book.txt", &text)]);
    terminal.wait_for(NO_MODEL, SECONDS);
    terminal.press("\t\t/lighthouse\r");
    terminal.wait_for("hit 1 of 30", SECONDS);
    terminal.press("q");
    terminal.wait_for("ended with 0", SECONDS);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

/// Runs the binary as a job, and writes its number down.
const AS_A_JOB: &str = "set -m; sh -c 'echo $$ > number; exec \"$LUNETTE\"'; echo \"stopped with $?\"; read line; fg; \
                        echo \"ended with $?\"";

#[test]
fn a_stop_from_outside_gives_the_terminal_back_and_fg_brings_the_screen_back() {
    let mut terminal = in_a_shell(AS_A_JOB, &[]);
    terminal.wait_for(NO_MODEL, SECONDS);
    terminal.signal_writer_of("number", "TSTP");
    terminal.wait_until("shell", SECONDS, |it| it.shows("stopped with 148") || it.shows("stopped with 146"));
    assert!(terminal.is_given_back(), "{}", terminal.screen());
    terminal.press("\r");
    terminal.wait_for(NO_MODEL, SECONDS);
    terminal.press("still here");
    question_stays(&mut terminal, "still here");
    terminal.press("\x15\x04");
    terminal.wait_for("ended with 0", SECONDS);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

/// SIGSTOP can't be caught: the terminal is a mess until the program goes on.
#[test]
fn after_a_stop_that_cannot_be_caught_the_screen_is_drawn_anew() {
    let mut terminal = in_a_shell(AS_A_JOB, &[]);
    terminal.wait_for(NO_MODEL, SECONDS);
    terminal.signal_writer_of("number", "STOP");
    terminal.wait_until("shell", SECONDS, |it| it.shows("stopped with 147") || it.shows("stopped with 145"));
    // As a shell would.
    terminal.press("\n");
    terminal.wait_until("screen", SECONDS, |it| it.shows(NO_MODEL) && !it.shows("stopped with"));
    terminal.press("still here");
    question_stays(&mut terminal, "still here");
    terminal.press("\x15\x04");
    terminal.wait_for("ended with 0", SECONDS);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

#[test]
fn sigquit_gives_the_terminal_back() {
    let mut terminal = in_a_shell("sh -c 'echo $$ > number; exec \"$LUNETTE\"'; echo \"ended with $?\"", &[]);
    terminal.wait_for(NO_MODEL, SECONDS);
    terminal.signal_writer_of("number", "QUIT");
    terminal.wait_for("ended with 131", SECONDS);
    assert!(terminal.is_given_back(), "{}", terminal.screen());
}

/// What is shown while the heads of a model are looked for.
const FINDING: &str = "finding heads that point at passages";

#[test]
fn heads_are_looked_for_after_the_first_answer_give_way_to_a_key_and_are_found_once() {
    let shared = tempfile::tempdir().expect("a folder");
    let model = shared.path().join("m.gguf");
    scripted_model::write(&model, "Hi.", CHATML);
    let path = |file: &std::path::Path| file.to_str().expect("a path in UTF-8").to_owned();
    let (model, state) = (path(&model), path(shared.path()));
    // Small calls, so that a key comes long before all is read. With `-t`, the load of the machine is no matter.
    let flags = ["-m", &model, "-t", "1", "-b", "64", "-ub", "64", "--preset", "full", "--reread", "on", "book.txt"];
    let book = book(16);
    let open = || Terminal::open_with(100, 24, &[("book.txt", &book)], &flags, &[("XDG_STATE_HOME", &state)]);
    let mut terminal = open();
    terminal.wait_for("is read. Ask it anything.", SECONDS);
    assert!(!terminal.shows(FINDING), "never before the first answer");
    terminal.press("Who?\r");
    terminal.wait_for(FINDING, LONG);
    assert!(terminal.shows("Hi."), "{}", terminal.screen());
    terminal.press("Zebra");
    terminal.wait_until("end of the search", LONG, |it| it.shows("Zebra") && !it.shows(FINDING));
    assert!(!terminal.shows("no attention head"), "it was stopped, and not over: {}", terminal.screen());
    terminal.press(&"\x7f".repeat("Zebra".len()));
    terminal.wait_for(FINDING, LONG);
    terminal.wait_for("no attention head of this model points at passages", LONG);
    terminal.press("Where?\r");
    terminal.wait_until("second answer", LONG, |it| it.unwrapped().matches("first token after").count() == 2);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
    if cfg!(not(target_os = "linux")) {
        // Elsewhere the state is in the home, which each terminal has for itself.
        return;
    }
    let mut terminal = open();
    terminal.wait_for("is read. Ask it anything.", SECONDS);
    terminal.press("Who?\r");
    terminal.wait_for("first token after", LONG);
    terminal.watch(Duration::from_secs(8));
    let all: Vec<u8> = terminal.recorded().iter().flat_map(|(_, piece)| piece.clone()).collect();
    assert!(!String::from_utf8_lossy(&all).contains("finding heads"), "it is known that there are none");
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(SECONDS), 0);
}
