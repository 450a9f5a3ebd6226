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
//! written as it comes, in whole words of the model; Ctrl-C ends the program, as everywhere.

mod told;

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::chat::{Action, Chat, Effect, Input, Model, Work, update};
use crate::engine::message::{Command, Event};
use told::Told;

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Do(Action),
    Say(String),
    Nothing,
}

/// Talks until `lines` end or `/quit` comes. `out` gets everything.
pub fn run(
    mut chat: Chat,
    commands: &std::sync::mpsc::Sender<Command>,
    mut events: UnboundedReceiver<Event>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (sender, mut lines) = unbounded_channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let mut told = Told::default();
    told.tell(&chat, out)?;
    loop {
        let woken = runtime.block_on(async {
            tokio::select! {
                event = events.recv() => event.map_or(Woken::Input(Input::EngineGone), |event| Woken::Input(Input::Engine(event))),
                line = lines.recv() => line.map_or(Woken::End, Woken::Line),
            }
        });
        let input = match woken {
            Woken::Input(input) => input,
            Woken::End => Input::User(Action::Quit),
            Woken::Line(line) => match meant(&chat, &line) {
                Line::Do(action) => Input::User(action),
                Line::Say(text) => {
                    writeln!(out, "{text}")?;
                    told.prompt(out)?;
                    continue;
                }
                Line::Nothing => continue,
            },
        };
        let is_gone = input == Input::EngineGone;
        for effect in update(&mut chat, start.elapsed(), input) {
            match effect {
                Effect::Send(command) => drop(commands.send(command)),
                Effect::Cancel(token) => token.cancel(),
                Effect::Quit => return Ok(()),
                // Quotes lead into a document that is not shown here, nothing is attached, and a model is fetched before.
                Effect::CheckQuotes { .. } | Effect::ReadFile(_) | Effect::Fetch(_) | Effect::Start(_) => {}
            }
        }
        told.tell(&chat, out)?;
        if is_gone || matches!(chat.model, Model::Failed(_)) {
            return Ok(());
        }
    }
}

enum Woken {
    Input(Input),
    Line(String),
    End,
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
        _ if line.is_empty() => Line::Nothing,
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
