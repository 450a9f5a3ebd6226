//! The chat in plain lines, for screen readers and simple terminals: nothing moves, nothing is drawn over, one line says one thing.
//!
//! ```text
//! loading the model
//! reading pride-and-prejudice.txt by accurate: 10%
//! pride-and-prejudice.txt is read. Ask, or /help.
//! > Who is Mr. Collins?
//! A clergyman …
//! (accurate, 40 tokens at 20.0 tok/s)
//! ```
//!
//! The same [`crate::chat`] and engine as the screen has. What a person types is a question, or a command that begins with `/`. An answer is
//! written as it comes, in whole words of the model; Ctrl-C ends the program, as everywhere. No terminal is needed: questions from a pipe are
//! answered, and where they end the program does.

pub mod consent;
mod told;

use std::io::{self, BufRead, Write};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::chat::{Action, Chat, Effect, Input, Model, Work, update};
use crate::engine::message::{Command, Event};
use crate::exit::Exit;
use told::Told;

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Do(Action),
    Say(String),
}

/// Talks until `/quit` comes, or the lines end and what was asked is answered. `out` gets everything, also why a model can't be had, which
/// is the exit code then.
pub fn run(
    chat: Chat,
    commands: &Sender<Command>,
    mut events: UnboundedReceiver<Event>,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let mut lines = typed_lines();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut talk = Talk { chat, commands, out, told: Told::default(), start: Instant::now(), lines_ended: false };
    talk.told.tell(&talk.chat, talk.out)?;
    loop {
        let woken = runtime.block_on(async {
            tokio::select! {
                event = events.recv() => Woken::Input(event.map_or(Input::EngineGone, Input::Engine)),
                line = lines.recv(), if !talk.lines_ended => line.map_or(Woken::End, Woken::Line),
            }
        });
        if let Some(exit) = talk.take(woken)? {
            return Ok(exit);
        }
    }
}

/// What is typed, line by line, from a thread of its own.
fn typed_lines() -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

enum Woken {
    Input(Input),
    Line(String),
    End,
}

/// A conversation under way.
struct Talk<'a> {
    chat: Chat,
    commands: &'a Sender<Command>,
    out: &'a mut dyn Write,
    told: Told,
    start: Instant,
    /// Nothing more is typed.
    lines_ended: bool,
}

impl Talk<'_> {
    /// `Some` when it is over.
    fn take(&mut self, woken: Woken) -> io::Result<Option<Exit>> {
        let exit = match woken {
            Woken::Input(input) => self.update(input)?,
            Woken::Line(line) => match meant(&self.chat, &line) {
                Line::Do(action) => self.update(Input::User(action))?,
                Line::Say(text) => {
                    writeln!(self.out, "{text}")?;
                    self.told.prompt(self.out)?;
                    None
                }
            },
            Woken::End => {
                self.lines_ended = true;
                None
            }
        };
        match exit {
            None if self.lines_ended && !self.is_waited_for() => self.update(Input::User(Action::Quit)),
            exit => Ok(exit),
        }
    }

    /// Whether an answer is still to come by itself.
    fn is_waited_for(&self) -> bool {
        self.chat.is_busy() && self.chat.is_waited_for()
    }

    fn update(&mut self, input: Input) -> io::Result<Option<Exit>> {
        for effect in update(&mut self.chat, self.start.elapsed(), input) {
            match effect {
                Effect::Send(command) => drop(self.commands.send(command)),
                Effect::Cancel(token) => token.cancel(),
                Effect::Quit => return Ok(Some(Exit::Ok)),
                // Quotes lead into a document that is not shown here, and a model is fetched before.
                Effect::CheckQuotes { .. } | Effect::ReadFile(_) | Effect::Fetch(_) | Effect::Start(_) => {}
            }
        }
        self.told.tell(&self.chat, self.out)?;
        match &self.chat.model {
            Model::Failed(failure) => Ok(Some(failure.kind.into())),
            _ => Ok(None),
        }
    }
}

const HELP: &str = "Type a question, and Enter. /presets lists the presets, /preset NAME reads by one, /stop stops, /quit leaves. \
                    An empty line goes on with a reading that was stopped.";

