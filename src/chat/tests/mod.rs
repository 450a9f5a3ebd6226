//! Given a chat and an input: the state and the effects that follow.

mod again;
mod ahead;
mod attaching;
mod filling;
mod first_run;
mod forks;
mod idle_search;
mod opening;
mod pairs;
mod parts;
mod rereading;
mod saving;
mod scripts;
mod servers;
mod thinking;
mod until;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::fixtures::*;
use super::*;
use crate::citations::{Citation, Verdict};
use crate::document::ByteSpan;
use crate::engine::config::ContextSize;
use crate::engine::message::{
    Channel, Command, Event, Failure, FailureKind, Finish, JobId, Limits, Prompt, Question, Sampling, Segment,
};
use crate::swaa::preset::RecipePatch;
use crate::swaa::{RecipeSpec, WindowSpec};

/// The one command among `effects`.
fn sent(effects: &[Effect]) -> &Command {
    match effects {
        [Effect::Send(command)] => command,
        other => panic!("expected one command, got {other:#?}"),
    }
}

fn asked(effects: &[Effect]) -> &Question {
    match sent(effects) {
        Command::Ask(question) => question,
        other => panic!("expected a question, got {other:#?}"),
    }
}

/// The joined text of its document parts, and that of its tail.
fn texts(prompt: &Prompt) -> (String, String) {
    let of = |segment| prompt.parts.iter().filter(|part| part.segment == segment).map(|part| &*part.text).collect();
    (of(Segment::Document), of(Segment::Tail))
}

fn notice(chat: &Chat) -> &str {
    chat.notice.as_ref().map_or("", |notice| &notice.text)
}

fn failure(message: &str) -> Failure {
    Failure { kind: FailureKind::DoesNotFit, message: message.into(), hint: Some("take fewer chapters".into()) }
}

fn states(chat: &Chat) -> Vec<&ExchangeState> {
    chat.exchanges().map(|exchange| &exchange.state).collect()
}

// Starting.

#[test]
fn the_document_is_read_as_soon_as_the_model_is_there() {
    let mut session = Session::begin("accurate");
    let effects = session.tell(Event::Loaded(Box::new(model())));
    let Command::Prefill { job, prompt, recipe, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!((*job, recipe), (JobId(1), &session.recipe()));
    let (document, tail) = texts(prompt);
    assert_eq!(document, "<|im_start|>user\nIt is a truth universally acknowledged.\n");
    assert_eq!(tail, "");
}

#[test]
fn a_preset_chosen_before_the_model_is_there_is_the_one_it_begins_with() {
    let mut session = Session::begin("full");
    assert_eq!(session.switch("quick"), vec![]);
    assert_eq!(notice(&session.chat), "will use quick once the model is loaded");
    let effects = session.tell(Event::Loaded(Box::new(model())));
    assert!(matches!(sent(&effects), Command::Prefill { .. }));
    assert_eq!(&*session.chat.resolved_preset.expect("settled").name, "quick");
}

#[test]
fn auto_chooses_by_all_that_is_read_before_a_question_and_says_what_it_chose() {
    let mut session = Session::begin("auto");
    let effects = session.tell(Event::Loaded(Box::new(model())));
    let Command::Forecast { prompt: sized, recipe, .. } = sent(&effects) else { panic!("not sized: {effects:?}") };
    assert_eq!(recipe, &RecipeSpec::FULL);
    let read = session.size(30_000);
    let Command::Prefill { prompt, .. } = sent(&read) else { panic!("not a reading: {read:?}") };
    assert_eq!(sized, prompt, "the text alone was counted once, without the system prompt");
    assert_eq!(&*session.chat.resolved_preset.as_ref().expect("settled").name, "accurate");
    assert!(notice(&session.chat).starts_with("auto chose accurate: about 1."), "{}", notice(&session.chat));
}

#[test]
fn without_a_document_there_is_nothing_to_size() {
    let mut session = Session::begin("auto");
    session.chat.document.text = "\n".into();
    assert_eq!(session.tell(Event::Loaded(Box::new(model()))), []);
    assert_eq!(session.chat.resolved_preset.as_ref().map(|preset| &*preset.name), Some("full"));
}

#[test]
fn what_the_engine_notes_stands_beside_what_is_shown_and_only_while_its_job_runs() {
    let mut session = Session::begin("auto");
    session.tell(Event::Loaded(Box::new(model())));
    session.size(30_000);
    let chosen = notice(&session.chat).to_owned();
    session.tell(Event::Noted { job: session.job, text: "900 tokens came from disk".into() });
    session.tell(Event::Noted { job: JobId(99), text: "of another job".into() });
    assert_eq!(notice(&session.chat), format!("{chosen}; 900 tokens came from disk"));
    let told: Vec<&str> = session.chat.notices.iter().map(|notice| &*notice.text).collect();
    assert_eq!(told, [chosen.as_str(), "900 tokens came from disk"], "what prints tells each by itself");
}

#[test]
fn a_model_that_cannot_slide_reads_with_full_attention_and_says_why() {
    let mut session = Session::begin("quick");
    let refusing = crate::engine::message::ModelInfo { sliding_refused: Some("its own windows".into()), ..model() };
    let effects = session.tell(Event::Loaded(Box::new(refusing)));
    let Command::Prefill { recipe, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(*recipe, recipe_of("full"));
    assert_eq!(notice(&session.chat), "preset quick is not available for this model: its own windows");
}

#[test]
fn a_model_without_a_template_is_named() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(crate::engine::message::ModelInfo { chat_template: None, ..model() })));
    assert_eq!(notice(&session.chat), "Qwen2.5-Coder-0.5B has no chat template; using ChatML");
}

