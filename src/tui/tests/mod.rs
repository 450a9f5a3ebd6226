//! Screens of named states, and scripts of keys through the real loop with a toy engine behind it.

mod answers;
mod branches;
mod finding;
mod naming;
mod parts;
mod reading;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::keymap::{Intent, Place};
use super::screen::{Overlay, Screen};
use super::theme::Theme;
use super::view;
use crate::chat::fixtures::{DOCUMENT_TOKENS, Session, answer_figures, model, plan, progress};
use crate::chat::{Action, Chat};
use crate::engine::message::{Channel, Event, Failure, FailureKind, Finish};
use crate::settings::ThemeChoice;
use crate::swaa::WindowSpec;
use crate::swaa::preset::RecipePatch;

const SIZES: [(u16, u16); 3] = [(40, 12), (80, 24), (120, 40)];

const ANSWER: &str = "Mr. Collins is a **clergyman**, heir to Longbourn and cousin to Mr. Bennet. He is known for:\n\n\
    - his patroness, Lady Catherine de Bourgh, whom he mentions whenever he can and sometimes when he cannot\n\
    - a proposal that Elizabeth `refuses`\n\n彼は牧師です 👩‍👩‍👧.";

fn terminal(width: u16, height: u16) -> Terminal<TestBackend> {
    Terminal::new(TestBackend::new(width, height)).expect("a test's terminal does not fail")
}

/// One frame as text.
fn drawn(chat: &Chat, screen: &mut Screen, (width, height): (u16, u16)) -> String {
    let mut terminal = terminal(width, height);
    terminal.draw(|frame| view::draw(frame, chat, screen, &Theme::of(ThemeChoice::Ansi))).expect("draws");
    terminal.backend().to_string()
}

/// Snapshots of a state in every size.
fn snapshots(name: &str, chat: &Chat, screen: &Screen) {
    for size in SIZES {
        let (width, height) = size;
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), drawn(chat, &mut screen.clone(), size));
    }
}

fn screen(change: impl FnOnce(&mut Screen)) -> Screen {
    let mut screen = Screen::default();
    change(&mut screen);
    screen
}

fn typed(text: &str) -> Screen {
    screen(|screen| {
        screen.input.insert_str(text);
    })
}

// Named states.

#[test]
fn loading() {
    let mut session = Session::begin("accurate");
    session.tell(Event::Loading { fraction: 0.43 });
    snapshots("loading", &session.chat, &Screen::default());
}

#[test]
fn reading() {
    let mut session = Session::begin("accurate");
    session.tell(Event::Loaded(Box::new(model())));
    let job = session.job;
    session.tell(Event::Planned { job, plan: plan(9_000, Some(Duration::from_secs(11))) });
    session.tell(Event::Prefilling { job, progress: progress(4_300) });
    session.ask("Who is Mr. Collins?");
    snapshots("reading", &session.chat, &Screen::default());
}

#[test]
fn ready() {
    let session = Session::with_document_read("accurate");
    snapshots("ready", &session.chat, &Screen::default());
}

#[test]
fn answered() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who is Mr. Collins,\nand what is he known for?");
    session.answer(ANSWER);
    snapshots(
        "answered",
        &session.chat,
        &typed("And his patroness, 真理 Lady Catherine de Bourgh, what does she want of Elizabeth?"),
    );
}

fn reasoned() -> Session {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who is Mr. Collins?");
    let job = session.job;
    let piece = |channel, text: &str| Event::Piece { job, channel, text: text.into() };
    session.tell(piece(
        Channel::Reasoning,
        "The question is about Mr. Collins. He visits Longbourn in chapter 13.\n\nI recall",
    ));
    session.seconds += 4;
    session.tell(piece(Channel::Reasoning, " his letter to Mr. Bennet."));
    session
}

fn answered_after_reasoning() -> Session {
    let mut session = reasoned();
    let job = session.job;
    session.tell(Event::Piece { job, channel: Channel::Answer, text: "A clergyman.".into() });
    let mut figures = answer_figures(&session.recipe(), 96);
    figures.tokens.reasoning = 81;
    figures.timings.first_token = Duration::from_millis(412);
    session.tell(Event::Answered { job, finish: Finish::EndOfGeneration, figures: figures.into() });
    session
}

#[test]
fn thinking() {
    snapshots("thinking", &reasoned().chat, &Screen::default());
}

