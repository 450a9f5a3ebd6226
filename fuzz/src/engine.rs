//! What of the engine needs no llama.cpp: its messages and settings, what it keeps in files, and what splits a model's output.

#[path = "../../src/engine/cache_index.rs"]
mod cache_index;
#[path = "../../src/engine/cache_shape.rs"]
pub mod cache_shape;
#[path = "../../src/engine/config.rs"]
pub mod config;
#[path = "../../src/engine/message.rs"]
pub mod message;
#[path = "../../src/engine/split.rs"]
mod split;
#[path = "../../src/engine/tried.rs"]
mod tried;
#[path = "../../src/engine/utf8.rs"]
mod utf8;

use message::{Begins, OutputMarkup, TagPair};
use split::{Output, Splitter};
use utf8::Utf8Assembler;

/// The library that nothing here is linked with.
pub fn library_version() -> String {
    "none".to_owned()
}

/// Schemas are read by another library.
pub fn check_schema(_: &str) -> Result<(), String> {
    Ok(())
}

pub fn patch_stamp() -> String {
    "none".to_owned()
}

/// Splits `bytes` into reasoning and answer, as if they came in tokens of `token_bytes`.
pub fn split_output(begins_in_reasoning: bool, token_bytes: usize, bytes: &[u8]) -> String {
    let markup = OutputMarkup {
        begins: if begins_in_reasoning { Begins::InReasoning(Some("</think>".to_owned())) } else { Begins::Undecided },
        reasoning: vec![TagPair::new("<think>", "</think>"), TagPair::new("<|channel|>analysis", "<|end|>")],
        lone_close: Some("</think>".to_owned()),
        answer: vec![TagPair::new("<answer>", "</answer>")],
        ends: vec!["<|im_end|>".to_owned()],
        ..OutputMarkup::default()
    };
    let mut splitter = Splitter::new(markup, vec!["STOP".to_owned()]);
    let mut characters = Utf8Assembler::default();
    let mut outputs = Vec::new();
    for token in bytes.chunks(token_bytes.max(1)) {
        outputs.extend(splitter.push(&characters.push(token)));
    }
    outputs.extend(splitter.push(&characters.finish()));
    outputs.extend(splitter.finish());
    let text = |output: Output| match output {
        Output::Text(_, text) => text,
        Output::WasReasoning => String::new(),
    };
    outputs.into_iter().map(text).collect()
}

/// Looks a model up in the file of those that were tried.
pub fn read_tried(file: &std::path::Path) -> bool {
    tried::Tried::new(file, "0", "none".to_owned()).is_ok_and(|tried| tried.is_remembered(file))
}
