//! Why an answer ended, in the same words in every front end.

use super::exchange::Exchange;
use crate::engine::message::{Finish, ReasoningEnd};

/// Why an answer is incomplete: what cut it off, or that it is empty. `None` if the model ended it.
///
/// `answer` is the text so far, which may be only white space.
#[must_use]
pub fn why_not_whole(finish: Finish, answer: &str) -> Option<&'static str> {
    match finish {
        Finish::EndOfGeneration | Finish::StopString => {
            answer.trim().is_empty().then_some("the model returned an empty answer")
        }
        Finish::NoAnswer => Some("the model returned an empty answer"),
        Finish::TokenLimit => Some("cut off: token limit reached"),
        Finish::TimeLimit => Some("cut off: --timeout reached"),
        Finish::ContextFull => Some("cut off: the context is full"),
        Finish::Repetition => Some("cut off: the answer repeats itself"),
        Finish::Cancelled => Some("stopped"),
    }
}

/// What is to be told below an answer: why it is incomplete, and how its reasoning ended, unless the model closed it.
#[must_use]
pub fn endings(finish: Finish, exchange: &Exchange) -> Vec<&'static str> {
    both(finish, &exchange.answer, exchange.reasoning.end)
}

/// The same of any answer as one line; `None` if there is nothing to be told.
#[must_use]
pub fn note(finish: Finish, answer: &str, reasoning: Option<ReasoningEnd>) -> Option<String> {
    let why = both(finish, answer, reasoning);
    (!why.is_empty()).then(|| why.join("; "))
}

fn both(finish: Finish, answer: &str, reasoning: Option<ReasoningEnd>) -> Vec<&'static str> {
    why_not_whole(finish, answer).into_iter().chain(reasoning.and_then(how_reasoning_ended)).collect()
}

/// How the reasoning ended. `None` if the model closed it or the user asked for the answer.
fn how_reasoning_ended(end: ReasoningEnd) -> Option<&'static str> {
    match end {
        ReasoningEnd::Closed | ReasoningEnd::Asked => None,
        ReasoningEnd::EndOfTurn => Some("the model stopped inside its reasoning, and was asked for the answer"),
        ReasoningEnd::Budget => Some("the reasoning was ended at its budget, and the answer asked for"),
        ReasoningEnd::Never => Some("the reasoning never ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_both_or_nothing() {
        assert_eq!(note(Finish::EndOfGeneration, "He.", Some(ReasoningEnd::Closed)), None);
        assert_eq!(
            note(Finish::TokenLimit, "He", Some(ReasoningEnd::Budget)).as_deref(),
            Some("cut off: token limit reached; the reasoning was ended at its budget, and the answer asked for")
        );
    }
}
