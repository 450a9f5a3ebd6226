//! A chat whose model is missing.

use super::*;
use crate::chat::Action;

fn fetching() -> Session {
    let mut session = Session::begin_without_model();
    let effects = session.act(Action::Resume);
    assert!(matches!(effects[..], [Effect::Fetch { .. }]), "{effects:?}");
    session
}

#[test]
fn what_is_fetched_is_loaded_and_then_the_document_is_read() {
    let mut session = fetching();
    session.input(Input::Fetching(Fetched { done: 1_000, total: 491_400_064, checking: false }));
    assert!(matches!(&session.chat.model, Model::Fetching { fetched, .. } if fetched.done == 1_000));
    let effects = session.input(Input::Fetched(Ok("model.gguf".into())));
    assert_eq!(effects, [Effect::Start("model.gguf".into())]);
    let effects = session.tell(Event::Loaded(Box::new(model())));
    assert!(matches!(sent(&effects), Command::Prefill { .. }));
}

#[test]
fn fetching_stops_keeps_what_there_is_and_goes_on() {
    let mut session = fetching();
    let effects = session.act(Action::Cancel);
    assert!(matches!(effects[..], [Effect::Cancel(_)]), "{effects:?}");
    assert_eq!(notice(&session.chat), "stopped; the downloaded part is kept");
    assert!(matches!(session.act(Action::Resume)[..], [Effect::Fetch { .. }]));
}

#[test]
fn a_failure_is_told_and_can_be_tried_again() {
    let mut session = fetching();
    session.input(Input::Fetched(Err(failure("no network"))));
    assert_eq!(notice(&session.chat), "no network");
    assert!(matches!(session.act(Action::Resume)[..], [Effect::Fetch { .. }]));
}

#[test]
fn a_question_waits_for_the_model_to_come() {
    let mut session = Session::begin_without_model();
    assert_eq!(session.ask("Who?"), []);
    session.act(Action::TakeModel("mine.gguf".into()));
    session.tell(Event::Loaded(Box::new(model())));
    let effects = session.read(0, DOCUMENT_TOKENS);
    asked(&effects);
}
