//! Keys and lists for branches.

use super::reading::press;
use super::*;

/// Two turns, and a branch after the first with one turn of its own; the focus is on the transcript.
fn forked(size: (u16, u16)) -> (Session, Screen) {
    let (mut session, mut screen) = (Session::with_document_read("accurate"), Screen::default());
    for (question, answer) in
        [("Who is Mr. Collins?", "A clergyman."), ("And his patroness?", "Lady Catherine de Bourgh.")]
    {
        session.ask(question);
        session.answer(answer);
    }
    press(&mut screen, &mut session, size, "<tab>Fk<enter>Whom does he marry?<enter>");
    session.answer("Charlotte Lucas.");
    (session, screen)
}

#[test]
fn a_branch_is_shown_with_its_number() {
    for size in SIZES {
        let (session, mut screen) = forked(size);
        let (width, height) = size;
        insta::assert_snapshot!(format!("branch_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn branches_are_listed() {
    for size in SIZES {
        let (mut session, mut screen) = forked(size);
        press(&mut screen, &mut session, size, "<tab>B");
        let (width, height) = size;
        insta::assert_snapshot!(format!("branches_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn a_fork_is_chosen_among_the_answers() {
    for size in SIZES {
        let (mut session, mut screen) = forked(size);
        press(&mut screen, &mut session, size, "<tab>F");
        let (width, height) = size;
        insta::assert_snapshot!(format!("fork_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn the_neighbouring_branch_is_one_key_away_and_what_it_shows_is_its_own() {
    let size = (80, 24);
    let (mut session, mut screen) = forked(size);
    let seen = |session: &Session, screen: &mut Screen| {
        let text = drawn(&session.chat, screen, size);
        ["Lady Catherine", "Charlotte", "branch 1 of 2", "branch 2 of 2"].map(|words| text.contains(words))
    };
    assert_eq!(seen(&session, &mut screen), [false, true, false, true]);
    press(&mut screen, &mut session, size, "<tab><");
    assert_eq!(seen(&session, &mut screen), [true, false, true, false]);
    press(&mut screen, &mut session, size, "<");
    assert_eq!(seen(&session, &mut screen), [false, true, false, true]);
    press(&mut screen, &mut session, size, "B<up><enter>");
    assert_eq!(seen(&session, &mut screen), [true, false, true, false]);
}

#[test]
fn without_branches_the_keys_say_how_to_begin_one() {
    let (mut session, mut screen) = (Session::with_document_read("accurate"), Screen::default());
    press(&mut screen, &mut session, (80, 24), "<tab>F");
    assert_eq!(screen.message.as_deref(), Some("no question was asked yet"));
    for key in ["B", "<", ">"] {
        press(&mut screen, &mut session, (80, 24), key);
        assert_eq!(screen.message.as_deref(), Some("there is only one branch; F starts another"), "{key}");
    }
}
