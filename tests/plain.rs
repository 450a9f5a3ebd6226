//! The chat in plain lines on the real binary: a conversation on standard input, what ends it, and with which exit code.

mod support {
    pub mod binary;
    pub mod models;
}

use std::io::{Read, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use support::binary::{Home, Ran, finished};
use support::models::model;

/// Longer than any of these takes on busy cores: whoever needs more is hung.
const PATIENCE: Duration = Duration::from_secs(300);

const BOOK: &str = "Box 7 in the cellar is painted green.\nBox 8 in the cellar is painted blue.\n";

/// Starts a conversation about [`BOOK`] with the model of a file, on one thread.
fn started(home: &Home, model: &str, arguments: &[&str]) -> Child {
    home.file("book.txt", BOOK);
    home.start(&[&["--plain", "-t", "1", "-n", "8", "-m", model][..], arguments, &["book.txt"]].concat(), &[])
}

fn small_model() -> String {
    model("smollm2-135m").to_str().expect("a path in UTF-8").to_owned()
}

/// Everything is typed at once, and then nothing more.
fn piped(home: &Home, model: &str, arguments: &[&str], lines: &str) -> Ran {
    let mut child = started(home, model, arguments);
    let mut input = child.stdin.take().expect("it is piped");
    let _ = input.write_all(lines.as_bytes());
    drop(input);
    finished(child, PATIENCE)
}

/// Both ends of a conversation.
struct Talk {
    typed: ChildStdin,
    said: Receiver<Vec<u8>>,
    /// Everything that was said so far.
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

    /// Types a line, and returns what is said up to and with `end`.
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
    let mut child = started(&home, &small_model(), &["--preset", "full"]);
    let mut talk = Talk::with(&mut child);
    assert!(talk.says("", "\n> ").ends_with("book.txt is read. Ask, or /help.\n> "), "{}", talk.all);
    let answer = talk.says("Which colour has box 7?\n", "tok/s)\n> ");
    assert!(answer.contains("(full, 8 tokens at ") || answer.contains("(full, "), "{answer}");
    assert!(talk.says("/preset fastest\n", "\n> ").contains("read by fastest\n"), "{}", talk.all);
    let answer = talk.says("And box 8?\n", "tok/s)\n> ");
    assert!(answer.contains("(fastest, "), "{answer}");
    assert!(talk.says("/presets\n", "\n> ").contains("fastest, in force: "), "{}", talk.all);
    talk.typed.write_all(b"/quit\n").expect("it listens");
    let ran = finished(child, PATIENCE);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
#[ignore = "needs a model"]
fn where_the_lines_end_what_was_asked_is_answered_first() {
    let ran = piped(&Home::new(), &small_model(), &["-p", "Which colour has box 7?"], "And box 8?\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.matches(" tok/s)").count(), 2, "{}", ran.out);
}

#[test]
fn a_model_that_cannot_be_loaded_is_told_and_exits_with_5() {
    let home = Home::new();
    let file = home.file("broken.gguf", &format!("GGUF\u{3}\0\0\0{}", "\u{1}".repeat(64)));
    let ran = piped(&home, file.to_str().expect("a path in UTF-8"), &[], "Which colour has box 7?\n");
    assert_eq!(ran.code, 5, "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("broken.gguf") || ran.err.contains("broken.gguf"), "{}\n{}", ran.out, ran.err);
}
