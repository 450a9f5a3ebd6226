//! References with `@` in the question.

use std::sync::Arc;

use super::reading::{novel, press, read};
use super::*;
use crate::chat::{Attached, AttachedText, Input};

/// Two of three chapters are in context.
fn begun(size: (u16, u16)) -> (Session, Screen) {
    let whole = novel();
    let document = Arc::new(whole.select("1-2").expect("there are three"));
    let (session, mut screen) = (read(&document, "full"), Screen::new(document));
    screen.parts.reopen(whole);
    drawn(&session.chat, &mut screen, size);
    (session, screen)
}

fn written(screen: &Screen) -> String {
    screen.input.lines().join("\n")
}

#[test]
fn names_are_listed_while_they_are_typed() {
    for size in SIZES {
        let (mut session, mut screen) = begun(size);
        press(&mut screen, &mut session, size, "Does @chapt<down>");
        let (width, height) = size;
        insta::assert_snapshot!(format!("names_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn what_goes_along_is_told_before_it_is_sent_and_after() {
    for size in SIZES {
        let (mut session, mut screen) = begun(size);
        press(&mut screen, &mut session, size, "Does @\"Chapter 2\" agree with @\"Chapter 3\" ");
        let job = session.job;
        session.tell(Event::Counted { job, tokens: vec![2_204] });
        let (width, height) = size;
        insta::assert_snapshot!(format!("named_{width}x{height}"), drawn(&session.chat, &mut screen, size));
        press(&mut screen, &mut session, size, "in tone?<enter>");
        session.answer("It does.");
        insta::assert_snapshot!(format!("named_answered_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn enter_puts_the_chosen_name_there_and_then_asks() {
    let size = (80, 24);
    let (mut session, mut screen) = begun(size);
    press(&mut screen, &mut session, size, "What is in @cha");
    assert_eq!(screen.key_focus(), Focus::Entry);
    press(&mut screen, &mut session, size, "<down><enter>");
    assert_eq!((written(&screen).as_str(), screen.key_focus()), ("What is in @\"Chapter 2\" ", Focus::Input));
    press(&mut screen, &mut session, size, "?<enter>");
    assert_eq!(
        session.chat.exchanges().next().map(|exchange| &*exchange.question),
        Some("What is in @\"Chapter 2\" ?")
    );
}

#[test]
fn parts_that_are_read_are_told_of_and_others_go_along() {
    let size = (80, 24);
    let (mut session, mut screen) = begun(size);
    press(&mut screen, &mut session, size, "Is @\"Chapter 2\" like @\"chapter 3\" ");
    let known: Vec<(&str, bool)> =
        session.chat.attached.iter().map(|attached| (&*attached.name, attached.enclosed().is_some())).collect();
    assert_eq!(known, [("Chapter 2", false), ("Chapter 3", true)]);
}

#[test]
fn an_address_and_a_closed_list_leave_enter_to_the_question() {
    let size = (80, 24);
    for script in ["Who is a@b.c", "Who is @cha<esc>", "Who is @nobody", "Who is @ch <backspace>"] {
        let (mut session, mut screen) = begun(size);
        press(&mut screen, &mut session, size, script);
        assert_eq!(screen.key_focus(), Focus::Input, "{script}");
    }
}

#[test]
fn a_file_is_looked_for_once_its_name_is_whole() {
    let size = (80, 24);
    let (mut session, mut screen) = begun(size);
    press(&mut screen, &mut session, size, "Compare @notes.txt");
    assert_eq!(session.chat.attached, []);
    press(&mut screen, &mut session, size, " with it");
    assert_eq!(session.chat.attached, [Attached::file("notes.txt")]);
    session.input(Input::FileRead { name: "notes.txt".into(), came: Ok("Bring fish.".into()) });
    assert_eq!(session.chat.attached[0].text, AttachedText::File("Bring fish.".into()));
}

#[test]
fn a_name_that_is_nothing_is_looked_for_once() {
    let size = (80, 24);
    let (mut session, mut screen) = begun(size);
    press(&mut screen, &mut session, size, "Who is @nobody ");
    session.input(Input::FileRead { name: "nobody".into(), came: Err("no file is called nobody".into()) });
    press(&mut screen, &mut session, size, "here?<enter>");
    assert_eq!(session.chat.exchanges().map(|exchange| exchange.attached.len()).collect::<Vec<_>>(), [0]);
    assert_eq!(
        session.chat.exchanges().next().map(crate::chat::Exchange::asked).as_deref(),
        Some("Who is @nobody here?")
    );
}

#[test]
fn the_command_begins_a_name_as_a_word_of_its_own() {
    let (session, mut screen) = begun((80, 24));
    screen.input.insert_str("Who is in");
    screen.handle(&session.chat, Intent::Refer);
    assert_eq!((written(&screen).as_str(), screen.key_focus()), ("Who is in @", Focus::Entry));
}

#[test]
fn keys_of_the_question_work_while_the_list_is_open() {
    let size = (80, 24);
    let (mut session, mut screen) = begun(size);
    press(&mut screen, &mut session, size, "Who is @cha<ctrl-p>");
    assert!(matches!(screen.overlay, Some(Overlay::Palette(_))));
    assert_eq!(written(&screen), "Who is @cha");
}
