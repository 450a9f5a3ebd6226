//! The process that tries a model which was never loaded before: its chat template first, then the model itself.
//!
//! The template is somebody's program. It is rendered as conversations render it, under limits on memory and processor time; a
//! template that refuses is told when it is used, and one that never ends is ended here. Then llama.cpp loads the model and
//! computes a token ([`crate::engine::try_model`]).
//!
//! The process can read files, and do nothing else: it writes none, connects nowhere, starts nothing ([`crate::sandbox`]).
//! [`crate::engine::trial`] starts it and judges how it ends.

use std::io::{self, BufRead, Write};
use std::path::Path;

use crate::chat::ChatTemplate;
use crate::engine::trial::{Stage, TrialMessage, TrialRequest};
use crate::engine::try_model;
use crate::gguf::Header;
use crate::gguf::value::Value;
use crate::sandbox::{self, Files, Limits};

/// Address space for the template, beyond the program's own. The header's copy takes at most 50 MB of it.
const TEMPLATE_BYTES: u64 = 1 << 30;
/// Processor time for all renderings of a template. Real ones take milliseconds.
const TEMPLATE_CPU_S: u64 = 10;
/// Processor time for loading and a token, besides what the file's size takes. Toys take 0.1 s, most of it for the vocabulary.
const MODEL_CPU_S: u64 = 60;
/// A slow processor on large weights.
const BYTES_PER_CPU_S: u64 = 100 << 20;

/// Runs the whole process: a request on `input`, messages on `output`.
///
/// Fails if the request is invalid, or if `output` is closed.
pub fn serve(input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<()> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let request: TrialRequest = serde_json::from_str(&line)?;
    let _ = sandbox::seal(Files::Read);
    let mut send = |message: TrialMessage| {
        // The line end before the message separates it from what a library may have printed.
        output.write_all(format!("\n{}\n", serde_json::to_string(&message)?).as_bytes())?;
        output.flush()
    };
    send(TrialMessage::Begins(Stage::Template))?;
    sandbox::limit(Limits { memory_bytes: Some(TEMPLATE_BYTES), cpu_s: Some(TEMPLATE_CPU_S) });
    try_template(&request.model);
    let bytes = request.model.metadata().map_or(0, |file| file.len());
    sandbox::limit(Limits { memory_bytes: None, cpu_s: Some(MODEL_CPU_S + bytes / BYTES_PER_CPU_S) });
    send(TrialMessage::Begins(Stage::Model))?;
    send(try_model(&request.model).map_or(TrialMessage::Done, TrialMessage::Refused))
}

/// Renders the model's chat template. What it says doesn't matter here.
fn try_template(model: &Path) {
    let Ok(header) = Header::read(model) else { return };
    let Some(source) = header.text("tokenizer.chat_template") else { return };
    let token = |key: &str| token_text(&header, key).unwrap_or_default();
    ChatTemplate::exercise(&source, &token("tokenizer.ggml.bos_token_id"), &token("tokenizer.ggml.eos_token_id"));
}

/// The text of the token whose id `key` gives.
fn token_text(header: &Header, key: &str) -> Option<String> {
    let id = usize::try_from(header.u32(key)?).ok()?;
    match header.get("tokenizer.ggml.tokens")? {
        Value::Texts(tokens) => Some(String::from_utf8_lossy(tokens.get(id)?).into_owned()),
        _ => None,
    }
}
