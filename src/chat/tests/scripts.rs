//! Independent questions, as a script asks them.

use super::*;

fn loaded(preset: &str) -> Session {
    let mut session = Session::begin_script(preset, RecipePatch::default());
    assert_eq!(session.tell(Event::Loaded(Box::new(model()))), [], "nothing is read before the first question");
    session
}

fn preset_entries(session: &Session, names: &[&str]) -> Vec<usize> {
    let preset_entry = |name| {
        session
            .chat
            .preset_entries
            .iter()
            .position(|preset_entry| preset_entry.name == name)
            .expect("a built-in preset")
    };
    names.iter().map(|&name| preset_entry(name)).collect()
}

fn compare(session: &mut Session, names: &[&str]) -> Vec<Effect> {
    let preset_entries = preset_entries(session, names);
    session.act(Action::Versus { question: "Who?".into(), preset_entries })
}

/// The engine prefills the document with a question, and answers it.
fn answer(session: &mut Session, answer: &str) -> Vec<Effect> {
    session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: answer.to_owned() });
    let figures = Box::new(figures(&session.recipe(), 0, DOCUMENT_TOKENS));
    session.tell(Event::Answered { job: session.job, finish: Finish::EndOfGeneration, figures })
}

#[test]
fn the_document_is_read_with_the_first_question_whose_figures_have_all_that_it_cost() {
    let mut session = loaded("full");
    let effects = session.ask("Who?");
    assert_eq!(texts(&asked(&effects).prompt).0, "<|im_start|>user\nIt is a truth universally acknowledged.\n");
    assert_eq!(answer(&mut session, "A clergyman."), []);
    let exchange = session.chat.exchanges().next().expect("asked");
    assert_eq!(exchange.figures.as_ref().map(|figures| figures.tokens.prefilled), Some(DOCUMENT_TOKENS));
    assert!(session.chat.is_read());
}

#[test]
fn no_question_is_told_of_another() {
    let mut session = loaded("full");
    session.ask("Who?");
    answer(&mut session, "A clergyman.");
    let effects = session.ask("And his patroness?");
    let expected = "\n\nAnd his patroness?<|im_end|>\n<|im_start|>assistant\n";
    assert_eq!(texts(&asked(&effects).prompt).1, expected);
}

#[test]
fn a_changed_document_is_read_with_the_next_question() {
    let mut session = loaded("full");
    session.ask("Who?");
    answer(&mut session, "A clergyman.");
    assert_eq!(session.input(changed("It is a falsehood.")), []);
    let effects = session.ask("Who?");
    assert_eq!(texts(&asked(&effects).prompt).0, "<|im_start|>user\nIt is a falsehood.");
    session.tell(Event::Planned { job: session.job, plan: plan(4_000, None) });
    let told = "the document changed on disk, from line 3 of book.txt on: 6,000 of 10,000 tokens are kept";
    assert_eq!(notice(&session.chat), told);
}

#[test]
fn a_preset_that_is_not_available_is_a_failure_and_nothing_is_asked() {
    let mut session = Session::begin_script("quick", RecipePatch::default());
    let refusing = crate::engine::message::ModelInfo { sliding_refused: Some("its own windows".into()), ..model() };
    assert_eq!(session.tell(Event::Loaded(Box::new(refusing))), []);
    let expected = Failure::new(
        FailureKind::Unsupported,
        "preset quick is not available for this model: its own windows",
        Some("use the preset full".to_owned()),
    );
    assert_eq!((session.chat.failure(), &session.chat.resolved_preset), (Some(&expected), &None));
}

#[test]
fn a_first_part_is_read_ahead_to_measure_with() {
    let (mut session, effects) = tasted("full", 61);
    session.chat.asking.questions = Questions::Alone;
    let (effects, asked_about) = session.forecast_beginnings(effects);
    assert_eq!((effects, asked_about.len()), (vec![], 6), "how much is read is settled, and nothing is read yet");
    assert!(texts(&asked(&session.ask("Who?")).prompt).0.ends_with("Chapter 6.\n"));
}

// A/B.

#[test]
fn each_of_any_number_of_presets_reads_and_answers_in_turn() {
    let mut session = loaded("full");
    let mut effects = compare(&mut session, &["full", "quick", "fastest"]);
    for preset in ["full", "quick", "fastest"] {
        assert_eq!(asked(&effects).recipe, recipe_of(preset));
        effects = answer(&mut session, "A clergyman.");
    }
    assert_eq!(effects, []);
    let answered: Vec<_> = session.chat.exchanges().map(|exchange| exchange.preset.as_deref()).collect();
    assert_eq!(answered, [Some("full"), Some("quick"), Some("fastest")]);
}

#[test]
fn where_auto_is_compared_the_document_is_counted_first() {
    let mut session = loaded("full");
    let effects = compare(&mut session, &["full", "auto"]);
    assert!(matches!(sent(&effects), Command::Forecast { .. }), "{effects:?}");
    let effects = session.size(30_000);
    assert_eq!(asked(&effects).recipe, recipe_of("full"));
    assert_eq!(asked(&answer(&mut session, "A clergyman.")).recipe, recipe_of("accurate"));
}

#[test]
fn presets_that_are_the_same_here_are_refused() {
    let mut session = loaded("full");
    compare(&mut session, &["quick", "full", "auto"]);
    session.size(100);
    assert_eq!(notice(&session.chat), "full and auto both resolve to full here");
    compare(&mut session, &["quick", "quick"]);
    assert_eq!(notice(&session.chat), "cannot compare quick with itself");
    compare(&mut session, &["quick"]);
    assert_eq!(notice(&session.chat), "cannot compare a single preset");
    assert_eq!(session.chat.transcript, []);
}

#[test]
fn flags_change_every_preset_that_is_compared() {
    let changes = RecipePatch { window: Some(WindowSpec::Tokens(2_048)), ..RecipePatch::default() };
    let mut session = Session::begin_script("accurate", changes);
    session.tell(Event::Loaded(Box::new(model())));
    let effects = compare(&mut session, &["accurate", "fastest"]);
    let windows = [asked(&effects).recipe.window, asked(&answer(&mut session, "A clergyman.")).recipe.window];
    assert_eq!(windows, [WindowSpec::Tokens(2_048), WindowSpec::Tokens(2_048)]);
}

#[test]
fn a_question_that_comes_first_stands_before_the_document_and_behind_it() {
    let mut session = Session::begin_script("fastest", RecipePatch::default());
    session.chat.asking.question_first = true;
    session.tell(Event::Loaded(Box::new(model())));
    let effects = session.ask("Who?");
    let question = asked(&effects);
    let of = |segment| -> String {
        let parts = question.prompt.parts.iter().filter(|part| part.segment == segment);
        parts.map(|part| &*part.text).collect()
    };
    assert!(of(Segment::Front).ends_with("Who?\n\n"), "{:?}", question.prompt);
    assert!(of(Segment::Tail).contains("Who?"), "{:?}", question.prompt);
    assert!(!of(Segment::Document).contains("Who?"), "{:?}", question.prompt);
}
