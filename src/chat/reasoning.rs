//! Chain of thought: how a model is made to reason before it answers, or not to.
//!
//! There are four modes ([`ChainOfThought`]). *Auto* leaves it to the model's template. *Native* asks the template to
//! let the model reason, *off* asks it not to: for Qwen3, `enable_thinking=false` makes the template write
//! `<think>\n\n</think>\n\n`, an empty reasoning block. Where the template has no such switch, the engine closes what the
//! model opens. *Prompted* is for models that were not trained to reason: one turn is for the thoughts, and then the
//! answer is asked for in a second one, so there are no tags that a model could forget.
//!
//! ```text
//! user       … When was it built? Say what you think … check it …  the prompt
//! assistant  In 1871. Step 1: the document says …                  reasoning, up to its budget
//! user       Now give the final answer …                           prefilled behind it: the cue
//! assistant  In 1871.                                              the answer
//! ```
//!
//! The thoughts are not repeated in later prompts: with the next turn they leave the KV cache.
//!
//! [`super::markup`] knows the tags, and the engine splits the output by them.

use super::markup::{Conventions, Thinking};
use crate::engine::message::Limits;
use crate::swaa::ChainOfThought;

/// Most tokens of prompted reasoning, if no budget is set. Small models go round in circles in longer ones.
const PROMPTED_BUDGET_TOKENS: u32 = 256;

/// The question that asks for the thoughts. Short, because small models lose the question behind long instructions. It asks for a
/// first answer: of twenty questions about a book Qwen2.5-Coder-1.5B answers 17 right after it, as many as without thoughts, and 15 if it
/// is a paragraph of its own. "First think step by step … do not give the final answer yet" left 13, since what a small model says step by
/// step it believes afterwards (benches/results/answers.md).
pub(super) fn thought_question(question: &str, against: Against) -> String {
    let against = match against {
        Against::Document => " against the document",
        Against::Nothing => "",
    };
    format!("{question} Say what you think the answer is. Then check it step by step{against}.")
}

/// What a first answer is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    Document,
    /// A conversation without a document.
    Nothing,
}

/// The question that asks for the answer. It repeats the question, which small models have lost by then.
pub(super) fn answer_question(question: &str) -> String {
    format!("Now give the final answer in one short sentence: {question}")
}

impl ChainOfThought {
    /// What the template is told.
    pub(super) fn thinking(self, conventions: &Conventions) -> Thinking {
        match self {
            Self::Native => Thinking::On,
            Self::Prompted if conventions.can_reason => Thinking::On,
            Self::Auto | Self::Prompted => Thinking::Default,
            Self::Off => Thinking::Off,
        }
    }

    /// Whether the question asks for the reasoning, because the template can't.
    pub(super) fn is_prompted(self, conventions: &Conventions) -> bool {
        self == Self::Prompted && !conventions.can_reason
    }

    /// The limits of an answer. Without reasoning its budget is 0; prompted reasoning has a budget of its own, and
    /// leaves half of the tokens to the answer.
    #[must_use]
    pub fn limits(self, limits: &Limits, is_prompted: bool) -> Limits {
        let budget = match self {
            Self::Off => Some(0),
            _ if is_prompted => {
                let own = limits.reasoning_tokens.unwrap_or(PROMPTED_BUDGET_TOKENS);
                Some(limits.max_tokens.map_or(own, |most| own.min(most / 2)))
            }
            _ => limits.reasoning_tokens,
        };
        Limits { reasoning_tokens: budget, ..limits.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompted_reasoning_leaves_tokens_for_the_answer() {
        let limits = |max_tokens, reasoning_tokens| Limits { max_tokens, reasoning_tokens, ..Limits::default() };
        let budget = |of: &Limits| ChainOfThought::Prompted.limits(of, true).reasoning_tokens;
        assert_eq!(budget(&limits(None, None)), Some(PROMPTED_BUDGET_TOKENS));
        assert_eq!(budget(&limits(Some(60), None)), Some(30));
        assert_eq!(budget(&limits(Some(60), Some(20))), Some(20));
    }

    #[test]
    fn only_off_ends_reasoning_that_a_model_begins_by_itself() {
        let budget = |cot: ChainOfThought| cot.limits(&Limits::default(), false).reasoning_tokens;
        assert_eq!(
            [ChainOfThought::Off, ChainOfThought::Auto, ChainOfThought::Native, ChainOfThought::Prompted].map(budget),
            [Some(0), None, None, None]
        );
    }
}
