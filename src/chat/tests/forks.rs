//! Branches of a conversation.

use super::*;
use crate::chat::Action;
use crate::chat::{BranchRow, export};

/// Three turns: A, B, C.
fn talk() -> Session {
    let mut session = Session::with_document_read("accurate");
    for (question, answer) in [("A?", "a."), ("B?", "b."), ("C?", "c.")] {
        session.ask(question);
        session.answer(answer);
    }
    session
}

fn questions(chat: &Chat) -> Vec<&str> {
    chat.exchanges().map(|exchange| &*exchange.question).collect()
}

/// Number, first question that no other branch has, turns, whether it is shown.
fn rows(chat: &Chat) -> Vec<(usize, Option<&str>, usize, bool)> {
    let told = |BranchRow { number, question, turns, is_shown }| (number, question, turns, is_shown);
    chat.branch_rows().into_iter().map(told).collect()
}

#[test]
fn a_fork_keeps_what_stands_up_to_there_and_the_old_branch_whole() {
    let mut session = talk();
    assert_eq!(session.act(Action::Fork { after: Some(0) }), []);
    assert_eq!(questions(&session.chat), ["A?"]);
    let effects = session.ask("D?");
    let (_, tail) = texts(&asked(&effects).prompt);
    assert!(tail.contains("a.") && !tail.contains("B?"), "{tail}");
    session.answer("d.");
    assert_eq!(rows(&session.chat), [(1, Some("B?"), 3, false), (2, Some("D?"), 2, true)]);
    session.act(Action::ShowBranch(0));
    assert_eq!(questions(&session.chat), ["A?", "B?", "C?"]);
    session.act(Action::ShowBranch(1));
    assert_eq!(questions(&session.chat), ["A?", "D?"]);
}

#[test]
fn a_fork_after_the_last_answer_has_nothing_of_its_own_until_something_is_asked() {
    let mut session = talk();
    session.act(Action::Fork { after: Some(2) });
    assert_eq!(rows(&session.chat), [(1, None, 3, false), (2, None, 3, true)]);
    session.ask("D?");
    session.answer("d.");
    assert_eq!(rows(&session.chat), [(1, None, 3, false), (2, Some("D?"), 4, true)]);
}

#[test]
fn branches_keep_their_numbers_whichever_is_shown() {
    let mut session = talk();
    session.act(Action::Fork { after: None });
    session.ask("X?");
    session.answer("x.");
    session.act(Action::ShowBranch(0));
    session.act(Action::Fork { after: Some(1) });
    session.ask("Y?");
    session.answer("y.");
    let expected = |shown: usize| {
        [(1, Some("C?"), 3), (2, Some("X?"), 1), (3, Some("Y?"), 3)]
            .map(|(number, question, turns)| (number, question, turns, number == shown + 1))
    };
    for shown in [2, 0, 1, 2, 1] {
        session.act(Action::ShowBranch(shown));
        assert_eq!(rows(&session.chat), expected(shown));
    }
}

#[test]
fn nothing_forks_while_an_answer_is_on_its_way_or_before_anything_was_asked() {
    let mut session = Session::with_document_read("accurate");
    session.act(Action::Fork { after: None });
    assert_eq!((notice(&session.chat), session.chat.branches.count()), ("nothing was asked yet", 1));
    session.ask("A?");
    session.act(Action::Fork { after: Some(0) });
    assert_eq!((notice(&session.chat), session.chat.branches.count()), ("an answer is in progress", 1));
    session.answer("a.");
    session.act(Action::Fork { after: Some(0) });
    session.ask("B?");
    session.act(Action::ShowBranch(0));
    assert_eq!((notice(&session.chat), session.chat.branches.shown()), ("an answer is in progress", 1));
}

#[test]
fn of_two_answers_to_one_question_a_fork_keeps_both() {
    let mut session = Session::with_document_read("full");
    let preset_entry = |session: &Session, name: &str| {
        session.chat.preset_entries.iter().position(|preset_entry| preset_entry.name == name)
    };
    let preset_entries = ["full", "fastest"].map(|name| preset_entry(&session, name).expect("a built-in preset"));
    session.act(Action::Versus { question: "Who?".into(), preset_entries: preset_entries.to_vec() });
    session.answer("A clergyman.");
    session.read(2_000, 8_000);
    session.answer("A soldier.");
    assert_eq!(session.chat.fork_points(), [None, Some(0)]);
    session.act(Action::Fork { after: Some(0) });
    assert_eq!(session.chat.transcript.len(), 2);
    assert_eq!(rows(&session.chat), [(1, None, 1, false), (2, None, 1, true)]);
}

#[test]
fn what_is_exported_is_the_shown_branch_and_says_so() {
    let mut session = talk();
    session.act(Action::Fork { after: Some(0) });
    let markdown = export::as_markdown(&session.chat);
    assert!(markdown.contains("branch 2 of 2") && !markdown.contains("B?"), "{markdown}");
    let json: serde_json::Value = serde_json::from_str(&export::as_json(&session.chat)).expect("JSON");
    assert_eq!((&json["branch"]["number"], json["turns"].as_array().map(Vec::len)), (&2.into(), Some(1)));
}

#[test]
fn a_branch_that_is_shown_after_the_document_changed_has_its_quotes_looked_up_in_the_new_one() {
    let mut session = Session::with_document_read("accurate");
    session.ask("How does it begin?");
    let answer = "With “a truth universally acknowledged”.";
    session.answer(answer);
    let citations = crate::citations::check(answer, &crate::citations::Index::new(&session.chat.document.text), &[]);
    session.input(Input::Checked { entry: 0, answer: answer.into(), citations });
    session.act(Action::Fork { after: None });
    session.input(changed("Another text."));
    let effects = session.act(Action::ShowBranch(0));
    assert_eq!(effects, [Effect::CheckCitations { entry: 0, answer: answer.into(), passages: Vec::new() }]);
    assert!(session.chat.exchanges().all(|exchange| exchange.citations.is_empty()), "they were found in the old one");
}
