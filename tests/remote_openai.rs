//! `lunette --server` on the real binary, where the server is somebody else's: stand-ins that replay what vLLM, llama-server and others are
//! documented to send, and Lunette's own server, taken for any.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod proxy;
    pub(crate) mod pty;
    pub(crate) mod scripted_model;
    pub(crate) mod serving;
    pub(crate) mod stand_in;
}

use std::time::Duration;

use serde_json::{Value, json};
use support::binary::{Home, Ran, sentence};
use support::proxy::Proxy;
use support::pty::Terminal;
use support::serving::{BOOK, Serving};
use support::stand_in::{self, Part, Reply, StandIn, delta, done, event, finish};

/// Longer than any of these takes on busy cores.
const PATIENCE: Duration = Duration::from_mins(2);

/// The home of a client, which has the book and no model.
fn client() -> Home {
    let home = Home::new();
    home.file("book.txt", &BOOK.repeat(100));
    home
}

fn ask(home: &Home, server: &str, more: &[&str]) -> Ran {
    home.run(&[&["--server", server, "--json"], more, &["-p", "Who is he?", "book.txt"]].concat())
}

fn object(ran: &Ran) -> Value {
    serde_json::from_str(ran.out.lines().next().unwrap_or_default()).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// One model of an unknown server, without anything but answers.
fn serving(reply: impl Fn() -> Reply + Send + Sync + 'static) -> StandIn {
    StandIn::start(move |asked| match asked.path.as_str() {
        "/v1/models" => {
            Reply::json(200, &json!({ "object": "list", "data": [{ "id": "some-model", "object": "model" }] }))
        }
        "/v1/chat/completions" => reply(),
        _ => Reply::text(404, "text/plain", "404 page not found"),
    })
}

fn says(text: &str) -> Reply {
    Reply::events(vec![delta(&json!({ "content": text })), finish("stop"), done()])
}

#[test]
fn a_script_has_vllm_s_answer_reasoning_and_counts_and_nothing_that_it_did_not_say() {
    let server = StandIn::start(stand_in::vllm);
    let home = client();
    let ran = ask(&home, &format!("{}/v1", server.url), &["--stats"]);
    let answer = object(&ran);
    assert_eq!((&answer["answer"], &answer["reasoning"]), (&json!("A clergyman."), &json!("Let me look.")), "{ran:?}");
    assert_eq!((&answer["model"], &answer["preset"]), (&json!("Qwen/Qwen3-8B"), &json!("full")));
    let tokens = &answer["tokens"];
    assert_eq!(
        (&tokens["prompt"], &tokens["cached"], &tokens["prefilled"], &tokens["generated"]),
        (&json!(2510), &json!(2496), &json!(14), &json!(12))
    );
    // It said nothing of these.
    assert_eq!(
        (&tokens["reasoning"], &answer["memory"], &answer["threads"], &answer["timings"]["prefill_s"]),
        (&Value::Null, &Value::Null, &Value::Null, &Value::Null),
        "{answer}"
    );
    assert!(ran.err.contains("Qwen/Qwen3-8B on vLLM at 127.0.0.1:"), "{ran:?}");
    assert!(ran.err.contains("prefill  the server does not say"), "{ran:?}");
    let sent = &server.asked("/v1/chat/completions")[0].body;
    let content = sent["messages"][1]["content"].as_str().expect("a text");
    assert!(content.contains("universally acknowledged") && content.ends_with("Who is he?"), "{content}");
}

#[test]
fn a_server_without_a_tokeniser_and_without_usage_leaves_counts_unknown() {
    let server = serving(|| says("A clergyman."));
    let ran = ask(&client(), &server.url, &["--stats"]);
    let answer = object(&ran);
    assert_eq!(answer["answer"], "A clergyman.", "{ran:?}");
    for count in ["document", "prompt", "cached", "prefilled", "generated", "reasoning"] {
        assert_eq!(answer["tokens"][count], Value::Null, "{count} of {answer}");
    }
    assert!(ran.err.contains("token counts are estimates"), "{ran:?}");
    assert!(ran.err.contains("tokens   document about "), "{ran:?}");
    assert!(ran.err.contains("generated: the server does not say"), "{ran:?}");
}

#[test]
fn plain_lines_stream_llama_server_s_answer_and_name_the_server() {
    let server = StandIn::start(stand_in::llama_server);
    let home = client();
    let ran = home.run_on(&["--server", &server.url, "--plain", "book.txt"], "Who is he?\nAnd she?\n/quit\n");
    assert_eq!((ran.code, ran.out.matches("A clergyman.").count()), (0, 2), "{ran:?}");
    assert!(ran.out.contains("goes to the server with each question"), "{ran:?}");
    let asked = server.asked("/v1/chat/completions");
    let roles = |at: usize| -> Vec<&str> {
        let messages = asked[at].body["messages"].as_array().expect("messages");
        messages.iter().filter_map(|message| message["role"].as_str()).collect()
    };
    assert_eq!((roles(0), roles(1)), (vec!["system", "user"], vec!["system", "user", "assistant", "user"]));
}

#[test]
fn presets_that_are_the_server_s_to_decide_are_refused_with_the_reason() {
    let server = StandIn::start(stand_in::vllm);
    let ran = ask(&client(), &server.url, &["--preset", "quick"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!((ran.out + &ran.err).contains("decides about attention itself"));
    assert!(server.asked("/v1/chat/completions").is_empty());
}

#[test]
fn what_needs_an_engine_of_ours_is_refused_with_a_sentence() {
    let server = StandIn::start(stand_in::vllm);
    let home = client();
    let record = json!({ "id": "a", "task": "other", "document": "book.txt", "question": "Is it?", "answers": ["yes"],
        "metric": "pattern" });
    home.file("records.jsonl", &record.to_string());
    for line in [&["read", "book.txt"][..], &["probe", "book.txt"], &["eval", "records.jsonl"]] {
        let ran = home.run(&[line, &["--server", &server.url]].concat());
        assert!(ran.code != 0 && sentence(&ran.err).contains("OpenAI-compatible"), "{line:?}: {ran:?}");
    }
}

#[test]
fn a_plan_is_made_with_the_server_s_counts_and_context() {
    let server = StandIn::start(stand_in::vllm);
    let home = client();
    let plan = object(&home.run(&["fit", "--server", &server.url, "--json", "book.txt"]));
    assert_eq!(
        (&plan["fits"], &plan["limit_tokens"], &plan["estimated"]),
        (&json!(true), &json!(32_768), &json!(false)),
        "{plan}"
    );
    for unknown in ["kv_bytes", "model_bytes", "predicted_s", "free_bytes"] {
        assert_eq!(plan[unknown], Value::Null, "{unknown} of {plan}");
    }
    let short = home.run(&["fit", "--server", &server.url, "--json", "-c", "1000", "book.txt"]);
    assert_eq!((short.code, &object(&short)["fits"]), (4, &json!(false)), "{short:?}");
    let presets = home.run(&["presets", "--server", &server.url]);
    assert!(presets.out.contains("Qwen/Qwen3-8B on vLLM at") && !presets.out.contains("0 layers"), "{presets:?}");
    let refused = ask(&home, &server.url, &["-c", "1000"]);
    assert!(refused.code == 4 && refused.out.contains("the server's context holds 1,000"), "{refused:?}");
    assert!(server.asked("/v1/chat/completions").is_empty(), "nothing was cut to fit");
    let words = home.run(&["fit", "--server", &server.url, "book.txt"]);
    assert!(words.out.contains("it fits") && words.out.contains("the server decides"), "{words:?}");
}

#[test]
fn estimates_are_called_so_in_plans_and_counts() {
    let server = serving(|| says("Yes."));
    let home = client();
    let plan = home.run(&["fit", "--server", &server.url, "book.txt"]);
    assert!(plan.code == 0 && plan.out.contains("tokens   about "), "{plan:?}");
    let json = object(&home.run(&["fit", "--server", &server.url, "--json", "book.txt"]));
    assert_eq!((&json["estimated"], &json["limit_tokens"]), (&json!(true), &Value::Null), "{json}");
    let inspected = home.run(&["inspect", "--server", &server.url, "book.txt"]);
    assert!(inspected.out.contains("estimated, because the server of some-model counts none"), "{inspected:?}");
}

#[test]
fn a_file_with_the_model_s_tokeniser_counts_exactly() {
    let server = serving(|| says("Yes."));
    let home = client();
    support::scripted_model::write(&home.path("same.gguf"), "Yes.", support::scripted_model::CHATML);
    let here = object(&home.run(&["inspect", "-m", "same.gguf", "--json", "book.txt"]));
    let there =
        object(&home.run(&["inspect", "--server", &server.url, "--tokenizer", "same.gguf", "--json", "book.txt"]));
    assert_eq!(there["tokens"], here["tokens"]);
    assert!(server.asked("/tokenize").is_empty());
    let ran = home.run(&["inspect", "--tokenizer", "same.gguf", "book.txt"]);
    assert!(ran.code == 2 && ran.err.contains("--tokenizer is about a server's engine"), "{ran:?}");
}

#[test]
fn passages_are_picked_with_the_server_s_counts() {
    let server = StandIn::start(stand_in::vllm);
    let home = Home::new();
    let chapters: String = (1..40).map(|n| format!("# Chapter {n}\n\nNothing of interest, {n}.\n\n")).collect();
    home.file("book.md", &(chapters + "# The clergyman\n\nMr. Collins is a clergyman in Kent.\n"));
    let ran = home.run(&["--server", &server.url, "--json", "--pick", "100", "-p", "Who is a clergyman?", "book.md"]);
    let answer = object(&ran);
    assert!(answer["picked"].to_string().contains("The clergyman"), "{ran:?}");
    let sent = server.asked("/v1/chat/completions")[0].body.to_string();
    assert!(sent.contains("Collins") && sent.len() < 2_000, "{sent}");
}

#[test]
fn a_prompt_that_the_server_cut_is_told() {
    let server = StandIn::start(stand_in::ollama);
    let home = Home::new();
    home.file("book.txt", &BOOK.repeat(1_000));
    let ran = ask(&home, &server.url, &["-m", "qwen3"]);
    assert_eq!(object(&ran)["answer"], "A clergyman.");
    assert!(
        ran.err.contains("the server read 4,096 of about ") && ran.err.contains("it has cut the prompt"),
        "{ran:?}"
    );
}

#[test]
fn what_goes_wrong_is_told_in_a_sentence_and_what_was_written_stays() {
    let home = client();
    let ended = |reply: Reply| {
        let server = serving(move || reply.clone());
        let ran = home.run(&["--server", &server.url, "-p", "Who is he?", "book.txt"]);
        assert_ne!(ran.code, 0, "{ran:?}");
        (ran.out, sentence(&ran.err).to_owned())
    };
    let half = delta(&json!({ "content": "A cler" }));
    let (out, told) = ended(Reply::events(vec![half.clone(), Part::Broken]));
    assert!(out.contains("A cler") && told.contains("broke in the middle of the answer"), "{out}: {told}");
    let failed = event(&json!({ "error": { "message": "out of memory", "code": 500 } }));
    let (out, told) = ended(Reply::events(vec![half, failed]));
    assert!(out.contains("A cler") && told.contains("out of memory"), "{out}: {told}");
    let (_, told) = ended(Reply::json(401, &json!({ "error": { "message": "Invalid API key" } })));
    assert!(told.contains("Invalid API key (401)"), "{told}");
    let busy = Reply::json(429, &json!({ "error": { "message": "slow down" } })).with_header("Retry-After: 900");
    let (_, told) = ended(busy);
    assert!(told.contains("slow down (429)"), "{told}");
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    let times = std::sync::atomic::AtomicU32::new(0);
    let server = serving(move || match times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => Reply::json(429, &json!({ "error": { "message": "slow down" } })).with_header("Retry-After: 1"),
        _ => says("Yes."),
    });
    let ran = ask(&client(), &server.url, &[]);
    assert_eq!((ran.code, &object(&ran)["answer"]), (0, &json!("Yes.")), "{ran:?}");
    assert!(ran.err.contains("slow down (429); trying again in 1 s"), "{ran:?}");
}

#[test]
fn a_key_is_sent_and_is_in_nothing_that_is_shown_or_kept() {
    let server = StandIn::start(|asked| {
        let is_known = asked.head.contains(&"authorization: Bearer sk-s3cr3t".to_owned());
        match asked.path.as_str() {
            _ if !is_known => Reply::json(401, &json!({ "error": { "message": "wrong key" } })),
            "/v1/chat/completions" => {
                Reply::json(400, &json!({ "error": { "message": "key sk-s3cr3t has no credit" } }))
            }
            _ => stand_in::vllm(asked),
        }
    });
    let home = client();
    let line = ["--server", &server.url, "--json", "-p", "Who is he?", "book.txt"];
    let without = home.run(&line);
    assert!(without.code == 2 && without.out.contains("wants a key"), "{without:?}");
    let ran = home.run_with(&line, &[("LUNETTE_SERVER_KEY", "sk-s3cr3t"), ("LUNETTE_LOG", "trace")], "");
    assert!(ran.out.contains("key … has no credit"), "{ran:?}");
    for told in [&ran.out, &ran.err, &everything_below(&home)] {
        assert!(!told.contains("s3cr3t"), "the key is kept or shown");
    }
}

/// All files of a home, one behind the other.
fn everything_below(home: &Home) -> String {
    let mut folders = vec![home.path(".")];
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                all += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap_or_default());
            }
        }
    }
    all
}