/// What a typed line asks for.
fn meant(chat: &Chat, line: &str) -> Line {
    let line = line.trim();
    let decides = matches!(chat.work, Work::Deciding { .. });
    match line.split_once(' ').unwrap_or((line, "")) {
        ("", _) => Line::Do(Action::Resume),
        ("y" | "yes", "") if decides => Line::Do(Action::Confirm),
        ("n" | "no", "") if decides => Line::Do(Action::Cancel),
        ("/quit" | "/q", _) => Line::Do(Action::Quit),
        ("/stop", _) => Line::Do(Action::Cancel),
        ("/help", _) => Line::Say(HELP.to_owned()),
        ("/presets", _) => Line::Say(presets(chat)),
        ("/preset", name) => match chat.offers.iter().position(|offer| offer.name == name.trim()) {
            Some(offer) => Line::Do(Action::Switch(offer)),
            None => Line::Say(format!("there is no preset {name}\n{}", presets(chat))),
        },
        (command, _) if command.starts_with('/') => Line::Say(format!("there is no command {command}. {HELP}")),
        _ => Line::Do(Action::Ask(line.to_owned())),
    }
}

fn presets(chat: &Chat) -> String {
    let held = chat.held.as_ref().map(|held| held.way.name.clone());
    let line = |offer: &crate::swaa::Preset| {
        let in_force = if held.as_deref() == Some(offer.name.as_str()) { ", in force" } else { "" };
        format!("{}{in_force}: {}", offer.name, offer.summary)
    };
    chat.offers.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::{DOCUMENT_TOKENS, Session, model, progress};

    #[test]
    fn lines_are_questions_commands_and_decisions() {
        let mut session = Session::with_document_read("accurate");
        let chat = &session.chat;
        let full = chat.offers.iter().position(|offer| offer.name == "full").expect("a built-in preset");
        assert_eq!(meant(chat, " Who? "), Line::Do(Action::Ask("Who?".into())));
        assert_eq!(meant(chat, "/preset full"), Line::Do(Action::Switch(full)));
        assert!(matches!(meant(chat, "/preset nice"), Line::Say(text) if text.contains("no preset nice")));
        assert!(matches!(meant(chat, "/fly"), Line::Say(text) if text.contains("no command /fly")));
        assert_eq!(meant(chat, "y"), Line::Do(Action::Ask("y".into())));
        session.switch("full");
        session.forecast(8_000, Some(12));
        assert_eq!(meant(&session.chat, "y"), Line::Do(Action::Confirm));
        assert_eq!(meant(&session.chat, "no"), Line::Do(Action::Cancel));
    }

    /// Everything that is told of a session, step by step.
    fn transcript(steps: &mut dyn FnMut(&mut Session, usize) -> bool) -> String {
        let (mut session, mut told, mut out) = (Session::begin("accurate"), Told::default(), Vec::new());
        told.tell(&session.chat, &mut out).expect("memory");
        let mut step = 0;
        while steps(&mut session, step) {
            told.tell(&session.chat, &mut out).expect("memory");
            step += 1;
        }
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn of_two_answers_that_follow_each_other_both_are_told_with_what_they_cost() {
        let mut session = Session::with_document_read("accurate");
        let (mut told, mut out) = (Told::default(), Vec::new());
        let mut tell = |session: &Session| {
            told.tell(&session.chat, &mut out).expect("memory");
            String::from_utf8(out.clone()).expect("text")
        };
        session.ask("Who?");
        session.ask("What?");
        tell(&session);
        session.answer("A clergyman.");
        tell(&session);
        session.answer("A proposal.");
        let text = tell(&session);
        let (first, second) = ("A clergyman.\n(accurate, 40 tokens", "A proposal.\n(accurate, 40 tokens");
        assert!(text.contains(first) && text.contains(second), "{text}");
    }

    #[test]
    fn a_session_is_told_line_by_line() {
        use crate::engine::message::{Channel, Finish};
        let text = transcript(&mut |session, step| {
            let job = session.job;
            match step {
                0 => drop(session.tell(Event::Loaded(Box::new(model())))),
                1 => drop(session.tell(Event::Prefilling { job, progress: progress(4_300) })),
                2 => drop(session.tell(Event::Prefilling { job, progress: progress(4_400) })),
                3 => drop(session.read(0, DOCUMENT_TOKENS)),
                4 => drop(session.ask("Who?")),
                5 => drop(session.tell(Event::Piece { job, channel: Channel::Answer, text: "A clergy".into() })),
                6 => drop(session.tell(Event::Piece { job, channel: Channel::Answer, text: "man.".into() })),
                7 => {
                    let figures = Box::new(crate::chat::fixtures::answer_figures(&session.recipe(), 40));
                    drop(session.tell(Event::Answered { job, finish: Finish::EndOfGeneration, figures }));
                }
                _ => return false,
            }
            true
        });
        let expected = "loading the model\nreading Pride and Prejudice by accurate: 43%\n\
            Pride and Prejudice is read. Ask, or /help.\n> \nA clergyman.\n(accurate, 40 tokens at 20.0 tok/s)\n> ";
        assert_eq!(text, expected);
    }
}