/// Gemma 3 270M, a base model, repeated the document behind marks that were letters to it.
#[test]
fn a_model_without_a_template_that_has_no_marks_between_turns_is_asked_in_plain_text() {
    let mut session = Session::begin("full");
    let turn_marks = crate::engine::message::TurnMarks::Unknown;
    let base = crate::engine::message::ModelInfo { chat_template: None, turn_marks, ..model() };
    session.tell(Event::Loaded(Box::new(base)));
    assert_eq!(notice(&session.chat), "Qwen2.5-Coder-0.5B has no chat template; using plain text");
    session.read(0, DOCUMENT_TOKENS);
    let effects = session.ask("Who is Mr. Collins?");
    let question = asked(&effects);
    let (_, tail) = texts(&question.prompt);
    assert!(tail.ends_with("Who is Mr. Collins?\nAnswer:"), "{tail}");
    assert_eq!(question.markup.ends, ["\n\n", "\nAnswer:"]);
}

#[test]
fn who_gets_the_cpu_in_place_of_a_gpu_is_told() {
    let mut session = Session::begin("full");
    let why = "no usable GPU found: running on the CPU";
    session.tell(Event::Loaded(Box::new(crate::engine::message::ModelInfo {
        without_gpu: Some(why.to_owned()),
        ..model()
    })));
    assert_eq!(notice(&session.chat), why);
}

#[test]
fn a_context_beyond_the_model_s_training_is_told() {
    let told = |asked| {
        let mut session = Session::begin("full");
        session.chat.context = asked;
        session.tell(Event::Loaded(Box::new(model())));
        session.chat.notices.iter().map(|notice| notice.text.clone()).collect::<Vec<_>>()
    };
    let beyond = "-c 99,999 is more than the 32,768 tokens that the model was trained for: it makes no sense of the rest (--rope-scale stretches it)";
    assert_eq!(told(ContextSize::Tokens(99_999)), [beyond]);
    assert_eq!(told(ContextSize::Tokens(32_768)), [""; 0]);
    assert_eq!(told(ContextSize::Fit), [""; 0]);
}

#[test]
fn what_is_known_of_a_model_is_shown_together_with_what_auto_chose() {
    let mut session = Session::begin("auto");
    let bare = crate::engine::message::ModelInfo {
        without_gpu: Some("the CPU computes".to_owned()),
        chat_template: None,
        ..model()
    };
    session.tell(Event::Loaded(Box::new(bare)));
    session.size(100);
    let notes = [
        "the CPU computes",
        "Qwen2.5-Coder-0.5B has no chat template; using ChatML",
        "auto chose full: the document is so short that every preset sees all of it",
    ];
    assert_eq!(notice(&session.chat), notes.join("; "));
    let told: Vec<&str> = session.chat.notices.iter().map(|notice| &*notice.text).collect();
    assert_eq!(told, notes, "what prints tells each by itself");
}

#[test]
fn a_template_that_fails_is_a_notice_and_no_reading() {
    let mut session = Session::begin("full");
    let broken =
        crate::engine::message::ModelInfo { chat_template: Some("\n{{ raise_exception('no') }}".into()), ..model() };
    assert_eq!(session.tell(Event::Loaded(Box::new(broken))), vec![]);
    assert_eq!(notice(&session.chat), "the model's chat template fails at line 2: no");
    assert!(session.chat.work == Phase::Idle && matches!(session.chat.paused, Some(Pause::Failed(_))));
}

// Questions.

#[test]
fn a_question_is_asked_with_the_document_and_what_was_said() {
    let mut session = Session::with_document_read("full");
    session.ask(" Who is Mr. Collins? ");
    session.answer("\n A clergyman. ");
    let effects = session.ask("And his patroness?");
    let question = asked(&effects);
    let (document, tail) = texts(&question.prompt);
    assert_eq!(document, "<|im_start|>user\nIt is a truth universally acknowledged.\n");
    assert_eq!(
        tail,
        "\n\nWho is Mr. Collins?<|im_end|>\n<|im_start|>assistant\n\n A clergyman. <|im_end|>\n\
         <|im_start|>user\nAnd his patroness?<|im_end|>\n<|im_start|>assistant\n"
    );
    assert_eq!((question.sampling, &question.limits), (Sampling::GREEDY, &Limits::default()));
}

