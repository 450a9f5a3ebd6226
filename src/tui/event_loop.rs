//! The event loop: every event goes through `chat::update`, and changes are drawn.
//!
//! One `select!` waits for a signal, a key, a result, the next frame or the next tick. After the first event the loop
//! takes everything else that is ready and then draws once, so a thousand tokens that arrive together cost one frame.
//! Frames are at least 16 ms apart. The clock ticks only while something on the screen depends on time; an idle screen
//! waits indefinitely.
//!
//! There is one way out and one way back. Everything to be done outside is a [`LoopCommand`] for the [`Runner`]; its
//! result is an [`EffectResult`] from [`Runner::next`], as are the engine's events, or a [`Reply`] if it is available
//! at once. A question waits for a look at the documents' files; the screen does not ([`HeldQuestions`]). Keys come from a stream and frames go to a [`Display`], so tests drive this loop without a terminal. The
//! first frame is drawn before anything is awaited, because loading the model may take a while.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::display::Display;
use super::keymap::Intent;
use super::layout::lay_out;
use super::options::{Error, ScreenExit};
use super::recents::left;
use super::rendered_entries::RenderedEntries;
use super::runner::{LoopCommand, Reply, Runner};
use super::screen::Screen;
use super::terminal_input::{Background, TerminalEvent};
use super::theme::{self, Theme};
use super::ui_command::UiCommand;
use crate::chat::{Action, Chat, Choice, Effect, Input, update};
use crate::session::{EffectResult, Reloaded, Signal};
use crate::store::Remembered;

/// Terminals show about sixty frames a second.
const FRAME: Duration = Duration::from_millis(16);
/// How often timers on the screen are updated.
const TICK: Duration = Duration::from_millis(200);
/// Most events taken before a frame is drawn, so that a flood of events cannot freeze the screen.
const TAKEN_AT_ONCE: usize = 4096;

/// The state of the loop, where it is drawn, and what acts outside it.
pub(super) struct Loop<D, R> {
    pub chat: Chat,
    pub screen: Screen,
    pub theme: Theme,
    /// The theme is the terminal's, which may still report its background.
    pub follows_background: bool,
    pub display: D,
    /// Carries out commands. No keys are read while a command [takes the terminal](UiCommand::takes_the_terminal).
    pub runner: R,
    /// Questions that wait for the documents.
    pub held: Option<HeldQuestions>,
}

/// Questions that wait until the documents' files were looked at: a network may hang, or a pipe lie in the place of a file.
pub(super) struct HeldQuestions {
    actions: Vec<Action>,
    /// From then on they are asked about the documents as they were.
    until: Duration,
}

/// What is shown meanwhile.
const LOOKING: &str = "looking whether the document has changed · Esc asks nothing";

/// What an event leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextStep {
    Nothing,
    Draw,
    DrawAfresh,
    End(ScreenExit),
}

/// What woke the loop.
enum Woken {
    Key(Option<io::Result<TerminalEvent>>),
    Result(EffectResult),
    Time,
    /// Questions have waited long enough.
    Late,
    Signal(Signal),
}

impl<D: Display, R: Runner> Loop<D, R> {
    /// Runs until the user leaves, `signal` arrives, or the terminal is gone (which counts as a hang-up).
    pub(super) async fn run<Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin>(
        &mut self,
        open_keys: impl FnMut() -> Keys,
        signal: impl Future<Output = Signal>,
    ) -> Result<ScreenExit, Error> {
        match self.run_until_ended(open_keys, signal).await {
            // The terminal is gone; the signal that says so may arrive a moment later.
            Err(Error::Terminal(error)) if error.raw_os_error() == Some(libc::EIO) => {
                Ok(ScreenExit::BySignal(Signal::HangUp))
            }
            ended => ended,
        }
    }

