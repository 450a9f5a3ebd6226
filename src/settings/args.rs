//! The command line as typed ([`LowArgs`]), and its help.
//!
//! A flag that llama.cpp has keeps its name and meaning; output flags follow `llm`. Each value is checked here by
//! itself. [`super::Settings::resolve`] checks what depends on other values, the configuration or the terminal.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::server::{self, ServerChoice};
use super::values::{self, Count, Fields, Listen};
use crate::engine::config::{GpuLayers, KvDtype, RopeMethod, RopeScaling, SplitMode, Yarn};
use crate::engine::message::{Drafting, Reread};
use crate::engine::{library_version, patch_stamp};
use crate::swaa::preset::RecipePatch;
use crate::swaa::written::{self, WrittenError};
use crate::swaa::{Adapter, ChainOfThought, LayerSpec, WindowSpec};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().bold())
    .usage(AnsiColor::Cyan.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Yellow.on_default());

/// The lines below "Examples:".
pub(super) const EXAMPLES: &str = "  lunette book.txt                                   load a book and chat about it
  lunette --headless -p 'Who is Mr. Collins?' book.txt
  lunette --preset accurate --parts 3-7 book.txt     five chapters, half of the layers with full attention
  lunette fit src/                                   tokens per file, predicted prefill time and memory
  git diff | lunette -p 'What changed?' --json";

/// What the exit codes are of.
pub(super) const EXIT_CODES_OF: &str = "of several answers, the first that is not 0";

/// The lines below "Exit codes:".
pub(super) const EXIT_CODES: &str = "  0    answered
  1    failed
  2    wrong usage: flags, configuration, or what this model or machine can't do
  3    a document is unreadable or empty
  4    it does not fit the context or the memory
  5    no model, or it can't be loaded
  6    the answer was cut at a limit (-n, -c)
  7    no quote is in the document word for word (--require-citations)
  8    the model ended its output without an answer
  124  --timeout passed
  130  interrupted
  131  quit (SIGQUIT)
  143  terminated";

fn after_help() -> String {
    format!("Examples:\n{EXAMPLES}\n\nExit codes: ({EXIT_CODES_OF})\n{EXIT_CODES}")
}

/// Lunette's version, llama.cpp's, and the stamp of our patches: a bug report then says exactly what ran.
pub(super) fn version() -> &'static str {
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
    after_help = after_help(),
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
    /// List the presets; with -m, as resolved for that model
    Presets(PresetsArgs),
    /// Show which files and parts are read or skipped; with -m, their token counts
    Inspect(InspectArgs),
    /// Check whether documents fit a model, and predict prefill time and memory by part, without prefilling
    Fit(Box<FitArgs>),
    /// Print where the configuration, models, exported conversations and logs are kept
    Paths {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Download a model from the catalogue (default: the default model) and verify its checksum
    Pull {
        /// Name of a model in the catalogue
        name: Option<String>,
    },
    /// Read documents ahead, so that they are open at once later
    Read(Box<ReadArgs>),
    /// List, check or remove the readings that are kept on disk
    Cache {
        #[command(subcommand)]
        task: CacheArgs,
    },
    /// Look at processor, GPU, memory, disk, model and terminal, and say what to do about what is wrong (exit code 1)
    Doctor {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// Ask these machines, too, each a `lunette rpc-server`
        #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',', value_parser = values::peer)]
        rpc: Vec<String>,
    },
    /// List, fetch, examine, verify and remove models: the catalogue's, and those of other tools on this machine
    Models {
        #[command(subcommand)]
        task: ModelsArgs,
    },
    /// Print completions for a shell
    Completions { shell: Shell },
    /// Print the manual page, as roff: `lunette man | man -l -`
    Man,
    /// List, show, search, export, rename, copy or remove saved conversations
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Open Pride and Prejudice: as many chapters as this machine can prefill in a minute
    Demo(Box<SessionArgs>),
    /// Find the attention heads of a model that point at passages, which --reread asks
    Calibrate(CalibrateArgs),
    /// Plant facts in a document and tell which presets find them, with this model on this machine
    Probe(Box<ProbeArgs>),
    /// Compare presets with full attention: answer recall on a set of records
    Eval(Box<EvalArgs>),
    /// Answer requests of OpenAI's clients about documents that are read once (see docs/server.md)
    Serve(Box<ServeArgs>),
    /// Compute layers for a Lunette on another machine, which names this one with --rpc (see docs/scale.md). For trusted networks only:
    /// whoever reaches it can use it, and nothing is encrypted
    RpcServer(RpcServerArgs),
}

