//! The engine against stand-ins for other people's servers, over real connections.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::fixtures::{prompt, question};
use crate::document::ByteSpan;
use crate::engine::EngineHandle;
use crate::engine::message::{
    CancelToken, Channel, Command, Counting, Event, JobId, Limits, ModelInfo, PlainServer, Prompt, Question,
    UNKNOWN_CONTEXT_TOKENS,
};
use crate::failure::{Failure, FailureKind};
use crate::fit::Estimator as _;
use crate::remote::{Counter, connect};
use crate::settings::{ApiKey, ServerUrl, UsedServer};
use crate::swaa::RecipeSpec;

#[path = "../../../tests/support/stand_in.rs"]
mod stand_in;

use stand_in::{Asked, Part, Reply, StandIn, delta, done, finish};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// An engine that is connected, or not.
struct Connected {
    engine: EngineHandle,
    jobs: u64,
}

impl Connected {
    fn to(url: &str, change: impl FnOnce(&mut UsedServer)) -> (Self, Result<ModelInfo, Failure>) {
        let mut server = UsedServer::at(ServerUrl::read(url).expect("an address"));
        change(&mut server);
        let mut connected = Self { engine: connect(&server), jobs: 0 };
        let info = loop {
            match connected.next() {
                Event::Loading { .. } => {}
                Event::Loaded(info) => break Ok(*info),
                Event::LoadFailed(failure) => break Err(failure),
                event => panic!("{event:?}"),
            }
        };
        (connected, info)
    }

    fn next(&mut self) -> Event {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime
            .block_on(async { tokio::time::timeout(PATIENCE, self.engine.events.recv()).await })
            .expect("an event in time")
            .expect("the engine lives")
    }

    /// The events of a job, up to its last.
    fn run(&mut self, command: impl FnOnce(JobId) -> Command) -> Vec<Event> {
        self.jobs += 1;
        let job = JobId(self.jobs);
        self.engine.commands.send(command(job)).expect("the engine lives");
        self.rest_of_job()
    }

    fn rest_of_job(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            events.push(self.next());
            let is_last = matches!(
                events.last(),
                Some(
                    Event::Answered { .. }
                        | Event::Prefilled { .. }
                        | Event::Counted { .. }
                        | Event::Forecast { .. }
                        | Event::Failed { .. }
                )
            );
            if is_last {
                return events;
            }
        }
    }

    fn ask(&mut self, prompt: Prompt, limits: Limits) -> Vec<Event> {
        self.run(|job| Command::Ask(Question { job, prompt, ..question(limits) }))
    }
}

/// `[reasoning] answer · notes · how it ended`
fn told(events: &[Event]) -> String {
    let (mut reasoning, mut answer, mut rest) = (String::new(), String::new(), Vec::new());
    for event in events {
        match event {
            Event::Piece { channel: Channel::Reasoning, text, .. } => reasoning.push_str(text),
            Event::Piece { channel: Channel::Answer, text, .. } => answer.push_str(text),
            Event::Noted { text, .. } => rest.push(text.clone()),
            Event::Answered { finish, .. } => rest.push(format!("{finish:?}")),
            Event::Failed { failure, .. } => rest.push(failure.message.clone()),
            _ => {}
        }
    }
    format!("[{reasoning}] {answer} · {}", rest.join(" · "))
}

/// A document of 2,000 words.
fn book() -> Prompt {
    prompt(&"wait ".repeat(2_000))
}