    async fn run_until_ended<Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin>(
        &mut self,
        mut open_keys: impl FnMut() -> Keys,
        signal: impl Future<Output = Signal>,
    ) -> Result<ScreenExit, Error> {
        let start = Instant::now();
        let mut signal = std::pin::pin!(signal);
        let mut keys = open_keys();
        let mut pending = NextStep::DrawAfresh;
        let mut next_frame = start;
        let mut next_tick = start + TICK;
        loop {
            if pending != NextStep::Nothing && Instant::now() >= next_frame {
                self.draw(pending == NextStep::DrawAfresh)?;
                pending = NextStep::Nothing;
                next_frame = Instant::now() + FRAME;
            }
            let frame_due = pending != NextStep::Nothing;
            let late = start + self.held.as_ref().map_or(Duration::ZERO, |held| held.until);
            let mut woken = tokio::select! {
                biased;
                signal = &mut signal => Woken::Signal(signal),
                key = keys.next() => Woken::Key(key),
                result = self.runner.next() => Woken::Result(result),
                () = sleep_until(next_frame), if frame_due => continue,
                () = sleep_until(next_tick), if self.chat.needs_time() => Woken::Time,
                () = sleep_until(late), if self.held.is_some() => Woken::Late,
            };
            for _ in 0..TAKEN_AT_ONCE {
                if matches!(woken, Woken::Time) {
                    next_tick = Instant::now() + TICK;
                }
                match self.take(woken, start.elapsed())? {
                    NextStep::End(ended) => return Ok(ended),
                    step => pending = more(pending, step),
                }
                if self.screen.commands.iter().any(UiCommand::takes_the_terminal) {
                    // The program that takes the terminal also gets its keys.
                    drop(keys);
                    pending = more(pending, self.run_commands(start.elapsed())?);
                    keys = open_keys();
                } else if !self.screen.commands.is_empty() {
                    pending = more(pending, self.run_commands(start.elapsed())?);
                }
                // Take everything else that is ready.
                if let Poll::Ready(key) = ready(&mut keys).await {
                    woken = Woken::Key(key);
                } else if let Some(result) = self.runner.try_next() {
                    woken = Woken::Result(result);
                } else {
                    break;
                }
            }
        }
    }

    fn draw(&mut self, afresh: bool) -> io::Result<()> {
        lay_out(&mut self.screen, &self.chat, &self.theme, self.display.area()?);
        self.display.draw(&self.chat, &self.screen, &self.theme, afresh)
    }

    /// Handles an event, and then whatever the screen needs as a consequence.
    fn take(&mut self, woken: Woken, now: Duration) -> Result<NextStep, Error> {
        let step = self.take_one(woken, now)?;
        let actions = self.screen.attend(&self.chat);
        self.act_all(now, actions, step)
    }

    fn take_one(&mut self, woken: Woken, now: Duration) -> Result<NextStep, Error> {
        match woken {
            Woken::Signal(signal) => {
                self.update(now, Input::User(Action::Quit))?;
                Ok(NextStep::End(ScreenExit::BySignal(signal)))
            }
            Woken::Key(None) => Ok(NextStep::End(ScreenExit::BySignal(Signal::HangUp))),
            Woken::Key(Some(key)) => self.key(key?, now),
            Woken::Result(EffectResult::Chat(input)) => self.update(now, input),
            Woken::Result(EffectResult::Parts(result)) => {
                let actions = self.screen.take_parts_result(&self.chat, result);
                self.act_all(now, actions, NextStep::Draw)
            }
            Woken::Result(EffectResult::Opened) => {
                let left = left(&self.screen, &self.chat);
                let reply = self.runner.run(LoopCommand::Opened(left))?;
                self.take_reply(now, reply)
            }
            Woken::Result(EffectResult::Looked) | Woken::Late => self.ask_held(now),
            Woken::Time => self.update(now, Input::Tick),
        }
    }

    fn key(&mut self, event: TerminalEvent, now: Duration) -> Result<NextStep, Error> {
        let is_users = matches!(event, TerminalEvent::Key(_) | TerminalEvent::Paste(_) | TerminalEvent::Mouse(_));
        if is_users && self.chat.yields_to_keys() {
            let stirred = self.update(now, Input::Stirred)?;
            return Ok(more(stirred, self.take_key(event, now)?));
        }
        self.take_key(event, now)
    }

