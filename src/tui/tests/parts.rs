//! The tree of parts: snapshots, keys, and what the chat and the loop get.

use std::sync::Arc;

use super::reading::{files, press};
use super::*;
use crate::chat::{Choice, Draft};
use crate::document::{Document, Input as DocumentInput, ReadOptions, load};
use crate::fit::Proposal;
use crate::session::{CountRequest, PartsResult};
use crate::tui::screen::{DocumentParts, SelectionVerdict};
use crate::tui::ui_command::UiCommand;

/// The bundled book.
fn novel() -> Arc<Document> {
    let inputs = [DocumentInput::bundled_book()];
    Arc::new(load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("it is bundled"))
}

fn tree() -> Arc<Document> {
    files(&[
        ("src/lib.rs", "//! One.\n"),
        ("src/net/tcp.rs", "//! Two.\n"),
        ("src/net/udp.rs", "//! Three.\n"),
        ("src/ui.rs", "//! Four.\n"),
        ("tests/all.rs", "//! Five.\n"),
    ])
}

/// A chat and screen on all of `document`, prefilled by a model trained for 32,768 tokens.
fn opened(document: &Arc<Document>) -> (Session, Screen) {
    let mut session = Session::begin("accurate");
    session.chat.document.text = document.text.as_str().into();
    session.chat.document.part = None;
    let mut screen = Screen::new(document.clone());
    let all: Vec<usize> = (1..=document.parts().len()).collect();
    screen.parts = DocumentParts::new(document.clone(), &all, 2_048);
    (session.document_read(), screen)
}

/// The engine reports that the document is too long, which opens the tree.
fn too_long(document: &Arc<Document>) -> (Session, Screen) {
    let (_, mut screen) = opened(document);
    let mut session = Session::begin("accurate");
    session.chat.document.text = document.text.as_str().into();
    session.tell(Event::Loaded(Box::new(model())));
    let message = "the prompt has 161,223 tokens and this model holds 32,768, an answer included".into();
    let failure = Failure { kind: FailureKind::DoesNotFit, message, hint: None };
    session.tell(Event::Failed { job: session.job, failure });
    attend(&mut session, &mut screen);
    (session, screen)
}

fn attend(session: &mut Session, screen: &mut Screen) {
    for action in screen.attend(&session.chat) {
        session.act(action);
    }
}

/// All parts are counted: the first has `first` tokens, each next one `more` more.
fn weigh(session: &mut Session, screen: &mut Screen, first: u32, more: u32) {
    let of = asked(screen);
    let parts = of.whole.parts().len() as u32;
    let tokens = (0..parts).map(|part| first + part * more).collect();
    aside(session, screen, PartsResult::Counted { of, first: 0, tokens });
}

fn aside(session: &mut Session, screen: &mut Screen, result: PartsResult) {
    for action in screen.take_parts_result(&session.chat, result) {
        session.act(action);
    }
}

/// The request to count.
fn asked(screen: &Screen) -> CountRequest {
    let asked = screen.commands.iter().find_map(|command| match command {
        UiCommand::CountParts(request) => Some(request.clone()),
        _ => None,
    });
    asked.expect("the parts are to be counted")
}

fn proposals() -> Vec<Proposal> {
    let proposal = |flags: &str, what: &str, tokens, parts| Proposal {
        flags: flags.into(),
        what: what.into(),
        tokens,
        kv_bytes: u64::from(tokens) * 12_288,
        parts,
    };
    vec![
        proposal("-ctk q8_0 -ctv q8_0", "keys and values in 8 bits", 161_223, None),
        proposal("book/ten", "this folder alone, 10 files", 20_100, Some((1..=10).collect())),
        proposal("--parts 1-11", "the first 11 of 61 parts", 27_512, Some((1..=11).collect())),
    ]
}

const DOCUMENT: (u16, u16) = (80, 24);

