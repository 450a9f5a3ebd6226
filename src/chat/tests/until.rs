//! Up to here: questions about what is before a place in the document.

use super::*;
use crate::chat::{NewText, Until};
use crate::citations;

const LINES: [&str; 3] = ["Tom is a cat.\n", "Anna is a dog.\n", "Tom dies in the end.\n"];

/// A chat about three lines that are read, which asks up to the end of line `lines`.
fn up_to(lines: usize, preset: &str) -> (Session, Vec<Effect>) {
    let mut session = Session::begin(preset);
    session.chat.document.text = LINES.concat().into();
    let mut session = session.document_read();
    let byte = LINES[..lines].concat().len();
    let effects = session.act(Action::AskUntil(Some(Until { byte, words: format!("line {lines}").into() })));
    (session, effects)
}

fn prefilled(effects: &[Effect]) -> (&Prompt, &RecipeSpec) {
    match sent(effects) {
        Command::Prefill { prompt, recipe, .. } => (prompt, recipe),
        other => panic!("expected a prefill, got {other:#?}"),
    }
}

#[test]
fn the_prompt_ends_at_the_place_and_the_whole_comes_back() {
    let (mut session, effects) = up_to(2, "full");
    assert!(texts(prefilled(&effects).0).0.ends_with("Tom is a cat.\nAnna is a dog.\n"));
    session.read(DOCUMENT_TOKENS, 0);
    let effects = session.ask("What becomes of Tom?");
    let document = texts(&asked(&effects).prompt).0;
    assert!(document.ends_with("Anna is a dog.\n") && !document.contains("dies"), "{document}");
    session.answer("He lives.");
    assert_eq!(session.chat.exchanges().next().and_then(|it| it.until.as_ref()).map(|it| &*it.words), Some("line 2"));
    let effects = session.act(Action::AskUntil(None));
    assert!(texts(prefilled(&effects).0).0.ends_with("Tom dies in the end.\n"));
    assert_eq!(session.chat.until, None);
}

#[test]
fn turns_that_were_about_more_are_left_out_and_return() {
    let (mut session, _) = up_to(1, "full");
    session.act(Action::AskUntil(None));
    session.read(DOCUMENT_TOKENS, 0);
    session.ask("What becomes of Tom?");
    session.answer("He dies.");
    session.act(Action::AskUntil(Some(Until { byte: LINES[0].len(), words: "line 1".into() })));
    session.read(DOCUMENT_TOKENS, 0);
    let tail = texts(&asked(&session.ask("Who is Tom?")).prompt).1;
    assert!(!tail.contains("dies"), "{tail}");
    session.answer("A cat.");
    session.act(Action::AskUntil(Some(Until { byte: LINES[..2].concat().len(), words: "line 2".into() })));
    session.read(DOCUMENT_TOKENS, 0);
    let tail = texts(&asked(&session.ask("And Anna?")).prompt).1;
    assert!(tail.contains("A cat.") && !tail.contains("dies"), "{tail}");
    session.answer("A dog.");
    session.act(Action::AskUntil(None));
    session.read(DOCUMENT_TOKENS, 0);
    let tail = texts(&asked(&session.ask("Is that sad?")).prompt).1;
    assert!(tail.contains("A cat.") && tail.contains("He dies."), "{tail}");
}

/// With another window everything would be read again.
#[test]
fn a_window_that_depends_on_the_length_stays_that_of_the_whole() {
    let window = Some(WindowSpec::Share { divisor: 4, at_least: 1_000 });
    let mut session = Session::begin_with("quick", RecipePatch { window, ..RecipePatch::default() });
    session.chat.document.text = LINES.concat().into();
    let mut session = session.document_read();
    let place = Until { byte: LINES[0].len(), words: "line 1".into() };
    let effects = session.act(Action::AskUntil(Some(place)));
    assert_eq!(prefilled(&effects).1.window, WindowSpec::Tokens(DOCUMENT_TOKENS / 4));
    assert_eq!(Some(session.recipe().window), window, "the preset is as it was");
}

#[test]
fn a_quote_from_behind_the_place_is_not_found() {
    let (mut session, _) = up_to(2, "full");
    session.read(DOCUMENT_TOKENS, 0);
    session.ask("What becomes of Tom?");
    let answer = "\"Anna is a dog\" and \"Tom dies in the end\"";
    session.answer(answer);
    let citations = citations::check(answer, &citations::Index::new(&session.chat.document.text), &[]);
    session.input(Input::Checked { entry: 0, answer: answer.into(), citations });
    let exchange = session.chat.exchanges().next().expect("one");
    let verdicts: Vec<&str> = exchange.citations.iter().map(|citation| citation.verdict.name()).collect();
    assert_eq!(verdicts, ["verified", "not_found"]);
}

#[test]
fn a_place_that_is_none_changes_nothing_and_a_new_text_has_its_own_places() {
    let (mut session, _) = up_to(2, "full");
    session.read(DOCUMENT_TOKENS, 0);
    let whole = LINES.concat();
    let new = NewText {
        text: format!("{whole}More.\n").into(),
        ends: vec![whole.len() + 6],
        place: "at its end".into(),
        retrieved: None,
    };
    session.input(Input::News(News::Changed(new)));
    assert_eq!(session.chat.until, None);
    let mut session = Session::with_document_read("full");
    assert_eq!(session.act(Action::AskUntil(None)), []);
    let nothing = Until { byte: 0, words: "the beginning".into() };
    assert_eq!(session.act(Action::AskUntil(Some(nothing))), []);
    assert_eq!(notice(&session.chat), "there is no text before this place");
    session.ask("Who?");
    let place = Until { byte: 3, words: "line 1".into() };
    assert_eq!(session.act(Action::AskUntil(Some(place))), []);
    assert_eq!(notice(&session.chat), "an answer is in progress");
}
