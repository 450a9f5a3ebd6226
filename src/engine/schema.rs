//! Holds an answer to a JSON schema (`--schema`): which tokens may come next?
//!
//! The `llguidance` crate compiles the schema to a grammar over the model's tokens. Before each token of the answer the others lose all
//! chance; what is left is sampled as always. Reasoning is free: the grammar begins with the answer. When the JSON is complete, only the
//! end of the answer is allowed. If a limit comes first, the JSON is cut off, and the answer's finish says so.
//!
//! Example: with `{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}` the answer begins with `{"age": `, and
//! then a digit or a minus must follow.
//!
//! The JSON is on one line, with `, ` and `: ` between its parts, as most JSON in training data is, and properties come in the schema's order.
//! It does not tell the model what the fields mean: the question does.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie};
use llguidance::{JsonCompileOptions, Matcher, ParserFactory};
use serde_json::Value;

use super::cache_index::Token;

/// Why no answer can be held to a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("it is not JSON: line {line}, column {column}: {what}")]
    NotJson { line: usize, column: usize, what: String },
    /// In a sentence about the schema.
    #[error("{0}")]
    Unusable(String),
}

impl From<serde_json::Error> for SchemaError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let what = if error.is_eof() { "it ends too early".to_owned() } else { error.to_string() };
        let place = format!(" at line {line} column {column}");
        Self::NotJson { line, column, what: what.strip_suffix(&place).unwrap_or(&what).to_owned() }
    }
}

/// What the library says of a schema, in the words of the schema.
fn unusable(said: &str) -> SchemaError {
    let quoted = |text: &str| text.rsplit_once("; ref ").map_or_else(String::new, |(_, name)| format!(" {name}"));
    SchemaError::Unusable(if let Some(keys) = said.strip_prefix("Unimplemented keys: ") {
        format!("answers can't be held to {}", keys.trim_matches(['[', ']']))
    } else if said.contains("'referencing' feature") {
        format!("the $ref{} leads elsewhere: only those that begin with #/ can be followed", quoted(said))
    } else if said.contains("coerce_one_of") {
        "answers can't be held to this oneOf; anyOf does nearly the same".to_owned()
    } else {
        let mut letters = said.chars();
        letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
    })
}

/// Marks the bytes of a control token, so that no text is taken for one.
const CONTROL: u8 = 0xff;

/// A model's tokens, as the grammar needs them.
pub(super) struct Tokens {
    factory: ParserFactory,
}

impl Tokens {
    /// `bytes_of` gives a token's text, empty for control tokens, and `control_of` that of a control token. `ends` are the
    /// tokens that end an answer; the first is the usual one. Takes some 0.1 s for 150,000 tokens.
    pub(super) fn new(
        count: u32,
        ends: &[u32],
        bytes_of: impl Fn(u32) -> Vec<u8>,
        control_of: impl Fn(u32) -> Vec<u8>,
    ) -> Result<Self, String> {
        let word = |token| match bytes_of(token) {
            bytes if bytes.is_empty() => {
                let control = control_of(token);
                if control.is_empty() { control } else { [&[CONTROL], &control[..]].concat() }
            }
            bytes => bytes,
        };
        let words: Vec<Vec<u8>> = (0..count).map(word).collect();
        let end = ends.first().copied().ok_or("the vocabulary has no token that ends an answer")?;
        let trie = TokTrie::from(&TokRxInfo::new(count, end), &words).with_eos_tokens(ends);
        Self::of(&(Arc::new(ApproximateTokEnv::new(trie)) as TokEnv))
    }

    fn of(tokens: &TokEnv) -> Result<Self, String> {
        let mut factory = ParserFactory::new_simple(tokens).map_err(|error| error.to_string())?;
        factory.quiet();
        Ok(Self { factory })
    }
}

/// An answer that is held to a schema, and how far it has come.
pub(super) struct Constraint {
    matcher: Matcher,
}

impl Constraint {
    /// Errors: the schema is not JSON, or has keywords that can't be held to; a sentence says which.
    pub(super) fn new(tokens: &Tokens, schema: &str) -> Result<Self, SchemaError> {
        let mut schema: Value = serde_json::from_str(schema)?;
        if schema.is_object() && schema.get("x-guidance").is_none() {
            options().apply_to(&mut schema);
        }
        let parser = tokens.factory.create_parser(TopLevelGrammar::from_json_schema(schema));
        let matcher = Matcher::new(Ok(parser.map_err(|error| unusable(&error.root_cause().to_string()))?));
        matcher.get_error().map_or(Ok(Self { matcher }), |said| Err(unusable(&said)))
    }

