//! The headless contract on the real binary with a real model: answers, sharing of a reading, limits, signals, what does not fit.
//!
//! One thread computes in each: two that wait for each other at every step crawl where something else runs, too.

mod support {
    pub(crate) mod binary;
    pub(crate) mod models;
    pub(crate) mod pdf;
}

#[path = "../src/chat/described.rs"]
mod described;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Child;
use std::time::Duration;

use serde_json::Value;
use support::binary::{Home, Ran, finished, sentence, signal};
use support::models::model;
use support::pdf::{Made, lines};

/// Longer than any of these takes on busy cores: whoever needs more is hung.
const PATIENCE: Duration = Duration::from_mins(5);

/// A text of about `lines` × 16 tokens with a fact in each line.
fn inventory(lines: usize) -> String {
    let colours = ["red", "green", "blue", "white", "black"];
    let line = |n: usize| format!("Box number {n} in the cellar is painted {}.\n", colours[n % colours.len()]);
    (1..=lines).map(line).collect::<Vec<_>>().concat()
}

/// Starts the binary with the small model, on one thread.
fn started(home: &Home, arguments: &[&str]) -> Child {
    let model = model("smollm2-135m");
    // Behind the arguments, so that a subcommand may stand first.
    let arguments = [arguments, &["-t", "1", "-m", model.to_str().expect("a path in UTF-8")]].concat();
    home.start(&arguments, &[])
}

fn ran(home: &Home, arguments: &[&str], stdin: &str) -> Ran {
    let mut child = started(home, arguments);
    let mut input = child.stdin.take().expect("it is piped");
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    finished(child, PATIENCE)
}

fn objects(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}\n{}", ran.err))).collect()
}

#[test]
#[ignore = "needs a model"]
fn the_answer_alone_is_on_standard_output() {
    let ran = ran(&Home::new(), &["-p", "Which colour has box number 7?", "-n", "24", "-u", "-"], &inventory(40));
    assert!(matches!(ran.code, 0 | 6), "{}", ran.err);
    assert!(ran.out.ends_with('\n') && !ran.out.ends_with("\n\n") && ran.out.trim() == ran.out.trim_end_matches('\n'));
    assert!(!ran.out.contains('\x1b') && !ran.err.contains('\x1b'), "{}", ran.err);
    assert!(ran.err.contains("prefill ") && ran.err.contains(" tok/s"), "{}", ran.err);
}

/// Runs with and without a GPU: without one, `-ngl all` gets a note that the CPU is used, and `-ngl 0` gets none.
#[test]
#[ignore = "needs a model"]
fn who_asks_for_a_gpu_that_is_not_there_is_told_so() {
    let question = ["-p", "Which colour has box number 7?", "-n", "2", "--stats", "-"];
    let [asked, unasked] = [&["-ngl", "all"][..], &["-ngl", "0"]]
        .map(|layers| ran(&Home::new(), &[&question[..], layers].concat(), &inventory(10)));
    let computes_on_cpu = |ran: &Ran| ran.err.contains(" on CPU, loaded");
    assert!(computes_on_cpu(&unasked) && !unasked.err.contains("running on the CPU"), "{}", unasked.err);
    assert_eq!(computes_on_cpu(&asked), asked.err.contains("running on the CPU"), "{}", asked.err);
}

#[test]
#[ignore = "needs a model"]
fn several_questions_share_one_reading() {
    for (window, preset) in [("full", "full"), ("256", "custom")] {
        let questions = ["-p", "Which colour has box number 7?", "-p", "Which colour has box number 8?"];
        let line = [&questions[..], &["-n", "4", "--preset", "full", "--window", window, "--json", "-"]].concat();
        let ran = ran(&Home::new(), &line, &inventory(40));
        let [first, second] = &objects(&ran)[..] else { panic!("{}", ran.out) };
        let count = |object: &Value, name: &str| object["tokens"][name].as_u64().expect("a count");
        assert!(count(first, "document") > 500, "longer than the window: {first}");
        assert_eq!((count(first, "cached"), count(first, "prefilled")), (0, count(first, "prompt")));
        assert!(count(second, "cached") >= count(second, "document"), "window {window}: {second}");
        assert_eq!(count(second, "prefilled"), count(second, "prompt") - count(second, "cached"));
        assert_eq!(second["preset"], preset);
    }
}