#[test]
fn reasoning_folded() {
    snapshots("reasoning_folded", &answered_after_reasoning().chat, &Screen::default());
}

#[test]
fn reasoning_open() {
    snapshots("reasoning_open", &answered_after_reasoning().chat, &screen(|screen| screen.reasoning_open = true));
}

#[test]
fn deciding() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who is Mr. Collins?");
    session.answer("A clergyman.");
    session.switch("fastest");
    session.forecast(8_000, Some(12));
    snapshots("deciding", &session.chat, &screen(|screen| screen.focus = Place::Transcript));
}

#[test]
fn switched() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who is Mr. Collins?");
    session.answer("A clergyman.");
    session.switch("fastest");
    session.forecast(8_000, Some(12));
    session.act(Action::Confirm);
    session.read(2_000, 8_000);
    session.ask("And his patroness?");
    session.answer("Lady Catherine de Bourgh.");
    snapshots("switched", &session.chat, &Screen::default());
}

#[test]
fn paused() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    session.act(Action::Cancel);
    session.read(0, 4_096);
    snapshots("paused", &session.chat, &Screen::default());
}

#[test]
fn failed() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Everything?");
    let failure = Failure {
        kind: FailureKind::DoesNotFit,
        message: "the question has 100,213 tokens, 2,264 are free in the context of 12,288".into(),
        hint: Some("ask less at once, or start with -c 112640".into()),
    };
    session.tell(Event::Failed { job: session.job, failure });
    snapshots("failed", &session.chat, &Screen::default());
}

#[test]
fn no_model() {
    let mut session = Session::begin("accurate");
    let failure = Failure {
        kind: FailureKind::Model,
        message: "cannot load notes.gguf: it is no GGUF file".into(),
        hint: Some("take another file with -m".into()),
    };
    session.tell(Event::LoadFailed(failure));
    snapshots("no_model", &session.chat, &Screen::default());
}

#[test]
fn help() {
    let session = Session::with_document_read("accurate");
    snapshots("help", &session.chat, &screen(|screen| screen.overlay = Some(Overlay::Help(0))));
}

// Without a picture.

#[test]
fn without_colour_nothing_is_coloured() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer(ANSWER);
    let mut terminal = terminal(80, 24);
    terminal
        .draw(|frame| view::draw(frame, &session.chat, &mut Screen::default(), &Theme::of(ThemeChoice::None)))
        .expect("draws");
    let coloured = |cell: &&ratatui::buffer::Cell| {
        cell.fg != ratatui::style::Color::Reset || cell.bg != ratatui::style::Color::Reset
    };
    assert_eq!(terminal.backend().buffer().content().iter().find(coloured), None);
}

#[test]
fn the_hardware_cursor_stands_at_the_caret_behind_wide_characters() {
    let session = Session::with_document_read("accurate");
    let mut terminal = terminal(40, 12);
    terminal
        .draw(|frame| view::draw(frame, &session.chat, &mut typed("真理 é"), &Theme::of(ThemeChoice::Ansi)))
        .expect("draws");
    // Border, margin, two cells each, a space, an é: column 2 + 4 + 1 + 1, in the box's first line.
    terminal.backend_mut().assert_cursor_position((8, 8));
}

#[test]
fn every_size_can_be_drawn() {
    let mut session = reasoned();
    session.tell(Event::Failed {
        job: session.job,
        failure: Failure { kind: FailureKind::Runtime, message: "m".repeat(300), hint: Some("h".repeat(300)) },
    });
    for width in (1..30).chain([40, 61]) {
        for height in (1..14).chain([24]) {
            let mut screen = typed("a very long question that will not fit into one line of the box at all");
            drawn(&session.chat, &mut screen, (width, height));
            screen.overlay = Some(Overlay::Help(0));
            drawn(&session.chat, &mut screen, (width, height));
        }
    }
}

#[test]
fn an_answer_that_took_too_long_is_kept_and_says_why_it_ends() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who is Mr. Collins?");
    let job = session.job;
    session.tell(Event::Piece { job, channel: Channel::Answer, text: "A clergyman who".into() });
    let figures = answer_figures(&session.recipe(), 4);
    session.tell(Event::Answered { job, finish: Finish::TimeLimit, figures: figures.into() });
    let screen = drawn(&session.chat, &mut Screen::default(), (120, 40));
    assert!(screen.contains("A clergyman who"), "{screen}");
    assert!(screen.contains("cut off: the time of --timeout is over · accurate · 4 tokens"), "{screen}");
}

