//! What is read off real chat templates: the 70 that llama.cpp brings.
//!
//! `make vocabularies` fetches them into `target/vocabularies/templates`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lunette::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, Turn, build_prompt};
use lunette::engine::message::{Begins, CacheShape, ModelInfo, OutputMarkup, Prompt};
use lunette::swaa::cost::PrefillCost;
use lunette::swaa::{ChainOfThought, ModelLayers};
use serde_json::json;

/// Where the output begins: the model decides; in the reasoning; behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Reasoning,
    Answer,
}

/// The templates that mark reasoning: the tags, and where the output begins when nothing is asked for.
const REASONING: [(&str, &str, &str, At); 45] = [
    ("Apertus-8B-Instruct", "<|inner_prefix|>", "<|inner_suffix|>", At::Start),
    ("Apriel-1.6-15b-Thinker-fixed", "<|begin_assistant|>", "[BEGIN FINAL RESPONSE]", At::Reasoning),
    ("Bielik-11B-v3.0-Instruct", "<think>", "</think>", At::Start),
    ("ByteDance-Seed-OSS", "<seed:think>", "</seed:think>", At::Start),
    ("Cohere2MoE", "<|START_THINKING|>", "<|END_THINKING|>", At::Reasoning),
    ("CohereForAI-c4ai-command-r7b-12-2024-tool_use", "<|START_THINKING|>", "<|END_THINKING|>", At::Answer),
    ("GLM-4.6", "<think>", "</think>", At::Start),
    ("GLM-4.7-Flash", "<think>", "</think>", At::Reasoning),
    ("HuggingFaceTB-SmolLM3-3B", "<think>", "</think>", At::Start),
    ("Kimi-K2-Thinking", "<think>", "</think>", At::Start),
    ("Kimi-K3", "<|open|>think<|sep|>", "<|close|>", At::Reasoning),
    ("LFM2.5-8B-A1B", "<think>", "</think>", At::Start),
    ("LFM2.5-Instruct", "<think>", "</think>", At::Start),
    ("MiniMax-M2", "<think>", "</think>", At::Reasoning),
    ("MiniMax-M3", "<mm:think>", "</mm:think>", At::Start),
    ("NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "<think>", "</think>", At::Reasoning),
    ("NVIDIA-Nemotron-Nano-v2", "<think>", "</think>", At::Reasoning),
    ("Qwen-QwQ-32B", "<think>", "</think>", At::Answer),
    ("Qwen-Qwen3-0.6B", "<think>", "</think>", At::Start),
    ("Qwen3.5-4B", "<think>", "</think>", At::Reasoning),
    ("Reka-Edge", "<think>", "</think>", At::Start),
    ("Spark2.5", "<think>", "</think>", At::Reasoning),
    ("StepFun3.5-Flash", "<think>", "</think>", At::Reasoning),
    ("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "<think>", "</think>", At::Reasoning),
    ("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", "<think>", "</think>", At::Answer),
    ("deepseek-ai-DeepSeek-V3.1", "<think>", "</think>", At::Answer),
    ("deepseek-ai-DeepSeek-V3.2", "<think>", "</think>", At::Answer),
    ("deepseek-ai-DeepSeek-V4-Flash-0731", "<think>", "</think>", At::Answer),
    ("deepseek-ai-DeepSeek-V4", "<think>", "</think>", At::Answer),
    ("google-gemma-4-31B-it-interleaved", "<|channel>thought", "<channel|>", At::Answer),
    ("google-gemma-4-31B-it", "<|channel>thought", "<channel|>", At::Answer),
    ("ibm-granite-granite-3.3-2B-Instruct", "<think>", "</think>", At::Start),
    ("inclusionai-ling-3.0-flash", "<think>", "</think>", At::Reasoning),
    ("llama-cpp-deepseek-r1", "<think>", "</think>", At::Reasoning),
    ("llama-cpp-rwkv-world", "<think>", "</think>", At::Start),
    ("mistralai-Ministral-3-14B-Reasoning-2512", "[THINK]", "[/THINK]", At::Start),
    ("muse-glimmer", "to=self<|message|>", "<|eom|>", At::Start),
    ("openai-gpt-oss-120b", "<|channel|>analysis<|message|>", "<|end|>", At::Start),
    ("openbmb-MiniCPM5-1B", "<think>", "</think>", At::Start),
    ("poolside-Laguna-S-2.1", "<think>", "</think>", At::Reasoning),
    ("poolside-Laguna-XS-2.1", "<think>", "</think>", At::Answer),
    ("poolside-Laguna-XS.2", "<think>", "</think>", At::Answer),
    ("tencent-Hy3", "<think:opensource>", "</think:opensource>", At::Answer),
    ("unsloth-Apriel-1.5", "", "[BEGIN FINAL RESPONSE]", At::Start),
    ("upstage-Solar-Open-100B", "<|think|>", "<|end|>", At::Start),
];

/// What opens the answer under some templates.
const WRAPPERS: [(&str, &str); 6] = [
    ("Cohere2MoE", "<|START_TEXT|>"),
    ("CohereForAI-c4ai-command-r7b-12-2024-tool_use", "<|START_RESPONSE|>"),
    ("ibm-granite-granite-3.3-2B-Instruct", "<response>"),
    ("openai-gpt-oss-120b", "<|channel|>final<|message|>"),
    ("upstage-Solar-Open-100B", "<|content|>"),
    ("meetkai-functionary-medium-v3.2", "all\n"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/vocabularies/templates")
}

fn model(template: String) -> ModelInfo {
    ModelInfo {
        path: PathBuf::from("m.gguf"),
        name: "m".into(),
        called: None,
        quantisation: None,
        architecture: "llama".into(),
        layers: ModelLayers::All(4),
        train_context_tokens: 8192,
        stretched_from: None,
        vocab_tokens: 100,
        cache: CacheShape::plain(1),
        model_bytes: 1,
        repacked_bytes: 0,
        load_time: Duration::ZERO,
        chat_template: Some(template),
        turn_marks: lunette::engine::message::TurnMarks::default(),
        bos_text: "<s>".into(),
        eos_text: "</s>".into(),
        sliding_refused: None,
        sampling: lunette::engine::message::SamplingPatch::default(),
        without_gpu: None,
        prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: None },
        patch_stamp: String::new(),
        devices: Vec::new(),
        offloaded_layers: 0,
        server: None,
        context: lunette::engine::config::ContextSize::Fit,
        heads: lunette::engine::message::HeadsKnown::default(),
        runs_on: None,
    }
}

/// Names of the templates, and the markup that each gives in a mode; `None` if it refuses plain chat.
fn all(cot: ChainOfThought) -> Vec<(String, Option<OutputMarkup>)> {
    let files = fs::read_dir(folder()).expect("`make vocabularies` fetches them");
    let mut all: Vec<(String, Option<OutputMarkup>)> = files
        .map(|file| file.expect("a file").path())
        .map(|path| {
            let template = ChatTemplate::of(&model(fs::read_to_string(&path).expect("text")), Moment(0));
            let request = PromptRequest {
                template: &template,
                system: &SystemPrompt::Absent,
                title: "",
                document: &Arc::from("A book."),
                front: None,
                turns: &[],
                question: Some(&Arc::from("Who?")),
                cot,
            };
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, build_prompt(&request).ok().map(|(_, markup)| markup))
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(all.len() >= 70, "{} templates", all.len());
    all
}

fn at(markup: &OutputMarkup) -> At {
    match markup.begins {
        Begins::Undecided => At::Start,
        Begins::InReasoning(_) => At::Reasoning,
        Begins::BehindReasoning => At::Answer,
    }
}

#[test]
#[ignore = "needs llama.cpp's templates: `make vocabularies`"]
fn tags_are_read_off_every_template() {
    let all = all(ChainOfThought::Auto);
    let mut wrong = Vec::new();
    for (name, markup) in &all {
        let Some(markup) = markup else { continue };
        let expected = REASONING.iter().find(|row| row.0 == name).map(|row| (row.1, row.2, row.3));
        let own = &markup.reasoning[0];
        let cue_or_close = markup.lone_close.is_some() || !markup.answer_cue.is_empty() || at(markup) != At::Start;
        let got = Some((own.open.as_str(), own.close.as_str(), at(markup)));
        let is_right = if expected.is_some() { got == expected } else { !cue_or_close };
        if !is_right {
            wrong.push(format!("{name}: {got:?}, should be {expected:?}"));
        }
    }
    for (name, open) in WRAPPERS {
        let markup = all.iter().find(|(of, _)| of == name).and_then(|(_, markup)| markup.as_ref()).expect(name);
        if markup.answer.iter().all(|pair| pair.open != open) {
            wrong.push(format!("{name}: {:?} has no {open}", markup.answer));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Off, no template leaves its reasoning open; prompted, every template has a way to the answer.
#[test]
#[ignore = "needs llama.cpp's templates: `make vocabularies`"]
fn every_mode_works_with_every_template() {
    for (name, markup) in all(ChainOfThought::Off) {
        assert!(markup.is_none_or(|markup| at(&markup) != At::Reasoning), "{name}");
    }
    for (name, markup) in all(ChainOfThought::Prompted) {
        let Some(markup) = markup else { continue };
        let is_native = !markup.answer_is_asked_for;
        let has_cue = !markup.answer_cue.is_empty() || markup.reasoning.iter().any(|pair| !pair.close.is_empty());
        assert!(has_cue, "{name}: {markup:?}");
        assert!(is_native || at(&markup) == At::Reasoning, "{name}");
    }
}

/// The messages of a conversation with `turns` turns, as a template gets them, and the prompt that we make of them.
fn compared(path: &Path, turns: usize) -> serde_json::Value {
    let source = fs::read_to_string(path).expect("text");
    let said: Vec<Turn> = (0..turns)
        .map(|n| Turn { question: format!("Question {n}?").into(), answer: format!("Answer {n}.").into() })
        .collect();
    let mut messages = Vec::new();
    for turn in &said {
        messages.push(json!({"role": "user", "content": &*turn.question}));
        messages.push(json!({"role": "assistant", "content": &*turn.answer}));
    }
    messages.push(json!({"role": "user", "content": "Who?"}));
    let info = model(source.clone());
    let template = ChatTemplate::of(&info, Moment(0));
    let request = PromptRequest {
        template: &template,
        system: &SystemPrompt::Absent,
        title: "",
        document: &Arc::from(""),
        front: None,
        turns: &said,
        question: Some(&Arc::from("Who?")),
        cot: ChainOfThought::Auto,
    };
    let text = |prompt: Prompt| prompt.parts.iter().map(|part| &*part.text).collect::<String>();
    let ours = build_prompt(&request).ok().map(|(prompt, _)| text(prompt));
    let name = format!("{} with {turns} turns", path.file_stem().expect("a name").to_string_lossy());
    json!({"name": name, "source": source, "messages": messages, "bos": info.bos_text, "eos": info.eos_text, "ours": ours})
}

/// The reference is Jinja2 itself, set up as transformers does. Without Python and its package jinja2 this says so and passes.
#[test]
#[ignore = "needs llama.cpp's templates: `make vocabularies`"]
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn every_template_renders_as_jinja2_does() {
    let has_jinja2 =
        Command::new("python3").args(["-c", "import jinja2"]).status().is_ok_and(|status| status.success());
    if !has_jinja2 {
        eprintln!("SKIPPED: there is no Python with the package jinja2");
        return;
    }
    let files = fs::read_dir(folder()).expect("`make vocabularies` fetches them");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let cases: Vec<_> = paths.iter().flat_map(|path| [compared(path, 0), compared(path, 2)]).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/with_jinja2.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was there a moment ago");
    let mut input = python.stdin.take().expect("it is piped");
    let cases = serde_json::to_vec(&cases).expect("plain data");
    let writer = std::thread::spawn(move || input.write_all(&cases));
    let output = python.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads all");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && said.lines().count() == 1, "{said}");
    eprintln!("{said}");
}
