//! The document pane: snapshots and keys.

use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::citations::{self, Index};
use crate::document::{self, Document, Input, ReadOptions};
use crate::tui::ui_command::UiCommand;

/// The first three chapters of the bundled book.
pub(super) fn novel() -> Arc<Document> {
    let inputs = [Input::bundled_book()];
    let book = document::load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("it is bundled");
    Arc::new(book.select("1-3").expect("there are 61"))
}

pub(super) fn files(files: &[(&str, &str)]) -> Arc<Document> {
    let input =
        |(name, text): &(&str, &str)| Input::Memory { name: (*name).into(), bytes: text.as_bytes().to_vec().into() };
    let inputs: Vec<Input> = files.iter().map(input).collect();
    Arc::new(document::load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("texts"))
}

/// A chat about `document`, prefilled with `preset`.
pub(super) fn read(document: &Arc<Document>, preset: &str) -> Session {
    let mut session = Session::begin(preset);
    session.chat.document.text = document.text.as_str().into();
    session.chat.document.part = None;
    session.document_read()
}

/// Presses keys: characters, and names in angle brackets. `size` is the size of the frame before.
pub(super) fn press(screen: &mut Screen, session: &mut Session, size: (u16, u16), script: &str) {
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).filter(|(name, _)| !name.is_empty());
        let (code, modifiers) = match named.map(|(name, _)| name) {
            Some("enter") => (KeyCode::Enter, KeyModifiers::NONE),
            Some("tab") => (KeyCode::Tab, KeyModifiers::NONE),
            Some("backspace") => (KeyCode::Backspace, KeyModifiers::NONE),
            Some("esc") => (KeyCode::Esc, KeyModifiers::NONE),
            Some("alt-enter") => (KeyCode::Enter, KeyModifiers::ALT),
            Some("left") => (KeyCode::Left, KeyModifiers::NONE),
            Some("up") => (KeyCode::Up, KeyModifiers::NONE),
            Some("down") => (KeyCode::Down, KeyModifiers::NONE),
            Some("ctrl-o") => (KeyCode::Char('o'), KeyModifiers::CONTROL),
            Some("ctrl-p") => (KeyCode::Char('p'), KeyModifiers::CONTROL),
            Some("ctrl-u") => (KeyCode::Char('u'), KeyModifiers::CONTROL),
            Some("ctrl-w") => (KeyCode::Char('w'), KeyModifiers::CONTROL),
            Some("ctrl-y") => (KeyCode::Char('y'), KeyModifiers::CONTROL),
            Some("alt-x") => (KeyCode::Char('x'), KeyModifiers::ALT),
            Some(other) => panic!("no key is called {other}"),
            None => (KeyCode::Char(c), KeyModifiers::NONE),
        };
        rest = named.map_or_else(|| &rest[c.len_utf8()..], |(_, after)| after);
        drawn(&session.chat, screen, size);
        let Some(intent) = screen.intent(KeyEvent::new(code, modifiers)) else { continue };
        for action in screen.handle(&session.chat, intent) {
            session.act(action);
        }
    }
}