#[test]
#[ignore = "needs a model"]
fn a_question_is_answered_under_each_preset() {
    let question = ["-p", "Which colour has box number 7?", "-n", "4", "--ab", "full,balanced", "--json", "-"];
    let ran = ran(&Home::new(), &question, &inventory(40));
    assert!(matches!(ran.code, 0 | 6), "{}", ran.err);
    let objects = objects(&ran);
    let of = |name: &str| objects.iter().map(|object| object[name].clone()).collect::<Vec<Value>>();
    assert_eq!(of("preset"), ["full", "balanced"]);
    assert!(
        objects.iter().all(|object| object["answer"].as_str().is_some_and(|answer| !answer.is_empty())),
        "{}",
        ran.out
    );
}

#[test]
#[ignore = "needs a model"]
fn figures_are_measured() {
    let ran = ran(&Home::new(), &["-p", "Which colour has box number 7?", "-n", "4", "--json", "-"], &inventory(40));
    let object = &objects(&ran)[0];
    for (table, name) in [
        ("timings", "load_s"),
        ("timings", "prefill_s"),
        ("timings", "prefill_tok_s"),
        ("timings", "ttft_s"),
        ("timings", "decode_tok_s"),
        ("memory", "model_bytes"),
        ("memory", "kv_bytes"),
        ("memory", "kv_used_bytes"),
        ("memory", "rss_bytes"),
        ("threads", "count"),
        ("threads", "cores"),
    ] {
        assert!(object[table][name].as_f64().is_some_and(|figure| figure > 0.0), "{table}.{name}: {object}");
    }
    assert_eq!(object["documents"], serde_json::json!(["-"]));
}

#[test]
#[ignore = "needs a model"]
fn a_limit_of_tokens_prints_what_there_is_and_exits_with_6() {
    let ran = ran(&Home::new(), &["-p", "Write a long story.", "-n", "3", "--json"], "");
    assert_eq!(ran.code, 6, "{}", ran.err);
    let object = &objects(&ran)[0];
    assert_eq!((&object["finish"], &object["tokens"]["generated"]), (&"token_limit".into(), &3.into()));
    assert_ne!(object["answer"], "");
}

#[test]
#[ignore = "needs a model"]
fn what_does_not_fit_is_refused_with_the_figures_and_exits_with_4() {
    let long_question = "why ".repeat(25_000);
    let home = Home::new();
    home.file("question.txt", &long_question);
    home.file("line.txt", &"x y z ".repeat(850_000));
    let model_holds = " tokens, but this model holds 8,192, including the answer";
    let cases: [(&[&str], &str); 4] = [
        (&["-p", "Who?", "line.txt"], model_holds),
        (&["-f", "question.txt"], model_holds),
        (&["-p", "Who?", "-c", "100", "question.txt"], " tokens, but the context (-c) holds 100, including the answer"),
        (
            &["-p", "Who?", "-c", "2000000000"],
            "error: a context of 2,000,000,000 tokens needs 46.1 TB for its KV cache, and ",
        ),
    ];
    for (line, expected) in cases {
        let ran = ran(&home, line, "");
        assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{line:?}: {}", ran.err);
        assert!(sentence(&ran.err).contains(expected), "{}", ran.err);
    }
}

#[test]
#[ignore = "needs a model"]
fn a_layer_that_the_model_lacks_is_named() {
    let ran = ran(&Home::new(), &["-p", "Who?", "--window", "2k", "--full-layers", "1,99", "-"], "text");
    assert_eq!(ran.code, 2);
    assert!(sentence(&ran.err).starts_with("error: there is no layer 99: "), "{}", ran.err);
}

#[test]
#[ignore = "needs a model"]
fn a_truncated_model_is_named_and_exits_with_5() {
    let home = Home::new();
    let mut start = Vec::new();
    std::fs::File::open(model("smollm2-135m")).unwrap().take(10_000_000).read_to_end(&mut start).unwrap();
    std::fs::write(home.path("truncated.gguf"), start).unwrap();
    let ran = home.run_on(&["-p", "Who?", "-m", "truncated.gguf", "-"], "text");
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(sentence(&ran.err).contains("truncated.gguf"), "{}", ran.err);
}