#[test]
fn a_question_waits_for_the_document_and_for_the_one_before() {
    let mut session = Session::begin("full");
    assert_eq!(session.ask("First?"), vec![]);
    assert!(matches!(sent(&session.tell(Event::Loaded(Box::new(model())))), Command::Prefill { .. }));
    assert_eq!(session.ask("Second?"), vec![]);
    asked(&session.read(0, DOCUMENT_TOKENS));
    assert_eq!(states(&session.chat), [&ExchangeState::Running, &ExchangeState::Waiting]);
    let effects = session.answer("One.");
    assert!(matches!(effects[..], [Effect::Send(Command::Ask(_))]), "{effects:?}");
    session.answer("Two.");
    let answers: Vec<&str> = session.chat.exchanges().map(|exchange| exchange.answer.as_str()).collect();
    assert_eq!((answers, &session.chat.work), (vec!["One.", "Two."], &Phase::Idle));
}

#[test]
fn an_empty_question_is_none() {
    let mut session = Session::with_document_read("full");
    let before = session.chat.transcript.clone();
    assert_eq!(session.ask(" \n "), vec![]);
    assert_eq!(session.chat.transcript, before);
}

#[test]
fn an_answer_that_turns_out_to_be_reasoning_becomes_reasoning() {
    let thinker = "{% for m in messages %}<{{ m.role }}>{{ m.content.split('</think>')[-1] }}{% endfor %}<assistant>";
    let info = crate::engine::message::ModelInfo { chat_template: Some(thinker.into()), ..model() };
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(info)));
    session.tell(Event::Prefilled {
        job: session.job,
        stopped: false,
        figures: Box::new(fixtures::figures(&session.recipe(), 0, DOCUMENT_TOKENS)),
    });
    session.ask("Who?");
    let piece = |session: &mut Session, text: &str| {
        session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: text.into() });
        let exchange = session.chat.exchanges().next().expect("asked");
        (exchange.answer.clone(), exchange.settled_answer().to_owned())
    };
    assert_eq!(piece(&mut session, "Let me see."), ("Let me see.".into(), String::new()));
    session.tell(Event::WasReasoning { job: session.job });
    assert_eq!(piece(&mut session, "Darcy."), ("Darcy.".into(), "Darcy.".into()));
    let exchange = session.chat.exchanges().next().expect("asked");
    assert_eq!(exchange.reasoning.text, "Let me see.");
    assert!(exchange.reasoning.began.is_some() && !exchange.reasoning.is_open());
}

#[test]
fn reasoning_is_timed_and_then_counted() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    let piece = |channel, text: &str| Event::Piece { job: JobId(2), channel, text: text.into() };
    session.tell(piece(Channel::Reasoning, "Let me "));
    session.tell(piece(Channel::Reasoning, "see."));
    let open = session.chat.exchanges().next().expect("asked").reasoning.clone();
    assert_eq!((open.is_open(), open.time(session.chat.now)), (true, Some(Duration::from_secs(1))));
    session.tell(piece(Channel::Answer, "Him."));
    let mut figures = answer_figures(&session.recipe(), 40);
    figures.tokens.reasoning = 31;
    session.tell(Event::Answered { job: session.job, finish: Finish::EndOfGeneration, figures: figures.into() });
    let exchange = session.chat.exchanges().next().expect("asked");
    assert_eq!(exchange.answer, "Him.");
    assert_eq!(exchange.reasoning.text, "Let me see.");
    assert_eq!(exchange.reasoning.time(session.chat.now), Some(Duration::from_secs(2)));
    assert_eq!(exchange.reasoning.tokens, Some(31));
}

#[test]
fn the_engine_is_told_to_answer_now_only_while_it_reasons() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    assert_eq!(session.act(Action::AnswerNow), vec![]);
    session.tell(Event::Piece { job: session.job, channel: Channel::Reasoning, text: "Hm".into() });
    let job = session.job;
    assert_eq!(session.act(Action::AnswerNow), vec![Effect::Send(Command::AnswerNow { job })]);
}

#[test]
fn a_question_that_fails_says_why_and_the_next_one_is_asked() {
    let mut session = Session::with_document_read("full");
    session.ask("Too long?");
    session.tell(Event::Failed { job: session.job, failure: failure("100,000 tokens do not fit") });
    assert_eq!(states(&session.chat), [&ExchangeState::Failed(failure("100,000 tokens do not fit"))]);
    assert_eq!(session.chat.notice, None, "it is said where it was asked");
    let effects = session.ask("Shorter?");
    assert!(!texts(&asked(&effects).prompt).1.contains("Too long?"), "what failed is not repeated");
}

// Stopping.

#[test]
fn stopping_a_reading_keeps_it_and_a_question_reads_on() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    session.ask("Who?");
    let token = session.cancel_token();
    assert_eq!(session.act(Action::Cancel), vec![Effect::Cancel(token)]);
    assert_eq!(session.act(Action::Cancel), vec![], "it was told once");
    assert_eq!(session.read(0, 4_096), vec![]);
    assert_eq!(notice(&session.chat), "stopped after 4,096 of 10,000 tokens, which are kept");
    assert_eq!((states(&session.chat), &session.chat.paused), (vec![&ExchangeState::Withdrawn], &Some(Pause::Stopped)));
    let effects = session.ask("Who, then?");
    assert!(matches!(sent(&effects), Command::Prefill { .. }));
    asked(&session.read(4_096, 5_904));
}

