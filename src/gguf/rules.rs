//! Which headers does llama.cpp refuse by ending the process?
//!
//! Each rule stands for an assertion of llama.cpp, or for a number that would overflow. Whatever llama.cpp refuses with an
//! error (an unknown architecture, a missing tensor, a tensor of another shape) is left to it. `clip` files have no layers
//! and no vocabulary; llama.cpp refuses them by itself.
//!
//! Example: `expert_used_count` 8 with `expert_count` 4 is `llama.expert_used_count is 8, not at most expert_count, which
//! is 4`.

use std::collections::HashMap;

use super::error::Error;
use super::header::Header;
use super::value::{Value, up_to_zero};

/// llama.cpp's `LLAMA_MAX_LAYERS`.
const MOST_LAYERS: u32 = 512;
/// llama.cpp's `LLAMA_MAX_EXPERTS`.
const MOST_EXPERTS: u32 = 1024;
/// Positions are `i32`.
const MOST_TOKENS: u32 = i32::MAX.cast_unsigned();
/// 500 times the widest known model. Products of two widths stay far from 2^63.
const MOST_WIDTH: u32 = 1 << 24;
/// The widest known head has 576 values.
const MOST_HEAD: u32 = 1 << 16;
const MOST_HEADS: i64 = 1 << 16;
/// Pieces of text that are longer than this are no tokens.
const LONGEST_TOKEN_BYTES: usize = 1 << 20;
/// Architectures of files that are no language models.
const NO_LANGUAGE_MODELS: [&str; 1] = ["clip"];

/// Checks everything that a whole model's header says.
///
/// Errors: the first thing that would end the process, or that no language model lacks.
pub fn check(header: &Header) -> Result<(), Error> {
    let architecture = architecture(header)?;
    if NO_LANGUAGE_MODELS.contains(&architecture.as_str()) {
        return Ok(());
    }
    let own = Own { header, architecture: &architecture };
    sizes(&own)?;
    experts(&own)?;
    heads(&own)?;
    fractions(&own)?;
    rope(&own)?;
    vocabulary(header)
}

/// Checks what matters to a vocabulary alone: such files have no sizes and no tensors.
pub fn check_vocabulary(header: &Header) -> Result<(), Error> {
    architecture(header)?;
    vocabulary(header)
}

/// The keys that begin with the architecture's name.
struct Own<'a> {
    header: &'a Header,
    architecture: &'a str,
}

impl Own<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.header.get(&self.key(name))
    }

    fn refused(&self, name: &str, expected: impl Into<String>) -> Error {
        Error::key(self.key(name), self.get(name).map_or("missing".to_owned(), Value::described), expected)
    }

    /// The number of key `name`. `None` if it is missing.
    ///
    /// Errors: it is no `u32`, or outside of `least..=most`.
    fn count(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let within = value.u32().filter(|number| (least..=most).contains(number));
        within.map(Some).ok_or_else(|| self.refused(name, format!("a u32 from {least} to {most}")))
    }

    fn needed(&self, name: &str, least: u32, most: u32, what: &'static str) -> Result<u32, Error> {
        self.count(name, least, most)?.ok_or_else(|| Error::Missing { key: self.key(name), what })
    }
}

fn architecture(header: &Header) -> Result<String, Error> {
    let key = "general.architecture";
    let Some(value) = header.get(key) else { return Err(Error::Missing { key: key.to_owned(), what: "its kind" }) };
    let text = value.text().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Error::key(key, value.described(), "a name"))?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn sizes(own: &Own<'_>) -> Result<(), Error> {
    let layers = own.needed("block_count", 1, MOST_LAYERS, "its number of layers")?;
    own.needed("context_length", 1, MOST_TOKENS, "the longest text that it was trained on")?;
    own.needed("embedding_length", 1, MOST_WIDTH, "its width")?;
    own.count("nextn_predict_layers", 0, layers)?;
    for name in ["attention.key_length", "attention.value_length", "rope.dimension_count"] {
        own.count(name, 0, MOST_HEAD)?;
    }
    for name in ["vocab_size", "attention.sliding_window", "rope.scaling.original_context_length"] {
        own.count(name, 0, MOST_TOKENS)?;
    }
    Ok(())
}

fn experts(own: &Own<'_>) -> Result<(), Error> {
    let experts = own.count("expert_count", 0, MOST_EXPERTS)?.unwrap_or(0);
    if is_without_experts(own, experts) {
        return Ok(());
    }
    let used = match own.get("expert_used_count") {
        None => 0,
        Some(value) => {
            let each = value.one_or_more().unwrap_or_default();
            each.into_iter().max().ok_or_else(|| own.refused("expert_used_count", "a number, or one for each layer"))?
        }
    };
    let most = i64::from(experts);
    if used > most {
        return Err(own.refused("expert_used_count", format!("at most expert_count, which is {experts}")));
    }
    if experts > 0 && used < 1 {
        return Err(own.refused("expert_used_count", "at least 1, as there are experts"));
    }
    expert_groups(own, experts)
}

/// llama.cpp ignores a single expert in these.
fn is_without_experts(own: &Own<'_>, experts: u32) -> bool {
    experts <= 1 && own.architecture.starts_with("hunyuan")
}

