//! Where the real program puts a real model: on the processor, on a GPU, on two of them.
//!
//! Greedy answers are held against each other: a layer computes the same on whichever GPU it lies, so that sharing them out must not
//! change a letter. `make test-cuda` runs these; what needs a second GPU says so and passes where there is one only.

#![allow(clippy::print_stderr, reason = "what was left out has to be said")]

mod support {
    pub(crate) mod binary;
    pub(crate) mod models;
}

use serde_json::Value;
use support::binary::{Home, Ran, sentence};
use support::models::model;

const NEEDS_A_GPU: &str = "there is no GPU here, or this build cannot use it";

fn text() -> String {
    let line = |n: u32| format!("Box number {n} stands in room {}.\n", n * 7 % 90);
    (1..=150).map(line).collect::<Vec<_>>().concat()
}

/// One question about some 2,000 tokens, half of them out of reach of a window of 1,024.
fn ran(placed: &[&str]) -> Ran {
    let model = model("smollm2-135m");
    let question = ["-p", "In which room stands box number 140?", "-n", "24", "--temp", "0", "--json", "-"];
    let recipe = ["--preset", "fastest", "--window", "1024", "-m", model.to_str().expect("a path in UTF-8")];
    Home::new().run_on(&[&question[..], &recipe, placed].concat(), &text())
}

fn answered(placed: &[&str]) -> Value {
    let ran = ran(placed);
    serde_json::from_str(ran.out.trim()).unwrap_or_else(|_| panic!("{placed:?}: {}\n{}", ran.out, ran.err))
}

fn device_bytes(answer: &Value) -> u64 {
    answer["memory"]["device_bytes"].as_u64().expect("a number of bytes")
}

/// How many GPUs hold layers.
fn gpus(answer: &Value) -> usize {
    let devices = answer["devices"].as_array().expect("a list");
    devices.iter().filter(|device| !device.as_str().expect("a name").starts_with("CPU")).count()
}

#[test]
#[ignore = "needs a GPU and a model"]
fn layers_lie_where_they_are_asked_for_and_the_report_says_so() {
    let [none, some, all] = ["0", "11", "all"].map(|layers| answered(&["-ngl", layers]));
    assert!(gpus(&all) > 0, "{NEEDS_A_GPU}: {all}");
    assert_eq!((&none["offloaded_layers"], &some["offloaded_layers"]), (&0.into(), &11.into()));
    assert_eq!(all["offloaded_layers"], 31, "30 layers and the output");
    assert!(
        device_bytes(&none) < device_bytes(&some) && device_bytes(&some) < device_bytes(&all),
        "{none} {some} {all}"
    );
    let auto = answered(&[]);
    assert_eq!(
        (&auto["offloaded_layers"], &auto["answer"]),
        (&all["offloaded_layers"], &all["answer"]),
        "all of it fits"
    );
}

#[test]
#[ignore = "needs two GPUs and a model"]
fn two_gpus_share_the_layers_and_answer_as_one_does() {
    let both = answered(&["-ngl", "all", "--split-mode", "layer"]);
    if gpus(&both) < 2 {
        eprintln!("left out: this machine has {} GPU", gpus(&both));
        return;
    }
    for (placed, expected) in [
        (&["--split-mode", "none"][..], 1),
        (&["--split-mode", "none", "--main-gpu", "1"], 1),
        (&["--device", "CUDA1"], 1),
        (&["--tensor-split", "3,1"], 2),
        (&["--device", "CUDA1,CUDA0"], 2),
    ] {
        let answer = answered(&[&["-ngl", "all"], placed].concat());
        assert_eq!(gpus(&answer), expected, "{placed:?}: {answer}");
        assert_eq!((&answer["answer"], &answer["offloaded_layers"]), (&both["answer"], &31.into()), "{placed:?}");
    }
}

/// Whoever ends while the device still holds something is told by its driver: a backtrace, and an abort now and then.
#[test]
#[ignore = "needs a GPU and a model"]
fn the_gpu_is_given_back_before_the_program_ends() {
    let home = Home::new();
    let context = text().replace('\n', " ");
    let record = format!(
        r#"{{"id":"a","task":"t","context":"{context}","question":"Where is box 3?","answers":["21"],"metric":"contains_all"}}"#
    );
    home.file("records.jsonl", &record);
    let model = model("smollm2-135m");
    let model = model.to_str().expect("a path in UTF-8");
    for arguments in [
        &["eval", "records.jsonl", "--presets", "full,fastest", "--temp", "0", "-n", "4", "-m", model][..],
        &["eval", "nothing.jsonl", "--presets", "full", "-m", model],
        &["-p", "Where is box 3?", "-n", "4", "-m", model, "records.jsonl"],
        &["presets", "-m", model],
    ] {
        for _ in 0..3 {
            let ran = home.run(arguments);
            assert!(matches!(ran.code, 0 | 3 | 6), "{arguments:?}: {} {}", ran.code, ran.err);
            assert!(!ran.err.contains("CUDA error") && !ran.err.contains("libggml"), "{arguments:?}: {}", ran.err);
        }
    }
}

#[test]
#[ignore = "needs a GPU and a model"]
fn a_gpu_that_is_not_there_is_named_with_those_that_are() {
    let model = model("smollm2-135m");
    let model = model.to_str().expect("a path in UTF-8");
    let ran = Home::new().run_on(&["-p", "Where is box 3?", "--device", "CUDA9", "-m", model, "-"], &text());
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(sentence(&ran.err).contains("there is no device CUDA9"), "{}", ran.err);
    assert!(ran.err.contains("CUDA0"), "{NEEDS_A_GPU}: {}", ran.err);
}
