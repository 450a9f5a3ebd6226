//! `lunette --server` on the real binary: another Lunette's engine behind every front end, and what happens when it is not there.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod proxy;
    pub(crate) mod pty;
    pub(crate) mod scripted_model;
    pub(crate) mod serving;
}

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::binary::{Home, Ran, sentence};
use support::proxy::Proxy;
use support::pty::Terminal;
use support::serving::{BOOK, Serving};

/// Longer than any of these takes on busy cores.
const PATIENCE: Duration = Duration::from_mins(2);

/// The home of a client, which has the book and no model.
fn client() -> Home {
    let home = Home::new();
    home.file("book.txt", &BOOK.repeat(100));
    home
}

fn ask(home: &Home, server: &str, more: &[&str]) -> Ran {
    home.run(&[&["--server", server, "--json", "--preset", "full"], more, &["-p", "Is it?", "book.txt"]].concat())
}

fn object(ran: &Ran) -> Value {
    serde_json::from_str(ran.out.lines().next().unwrap_or_default()).unwrap_or_else(|_| panic!("{ran:?}"))
}

#[test]
fn an_answer_is_the_same_as_here_and_the_document_travels_and_is_read_once() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let here = object(&served.run(&[
        "-m",
        "scripted.gguf",
        "-t",
        "1",
        "--no-cache",
        "--json",
        "--preset",
        "full",
        "-p",
        "Is it?",
        "book.txt",
    ]));
    let wire = Proxy::to(&serving.address, Duration::ZERO);
    let home = client();
    let first = object(&ask(&home, &wire.address, &[]));
    let sent_first = wire.sent();
    let second = object(&ask(&home, &wire.address, &[]));
    let sent_second = wire.sent();
    for answer in [&first, &second] {
        for field in ["answer", "preset", "recipe", "finish"] {
            assert_eq!(answer[field], here[field], "{field} of {answer}");
        }
        for count in ["document", "prompt", "generated"] {
            assert_eq!(answer["tokens"][count], here["tokens"][count], "{count} of {answer}");
        }
    }
    let document = here["tokens"]["document"].as_u64().expect("a count");
    let of_second = &second["tokens"];
    assert!(
        of_second["cached"].as_u64() >= Some(document - 1) && of_second["prefilled"].as_u64() < Some(200),
        "{of_second}"
    );
    let book = BOOK.len() as u64 * 100;
    assert!(sent_first > book, "{sent_first} bytes with the book of {book}");
    assert!(sent_second < 6_000, "{sent_second} bytes without it");
    serving.stop();
}

#[test]
fn a_long_wire_changes_nothing_but_the_wait() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let home = client();
    let near = object(&ask(&home, &serving.address, &[]));
    let begun = Instant::now();
    let far = object(&ask(&home, &Proxy::to(&serving.address, Duration::from_millis(200)).address, &[]));
    assert!(begun.elapsed() > Duration::from_millis(800), "it was not far away");
    for field in ["answer", "preset", "recipe", "finish"] {
        assert_eq!(far[field], near[field], "{field}");
    }
    assert_eq!(far["tokens"]["prompt"], near["tokens"]["prompt"]);
    serving.stop();
}

#[test]
fn plain_lines_switch_presets_and_name_the_server() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let home = client();
    let ran = home.run_on(
        &["--server", &serving.address, "--plain", "--preset", "full", "book.txt"],
        "Is it?\n/preset fastest\nIs it?\n/quit\n",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.out.matches("Yes, it.").count(), 2, "{ran:?}");
    assert!(ran.out.contains("fastest"), "{ran:?}");
    serving.stop();
}

