//! Reads `config.toml`, the user's defaults.
//!
//! ```toml
//! model = "qwen2.5-coder-0.5b"   # or a path
//! preset = "accurate"
//! pull = "always"                # fetch a missing model without asking
//!
//! [sampling]
//! temp = 0.7
//!
//! [presets.mine]
//! window = "8k"
//!
//! [keys]
//! contents = ["t", "ctrl-e"]     # command names as in the palette
//! ```
//!
//! Keys that have a long flag are named like it, with `_` for `-`. Not every flag has a key. A flag always wins over the file. The default of a missing key
//! is decided elsewhere, in [`super::Settings::resolve`].

use super::args::SamplingArgs;
use super::options::{PullPolicy, ThemeChoice};
use super::presets;
use super::server::{self, ServerChoice};
use super::values::{self, Count};
use crate::engine::config::{GpuLayers, KvDtype};
use crate::engine::message::{Drafting, Reread};
use crate::swaa::{ChainOfThought, Presets, written};
use crate::toml_fields::{self, Field, FileError};

/// The contents of the file; `None` for a key that is not set.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub model: Option<String>,
    pub preset: Option<String>,
    pub pull: Option<PullPolicy>,
    pub server: Option<ServerChoice>,
    pub system_prompt: Option<String>,
    pub predict: Option<Count>,
    pub reasoning_budget: Option<Count>,
    pub cot: Option<ChainOfThought>,
    pub reread: Option<Reread>,
    /// `false` for `never`.
    pub calibrates_idle: Option<bool>,
    pub draft: Option<Drafting>,
    pub ctx_size: Option<u32>,
    pub batch_size: Option<u32>,
    pub ubatch_size: Option<u32>,
    pub threads: Option<Count>,
    pub gpu_layers: Option<GpuLayers>,
    /// Machines that compute layers, each HOST:PORT.
    pub rpc: Option<Vec<String>>,
    pub flash_attn: Option<bool>,
    pub cache_type: Option<KvDtype>,
    pub swa_full: Option<bool>,
    pub resident_mib: Option<u32>,
    /// Max size of all readings on disk; 0 for none.
    pub disk_cache_gib: Option<u32>,
    pub sampling: SamplingArgs,
    pub theme: Option<ThemeChoice>,
    pub mouse: Option<bool>,
    /// The key bindings, unparsed: only the screen knows its commands.
    pub keys: Vec<Field>,
}

const NAMES: &str = "model, preset, pull, server, system_prompt, predict, reasoning_budget, cot, reread, calibrate, draft, ctx_size, batch_size, ubatch_size, \
                     threads, gpu_layers, rpc, flash_attn, cache_type, swa_full, resident_mib, disk_cache_gib, theme, mouse, and the tables [sampling], [keys] and [presets.NAME]";
const SAMPLING: &str = "temp, top_k, top_p, min_p, repeat_penalty, repeat_last_n, seed";

impl Config {
    /// Parses `text` and adds its presets to `presets`. `file` is used in errors only.
    pub(super) fn read(file: &str, text: &str, presets: &mut Presets) -> Result<Self, FileError> {
        let fields = toml_fields::read(file, text)?;
        presets::extend(presets, file, &fields)?;
        check_preset(file, &fields, presets)?;
        let mut config = Self::default();
        for field in &fields {
            let path: Vec<&str> = field.path.iter().map(String::as_str).collect();
            match path[..] {
                ["presets", _, _] => {}
                ["keys", _] => config.keys.push(field.clone()),
                ["sampling", name] => set_sampling(&mut config.sampling, name, file, field)?,
                [name] => config.set(name, file, field)?,
                _ => return Err(field.refused(file, "unknown key", NAMES)),
            }
        }
        Ok(config)
    }

    fn set(&mut self, name: &str, file: &str, field: &Field) -> Result<(), FileError> {
        let text = field.text.as_str();
        let wrong = |allowed: String| field.refused(file, format!("invalid value {text:?}"), allowed);
        match name {
            "model" => self.model = Some(text.to_owned()),
            "preset" => self.preset = Some(text.to_owned()),
            "pull" => self.pull = Some(PullPolicy::read(text).ok_or_else(|| wrong("ask, always or never".to_owned()))?),
            "server" => self.server = Some(server::choice(text).map_err(wrong)?),
            "system_prompt" => self.system_prompt = Some(text.to_owned()),
            "predict" => self.predict = Some(values::answer_limit(text).map_err(wrong)?),
            "reasoning_budget" => self.reasoning_budget = Some(values::limit(text).map_err(wrong)?),
            "cot" => self.cot = Some(text.parse().map_err(|error: written::WrittenError| wrong(error.allowed.into()))?),
            "ctx_size" => self.ctx_size = Some(values::context(text).map_err(wrong)?),
            "batch_size" => self.batch_size = Some(values::batch(text).map_err(wrong)?),
            "ubatch_size" => self.ubatch_size = Some(values::batch(text).map_err(wrong)?),
            "threads" => self.threads = Some(values::threads(text).map_err(wrong)?),
            "reread" => self.reread = Some(text.parse().map_err(|allowed: &str| wrong(allowed.to_owned()))?),
            "calibrate" => {
                self.calibrates_idle = match text {
                    "idle" => Some(true),
                    "never" => Some(false),
                    _ => return Err(wrong("idle or never".to_owned())),
                };
            }
            "draft" => self.draft = Some(text.parse().map_err(|allowed: &str| wrong(allowed.to_owned()))?),
            "gpu_layers" => self.gpu_layers = Some(values::gpu_layers(text).map_err(wrong)?),
            "rpc" => self.rpc = Some(values::peers(text).map_err(wrong)?),
            "flash_attn" => self.flash_attn = Some(values::flash_attention(text).map_err(wrong)?),
            "cache_type" => self.cache_type = Some(values::kv_dtype(text).map_err(wrong)?),
            "swa_full" => self.swa_full = Some(text.parse().map_err(|_| wrong("true or false".to_owned()))?),
            "theme" => {
                let theme = ThemeChoice::read(text);
                self.theme = Some(theme.ok_or_else(|| wrong("auto, dark, light, ansi or none".to_owned()))?);
            }
            "mouse" => self.mouse = Some(text.parse().map_err(|_| wrong("true or false".to_owned()))?),
            "resident_mib" => self.resident_mib = Some(number(file, field)?),
            "disk_cache_gib" => self.disk_cache_gib = Some(number(file, field)?),
            _ => return Err(field.refused(file, "unknown key", NAMES)),
        }
        Ok(())
    }
}

