//! Editing, repeating, pasting, history.

use super::*;
use crate::tui::ui_command::UiCommand;

fn asked() -> Session {
    let mut session = Session::with_document_read("accurate");
    session.ask("Who?");
    session.answer("A clergyman.\n\n```rust\nfn x() {}\n```\n");
    session
}

fn at_the_transcript() -> Screen {
    screen(|screen| screen.focus = Focus::Transcript)
}

#[test]
fn the_last_question_is_changed_and_takes_its_own_place() {
    let session = asked();
    let mut screen = at_the_transcript();
    assert_eq!(screen.handle(&session.chat, Intent::EditLast), []);
    assert_eq!((screen.input.lines().join("\n").as_str(), screen.focus), ("Who?", Focus::Input));
    screen.input.insert_str(" Why?");
    let actions = screen.handle(&session.chat, Intent::Submit);
    assert_eq!(actions, [Action::Replace { entry: 0, question: "Who? Why?".into() }]);
    assert_eq!(screen.editing, None);
}

#[test]
fn esc_gives_the_change_up() {
    let session = asked();
    let mut screen = at_the_transcript();
    screen.handle(&session.chat, Intent::EditLast);
    assert_eq!(screen.handle(&session.chat, Intent::Escape), []);
    assert!(screen.input.is_empty() && screen.editing.is_none());
}

#[test]
fn answers_and_code_are_copied_from_their_source() {
    let session = asked();
    let mut screen = at_the_transcript();
    screen.handle(&session.chat, Intent::CopyAnswer);
    screen.handle(&session.chat, Intent::CopyCode);
    let answer = "A clergyman.\n\n```rust\nfn x() {}\n```";
    let expected = [
        UiCommand::Copy { text: answer.into(), name: "the answer" },
        UiCommand::Copy { text: "fn x() {}\n".into(), name: "the code" },
    ];
    assert_eq!(screen.commands, expected);
}

#[test]
fn a_large_paste_goes_along_with_the_question_as_a_note() {
    let session = asked();
    let mut screen = typed("What is this? ");
    let long = "line\n".repeat(200);
    screen.handle(&session.chat, Intent::Paste(long.clone()));
    assert_eq!(screen.input.lines().join("\n"), "What is this? [pasted text 1: 200 lines, 1000 bytes]");
    let actions = screen.handle(&session.chat, Intent::Submit);
    assert_eq!(actions, [Action::Ask(format!("What is this? \n```\n{}\n```\n", long.trim_end()))]);
}

#[test]
fn what_was_asked_is_remembered() {
    let session = asked();
    let mut screen = typed("And his patroness?");
    screen.handle(&session.chat, Intent::Submit);
    assert_eq!(screen.commands, [UiCommand::Remember("And his patroness?".into())]);
    screen.handle(&session.chat, Intent::Earlier);
    assert_eq!(screen.input.lines(), ["And his patroness?"]);
}

#[test]
fn the_editor_is_given_what_is_written() {
    let session = asked();
    let mut screen = typed("half a");
    screen.handle(&session.chat, Intent::Editor);
    assert_eq!(screen.commands, [UiCommand::Edit("half a".into())]);
    screen.edited("half a question?\n");
    assert_eq!(screen.input.lines(), ["half a question?"]);
}

/// The comparison picker at this preset.
fn comparing(session: &Session, screen: &mut Screen, name: &str) {
    screen.handle(&session.chat, Intent::Versus);
    let Some(Overlay::Picker(picker)) = &mut screen.overlay else { panic!("no picker: {:?}", screen.overlay) };
    picker.at = session
        .chat
        .preset_entries
        .iter()
        .position(|preset_entry| preset_entry.name == name)
        .expect("a built-in preset");
}

#[test]
fn a_comparison_that_is_refused_leaves_the_question_in_the_box() {
    let unread = Session::begin("accurate");
    for (session, other) in [(asked(), "accurate"), (unread, "fastest")] {
        let mut screen = typed("And his patroness?");
        comparing(&session, &mut screen, other);
        assert_eq!(screen.handle(&session.chat, Intent::Submit), []);
        assert_eq!((screen.text().as_str(), screen.message.is_some()), ("And his patroness?", true), "with {other}");
    }
}

#[test]
fn a_question_that_is_asked_under_two_presets_is_remembered() {
    let session = asked();
    let mut screen = typed("And his patroness?");
    comparing(&session, &mut screen, "fastest");
    let actions = screen.handle(&session.chat, Intent::Submit);
    assert!(
        matches!(&actions[..], [Action::Versus { question, .. }] if question == "And his patroness?"),
        "{actions:?}"
    );
    assert!(screen.input.is_empty());
    assert_eq!(screen.commands, [UiCommand::Remember("And his patroness?".into())]);
}