#[test]
fn a_preset_made_by_flags_stays_on_the_strip_when_another_is_in_force() {
    let changes = RecipePatch { window: Some(WindowSpec::Tokens(1024)), ..RecipePatch::default() };
    let mut session = Session::begin_with("auto", changes).document_read();
    let strips = |chat: &Chat| {
        [40, 80, 120].map(|width| {
            let screen = drawn(chat, &mut Screen::default(), (width, 24));
            screen.lines().rev().nth(1).expect("24 lines").trim_matches(['"', ' ']).to_owned()
        })
    };
    let all = "0 auto 1 full 2 accurate 3 balanced 4 quick 5 fastest 6 stream 7 paper 8 naive 9 custom";
    assert_eq!(strips(&session.chat), ["0 1 2 3 4 5 6 7 8 9 custom", "0 1 2 3 4 5 6 7 8 9 custom", all]);
    session.switch("fastest");
    session.forecast(8_000, Some(1));
    session.read(2_000, 8_000);
    let keys = "0 1 2 3 4 5 fastest 6 7 8 9 custom";
    assert_eq!(strips(&session.chat), [keys, keys, all]);
}

// The screen's own state.

#[test]
fn scrolling_up_stays_while_an_answer_grows_and_the_bottom_follows_again() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer(&"line\n".repeat(60));
    let mut screen = Screen::default();
    drawn(&session.chat, &mut screen, (80, 24));
    assert_eq!(screen.top, None);
    screen.handle(&session.chat, Intent::Scroll(super::keymap::Scroll::PageUp));
    let top = screen.top;
    assert!(top.is_some());
    session.ask("And?");
    drawn(&session.chat, &mut screen, (80, 24));
    assert_eq!(screen.top, top, "what is read stays where it is");
    screen.handle(&session.chat, Intent::Scroll(super::keymap::Scroll::Bottom));
    assert_eq!(screen.top, None);
}

#[test]
fn a_greeting_that_is_higher_than_the_screen_is_scrolled() {
    use super::keymap::Scroll;
    let session = Session::begin_without_model();
    let mut screen = screen(|screen| screen.focus = Place::Transcript);
    let mut after = |scroll| {
        screen.handle(&session.chat, Intent::Scroll(scroll));
        drawn(&session.chat, &mut screen, (40, 12))
    };
    let first = after(Scroll::Up);
    assert!(first.contains("Lunette reads a long document"), "{first}");
    let second = after(Scroll::Down);
    assert!(!second.contains("Lunette reads a long document") && second.contains("language model"), "{second}");
    let last = after(Scroll::Bottom);
    assert!(last.contains("goes to the document.") && !last.contains("more ↓"), "{last}");
    assert_eq!(after(Scroll::Top), first);
}

#[test]
fn what_is_told_is_told_whole() {
    let session = Session::with_document_read("accurate");
    let mut screen = screen(|screen| screen.told = Some(format!("written to {}/end.md", "/folder".repeat(8))));
    let seen = drawn(&session.chat, &mut screen, (40, 12));
    assert!(seen.contains("end.md"), "{seen}");
}

#[test]
fn the_help_goes_as_far_as_its_last_line() {
    use super::keymap::Scroll;
    let session = Session::with_document_read("accurate");
    let mut screen = screen(|screen| screen.overlay = Some(Overlay::Help(0)));
    drawn(&session.chat, &mut screen, (80, 24));
    let mut after = |scrolls: &[Scroll]| {
        for scroll in scrolls {
            screen.handle(&session.chat, Intent::Scroll(*scroll));
        }
        drawn(&session.chat, &mut screen, (80, 24))
    };
    let last = after(&[Scroll::Bottom]);
    assert_eq!(after(&[Scroll::PageDown, Scroll::Down]), last, "it stays at its end");
    assert_ne!(after(&[Scroll::Up]), last, "and is left by one line up");
}

#[test]
fn earlier_questions_come_back() {
    let session = Session::with_document_read("accurate");
    let mut screen = screen(|screen| screen.history = vec!["First?".into(), "Second?".into()]);
    let mut press = |intent: Intent| {
        screen.handle(&session.chat, intent);
        screen.input.lines().join("\n")
    };
    let seen = [Intent::Earlier, Intent::Earlier, Intent::Earlier, Intent::Later, Intent::Later].map(&mut press);
    assert_eq!(seen, ["Second?", "First?", "First?", "Second?", ""]);
}

