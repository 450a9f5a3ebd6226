//! Which layers a model has ([`ModelLayers`]), and which of them keep full attention: as written ([`LayerSpec`]) and as a
//! set of indices ([`LayerSet`]).
//!
//! `first half` of 28 layers is 0..=13; `odd` is 1, 3, … 27; `every 4 from 1` is 1, 5, … 25.
//!
//! Words count the layers that attend, numbers in a list are the model's own. Of Qwen3.5's 32 layers, 3, 7, … 31 attend:
//! `first half` is 3, 7, 11 and 15, and so is the list `3,7,11,15`; `0,1` is refused, as these layers keep a state.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The layers of a model, and which of them attend to the tokens before: only these can slide or stay full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelLayers {
    /// So many layers, and all of them attend.
    All(u32),
    /// The layers of a hybrid: the others keep a state of fixed size, or nothing.
    Some { of: u32, attending: LayerSet },
}

impl ModelLayers {
    /// Of `layers` layers, those in `attending` attend.
    #[must_use]
    pub fn new(layers: u32, attending: LayerSet) -> Self {
        if attending.len() == layers as usize { Self::All(layers) } else { Self::Some { of: layers, attending } }
    }

    /// How many layers there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        match self {
            Self::All(layers) | Self::Some { of: layers, .. } => *layers,
        }
    }

    /// How many of them attend.
    #[must_use]
    pub fn attending_count(&self) -> u32 {
        match self {
            Self::All(layers) => *layers,
            Self::Some { attending, .. } => attending.len() as u32,
        }
    }

    /// Those that attend.
    #[must_use]
    pub fn attending(&self) -> Cow<'_, LayerSet> {
        match self {
            Self::All(layers) => Cow::Owned((0..*layers).collect()),
            Self::Some { attending, .. } => Cow::Borrowed(attending),
        }
    }
}

impl fmt::Display for ModelLayers {
    /// `24 layers`, `32 layers, of which 8 attend (3,7,11,15,19,23,27,31)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.count())?;
        match self {
            Self::All(_) => Ok(()),
            Self::Some { attending, .. } => write!(f, ", of which {} attend ({attending})", attending.len()),
        }
    }
}

/// A layer that a spec names and a model can't keep full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// The model has no layer of this number.
    Layer(u32),
    /// This layer of the model does not attend.
    Attention(u32),
    /// Fewer of its layers attend: there is none of this number among them, counted from 0.
    Nth(u32),
}

/// The layers that stay full, as a user writes them. Words count the layers that attend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerSpec {
    None,
    All,
    FirstHalf,
    First(u32),
    Odd,
    Even,
    Every {
        step: u32,
        from: u32,
    },
    /// By the model's own numbers.
    List(Vec<u32>),
    /// The full layers of the model's family (see `families`).
    Model,
}

impl LayerSpec {
    /// Resolves this for a model. Leaves out what it can't keep full, which [`LayerSpec::lacking`] finds.
    #[must_use]
    pub fn resolve(&self, layers: &ModelLayers) -> LayerSet {
        let attending = layers.attending();
        let nth = |keep: &dyn Fn(u32) -> bool| {
            let chosen = (0..).zip(attending.as_slice()).filter(|(nth, _)| keep(*nth));
            chosen.map(|(_, layer)| *layer).collect()
        };
        match self {
            Self::None | Self::Model => LayerSet::default(),
            Self::All => nth(&|_| true),
            Self::FirstHalf => nth(&|nth| nth < layers.attending_count() / 2),
            Self::First(count) => nth(&|nth| nth < *count),
            Self::Odd => nth(&|nth| nth % 2 == 1),
            Self::Even => nth(&|nth| nth % 2 == 0),
            Self::Every { step, from } => nth(&|nth| nth >= *from && (nth - from) % step == 0),
            Self::List(list) => list.iter().copied().filter(|layer| attending.contains(*layer)).collect(),
        }
    }

    /// The first named layer that a model can't keep full.
    #[must_use]
    pub fn lacking(&self, layers: &ModelLayers) -> Option<Lacking> {
        let attending = layers.attending_count();
        let nth = |nth| match layers {
            ModelLayers::All(_) => Lacking::Layer(nth),
            ModelLayers::Some { .. } => Lacking::Nth(nth),
        };
        match self {
            Self::First(count) if *count > attending => Some(nth(attending)),
            Self::Every { from, .. } if *from >= attending => Some(nth(*from)),
            Self::List(list) => list.iter().find_map(|&layer| match layers {
                _ if layer >= layers.count() => Some(Lacking::Layer(layer)),
                ModelLayers::Some { attending, .. } if !attending.contains(layer) => Some(Lacking::Attention(layer)),
                _ => None,
            }),
            _ => None,
        }
    }
}

/// Layer indices, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LayerSet(Vec<u32>);