/// Snapshots of a document after keys, at each size.
fn after_keys(name: &str, document: &Arc<Document>, preset: &str, script: &str) {
    for size in SIZES {
        let (mut session, mut screen) = (read(document, preset), Screen::new(document.clone()));
        press(&mut screen, &mut session, size, script);
        let (width, height) = size;
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn a_novel_is_read() {
    after_keys("reader_novel", &novel(), "fastest", "<tab><tab>}");
}

#[test]
fn a_word_is_searched() {
    after_keys("reader_search", &novel(), "full", "<tab><tab>/fortune<enter>n");
}

#[test]
fn a_word_is_being_typed() {
    after_keys("reader_searching", &novel(), "full", "<tab><tab>/single man");
}

#[test]
fn hits_are_listed() {
    after_keys("reader_hits", &novel(), "full", "<tab><tab>/fortune<enter>l<down>");
}

#[test]
fn contents_are_listed() {
    after_keys("reader_contents", &novel(), "full", "<tab>t<down>");
}

const MARKDOWN: &str = "# Of Cats\n\nCats are **small** and *quick*; see [the list](#list).\n\n## List\n\n- a cat\n- another, \
    which has a very long description that does not fit on one line\n\n> Quoted, as it was said.\n\n```rust\n// A cat.\nfn main() {\n    \
    let name = \"Tom\";\n}\n```\n";

#[test]
fn markdown_is_rendered_and_code_is_coloured() {
    after_keys("reader_markdown", &files(&[("cats.md", MARKDOWN)]), "full", "<tab><tab>");
}

#[test]
fn files_follow_one_another() {
    let code = "/// Adds.\nfn add(a: u32, b: u32) -> u32 {\n    a + b // the sum\n}\n";
    after_keys(
        "reader_files",
        &files(&[("src/lib.rs", code), ("README.md", "# Add\n\nAdds.\n")]),
        "full",
        "<tab><tab>",
    );
}

#[test]
fn the_palette_finds_commands() {
    after_keys("palette", &novel(), "full", "<ctrl-p>copy");
}

/// The position of the hardware cursor.
fn caret(session: &Session, screen: &mut Screen, (width, height): (u16, u16)) -> (u16, u16) {
    let mut terminal = terminal(width, height);
    draw_in(&mut terminal, &session.chat, screen, ThemeChoice::Ansi);
    terminal.get_cursor_position().expect("memory does not fail").into()
}

#[test]
fn a_line_that_is_typed_stays_one_line() {
    let document = novel();
    for (opened, expected) in [("/sing<alt-enter>le", "single"), ("<ctrl-p>co<alt-enter>py", "copy")] {
        let (mut session, mut screen) = (read(&document, "full"), Screen::new(document.clone()));
        press(&mut screen, &mut session, (80, 24), &format!("<tab>{opened}"));
        let entry = screen.search_entry.as_ref().map(|entry| entry.text().to_owned());
        let palette = match &screen.overlay {
            Some(Overlay::Palette(palette)) => Some(palette.text().to_owned()),
            _ => None,
        };
        assert_eq!(entry.or(palette).as_deref(), Some(expected));
    }
}

#[test]
fn the_hardware_cursor_stands_in_the_line_that_is_typed() {
    let document = novel();
    let size = (40, 12);
    // The document's title begins in column 1, the palette's input in column 3; both have a prompt.
    for (opened, column) in [("/", 2), ("<ctrl-p>", 4)] {
        let (mut session, mut screen) = (read(&document, "full"), Screen::new(document.clone()));
        let mut typed = |keys: &str| {
            press(&mut screen, &mut session, size, keys);
            caret(&session, &mut screen, size).0 - column
        };
        assert_eq!(typed(&format!("<tab>{opened}")), 0);
        assert_eq!(typed("真理"), 4, "two cells each");
        assert_eq!(typed("<left>"), 2);
        let end = typed(&"long ".repeat(20));
        assert!(end > 20 && end + column < 39, "{end}: the line has gone along");
        assert!(drawn(&session.chat, &mut screen, size).contains("long long"));
    }
}

/// A chat whose answer quotes the book exactly, nearly, and wrongly.
fn quoted(document: &Arc<Document>) -> Session {
    let mut session = read(document, "accurate");
    session.ask("What do people believe of single men?");
    let answer = "That “a single man in possession of a good fortune, must be in want of a wife”; Mrs. Bennet adds that \
        “he is a single man of great fortune; four or five thousand a year”, and “marriage is the finest of all businesses”.";
    session.answer(answer);
    let citations = citations::check(answer, &Index::of(document.clone(), document.clone()), &[]);
    session.input(crate::chat::Input::Checked { entry: 0, answer: answer.into(), citations });
    session
}

#[test]
fn quotes_are_looked_up() {
    let document = novel();
    for size in SIZES {
        let (mut session, mut screen) = (quoted(&document), Screen::new(document.clone()));
        press(&mut screen, &mut session, size, "<tab>n");
        let (width, height) = size;
        insta::assert_snapshot!(format!("quotes_{width}x{height}"), drawn(&session.chat, &mut screen, size));
        press(&mut screen, &mut session, size, "n<enter>");
        insta::assert_snapshot!(format!("quotes_followed_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn enter_on_a_quote_goes_to_its_passage_and_n_to_the_next() {
    let document = novel();
    let (mut session, mut screen) = (quoted(&document), Screen::new(document.clone()));
    let passage = |screen: &Screen| screen.reader.found.map(|span| document.text[span.start..span.end].to_owned());
    press(&mut screen, &mut session, (80, 24), "<tab><enter>");
    assert_eq!(screen.focus, Focus::Reader);
    assert!(passage(&screen).is_some_and(|text| text.starts_with("a single man in")), "{:?}", passage(&screen));
    press(&mut screen, &mut session, (80, 24), "n");
    assert!(passage(&screen).is_some_and(|text| text.ends_with("five thousand a year")), "{:?}", passage(&screen));
    press(&mut screen, &mut session, (80, 24), "n");
    assert_eq!(screen.message.as_deref(), Some("that quote is not in the document"));
}

#[test]
fn a_search_is_given_up_where_it_began() {
    let document = novel();
    let (mut session, mut screen) = (read(&document, "full"), Screen::new(document));
    press(&mut screen, &mut session, (80, 24), "<tab><tab>}}");
    let place = screen.reader.top();
    press(&mut screen, &mut session, (80, 24), "/truth<esc>");
    assert_eq!((screen.reader.top(), screen.reader.found), (place, None));
    press(&mut screen, &mut session, (80, 24), "/truth<enter><ctrl-o>");
    assert_eq!(screen.reader.top(), place);
}

#[test]
fn every_size_of_the_reader_can_be_drawn() {
    let document = novel();
    let chat = quoted(&document).chat;
    for width in [1, 2, 9, 23, 24, 25, 33, 40, 61, 100] {
        for height in [1, 3, 7, 8, 9, 12, 24, 30] {
            for script in [
                "<tab><tab>/fortune<enter>",
                "<tab>t",
                "<tab><tab>/fo<enter>l",
                "/",
                "<tab>/single",
                "@ch",
                "<tab><tab>w/so",
                "<tab>p<down>e",
                "<tab>f",
            ] {
                let mut session = Session { chat: chat.clone(), seconds: 0, job: crate::engine::message::JobId(0) };
                let mut screen = Screen::new(document.clone());
                press(&mut screen, &mut session, (width, height), script);
                drawn(&session.chat, &mut screen, (width, height));
            }
        }
    }
}

#[test]
fn presets_are_looked_at_and_changed() {
    after_keys("presets", &novel(), "accurate", "<tab>p<down><down>");
    after_keys("preset_draft", &novel(), "accurate", "<tab>p<down>e<down>");
}

#[test]
fn a_changed_preset_is_saved_with_a_second_key_alone() {
    let saved = |keys: &str| {
        let document = novel();
        let (mut session, mut screen) = (read(&document, "accurate"), Screen::new(document));
        press(&mut screen, &mut session, (80, 24), keys);
        let name = |command: &UiCommand| match command {
            UiCommand::SavePreset(preset) => Some(preset.name.clone()),
            _ => None,
        };
        screen.commands.iter().filter_map(name).collect::<Vec<_>>()
    };
    assert_eq!(saved("<tab>p<down>es<enter>"), ["mine"]);
    assert_eq!(saved("<tab>p<down>es"), [""; 0]);
    assert_eq!(saved("<tab>p<down>es<down><enter>"), [""; 0], "it is tried");
    assert_eq!(saved("<tab>p<down>e and s or ss"), [""; 0], "typed as if it were a question");
}

#[test]
fn a_comparison_begins_with_another_preset_than_the_one_in_force() {
    for (current, other) in [("accurate", "full"), ("full", "accurate")] {
        let document = novel();
        let (mut session, mut screen) = (read(&document, current), Screen::new(document));
        press(&mut screen, &mut session, (80, 24), "<tab>a");
        let seen = drawn(&session.chat, &mut screen, (80, 24));
        assert!(seen.contains(&format!("compare {current} with")), "{seen}");
        let Some(Overlay::Picker(picker)) = &screen.overlay else { panic!("no picker: {:?}", screen.overlay) };
        assert_eq!(session.chat.preset_entries[picker.at].name, other);
    }
}

#[test]
fn figures_are_shown_with_a_chart() {
    for size in SIZES {
        let document = novel();
        let mut session = Session::begin("fastest");
        session.tell(Event::Loaded(Box::new(model())));
        let job = session.job;
        for chunk in 1..10_u32 {
            let now =
                crate::engine::message::Progress { tokens_per_s: 900.0 - f64::from(chunk), ..progress(chunk * 1_000) };
            session.tell(Event::Prefilling { job, progress: now });
        }
        session.read(0, DOCUMENT_TOKENS);
        let mut screen = Screen::new(document);
        press(&mut screen, &mut session, size, "<tab>f");
        let (width, height) = size;
        insta::assert_snapshot!(format!("figures_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn two_answers_stand_side_by_side() {
    for size in SIZES {
        let mut session = Session::with_document_read("full");
        let preset_entry = |session: &Session, name: &str| {
            session.chat.preset_entries.iter().position(|preset_entry| preset_entry.name == name)
        };
        let preset_entries = ["full", "fastest"].map(|name| preset_entry(&session, name).expect("a built-in preset"));
        session.act(Action::Versus { question: "Who is Mr. Collins?".into(), preset_entries: preset_entries.to_vec() });
        session.answer("He is a clergyman, and heir to Longbourn.");
        session.read(2_000, 8_000);
        session.answer("He is a soldier, and heir to Longbourn.");
        let (width, height) = size;
        insta::assert_snapshot!(format!("versus_{width}x{height}"), drawn(&session.chat, &mut Screen::default(), size));
    }
}

#[test]
fn of_three_answers_to_one_question_all_are_shown() {
    let mut session = Session::with_document_read("full");
    let preset_entry = |session: &Session, name: &str| {
        session.chat.preset_entries.iter().position(|preset_entry| preset_entry.name == name)
    };
    let preset_entries =
        ["full", "fastest", "quick"].map(|name| preset_entry(&session, name).expect("a built-in preset"));
    session.act(Action::Versus { question: "Who is Mr. Collins?".into(), preset_entries: preset_entries.to_vec() });
    for answer in ["A clergyman.", "A soldier.", "A cousin."] {
        session.answer(answer);
        session.read(2_000, 8_000);
    }
    let seen = drawn(&session.chat, &mut Screen::default(), (120, 40));
    let shown = ["A clergyman.", "A soldier.", "A cousin."].map(|answer| seen.matches(answer).count());
    assert_eq!((shown, seen.matches("› Who is Mr. Collins?").count()), ([1, 1, 1], 2), "{seen}");
}

/// Of the demo on a machine with 2 cores and 24 GB: what `suggestions` works out for it.
fn suited() -> crate::chat::Suggestions {
    use crate::chat::{Role, Suggestion, Suggestions};
    let model = |role, title: &str, bytes, memory_bytes, reading_s| Suggestion {
        role,
        name: title.to_lowercase(),
        title: title.into(),
        bytes,
        is_here: false,
        memory_bytes,
        reading: std::time::Duration::from_secs(reading_s),
        preset: "full".into(),
    };
    let models = vec![
        model(Role::Fast, "Qwen2.5-Coder 1.5B Instruct, Q4_K_M", 1_117_320_768, 1_890_000_000, 82),
        model(Role::Balanced, "Qwen3.5 4B, Q4_K_M", 2_740_937_888, 4_480_000_000, 194),
        model(Role::Best, "Qwen3.5 9B, Q4_K_M", 5_680_522_464, 9_040_000_000, 345),
    ];
    Suggestions { document_tokens: 5_040, tokens: 5_040, models }
}

#[test]
fn up_to_three_models_that_suit_the_machine_are_suggested() {
    let document = novel();
    let mut session = Session::begin_without_model();
    session.chat.suggestions = suited();
    for size in SIZES {
        let (width, height) = size;
        let seen = drawn(&session.chat, &mut Screen::new(document.clone()), size);
        insta::assert_snapshot!(format!("suggested_{width}x{height}"), seen);
    }
    let seen = drawn(&session.chat, &mut Screen::new(document), (80, 40));
    for told in ["fast Qwen2.5-Coder 1.5B", "balanced Qwen3.5 4B", "best Qwen3.5 9B", "2.74 GB to download"] {
        assert!(seen.contains(told), "{told}:\n{seen}");
    }
}

#[test]
fn who_has_no_model_is_told_what_to_do() {
    let document = novel();
    let mut session = Session::begin_without_model();
    for size in SIZES {
        let (width, height) = size;
        let seen = drawn(&session.chat, &mut Screen::new(document.clone()), size);
        insta::assert_snapshot!(format!("first_run_{width}x{height}"), seen);
    }
    session.act(Action::Resume);
    session.input(crate::chat::Input::Fetching(crate::chat::Fetched {
        done: 120_000_000,
        total: 491_400_064,
        checking: false,
    }));
    insta::assert_snapshot!("first_run_fetching", drawn(&session.chat, &mut Screen::new(document), (80, 24)));
}
