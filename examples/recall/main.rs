//! Records for `lunette eval`: documents of a given length in tokens, and questions about facts in them that no model knows.
//!
//! ```text
//! cargo run --release --example recall -- --model "$(lunette pull qwen2.5-coder-1.5b)" --out target/recall --lengths 8k,16k,32k
//! lunette eval target/recall/32k.jsonl.gz -m qwen2.5-coder-1.5b --presets full,balanced,fastest --reread off,on -n 0
//! ```
//!
//! Five kinds of documents: numbers by key where every line is one, pairs of uuids, numbers in a novel that are asked for by fours,
//! people who move about in a novel and are asked for by the room that they are in at last, and source code of this program that
//! is quoted. Asked about the same novels, for what no single passage answers: how often, who first, where before.
//!
//! The picture: 31,000 tokens of *Pride and Prejudice* with 36 sentences like "One of the special magic numbers for ash-bell is:
//! 4821397." between its own, nine questions for four of them each, and the right answers word by word.
//!
//! The same seed, model and source give the same records. The kinds of tasks are those of RULER, *Lost in the Middle* and bAbI;
//! the texts are made here.

#![allow(clippy::print_stderr, reason = "what was made is told while the rest is being made")]

mod novel;
mod tables;
mod words;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;
use flate2::{Compression, write::GzEncoder};
use lunette::engine::Vocabulary;
use lunette::eval::draws::Draws;
use serde_json::json;

/// Tokens that a length leaves for what is around the document: system prompt, question, passages that are read again, answer.
const TOKENS_AROUND: usize = 1_900;

/// How often a document is made again to come near the length that is wanted.
const ATTEMPTS: usize = 8;

#[derive(Parser)]
struct Args {
    /// The model whose vocabulary counts the tokens
    #[arg(long)]
    model: PathBuf,
    /// A file of records for each length, and a folder of documents beside it
    #[arg(long)]
    out: PathBuf,
    /// Tokens of the whole context, such as 8k or 32k (32,768), comma-separated
    #[arg(long, value_delimiter = ',', default_value = "8k,16k,32k")]
    lengths: Vec<String>,
    /// Documents of each kind
    #[arg(long, default_value_t = 5)]
    documents: usize,
    /// Questions about each document
    #[arg(long, default_value_t = 9)]
    questions: usize,
    #[arg(long, default_value_t = 20_261_130)]
    seed: u64,
}

/// A question about a document.
pub(crate) struct Asked {
    task: &'static str,
    question: String,
    /// What the answer begins with.
    lead: String,
    /// How it goes on.
    gold: String,
    /// What has to be in it.
    answers: Vec<String>,
}

/// A document and its questions.
pub(crate) struct Made {
    text: String,
    asked: Vec<Asked>,
}

/// Makes a document of about so many units (lines, sentences, bytes), with so many questions.
type Make = fn(&mut Draws, usize, usize) -> Made;

/// The kinds of documents, and the number of tokens of a unit of each, more or less.
const KINDS: [(&str, Make, usize); 5] = [
    ("needles", tables::needles, 24),
    ("pairs", tables::pairs, 60),
    ("facts", novel::facts, 26),
    ("state", novel::state, 26),
    ("code", tables::code, 400),
];

fn main() -> Result<()> {
    let args = Args::parse();
    let vocabulary = Vocabulary::open(&args.model).map_err(|failure| anyhow::anyhow!(failure.message))?;
    for length in &args.lengths {
        make_length(&args, &vocabulary, length).with_context(|| format!("length {length}"))?;
    }
    Ok(())
}

fn make_length(args: &Args, vocabulary: &Vocabulary, length: &str) -> Result<()> {
    let tokens = tokens_of(length)?.checked_sub(TOKENS_AROUND).context("it leaves no room around the document")?;
    let folder = args.out.join(length);
    fs::create_dir_all(&folder)?;
    let mut records = GzEncoder::new(File::create(args.out.join(format!("{length}.jsonl.gz")))?, Compression::best());
    let mut questions = 0;
    // One of each kind after the other: a run that ends early has as many of each.
    for number in 0..args.documents {
        for (kind, make, unit_tokens) in KINDS {
            let seed = args.seed ^ hash(&format!("{length} {kind} {number}"));
            let made =
                fitted(vocabulary, tokens, unit_tokens, |units| make(&mut Draws::new(seed), units, args.questions))?;
            let name = format!("{kind}-{number}.txt");
            fs::write(folder.join(&name), &made.text)?;
            questions += made.asked.len();
            write_records(&mut records, length, &name, &made)?;
        }
    }
    records.finish()?;
    eprintln!("{length}: {} documents of up to {tokens} tokens, {questions} questions", args.documents * KINDS.len());
    Ok(())
}

fn write_records(records: &mut impl Write, length: &str, document: &str, made: &Made) -> Result<()> {
    for (number, asked) in made.asked.iter().enumerate() {
        let id = format!("{length}-{}-{}-{number}", document.trim_end_matches(".txt"), asked.task);
        let record = json!({
            "id": id, "task": asked.task, "length": length, "document": Path::new(length).join(document), "title": "Notes",
            "question": asked.question, "lead": asked.lead, "gold": asked.gold, "answers": asked.answers,
            "metric": "contains_all",
        });
        writeln!(records, "{record}")?;
    }
    Ok(())
}

/// The largest of a few documents that have no more than `tokens`.
///
/// Errors: none has so few, or all have much fewer: there are not enough different words, or files.
fn fitted(vocabulary: &Vocabulary, tokens: usize, unit_tokens: usize, make: impl Fn(usize) -> Made) -> Result<Made> {
    let mut units = tokens / unit_tokens;
    let mut best: Option<(usize, Made)> = None;
    for _ in 0..ATTEMPTS {
        let now = make(units);
        let count = vocabulary.count(&now.text);
        units = (units * tokens * 99 / 100 / count.max(1)).max(1);
        if count <= tokens && best.as_ref().is_none_or(|(most, _)| count > *most) {
            best = Some((count, now));
        }
        if best.as_ref().is_some_and(|(count, _)| count * 100 >= tokens * 98) {
            break;
        }
    }
    match best {
        Some((count, largest)) if count * 10 >= tokens * 9 => Ok(largest),
        Some((count, _)) => bail!("the longest document that can be made has {count} tokens, and {tokens} are wanted"),
        None => bail!("no document that can be made has as few as {tokens} tokens"),
    }
}

/// `8k` is 8,192.
fn tokens_of(length: &str) -> Result<usize> {
    let (number, unit) = length.strip_suffix('k').map_or((length, 1), |number| (number, 1_024));
    match number.parse::<usize>() {
        Ok(number) => Ok(number * unit),
        Err(_) => bail!("not a number of tokens: {length}"),
    }
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
