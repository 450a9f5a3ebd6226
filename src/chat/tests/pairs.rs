//! One question under several presets, and what each preset would cost.

use super::*;
use crate::chat::Action;

fn preset_entry(session: &Session, name: &str) -> usize {
    session.chat.preset_entries.iter().position(|preset_entry| preset_entry.name == name).expect("a built-in preset")
}

fn versus(session: &mut Session, one: &str, other: &str) -> Vec<Effect> {
    let preset_entries = vec![preset_entry(session, one), preset_entry(session, other)];
    session.act(Action::Versus { question: "Who?".into(), preset_entries })
}

/// The engine still holds the document under the preset that was in force before: the way back is instant.
fn home(session: &mut Session) -> Vec<Effect> {
    session.forecast(0, None);
    session.read(DOCUMENT_TOKENS, 0)
}

#[test]
fn a_question_is_asked_under_the_one_then_read_for_and_asked_under_the_other() {
    let mut session = Session::with_document_read("full");
    let effects = versus(&mut session, "full", "fastest");
    assert_eq!(asked(&effects).recipe, recipe_of("full"));
    let effects = session.answer("A clergyman.");
    let Command::Prefill { recipe, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(*recipe, recipe_of("fastest"));
    let effects = session.read(2_000, 8_000);
    let question = asked(&effects);
    assert_eq!(question.recipe, recipe_of("fastest"));
    assert!(!texts(&question.prompt).1.contains("clergyman"), "the other answer is not told");
    session.answer("A soldier.");
    assert_eq!(session.cache_state().as_deref(), Some("fastest"));
    home(&mut session);
    assert_eq!(session.chat.transcript.len(), 2, "no switch is an entry of its own");
    assert_eq!(session.cache_state().as_deref(), Some("full"));
    assert_eq!(notice(&session.chat), "back to full, as before the comparison");
}

#[test]
fn the_way_back_from_a_comparison_is_asked_about_if_it_takes_long() {
    for (key, expected) in [(Action::Confirm, "full"), (Action::Cancel, "fastest")] {
        let mut session = Session::with_document_read("full");
        versus(&mut session, "full", "fastest");
        session.answer("A clergyman.");
        session.read(2_000, 8_000);
        session.answer("A soldier.");
        session.forecast(8_000, Some(12));
        assert!(matches!(&session.chat.work, Phase::Deciding { to, .. } if &*to.name == "full"));
        let goes = !session.act(key).is_empty();
        if goes {
            session.read(2_000, 8_000);
        }
        assert_eq!((session.cache_state().as_deref(), session.chat.transcript.len()), (Some(expected), 2));
        assert!(asked(&session.ask("And?")).recipe == recipe_of(expected), "it is not asked about again");
    }
}

#[test]
fn who_switches_during_a_comparison_does_not_go_back() {
    let mut session = Session::with_document_read("full");
    versus(&mut session, "full", "fastest");
    session.answer("A clergyman.");
    session.read(2_000, 8_000);
    session.switch("quick");
    session.answer("A soldier.");
    session.forecast(0, None);
    session.read(DOCUMENT_TOKENS, 0);
    assert_eq!((session.cache_state().as_deref(), session.chat.work), (Some("quick"), Phase::Idle));
}

#[test]
fn who_stops_one_answer_stops_the_comparison() {
    let mut session = Session::with_document_read("full");
    versus(&mut session, "full", "fastest");
    session.act(Action::Cancel);
    let figures = answer_figures(&session.recipe(), 3).into();
    session.tell(Event::Answered { job: session.job, finish: Finish::Cancelled, figures });
    assert_eq!(states(&session.chat)[1], &ExchangeState::Withdrawn);
    assert_eq!((session.cache_state().as_deref(), &session.chat.work), (Some("full"), &Phase::Idle));

    let mut session = Session::with_document_read("full");
    versus(&mut session, "full", "fastest");
    session.answer("A clergyman.");
    session.act(Action::Cancel);
    session.read(2_000, 1_000);
    home(&mut session);
    assert_eq!(states(&session.chat)[1], &ExchangeState::Withdrawn);
    assert_eq!((session.cache_state().as_deref(), &session.chat.work), (Some("full"), &Phase::Idle));
}

#[test]
fn later_questions_are_told_one_of_both_answers() {
    let mut session = Session::with_document_read("full");
    versus(&mut session, "full", "fastest");
    session.answer("A clergyman.");
    session.read(2_000, 8_000);
    session.answer("A soldier.");
    assert_eq!(session.ask("And his patroness?"), [], "first the preset from before comes back");
    let effects = home(&mut session);
    assert_eq!(asked(&effects).recipe, recipe_of("full"));
    let (_, tail) = texts(&asked(&effects).prompt);
    assert!(tail.contains("clergyman") && !tail.contains("soldier"), "{tail}");
}

#[test]
fn a_reading_that_fails_fails_its_half_of_the_pair() {
    let mut session = Session::with_document_read("full");
    versus(&mut session, "full", "fastest");
    session.answer("A clergyman.");
    session.tell(Event::Failed { job: session.job, failure: failure("no memory") });
    assert!(matches!(states(&session.chat)[..], [ExchangeState::Answered(_), ExchangeState::Failed(_)]));
    assert_eq!(session.chat.work, Phase::Idle);
}

#[test]
fn of_three_presets_each_is_read_for_and_none_is_told_what_the_others_answered() {
    let mut session = Session::with_document_read("full");
    let preset_entries = ["full", "fastest", "quick"].map(|name| preset_entry(&session, name)).to_vec();
    session.act(Action::Versus { question: "Who?".into(), preset_entries });
    for (preset, said) in [("fastest", "clergyman"), ("quick", "soldier")] {
        let effects = session.answer(&format!("A {said}."));
        assert!(
            matches!(sent(&effects), Command::Prefill { recipe, .. } if *recipe == recipe_of(preset)),
            "{effects:?}"
        );
        let (_, tail) = texts(&asked(&session.read(2_000, 8_000)).prompt);
        assert!(!tail.contains("clergyman") && !tail.contains("soldier"), "{tail}");
    }
    session.answer("A sailor.");
    session.ask("And his patroness?");
    let (_, tail) = texts(&asked(&home(&mut session)).prompt);
    assert!(tail.contains("clergyman") && !tail.contains("soldier") && !tail.contains("sailor"), "{tail}");
}

#[test]
fn a_preset_is_not_compared_with_itself() {
    let mut session = Session::with_document_read("full");
    assert_eq!(versus(&mut session, "full", "full"), []);
    assert_eq!((notice(&session.chat), session.chat.transcript.len()), ("cannot compare full with itself", 0));
}

#[test]
fn a_person_compares_what_was_read() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    assert_eq!(versus(&mut session, "full", "fastest"), []);
    assert_eq!(notice(&session.chat), "presets can be compared once the document has been prefilled");
}