/// A server with one unknown model, which answers as `reply` says.
fn serving(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> StandIn {
    StandIn::start(move |asked| match asked.path.as_str() {
        "/v1/models" => Reply::json(200, &json!({ "data": [{ "id": "m" }] })),
        "/v1/chat/completions" => reply(asked),
        _ => Reply::text(404, "text/plain", "no such path"),
    })
}

fn says(parts: &[&str]) -> Vec<Part> {
    parts.iter().map(|text| delta(&json!({ "content": text }))).collect()
}

#[test]
fn vllm_answers_with_its_own_counts() {
    let server = StandIn::start(stand_in::vllm);
    let (mut engine, info) = Connected::to(&server.url, |_| {});
    let info = info.expect("it is there");
    let host = server.url.trim_start_matches("http://");
    assert_eq!((info.name.as_str(), info.place()), ("Qwen/Qwen3-8B", format!("vLLM at {host}")));
    let known = PlainServer { counting: Counting::Exact, is_context_known: true };
    assert_eq!((info.train_context_tokens, info.server), (32_768, Some(known)));
    let events = engine.ask(book(), Limits::default());
    assert_eq!(told(&events), "[Let me look.] A clergyman. · EndOfGeneration");
    let (Some(Event::Planned { plan, .. }), Some(Event::Answered { figures, .. })) = (events.first(), events.last())
    else {
        panic!("{events:?}");
    };
    // Four bytes are a token there, and a message has five of its own.
    assert_eq!((plan.document_tokens, plan.prompt_tokens), (2_500, 2_508));
    let tokens = figures.tokens;
    assert_eq!((tokens.prompt, tokens.cached, tokens.prefilled, tokens.generated), (2_510, 2_496, 14, 12));
    let asked = &server.asked("/v1/chat/completions")[0].body;
    assert_eq!((&asked["model"], &asked["stream"]), (&json!("Qwen/Qwen3-8B"), &json!(true)));
    assert_eq!(asked["messages"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_document_is_counted_once_and_sent_with_the_question_alone() {
    let server = StandIn::start(stand_in::vllm);
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let prefill =
        |job| Command::Prefill { job, prompt: book(), recipe: RecipeSpec::FULL, cancel: CancelToken::default() };
    let events = engine.run(prefill);
    let Some(Event::Prefilled { stopped: false, figures, .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!((figures.tokens.document, figures.tokens.prefilled), (2_500, 0));
    assert!(server.asked("/v1/chat/completions").is_empty());
    engine.ask(book(), Limits::default());
    let counted = server.asked("/tokenize").iter().filter(|asked| asked.body.to_string().contains("wait")).count();
    assert_eq!(counted, 1);
}

#[test]
fn llama_server_has_its_own_context_its_progress_and_its_times() {
    let server = StandIn::start(stand_in::llama_server);
    let (mut engine, info) = Connected::to(&format!("{}/v1/", server.url), |_| {});
    assert_eq!(info.expect("it is there").train_context_tokens, 8_192);
    let events = engine.ask(book(), Limits::default());
    assert!(
        events.iter().any(|event| matches!(event, Event::Prefilling { progress, .. } if progress.done_tokens == 2_048))
    );
    let Some(Event::Answered { figures, .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!(figures.timings.prefill, Duration::from_millis(1_100));
    assert_eq!(server.asked("/v1/chat/completions")[0].body["return_progress"], json!(true));
}

#[test]
fn ollama_s_prompt_that_was_cut_is_told() {
    let server = StandIn::start(stand_in::ollama);
    let (mut engine, info) = Connected::to(&server.url, |server| server.model = Some("qwen3".to_owned()));
    let info = info.expect("one is called so");
    let unknown = PlainServer { counting: Counting::Estimated, is_context_known: false };
    assert_eq!((info.server, info.train_context_tokens), (Some(unknown), UNKNOWN_CONTEXT_TOKENS));
    let events = engine.ask(prompt(&"wait ".repeat(20_000)), Limits::default());
    let expected = "[Hm.] A clergyman. · the server read 4,096 of about 20,008 tokens: it has cut the prompt, and the answer is about a \
                    part of it; give the server a larger context · EndOfGeneration";
    assert_eq!(told(&events), expected);
}

#[test]
fn several_models_are_listed_where_none_is_named() {
    let server = StandIn::start(stand_in::ollama);
    let failure = Connected::to(&server.url, |_| {}).1.expect_err("which?");
    assert_eq!(failure.message, "the server has 2 models: qwen3:8b, llama3.2:latest");
    assert_eq!(failure.kind, FailureKind::Usage);
}

#[test]
fn open_router_s_comments_are_no_data_and_its_provider_s_failure_keeps_what_was_written() {
    let server = StandIn::start(stand_in::open_router);
    let (mut engine, info) = Connected::to(&format!("{}/v1", server.url), |_| {});
    assert_eq!(info.expect("one model").train_context_tokens, 40_960);
    assert_eq!(told(&engine.ask(book(), Limits::default())), "[Hm.] A clergyman. · EndOfGeneration");
    let broken = told(&engine.ask(prompt("Fail"), Limits::default()));
    assert_eq!(broken, "[Hm.] A clergy · the server failed while it answered: Provider disconnected");
}

#[test]
fn cancelling_closes_the_connection_and_keeps_what_was_written() {
    let server = serving(|_| Reply::events([says(&["A clergy"]), vec![Part::UntilGone]].concat()));
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let asked = question(Limits::default());
    let cancel = asked.cancel.clone();
    engine.engine.commands.send(Command::Ask(asked)).expect("the engine lives");
    while !matches!(engine.next(), Event::Piece { .. }) {}
    cancel.cancel();
    assert_eq!(told(&engine.rest_of_job()), "[]  · Cancelled");
    server.wait_until_gone();
    // And the next question is answered.
    assert!(matches!(
        engine.run(|job| Command::Count { job, texts: vec!["one".into()] }).last(),
        Some(Event::Counted { .. })
    ));
}

#[test]
fn a_time_limit_and_a_stop_string_close_it_too() {
    let server = serving(|_| Reply::events([says(&["It is END", " of it"]), vec![Part::UntilGone]].concat()));
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let limits = Limits { time: Some(Duration::from_millis(200)), ..Limits::default() };
    assert_eq!(told(&engine.ask(book(), limits)), "[] It is END of it · TimeLimit");
    let limits = Limits { stop: vec!["END".to_owned()], ..Limits::default() };
    assert_eq!(told(&engine.ask(book(), limits)), "[] It is  · StopString");
}

#[test]
fn a_stream_that_breaks_keeps_what_was_written_and_is_not_asked_again() {
    let server = serving(|_| Reply::events([says(&["It is"]), vec![Part::Broken]].concat()));
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let broken = told(&engine.ask(book(), Limits::default()));
    assert!(broken.starts_with("[] It is · the connection broke in the middle of the answer: "), "{broken}");
    assert_eq!(server.asked("/v1/chat/completions").len(), 1);
}

#[test]
fn a_server_that_is_busy_is_asked_again_before_the_first_token() {
    let server = serving({
        let times = std::sync::atomic::AtomicU32::new(0);
        move |_| match times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Reply::json(429, &json!({ "error": { "message": "slow down" } })).with_header("Retry-After: 0"),
            _ => Reply::events([says(&["Yes."]), vec![finish("stop"), done()]].concat()),
        }
    });
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let expected = "[] Yes. · the server refuses: slow down (429); trying again in 1 s · EndOfGeneration";
    assert_eq!(told(&engine.ask(book(), Limits::default())), expected);
}

#[test]
fn a_field_that_is_refused_is_left_out_once_and_for_all() {
    let server = serving(|asked| match asked.body.get("temperature") {
        Some(_) => Reply::json(
            400,
            &json!({ "error": { "message": "Unsupported value: 'temperature' does not support 0", "param": "temperature" } }),
        ),
        None => Reply::events([says(&["Yes."]), vec![finish("stop"), done()]].concat()),
    });
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let first = told(&engine.ask(book(), Limits::default()));
    assert_eq!(first, "[] Yes. · the server does not take temperature: it uses its own value · EndOfGeneration");
    assert_eq!(told(&engine.ask(book(), Limits::default())), "[] Yes. · EndOfGeneration");
    assert_eq!(server.asked("/v1/chat/completions").len(), 3);
}

#[test]
fn what_a_server_refuses_is_told_in_its_words() {
    let replies: [(Reply, &str); 3] = [
        (
            Reply::json(401, &json!({ "error": { "message": "wrong key" } })),
            "wants a key, and the one that it got is missing or wrong",
        ),
        (
            Reply::text(404, "text/html", "<html><title>Nothing here</title></html>"),
            "it answers GET /lunette with 404, and GET /v1/models with 404 (Nothing here)",
        ),
        (
            Reply::text(200, "text/html", "<html>Welcome</html>"),
            "it answers GET /lunette with something else than a greeting, and GET /v1/models with something that is not JSON: \"<html>Welcome</html>\"",
        ),
    ];
    for (reply, expected) in replies {
        let server = StandIn::start(move |_| reply.clone());
        let failure = Connected::to(&server.url, |_| {}).1.expect_err("it can't answer");
        assert!(failure.message.contains(expected), "{failure:?}");
        assert!(failure.hint.is_some(), "{failure:?}");
    }
}

#[test]
fn what_is_too_long_is_not_sent() {
    let server = StandIn::start(stand_in::vllm);
    let (mut engine, _) = Connected::to(&server.url, |server| server.context_tokens = Some(2_000));
    let events = engine.ask(book(), Limits::default());
    let expected = "[]  · the prompt has 2,508 tokens, but the server's context holds 2,000, including the answer";
    assert_eq!(told(&events), expected);
    assert!(matches!(events.last(), Some(Event::Failed { failure, .. }) if failure.kind == FailureKind::DoesNotFit));
    assert!(server.asked("/v1/chat/completions").is_empty());
}

#[test]
fn an_estimate_refuses_only_what_surely_is_too_long() {
    let server = serving(|_| Reply::events([says(&["Yes."]), vec![finish("stop"), done()]].concat()));
    let (mut engine, _) = Connected::to(&server.url, |server| server.context_tokens = Some(1_500));
    assert_eq!(told(&engine.ask(book(), Limits::default())), "[] Yes. · EndOfGeneration");
    let refused = told(&engine.ask(prompt(&"wait ".repeat(4_000)), Limits::default()));
    assert!(refused.contains("the prompt has about 4,008 tokens"), "{refused}");
}

#[test]
fn what_a_server_cannot_be_asked_is_refused_in_a_sentence() {
    let server = StandIn::start(stand_in::vllm);
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let weigh =
        |job| Command::Weigh { question: Question { job, ..question(Limits::default()) }, answer: "Yes".into() };
    let events = engine.run(weigh);
    assert_eq!(told(&events), "[]  · an OpenAI-compatible server can't be asked how probable an answer is");
}

#[test]
fn what_is_ignored_is_told_once() {
    let server = StandIn::start(stand_in::vllm);
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let limits = || Limits { reasoning_tokens: Some(10), ..Limits::default() };
    let note = "the reasoning budget is not held: the server can't be told one";
    assert!(told(&engine.ask(book(), limits())).contains(note));
    assert!(!told(&engine.ask(book(), limits())).contains(note));
}

#[test]
fn the_user_s_own_fields_are_in_every_request() {
    let server = StandIn::start(stand_in::vllm);
    let added = json!({ "sliding_window_size": 2_048, "keep_first": 100 });
    let Value::Object(added) = added else { unreachable!("it is written above") };
    let (mut engine, _) = Connected::to(&server.url, |server| server.body = added);
    engine.ask(book(), Limits::default());
    let asked = &server.asked("/v1/chat/completions")[0].body;
    assert_eq!((&asked["sliding_window_size"], &asked["keep_first"]), (&json!(2_048), &json!(100)));
}

#[test]
fn a_tokeniser_that_is_missing_is_told_before_anything_is_asked() {
    let server = StandIn::start(stand_in::vllm);
    let (_, info) = Connected::to(&server.url, |server| server.tokenizer = Some(PathBuf::from("nowhere.gguf")));
    let failure = info.expect_err("it is missing");
    assert!(failure.message.starts_with("--tokenizer: ") && failure.message.contains("nowhere.gguf"), "{failure:?}");
}

#[test]
fn a_key_is_sent_with_every_request_and_is_in_no_error() {
    let server = StandIn::start(|asked| match asked.path.as_str() {
        "/v1/models" => stand_in::vllm(asked),
        _ => Reply::json(401, &json!({ "error": { "message": "Invalid API key: sk-secret" } })),
    });
    let (mut engine, _) = Connected::to(&server.url, |server| server.key = Some(ApiKey("sk-secret".to_owned())));
    let refused = told(&engine.ask(book(), Limits::default()));
    assert_eq!(refused, "[]  · the server refuses: Invalid API key: … (401)");
    for path in ["/lunette", "/v1/models", "/tokenize", "/v1/chat/completions"] {
        let asked = server.asked(path);
        assert!(
            !asked.is_empty()
                && asked.iter().all(|asked| asked.head.contains(&"authorization: Bearer sk-secret".to_owned())),
            "{path}"
        );
    }
}

#[test]
fn a_server_that_is_loading_its_model_is_waited_for() {
    let times = std::sync::atomic::AtomicU32::new(0);
    let loading = json!({ "error": { "code": 503, "message": "Loading model", "type": "unavailable_error" } });
    let server = StandIn::start(move |asked| match times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0..6 => Reply::json(503, &loading),
        _ => stand_in::llama_server(asked),
    });
    let (_, info) = Connected::to(&server.url, |_| {});
    assert_eq!(info.expect("it is there in the end").name, "qwen.gguf");
}

#[test]
fn a_tokeniser_that_stops_counting_makes_estimates_that_are_called_so() {
    let server = StandIn::start(|asked| match asked.path.as_str() {
        "/tokenize" if asked.body.to_string().len() > 1_000 => {
            Reply::json(400, &json!({ "error": { "message": "too much for me" } }))
        }
        _ => stand_in::vllm(asked),
    });
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let events = engine.ask(book(), Limits::default());
    let note = "token counts are estimates from here on: the server counts tokens no more: the server refuses: too much for me (400)";
    assert!(told(&events).contains(note), "{events:?}");
}

#[test]
fn stopping_while_the_document_is_counted_leaves_nothing_behind() {
    let server = StandIn::start(|asked| match asked.path.as_str() {
        "/tokenize" if asked.body.to_string().len() > 1_000 => Reply::events(vec![Part::UntilGone]),
        _ => stand_in::vllm(asked),
    });
    let (mut engine, _) = Connected::to(&server.url, |_| {});
    let cancel = CancelToken::default();
    let (job, stop) = (JobId(1), cancel.clone());
    let prefill = Command::Prefill { job, prompt: book(), recipe: RecipeSpec::FULL, cancel };
    engine.engine.commands.send(prefill).expect("the engine lives");
    while server.asked("/tokenize").len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    stop.cancel();
    let events = engine.rest_of_job();
    assert!(matches!(events.last(), Some(Event::Prefilled { stopped: true, .. })), "{events:?}");
    server.wait_until_gone();
}

#[test]
fn a_server_that_wants_a_key_for_paths_that_it_does_not_have_is_used_where_the_key_is_right() {
    let server = StandIn::start(|asked| match asked.path.as_str() {
        "/lunette" => Reply::json(401, &json!({ "error": { "message": "no such route for you" } })),
        _ => stand_in::vllm(asked),
    });
    let (_, info) = Connected::to(&server.url, |_| {});
    assert_eq!(info.expect("it has models").name, "Qwen/Qwen3-8B");
}

/// A counter of `server`, changed by `change`.
fn counter(server: &StandIn, change: impl FnOnce(&mut UsedServer)) -> Result<Counter, Failure> {
    let mut used = UsedServer::at(ServerUrl::read(&server.url).expect("an address"));
    change(&mut used);
    Counter::connect(&used)
}

#[test]
fn parts_are_counted_so_that_they_add_up() {
    let server = StandIn::start(stand_in::vllm);
    let counter = counter(&server, |_| {}).expect("it is there");
    let text = "wait for it, it takes a while.\n".repeat(40);
    let span = |start, end| ByteSpan { start, end };
    let counts = counter.count_spans(&text, &[span(0, 310), span(310, 620), span(0, 620), span(0, text.len())]);
    assert_eq!((counts[0] + counts[1], counter.failure()), (counts[2], None));
    assert!(counts[3] > counts[2], "{counts:?}");
}

#[test]
fn a_plan_is_not_made_from_counts_that_failed() {
    let server = StandIn::start(|asked| match asked.path.as_str() {
        "/tokenize" if asked.body.to_string().len() > 1_000 => {
            Reply::json(500, &json!({ "error": { "message": "out of memory" } }))
        }
        _ => stand_in::vllm(asked),
    });
    let counter = counter(&server, |_| {}).expect("it is there");
    assert_eq!(counter.count(&"wait ".repeat(500)), 0);
    let failure = counter.failure().expect("it failed");
    assert!(failure.message.ends_with("out of memory (500)"), "{failure:?}");
}

#[test]
fn a_server_that_is_not_there_is_told_with_its_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let failure = Connected::to(&url, |_| {}).1.expect_err("nothing listens");
    assert!(failure.message.starts_with("cannot reach 127.0.0.1:"), "{failure:?}");
}
