//! Whether the model reasons, changed while it runs.

use super::*;
use crate::chat::Action;
use crate::engine::message::{Begins, ModelInfo};
use crate::swaa::ChainOfThought;

/// A session whose template writes the mode into its head.
fn with_mode_in_the_head() -> Session {
    let template = "{% if enable_thinking %}/think{% else %}/no_think{% endif %}{% for m in messages %}<{{ m.role }}>{{ m.content }}\
                    {% endfor %}<assistant>";
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(ModelInfo { chat_template: Some(template.into()), ..model() })));
    session.read(0, DOCUMENT_TOKENS);
    session
}

#[test]
fn a_change_of_the_tail_is_free_and_counts_from_the_next_question_on() {
    let mut session = Session::with_document_read("full");
    assert_eq!(session.act(Action::Think(ChainOfThought::Prompted)), []);
    assert!(session.chat.is_read(), "nothing has to be read again");
    assert_eq!(session.chat.thinking().as_deref(), Some("thinking prompted"));
    let effects = session.ask("Who?");
    let question = asked(&effects);
    assert_eq!((&question.markup.begins, question.markup.answer_is_asked_for), (&Begins::InReasoning(None), true));
    assert!(question.limits.reasoning_tokens.is_some(), "prompted reasoning has a budget");
    session.answer("Darcy.");
    session.act(Action::Think(ChainOfThought::Off));
    let effects = session.ask("And?");
    let question = asked(&effects);
    assert_eq!((question.markup.answer_is_asked_for, question.limits.reasoning_tokens), (false, Some(0)));
    assert!(texts(&question.prompt).1.contains("Who?"), "the question is repeated as it was typed");
    assert!(!texts(&question.prompt).1.contains("step by step"), "and not as it was asked for the thoughts");
}

#[test]
fn a_change_during_an_answer_counts_for_the_next_one() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    assert_eq!(session.act(Action::Think(ChainOfThought::Prompted)), []);
    session.answer("Darcy.");
    assert!(session.chat.is_read());
    assert!(asked(&session.ask("And?")).markup.answer_is_asked_for);
}

#[test]
fn a_template_that_writes_the_mode_into_its_head_is_forecast_first() {
    let mut session = with_mode_in_the_head();
    let effects = session.act(Action::Think(ChainOfThought::Native));
    assert!(matches!(sent(&effects), Command::Forecast { .. }), "{effects:?}");
    let effects = session.forecast(9_000, Some(60));
    assert!(effects.is_empty() && matches!(session.chat.work, Phase::Deciding { .. }));
    assert!(matches!(sent(&session.act(Action::Confirm)), Command::Prefill { .. }));
    session.read(0, DOCUMENT_TOKENS);
    assert_eq!(session.chat.thinking().as_deref(), Some("thinking native"));
    assert_eq!(session.chat.transcript.len(), 0, "it is no switch of presets");
}

#[test]
fn the_budget_is_part_of_what_is_told() {
    let mut session = Session::with_document_read("full");
    session.act(Action::SetReasoningBudget(Some(64)));
    assert_eq!(session.chat.thinking().as_deref(), Some("thinking auto, at most 64 tokens"));
    session.act(Action::SetReasoningBudget(Some(0)));
    assert_eq!(session.chat.thinking().as_deref(), Some("thinking off"));
}

#[test]
fn the_modes_follow_each_other_without_one_that_the_model_lacks() {
    let mut session = Session::with_document_read("full");
    let mut modes = Vec::new();
    for _ in 0..3 {
        let next = session.chat.next_thinking();
        session.act(Action::Think(next));
        modes.push(next);
    }
    assert_eq!(modes, [ChainOfThought::Prompted, ChainOfThought::Off, ChainOfThought::Prompted]);
    assert_eq!(with_mode_in_the_head().chat.next_thinking(), ChainOfThought::Native);
}

/// `--cot native` was passed over in silence where the template has nothing to reason with.
#[test]
fn native_reasoning_that_the_model_lacks_is_told() {
    let why = "the model's template has no reasoning, so native changes nothing; --cot prompted works with any model";
    let loaded = |cot, model: ModelInfo| {
        let mut session = Session::begin("full");
        session.chat.reading.cot = Some(cot);
        session.tell(Event::Loaded(Box::new(model)));
        session.chat.notices.iter().map(|notice| notice.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(loaded(ChainOfThought::Native, model()), [why]);
    assert_eq!(loaded(ChainOfThought::Prompted, model()), [""; 0]);
    let template = "{% if enable_thinking %}/think{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}";
    let reasons = ModelInfo { chat_template: Some(template.into()), ..model() };
    assert_eq!(loaded(ChainOfThought::Native, reasons), [""; 0]);
    let mut session = Session::with_document_read("full");
    session.act(Action::Think(ChainOfThought::Native));
    assert_eq!(notice(&session.chat), format!("thinking native; {why}"));
}
