//! The messages of a request as a conversation: instructions, turns, and the question.
//!
//! ```text
//! system     You are terse.          instructions
//! user       Who is Mr. Collins?     a turn
//! assistant  A clergyman.
//! user       And Mr. Bennet?         the question
//! ```
//!
//! Several messages of one role that follow each other are one text, with a blank line between them. Instructions in the middle belong to
//! the question behind them. All of it is text: nothing that a message says becomes markup of the chat template.
//!
//! A part of type `file` names a file of the client, which the conversation is then about; it is no text of the message.
//!
//! Images, tools and their results are refused by name, because an answer that ignores them would be about something else.

use std::sync::Arc;

use serde_json::Value;

use super::error::ApiError;
use super::fields::Fields;
use crate::chat::Turn;

/// A blank line between two texts of one role.
const GAP: &str = "\n\n";
/// Each message is laid out by the chat template, which is a program.
const MOST_MESSAGES: usize = 4096;

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conversation {
    /// What system and developer messages say before anything else.
    pub(super) instructions: Option<Arc<str>>,
    pub(super) turns: Vec<Turn>,
    pub(super) question: Arc<str>,
    /// Ids of the files that messages name.
    pub(super) files: Vec<String>,
}

impl Conversation {
    /// Reads `messages`.
    pub(super) fn of(messages: &[Value]) -> Result<Self, ApiError> {
        if messages.len() > MOST_MESSAGES {
            let told = format!("messages has {} messages, and {MOST_MESSAGES} are the most", messages.len());
            return Err(ApiError::invalid("messages", told));
        }
        let mut reading = Reading::default();
        for (number, message) in messages.iter().enumerate() {
            reading.take(&format!("messages[{number}]"), message)?;
        }
        reading.ended()
    }

    /// The same with the instructions behind a document that every conversation shares, so that they don't change what is read: before the
    /// first question.
    pub(super) fn behind_document(mut self) -> Self {
        if let Some(instructions) = self.instructions.take() {
            let first = self.turns.first_mut().map_or(&mut self.question, |turn| &mut turn.question);
            *first = joined(&[&instructions, &**first]).into();
        }
        self
    }
}

#[derive(Debug, Default)]
struct Reading {
    instructions: Vec<String>,
    turns: Vec<Turn>,
    /// What the user has said since the last answer.
    asked: Vec<String>,
    files: Vec<String>,
}

impl Reading {
    fn take(&mut self, place: &str, message: &Value) -> Result<(), ApiError> {
        let fields =
            message.as_object().ok_or_else(|| ApiError::invalid(place, format!("{place} is not an object")))?;
        let fields = Fields::of(fields);
        let at = |error: ApiError| ApiError::invalid(place, format!("{place}: {}", error.message));
        let role = fields.text("role").map_err(at)?.unwrap_or_default();
        match role {
            "system" | "developer" | "user" | "assistant" => {}
            "tool" | "function" => {
                return Err(ApiError::not_offered(place, format!("{place}: results of tools are not offered")));
            }
            _ => {
                let allowed = "system, developer, user or assistant";
                return Err(ApiError::invalid(
                    format!("{place}.role"),
                    format!("{place}.role is {allowed}, not {role:?}"),
                ));
            }
        }
        let has_calls = fields.list("tool_calls").map_err(at)?.is_some_and(|calls| !calls.is_empty());
        if has_calls {
            return Err(ApiError::not_offered(place, format!("{place}: calls of tools are not offered")));
        }
        let Content { text, files } = Content::of(place, &fields)?;
        self.files.extend(files);
        match role {
            "user" => self.asked.push(text),
            "assistant" => self.answer(text),
            _ if self.turns.is_empty() && self.asked.is_empty() => self.instructions.push(text),
            _ => self.asked.push(text),
        }
        Ok(())
    }

    fn answer(&mut self, text: String) {
        let asked = std::mem::take(&mut self.asked);
        match self.turns.last_mut().filter(|_| asked.is_empty()) {
            Some(turn) => turn.answer = joined(&[&*turn.answer, &*text]).into(),
            None => self.turns.push(Turn { question: joined(&asked).into(), answer: text.into() }),
        }
    }

    fn ended(self) -> Result<Conversation, ApiError> {
        if self.asked.iter().all(|text| text.trim().is_empty()) {
            return Err(ApiError::invalid("messages", "messages does not end with something that the user says"));
        }
        let instructions = joined(&self.instructions);
        Ok(Conversation {
            instructions: (!instructions.trim().is_empty()).then(|| instructions.into()),
            turns: self.turns,
            question: joined(&self.asked).into(),
            files: self.files,
        })
    }
}

/// What a message says.
#[derive(Debug, Default)]
struct Content {
    text: String,
    files: Vec<String>,
}

impl Content {
    /// A text, or a list of parts of type `text` and `file`.
    fn of(place: &str, fields: &Fields<'_>) -> Result<Self, ApiError> {
        let place = format!("{place}.content");
        match fields.value("content") {
            None => Ok(Self::default()),
            Some(Value::String(text)) => Ok(Self { text: text.clone(), files: Vec::new() }),
            Some(Value::Array(parts)) => {
                let (mut texts, mut files) = (Vec::new(), Vec::new());
                for (number, part) in parts.iter().enumerate() {
                    match part_of(&format!("{place}[{number}]"), part)? {
                        ContentPart::Text(text) => texts.push(text),
                        ContentPart::File(id) => files.push(id.to_owned()),
                    }
                }
                Ok(Self { text: joined(&texts), files })
            }
            Some(_) => Err(ApiError::invalid(&*place, format!("{place} is neither a text nor a list of texts"))),
        }
    }
}

