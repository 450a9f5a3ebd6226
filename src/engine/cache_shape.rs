//! What a model keeps of the tokens that it has read, and how many bytes that takes.
//!
//! Models differ in this more than in anything else that Lunette touches. A plain one keeps keys and values of every
//! token on every layer, and its cache can be cut anywhere. A hybrid folds most of its layers' past into a state of
//! fixed size, which knows no earlier position: it can go back only to a place of which a copy was kept.
//!
//! Example: Qwen3.5's shape with 32 layers, 8 of them full, takes 32 kB per token in place of 128, and 50 MB of state
//! whatever the length.
//!
//! Plain data: `llama` measures it, `checkpoints` keeps the copies.

use serde::{Deserialize, Serialize};

/// What a model's memory is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryClass {
    /// Keys and values of every token on every layer.
    Plain,
    /// Some layers see only a window of their own, because the model was trained so (Gemma, gpt-oss).
    Windowed,
    /// Some layers keep a state of fixed size, the others every token (Qwen3.5, LFM2, Granite 4 H).
    Hybrid,
    /// Every layer keeps a state of fixed size (Mamba, RWKV).
    Recurrent,
    /// Every token, compressed (MLA: DeepSeek, Kimi).
    Latent,
    /// Every token, of which the model itself chooses those that it looks at (DSA, MSA, QSA).
    TrainedSparse,
}

impl MemoryClass {
    /// One word, as in `--json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Windowed => "windowed",
            Self::Hybrid => "hybrid",
            Self::Recurrent => "recurrent",
            Self::Latent => "latent",
            Self::TrainedSparse => "trained-sparse",
        }
    }

    /// Why `auto` does not take sliding attention for such a model, where the library computes it.
    #[must_use]
    pub const fn sliding_unproven(self) -> Option<&'static str> {
        match self {
            Self::Hybrid => Some("what a window costs the answers of a hybrid has not been measured"),
            _ => None,
        }
    }

    /// In a few words, for people.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Plain => "keeps every token on every layer",
            Self::Windowed => "windowed: some layers see a window of their own",
            Self::Hybrid => "hybrid: some layers keep every token, the others a state of fixed size",
            Self::Recurrent => "recurrent: a state of fixed size, whatever the length",
            Self::Latent => "latent: keeps every token, compressed",
            Self::TrainedSparse => "trained-sparse: keeps every token and chooses which to look at",
        }
    }
}

/// What a cache of one model takes, under one cache type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheShape {
    pub class: MemoryClass,
    /// Of the layers that keep every token, together.
    pub bytes_per_token: u64,
    /// What is there whatever the length: recurrent states.
    pub state_bytes: u64,
    /// Layers that keep only what their own window sees; `None`: there are none, or they keep every token.
    pub own_windows: Option<ShortCache>,
}

/// A cache of a few tokens, in which new ones take the place of those that no window sees any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortCache {
    /// Room for this many tokens.
    pub tokens: u32,
    pub bytes_per_token: u64,
}

impl CacheShape {
    /// Every token on every layer.
    #[must_use]
    pub const fn plain(bytes_per_token: u64) -> Self {
        Self { class: MemoryClass::Plain, bytes_per_token, state_bytes: 0, own_windows: None }
    }

    /// From what caches of 256 and of 512 tokens take.
    #[must_use]
    pub const fn measured(class: MemoryClass, bytes_of_256: u64, bytes_of_512: u64) -> Self {
        let bytes_per_token = bytes_of_512.saturating_sub(bytes_of_256) / 256;
        let state_bytes = bytes_of_256.saturating_sub(256 * bytes_per_token);
        Self { class, bytes_per_token, state_bytes, own_windows: None }
    }

    /// The same model with short caches on the layers that have windows of their own. Two caches that are longer than
    /// any of these windows take `bytes` with room for `tokens`, the first shorter.
    #[must_use]
    pub const fn with_short_windows(self, tokens: [u32; 2], bytes: [u64; 2]) -> Self {
        let of_whole = bytes[1].saturating_sub(bytes[0]) / (tokens[1] - tokens[0]) as u64;
        let of_windows = self.bytes_per_token.saturating_sub(of_whole);
        if of_windows == 0 {
            return self;
        }
        let rest = bytes[0].saturating_sub(self.state_bytes + tokens[0] as u64 * of_whole);
        let own_windows = Some(ShortCache { tokens: (rest / of_windows) as u32, bytes_per_token: of_windows });
        Self { bytes_per_token: of_whole, own_windows, ..self }
    }

    /// Bytes of a cache with room for `tokens`.
    #[must_use]
    pub const fn bytes(&self, tokens: u32) -> u64 {
        let short = match self.own_windows {
            Some(short) if short.tokens < tokens => short.tokens as u64 * short.bytes_per_token,
            Some(short) => tokens as u64 * short.bytes_per_token,
            None => 0,
        };
        tokens as u64 * self.bytes_per_token + self.state_bytes + short
    }

    /// Whether the end of the cache can be cut off at any position. If not, it can go back only to its checkpoints.
    #[must_use]
    pub const fn cuts_anywhere(&self) -> bool {
        self.own_windows.is_none()
            && matches!(self.class, MemoryClass::Plain | MemoryClass::Windowed | MemoryClass::Latent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_counts_its_full_layers_by_token_and_its_state_once() {
        // 8 of 32 layers, 4 heads of 256 numbers for keys and as many for values in half precision; 50 MB of state.
        let per_token = 8 * 4 * 256 * 2 * 2;
        let shape =
            CacheShape::measured(MemoryClass::Hybrid, 256 * per_token + 50_000_000, 512 * per_token + 50_000_000);
        assert_eq!((shape.bytes_per_token, shape.state_bytes), (32_768, 50_000_000));
        assert_eq!(shape.bytes(131_072), 131_072 * 32_768 + 50_000_000);
        assert!(!shape.cuts_anywhere());
    }

    #[test]
    fn layers_with_windows_of_their_own_count_up_to_their_window() {
        // Gemma 3 270M: 18 layers of 1 kB, 15 of them see 512 tokens, and a call adds 512.
        let whole = CacheShape::measured(MemoryClass::Windowed, 256 * 18_432, 512 * 18_432);
        assert!(whole.cuts_anywhere());
        let taken = |tokens: u64| tokens * 3 * 1024 + 1024 * 15 * 1024;
        let short = whole.with_short_windows([4096, 5120], [taken(4096), taken(5120)]);
        assert_eq!(short.own_windows, Some(ShortCache { tokens: 1024, bytes_per_token: 15_360 }));
        assert_eq!([512, 4096, 32_768].map(|tokens| short.bytes(tokens)), [512 * 18_432, taken(4096), taken(32_768)]);
        assert!(!short.cuts_anywhere());
    }

    #[test]
    fn a_plain_cache_has_no_state() {
        assert_eq!(CacheShape::measured(MemoryClass::Plain, 256 * 12_288, 512 * 12_288), CacheShape::plain(12_288));
        assert!(CacheShape::plain(1).cuts_anywhere());
    }
}
