//! [`connect`] against a scripted server: what is sent when, and what becomes of it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::connect;
use super::wire::{CODE_LOADING, CODE_MISSING_TEXTS, Greeting, Hello, Model, PROTOCOL, unbundled};
use crate::engine::EngineHandle;
use crate::engine::message::{
    CancelToken, Channel, Command, Event, Finish, JobId, Limits, Origin, OutputMarkup, Part, Prompt, Question,
    Sampling, Segment,
};
use crate::session::scripted_engine;
use crate::settings::{ServerUrl, UsedServer};
use crate::swaa::RecipeSpec;

/// A request that came, and where its answer goes.
struct Asked {
    /// `POST /lunette/jobs`.
    what: String,
    body: Vec<u8>,
    stream: TcpStream,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn answer(mut self, status: u16, body: &Value) {
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        self.stream.write_all((head + &body).as_bytes()).expect("the client listens");
    }

    /// Opens a stream.
    fn begin(mut self) -> Stream {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        self.stream.write_all(head).expect("the client listens");
        Stream(self.stream)
    }
}

/// Events on their way to the client.
struct Stream(TcpStream);

impl Stream {
    fn tell(&mut self, event: &Event) {
        let line = serde_json::to_string(event).expect("JSON") + "\n";
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        self.0.write_all(chunk.as_bytes()).expect("the client listens");
    }

    fn is_closed_by_the_client(&mut self) -> bool {
        self.0.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        match self.0.read(&mut [0; 16]) {
            Ok(read) => read == 0,
            // What the client had not read yet when it closed makes its system send a reset.
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

fn server() -> (UsedServer, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = ServerUrl::read(&listener.local_addr().expect("an address").to_string()).expect("a URL");
    let (sender, asked) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if sender.send(read(stream)).is_err() {
                return;
            }
        }
    });
    (UsedServer::at(url), asked)
}

fn read(stream: TcpStream) -> Asked {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a request");
    let what = line.rsplit_once(' ').expect("a request line").0.to_owned();
    let mut length = 0;
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).expect("a header");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    Asked { what, body, stream }
}

fn next(asked: &Receiver<Asked>, what: &str) -> Asked {
    let next = asked.recv_timeout(Duration::from_secs(10)).expect("a request");
    assert_eq!(next.what, what);
    next
}

fn hello(model: Option<&str>) -> Value {
    let info = Box::new(scripted_engine::model());
    let greeting = Greeting { lunette: "0.0.1".into(), protocol: PROTOCOL };
    let model = model.map(|stamp| Model { stamp: stamp.to_owned(), info });
    json!(Hello { greeting, loading: 0.5, model })
}

/// A client whose server has loaded its model.
fn loaded() -> (EngineHandle, Receiver<Asked>) {
    let (used, asked) = server();
    let mut engine = connect(&used);
    next(&asked, "GET /lunette").answer(200, &hello(Some("m")));
    next(&asked, "GET /lunette").answer(200, &hello(Some("m")));
    let Event::Loaded(info) = event(&mut engine) else { panic!("it is not loaded") };
    assert_eq!(info.runs_on, Some(used.url.authority()));
    (engine, asked)
}

fn event(engine: &mut EngineHandle) -> Event {
    engine.events.blocking_recv().expect("an event")
}

fn question(commands: &Sender<Command>, text: &str) -> CancelToken {
    let cancel = CancelToken::default();
    let part = Part { text: text.into(), origin: Origin::Text, segment: Segment::Tail };
    let question = Question {
        job: JobId(42),
        prompt: Prompt { parts: vec![part], title: "".into() },
        rereading: None,
        recipe: RecipeSpec::FULL,
        sampling: Sampling::GREEDY,
        drafting: crate::engine::message::Drafting::Off,
        limits: Limits::default(),
        markup: Box::<OutputMarkup>::default(),
        schema: None,
        cancel: cancel.clone(),
    };
    commands.send(Command::Ask(question)).expect("it listens");
    cancel
}

fn piece(text: &str) -> Event {
    Event::Piece { job: JobId(0), channel: Channel::Answer, text: text.to_owned() }
}

fn answered(finish: Finish) -> Event {
    let figures = Box::new(crate::chat::fixtures::answer_figures(&RecipeSpec::FULL, 6));
    Event::Answered { job: JobId(0), finish, figures }
}

