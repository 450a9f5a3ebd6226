//! Bounded memory: a recipe without full attention anywhere reads any length in a cache of one size. The toy refuses to look at what was dropped,
//! to hold more than its context and to use positions beyond its training.

use super::*;

/// Bounded everywhere.
fn stream(window: u32, sinks: u32) -> RecipeSpec {
    RecipeSpec { dense_tail: false, fa_decode: false, ..spec(window, sinks) }
}

/// 300 tokens back and 4 sinks, in calls of 16: 256 + 512 + 256 + 32 cells.
fn recipe() -> RecipeSpec {
    stream(300, 4)
}

const CELLS: usize = 1_280;

/// A text of as many tokens, in which no stretch is like another.
fn text(tokens: usize) -> String {
    let sentences: Vec<String> = (0..=tokens / 20).map(|number| format!("it is truth {number} of them ")).collect();
    let mut text = sentences.concat();
    text.truncate(tokens);
    text
}

/// A model that keeps every token.
fn keeping_everything(train_context_tokens: u32) -> Desk {
    let mut toy = Toy::new(train_context_tokens);
    toy.keeps_everything = true;
    Desk::with(toy, Box::new(Unknown), PLENTY)
}

fn cells(desk: &Desk) -> (usize, u32) {
    (desk.worker.machine.held(), desk.worker.machine.context_tokens())
}

#[test]
fn what_is_kept_is_no_more_for_a_document_that_is_longer_than_the_model_was_trained_for() {
    let mut desk = Desk::new(2048, 0);
    let mut most = 0;
    for tokens in [500, 1_500, 6_000] {
        desk.read(&prompt(&text(tokens), &[]), &recipe());
        let (held, context) = cells(&desk);
        assert_eq!(context as usize, CELLS);
        most = most.max(held);
        assert_eq!(desk.worker.kv.cells() as usize, held);
        assert_eq!((desk.worker.kv.len() as usize, desk.worker.machine.len()), (tokens, tokens));
    }
    assert!((600..=CELLS).contains(&most), "{most}");
    assert!(desk.worker.machine.moved_by() > 2_000, "positions were moved: {}", desk.worker.machine.moved_by());
    let answer = desk.ask(&prompt(&text(6_000), &["who?"]), &recipe());
    assert_eq!((answer.tokens.cached, answer.tokens.prefilled), (6_000, 4));
}

#[test]
fn answers_are_those_of_a_cache_that_keeps_everything() {
    for tokens in [100, 303, 304, 1_279, 1_280, 1_281, 3_000] {
        let turns = |desk: &mut Desk| {
            let first = desk.ask(&prompt(&text(tokens), &["who?"]), &recipe());
            let second = desk.ask(&prompt(&text(tokens), &["who?", &first.text, "and why?"]), &recipe());
            [(first.text, first.tokens.prefilled), (second.text, second.tokens.prefilled)]
        };
        let mut desk = Desk::new(8192, PLENTY);
        assert_eq!(turns(&mut desk), turns(&mut keeping_everything(8192)), "{tokens} tokens");
        assert_eq!(desk.worker.machine.moved_by(), 0);
    }
}

