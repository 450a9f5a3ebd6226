//! Selecting other parts of the document: drafts and choices.

use super::*;
use crate::chat::{Chosen, Draft};

fn chosen(text: &str, preset_entry: Option<usize>) -> Input {
    let part = Some("parts 1-2 of 6".to_owned());
    Input::News(News::Chosen(Chosen {
        title: "Pride and Prejudice".into(),
        text: text.into(),
        words: "2 of 6 parts".into(),
        part,
        preset_entry,
    }))
}

fn preset_entry(session: &Session, name: &str) -> usize {
    session.chat.preset_entries.iter().position(|preset_entry| preset_entry.name == name).expect("a built-in preset")
}

/// The text of the document in the prompt to prefill.
fn read_text(effects: &[Effect]) -> String {
    let Command::Prefill { prompt, .. } = sent(effects) else { panic!("not a reading: {effects:?}") };
    texts(prompt).0
}

fn too_long(session: &mut Session) -> Vec<Effect> {
    let failure =
        Failure { kind: FailureKind::DoesNotFit, message: "the prompt has 161,000 tokens".into(), hint: None };
    session.tell(Event::Failed { job: session.job, failure })
}

#[test]
fn chosen_parts_are_the_document_and_it_is_told_how_much_was_read_already() {
    let mut session = Session::with_document_read("full");
    assert_eq!(read_text(&session.input(chosen("Other parts.", None))), "<|im_start|>user\nOther parts.");
    assert_eq!(session.chat.document.part.as_deref(), Some("parts 1-2 of 6"));
    session.tell(Event::Planned { job: session.job, plan: plan(4_000, None) });
    assert_eq!(notice(&session.chat), "the document is now 2 of 6 parts: 6,000 of 10,000 tokens are already cached");
    session.read(6_000, 4_000);
    assert!(session.chat.is_read());
}

#[test]
fn a_choice_stops_the_reading_of_what_is_no_longer_wanted_and_questions_go_on_waiting() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    session.ask("Who?");
    let token = session.cancel_token();
    assert_eq!(session.input(chosen("Other parts.", None)), [Effect::Cancel(token)]);
    assert_eq!(read_text(&session.read(0, 4_096)), "<|im_start|>user\nOther parts.");
    let effects = session.read(2_000, 8_000);
    assert_eq!(texts(&asked(&effects).prompt).0, "<|im_start|>user\nOther parts.");
}

#[test]
fn a_choice_during_an_answer_waits_for_its_end() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    assert_eq!(session.input(chosen("Other parts.", None)), vec![]);
    assert_eq!(notice(&session.chat), "2 of 6 parts will be read after this answer; Esc stops it now");
    assert_eq!(read_text(&session.answer("He.")), "<|im_start|>user\nOther parts.");
}

#[test]
fn what_is_too_long_is_marked_until_a_choice_fits() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    assert_eq!((too_long(&mut session), session.chat.too_long, session.chat.paused.is_some()), (vec![], true, true));
    assert_eq!(read_text(&session.input(chosen("Other parts.", None))), "<|im_start|>user\nOther parts.");
    assert_eq!((session.chat.too_long, &session.chat.paused), (false, &None));
}

#[test]
fn questions_that_failed_because_the_document_did_not_fit_are_asked_again_of_the_parts_that_do() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    too_long(&mut session);
    session.ask("Who?");
    too_long(&mut session);
    too_long(&mut session);
    assert!(matches!(states(&session.chat)[..], [ExchangeState::Failed(_)]));
    session.input(chosen("Other parts.", None));
    let asked_now = session.read(0, 10_000);
    assert_eq!(texts(&asked(&asked_now).prompt).0, "<|im_start|>user\nOther parts.");
    session.answer("He.");
    assert_eq!(session.chat.exchanges().map(|exchange| &*exchange.answer).collect::<Vec<_>>(), ["He."]);
}

#[test]
fn a_choice_takes_the_place_of_what_time_would_have_chosen() {
    let (mut session, _) = tasted("full", 61);
    assert!(matches!(session.chat.work, Phase::Choosing { .. }));
    assert_eq!(read_text(&session.input(chosen("Other parts.", None))), "<|im_start|>user\nOther parts.");
    assert_eq!((session.chat.beginning.is_none(), session.chat.parts_read(61)), (true, 61));
}

