//! How do the pieces of an answer become its reasoning and its answer?
//!
//! A model may leave out the tag that opens its reasoning, and close it all the same: what came before was no answer then. So an answer of such
//! a model is not certain before its reasoning or its end has come.
//!
//! Example: `Hm.` as a piece of the answer, "that was reasoning", `He.`: the reasoning is `Hm.`, and the answer `He.`.
//!
//! Chats, servers and evaluations collect by it, each into texts of its own. It does not take times, and does not split a model's output: the engine
//! does.

use crate::engine::message::{Channel, OutputMarkup};

/// The texts of an answer that is being written.
#[derive(Debug)]
pub struct Texts<'a> {
    pub reasoning: &'a mut String,
    pub answer: &'a mut String,
    /// The answer so far may turn out to be reasoning.
    pub may_be_reasoning: &'a mut bool,
}

impl Texts<'_> {
    /// Whether an answer that is split by `markup` may turn out to be reasoning.
    #[must_use]
    pub const fn may_turn(markup: &OutputMarkup) -> bool {
        markup.lone_close.is_some()
    }

    pub fn take(&mut self, channel: Channel, piece: &str) {
        match channel {
            Channel::Reasoning => {
                *self.may_be_reasoning = false;
                self.reasoning.push_str(piece);
            }
            Channel::Answer => self.answer.push_str(piece),
        }
    }

    /// The answer was asked for. The model may reason on.
    pub const fn ask_for_answer(&mut self) {
        *self.may_be_reasoning = true;
    }

    /// The answer so far was reasoning.
    pub fn turn_into_reasoning(&mut self) {
        *self.may_be_reasoning = false;
        self.reasoning.push_str(&std::mem::take(self.answer));
    }

    /// Nothing more comes: what is there is the answer.
    pub const fn end(&mut self) {
        *self.may_be_reasoning = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_turn_out_to_be_reasoning_until_its_end() {
        let (mut reasoning, mut answer, mut may_be_reasoning) = (String::new(), String::new(), true);
        let mut texts =
            Texts { reasoning: &mut reasoning, answer: &mut answer, may_be_reasoning: &mut may_be_reasoning };
        let now = |texts: &Texts<'_>| format!("{}|{}|{}", texts.reasoning, texts.answer, texts.may_be_reasoning);
        texts.take(Channel::Answer, "Hm.");
        assert_eq!(now(&texts), "|Hm.|true");
        texts.turn_into_reasoning();
        texts.take(Channel::Answer, "He.");
        assert_eq!(now(&texts), "Hm.|He.|false");
        texts.ask_for_answer();
        assert_eq!(now(&texts), "Hm.|He.|true");
        texts.take(Channel::Reasoning, " So:");
        assert_eq!(now(&texts), "Hm. So:|He.|false");
        texts.ask_for_answer();
        texts.end();
        assert_eq!(now(&texts), "Hm. So:|He.|false");
    }
}
