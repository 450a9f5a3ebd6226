//! Loads a model that was never loaded before, and computes a token: in a child process, which may not survive it.
//!
//! Goes through what every later run goes through: the vocabulary's marks, a text with every byte, a context, a decode call
//! and each sampler. Only weights are loaded differently: mapped, without copies, without a GPU.

use std::path::Path;

use super::weights::load_for_trial;
use super::{Llama, Model};
use crate::engine::config::{
    ContextSize, EngineConfig, EngineSettings, KvDtype, Offload, OwnWindows, Parallel, RopeScaling,
};
use crate::engine::machine::{Before, Logits, Machine};
use crate::engine::message::{Origin, Sampling};
use crate::engine::trial::TRIAL_CONTEXT_TOKENS;
use crate::swaa::Attention;

/// The samplers' settings: each of them takes part.
const EVERY_SAMPLER: Sampling = Sampling {
    temperature: 0.8,
    top_k: 40,
    top_p: 0.9,
    min_p: 0.05,
    repeat_penalty: 1.1,
    repeat_last_n: 64,
    seed: 1,
    n_probs: None,
};

/// Tries the model at `path`. Returns `None` if it may be loaded, or if loading it fails with a reason, which is told where
/// it is loaded. Otherwise what is wrong with it. It may also end the process.
#[must_use]
pub fn try_model(path: &Path) -> Option<String> {
    let config = EngineConfig { model: path.to_owned(), settings: settings() };
    let model = Model::open(&config, load_for_trial).ok()?;
    let mut machine = Llama::new(&model, &config.settings);
    let tokens = machine.tokenize(&[(&every_byte(), Origin::Text)], Before::Nothing);
    if tokens.is_empty() {
        return Some("its vocabulary has no tokens for text".to_owned());
    }
    machine.resize(TRIAL_CONTEXT_TOKENS).ok()?;
    let some = &tokens[..tokens.len().min(TRIAL_CONTEXT_TOKENS as usize / 2)];
    machine.decode(some, 0, &Attention::Full, Logits::OfTheLast, &|| false).ok()?;
    if let Some(fault) = machine.logits_fault() {
        return Some(format!("its weights are damaged: {fault}"));
    }
    for sampling in [EVERY_SAMPLER, Sampling { temperature: 0.0, ..EVERY_SAMPLER }] {
        let mut sampler = machine.start_sampling(&sampling, some);
        let token = machine.sample(&mut sampler, 0).ok()?;
        machine.token_bytes(token, true);
    }
    None
}

fn settings() -> EngineSettings {
    EngineSettings {
        context: ContextSize::Tokens(TRIAL_CONTEXT_TOKENS),
        reserve_tokens: 0,
        n_batch: Some(TRIAL_CONTEXT_TOKENS),
        n_ubatch: Some(TRIAL_CONTEXT_TOKENS),
        threads: None,
        kv_dtype: KvDtype::F16,
        own_windows: OwnWindows::default(),
        flash_attention: true,
        offload: Offload::none(),
        resident_bytes: 0,
        device_snapshots: 0,
        speeds: None,
        heads: None,
        disk_cache: None,
        first_use: None,
        adapters: Vec::new(),
        presets: Vec::new(),
        parallel: Parallel::ONE,
        rope: RopeScaling::default(),
    }
}

/// A text that has every byte that UTF-8 has.
fn every_byte() -> String {
    let ascii = (1..128_u8).map(char::from);
    let others = (1..=u32::from(u8::MAX)).filter_map(|page| char::from_u32(page << 6 | 0x20));
    let far = ['\u{800}', '\u{20ac}', '\u{ffff}', '\u{1f600}', '\u{10ffff}'];
    "Once upon a time ".chars().chain(ascii).chain(others).chain(far).collect()
}
