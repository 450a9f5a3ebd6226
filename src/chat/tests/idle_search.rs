//! Looking for the heads that point at passages while nothing else is to be done.

use super::*;
use crate::chat::{Calibrate, IdleSearch};
use crate::engine::message::{CancelToken, Head, HeadsKnown, Pointing, Reread};

/// A conversation that reads passages again, with a model of which no heads are known. Nothing was asked.
fn session() -> Session {
    let mut session = Session::begin("accurate");
    session.chat.asking.reread = Reread::Auto;
    session.document_read()
}

fn answered() -> Session {
    let mut session = session();
    session.ask("Who?");
    session.answer("A clergyman.");
    session
}

/// Lets a second pass, again and again, until something is to be done. Returns the seconds and what it is.
fn quiet(session: &mut Session) -> (u64, Vec<Effect>) {
    let begun = session.seconds;
    let effects = (0..60).map(|_| session.input(Input::Tick)).find(|effects| !effects.is_empty()).unwrap_or_default();
    (session.seconds - begun, effects)
}

/// The search that `effects` start.
fn search(effects: &[Effect]) -> (JobId, CancelToken) {
    match effects {
        [Effect::FindHeads { job, cancel, .. }] => (*job, cancel.clone()),
        other => panic!("expected a search, got {other:?}"),
    }
}

fn heads_known(session: &Session) -> HeadsKnown {
    match &session.chat.model {
        Model::Ready { info, .. } => info.heads,
        other => panic!("{other:?}"),
    }
}

fn heads() -> Vec<Pointing> {
    vec![Pointing { head: Head { layer: 1, head: 2 }, found: 0.9, share: 0.3 }]
}

#[test]
fn it_begins_after_the_first_answer_when_nothing_was_done_for_a_while_and_is_done_once() {
    let mut session = session();
    assert_eq!(quiet(&mut session), (60, vec![]), "nothing was asked");
    session.ask("Who?");
    assert_eq!(session.answer("A clergyman."), [], "not at once");
    let (seconds, effects) = quiet(&mut session);
    let (job, _) = search(&effects);
    assert_eq!(seconds, 5);
    assert_eq!(session.chat.work, Phase::Idle, "nobody waits for it");
    assert!(notice(&session.chat).contains("anything you do stops it"), "{}", notice(&session.chat));
    session.tell(Event::FindingHeads { job, done: 9, total: 24 });
    let IdleSearch { done, total, .. } = session.chat.idle_search;
    assert_eq!((done, total), (9, 24));
    session.tell(Event::HeadsFound { job, stopped: false, heads: heads() });
    assert_eq!((heads_known(&session), &session.chat.idle_search), (HeadsKnown::Some, &IdleSearch::default()));
    assert!(notice(&session.chat).contains("1 attention head of this model"), "{}", notice(&session.chat));
    session.ask("Where?");
    session.answer("In Kent.");
    assert_eq!((quiet(&mut session), session.chat.needs_time()), ((60, vec![]), false), "it is done");
}

#[test]
fn a_key_and_a_question_stop_it_and_it_goes_on_when_all_is_quiet_again() {
    let mut session = answered();
    let (job, cancel) = search(&quiet(&mut session).1);
    session.tell(Event::FindingHeads { job, done: 3, total: 24 });
    assert_eq!(session.input(Input::Stirred), [Effect::Cancel(cancel)]);
    assert_eq!(session.tell(Event::HeadsFound { job, stopped: true, heads: Vec::new() }), [], "its end is no news");
    session.input(Input::Tick);
    session.input(Input::Stirred);
    let (seconds, effects) = quiet(&mut session);
    let (again, cancel) = search(&effects);
    assert_eq!((seconds, again > job), (5, true), "after the last key");
    assert_eq!(session.chat.idle_search.done, 3, "it goes on");
    let notices =
        session.chat.notices.iter().filter(|notice| notice.text.contains("looks for the attention heads")).count();
    assert_eq!(notices, 1, "it is told once");
    let effects = session.ask("Where?");
    assert!(
        matches!(&effects[..], [Effect::Cancel(cancelled), Effect::Send(Command::Ask(_))] if *cancelled == cancel),
        "{effects:?}"
    );
    for _ in 0..20 {
        assert_eq!(session.input(Input::Tick), [], "an answer is being written");
    }
    session.answer("In Kent.");
    assert_eq!(quiet(&mut session).0, 5);
    let effects = session.act(Action::Quit);
    assert!(matches!(&effects[..], [Effect::Cancel(_), Effect::Send(Command::Shutdown), ..]), "{effects:?}");
}

#[test]
fn on_a_busy_machine_it_waits_longer_and_where_it_fails_it_is_over() {
    let mut session = answered();
    let (job, _) = search(&quiet(&mut session).1);
    session.tell(Event::HeadsFound { job, stopped: true, heads: Vec::new() });
    let (seconds, effects) = quiet(&mut session);
    let (job, _) = search(&effects);
    assert_eq!((seconds, heads_known(&session)), (30, HeadsKnown::NotYet));
    session.tell(Event::Failed { job, failure: failure("what is read now would be lost") });
    assert_eq!(notice(&session.chat), "what is read now would be lost");
    assert_eq!((quiet(&mut session), session.chat.needs_time()), ((60, vec![]), false));
    let mut session = answered();
    let (job, _) = search(&quiet(&mut session).1);
    session.tell(Event::HeadsFound { job, stopped: false, heads: Vec::new() });
    assert_eq!((heads_known(&session), quiet(&mut session).1), (HeadsKnown::None, vec![]), "a model may have none");
}

#[test]
fn it_is_for_conversations_that_use_it_with_an_engine_on_this_machine() {
    type Change = fn(&mut Session);
    let changes: [Change; 7] = [
        |session| session.chat.asking.reread = Reread::Off,
        |session| session.chat.asking.calibrate = Calibrate::Never,
        |session| session.chat.asking.questions = Questions::Thread,
        |session| session.chat.earlier_entries = 1,
        |session| with_info(session, |info| info.heads = HeadsKnown::Some),
        |session| with_info(session, |info| info.heads = HeadsKnown::None),
        |session| with_info(session, |info| info.runs_on = Some("gpu-box:8080".into())),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut session = answered();
        change(&mut session);
        assert_eq!((quiet(&mut session), session.chat.needs_time()), ((60, vec![]), false), "change {number}");
    }
}

fn with_info(session: &mut Session, change: fn(&mut crate::engine::message::ModelInfo)) {
    if let Model::Ready { info, .. } = &mut session.chat.model {
        change(info);
    }
}

#[test]
fn the_other_presets_come_first_and_another_model_begins_anew() {
    let mut session = answered();
    session.act(Action::ReadAhead);
    assert!(session.chat.ahead.is_some());
    assert_eq!(quiet(&mut session).1, []);
    session.act(Action::ReadAhead);
    let (_, cancel) = search(&quiet(&mut session).1);
    let effects = session.act(Action::TakeModel("other.gguf".into()));
    assert_eq!(effects[0], Effect::Cancel(cancel), "the engine's thread has to end");
    assert_eq!(session.chat.idle_search, IdleSearch::default());
}
