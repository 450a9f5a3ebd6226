//! Runs a conversation in plain lines, up to its exit code.
//!
//! Three kinds of events arrive: typed lines, results, and the end of the input. Each becomes an input of the chat;
//! then [`super::announcer`] announces what is new.
//!
//! A person's line acts at once. A script's lines are all there from the start, so each waits until what came before it is
//! done: in `Who?`, `/quit` the question is answered first. Only `/stop` does not wait.
//!
//! The exit code depends on the audience. A person has seen how each answer ended, so leaving is 0, unless the context is
//! full and nothing was done about it. A script has not:
//! as in a headless run, the first answer that ended badly decides. If the model cannot be loaded, both get its exit
//! code.

use std::collections::VecDeque;
use std::io::{self, BufRead, Write};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::announcer::Announcer;
use super::typed_line::TypedLine;
use crate::chat::{Action, Chat, Effect, Entry, ExchangeState, Input, KnownModel, Model, SessionId, Source, update};
use crate::exit::Exit;
use crate::harmless;
use crate::session::earlier::{self, Found, described};
use crate::session::places::place;
use crate::session::{EffectResult, EffectRunner, Recorder, ReloadRequest, Reloaded, references};
use crate::units::bytes;

/// How often time alone is looked at, where it makes a difference.
const TICK: Duration = Duration::from_secs(1);

/// Who reads the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Person,
    Script,
}

/// Runs until `/quit`, or until the input ends and everything is answered. `out` gets everything, including why a model
/// cannot be loaded.
pub fn run(chat: Chat, effects: EffectRunner<'_>, audience: Audience, out: &mut dyn Write) -> io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut lines = typed_lines();
        let announcer = Announcer::default();
        let waiting = VecDeque::new();
        let mut conversation = Conversation { chat, effects, audience, announcer, waiting, start: Instant::now(), out };
        conversation.announce()?;
        let mut lines_ended = false;
        loop {
            let exit = tokio::select! {
                result = conversation.effects.next() => conversation.take_result(result)?,
                line = lines.recv(), if !lines_ended => if let Some(line) = line {
                    conversation.take_line(line)?
                } else {
                    lines_ended = true;
                    None
                },
                () = tokio::time::sleep(TICK), if conversation.chat.begins_something() => {
                    conversation.update(Input::Tick)?
                }
            };
            let exit = match exit {
                Some(exit) => Some(exit),
                None => conversation.take_waiting_lines()?,
            };
            if let Some(exit) = exit {
                return Ok(exit);
            }
            if lines_ended && !conversation.is_waited_for() {
                return Ok(conversation.act(Action::Quit)?.unwrap_or(Exit::Ok));
            }
        }
    })
}

/// Typed lines, read on a thread.
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

/// A running conversation. Methods return an exit code to end it.
struct Conversation<'a, 'settings> {
    chat: Chat,
    effects: EffectRunner<'settings>,
    audience: Audience,
    announcer: Announcer,
    /// A script's lines that came while something else was in progress.
    waiting: VecDeque<String>,
    start: Instant,
    out: &'a mut dyn Write,
}

impl Conversation<'_, '_> {
    /// A person's line acts now, a script's when its turn comes.
    fn take_line(&mut self, line: String) -> io::Result<Option<Exit>> {
        if self.chat.yields_to_keys() {
            self.update(Input::Stirred)?;
        }
        if self.audience == Audience::Person || TypedLine::read(&self.chat, &line) == TypedLine::Act(Action::Cancel) {
            return self.carry_out(&line);
        }
        self.waiting.push_back(line);
        Ok(None)
    }

    /// Carries out the lines whose turn has come.
    fn take_waiting_lines(&mut self) -> io::Result<Option<Exit>> {
        while !self.is_in_progress() {
            let Some(line) = self.waiting.pop_front() else { break };
            if let Some(exit) = self.carry_out(&line)? {
                return Ok(Some(exit));
            }
        }
        Ok(None)
    }

    fn carry_out(&mut self, line: &str) -> io::Result<Option<Exit>> {
        match TypedLine::read(&self.chat, line) {
            TypedLine::Act(action) => self.act(action),
            TypedLine::Models => {
                let models = self.effects.known_models();
                self.announcer.say(&listed(&models), self.out)?;
                Ok(None)
            }
            TypedLine::UseModel(name) => {
                match self.effects.known_models().into_iter().find(|model| model.offered.name == name) {
                    Some(model) => self.act(Action::UseModel(Box::new(model))),
                    None => self.act(Action::Open(Source::Named(vec![name]))),
                }
            }
            TypedLine::Sessions => {
                let all = listed_sessions(self.effects.recorder());
                self.announcer.say(&all, self.out)?;
                Ok(None)
            }
            TypedLine::Until(written) => match place(&self.effects.files().document(), &written, None) {
                Ok(until) => self.act(Action::AskUntil(until)),
                Err(error) => {
                    self.announcer.say(&error.to_string(), self.out)?;
                    Ok(None)
                }
            },
            TypedLine::Find(text) => {
                let hits = found_in_sessions(self.effects.recorder(), &text);
                self.announcer.say(&hits, self.out)?;
                Ok(None)
            }
            TypedLine::GoOnWith(name) => match earlier::called(self.effects.recorder(), &name) {
                Ok(session) => {
                    let called = format!("the conversation {}", described(&session));
                    self.act(Action::GoOnWith { session: SessionId(session.id), called })
                }
                Err(error) => {
                    self.announcer.say(&error.to_string(), self.out)?;
                    Ok(None)
                }
            },
            TypedLine::Say(text) => {
                self.announcer.say(&text, self.out)?;
                Ok(None)
            }
        }
    }