#[test]
fn a_choice_before_the_model_is_there_is_what_is_read_then() {
    let mut session = Session::begin("full");
    let fastest = preset_entry(&session, "fastest");
    assert_eq!(session.input(chosen("Other parts.", Some(fastest))), vec![]);
    let effects = session.tell(Event::Loaded(Box::new(model())));
    let Command::Prefill { recipe, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!((read_text(&effects).as_str(), recipe), ("<|im_start|>user\nOther parts.", &recipe_of("fastest")));
}

#[test]
fn a_preset_is_taken_with_the_parts() {
    let mut session = Session::with_document_read("full");
    let fastest = preset_entry(&session, "fastest");
    let effects = session.input(chosen("Other parts.", Some(fastest)));
    let Command::Prefill { recipe, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(recipe, &recipe_of("fastest"), "what is to be read anew is not asked about");
}

#[test]
fn auto_chooses_anew_for_the_new_length() {
    let mut session = Session::begin("auto");
    session.tell(Event::Loaded(Box::new(model())));
    session.size(30_000);
    let long = session.recipe();
    too_long(&mut session);
    let effects = session.input(chosen("Short.", None));
    let Command::Forecast { prompt, .. } = sent(&effects) else { panic!("not a forecast: {effects:?}") };
    assert!(texts(prompt).0.ends_with("Short."), "{effects:?}");
    session.size(1_000);
    assert_ne!(session.recipe(), long);
}

#[test]
fn a_change_on_disk_that_waits_is_part_of_the_choice() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    session.input(changed("It is a falsehood."));
    session.input(chosen("Other parts.", None));
    assert_eq!(read_text(&session.answer("He.")), "<|im_start|>user\nOther parts.");
    session.read(0, DOCUMENT_TOKENS);
    assert_eq!(&*session.chat.document.text, "Other parts.");
}

// Drafts.

fn drafted(text: &str) -> Action {
    Action::Draft(Some(Draft { text: text.into(), preset_entry: None }))
}

#[test]
fn what_is_thought_of_is_asked_about_and_changes_nothing() {
    let mut session = Session::with_document_read("accurate");
    let effects = session.act(drafted("Other parts."));
    let Command::Forecast { prompt, recipe, .. } = sent(&effects) else { panic!("no forecast: {effects:?}") };
    assert_eq!((texts(prompt).0.as_str(), recipe), ("<|im_start|>user\nOther parts.", &recipe_of("accurate")));
    session.forecast(4_000, Some(5));
    let forecast = session.chat.drafted.as_ref().and_then(|drafted| drafted.forecast.as_ref()).expect("a forecast");
    assert_eq!((&*forecast.preset, forecast.plan.cached_tokens), ("accurate", 6_000));
    assert_eq!((session.chat.work == Phase::Idle, session.chat.is_read()), (true, true));
    assert_eq!(session.act(Action::Draft(None)), vec![]);
    assert_eq!(session.chat.drafted, None);
}

/// It was chosen by the sum of the parts' tokens, which leaves out the system prompt and the fence.
#[test]
fn auto_chooses_for_a_draft_by_its_length_in_a_prompt() {
    let mut session = Session::begin("auto");
    session.tell(Event::Loaded(Box::new(model())));
    session.size(30_000);
    session.read(0, DOCUMENT_TOKENS);
    let long = session.recipe();
    let effects = session.act(drafted("Short."));
    let Command::Forecast { prompt, recipe, .. } = sent(&effects) else { panic!("no forecast: {effects:?}") };
    assert_eq!((texts(prompt).0.ends_with("Short."), recipe), (true, &session.chat.reading.sizing()));
    let effects = session.size(1_000);
    let Command::Forecast { recipe, .. } = sent(&effects) else { panic!("no forecast: {effects:?}") };
    assert_ne!(recipe, &long);
    session.forecast(1_000, Some(5));
    let forecast = session.chat.drafted.as_ref().and_then(|drafted| drafted.forecast.as_ref()).expect("a forecast");
    assert_eq!((&*forecast.preset, session.chat.work == Phase::Idle), ("full", true));
}

#[test]
fn only_the_last_draft_is_asked_about() {
    let mut session = Session::with_document_read("full");
    session.act(drafted("One."));
    assert_eq!(session.act(drafted("Two.")), vec![]);
    assert_eq!(session.act(drafted("Three.")), vec![]);
    let effects = session.forecast(4_000, Some(5));
    assert!(matches!(sent(&effects), Command::Forecast { prompt, .. } if texts(prompt).0.ends_with("Three.")));
    assert!(session.chat.drafted.as_ref().is_some_and(|drafted| drafted.forecast.is_none()), "not that of the first");
}

#[test]
fn a_draft_waits_for_a_reading_and_a_question_for_no_draft() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    assert_eq!(session.act(drafted("Other parts.")), vec![]);
    assert!(matches!(sent(&session.read(0, DOCUMENT_TOKENS)), Command::Forecast { .. }));
    assert_eq!(session.ask("Who?"), vec![], "the engine has one thing to say before");
    let effects = session.forecast(4_000, None);
    assert!(matches!(sent(&effects), Command::Ask(_)));
}

#[test]
fn a_draft_that_cannot_be_told_of_is_asked_about_once() {
    let mut session = Session::with_document_read("full");
    session.act(drafted("Other parts."));
    let failure = Failure { kind: FailureKind::Runtime, message: "no".into(), hint: None };
    assert_eq!(session.tell(Event::Failed { job: session.job, failure }), vec![]);
    assert_eq!((session.chat.drafted.is_none(), session.chat.work.clone()), (true, Phase::Idle));
}

#[test]
fn quotes_are_looked_up_again_in_the_chosen_parts() {
    let mut session = Session::with_document_read("full");
    session.ask("How does it begin?");
    let answer = "With “a truth universally acknowledged”.";
    session.answer(answer);
    let effects = session.input(chosen("Other parts.", None));
    assert_eq!(effects[0], Effect::CheckCitations { entry: 0, answer: answer.into(), passages: Vec::new() });
}
