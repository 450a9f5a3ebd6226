//! The first minutes: nothing is open, something is opened, values are set, the context is full.

use std::sync::Arc;
use std::time::Duration;

use super::reading::{novel, press, read};
use super::*;
use crate::chat::{DocumentFacts, Input, News};
use crate::chat::{Fits, KnownModel, Offered, OpenedDocument, OpeningAt, Source, SystemPrompt, WayOut};
use crate::document::Document;
use crate::engine::config::ContextSize;
use crate::engine::message::Plan;
use crate::session::paths::Completed;
use crate::tui::screen::{ListKind, ListPopup, RecentRow};
use crate::tui::ui_command::UiCommand;

/// A chat without a document, and a screen that shows what can be opened.
fn nothing_open() -> (Session, Screen) {
    let mut session = Session::begin("full");
    session.chat.document = DocumentFacts { title: String::new(), part: None, text: "".into(), choice: None };
    session.tell(Event::Loaded(Box::new(model())));
    let mut screen = Screen::new(Arc::new(Document::default()));
    let row = |name: &str, when: &str, tokens| RecentRow {
        names: vec![name.to_owned()],
        title: name.to_owned(),
        when: when.to_owned(),
        tokens,
    };
    screen.recent = vec![
        row("/home/ada/books/pride-and-prejudice.txt", "today", Some(161_059)),
        row("/home/ada/code/a-project-with-a-long-name/crates/ignore", "yesterday", None),
        row("https://example.org/paper.pdf", "12 days ago", Some(9_200)),
    ];
    screen.overlay = Some(Overlay::List(ListPopup::new(ListKind::Start, 0)));
    (session, screen)
}

fn models() -> Vec<KnownModel> {
    let known = |name: &str, title: &str, bytes, file: Option<&str>, fits| KnownModel {
        offered: Offered { name: name.into(), title: title.into(), bytes, license: None, speed: None },
        file: file.map(Into::into),
        fits,
    };
    let here = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
    vec![
        known("qwen2.5-coder-0.5b", "Qwen2.5-Coder 0.5B Instruct, Q4_K_M", 491_400_064, Some(here), Fits::Yes),
        known("qwen2.5-coder-1.5b", "Qwen2.5-Coder 1.5B Instruct, Q4_K_M", 1_117_320_768, None, Fits::Perhaps),
        known("smollm2-135m", "SmolLM2 135M Instruct, Q4_1, for tests", 98_362_432, Some("smol.gguf"), Fits::Yes),
    ]
}