#[test]
#[ignore = "needs a model"]
fn a_plan_reads_nothing_and_refuses_what_does_not_fit_with_what_would() {
    let home = Home::new();
    let fits = ran(&home, &["--dry-run", "--json", "-p", "Who?", "-"], &inventory(40));
    let object = &objects(&fits)[0];
    assert_eq!((fits.code, &object["fits"], &object["limit_tokens"]), (0, &true.into(), &8192.into()), "{object}");
    assert_eq!(
        (&object["predicted_s"], &object["measured"]),
        (&Value::Null, &Value::Null),
        "nothing was measured here"
    );
    let cellars: Vec<String> = (1..=6).map(|n| format!("# Cellar {n}\n\n{}\n", inventory(150))).collect();
    home.file("cellars.md", &cellars.concat());
    let too_long = ran(&home, &["fit", "--json", "-p", "What is in cellar 4?", "cellars.md"], "");
    let object = &objects(&too_long)[0];
    assert_eq!((too_long.code, &object["fits"]), (4, &false.into()), "{}", too_long.err);
    let proposals = object["proposals"].as_array().expect("a list");
    assert!(proposals.len() >= 2, "{object}");
    for proposal in proposals {
        let flags: Vec<&str> = proposal["flags"].as_str().expect("a text").split(' ').collect();
        let line = [&["fit", "--json", "-p", "What is in cellar 4?", "cellars.md"], &flags[..]].concat();
        let again = ran(&home, &line, "");
        assert_eq!(again.code, 0, "{line:?}: {}", again.out);
        assert_eq!(objects(&again)[0]["tokens"]["prompt"], proposal["prompt_tokens"], "{line:?}");
    }
    let page = |number: u32| lines(72, 700, &[&*format!("Page {number} is this one and no other of the nine."); 8]);
    std::fs::write(home.path("book.pdf"), (1..=9).fold(Made::new(), |made, number| made.page(page(number))).bytes())
        .expect("written");
    let tokens = |line: &[&str]| objects(&ran(&home, line, ""))[0]["tokens"]["document"].as_u64().expect("a number");
    let (all, three) =
        (tokens(&["fit", "--json", "book.pdf"]), tokens(&["fit", "--json", "--pages", "2,8-", "book.pdf"]));
    assert!(three * 2 < all, "3 of 9 pages are {three} of {all} tokens");
    let in_words = ran(&home, &["fit", "cellars.md"], "");
    assert!(
        in_words.out.contains("it does not fit: ") && in_words.out.contains("what would fit:\n"),
        "{}",
        in_words.out
    );
}

#[test]
#[ignore = "needs a model"]
fn what_was_planned_is_what_is_read_and_what_was_read_predicts_the_next_plan() {
    let home = Home::new();
    home.file("boxes.txt", &inventory(60));
    let line = ["-p", "Which colour has box number 7?", "--preset", "full", "--json", "boxes.txt"];
    let planned = objects(&ran(&home, &[&["fit"], &line[..]].concat(), "")).remove(0);
    let read = objects(&ran(&home, &[&line[..], &["-n", "2"]].concat(), "")).remove(0);
    for tokens in ["document", "prompt"] {
        assert_eq!(planned["tokens"][tokens], read["tokens"][tokens], "{tokens}");
    }
    let bytes = |object: &Value| object.as_f64().expect("bytes");
    let (weights, loaded) = (bytes(&planned["model_bytes"]), bytes(&read["memory"]["model_bytes"]));
    assert!((weights / loaded - 1.0).abs() < 0.02, "{weights} bytes of weights were planned, {loaded} are loaded");
    let again = objects(&ran(&home, &[&["fit"], &line[..]].concat(), "")).remove(0);
    assert!(again["predicted_s"].as_f64().is_some_and(|seconds| seconds > 0.0), "{again}");
    assert_eq!(again["measured"]["tokens"], read["tokens"]["prefilled"]);
}

