//! Scripts of keys through the real loop, with a toy engine.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::{Stream, StreamExt, stream};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::chat::fixtures::figures;
use crate::chat::{Effect, Input};
use crate::engine::message::{Command, Reread};
use crate::session::{EffectResult, Signal};
use crate::tui::display::Display;
use crate::tui::event_loop::Loop;
use crate::tui::options::ScreenExit;
use crate::tui::runner::{LoopCommand, Reply, Runner};
use crate::tui::terminal_input::{Background, TerminalEvent};
use crate::tui::ui_command::UiCommand;

/// Answers each command at once.
pub(super) struct Toy {
    pub(super) results: UnboundedSender<EffectResult>,
    /// Pieces per answer.
    pieces: usize,
    /// The commands it got.
    pub(super) told: RefCell<Vec<&'static str>>,
}

impl Toy {
    /// A toy with a loaded model, and its results.
    pub(super) fn loaded(pieces: usize) -> (Rc<Self>, UnboundedReceiver<EffectResult>) {
        let (results, received) = unbounded_channel();
        let toy = Self { results, pieces, told: RefCell::default() };
        toy.tell(Event::Loaded(Box::new(model())));
        (Rc::new(toy), received)
    }

    /// A toy that never loads its model.
    fn silent() -> (Rc<Self>, UnboundedReceiver<EffectResult>) {
        let (results, received) = unbounded_channel();
        (Rc::new(Self { results, pieces: 0, told: RefCell::default() }), received)
    }

    pub(super) fn take(&self, command: Command) {
        let name = match command {
            Command::Prefill { job, recipe, .. } => {
                let figures = Box::new(figures(&recipe, 0, DOCUMENT_TOKENS));
                self.tell(Event::Prefilled { job, stopped: false, figures });
                "read"
            }
            Command::ReadAhead(ahead) => {
                let figures = Box::new(figures(&ahead.recipe, 0, DOCUMENT_TOKENS));
                self.tell(Event::Prefilled { job: ahead.job, stopped: false, figures });
                "read ahead"
            }
            Command::Ask(question) => {
                let job = question.job;
                for _ in 0..self.pieces {
                    self.tell(Event::Piece { job, channel: Channel::Answer, text: "A clergyman. ".into() });
                }
                let figures = Box::new(answer_figures(&question.recipe, 4));
                self.tell(Event::Answered { job, finish: Finish::EndOfGeneration, figures });
                "ask"
            }
            Command::Forecast { job, .. } => {
                self.tell(Event::Forecast { job, plan: plan(8_000, Some(Duration::from_secs(12))) });
                "forecast"
            }
            Command::Count { job, .. } => {
                self.tell(Event::Counted { job, tokens: vec![DOCUMENT_TOKENS] });
                "count"
            }
            Command::AnswerNow { .. } => "answer now",
            Command::FindHeads { .. } => "find heads",
            Command::Weigh { .. } => "weigh",
            Command::AllowContext { .. } => "allow context",
            Command::Shutdown => "shutdown",
        };
        self.told.borrow_mut().push(name);
    }

    fn tell(&self, event: Event) {
        self.results.send(EffectResult::Chat(Input::Engine(event))).expect("the loop listens");
    }
}

fn press(code: KeyCode, modifiers: KeyModifiers) -> TerminalEvent {
    TerminalEvent::Key(KeyEvent::new(code, modifiers))
}

/// Parses `Who?<enter><tab>5`: characters, and keys in angle brackets. `None` is `<wait>`, which lets everything
/// settle.
fn keys(script: &str) -> Vec<Option<TerminalEvent>> {
    let mut keys = Vec::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let key = match named.map(|(name, _)| name) {
            Some("wait") => None,
            Some("enter") => Some(press(KeyCode::Enter, KeyModifiers::NONE)),
            Some("tab") => Some(press(KeyCode::Tab, KeyModifiers::NONE)),
            Some("esc") => Some(press(KeyCode::Esc, KeyModifiers::NONE)),
            Some("ctrl-d") => Some(press(KeyCode::Char('d'), KeyModifiers::CONTROL)),
            Some("alt-5") => Some(press(KeyCode::Char('5'), KeyModifiers::ALT)),
            Some(other) => panic!("no key is called {other}"),
            None => Some(press(KeyCode::Char(c), KeyModifiers::NONE)),
        };
        keys.push(key);
        rest = named.map_or_else(|| &rest[c.len_utf8()..], |(_, after)| after);
    }
    keys
}