#[test]
fn a_stopped_reading_goes_on_when_it_is_told_to_and_its_time_adds_up() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    session.act(Action::Cancel);
    session.read(0, 4_000);
    assert!(matches!(sent(&session.act(Action::Resume)), Command::Prefill { .. }));
    session.read(4_000, 6_000);
    let reading = session.chat.measurements.of("full").expect("read");
    assert_eq!((reading.prefilled_tokens, reading.prefill), (10_000, Duration::from_secs(10)));
    assert!(session.chat.is_read());
}

#[test]
fn stopping_an_answer_keeps_what_was_said() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: "A cler".into() });
    let token = session.cancel_token();
    assert_eq!(session.act(Action::Cancel), vec![Effect::Cancel(token)]);
    let figures = answer_figures(&session.recipe(), 3).into();
    session.tell(Event::Answered { job: session.job, finish: Finish::Cancelled, figures });
    let exchange = session.chat.exchanges().next().expect("asked");
    assert_eq!((exchange.answer.as_str(), &exchange.state), ("A cler", &ExchangeState::Answered(Finish::Cancelled)));
    assert!(texts(&asked(&session.ask("And?")).prompt).1.contains("A cler<|im_end|>"));
}

#[test]
fn leaving_stops_the_running_job_first() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    let token = session.cancel_token();
    let leave = [Effect::Cancel(token), Effect::Send(Command::Shutdown), Effect::Quit];
    assert_eq!(session.act(Action::Quit), leave);
}

// Presets.

#[test]
fn a_long_switch_is_shown_before_it_starts_and_starts_at_the_second_press() {
    let mut session = Session::with_document_read("full");
    assert!(matches!(sent(&session.switch("fastest")), Command::Forecast { .. }));
    assert_eq!(session.forecast(8_000, Some(12)), vec![]);
    assert!(matches!(session.chat.work, Phase::Deciding { .. }));
    assert_eq!(session.cache_state().as_deref(), Some("full"), "the screen shows what the engine has");
    let effects = session.switch("fastest");
    let Command::Prefill { recipe, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(*recipe, recipe_of("fastest"));
}

#[test]
fn a_short_switch_starts_by_itself() {
    for (tokens, seconds) in [(0, None), (64, None), (8_000, Some(2))] {
        let mut session = Session::with_document_read("full");
        session.switch("fastest");
        let effects = session.forecast(tokens, seconds);
        assert!(matches!(sent(&effects), Command::Prefill { .. }), "{tokens} tokens, {seconds:?} s");
    }
}

#[test]
fn a_switch_of_unknown_cost_is_asked_about() {
    let mut session = Session::with_document_read("full");
    session.switch("fastest");
    assert_eq!(session.forecast(65, None), vec![]);
    assert!(matches!(session.chat.work, Phase::Deciding { .. }));
}

#[test]
fn saying_no_keeps_the_old_preset() {
    let mut session = Session::with_document_read("full");
    session.switch("fastest");
    session.forecast(8_000, Some(12));
    assert_eq!(session.act(Action::Cancel), vec![]);
    assert_eq!((notice(&session.chat), &session.chat.work), ("kept full", &Phase::Idle));
    assert_eq!(asked(&session.ask("Who?")).recipe, recipe_of("full"));
}

#[test]
fn a_question_while_a_switch_is_decided_goes_to_the_old_preset() {
    let mut session = Session::with_document_read("full");
    session.switch("fastest");
    session.forecast(8_000, Some(12));
    assert_eq!(asked(&session.ask("Who?")).recipe, recipe_of("full"));
}

#[test]
fn old_and_new_figures_stand_side_by_side_after_a_switch() {
    let mut session = Session::with_document_read("full");
    session.switch("fastest");
    session.forecast(8_000, Some(12));
    session.act(Action::Confirm);
    session.read(2_000, 8_000);
    let [Entry::Switch(comparison)] = &session.chat.transcript[..] else { panic!("{:?}", session.chat.transcript) };
    let shown = |reading: &Measurement| (reading.preset.to_string(), reading.prefill, reading.decode_tokens_per_s);
    assert_eq!(shown(&comparison.old), ("full".into(), Duration::from_secs(10), None));
    assert_eq!(shown(&comparison.new), ("fastest".into(), Duration::from_secs(8), None));
    assert_eq!((comparison.reread_tokens, comparison.took), (8_000, Duration::from_secs(8)));
    session.ask("Who?");
    session.answer("Him.");
    let [Entry::Switch(comparison), _] = &session.chat.transcript[..] else { panic!("{:?}", session.chat.transcript) };
    assert_eq!(comparison.new.decode_tokens_per_s, Some(20.0), "the first answer completes the comparison");
}

#[test]
fn going_back_reads_nothing_and_shows_what_was_measured_when_it_was_read() {
    let mut session = Session::with_document_read("full");
    session.switch("fastest");
    session.forecast(8_000, Some(1));
    session.read(2_000, 8_000);
    session.switch("full");
    session.forecast(0, None);
    session.read(DOCUMENT_TOKENS, 0);
    let Some(Entry::Switch(comparison)) = session.chat.transcript.last() else { panic!("no comparison") };
    assert_eq!((comparison.reread_tokens, comparison.new.prefill), (0, Duration::from_secs(10)));
}

#[test]
fn a_switch_while_reading_stops_the_reading_and_comes_next() {
    let mut session = Session::begin("full");
    session.tell(Event::Loaded(Box::new(model())));
    let token = session.cancel_token();
    assert_eq!(session.switch("fastest"), vec![Effect::Cancel(token)]);
    assert!(matches!(sent(&session.read(0, 4_096)), Command::Forecast { .. }));
    session.forecast(10_000, Some(30));
    let effects = session.act(Action::Cancel);
    let Command::Prefill { recipe, .. } = sent(&effects) else { panic!("the old reading goes on: {effects:?}") };
    assert_eq!(*recipe, recipe_of("full"));
}

#[test]
fn a_switch_while_answering_waits_for_the_answer() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    assert_eq!(session.switch("quick"), vec![]);
    assert_eq!(session.switch("fastest"), vec![]);
    assert_eq!(notice(&session.chat), "switching to fastest after this answer; Esc stops it now");
    assert!(matches!(sent(&session.answer("Him.")), Command::Forecast { .. }));
    assert!(matches!(&session.chat.work, Phase::Forecasting { to, .. } if &*to.name == "fastest"));
}

