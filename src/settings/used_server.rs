//! Which server's engine does a run use, and with which key?
//!
//! Example: `server = "http://gpu-box:8080"` in the configuration and the key in `LUNETTE_SERVER_KEY`. The key is not shown, logged or
//! saved. Flags about an engine on this machine (`-t`, `-ngl`, …) are refused, because they would have no effect; those of the
//! configuration rest until this machine's engine is used again.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::args::ModelArgs;
use super::config::Config;
use super::error::Error;
use super::options::ApiKey;
use super::server::{Scheme, ServerChoice, ServerUrl, choice};
use super::surroundings::ServerVariables;
use crate::engine::config::RopeScaling;

/// Who may sign a server's certificate, in place of the public authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities {
    pub file: PathBuf,
    /// Their certificates, as PEM.
    pub pem: Arc<str>,
}

/// A server whose engine is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedServer {
    pub url: ServerUrl,
    pub key: Option<ApiKey>,
    /// `None`: the public ones.
    pub authorities: Option<Authorities>,
    /// The model that `-m` names; the configuration's is for this machine.
    pub model: Option<String>,
    /// `-c`.
    pub context_tokens: Option<u32>,
    /// `--tokenizer`: a file to count tokens with.
    pub tokenizer: Option<PathBuf>,
    /// `--server-body`: fields of every request for an answer.
    pub body: Map<String, Value>,
}

impl UsedServer {
    /// The server at `url`, as it is without any flag.
    #[must_use]
    pub fn at(url: ServerUrl) -> Self {
        Self { url, key: None, authorities: None, model: None, context_tokens: None, tokenizer: None, body: Map::new() }
    }

    /// What stands for the path of its model, which is not on this machine.
    #[must_use]
    pub fn model_place(&self) -> PathBuf {
        self.url.to_string().into()
    }
}

/// The server of a run. A flag wins over the environment, and that over the configuration.
///
/// Errors: its key or the authorities can't be read, or a flag is about an engine on this machine.
pub(super) fn used(
    args: &ModelArgs,
    config: &Config,
    variables: &ServerVariables,
) -> Result<Option<UsedServer>, Error> {
    let from_environment =
        variables.url.as_deref().map(|text| choice(text).map_err(|allowed| Error::ServerVariable { allowed }));
    let chosen = match (&args.server, from_environment) {
        (Some(choice), _) => choice.clone(),
        (None, Some(choice)) => choice?,
        (None, None) => config.server.clone().unwrap_or(ServerChoice::None),
    };
    let ServerChoice::At(url) = chosen else {
        return match first_about_a_server(args) {
            Some(flag) => Err(Error::OnlyWithServer { flag }),
            None => Ok(None),
        };
    };
    if let Some(flag) = first_about_this_machine(args) {
        return Err(Error::NotWithServer { flag });
    }
    let key = match &args.server_key_file {
        Some(path) => Some(key_of(path.clone())?),
        None => variables.key.as_deref().map(str::trim).filter(|key| !key.is_empty()).map(|key| ApiKey(key.to_owned())),
    };
    let authorities =
        args.server_ca.as_ref().or(variables.authorities.as_ref()).filter(|_| url.scheme == Scheme::Https);
    Ok(Some(UsedServer {
        authorities: authorities.cloned().map(authorities_in).transpose()?,
        url,
        key,
        model: args.model.clone(),
        context_tokens: args.ctx_size.filter(|&tokens| tokens > 0),
        tokenizer: args.tokenizer.clone(),
        body: args.server_body.clone().unwrap_or_default().0,
    }))
}

fn key_of(path: PathBuf) -> Result<ApiKey, Error> {
    let key = std::fs::read_to_string(&path).map_err(|source| Error::KeyFile { path, source })?;
    let key = key.trim();
    if key.is_empty() { Err(Error::EmptyKey) } else { Ok(ApiKey(key.to_owned())) }
}

/// Whether these are certificates is found out when the first connection is made; a file that is something else altogether is told now.
fn authorities_in(file: PathBuf) -> Result<Authorities, Error> {
    let pem = std::fs::read(&file).map_err(|source| Error::AuthorityFile { path: file.clone(), source })?;
    match String::from_utf8(pem) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => Ok(Authorities { file, pem: pem.into() }),
        _ => Err(Error::NoAuthority { path: file }),
    }
}

/// The first flag given that says nothing without a server.
fn first_about_a_server(args: &ModelArgs) -> Option<&'static str> {
    let given = [
        ("--tokenizer", args.tokenizer.is_some()),
        ("--server-body", args.server_body.is_some()),
        ("--server-ca", args.server_ca.is_some()),
    ];
    given.into_iter().find_map(|(flag, given)| given.then_some(flag))
}

/// The first flag given that is about an engine on this machine.
fn first_about_this_machine(args: &ModelArgs) -> Option<&'static str> {
    let given = [
        ("-hf", args.hf_repo.is_some()),
        ("--pull", args.pull),
        ("-b", args.batch_size.is_some()),
        ("-ub", args.ubatch_size.is_some()),
        ("-t", args.threads.is_some()),
        ("-ngl", args.gpu_layers.is_some()),
        ("-dev", !args.device.is_empty()),
        ("--rpc", !args.rpc.is_empty()),
        ("--no-repack", args.no_repack),
        ("-sm", args.split_mode.is_some()),
        ("-ts", !args.tensor_split.is_empty()),
        ("-mg", args.main_gpu.is_some()),
        ("-fa", args.flash_attn.is_some()),
        ("-ctk", args.cache_type_k.is_some()),
        ("-ctv", args.cache_type_v.is_some()),
        ("--swa-full", args.swa_full),
        ("RoPE scaling", args.rope.scaling() != RopeScaling::default()),
        ("--lora", !args.lora.is_empty()),
        ("--no-cache", args.no_cache),
    ];
    given.into_iter().find_map(|(flag, given)| given.then_some(flag))
}