#[test]
fn plans_and_counts_are_made_with_the_server_s_vocabulary() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache", "-c", "9000"]);
    let home = client();
    let here = served.run(&["inspect", "-m", "scripted.gguf", "--json", "book.txt"]);
    let there = home.run(&["inspect", "--server", &serving.address, "--json", "book.txt"]);
    assert_eq!(object(&there)["tokens"], object(&here)["tokens"], "{there:?}");
    let fit = home.run(&["fit", "--server", &serving.address, "--json", "book.txt"]);
    assert_eq!(object(&fit)["limit_tokens"], 9000, "the context is the server's: {fit:?}");
    let pick = ["--pick", "500", "--json", "--preset", "full", "-p", "Is it?", "book.txt"];
    let here = object(&served.run(&[&["-m", "scripted.gguf", "-t", "1", "--no-cache"], &pick[..]].concat()));
    let there = object(&home.run(&[&["--server", &serving.address], &pick[..]].concat()));
    assert_eq!((&there["picked"], &there["part"]), (&here["picked"], &here["part"]), "{there}");
    assert!(there["picked"].as_array().is_some_and(|passages| !passages.is_empty()), "{there}");
    assert_eq!(there["tokens"]["document"], here["tokens"]["document"], "{there}");
    serving.stop();
}

#[test]
fn a_key_is_needed_sent_and_never_shown() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache", "--api-key", "s3cr3t"]);
    let home = client();
    let line = ["--server", &serving.address, "--json", "--preset", "full", "-p", "Is it?", "book.txt"];
    for variables in [&[][..], &[("LUNETTE_SERVER_KEY", "wrong")]] {
        let ran = home.run_with(&line, variables, "");
        assert!(ran.code == 2 && ran.out.contains("wants a key"), "{ran:?}");
    }
    let ran = home.run_with(&line, &[("LUNETTE_SERVER_KEY", "s3cr3t"), ("LUNETTE_LOG", "trace")], "");
    assert_eq!(object(&ran)["answer"], "Yes, it.", "{ran:?}");
    home.file("key", "s3cr3t\n");
    let by_file = home.run(&[&line[..], &["--server-key-file", "key"]].concat());
    assert_eq!(object(&by_file)["answer"], "Yes, it.", "{by_file:?}");
    for told in [&ran.out, &ran.err, &by_file.err, &everything_below(&home, "key")] {
        assert!(!told.contains("s3cr3t"), "the key is kept or shown");
    }
    serving.stop();
}

/// All files of a home but one, one behind the other.
fn everything_below(home: &Home, but: &str) -> String {
    let mut folders = vec![home.path(".")];
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() != but {
                all += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap_or_default());
            }
        }
    }
    all
}

#[test]
fn who_is_not_there_or_not_understood_is_told_in_a_sentence() {
    let home = client();
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let refused = |server: &str, more: &[&str]| {
        let ran = home.run(&[&["--server", server, "-p", "Is it?"], more, &["book.txt"]].concat());
        (ran.code, sentence(&ran.err).to_owned())
    };
    let (code, told) = refused(&nobody, &[]);
    assert!(code == 1 && told.contains(&format!("cannot reach {nobody}")), "{told}");
    let other = Fake::start(|_| Said::Whole(404, json!({ "error": "no such path" }).to_string()));
    let (code, told) = refused(&other.address, &[]);
    assert!(
        code == 2
            && told.contains("is neither Lunette's server nor an OpenAI-compatible one")
            && told.contains("GET /lunette with 404, and GET /v1/models with 404 (no such path)"),
        "{told}"
    );
    let newer = Fake::start(|_| Said::Whole(200, json!({ "lunette": "9.9.9", "protocol": 99 }).to_string()));
    let (code, told) = refused(&newer.address, &[]);
    assert!(
        code == 2
            && told.contains("Lunette 9.9.9")
            && told.contains("version 99")
            && told.contains(&format!("version {}", lunette::remote::wire::PROTOCOL)),
        "{told}"
    );
    let (code, told) = refused(&nobody, &["-t", "4"]);
    assert!(code == 2 && told.contains("-t is about an engine on this machine"), "{told}");
    let ran = home.run(&["calibrate", "--server", &nobody]);
    assert!(ran.code == 2 && ran.err.contains("heads are found where the model runs"), "{ran:?}");
    let ran = home.run(&["serve", "--server", &nobody, "book.txt"]);
    assert!(ran.code == 2 && ran.err.contains("has an engine of its own"), "{ran:?}");
}

