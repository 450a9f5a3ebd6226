//! Which layers keep full attention: as written ([`LayerSpec`]) and as a set of indices ([`LayerSet`]).
//!
//! `first half` of 28 layers is 0..=13; `odd` is 1, 3, … 27; `every 4 from 1` is 1, 5, … 25.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The layers that stay full, as a user writes them.
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
    List(Vec<u32>),
    /// The full layers of the model's family (see `families`).
    Model,
}

impl LayerSpec {
    /// Resolves this for a model of `layers` layers. Leaves out indices past the end, which
    /// [`LayerSpec::out_of_range`] finds.
    #[must_use]
    pub fn resolve(&self, layers: u32) -> LayerSet {
        let chosen = |keep: &dyn Fn(u32) -> bool| LayerSet((0..layers).filter(|&layer| keep(layer)).collect());
        match self {
            Self::None | Self::Model => LayerSet::default(),
            Self::All => chosen(&|_| true),
            Self::FirstHalf => chosen(&|layer| layer < layers / 2),
            Self::First(count) => chosen(&|layer| layer < *count),
            Self::Odd => chosen(&|layer| layer % 2 == 1),
            Self::Even => chosen(&|layer| layer % 2 == 0),
            Self::Every { step, from } => chosen(&|layer| layer >= *from && (layer - from) % step == 0),
            Self::List(list) => chosen(&|layer| list.contains(&layer)),
        }
    }

    /// The first named layer that a model of `layers` layers does not have.
    #[must_use]
    pub fn out_of_range(&self, layers: u32) -> Option<u32> {
        match self {
            Self::First(count) if *count > layers => Some(layers),
            Self::Every { from, .. } if *from >= layers => Some(*from),
            Self::List(list) => list.iter().copied().find(|&layer| layer >= layers),
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

    proptest! {
        #[test]
        fn a_spec_resolves_to_the_layers_that_it_names_and_the_model_has(spec in layer_specs(), layers in 1_u32..100) {
            let there: LayerSet = named(&spec, layers, 5000).into_iter().filter(|&layer| layer < layers).collect();
            prop_assert_eq!(spec.resolve(layers), there);
        }

        #[test]
        fn the_first_named_layer_that_the_model_lacks_is_told(spec in layer_specs(), layers in 1_u32..100) {
            let lacking = named(&spec, layers, 5000).into_iter().find(|&layer| layer >= layers);
            prop_assert_eq!(spec.out_of_range(layers), lacking);
        }

        #[test]
        fn a_set_is_ascending_and_holds_each_layer_once(layers in prop::collection::vec(0_u32..50, 0..60)) {
            let set: LayerSet = layers.iter().copied().collect();
            prop_assert!(set.as_slice().is_sorted_by(|a, b| a < b));
            prop_assert!(layers.iter().all(|layer| set.as_slice().contains(layer)));
            prop_assert!(set.as_slice().iter().all(|layer| layers.contains(layer)));
        }
    }
}