    fn take_result(&mut self, result: EffectResult) -> io::Result<Option<Exit>> {
        match result {
            EffectResult::Chat(input) => self.update(input),
            // Only the terminal interface selects parts, and goes on while files are looked at.
            EffectResult::Parts(_) | EffectResult::Looked => Ok(None),
            EffectResult::Opened => match self.effects.reload(ReloadRequest::Opened) {
                Some(Reloaded { news, .. }) => self.update(Input::News(news)),
                None => Ok(None),
            },
        }
    }

    /// Handles an action. A question is asked about the documents as they are now, and what it names is attached first.
    fn act(&mut self, action: Action) -> io::Result<Option<Exit>> {
        let mut before = Vec::new();
        if action.looks_at_files()
            && let Some(Reloaded { news, .. }) = self.effects.reload(ReloadRequest::Again)
        {
            before.push(Input::News(news));
        }
        if let Some(question) = action.question() {
            let attached = references::attach_all(&self.chat, &self.effects.files().whole(), question);
            before.extend(attached.into_iter().map(Input::User));
        }
        for input in before {
            if let Some(exit) = self.update(input)? {
                return Ok(Some(exit));
            }
        }
        self.update(Input::User(action))
    }

    fn update(&mut self, input: Input) -> io::Result<Option<Exit>> {
        let mut is_left = false;
        for effect in update(&mut self.chat, self.start.elapsed(), input) {
            is_left |= effect == Effect::Quit;
            self.effects.run(effect);
        }
        self.announce()?;
        Ok(match &self.chat.model {
            Model::Failed(failure) => Some(failure.kind.into()),
            _ => is_left.then(|| self.exit()),
        })
    }

    fn announce(&mut self) -> io::Result<()> {
        self.announcer.announce(&self.chat, self.out)
    }

    /// Whether the next line of a script has to wait.
    fn is_in_progress(&self) -> bool {
        self.chat.is_busy() || self.is_answering()
    }

    /// Whether an answer, its quotes or the turn of a line are still to come.
    fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty() || self.is_answering()
    }

    /// Whether an answer or its quotes are still to come.
    fn is_answering(&self) -> bool {
        let waits_for_file =
            self.chat.exchanges().any(|exchange| exchange.state == ExchangeState::Waiting && exchange.waits_for_file());
        let is_coming = (self.chat.is_busy() || waits_for_file) && self.chat.is_waited_for();
        is_coming || self.announcer.waits_for_citations()
    }

    /// A conversation that can't go on is told to a person, too: what comes after it may depend on it.
    fn exit(&self) -> Exit {
        match self.audience {
            Audience::Person if self.chat.full.is_some() => Exit::DoesNotFit,
            Audience::Person => Exit::Ok,
            Audience::Script => first_bad(&self.chat),
        }
    }
}

/// One model a line.
fn listed(models: &[KnownModel]) -> String {
    let line = |model: &KnownModel| {
        let place = if model.file.is_some() { "installed" } else { "to download" };
        format!("{}: {}, {}, {place}", model.offered.name, model.offered.title, bytes(model.offered.bytes))
    };
    models.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One saved conversation a line.
fn listed_sessions(recorder: &mut Recorder) -> String {
    let line = |session: &earlier::Session| {
        let name = session.head.name.as_ref().map_or(String::new(), |name| format!(" {name},"));
        format!("{}:{name} {}", session.id, described(session))
    };
    match earlier::listed(recorder) {
        Ok(all) if all.is_empty() => "no conversation is saved yet".to_owned(),
        Ok(all) => all.iter().map(line).collect::<Vec<_>>().join("\n"),
        Err(error) => error.to_string(),
    }
}

/// One place a line.
fn found_in_sessions(recorder: &mut Recorder, text: &str) -> String {
    let line =
        |hit: &Found| format!("{}: {}, {}: {}", hit.session, hit.called, hit.place.name(), harmless::line(&hit.words));
    match earlier::found(recorder, text) {
        Ok(hits) if hits.is_empty() => format!("nothing is found of {text}"),
        Ok(hits) => hits.iter().map(line).collect::<Vec<_>>().join("\n"),
        Err(error) => error.to_string(),
    }
}

/// The exit code of the first answer that ended badly.
fn first_bad(chat: &Chat) -> Exit {
    let of_this_run = chat.transcript.iter().skip(chat.earlier_entries).filter_map(Entry::exchange);
    let exits = of_this_run.map(|exchange| match &exchange.state {
        ExchangeState::Answered(finish) => (*finish).into(),
        ExchangeState::Failed(failure) => failure.kind.into(),
        ExchangeState::Withdrawn => Exit::Interrupted,
        ExchangeState::Waiting | ExchangeState::Running => Exit::Ok,
    });
    exits.fold(Exit::Ok, Exit::or)
}