    fn take_key(&mut self, event: TerminalEvent, now: Duration) -> Result<NextStep, Error> {
        let intent = match event {
            TerminalEvent::Key(key) => self.screen.intent(key),
            TerminalEvent::Paste(text) => Some(Intent::Paste(text)),
            TerminalEvent::Mouse(mouse) => self.screen.mouse(mouse),
            TerminalEvent::Resized => return Ok(NextStep::Draw),
            TerminalEvent::Background(background) => return Ok(self.take_background(background)),
            TerminalEvent::EndOfReplies => None,
            TerminalEvent::Suspended => return Ok(self.command(UiCommand::Suspend)),
            TerminalEvent::Continued => return Ok(self.command(UiCommand::Reclaim)),
        };
        let Some(intent) = intent else { return Ok(NextStep::Nothing) };
        if intent == Intent::Redraw {
            return Ok(NextStep::DrawAfresh);
        }
        if matches!(intent, Intent::Escape | Intent::Interrupt)
            && self.screen.overlay.is_none()
            && let Some(held) = self.held.take()
        {
            return Ok(self.give_up(&held));
        }
        let actions = self.screen.handle(&self.chat, intent);
        self.act_all(now, actions, NextStep::Draw)
    }

    fn take_background(&mut self, background: Background) -> NextStep {
        if !self.follows_background {
            return NextStep::Nothing;
        }
        self.theme = Theme::of(theme::on(background));
        // Their lines have colours.
        self.screen.entries = RenderedEntries::default();
        NextStep::DrawAfresh
    }

    fn command(&mut self, command: UiCommand) -> NextStep {
        self.screen.commands.push(command);
        NextStep::Nothing
    }

    fn act_all(&mut self, now: Duration, actions: Vec<Action>, step: NextStep) -> Result<NextStep, Error> {
        actions.into_iter().try_fold(step, |step, action| Ok(more(step, self.act(now, action)?)))
    }

    /// Handles an action. A question is asked about the documents as they are now, so their files are looked at first.
    fn act(&mut self, now: Duration, action: Action) -> Result<NextStep, Error> {
        if !action.looks_at_files() {
            return self.update(now, Input::User(action));
        }
        if let Some(held) = &mut self.held {
            held.actions.push(action);
            return Ok(NextStep::Draw);
        }
        match self.runner.run(LoopCommand::Look)? {
            Reply::Looking(patience) => {
                self.held = Some(HeldQuestions { actions: vec![action], until: now + patience });
                self.screen.message = Some(LOOKING.to_owned());
                Ok(NextStep::Draw)
            }
            reply => self.ask(now, reply, vec![action]),
        }
    }

    /// Asks what was held; nothing, if the look came later than that.
    fn ask_held(&mut self, now: Duration) -> Result<NextStep, Error> {
        let Some(HeldQuestions { actions, .. }) = self.held.take() else { return Ok(NextStep::Nothing) };
        self.screen.message = self.screen.message.take().filter(|message| message != LOOKING);
        let reply = self.runner.run(LoopCommand::Reload)?;
        self.ask(now, reply, actions)
    }

    /// Takes what has become of the documents, and asks.
    fn ask(&mut self, now: Duration, documents: Reply, actions: Vec<Action>) -> Result<NextStep, Error> {
        let reloaded = self.take_reply(now, documents)?;
        actions.into_iter().try_fold(reloaded, |step, action| Ok(more(step, self.update(now, Input::User(action))?)))
    }

    /// Asks nothing. The last question can be asked again.
    fn give_up(&mut self, held: &HeldQuestions) -> NextStep {
        if let Some(Action::Ask(question)) = held.actions.last()
            && self.screen.input.is_empty()
        {
            self.screen.edited(question);
        }
        self.screen.message = Some("not asked: the document's files are still being looked at".to_owned());
        NextStep::Draw
    }

    fn run_commands(&mut self, now: Duration) -> Result<NextStep, Error> {
        let mut step = NextStep::Draw;
        for command in std::mem::take(&mut self.screen.commands) {
            if command.takes_the_terminal() {
                step = NextStep::DrawAfresh;
            }
            step = more(step, self.run_command(now, &command)?);
        }
        Ok(step)
    }

