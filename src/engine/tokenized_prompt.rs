//! Turns a prompt's parts into tokens with the attention that the recipe gives each of them.
//!
//! Parts are tokenised one by one, so that a document's tokens do not depend on the question. An answer that the model
//! generated in this run keeps its original tokens: tokenising it again may produce others, and the KV cache would be
//! lost from there on.
//!
//! Example: template head (20 tokens, sliding), document (30,000, sliding), question and template's end (40, full), an
//! earlier answer (200, under the attention of decoding).

use std::collections::HashMap;
use std::sync::Arc;

use super::cache_index::{Token, TokenSequence};
use super::machine::Machine;
use super::message::{Origin, Part, Prompt, Segment};
use crate::swaa::{Recipe, RecipeSpec};

/// Texts with known tokens: the model's answers, and documents tokenised before.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    answers: HashMap<String, Vec<Token>>,
    /// The last few documents, by address: a book is tokenised once, not for each question.
    documents: Vec<(Arc<str>, Vec<Token>)>,
}

/// Max number of documents kept.
const DOCUMENTS_REMEMBERED: usize = 4;

impl TokenCache {
    /// Remembers that the model generated `text` as `tokens`.
    pub(super) fn remember_answer(&mut self, text: String, tokens: Vec<Token>) {
        if !text.is_empty() {
            self.answers.insert(text, tokens);
        }
    }

    fn document_tokens(&mut self, text: &Arc<str>, machine: &impl Machine) -> Vec<Token> {
        if let Some((_, tokens)) = self.documents.iter().find(|(known, _)| Arc::ptr_eq(known, text)) {
            return tokens.clone();
        }
        let tokens = machine.tokenize(text, Origin::Text);
        if self.documents.len() == DOCUMENTS_REMEMBERED {
            self.documents.remove(0);
        }
        self.documents.push((Arc::clone(text), tokens.clone()));
        tokens
    }
}

/// Tokens of a part.
struct TokenizedPart {
    tokens: Vec<Token>,
    role: Role,
}

/// The role of a part, which decides its attention.
enum Role {
    Document,
    Tail,
    OwnAnswer,
}

/// A prompt ready for prefill.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenizedPrompt {
    pub recipe: Recipe,
    pub sequence: TokenSequence,
    pub document_tokens: u32,
}

impl TokenizedPrompt {
    /// Tokenises `prompt` and resolves `spec` for it.
    pub(super) fn new(prompt: &Prompt, spec: &RecipeSpec, machine: &impl Machine, cache: &mut TokenCache) -> Self {
        let parts: Vec<TokenizedPart> = prompt.parts.iter().map(|part| tokenize(part, machine, cache)).collect();
        let document_tokens =
            parts.iter().filter(|part| matches!(part.role, Role::Document)).map(|part| part.tokens.len() as u32).sum();
        let recipe = spec.resolve(document_tokens, machine.layers());
        let mut sequence = TokenSequence::default();
        for part in &parts {
            let attention = match part.role {
                Role::Document => &recipe.reading,
                Role::Tail => recipe.tail(),
                Role::OwnAnswer => recipe.decoding(),
            };
            sequence.push(&part.tokens, attention);
        }
        Self { recipe, sequence, document_tokens }
    }

    /// Keeps only what comes before the question.
    pub(super) fn document_only(mut self) -> Self {
        self.sequence.truncate(self.document_tokens);
        self
    }
}

fn tokenize(part: &Part, machine: &impl Machine, cache: &mut TokenCache) -> TokenizedPart {
    match (part.origin, part.segment) {
        (Origin::Text, Segment::Document) => {
            TokenizedPart { tokens: cache.document_tokens(&part.text, machine), role: Role::Document }
        }
        (Origin::Text, Segment::Tail) if cache.answers.contains_key(&*part.text) => {
            TokenizedPart { tokens: cache.answers[&*part.text].clone(), role: Role::OwnAnswer }
        }
        (origin, segment) => {
            let role = if segment == Segment::Document { Role::Document } else { Role::Tail };
            TokenizedPart { tokens: machine.tokenize(&part.text, origin), role }
        }
    }
}
