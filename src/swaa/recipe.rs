//! One way of reading: as the user writes it ([`RecipeSpec`]) and as the engine runs it ([`Recipe`]).
//!
//! A spec may depend on what is read ("a quarter of the document", "the first half of the layers"); resolving it against
//! a document of n tokens and a model of L layers gives figures. `window = "max(4k, n/4)"` on 60,000 tokens is 15,000.

use std::fmt;

use super::layers::{LayerSet, LayerSpec};

/// The window as written: all of it, so many tokens, or a share of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowSpec {
    /// Full attention on every layer.
    Full,
    /// So many keys, the query's own included.
    Tokens(u32),
    /// `max(at_least, n / divisor)` for a document of n tokens.
    Share { divisor: u32, at_least: u32 },
}

impl WindowSpec {
    /// The window in tokens for a document of `document_tokens`; `None` is full attention.
    #[must_use]
    pub fn resolve(self, document_tokens: u32) -> Option<u32> {
        match self {
            Self::Full => None,
            Self::Tokens(tokens) => Some(tokens),
            Self::Share { divisor, at_least } => Some(at_least.max(document_tokens / divisor)),
        }
    }
}

/// A recipe as the user writes it, in a preset or by flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeSpec {
    pub window: WindowSpec,
    /// Leading positions that every query sees (`keep_first` in the reference).
    pub sinks: u32,
    /// Layers that keep full attention (`non_sliding_layers` in the reference).
    pub full_layers: LayerSpec,
    /// The answer is decoded with full attention (`force_fa_decode` in the reference).
    pub fa_decode: bool,
    /// The question is read with full attention; ours, not the paper's.
    pub dense_tail: bool,
}

impl RecipeSpec {
    /// Full attention everywhere.
    pub const FULL: Self =
        Self { window: WindowSpec::Full, sinks: 0, full_layers: LayerSpec::None, fa_decode: true, dense_tail: true };

    /// What a window brings when nothing else is said: 2,048 tokens, 100 sinks, every layer sliding, the question and the answer in full.
    ///
    /// 100 sinks: 10 are 1–2 points worse, 1000 gain nothing (measured on Qwen2.5-Coder 0.5B and 1.5B; SWAA, table 2).
    pub const SLIDING: Self = Self {
        window: WindowSpec::Tokens(2048),
        sinks: 100,
        full_layers: LayerSpec::None,
        fa_decode: true,
        dense_tail: true,
    };

    /// Whether the fields go together.
    ///
    /// Layers past the model's end are found by [`LayerSpec::out_of_range`] once a model is there.
    pub fn check(&self) -> Result<(), RecipeError> {
        match self.window {
            WindowSpec::Tokens(0) => Err(RecipeError::NoWindow),
            window @ WindowSpec::Tokens(tokens) if self.sinks > tokens => {
                Err(RecipeError::SinksBeyondWindow { sinks: self.sinks, window })
            }
            _ => Ok(()),
        }
    }

    /// The recipe for a document of `document_tokens` on a model of `layers` layers.
    ///
    /// `LayerSpec::Model` must have been replaced by what the catalogue says (see [`LayerSpec::resolve`]); it resolves to no layer here.
    #[must_use]
    pub fn resolve(&self, document_tokens: u32, layers: u32) -> Recipe {
        let full_layers = self.full_layers.resolve(layers);
        let attention = match self.window.resolve(document_tokens) {
            Some(window) if full_layers.len() < layers as usize => {
                Attention::Sliding { window, sinks: self.sinks, full_layers }
            }
            _ => Attention::Full,
        };
        Recipe { reading: attention, fa_decode: self.fa_decode, dense_tail: self.dense_tail }
    }
}

/// Fields that don't go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    #[error("a window of 0 tokens sees nothing")]
    NoWindow,
    #[error("sinks {sinks} are more than the window {window}")]
    SinksBeyondWindow { sinks: u32, window: WindowSpec },
}

impl RecipeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoWindow => "use \"full\" for full attention",
            Self::SinksBeyondWindow { .. } => "sinks up to the window; 100 is what was measured to be enough",
        }
    }
}

/// What one stretch of tokens sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Attention {
    Full,
    /// Sinks and a window on every layer but `full_layers`.
    Sliding {
        window: u32,
        sinks: u32,
        full_layers: LayerSet,
    },
}

impl Attention {
    /// How many leading positions see all of their past under this attention: `window + sinks`, or all.
    ///
    /// Position i sees every key iff no key lies between the sinks and the window: i < window + sinks.
    #[must_use]
    pub fn seen_whole(&self) -> u32 {
        match self {
            Self::Full => u32::MAX,
            Self::Sliding { window, sinks, .. } => window.saturating_add(*sinks),
        }
    }

    /// The attention that position `position` really gets: full as long as the window hides nothing from it.
    ///
    /// Two tokens' KV entries agree when the tokens and these agree from position 0 on.
    #[must_use]
    pub fn effective_at(&self, position: u32) -> &Self {
        if position < self.seen_whole() { &Self::Full } else { self }
    }
}

/// A way of reading, with every figure settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// How the document is read.
    pub reading: Attention,
    pub fa_decode: bool,
    pub dense_tail: bool,
}

impl Recipe {
    /// Full attention everywhere.
    pub const FULL: Self = Self { reading: Attention::Full, fa_decode: true, dense_tail: true };

    /// How the question and the end of the template are read.
    #[must_use]
    pub fn tail(&self) -> &Attention {
        if self.dense_tail { &Attention::Full } else { &self.reading }
    }

    /// How the answer is decoded.
    #[must_use]
    pub fn decoding(&self) -> &Attention {
        if self.fa_decode { &Attention::Full } else { &self.reading }
    }

    /// What it takes to go from `old`, under which `held` positions were read, to `self`.
    ///
    /// `Reread.from_token` is the first position whose KV entry differs; before it both recipes see everything, or the same.
    #[must_use]
    pub fn change_from(&self, old: &Self, held: u32) -> Change {
        if self.reading == old.reading {
            return Change::Live;
        }
        let shared = self.reading.seen_whole().min(old.reading.seen_whole());
        if shared >= held { Change::Live } else { Change::Reread { from_token: shared } }
    }
}

/// What a change of recipe costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// In force at the next token: only the decode policy, the tail or the chain of thought changed.
    Live,
    /// What lies from `from_token` on was read under other rules and must be read again.
    Reread { from_token: u32 },
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full attention"),
            Self::Sliding { window, sinks, full_layers } if full_layers.is_empty() => {
                write!(f, "window {window}, sinks {sinks}, every layer sliding")
            }
            Self::Sliding { window, sinks, full_layers } => {
                write!(f, "window {window}, sinks {sinks}, full layers {full_layers}")
            }
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reading)?;
        if self.reading != Attention::Full {
            write!(f, ", {} decode", if self.fa_decode { "full" } else { "sliding" })?;
            write!(f, ", {} tail", if self.dense_tail { "dense" } else { "no dense" })?;
        }
        Ok(())
    }
}
