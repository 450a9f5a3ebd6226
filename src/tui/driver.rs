//! The loop: whatever happens goes through `chat::update`, and what has changed is drawn.
//!
//! One `select!` waits for a signal, a key, an engine event, the next frame or the next tick. After the first of them everything
//! else that is there is taken too, and then there is one frame: a thousand tokens that come at once cost one drawing. Frames
//! are 16 ms apart at least. Time ticks only while something on the screen changes with it; an idle screen waits without end.
//!
//! Keys and events are streams and the drawing is a closure, so that tests drive this very loop without a terminal. The first frame is
//! drawn before anything is waited for: the model may take its time.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend};
use ratatui::crossterm::event::{Event as TerminalEvent, EventStream};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use super::aside::Aside;
use super::errand::{Errand, Told};
use super::errands::Errands;
use super::guard::Guard;
use super::keymap::{Intent, Keymap};
use super::outside::{Engine, Outside};
use super::screen::{Parts, Screen};
use super::theme::{self, Theme};
use super::view;
use crate::chat::{Action, Chat, Choice, Effect, Input, update};
use crate::document::{Document, ReadOptions};
use crate::engine::config::ContextSize;
use crate::engine::message::Event;
use crate::session::TokenCounter;
pub use crate::session::{ReloadRequest as Look, Reloaded as Looked};
use crate::settings::ThemeChoice;
use crate::store::{History, Place, Positions, Remembered};

/// Sixty frames a second is what a terminal can show.
const FRAME: Duration = Duration::from_millis(16);
/// How often timers on the screen move.
const TICK: Duration = Duration::from_millis(200);
/// What is taken at most before a frame is due: a flood must not freeze the screen.
const TAKEN_AT_ONCE: usize = 4096;
/// The number of the signal that a terminal sends when it goes.
const HANG_UP: i32 = libc::SIGHUP;

/// What the screen is told from outside.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: ThemeChoice,
    /// The terminal says that it shows any colour.
    pub true_color: bool,
    pub keymap: Keymap,
    pub mouse: bool,
    /// Where it is remembered how far documents were read and what was asked.
    pub state: PathBuf,
    /// Where conversations are exported to.
    pub exports: PathBuf,
    /// The user's configuration, which presets are saved to.
    pub config: PathBuf,
    /// The user's editor, with its arguments.
    pub editor: Option<String>,
    /// How files are read that questions refer to.
    pub read: ReadOptions,
    /// tmux stands between us and the terminal.
    pub in_tmux: bool,
}

/// What is shown: a conversation, and the document that it is about.
pub struct Shown<'files> {
    pub chat: Chat,
    /// All that was loaded; the model may be given the beginning of it only.
    pub document: Arc<Document>,
    pub shelf: Shelf,
    pub look: Box<dyn FnMut(Look<'_>) -> Option<Looked> + 'files>,
}

/// What the document was taken from.
pub struct Shelf {
    /// Everything that can be chosen from.
    pub whole: Arc<Document>,
    /// The numbers of the parts that the document has.
    pub taken: Vec<usize>,
    pub context: ContextSize,
    /// Kept free behind a document for questions and answers.
    pub reserve_tokens: u32,
    pub scales: TokenCounter,
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

/// Shows a chat and its document until it is left.
pub fn run(shown: Shown<'_>, engine: Engine, options: &Options) -> Result<Ended, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let signals = Signals::listen()?;
        let positions = Positions::in_directory(&options.state);
        let mut screen = opened(shown.document.clone(), &positions.of(&shown.document.text));
        let Shelf { whole, taken, context, reserve_tokens, scales } = shown.shelf;
        screen.parts = Parts::new(whole, &taken, context, reserve_tokens);
        screen.history = History::in_directory(&options.state).load();
        screen.keymap = options.keymap.clone();
        let look = theme::settled(options.theme, options.true_color);
        let _guard = Guard::take(options.mouse, options.state.clone())?;
        let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let theme = Theme::of(look);
        let draw = |chat: &Chat, screen: &mut Screen, afresh: bool| draw(&mut terminal, chat, screen, &theme, afresh);
        let (told, news) = unbounded_channel();
        let (outside, events) = Outside::new(engine, &shown.document, options.read.clone(), told);
        // An engine that is to come tells by `told`; until then nothing is heard, and its end neither.
        let (_silent, silence) = unbounded_channel();
        let events = events.unwrap_or(silence);
        let outside = RefCell::new(outside);
        let perform = |effect| outside.borrow_mut().perform(effect);
        let mut at_files = shown.look;
        let look = |look: Look<'_>| {
            let looked = at_files(look);
            if let Some(document) = looked.as_ref().and_then(|looked| looked.document.as_ref()) {
                outside.borrow_mut().reopen(document);
            }
            looked
        };
        let (told_aside, aside) = unbounded_channel();
        let mut errands = Errands::new(options.clone(), shown.chat.document.title.clone(), scales, told_aside);
        let run = |errand| errands.run(errand);
        let mut shown = Loop { chat: shown.chat, screen, draw, perform, run, look, aside };
        let ended = shown.run(EventStream::new, events, news, signals.next()).await;
        // Of the document as it is now: other parts have places of their own.
        remember(&shown.screen, &shown.chat, &positions.of(shown.screen.reader.book.text()));
        ended
    })
}

