//! A model of a megabyte that says a script: each token decides the next one.
//!
//! One layer whose attention and feed-forward give zero, so that the last token's embedding is all that the output matrix
//! sees: a column of it has its one where the next token is. The vocabulary has the 256 bytes and three control tokens.
//!
//! Example: the script `Hi.` answers every prompt that ends with a newline by `H`, `i`, `.` and the end of the turn. A letter may
//! occur once, as it decides what follows it.

#![allow(dead_code, reason = "each test file takes what it needs")]

use std::path::Path;

use super::gguf::{Gguf, Numbers, Tensor, Value};

/// The control tokens, behind the bytes.
const CONTROL: [&str; 3] = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const BOS: usize = 256;
const EOS: usize = 258;
const VOCAB: usize = 259;
/// A multiple of 32, with room for a dimension for each token.
const WIDTH: usize = 288;
const HEAD: usize = 32;

pub(crate) const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}\
     {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// Writes a model that says `script` after a newline, with this chat template.
pub(crate) fn write(path: &Path, script: &str, template: &str) {
    write_with(path, &next_tokens(script.as_bytes()), 1.0, template);
}

/// Writes a model that goes round in `circle`, and leaves it for any other byte now and then if it is sampled: at temperature 1
/// about once in five tokens.
///
/// Each logit is a product of two numbers, so that it is the same to the bit however many tokens are computed at once.
pub(crate) fn write_wandering(path: &Path, circle: &str) {
    let circle = circle.as_bytes();
    let mut next = vec![usize::from(circle[0]); VOCAB];
    for (one, other) in circle.iter().zip(circle.iter().skip(1)) {
        next[usize::from(*one)] = usize::from(*other);
    }
    write_with(path, &next, 0.4, CHATML);
}

/// `certainty` is how much more likely each next token is than any other: 17 times as much in the logit.
fn write_with(path: &Path, next: &[usize], certainty: f32, template: &str) {
    let gguf = Gguf { numbers: Numbers::F32, keys: keys(template), tensors: tensors(next, certainty) };
    gguf.write_to(path).expect("the temporary folder takes a small file");
}

fn keys(template: &str) -> Vec<(String, Value)> {
    let text = |name: &str, value: &str| (name.to_owned(), Value::Text(value.to_owned()));
    let number = |name: &str, value: usize| (name.to_owned(), Value::U32(value as u32));
    let kinds = (0..VOCAB).map(|id| if id < BOS { 1 } else { 3 }).collect();
    vec![
        text("general.architecture", "llama"),
        text("general.name", "scripted"),
        number("llama.block_count", 1),
        number("llama.context_length", 1 << 17),
        number("llama.embedding_length", WIDTH),
        number("llama.feed_forward_length", HEAD),
        number("llama.attention.head_count", 1),
        number("llama.attention.head_count_kv", 1),
        number("llama.attention.key_length", HEAD),
        number("llama.attention.value_length", HEAD),
        number("llama.rope.dimension_count", HEAD),
        number("llama.vocab_size", VOCAB),
        ("llama.attention.layer_norm_rms_epsilon".to_owned(), Value::F32(1e-5)),
        ("llama.rope.freq_base".to_owned(), Value::F32(10_000.0)),
        text("tokenizer.ggml.model", "gpt2"),
        text("tokenizer.ggml.pre", "gpt-2"),
        ("tokenizer.ggml.tokens".to_owned(), Value::TextList(vocabulary())),
        ("tokenizer.ggml.token_type".to_owned(), Value::I32List(kinds)),
        ("tokenizer.ggml.merges".to_owned(), Value::TextList(vec!["\u{120} \u{120}".to_owned()])),
        number("tokenizer.ggml.bos_token_id", BOS),
        number("tokenizer.ggml.eos_token_id", EOS),
        text("tokenizer.chat_template", template),
    ]
}

/// GPT-2's letters for bytes: printable ones stand for themselves, the others for letters from U+0100 on.
fn vocabulary() -> Vec<String> {
    let mut others = 0x100_u32..;
    let letter = |byte: u8| match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        _ => others.next().and_then(char::from_u32).expect("there are letters from U+0100 on"),
    };
    let bytes: Vec<String> = (0..=u8::MAX).map(letter).map(String::from).collect();
    bytes.into_iter().chain(CONTROL.map(str::to_owned)).collect()
}

fn tensors(next: &[usize], certainty: f32) -> Vec<(String, Tensor)> {
    let ones = || Tensor { columns: WIDTH, rows: 1, slices: 1, data: vec![1.0; WIDTH] };
    let zeros = |columns: usize, rows: usize| Tensor { columns, rows, slices: 1, data: vec![0.0; columns * rows] };
    let mut embedding = zeros(WIDTH, VOCAB);
    (0..VOCAB).for_each(|token| embedding.data[token * WIDTH + token] = 1.0);
    let mut output = zeros(WIDTH, VOCAB);
    for (token, next) in next.iter().enumerate() {
        output.data[next * WIDTH + token] = certainty;
    }
    let block = |name: &str| format!("blk.0.{name}.weight");
    vec![
        ("token_embd.weight".to_owned(), embedding),
        ("output.weight".to_owned(), output),
        ("output_norm.weight".to_owned(), ones()),
        (block("attn_norm"), ones()),
        (block("ffn_norm"), ones()),
        (block("attn_q"), zeros(WIDTH, HEAD)),
        (block("attn_k"), zeros(WIDTH, HEAD)),
        (block("attn_v"), zeros(WIDTH, HEAD)),
        (block("attn_output"), zeros(HEAD, WIDTH)),
        (block("ffn_gate"), zeros(WIDTH, HEAD)),
        (block("ffn_up"), zeros(WIDTH, HEAD)),
        (block("ffn_down"), zeros(HEAD, WIDTH)),
    ]
}

/// What follows each token: the script after a newline, and the end of the turn after everything else.
fn next_tokens(script: &[u8]) -> Vec<usize> {
    let mut next = vec![EOS; VOCAB];
    let chain = std::iter::once(&b'\n').chain(script);
    for (one, other) in chain.zip(script) {
        assert_eq!(next[usize::from(*one)], EOS, "{:?} occurs twice", char::from(*one));
        next[usize::from(*one)] = usize::from(*other);
    }
    next
}
