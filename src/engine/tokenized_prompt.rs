//! Turns a prompt's parts into tokens with the attention that the recipe gives each of them.
//!
//! Parts that lie next to each other are tokenised together, so that a prompt has the tokens that llama.cpp gives the
//! whole. Three places are cut. A document's tokens must not depend on the question, so the question is tokenised by
//! itself; with a question before the document, that one is, too, and its tokens are added to the recipe's sinks. And an answer that the model generated in this run keeps its original tokens: tokenising it again may
//! produce others, and the KV cache would be lost from there on.
//!
//! Example: template head and document (30,020 tokens, sliding), question and template's end (40, full), an earlier
//! answer (200, under the attention of decoding).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::cache_index::{AdapterKey, Token, TokenSequence};
use super::machine::{Before, Machine};
use super::message::{Origin, Part, Prompt, Segment};
use crate::swaa::{Recipe, RecipeSpec};

/// Texts with known tokens: the model's answers, and documents tokenised before.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    answers: HashMap<Arc<str>, Vec<Token>>,
    /// The answers, the oldest first.
    order: VecDeque<Arc<str>>,
    /// The last few documents with what stands before them: a book is tokenised once, not for each question.
    documents: Vec<(Vec<Part>, Vec<Token>)>,
}

/// Max number of documents kept.
const DOCUMENTS_REMEMBERED: usize = 4;
/// Max number of answers kept. A conversation has some dozens; a server writes as many as it is asked for.
const ANSWERS_REMEMBERED: usize = 4096;

impl TokenCache {
    /// Remembers that the model generated `text` as `tokens`, and forgets the oldest answer if there are many.
    pub(super) fn remember_answer(&mut self, text: String, tokens: Vec<Token>) {
        if text.is_empty() {
            return;
        }
        let text: Arc<str> = text.into();
        if self.answers.insert(text.clone(), tokens).is_none() {
            self.order.push_back(text);
        }
        if self.order.len() > ANSWERS_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }

    fn document_tokens(&mut self, run: &Run, machine: &impl Machine) -> Vec<Token> {
        if let Some((_, tokens)) = self.documents.iter().find(|(known, _)| are_same(known, &run.parts)) {
            return tokens.clone();
        }
        let tokens = run.tokenize(machine);
        if self.documents.len() == DOCUMENTS_REMEMBERED {
            self.documents.remove(0);
        }
        self.documents.push((run.parts.clone(), tokens.clone()));
        tokens
    }
}

fn are_same(one: &[Part], other: &[Part]) -> bool {
    let same = |(a, b): (&Part, &Part)| a.origin == b.origin && (Arc::ptr_eq(&a.text, &b.text) || a.text == b.text);
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// Parts that are tokenised together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    parts: Vec<Part>,
    role: Role,
    before: Before,
}

/// The role of a run, which decides its attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The question before the document.
    Front,
    Document,
    Tail,
    OwnAnswer,
}

impl Role {
    fn is_document(self) -> bool {
        matches!(self, Self::Front | Self::Document)
    }
}

impl Run {
    /// The runs of `prompt`, in order. `is_own` tells the answers with known tokens.
    pub(super) fn all(prompt: &Prompt, is_own: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut runs: Vec<Self> = Vec::new();
        for part in &prompt.parts {
            let role = match (part.origin, part.segment) {
                (_, Segment::Front) => Role::Front,
                (_, Segment::Document) => Role::Document,
                (Origin::Text, Segment::Tail) if is_own(&part.text) => Role::OwnAnswer,
                _ => Role::Tail,
            };
            if let Some(last) = runs.last_mut().filter(|last| last.role == role && role != Role::OwnAnswer) {
                last.parts.push(part.clone());
                continue;
            }
            let before = if runs.is_empty() { Before::Nothing } else { Before::Text };
            runs.push(Self { parts: vec![part.clone()], role, before });
        }
        runs
    }

    pub(super) fn is_front(&self) -> bool {
        self.role == Role::Front
    }

    /// Whether it comes before the question that is to be answered.
    pub(super) fn is_document(&self) -> bool {
        self.role.is_document()
    }

    /// Its texts, and what comes before them.
    pub(super) fn texts(&self) -> (Vec<(&str, Origin)>, Before) {
        (self.parts.iter().map(|part| (&*part.text, part.origin)).collect(), self.before)
    }

