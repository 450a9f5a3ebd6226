//! A value that is typed into a popup: a path to open, the system prompt, a sampling value.
//!
//! Enter takes the value if it can be one; otherwise the popup stays and says what is allowed. Example: `1.5` for the
//! temperature becomes [`Action::SetSampling`], `warm` stays with "a number from 0 to 1000".

use ratatui_textarea::TextArea;

use super::line_input::{input_box, line_box};
use crate::chat::{Action, Chat, Source};
use crate::engine::message::Sampling;
use crate::settings::{Count, from_zero, limit, penalty, seed, share};

use super::super::keymap::Field;

/// An open field.
#[derive(Debug, Clone)]
pub(in crate::tui) struct FieldEntry {
    pub field: Field,
    pub input: TextArea<'static>,
    /// Why the text can't be the value.
    pub problem: Option<String>,
    /// The names that a path may become.
    pub names: Vec<String>,
}

/// Compares what is visible.
impl PartialEq for FieldEntry {
    fn eq(&self, other: &Self) -> bool {
        (self.field, self.input.lines(), &self.problem, &self.names)
            == (other.field, other.input.lines(), &other.problem, &other.names)
    }
}

impl Eq for FieldEntry {}

impl FieldEntry {
    /// Shows the present value.
    pub(super) fn new(field: Field, chat: &Chat) -> Self {
        let value = if field == Field::Open { String::new() } else { field.value(chat) };
        let input = if field == Field::System { input_box(&value) } else { line_box(&value) };
        Self { field, input, problem: None, names: Vec::new() }
    }

    pub(in crate::tui) fn text(&self) -> String {
        self.input.lines().join("\n")
    }
}

impl Field {
    pub(in crate::tui) const fn title(self) -> &'static str {
        match self {
            Self::Open => " open a document ",
            Self::System => " system prompt ",
            Self::Name => " name of the conversation ",
            Self::Temperature => " temperature ",
            Self::TopK => " top-k ",
            Self::TopP => " top-p ",
            Self::MinP => " min-p ",
            Self::RepeatPenalty => " repeat penalty ",
            Self::Seed => " seed ",
            Self::MaxTokens => " longest answer, in tokens ",
        }
    }

    /// What can be typed, in a sentence.
    pub(in crate::tui) const fn about(self) -> &'static str {
        match self {
            Self::Open => "a file, a folder, an address (https://…) or a model (.gguf); ~ is your home folder",
            Self::System => "stands before the document, which is read again behind it; empty for none",
            Self::Name => "shown above, and the name of exported files; empty for none",
            Self::Temperature => "0 always takes the most likely token; higher values vary more",
            Self::TopK => "only the K most likely tokens; 0 for all",
            Self::TopP => "the most likely tokens whose probabilities add up to P, from 0 to 1",
            Self::MinP => "no tokens below P times the probability of the most likely one, from 0 to 1",
            Self::RepeatPenalty => "scores of repeated tokens are divided by it; 1 is off",
            Self::Seed => "a whole number, for the same choices again; -1 for a random one",
            Self::MaxTokens => "a whole number; -1 for no limit but the context",
        }
    }

    /// The present value, as it is typed.
    pub(in crate::tui) fn value(self, chat: &Chat) -> String {
        let sampling = &chat.asking.sampling;
        match self {
            Self::Open => chat.document.title.clone(),
            Self::System => chat.asking.system.text(true).map_or_else(String::new, |text| text.to_string()),
            Self::Name => chat.name.as_deref().unwrap_or_default().to_owned(),
            Self::Temperature => sampling.temperature.to_string(),
            Self::TopK => sampling.top_k.to_string(),
            Self::TopP => sampling.top_p.to_string(),
            Self::MinP => sampling.min_p.to_string(),
            Self::RepeatPenalty => sampling.repeat_penalty.to_string(),
            Self::Seed if sampling.seed == u32::MAX => "-1".to_owned(),
            Self::Seed => sampling.seed.to_string(),
            Self::MaxTokens => chat.asking.limits.max_tokens.map_or("-1".to_owned(), |most| most.to_string()),
        }
    }

    /// The action that takes `text` as the value; `None` if there is nothing to do.
    ///
    /// Errors: what is allowed.
    pub(super) fn action(self, chat: &Chat, text: &str) -> Result<Option<Action>, String> {
        let now = chat.asking.sampling;
        let sampling = |sampling: Sampling| Ok(Some(Action::SetSampling(sampling)));
        let text = text.trim();
        match self {
            Self::Open if text.is_empty() => Ok(None),
            Self::Open => Ok(Some(Action::Open(Source::Named(vec![text.to_owned()])))),
            Self::System => Ok(Some(Action::SetSystem((!text.is_empty()).then(|| text.into())))),
            Self::Name => Ok(Some(Action::Rename(text.to_owned()))),
            Self::Temperature => sampling(Sampling { temperature: from_zero(text)?, ..now }),
            Self::TopK => match text.parse() {
                Ok(top_k) if top_k >= 0 => sampling(Sampling { top_k, ..now }),
                _ => Err("a whole number from 0 up".to_owned()),
            },
            Self::TopP => sampling(Sampling { top_p: share(text)?, ..now }),
            Self::MinP => sampling(Sampling { min_p: share(text)?, ..now }),
            Self::RepeatPenalty => sampling(Sampling { repeat_penalty: penalty(text)?, ..now }),
            Self::Seed => sampling(Sampling { seed: seed(text)?, ..now }),
            Self::MaxTokens => match limit(text)? {
                Count(Some(0)) => Err("a whole number from 1 up, or -1 for no limit".to_owned()),
                Count(most) => Ok(Some(Action::SetMaxTokens(most))),
            },
        }
    }

    /// What was done, to be shown; `None` if the chat says it.
    pub(super) fn told(self, chat: &Chat, text: &str) -> Option<String> {
        let name = self.title().trim();
        match self {
            Self::Open | Self::System => None,
            Self::Name if text.trim().is_empty() => Some("the conversation has no name".to_owned()),
            Self::Name => Some(format!("the conversation is called {}", text.trim())),
            _ if text.trim() == self.value(chat) => Some(format!("{name} is {} already", text.trim())),
            _ => Some(format!("{name}: {}, from the next answer on", text.trim())),
        }
    }
}
