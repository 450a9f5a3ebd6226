//! What the conversation does next: a pure state machine, and the layout of prompts.
//!
//! The picture: a person and an engine talk through a secretary. [`Chat`] is what the secretary has on the desk; [`update()`] takes
//! one [`Input`] (what the person did, or what the engine told) and the time, changes the desk, and returns [`Effect`]s: what to
//! tell the engine. It never waits, reads a file or looks at a clock, so a whole session can be replayed in a test.
//!
//! One preset switch, with figures: `5` is pressed → `Forecast` is sent → the engine forecasts 160,900 tokens, 48 s → the chat
//! is [`Work::Deciding`] and shows it → `5` again → `Read` is sent → progress → `Read` ended → both readings' figures side by side.
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
mod exchange;
pub mod export;
pub mod moment;
pub mod prompt;
mod readings;
mod reasoning;
mod state;
pub mod template;
mod update;
pub mod within;
mod words;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

pub use attached::{Attached, AttachedText};
pub use branches::{BranchRow, Branches};
pub use exchange::{Exchange, ExchangeState, Pair, Reasoning};
pub use moment::Moment;
pub use prompt::{PromptRequest, Turn, build_prompt};
pub use readings::{Comparison, Reading, Readings, Trace};
pub use state::{
    Asking, Chat, DocumentFacts, Entry, Fetched, Held, Model, Notice, Offered, Run, Setup, Tone, Way, Work,
};
pub use template::ChatTemplate;
pub use update::{
    Action, Choice, Chosen, Draft, Drafted, Effect, Forecast, INSTANT_TOKENS, Input, NewText, News, SHORT, update,
};
pub use words::{bytes, count, time};
