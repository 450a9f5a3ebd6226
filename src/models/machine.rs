//! What of a machine decides which model it gets. A plain value: `settings` measures it and hands it in.
//!
//! Example: 8 GB and 4 cores hold the 1.5B of the catalogue, which reads about 170 tokens per second there.

/// What decides which model fits a machine, and how fast it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// All of it, or what a container may use.
    pub memory_bytes: u64,
    /// Physical cores.
    pub cores: u32,
}

/// A usual laptop.
impl Default for Machine {
    fn default() -> Self {
        Self { memory_bytes: 8_000_000_000, cores: 4 }
    }
}
