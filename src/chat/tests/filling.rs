//! A conversation that fills its context.

use super::*;
use crate::chat::{Action, FullContext, WayOut};
use crate::engine::config::ContextSize;
use crate::engine::message::Plan;

/// A context of 10,100 tokens holds the document of 10,000 and three short turns, and not the fourth question.
fn full() -> Session {
    let mut session = Session::with_document_read("accurate");
    session.chat.context = ContextSize::Tokens(10_100);
    for (index, question) in ["A?", "B?", "C?"].iter().enumerate() {
        session.ask(question);
        let job = session.job;
        session.tell(Event::Piece { job, channel: Channel::Answer, text: format!("{question} Yes.") });
        let mut figures = answer_figures(&session.recipe(), 10);
        figures.tokens.prompt = DOCUMENT_TOKENS + 30 * (index as u32 + 1) - 10;
        session.tell(Event::Answered { job, finish: Finish::EndOfGeneration, figures: Box::new(figures) });
    }
    session.ask("D?");
    refuse(&mut session, 10_110);
    session
}

/// The engine refuses the running question, whose prompt has `prompt_tokens` tokens.
fn refuse(session: &mut Session, prompt_tokens: u32) {
    let job = session.job;
    session.tell(Event::Planned { job, plan: Plan { prompt_tokens, ..plan(110, None) } });
    session.tell(Event::Failed { job, failure: failure("the prompt does not fit") });
}

fn offered(session: &Session) -> &FullContext {
    session.chat.full.as_ref().expect("ways out")
}

#[test]
fn a_full_context_is_said_with_its_figures_and_the_ways_out() {
    let session = full();
    let Some(ExchangeState::Failed(told)) = states(&session.chat).pop() else { panic!("it was refused") };
    let expected = "the conversation has filled the context: with this question it has 10,110 tokens, 10,000 of them the \
                    document, and the context holds 10,100, including the answer";
    assert_eq!(told.message, expected);
    assert!(told.hint.as_ref().is_some_and(|hint| hint.contains("new conversation")), "{told:?}");
    let enlarged = WayOut::Enlarge { tokens: 20_480, kv_bytes: 20_480 * 12_288 };
    let ways = vec![WayOut::NewConversation, WayOut::LeaveOut { turns: 3 }, WayOut::Branch, enlarged];
    assert_eq!(offered(&session), &FullContext { entry: 3, ways });
}

#[test]
fn no_more_turns_are_left_out_than_have_to_be() {
    let mut session = full();
    session.chat.context = ContextSize::Tokens(12_000);
    session.ask("E?");
    // 12,000 are missing 1; 512 are kept for the answer, so all three turns of 30 tokens are too few.
    refuse(&mut session, 12_000);
    assert!(offered(&session).ways.contains(&WayOut::LeaveOut { turns: 3 }));
    session.chat.context = ContextSize::Tokens(200);
    session.ask("F?");
    // An eighth of the context is kept for the answer: 25 tokens, and 1 is missing.
    refuse(&mut session, 200);
    assert!(offered(&session).ways.contains(&WayOut::LeaveOut { turns: 1 }), "{:?}", offered(&session));
}

#[test]
fn turns_that_are_left_out_stay_to_be_read_and_the_question_is_asked_again() {
    let mut session = full();
    let effects = session.act(Action::MakeRoom(WayOut::LeaveOut { turns: 2 }));
    let (_, tail) = texts(&asked(&effects).prompt);
    assert!(!tail.contains("A?") && !tail.contains("B?") && tail.contains("C?") && tail.contains("D?"), "{tail}");
    assert_eq!((session.chat.transcript.len(), session.chat.full.is_none()), (4, true));
    assert_eq!(notice(&session.chat), "the oldest 2 turns are no longer given to the model");
}

#[test]
fn a_new_conversation_takes_the_question_along() {
    let mut session = full();
    let effects = session.act(Action::MakeRoom(WayOut::NewConversation));
    let (_, tail) = texts(&asked(&effects).prompt);
    assert!(tail.contains("D?") && !tail.contains("C?"), "{tail}");
    session.answer("Yes.");
    assert_eq!((session.chat.branches.count(), session.chat.transcript.len()), (2, 1));
    session.act(Action::ShowBranch(0));
    assert_eq!(session.chat.exchanges().map(|exchange| &*exchange.question).collect::<Vec<_>>(), ["A?", "B?", "C?"]);
}

#[test]
fn an_enlarged_context_is_told_to_the_engine_before_the_question() {
    let mut session = full();
    let effects = session.act(Action::MakeRoom(WayOut::Enlarge { tokens: 20_480, kv_bytes: 0 }));
    let [Effect::Send(Command::AllowContext { tokens: 20_480 }), Effect::Send(Command::Ask(question))] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert!(texts(&question.prompt).1.contains("C?"));
}

#[test]
fn an_answer_that_the_context_cut_off_goes_on_when_there_is_room() {
    let mut session = Session::with_document_read("accurate");
    session.chat.context = ContextSize::Tokens(12_288);
    session.ask("A?");
    session.answer("Yes.");
    session.ask("B?");
    let job = session.job;
    session.tell(Event::Piece { job, channel: Channel::Answer, text: "Perhaps".into() });
    let figures = Box::new(answer_figures(&session.recipe(), 2_000));
    session.tell(Event::Answered { job, finish: Finish::ContextFull, figures });
    assert_eq!(offered(&session).entry, 1);
    let effects = session.act(Action::MakeRoom(WayOut::LeaveOut { turns: 1 }));
    let (_, tail) = texts(&asked(&effects).prompt);
    assert!(tail.ends_with("Perhaps") && !tail.contains("A?"), "{tail}");
}

#[test]
fn a_context_that_grows_by_itself_is_not_full() {
    let mut session = Session::with_document_read("accurate");
    session.ask("A?");
    let job = session.job;
    session.tell(Event::Piece { job, channel: Channel::Answer, text: "Perhaps".into() });
    let figures = Box::new(answer_figures(&session.recipe(), 2_000));
    session.tell(Event::Answered { job, finish: Finish::ContextFull, figures });
    assert_eq!(session.chat.full, None, "the context has 12,288 tokens, and the model takes 32,768");
}

#[test]
fn a_first_question_that_is_too_long_has_no_turns_to_leave_out() {
    let mut session = Session::with_document_read("accurate");
    session.chat.context = ContextSize::Tokens(10_100);
    session.ask("A?");
    refuse(&mut session, 10_110);
    assert_eq!(session.chat.full, None);
    assert!(
        matches!(states(&session.chat)[..], [ExchangeState::Failed(told)] if told.message == "the prompt does not fit")
    );
}

#[test]
fn a_new_conversation_keeps_the_old_one_as_a_branch() {
    let mut session = Session::with_document_read("accurate");
    session.act(Action::NewConversation);
    assert_eq!((notice(&session.chat), session.chat.branches.count()), ("this is a new conversation", 1));
    session.ask("A?");
    session.answer("Yes.");
    session.act(Action::NewConversation);
    assert_eq!((session.chat.transcript.len(), session.chat.branches.count()), (0, 2));
    assert_eq!(notice(&session.chat), "a new conversation; the one before is branch 1");
}
