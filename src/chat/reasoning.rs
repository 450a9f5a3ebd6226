//! Chain of thought: how a model is made to reason or not, and how its reasoning is separated from its answer.
//!
//! There are three modes ([`ChainOfThought`]): *native*, where the model's template supports reasoning (`<think>` …
//! `</think>`, or other tags); *prompted*, where a model that was not trained for it is asked to reason between the
//! same tags; and *off*. For Qwen3, `enable_thinking=false` makes the template write `<think>\n\n</think>\n\n`: an
//! empty reasoning block.
//!
//! This module does not parse the model's output: the engine splits it by the [`ReasoningTags`] chosen here.

use crate::engine::message::ReasoningTags;
use crate::swaa::ChainOfThought;

/// Added to a question when reasoning is prompted. Short, because small models lose the question behind long
/// instructions.
pub(super) const INSTRUCTION: &str =
    "\n\nFirst reason step by step between <think> and </think>, then give the answer after </think>.";

/// The tags that templates use, open and close. gpt-oss's closing tag includes the head of its final channel.
const KNOWN: [(&str, &str); 8] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
];

/// How one prompt opens the reasoning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opening {
    /// Appended to the rendered template.
    pub suffix: String,
    pub tags: Option<ReasoningTags>,
}

impl ChainOfThought {
    /// The value of `enable_thinking`.
    pub(super) fn asks_template(self) -> bool {
        self != Self::Off
    }

    /// Whether [`INSTRUCTION`] is added to every question.
    pub(super) fn needs_instruction(self, template: &str) -> bool {
        self == Self::Prompted && native_tags(template).is_none()
    }

    /// How the prompt must end, given the template and its output.
    pub(super) fn opening(self, template: &str, rendered: &str) -> Opening {
        let Some((open, close)) = native_tags(template) else {
            return self.opening_without_template();
        };
        let starts_open = rendered.trim_end().ends_with(open);
        // If a template always opens the reasoning (DeepSeek-R1's does), it is closed at once.
        let (suffix, starts_open) = match self {
            Self::Off if starts_open => (format!("\n{close}\n\n"), false),
            _ => (String::new(), starts_open),
        };
        Opening { suffix, tags: Some(tags(open, close, starts_open)) }
    }

    fn opening_without_template(self) -> Opening {
        match self {
            Self::Prompted => Opening { suffix: "<think>\n".to_owned(), tags: Some(tags("<think>", "</think>", true)) },
            Self::Native | Self::Off => Opening { suffix: String::new(), tags: None },
        }
    }
}

fn tags(open: &str, close: &str, starts_open: bool) -> ReasoningTags {
    ReasoningTags { open: open.to_owned(), close: close.to_owned(), starts_open }
}

/// The tags that the template itself contains; of several pairs the one nearest its end, because the generation prompt
/// decides.
fn native_tags(template: &str) -> Option<(&'static str, &'static str)> {
    KNOWN
        .into_iter()
        .filter_map(|pair| Some((template.rfind(pair.0)?, pair)))
        .max_by_key(|(at, _)| *at)
        .map(|(_, pair)| pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "{{ messages }}<|im_start|>assistant\n";
    const THINKER: &str = "{{ messages }}<|im_start|>assistant\n{% if enable_thinking %}<think>\n{% endif %}";

    #[test]
    fn a_plain_model_reasons_only_when_it_is_prompted_to() {
        let openings = [ChainOfThought::Native, ChainOfThought::Prompted, ChainOfThought::Off]
            .map(|cot| cot.opening(PLAIN, "<|im_start|>assistant\n"));
        let nothing = Opening { suffix: String::new(), tags: None };
        let prompted = Opening { suffix: "<think>\n".to_owned(), tags: Some(tags("<think>", "</think>", true)) };
        assert_eq!(openings, [nothing.clone(), prompted, nothing]);
    }

    #[test]
    fn a_thinking_model_is_never_given_the_instruction() {
        assert!(ChainOfThought::Prompted.needs_instruction(PLAIN));
        assert!(!ChainOfThought::Prompted.needs_instruction(THINKER));
    }

    #[test]
    fn an_open_reasoning_at_the_end_of_the_prompt_is_seen() {
        let open = ChainOfThought::Native.opening(THINKER, "<|im_start|>assistant\n<think>\n");
        assert_eq!(open.tags, Some(tags("<think>", "</think>", true)));
        let model_opens_itself = ChainOfThought::Native.opening(THINKER, "<|im_start|>assistant\n");
        assert_eq!(model_opens_itself.tags, Some(tags("<think>", "</think>", false)));
    }

    #[test]
    fn off_closes_what_a_template_opens_regardless() {
        let opening = ChainOfThought::Off.opening(THINKER, "<|im_start|>assistant\n<think>\n");
        let closed = Opening { suffix: "\n</think>\n\n".to_owned(), tags: Some(tags("<think>", "</think>", false)) };
        assert_eq!(opening, closed);
    }
}