#[test]
#[ignore = "needs a model"]
fn a_document_that_changes_is_read_from_the_first_changed_token_on() {
    let home = Home::new();
    let path = home.file("boxes.txt", &inventory(60));
    let mut child = started(&home, &["-p", "Count the boxes.", "-p", "And now?", "-n", "4", "--jsonl", "boxes.txt"]);
    drop(child.stdin.take());
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut is_changed = false;
    let mut done = || loop {
        let line: Value = serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("an object");
        if line["type"] == "answer" && !is_changed {
            // While the first answer is written: the last tenth of the document becomes another.
            is_changed = true;
            let text = inventory(60);
            let kept = text.split_inclusive('\n').take(54).collect::<String>();
            std::fs::write(&path, kept + "The other boxes are gone.\n").expect("written");
        }
        if line["type"] == "done" {
            return line["tokens"].clone();
        }
    };
    let (first, second) = (done(), done());
    let count = |tokens: &Value, of: &str| tokens[of].as_u64().expect("a number");
    let (before, after) = (count(&first, "document"), count(&second, "document"));
    assert!(after < before, "{second}");
    // All but the changed end is kept, and only that and the question are read.
    assert!(count(&second, "cached") * 100 >= after * 96, "{second}");
    assert!(count(&second, "prefilled") <= count(&second, "prompt") - count(&second, "cached") + 256, "{second}");
    let ran = finished(child, PATIENCE);
    assert!(ran.err.contains("the document changed on disk, from line 55 of boxes.txt on: "), "{}", ran.err);
}

#[test]
#[ignore = "needs a model"]
fn a_document_that_was_only_touched_is_not_read_again() {
    let home = Home::new();
    let path = home.file("boxes.txt", &inventory(60));
    let mut child = started(&home, &["-p", "Count the boxes.", "-p", "And now?", "-n", "4", "--jsonl", "boxes.txt"]);
    drop(child.stdin.take());
    let mut answers = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line: Value = serde_json::from_str(&line.expect("text")).expect("an object");
        if line["type"] == "answer" {
            std::fs::write(&path, inventory(60)).expect("written");
        }
        if line["type"] == "done" {
            answers.push(line["tokens"].clone());
        }
    }
    let cached = answers[1]["cached"].as_u64().expect("a number");
    assert!(cached + 1 >= answers[1]["document"].as_u64().expect("a number"), "{answers:?}");
    let ran = finished(child, PATIENCE);
    assert!(!ran.err.contains("changed on disk"), "{}", ran.err);
}

/// Starts a long answer and hands back the child once its first characters are there.
fn answering(home: &Home, arguments: &[&str]) -> Child {
    let question = ["-p", "Count from one to one thousand, in words."];
    let mut child = started(home, &[&question, arguments].concat());
    drop(child.stdin.take());
    let mut first = [0];
    child.stdout.as_mut().expect("it is piped").read_exact(&mut first).expect("an answer begins");
    child
}

#[test]
#[ignore = "needs a model"]
fn signals_keep_the_partial_answer() {
    let home = Home::new();
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let child = answering(&home, &["--temp", "1", "--seed", "1"]);
        signal(name, child.id());
        let ran = finished(child, PATIENCE);
        assert_eq!(ran.code, code, "{}", ran.err);
        assert!(ran.out.ends_with('\n'), "{}", ran.out);
    }
}

#[test]
#[ignore = "needs a model"]
fn an_interrupted_reading_stops_where_it_is_and_exits_with_130() {
    let home = Home::new();
    home.file("long.txt", &inventory(450));
    let mut child = started(&home, &["--jsonl", "-p", "Who?", "--preset", "full", "-b", "64", "long.txt"]);
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut events =
        lines.map(|line| serde_json::from_str::<Value>(&line.expect("UTF-8")).expect("a line is an object"));
    events.find(|event| event["type"] == "progress").expect("it reads");
    signal("-INT", child.id());
    let last = events.last().expect("it ends with an object");
    assert_eq!(finished(child, PATIENCE).code, 130);
    assert_eq!((&last["type"], &last["finish"], &last["answer"]), (&"done".into(), &"cancelled".into(), &"".into()));
    let count = |name: &str| last["tokens"][name].as_u64().expect("a count");
    assert!(count("prefilled") < count("prompt"), "{last}");
}

#[test]
#[ignore = "needs a model"]
fn a_reader_that_leaves_ends_it_without_a_word() {
    let mut child = answering(&Home::new(), &["--temp", "1", "--seed", "1", "--preset", "full"]);
    drop(child.stdout.take());
    let ran = finished(child, PATIENCE);
    assert_eq!((ran.code, ran.err.as_str()), (0, "note: standard input is empty, so there is no document\n"));
}

