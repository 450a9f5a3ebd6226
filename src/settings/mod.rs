//! Turns flags, configuration and environment into one validated value. The only module that reads the environment.
//!
//! ```text
//! argv ── argv::rewrite ──> clap ──> LowArgs (as typed) ─┐
//! config.toml ── config ─────────────────────────────────┼─ resolve ──> Settings
//! environment, terminal ── Surroundings ─────────────────┘
//! ```
//!
//! A flag wins over the file, and the file over the built-in default. All errors that can be found without a model or a
//! document are found here, before anything is loaded: an unknown preset, a window of 0, mixed cache types, neither a
//! question nor a terminal.
//!
//! Example: `lunette --preset quick --window 8k -p "Who?" book.txt` in a pipe results in `FrontEnd::Headless`, preset
//! `quick`, and a patch that sets the window to 8,192.
//!
//! Does not open documents or models, and does not resolve `auto`, which depends on the document
//! ([`crate::swaa::auto`]).

pub mod args;
pub mod argv;
mod config;
mod config_file;
mod directories;
mod error;
mod options;
pub mod presets;
mod resolve;
mod server;
mod shell;
mod standard_input;
mod surroundings;
#[cfg(test)]
mod tests;
mod used_server;
mod values;

pub use args::{EvalArgs, LowArgs, RecipeArgs, SamplingArgs, SessionsCommand};
pub use config_file::{SaveError, add_preset};
pub use directories::Directories;
pub use error::Error;
pub use options::{
    ApiKey, CacheTask, Documents, FitAs, FrontEnd, Headless, ModelsTask, Output, Probe, PullPolicy, ReadAhead,
    ScreenSettings, Serving, SessionChoice, Shown, ThemeChoice,
};
pub use resolve::Settings;
pub use server::{Scheme, ServerChoice, ServerUrl};
pub use shell::{completions, man_page};
pub use standard_input::StandardInput;
pub use surroundings::{ScreenVariables, ServerVariables, Surroundings, Terminal};
pub use used_server::{Authorities, UsedServer};
pub use values::{Count, Fields, Listen, from_zero, limit, look_back, penalty, seed, share};
