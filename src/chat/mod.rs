//! What the conversation does next: a pure state machine, and the layout of prompts.

pub mod moment;
pub mod prompt;
mod reasoning;
pub mod template;

pub use moment::Moment;
pub use prompt::{PromptRequest, Turn, build_prompt};
pub use template::ChatTemplate;
