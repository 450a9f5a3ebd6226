//! The command line as typed ([`LowArgs`]), and its help.
//!
//! llama.cpp's names and meanings where it has the flag; `llm`'s for output. Checked here: each value by itself.
//! What depends on other values, the configuration or the terminal is settled in [`super::Settings::resolve`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, Parser, Subcommand};

use super::values::{self, Count};
use crate::engine::config::{GpuLayers, KvDtype, SplitMode};
use crate::engine::{library_version, patch_stamp};
use crate::swaa::preset::RecipePatch;
use crate::swaa::written::{self, WrittenError};
use crate::swaa::{ChainOfThought, LayerSpec, WindowSpec};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().bold())
    .usage(AnsiColor::Cyan.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Yellow.on_default());

const EXAMPLES: &str = "\
Examples:
  lunette book.txt                                   read a book and talk about it
  lunette --headless -p 'Who is Mr. Collins?' book.txt
  lunette --preset accurate --parts 3-7 book.txt     five chapters, half of the layers in full
  lunette fit src/                                   tokens of each file, and what reading them would take
  git diff | lunette -p 'What changed?' --json -

Exit codes: 0 answered · 1 failed · 2 wrong usage · 3 document unreadable or empty · 4 does not fit · 5 no model ·
6 stopped at a limit · 124 --timeout · 130 interrupted · 143 terminated";

/// Ours, llama.cpp's and the stamp of our patches to it, so that the report of a bug tells what ran.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let ours = env!("CARGO_PKG_VERSION");
        format!("{ours}\nllama.cpp {}, patched as {}", library_version(), patch_stamp())
    });
    &VERSION
}

/// Chat with documents that are too long to read.
#[derive(Debug, Parser)]
#[command(
    name = "lunette",
    version = version(),
    styles = STYLES,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub struct LowArgs {
    #[command(subcommand)]
    pub command: Option<Subcommands>,
    #[command(flatten)]
    pub chat: ChatArgs,
}

#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// List the presets, and what they mean for a model (-m)
    Presets(PresetsArgs),
    /// Show what is read of documents, what is not, and how many tokens each part has (-m)
    Inspect(InspectArgs),
    /// Say whether documents fit a model and what reading them would take, part by part; read nothing
    Fit(Box<FitArgs>),
    /// Print where configuration, models, exported conversations and logs are kept
    Paths {
        #[arg(long)]
        json: bool,
    },
    /// Fetch a model of the catalogue (the default one when none is named) and check it
    Pull {
        /// A name of the catalogue
        name: Option<String>,
    },
    /// Open Pride and Prejudice, as many chapters as this machine reads in a minute
    Demo(Box<SessionArgs>),
    /// Measure what presets are worth: recall on records, against full attention
    Eval(Box<EvalArgs>),
}

/// What the screen and headless runs take.
#[derive(Debug, Args)]
pub struct ChatArgs {
    /// Documents to read, by path or address (https://…); `-` is standard input. A file named like a command: ./paths
    #[arg(value_name = "PATH")]
    pub documents: Vec<OsString>,
    #[command(flatten)]
    pub session: SessionArgs,
}