/// Checks the `preset` key, after the file's own presets have been added to `presets`.
fn check_preset(file: &str, fields: &[Field], presets: &Presets) -> Result<(), FileError> {
    let named = fields.iter().find(|field| field.path == ["preset"]);
    match named.map(|field| (field, presets.get(&field.text))) {
        Some((field, Err(error))) => Err(field.refused(file, error.to_string(), error.known)),
        _ => Ok(()),
    }
}

fn set_sampling(sampling: &mut SamplingArgs, name: &str, file: &str, field: &Field) -> Result<(), FileError> {
    let wrong = |allowed| field.refused(file, format!("invalid value {:?}", field.text), allowed);
    let text = &field.text;
    match name {
        "temp" | "temperature" => sampling.temp = Some(values::from_zero(text).map_err(wrong)?),
        "top_k" => sampling.top_k = Some(number(file, field)?),
        "top_p" => sampling.top_p = Some(values::share(text).map_err(wrong)?),
        "min_p" => sampling.min_p = Some(values::share(text).map_err(wrong)?),
        "repeat_penalty" => sampling.repeat_penalty = Some(values::penalty(text).map_err(wrong)?),
        "repeat_last_n" => sampling.repeat_last_n = Some(values::look_back(text).map_err(wrong)?),
        "seed" => sampling.seed = Some(values::seed(text).map_err(wrong)?),
        _ => return Err(field.refused(file, "unknown key", SAMPLING)),
    }
    Ok(())
}

fn number<T: std::str::FromStr>(file: &str, field: &Field) -> Result<T, FileError> {
    field.text.parse().map_err(|_| field.refused(file, format!("invalid value {:?}", field.text), "a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Config, Presets), FileError> {
        let mut presets = Presets::built_in();
        let config = Config::read("config.toml", text, &mut presets)?;
        Ok((config, presets))
    }

    #[test]
    fn every_field_is_read() {
        let text = "model = \"m\"\npreset = \"mine\"\npull = \"always\"\nctx_size = \"32k\"\nthreads = -1\npredict = 100\n\
                    cache_type = \"q8_0\"\n[sampling]\ntemp = 0.7\ntop_k = 20\nseed = -1\n[presets.mine]\nwindow = \"8k\"\n";
        let (config, presets) = read(text).unwrap();
        assert_eq!(config.model.as_deref(), Some("m"));
        assert_eq!(config.pull, Some(PullPolicy::Always));
        assert_eq!((config.ctx_size, config.threads), (Some(32768), Some(Count(None))));
        assert_eq!((config.predict, config.cache_type), (Some(Count(Some(100))), Some(KvDtype::Q8_0)));
        assert_eq!((config.sampling.temp, config.sampling.top_k), (Some(0.7), Some(20)));
        assert_eq!(config.sampling.seed, Some(u32::MAX));
        assert!(presets.get("mine").is_ok());
    }

    #[test]
    fn a_wrong_field_is_named_with_what_is_allowed() {
        let cases = [
            ("modle = 3\n", "config.toml, line 1, modle: unknown key", "model, preset"),
            ("\npull = 3\n", "config.toml, line 2, pull: invalid value \"3\"", "ask, always or never"),
            ("[sampling]\ntop_k = \"x\"\n", "config.toml, line 2, sampling.top_k: invalid value \"x\"", "a number"),
            ("preset = \"mine\"\n", "config.toml, line 1, preset: unknown preset \"mine\"", "auto, full, accurate"),
            (
                "[sampling]\ntop_p = 7\n",
                "config.toml, line 2, sampling.top_p: invalid value \"7\"",
                "a number from 0 to 1",
            ),
            ("[sampling]\nheat = 1\n", "config.toml, line 2, sampling.heat: unknown key", "temp, top_k"),
            (
                "theme = \"pink\"\n",
                "config.toml, line 1, theme: invalid value \"pink\"",
                "auto, dark, light, ansi or none",
            ),
            ("[a.b.c]\nd = 1\n", "config.toml, line 2, a.b.c.d: unknown key", "model, preset"),
        ];
        for (text, message, allowed) in cases {
            let error = read(text).expect_err(text);
            assert_eq!(error.to_string(), message);
            assert!(error.allowed.contains(allowed), "{}", error.allowed);
        }
    }
}
