//! Tests that all front ends report the same facts in the same words.
//!
//! Each test checks one fact in the terminal interface, in plain lines, in a headless run, in an evaluation and in the answer of a server.
//! The first two show a chat that receives engine events; the others run against a scripted engine.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::chat::fixtures::{self, Session};
use crate::chat::{Input, NewText, News, why_not_whole};
use crate::engine::message::{Channel, Event, Finish, ModelInfo};
use crate::eval::{self, Plan};
use crate::headless::{self, Reporter, Started};
use crate::plain::Announcer;
use crate::server::fixtures::{Clock, Running};
use crate::session::scripted_engine::{self, Script, ScriptedEngine};
use crate::session::{EngineChannels, EngineClient, Kept, Stops, fixtures::settings};
use crate::settings::FrontEnd;
use crate::tui::Stage;

/// Every way in which an answer can end, with and without text.
const ENDINGS: [(Finish, &str); 9] = [
    (Finish::EndOfGeneration, "A clergyman."),
    (Finish::EndOfGeneration, ""),
    (Finish::NoAnswer, ""),
    (Finish::StopString, "A clergyman."),
    (Finish::TokenLimit, "A clergyman."),
    (Finish::TimeLimit, "A clergyman."),
    (Finish::ContextFull, "A clergyman."),
    (Finish::Repetition, "A clergyman."),
    (Finish::Cancelled, "A clergyman."),
];

const NO_GPU: &str = "no usable GPU found: running on the CPU";

/// The output of a front end, as one text.
struct Said {
    front_end: &'static str,
    text: String,
}

impl Said {
    /// Checks that of `all` messages the output contains exactly `told`, or none of them.
    fn says(&self, told: Option<&str>, all: &[&str]) {
        let said: Vec<&str> = all.iter().copied().filter(|words| self.text.contains(words)).collect();
        assert_eq!(said, told.into_iter().collect::<Vec<_>>(), "{} says:\n{}", self.front_end, self.text);
    }
}

/// The terminal interface, wide enough for every sentence.
fn screen(session: &Session) -> Said {
    let mut stage = Stage::new(Arc::default(), 400, 60);
    stage.frame(&session.chat);
    Said { front_end: "the screen", text: stage.seen() }
}

/// What plain lines print after each step of a session.
#[derive(Default)]
struct Lines {
    announcer: Announcer,
    out: Vec<u8>,
}

impl Lines {
    fn after(&mut self, session: &Session) {
        self.announcer.announce(&session.chat, &mut self.out).expect("memory");
    }

    fn said(self) -> Said {
        Said { front_end: "plain lines", text: String::from_utf8(self.out).expect("text") }
    }
}

/// What a headless run writes to standard error.
async fn headless(line: &[&str], engine: EngineChannels) -> Said {
    let home = tempfile::tempdir().expect("a folder");
    let settings = settings(home.path(), &[&["-p", "Who?", "--headless"], line, &["-"]].concat());
    let FrontEnd::Headless(how) = settings.front_end else { panic!("{line:?} is not headless") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut reporter = Reporter::new(&mut out, &mut err, how.output, settings.terminal);
    let client = EngineClient::new(engine, Stops::never());
    let start = |_: &mut Reporter<'_>| Ok(Started { client, model: "toy.gguf".into(), retriever: None });
    headless::run(&settings, how, Kept::nothing(), &mut "It is a truth.".as_bytes(), start, &mut reporter).await;
    drop(reporter);
    Said { front_end: "a headless run", text: String::from_utf8(err).expect("text") }
}

/// What an evaluation writes to its log.
async fn evaluation(engine: EngineChannels) -> Said {
    let home = tempfile::tempdir().expect("a folder");
    let records = home.path().join("records.jsonl");
    let record = r#"{"id": "1", "task": "t", "context": "It is a truth.", "question": "Who?", "answers": ["a"], "metric": "contains_all"}"#;
    std::fs::write(&records, record).expect("written");
    let settings = settings(home.path(), &["eval", &records.to_string_lossy(), "--presets", "full"]);
    let FrontEnd::Eval(args) = &settings.front_end else { panic!("it is an evaluation") };
    let plan = Plan::new(&settings, args).expect("a plan");
    let mut client = EngineClient::new(engine, Stops::never());
    let (mut out, mut log) = (Vec::new(), Vec::new());
    let _ = eval::run(&plan, &mut client, &mut out, &mut log).await;
    Said { front_end: "an evaluation", text: String::from_utf8(log).expect("text") }
}

/// What a server notes, and what it answers to one question.
fn server(line: &[&str], more: &Value, engine: EngineChannels) -> Said {
    let running = Running::with(line, engine, Clock::Real);
    let answer = running.chat(more).body;
    let text = running.notes() + &answer;
    running.stop();
    Said { front_end: "a server", text }
}

#[tokio::test]
async fn every_front_end_says_why_an_answer_is_not_whole_in_the_same_words() {
    let mut all: Vec<&str> = ENDINGS.iter().filter_map(|&(finish, answer)| why_not_whole(finish, answer)).collect();
    all.dedup();
    assert_eq!(all.len(), 6, "an answer that the model ended is whole");
    for (finish, answer) in ENDINGS {
        let mut session = Session::with_document_read("full");
        let mut lines = Lines::default();
        lines.after(&session);
        session.ask("Who?");
        lines.after(&session);
        session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: answer.to_owned() });
        let figures = Box::new(fixtures::answer_figures(&session.recipe(), 6));
        session.tell(Event::Answered { job: session.job, finish, figures });
        lines.after(&session);
        let script = Script::Says(vec![(Channel::Answer, answer)], finish);
        let said = [
            screen(&session),
            lines.said(),
            headless(&[], ScriptedEngine::start(script.clone())).await,
            evaluation(ScriptedEngine::start(script.clone())).await,
            server(&[], &json!({}), ScriptedEngine::start(script)),
        ];
        for front_end in &said {
            front_end.says(why_not_whole(finish, answer), &all);
        }
    }
}

