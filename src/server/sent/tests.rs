use std::sync::Arc;

use super::*;
use crate::engine::message::{CancelToken, FoundBy, GivenPassages, JobId, Origin, Part, TagPair, Urgency};

fn part(text: &str, segment: Segment) -> Part {
    Part { text: Arc::from(text), origin: Origin::Text, segment }
}

fn prompt() -> Prompt {
    Prompt { parts: vec![part("A book.", Segment::Document), part("Who?", Segment::Tail)], title: "book".into() }
}

fn question() -> Question {
    Question {
        job: JobId(0),
        prompt: prompt(),
        rereading: None,
        recipe: RecipeSpec::SLIDING,
        sampling: Sampling::GREEDY,
        drafting: Drafting::Off,
        limits: Limits::default(),
        markup: Box::default(),
        schema: None,
        cancel: CancelToken::default(),
    }
}

/// The field that `question` is refused for.
fn refused(change: impl FnOnce(&mut Question)) -> String {
    let mut question = question();
    change(&mut question);
    let error = check(&mut Command::Ask(question), &Limits::default()).expect_err("it is refused");
    assert_eq!(error.status, 400);
    error.to_json()["error"]["param"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_the_engine_takes_for_granted_is_checked() {
    let recipe = |change: fn(&mut RecipeSpec)| refused(|question| change(&mut question.recipe));
    assert_eq!(recipe(|recipe| recipe.window = WindowSpec::Tokens(0)), "recipe");
    assert_eq!(recipe(|recipe| recipe.window = WindowSpec::Share { divisor: 0, at_least: 9 }), "recipe.window");
    assert_eq!(recipe(|recipe| recipe.full_layers = LayerSpec::Every { step: 0, from: 0 }), "recipe.full_layers");
    assert_eq!(recipe(|recipe| recipe.full_layers = LayerSpec::List(vec![0; 20_000])), "recipe.full_layers");
    let sampling = |change: fn(&mut Sampling)| refused(|question| change(&mut question.sampling));
    assert_eq!(sampling(|sampling| sampling.temperature = -1.0), "sampling.temperature");
    assert_eq!(sampling(|sampling| sampling.top_p = 2.0), "sampling.top_p");
    assert_eq!(sampling(|sampling| sampling.min_p = f32::NAN), "sampling.min_p");
    assert_eq!(sampling(|sampling| sampling.repeat_penalty = 0.0), "sampling.repeat_penalty");
    assert_eq!(sampling(|sampling| sampling.repeat_last_n = i32::MAX), "sampling.repeat_last_n");
    assert_eq!(sampling(|sampling| sampling.n_probs = Some(21)), "sampling.n_probs");
    assert_eq!(refused(|question| question.drafting = Drafting::Tokens(16)), "drafting");
    assert_eq!(refused(|question| question.schema = Some("{".into())), "schema");
    assert_eq!(refused(|question| question.prompt.parts.reverse()), "prompt.parts");
    assert_eq!(refused(|question| question.limits.stop = vec![String::new()]), "stop");
    assert_eq!(refused(|question| question.markup.ends = vec![String::new()]), "markup");
    assert_eq!(refused(|question| question.markup.answer = vec![TagPair::new("<a>", "")]), "markup");
}

#[test]
fn passages_and_questions_lie_in_the_prompt() {
    let rereading = |reread, question_part, span: Range<usize>| {
        refused(|question| {
            let given = Some(GivenPassages { found_by: FoundBy::User, spans: vec![span] });
            question.rereading = Some(Rereading { reread, question_part, given });
        })
    };
    assert_eq!(rereading(Reread::On, 2, 0..1), "rereading.question_part");
    assert_eq!(rereading(Reread::On, 0, 0..1), "rereading.question_part");
    assert_eq!(rereading(Reread::Passages(33), 1, 0..1), "rereading.reread");
    #[expect(clippy::reversed_empty_ranges, reason = "a client may send anything")]
    let backwards = 5..1;
    assert_eq!(rereading(Reread::On, 1, backwards), "rereading.given");
    assert!(
        check_spans("é", &[0..2]).is_ok() && check_spans("é", &[0..1]).is_err() && check_spans("é", &[0..3]).is_err()
    );
}

#[test]
fn what_belongs_to_the_server_is_not_for_clients() {
    let refused = |mut command| check(&mut command, &Limits::default()).expect_err("it is refused").status;
    let trials = Vec::new().into();
    let find_heads =
        Command::FindHeads { job: JobId(0), trials, urgency: Urgency::Now, cancel: CancelToken::default() };
    let commands =
        [find_heads, Command::AllowContext { tokens: 9 }, Command::Shutdown, Command::AnswerNow { job: JobId(0) }];
    assert_eq!(commands.map(refused), [400; 4]);
}

#[test]
fn the_server_s_limits_hold_where_the_client_s_are_wider_or_missing() {
    let own = Limits { max_tokens: Some(2048), time: Some(std::time::Duration::from_mins(30)), ..Limits::default() };
    let limited = |limits| {
        let mut question = Command::Ask(Question { limits, ..question() });
        check(&mut question, &own).expect("it is sound");
        match question {
            Command::Ask(question) => (question.limits.max_tokens, question.limits.time),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(limited(Limits::default()), (own.max_tokens, own.time));
    let asked = |hours| Some(std::time::Duration::from_hours(hours));
    assert_eq!(limited(Limits { time: asked(9), max_tokens: Some(9), ..own.clone() }), (Some(9), own.time));
    let minute = Some(std::time::Duration::from_mins(1));
    assert_eq!(limited(Limits { time: minute, ..own.clone() }).1, minute);
}
