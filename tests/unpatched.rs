//! Lunette with full attention beside llama.cpp as it is: the same greedy tokens from the same prompt.
//!
//! The real binary answers, and says after each decode call how far it has read; the unpatched program (`tests/stock`) then reads the same
//! token ids in the same calls. The calls are part of the question: 256 tokens at once and 250 are rounded differently, and where two words
//! are about as likely, as they often are to a model of 135M, that decides which comes. The patches that round in
//! their own way without being asked to are switched off, as their headers say: products with weights in blocks of 32, which tests/matmul.rs
//! judges, sums over keys that don't depend on the number of threads, which tests/attention/threads.rs judges, and keys that are read
//! together for several tokens and heads, which tests/attention/together.rs judges. So are drafts.

mod support {
    pub(crate) mod binary;
    pub(crate) mod models;
}

use std::mem::ManuallyDrop;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Duration;

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use lunette::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, build_prompt};
use lunette::engine::Vocabulary;
use lunette::engine::config::{
    ContextSize, EngineConfig, EngineSettings, KvDtype, Offload, OwnWindows, Parallel, RopeScaling,
};
use lunette::engine::message::{Event, ModelInfo, Prompt};
use lunette::swaa::preset::ChainOfThought;
use serde_json::Value;
use support::binary::{Home, finished};

const QUESTION: &str = "What is this text about? Answer in one sentence.";
/// The same for both: tokens of a call and of an answer, threads.
const SETUP: [&str; 6] = ["-b", "256", "-n", "32", "-t", "2"];
/// Ours without the patches that round in their own way.
const SUMS_OF_UPSTREAM: [(&str, &str); 3] =
    [("GGML_CPU_BLOCK32", "0"), ("GGML_CPU_KV_CHUNKS", "0"), ("GGML_CPU_KEYS_TOGETHER", "0")];
/// Longer than a model of 0.5B takes for 1,000 tokens on two busy cores.
const PATIENCE: Duration = Duration::from_mins(5);

#[test]
#[ignore = "needs models, and builds the unpatched llama.cpp"]
fn full_attention_says_what_the_unpatched_library_says() {
    for name in ["smollm2-135m", "qwen2.5-coder-0.5b"] {
        let path = support::models::model(name);
        let ours = lunette(&path);
        let theirs = unpatched(&path, &ours.calls);
        assert!(ours.calls.len() > 4 && !ours.text.is_empty(), "{name}: {ours:?}");
        assert_eq!(ours.text, theirs, "{name}, in calls that end at {:?}", ours.calls);
    }
}

/// About 1,000 tokens of a real book.
fn document() -> &'static str {
    let book = include_str!("../assets/pride-and-prejudice.txt");
    book.get(2_000..6_000).expect("the book is ASCII and longer than that")
}

/// What the binary wrote, and after how many tokens of the prompt its decode calls ended.
#[derive(Debug)]
struct Answer {
    text: String,
    calls: Vec<String>,
}

fn lunette(model: &Path) -> Answer {
    let home = Home::new();
    home.file("book.txt", document());
    let model = model.to_str().expect("a path in UTF-8");
    let line = [
        "--jsonl",
        "-p",
        QUESTION,
        "-m",
        model,
        "--preset",
        "full",
        "--no-system",
        "--draft",
        "off",
        "-ub",
        "256",
        "book.txt",
    ];
    let child = home.start(&[&line[..], &SETUP].concat(), &SUMS_OF_UPSTREAM);
    let ran = finished(child, PATIENCE);
    assert!(matches!(ran.code, 0 | 6), "{}", ran.err);
    let events: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}\n{}", ran.err)))
        .collect();
    let all = |kind: &str, field: &str| -> Vec<Value> {
        events.iter().filter(|event| event["type"] == kind).map(|event| event[field].clone()).collect()
    };
    let text = all("answer", "text").iter().filter_map(Value::as_str).collect();
    Answer { text, calls: all("progress", "done").iter().map(Value::to_string).collect() }
}

/// What the unpatched library writes when it reads the same prompt in calls that end at `calls`.
fn unpatched(model: &Path, calls: &[String]) -> String {
    let prompt = prompt(&model_info(model));
    // The thread that looked into the model has started the library, which is stopped by nobody; only token tables are used here.
    let backend = ManuallyDrop::new(LlamaBackend {});
    let params = LlamaModelParams::default().with_vocab_only(true);
    let tables = LlamaModel::load_from_file(&backend, model, &params).expect("the vocabulary loads");
    let vocab = tables.vocab();
    let ids = Vocabulary::open(model).expect("the vocabulary loads").prompt_numbers(&prompt).into_iter();
    let written = greedy(model, ids, calls).into_iter().map(LlamaToken).take_while(|&token| !vocab.is_eog(token));
    let bytes: Vec<u8> = written.flat_map(|token| vocab.token_to_piece(token, false, None)).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn prompt(model: &ModelInfo) -> Prompt {
    let question = Arc::from(QUESTION);
    let request = PromptRequest {
        template: &ChatTemplate::of(model, Moment(0)),
        system: &SystemPrompt::Absent,
        title: "",
        document: &Arc::from(document()),
        front: None,
        turns: &[],
        question: Some(&question),
        cot: ChainOfThought::Off,
    };
    build_prompt(&request).expect("the model's template renders").0
}

/// What the engine finds out about a model, its template above all.
fn model_info(model: &Path) -> ModelInfo {
    let mut engine = lunette::engine::spawn(EngineConfig {
        model: model.to_owned(),
        settings: EngineSettings {
            context: ContextSize::Fit,
            reserve_tokens: 512,
            n_batch: Some(256),
            n_ubatch: Some(256),
            threads: Some(2),
            kv_dtype: KvDtype::F16,
            own_windows: OwnWindows::default(),
            flash_attention: true,
            offload: Offload::none(),
            resident_bytes: 0,
            device_snapshots: 0,
            speeds: None,
            disk_cache: None,
            first_use: None,
            adapters: Vec::new(),
            presets: Vec::new(),
            parallel: Parallel::ONE,
            rope: RopeScaling::default(),
            heads: None,
        },
    });
    loop {
        match engine.events.blocking_recv().expect("the engine says how loading went") {
            Event::Loaded(model) => return *model,
            Event::Loading { .. } => {}
            other => panic!("the model loads, got {other:?}"),
        }
    }
}

/// Asks the unpatched program, built by cargo if it is not there: two llama.cpps can't be linked into one program.
fn greedy(model: &Path, ids: impl Iterator<Item = i32>, calls: &[String]) -> Vec<i32> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("ids.txt");
    std::fs::write(&file, ids.map(|id| id.to_string()).collect::<Vec<_>>().join(" ")).expect("the ids are written");
    let stock = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stock");
    let output = Process::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--manifest-path"])
        .arg(stock.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(stock.join("target"))
        .args(["--", "tokens"])
        .args([model, &file])
        .args(["--ubatch", "256", "--calls", &calls.join(",")])
        .args(SETUP)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let ids = answer["tokens"].as_array().expect("a list of tokens");
    ids.iter().map(|id| id.as_i64().and_then(|id| i32::try_from(id).ok()).expect("a token id")).collect()
}
