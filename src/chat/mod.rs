//! What the conversation does next: a pure state machine, and the layout of prompts.
//!
//! The picture: a person and an engine talk through a secretary. [`Chat`] is what the secretary has on the desk; [`update()`] takes
//! one [`Input`] (what the person did, or what the engine told) and the time, changes the desk, and returns [`Effect`]s: what to
//! tell the engine. It never waits, reads a file or looks at a clock, so a whole session can be replayed in a test.
//!
//! One preset switch, with figures: `5` is pressed → `Forecast` is sent → the engine forecasts 160,900 tokens, 48 s → the chat
//! is [`Phase::Deciding`] and shows it → `5` again → `Read` is sent → progress → `Read` ended → both readings' figures side by side.
//! A forecast under [`SHORT`] starts by itself.
//!
//! At most one job runs; what is asked meanwhile waits in the transcript ([`ExchangeState::Waiting`]), one switch waits beside it.
//! A job that is no longer wanted is forgotten by its id, in [`update()`] and nowhere else.
//!
//! The conversation may have branches ([`branches`]), and questions enclosures ([`attached`]).
//!
//! What it does not do: draw, know keys, count tokens. Look next at `tui` for the screen, at [`prompt`] for what a model gets to read.

pub mod attached;
mod branches;
mod document;
pub mod ending;
mod exchange;
pub mod export;
mod input;
mod measurements;
pub mod moment;
mod notice;
mod presets;
pub mod prompt;
mod reasoning;
mod state;
pub mod template;
mod transcript;
mod update;
pub mod within;
mod words;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

pub use attached::{Attached, AttachedText};
pub use branches::{BranchRow, Branches};
pub use document::DocumentFacts;
pub use ending::why_not_whole;
pub use exchange::{Exchange, ExchangeState, Reasoning, Variant};
pub use input::{Action, Choice, Chosen, Draft, Effect, Fetched, Input, NewText, News, Offered, Retrieved};
pub use measurements::{Comparison, Measurement, Measurements, Trace};
pub use moment::Moment;
pub use notice::{Notice, Tone, model_notes};
pub use prompt::{PromptRequest, Turn, build_prompt};
pub use state::{Asking, CacheState, Chat, Drafted, Forecast, Model, Pause, Phase, Questions, Run, Setup, Sizing};
pub use template::ChatTemplate;
pub use transcript::Entry;
pub use update::{INSTANT_TOKENS, SHORT, update};
pub use words::{bytes, count, time};

pub use crate::swaa::selection::ResolvedPreset;