#[test]
fn the_preset_in_force_is_no_switch() {
    let mut session = Session::with_document_read("full");
    assert_eq!(session.switch("full"), vec![]);
    assert_eq!(notice(&session.chat), "already using full");
}

#[test]
fn what_flags_made_of_a_preset_can_be_left_and_gone_back_to() {
    let changes = RecipePatch { window: Some(WindowSpec::Tokens(1024)), ..RecipePatch::default() };
    let mut session = Session::begin_with("auto", changes).document_read();
    let custom = RecipeSpec { window: WindowSpec::Tokens(1024), ..RecipeSpec::SLIDING };
    assert_eq!((session.cache_state().as_deref(), session.recipe()), (Some("custom"), custom.clone()));
    session.switch("fastest");
    session.forecast(8_000, Some(1));
    session.read(2_000, 8_000);
    assert_eq!((session.cache_state().as_deref(), session.recipe()), (Some("fastest"), recipe_of("fastest")));
    session.switch("custom");
    session.forecast(0, None);
    session.read(DOCUMENT_TOKENS, 0);
    assert_eq!((session.cache_state().as_deref(), session.recipe()), (Some("custom"), custom));
}

#[test]
fn a_reading_that_fails_leaves_the_old_preset_in_force() {
    let mut session = Session::with_document_read("full");
    session.switch("fastest");
    session.forecast(0, None);
    session.tell(Event::Failed { job: session.job, failure: failure("no room") });
    assert_eq!((notice(&session.chat), session.cache_state().as_deref()), ("no room", Some("full")));
    assert_eq!(asked(&session.ask("Who?")).recipe, recipe_of("full"));
}

// A limited time.

/// The first chapter is prefilled, 1,000 tokens in ten seconds.
fn tasted(preset: &str, chapters: usize) -> (Session, Vec<Effect>) {
    let mut session = Session::begin_within_a_minute(preset, chapters);
    session.tell(Event::Loaded(Box::new(model())));
    let effects = session.read(0, DOCUMENT_TOKENS);
    (session, effects)
}