impl LayerSet {
    /// The indices, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn contains(&self, layer: u32) -> bool {
        self.0.binary_search(&layer).is_ok()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<u32> for LayerSet {
    fn from_iter<I: IntoIterator<Item = u32>>(layers: I) -> Self {
        let mut layers: Vec<u32> = layers.into_iter().collect();
        layers.sort_unstable();
        layers.dedup();
        Self(layers)
    }
}

impl fmt::Display for LayerSet {
    /// Prints runs as ranges: `0-13`, `1,3,5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => unreachable!("chunk_by gives no empty chunks"),
        });
        f.write_str(&runs.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::swaa::written::tests::layer_specs;

    /// The layers that a spec names, counted one by one up to `limit`, whether the model has them or not.
    fn named(spec: &LayerSpec, layers: u32, limit: u32) -> Vec<u32> {
        match spec {
            LayerSpec::None | LayerSpec::Model => Vec::new(),
            LayerSpec::All => (0..layers).collect(),
            LayerSpec::FirstHalf => (0..layers).take(layers as usize / 2).collect(),
            LayerSpec::First(count) => (0..limit).take(*count as usize).collect(),
            LayerSpec::Odd => (0..layers).skip(1).step_by(2).collect(),
            LayerSpec::Even => (0..layers).step_by(2).collect(),
            LayerSpec::Every { step, from } => (*from..layers.max(from + 1)).step_by(*step as usize).collect(),
            LayerSpec::List(list) => list.clone(),
        }
    }

    /// Of up to 100 layers, every one or every fourth attends.
    fn model_layers() -> impl Strategy<Value = ModelLayers> {
        (1_u32..100, prop_oneof![Just(1_usize), Just(4_usize)])
            .prop_map(|(count, step)| ModelLayers::new(count, (0..count).step_by(step).collect()))
    }

    proptest! {
        #[test]
        fn a_spec_resolves_to_the_layers_that_it_names_and_the_model_has(spec in layer_specs(), layers in model_layers()) {
            let attending = layers.attending().into_owned();
            let there: LayerSet = match &spec {
                LayerSpec::List(list) => list.iter().copied().filter(|layer| attending.contains(*layer)).collect(),
                words => {
                    let nth = named(words, layers.attending_count(), 5000).into_iter();
                    nth.filter_map(|nth| attending.as_slice().get(nth as usize).copied()).collect()
                }
            };
            prop_assert_eq!(spec.resolve(&layers), there);
        }

        #[test]
        fn the_first_named_layer_that_the_model_lacks_is_told(spec in layer_specs(), layers in 1_u32..100) {
            let lacking = named(&spec, layers, 5000).into_iter().find(|&layer| layer >= layers);
            let told = spec.lacking(&ModelLayers::All(layers)).map(|lacking| match lacking {
                Lacking::Layer(layer) | Lacking::Attention(layer) | Lacking::Nth(layer) => layer,
            });
            prop_assert_eq!(told, lacking);
        }

        #[test]
        fn a_set_is_ascending_and_holds_each_layer_once(layers in prop::collection::vec(0_u32..50, 0..60)) {
            let set: LayerSet = layers.iter().copied().collect();
            prop_assert!(set.as_slice().is_sorted_by(|a, b| a < b));
            prop_assert!(layers.iter().all(|layer| set.as_slice().contains(layer)));
            prop_assert!(set.as_slice().iter().all(|layer| layers.contains(layer)));
        }
    }

    /// Qwen3.5's shape with 16 layers: 3, 7, 11 and 15 attend.
    #[test]
    fn words_count_the_layers_of_a_hybrid_that_attend_and_lists_name_layers() {
        let hybrid = ModelLayers::new(16, [3, 7, 11, 15].into_iter().collect());
        let resolved = |spec: LayerSpec| spec.resolve(&hybrid).as_slice().to_vec();
        assert_eq!(resolved(LayerSpec::FirstHalf), [3, 7]);
        assert_eq!(resolved(LayerSpec::First(3)), [3, 7, 11]);
        assert_eq!(resolved(LayerSpec::Odd), [7, 15]);
        assert_eq!(resolved(LayerSpec::Every { step: 2, from: 0 }), [3, 11]);
        assert_eq!(resolved(LayerSpec::All), [3, 7, 11, 15]);
        assert_eq!(resolved(LayerSpec::List(vec![11, 3])), [3, 11]);
        assert_eq!(hybrid.to_string(), "16 layers, of which 4 attend (3,7,11,15)");
    }

    #[test]
    fn what_a_hybrid_cannot_keep_full_is_told() {
        let hybrid = ModelLayers::new(16, [3, 7, 11, 15].into_iter().collect());
        let lacking = |spec: LayerSpec| spec.lacking(&hybrid);
        assert_eq!(lacking(LayerSpec::List(vec![3, 4])), Some(Lacking::Attention(4)));
        assert_eq!(lacking(LayerSpec::List(vec![3, 16])), Some(Lacking::Layer(16)));
        assert_eq!(lacking(LayerSpec::First(5)), Some(Lacking::Nth(4)));
        assert_eq!(lacking(LayerSpec::First(4)), None);
        assert_eq!(ModelLayers::new(2, (0..2).collect()), ModelLayers::All(2));
    }
}
