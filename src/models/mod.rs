//! Which models are known, where they come from, and whether they are whole.
