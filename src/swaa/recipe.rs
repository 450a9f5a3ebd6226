//! A recipe: as the user writes it ([`RecipeSpec`]) and as the engine runs it ([`Recipe`]).
//!
//! A spec may depend on the document and the model ("a quarter of the document", "the first half of the layers").
//! Resolving it for a document of n tokens and a model of L layers gives numbers: for 60,000 tokens,
//! `window = "max(4k, n/4)"` is 15,000.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::adapters::Adapter;
use super::layers::{LayerSet, LayerSpec, ModelLayers};
use crate::failure::Hint;

/// The window as written: full, a number of tokens, or a fraction of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowSpec {
    /// Full attention on every layer.
    Full,
    /// This many keys, the query's own included.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeSpec {
    pub window: WindowSpec,
    /// Leading positions that every query sees (`keep_first` in the reference).
    pub sinks: u32,
    /// Of the keys between sinks and window, sliding layers see one in this many, which counts for all of them; 0 for
    /// none, 1 is full attention. Our addition, not the paper's.
    pub far: u32,
    /// Layers that keep full attention (`non_sliding_layers` in the reference).
    pub full_layers: LayerSpec,
    /// The answer is decoded with full attention (`force_fa_decode` in the reference).
    pub fa_decode: bool,
    /// The question is prefilled with full attention; our addition, not the paper's.
    pub dense_tail: bool,
    /// What is put onto the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<Adapter>,
}

impl RecipeSpec {
    /// Full attention everywhere.
    pub const FULL: Self = Self {
        window: WindowSpec::Full,
        sinks: 0,
        far: 0,
        full_layers: LayerSpec::None,
        fa_decode: true,
        dense_tail: true,
        adapters: Vec::new(),
    };

    /// The base of a recipe that gives only a window: 2,048 tokens, 100 sinks, every layer sliding, the question and
    /// the answer with full attention.
    ///
    /// Why 100 sinks: 10 are 1–2 points worse, 1000 gain nothing (measured on Qwen2.5-Coder 0.5B and 1.5B; SWAA, table
    /// 2).
    pub const SLIDING: Self = Self {
        window: WindowSpec::Tokens(2048),
        sinks: 100,
        far: 0,
        full_layers: LayerSpec::None,
        fa_decode: true,
        dense_tail: true,
        adapters: Vec::new(),
    };

    /// Checks that the fields fit together.
    ///
    /// [`LayerSpec::lacking`] finds layers that the model can't keep full, once the model is known.
    pub fn check(&self) -> Result<(), RecipeError> {
        match self.window {
            WindowSpec::Tokens(0) => Err(RecipeError::NoWindow),
            window @ WindowSpec::Tokens(tokens) if self.sinks > tokens => {
                Err(RecipeError::SinksBeyondWindow { sinks: self.sinks, window })
            }
            _ => Ok(()),
        }
    }

    /// The recipe for a document of `document_tokens` on a model with these layers.
    ///
    /// The caller must have replaced `LayerSpec::Model` with the layers of the model's family: here it resolves to no
    /// layer (see [`LayerSpec::resolve`]).
    #[must_use]
    pub fn resolve(&self, document_tokens: u32, layers: &ModelLayers) -> Recipe {
        let full_layers = self.full_layers.resolve(layers);
        let attention = match self.window.resolve(document_tokens) {
            Some(window) if full_layers.len() < layers.attending().len() && self.far != 1 => {
                Attention::Sliding { window, sinks: self.sinks, far: self.far, full_layers }
            }
            _ => Attention::Full,
        };
        let adapters = self.adapters.clone();
        Recipe { reading: attention, fa_decode: self.fa_decode, dense_tail: self.dense_tail, adapters }
    }
}

impl fmt::Display for RecipeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.window == WindowSpec::Full {
            f.write_str("full attention")?;
            return write_adapters(f, &self.adapters);
        }
        write!(f, "window {}, sinks {}, ", self.window, self.sinks)?;
        write_far(f, self.far)?;
        match &self.full_layers {
            LayerSpec::None => f.write_str("every layer sliding")?,
            layers => write!(f, "full layers {layers}")?,
        }
        write_policy(f, self.fa_decode, self.dense_tail)?;
        write_adapters(f, &self.adapters)
    }
}

