//! `lunette --server` over a real server of somebody else, which has to run already: every front end asks it.
//!
//! ```text
//! pip install 'llama-cpp-python[server]'
//! python -m llama_cpp.server --model smollm2.gguf --port 8000 --n_ctx 4096
//! PEER=http://127.0.0.1:8000 cargo test --release --test peers -- --ignored --nocapture
//! ```
//!
//! It prints what it saw. What the model says decides nothing: only that the same is asked and answered in each way.

#![allow(clippy::print_stdout, reason = "what it saw is its output")]

mod support {
    pub(crate) mod binary;
    pub(crate) mod pty;
}

use std::time::Duration;

use serde_json::Value;
use support::binary::{Home, Ran};
use support::pty::Terminal;

/// A model on a busy machine reads the note in this time.
const PATIENCE: Duration = Duration::from_mins(5);
const NOTE: &str = "The ship Marigold left Lisbon on the third of May with forty barrels of oil.\n\
    She came to Bergen on the nineteenth, and her captain was Ines Duarte.\n";
const QUESTION: &str = "Who was the captain of the Marigold?";

fn peer() -> String {
    std::env::var("PEER").expect("PEER is the address of a server, such as http://127.0.0.1:8000")
}

fn ask(home: &Home, more: &[&str]) -> Ran {
    let peer = peer();
    home.run(&[&["--server", &peer, "--temp", "0", "-n", "40"], more, &["-p", QUESTION, "note.txt"]].concat())
}

fn object(ran: &Ran) -> Value {
    serde_json::from_str(ran.out.lines().next().unwrap_or_default()).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[test]
#[ignore = "needs a running server: PEER=http://127.0.0.1:8000"]
fn a_server_of_somebody_else_is_asked_by_every_front_end() {
    let home = Home::new();
    home.file("note.txt", NOTE);
    let json = object(&ask(&home, &["--json"]));
    let answer = json["answer"].as_str().expect("an answer").trim().to_owned();
    assert!(
        !answer.is_empty() && ["end", "token_limit"].contains(&json["finish"].as_str().unwrap_or_default()),
        "{json}"
    );
    println!("answer: {answer}\nfinish: {}\ntokens: {}", json["finish"], json["tokens"]);
    let streamed = ask(&home, &[]);
    // 6: the answer was cut off.
    let code = if json["finish"] == "end" { 0 } else { 6 };
    assert_eq!((streamed.out.trim(), streamed.code), (&*answer, code), "{streamed:?}");
    let plain = home.run_on(
        &["--server", &peer(), "--temp", "0", "-n", "40", "--plain", "note.txt"],
        &format!("{QUESTION}\n/quit\n"),
    );
    assert!(plain.code == code && plain.out.contains(answer.lines().next().unwrap_or_default()), "{plain:?}");
    stops(&home, &answer);
    let counted = object(&home.run(&["inspect", "--server", &peer(), "--json", "note.txt"]));
    println!("inspect: tokens {}, estimated {}", counted["tokens"], counted["estimated"]);
    on_a_screen(&answer);
}

/// The last word of the answer ends it.
fn stops(home: &Home, answer: &str) {
    let last = answer.split_whitespace().last().expect("a word");
    let before = &answer[..answer.find(last).expect("it is in it")];
    let stopped = object(&ask(home, &["--json", "--stop", last]));
    println!("--stop {last:?}: {} ({})", stopped["answer"], stopped["finish"]);
    assert_eq!(stopped["answer"].as_str().map(str::trim), Some(before.trim()), "{stopped}");
}

fn on_a_screen(answer: &str) {
    let peer = peer();
    let options = ["--server", &*peer, "--temp", "0", "-n", "40", "note.txt"];
    let mut terminal = Terminal::open(120, 30, &[("note.txt", NOTE)], &options);
    terminal.wait_for("goes to the server with each question", PATIENCE);
    terminal.press(&format!("{QUESTION}\r"));
    let words: Vec<&str> = answer.split_whitespace().take(6).collect();
    terminal.wait_for(&words.join(" "), PATIENCE);
    println!("{}", terminal.screen());
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(PATIENCE), 0, "{}", terminal.screen());
}
