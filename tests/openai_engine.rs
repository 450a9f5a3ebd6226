//! The engine for other people's servers, over a real one: `lunette serve`, which it takes for any OpenAI-compatible server.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod scripted_model;
    pub(crate) mod serving;
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use lunette::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, build_prompt};
use lunette::engine::EngineHandle;
use lunette::engine::message::{
    CancelToken, Channel, Command, Drafting, Event, JobId, Limits, ModelInfo, Question, Sampling,
};
use lunette::remote::openai::{Connection, Key, spawn};
use lunette::swaa::{ChainOfThought, RecipeSpec};
use support::binary::Home;
use support::serving::Serving;

const KEY: &str = "secret";
/// Longer than an answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

fn next(engine: &mut EngineHandle) -> Event {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match engine.events.try_recv() {
            Ok(event) => return event,
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Err(why) => panic!("no event: {why}"),
        }
    }
}

fn loaded(engine: &mut EngineHandle) -> ModelInfo {
    loop {
        match next(engine) {
            Event::Loading { .. } => {}
            Event::Loaded(info) => return *info,
            event => panic!("{event:?}"),
        }
    }
}

/// `Is it?`, laid out with the template that the engine gave the model.
fn question(info: &ModelInfo) -> Question {
    let template = ChatTemplate::of(info, Moment(0));
    let asked: Arc<str> = "Is it?".into();
    let request = PromptRequest {
        template: &template,
        system: &SystemPrompt::of(None),
        title: "",
        document: &"".into(),
        turns: &[],
        question: Some(&asked),
        cot: ChainOfThought::Auto,
    };
    let (prompt, markup) = build_prompt(&request).expect("the template renders");
    Question {
        job: JobId(1),
        prompt,
        rereading: None,
        recipe: RecipeSpec::FULL,
        sampling: Sampling::GREEDY,
        drafting: Drafting::Off,
        limits: Limits::default(),
        markup: Box::new(markup),
        schema: None,
        cancel: CancelToken::default(),
    }
}

#[test]
fn lunette_s_own_server_answers_as_any_other_does() {
    let home = Home::new();
    let serving = Serving::start(&home, &["--preset", "full", "--no-cache", "--api-key", KEY]);
    let mut connection = Connection::to(&format!("http://{}/v1", serving.address)).expect("an address");
    connection.key = Key::new(KEY);
    let mut engine = spawn(connection);
    let info = loaded(&mut engine);
    assert_eq!(info.place(), format!("Lunette at {}", serving.address));
    engine.commands.send(Command::Ask(question(&info))).expect("it runs");
    let mut answer = String::new();
    let figures = loop {
        match next(&mut engine) {
            Event::Piece { channel: Channel::Answer, text, .. } => answer.push_str(&text),
            Event::Answered { figures, .. } => break figures,
            Event::Failed { failure, .. } => panic!("{failure:?}"),
            _ => {}
        }
    };
    assert_eq!(answer, "Yes, it.");
    // What the server counted and timed, not what was guessed here: its book is in the prompt.
    assert!(figures.tokens.cached > 100 && figures.tokens.prompt > figures.tokens.cached, "{:?}", figures.tokens);
    assert!(figures.tokens.generated > 0 && figures.timings.prefill > Duration::ZERO, "{figures:?}");
    serving.stop();
}
