//! Tests a server over real sockets, with an engine that follows a script.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::fixtures::{Client, Clock, Reply, Running, chat, head};
use crate::engine::message::{Channel, Finish, ModelInfo};
use crate::exit::Exit;
use crate::failure::FailureKind;
use crate::session::Signal;
use crate::session::scripted_engine::{self, Script, ScriptedEngine, says};

const QUOTE: &str = "It says \"It is a truth universally acknowledged\".";

#[test]
fn a_question_gets_an_answer_with_its_figures_and_its_quotes_looked_up() {
    let running = Running::start(&[], says(QUOTE));
    let answer = running.chat(&json!({}));
    assert_eq!(answer.status, 200, "{answer:?}");
    let object = answer.json();
    assert_eq!((&object["object"], &object["model"]), (&json!("chat.completion"), &json!("toy")));
    assert_eq!(object["choices"][0]["message"], json!({ "role": "assistant", "content": QUOTE }));
    assert_eq!(object["choices"][0]["finish_reason"], "stop");
    let ours = &object["lunette"];
    assert_eq!(
        (&ours["preset"], &ours["finish"], &ours["documents"]),
        (&json!("full"), &json!("end"), &json!(["book"]))
    );
    assert_eq!((&ours["citations"][0]["verdict"], &ours["citations"][0]["line"]), (&json!("verified"), &json!(3)));
    let logged = running.event("request");
    assert_eq!(
        (&logged["status"], &logged["preset"], &logged["path"]),
        (&json!(200), &json!("full"), &json!("/v1/chat/completions"))
    );
    assert!(!logged.to_string().contains("Who is it"), "questions are not logged");
    assert_eq!(running.stop(), Exit::Ok);
}

#[test]
fn the_document_is_read_once_and_each_question_reads_its_own_tokens() {
    let running = Running::start(&[], says("He."));
    let counts: Vec<[u64; 2]> = (0..3)
        .map(|_| {
            let usage = &running.chat(&json!({})).json()["usage"];
            let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().expect("a count");
            [usage["prompt_tokens"].as_u64().expect("a count") - cached, cached]
        })
        .collect();
    assert!(counts[0][1] > 20 && counts[0][0] < counts[0][1], "the book was read before: {counts:?}");
    let metrics = running.get("/metrics").body;
    assert!(
        metrics.contains("lunette_answers_total 3") && metrics.contains("lunette_requests_total{status=\"200\"} 3"),
        "{metrics}"
    );
}

#[test]
fn an_answer_is_streamed_as_openai_streams_it() {
    let script = Script::Says(
        vec![(Channel::Reasoning, "Hm."), (Channel::Answer, "It is "), (Channel::Answer, "red.")],
        Finish::StopString,
    );
    let running = Running::start(&[], script);
    let reply =
        running.chat(&json!({ "stream": true, "stream_options": { "include_usage": true }, "return_progress": true }));
    assert!(reply.status == 200 && reply.headers.contains("content-type: text/event-stream"), "{reply:?}");
    let unchunked: String = reply.body.split("\r\n").filter(|line| u32::from_str_radix(line, 16).is_err()).collect();
    let events = Reply { body: unchunked, ..reply }.events();
    let deltas: Vec<&Value> =
        events.iter().map(|event| &event["choices"][0]["delta"]).filter(|delta| delta.is_object()).collect();
    let expected = [
        json!({ "role": "assistant", "content": "" }),
        json!({}),
        json!({}),
        json!({ "reasoning_content": "Hm." }),
        json!({ "content": "It is " }),
        json!({ "content": "red." }),
        json!({}),
    ];
    assert_eq!(deltas, expected.iter().collect::<Vec<_>>());
    let told = events.iter().map(|event| &event["prompt_progress"]).filter(|told| told.is_object());
    let told: Vec<[&Value; 3]> = told.map(|told| ["total", "cache", "processed"].map(|name| &told[name])).collect();
    assert!(
        told.len() == 2 && told[0][1] == told[0][2] && told[1][0] == told[1][2],
        "from what is cached to all: {told:?}"
    );
    let last = &events[events.len() - 2];
    assert_eq!(
        (&last["choices"][0]["finish_reason"], &last["lunette"]["finish"]),
        (&json!("stop"), &json!("stop_string"))
    );
    assert!(
        events.last().is_some_and(|usage| usage["choices"] == json!([]) && usage["usage"]["total_tokens"].is_u64())
    );
}

