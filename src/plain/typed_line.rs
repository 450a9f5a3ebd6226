//! Parses a typed line: a question, a command, or a yes or no.

use crate::chat::{Action, Chat, Phase, Source, WayOut};
use crate::swaa::{Preset, written};

/// The text of `/help`, also shown for unknown commands.
const HELP: &str = "Type a question and press Enter. @NAME refers to a part of the document or a file. /open PATH opens another \
                    document, /demo the bundled book, /new starts a new conversation, \
                    /sessions lists the saved ones, /session NAME goes on with one, /find TEXT finds what was said in them, /name NAME names this one. /until PLACE asks only about what comes before a place (a part's number, 40%, \"line 812\", a heading), /until about all of it. /models lists the models, /model NAME uses one. \
                    /presets lists the presets, /preset NAME switches, /ab NAME NAME QUESTION asks with several, /ahead reads the other presets in the background, /think off, native or \
                    prompted sets how the model reasons. /system TEXT sets the system prompt. If the context is full, /leave-out leaves \
                    out the oldest turns, /branch N continues after question N, /context TOKENS enlarges it. /stop stops, /quit quits. \
                    An empty line continues a stopped prefill.";

/// The meaning of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TypedLine {
    Act(Action),
    /// Answered at once.
    Say(String),
    /// List the models.
    Models,
    /// Use the model of this name, or at this path.
    UseModel(String),
    /// List the saved conversations.
    Sessions,
    /// Go on with the saved conversation of this number or name.
    GoOnWith(String),
    /// List where this was said in saved conversations.
    Find(String),
    /// Ask about what is before this place alone.
    Until(String),
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
            ("/think", mode) => match mode.parse() {
                Ok(cot) => Self::Act(Action::Think(cot)),
                Err(error) => Self::Say(format!("/think takes {}", error.allowed)),
            },
            ("/ab", rest) => versus(chat, rest),
            ("/ahead", _) => Self::Act(Action::ReadAhead),
            ("/open", "") => Self::Say("type a path: /open PATH".to_owned()),
            ("/open", path) => Self::Act(Action::Open(Source::Named(vec![path.to_owned()]))),
            ("/demo", _) => Self::Act(Action::Open(Source::Demo)),
            ("/new", _) => Self::Act(new(chat)),
            ("/continue", _) if chat.earlier.is_some() => Self::Act(Action::Resume),
            ("/sessions", _) | ("/session" | "/continue", "") => Self::Sessions,
            ("/session" | "/continue", name) => Self::GoOnWith(name.to_owned()),
            ("/find", "") => Self::Say("type what to look for in saved conversations: /find TEXT".to_owned()),
            ("/find", text) => Self::Find(text.to_owned()),
            ("/until", "") => Self::Act(Action::AskUntil(None)),
            ("/until", place) => Self::Until(place.to_owned()),
            ("/name", name) => Self::Act(Action::Rename(name.to_owned())),
            ("/models", _) | ("/model", "") => Self::Models,
            ("/model", name) => Self::UseModel(name.to_owned()),
            ("/system", text) => Self::Act(Action::SetSystem((!text.is_empty()).then(|| text.into()))),
            ("/leave-out", rest) => leave_out(chat, rest),
            ("/branch", number) => branch(chat, number),
            ("/context", tokens) => context(tokens),
            (command, _) if command.starts_with('/') => Self::Say(format!("unknown command {command}. {HELP}")),
            _ => Self::Act(Action::Ask(line.to_owned())),
        }
    }
}

/// Where the context is full, the question that did not fit goes along.
fn new(chat: &Chat) -> Action {
    if chat.full.is_some() { Action::MakeRoom(WayOut::NewConversation) } else { Action::NewConversation }
}

/// `/leave-out` as many turns as were proposed, `/leave-out 3` so many.
fn leave_out(chat: &Chat, rest: &str) -> TypedLine {
    let proposed = chat.full.as_ref().and_then(|full| {
        full.ways.iter().find_map(|way| if let WayOut::LeaveOut { turns } = way { Some(*turns) } else { None })
    });
    match rest.parse().ok().or(rest.is_empty().then(|| proposed.unwrap_or(1))) {
        Some(turns) => TypedLine::Act(Action::MakeRoom(WayOut::LeaveOut { turns })),
        None => TypedLine::Say("type how many of the oldest turns: /leave-out NUMBER".to_owned()),
    }
}

/// `/branch 2` continues after the second question, `/branch 0` from the beginning.
fn branch(chat: &Chat, number: &str) -> TypedLine {
    let points = chat.fork_points();
    match number.parse::<usize>().ok().and_then(|number| points.get(number)) {
        Some(after) => TypedLine::Act(Action::Fork { after: *after }),
        None => TypedLine::Say(format!("type the number of a question, up to {}: /branch NUMBER", points.len() - 1)),
    }
}

fn context(tokens: &str) -> TypedLine {
    match written::tokens(tokens) {
        Ok(tokens) => TypedLine::Act(Action::MakeRoom(WayOut::Enlarge { tokens, kv_bytes: 0 })),
        Err(error) => TypedLine::Say(format!("type {}: /context TOKENS", error.allowed)),
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