#[test]
fn the_first_part_is_read_and_then_as_many_as_there_is_time_for() {
    let mut session = Session::begin_within_a_minute("full", 61);
    let effects = session.tell(Event::Loaded(Box::new(model())));
    let Command::Prefill { prompt, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(texts(prompt).0, "<|im_start|>user\nChapter 1.\n");
    assert_eq!(session.chat.document.part.as_deref(), Some("as much as fits in 60 s"));
    // 10 s are spent; five more chapters take 50 s.
    let effects = session.read(0, DOCUMENT_TOKENS);
    let (effects, asked) = session.forecast_beginnings(effects);
    assert_eq!(asked, [31, 16, 8, 4, 6, 7], "half of what is left each time");
    let Command::Prefill { prompt, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert!(texts(prompt).0.ends_with("Chapter 6.\n"), "{:?}", texts(prompt).0);
    let document = &session.chat.document;
    assert_eq!(document.part.as_deref(), Some("parts 1-6 of 61"));
    assert!(document.choice.as_ref().is_some_and(|choice| choice.starts_with("6 of 61 parts are read, as many as")));
    session.read(1_000, DOCUMENT_TOKENS - 1_000);
    assert!(session.chat.is_read() && session.chat.work == Phase::Idle);
}

#[test]
fn auto_chooses_for_the_length_that_was_settled_and_by_the_speed_that_was_measured() {
    let mut session = Session::begin_within_a_minute("auto", 61);
    session.tell(Event::Loaded(Box::new(model())));
    let read = session.size(1_000);
    assert!(matches!(sent(&read), Command::Prefill { .. }));
    let effects = session.read(0, DOCUMENT_TOKENS);
    let (effects, _) = session.forecast_beginnings(effects);
    assert!(matches!(sent(&effects), Command::Forecast { .. }), "{effects:?}");
    let effects = session.size(2_000);
    assert!(matches!(sent(&effects), Command::Prefill { .. }), "{effects:?}");
    assert_eq!(notice(&session.chat), "auto chose full: full attention takes only about 3.3 s");
}

#[test]
fn a_document_without_parts_is_read_whole() {
    let (session, effects) = tasted("full", 1);
    assert!(matches!(sent(&effects), Command::Prefill { .. }), "{effects:?}");
    assert_eq!(session.chat.document.part, None);
}

#[test]
fn a_question_asked_while_the_length_is_chosen_is_about_what_was_chosen() {
    let (mut session, effects) = tasted("full", 61);
    assert_eq!(session.ask("Who?"), vec![]);
    session.forecast_beginnings(effects);
    let effects = session.read(1_000, DOCUMENT_TOKENS - 1_000);
    assert!(texts(&asked(&effects).prompt).0.ends_with("Chapter 6.\n"));
}

#[test]
fn choosing_can_be_stopped_and_goes_on_with_a_question() {
    let (mut session, _) = tasted("full", 61);
    assert_eq!(session.act(Action::Cancel), vec![]);
    assert_eq!(notice(&session.chat), "stopped before deciding how much to read");
    let effects = session.ask("Who?");
    assert!(matches!(sent(&effects), Command::Forecast { .. }), "{effects:?}");
    let (effects, asked) = session.forecast_beginnings(effects);
    assert_eq!((asked.len(), matches!(sent(&effects), Command::Prefill { .. })), (6, true));
}

#[test]
fn a_preset_that_is_chosen_meanwhile_is_the_one_that_is_measured() {
    let mut session = Session::begin_within_a_minute("full", 61);
    session.tell(Event::Loaded(Box::new(model())));
    session.switch("fastest");
    let effects = session.read(0, 512);
    let Command::Prefill { recipe, prompt, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!((recipe, texts(prompt).0.lines().count()), (&recipe_of("fastest"), 2), "the first part, and anew");
    let effects = session.read(512, DOCUMENT_TOKENS - 512);
    let (effects, _) = session.forecast_beginnings(effects);
    let Command::Prefill { recipe, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(*recipe, recipe_of("fastest"));
}

// A document that changes.

fn changed(text: &str) -> Input {
    let place = "from line 3 of book.txt on".to_owned();
    Input::News(News::Changed(NewText { text: text.into(), ends: vec![text.len()], place, retrieved: None }))
}

#[test]
fn a_changed_document_is_read_again_and_it_is_told_how_much_is_kept() {
    let mut session = Session::with_document_read("full");
    let effects = session.input(changed("It is a falsehood."));
    let Command::Prefill { prompt, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(texts(prompt).0, "<|im_start|>user\nIt is a falsehood.");
    session.tell(Event::Planned { job: session.job, plan: plan(4_000, None) });
    let told = "the document changed on disk, from line 3 of book.txt on: 6,000 of 10,000 tokens are kept";
    assert_eq!(notice(&session.chat), told);
    assert!(!session.chat.is_read());
    session.read(6_000, 4_000);
    assert!(session.chat.is_read());
}

#[test]
fn a_question_is_about_the_document_as_it_is_now() {
    let mut session = Session::with_document_read("full");
    session.input(changed("It is a falsehood."));
    assert_eq!(session.ask("What is it?"), vec![]);
    let effects = session.read(6_000, 4_000);
    assert_eq!(texts(&asked(&effects).prompt).0, "<|im_start|>user\nIt is a falsehood.");
}

#[test]
fn what_was_quoted_is_looked_up_in_the_changed_document() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    let answer: Arc<str> = "“a clergyman of the parish”".into();
    session.answer(&answer);
    let verdict = Verdict::Verified(ByteSpan { start: 5, end: 9 });
    let citations = vec![Citation { span: ByteSpan { start: 3, end: 28 }, verdict, source: None }];
    session.input(Input::Checked { entry: 0, answer: answer.clone(), citations });
    let effects = session.input(changed("It is a falsehood."));
    assert_eq!(effects[0], Effect::CheckCitations { entry: 0, answer, passages: Vec::new() });
    assert_eq!(session.chat.exchanges().next().map(|exchange| exchange.citations.len()), Some(0));
}

#[test]
fn a_change_during_an_answer_waits_for_its_end() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    assert_eq!(session.input(changed("It is a falsehood.")), vec![]);
    let effects = session.answer("He.");
    assert!(matches!(sent(&effects), Command::Prefill { .. }));
}

#[test]
fn of_a_document_whose_beginning_was_chosen_as_many_parts_are_read_of_the_new_text() {
    let (mut session, effects) = tasted("full", 61);
    let (_, _) = session.forecast_beginnings(effects);
    session.read(1_000, DOCUMENT_TOKENS - 1_000);
    let text = "One.\nTwo.\n3.\n4.\n5.\n6.\n7.\n8.\n";
    let ends = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let news = News::Changed(NewText {
        text: text.into(),
        ends,
        place: "from line 1 of book.txt on".to_owned(),
        retrieved: None,
    });
    let effects = session.input(Input::News(news));
    let Command::Prefill { prompt, .. } = sent(&effects) else { panic!("not a reading: {effects:?}") };
    assert_eq!(texts(prompt).0, "<|im_start|>user\nOne.\nTwo.\n3.\n4.\n5.\n6.\n");
}

#[test]
fn files_that_are_gone_are_told_and_change_nothing() {
    let mut session = Session::with_document_read("full");
    let news = Input::News(News::Unreadable("cannot read book.txt: no such file".into()));
    assert_eq!(session.input(news), vec![]);
    let told = "cannot read book.txt: no such file; answers still use the earlier text";
    assert_eq!(notice(&session.chat), told);
    assert!(session.chat.is_read());
    // The files are looked at when a question is asked, so that question must not take the notice away; the next one does.
    session.ask("Who?");
    assert_eq!(notice(&session.chat), told);
    session.answer("A clergyman.");
    session.ask("Why?");
    assert_eq!(notice(&session.chat), "");
}

// The engine's end.

#[test]
fn a_model_that_fails_to_load_leaves_a_screen_that_says_so() {
    let mut session = Session::begin("full");
    session.ask("Who?");
    session.tell(Event::LoadFailed(failure("not a GGUF")));
    assert_eq!((notice(&session.chat), &session.chat.model), ("not a GGUF", &Model::Failed(failure("not a GGUF"))));
}

/// It waited for ever.
#[test]
fn a_question_to_a_model_that_failed_is_told_so_at_once() {
    let mut session = Session::begin("full");
    session.tell(Event::LoadFailed(failure("not a GGUF")));
    assert_eq!(session.ask("Who?"), vec![]);
    assert_eq!(states(&session.chat), [&ExchangeState::Failed(failure("not a GGUF"))]);
}

#[test]
fn an_engine_that_dies_ends_every_question() {
    let mut session = Session::with_document_read("full");
    session.ask("Who?");
    session.ask("What?");
    session.input(Input::EngineGone);
    assert!(states(&session.chat).iter().all(|state| matches!(state, ExchangeState::Failed(_))));
    assert_eq!(notice(&session.chat), "the engine stopped unexpectedly");
}

// Properties.

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => "[a-z ]{0,6}".prop_map(Action::Ask),
        3 => (0_usize..11).prop_map(Action::Switch),
        1 => Just(Action::Confirm),
        2 => Just(Action::Cancel),
        1 => Just(Action::Resume),
        1 => Just(Action::AnswerNow),
    ]
}

/// What replaces questions, or moves them to another branch.
fn any_other_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        1 => Just(Action::Regenerate),
        1 => Just(Action::Continue),
        1 => Just(Action::NewConversation),
        1 => Just(Action::MakeRoom(WayOut::LeaveOut { turns: 1 })),
        1 => (0_usize..11, 0_usize..11).prop_map(|(one, other)| Action::Versus {
            question: "Who?".into(),
            preset_entries: vec![one, other],
        }),
    ]
}

