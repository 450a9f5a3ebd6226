//! Repeating the last question, and citations.

use super::*;
use crate::chat::Action;
use crate::citations::Verdict;
use crate::engine::message::Origin;

#[test]
fn who_asks_anew_asks_about_the_files_as_they_are_now() {
    let asks = [
        Action::Ask("Who?".into()),
        Action::Replace { entry: 0, question: "Who?".into() },
        Action::Versus { question: "Who?".into(), preset_entries: vec![0, 1] },
        Action::Regenerate,
    ];
    assert!(asks.iter().all(Action::looks_at_files));
    let questions: Vec<_> = asks.iter().map(Action::question).collect();
    assert_eq!(questions, [Some("Who?"), Some("Who?"), Some("Who?"), None]);
    let others = [Action::Continue, Action::ReadAgain(Vec::new()), Action::Confirm, Action::Quit];
    assert!(!others.iter().any(Action::looks_at_files), "they go on with the text that was asked about");
}

#[test]
fn a_changed_question_takes_the_place_of_the_old_one() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer("A clergyman.");
    let effects = session.act(Action::Replace { entry: 0, question: "Why?".into() });
    let (_, tail) = texts(&asked(&effects).prompt);
    assert!(tail.contains("Why?") && !tail.contains("clergyman"), "{tail}");
    assert_eq!(session.chat.transcript.len(), 1);
}

#[test]
fn another_answer_is_not_greedy_and_knows_nothing_of_the_first() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer("A clergyman.");
    let effects = session.act(Action::Regenerate);
    let question = asked(&effects);
    assert!(question.sampling.temperature >= 0.7, "{:?}", question.sampling);
    assert!(!texts(&question.prompt).1.contains("clergyman"));
    assert_eq!(states(&session.chat), [&ExchangeState::Running]);
}

#[test]
fn the_former_answer_stays_on_its_branch() {
    let mut session = Session::with_document_read("accurate");
    for (question, answer) in [("Who?", "A clergyman."), ("Why?", "For Longbourn.")] {
        session.ask(question);
        session.answer(answer);
    }
    session.act(Action::Regenerate);
    assert_eq!(notice(&session.chat), "branch 2 of 2: another answer; the former one is on branch 1");
    session.answer("For money.");
    let answers =
        |session: &Session| session.chat.exchanges().map(|exchange| exchange.answer.clone()).collect::<Vec<_>>();
    assert_eq!(answers(&session), ["A clergyman.", "For money."]);
    session.act(Action::ShowBranch(0));
    assert_eq!(answers(&session), ["A clergyman.", "For Longbourn."]);
}

#[test]
fn an_empty_answer_is_not_kept() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer(" \n");
    session.act(Action::Regenerate);
    assert_eq!((session.chat.branches.count(), session.chat.transcript.len()), (1, 1));
}

#[test]
fn an_answer_that_was_cut_off_goes_on_behind_what_it_has() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    let job = session.job;
    session.tell(Event::Piece { job, channel: Channel::Answer, text: "A clergy".into() });
    let figures = Box::new(answer_figures(&session.recipe(), 4));
    session.tell(Event::Answered { job, finish: Finish::TokenLimit, figures });
    let effects = session.act(Action::Continue);
    let last = asked(&effects).prompt.parts.last().expect("parts").clone();
    assert_eq!((&*last.text, last.origin), ("A clergy", Origin::Text));
    session.answer("man.");
    let exchange = session.chat.exchanges().next().expect("one");
    assert_eq!(exchange.answer, "A clergyman.");
    // 3 and 39 tokens after the first, all at 20 a second.
    let figures = exchange.figures.as_ref().expect("both parts");
    assert_eq!((figures.tokens.generated, figures.tokens.prefilled), (4 + 40, 24 + 24));
    assert!((figures.timings.decode_tokens_per_s - 20.0).abs() < 1e-9, "{figures:?}");
    assert_eq!(figures.timings.decode, Duration::from_millis(44 * 50));
}

#[test]
fn what_is_whole_does_not_go_on_and_what_runs_is_not_changed() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.act(Action::Regenerate);
    assert_eq!(notice(&session.chat), "an answer is in progress");
    session.answer("A clergyman.");
    assert_eq!(session.act(Action::Continue), []);
    assert_eq!(notice(&session.chat), "the last answer was not cut off");
}

#[test]
fn quotes_are_asked_for_once_and_taken_only_for_the_answer_that_they_are_of() {
    let mut session = Session::with_document_read("accurate");
    session.ask("How does it begin?");
    let answer = "With “a truth universally acknowledged”.";
    let effects = session.answer(answer);
    let [Effect::CheckCitations { entry: 0, answer: asked, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(&**asked, answer);
    let citations = crate::citations::check(answer, &crate::citations::Index::new(&session.chat.document.text), &[]);
    session.input(Input::Checked { entry: 0, answer: "Another.".into(), citations: citations.clone() });
    assert!(session.chat.exchanges().all(|exchange| exchange.citations.is_empty()));
    session.input(Input::Checked { entry: 0, answer: answer.into(), citations });
    let exchange = session.chat.exchanges().next().expect("one");
    assert!(matches!(exchange.citations[..], [ref citation] if matches!(citation.verdict, Verdict::Verified(_))));
}

#[test]
fn an_answer_without_quotes_is_not_looked_up() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    assert_eq!(session.answer("A clergyman."), []);
}
