//! Snapshots of named states, and tests of the interface's state. Scripts of keys through the real loop are in
//! [`scripts`].

mod answers;
mod branches;
mod finding;
mod naming;
mod parts;
mod reading;
mod scripts;
mod servers;
mod sessions;
mod starting;

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::{Position, Rect};

use super::keymap::{Focus, Intent, Scroll};
use super::layout::lay_out;
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
    draw_in(&mut terminal, chat, screen, ThemeChoice::Ansi);
    terminal.backend().to_string()
}

/// Lays out and draws a frame.
fn draw_in(terminal: &mut Terminal<TestBackend>, chat: &Chat, screen: &mut Screen, theme: ThemeChoice) {
    let theme = Theme::of(theme);
    let area = Rect::from((Position::ORIGIN, terminal.size().expect("a test's terminal has one")));
    lay_out(screen, chat, &theme, area);
    terminal.draw(|frame| view::draw(frame, chat, screen, &theme)).expect("draws");
}

/// Snapshots of a state at each size.
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
    snapshots("deciding", &session.chat, &screen(|screen| screen.focus = Focus::Transcript));
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

// Without snapshots.

#[test]
fn without_colour_nothing_is_coloured() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer(ANSWER);
    let mut terminal = terminal(80, 24);
    draw_in(&mut terminal, &session.chat, &mut Screen::default(), ThemeChoice::None);
    let coloured = |cell: &&ratatui::buffer::Cell| {
        cell.fg != ratatui::style::Color::Reset || cell.bg != ratatui::style::Color::Reset
    };
    assert_eq!(terminal.backend().buffer().content().iter().find(coloured), None);
}

#[test]
fn the_hardware_cursor_stands_at_the_caret_behind_wide_characters() {
    let session = Session::with_document_read("accurate");
    let mut terminal = terminal(40, 12);
    draw_in(&mut terminal, &session.chat, &mut typed("真理 é"), ThemeChoice::Ansi);
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
    assert!(screen.contains("cut off: --timeout reached · accurate · 4 tokens"), "{screen}");
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
    let some = "0 auto 1 full 2 accurate 3 balanced 4 quick 5 fastest 6 stream 7 8 9 custom";
    assert_eq!(strips(&session.chat), ["0 auto 1 full 2 3 4 5 6 7 8 9 custom", some, all]);
    session.switch("fastest");
    session.forecast(8_000, Some(1));
    session.read(2_000, 8_000);
    assert_eq!(strips(&session.chat), ["0 1 2 3 4 5 fastest 6 7 8 9 custom", some, all]);
}

// The interface's state.

fn key(screen: &mut Screen, chat: &Chat, letter: char) {
    let intent = screen.intent(KeyEvent::from(KeyCode::Char(letter))).expect("letters mean something");
    screen.handle(chat, intent);
}

#[test]
fn the_next_question_goes_on_where_the_ways_out_of_a_full_context_open_by_themselves() {
    let session = starting::full();
    let mut screen = Screen::default();
    screen.attend(&session.chat);
    assert!(screen.overlay.is_some());
    for letter in "quick".chars() {
        key(&mut screen, &session.chat, letter);
    }
    assert_eq!((screen.text().as_str(), &screen.overlay), ("quick", &None));
}

#[test]
fn nothing_opens_by_itself_over_a_question_that_is_being_typed() {
    let session = starting::full();
    let mut screen = typed("And who");
    screen.attend(&session.chat);
    assert_eq!(screen.overlay, None);
    key(&mut screen, &session.chat, 'l');
    screen.handle(&session.chat, Intent::Submit);
    screen.attend(&session.chat);
    assert!(screen.overlay.is_some(), "the question is asked, so the keys are free");
}

#[test]
fn scrolling_up_stays_while_an_answer_grows_and_the_bottom_follows_again() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer(&"line\n".repeat(60));
    let mut screen = Screen::default();
    drawn(&session.chat, &mut screen, (80, 24));
    assert_eq!(screen.top, None);
    screen.handle(&session.chat, Intent::Scroll(Scroll::PageUp));
    let top = screen.top;
    assert!(top.is_some());
    session.ask("And?");
    drawn(&session.chat, &mut screen, (80, 24));
    assert_eq!(screen.top, top, "what is read stays where it is");
    screen.handle(&session.chat, Intent::Scroll(Scroll::Bottom));
    assert_eq!(screen.top, None);
}

#[test]
fn a_greeting_that_is_higher_than_the_screen_is_scrolled() {
    let session = Session::begin_without_model();
    let mut screen = screen(|screen| screen.focus = Focus::Transcript);
    let mut after = |scroll| {
        screen.handle(&session.chat, Intent::Scroll(scroll));
        drawn(&session.chat, &mut screen, (40, 12))
    };
    let first = after(Scroll::Up);
    assert!(first.contains("Lunette reads a long document"), "{first}");
    let second = after(Scroll::Down);
    assert!(!second.contains("Lunette reads a long document") && second.contains("language model"), "{second}");
    let last = after(Scroll::Bottom);
    assert!(last.contains("document.") && !last.contains("more ↓"), "{last}");
    assert_eq!(after(Scroll::Top), first);
}

#[test]
fn what_is_told_is_told_whole() {
    let session = Session::with_document_read("accurate");
    let mut screen = screen(|screen| screen.message = Some(format!("written to {}/end.md", "/folder".repeat(8))));
    let seen = drawn(&session.chat, &mut screen, (40, 12));
    assert!(seen.contains("end.md"), "{seen}");
}

#[test]
fn the_help_goes_as_far_as_its_last_line() {
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
    assert_eq!(screen.handle(&session.chat, Intent::Interrupt), [], "it asks first");
    assert_eq!(screen.message.as_deref(), Some("Ctrl-C again leaves"));
    screen.handle(&session.chat, Intent::ToggleReasoning);
    assert_eq!(screen.handle(&session.chat, Intent::Interrupt), [], "another key takes the question back");
    assert_eq!(screen.handle(&session.chat, Intent::Interrupt), [Action::Quit]);
}

#[test]
fn a_conversation_that_was_not_exported_is_not_left_by_one_key() {
    let mut session = Session::with_document_read("accurate");
    let mut screen = screen(|screen| screen.focus = Focus::Transcript);
    assert_eq!(screen.handle(&session.chat, Intent::Leave), [Action::Quit], "nothing is lost");
    session.ask("Who?");
    session.answer("A clergyman.");
    assert_eq!(screen.handle(&session.chat, Intent::Leave), []);
    let told = "the conversation is not saved · x exports it · q again leaves";
    assert_eq!(screen.message.as_deref(), Some(told));
    assert_eq!(screen.handle(&session.chat, Intent::Leave), [Action::Quit]);
    screen.handle(&session.chat, Intent::ExportMarkdown);
    assert_eq!(screen.handle(&session.chat, Intent::Leave), [Action::Quit], "it is written");
}

#[test]
fn a_paste_is_one_text_with_its_lines_and_asks_nothing() {
    let session = Session::with_document_read("accurate");
    let mut screen = screen(|screen| screen.focus = Focus::Transcript);
    assert_eq!(screen.handle(&session.chat, Intent::Paste("one\r\ntwo\rthree".into())), []);
    assert_eq!(screen.input.lines(), ["one", "two", "three"]);
}
