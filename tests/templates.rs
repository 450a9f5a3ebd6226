//! What is read off real chat templates: the 70 that llama.cpp brings.
//!
//! `make vocabularies` fetches them into `target/vocabularies/templates`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lunette::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, build_prompt};
use lunette::engine::message::{Begins, CacheShape, ModelInfo, OutputMarkup};
use lunette::swaa::ChainOfThought;
use lunette::swaa::cost::PrefillCost;

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
        layers: 4,
        train_context_tokens: 8192,
        vocab_tokens: 100,
        cache: CacheShape::plain(1),
        model_bytes: 1,
        repacked_bytes: 0,
        load_time: Duration::ZERO,
        chat_template: Some(template),
        bos_text: "<s>".into(),
        eos_text: "</s>".into(),
        sliding_refused: None,
        sampling: lunette::engine::message::SamplingPatch::default(),
        without_gpu: None,
        prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: None },
        patch_stamp: String::new(),
        devices: Vec::new(),
        offloaded_layers: 0,
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