#[test]
fn what_a_server_says_reaches_no_terminal_control() {
    let server = StandIn::start(|asked| match asked.path.as_str() {
        "/v1/models" => Reply::json(200, &json!({ "data": [{ "id": "bad\u{1b}[2Jmodel" }] })),
        "/v1/chat/completions" => says("red \u{1b}[31malert"),
        _ => Reply::json(404, &json!({ "error": "\u{1b}]0;title\u{7}" })),
    });
    let home = client();
    let ran = home.run(&["--server", &server.url, "--stats", "-p", "Who is he?", "book.txt"]);
    assert!(ran.err.contains("model") && !ran.err.contains('\u{1b}'), "{ran:?}");
    let plain = home.run_on(&["--server", &server.url, "--plain", "book.txt"], "Who is he?\n/quit\n");
    assert!(plain.out.contains("alert") && !plain.out.contains('\u{1b}'), "{plain:?}");
    assert_eq!(server.asked("/v1/chat/completions")[0].body["model"], "bad\u{1b}[2Jmodel", "it is asked by its name");
}

#[test]
fn lunette_s_own_server_answers_as_any_other_does() {
    let served = Home::new();
    let serving = Serving::start(&served, &["--preset", "full", "--no-cache"]);
    let hidden = Proxy::hiding("/lunette", &serving.address);
    let home = client();
    let near = object(&ask(&home, &serving.address, &["--preset", "full"]));
    let far = object(&ask(&home, &hidden.address, &[]));
    assert_eq!((&far["answer"], &far["finish"]), (&near["answer"], &near["finish"]), "{far}");
    assert_eq!((&near["answer"], &far["devices"]), (&json!("Yes, it."), &json!(["Lunette"])));
    // What the server counted: it says how much of the prompt was cached.
    assert!(far["tokens"]["prompt"].as_u64() > Some(1_000) && far["tokens"]["generated"].as_u64() > Some(0), "{far}");
    let second = object(&ask(&home, &hidden.address, &[]));
    assert!(second["tokens"]["cached"].as_u64() > Some(1_000), "{second}");
    let here = object(&home.run(&["inspect", "--server", &serving.address, "--json", "book.txt"]));
    let there = object(&home.run(&["inspect", "--server", &hidden.address, "--json", "book.txt"]));
    assert_eq!(there["tokens"], here["tokens"], "both count with its vocabulary");
    serving.stop();
}

