//! A conversation in plain lines, from its first line to its exit code.
//!
//! Three things happen: a line is typed, something comes back from outside, the typed lines end. Each becomes an input of the chat; then
//! [`super::announcer`] tells what is new.
//!
//! The exit code depends on who listens. A person has read how each answer ended: leaving is 0. A script has not: the first answer that
//! ended badly decides, as in a headless run. A model that can't be loaded ends both with its own code.

use std::io::{self, BufRead, Write};
use std::thread;
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::announcer::Announcer;
use super::typed_line::TypedLine;
use crate::chat::{Action, Chat, Effect, ExchangeState, Input, Model, update};
use crate::exit::Exit;
use crate::session::{EffectResult, EffectRunner, ReloadRequest, Reloaded, references};

/// Who reads the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Person,
    Script,
}

/// Talks until `/quit` comes, or the lines end and what was asked is answered. `out` gets everything, also why a model can't be had.
pub fn run(chat: Chat, effects: EffectRunner<'_>, audience: Audience, out: &mut dyn Write) -> io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut lines = typed_lines();
        let start = Instant::now();
        let mut conversation = Conversation { chat, effects, audience, announcer: Announcer::default(), start, out };
        conversation.announce()?;
        let mut lines_ended = false;
        loop {
            let exit = tokio::select! {
                result = conversation.effects.next() => conversation.take_result(result)?,
                line = lines.recv(), if !lines_ended => match line {
                    Some(line) => conversation.take_line(&line)?,
                    None => {
                        lines_ended = true;
                        None
                    }
                },
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

/// A conversation under way. Its methods return an exit code when it is over.
struct Conversation<'a, 'settings> {
    chat: Chat,
    effects: EffectRunner<'settings>,
    audience: Audience,
    announcer: Announcer,
    start: Instant,
    out: &'a mut dyn Write,
}

impl Conversation<'_, '_> {
    fn take_line(&mut self, line: &str) -> io::Result<Option<Exit>> {
        match TypedLine::read(&self.chat, line) {
            TypedLine::Act(action) => self.act(action),
            TypedLine::Say(text) => {
                self.announcer.say(&text, self.out)?;
                Ok(None)
            }
        }
    }

    fn take_result(&mut self, result: EffectResult) -> io::Result<Option<Exit>> {
        match result {
            EffectResult::Chat(input) => self.update(input),
            // Parts are counted for those who choose them, which takes a screen.
            EffectResult::Parts(_) => Ok(None),
        }
    }

    /// What a person does. A question is about the document as it is now, and names what it refers to.
    fn act(&mut self, action: Action) -> io::Result<Option<Exit>> {
        let mut before = Vec::new();
        if let Action::Ask(question) | Action::Versus { question, .. } = &action {
            if let Some(Reloaded { news, .. }) = self.effects.reload(ReloadRequest::Again) {
                before.push(Input::News(news));
            }
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
        self.announcer.announce(&self.chat, &self.effects.files().document(), self.out)
    }

    /// Whether something is still to be told without anything typed.
    fn is_waited_for(&self) -> bool {
        let waits_for_file =
            self.chat.exchanges().any(|exchange| exchange.state == ExchangeState::Waiting && exchange.waits_for_file());
        let is_coming = (self.chat.is_busy() || waits_for_file) && self.chat.is_waited_for();
        is_coming || self.announcer.waits_for_quotes()
    }

    fn exit(&self) -> Exit {
        match self.audience {
            Audience::Person => Exit::Ok,
            Audience::Script => first_bad(&self.chat),
        }
    }
}

/// The exit code of the first answer that ended badly.
fn first_bad(chat: &Chat) -> Exit {
    let exits = chat.exchanges().map(|exchange| match &exchange.state {
        ExchangeState::Answered(finish) => (*finish).into(),
        ExchangeState::Failed(failure) => failure.kind.into(),
        ExchangeState::Withdrawn => Exit::Interrupted,
        ExchangeState::Waiting | ExchangeState::Running => Exit::Ok,
    });
    exits.into_iter().find(|exit| *exit != Exit::Ok).unwrap_or(Exit::Ok)
}