    /// The tokens that may come next. When the JSON is complete, those that end the answer.
    pub(super) fn allowed(&mut self) -> Result<Allowed, String> {
        self.matcher.compute_mask_or_eos().map(Allowed).map_err(|error| error.to_string())
    }

    /// Takes the token that came.
    pub(super) fn take(&mut self, token: Token) -> Result<(), String> {
        if self.matcher.is_stopped() {
            return Ok(());
        }
        self.matcher.consume_token(token.0.unsigned_abs()).map_err(|error| error.to_string())
    }
}

fn options() -> JsonCompileOptions {
    JsonCompileOptions {
        item_separator: ", ".to_owned(),
        key_separator: ": ".to_owned(),
        whitespace_flexible: false,
        ..JsonCompileOptions::default()
    }
}

/// A set of tokens.
pub(super) struct Allowed(SimpleVob);

impl Allowed {
    pub(super) fn has(&self, token: i32) -> bool {
        self.0.is_allowed(token.unsigned_abs())
    }
}

/// Checks `schema` without a model, so that one that can't be used is told before anything is loaded.
pub fn check_schema(schema: &str) -> Result<(), SchemaError> {
    let bytes = Tokens::of(&ApproximateTokEnv::single_byte_env()).map_err(SchemaError::Unusable)?;
    Constraint::new(&bytes, schema).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERSON: &str = r##"{
        "type": "object",
        "properties": { "name": { "type": "string", "maxLength": 9 }, "sons": { "type": "array", "items": { "$ref": "#/$defs/age" } } },
        "required": ["name", "sons"],
        "additionalProperties": false,
        "$defs": { "age": { "type": "integer", "minimum": 0 } }
    }"##;

    /// A vocabulary of all bytes, and 256 as the end.
    fn bytes() -> Tokens {
        Tokens::new(
            257,
            &[256],
            |token| u8::try_from(token).map_or(Vec::new(), |byte| vec![byte]),
            |_| b"</s>".to_vec(),
        )
        .expect("a vocabulary")
    }

    /// How many bytes of `text` are allowed, and whether it may end there.
    fn taken(schema: &str, text: &str) -> (usize, bool) {
        let tokens = bytes();
        let mut constraint = Constraint::new(&tokens, schema).expect("a schema");
        let mut count = 0;
        for byte in text.bytes() {
            if !constraint.allowed().expect("a set").has(byte.into()) {
                break;
            }
            constraint.take(Token(byte.into())).expect("it is allowed");
            count += 1;
        }
        (count, constraint.allowed().expect("a set").has(256))
    }

    #[test]
    fn json_of_the_schema_is_allowed_up_to_its_end_and_no_other() {
        let whole = r#"{"name": "Bennet", "sons": [12, 0]}"#;
        assert_eq!(taken(PERSON, whole), (whole.len(), true));
        assert_eq!(taken(PERSON, &format!("{whole} So")), (whole.len(), true), "nothing follows");
        assert_eq!(taken(PERSON, r#"{"name": "Bennet", "age""#), (20, false));
        assert_eq!(taken(PERSON, r#"{"name": 12"#), (9, false));
        assert_eq!(taken(PERSON, r#"{"name": "Bennet", "sons": [-1"#), (28, false));
        assert_eq!(taken(PERSON, "Sure!"), (0, false));
        assert_eq!(taken(r#"{"enum": ["yes", "no"]}"#, r#""yes""#), (5, true));
    }

    #[test]
    fn a_schema_that_can_t_be_held_to_is_told() {
        let told = |schema: &str| check_schema(schema).expect_err(schema).to_string();
        assert_eq!(told("{"), "it is not JSON: line 1, column 1: it ends too early");
        assert_eq!(told("{\n  type: 1}"), "it is not JSON: line 2, column 3: key must be a string");
        assert!(told(r#"{"type": "person"}"#).contains("person"), "{}", told(r#"{"type": "person"}"#));
        let unsupported = told(r#"{"type": "array", "uniqueItems": true}"#);
        assert_eq!(unsupported, "answers can't be held to \"uniqueItems\"");
        let elsewhere = told(r#"{"$ref": "person.json"}"#);
        assert_eq!(elsewhere, "the $ref 'person.json' leads elsewhere: only those that begin with #/ can be followed");
        let one_of = told(r#"{"oneOf": [{"type": "integer"}, {"type": "integer", "minimum": 3}]}"#);
        assert_eq!(one_of, "answers can't be held to this oneOf; anyOf does nearly the same");
        assert_eq!(check_schema(PERSON), Ok(()));
    }
}
