//! Reading the other presets while nothing else is to be done.

use super::*;
use crate::engine::message::ReadAhead;

/// What is read in the background after `effects`.
fn read_ahead(effects: &[Effect]) -> &ReadAhead {
    match sent(effects) {
        Command::ReadAhead(ahead) => ahead,
        other => panic!("expected a reading in the background, got {other:#?}"),
    }
}

fn name_of(session: &Session) -> Option<String> {
    let run = session.chat.ahead.as_ref()?.run.as_ref()?;
    Some(run.preset.name.to_string())
}

/// Lets time pass until something is sent.
fn quiet(session: &mut Session) -> Vec<Effect> {
    (0..10).map(|_| session.input(Input::Tick)).find(|effects| !effects.is_empty()).unwrap_or_default()
}

#[test]
fn the_other_presets_are_read_one_after_the_other_and_then_it_ends() {
    let mut session = Session::with_document_read("full");
    let effects = session.act(Action::ReadAhead);
    assert_eq!(notice(&session.chat), "the other presets are read in the background; whatever you do comes first");
    assert_eq!(read_ahead(&effects).home.1, session.recipe());
    let mut names = Vec::new();
    while let Some(name) = name_of(&session) {
        names.push(name);
        let figures = Box::new(figures(&session.recipe(), 0, DOCUMENT_TOKENS));
        session.tell(Event::Prefilled { job: session.job, stopped: false, figures });
    }
    assert_eq!(names[0], "accurate", "that after the present one");
    let mut once = names.clone();
    once.sort();
    once.dedup();
    assert!(once.len() == names.len() && !names.contains(&"full".to_owned()), "{names:?}");
    assert!(notice(&session.chat).ends_with("all presets are read"), "{}", notice(&session.chat));
    assert_eq!((session.chat.ahead.clone(), session.chat.work.clone()), (None, Phase::Idle));
    assert_eq!(session.cache_state().as_deref(), Some("full"), "the screen shows what it showed");
}

#[test]
fn whatever_the_user_does_comes_first_and_after_a_while_it_goes_on() {
    let mut session = Session::with_document_read("full");
    let effects = session.act(Action::ReadAhead);
    let (recipe, token) = (read_ahead(&effects).recipe.clone(), read_ahead(&effects).cancel.clone());
    let effects = session.ask("Who?");
    assert!(
        matches!(&effects[..], [Effect::Cancel(cancelled), Effect::Send(Command::Ask(_))] if *cancelled == token),
        "{effects:?}"
    );
    let figures = Box::new(figures(&session.recipe(), 0, 10));
    assert_eq!(session.tell(Event::Prefilled { job: JobId(2), stopped: true, figures }), []);
    assert!(matches!(session.chat.work, Phase::Answering { .. }), "the end of the other is not taken for its own");
    assert_eq!(session.answer("A clergyman."), [], "not at once");
    let effects = quiet(&mut session);
    assert_eq!(read_ahead(&effects).recipe, recipe, "it goes on with the same");
    let effects = session.act(Action::ReadAhead);
    assert!(matches!(&effects[..], [Effect::Cancel(_)]), "{effects:?}");
    assert_eq!((session.chat.ahead.clone(), quiet(&mut session)), (None, vec![]));
}

#[test]
fn it_waits_for_the_document_and_ends_with_a_failure_or_its_model() {
    let mut session = Session::begin("full");
    assert_eq!(session.act(Action::ReadAhead), []);
    assert_eq!(session.chat.ahead, None, "without a model");
    let mut session = Session::with_document_read("full");
    session.act(Action::ReadAhead);
    session.tell(Event::Failed { job: session.job, failure: failure("what is read now would be lost") });
    assert_eq!((session.chat.ahead.clone(), notice(&session.chat)), (None, "what is read now would be lost"));
    session.act(Action::ReadAhead);
    let effects = session.act(Action::Quit);
    assert!(matches!(&effects[..], [Effect::Cancel(_), Effect::Send(Command::Shutdown), ..]), "{effects:?}");
}
