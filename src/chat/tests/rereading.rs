//! Passages that are read again before a question.

use super::*;
use crate::chat::Action;
use crate::citations::{Source, SourceRange};
use crate::engine::message::{FoundBy, GivenPassages, Passage, ReadAgain, Reread};

fn session() -> Session {
    let mut session = Session::with_document_read("accurate");
    session.chat.asking.reread = Reread::Auto;
    session
}

#[expect(clippy::unnecessary_box_returns, reason = "the event holds it in a box")]
fn found(spans: &[std::ops::Range<usize>]) -> Box<ReadAgain> {
    let passage = |span: &std::ops::Range<usize>| Passage { span: span.clone(), score: 0.25 };
    Box::new(ReadAgain {
        found_by: FoundBy::Attention,
        passages: spans.iter().map(passage).collect(),
        why_none: None,
        tokens: 90,
        share: Some(0.5),
        heat: Arc::default(),
    })
}

fn span(start: usize, end: usize) -> ByteSpan {
    ByteSpan { start, end }
}

#[test]
fn the_question_is_a_part_of_its_own_and_the_prompt_stays_the_same() {
    let mut session = session();
    let effects = session.ask("Who?");
    let question = asked(&effects);
    let rereading = question.rereading.as_ref().expect("passages are looked for");
    assert_eq!((rereading.reread, &rereading.given), (Reread::Auto, &None));
    assert_eq!(&*question.prompt.parts[rereading.question_part].text, "Who?");
    let without = Session::with_document_read("accurate").ask("Who?");
    assert_eq!(texts(&question.prompt), texts(&asked(&without).prompt));
    assert_eq!(asked(&without).rereading, None, "off");
}

#[test]
fn passages_get_their_places_and_quotes_are_looked_up_in_them_first() {
    let mut session = session();
    session.ask("Who?");
    let effects = session.tell(Event::ReadAgain { job: session.job, read_again: found(&[0..5, 6..11]) });
    let passages = vec![span(0, 5), span(6, 11)];
    assert_eq!(effects, [Effect::FindSources { entry: 0, passages: passages.clone() }]);
    let source = Source { file: "book.txt".into(), part: None, title: None, page: None, line: Some(1) };
    let sources = vec![Some(SourceRange { source, last: Some(2) }), None];
    session.input(Input::SourcesFound { entry: 0, passages: vec![span(0, 4)], sources: sources.clone() });
    assert_eq!(session.chat.exchanges().next().map(|exchange| exchange.sources.len()), Some(0), "of other passages");
    session.input(Input::SourcesFound { entry: 0, passages: passages.clone(), sources: sources.clone() });
    assert_eq!(session.chat.exchanges().next().map(|exchange| exchange.sources.clone()), Some(sources));
    let effects = session.answer("It says \"It is a truth universally acknowledged\".");
    assert!(
        matches!(&effects[..], [Effect::CheckCitations { passages: first, .. }] if *first == passages),
        "{effects:?}"
    );
}

#[test]
fn the_user_chooses_passages_and_asks_again_on_another_branch() {
    let mut session = session();
    session.ask("Who?");
    session.tell(Event::ReadAgain { job: session.job, read_again: found(&[0..5, 6..11]) });
    session.answer("A clergyman.");
    let effects = session.act(Action::ReadAgain(vec![span(6, 11)]));
    let given = asked(&effects).rereading.as_ref().and_then(|rereading| rereading.given.clone());
    assert_eq!(given, Some(GivenPassages { found_by: FoundBy::User, spans: vec![6..11] }));
    assert_eq!(session.chat.branches.count(), 2);
    session.answer("A parson.");
    let effects = session.act(Action::Regenerate);
    let given = asked(&effects).rereading.as_ref().and_then(|rereading| rereading.given.clone());
    assert_eq!(given.map(|given| given.spans), Some(vec![6..11]), "another answer keeps the choice");
}

#[test]
fn an_answer_that_goes_on_keeps_its_passages_and_a_changed_document_forgets_them() {
    let mut session = session();
    session.ask("Who?");
    let job = session.job;
    session.tell(Event::ReadAgain { job, read_again: found(&[0..5]) });
    session.tell(Event::Piece { job, channel: Channel::Answer, text: "A clergy".into() });
    let figures = Box::new(answer_figures(&session.recipe(), 4));
    session.tell(Event::Answered { job, finish: Finish::TokenLimit, figures });
    let effects = session.act(Action::Continue);
    let question = asked(&effects);
    let rereading = question.rereading.as_ref().expect("it goes on behind the same prompt");
    let same = GivenPassages { found_by: FoundBy::Attention, spans: vec![0..5] };
    assert_eq!((&rereading.given, &*question.prompt.parts[rereading.question_part].text), (&Some(same), "Who?"));
    session.answer("man.");
    assert_eq!(session.chat.exchanges().next().map(Exchange::passages), Some(vec![span(0, 5)]));
}