/// What every session takes, on whatever documents.
#[derive(Debug, Args)]
pub struct SessionArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub questions: QuestionArgs,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Files, folders and addresses (https://…); `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    pub documents: Vec<OsString>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Exactly what the model sees, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub text: bool,
    /// Only these parts (chapters, sections, files), by number: 3, 3-7, 1,4-
    #[arg(long, value_name = "NUMBERS")]
    pub parts: Option<String>,
    /// Only these pages of PDFs: 3, 3-10, 1,40-
    #[arg(long, value_name = "NUMBERS", conflicts_with = "parts")]
    pub pages: Option<String>,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// What `lunette fit` takes: what a session does, for which it plans.
#[derive(Debug, Args)]
pub struct FitArgs {
    #[command(flatten)]
    pub chat: ChatArgs,
    /// Read a thousand tokens first, when this machine's speed with this model was not measured yet
    #[arg(long)]
    pub measure: bool,
}

#[derive(Debug, Args)]
pub struct PresetsArgs {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// What `lunette eval` takes.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Records, one JSON object a line, plain or gzipped
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Presets to compare, comma-separated; full attention is always among them
    #[arg(
        long,
        alias = "preset",
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "full,accurate,fastest,paper,naive"
    )]
    pub presets: Vec<String>,
    /// Most records of each file
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only these tasks, comma-separated
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub tasks: Vec<String>,
    /// Leave out records whose prompt has more tokens
    #[arg(long, value_name = "TOKENS", value_parser = tokens)]
    pub max_context_tokens: Option<u32>,
    /// Most tokens of an answer
    #[arg(short = 'n', long, value_name = "TOKENS", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    pub predict: u32,
    /// Write every answer and the table here, as JSON
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Keep the answers that --out already has, and ask for the rest
    #[arg(long, requires = "out")]
    pub resume: bool,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Documents")]
pub struct SelectionArgs {
    #[command(flatten)]
    pub files: FileArgs,
    /// Read only these parts (chapters, sections, files), by number: 3, 3-7, 1,4-
    #[arg(long, value_name = "NUMBERS")]
    pub parts: Option<String>,
    /// Read only these pages of PDFs: 3, 3-10, 1,40-
    #[arg(long, value_name = "NUMBERS", conflicts_with = "parts")]
    pub pages: Option<String>,
    /// Read as many parts as this machine reads in that time: 60s, 5m
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub within: Option<Duration>,
    /// Read only the parts nearest to the questions, by BM25, with at most so many tokens: 20k
    #[arg(long, value_name = "TOKENS", value_parser = tokens, conflicts_with = "within")]
    pub pick: Option<u32>,
}

/// What is read of folders and files.
#[derive(Debug, Clone, Default, Args)]
pub struct FileArgs {
    /// Of folders, read only what matches, whatever ignore files say: '*.rs', 'docs/**'; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Of folders, leave out what matches: 'tests/', '*.csv'; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Opens encrypted PDFs; so does the variable `LUNETTE_PDF_PASSWORD`, which other users of the machine can't see
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    pub pdf_password: Option<String>,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Questions")]
pub struct QuestionArgs {
    /// Ask this; may be given several times, all about one reading of the documents
    #[arg(short, long = "prompt", visible_alias = "ask", value_name = "TEXT", allow_hyphen_values = true)]
    pub prompts: Vec<String>,
    /// Ask what this file says
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub prompt_files: Vec<PathBuf>,
    /// System prompt (-sys)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub system_prompt: Option<String>,
    /// Most tokens of an answer, reasoning included; -1 until the context is full
    #[arg(short = 'n', long = "predict", visible_alias = "n-predict", value_name = "TOKENS", value_parser = values::limit, allow_hyphen_values = true)]
    pub predict: Option<Count>,
    /// Reasoning tokens after which the model has to answer; -1 unlimited, 0 none
    #[arg(long, value_name = "TOKENS", value_parser = values::limit, allow_hyphen_values = true)]
    pub reasoning_budget: Option<Count>,
    /// End the answer before this text; may be given several times
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub stop: Vec<String>,
    /// Give up after that time, reading included (exit code 124); in the screen, end each answer after it
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub timeout: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub struct ReadingArgs {
    /// How to read: auto, full, accurate, balanced, quick, fastest, stream, paper, naive, or your own (see `lunette presets`)
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    #[command(flatten)]
    pub recipe: RecipeArgs,
}

/// Single fields of the recipe, over those of the preset. The reference's names are aliases.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reading")]
pub struct RecipeArgs {
    /// Tokens that a token sees back: full, 2048, 4k, n/4 (of the document), 'max(4k, n/4)'
    #[arg(long, alias = "sliding-window-size", value_name = "WINDOW", value_parser = window)]
    pub window: Option<WindowSpec>,
    /// Leading tokens that every token sees
    #[arg(long, alias = "keep-first", value_name = "TOKENS", value_parser = tokens)]
    pub sinks: Option<u32>,
    /// Layers that see everything: none, all, first-half, first-8, odd, even, every-4-from-1, 1,3,5-9, model
    #[arg(long, alias = "non-sliding-layers", value_name = "LAYERS", value_parser = layers)]
    pub full_layers: Option<LayerSpec>,
    /// Write the answer with full attention
    #[arg(long, alias = "force-fa-decode", value_name = "on|off", value_parser = switch, require_equals = true, num_args = 0..=1, default_missing_value = "on")]
    pub fa_decode: Option<bool>,
    /// Read the question with full attention
    #[arg(long, value_name = "on|off", value_parser = switch, require_equals = true, num_args = 0..=1, default_missing_value = "on")]
    pub dense_tail: Option<bool>,
    /// Read the question through the window too, as the paper does: --dense-tail=off
    #[arg(long, conflicts_with = "dense_tail")]
    pub paper: bool,
    /// Whether the model reasons first: native (as it does by itself), prompted, off
    #[arg(long, value_name = "MODE", value_parser = chain_of_thought)]
    pub cot: Option<ChainOfThought>,
}

impl RecipeArgs {
    /// The fields that were given.
    #[must_use]
    pub fn patch(&self) -> RecipePatch {
        RecipePatch {
            window: self.window,
            sinks: self.sinks,
            full_layers: self.full_layers.clone(),
            fa_decode: self.fa_decode,
            dense_tail: if self.paper { Some(false) } else { self.dense_tail },
        }
    }

