//! What the user asked for: flags, config and environment become one validated value. The only reader of the
//! environment.
//!
//! ```text
//! argv ── argv::rewrite ──> clap ──> LowArgs (as typed) ─┐
//! config.toml ── config ─────────────────────────────────┼─ resolve ──> Settings
//! environment, terminal ── Surroundings ─────────────────┘
//! ```
//!
//! A flag wins over the file, the file over what is built in. Everything that can be wrong without a model or a
//! document is found here, before anything is loaded: an unknown preset, a window of 0, mixed cache types, no question
//! and no terminal.
//!
//! Example: `lunette --preset quick --window 8k -p "Who?" book.txt` in a pipe gives `FrontEnd::Headless`, preset
//! `quick`, and a patch that sets the window to 8,192.
//!
//! Does not open documents or models, and does not choose what `auto` becomes: that takes a document
//! ([`crate::swaa::auto`]).

pub mod args;
pub mod argv;
mod config;
mod directories;
mod error;
mod options;
pub mod presets;
mod resolve;
mod surroundings;
#[cfg(test)]
mod tests;
mod values;

pub use args::{EvalArgs, LowArgs, RecipeArgs, SamplingArgs};
pub use directories::Directories;
pub use error::Error;
pub use options::{Documents, FitAs, FrontEnd, Headless, Output, PullPolicy, ScreenSettings, Shown, ThemeChoice};
pub use resolve::Settings;
pub use surroundings::{ScreenVariables, Surroundings, Terminal};
