//! Errors in flags, configuration and environment: a message with the evidence, and a separate hint.

use std::path::PathBuf;

use crate::engine::SchemaError;
use crate::engine::config::KvDtype;
use crate::engine::peers;
use crate::failure::{Hint, in_words};
use crate::swaa::RecipeError;
use crate::swaa::preset::UnknownPreset;
use crate::toml_fields::FileError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    /// The file that `LUNETTE_CONFIG` names; the default file may be missing.
    #[error("cannot read {path}: no such file")]
    NoConfig { path: PathBuf },
    #[error("cannot read {path}: {}", in_words(source))]
    Config { path: PathBuf, source: std::io::Error },
    #[error("cannot read the question from {path}: {}", in_words(source))]
    PromptFile { path: PathBuf, source: std::io::Error },
    #[error("cannot read the system prompt from {path}: {}", in_words(source))]
    SystemFile { path: PathBuf, source: std::io::Error },
    #[error("cannot read the schema from {path}: {}", in_words(source))]
    SchemaFile { path: PathBuf, source: std::io::Error },
    /// No answer can be held to it.
    #[error("cannot use the schema {path}: {reason}")]
    Schema { path: PathBuf, reason: SchemaError },
    #[error(transparent)]
    UnknownPreset(#[from] UnknownPreset),
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error("{flag} needs a recipe to change, and auto chooses one only after it has seen the document")]
    NothingToChange { flag: &'static str },
    #[error("cannot cache keys as {} and values as {}: the types must be the same", keys.name(), values.name())]
    MixedCache { keys: KvDtype, values: KvDtype },
    #[error("cannot cache values as {} without flash attention", values.name())]
    QuantisedWithoutFlash { values: KvDtype },
    #[error(transparent)]
    Model(#[from] crate::models::Error),
    #[error("no question")]
    NothingToAsk,
    /// `lunette fit`, or `--dry-run` without a question.
    #[error("no document to plan for")]
    NothingToPlan,
    #[error("--pick needs a question")]
    NothingToPickFor,
    #[error(
        "--question-first is about questions that stand alone, and in a conversation all questions share one reading of the documents"
    )]
    QuestionFirstInConversation,
    #[error("no question, and no terminal to chat in")]
    NoTerminal,
    #[error("no home directory")]
    NoHome,
    #[error("cannot read the API key from {path}: {}", in_words(source))]
    KeyFile { path: PathBuf, source: std::io::Error },
    #[error("LUNETTE_SERVER is not an address")]
    ServerVariable { allowed: String },
    #[error("LUNETTE_RPC is no list of addresses")]
    PeersVariable { allowed: String },
    #[error("--rpc has other machines compute layers, and this program is built without RPC")]
    WithoutRpc,
    #[error("{flag} is about an engine on this machine, and a server's is used")]
    NotWithServer { flag: &'static str },
    #[error("{flag} is about a server's engine, and this machine's is used")]
    OnlyWithServer { flag: &'static str },
    #[error("lunette serve has an engine of its own and passes no requests on to another server")]
    ServesItself,
    #[error("cannot read the certificates of --server-ca from {path}: {}", in_words(source))]
    AuthorityFile { path: PathBuf, source: std::io::Error },
    #[error("{path} has no certificate in it")]
    NoAuthority { path: PathBuf },
    #[error("the API key is empty")]
    EmptyKey,
    #[error("other machines can reach {host}, and there is no API key")]
    OpenToAll { host: String },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) if error.allowed.is_empty() => return None,
            Self::File(error) => return Some(format!("allowed: {}", error.allowed)),
            Self::UnknownPreset(error) => return Some(format!("known presets: {}", error.known)),
            Self::Recipe(error) => return error.hint(),
            Self::Model(error) => return error.hint(),
            Self::MixedCache { .. } => {
                "give -ctk and -ctv the same type; llama.cpp has no fast kernel for mixed types (34 instead of 1147 tok/s)"
            }
            Self::NothingToChange { .. } => "also give a recipe, e.g. --preset quick or --window 4k",
            Self::QuantisedWithoutFlash { .. } => "drop -fa off, or use -ctk f16 -ctv f16",
            Self::NothingToAsk | Self::NoTerminal | Self::NothingToPickFor => "ask with -p 'QUESTION'",
            Self::QuestionFirstInConversation => "leave out --plain, --continue and --session, or --question-first",
            Self::NothingToPlan => "name one, as in `lunette fit book.txt`, or give it on standard input",
            Self::NoHome => "set HOME",
            Self::EmptyKey => "give one of at least a few random letters: openssl rand -hex 16",
            Self::OpenToAll { .. } => {
                "set LUNETTE_API_KEY or give --api-key-file FILE, or listen on 127.0.0.1 and let ssh -L forward to it"
            }
            Self::WithoutRpc => peers::HOW_TO_BUILD,
            Self::ServerVariable { allowed } | Self::PeersVariable { allowed } => {
                return Some(format!("allowed: {allowed}"));
            }
            Self::NotWithServer { .. } => "leave it out, or use this machine's engine: --server none",
            Self::OnlyWithServer { .. } => "leave it out, or name the server: --server URL",
            Self::ServesItself => "leave --server out",
            Self::NoConfig { .. } => {
                "LUNETTE_CONFIG names this file; unset it to use the default file (see `lunette paths`)"
            }
            Self::SystemFile { .. } => "a text that begins with @ is written with two: @@",
            Self::Schema { reason: SchemaError::NotJson { .. }, .. } => "check it with `python3 -m json.tool FILE`",
            Self::Schema { .. } => {
                "these keywords can be held to: type, enum, const, properties, required, items, anyOf, pattern, and $ref \
                 within the file"
            }
            Self::NoAuthority { .. } => {
                "it is a PEM file with lines of BEGIN CERTIFICATE and END CERTIFICATE; openssl x509 -inform der -in FILE makes one of a .der"
            }
            Self::AuthorityFile { .. }
            | Self::Config { .. }
            | Self::PromptFile { .. }
            | Self::SchemaFile { .. }
            | Self::KeyFile { .. } => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}