/// The keys as a stream; after the last one it stays silent.
pub(super) fn typing(script: &str) -> impl Stream<Item = io::Result<TerminalEvent>> + Unpin {
    let coming = stream::unfold(keys(script).into_iter(), async |mut keys| match keys.next() {
        Some(None) => {
            tokio::time::sleep(Duration::from_millis(60)).await;
            Some((None, keys))
        }
        Some(key) => Some((key.map(Ok), keys)),
        None => std::future::pending().await,
    });
    Box::pin(coming.filter_map(async |key| key))
}

/// The outcome of a script.
pub(super) struct Played {
    pub ended: ScreenExit,
    frames: usize,
    /// How often the documents were reloaded.
    reloads: usize,
    pub last: String,
}

/// Plays a script through the real loop, on a paused clock. A script that does not quit is ended by a signal after 0.6
/// s.
fn play(script: &str, toy: &Rc<Toy>, results: UnboundedReceiver<EffectResult>) -> Played {
    play_keys(|| typing(script), toy, results)
}

/// As [`play`], with keys from any stream, which is created inside the runtime.
fn play_keys<Keys>(keys: impl FnMut() -> Keys, toy: &Rc<Toy>, results: UnboundedReceiver<EffectResult>) -> Played
where
    Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin,
{
    let nothing = |_: &LoopCommand| Reply::Nothing;
    play_with(keys, Screen::default(), Outside { toy: toy.clone(), results, reloads: 0, others: nothing })
}

/// Everything outside the loop: a toy engine, and a closure for other commands.
pub(super) struct Outside<F> {
    pub toy: Rc<Toy>,
    pub results: UnboundedReceiver<EffectResult>,
    pub reloads: usize,
    pub others: F,
}

impl<F: FnMut(&LoopCommand) -> Reply> Runner for Outside<F> {
    fn run(&mut self, command: LoopCommand) -> io::Result<Reply> {
        self.reloads += usize::from(command == LoopCommand::Look);
        if let LoopCommand::Chat(Effect::Send(command)) = command {
            self.toy.take(command);
            return Ok(Reply::Nothing);
        }
        Ok((self.others)(&command))
    }

    async fn next(&mut self) -> EffectResult {
        self.results.recv().await.expect("the toy lives as long")
    }

    fn try_next(&mut self) -> Option<EffectResult> {
        self.results.try_recv().ok()
    }
}

/// A terminal in memory that counts frames.
struct Memory {
    terminal: Terminal<TestBackend>,
    frames: usize,
}

impl Display for Memory {
    fn area(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.terminal.size().expect("memory does not fail"))))
    }

    fn draw(&mut self, chat: &Chat, screen: &Screen, theme: &Theme, _: bool) -> io::Result<()> {
        self.frames += 1;
        self.terminal.draw(|frame| view::draw(frame, chat, screen, theme)).expect("memory does not fail");
        Ok(())
    }
}

/// As [`play_keys`], with a given screen and runner.
pub(super) fn play_with<Keys, F: FnMut(&LoopCommand) -> Reply>(
    keys: impl FnMut() -> Keys,
    screen: Screen,
    runner: Outside<F>,
) -> Played
where
    Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin,
{
    play_for(Duration::from_millis(600), Session::begin("full").chat, keys, screen, runner)
}

/// As [`play_with`], with a given chat, ended after `time`.
fn play_for<Keys, F: FnMut(&LoopCommand) -> Reply>(
    time: Duration,
    chat: Chat,
    keys: impl FnMut() -> Keys,
    screen: Screen,
    runner: Outside<F>,
) -> Played
where
    Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin,
{
    let signal = async {
        tokio::time::sleep(time).await;
        Signal::Terminate
    };
    let display = Memory { terminal: terminal(80, 24), frames: 0 };
    let theme = Theme::of(ThemeChoice::Ansi);
    let mut shown = Loop { chat, screen, theme, follows_background: true, display, runner, held: None };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    let ended = runtime.block_on(async { shown.run(keys, signal).await }).expect("the loop ends well");
    let Memory { terminal, frames } = shown.display;
    Played { ended, frames, reloads: shown.runner.reloads, last: terminal.backend().to_string() }
}

/// Plays a script with a loaded toy. Also returns the commands it got.
fn play_with_toy(script: &str) -> (Played, Vec<&'static str>) {
    let (toy, results) = Toy::loaded(1);
    let played = play(script, &toy, results);
    (played, toy.told.take())
}

#[test]
fn a_question_is_typed_asked_and_answered() {
    let (played, told) = play_with_toy("Who?<enter><wait><ctrl-d>");
    assert_eq!((played.ended, told), (ScreenExit::ByUser, vec!["read", "ask", "shutdown"]));
    assert!(played.last.contains("› Who?") && played.last.contains("A clergyman."), "{}", played.last);
}

