//! A model on somebody else's server: the document goes there with each question.

use super::*;
use crate::engine::message::{Counting, Figures, Memory, ModelInfo, PlainServer, Threads, Timings, TokenCounts};

fn served(server: PlainServer) -> ModelInfo {
    let sliding_refused = Some("the model runs on a server".to_owned());
    ModelInfo { server: Some(server), sliding_refused, ..model() }
}

const KNOWN: PlainServer = PlainServer { counting: Counting::Exact, is_context_known: true };

/// Figures of a server that tells counts alone.
fn figures_of_server(session: &Session, prefilled: u32) -> Box<Figures> {
    Box::new(Figures {
        tokens: TokenCounts { prefilled, generated: 6, ..figures(&session.recipe(), 0, 0).tokens },
        timings: Timings::default(),
        memory: Memory::default(),
        threads: Threads::default(),
        ..figures(&session.recipe(), 0, 0)
    })
}

/// A chat whose document was counted, and nothing prefilled.
fn begun() -> Session {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(served(KNOWN))));
    let figures = figures_of_server(&session, 0);
    let effects = session.tell(Event::Prefilled { job: session.job, stopped: false, figures });
    assert_eq!(effects, [], "it is not read again and again");
    session
}

#[test]
fn a_document_that_was_counted_can_be_asked_about() {
    let mut session = begun();
    assert_eq!((session.chat.paused.clone(), session.chat.is_read()), (None, true));
    let effects = session.ask("Who?");
    let (document, tail) = texts(&asked(&effects).prompt);
    assert!(document.contains("universally acknowledged") && tail.contains("Who?"), "{document}{tail}");
    session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: "He.".into() });
    let figures = figures_of_server(&session, DOCUMENT_TOKENS);
    session.tell(Event::Answered { job: session.job, finish: Finish::EndOfGeneration, figures });
    assert_eq!(session.chat.paused, None);
    assert!(matches!(sent(&session.ask("And?")), Command::Ask(_)));
}

#[test]
fn what_was_not_prefilled_here_is_no_measurement() {
    let session = begun();
    assert_eq!(session.chat.measurements.as_slice(), []);
}

#[test]
fn an_answer_that_breaks_off_keeps_what_was_written_and_the_next_question_is_asked() {
    let mut session = begun();
    session.ask("Who?");
    session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: "He i".into() });
    session.tell(Event::Failed { job: session.job, failure: failure("the connection broke") });
    let exchange = session.chat.exchanges().next().expect("one was asked");
    assert_eq!(
        (exchange.answer.as_str(), &exchange.state),
        ("He i", &ExchangeState::Failed(failure("the connection broke")))
    );
    assert!(matches!(sent(&session.ask("And?")), Command::Ask(_)));
}

#[test]
fn what_a_server_lacks_is_told_once_and_in_one_place() {
    let mut session = Session::begin("full");
    session
        .tell(Event::Loaded(Box::new(served(PlainServer { counting: Counting::Estimated, is_context_known: false }))));
    let told: Vec<&str> = session.chat.notices.iter().map(|notice| &*notice.text).collect();
    let expected = [
        "the server decides about attention: presets, forecasts and figures of memory are not available",
        "token counts are estimates: the server has no tokeniser that can be asked (--tokenizer FILE makes them exact)",
        "the server does not say how long its context is: nothing is checked against it (-c TOKENS says it)",
    ];
    assert_eq!(told, expected);
}
