//! What a question refers to.

use super::*;
use crate::chat::Action;
use crate::chat::{Attached, AttachedText};

const PART: &str = "It is a truth universally acknowledged.\n";

fn came(session: &mut Session, name: &str, text: Result<&str, &str>) -> Vec<Effect> {
    session.input(Input::FileRead { name: name.into(), came: text.map(Into::into).map_err(str::to_owned) })
}

#[test]
fn a_part_that_is_read_is_told_by_its_first_words() {
    let mut session = Session::with_document_read("full");
    assert_eq!(session.act(Action::Attach(Attached::part("Chapter 1", PART))), [], "there is nothing to count");
    let effects = session.ask("How does @\"Chapter 1\" begin?");
    let (_, tail) = texts(&asked(&effects).prompt);
    let expected = "\n\nHow does \"Chapter 1\" begin?\n\n\"Chapter 1\" is the part of the document that begins: \
        It is a truth universally acknowledged. …<|im_end|>\n<|im_start|>assistant\n";
    assert_eq!(tail, expected);
}

#[test]
fn what_is_not_read_is_counted_and_goes_along_then_and_later() {
    let mut session = Session::with_document_read("full");
    let effects = session.act(Action::Attach(Attached::part("Chapter 9", "Nine.\n")));
    let Command::Count { job, texts: counted } = sent(&effects) else { panic!("not a count: {effects:?}") };
    assert_eq!(counted, &["Nine.".into()]);
    let job = *job;
    session.tell(Event::Counted { job, tokens: vec![2] });
    assert_eq!(session.chat.attached[0].tokens, Some(2));
    let effects = session.ask("What of @\"Chapter 9\"?");
    assert!(texts(&asked(&effects).prompt).1.contains("This is \"Chapter 9\":\n```\nNine.\n```"));
    assert_eq!(session.chat.attached, []);
    session.answer("Nine.");
    let effects = session.ask("And?");
    assert!(texts(&asked(&effects).prompt).1.contains("```\nNine.\n```"), "an earlier turn is told as it was");
}

#[test]
fn a_question_waits_for_a_file_and_is_asked_with_it() {
    let mut session = Session::with_document_read("full");
    let effects = session.act(Action::Attach(Attached::file("notes.txt")));
    assert_eq!(effects, [Effect::ReadFile("notes.txt".into())]);
    assert_eq!(session.ask("What of @notes.txt?"), []);
    assert_eq!(states(&session.chat), [&ExchangeState::Waiting]);
    let effects = came(&mut session, "notes.txt", Ok("Fish.\n"));
    assert!(texts(&asked(&effects).prompt).1.contains("```\nFish.\n```"));
}

#[test]
fn a_file_that_cannot_be_had_is_left_as_typed_and_said_so() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Attach(Attached::file("notes.txt")));
    session.ask("What of @notes.txt?");
    let effects = came(&mut session, "notes.txt", Err("cannot read notes.txt: it is empty"));
    assert!(texts(&asked(&effects).prompt).1.starts_with("\n\nWhat of @notes.txt?<|im_end|>"));
    assert_eq!(notice(&session.chat), "cannot read notes.txt: it is empty; the reference is left as typed");
}

#[test]
fn a_question_that_waits_for_a_file_is_withdrawn_by_esc() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Attach(Attached::file("notes.txt")));
    session.ask("What of @notes.txt?");
    session.act(Action::Cancel);
    assert_eq!(states(&session.chat), [&ExchangeState::Withdrawn]);
    came(&mut session, "notes.txt", Ok("Fish.\n"));
    assert_eq!(states(&session.chat), [&ExchangeState::Withdrawn], "a file that comes late asks nothing");
}

#[test]
fn what_is_no_longer_named_does_not_go_along() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Attach(Attached::part("Chapter 9", "Nine.\n")));
    let job = session.job;
    session.tell(Event::Counted { job, tokens: vec![2] });
    let effects = session.ask("Who?");
    assert!(!texts(&asked(&effects).prompt).1.contains("Nine."));
    assert_eq!(session.chat.attached, []);
}

#[test]
fn a_part_that_is_read_after_all_is_only_told_of() {
    let mut session = Session::begin("full");
    session.chat.document.text = "Another text.\n".into();
    session.act(Action::Attach(Attached::part("Chapter 1", PART)));
    assert!(matches!(session.chat.attached[0].text, AttachedText::Unread(_)));
    session.ask("How does @\"Chapter 1\" begin?");
    session.chat.document.text = PART.into();
    session.tell(Event::Loaded(Box::new(model())));
    session.read(0, DOCUMENT_TOKENS);
    let exchange = session.chat.exchanges().next().expect("asked");
    assert!(matches!(exchange.attached[0].text, AttachedText::Read(_)), "{exchange:?}");
}

#[test]
fn another_answer_is_to_the_same_question_with_what_it_had() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Attach(Attached::part("Chapter 9", "Nine.\n")));
    let job = session.job;
    session.tell(Event::Counted { job, tokens: vec![2] });
    session.ask("What of @\"Chapter 9\"?");
    session.answer("Nine.");
    let effects = session.act(Action::Regenerate);
    assert!(texts(&asked(&effects).prompt).1.contains("```\nNine.\n```"));
}

#[test]
fn what_was_asked_before_it_was_counted_is_counted_afterwards() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    assert_eq!(session.act(Action::Attach(Attached::part("Chapter 9", "Nine.\n"))), [], "the engine is busy");
    session.ask("What of @\"Chapter 9\"?");
    session.answer("Him.");
    let effects = session.answer("Nine.");
    let Command::Count { job, .. } = sent(&effects) else { panic!("not a count: {effects:?}") };
    let job = *job;
    assert_eq!(session.tell(Event::Counted { job, tokens: vec![2] }), []);
    let counted: Vec<Option<u32>> =
        session.chat.exchanges().flat_map(|exchange| &exchange.attached).map(|attached| attached.tokens).collect();
    assert_eq!(counted, [Some(2)]);
}

#[test]
fn a_count_that_fails_is_not_asked_for_again_at_once() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Attach(Attached::part("Chapter 9", "Nine.\n")));
    let job = session.job;
    assert_eq!(session.tell(Event::Failed { job, failure: failure("no memory") }), []);
    assert_eq!(session.chat.work, Phase::Idle);
}