/// What to do with saved conversations. SESSION is a number or a name.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum SessionsCommand {
    /// List the conversations, the one used last first
    Ls {
        /// Print one JSON object per conversation, one per line
        #[arg(long)]
        json: bool,
    },
    /// Print a conversation
    Show {
        /// Its number or name
        session: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a conversation to a file: markdown, or JSON if the file's name ends in .json
    Export {
        /// Its number or name
        session: String,
        /// The file; one that is there is not overwritten
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Find where something was asked, answered or thought: all words, the last one perhaps begun; "words in quotes" stand together
    Search {
        /// What to look for
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
        /// Print one JSON object per hit, one per line
        #[arg(long)]
        json: bool,
    },
    /// Name a conversation; without a name, take its name away
    Rename {
        /// Its number or name
        session: String,
        /// Its new name
        name: Option<String>,
    },
    /// Copy a conversation
    Fork {
        /// Its number or name
        session: String,
        /// The copy's name
        name: Option<String>,
    },
    /// Remove conversations
    Rm {
        /// Their numbers or names
        #[arg(required = true, value_name = "SESSION")]
        sessions: Vec<String>,
    },
}

/// Arguments of a chat: documents and session flags.
#[derive(Debug, Args)]
pub struct ChatArgs {
    /// Documents: paths, URLs (https://…) or `-` for standard input; write ./fit for a file named like a command
    #[arg(value_name = "PATH")]
    pub documents: Vec<OsString>,
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Flags of every session, whatever its documents.
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
    pub keeping: KeepingArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Documents: files, folders, URLs (https://…) or `-` for standard input
    #[arg(value_name = "PATH", required = true)]
    pub documents: Vec<OsString>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Print exactly the text that the model sees, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub text: bool,
    #[command(flatten)]
    pub selected: SelectedArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Arguments of `lunette read`: what has to be the same later, so that what was read can be used.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Documents: paths, URLs (https://…) or `-` for standard input
    #[arg(value_name = "PATH", required = true)]
    pub documents: Vec<OsString>,
    /// Presets to read them under, comma-separated (default: the configuration's, or auto)
    #[arg(long, alias = "preset", value_delimiter = ',', value_name = "NAMES")]
    pub presets: Vec<String>,
    /// Print one JSON object per preset, one per line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub selected: SelectedArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub system: SystemArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// What `lunette cache` does.
#[derive(Debug, Clone, Subcommand)]
pub enum CacheArgs {
    /// List what is kept, by model
    Ls {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check that everything is whole, and drop what is not (exit code 1 if there was any)
    Verify {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Drop what this version can't use, and with --to, what was not used for longest
    Prune {
        /// Keep at most this much, e.g. 5GB or 500MB
        #[arg(long, value_name = "SIZE", value_parser = values::size, allow_negative_numbers = true)]
        to: Option<u64>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove what is kept of a model, or everything
    Rm {
        /// A model's name or a part of it, as `lunette cache ls` shows it
        #[arg(value_name = "MODEL", required_unless_present = "all", conflicts_with = "all")]
        model: Option<String>,
        /// Everything
        #[arg(long)]
        all: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the folder
    Path {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ModelsArgs {
    /// List the models on this machine (also Hugging Face's, llama.cpp's, LM Studio's and Ollama's) and in the catalogue
    Ls {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Suggest up to three models for this machine and these documents (fast, balanced, best): download, memory, reading time
    Suggest {
        /// Files, folders or addresses; without one, 32,768 tokens are assumed
        #[arg(value_name = "DOCUMENT")]
        documents: Vec<String>,
        /// Under this preset (default: that of the configuration)
        #[arg(short = 'P', long, value_name = "NAME")]
        preset: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Download a model from the catalogue (default: the default model) and verify its checksum
    Pull {
        /// Name of a model in the catalogue
        name: Option<String>,
    },
    /// Remove a model that Lunette has downloaded
    Rm {
        /// Its name, as `lunette models ls` shows it
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show what a model keeps of its tokens, how large its cache gets and which presets it can use, without loading it
    Info {
        /// Its name, as `lunette models ls` shows it, or a GGUF file
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Read a model and compare its sha256 with what it should be (exit code 5 if it differs)
    Verify {
        /// Its name, as `lunette models ls` shows it
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Arguments of `lunette fit`: those of the chat that it plans.
#[derive(Debug, Args)]
pub struct FitArgs {
    #[command(flatten)]
    pub chat: ChatArgs,
    /// Prefill 1000 tokens first if this model's speed has not been measured on this machine yet
    #[arg(long)]
    pub measure: bool,
}

#[derive(Debug, Args)]
pub struct PresetsArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Which parts of the documents are used, where nothing else chooses.
#[derive(Debug, Args)]
pub struct SelectedArgs {
    /// Only these parts (chapters, sections, files), by number, e.g. 3 or 3-7 or 1,4-
    #[arg(long, value_name = "NUMBERS", allow_negative_numbers = true)]
    pub parts: Option<String>,
    /// Only these PDF pages, e.g. 3 or 3-10 or 1,40-
    #[arg(long, value_name = "NUMBERS", conflicts_with = "parts", allow_negative_numbers = true)]
    pub pages: Option<String>,
}

/// Arguments of `lunette probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Documents: paths, URLs (https://…) or `-` for standard input
    #[arg(value_name = "PATH", required = true)]
    pub documents: Vec<OsString>,
    /// Presets to try, comma-separated
    #[arg(
        long,
        alias = "preset",
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "fastest,quick,balanced,accurate,full"
    )]
    pub presets: Vec<String>,
    /// Whether passages are read again before a question: auto, on, off or a number; several, comma-separated, are compared
    #[arg(long, value_name = "MODE|N", value_delimiter = ',', value_parser = reread, default_values = ["off", "on"])]
    pub reread: Vec<Reread>,
    /// How many facts to plant, at equal distances
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u8).range(1..=24), allow_negative_numbers = true)]
    pub facts: u8,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub selected: SelectedArgs,
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Arguments of `lunette eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Records: one JSON object per line, plain or gzipped
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Presets to compare, comma-separated; full is always included
    #[arg(
        long,
        alias = "preset",
        value_delimiter = ',',
        value_name = "NAMES",
        default_value = "full,accurate,fastest,paper,naive"
    )]
    pub presets: Vec<String>,
    /// Max records per file
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub limit: Option<usize>,
    /// Only these tasks, comma-separated
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub tasks: Vec<String>,
    /// Skip records whose prompt has more tokens than this
    #[arg(long, value_name = "TOKENS", value_parser = tokens, allow_negative_numbers = true)]
    pub max_context_tokens: Option<u32>,
    /// Max tokens per answer; 0: no answer is written, and it is measured only how probable the right ones are
    #[arg(short = 'n', long, value_name = "TOKENS", default_value_t = 128, value_parser = clap::value_parser!(u32).range(0..=2_147_483_647), allow_negative_numbers = true)]
    pub predict: u32,
    /// Write all answers and the results table to this JSON file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Keep the answers already in --out and ask only the rest
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Draw score against seconds as a picture: where each preset lies, with this model on this machine
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print every answer, and whether it is right
    #[arg(long)]
    pub show_answers: bool,
    /// Whether passages are read again before a question: auto, on, off or a number; several, comma-separated, are compared
    #[arg(long, value_name = "MODE|N", value_delimiter = ',', value_parser = reread, default_value = "off")]
    pub reread: Vec<Reread>,
    /// Whether each question stands before its document, too, which is then read for each question: off or on; both, comma-separated, are
    /// compared
    #[arg(long, value_name = "on|off", value_delimiter = ',', value_parser = switch, default_value = "off")]
    pub question_first: Vec<bool>,
    #[command(flatten)]
    pub system: SystemArgs,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
}

/// Arguments of `lunette serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Documents that every conversation is about, unless it names some of them: paths, URLs (https://…) or `-`
    #[arg(value_name = "PATH")]
    pub documents: Vec<OsString>,
    #[command(flatten)]
    pub listening: ListenArgs,
    #[command(flatten)]
    pub answers: AnswerArgs,
    #[command(flatten, next_help_heading = "Documents")]
    pub files: FileArgs,
    #[command(flatten)]
    pub system: SystemArgs,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub sampling: SamplingArgs,
}

/// Where a server listens, to whom, and how much it takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct ListenArgs {
    /// Address to listen on (port 0: any that is free); one that other machines can reach needs an API key
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub listen: Listen,
    /// Host to listen on, in place of that of --listen
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Port to listen on, in place of that of --listen
    #[arg(long, value_name = "PORT", allow_negative_numbers = true)]
    pub port: Option<u16>,
    /// Key that clients have to send; set `LUNETTE_API_KEY` or give a file instead to hide it from the process list
    #[arg(long, value_name = "KEY", conflicts_with = "api_key_file", allow_hyphen_values = true)]
    pub api_key: Option<String>,
    /// File with the key that clients have to send
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Max size of a request
    #[arg(long, value_name = "SIZE", default_value = "16MB", value_parser = values::size, allow_negative_numbers = true)]
    pub max_body: u64,
    /// Max requests that wait for their turn; one more is refused with 429
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536), allow_negative_numbers = true)]
    pub max_queue: u32,
    /// Max questions that are answered at the same time, if they are about the same documents (1 = one after the other)
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=16), allow_negative_numbers = true)]
    pub parallel: u32,
    /// Max open connections; one more is refused with 503
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=65_536), allow_negative_numbers = true)]
    pub max_connections: u32,
}

/// Arguments of `lunette rpc-server`.
#[derive(Debug, Args)]
pub struct RpcServerArgs {
    /// Address to listen on (port 0: any that is free)
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50052", value_parser = values::address)]
    pub listen: Listen,
    /// Max memory of all clients together, e.g. 8GB (default: what the devices have)
    #[arg(long, value_name = "SIZE", value_parser = values::size, allow_negative_numbers = true)]
    pub memory: Option<u64>,
    /// Devices to compute with (-dev), by llama.cpp's names, e.g. CUDA0 or CPU; an unknown name lists the available ones (default: the
    /// GPUs or, without one, the CPU)
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub device: Vec<String>,
    /// Number of CPU threads (-1 or 0 = one for each physical core)
    #[arg(short, long, value_name = "N", value_parser = values::threads, allow_hyphen_values = true)]
    pub threads: Option<Count>,
}

/// What ends an answer of a server, unless its request says otherwise.
#[derive(Debug, Args)]
#[command(next_help_heading = "Answers")]
pub struct AnswerArgs {
    /// Max tokens per answer, including reasoning, of a request that names no number (-1 = until the context is full; 2048 by
    /// default)
    #[arg(short = 'n', long = "predict", visible_alias = "n-predict", value_name = "TOKENS", value_parser = values::answer_limit, allow_hyphen_values = true)]
    pub predict: Option<Count>,
    /// Max reasoning tokens before the answer (-1 = unlimited, 0 = no reasoning)
    #[arg(long, value_name = "TOKENS", value_parser = values::limit, allow_hyphen_values = true)]
    pub reasoning_budget: Option<Count>,
    /// Time limit for each answer, including prefill, e.g. 60s
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = values::duration, allow_negative_numbers = true)]
    pub timeout: Duration,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Documents")]