#[test]
fn a_bare_text_is_continued() {
    let running = Running::start(&[], says(" upon a time"));
    let object = running.post("/v1/completions", &json!({ "prompt": "Once" })).json();
    assert_eq!((&object["object"], &object["choices"][0]["text"]), (&json!("text_completion"), &json!(" upon a time")));
    assert_eq!((&object["lunette"]["documents"], &object["usage"]["prompt_tokens"]), (&json!([]), &json!(1)));
}

fn own_form(more: &Value) -> Value {
    let mut body = json!({ "prompt": "Once" });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

#[test]
fn llama_server_s_own_form_is_answered_whole() {
    let running = Running::start(&["--seed", "42", "-n", "64"], says(" upon\na time"));
    let object = running.post("/completion", &own_form(&json!({ "n_predict": 8, "n_probs": 1 }))).json();
    let told = ["content", "stop", "stop_type", "stopping_word", "prompt", "tokens", "tokens_evaluated", "model"];
    let expected = json!([" upon\na time", true, "eos", "", "Once", [], 1, "toy"]).as_array().expect("a list").clone();
    assert_eq!(told.map(|name| object[name].clone()).to_vec(), expected);
    let settings = &object["generation_settings"];
    assert_eq!((&settings["n_predict"], &settings["seed"]), (&json!(8), &json!(42)));
    assert_eq!((&object["completion_probabilities"][0]["logprob"], &object["tokens"]), (&json!(0.0), &json!([])));
    let object = running.post("/completion", &own_form(&json!({ "return_tokens": true }))).json();
    assert_eq!((&object["completion_probabilities"], &object["tokens"]), (&Value::Null, &json!([7])));
    assert!(object["timings"]["predicted_n"].is_u64() && object["lunette"]["preset"] == "full", "{object}");
    let wanted = json!({ "response_fields": ["content", "generation_settings/n_predict"] });
    let chosen = running.post("/completion", &own_form(&wanted)).json();
    assert_eq!(chosen, json!({ "content": " upon\na time", "generation_settings/n_predict": 64 }));
    let refused = running.post("/completion", &json!({ "prompt": [1, 2] })).told();
    assert!(refused.0 == 400 && refused.1.starts_with("prompt is one text; token ids"), "{refused:?}");
}

#[test]
fn llama_server_s_own_form_is_streamed_and_its_last_object_closes_it() {
    let script = Script::Says(vec![(Channel::Answer, " upon"), (Channel::Answer, " a time")], Finish::StopString);
    let running = Running::start(&[], script);
    let asked =
        json!({ "stream": true, "stop": "!", "return_progress": true, "stream_options": { "include_usage": true } });
    let reply = running.post("/completion", &own_form(&asked));
    assert!(reply.headers.contains("content-type: text/event-stream"), "{reply:?}");
    let unchunked: String = reply.body.split("\r\n").filter(|line| u32::from_str_radix(line, 16).is_err()).collect();
    let events: Vec<Value> = unchunked
        .split("data: ")
        .skip(1)
        .map(|event| serde_json::from_str(event.trim()).unwrap_or_else(|_| panic!("{event}")))
        .collect();
    let (last, pieces) = events.split_last().expect("events");
    let texts: String = pieces.iter().filter_map(|piece| piece["content"].as_str()).collect();
    assert_eq!(texts, " upon a time");
    assert!(pieces.iter().all(|piece| piece["stop"] == false), "{pieces:?}");
    assert!(pieces[0]["prompt_progress"]["total"].is_u64(), "{pieces:?}");
    let ids: Vec<&Value> = pieces.iter().filter(|piece| piece["content"] != "").map(|piece| &piece["tokens"]).collect();
    assert_eq!(ids, [&json!([7]), &json!([7])]);
    let told = ["stop", "content", "stop_type", "stopping_word"].map(|name| last[name].clone());
    assert_eq!(told, [json!(true), json!(""), json!("word"), json!("!")]);
    assert!(last["timings"].is_object() && last["generation_settings"]["stream"] == true, "{last}");
}

#[test]
fn messages_are_laid_out_as_they_would_be_asked() {
    let running = Running::start(&[], says("He."));
    let laid_out = |more: Value| running.post("/apply-template", &chat(&more)).json()["prompt"].clone();
    let bare = laid_out(json!({ "documents": [] }));
    assert_eq!(bare, "<|im_start|>user\nWho is it?<|im_end|>\n<|im_start|>assistant\n");
    assert!(laid_out(json!({})).as_str().is_some_and(|prompt| prompt.contains("universally acknowledged")));
    let refused = running.post("/apply-template", &chat(&json!({ "add_generation_prompt": false }))).told();
    assert!(refused.0 == 400 && refused.1.starts_with("add_generation_prompt is not offered"), "{refused:?}");
}

#[test]
fn what_the_server_runs_with_and_whether_it_is_busy_is_told() {
    let running = Running::start(&["--temp", "0.8", "-n", "64", "--parallel", "1"], Script::UntilCancelled("It is"));
    let props = running.get("/props").json();
    let settings = &props["default_generation_settings"];
    assert_eq!((&props["total_slots"], &props["model_path"]), (&json!(1), &json!("toy.gguf")));
    assert_eq!((&settings["params"]["temperature"], &settings["params"]["n_predict"]), (&json!(0.8), &json!(64)));
    let is_busy = || running.get("/slots").json()[0]["is_processing"] == true;
    assert!(settings["n_ctx"].as_u64().is_some_and(|tokens| tokens > 0) && !is_busy(), "{props}");
    let answer = running.streaming();
    assert!(is_busy());
    drop(answer);
    while is_busy() {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_the_server_has_is_listed() {
    let running = Running::start(&["--preset", "full"], says("He."));
    assert_eq!((running.get("/health").status, running.get("/health").json()), (200, json!({ "status": "ok" })));
    let model = running.get("/v1/models").json()["data"][0].clone();
    assert_eq!(
        (&model["id"], &model["lunette"]["documents"], &model["lunette"]["preset"]),
        (&json!("toy"), &json!(["book"]), &json!("full"))
    );
    assert!(model["lunette"]["presets"].as_array().is_some_and(|presets| presets.len() > 5));
}

#[test]
fn what_fails_in_the_engine_has_its_status_also_where_it_would_be_streamed() {
    let running = Running::start(&[], Script::Fails(FailureKind::DoesNotFit, "the prompt has 9 tokens too many"));
    for more in [json!({}), json!({ "stream": true })] {
        let reply = running.chat(&more);
        // The scripted engine plans before it fails, as a real one does only where a conversation wants to know by how much.
        if more["stream"] == true {
            assert!(reply.body.contains("context_length_exceeded"), "{reply:?}");
        } else {
            assert_eq!(reply.told(), (400, "the prompt has 9 tokens too many".to_owned()));
            assert_eq!(
                (&reply.json()["error"]["code"], &reply.json()["error"]["hint"]),
                (&json!("context_length_exceeded"), &json!("take less"))
            );
        }
    }
}

#[test]
fn a_preset_that_this_model_does_not_support_is_refused_by_name() {
    let refusing =
        ModelInfo { sliding_refused: Some("it has windows of its own".to_owned()), ..scripted_engine::model() };
    let running = Running::with(&["--preset", "full"], ScriptedEngine::with_model(refusing, says("He.")), Clock::Real);
    let told = running.chat(&json!({ "preset": "quick" })).told();
    assert_eq!(told, (400, "preset quick is not available for this model: it has windows of its own".to_owned()));
    assert_eq!(running.chat(&json!({})).status, 200);
}

#[test]
fn a_client_that_goes_away_stops_its_answer() {
    let running = Running::start(&[], Script::UntilCancelled("It is"));
    for _ in 0..3 {
        // Each would wait for the one before it for ever.
        drop(running.streaming());
        assert_eq!(running.event("request")["status"], 499);
    }
    let mut whole = running.connect();
    let request = head("POST", "/v1/chat/completions", "", &chat(&json!({})).to_string());
    whole.write_all(request.as_bytes()).expect("it is sent");
    drop(whole);
    assert_eq!(running.event("request")["status"], 499, "also before anything was sent");
    drop(running.streaming());
}

#[test]
fn a_full_queue_sends_away_and_says_when_to_come_back() {
    let running = Running::start(&["--max-queue", "1"], Script::UntilCancelled("It is"));
    let first = running.streaming();
    let mut second = running.connect();
    let request = head("POST", "/v1/chat/completions", "", &chat(&json!({})).to_string());
    second.write_all(request.as_bytes()).expect("it is sent");
    while !running.get("/metrics").body.contains("lunette_waiting 1") {
        thread::sleep(Duration::from_millis(5));
    }
    let third = running.chat(&json!({}));
    assert_eq!(third.told(), (429, "1 request waits already, and no more may".to_owned()));
    assert!(third.headers.contains("retry-after: 20"), "{}", third.headers);
    drop(second);
    while !running.get("/metrics").body.contains("lunette_waiting 0") {
        thread::sleep(Duration::from_millis(5));
    }
    drop(first);
    drop(running.streaming());
}

#[test]
fn a_server_with_a_key_answers_nobody_without_it() {
    let running = Running::start(&["--api-key", "secret"], says("He."));
    let with = |headers: &str, path: &str| running.send("GET", path, headers, "").status;
    assert_eq!((with("", "/health"), with("", "/v1/models"), with("", "/metrics")), (200, 401, 401));
    assert_eq!(with("Authorization: Bearer wrong\r\n", "/v1/models"), 401);
    assert_eq!(with("Authorization: Bearer secret\r\n", "/v1/models"), 200);
    assert_eq!(with("", "/nothing"), 401, "not even what is there is told");
    let body = chat(&json!({})).to_string();
    assert_eq!(running.send("POST", "/v1/chat/completions", "", &body).status, 401);
    assert_eq!(running.send("POST", "/v1/chat/completions", "authorization: bearer secret\r\n", &body).status, 200);
}

#[test]
fn what_is_no_request_is_refused_and_stops_nobody() {
    let running = Running::start(&["--max-body", "2kB"], says("He."));
    let status = |request: &[u8]| running.raw(request).status;
    assert_eq!(running.send("GET", "/health", "Host: evil.example\r\n", "").status, 403);
    assert_eq!(running.send("GET", "/health", "Origin: http://evil.example\r\n", "").status, 403);
    assert_eq!(running.send("OPTIONS", "/v1/chat/completions", "Origin: http://evil.example\r\n", "").status, 403);
    assert_eq!((running.get("/").status, running.get("/v1/chat/completions").status), (404, 405));
    let post = |body: &str| running.send("POST", "/v1/chat/completions", "", body);
    for bad in
        ["", "{", "[]", "7", "{\"messages\": [{}]}", "{\"messages\": []}", "\u{0}", "{\"messages\": \"hi\"}", "nul"]
    {
        let reply = post(bad);
        assert!(reply.status == 400 && reply.json()["error"]["type"] == "invalid_request_error", "{bad}: {reply:?}");
    }
    assert_eq!(post(&"x".repeat(3_000)).status, 413);
    let chunked = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let piece = format!("400\r\n{}\r\n", "x".repeat(0x400));
    assert_eq!(status(&[&chunked[..], piece.repeat(3).as_bytes()].concat()), 413);
    assert_eq!(status(&[&chunked[..], b"zz\r\n"].concat()), 400);
    let long = |bytes: &str| {
        format!("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {bytes}\r\n\r\n")
    };
    assert_eq!(status(long("10000000000000000000").as_bytes()), 413, "a body of 10 exabytes");
    for bytes in ["18446744073709551615", "18446744073709551616", "-1", "1, 2"] {
        // Not a length of HTTP: the connection ends, with or without a word.
        assert!(matches!(status(long(bytes).as_bytes()) / 100, 0 | 4), "{bytes}");
    }
    assert_eq!(status(b"\x16\x03\x01\x02\x00\x01\x00"), 400, "TLS");
    assert_eq!(status(b"GET /health HTTP/1.0\r\n\r\n"), 403, "no host");
    assert_eq!(status(format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100_000)).as_bytes()) / 100, 4);
    let many: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    assert_eq!(running.send("GET", "/health", &many, "").status, 431);
    assert_eq!(running.chat(&json!({})).status, 200);
}

#[test]
fn a_client_that_has_nothing_more_to_say_still_gets_its_answer_or_is_let_go() {
    let running = Running::start(&[], says("He."));
    let request = head("POST", "/v1/chat/completions", "", &chat(&json!({})).to_string());
    for part in [&request[..], &request[..request.len() - 9], &request[..20], ""] {
        let mut stream = running.connect();
        stream.write_all(part.as_bytes()).expect("it is sent");
        stream.shutdown(Shutdown::Write).expect("a socket");
        // Whatever comes: it does not hang.
        let _ = Reply::from(&mut stream);
    }
    assert_eq!(running.chat(&json!({})).status, 200);
}

#[test]
fn no_more_connections_than_allowed_are_open_and_the_next_one_is_told_at_once() {
    let running = Running::start(&["--max-connections", "3"], says("He."));
    let mut open: Vec<TcpStream> = (0..3).map(|_| running.connect()).collect();
    while !matches!(running.get("/health").told(), (503, message) if message == "every connection is taken") {
        thread::sleep(Duration::from_millis(5));
    }
    drop(open.pop());
    while running.get("/health").status != 200 {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_takes_for_ever_to_ask_is_let_go() {
    let running = Running::with(&[], ScriptedEngine::start(says("He.")), Clock::Hurried);
    let request = head("POST", "/v1/chat/completions", "", &chat(&json!({})).to_string());
    let reply_to = |part: &str| {
        let mut stream = running.connect();
        stream.write_all(part.as_bytes()).expect("it is sent");
        Reply::from(&mut stream)
    };
    for part in ["", "GET /hea"] {
        assert_eq!(reply_to(part).status, 0, "{part}: there is no request to reply to");
    }
    // The hurried clock can be past the time for a head before the head is there: then there is no request, either.
    let replies = std::iter::repeat_with(|| reply_to(&request[..request.len() - 9])).take(100);
    let reply = replies.into_iter().find(|reply| reply.status != 0).expect("one of a hundred heads is there in time");
    assert_eq!(reply.status, 408, "{reply:?}");
}

#[test]
fn a_server_that_is_stopped_finishes_what_it_has_begun_or_gives_it_up() {
    let running = Running::start(&[], Script::UntilCancelled("It is"));
    let answer = running.streaming();
    let mut waiting = running.connect();
    let request = head("POST", "/v1/chat/completions", "", &chat(&json!({})).to_string());
    waiting.write_all(request.as_bytes()).expect("it is sent");
    while !running.get("/metrics").body.contains("lunette_waiting 1") {
        thread::sleep(Duration::from_millis(5));
    }
    running.signals.send(Signal::Terminate).expect("it listens");
    assert_eq!(
        Reply::from(&mut waiting).told(),
        (503, "the server is being stopped".to_owned()),
        "who waits is sent away"
    );
    assert!(TcpStream::connect(&running.address).is_err(), "nobody is let in");
    drop(answer);
    assert_eq!(running.stop(), Exit::Ok);
}

#[test]
fn thirty_two_clients_at_once_are_all_answered() {
    let running = Running::start(&[], says("He."));
    let asking: &Client = &running;
    let statuses: Vec<u16> = thread::scope(|scope| {
        let client = |_| scope.spawn(|| (0..8).map(|_| asking.chat(&json!({})).status).collect::<Vec<_>>());
        let clients: Vec<_> = (0..32).map(client).collect();
        clients.into_iter().flat_map(|client| client.join().expect("it does not panic")).collect()
    });
    assert_eq!(statuses, vec![200; 32 * 8]);
    let metrics = running.get("/metrics").body;
    assert!(metrics.contains("lunette_answers_total 256"), "{metrics}");
}

const POEM: &str = "# Rose\n\nA rose is a rose is a rose.\n";

#[test]
fn a_file_of_a_client_is_read_asked_about_and_deleted() {
    let running = Running::start(&[], says("It says \"A rose is a rose is a rose\"."));
    let file = running.upload("poems/rose.md", POEM).json();
    let id = file["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        (&file["object"], &file["bytes"], &file["filename"], &file["purpose"], &file["status"]),
        (&json!("file"), &json!(POEM.len()), &json!("rose.md"), &json!("user_data"), &json!("processed"))
    );
    let found = &file["lunette"];
    assert_eq!(
        (&found["kind"], &found["words"], &found["parts"], &found["notes"]),
        (&json!("markdown"), &json!(9), &json!(1), &json!([]))
    );
    assert_eq!(running.get(&format!("/v1/files/{id}")).json(), file);
    assert_eq!(running.get("/v1/files").json()["data"], json!([file]));
    let content = running.get(&format!("/v1/files/{id}/content"));
    assert!(content.body == POEM && content.headers.contains("content-type: application/octet-stream"), "{content:?}");
    let asked = running.chat(&json!({ "documents": [id] })).json();
    assert_eq!(asked["lunette"]["documents"], json!([id]));
    assert_eq!(
        (&asked["lunette"]["citations"][0]["verdict"], &asked["lunette"]["citations"][0]["file"]),
        (&json!("verified"), &json!("rose.md"))
    );
    assert_eq!(
        running.chat(&json!({})).json()["lunette"]["citations"][0]["verdict"],
        "not_found",
        "the book has no rose"
    );
    let both = running.chat(&json!({ "documents": [id, "book"] })).json();
    assert_eq!(both["lunette"]["documents"], json!(["book", id]));
    let part = json!([{ "type": "file", "file": { "file_id": id } }, { "type": "text", "text": "Who?" }]);
    let named = running.chat(&json!({ "messages": [{ "role": "user", "content": part }] })).json();
    assert_eq!(named["lunette"]["documents"], json!([id]));
    let deleted = running.send("DELETE", &format!("/v1/files/{id}"), "", "");
    assert_eq!(deleted.json(), json!({ "id": id, "object": "file", "deleted": true }));
    assert_eq!(running.get(&format!("/v1/files/{id}")).status, 404);
    let gone = running.chat(&json!({ "documents": [id] }));
    assert_eq!(gone.told(), (400, format!("there is no file {id:?} here")));
}

#[test]
fn a_file_that_can_t_be_read_is_refused_as_inspect_refuses_it() {
    let running = Running::start(&["--max-body", "20kB", "--api-key", "secret"], says("He."));
    assert_eq!(running.upload("a.txt", "text").status, 401);
    let running = Running::start(&["--max-body", "20kB"], says("He."));
    let empty = running.upload("empty.txt", "");
    assert_eq!(empty.told(), (400, "empty.txt is empty".to_owned()));
    assert_eq!(empty.json()["error"]["hint"], "there is nothing to ask about; is it the right file?");
    let picture = running.upload("a.gif", "GIF89a\u{1}\0\u{1}\0");
    assert_eq!(picture.told(), (400, "cannot read a.gif: it is a GIF image, not a document".to_owned()));
    assert_eq!(running.upload("large.txt", &"x".repeat(30_000)).status, 413);
    let form = running.post("/v1/files", &json!({}));
    assert_eq!(form.told(), (400, "a file is sent as multipart/form-data, not as \"\"".to_owned()));
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(running.upload("book.txt", &"It is red.\n".repeat(1500)).status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 413, 413, 413, 413], "room for eight requests, files with their texts");
    let full = running.upload("book.txt", &"It is red.\n".repeat(1500)).json();
    assert_eq!(full["error"]["code"], "files_full");
    assert_eq!(running.get("/v1/files?limit=3").json()["has_more"], true);
    assert_eq!(running.get("/v1/files?limit=three").status, 400);
    assert_eq!(running.chat(&json!({})).status, 200);
}

#[test]
fn log_probabilities_come_with_a_whole_answer_and_with_each_chunk() {
    let script = Script::Says(
        vec![(Channel::Reasoning, "Hm."), (Channel::Answer, "It is "), (Channel::Answer, "red.")],
        Finish::EndOfGeneration,
    );
    let running = Running::start(&[], script);
    let tokens = |logprobs: &Value| {
        let of = |token: &Value| token["token"].as_str().expect("a text").to_owned();
        logprobs["content"].as_array().expect("a list").iter().map(of).collect::<Vec<_>>()
    };
    let whole = running.chat(&json!({ "logprobs": true, "top_logprobs": 1 })).json();
    assert_eq!(tokens(&whole["choices"][0]["logprobs"]), ["It is ", "red."]);
    assert_eq!(whole["choices"][0]["logprobs"]["content"][0]["top_logprobs"][0]["logprob"], 0.0);
    assert_eq!(running.chat(&json!({})).json()["choices"][0]["logprobs"], Value::Null);
    let reply = running.chat(&json!({ "logprobs": true, "stream": true }));
    let unchunked: String = reply.body.split("\r\n").filter(|line| u32::from_str_radix(line, 16).is_err()).collect();
    let events = Reply { body: unchunked, ..reply }.events();
    let streamed = events.iter().map(|event| &event["choices"][0]["logprobs"]).filter(|logprobs| logprobs.is_object());
    assert_eq!(streamed.map(tokens).collect::<Vec<_>>(), [["It is "], ["red."]]);
    let bare = running.post("/v1/completions", &json!({ "prompt": "Once", "logprobs": 1 })).json();
    assert_eq!(
        (&bare["choices"][0]["logprobs"]["tokens"], &bare["choices"][0]["logprobs"]["text_offset"]),
        (&json!(["It is ", "red."]), &json!([0, 6]))
    );
}