#[test]
fn a_preset_is_switched_and_both_figures_are_shown() {
    let (played, told) = play_with_toy("Who?<enter><wait><tab>5<wait>5<wait><tab><ctrl-d>");
    assert_eq!(told, ["read", "ask", "forecast", "read", "shutdown"]);
    assert!(played.last.contains("full → fastest"), "{}", played.last);
}

#[test]
fn a_switch_is_declined_with_esc() {
    let (played, told) = play_with_toy("<wait><alt-5><wait><esc><wait><ctrl-d>");
    assert_eq!(told, ["read", "forecast", "shutdown"]);
    assert!(played.last.contains("kept full"), "{}", played.last);
}

#[test]
fn every_way_to_ask_looks_whether_the_document_has_changed() {
    let ask = "Who?<enter><wait>";
    let cases = [("", 1), ("<tab>R<wait>", 2), ("<tab>e<enter><wait>", 2), ("<tab>a5<enter><wait>", 2)];
    for (again, reloads) in cases {
        let (played, _) = play_with_toy(&format!("{ask}{again}"));
        assert_eq!(played.reloads, reloads, "{again}: {}", played.last);
    }
}

/// Plays `script` while a look at the documents takes 100 ms if it `is_over` at all, and is worth waiting for `patience`.
fn play_slowly(script: &str, patience: Duration, is_over: bool) -> (Played, Vec<&'static str>) {
    let (toy, results) = Toy::loaded(1);
    let looked = toy.results.clone();
    let others = move |command: &LoopCommand| match command {
        LoopCommand::Look => {
            let looked = looked.clone();
            if is_over {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    let _ = looked.send(EffectResult::Looked);
                });
            }
            Reply::Looking(patience)
        }
        _ => Reply::Nothing,
    };
    let outside = Outside { toy: toy.clone(), results, reloads: 0, others };
    let played = play_with(|| typing(script), Screen::default(), outside);
    (played, toy.told.take())
}

#[test]
fn the_screen_goes_on_while_the_files_are_looked_at() {
    let long = Duration::from_mins(1);
    let (played, told) = play_slowly("Who?<enter><wait>", long, false);
    assert!(played.last.contains("looking whether the document has changed"), "{}", played.last);
    assert_eq!(told, ["read", "shutdown"]);
    let (played, told) = play_slowly("Who?<enter><wait>Why?", long, false);
    assert!(played.last.contains("Why?"), "keys are heard: {}", played.last);
    assert_eq!(told, ["read", "shutdown"]);
    for (script, is_over, patience) in [("Who?<enter>", true, long), ("Who?<enter>", false, Duration::from_millis(100))]
    {
        let (played, told) = play_slowly(&format!("{script}<wait><wait><wait><ctrl-d>"), patience, is_over);
        assert_eq!(told, ["read", "ask", "shutdown"], "{is_over}");
        assert!(!played.last.contains("looking whether"), "{}", played.last);
    }
}

#[test]
fn a_question_that_waits_for_files_is_taken_back_by_esc() {
    let (played, told) = play_slowly("Who?<enter><wait><esc><wait>", Duration::from_mins(1), false);
    assert_eq!(told, ["read", "shutdown"]);
    assert!(played.last.contains("Who?") && played.last.contains("not asked"), "{}", played.last);
}

#[test]
fn a_signal_ends_the_loop_and_tells_the_engine() {
    let (played, told) = play_with_toy("Who?");
    assert_eq!((played.ended, told), (ScreenExit::BySignal(Signal::Terminate), vec!["read", "shutdown"]));
}

#[test]
fn a_terminal_that_is_gone_is_a_hang_up() {
    let (toy, results) = Toy::loaded(1);
    let gone = || stream::iter([Err(io::Error::from_raw_os_error(libc::EIO))]);
    assert_eq!(play_keys(gone, &toy, results).ended, ScreenExit::BySignal(Signal::HangUp));
}

#[test]
fn nothing_is_drawn_while_nothing_changes() {
    let (played, _) = play_with_toy("");
    assert!(played.frames <= 3, "{} frames in 0.6 s with nothing to do", played.frames);
}

/// A stream that wakes its first poller when a key arrives.
#[derive(Clone, Default)]
struct WakesTheFirst(Arc<Mutex<(VecDeque<TerminalEvent>, Option<Waker>)>>);

impl WakesTheFirst {
    fn press(&self, key: TerminalEvent) {
        let mut inside = self.0.lock().expect("nobody panics with it");
        inside.0.push_back(key);
        inside.1.take().expect("somebody waits").wake();
    }
}

