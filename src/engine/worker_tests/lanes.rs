//! Several questions at the same time: they get the answers that they get alone, share one reading, and leave nothing behind.

use std::collections::BTreeMap;

use super::*;

/// A desk where `answers` questions are answered at the same time.
fn lanes(answers: u32) -> Desk {
    let mut toy = Toy::new(4096);
    toy.most_guests = if answers > 1 { answers } else { 0 };
    let mut desk = Desk::with(toy, Box::new(Unknown), PLENTY);
    desk.worker.settings.parallel = Parallel { answers, tokens_each: 1024 };
    desk.worker.settings.reserve_tokens = 512;
    desk
}

fn question(job: u64, prompt: &Prompt, recipe: &RecipeSpec, max_tokens: u32) -> Question {
    Question {
        job: JobId(job),
        prompt: prompt.clone(),
        rereading: None,
        recipe: recipe.clone(),
        sampling: Sampling::GREEDY,
        drafting: Drafting::Auto,
        limits: Limits { max_tokens: Some(max_tokens), ..Limits::default() },
        markup: Box::default(),
        schema: None,
        cancel: CancelToken::default(),
    }
}

fn asks(questions: &[Question]) -> Vec<Command> {
    questions.iter().cloned().map(Command::Ask).collect()
}

/// Has `commands` carried out, which all wait at the beginning.
fn events_of(desk: &mut Desk, commands: Vec<Command>) -> Vec<Event> {
    for command in commands.into_iter().chain([Command::Shutdown]) {
        desk.commands.send(command).expect("the worker holds the other end");
    }
    desk.worker.run();
    std::iter::from_fn(|| desk.events.try_recv().ok()).collect()
}

/// The same: the events of each job, and the jobs in the order of their last events.
fn carried_out(desk: &mut Desk, commands: Vec<Command>) -> (BTreeMap<u64, Vec<Event>>, Vec<u64>) {
    let (mut by_job, mut ended): (BTreeMap<u64, Vec<Event>>, Vec<u64>) = Default::default();
    for event in events_of(desk, commands) {
        let JobId(job) = event.job().expect("all are of jobs");
        if event.ends_job() {
            ended.push(job);
        }
        by_job.entry(job).or_default().push(event);
    }
    (by_job, ended)
}

fn asked_together(desk: &mut Desk, questions: &[Question]) -> Vec<Answer> {
    let (events, _) = carried_out(desk, asks(questions));
    events.into_values().map(Answer::from).collect()
}

fn alone(questions: &[Question]) -> Vec<Answer> {
    let mut desk = lanes(1);
    questions.iter().map(|question| Answer::from(desk.give(Command::Ask(question.clone())))).collect()
}

/// Where `job` has its first event that `is_wanted`.
fn place_of(events: &[Event], job: u64, is_wanted: impl Fn(&Event) -> bool) -> usize {
    let is_it = |event: &Event| event.job() == Some(JobId(job)) && is_wanted(event);
    events.iter().position(is_it).unwrap_or_else(|| panic!("{job} has none in {events:?}"))
}

fn first_piece(events: &[Event], job: u64) -> usize {
    place_of(events, job, |event| matches!(event, Event::Piece { .. }))
}

fn end(events: &[Event], job: u64) -> usize {
    place_of(events, job, Event::ends_job)
}

const QUESTIONS: [&str; 5] =
    ["who? ", "where is it? ", "and why, in a long sentence of many words? ", "when? ", "so? "];

fn about(document: &str, recipe: &RecipeSpec) -> Vec<Question> {
    let ask = |(text, job): (&&str, u64)| question(job, &prompt(document, &[text]), recipe, 30);
    QUESTIONS.iter().zip(1..).map(ask).collect()
}

#[test]
fn questions_asked_together_get_the_answers_that_they_get_alone_and_share_one_reading() {
    for recipe in [RecipeSpec::FULL, spec(40, 8)] {
        let questions = about(&book(), &recipe);
        let mut desk = lanes(4);
        let together = asked_together(&mut desk, &questions);
        for (one, other) in together.iter().zip(alone(&questions)) {
            assert_eq!((&one.text, one.finish), (&other.text, other.finish));
            assert_eq!(one.tokens.prompt, other.tokens.prompt);
        }
        let document = together[0].tokens.document;
        assert_eq!(together[0].tokens.cached, 0, "the first reads the book");
        for (answer, text) in together[1..].iter().zip(&QUESTIONS[1..]) {
            assert_eq!(
                (answer.tokens.cached, answer.tokens.prefilled),
                (document, text.len() as u32),
                "the others share it"
            );
        }
        let machine = &desk.worker.machine;
        assert_eq!((machine.len(), machine.taken()), (machine.held(), machine.held()), "all guests are gone");
        assert_eq!(desk.worker.guest_cells, 0);
    }
}