/// A part of a message.
enum ContentPart<'a> {
    Text(&'a str),
    /// The id of a file.
    File(&'a str),
}

fn part_of<'a>(place: &str, part: &'a Value) -> Result<ContentPart<'a>, ApiError> {
    match (part["type"].as_str(), part["text"].as_str(), part["file"]["file_id"].as_str()) {
        (Some("text" | "input_text" | "output_text"), Some(text), _) => Ok(ContentPart::Text(text)),
        (Some("file"), _, Some(id)) => Ok(ContentPart::File(id)),
        (Some("file"), ..) => {
            let told = format!("{place}: a file is uploaded to /v1/files first, and named by its file_id");
            Err(ApiError::not_offered(place, told))
        }
        (Some(kind), None, _) if kind != "text" => {
            Err(ApiError::not_offered(place, format!("{place}: the type {kind:?} is not offered, only text and file")))
        }
        _ => Err(ApiError::invalid(place, format!("{place} is not {{\"type\": \"text\", \"text\": …}}"))),
    }
}

fn joined(texts: &[impl AsRef<str>]) -> String {
    texts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(GAP)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(messages: &Value) -> Result<Conversation, ApiError> {
        Conversation::of(messages.as_array().expect("a list"))
    }

    fn said(role: &str, content: &str) -> Value {
        json!({ "role": role, "content": content })
    }

    fn turn(question: &str, answer: &str) -> Turn {
        Turn { question: question.into(), answer: answer.into() }
    }

    #[test]
    fn messages_become_turns_and_a_question() {
        let messages = json!([
            said("system", "Be brief."),
            said("developer", "Be kind."),
            said("user", "Who?"),
            said("assistant", "He."),
            said("system", "In French."),
            { "role": "user", "content": [{ "type": "text", "text": "And" }, { "type": "text", "text": "she?" }] },
        ]);
        let expected = Conversation {
            instructions: Some("Be brief.\n\nBe kind.".into()),
            turns: vec![turn("Who?", "He.")],
            question: "In French.\n\nAnd\n\nshe?".into(),
            files: Vec::new(),
        };
        assert_eq!(read(&messages), Ok(expected));
    }

    #[test]
    fn an_answer_may_stand_first_and_two_answers_are_one() {
        let messages = json!([said("assistant", "Hello!"), said("assistant", "Ask."), said("user", "Who?")]);
        let expected = Conversation {
            instructions: None,
            turns: vec![turn("", "Hello!\n\nAsk.")],
            question: "Who?".into(),
            files: Vec::new(),
        };
        assert_eq!(read(&messages), Ok(expected));
    }

    #[test]
    fn a_message_may_name_files() {
        let file = |id: &str| json!({ "type": "file", "file": { "file_id": id } });
        let messages = json!([
            { "role": "user", "content": [file("file-1"), { "type": "text", "text": "Who?" }] },
            said("assistant", "He."),
            { "role": "user", "content": [{ "type": "text", "text": "Why?" }, file("file-2")] },
        ]);
        let conversation = read(&messages).expect("a conversation");
        assert_eq!((&*conversation.question, conversation.turns), ("Why?", vec![turn("Who?", "He.")]));
        assert_eq!(conversation.files, ["file-1", "file-2"]);
        let inline = json!([{ "role": "user", "content": [{ "type": "file", "file": { "file_data": "data:…" } }] }]);
        let told = read(&inline).expect_err("it is refused").message.clone();
        assert_eq!(told, "messages[0].content[0]: a file is uploaded to /v1/files first, and named by its file_id");
    }

    #[test]
    fn instructions_go_behind_a_shared_document_before_the_first_question() {
        let behind = |messages: Value| {
            let conversation = read(&messages).expect("a conversation").behind_document();
            (conversation.turns.first().map(|turn| turn.question.to_string()), conversation.question.to_string())
        };
        let first = json!([said("system", "Be brief."), said("user", "Who?")]);
        assert_eq!(behind(first), (None, "Be brief.\n\nWho?".into()));
        let second =
            json!([said("system", "Be brief."), said("user", "Who?"), said("assistant", "He."), said("user", "Why?")]);
        assert_eq!(behind(second), (Some("Be brief.\n\nWho?".into()), "Why?".into()));
    }

    #[test]
    fn what_can_t_be_answered_is_refused_by_its_place() {
        let told = |messages: Value| read(&messages).expect_err("it is refused").message.clone();
        assert_eq!(told(json!([])), "messages does not end with something that the user says");
        assert_eq!(
            told(json!([said("user", "a"), said("assistant", "b")])),
            "messages does not end with something that the user says"
        );
        assert_eq!(
            told(json!([said("wizard", "a")])),
            "messages[0].role is system, developer, user or assistant, not \"wizard\""
        );
        assert_eq!(told(json!([said("user", "a"), 7])), "messages[1] is not an object");
        let image = json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] }]);
        assert_eq!(told(image), "messages[0].content[0]: the type \"image_url\" is not offered, only text and file");
        assert_eq!(told(json!([said("tool", "a")])), "messages[0]: results of tools are not offered");
        assert_eq!(
            told(json!([{ "role": "user", "content": 7 }])),
            "messages[0].content is neither a text nor a list of texts"
        );
        assert_eq!(told(json!([{ "role": 7 }])), "messages[0]: role is a text, not 7");
        let many = Value::Array(vec![said("user", "a"); MOST_MESSAGES + 1]);
        assert_eq!(told(many), "messages has 4097 messages, and 4096 are the most");
    }
}
