//! `lunette serve` on the real binary with a model that says a script: the engine's cache, tokens and schema behind HTTP, and the end of it.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod pdf;
    pub(crate) mod scripted_model;
    pub(crate) mod serving;
}

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::binary::Home;
use support::pdf::{Made, lines};
use support::serving::{BOOK, Serving, post, send, upload};

fn question(text: &str, more: &Value) -> Value {
    let mut body = json!({ "messages": [{ "role": "user", "content": text }] });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

#[test]
fn many_clients_share_one_reading_and_the_next_server_finds_it_on_disk() {
    let home = Home::new();
    let mut serving = Serving::start(&home, &["--preset", "full"]);
    let read = serving.event("read");
    let (document, prefilled) = (read["document"].as_u64().expect("a count"), read["prefilled"].as_u64());
    assert!(document > 8_000 && prefilled == Some(document), "{read}");
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let address = &serving.address;
        let ask = |number| {
            scope.spawn(move || {
                post(address, "/v1/chat/completions", &question(&format!("Is it {number}?"), &json!({})))
            })
        };
        let clients: Vec<_> = (0..8).map(ask).collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).collect()
    });
    for answer in &answers {
        let tokens = &answer["lunette"]["tokens"];
        assert_eq!(answer["choices"][0]["message"]["content"], "Yes, it.", "{answer}");
        assert!(tokens["cached"].as_u64() >= Some(document) && tokens["prefilled"].as_u64() < Some(200), "{tokens}");
    }
    serving.stop();
    let mut later = Serving::start(&home, &["--preset", "full"]);
    let read = later.event("read");
    assert_eq!((&read["from_disk"], &read["prefilled"]), (&json!(document), &json!(0)), "{read}");
    later.stop();
}

/// One has begun a long answer when another one asks for a short one. Returns the requests' lines in the log, in their order.
fn long_and_short(more: &[&str]) -> [Value; 2] {
    let home = Home::new();
    let arguments = [&["--preset", "full", "--no-cache"], more].concat();
    let mut serving = Serving::start_wandering(&home, &arguments);
    serving.event("read");
    let sampled = |tokens: u32, is_streamed: bool| json!({ "max_tokens": tokens, "temperature": 1.0, "seed": 7, "stream": is_streamed });
    let body = question("Tell me a long story.", &sampled(400, true)).to_string();
    let mut long = TcpStream::connect(&serving.address).expect("it listens");
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    long.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).expect("it is sent");
    let mut lines = BufReader::new(long).lines().map(|line| line.expect("UTF-8"));
    let has_text = |line: &String| line.contains("\"delta\":{\"content\":\"") && !line.contains("\"content\":\"\"");
    lines.find(has_text).expect("it begins");
    let short = serving.post("/v1/chat/completions", &question("And a short one?", &sampled(20, false)));
    assert_eq!(short["usage"]["completion_tokens"], 20, "{short}");
    lines.find(|line| line.contains("[DONE]")).expect("it is written to its end");
    let told = [serving.event("request"), serving.event("request")];
    serving.stop();
    told
}

#[test]
fn a_client_has_its_answer_before_a_longer_one_ends_and_both_share_the_document() {
    let [short, long] = long_and_short(&[]);
    assert_eq!((&short["generated"], &long["generated"], &short["answering"]), (&json!(20), &json!(400), &json!(2)));
    for told in [&short, &long] {
        let count = |name: &str| told[name].as_u64().expect("a count");
        assert!(count("cached") >= count("document") && count("document") > 8_000, "the document is shared: {told}");
        assert!((1..100).contains(&count("prefilled")), "each reads its own question: {told}");
    }
    let [first, second] = long_and_short(&["--parallel", "1"]);
    assert_eq!((&first["generated"], &second["generated"]), (&json!(400), &json!(20)), "one after the other");
}