#[test]
fn without_a_document_the_screen_shows_what_can_be_opened() {
    for size in SIZES {
        let (session, mut screen) = nothing_open();
        let (width, height) = size;
        insta::assert_snapshot!(format!("start_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn who_closes_the_start_is_told_how_to_open_something() {
    for size in SIZES {
        let (mut session, mut screen) = nothing_open();
        press(&mut screen, &mut session, size, "<esc>");
        let (width, height) = size;
        insta::assert_snapshot!(format!("bare_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn the_start_can_be_left_like_the_program() {
    let (session, mut screen) = nothing_open();
    assert_eq!(actions(&session, &mut screen, &[Intent::Interrupt]), []);
    assert_eq!(actions(&session, &mut screen, &[Intent::Interrupt]), [Action::Quit]);
    let (session, mut screen) = nothing_open();
    assert_eq!(actions(&session, &mut screen, &[Intent::Leave]), [Action::Quit]);
}

/// The actions of keys, without the chat taking them.
fn actions(session: &Session, screen: &mut Screen, intents: &[Intent]) -> Vec<Action> {
    intents.iter().flat_map(|intent| screen.handle(&session.chat, intent.clone())).collect()
}

/// It was taken as it stood, so that `~/m.gguf` was no file.
#[test]
fn the_typed_path_of_a_model_is_opened_like_any_other() {
    let (session, mut screen) = (Session::begin_without_model(), Screen::default());
    let paste = Intent::Paste("~/models/My Model.GGUF".into());
    let named = Source::Named(vec!["~/models/My Model.GGUF".to_owned()]);
    assert_eq!(actions(&session, &mut screen, &[paste, Intent::Submit]), [Action::Open(named)]);
    assert_eq!(screen.text(), "");
}

#[test]
fn rows_of_the_start_open_what_they_say() {
    let down = Intent::Scroll(Scroll::Down);
    let named = |name: &str| Action::Open(Source::Named(vec![name.to_owned()]));
    let rows = [
        (0, vec![named("/home/ada/books/pride-and-prejudice.txt")]),
        (2, vec![named("https://example.org/paper.pdf")]),
        (3, vec![]),
        (4, vec![]),
        (5, vec![Action::Open(Source::Demo)]),
        (6, vec![]),
    ];
    for (row, expected) in rows {
        let (session, mut screen) = nothing_open();
        let mut intents = vec![down.clone(); row];
        intents.push(Intent::Submit);
        assert_eq!(actions(&session, &mut screen, &intents), expected, "row {row}");
        assert_eq!(matches!(screen.overlay, Some(Overlay::Field(_))), row == 3, "row {row}");
        let lists = [(4, UiCommand::ListSessions), (6, UiCommand::ListModels)];
        let listed = lists.into_iter().filter(|(at, _)| *at == row).map(|(_, command)| command);
        assert_eq!(screen.commands, listed.collect::<Vec<_>>(), "row {row}");
    }
}

#[test]
fn a_path_is_typed_completed_and_opened() {
    let (mut session, mut screen) = nothing_open();
    press(&mut screen, &mut session, (80, 24), "o~/b<tab>");
    assert_eq!(screen.commands, [UiCommand::Complete("~/b".into())]);
    let names = vec!["book.txt".to_owned(), "books/".to_owned()];
    screen.completed("~/b", Completed { text: "~/book".into(), names });
    for size in SIZES {
        let (width, height) = size;
        insta::assert_snapshot!(format!("open_{width}x{height}"), drawn(&session.chat, &mut screen.clone(), size));
    }
    press(&mut screen, &mut session, (80, 24), ".txt");
    assert_eq!(
        actions(&session, &mut screen, &[Intent::Submit]),
        [Action::Open(Source::Named(vec!["~/book.txt".into()]))]
    );
    assert_eq!(screen.overlay, None);
}

#[test]
fn a_completion_that_comes_late_changes_nothing() {
    let (mut session, mut screen) = nothing_open();
    press(&mut screen, &mut session, (80, 24), "oa<tab>b");
    let before = screen.overlay.clone();
    screen.completed("a", Completed { text: "abc".into(), names: vec!["abc".into()] });
    assert_eq!(screen.overlay, before);
}

#[test]
fn an_opened_document_is_read_and_shown() {
    let (mut session, mut screen) = nothing_open();
    let document = novel();
    session.act(Action::Open(Source::Named(vec!["novel.txt".into()])));
    assert!(drawn(&session.chat, &mut screen, (80, 24)).contains("Lunette: chat with"), "the start is still there");
    screen.overlay = None;
    assert!(drawn(&session.chat, &mut screen, (80, 24)).contains("opening novel.txt"));
    let at = OpeningAt { place: "novel.txt (file 2 of 9)".into(), after: Duration::from_secs(12) };
    session.input(Input::News(News::OpeningAt(at)));
    let seen = drawn(&session.chat, &mut screen, (80, 24));
    assert!(seen.contains("opening novel.txt (file 2 of 9)") && seen.contains("12 s"), "{seen}");
    let facts =
        DocumentFacts { title: "novel.txt".into(), part: None, text: document.text.as_str().into(), choice: None };
    screen.open_document(document.clone(), document);
    session.input(Input::News(News::Opened(Box::new(OpenedDocument { facts, within: None, restored: None }))));
    session.read(0, DOCUMENT_TOKENS);
    let seen = drawn(&session.chat, &mut screen, (80, 24));
    assert!(seen.contains("novel.txt is read. Ask it anything."), "{seen}");
    assert_eq!(screen.focus, Focus::Input);
}

#[test]
fn a_path_that_cannot_be_opened_can_be_corrected() {
    let (mut session, mut screen) = nothing_open();
    press(&mut screen, &mut session, (80, 24), "onowhere.txt<enter>");
    screen.attend(&session.chat);
    assert_eq!(screen.overlay, None, "it is being opened");
    let failure = Failure {
        kind: FailureKind::Input,
        message: "cannot read nowhere.txt: no such file".into(),
        hint: Some("check the spelling".into()),
    };
    session.input(Input::News(News::NotOpened(failure)));
    screen.attend(&session.chat);
    let seen = drawn(&session.chat, &mut screen, (80, 24));
    assert!(seen.contains("> nowhere.txt") && seen.contains("no such file · check the spelling"), "{seen}");
}

#[test]
fn models_are_listed_with_size_place_and_whether_they_fit() {
    for size in SIZES {
        let (session, mut screen) = nothing_open();
        screen.list_models(&session.chat, models());
        let (width, height) = size;
        insta::assert_snapshot!(format!("models_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn a_model_is_chosen_and_any_file_can_be_typed() {
    let (session, mut screen) = nothing_open();
    screen.list_models(&session.chat, models());
    let chosen = actions(&session, &mut screen, &[Intent::Scroll(Scroll::Down), Intent::Submit]);
    assert_eq!(chosen, [Action::UseModel(Box::new(models()[1].clone()))]);
    screen.list_models(&session.chat, models());
    assert_eq!(actions(&session, &mut screen, &[Intent::Scroll(Scroll::Bottom), Intent::Submit]), []);
    assert!(matches!(screen.overlay, Some(Overlay::Field(_))));
}

#[test]
fn the_palette_names_what_a_newcomer_looks_for() {
    let document = novel();
    for word in
        ["new", "open", "model", "system", "temp", "top-p", "seed", "theme", "name", "demo", "recent", "export", "room"]
    {
        let (mut session, mut screen) = (read(&document, "full"), Screen::new(document.clone()));
        press(&mut screen, &mut session, (80, 24), &format!("<ctrl-p>{word}"));
        let seen = drawn(&session.chat, &mut screen, (80, 24));
        assert!(!seen.contains("no matching command"), "{word}: {seen}");
    }
}

#[test]
fn commands_stand_in_columns_with_their_present_values() {
    let document = novel();
    for size in SIZES {
        let (mut session, mut screen) = (read(&document, "full"), Screen::new(document.clone()));
        press(&mut screen, &mut session, size, "<ctrl-p>e");
        let (width, height) = size;
        insta::assert_snapshot!(format!("palette_columns_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn a_value_is_typed_refused_and_set() {
    let document = novel();
    let size = (80, 24);
    let (mut session, mut screen) = (read(&document, "full"), Screen::new(document));
    press(&mut screen, &mut session, size, "<ctrl-p>temperature<enter>warm<enter>");
    let seen = drawn(&session.chat, &mut screen, size);
    assert!(seen.contains("a number from 0 to 1000"), "{seen}");
    press(&mut screen, &mut session, size, "<backspace><backspace><backspace><backspace><backspace>0.7<enter>");
    assert!((session.chat.asking.sampling.temperature - 0.7).abs() < f32::EPSILON);
    assert_eq!(screen.message.as_deref(), Some("temperature: 0.7, from the next answer on"));
    press(&mut screen, &mut session, size, "<ctrl-p>max-tokens<enter><backspace><backspace>200<enter>");
    assert_eq!(session.chat.asking.limits.max_tokens, Some(200));
    press(&mut screen, &mut session, size, "<ctrl-p>name<enter>Collins<enter>");
    assert!(drawn(&session.chat, &mut screen, size).contains("Collins · Pride and Prejudice"));
}

#[test]
fn the_system_prompt_is_edited_and_the_document_is_read_again_behind_it() {
    let document = novel();
    let (mut session, mut screen) = (read(&document, "full"), Screen::new(document));
    press(&mut screen, &mut session, (80, 24), "<ctrl-p>system-prompt<enter>Be brief.");
    for size in SIZES {
        let (width, height) = size;
        insta::assert_snapshot!(format!("system_{width}x{height}"), drawn(&session.chat, &mut screen.clone(), size));
    }
    press(&mut screen, &mut session, (80, 24), "<enter>");
    assert_eq!(session.chat.asking.system, SystemPrompt::Own("Be brief.".into()));
    session.tell(Event::Planned { job: session.job, plan: plan(9_990, None) });
    let seen = drawn(&session.chat, &mut screen, (80, 24));
    assert!(seen.contains("the system prompt is set: 10 of 10,000 tokens are already cached"), "{seen}");
}

/// A conversation whose second question does not fit any more.
pub(super) fn full() -> Session {
    let mut session = Session::with_document_read("accurate");
    session.chat.context = ContextSize::Tokens(10_100);
    session.ask("Who is Mr. Collins?");
    session.answer("A clergyman.");
    session.ask("And his patroness?");
    let job = session.job;
    session.tell(Event::Planned { job, plan: Plan { prompt_tokens: 10_110, ..plan(110, None) } });
    let failure = Failure { kind: FailureKind::DoesNotFit, message: "too long".into(), hint: None };
    session.tell(Event::Failed { job, failure });
    session
}

#[test]
fn a_full_context_opens_its_ways_out_once() {
    for size in SIZES {
        let (session, mut screen) = (full(), Screen::default());
        screen.attend(&session.chat);
        let (width, height) = size;
        insta::assert_snapshot!(format!("full_{width}x{height}"), drawn(&session.chat, &mut screen, size));
        screen.handle(&session.chat, Intent::Escape);
        screen.attend(&session.chat);
        assert_eq!(screen.overlay, None);
        screen.handle(&session.chat, Intent::Room);
        assert!(screen.overlay.is_some(), "and again when asked for");
    }
}

#[test]
fn a_way_out_is_taken_and_what_is_left_out_says_so() {
    let (mut session, mut screen) = (full(), Screen::default());
    screen.attend(&session.chat);
    let chosen = actions(&session, &mut screen, &[Intent::Scroll(Scroll::Down), Intent::Submit]);
    assert_eq!(chosen, [Action::MakeRoom(WayOut::LeaveOut { turns: 1 })]);
    session.act(chosen[0].clone());
    let seen = drawn(&session.chat, &mut screen, (80, 24));
    assert!(seen.contains("no longer given to the model"), "{seen}");
    screen.attend(&session.chat);
    assert_eq!(screen.overlay, None);
}
