//! Parses a typed line: a question, a command, or a yes or no.

use crate::chat::{Action, Chat, Work};

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
        let decides = matches!(chat.work, Work::Deciding { .. });
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match (command, rest.trim()) {
            ("", _) => Self::Act(Action::Resume),
            ("y" | "yes", "") if decides => Self::Act(Action::Confirm),
            ("n" | "no", "") if decides => Self::Act(Action::Cancel),
            ("/quit" | "/q", _) => Self::Act(Action::Quit),
            ("/stop", _) => Self::Act(Action::Cancel),
            ("/help", _) => Self::Say(HELP.to_owned()),
            ("/presets", _) => Self::Say(presets(chat)),
            ("/preset", name) => match offer(chat, name) {
                Some(offer) => Self::Act(Action::Switch(offer)),
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
    let mut offers = Vec::new();
    while let Some((offer, after)) = first_offer(chat, question) {
        offers.push(offer);
        question = after;
    }
    if offers.len() < 2 {
        let unknown = question.split_whitespace().next().unwrap_or_default();
        return TypedLine::Say(no_preset(chat, unknown));
    }
    let last = chat.exchanges().last().map(|exchange| exchange.question.to_string());
    match Some(question.to_owned()).filter(|question| !question.is_empty()).or(last) {
        Some(question) => TypedLine::Act(Action::Versus { question, offers }),
        None => TypedLine::Say("type a question: /ab NAME NAME QUESTION".to_owned()),
    }
}

/// The preset that `text` begins with, and the rest.
fn first_offer<'a>(chat: &Chat, text: &'a str) -> Option<(usize, &'a str)> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    offer(chat, name).map(|offer| (offer, rest.trim_start()))
}

fn offer(chat: &Chat, name: &str) -> Option<usize> {
    chat.offers.iter().position(|offer| offer.name == name)
}

fn no_preset(chat: &Chat, name: &str) -> String {
    format!("there is no preset {name}\n{}", presets(chat))
}

fn presets(chat: &Chat) -> String {
    let held = chat.held.as_ref().map(|held| held.way.name.clone());
    let line = |offer: &crate::swaa::Preset| {
        let in_force = if held.as_deref() == Some(offer.name.as_str()) { ", active" } else { "" };
        format!("{}{in_force}: {}", offer.name, offer.summary)
    };
    chat.offers.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fixtures::Session;

    fn offer_of(chat: &Chat, name: &str) -> usize {
        offer(chat, name).expect("a built-in preset")
    }

    #[test]
    fn lines_are_questions_commands_and_decisions() {
        let mut session = Session::with_document_read("accurate");
        let chat = &session.chat;
        assert_eq!(TypedLine::read(chat, " Who? "), TypedLine::Act(Action::Ask("Who?".into())));
        assert_eq!(TypedLine::read(chat, "/preset full"), TypedLine::Act(Action::Switch(offer_of(chat, "full"))));
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
        let offers = ["full", "quick"].map(|name| offer_of(&session.chat, name));
        let versus =
            |question: &str| TypedLine::Act(Action::Versus { question: question.into(), offers: offers.to_vec() });
        assert_eq!(TypedLine::read(&session.chat, "/ab full quick  Who is it? "), versus("Who is it?"));
        assert!(
            matches!(TypedLine::read(&session.chat, "/ab full quick"), TypedLine::Say(text) if text.contains("type a question"))
        );
        assert!(
            matches!(TypedLine::read(&session.chat, "/ab full Who?"), TypedLine::Say(text) if text.contains("no preset Who?"))
        );
        let three = TypedLine::read(&session.chat, "/ab full quick fastest Who?");
        assert!(
            matches!(three, TypedLine::Act(Action::Versus { question, offers }) if question == "Who?" && offers.len() == 3)
        );
        session.ask("What?");
        session.answer("That.");
        assert_eq!(TypedLine::read(&session.chat, "/ab full quick"), versus("What?"));
    }
}
