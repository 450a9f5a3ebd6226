//! The loop: whatever happens goes through `chat::update`, and what has changed is drawn.
//!
//! One `select!` waits for a signal, a key, an engine event, the next frame or the next tick. After the first of them everything
//! else that is there is taken too, and then there is one frame: a thousand tokens that come at once cost one drawing. Frames
//! are 16 ms apart at least. Time ticks only while something on the screen changes with it; an idle screen waits without end.
//!
//! Keys and events are streams and the drawing is a closure, so that tests drive this very loop without a terminal. The first frame is
//! drawn before anything is waited for: the model may take its time.

use std::future::poll_fn;
use std::io::{self, stdout};
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{Event as TerminalEvent, EventStream};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::guard::Guard;
use super::keymap::{self, Intent};
use super::screen::Screen;
use super::theme::Theme;
use super::view;
use crate::chat::{Action, Chat, Effect, Input, News, update};
use crate::engine::message::{Command, Event};

/// Sixty frames a second is what a terminal can show.
const FRAME: Duration = Duration::from_millis(16);
/// How often timers on the screen move.
const TICK: Duration = Duration::from_millis(200);
/// What is taken at most before a frame is due: a flood must not freeze the screen.
const TAKEN_AT_ONCE: usize = 4096;

/// What the screen is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    pub color: bool,
}

/// Why the screen was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    ByUser,
    /// The number of the signal: SIGTERM is 15, SIGHUP 1, SIGINT 2.
    BySignal(i32),
}

/// Why the screen could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// Shows `chat` until it is left. Commands go to the engine's thread by `commands`, its events come by `events`; `look` is asked before
/// each question whether the document is still what it was.
pub fn run(
    chat: Chat,
    commands: mpsc::Sender<Command>,
    events: UnboundedReceiver<Event>,
    look: impl FnMut() -> Option<News>,
    options: Options,
) -> Result<Ended, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let signals = Signals::listen()?;
        let _guard = Guard::take()?;
        let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let theme = Theme::new(options.color);
        let draw = |chat: &Chat, screen: &mut Screen, afresh: bool| draw(&mut terminal, chat, screen, &theme, afresh);
        // The engine's end is told by `events`; a command that nobody takes is then past caring.
        let send = move |command| drop(commands.send(command));
        Loop { chat, screen: Screen::default(), draw, send, look }.run(EventStream::new(), events, signals.next()).await
    })
}

/// One frame, shown at once: a terminal that knows synchronised updates never shows half of it.
fn draw(
    terminal: &mut Terminal<CrosstermBackend<io::Stdout>>,
    chat: &Chat,
    screen: &mut Screen,
    theme: &Theme,
    afresh: bool,
) -> io::Result<()> {
    execute!(stdout(), BeginSynchronizedUpdate)?;
    if afresh {
        terminal.clear()?;
    }
    terminal.draw(|frame| view::draw(frame, chat, screen, theme))?;
    execute!(stdout(), EndSynchronizedUpdate)
}

/// The signals that end a program.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The number of the first that comes.
    async fn next(mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hang_up.recv() => SignalKind::hangup(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
        };
        kind.as_raw_value()
    }
}

/// The chat, the screen, and the two ways out of here.
pub(super) struct Loop<Draw, Send, Look> {
    pub chat: Chat,
    pub screen: Screen,
    /// Draws a frame; the flag asks for one from scratch.
    pub draw: Draw,
    pub send: Send,
    /// Looks at the document's files.
    pub look: Look,
}

/// What one happening has left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    Draw,
    DrawAfresh,
    End(Ended),
}

/// What woke the loop.
enum Woken {
    Key(Option<io::Result<TerminalEvent>>),
    Engine(Option<Event>),
    Time,
    Signal(i32),
}

