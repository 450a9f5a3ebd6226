//! What was asked, answered and switched, in order.

use super::exchange::Exchange;
use super::measurements::Comparison;

/// One entry of the transcript.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Exchange(Exchange),
    /// A switch that was made, with both readings' figures.
    Switch(Comparison),
}

impl Entry {
    #[must_use]
    pub fn exchange(&self) -> Option<&Exchange> {
        match self {
            Self::Exchange(exchange) => Some(exchange),
            Self::Switch(_) => None,
        }
    }

    pub(super) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        match self {
            Self::Exchange(exchange) => Some(exchange),
            Self::Switch(_) => None,
        }
    }
}