/// A chat whose model has just been loaded, and what plain lines print about it.
fn loaded(preset: &str, info: ModelInfo) -> (Session, Lines) {
    let (mut session, mut lines) = (Session::begin(preset), Lines::default());
    lines.after(&session);
    session.tell(Event::Loaded(Box::new(info)));
    lines.after(&session);
    if preset == "auto" {
        session.size(100);
        lines.after(&session);
    }
    (session, lines)
}

#[tokio::test]
async fn every_front_end_says_what_there_is_to_know_of_a_model() {
    let changed: [fn(ModelInfo) -> ModelInfo; 4] = [
        |info| info,
        |info| ModelInfo { without_gpu: Some(NO_GPU.to_owned()), ..info },
        |info| ModelInfo { chat_template: None, ..info },
        |info| ModelInfo { without_gpu: Some(NO_GPU.to_owned()), chat_template: None, ..info },
    ];
    for (change, expected) in changed.into_iter().zip([[false, false], [true, false], [false, true], [true, true]]) {
        for preset in ["full", "auto"] {
            let (session, lines) = loaded(preset, change(fixtures::model()));
            let info = || change(scripted_engine::model());
            let said = [
                screen(&session),
                lines.said(),
                headless(&["--preset", preset], ScriptedEngine::with_model(info(), scripted_engine::says("He."))).await,
                evaluation(ScriptedEngine::with_model(info(), scripted_engine::says("He."))).await,
                server(
                    &["--preset", preset],
                    &json!({}),
                    ScriptedEngine::with_model(info(), scripted_engine::says("He.")),
                ),
            ];
            for Said { front_end, text } in said {
                let is_said = [text.contains(NO_GPU), text.contains(" has no chat template; using ChatML")];
                assert_eq!(is_said, expected, "{front_end} under {preset}:\n{text}");
            }
        }
    }
}

#[tokio::test]
async fn every_conversation_says_what_auto_chose_and_why() {
    let (session, lines) = loaded("auto", fixtures::model());
    let script = scripted_engine::says("He.");
    let said = [
        screen(&session),
        lines.said(),
        headless(&[], ScriptedEngine::start(script.clone())).await,
        server(&[], &json!({}), ScriptedEngine::start(script)),
    ];
    let told = "auto chose full: the document is so short that every preset sees all of it";
    for front_end in &said {
        front_end.says(Some(told), &[told]);
    }
}

#[tokio::test]
async fn every_conversation_says_why_a_preset_is_not_available() {
    let refusing = |info| ModelInfo { sliding_refused: Some("it has windows of its own".to_owned()), ..info };
    let (session, lines) = loaded("quick", refusing(fixtures::model()));
    let engine = || ScriptedEngine::with_model(refusing(scripted_engine::model()), scripted_engine::says("He."));
    let said = [
        screen(&session),
        lines.said(),
        headless(&["--preset", "quick"], engine()).await,
        server(&["--preset", "full"], &json!({ "preset": "quick" }), engine()),
    ];
    let told = "preset quick is not available for this model: it has windows of its own";
    for front_end in &said {
        front_end.says(Some(told), &[told]);
    }
}

#[tokio::test]
async fn every_conversation_says_why_a_template_gives_no_prompt() {
    let broken = |info| ModelInfo { chat_template: Some("{{ raise_exception('no') }}".to_owned()), ..info };
    let (session, lines) = loaded("full", broken(fixtures::model()));
    let engine = || ScriptedEngine::with_model(broken(scripted_engine::model()), scripted_engine::says("He."));
    let said = [
        screen(&session),
        lines.said(),
        headless(&["--preset", "full"], engine()).await,
        server(&["--preset", "full"], &json!({}), engine()),
    ];
    let told = "the model's chat template fails at line 1: no";
    for front_end in &said {
        front_end.says(Some(told), &[told]);
    }
}

/// Files that change during a conversation. `src/headless/tests.rs` tests the same for headless runs, with real files.
#[test]
fn every_conversation_says_what_became_of_the_files() {
    let text: Arc<str> = "It is a falsehood.".into();
    let place = "from line 3 of book.txt on".to_owned();
    let changed = News::Changed(NewText { ends: vec![text.len()], text, place, retrieved: None });
    let gone = News::Unreadable("cannot read book.txt: no such file".to_owned());
    for (news, told) in [
        (changed, "the document changed on disk, from line 3 of book.txt on: 6,000 of 10,000 tokens are kept"),
        (gone, "cannot read book.txt: no such file; answers still use the earlier text"),
    ] {
        let (mut session, mut lines) = (Session::with_document_read("full"), Lines::default());
        lines.after(&session);
        session.input(Input::News(news));
        session.tell(Event::Planned { job: session.job, plan: fixtures::plan(4_000, None) });
        lines.after(&session);
        for front_end in [screen(&session), lines.said()] {
            front_end.says(Some(told), &[told]);
        }
    }
}