    /// The first flag that was given besides `--window`, as it is written.
    #[must_use]
    pub fn first_beside_the_window(&self) -> Option<&'static str> {
        let given = [
            ("--sinks", self.sinks.is_some()),
            ("--full-layers", self.full_layers.is_some()),
            ("--fa-decode", self.fa_decode.is_some()),
            ("--dense-tail", self.dense_tail.is_some()),
            ("--paper", self.paper),
        ];
        given.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// A GGUF file, or a name of the catalogue
    #[arg(short, long, value_name = "FILE|NAME")]
    pub model: Option<String>,
    /// A model on Hugging Face: USER/REPO or USER/REPO:QUANT (-hf)
    #[arg(long, value_name = "REPO", conflicts_with = "model")]
    pub hf_repo: Option<String>,
    /// Fetch the model when it is not there
    #[arg(long)]
    pub pull: bool,
    /// Tokens of context; 0 is what the documents and the answer need
    #[arg(short, long, value_name = "TOKENS", value_parser = tokens)]
    pub ctx_size: Option<u32>,
    /// Most tokens between two looks at progress and cancelling
    #[arg(short, long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: Option<u32>,
    /// Most tokens computed at once (-ub)
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub ubatch_size: Option<u32>,
    /// Threads; -1 is every core
    #[arg(short, long, value_name = "N", value_parser = values::count_or_all, allow_hyphen_values = true)]
    pub threads: Option<Count>,
    /// Layers on the GPU (-ngl): auto is as many as its memory holds, all, or a number
    #[arg(long, alias = "n-gpu-layers", value_name = "auto|all|N", value_parser = values::gpu_layers, allow_hyphen_values = true)]
    pub gpu_layers: Option<GpuLayers>,
    /// GPUs to use, by llama.cpp's names (-dev): CUDA0,CUDA1; an unknown one is refused with those that there are
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub device: Vec<String>,
    /// How several GPUs share a model (-sm): none, layer
    #[arg(long, value_name = "MODE", value_parser = values::split_mode)]
    pub split_mode: Option<SplitMode>,
    /// What part of the model each GPU gets (-ts): 3,1
    #[arg(long, value_name = "X,...", value_delimiter = ',')]
    pub tensor_split: Vec<f32>,
    /// The GPU that has all of it with --split-mode none (-mg)
    #[arg(long, value_name = "N")]
    pub main_gpu: Option<u32>,
    /// llama.cpp's flash attention kernels (-fa): on, off, auto
    #[arg(long, value_name = "MODE", value_parser = values::flash_attention, require_equals = true, num_args = 0..=1, default_missing_value = "on")]
    pub flash_attn: Option<bool>,
    /// Number type of the cached keys (-ctk): f16, bf16, f32, `q8_0`, `q4_0`
    #[arg(long, value_name = "TYPE", value_parser = values::kv_dtype)]
    pub cache_type_k: Option<KvDtype>,
    /// Number type of the cached values (-ctv); the same as of the keys
    #[arg(long, value_name = "TYPE", value_parser = values::kv_dtype)]
    pub cache_type_v: Option<KvDtype>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sampling")]
pub struct SamplingArgs {
    /// Temperature; 0 (the default) takes the likeliest token each time
    #[arg(long, visible_alias = "temperature", value_name = "T", value_parser = values::from_zero, allow_negative_numbers = true)]
    pub temp: Option<f32>,
    /// Draw from the K likeliest tokens; 0 from all
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub top_k: Option<i32>,
    /// Draw from the likeliest tokens that together have this probability
    #[arg(long, value_name = "P", value_parser = values::share, allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Leave out tokens less likely than this share of the likeliest
    #[arg(long, value_name = "P", value_parser = values::share, allow_negative_numbers = true)]
    pub min_p: Option<f32>,
    /// Divide the scores of tokens that were just used; 1 is off
    #[arg(long, value_name = "X", value_parser = values::penalty, allow_negative_numbers = true)]
    pub repeat_penalty: Option<f32>,
    /// How many tokens back the penalty looks; -1 is all of the context
    #[arg(long, value_name = "TOKENS", allow_hyphen_values = true)]
    pub repeat_last_n: Option<i32>,
    /// Seed; -1 draws one
    #[arg(short, long, value_name = "N", value_parser = values::seed, allow_hyphen_values = true)]
    pub seed: Option<u32>,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// No screen: answer -p on standard output and leave
    #[arg(long)]
    pub headless: bool,
    /// The chat in plain lines, for screen readers; ACCESSIBLE=1 does the same
    #[arg(long, conflicts_with = "headless")]
    pub plain: bool,
    /// No screen: answer under each of these presets
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with_all = ["preset", "dry_run"])]
    pub ab: Vec<String>,
    /// One JSON object for each question, one a line
    #[arg(long, conflicts_with = "jsonl")]
    pub json: bool,
    /// A stream of JSON objects, one a line, as things happen
    #[arg(long)]
    pub jsonl: bool,
    /// Figures on standard error: tokens, times, memory
    #[arg(short = 'u', long, visible_alias = "usage")]
    pub stats: bool,
    /// Leave the model's reasoning out
    #[arg(short = 'R', long)]
    pub hide_reasoning: bool,
    /// Only the first fenced code block of the answer, or all of it when there is none
    #[arg(short = 'x', long, conflicts_with = "jsonl")]
    pub extract: bool,
    /// Say whether it fits and what it would take, as `lunette fit` does, and read nothing
    #[arg(long)]
    pub dry_run: bool,
}

fn window(text: &str) -> Result<WindowSpec, String> {
    text.parse().map_err(sentence)
}

fn layers(text: &str) -> Result<LayerSpec, String> {
    text.parse().map_err(sentence)
}

fn tokens(text: &str) -> Result<u32, String> {
    written::tokens(text).map_err(sentence)
}

fn switch(text: &str) -> Result<bool, String> {
    written::switch(text).map_err(sentence)
}

fn chain_of_thought(text: &str) -> Result<ChainOfThought, String> {
    text.parse().map_err(sentence)
}

/// clap names the flag and the value; what is allowed is left to say.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn sentence(error: WrittenError) -> String {
    format!("allowed is {}", error.allowed)
}