#[test]
fn each_request_chooses_its_recipe_and_a_client_can_switch_without_a_restart() {
    let home = Home::new();
    let serving = Serving::start(&home, &["--preset", "full", "--no-cache"]);
    let recipe = |more: Value| {
        let answer = serving.post("/v1/chat/completions", &question("Is it?", &more));
        (
            answer["lunette"]["preset"].clone(),
            answer["lunette"]["recipe"].clone(),
            answer["lunette"]["tokens"]["cached"].as_u64(),
        )
    };
    let (preset, full, cached) = recipe(json!({}));
    assert!(preset == "full" && full["window"].is_null() && cached > Some(8_000), "{preset} {full} {cached:?}");
    let reference =
        json!({ "sliding_window_size": 512, "keep_first": 4, "force_fa_decode": true, "non_sliding_layers": [] });
    let (preset, sliding, cached) = recipe(reference.clone());
    assert_eq!(
        (&preset, &sliding["window"], &sliding["sinks"], &sliding["fa_decode"]),
        (&json!("custom"), &json!(512), &json!(4), &json!(true))
    );
    assert!(cached < Some(1_000), "only what the window sees whole is shared: {cached:?}");
    assert!(recipe(json!({})).2 > Some(8_000), "the reading under full attention was kept");
    assert!(recipe(reference).2 > Some(8_000), "and so was the other one");
    serving.stop();
}

#[test]
fn tokens_schema_and_markup_are_the_engine_s() {
    let home = Home::new();
    let serving = Serving::start(&home, &["--preset", "full", "--no-cache"]);
    let tokens = serving.post("/tokenize", &json!({ "content": "Hé<|im_end|>", "with_pieces": true }));
    let ids: Vec<u64> =
        tokens["tokens"].as_array().expect("a list").iter().filter_map(|token| token["id"].as_u64()).collect();
    assert_eq!(ids.len(), 13, "a mark in a text is its letters: {tokens}");
    assert_eq!((&tokens["tokens"][0]["piece"], &tokens["tokens"][1]["piece"]), (&json!("H"), &json!([0xc3])));
    assert_eq!(serving.post("/detokenize", &json!({ "tokens": ids })), json!({ "content": "Hé<|im_end|>" }));
    for wrong in [json!([-1]), json!([259]), json!(["a"]), json!([u64::MAX])] {
        let refused = serving.post("/detokenize", &json!({ "tokens": wrong }));
        assert!(
            refused["error"]["message"].as_str().is_some_and(|told| told.starts_with("tokens[0]: there is no token")),
            "{refused}"
        );
    }
    let schema = json!({ "type": "json_schema", "json_schema": { "name": "one", "schema": { "enum": ["no"] } } });
    let held = serving.post("/v1/chat/completions", &question("Is it?", &json!({ "response_format": schema })));
    assert_eq!(held["choices"][0]["message"]["content"], "\"no\"", "{held}");
    let stopped = serving.post("/v1/chat/completions", &question("Is it?", &json!({ "stop": ", " })));
    assert_eq!(
        (&stopped["choices"][0]["message"]["content"], &stopped["lunette"]["finish"]),
        (&json!("Yes"), &json!("stop_string"))
    );
    let cut = serving.post("/v1/chat/completions", &question("Is it?", &json!({ "max_tokens": 3 })));
    assert_eq!(
        (&cut["choices"][0]["message"]["content"], &cut["choices"][0]["finish_reason"]),
        (&json!("Yes"), &json!("length"))
    );
    let long = serving.post("/v1/chat/completions", &question(&"x".repeat(140_000), &json!({})));
    assert_eq!(long["error"]["code"], "context_length_exceeded", "{long}");
    serving.stop();
}

#[test]
fn a_file_of_a_client_is_prefilled_once_and_never_lies_in_a_folder() {
    let home = Home::new();
    let serving = Serving::start(&home, &["--preset", "full", "--no-cache"]);
    let text = BOOK.repeat(50).replace("truth", "lie");
    let file = upload(&serving.address, "../lies.txt", text.as_bytes());
    assert_eq!((&file["filename"], &file["lunette"]["tokens"]), (&json!("lies.txt"), &json!(text.len())), "{file}");
    let id = file["id"].as_str().expect("an id");
    let counts = |documents: Value| {
        let more = json!({ "documents": documents });
        let answer = serving.post("/v1/chat/completions", &question("Is it?", &more));
        let tokens = &answer["lunette"]["tokens"];
        ["document", "cached", "prefilled"].map(|name| tokens[name].as_u64().unwrap_or_else(|| panic!("{answer}")))
    };
    let [document, _, prefilled] = counts(json!([id]));
    assert!(document > text.len() as u64 && prefilled > text.len() as u64, "{document} {prefilled}");
    let [_, cached, prefilled] = counts(json!([id]));
    assert!(cached >= document && prefilled < 200, "it is read once: {cached} {prefilled}");
    assert!(counts(json!([id, "book"]))[0] > document + 8_000, "beside the book");
    let kept: Vec<PathBuf> = files_in(&home.path("")).into_iter().filter(|file| has(file, b"It is a lie")).collect();
    assert_eq!(kept, Vec::<PathBuf>::new(), "it lies in none of the server's folders");
    assert_eq!(send(&serving.address, "DELETE", &format!("/v1/files/{id}"), "", b"")["deleted"], true);
    serving.stop();
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

fn has(file: &Path, text: &[u8]) -> bool {
    fs::read(file).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text))
}

