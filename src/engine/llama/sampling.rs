//! By which of llama.cpp's samplers is the next token drawn?
//!
//! Example: a temperature of 0.8 without a penalty is a chain of top-k, top-p, min-p, temperature and the random choice; a temperature of 0
//! is the most likely token alone.
//!
//! What a schema forbids is taken out before: [`super::super::schema`].

use llama_cpp_2::sampling::LlamaSampler;

use crate::engine::message::Sampling;

/// Below this, scores divided by the temperature are no numbers any more; the most likely token is the same.
const LOWEST_TEMPERATURE: f32 = 1e-3;

/// llama.cpp's order: penalties, then the filters (top-k, top-p, min-p), then temperature, then the random choice.
pub(super) fn sampler_chain(sampling: &Sampling, vocab_tokens: i32) -> LlamaSampler {
    let mut chain = Vec::new();
    if (sampling.repeat_penalty - 1.0).abs() > f32::EPSILON {
        chain.push(LlamaSampler::penalties(vocab_tokens, sampling.repeat_last_n, sampling.repeat_penalty, 0.0, 0.0));
    }
    if sampling.temperature < LOWEST_TEMPERATURE {
        chain.push(LlamaSampler::greedy());
    } else {
        chain.extend([
            LlamaSampler::top_k(sampling.top_k),
            LlamaSampler::top_p(sampling.top_p, 1),
            LlamaSampler::min_p(sampling.min_p, 1),
            LlamaSampler::temp(sampling.temperature),
            LlamaSampler::dist(sampling.seed),
        ]);
    }
    LlamaSampler::chain(chain, true)
}