    fn tokenize(&self, machine: &impl Machine) -> Vec<Token> {
        let (texts, before) = self.texts();
        machine.tokenize(&texts, before)
    }

    fn tokens(&self, machine: &impl Machine, cache: &mut TokenCache) -> Vec<Token> {
        match self.role {
            Role::Document => cache.document_tokens(self, machine),
            Role::Front | Role::Tail => self.tokenize(machine),
            Role::OwnAnswer => cache.answers.get(&*self.parts[0].text).cloned().unwrap_or_default(),
        }
    }
}

/// A prompt ready for prefill.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenizedPrompt {
    pub recipe: Recipe,
    pub sequence: TokenSequence,
    pub document_tokens: u32,
    /// Of the document's tokens, those of the question before it, with what stands before that. 0 without one.
    pub front_tokens: u32,
    /// Where the last part begins with which the template asks for the answer: a thinking model's next prompt is the
    /// same up to here, and not beyond. The prompt's length if that is not a place between two tokens.
    pub answer_request: u32,
    /// What the document is called, for people.
    pub title: Arc<str>,
}

impl TokenizedPrompt {
    /// Tokenises `prompt` and resolves `spec` for it, on a model with these adapters.
    pub(super) fn new(
        prompt: &Prompt,
        spec: &RecipeSpec,
        adapters: AdapterKey,
        machine: &impl Machine,
        cache: &mut TokenCache,
    ) -> Self {
        let runs: Vec<(Role, Vec<Token>)> = Run::all(prompt, |text| cache.answers.contains_key(text))
            .iter()
            .map(|run| (run.role, run.tokens(machine, cache)))
            .collect();
        let tokens_of = |is_counted: &dyn Fn(Role) -> bool| {
            runs.iter().filter(|(role, _)| is_counted(*role)).map(|(_, tokens)| tokens.len() as u32).sum()
        };
        let document_tokens = tokens_of(&Role::is_document);
        let front_tokens = tokens_of(&|role| role == Role::Front);
        let recipe = spec.resolve(document_tokens, machine.layers()).behind_front(front_tokens);
        let mut sequence = TokenSequence::with(adapters);
        for (role, tokens) in &runs {
            let attention = match role {
                Role::Front | Role::Document => &recipe.reading,
                Role::Tail => recipe.tail(),
                Role::OwnAnswer => recipe.decoding(),
            };
            sequence.push(tokens, attention);
        }
        let answer_request = sequence.len() - answer_request_tokens(prompt, &sequence, machine);
        Self { recipe, sequence, document_tokens, front_tokens, answer_request, title: Arc::clone(&prompt.title) }
    }

    /// Keeps only what comes before the question.
    pub(super) fn document_only(mut self) -> Self {
        self.sequence.truncate(self.document_tokens);
        self.answer_request = self.sequence.len();
        self
    }
}

/// Tokens of the template's last part, if the prompt ends with them.
fn answer_request_tokens(prompt: &Prompt, sequence: &TokenSequence, machine: &impl Machine) -> u32 {
    let is_request = |part: &&Part| (part.origin, part.segment) == (Origin::Template, Segment::Tail);
    let Some(last) = prompt.parts.last().filter(is_request) else { return 0 };
    let tokens = machine.tokenize(&[(&*last.text, last.origin)], Before::Text);
    if sequence.tokens().ends_with(&tokens) { tokens.len() as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_answers_the_last_ones_keep_their_tokens() {
        let mut cache = TokenCache::default();
        let answer = |number: usize| (number.to_string(), vec![Token(i32::try_from(number).expect("few"))]);
        for number in (0..ANSWERS_REMEMBERED + 2).chain([ANSWERS_REMEMBERED]) {
            let (text, tokens) = answer(number);
            cache.remember_answer(text, tokens);
        }
        assert_eq!((cache.answers.len(), cache.order.len()), (ANSWERS_REMEMBERED, ANSWERS_REMEMBERED));
        let is_known = |number: usize| cache.answers.contains_key(answer(number).0.as_str());
        assert_eq!([0, 1, 2, ANSWERS_REMEMBERED + 1].map(is_known), [false, false, true, true]);
    }
}