/// Beyond the training, the answer depends on where positions were moved, and that on nothing but the text.
#[test]
fn positions_are_moved_at_the_same_tokens_whatever_is_drafted() {
    let told = [Drafting::Off, Drafting::Auto].map(|drafting| {
        let mut desk = Desk::new(1_500, PLENTY);
        desk.worker.machine.quotes = true;
        desk.drafting = drafting;
        let limits = Limits { max_tokens: Some(900), repetition: Repetition::Allowed, ..Limits::default() };
        let answer = desk.ask_with(&prompt(&text(1_300), &["it is "]), &recipe(), limits, OutputMarkup::default());
        (answer.text, answer.finish, desk.worker.machine.moved_by())
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn an_answer_may_be_longer_than_the_context() {
    let mut desk = Desk::new(1_500, 0);
    desk.worker.machine.script = Some(text(4_000).into_bytes());
    let limits = Limits { max_tokens: Some(3_000), repetition: Repetition::Allowed, ..Limits::default() };
    let answer = desk.ask_with(&prompt(&text(400), &["go on"]), &recipe(), limits, OutputMarkup::default());
    assert_eq!((answer.finish, answer.tokens.generated), (Finish::TokenLimit, 3_000));
    assert!(cells(&desk).0 <= CELLS);
}

/// The state at a document's end and at the last turn's beginning is kept, so another answer reads nothing of them again.
#[test]
fn another_answer_goes_back_to_the_turn() {
    let mut desk = Desk::new(8192, PLENTY);
    let long = Limits { max_tokens: Some(700), repetition: Repetition::Allowed, ..Limits::default() };
    desk.worker.machine.script = Some(text(4_000).into_bytes());
    let document = text(3_000);
    let mut ask = |turns: &[&str]| {
        let answer = desk.ask_with(&prompt(&document, turns), &recipe(), long.clone(), OutputMarkup::default());
        assert!(cells(&desk).0 <= CELLS);
        (answer.tokens.cached, answer.tokens.prefilled, answer.text)
    };
    let first = ask(&["who?"]);
    assert_eq!((first.0, first.1), (0, 3_004));
    assert_eq!((ask(&["who?"]).0, ask(&["where?"]).0), (3_000, 3_000), "again, and edited");
    let turns = ["where?", &*first.2, "and why?"];
    let second = ask(&turns);
    assert_eq!(second.0, 3_000 + 6 + 699, "the last token of an answer that was cut off is not computed");
    assert_eq!(ask(&turns).0, second.0, "the second turn again");
    assert_eq!(ask(&["who?"]).0, 3_000, "a branch at the document");
}

#[test]
fn without_room_for_the_state_the_document_is_read_again_and_that_is_told_beforehand() {
    let mut desk = Desk::new(8192, 0);
    let question = prompt(&text(3_000), &["who?"]);
    let first = desk.ask(&question, &recipe());
    let job = desk.job();
    let command =
        Command::Prefill { job, prompt: prompt(&text(2_000), &[]), recipe: recipe(), cancel: CancelToken::default() };
    let events = desk.give(command);
    let planned = events.iter().find_map(|event| match event {
        Event::Planned { plan, .. } => Some((plan.cached_tokens, plan.to_prefill_tokens, plan.bounded_tokens)),
        _ => None,
    });
    assert_eq!(planned, Some((4, 1_996, Some(CELLS as u32))), "up to here: the sinks are left");
    let again = desk.ask(&question, &recipe());
    assert_eq!((again.text, again.finish), (first.text, first.finish));
}

#[test]
fn other_presets_come_and_go() {
    let book = prompt(&text(3_000), &[]);
    // Reads as `stream` does, and keeps everything.
    for (resident_bytes, back) in [(PLENTY, 0), (0, 3_000 - 4)] {
        let mut desk = Desk::new(8192, resident_bytes);
        desk.read(&book, &spec(300, 4));
        assert_eq!(cells(&desk), (3_000, 3_072));
        assert_eq!(desk.read(&book, &recipe()).prefilled, 0, "what quick has read serves stream");
        let (held, context) = cells(&desk);
        assert!(held < 800 && context as usize == CELLS, "the context is made smaller: {held} of {context}");
        let job = desk.job();
        let forecast = Command::Forecast { job, prompt: book.clone(), recipe: spec(300, 4) };
        let [Event::Forecast { plan, .. }] = &desk.give(forecast)[..] else { panic!("a forecast") };
        assert_eq!((plan.to_prefill_tokens, plan.bounded_tokens), (back, None), "told beforehand");
        assert_eq!(desk.read(&book, &spec(300, 4)).prefilled, back);
        assert_eq!(cells(&desk), (3_000, 3_072));
        let full = desk.ask(&prompt(&text(3_000), &["who?"]), &RecipeSpec::FULL);
        assert_eq!(full.text, Desk::new(8192, 0).ask(&prompt(&text(3_000), &["who?"]), &RecipeSpec::FULL).text);
        let bounded = desk.ask(&prompt(&text(3_000), &["who?"]), &recipe());
        assert_eq!(bounded.text, Desk::new(8192, 0).ask(&prompt(&text(3_000), &["who?"]), &recipe()).text);
    }
}

#[test]
fn where_nothing_can_be_dropped_a_long_document_is_refused_and_why() {
    let long = prompt(&text(5_000), &["who?"]);
    let hint = |desk: &mut Desk| {
        let job = desk.job();
        let command = Command::Prefill { job, prompt: long.clone(), recipe: recipe(), cancel: CancelToken::default() };
        match desk.give(command).pop() {
            Some(Event::Failed { failure, .. }) => (failure.kind, failure.hint.unwrap_or_default()),
            other => panic!("a failure, got {other:?}"),
        }
    };
    let (kind, hint_of_hybrid) = hint(&mut Desk::hybrid(0));
    assert_eq!(kind, FailureKind::DoesNotFit);
    assert!(hint_of_hybrid.contains("keeps every token"), "{hint_of_hybrid}");
    let mut short = Desk::new(8192, 0);
    short.give(Command::AllowContext { tokens: 1_000 });
    let (_, hint_of_short) = hint(&mut short);
    assert!(hint_of_short.contains("any length with -c 1280 or more"), "{hint_of_short}");
}

/// Texts that are many times too long are refused by an estimate elsewhere.
#[test]
fn a_text_without_end_is_not_refused() {
    let desk = Desk::new(1_500, 0);
    let endless = prompt(&"it is so ".repeat(200_000), &[]);
    let refused = desk.worker.refuse_endless(&endless, &spec(300, 4)).expect_err("every token would be kept");
    assert!(refused.message.contains("about 1,800,000"), "{refused:?}");
    assert_eq!(desk.worker.refuse_endless(&endless, &recipe()), Ok(()));
}

#[test]
fn passages_are_found_by_words_where_their_keys_may_be_gone() {
    let mut desk = Desk::new(8192, PLENTY);
    desk.rereading = Some(Rereading { reread: Reread::On, question_part: 1, given: None });
    let mut document = text(3_000);
    document.replace_range(600..640, "Elizabeth sang at Longbourn in the winter");
    let question = prompt(&document, &["Where did Elizabeth sing in winter? Longbourn?"]);
    let answer = desk.ask(&question, &recipe());
    assert!(answer.tokens.reread > 0, "{:?}", answer.tokens);
    assert_eq!(answer.tokens.prefilled, answer.tokens.prompt, "nothing is read twice");
}

#[test]
fn blocks_on_disk_serve_up_to_where_positions_are_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    let book = prompt(&text(3_000), &[]);
    let mut first = Desk::on_disk(folder.path());
    first.read(&book, &recipe());
    drop(first);
    for recipe in [recipe(), spec(300, 4)] {
        let mut next = Desk::on_disk(folder.path());
        assert_eq!(parts(next.read(&book, &recipe)), (3_000, 3_000, 0), "{recipe:?}");
        let answer = next.ask(&prompt(&text(3_000), &["who?"]), &recipe);
        assert_eq!(answer.text, Desk::new(4096, 0).ask(&prompt(&text(3_000), &["who?"]), &recipe).text);
    }
    // The toy on disk was trained for 4,096.
    let longer = prompt(&text(6_000), &[]);
    let mut desk = Desk::on_disk(folder.path());
    assert_eq!(desk.read(&longer, &recipe()).cached, 3_000);
    assert!(desk.notes.iter().any(|note| note.contains("positions are those of this run")), "{:?}", desk.notes);
    drop(desk);
    let cached = Desk::on_disk(folder.path()).read(&longer, &recipe()).cached;
    assert!((4_000..4_096).contains(&cached), "{cached}");
}

#[derive(Debug, Clone)]
enum Step {
    Read(usize, usize),
    Ask(usize, usize, &'static str, u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    let question = prop_oneof![Just("who?"), Just("and why is it so?")];
    prop_oneof![
        (0..3_usize, 0..3_usize).prop_map(|(document, recipe)| Step::Read(document, recipe)),
        (0..3_usize, 0..3_usize, question, 1..400_u32)
            .prop_map(|(document, recipe, question, most)| { Step::Ask(document, recipe, question, most) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever was read, asked and dropped before, an answer is that of a new engine, forecasts come true and memory is bounded.
    #[test]
    fn what_was_dropped_never_changes_an_answer(
        steps in prop::collection::vec(any_step(), 1..7),
        resident in prop_oneof![Just(0_u64), Just(12_000), Just(PLENTY)],
    ) {
        let documents = [text(2_200), text(1_400), text(2_200).replace("truth 9", "story 9")];
        let recipes = [recipe(), spec(300, 4), stream(40, 0)];
        let mut desk = Desk::new(8192, resident);
        for step in steps {
            let used = match step {
                Step::Read(document, used) => {
                    let (prompt, recipe) = (prompt(&documents[document], &[]), recipes[used].clone());
                    let job = desk.job();
                    let command = Command::Forecast { job, prompt: prompt.clone(), recipe: recipe.clone() };
                    let told = desk.give(command);
                    let [Event::Forecast { plan, .. }] = &told[..] else { panic!("one forecast, got {told:?}") };
                    prop_assert_eq!(plan.to_prefill_tokens, desk.read(&prompt, &recipe).prefilled);
                    used
                }
                Step::Ask(document, used, question, most) => {
                    let prompt = prompt(&documents[document], &[question]);
                    let limits = Limits { max_tokens: Some(most), repetition: Repetition::Allowed, ..Limits::default() };
                    let ask = |desk: &mut Desk| {
                        desk.worker.machine.quotes = true;
                        let answer = desk.ask_with(&prompt, &recipes[used], limits.clone(), OutputMarkup::default());
                        (answer.text, answer.finish)
                    };
                    let mut fresh = Desk::new(8192, 0);
                    prop_assert_eq!(ask(&mut desk), ask(&mut fresh));
                    used
                }
            };
            let is_bounded = used != 1;
            prop_assert!(!is_bounded || desk.worker.machine.held() <= CELLS);
            prop_assert_eq!(desk.worker.kv.cells() as usize, desk.worker.machine.held());
        }
    }
}