#[test]
fn each_preset_is_asked_about_in_turn_and_a_question_goes_first() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Survey);
    let first = preset_entry(&session, "auto");
    assert!(matches!(session.chat.work, Phase::Surveying { preset_entry, .. } if preset_entry == first));
    session.forecast(0, None);
    session.forecast(8_000, Some(12));
    session.ask("Who?");
    let effects = session.forecast(8_000, Some(12));
    asked(&effects);
    assert_eq!(session.chat.survey.iter().flatten().count(), 3);
}

#[test]
fn a_survey_ends_with_the_last_preset() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Survey);
    for _ in 0..session.chat.preset_entries.len() {
        session.forecast(8_000, Some(12));
    }
    assert_eq!(session.chat.work, Phase::Idle);
    assert!(session.chat.survey.iter().all(Option::is_some));
}

#[test]
fn a_preset_that_cannot_be_told_of_does_not_end_the_survey() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Survey);
    session.tell(Event::Failed { job: session.job, failure: failure("no memory") });
    while session.chat.work != Phase::Idle {
        session.forecast(8_000, Some(12));
    }
    assert_eq!(session.chat.survey.iter().filter(|plan| plan.is_none()).count(), 1);
}

#[test]
fn a_preset_of_ones_own_becomes_an_offer_and_is_gone_to() {
    let mut session = Session::with_document_read("full");
    let preset_entries = session.chat.preset_entries.len();
    let mine = crate::swaa::Preset {
        name: "custom".into(),
        key: None,
        summary: String::new(),
        recipe: Some(RecipeSpec { window: WindowSpec::Tokens(1024), ..RecipeSpec::SLIDING }),
        cot: None,
        has_own_adapters: true,
    };
    let effects = session.act(Action::Try(Box::new(mine)));
    assert!(matches!(sent(&effects), Command::Forecast { .. }));
    assert_eq!(session.chat.preset_entries.len(), preset_entries + 1);
}