fn expert_groups(own: &Own<'_>, experts: u32) -> Result<(), Error> {
    let name = "expert_group_count";
    let groups = own.count(name, 0, MOST_EXPERTS)?.unwrap_or(0);
    if groups > 0 && groups >= experts {
        return Err(own.refused(name, format!("below expert_count, which is {experts}")));
    }
    if groups <= 1 {
        return Ok(());
    }
    if !experts.is_multiple_of(groups) {
        return Err(own.refused(name, format!("a divisor of expert_count, which is {experts}")));
    }
    own.needed("expert_group_used_count", 1, groups - 1, "how many groups of experts are used").map(|_| ())
}

fn heads(own: &Own<'_>) -> Result<(), Error> {
    for name in ["attention.head_count", "attention.head_count_kv", "feed_forward_length"] {
        let most = if name == "feed_forward_length" { i64::from(MOST_WIDTH) } else { MOST_HEADS };
        let Some(value) = own.get(name) else { continue };
        let each = value.one_or_more();
        if each.is_none_or(|each| each.iter().any(|count| !(0..=most).contains(count))) {
            return Err(own.refused(name, format!("a number from 0 to {most}, or one for each layer")));
        }
    }
    Ok(())
}

/// Numbers with a fraction: none is NaN, and those that are divided by or rooted have a sign.
fn fractions(own: &Own<'_>) -> Result<(), Error> {
    let prefix = own.key("");
    let of_architecture = own.header.keys.iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?, value)));
    for (name, value) in of_architecture {
        let Some(number) = value.f32() else { continue };
        if number.is_nan() {
            return Err(own.refused(name, "a number"));
        }
        if name.ends_with("epsilon") && !(0.0..1.0).contains(&number) {
            return Err(own.refused(name, "a number from 0 to 1"));
        }
        if name.starts_with("rope.freq_base") && !(number.is_finite() && number > 0.0) {
            return Err(own.refused(name, "a number above 0"));
        }
    }
    Ok(())
}

fn rope(own: &Own<'_>) -> Result<(), Error> {
    const KNOWN: [&[u8]; 4] = [b"none", b"linear", b"yarn", b"longrope"];
    let name = "rope.scaling.type";
    let is_known = |value: &Value| value.text().is_some_and(|text| KNOWN.contains(&text));
    match own.get(name) {
        Some(value) if !is_known(value) => Err(own.refused(name, "none, linear, yarn or longrope")),
        _ => Ok(()),
    }
}

// --- the vocabulary --------------------------------------------------------------------------------------------------

const MODEL: &str = "tokenizer.ggml.model";
const TOKENS: &str = "tokenizer.ggml.tokens";

fn vocabulary(header: &Header) -> Result<(), Error> {
    let Some(model) = header.get(MODEL) else {
        return Err(Error::Missing { key: MODEL.to_owned(), what: "its kind of vocabulary" });
    };
    if matches!(model.text(), None | Some(b"none" | b"no_vocab" | b"")) {
        return Err(Error::key(MODEL, model.described(), "the kind of a vocabulary"));
    }
    let tokens = tokens(header)?;
    let ids = token_ids(tokens)?;
    beside_tokens(header, "tokenizer.ggml.scores", tokens.len())?;
    beside_tokens(header, "tokenizer.ggml.token_type", tokens.len())?;
    if model.text() == Some(b"llama") { has_every_byte(&ids) } else { Ok(()) }
}

fn tokens(header: &Header) -> Result<&[Vec<u8>], Error> {
    match header.get(TOKENS) {
        Some(Value::Texts(tokens)) if !tokens.is_empty() && tokens.len() <= MOST_TOKENS as usize => Ok(tokens),
        Some(value) => Err(Error::key(TOKENS, value.described(), "a list of texts")),
        None => Err(Error::Missing { key: TOKENS.to_owned(), what: "a vocabulary" }),
    }
}

/// The id of each token's text, as llama.cpp sees the text: up to the first zero, and with a name of its own if empty.
///
/// Errors: two tokens have the same text, or one is longer than a token can be.
fn token_ids(tokens: &[Vec<u8>]) -> Result<HashMap<&[u8], usize>, Error> {
    let mut ids = HashMap::with_capacity(tokens.len());
    for (id, token) in tokens.iter().enumerate() {
        let text = up_to_zero(token);
        if text.len() > LONGEST_TOKEN_BYTES {
            let found = format!("{} bytes long", text.len());
            return Err(Error::key(format!("{TOKENS}[{id}]"), found, format!("at most {LONGEST_TOKEN_BYTES} bytes")));
        }
        if text.is_empty() {
            continue;
        }
        if let Some(other) = ids.insert(text, id) {
            let found = format!("{:?}, as token {other}", String::from_utf8_lossy(text));
            return Err(Error::key(format!("{TOKENS}[{id}]"), found, "a text of its own"));
        }
    }
    Ok(ids)
}

/// A list beside the tokens has a value for each.
fn beside_tokens(header: &Header, key: &str, tokens: usize) -> Result<(), Error> {
    match header.get(key) {
        Some(value) if value.len() < tokens => {
            Err(Error::key(key, value.described(), format!("one value for each of the {tokens} tokens")))
        }
        _ => Ok(()),
    }
}

/// `SentencePiece` falls back to tokens of one byte for what no other token covers.
fn has_every_byte(ids: &HashMap<&[u8], usize>) -> Result<(), Error> {
    let is_there =
        |byte: &u8| ids.contains_key(format!("<0x{byte:02X}>").as_bytes()) || ids.contains_key([*byte].as_slice());
    match (0..=u8::MAX).find(|byte| !is_there(byte)) {
        Some(byte) => Err(Error::key(TOKENS, format!("without a token for the byte {byte:#04x}"), "complete")),
        None => Ok(()),
    }
}