#[test]
fn a_guest_has_its_first_token_before_the_first_answer_ends() {
    let mut desk = lanes(2);
    desk.worker.machine.script = Some(b"a rather long answer".to_vec());
    let questions = about(&book(), &RecipeSpec::FULL);
    let events = events_of(&mut desk, asks(&questions[..2]));
    let places = [first_piece(&events, 1), first_piece(&events, 2), end(&events, 1), end(&events, 2)];
    assert!(places.is_sorted(), "{places:?} of {events:?}");
}

#[test]
fn one_that_is_stopped_leaves_and_the_others_go_on() {
    let questions = about(&book(), &RecipeSpec::FULL);
    let expected = alone(&questions);
    for (which, call) in [0, 1].into_iter().flat_map(|which| [0, 50, 51, 53, 55, 60, 70].map(|call| (which, call))) {
        let mut desk = lanes(4);
        let mut asked = questions.clone();
        asked[which].cancel = CancelToken::default();
        let cancel = asked[which].cancel.clone();
        desk.worker.machine.before_call = Some((call, Box::new(move || cancel.cancel())));
        for (index, (one, other)) in asked_together(&mut desk, &asked).iter().zip(&expected).enumerate() {
            if index == which {
                assert!(other.text.starts_with(&one.text), "{which} at {call}: {one:?}");
            } else {
                assert_eq!((&one.text, one.finish), (&other.text, other.finish), "{which} at {call}: {index}");
            }
        }
        assert_eq!((desk.worker.guest_cells, desk.worker.machine.taken()), (0, desk.worker.machine.held()));
    }
}

#[test]
fn nobody_overtakes_a_question_about_another_document() {
    let mut questions = about(&book(), &RecipeSpec::FULL);
    let other = prompt(&"another book of some length. ".repeat(8), &["what? "]);
    questions.insert(2, question(9, &other, &RecipeSpec::FULL, 30));
    let mut desk = lanes(4);
    desk.worker.machine.script = Some(b"a rather long answer".to_vec());
    let (events, ended) = carried_out(&mut desk, asks(&questions));
    assert_eq!(ended, [1, 2, 9, 3, 4, 5], "the two that were being answered, then the other, then those behind it");
    let reads: Vec<u32> = events.values().map(|events| Answer::from(events.clone()).tokens.prefilled).collect();
    assert!(reads[1] < 20 && reads[5] > 200, "{reads:?}");
}

#[test]
fn who_does_not_fit_beside_the_others_waits_for_room() {
    let mut desk = lanes(4);
    (desk.worker.settings.reserve_tokens, desk.worker.settings.parallel.tokens_each) = (64, 150);
    desk.worker.machine.script = Some(vec![b'x'; 50]);
    let ask =
        |job| Question { limits: may_repeat(60), ..question(job, &prompt(&book(), &["who? "]), &RecipeSpec::FULL, 0) };
    let questions: Vec<Question> = (1..=4).map(ask).collect();
    let events = events_of(&mut desk, asks(&questions));
    let first_end = events.iter().position(Event::ends_job).expect("they end");
    let begun = events[..first_end].iter().filter(|event| matches!(event, Event::Planned { .. })).count();
    let letters = events.iter().filter(|event| matches!(event, Event::Piece { .. })).count();
    assert_eq!(
        (begun, letters),
        (2, 4 * 50),
        "1,474 cells: 785 of the first prompt, 315 for its answer, 321 for a guest"
    );
}

#[test]
fn an_answer_without_a_limit_joins_nobody() {
    let mut desk = lanes(4);
    desk.worker.machine.script = Some(b"a rather long answer".to_vec());
    let mut questions = about(&book(), &RecipeSpec::FULL);
    questions[1].limits.max_tokens = None;
    let events = events_of(&mut desk, asks(&questions));
    assert!(end(&events, 1) < place_of(&events, 2, |_| true), "nobody knows how much room it needs: {events:?}");
    assert!(place_of(&events, 2, |_| true) < place_of(&events, 3, |_| true), "and nobody overtakes it: {events:?}");
}

