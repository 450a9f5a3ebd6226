//! What the conversation does next: a pure state machine, and the layout of prompts.
//!
//! [`Chat`] is the state. [`update()`] takes one [`Input`] (a user action or an engine event) and the time, changes the
//! state, and returns [`Effect`]s such as commands to the engine. It never waits, reads a file or looks at a clock, so
//! a whole session can be replayed in a test.
//!
//! A preset switch, with figures: the user presses `5` → the chat sends `Forecast` → the engine forecasts 160,900
//! tokens, 48 s → the chat is in [`Phase::Deciding`] and shows that → `5` again → the chat sends `Prefill` → progress →
//! `Prefilled` → both measurements side by side. A switch forecast under [`SHORT`] starts by itself.
//!
//! At most one job runs. Questions asked meanwhile wait in the transcript ([`ExchangeState::Waiting`]), and at most one
//! switch waits beside them. Events of a job that is no longer wanted are dropped by its id, in [`update()`] and
//! nowhere else.
//!
//! A conversation may have branches ([`branches`]), and questions may have attachments ([`attached`]). Documents have titles ([`titles`]).
//!
//! It does not draw, know keys or count tokens. See `tui` for the screen, and [`prompt`] for what the model gets.

mod asked_about;
pub mod attached;
mod branches;
mod code;
mod document;
pub mod ending;
mod exchange;
pub mod export;
mod input;
mod markup;
mod measurements;
pub mod moment;
mod notice;
mod presets;
pub mod prompt;
pub mod question;
mod reasoning;
pub mod record;
pub mod recording;
pub mod room;
mod state;
mod suggestions;
mod system_prompt;
pub mod template;
mod template_limits;
pub mod texts;
pub mod titles;
mod transcript;
mod turn;
pub mod until;
mod update;
pub mod within;

#[cfg(test)]
pub(crate) mod described;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

pub use attached::{Attached, AttachedText};
pub use branches::{BranchRow, Branches};
pub use code::{code_blocks, open_fence};
pub use document::DocumentFacts;
pub use ending::{endings, note, why_not_whole};
pub use exchange::{AnsweringModel, Exchange, ExchangeState, Reasoning, Variant, spans};
pub use input::{
    Action, Choice, Chosen, Draft, Effect, Fetched, Fits, Input, KnownModel, NewText, News, Offered, OpenedDocument,
    OpeningAt, Retrieved, Source,
};
pub use measurements::{Comparison, Measurement, Measurements, Trace};
pub use moment::Moment;
pub use notice::{Notice, Tone, model_notes};
pub use prompt::{PromptRequest, build_prompt, set_question_apart};
pub use question::{Begun, ReadyQuestion};
pub use recording::{Earlier, Keeping, Restored, SessionId};
pub use room::{FullContext, WayOut};
pub use state::{
    Ahead, AheadRun, Asking, Awaited, CacheState, Calibrate, Chat, Download, DraftStep, Drafted, Forecast, IdleSearch,
    Model, Opening, Pause, Phase, Questions, Run, Setup, Sizing,
};
pub use suggestions::{Role, Suggestion, Suggestions};
pub use system_prompt::{READING, SystemPrompt};
pub use template::ChatTemplate;
pub use texts::Texts;
pub use transcript::Entry;
pub use turn::Turn;
pub use until::Until;
pub use update::{INSTANT_TOKENS, SHORT, update};

pub use crate::swaa::selection::ResolvedPreset;