#[test]
fn a_model_that_is_loading_is_waited_for() {
    let (used, asked) = server();
    let mut engine = connect(&used);
    next(&asked, "GET /lunette").answer(200, &hello(None));
    next(&asked, "GET /lunette").answer(200, &hello(None));
    assert_eq!(event(&mut engine), Event::Loading { fraction: 0.5 });
    next(&asked, "GET /lunette").answer(200, &hello(Some("m")));
    assert!(matches!(event(&mut engine), Event::Loaded(_)));
}

#[test]
fn a_long_text_is_sent_when_it_is_missing_and_events_get_the_client_s_number() {
    let (mut engine, asked) = loaded();
    let book = "A book. ".repeat(1_000);
    question(&engine.commands, &book);
    let job = next(&asked, "POST /lunette/jobs");
    let hash = job.json()["texts"][0]["known"].clone();
    assert!(job.body.len() < 2_000 && job.json()["model"] == "m", "{}", job.json());
    job.answer(409, &json!({ "error": { "code": CODE_MISSING_TEXTS }, "lunette": { "texts": [hash] } }));
    let texts = next(&asked, "POST /lunette/texts");
    assert_eq!(unbundled(&texts.body), Ok(vec![book.into()]));
    texts.answer(200, &json!({}));
    let mut stream = next(&asked, "POST /lunette/jobs").begin();
    stream.tell(&piece("Yes"));
    assert_eq!(event(&mut engine), piece("Yes").renumbered(JobId(42)));
    stream.tell(&answered(Finish::EndOfGeneration));
    assert_eq!(event(&mut engine), answered(Finish::EndOfGeneration).renumbered(JobId(42)));
}

#[test]
fn a_stop_is_told_and_the_end_comes_from_the_server() {
    let (mut engine, asked) = loaded();
    let cancel = question(&engine.commands, "Who?");
    let job = next(&asked, "POST /lunette/jobs");
    let id = job.json()["id"].as_str().expect("an id").to_owned();
    let mut stream = job.begin();
    stream.tell(&piece("Yes"));
    assert!(matches!(event(&mut engine), Event::Piece { .. }));
    engine.commands.send(Command::AnswerNow { job: JobId(42) }).expect("it listens");
    next(&asked, &format!("POST /lunette/jobs/{id}/answer-now")).answer(200, &json!({}));
    cancel.cancel();
    next(&asked, &format!("POST /lunette/jobs/{id}/stop")).answer(200, &json!({}));
    stream.tell(&answered(Finish::Cancelled));
    assert_eq!(event(&mut engine), answered(Finish::Cancelled).renumbered(JobId(42)));
}

#[test]
fn a_question_that_waits_for_its_turn_is_given_up_at_once() {
    let (mut engine, asked) = loaded();
    let cancel = question(&engine.commands, "Who?");
    let mut stream = next(&asked, "POST /lunette/jobs").begin();
    cancel.cancel();
    let Event::Answered { job: JobId(42), finish: Finish::Cancelled, figures } = event(&mut engine) else {
        panic!("it was not stopped")
    };
    assert_eq!(figures.tokens.prompt, 0);
    assert!(stream.is_closed_by_the_client());
}

#[test]
fn a_wire_that_breaks_fails_the_question_and_the_next_one_connects_again() {
    let (mut engine, asked) = loaded();
    question(&engine.commands, "Who?");
    let mut stream = next(&asked, "POST /lunette/jobs").begin();
    stream.tell(&piece("Yes"));
    drop(stream);
    assert!(matches!(event(&mut engine), Event::Piece { .. }));
    let Event::Failed { job: JobId(42), failure } = event(&mut engine) else { panic!("it did not fail") };
    assert!(failure.message.contains("ended the connection"), "{failure}");
    question(&engine.commands, "Who?");
    let loading = json!({ "error": { "code": CODE_LOADING, "message": "the model is being loaded" } });
    next(&asked, "POST /lunette/jobs").answer(503, &loading);
    assert!(matches!(event(&mut engine), Event::Noted { text, .. } if text.ends_with("loads its model")));
    next(&asked, "POST /lunette/jobs").begin().tell(&answered(Finish::EndOfGeneration));
    assert!(matches!(event(&mut engine), Event::Answered { .. }));
}

#[test]
fn whoever_ends_the_program_ends_the_job() {
    let (engine, asked) = loaded();
    question(&engine.commands, "Who?");
    let mut stream = next(&asked, "POST /lunette/jobs").begin();
    stream.tell(&piece("Yes"));
    drop((engine.commands, engine.events));
    assert!(stream.is_closed_by_the_client());
    engine.thread.join().expect("it ends");
}