    fn run_command(&mut self, now: Duration, command: &UiCommand) -> Result<NextStep, Error> {
        let reply = self.runner.run(LoopCommand::Screen(command.clone()))?;
        if let (UiCommand::TakeParts(choice), Reply::Reloaded(Reloaded { document: Some(_), .. })) = (command, &reply) {
            self.screen.parts.take(choice);
        }
        self.take_reply(now, reply)
    }

    fn take_reply(&mut self, now: Duration, reply: Reply) -> Result<NextStep, Error> {
        match reply {
            Reply::Nothing | Reply::Looking(_) => return Ok(NextStep::Nothing),
            Reply::Message(line) => self.screen.message = Some(line),
            Reply::Edited(text) => self.screen.edited(&text),
            Reply::Reloaded(reloaded) => return self.take_reloaded(now, reloaded),
            Reply::Opened { reloaded, parts, place } => {
                let step = self.take_opened(now, reloaded, place);
                self.screen.parts.take(&Choice { parts, preset_entry: None });
                return step;
            }
            Reply::Completed(typed, completed) => self.screen.completed(&typed, completed),
            Reply::Models(models) => self.screen.list_models(&self.chat, models),
            Reply::Sessions { rows, found_by, message } => {
                self.screen.list_sessions(rows, found_by);
                self.screen.message = message.or_else(|| self.screen.message.take());
            }
            Reply::Theme(theme) => {
                self.theme = Theme::of(theme);
                self.follows_background = false;
                // The transcript's lines have the old colours.
                self.screen.entries = RenderedEntries::default();
                return Ok(NextStep::DrawAfresh);
            }
        }
        Ok(NextStep::Draw)
    }

    fn take_reloaded(&mut self, now: Duration, reloaded: Reloaded) -> Result<NextStep, Error> {
        let Reloaded { news, document, whole } = reloaded;
        if let Some(document) = document {
            self.screen.reader.reopen(document);
        }
        if let Some(whole) = whole {
            self.screen.parts.reopen(whole);
        }
        self.update(now, Input::News(news))
    }

    /// Shows other documents, where they were left last time.
    fn take_opened(&mut self, now: Duration, opened: Reloaded, place: Option<Remembered>) -> Result<NextStep, Error> {
        let Reloaded { news, document, whole } = opened;
        if let (Some(document), Some(whole)) = (document, whole) {
            self.screen.open_document(document, whole);
        }
        if let Some(place) = place {
            self.screen.reader.open_at(place.byte);
            self.screen.reader.bookmarks.marks = place.marks;
        }
        self.update(now, Input::News(news))
    }

    fn update(&mut self, now: Duration, input: Input) -> Result<NextStep, Error> {
        let mut step = NextStep::Draw;
        for effect in update(&mut self.chat, now, input) {
            match effect {
                Effect::Quit => step = NextStep::End(ScreenExit::ByUser),
                effect => {
                    let reply = self.runner.run(LoopCommand::Chat(effect))?;
                    step = more(step, self.take_reply(now, reply)?);
                }
            }
        }
        Ok(step)
    }
}

/// What `keys` has ready, without waiting.
///
/// Polled with the task's own waker: a stream may keep the first waker it gets until a key arrives, so polling with a
/// no-op waker could leave an idle screen deaf.
async fn ready<S: Stream + Unpin>(keys: &mut S) -> Poll<Option<S::Item>> {
    poll_fn(|context| Poll::Ready(keys.poll_next_unpin(context))).await
}

/// The step that does more.
fn more(a: NextStep, b: NextStep) -> NextStep {
    match (a, b) {
        (NextStep::End(ended), _) | (_, NextStep::End(ended)) => NextStep::End(ended),
        (NextStep::DrawAfresh, _) | (_, NextStep::DrawAfresh) => NextStep::DrawAfresh,
        (NextStep::Draw, _) | (_, NextStep::Draw) => NextStep::Draw,
        (NextStep::Nothing, NextStep::Nothing) => NextStep::Nothing,
    }
}