pub struct SelectionArgs {
    #[command(flatten)]
    pub files: FileArgs,
    /// Load only these parts (chapters, sections, files), by number, e.g. 3 or 3-7 or 1,4-
    #[arg(long, value_name = "NUMBERS", allow_negative_numbers = true)]
    pub parts: Option<String>,
    /// Load only these PDF pages, e.g. 3 or 3-10 or 1,40-
    #[arg(long, value_name = "NUMBERS", conflicts_with = "parts", allow_negative_numbers = true)]
    pub pages: Option<String>,
    /// Load as many parts as this machine can prefill in this time, e.g. 60s or 5m
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_negative_numbers = true)]
    pub within: Option<Duration>,
    /// Ask only about what comes before this place, so that nothing later is told: a part's number (up to its end), 40%, "line 812",
    /// "page 30", a heading (up to it), or here (where the document was left)
    #[arg(long, value_name = "PLACE")]
    pub until: Option<String>,
    /// Load only the parts most relevant to the questions (BM25), up to this many tokens (e.g. 20k)
    #[arg(long, value_name = "TOKENS", value_parser = tokens, conflicts_with = "within", allow_negative_numbers = true)]
    pub pick: Option<u32>,
}

/// Which files of folders are loaded, and how.
#[derive(Debug, Clone, Default, Args)]
pub struct FileArgs {
    /// In folders, load only files that match, even ignored ones, e.g. '*.rs' or 'docs/**'; repeatable
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// In folders, skip files that match, e.g. 'tests/' or '*.csv'; repeatable
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Password for encrypted PDFs; set `LUNETTE_PDF_PASSWORD` instead to hide it from the process list
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    pub pdf_password: Option<String>,
    /// Read scanned pages of PDFs by tesseract and pdftoppm, which must be installed
    #[arg(long)]
    pub ocr: bool,
    /// Languages of scanned pages, as tesseract names them: `eng`, `deu+fra`
    #[arg(long, value_name = "LANGUAGES", requires = "ocr", default_value = "eng")]
    pub ocr_lang: String,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Questions")]
pub struct QuestionArgs {
    /// Question to ask; repeatable, and the documents are prefilled only once
    #[arg(short, long = "prompt", visible_alias = "ask", value_name = "TEXT", allow_hyphen_values = true)]
    pub prompts: Vec<String>,
    /// File with a question to ask; repeatable
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub prompt_files: Vec<PathBuf>,
    /// No screen: put each question before the documents, too, so that they are read with it in mind. Each question then reads them
    /// anew, because what was read for one is of no use to another
    #[arg(long)]
    pub question_first: bool,
    #[command(flatten)]
    pub system: SystemArgs,
    /// No screen: JSON schema that each answer must fit, e.g. for a list of names; the question should ask for it, too
    #[arg(long, value_name = "FILE", conflicts_with = "extract")]
    pub schema: Option<PathBuf>,
    /// Max tokens per answer, including reasoning (-1 = until the context is full; 2048 by default)
    #[arg(short = 'n', long = "predict", visible_alias = "n-predict", value_name = "TOKENS", value_parser = values::answer_limit, allow_hyphen_values = true)]
    pub predict: Option<Count>,
    /// Max reasoning tokens before the answer (-1 = unlimited, 0 = no reasoning)
    #[arg(long, value_name = "TOKENS", value_parser = values::limit, allow_hyphen_values = true)]
    pub reasoning_budget: Option<Count>,
    /// Stop string: end the answer just before this text; repeatable
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub stop: Vec<String>,
    /// Don't end an answer that repeats itself
    #[arg(long)]
    pub allow_repetition: bool,
    /// Time limit for the whole run, including prefill (exit code 124); in a chat, for each answer; e.g. 60s
    #[arg(long, value_name = "TIME", value_parser = values::duration, allow_negative_numbers = true)]
    pub timeout: Option<Duration>,
}

/// What the model is told before the document.
#[derive(Debug, Clone, Default, Args)]
pub struct SystemArgs {
    /// System prompt (-sys), or the file that it is in (@@ for a text that begins with @), in place of the default one for
    /// reading, which --dry-run shows
    #[arg(long, visible_alias = "system", value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    pub system_prompt: Option<String>,
    /// No system prompt, and the bare document before the question
    #[arg(long, conflicts_with = "system_prompt")]
    pub no_system: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Attention")]
pub struct ReadingArgs {
    /// Attention preset: auto, full, accurate, balanced, quick, fastest, stream, paper, naive or your own
    /// (see `lunette presets`)
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    #[command(flatten)]
    pub recipe: RecipeArgs,
    /// Passages of the documents that the question points at are read again before it: auto (as many as cost a tenth of
    /// reading the documents), on (4), off or a number
    #[arg(long, value_name = "MODE|N", value_parser = reread)]
    pub reread: Option<Reread>,
    /// Tokens that are guessed from what stands in the documents and verified together: auto (where an answer quotes, and it
    /// gets faster), off (the default) or a number up to 15
    #[arg(long, value_name = "MODE|N", help_heading = "Sampling", value_parser = drafting)]
    pub draft: Option<Drafting>,
}

/// Flags that override single fields of the preset's recipe. The reference's names are aliases.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Attention")]
pub struct RecipeArgs {
    /// Attention window in tokens: full, 2048, 4k, n/4 (n = document length) or 'max(4k, n/4)'
    #[arg(long, alias = "sliding-window-size", value_name = "WINDOW", value_parser = window, allow_negative_numbers = true)]
    pub window: Option<WindowSpec>,
    /// Number of leading tokens that every token sees (attention sinks)
    #[arg(long, alias = "keep-first", value_name = "TOKENS", value_parser = tokens, allow_negative_numbers = true)]
    pub sinks: Option<u32>,
    /// Also let tokens see one in N of the tokens between sinks and window, counted N times; 0 for none
    #[arg(long, value_name = "N", value_parser = stride, allow_negative_numbers = true)]
    pub far: Option<u32>,
    /// Layers with full attention: none, all, first-half, first-8, odd, even, every-4-from-1, 1,3,5-9 or model
    #[arg(long, alias = "non-sliding-layers", value_name = "LAYERS", value_parser = layers, allow_negative_numbers = true)]
    pub full_layers: Option<LayerSpec>,
    /// Generate the answer with full attention
    #[arg(long, alias = "force-fa-decode", value_name = "on|off", value_parser = switch, require_equals = true, num_args = 0..=1, default_missing_value = "on")]
    pub fa_decode: Option<bool>,
    /// Prefill the question with full attention
    #[arg(long, value_name = "on|off", value_parser = switch, require_equals = true, num_args = 0..=1, default_missing_value = "on")]
    pub dense_tail: Option<bool>,
    /// Prefill the question through the window too, as in the paper (same as --dense-tail=off)
    #[arg(long, conflicts_with = "dense_tail")]
    pub paper: bool,
    /// Reasoning before the answer: auto (as the model's template does), native (the template is asked to let it reason),
    /// prompted (the question asks for it) or off
    #[arg(long, value_name = "MODE", value_parser = chain_of_thought)]
    pub cot: Option<ChainOfThought>,
}

impl RecipeArgs {
    /// The fields given on the command line.
    #[must_use]
    pub fn patch(&self) -> RecipePatch {
        RecipePatch {
            window: self.window,
            sinks: self.sinks,
            far: self.far,
            full_layers: self.full_layers.clone(),
            fa_decode: self.fa_decode,
            dense_tail: if self.paper { Some(false) } else { self.dense_tail },
            adapters: None,
        }
    }