/// An event about the job `back` jobs ago: 0 is the last one.
fn any_event() -> impl Strategy<Value = (u64, Event)> {
    let job = JobId(0);
    let figures = |cached: u32, prefilled: u32| Box::new(fixtures::figures(&RecipeSpec::FULL, cached, prefilled));
    let event = prop_oneof![
        Just(Event::Loading { fraction: 0.5 }),
        Just(Event::Loaded(Box::new(model()))),
        (0_u32..20_000).prop_map(move |tokens| Event::Counted { job, tokens: vec![tokens] }),
        (0_u32..10_000, prop::option::of(0_u64..20)).prop_map(move |(tokens, seconds)| Event::Forecast {
            job,
            plan: plan(tokens, seconds.map(Duration::from_secs)),
        }),
        Just(Event::Planned { job, plan: plan(5_000, None) }),
        Just(Event::Prefilling { job, progress: progress(5_000) }),
        "[a-z\n]{1,4}".prop_map(move |text| Event::Piece { job, channel: Channel::Answer, text }),
        "[a-z\n]{1,4}".prop_map(move |text| Event::Piece { job, channel: Channel::Reasoning, text }),
        prop_oneof![Just(Event::WasReasoning { job }), Just(Event::AskedForAnswer { job })],
        (0_u32..10_000, 0_u32..10_000).prop_map(move |(cached, prefilled)| Event::Prefilled {
            job,
            stopped: false,
            figures: figures(cached, prefilled),
        }),
        (0_u32..10_000, 0_u32..10_000).prop_map(move |(cached, prefilled)| Event::Answered {
            job,
            finish: Finish::EndOfGeneration,
            figures: figures(cached, prefilled),
        }),
        Just(Event::Noted { job, text: "not kept".into() }),
        Just(Event::Failed { job, failure: failure("no") }),
    ];
    (0_u64..3, event)
}

