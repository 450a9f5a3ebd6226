//! Parses a typed line: a question, a command, or a yes or no.

use crate::chat::{Action, Chat, Phase};
use crate::swaa::Preset;

/// The text of `/help`, also shown for unknown commands.
const HELP: &str = "Type a question and press Enter. @NAME refers to a part of the document or a file. /presets lists the \
                    presets, /preset NAME switches, /ab NAME NAME QUESTION asks with several, /stop stops, /quit quits. An \
                    empty line continues a stopped prefill.";

/// The meaning of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TypedLine {
    Act(Action),
    /// Answered at once.
    Say(String),
}

impl TypedLine {
    /// What `line` means in the present state of `chat`.
    pub(super) fn read(chat: &Chat, line: &str) -> Self {
        let line = line.trim();
        let decides = matches!(chat.work, Phase::Deciding { .. });
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match (command, rest.trim()) {
            ("", _) => Self::Act(Action::Resume),
            ("y" | "yes", "") if decides => Self::Act(Action::Confirm),
            ("n" | "no", "") if decides => Self::Act(Action::Cancel),
            ("/quit" | "/q", _) => Self::Act(Action::Quit),
            ("/stop", _) => Self::Act(Action::Cancel),
            ("/help", _) => Self::Say(HELP.to_owned()),
            ("/presets", _) => Self::Say(presets(chat)),
            ("/preset", name) => match preset_entry(chat, name) {
                Some(preset_entry) => Self::Act(Action::Switch(preset_entry)),
                None => Self::Say(no_preset(chat, name)),
            },
            ("/ab", rest) => versus(chat, rest),
            (command, _) if command.starts_with('/') => Self::Say(format!("unknown command {command}. {HELP}")),
            _ => Self::Act(Action::Ask(line.to_owned())),
        }
    }
}

/// Parses `full quick Who is it?`: presets first. Without a question, the last one is asked again.
fn versus(chat: &Chat, rest: &str) -> TypedLine {
    let mut question = rest;
    let mut preset_entries = Vec::new();
    while let Some((preset_entry, after)) = first_preset_entry(chat, question) {
        preset_entries.push(preset_entry);
        question = after;
    }
    if preset_entries.len() < 2 {
        let unknown = question.split_whitespace().next().unwrap_or_default();
        return TypedLine::Say(no_preset(chat, unknown));
    }
    let last = chat.exchanges().last().map(|exchange| exchange.question.to_string());
    match Some(question.to_owned()).filter(|question| !question.is_empty()).or(last) {
        Some(question) => TypedLine::Act(Action::Versus { question, preset_entries }),
        None => TypedLine::Say("type a question: /ab NAME NAME QUESTION".to_owned()),
    }
}

/// The preset that `text` begins with, and the rest.
fn first_preset_entry<'a>(chat: &Chat, text: &'a str) -> Option<(usize, &'a str)> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    preset_entry(chat, name).map(|preset_entry| (preset_entry, rest.trim_start()))
}

fn preset_entry(chat: &Chat, name: &str) -> Option<usize> {
    chat.preset_entries.iter().position(|preset_entry| preset_entry.name == name)
}

fn no_preset(chat: &Chat, name: &str) -> String {
    format!("there is no preset {name}\n{}", presets(chat))
}

fn presets(chat: &Chat) -> String {
    let current = chat.cache_state.as_ref().map(|state| state.resolved_preset.name.clone());
    let line = |preset: &Preset| {
        let active = if current.as_deref() == Some(preset.name.as_str()) { ", active" } else { "" };
        format!("{}{active}: {}", preset.name, preset.summary)
    };
    chat.preset_entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::Session;

    fn preset_entry_of(chat: &Chat, name: &str) -> usize {
        preset_entry(chat, name).expect("a built-in preset")
    }

    #[test]
    fn lines_are_questions_commands_and_decisions() {
        let mut session = Session::with_document_read("accurate");
        let chat = &session.chat;
        assert_eq!(TypedLine::read(chat, " Who? "), TypedLine::Act(Action::Ask("Who?".into())));
        assert_eq!(
            TypedLine::read(chat, "/preset full"),
            TypedLine::Act(Action::Switch(preset_entry_of(chat, "full")))
        );
        assert!(
            matches!(TypedLine::read(chat, "/preset nice"), TypedLine::Say(text) if text.contains("no preset nice"))
        );
        assert!(matches!(TypedLine::read(chat, "/fly"), TypedLine::Say(text) if text.contains("unknown command /fly")));
        assert_eq!(TypedLine::read(chat, "y"), TypedLine::Act(Action::Ask("y".into())));
        session.switch("full");
        session.forecast(8_000, Some(12));
        assert_eq!(TypedLine::read(&session.chat, "y"), TypedLine::Act(Action::Confirm));
        assert_eq!(TypedLine::read(&session.chat, "no"), TypedLine::Act(Action::Cancel));
    }

    #[test]
    fn one_question_is_asked_under_several_presets() {
        let mut session = Session::with_document_read("accurate");
        let preset_entries = ["full", "quick"].map(|name| preset_entry_of(&session.chat, name));
        let versus = |question: &str| {
            TypedLine::Act(Action::Versus { question: question.into(), preset_entries: preset_entries.to_vec() })
        };
        assert_eq!(TypedLine::read(&session.chat, "/ab full quick  Who is it? "), versus("Who is it?"));
        assert!(
            matches!(TypedLine::read(&session.chat, "/ab full quick"), TypedLine::Say(text) if text.contains("type a question"))
        );
        assert!(
            matches!(TypedLine::read(&session.chat, "/ab full Who?"), TypedLine::Say(text) if text.contains("no preset Who?"))
        );
        let three = TypedLine::read(&session.chat, "/ab full quick fastest Who?");
        assert!(
            matches!(three, TypedLine::Act(Action::Versus { question, preset_entries }) if question == "Who?" && preset_entries.len() == 3)
        );
        session.ask("What?");
        session.answer("That.");
        assert_eq!(TypedLine::read(&session.chat, "/ab full quick"), versus("What?"));
    }
}