#[test]
#[ignore = "needs a model"]
fn the_timeout_exits_with_124() {
    let ran = ran(&Home::new(), &["-p", "Who?", "--timeout", "1s", "--preset", "full", "--json", "-"], &inventory(450));
    assert_eq!(ran.code, 124, "{}", ran.err);
}

#[test]
#[ignore = "needs a model"]
fn the_demo_without_a_terminal_answers_about_as_many_chapters_as_there_is_time_for() {
    let ran = ran(&Home::new(), &["demo", "--within", "5s", "-n", "16"], "");
    assert!(matches!(ran.code, 0 | 6), "{}", ran.err);
    assert!(!ran.out.trim().is_empty());
    assert!(ran.err.contains(" of 61 parts ") && ran.err.contains(" 5 s; more with --within 5m"), "{}", ran.err);
    assert!(ran.err.contains("decode "), "figures are printed: {}", ran.err);
}

#[test]
#[ignore = "needs a model"]
fn presets_are_explained_for_a_model() {
    let home = Home::new();
    let path = model("smollm2-135m");
    let listed = home.run(&["presets", "-m", path.to_str().unwrap()]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    assert!(listed.out.contains("full layers 0-14 of 30") && listed.out.contains(" per 1k tokens"), "{}", listed.out);
    let json = home.run(&["presets", "--json", "-m", path.to_str().unwrap()]);
    let object: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(object["model"]["layers"], 30);
}

const BOX: &str = r#"{
    "type": "object",
    "properties": {
        "colour": { "enum": ["red", "green", "blue", "white", "black"] },
        "number": { "type": "integer", "minimum": 1, "maximum": 99 },
        "in_cellar": { "type": "boolean" }
    },
    "required": ["colour", "number", "in_cellar"],
    "additionalProperties": false
}"#;

/// What the answer is as JSON: it has the schema's fields, of its types, and no others.
fn boxed(answer: &str) {
    let object: Value = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let names: Vec<&String> = object.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["colour", "number", "in_cellar"]);
    assert!(
        ["red", "green", "blue", "white", "black"].contains(&object["colour"].as_str().expect("a text")),
        "{answer}"
    );
    assert!((1..100).contains(&object["number"].as_u64().expect("a number")), "{answer}");
    assert!(object["in_cellar"].is_boolean(), "{answer}");
}

#[test]
#[ignore = "needs a model"]
fn an_answer_is_json_of_the_schema_that_it_is_held_to() {
    let home = Home::new();
    home.file("box.json", BOX);
    let question = ["-p", "Describe box number 7 as JSON.", "--schema", "box.json", "--preset", "full"];
    for flags in
        [&[][..], &["--temp", "1.5", "--seed", "7"], &["--temp", "1.5", "--seed", "8", "--repeat-penalty", "1.3"]]
    {
        let ran = ran(&home, &[&question[..], flags, &["-n", "60"]].concat(), &inventory(40));
        assert_eq!(ran.code, 0, "{flags:?}: {}", ran.err);
        boxed(&ran.out);
    }
    let reasoning = ["--cot", "prompted", "--reasoning-budget", "12", "-n", "90", "--json"];
    let object = objects(&ran(&home, &[&question[..], &reasoning].concat(), &inventory(40))).remove(0);
    assert!(object["reasoning"].as_str().is_some_and(|text| !text.is_empty()), "{object}");
    boxed(object["answer"].as_str().expect("a text"));
    let cut = ran(&home, &[&question[..], &["-n", "4", "--json"]].concat(), &inventory(40));
    assert_eq!((cut.code, &objects(&cut)[0]["finish"]), (6, &"token_limit".into()), "{}", cut.out);
}

#[test]
#[ignore = "needs a model"]
fn what_is_piped_in_is_read_without_being_named_and_objects_are_as_described() {
    let line = ["-p", "Which colour has box number 7? Quote the text.", "-n", "24", "--jsonl"];
    let ran = ran(&Home::new(), &line, &inventory(40));
    assert!(ran.err.contains("note: standard input is the document (1.81 kB)\n"), "{}", ran.err);
    let events = objects(&ran);
    for event in &events {
        assert_eq!(described::objections("event", event), [""; 0], "{event}");
    }
    let done = events.last().expect("an event");
    assert_eq!((&done["documents"], &done["question"]), (&serde_json::json!(["-"]), &line[1].into()));
    assert!(done["tokens"]["document"].as_u64().is_some_and(|tokens| tokens > 500), "{done}");
}