#[test]
fn the_screen_streams_folds_reasoning_and_says_what_is_not_available() {
    let server = StandIn::start(stand_in::vllm);
    let book = BOOK.repeat(100);
    let mut terminal = Terminal::open(120, 30, &[("book.txt", &book)], &["--server", &server.url, "book.txt"]);
    terminal.wait_for("goes to the server with each question", PATIENCE);
    terminal.press("Who is he?\r");
    terminal.wait_for("A clergyman.", PATIENCE);
    terminal.wait_for("vLLM at 127.0.0.1:", PATIENCE);
    assert!(!terminal.shows("Let me look."), "reasoning is folded: {}", terminal.screen());
    for unknown in ["KV", "RSS"] {
        assert!(!terminal.shows(unknown), "{unknown}: {}", terminal.screen());
    }
    assert!(!terminal.shows("0 tokens"), "it did not say how long it thought: {}", terminal.screen());
    terminal.press("\t5");
    terminal.wait_for("decides about attention itself", PATIENCE);
    // The picker has the reason beside each preset that is not available.
    terminal.press("i\x1bp\x1b[B\x1b[B");
    terminal.wait_for("not here", PATIENCE);
    terminal.press("\x1b");
    terminal.wait_until("screen without the picker", PATIENCE, |it| !it.shows("not here"));
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(PATIENCE), 0, "{}", terminal.screen());
}

#[test]
fn escape_closes_the_connection_and_keeps_what_was_written() {
    let server = serving(|| Reply::events(vec![delta(&json!({ "content": "A clergy" })), Part::UntilGone]));
    let book = BOOK.repeat(100);
    let mut terminal = Terminal::open(120, 30, &[("book.txt", &book)], &["--server", &server.url, "book.txt"]);
    terminal.wait_for("goes to the server with each question", PATIENCE);
    terminal.press("Who is he?\r");
    terminal.wait_for("A clergy", PATIENCE);
    terminal.press("\x1b");
    server.wait_until_gone();
    assert!(terminal.shows("A clergy"), "{}", terminal.screen());
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(PATIENCE), 0, "{}", terminal.screen());
}