impl Stream for WakesTheFirst {
    type Item = io::Result<TerminalEvent>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inside = self.0.lock().expect("nobody panics with it");
        if let Some(key) = inside.0.pop_front() {
            return Poll::Ready(Some(Ok(key)));
        }
        inside.1.get_or_insert_with(|| context.waker().clone());
        Poll::Pending
    }
}

#[test]
fn an_idle_screen_hears_the_next_key() {
    let (toy, results) = Toy::loaded(1);
    let keys = WakesTheFirst::default();
    let typist = |keys: WakesTheFirst| async move {
        for code in [KeyCode::Char('x'), KeyCode::Backspace] {
            tokio::time::sleep(Duration::from_millis(100)).await;
            keys.press(press(code, KeyModifiers::NONE));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        keys.press(press(KeyCode::Char('d'), KeyModifiers::CONTROL));
    };
    let typed = || {
        tokio::spawn(typist(keys.clone()));
        keys.clone()
    };
    let played = play_keys(typed, &toy, results);
    assert_eq!(played.ended, ScreenExit::ByUser, "the screen waited for keys that had come: {}", played.last);
}

#[test]
fn a_thousand_pieces_at_once_are_a_few_frames() {
    let (toy, results) = Toy::loaded(1_000);
    let played = play("Who?<enter><wait><ctrl-d>", &toy, results);
    assert!(played.frames <= 12, "{} frames", played.frames);
}

#[test]
fn the_first_frame_does_not_wait_for_the_model() {
    let (toy, results) = Toy::silent();
    let played = play("<ctrl-d>", &toy, results);
    assert!(played.frames >= 1 && played.last.contains("loading the model"), "{}", played.last);
}

#[test]
fn an_engine_that_is_gone_leaves_a_screen_that_says_so() {
    let (toy, results) = Toy::loaded(1);
    toy.results.send(EffectResult::Chat(Input::EngineGone)).expect("received");
    let played = play("", &toy, results);
    assert!(played.last.contains("the engine stopped unexpectedly"), "{}", played.last);
}

#[test]
fn what_the_terminal_tells_is_no_key_and_a_stop_is_carried_out() {
    let (toy, results) = Toy::loaded(1);
    let told: RefCell<Vec<UiCommand>> = RefCell::default();
    let note = |command: &LoopCommand| {
        if let LoopCommand::Screen(command) = command {
            told.borrow_mut().push(command.clone());
        }
        Reply::Nothing
    };
    let events = [
        TerminalEvent::Background(Background::Light),
        TerminalEvent::EndOfReplies,
        TerminalEvent::Suspended,
        TerminalEvent::Continued,
        TerminalEvent::Resized,
    ];
    // The stream is opened anew after each of the two commands, and goes on.
    let events = RefCell::new(events.into_iter());
    let next = || events.borrow_mut().next().map(Ok);
    let open = || stream::iter(std::iter::from_fn(next)).chain(stream::pending());
    let played = play_with(open, Screen::default(), Outside { toy, results, reloads: 0, others: note });
    assert!(played.last.contains("Ask about the document"), "{}", played.last);
    assert_eq!(told.take(), [UiCommand::Suspend, UiCommand::Reclaim]);
}

#[test]
fn heads_are_looked_for_when_all_is_quiet_after_an_answer_and_any_key_stops_that() {
    let (toy, results) = Toy::loaded(1);
    let told = RefCell::new(Vec::new());
    let others = |command: &LoopCommand| {
        match command {
            LoopCommand::Chat(Effect::FindHeads { .. }) => told.borrow_mut().push("find heads"),
            LoopCommand::Chat(Effect::Cancel(_)) => told.borrow_mut().push("stop"),
            _ => {}
        }
        Reply::Nothing
    };
    let mut chat = Session::begin("full").chat;
    chat.asking.reread = Reread::On;
    // 3 s are too short, 6 are not; a letter that is typed is no action of the chat, and neither is a key without a meaning.
    let (short, long) = ("<wait>".repeat(50), "<wait>".repeat(100));
    let script = format!("{long}Who?<enter>{short}x{short}y{long}z{short}");
    let outside = Outside { toy: toy.clone(), results, reloads: 0, others };
    let played = play_for(Duration::from_secs(28), chat, || typing(&script), Screen::default(), outside);
    assert_eq!(told.take(), ["find heads", "stop", "find heads", "stop"], "the last one is stopped at the end");
    assert!(played.last.contains("xyz"), "keys are heard: {}", played.last);
    assert_eq!(toy.told.take(), ["read", "ask", "shutdown"]);
}