fn write_adapters(f: &mut fmt::Formatter<'_>, adapters: &[Adapter]) -> fmt::Result {
    adapters.iter().try_for_each(|adapter| write!(f, ", adapter {adapter}"))
}

/// The far keys, if any.
fn write_far(f: &mut fmt::Formatter<'_>, far: u32) -> fmt::Result {
    if far == 0 { Ok(()) } else { write!(f, "far {far}, ") }
}

/// The attention of the answer and of the question.
fn write_policy(f: &mut fmt::Formatter<'_>, fa_decode: bool, dense_tail: bool) -> fmt::Result {
    let decode = if fa_decode { "full" } else { "sliding" };
    let tail = if dense_tail { "dense" } else { "no dense" };
    write!(f, ", {decode} decode, {tail} tail")
}

/// Fields that don't fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    #[error("a window of 0 tokens sees nothing")]
    NoWindow,
    #[error("sinks {sinks} exceed the window {window}")]
    SinksBeyondWindow { sinks: u32, window: WindowSpec },
}

impl Hint for RecipeError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoWindow => "use \"full\" for full attention",
            Self::SinksBeyondWindow { .. } => {
                "at most as many sinks as the window has tokens; 100 were enough in our measurements"
            }
        };
        Some(hint.to_owned())
    }
}

/// What the tokens of a segment see.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    Full,
    /// Sinks, a window and far keys on every layer but `full_layers`; [`weight`](super::weight) defines them.
    Sliding {
        window: u32,
        sinks: u32,
        /// 0, or from 2 on.
        far: u32,
        full_layers: LayerSet,
    },
}

impl Attention {
    /// How many leading positions see all earlier tokens under this attention: `window + sinks`, or all positions.
    ///
    /// Position i sees every key iff no key is between the sinks and the window: i < window + sinks. Where a key is, a
    /// far key counts for more than itself, so far keys change nothing about this.
    #[must_use]
    pub fn seen_whole(&self) -> u32 {
        match self {
            Self::Full => u32::MAX,
            Self::Sliding { window, sinks, .. } => window.saturating_add(*sinks),
        }
    }

    /// The attention in effect at `position`: full as long as the window hides nothing from it.
    ///
    /// Two KV entries are equal if, from position 0 on, the tokens and their attentions in effect are equal.
    #[must_use]
    pub fn effective_at(&self, position: u32) -> &Self {
        if position < self.seen_whole() { &Self::Full } else { self }
    }
}

/// All that bounded attention sees of the past, on every layer: the first `sinks` positions, and `window` keys back from each query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub sinks: u32,
    pub window: u32,
}

/// A recipe resolved for one document and model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// Attention of the document.
    pub reading: Attention,
    pub fa_decode: bool,
    pub dense_tail: bool,
    /// What is put onto the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<Adapter>,
}

impl Recipe {
    /// Full attention everywhere.
    pub const FULL: Self = Self { reading: Attention::Full, fa_decode: true, dense_tail: true, adapters: Vec::new() };

    /// The same with the first `front_tokens` tokens among the sinks, before those of the recipe.
    #[must_use]
    pub fn behind_front(mut self, front_tokens: u32) -> Self {
        if let Attention::Sliding { sinks, .. } = &mut self.reading {
            *sinks = sinks.saturating_add(front_tokens);
        }
        self
    }

    /// Attention of the question and of the end of the template.
    #[must_use]
    pub fn tail(&self) -> &Attention {
        if self.dense_tail { &Attention::Full } else { &self.reading }
    }

    /// What every token sees under a recipe that is bounded everywhere: in the document, in the question and in the answer. Then the keys and
    /// values between sinks and window are of no use to any later token.
    ///
    /// `None`: full layers, far keys, a dense tail or FA decode look at all that was read.
    #[must_use]
    pub fn bound(&self) -> Option<Bound> {
        match &self.reading {
            Attention::Sliding { window, sinks, far: 0, full_layers }
                if full_layers.is_empty() && !self.fa_decode && !self.dense_tail =>
            {
                Some(Bound { sinks: *sinks, window: *window })
            }
            _ => None,
        }
    }

