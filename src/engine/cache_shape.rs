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

/// What a model's memory is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheShape {
    pub class: MemoryClass,
    /// Of the layers that keep every token, together.
    pub bytes_per_token: u64,
    /// What is there whatever the length: recurrent states.
    pub state_bytes: u64,
}

impl CacheShape {
    /// Every token on every layer.
    #[must_use]
    pub const fn plain(bytes_per_token: u64) -> Self {
        Self { class: MemoryClass::Plain, bytes_per_token, state_bytes: 0 }
    }

    /// From what caches of 256 and of 512 tokens take.
    #[must_use]
    pub const fn measured(class: MemoryClass, bytes_of_256: u64, bytes_of_512: u64) -> Self {
        let bytes_per_token = bytes_of_512.saturating_sub(bytes_of_256) / 256;
        Self { class, bytes_per_token, state_bytes: bytes_of_256.saturating_sub(256 * bytes_per_token) }
    }

    /// Bytes of a cache with room for `tokens`.
    #[must_use]
    pub const fn bytes(&self, tokens: u32) -> u64 {
        tokens as u64 * self.bytes_per_token + self.state_bytes
    }

    /// Whether the end of the cache can be cut off at any position. If not, it can go back only to its checkpoints.
    #[must_use]
    pub const fn cuts_anywhere(&self) -> bool {
        matches!(self.class, MemoryClass::Plain | MemoryClass::Windowed | MemoryClass::Latent)
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
    fn a_plain_cache_has_no_state() {
        assert_eq!(CacheShape::measured(MemoryClass::Plain, 256 * 12_288, 512 * 12_288), CacheShape::plain(12_288));
        assert!(CacheShape::plain(1).cuts_anywhere());
    }
}