/// Snapshots at each size, each from the start.
fn shot(name: &str, start: impl Fn() -> (Session, Screen), act: impl Fn(&mut Session, &mut Screen, (u16, u16))) {
    for size in SIZES {
        let (mut session, mut screen) = start();
        act(&mut session, &mut screen, size);
        let (width, height) = size;
        insta::assert_snapshot!(format!("parts_{name}_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn what_is_too_long_opens_the_tree_by_itself() {
    let document = novel();
    shot("too_long", || too_long(&document), |session, screen, _| weigh(session, screen, 1_200, 45));
}

#[test]
fn chapters_are_chosen_until_they_fit() {
    let document = novel();
    shot(
        "chosen",
        || too_long(&document),
        |session, screen, size| {
            weigh(session, screen, 1_200, 45);
            press(screen, session, size, "n<down><down>f");
            session.forecast(4_000, Some(48));
        },
    );
}

#[test]
fn what_would_fit_is_shown() {
    let document = novel();
    shot(
        "would_fit",
        || too_long(&document),
        |session, screen, size| {
            weigh(session, screen, 1_200, 45);
            press(screen, session, size, "<enter>");
            let proposed =
                PartsResult::Proposed { of: asked(screen), parts: (1..=61).collect(), proposals: proposals() };
            aside(session, screen, proposed);
            press(screen, session, size, "<down>");
        },
    );
}

#[test]
fn a_folder_is_partly_ticked() {
    let document = tree();
    shot(
        "folders",
        || opened(&document),
        |session, screen, size| {
            press(screen, session, size, "<tab>s");
            weigh(session, screen, 100, 20);
            session.forecast(0, None);
            press(screen, session, size, "<down><down><down> ");
            session.forecast(300, None);
        },
    );
}

#[test]
fn the_tree_is_narrowed_down() {
    let document = novel();
    shot(
        "filter",
        || opened(&document),
        |session, screen, size| {
            press(screen, session, size, "<tab>s/er 2");
            let of = asked(screen);
            aside(session, screen, PartsResult::Counted { of, first: 0, tokens: vec![1_218; 20] });
        },
    );
}

#[test]
fn the_filter_is_edited_as_in_a_shell_and_begun_anew() {
    let document = tree();
    let cases = [
        ("s/tcp<ctrl-u>", ""),
        ("s/tcp<ctrl-u>ui", "ui"),
        ("s/net tcp<ctrl-w>", "net "),
        ("s/tcp<ctrl-u><ctrl-y>", "tcp"),
        ("s/tcp<alt-x>", "tcp"),
        ("s/tcp<enter>/", ""),
        ("s/tcp<enter>/ui<enter>", "ui"),
        ("s/tcp<esc>", ""),
    ];
    for (keys, filter) in cases {
        let (mut session, mut screen) = opened(&document);
        press(&mut screen, &mut session, DOCUMENT, &format!("<tab>{keys}"));
        let Some(Overlay::Parts(selection)) = &screen.overlay else { panic!("{keys} closed it") };
        assert_eq!(selection.ticks.filter(), filter, "{keys}");
    }
}

#[test]
fn the_palette_is_edited_as_in_a_shell() {
    let (mut session, mut screen) = opened(&tree());
    press(&mut screen, &mut session, DOCUMENT, "<ctrl-p>copy code<ctrl-w><alt-x>answer");
    let Some(Overlay::Palette(palette)) = &screen.overlay else { panic!("it is closed") };
    assert_eq!(palette.text(), "copy answer");
}

fn verdict(session: &Session, screen: &Screen) -> SelectionVerdict {
    let Some(Overlay::Parts(plan)) = &screen.overlay else { panic!("it is closed: {:?}", screen.overlay) };
    screen.parts.cost(&session.chat, plan).verdict()
}

fn taken(screen: &Screen) -> Option<Choice> {
    screen.commands.iter().find_map(|command| match command {
        UiCommand::TakeParts(choice) => Some(choice.clone()),
        _ => None,
    })
}

#[test]
fn what_is_ticked_is_taken_and_nothing_before() {
    let document = tree();
    let (mut session, mut screen) = opened(&document);
    press(&mut screen, &mut session, DOCUMENT, "<tab>s");
    weigh(&mut session, &mut screen, 100, 20);
    press(&mut screen, &mut session, DOCUMENT, "<down><down> ");
    assert_eq!((taken(&screen), session.chat.is_read()), (None, true));
    press(&mut screen, &mut session, DOCUMENT, "<enter>");
    assert_eq!(taken(&screen), Some(Choice { parts: vec![1, 4, 5], preset_entry: None }));
    assert_eq!((screen.overlay, session.chat.drafted), (None, None));
}

#[test]
fn esc_leaves_everything_as_it_was() {
    let document = tree();
    let (mut session, mut screen) = opened(&document);
    press(&mut screen, &mut session, DOCUMENT, "<tab>s");
    weigh(&mut session, &mut screen, 100, 20);
    let before = session.chat.document.clone();
    press(&mut screen, &mut session, DOCUMENT, "n<down> <esc>");
    assert_eq!((screen.overlay.clone(), taken(&screen), session.chat.drafted.clone()), (None, None, None));
    assert_eq!((session.chat.document, session.chat.cache_state.is_some()), (before, true));
}

#[test]
fn every_tick_is_told_to_the_chat_as_the_text_that_it_would_be() {
    let document = tree();
    let (mut session, mut screen) = opened(&document);
    press(&mut screen, &mut session, DOCUMENT, "<tab>s");
    weigh(&mut session, &mut screen, 100, 20);
    press(&mut screen, &mut session, DOCUMENT, "n<down> ");
    let text = document.with_parts(&[1]).text.into();
    let draft = session.chat.drafted.as_ref().map(|drafted| drafted.draft.clone());
    assert_eq!(draft, Some(Draft { text, preset_entry: None }));
    press(&mut screen, &mut session, DOCUMENT, "]");
    let here = session.chat.current_preset_entry();
    assert_eq!(session.chat.drafted.as_ref().and_then(|drafted| drafted.draft.preset_entry), Some(here + 1));
    press(&mut screen, &mut session, DOCUMENT, "n");
    assert_eq!((session.chat.drafted.clone(), verdict(&session, &screen)), (None, SelectionVerdict::NothingTicked));
}

#[test]
fn what_does_not_fit_is_not_taken_and_a_proposal_becomes_ticks() {
    let document = novel();
    let (mut session, mut screen) = too_long(&document);
    weigh(&mut session, &mut screen, 1_200, 45);
    let sum: u32 = (0..61).map(|part| 1_200 + part * 45).sum();
    assert_eq!(verdict(&session, &screen), SelectionVerdict::TooMany(sum + 1 - 32_768));
    press(&mut screen, &mut session, DOCUMENT, "<enter>");
    let of = asked(&screen);
    let parts: Vec<usize> = (1..=61).collect();
    assert_eq!(screen.commands.last(), Some(&UiCommand::Propose { of: of.clone(), parts: parts.clone() }));
    aside(&mut session, &mut screen, PartsResult::Proposed { of, parts, proposals: proposals() });
    press(&mut screen, &mut session, DOCUMENT, "<enter>");
    let told = "quit and start again with -ctk q8_0 -ctv q8_0";
    assert_eq!((screen.message.as_deref(), taken(&screen)), (Some(told), None));
    press(&mut screen, &mut session, DOCUMENT, "<down><down><enter><enter>");
    assert_eq!(taken(&screen).map(|choice| choice.parts), Some((1..=11).collect()));
}

#[test]
fn as_many_as_fit_leave_room_for_an_answer() {
    let document = novel();
    let (mut session, mut screen) = too_long(&document);
    weigh(&mut session, &mut screen, 10_000, 0);
    press(&mut screen, &mut session, DOCUMENT, "<down><down>f<enter>");
    assert_eq!(taken(&screen).map(|choice| choice.parts), Some(vec![3, 4, 5]), "30,000 of 32,768 less 2,048");
}

#[test]
fn it_opens_once_and_counts_once() {
    let document = novel();
    let (mut session, mut screen) = too_long(&document);
    press(&mut screen, &mut session, DOCUMENT, "<esc>");
    attend(&mut session, &mut screen);
    assert_eq!(screen.overlay, None, "who has closed it knows");
    press(&mut screen, &mut session, DOCUMENT, "<tab>s<esc>s");
    let counted = screen.commands.iter().filter(|command| matches!(command, UiCommand::CountParts(_))).count();
    assert_eq!(counted, 1);
}

#[test]
fn a_document_of_one_part_is_refused_as_ever() {
    let (session, screen) = too_long(&files(&[("note.txt", "Text.\n")]));
    assert_eq!(screen.overlay, None);
    assert!(session.chat.notice.is_some_and(|notice| notice.text.contains("161,223 tokens")));
}

#[test]
fn figures_of_another_document_are_not_taken_for_its() {
    let document = tree();
    let (mut session, mut screen) = opened(&document);
    press(&mut screen, &mut session, DOCUMENT, "<tab>s");
    let of = CountRequest { whole: tree(), ..asked(&screen) };
    aside(&mut session, &mut screen, PartsResult::Counted { of, first: 0, tokens: vec![1; 5] });
    assert_eq!(verdict(&session, &screen), SelectionVerdict::Counting(5));
    aside(&mut session, &mut screen, PartsResult::Failed("no such file".into()));
    assert!(drawn(&session.chat, &mut screen, DOCUMENT).contains("cannot count the parts: no such file"));
}

#[test]
fn what_is_read_already_is_not_read_again() {
    let document = tree();
    let (mut session, mut screen) = opened(&document);
    press(&mut screen, &mut session, DOCUMENT, "<tab>s");
    weigh(&mut session, &mut screen, 100, 20);
    press(&mut screen, &mut session, DOCUMENT, "<enter>");
    assert_eq!((taken(&screen), screen.message.as_deref()), (None, Some("these parts are loaded already")));
}

#[test]
fn what_time_has_chosen_is_what_is_ticked() {
    let mut session = Session::begin_within_a_minute("full", 6);
    let chapters: Vec<String> = (1..=6).map(|number| format!("# Chapter {number}\n\nText.\n\n")).collect();
    let document = files(&[("book.md", &chapters.concat())]);
    let (_, mut screen) = opened(&document);
    session.tell(Event::Loaded(Box::new(model())));
    press(&mut screen, &mut session, DOCUMENT, "<tab>s");
    assert!(matches!(&screen.overlay, Some(Overlay::Parts(plan)) if plan.ticks.ticked() == [0]));
}

/// How long a key and a frame take there is measured by `benches/frames.rs`.
#[test]
fn a_tree_of_six_hundred_files_is_walked_and_ticked() {
    let names: Vec<String> = (0..600).map(|n| format!("tree/d{:02}/f{n:03}.rs", n / 20)).collect();
    let document = files(&names.iter().map(|name| (name.as_str(), "fn main() {}\n")).collect::<Vec<_>>());
    let (mut session, mut screen) = opened(&document);
    press(&mut screen, &mut session, DOCUMENT, "<tab>sn");
    weigh(&mut session, &mut screen, 10, 0);
    // Below the row of the whole tree is one for each folder of twenty files.
    for _ in 0..25 {
        press(&mut screen, &mut session, DOCUMENT, "<down> ");
    }
    let Some(Overlay::Parts(plan)) = &screen.overlay else { panic!("the tree is closed") };
    assert_eq!(plan.ticks.ticked(), (0..500).collect::<Vec<_>>());
    let seen = drawn(&session.chat, &mut screen, DOCUMENT);
    assert!(seen.contains("d24") && !seen.contains("d00"), "{seen}");
}

#[test]
fn every_size_of_the_tree_can_be_drawn() {
    let document = novel();
    for (width, height) in [(1, 1), (24, 8), (25, 9), (33, 10), (40, 12), (61, 14), (100, 30), (200, 80)] {
        for script in ["", "n<down> ", "/er 1", "/nothing is called so<enter>", "<enter>"] {
            let (mut session, mut screen) = too_long(&document);
            weigh(&mut session, &mut screen, 1_200, 45);
            press(&mut screen, &mut session, (width, height), script);
            drawn(&session.chat, &mut screen, (width, height));
        }
    }
}

// Through the real loop.

#[test]
fn keys_tick_parts_and_the_loop_takes_them_as_it_takes_a_changed_document() {
    use super::scripts::{Outside, Toy, play_with, typing};
    use crate::chat::{Chosen, News};
    use crate::session::{EffectResult, Reloaded, Signal};
    use crate::tui::options::ScreenExit;
    use crate::tui::runner::{LoopCommand, Reply};

    let document = tree();
    let (_, screen) = opened(&document);
    let (toy, results) = Toy::loaded(1);
    let told = toy.results.clone();
    let mut choices = Vec::new();
    let take = |choice: &Choice| {
        let chosen = Arc::new(document.with_parts(&choice.parts));
        let part = Some("parts 1,3 of 5".to_owned());
        let text = chosen.text.as_str().into();
        let news = News::Chosen(Chosen {
            title: "book.md".into(),
            text,
            words: "2 of 5 parts".into(),
            part,
            preset_entry: choice.preset_entry,
        });
        Reply::Reloaded(Reloaded { news, document: Some(chosen), whole: None })
    };
    let others = |command: &LoopCommand| match command {
        LoopCommand::Screen(UiCommand::CountParts(of)) => {
            let counted = PartsResult::Counted { of: of.clone(), first: 0, tokens: vec![10, 20, 30, 40, 50] };
            told.send(EffectResult::Parts(counted)).expect("the loop listens");
            Reply::Nothing
        }
        LoopCommand::Screen(UiCommand::TakeParts(choice)) => {
            choices.push(choice.parts.clone());
            take(choice)
        }
        _ => Reply::Nothing,
    };
    let keys = "<wait><tab>s<wait>njjj j <wait><enter><wait>";
    let outside = Outside { toy: toy.clone(), results, reloads: 0, others };
    let played = play_with(|| typing(keys), screen, outside);
    // tcp.rs is in row 4 of the tree, udp.rs in row 5.
    assert_eq!((played.ended, choices), (ScreenExit::BySignal(Signal::Terminate), vec![vec![2, 3]]));
    assert!(toy.told.borrow().ends_with(&["forecast", "read", "shutdown"]), "{:?}", toy.told);
    assert!(played.last.contains("parts 1,3 of 5") && !played.last.contains("One."), "{}", played.last);
}