/// A screen on `document`, where it was left.
fn opened(document: Arc<Document>, place: &Place) -> Screen {
    let mut screen = Screen::new(document);
    if let Some(known) = place.load() {
        screen.reader.open_at(known.byte);
        screen.reader.places.marks = known.marks;
    }
    screen
}

/// Where a document was left. That it can't be written down is no reason to keep anybody.
fn remember(screen: &Screen, chat: &Chat, place: &Place) {
    if screen.reader.is_empty() {
        return;
    }
    let marks = screen.reader.places.marks.clone();
    let remembered = Remembered { title: chat.document.title.clone(), byte: screen.reader.top(), marks };
    if let Err(error) = place.save(&remembered) {
        tracing::warn!(%error, "the place in the document is not remembered");
    }
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
        // Not `Terminal::clear`: it asks where the cursor is, and the answer is swallowed by whoever waits for keys.
        terminal.backend_mut().clear_region(ClearType::All)?;
        terminal.swap_buffers();
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
pub(super) struct Loop<Draw, Perform, Run, Look> {
    pub chat: Chat,
    pub screen: Screen,
    /// Draws a frame; the flag asks for one from scratch.
    pub draw: Draw,
    /// Does what the chat can't: everything but to leave.
    pub perform: Perform,
    /// Does what the screen can't. While it runs nobody reads keys.
    pub run: Run,
    /// Looks at the document's files.
    pub look: Look,
    /// What was found out on the side.
    pub aside: UnboundedReceiver<Aside>,
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
    /// What was done outside has come to something.
    News(Input),
    Aside(Aside),
    Time,
    Signal(i32),
}

impl<Draw, Perform, Run, Look> Loop<Draw, Perform, Run, Look>
where
    Draw: FnMut(&Chat, &mut Screen, bool) -> io::Result<()>,
    Perform: FnMut(Effect),
    Run: FnMut(Errand) -> io::Result<Told>,
    Look: FnMut(self::Look<'_>) -> Option<Looked>,
{
    /// Runs until it is left, or `signal` comes, or the terminal is gone (which is a hang-up).
    pub(super) async fn run<Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin>(
        &mut self,
        open_keys: impl FnMut() -> Keys,
        events: UnboundedReceiver<Event>,
        news: UnboundedReceiver<Input>,
        signal: impl Future<Output = i32>,
    ) -> Result<Ended, Error> {
        match self.run_until_ended(open_keys, events, news, signal).await {
            // What cannot be drawn on any more: the signal that says so may come a moment later.
            Err(Error::Terminal(error)) if error.raw_os_error() == Some(libc::EIO) => Ok(Ended::BySignal(HANG_UP)),
            ended => ended,
        }
    }

    async fn run_until_ended<Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin>(
        &mut self,
        mut open_keys: impl FnMut() -> Keys,
        mut events: UnboundedReceiver<Event>,
        mut news: UnboundedReceiver<Input>,
        signal: impl Future<Output = i32>,
    ) -> Result<Ended, Error> {
        let start = Instant::now();
        let mut signal = std::pin::pin!(signal);
        let mut keys = open_keys();
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
                Some(input) = news.recv() => Woken::News(input),
                Some(aside) = self.aside.recv() => Woken::Aside(aside),
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
                if self.screen.errands.iter().any(Errand::takes_the_terminal) {
                    // Whoever has the terminal meanwhile gets its keys.
                    drop(keys);
                    pending = more(pending, self.run_errands(start.elapsed())?);
                    keys = open_keys();
                } else if !self.screen.errands.is_empty() {
                    pending = more(pending, self.run_errands(start.elapsed())?);
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

    /// Takes what has happened, and what the screen makes of it.
    fn take(&mut self, woken: Woken, now: Duration) -> Result<Step, Error> {
        let step = self.take_one(woken, now)?;
        let actions = self.screen.attend(&self.chat);
        Ok(self.act_all(now, actions, step))
    }

    fn take_one(&mut self, woken: Woken, now: Duration) -> Result<Step, Error> {
        match woken {
            Woken::Signal(number) => {
                self.update(now, Input::User(crate::chat::Action::Quit));
                Ok(Step::End(Ended::BySignal(number)))
            }
            Woken::Key(None) => Ok(Step::End(Ended::BySignal(HANG_UP))),
            Woken::Key(Some(key)) => Ok(self.key(key?, now)),
            Woken::Engine(Some(event)) => Ok(self.update(now, Input::Engine(event))),
            Woken::Engine(None) => Ok(self.update(now, Input::EngineGone)),
            Woken::News(input) => Ok(self.update(now, input)),
            Woken::Aside(aside) => {
                let actions = self.screen.take_aside(&self.chat, aside);
                Ok(self.act_all(now, actions, Step::Draw))
            }
            Woken::Time => Ok(self.update(now, Input::Tick)),
        }
    }

    fn key(&mut self, event: TerminalEvent, now: Duration) -> Step {
        let intent = match event {
            TerminalEvent::Key(key) => self.screen.intent(key),
            TerminalEvent::Paste(text) => Some(Intent::Paste(text)),
            TerminalEvent::Mouse(mouse) => self.screen.mouse(mouse),
            TerminalEvent::Resize(..) => return Step::Draw,
            _ => None,
        };
        let Some(intent) = intent else { return Step::Nothing };
        if intent == Intent::Redraw {
            return Step::DrawAfresh;
        }
        let actions = self.screen.handle(&self.chat, intent);
        self.act_all(now, actions, Step::Draw)
    }

    fn act_all(&mut self, now: Duration, actions: Vec<Action>, step: Step) -> Step {
        actions.into_iter().map(|action| self.act(now, action)).fold(step, more)
    }

    /// What a person does; a question is about the document as it is now.
    fn act(&mut self, now: Duration, action: Action) -> Step {
        let asks =
            matches!(action, Action::Ask(_) | Action::Replace { .. } | Action::Regenerate | Action::Versus { .. });
        let looked = if asks { (self.look)(self::Look::Again) } else { None };
        let told = looked.map_or(Step::Nothing, |looked| self.take_looked(now, looked));
        more(told, self.update(now, Input::User(action)))
    }

    fn take_looked(&mut self, now: Duration, Looked { news, document, whole }: Looked) -> Step {
        if let Some(document) = document {
            self.screen.reader.reopen(document);
        }
        if let Some(whole) = whole {
            self.screen.parts.reopen(whole);
        }
        self.update(now, Input::News(news))
    }

    /// Other parts are the document from now on.
    fn choose(&mut self, now: Duration, choice: &Choice) -> Step {
        let Some(looked) = (self.look)(self::Look::Choose(choice)) else { return Step::Nothing };
        if looked.document.is_some() {
            self.screen.parts.take(choice);
        }
        self.take_looked(now, looked)
    }

    fn run_errands(&mut self, now: Duration) -> Result<Step, Error> {
        let mut step = Step::Draw;
        for errand in std::mem::take(&mut self.screen.errands) {
            if errand.takes_the_terminal() {
                step = Step::DrawAfresh;
            }
            if let Errand::TakeParts(choice) = &errand {
                step = more(step, self.choose(now, choice));
                continue;
            }
            match (self.run)(errand)? {
                Told::Line(line) => self.screen.told = Some(line),
                Told::Edited(text) => self.screen.edited(&text),
                Told::Nothing => {}
            }
        }
        Ok(step)
    }

    fn update(&mut self, now: Duration, input: Input) -> Step {
        let mut step = Step::Draw;
        for effect in update(&mut self.chat, now, input) {
            match effect {
                Effect::Quit => step = Step::End(Ended::ByUser),
                effect => (self.perform)(effect),
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