#[test]
fn a_pdf_of_a_client_is_read_or_refused_as_inspect_does() {
    let home = Home::new();
    let serving = Serving::start(&home, &["--preset", "full", "--no-cache"]);
    let pdf = Made::new().page(lines(72, 700, &["Cats sleep all day,", "and all night."])).bytes();
    let file = upload(&serving.address, "cats.pdf", &pdf);
    let found = &file["lunette"];
    assert_eq!((&found["kind"], &found["words"]), (&json!("pdf"), &json!(7)), "{file}");
    let broken = &pdf[..pdf.len() / 3];
    fs::write(home.path("broken.pdf"), broken).expect("written");
    let refused = upload(&serving.address, "broken.pdf", broken);
    let told = refused["error"]["message"].as_str().unwrap_or_else(|| panic!("{refused}"));
    let inspected = home.run(&["inspect", "broken.pdf"]);
    assert!(inspected.code == 3 && inspected.err.contains(told), "{told}\n{}", inspected.err);
    serving.stop();
}

#[test]
fn the_greedy_token_is_the_likeliest_and_shares_are_shares() {
    let home = Home::new();
    let serving = Serving::start(&home, &["--preset", "full", "--no-cache"]);
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value}"));
    let asked = json!({ "logprobs": true, "top_logprobs": 20 });
    let answer = serving.post("/v1/chat/completions", &question("Is it?", &asked));
    let tokens = answer["choices"][0]["logprobs"]["content"].as_array().expect("a list");
    let text: String = tokens.iter().filter_map(|token| token["token"].as_str()).collect();
    assert_eq!(text, "Yes, it.", "{answer}");
    for token in tokens {
        let likeliest = token["top_logprobs"].as_array().expect("a list");
        assert_eq!((likeliest.len(), &likeliest[0]["bytes"]), (20, &token["bytes"]));
        assert_eq!((&likeliest[0]["logprob"], &likeliest[0]["token"]), (&token["logprob"], &token["token"]));
        let shares: Vec<f64> = likeliest.iter().map(|top| number(&top["logprob"]).exp()).collect();
        assert!(shares.is_sorted_by(|one, other| one >= other) && shares.iter().sum::<f64>() <= 1.0, "{shares:?}");
    }
    let bare = serving.post("/v1/completions", &json!({ "prompt": "Once\n", "logprobs": 2, "max_tokens": 3 }));
    let logprobs = &bare["choices"][0]["logprobs"];
    assert_eq!((&logprobs["tokens"], &logprobs["text_offset"]), (&json!(["Y", "e", "s"]), &json!([0, 1, 2])), "{bare}");
    assert!(logprobs["top_logprobs"][0]["Y"] == logprobs["token_logprobs"][0], "{bare}");
    let greedy = json!({ "temperature": 1.5, "seed": 3, "logprobs": true });
    let warm = serving.post("/v1/chat/completions", &question("Is it?", &greedy));
    let first = &warm["choices"][0]["logprobs"]["content"][0];
    assert!(first["token"] != "Y" || first["logprob"] == tokens[0]["logprob"], "before the temperature: {warm}");
    serving.stop();
}

#[test]
fn what_stops_a_server_before_it_listens_is_told() {
    let home = Home::new();
    home.file("book.txt", BOOK);
    let ran = home.run(&["serve", "book.txt", "--host", "0.0.0.0"]);
    assert!(
        ran.code == 2 && ran.err.contains("error: other machines can reach 0.0.0.0, and there is no API key"),
        "{ran:?}"
    );
    let ran = home.run(&["serve", "nowhere.txt"]);
    assert!(ran.code == 3 && ran.err.contains("nowhere.txt"), "{ran:?}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let ran = home.run(&["serve", "book.txt", "--port", &port]);
    assert!(ran.code == 1 && ran.err.contains(&format!("cannot listen on 127.0.0.1, port {port}")), "{ran:?}");
    assert!(ran.out.is_empty(), "{ran:?}");
}
