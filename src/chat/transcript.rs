//! Questions, answers and preset switches, in order.

use super::exchange::Exchange;
use super::measurements::Comparison;

/// One entry of the transcript.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Exchange(Exchange),
    /// A finished preset switch, with both measurements.
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
