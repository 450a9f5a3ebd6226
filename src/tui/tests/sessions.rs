//! The list of saved conversations, and the offer to go on with one.

use super::*;
use crate::chat::{Earlier, SessionId};
use crate::tui::screen::SessionRow;
use crate::tui::ui_command::UiCommand;

fn row(id: i64, name: Option<&str>, title: &str, words: &str, questions: usize, when: &str) -> SessionRow {
    SessionRow {
        id,
        name: name.map(str::to_owned),
        title: title.to_owned(),
        words: words.to_owned(),
        questions,
        when: when.to_owned(),
        is_open: id == 12,
    }
}

fn rows() -> Vec<SessionRow> {
    vec![
        row(12, None, "pride-and-prejudice.txt", "Who is Mr. Collins,\nand what is he known for?", 3, "today"),
        row(9, Some("review"), "src/ · 22 files", "And who calls it? 彼は牧師です", 1, "yesterday"),
        row(3, None, "", "Is \u{1b}[31m red?", 14, "12 days ago"),
    ]
}

fn listed() -> (Session, Screen) {
    let mut session = Session::saved();
    session.ask("Who is Mr. Collins?");
    session.answer("A clergyman.");
    (session, screen(|screen| screen.list_sessions(rows(), None)))
}

fn pressed(session: &Session, screen: &mut Screen, intents: &[Intent]) -> Vec<Action> {
    intents.iter().flat_map(|intent| screen.handle(&session.chat, intent.clone())).collect()
}

#[test]
fn saved_conversations_are_listed() {
    let (session, screen) = listed();
    snapshots("sessions", &session.chat, &screen);
}

#[test]
fn an_earlier_conversation_is_offered_until_something_is_asked() {
    let mut session = Session::saved();
    let words = "of yesterday about Emma: 3 questions, the last “Who is he?”".to_owned();
    session.chat.earlier = Some(Earlier { session: SessionId(7), words });
    snapshots("offered", &session.chat, &Screen::default());
    let effects = session.act(Action::Resume);
    assert!(matches!(&effects[..], [crate::chat::Effect::OpenSession(SessionId(7))]), "{effects:?}");
    let mut session = Session::saved();
    session.chat.earlier = Some(Earlier { session: SessionId(7), words: String::new() });
    session.ask("Who?");
    assert_eq!(session.chat.earlier, None);
}

#[test]
fn keys_of_the_list_go_on_name_copy_export_find_and_remove() {
    let down = Intent::Scroll(Scroll::Down);
    let (session, mut screen) = listed();
    assert_eq!(pressed(&session, &mut screen, &[Intent::Submit]), [], "it is open already");
    let (session, mut screen) = listed();
    let goes_on = pressed(&session, &mut screen, &[down.clone(), Intent::Submit]);
    assert_eq!(goes_on, [Action::GoOnWith { session: SessionId(9), called: "review".into() }]);
    let commands = |intents: &[Intent]| {
        let (session, mut screen) = listed();
        pressed(&session, &mut screen, intents);
        screen.commands
    };
    assert_eq!(commands(&[down.clone(), Intent::CopySession]), [UiCommand::CopySession(9)]);
    assert_eq!(commands(&[down.clone(), Intent::ExportMarkdown]), [UiCommand::ExportSession(9)]);
    assert_eq!(commands(&[Intent::RemoveSession, Intent::RemoveSession]), [], "it is open");
    assert_eq!(commands(&[down.clone(), Intent::RemoveSession]), []);
    let twice = [down.clone(), Intent::RemoveSession, Intent::RemoveSession];
    assert_eq!(commands(&twice), [UiCommand::RemoveSession(9)]);
    let moved = [down.clone(), Intent::RemoveSession, down.clone(), Intent::RemoveSession];
    assert_eq!(commands(&moved), [], "another one is meant");
    let found = [Intent::Search, Intent::Paste("single man".into()), Intent::Submit];
    assert_eq!(commands(&found), [UiCommand::FindSessions("single man".into())]);
    let named = [down, Intent::NameSession, Intent::Paste(" 2".into()), Intent::Submit];
    assert_eq!(commands(&named), [UiCommand::NameSession { id: 9, name: "review2".into() }]);
    let (session, mut screen) = listed();
    let renamed = pressed(&session, &mut screen, &[Intent::NameSession, Intent::Paste("Emma".into()), Intent::Submit]);
    assert_eq!(renamed, [Action::Rename("Emma".into())], "the open one is named by the chat");
}

#[test]
fn what_is_saved_can_be_left_at_once() {
    let (session, mut screen) = listed();
    screen.overlay = None;
    screen.focus = Focus::Transcript;
    assert_eq!(pressed(&session, &mut screen, &[Intent::Leave]), [Action::Quit]);
}