    /// Attention of the answer.
    #[must_use]
    pub fn decoding(&self) -> &Attention {
        if self.fa_decode { &Attention::Full } else { &self.reading }
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full attention"),
            Self::Sliding { window, sinks, far, full_layers } => {
                write!(f, "window {window}, sinks {sinks}, ")?;
                write_far(f, *far)?;
                if full_layers.is_empty() {
                    f.write_str("every layer sliding")
                } else {
                    write!(f, "full layers {full_layers}")
                }
            }
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reading)?;
        match self.reading {
            Attention::Full => Ok(()),
            Attention::Sliding { .. } => write_policy(f, self.fa_decode, self.dense_tail),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::swaa::weight;

    const LAYERS: u32 = 3;
    const TOKENS: u32 = 40;

    fn attentions() -> impl Strategy<Value = Attention> {
        let full_layers = prop::collection::btree_set(0..LAYERS, 0..LAYERS as usize);
        prop_oneof![
            1 => Just(Attention::Full),
            6 => (1_u32..30, 0_u32..20, prop_oneof![Just(0_u32), 2_u32..12], full_layers).prop_map(
                |(window, sinks, far, full_layers)| Attention::Sliding {
                    window,
                    sinks,
                    far,
                    full_layers: full_layers.into_iter().collect()
                }
            ),
        ]
    }

    /// How many keys `key` counts for.
    fn counted(attention: &Attention, layer: u32, query: u32, key: u32) -> u32 {
        match attention {
            Attention::Sliding { window, sinks, far, full_layers } if !full_layers.as_slice().contains(&layer) => {
                weight(query, key, *window, *sinks, *far)
            }
            _ => u32::from(key <= query),
        }
    }

    /// Numbers histories: equal histories get equal numbers, different ones different numbers.
    #[derive(Default)]
    struct Histories(HashMap<Vec<u32>, u32>);

    impl Histories {
        fn number(&mut self, history: Vec<u32>) -> u32 {
            let next = self.0.len() as u32;
            *self.0.entry(history).or_insert(next)
        }

        /// What the KV entries of each position are computed from, layer by layer: the position's own state and
        /// everything that it saw.
        fn of_entries(&mut self, attention: &Attention) -> Vec<Vec<u32>> {
            let mut states: Vec<u32> = (0..TOKENS).map(|token| self.number(vec![token])).collect();
            let mut entries: Vec<Vec<u32>> = vec![Vec::new(); TOKENS as usize];
            for layer in 0..LAYERS {
                for (entry, state) in entries.iter_mut().zip(&states) {
                    entry.push(*state);
                }
                let attended = |query: u32| {
                    let seen = (0..TOKENS).map(|key| (counted(attention, layer, query, key), states[key as usize]));
                    let seen = seen.filter(|&(count, _)| count > 0).flat_map(|(count, state)| [count, state]);
                    [layer, states[query as usize]].into_iter().chain(seen).collect()
                };
                states = (0..TOKENS).map(|query| self.number(attended(query))).collect();
            }
            entries
        }
    }

    fn differ_in_stride_alone(old: &Attention, new: &Attention) -> bool {
        let parts = |attention: &Attention| match attention {
            Attention::Full => None,
            Attention::Sliding { window, sinks, far, .. } => Some(((*window, *sinks), *far)),
        };
        matches!((parts(old), parts(new)), (Some((old, far)), Some((new, other))) if old == new && far != other)
    }

    /// The first position whose KV entries differ under two attentions, by comparing what they are computed from.
    fn first_difference(old: &Attention, new: &Attention) -> u32 {
        let mut histories = Histories::default();
        let (old, new) = (histories.of_entries(old), histories.of_entries(new));
        old.iter().zip(&new).position(|(old, new)| old != new).map_or(TOKENS, |position| position as u32)
    }

    proptest! {
        #[test]
        fn what_is_seen_whole_is_seen_whole_and_the_next_position_is_not(attention in attentions()) {
            let sees_all = |query: u32| (0..=query).all(|key| (0..LAYERS).all(|layer| counted(&attention, layer, query, key) == 1));
            let whole = attention.seen_whole();
            prop_assert!((0..whole.min(100)).all(sees_all));
            prop_assert!(whole == u32::MAX || !sees_all(whole));
        }

        #[test]
        fn attention_is_in_effect_full_as_long_as_all_is_seen(attention in attentions(), position in 0_u32..100) {
            let effective = attention.effective_at(position);
            for (layer, key) in (0..LAYERS).flat_map(|layer| (0..100).map(move |key| (layer, key))) {
                prop_assert_eq!(counted(effective, layer, position, key), counted(&attention, layer, position, key));
            }
        }

        /// The cache never keeps a wrong entry by this rule, and where every layer slides it keeps all that it could. Only if nothing but the
        /// strides differs, it may give up some that are alike: those before the first far key that one counts and the other does not.
        #[test]
        fn positions_that_get_the_same_attention_have_the_same_entries(old in attentions(), new in attentions()) {
            let is_same = |position: &u32| old.effective_at(*position) == new.effective_at(*position);
            let kept = (0..TOKENS).take_while(is_same).count() as u32;
            let alike = first_difference(&old, &new);
            prop_assert!(kept <= alike, "{} are kept, {} are alike", kept, alike);
            let slides = |attention: &Attention| match attention {
                Attention::Full => true,
                Attention::Sliding { full_layers, .. } => full_layers.is_empty(),
            };
            if slides(&old) && slides(&new) && !differ_in_stride_alone(&old, &new) {
                prop_assert_eq!(kept, alike);
            }
        }

        #[test]
        fn a_share_of_the_document_is_a_window_of_that_share_but_never_less_than_asked(
            divisor in 1_u32..20, at_least in 1_u32..5000, tokens: u32
        ) {
            let window = WindowSpec::Share { divisor, at_least }.resolve(tokens).unwrap();
            prop_assert!(window >= at_least && window >= tokens / divisor);
            prop_assert!(window == at_least || window == tokens / divisor);
        }
    }

    #[test]
    fn only_a_recipe_without_full_attention_anywhere_is_bounded() {
        let stream = RecipeSpec { fa_decode: false, dense_tail: false, ..RecipeSpec::SLIDING };
        let bound = |spec: &RecipeSpec| spec.resolve(10_000, &ModelLayers::All(24)).bound();
        assert_eq!(bound(&stream), Some(Bound { sinks: 100, window: 2048 }));
        let others = [
            RecipeSpec { fa_decode: true, ..stream.clone() },
            RecipeSpec { dense_tail: true, ..stream.clone() },
            RecipeSpec { far: 16, ..stream.clone() },
            RecipeSpec { full_layers: LayerSpec::First(1), ..stream.clone() },
            RecipeSpec { window: WindowSpec::Full, ..stream },
        ];
        assert!(others.iter().all(|spec| bound(spec).is_none()), "{others:?}");
    }

    #[test]
    fn a_recipe_whose_layers_all_stay_full_is_full_attention() {
        let spec = |full_layers| RecipeSpec { window: WindowSpec::Tokens(2048), full_layers, ..RecipeSpec::FULL };
        let layers = &ModelLayers::All(24);
        assert_eq!(spec(LayerSpec::All).resolve(1000, layers).reading, Attention::Full);
        assert_eq!(spec(LayerSpec::First(24)).resolve(1000, layers).reading, Attention::Full);
        let some = spec(LayerSpec::First(23)).resolve(1000, layers).reading;
        assert_eq!(some, Attention::Sliding { window: 2048, sinks: 0, far: 0, full_layers: (0..23).collect() });
    }

    #[test]
    fn a_hybrid_whose_attention_layers_all_stay_full_has_full_attention() {
        let layers = &ModelLayers::new(8, [3, 7].into_iter().collect());
        let spec = |full_layers| RecipeSpec { full_layers, ..RecipeSpec::SLIDING };
        assert_eq!(spec(LayerSpec::List(vec![3, 7])).resolve(10_000, layers).reading, Attention::Full);
        let half = spec(LayerSpec::FirstHalf).resolve(10_000, layers).reading;
        let of_3 = [3].into_iter().collect();
        assert_eq!(half, Attention::Sliding { window: 2048, sinks: 100, far: 0, full_layers: of_3 });
    }

    #[test]
    fn a_far_key_for_each_key_is_full_attention() {
        let layers = &ModelLayers::All(24);
        let spec = |far| RecipeSpec { far, ..RecipeSpec::SLIDING };
        assert_eq!(spec(1).resolve(100_000, layers).reading, Attention::Full);
        assert_ne!(spec(2).resolve(100_000, layers).reading, Attention::Full);
        assert_ne!(spec(2).resolve(100_000, layers).reading, spec(3).resolve(100_000, layers).reading);
    }
}