#[test]
fn ctrl_c_stops_then_clears_then_leaves() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    let mut screen = typed("half a question");
    assert_eq!(screen.handle(&session.chat, Intent::Interrupt), [Action::Cancel]);
    session.act(Action::Cancel);
    assert_eq!(screen.handle(&session.chat, Intent::Interrupt), []);
    assert!(screen.input.is_empty());
    assert_eq!(screen.handle(&session.chat, Intent::Interrupt), [Action::Quit]);
}

#[test]
fn a_paste_is_one_text_with_its_lines_and_asks_nothing() {
    let session = Session::with_document_read("accurate");
    let mut screen = screen(|screen| screen.focus = Place::Transcript);
    assert_eq!(screen.handle(&session.chat, Intent::Paste("one\r\ntwo\rthree".into())), []);
    assert_eq!(screen.input.lines(), ["one", "two", "three"]);
}

// The loop.

mod scripts {
    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};

    use futures_util::{Stream, StreamExt, stream};
    use ratatui::crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;
    use crate::chat::Effect;
    use crate::chat::fixtures::figures;
    use crate::engine::message::Command;
    use crate::tui::aside::Aside;
    use crate::tui::driver::{Ended, Look, Looked, Loop};
    use crate::tui::errand::{Errand, Told};

    /// Answers every command at once, as an engine with nothing to do would.
    pub(super) struct Toy {
        events: UnboundedSender<Event>,
        /// Pieces of an answer.
        pieces: usize,
        /// What was commanded, in short.
        pub(super) told: RefCell<Vec<&'static str>>,
    }

    impl Toy {
        /// A toy whose model is loaded, and what it will say.
        pub(super) fn loaded(pieces: usize) -> (Rc<Self>, UnboundedReceiver<Event>) {
            let (events, received) = unbounded_channel();
            let toy = Self { events, pieces, told: RefCell::default() };
            toy.tell(Event::Loaded(Box::new(model())));
            (Rc::new(toy), received)
        }

        pub(super) fn take(&self, command: Command) {
            let name = match command {
                Command::Read { job, recipe, .. } => {
                    let figures = Box::new(figures(&recipe, 0, DOCUMENT_TOKENS));
                    self.tell(Event::Read { job, stopped: false, figures });
                    "read"
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
                Command::Shutdown => "shutdown",
            };
            self.told.borrow_mut().push(name);
        }

        fn tell(&self, event: Event) {
            self.events.send(event).expect("the loop listens");
        }
    }

    fn press(code: KeyCode, modifiers: KeyModifiers) -> TerminalEvent {
        TerminalEvent::Key(KeyEvent::new(code, modifiers))
    }

    /// `Who?<enter><tab>5`: characters, and names of keys in angle brackets; `None` is `<wait>`, which lets everything settle.
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

    /// The keys as they come; after the last one nothing comes any more.
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

    /// What came of a script.
    pub(super) struct Played {
        pub ended: Ended,
        frames: usize,
        /// How often the document's files were looked at.
        looks: usize,
        pub last: String,
    }

    /// Plays a script through the real loop, on a clock that runs only while everyone waits. A script that does not leave by
    /// itself is ended by a signal after 0.6 s.
    fn play(script: &str, send: impl Fn(Command), events: UnboundedReceiver<Event>) -> Played {
        play_keys(|| typing(script), send, events)
    }

    /// As [`play`], with keys from anywhere; they are asked for inside the runtime.
    fn play_keys<Keys>(keys: impl FnMut() -> Keys, send: impl Fn(Command), events: UnboundedReceiver<Event>) -> Played
    where
        Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin,
    {
        let (_silent, aside) = unbounded_channel();
        let side =
            Side { screen: Screen::default(), run: Box::new(|_| Told::Nothing), look: Box::new(|_| None), aside };
        play_beside(keys, send, events, side)
    }

    /// What is beside the chat and its engine.
    pub(super) struct Side<'a> {
        pub screen: Screen,
        pub run: Box<dyn FnMut(Errand) -> Told + 'a>,
        pub look: Box<dyn FnMut(Look<'_>) -> Option<Looked> + 'a>,
        pub aside: UnboundedReceiver<Aside>,
    }

    /// As [`play_keys`], with errands, files and what is found out on the side.
    pub(super) fn play_beside<Keys>(
        keys: impl FnMut() -> Keys,
        send: impl Fn(Command),
        events: UnboundedReceiver<Event>,
        side: Side<'_>,
    ) -> Played
    where
        Keys: Stream<Item = io::Result<TerminalEvent>> + Unpin,
    {
        let Side { screen, mut run, mut look, aside } = side;
        let mut terminal = terminal(80, 24);
        let mut frames = 0;
        let draw = |chat: &Chat, screen: &mut Screen, _| -> io::Result<()> {
            terminal.draw(|frame| view::draw(frame, chat, screen, &Theme::of(ThemeChoice::Ansi))).expect("draws");
            frames += 1;
            Ok(())
        };
        let signal = async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            15
        };
        let perform = |effect| {
            if let Effect::Send(command) = effect {
                send(command);
            }
        };
        let mut looks = 0;
        let look = |what: Look<'_>| {
            looks += 1;
            look(what)
        };
        let run = |errand| Ok(run(errand));
        let mut chat_loop = Loop { chat: Session::begin("full").chat, screen, draw, perform, run, look, aside };
        let (_told, news) = unbounded_channel();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let ended = runtime.block_on(async { chat_loop.run(keys, events, news, signal).await });
        Played { ended: ended.expect("the loop ends well"), frames, looks, last: terminal.backend().to_string() }
    }

    /// A script with a toy whose model is there from the start; also what the toy was told.
    fn play_with_toy(script: &str) -> (Played, Vec<&'static str>) {
        let (toy, events) = Toy::loaded(1);
        let played = play(script, |command| toy.take(command), events);
        (played, toy.told.take())
    }

    #[test]
    fn a_question_is_typed_asked_and_answered() {
        let (played, told) = play_with_toy("Who?<enter><wait><ctrl-d>");
        assert_eq!((played.ended, told), (Ended::ByUser, vec!["read", "ask", "shutdown"]));
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
        for (again, looks) in cases {
            let (played, _) = play_with_toy(&format!("{ask}{again}"));
            assert_eq!(played.looks, looks, "{again}: {}", played.last);
        }
    }

    #[test]
    fn a_signal_ends_the_loop_and_tells_the_engine() {
        let (played, told) = play_with_toy("Who?");
        assert_eq!((played.ended, told), (Ended::BySignal(15), vec!["read", "shutdown"]));
    }

    #[test]
    fn a_terminal_that_is_gone_is_a_hang_up() {
        let (toy, events) = Toy::loaded(1);
        let gone = || stream::iter([Err(io::Error::from_raw_os_error(libc::EIO))]);
        assert_eq!(play_keys(gone, |command| toy.take(command), events).ended, Ended::BySignal(libc::SIGHUP));
    }

    #[test]
    fn nothing_is_drawn_while_nothing_changes() {
        let (played, _) = play_with_toy("");
        assert!(played.frames <= 3, "{} frames in 0.6 s with nothing to do", played.frames);
    }

    /// Keys that wake, when they come, whoever asked first and found nothing: as crossterm's stream does.
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
        let (toy, events) = Toy::loaded(1);
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
        let played = play_keys(typed, |command| toy.take(command), events);
        assert_eq!(played.ended, Ended::ByUser, "the screen waited for keys that had come: {}", played.last);
    }

    #[test]
    fn a_thousand_pieces_at_once_are_a_few_frames() {
        let (toy, events) = Toy::loaded(1_000);
        let played = play("Who?<enter><wait><ctrl-d>", |command| toy.take(command), events);
        assert!(played.frames <= 12, "{} frames", played.frames);
    }

    #[test]
    fn the_first_frame_does_not_wait_for_the_model() {
        let (_events, received) = unbounded_channel();
        let played = play("<ctrl-d>", |_| {}, received);
        assert!(played.frames >= 1 && played.last.contains("loading the model"), "{}", played.last);
    }

    #[test]
    fn an_engine_that_is_gone_leaves_a_screen_that_says_so() {
        let (events, received) = unbounded_channel();
        events.send(Event::Loaded(Box::new(model()))).expect("received");
        drop(events);
        let played = play("", |_| {}, received);
        assert!(played.last.contains("the engine stopped working"), "{}", played.last);
    }
}
