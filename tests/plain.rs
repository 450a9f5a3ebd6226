//! The plain front end in the real binary: a conversation on standard input, how it ends, and the exit code.

mod support {
    pub(crate) mod binary;
    pub(crate) mod models;
    pub(crate) mod pty;
}

use std::io::{Read, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use support::binary::{Home, Ran, finished};
use support::models::model;
use support::pty::Terminal;

/// Longer than any of these takes on busy cores.
const PATIENCE: Duration = Duration::from_mins(5);

const BOOK: &str = "Box 7 in the cellar is painted green.\nBox 8 in the cellar is painted blue.\n";

/// Starts a conversation about [`BOOK`] with the model file `model`, on one thread.
fn started(home: &Home, model: &str, arguments: &[&str]) -> Child {
    home.file("book.txt", BOOK);
    home.start(&[&["--plain", "-t", "1", "-m", model][..], arguments, &["book.txt"]].concat(), &[])
}

fn small_model() -> String {
    model("smollm2-135m").to_str().expect("a path in UTF-8").to_owned()
}

/// Types all lines at once, then ends the input.
fn piped(home: &Home, model: &str, arguments: &[&str], lines: &str) -> Ran {
    let mut child = started(home, model, arguments);
    let mut input = child.stdin.take().expect("it is piped");
    let _ = input.write_all(lines.as_bytes());
    drop(input);
    finished(child, PATIENCE)
}

/// Both ends of a running conversation.
struct Talk {
    typed: ChildStdin,
    said: Receiver<Vec<u8>>,
    /// All output so far.
    all: String,
}

impl Talk {
    fn with(child: &mut Child) -> Self {
        let mut out = child.stdout.take().expect("it is piped");
        let (sender, said) = channel();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut some) {
                if sender.send(some[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { typed: child.stdin.take().expect("it is piped"), said, all: String::new() }
    }

    /// Types a line, and returns the output up to and including `end`.
    fn says(&mut self, line: &str, end: &str) -> String {
        let from = self.all.len();
        self.typed.write_all(line.as_bytes()).expect("it listens");
        let deadline = Instant::now() + PATIENCE;
        while !self.all[from..].contains(end) {
            let left = deadline.saturating_duration_since(Instant::now());
            let some = self.said.recv_timeout(left).unwrap_or_else(|_| panic!("no {end:?} in:\n{}", self.all));
            self.all.push_str(&String::from_utf8_lossy(&some));
        }
        self.all[from..].to_owned()
    }
}

#[test]
#[ignore = "needs a model"]
fn a_conversation_is_answered_line_by_line_and_left() {
    let home = Home::new();
    let mut child = started(&home, &small_model(), &["--preset", "full", "-n", "8"]);
    let mut talk = Talk::with(&mut child);
    assert!(talk.says("", "\n> ").ends_with("book.txt is read. Ask, or /help.\n> "), "{}", talk.all);
    let answer = talk.says("Which colour has box 7?\n", "\n> ");
    assert!(answer.contains("(full, "), "{answer}");
    assert!(talk.says("/preset fastest\n", "\n> ").contains("switched to fastest\n"), "{}", talk.all);
    let answer = talk.says("And box 8?\n", "\n> ");
    assert!(answer.contains("(fastest, "), "{answer}");
    assert!(talk.says("/presets\n", "\n> ").contains("fastest, active: "), "{}", talk.all);
    talk.typed.write_all(b"/quit\n").expect("it listens");
    let ran = finished(child, PATIENCE);
    // The small model may have more to say than 8 tokens.
    assert!(matches!(ran.code, 0 | 6), "{} {}", ran.code, ran.err);
}

#[test]
#[ignore = "needs a model"]
fn where_the_lines_end_what_was_asked_is_answered_first() {
    let ran = piped(&Home::new(), &small_model(), &["-n", "8", "-p", "Which colour has box 7?"], "And box 8?\n");
    assert!(matches!(ran.code, 0 | 6), "{} {}", ran.code, ran.err);
    assert_eq!(ran.out.matches(" tok/s)").count(), 2, "{}", ran.out);
}

#[test]
#[ignore = "needs a model"]
fn the_lines_of_a_script_act_one_after_the_other() {
    let lines = "Which colour has box 7?\n/help\nAnd box 8?\n/quit\nAnd box 9?\n";
    let ran = piped(&Home::new(), &small_model(), &["-n", "8"], lines);
    assert!(matches!(ran.code, 0 | 6), "{} {}", ran.code, ran.err);
    let (before, after) = ran.out.split_once("Type a question and press Enter").expect("the help is there");
    assert_eq!([before, after].map(|text| text.matches(" tok/s)").count()), [1, 1], "{}", ran.out);
}

#[test]
#[ignore = "needs a model"]
fn a_limit_that_cuts_an_answer_is_told_and_is_what_a_script_exits_with() {
    let ran = piped(&Home::new(), &small_model(), &["-n", "2"], "Write a long story about the cellar.\n");
    assert!(ran.out.contains("\ncut off: token limit reached\n("), "{}", ran.out);
    assert_eq!(ran.code, 6, "{}", ran.err);
}

#[test]
#[ignore = "needs a model"]
fn a_person_who_leaves_has_read_how_the_answer_ended() {
    let model = small_model();
    let arguments = ["--plain", "-t", "1", "-n", "2", "-m", &model, "book.txt"];
    let mut terminal = Terminal::open(80, 24, &[("book.txt", BOOK)], &arguments);
    terminal.wait_for("is read. Ask, or /help.", PATIENCE);
    terminal.press("Write a long story about the cellar.\r");
    terminal.wait_for("cut off: token limit reached", PATIENCE);
    terminal.press("/quit\r");
    assert_eq!(terminal.exit_code(PATIENCE), 0, "{}", terminal.screen());
}

#[test]
#[ignore = "needs a model"]
fn a_question_takes_the_files_along_that_it_names() {
    let home = Home::new();
    home.file("notes.txt", "Box 9 in the attic is painted red.\n");
    let lines = "Which colour has box 9 by @notes.txt ?\nWhat is in @nothing ?\n";
    let ran = piped(&home, &small_model(), &["-n", "8"], lines);
    assert!(ran.out.contains("\nwith notes.txt"), "{}", ran.out);
    let unknown = "no document part or file is named nothing; the reference is left as typed\n";
    assert!(ran.out.contains(unknown), "{}", ran.out);
    assert_eq!(ran.out.matches(" tok/s)").count(), 2, "{}", ran.out);
}

#[test]
#[ignore = "needs a model"]
fn a_document_that_changes_is_read_again_before_the_next_question() {
    let home = Home::new();
    let mut child = started(&home, &small_model(), &["--preset", "full", "-n", "4"]);
    let mut talk = Talk::with(&mut child);
    talk.says("", "Ask, or /help.\n> ");
    home.file("book.txt", &BOOK.replace("blue", "black"));
    let answer = talk.says("Which colour has box 8?\n", "tok/s)");
    assert!(answer.contains("the document changed on disk, from line 2 of book.txt on: "), "{answer}");
    drop(talk);
    finished(child, PATIENCE);
}

#[test]
fn a_model_that_cannot_be_loaded_is_told_and_exits_with_5() {
    let home = Home::new();
    let file = home.file("broken.gguf", &format!("GGUF\u{3}\0\0\0{}", "\u{1}".repeat(64)));
    let ran = piped(&home, file.to_str().expect("a path in UTF-8"), &[], "Which colour has box 7?\n");
    assert_eq!(ran.code, 5, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("broken.gguf") || ran.err.contains("broken.gguf"), "{}\n{}", ran.out, ran.err);
}