#[test]
fn a_server_that_goes_away_costs_one_answer_and_the_next_question_finds_it_again() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let port = serving.address.rsplit_once(':').expect("a port").1.to_owned();
    let home = client();
    let mut child = home.start(&["--server", &serving.address, "--plain", "--preset", "full", "book.txt"], &[]);
    let mut input = child.stdin.take().expect("it is piped");
    let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut heard = String::new();
    let mut wait_for = |text: &str| {
        while !heard.contains(text) {
            let mut line = String::new();
            assert!(said.read_line(&mut line).expect("UTF-8") > 0, "it ended: {heard}");
            heard += &line;
        }
        heard.clear();
    };
    input.write_all(b"Is it?\n").expect("it listens");
    wait_for("Yes, it.");
    serving.stop();
    input.write_all(b"Is it?\n").expect("it listens");
    wait_for("cannot reach 127.0.0.1");
    let again = Serving::start(&served, &["--preset", "full", "--no-cache", "--port", &port]);
    input.write_all(b"Is it?\n").expect("it listens");
    wait_for("Yes, it.");
    input.write_all(b"/quit\n").expect("it listens");
    drop(input);
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "one of its answers failed");
    again.stop();
}

#[test]
fn what_was_written_before_the_wire_broke_stays() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let hello = get(&serving.address, "/lunette");
    let broken =
        Fake::start(move |request| {
            if request.starts_with("GET /lunette ") {
                return Said::Whole(200, hello.clone());
            }
            let events = match request {
            _ if request.contains("\"count\"") => json!({ "counted": { "job": 0, "tokens": [9] } }).to_string(),
            _ if request.contains("\"ask\"") => {
                json!({ "piece": { "job": 0, "channel": "answer", "text": "Half an ans" } }).to_string()
            }
            _ => json!({ "failed": { "job": 0, "failure": { "kind": "runtime", "message": "not now", "hint": null } } })
                .to_string(),
        };
            Said::BrokenOff(events + "\n")
        });
    let ran = Home::new().run_on(&["--server", &broken.address, "--preset", "full", "--plain"], "Is it?\n");
    assert!(ran.out.contains("Half an ans"), "{ran:?}");
    assert!(
        ran.code == 1 && (ran.out.clone() + &ran.err).contains("ended the connection: the answer breaks off"),
        "{ran:?}"
    );
    serving.stop();
}

#[test]
fn the_screen_over_a_server_reads_answers_and_switches() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let book = BOOK.repeat(100);
    let options = ["--server", &serving.address, "--preset", "full", "book.txt"];
    let mut terminal = Terminal::open(120, 30, &[("book.txt", &book)], &options);
    terminal.wait_for("is read. Ask it anything.", PATIENCE);
    terminal.press("Is it?\r");
    terminal.wait_for("Yes, it.", PATIENCE);
    terminal.wait_for(&format!("on {}", serving.address), PATIENCE);
    terminal.press("\t5");
    terminal.wait_until("question or figures", PATIENCE, |it| it.shows("confirms") || it.shows("full → fastest"));
    if terminal.shows("confirms") {
        terminal.press("5");
    }
    terminal.wait_for("full → fastest", PATIENCE);
    terminal.press("i\x04");
    assert_eq!(terminal.exit_code(PATIENCE), 0, "{}", terminal.screen());
    serving.stop();
}

/// What a pretended server says to a request.
enum Said {
    Whole(u16, String),
    /// The beginning of a stream, and then the end of the connection.
    BrokenOff(String),
}

/// A server that is none.
struct Fake {
    address: String,
}

impl Fake {
    fn start(answer: impl Fn(&str) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let request = read_request(&mut stream);
                let said = match answer(&request) {
                    Said::Whole(status, body) => format!(
                        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                        body.len()
                    ),
                    Said::BrokenOff(begun) => {
                        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{begun}\r\n", begun.len())
                    }
                };
                let _ = stream.write_all(said.as_bytes());
            }
        });
        Self { address }
    }
}

/// A request with its body.
fn read_request(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        request += &line;
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    request + &String::from_utf8_lossy(&body)
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("UTF-8");
    answer.split_once("\r\n\r\n").expect("an answer").1.to_owned()
}
