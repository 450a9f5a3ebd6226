//! Searching the transcript.

use super::reading::press;
use super::*;

/// Two turns, the first with folded thoughts.
fn talked() -> Session {
    let mut session = answered_after_reasoning();
    session.ask("And who wrote the letter to Mr. Bennet?");
    session.answer("Mr. Collins wrote the **letter**; it is read aloud at Longbourn, and Mr. Bennet enjoys it.");
    session
}

fn at(screen: &Screen) -> Option<(usize, usize)> {
    screen.transcript_search.as_ref().map(|finding| (finding.at, finding.all))
}

#[test]
fn a_word_is_found_in_questions_thoughts_and_answers() {
    for size in SIZES {
        let (mut session, mut screen) = (talked(), Screen::default());
        press(&mut screen, &mut session, size, "<tab>/letter<enter>N");
        let (width, height) = size;
        insta::assert_snapshot!(format!("find_{width}x{height}"), drawn(&session.chat, &mut screen, size));
    }
}

#[test]
fn all_hits_are_counted_and_n_goes_around_from_the_last_one() {
    let size = (80, 24);
    let (mut session, mut screen) = (talked(), Screen::default());
    press(&mut screen, &mut session, size, "<tab>/letter<enter>");
    drawn(&session.chat, &mut screen, size);
    assert_eq!(at(&screen), Some((2, 3)), "one in the thoughts, one in a question, one in bold in an answer");
    press(&mut screen, &mut session, size, "n");
    drawn(&session.chat, &mut screen, size);
    assert_eq!(at(&screen), Some((0, 3)));
}

#[test]
fn the_first_frame_after_a_key_has_counted_already() {
    let size = (80, 24);
    let (mut session, mut screen) = (talked(), Screen::default());
    press(&mut screen, &mut session, size, "<tab>/letter");
    let seen = drawn(&session.chat, &mut screen, size);
    assert!(seen.contains("hit 3 of 3"), "{seen}");
}

#[test]
fn keys_that_come_faster_than_frames_do_not_deny_what_was_said() {
    let session = talked();
    let mut screen = screen(|screen| screen.focus = Focus::Transcript);
    for intent in [Intent::Find, Intent::Paste("letter".into()), Intent::Submit] {
        screen.handle(&session.chat, intent);
    }
    assert_eq!(screen.message, None);
    assert!(drawn(&session.chat, &mut screen, (80, 24)).contains("hit 3 of 3"));
}

#[test]
fn folded_thoughts_lie_open_while_something_is_found_in_them() {
    let size = (80, 24);
    let (mut session, mut screen) = (talked(), Screen::default());
    let shows =
        |session: &Session, screen: &mut Screen, words: &str| drawn(&session.chat, screen, size).contains(words);
    assert!(!shows(&session, &mut screen, "visits Longbourn"));
    press(&mut screen, &mut session, size, "<tab>/visits");
    assert!(shows(&session, &mut screen, "visits Longbourn") && shows(&session, &mut screen, "hit 1 of 1"));
    press(&mut screen, &mut session, size, "<enter><esc>");
    assert!(!shows(&session, &mut screen, "visits Longbourn"));
    assert_eq!(
        (screen.transcript_search.is_none(), screen.focus),
        (true, Focus::Transcript),
        "Esc ends the search first"
    );
}

#[test]
fn figures_and_headings_are_not_what_was_said() {
    let size = (80, 24);
    let (mut session, mut screen) = (talked(), Screen::default());
    press(&mut screen, &mut session, size, "<tab>/tok/s<enter>");
    assert_eq!(
        (at(&screen), screen.message.as_deref()),
        (Some((0, 0)), Some("no match for \"tok/s\" in the transcript"))
    );
    press(&mut screen, &mut session, size, "/thought<enter>");
    assert_eq!(at(&screen), Some((0, 0)));
}

#[test]
fn another_search_for_other_words_finds_those() {
    let size = (80, 24);
    let (mut session, mut screen) = (talked(), Screen::default());
    press(&mut screen, &mut session, size, "<tab>/letter<enter><esc>/clergyman<enter>");
    drawn(&session.chat, &mut screen, size);
    assert_eq!(at(&screen), Some((0, 1)));
}

#[test]
fn a_search_that_is_given_up_leaves_the_transcript_where_it_was() {
    let size = (80, 24);
    let mut session = Session::with_document_read("accurate");
    session.ask("First of all?");
    session.answer(&"line\n\n".repeat(60));
    let mut screen = Screen::default();
    press(&mut screen, &mut session, size, "<tab>kkk");
    let top = screen.top;
    press(&mut screen, &mut session, size, "/first of");
    drawn(&session.chat, &mut screen, size);
    assert_eq!((screen.top, at(&screen)), (Some(0), Some((0, 1))), "it is shown while it is typed");
    press(&mut screen, &mut session, size, "<esc>");
    assert_eq!((screen.top, at(&screen)), (top, None));
}

#[test]
fn quotes_are_walked_through_when_nothing_is_searched_for() {
    let (mut session, mut screen) = (talked(), Screen::default());
    press(&mut screen, &mut session, (80, 24), "<tab>n");
    assert_eq!(screen.message.as_deref(), Some("no answer quotes the document or read a passage again"));
}

#[test]
fn the_document_is_searched_before_anything_was_asked() {
    let (mut session, mut screen) = (Session::with_document_read("accurate"), Screen::default());
    press(&mut screen, &mut session, (80, 24), "<tab>/");
    assert!(screen.search_entry.is_some() && screen.focus == Focus::Reader, "{:?}", screen.focus);
}
