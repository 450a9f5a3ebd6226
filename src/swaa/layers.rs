//! Which layers keep full attention: as written ([`LayerSpec`]) and as a set of indices ([`LayerSet`]).
//!
//! `first half` of 28 layers is 0..=13; `odd` is 1, 3, … 27; `every 4 from 1` is 1, 5, … 25.

use std::fmt;

/// The layers that stay full, as a user writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// What the catalogue knows of this model's family.
    Model,
}

impl LayerSpec {
    /// The layers of a model with `layers` layers. Indices past the end are left out here; settings refuse them before.
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

    /// The first layer named that a model with `layers` layers lacks.
    #[must_use]
    pub fn out_of_range(&self, layers: u32) -> Option<u32> {
        match self {
            Self::First(count) if *count > layers => Some(*count - 1),
            Self::Every { from, .. } if *from >= layers => Some(*from),
            Self::List(list) => list.iter().copied().find(|&layer| layer >= layers),
            _ => None,
        }
    }
}

/// Layer indices, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
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
    /// Runs are drawn together: `0-13`, `1,3,5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => unreachable!("chunk_by gives no empty chunks"),
        });
        f.write_str(&runs.collect::<Vec<_>>().join(","))
    }
}