fn about(job: JobId, event: Event) -> Event {
    match event {
        Event::Planned { plan, .. } => Event::Planned { job, plan },
        Event::Prefilling { progress, .. } => Event::Prefilling { job, progress },
        Event::Piece { channel, text, .. } => Event::Piece { job, channel, text },
        Event::Scored { channel, tokens, .. } => Event::Scored { job, channel, tokens },
        Event::AskedForAnswer { .. } => Event::AskedForAnswer { job },
        Event::WasReasoning { .. } => Event::WasReasoning { job },
        Event::Prefilled { stopped, figures, .. } => Event::Prefilled { job, stopped, figures },
        Event::Answered { finish, figures, .. } => Event::Answered { job, finish, figures },
        Event::ReadAgain { read_again, .. } => Event::ReadAgain { job, read_again },
        Event::FindingHeads { done, total, .. } => Event::FindingHeads { job, done, total },
        Event::HeadsFound { stopped, heads, .. } => Event::HeadsFound { job, stopped, heads },
        Event::Weighed { stopped, tokens, figures, .. } => Event::Weighed { job, stopped, tokens, figures },
        Event::Forecast { plan, .. } => Event::Forecast { job, plan },
        Event::Counted { tokens, .. } => Event::Counted { job, tokens },
        Event::Noted { text, .. } => Event::Noted { job, text },
        Event::Failed { failure, .. } => Event::Failed { job, failure },
        news @ (Event::Loading { .. } | Event::Loaded(_) | Event::LoadFailed(_)) => news,
    }
}

#[derive(Debug, Clone)]
enum Step {
    Act(Action),
    Tell(u64, Event),
    Tick,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![4 => any_plain_step(), 1 => any_other_action().prop_map(Step::Act)]
}

/// A step that leaves every question where it is.
fn any_plain_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_action().prop_map(Step::Act),
        6 => any_event().prop_map(|(back, event)| Step::Tell(back, event)),
        1 => Just(Step::Tick),
    ]
}

impl Session {
    fn step(&mut self, step: Step) -> Vec<Effect> {
        match step {
            Step::Act(action) => self.act(action),
            Step::Tell(back, event) => self.tell(about(JobId(self.job.0.saturating_sub(back)), event)),
            Step::Tick => self.input(Input::Tick),
        }
    }
}

proptest! {
    // Each case lays out dozens of prompts; 3,000 cases were run once by hand.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_in_every_running_question_is_the_one_that_works(
        preset in 0_usize..9,
        chapters in prop::option::of(1_usize..9),
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let mut session = chapters.map_or_else(|| Session::begin("full"), |n| Session::begin_within_a_minute("full", n));
        session.chat.first_preset_entry = preset;
        for step in steps {
            session.step(step);
            let running: Vec<usize> = session.chat.transcript.iter().enumerate()
                .filter(|(_, entry)| matches!(entry, Entry::Exchange(e) if e.state == ExchangeState::Running))
                .map(|(index, _)| index)
                .collect();
            let working: Vec<usize> = match session.chat.work {
                Phase::Answering { entry, .. } => vec![entry],
                _ => vec![],
            };
            prop_assert_eq!(running, working);
        }
    }

    #[test]
    fn no_job_starts_while_another_runs(steps in prop::collection::vec(any_step(), 0..60)) {
        let mut session = Session::begin("full");
        for step in steps {
            let before = session.chat.run().map(|run| run.job);
            session.step(step.clone());
            let after = session.chat.run().map(|run| run.job);
            let ended = matches!(step, Step::Tell(0, Event::Prefilled { .. } | Event::Answered { .. } | Event::Failed { .. }));
            prop_assert!(before.is_none() || before == after || ended, "{before:?} became {after:?} by {step:?}");
        }
    }

    #[test]
    fn stale_events_change_nothing_but_the_time(
        steps in prop::collection::vec(any_step(), 0..40),
        (_, event) in any_event(),
    ) {
        let mut session = Session::begin("full");
        session.step(Step::Tell(0, Event::Loaded(Box::new(model()))));
        for step in steps {
            session.step(step);
        }
        let stale = about(JobId(u64::MAX), event);
        prop_assume!(stale.job().is_some());
        let mut expected = session.chat.clone();
        prop_assert_eq!(session.tell(stale), vec![]);
        expected.now = session.chat.now;
        prop_assert_eq!(&session.chat, &expected);
    }

    #[test]
    fn a_question_is_never_forgotten(steps in prop::collection::vec(any_plain_step(), 0..60)) {
        let mut session = Session::begin("full");
        let mut asked = Vec::new();
        for step in steps {
            if let Step::Act(Action::Ask(question)) = &step
                && !question.trim().is_empty()
            {
                asked.push(question.trim().to_owned());
            }
            session.step(step);
        }
        let shown: Vec<String> = session.chat.exchanges().map(|exchange| exchange.question.to_string()).collect();
        prop_assert_eq!(shown, asked);
    }
}
