//! Another document, another model, another way to ask.

use std::path::PathBuf;

use super::*;
use crate::chat::{Action, Fits, KnownModel, Offered, OpenedDocument, Source, SystemPrompt};
use crate::engine::message::ModelInfo;

fn source(name: &str) -> Source {
    Source::Named(vec![name.to_owned()])
}

fn opened(title: &str, text: &str) -> Input {
    let facts = DocumentFacts { title: title.into(), part: None, text: text.into(), choice: None };
    Input::News(News::Opened(Box::new(OpenedDocument { facts, within: None, restored: None })))
}

#[test]
fn another_document_is_opened_read_and_asked_about_and_the_conversation_stays_as_a_branch() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer("A clergyman.");
    let effects = session.act(Action::Open(source("emma.txt")));
    let called = session.chat.opening.as_ref().map(|opening| &*opening.called);
    assert_eq!((effects, called), (vec![Effect::Open(source("emma.txt"))], Some("emma.txt")));
    let effects = session.input(opened("emma.txt", "Emma Woodhouse, handsome, clever, and rich."));
    let Command::Prefill { prompt, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert!(texts(prompt).0.ends_with("Emma Woodhouse, handsome, clever, and rich."));
    assert_eq!((session.chat.opening.is_none(), session.chat.transcript.len()), (true, 0));
    let told = "emma.txt is open; the conversation about Pride and Prejudice is branch 1";
    assert_eq!(session.chat.notices.last().map(|notice| &*notice.text), Some(told));
    session.read(0, DOCUMENT_TOKENS);
    let (_, tail) = texts(&asked(&session.ask("Who?")).prompt);
    assert!(!tail.contains("clergyman"), "{tail}");
}

#[test]
fn auto_chooses_again_for_another_document() {
    let mut session = Session::begin("auto");
    session.tell(Event::Loaded(Box::new(model())));
    session.size(100);
    session.read(0, DOCUMENT_TOKENS);
    let effects = session.input(opened("long.txt", "Long."));
    assert!(matches!(sent(&effects), Command::Forecast { .. }), "{effects:?}");
    session.size(30_000);
    assert_eq!(session.chat.resolved_preset.as_ref().map(|preset| &*preset.name), Some("accurate"));
}

#[test]
fn a_document_that_is_opened_while_something_runs_waits_for_it() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    let cancel = session.cancel_token();
    assert_eq!(session.input(opened("emma.txt", "Emma.")), [Effect::Cancel(cancel)]);
    let effects = session.read(0, 512);
    let Command::Prefill { prompt, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert!(texts(prompt).0.ends_with("Emma."));

    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    assert_eq!(session.input(opened("emma.txt", "Emma.")), []);
    assert_eq!(notice(&session.chat), "emma.txt is next, after this answer; Esc stops it now");
    let effects = session.answer("A clergyman.");
    assert!(matches!(sent(&effects), Command::Prefill { .. }), "{effects:?}");
    assert_eq!(session.chat.branches.count(), 2);
}

#[test]
fn what_cannot_be_opened_is_told_and_nothing_changes() {
    let mut session = Session::with_document_read("full");
    session.act(Action::Open(source("gone.txt")));
    assert_eq!(session.act(Action::Open(source("other.txt"))), [], "one after the other");
    session.input(Input::News(News::NotOpened(failure("cannot read gone.txt: no such file"))));
    assert_eq!(notice(&session.chat), "cannot read gone.txt: no such file");
    assert!(session.chat.is_read() && session.chat.opening.is_none());
}

fn known(file: Option<&str>) -> KnownModel {
    let offered = Offered { name: "big".into(), title: "Big".into(), bytes: 1_000, license: None, speed: None };
    KnownModel { offered, file: file.map(PathBuf::from), fits: Fits::Yes }
}

fn big() -> ModelInfo {
    ModelInfo { path: "big.gguf".into(), name: "Big".into(), ..model() }
}