impl<Draw, Send, Look> Loop<Draw, Send, Look>
where
    Draw: FnMut(&Chat, &mut Screen, bool) -> io::Result<()>,
    Send: Fn(Command),
    Look: FnMut() -> Option<News>,
{
    /// Runs until it is left, or `signal` comes, or the terminal is gone (which is a hang-up).
    pub(super) async fn run(
        mut self,
        mut keys: impl Stream<Item = io::Result<TerminalEvent>> + Unpin,
        mut events: UnboundedReceiver<Event>,
        signal: impl Future<Output = i32>,
    ) -> Result<Ended, Error> {
        let start = Instant::now();
        let mut signal = std::pin::pin!(signal);
        let mut engine_lives = true;
        let mut pending = Step::DrawAfresh;
        let mut next_frame = start;
        let mut next_tick = start + TICK;
        loop {
            if pending != Step::Nothing && Instant::now() >= next_frame {
                (self.draw)(&self.chat, &mut self.screen, pending == Step::DrawAfresh)?;
                pending = Step::Nothing;
                next_frame = Instant::now() + FRAME;
            }
            let frame_due = pending != Step::Nothing;
            let mut woken = tokio::select! {
                biased;
                number = &mut signal => Woken::Signal(number),
                key = keys.next() => Woken::Key(key),
                event = events.recv(), if engine_lives => Woken::Engine(event),
                () = sleep_until(next_frame), if frame_due => continue,
                () = sleep_until(next_tick), if self.chat.is_busy() => Woken::Time,
            };
            for _ in 0..TAKEN_AT_ONCE {
                if matches!(woken, Woken::Time) {
                    next_tick = Instant::now() + TICK;
                }
                engine_lives &= !matches!(woken, Woken::Engine(None));
                match self.take(woken, start.elapsed())? {
                    Step::End(ended) => return Ok(ended),
                    step => pending = more(pending, step),
                }
                // What else is there, without waiting.
                if let Poll::Ready(key) = ready(&mut keys).await {
                    woken = Woken::Key(key);
                } else if let Some(event) = events.try_recv().ok().filter(|_| engine_lives) {
                    woken = Woken::Engine(Some(event));
                } else {
                    break;
                }
            }
        }
    }

    fn take(&mut self, woken: Woken, now: Duration) -> Result<Step, Error> {
        match woken {
            Woken::Signal(number) => {
                self.update(now, Input::User(crate::chat::Action::Quit));
                Ok(Step::End(Ended::BySignal(number)))
            }
            Woken::Key(None) => Ok(Step::End(Ended::BySignal(SignalKind::hangup().as_raw_value()))),
            Woken::Key(Some(key)) => Ok(self.key(key?, now)),
            Woken::Engine(Some(event)) => Ok(self.update(now, Input::Engine(event))),
            Woken::Engine(None) => Ok(self.update(now, Input::EngineGone)),
            Woken::Time => Ok(self.update(now, Input::Tick)),
        }
    }

    fn key(&mut self, event: TerminalEvent, now: Duration) -> Step {
        let intent = match event {
            TerminalEvent::Key(key) => keymap::intent(key, self.screen.focus),
            TerminalEvent::Paste(text) => Some(Intent::Paste(text)),
            TerminalEvent::Resize(..) => return Step::Draw,
            _ => None,
        };
        let Some(intent) = intent else { return Step::Nothing };
        if intent == Intent::Redraw {
            return Step::DrawAfresh;
        }
        let actions = self.screen.handle(&self.chat, intent);
        actions.into_iter().map(|action| self.act(now, action)).fold(Step::Draw, more)
    }

    /// What a person does; a question is about the document as it is now.
    fn act(&mut self, now: Duration, action: Action) -> Step {
        let news = if matches!(action, Action::Ask(_)) { (self.look)() } else { None };
        let told = news.map_or(Step::Nothing, |news| self.update(now, Input::News(news)));
        more(told, self.update(now, Input::User(action)))
    }

    fn update(&mut self, now: Duration, input: Input) -> Step {
        let mut step = Step::Draw;
        for effect in update(&mut self.chat, now, input) {
            match effect {
                Effect::Send(command) => (self.send)(command),
                Effect::Cancel(token) => token.cancel(),
                Effect::Quit => step = Step::End(Ended::ByUser),
            }
        }
        step
    }
}

/// What `keys` has now, without waiting for more.
///
/// Polled with the task's own waker: crossterm's stream keeps the first waker that it is given until a key comes, so a look with one that
/// wakes nobody would leave an idle screen deaf.
async fn ready<S: Stream + Unpin>(keys: &mut S) -> Poll<Option<S::Item>> {
    poll_fn(|context| Poll::Ready(keys.poll_next_unpin(context))).await
}

/// The greater of two steps.
fn more(a: Step, b: Step) -> Step {
    match (a, b) {
        (Step::End(ended), _) | (_, Step::End(ended)) => Step::End(ended),
        (Step::DrawAfresh, _) | (_, Step::DrawAfresh) => Step::DrawAfresh,
        (Step::Draw, _) | (_, Step::Draw) => Step::Draw,
        (Step::Nothing, Step::Nothing) => Step::Nothing,
    }
}