fn may_repeat(max_tokens: u32) -> Limits {
    Limits { max_tokens: Some(max_tokens), repetition: Repetition::Allowed, ..Limits::default() }
}

#[test]
fn a_prompt_that_is_too_long_is_refused_in_its_turn_with_the_same_sentence() {
    let mut desk = lanes(4);
    let long = question(7, &prompt(&book(), &[&"long ".repeat(2000)]), &RecipeSpec::FULL, 5);
    let mut questions = about(&book(), &RecipeSpec::FULL);
    questions.insert(1, long.clone());
    let (events, _) = carried_out(&mut desk, asks(&questions));
    let told = |events: &[Event]| match events.last() {
        Some(Event::Failed { failure, .. }) => failure.message.clone(),
        other => panic!("it does not fit, got {other:?}"),
    };
    assert_eq!(told(&events[&7]), told(&lanes(1).give(Command::Ask(long))));
    assert!((1..=5).all(|job| matches!(events[&job].last(), Some(Event::Answered { .. }))));
}

#[test]
fn reasoning_is_closed_and_answers_are_asked_for_in_each_by_itself() {
    let markup = thinking();
    let ask = |(text, job): (&&str, u64)| Question {
        limits: Limits { reasoning_tokens: Some(3 + job as u32), max_tokens: Some(40), ..Limits::default() },
        markup: markup.clone().into(),
        ..question(job, &prompt(&book(), &[text]), &RecipeSpec::FULL, 1)
    };
    let questions: Vec<Question> = QUESTIONS.iter().zip(1..).map(ask).collect();
    let mut desk = lanes(4);
    for (one, other) in asked_together(&mut desk, &questions).iter().zip(alone(&questions)) {
        assert_eq!(
            (&one.reasoning, &one.text, one.reasoning_end, one.tokens.asking),
            (&other.reasoning, &other.text, other.reasoning_end, other.tokens.asking)
        );
    }
}

#[test]
fn what_else_waits_is_done_meanwhile_or_afterwards() {
    let mut desk = lanes(4);
    desk.worker.machine.script = Some(b"a rather long answer".to_vec());
    let questions = about(&book(), &RecipeSpec::FULL);
    let forecast = Command::Forecast { job: JobId(7), prompt: questions[0].prompt.clone(), recipe: RecipeSpec::FULL };
    let read = Command::Prefill {
        job: JobId(8),
        prompt: prompt(&"another book of some length. ".repeat(8), &[]),
        recipe: RecipeSpec::FULL,
        cancel: CancelToken::default(),
    };
    let commands = vec![Command::Ask(questions[0].clone()), forecast, Command::Ask(questions[1].clone()), read];
    assert_eq!(carried_out(&mut desk, commands).1, [7, 1, 2, 8]);
}

fn stopped() -> CancelToken {
    let cancel = CancelToken::default();
    cancel.cancel();
    cancel
}

fn another_book() -> Prompt {
    prompt(&"another book of some length. ".repeat(8), &["what? "])
}

/// Jobs 7 to 10, which were stopped while they waited.
fn stopped_meanwhile() -> Vec<Command> {
    let read = Command::Prefill { job: JobId(8), prompt: another_book(), recipe: RecipeSpec::FULL, cancel: stopped() };
    let ahead = ReadAhead {
        job: JobId(9),
        prompt: another_book(),
        recipe: RecipeSpec::FULL,
        home: (prompt(&book(), &[]), RecipeSpec::FULL),
        cancel: stopped(),
    };
    let asked = |job| Question { cancel: stopped(), ..question(job, &another_book(), &RecipeSpec::FULL, 20) };
    let weigh = Command::Weigh { question: asked(10), answer: "because".into() };
    vec![Command::Ask(asked(7)), read, Command::ReadAhead(Box::new(ahead)), weigh]
}