    /// The first flag given other than `--window`, as the user writes it.
    #[must_use]
    pub fn first_beside_the_window(&self) -> Option<&'static str> {
        let given = [
            ("--sinks", self.sinks.is_some()),
            ("--far", self.far.is_some()),
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
    /// GGUF file, or the name of a model in the catalogue
    #[arg(short, long, value_name = "FILE|NAME")]
    pub model: Option<String>,
    /// Hugging Face model (-hf): USER/REPO or USER/REPO:QUANT
    #[arg(long, value_name = "REPO", conflicts_with = "model")]
    pub hf_repo: Option<String>,
    /// Download the model without asking if it is not on this machine
    #[arg(long)]
    pub pull: bool,
    /// Use the engine of a server, e.g. `http://gpu-box:8080`, in place of one on this machine; none = no server, whatever the configuration
    /// says
    #[arg(long, value_name = "URL|none", value_parser = server::choice)]
    pub server: Option<ServerChoice>,
    /// File with the key of that server; `LUNETTE_SERVER_KEY` may have it instead
    #[arg(long, value_name = "FILE")]
    pub server_key_file: Option<PathBuf>,
    /// File with the certificates of those who may sign that server's, in place of public authorities; `LUNETTE_SERVER_CA` may name it instead
    #[arg(long, value_name = "FILE")]
    pub server_ca: Option<PathBuf>,
    /// GGUF with the tokeniser of the server's model, to count tokens with where that server is not Lunette's and has no /tokenize
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// Fields to add to each request to a server that is not Lunette's, as JSON, e.g. `{"sliding_window_size": 2048}`
    #[arg(long, value_name = "JSON", value_parser = values::fields)]
    pub server_body: Option<Fields>,
    /// Context size in tokens (0 = fit to the documents plus the answer)
    #[arg(short, long, value_name = "TOKENS", value_parser = values::context, allow_negative_numbers = true)]
    pub ctx_size: Option<u32>,
    /// Logical batch size: max tokens per decode call
    #[arg(short, long, value_name = "TOKENS", value_parser = values::batch, allow_negative_numbers = true)]
    pub batch_size: Option<u32>,
    /// Physical batch size (-ub): max tokens computed at once
    #[arg(long, value_name = "TOKENS", value_parser = values::batch, allow_negative_numbers = true)]
    pub ubatch_size: Option<u32>,
    /// Number of CPU threads (-1 or 0 = the physical cores that other programs leave free, looked at before each job)
    #[arg(short, long, value_name = "N", value_parser = values::threads, allow_hyphen_values = true)]
    pub threads: Option<Count>,
    /// Layers to offload to the GPU (-ngl): auto (as many as fit in its memory), all or a number
    #[arg(long, alias = "n-gpu-layers", value_name = "auto|all|N", value_parser = values::gpu_layers, allow_hyphen_values = true)]
    pub gpu_layers: Option<GpuLayers>,
    /// GPUs to use (-dev), by llama.cpp's names, e.g. CUDA0,CUDA1; an unknown name lists the available ones
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub device: Vec<String>,
    /// Other machines that compute layers, each running `lunette rpc-server`; none = no other machine, whatever the configuration says.
    /// Their devices are RPC0, RPC1, … and come before this machine's
    #[arg(long, value_name = "HOST:PORT,...|none", value_delimiter = ',', value_parser = values::peer)]
    pub rpc: Vec<String>,
    /// Leave weights in memory as they are in the file, without the copies that the CPU's fastest kernels read
    #[arg(long)]
    pub no_repack: bool,
    /// How to split the model across several GPUs (-sm): none or layer
    #[arg(long, value_name = "MODE", value_parser = values::split_mode)]
    pub split_mode: Option<SplitMode>,
    /// Fraction of the model per GPU (-ts), as proportions, e.g. 3,1
    #[arg(long, value_name = "X,...", value_delimiter = ',', value_parser = values::proportion)]
    pub tensor_split: Vec<f32>,
    /// GPU that holds the whole model with --split-mode none (-mg)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=255), allow_negative_numbers = true)]
    pub main_gpu: Option<u32>,
    /// Use llama.cpp's flash attention kernels (-fa): on, off or auto
    #[arg(long, value_name = "MODE", value_parser = values::flash_attention, require_equals = true, num_args = 0..=1, default_missing_value = "on")]
    pub flash_attn: Option<bool>,
    /// KV cache data type for K (-ctk): f16, bf16, f32, `q8_0` or `q4_0`
    #[arg(long, value_name = "TYPE", value_parser = values::kv_dtype)]
    pub cache_type_k: Option<KvDtype>,
    /// KV cache data type for V (-ctv); must be the same as for K
    #[arg(long, value_name = "TYPE", value_parser = values::kv_dtype)]
    pub cache_type_v: Option<KvDtype>,
    /// Keep every token on layers that see a window of their own (Gemma, gpt-oss), and under presets that bound memory (stream): several times the memory
    #[arg(long)]
    pub swa_full: bool,
    #[command(flatten)]
    pub rope: RopeArgs,
    /// Put an adapter onto the model, several times for several: a GGUF file, with its scale behind a colon (0 = none of it, 1 = all).
    /// Presets whose table has `lora` keep their own
    #[arg(long, value_name = "FILE[:SCALE]", value_parser = adapter)]
    pub lora: Vec<Adapter>,
    /// Neither use readings that are kept on disk nor keep new ones (see `lunette cache`)
    #[arg(long)]
    pub no_cache: bool,
}

/// Positions beyond a model's training.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Positions beyond the model's training")]
pub struct RopeArgs {
    /// How positions are scaled: none, linear or yarn (default: linear, unless the model's file says something else)
    #[arg(long, value_name = "METHOD", value_parser = values::rope_method)]
    pub rope_scaling: Option<RopeMethod>,
    /// Stretch the model's context N times; the same as --rope-freq-scale 1/N
    #[arg(long, value_name = "N", value_parser = values::above_zero, allow_negative_numbers = true, conflicts_with = "rope_freq_scale")]
    pub rope_scale: Option<f32>,
    /// Base of the rotations, in place of the one in the model's file
    #[arg(long, value_name = "N", value_parser = values::above_zero, allow_negative_numbers = true)]
    pub rope_freq_base: Option<f32>,
    /// Distance between two positions: 0.25 stretches the model's context four times
    #[arg(long, value_name = "N", value_parser = values::above_zero, allow_negative_numbers = true)]
    pub rope_freq_scale: Option<f32>,
    /// `YaRN`: the context that the model was trained for, if its file says something else
    #[arg(long, value_name = "TOKENS", value_parser = values::context, allow_negative_numbers = true)]
    pub yarn_orig_ctx: Option<u32>,
    /// `YaRN`: how much of fast rotations is not scaled (0 = all of it is, as with linear)
    #[arg(long, value_name = "X", value_parser = values::from_zero, allow_negative_numbers = true)]
    pub yarn_ext_factor: Option<f32>,
    /// `YaRN`: factor of the attention's sharpness
    #[arg(long, value_name = "X", value_parser = values::above_zero, allow_negative_numbers = true)]
    pub yarn_attn_factor: Option<f32>,
    /// `YaRN`: rotations in the original context below which positions are scaled
    #[arg(long, value_name = "X", value_parser = values::from_zero, allow_negative_numbers = true)]
    pub yarn_beta_slow: Option<f32>,
    /// `YaRN`: rotations in the original context above which positions are not scaled
    #[arg(long, value_name = "X", value_parser = values::from_zero, allow_negative_numbers = true)]
    pub yarn_beta_fast: Option<f32>,
}

impl RopeArgs {
    #[must_use]
    pub fn scaling(&self) -> RopeScaling {
        RopeScaling {
            method: self.rope_scaling,
            freq_base: self.rope_freq_base,
            freq_scale: self.rope_freq_scale.or(self.rope_scale.map(|scale| 1.0 / scale)),
            yarn: Yarn {
                orig_ctx: self.yarn_orig_ctx.filter(|&tokens| tokens > 0),
                ext_factor: self.yarn_ext_factor,
                attn_factor: self.yarn_attn_factor,
                beta_slow: self.yarn_beta_slow,
                beta_fast: self.yarn_beta_fast,
            },
        }
    }
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sampling")]
pub struct SamplingArgs {
    /// Temperature (0 = always the most likely token; the default, unless the model's file recommends another)
    #[arg(long, visible_alias = "temperature", value_name = "T", value_parser = values::from_zero, allow_negative_numbers = true)]
    pub temp: Option<f32>,
    /// Top-k sampling: only the K most likely tokens (0 = all)
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub top_k: Option<i32>,
    /// Top-p sampling: the most likely tokens whose probabilities add up to P
    #[arg(long, value_name = "P", value_parser = values::share, allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Min-p sampling: skip tokens below P times the probability of the most likely one
    #[arg(long, value_name = "P", value_parser = values::share, allow_negative_numbers = true)]
    pub min_p: Option<f32>,
    /// Penalty for repeated tokens: divide their scores by X (1 = off)
    #[arg(long, value_name = "X", value_parser = values::penalty, allow_negative_numbers = true)]
    pub repeat_penalty: Option<f32>,
    /// How many recent tokens --repeat-penalty covers (-1 = the whole context)
    #[arg(long, value_name = "TOKENS", value_parser = values::look_back, allow_hyphen_values = true)]
    pub repeat_last_n: Option<i32>,
    /// Random seed (-1 = a random one)
    #[arg(short, long, value_name = "N", value_parser = values::seed, allow_hyphen_values = true)]
    pub seed: Option<u32>,
}

/// Which saved conversation goes on.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Conversation")]
pub struct KeepingArgs {
    /// Go on with the last conversation about these documents or, without one, begun in this folder
    #[arg(long = "continue", conflicts_with_all = ["session", "new_session", "no_session"])]
    pub continue_last: bool,
    /// Go on with the conversation of this name or number; a new one gets the name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["new_session", "no_session"])]
    pub session: Option<String>,
    /// Begin a new conversation, and offer no earlier one
    #[arg(long = "new")]
    pub new_session: bool,
    /// Save nothing of this conversation: no turns, no questions, no place in the document; and offer nothing saved
    #[arg(long, conflicts_with = "new_session")]
    pub no_session: bool,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// No screen: answer -p on standard output and exit
    #[arg(long)]
    pub headless: bool,
    /// Chat in plain lines, for screen readers (same as ACCESSIBLE=1)
    #[arg(long, conflicts_with = "headless")]
    pub plain: bool,
    /// No screen: answer each question under each of these presets
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with_all = ["preset", "dry_run"])]
    pub ab: Vec<String>,
    /// Print one JSON object per question, one per line
    #[arg(long, conflicts_with = "jsonl")]
    pub json: bool,
    /// Stream events as JSON objects, one per line
    #[arg(long)]
    pub jsonl: bool,
    /// Print statistics to standard error: tokens, times, memory
    #[arg(short = 'u', long, visible_alias = "usage")]
    pub stats: bool,
    /// Don't print the model's reasoning
    #[arg(short = 'R', long)]
    pub hide_reasoning: bool,
    /// Print only the first fenced code block of the answer, or the whole answer if there is none
    #[arg(short = 'x', long, conflicts_with = "jsonl")]
    pub extract: bool,
    /// No screen: print below each answer where its quotes are in the document, if they are
    #[arg(long, conflicts_with = "extract")]
    pub cite: bool,
    /// No screen: exit with 7 unless each answer quotes the document word for word
    #[arg(long)]
    pub require_citations: bool,
    /// Same as `lunette fit`: check whether it fits and what it would take, without prefilling
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

fn adapter(text: &str) -> Result<Adapter, String> {
    text.parse().map_err(sentence)
}

fn stride(text: &str) -> Result<u32, String> {
    written::stride(text).map_err(sentence)
}

fn switch(text: &str) -> Result<bool, String> {
    written::switch(text).map_err(sentence)
}

fn reread(text: &str) -> Result<Reread, String> {
    text.parse().map_err(|allowed| format!("use {allowed}"))
}

fn drafting(text: &str) -> Result<Drafting, String> {
    text.parse().map_err(|allowed| format!("use {allowed}"))
}

fn chain_of_thought(text: &str) -> Result<ChainOfThought, String> {
    text.parse().map_err(sentence)
}

/// What is allowed; clap already names the flag and the value.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn sentence(error: WrittenError) -> String {
    format!("allowed: {}", error.allowed)
}