#[test]
fn another_model_reads_the_document_again_and_the_conversation_goes_on() {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer("A clergyman.");
    let effects = session.act(Action::UseModel(Box::new(known(Some("big.gguf")))));
    assert_eq!(effects, [Effect::Start("big.gguf".into())]);
    assert!(session.chat.cache_state.is_none() && session.chat.measurements.as_slice().is_empty());
    let effects = session.tell(Event::Loaded(Box::new(big())));
    let Command::Prefill { recipe, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(*recipe, recipe_of("accurate"), "the preset stays");
    session.read(0, DOCUMENT_TOKENS);
    let (_, tail) = texts(&asked(&session.ask("Why?")).prompt);
    assert!(tail.contains("clergyman"), "{tail}");
}

#[test]
fn the_model_in_use_is_not_loaded_again() {
    let mut session = Session::with_document_read("full");
    let file = model().path;
    assert_eq!(session.act(Action::TakeModel(file)), []);
    assert_eq!(notice(&session.chat), "already using Qwen2.5-Coder-0.5B");
}

#[test]
fn a_model_that_has_to_be_fetched_leaves_the_other_one_at_work() {
    let mut session = Session::with_document_read("full");
    let effects = session.act(Action::UseModel(Box::new(known(None))));
    assert!(matches!(&effects[..], [Effect::Fetch { name, .. }] if name == "big"), "{effects:?}");
    asked(&session.ask("Who?"));
    session.input(Input::Fetching(Fetched { done: 500, total: 1_000, checking: false }));
    assert_eq!(session.chat.download.as_ref().map(|download| download.fetched.done), Some(500));
    session.answer("A clergyman.");
    assert_eq!(session.input(Input::Fetched(Ok("big.gguf".into()))), [Effect::Start("big.gguf".into())]);
    assert!(session.chat.download.is_none());
}

#[test]
fn esc_stops_a_download_beside_an_idle_model() {
    let mut session = Session::with_document_read("full");
    session.act(Action::UseModel(Box::new(known(None))));
    assert!(matches!(session.act(Action::Cancel)[..], [Effect::Cancel(_)]));
    assert_eq!((session.chat.download.is_none(), session.chat.is_read()), (true, true));
}

#[test]
fn an_answer_that_another_model_interrupts_keeps_what_it_has() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: "A cler".into() });
    let cancel = session.cancel_token();
    let effects = session.act(Action::TakeModel("big.gguf".into()));
    assert_eq!(effects, [Effect::Cancel(cancel), Effect::Start("big.gguf".into())]);
    assert_eq!(states(&session.chat), [&ExchangeState::Answered(Finish::Cancelled)]);
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    session.act(Action::TakeModel("big.gguf".into()));
    session.tell(Event::Loaded(Box::new(big())));
    asked(&session.read(0, DOCUMENT_TOKENS));
}

#[test]
fn a_system_prompt_stands_before_the_document_which_is_read_again() {
    let mut session = Session::with_document_read("full");
    let effects = session.act(Action::SetSystem(Some("Be brief.".into())));
    let Command::Prefill { prompt, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert!(texts(prompt).0.starts_with("<|im_start|>system\nBe brief."));
    session.tell(Event::Planned { job: session.job, plan: plan(9_990, None) });
    assert_eq!(notice(&session.chat), "the system prompt is set: 10 of 10,000 tokens are already cached");
    session.read(10, 9_990);
    assert_eq!(session.act(Action::SetSystem(Some("Be brief.".into()))), []);
    assert!(matches!(sent(&session.act(Action::SetSystem(Some(" ".into())))), Command::Prefill { .. }));
    assert_eq!(session.chat.asking.system, SystemPrompt::Absent);
}

#[test]
fn sampling_and_length_apply_to_the_next_answer() {
    let mut session = Session::with_document_read("full");
    let warm = Sampling { temperature: 0.7, top_k: 20, ..Sampling::GREEDY };
    session.act(Action::SetSampling(warm));
    session.act(Action::SetMaxTokens(Some(100)));
    let effects = session.ask("Who?");
    let question = asked(&effects);
    assert_eq!((question.sampling, question.limits.max_tokens), (warm, Some(100)));
}

#[test]
fn a_named_conversation_is_exported_under_its_name() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    session.answer("A clergyman.");
    session.act(Action::Rename(" Collins ".into()));
    assert!(export::as_markdown(&session.chat).starts_with("# Collins\n\nPride and Prejudice\n"));
    session.act(Action::Rename(String::new()));
    assert_eq!(session.chat.name, None);
}