#[test]
fn jobs_that_were_stopped_while_they_waited_end_without_costing_the_cache_anything() {
    let mut desk = lanes(1);
    let questions = about(&book(), &RecipeSpec::FULL);
    let [first, second] = [&questions[0], &questions[1]].map(|question| Command::Ask(question.clone()));
    let commands = [vec![first], stopped_meanwhile(), vec![second]].concat();
    let (events, ended) = carried_out(&mut desk, commands);
    assert_eq!(ended, [1, 7, 8, 9, 10, 2]);
    for job in 7..=10 {
        let [end] = &events[&job][..] else { panic!("{:?}", events[&job]) };
        let is_stopped = matches!(
            end,
            Event::Answered { finish: Finish::Cancelled, .. }
                | Event::Prefilled { stopped: true, .. }
                | Event::Weighed { stopped: true, .. }
        );
        assert!(is_stopped, "{end:?}");
    }
    let counts = Answer::from(events[&2].clone()).tokens;
    assert!(counts.cached > 700 && counts.prefilled < 20, "the book is still in the cache: {counts:?}");
}

#[test]
fn nobody_waits_behind_jobs_that_were_stopped() {
    let mut desk = lanes(4);
    desk.worker.machine.script = Some(b"a rather long answer".to_vec());
    let questions = about(&book(), &RecipeSpec::FULL);
    let commands = [asks(&questions[..1]), stopped_meanwhile(), asks(&questions[1..2])].concat();
    let events = events_of(&mut desk, commands);
    assert!(first_piece(&events, 2) < end(&events, 1), "it joins the first: {events:?}");
    assert!((7..=10).all(|job| end(&events, job) < first_piece(&events, 2)), "{events:?}");
}

#[test]
fn the_next_turn_of_any_of_them_is_answered_as_alone() {
    let mut desk = lanes(4);
    let questions = about(&book(), &RecipeSpec::FULL);
    let answers = asked_together(&mut desk, &questions);
    for (text, answer) in QUESTIONS.iter().zip(&answers) {
        let second = prompt(&book(), &[text, &answer.text, "and then? "]);
        let (together, fresh) = (desk.ask(&second, &RecipeSpec::FULL), lanes(1).ask(&second, &RecipeSpec::FULL));
        assert_eq!(together.text, fresh.text);
        assert!(together.tokens.cached >= answer.tokens.document);
    }
}

#[test]
fn one_that_comes_while_others_are_answered_joins_them() {
    let mut desk = lanes(3);
    desk.worker.machine.script = Some(b"a rather long answer".to_vec());
    let questions = about(&book(), &RecipeSpec::FULL);
    let (later, commands) = (asks(&questions[1..2]), desk.commands.clone());
    let come =
        move || later.into_iter().chain([Command::Shutdown]).for_each(|it| commands.send(it).expect("it listens"));
    // 49 calls read the book, one the question, and some have written.
    desk.worker.machine.before_call = Some((55, Box::new(come)));
    desk.commands.send(Command::Ask(questions[0].clone())).expect("it listens");
    desk.worker.run();
    let events: Vec<Event> = std::iter::from_fn(|| desk.events.try_recv().ok()).collect();
    let began = place_of(&events, 2, |_| true);
    assert!(
        first_piece(&events, 1) < began && began < end(&events, 1) && end(&events, 1) < end(&events, 2),
        "{events:?}"
    );
}

proptest! {
    /// Whatever is asked together under whatever recipe, with whatever room: each answer is that of a worker that does one after the other.
    #[test]
    fn lanes_never_change_an_answer(
        answers in 2u32..6,
        tokens_each in 0u32..400,
        asked in prop::collection::vec((0usize..2, "[a-z ]{1,40}[?]", 1u32..40, any_recipe()), 1..8),
    ) {
        let documents = [book(), "a poem that is short. ".repeat(6)];
        let questions: Vec<Question> = asked
            .iter()
            .zip(1..)
            .map(|((document, text, most, recipe), job)| {
                question(job, &prompt(&documents[*document], &[text]), recipe, *most)
            })
            .collect();
        let mut desk = lanes(answers);
        desk.worker.settings.parallel.tokens_each = tokens_each;
        let together = asked_together(&mut desk, &questions);
        for (one, other) in together.iter().zip(alone(&questions)) {
            prop_assert_eq!((&one.text, one.finish), (&other.text, other.finish));
        }
        prop_assert_eq!(desk.worker.guest_cells, 0);
        prop_assert_eq!(desk.worker.machine.taken(), desk.worker.machine.held());
    }
}
