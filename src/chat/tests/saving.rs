//! Saving: what the effects say adds up to the conversation, whatever happens.

use proptest::prelude::*;

use super::*;
use crate::chat::recording::{Begins, EntryChange, NotSaved, SavedEntry, Saving};
use crate::chat::{Attached, Comparison, Exchange, Keeping, Moment, OpenedDocument, Restored, SessionId};
use crate::citations;
use crate::engine::message::ReasoningEnd;

/// A store that does what savings say.
#[derive(Debug, Default, PartialEq)]
struct Mirror {
    /// All conversations, each with its branches.
    conversations: Vec<Vec<Vec<SavedEntry>>>,
    name: Option<String>,
}

impl Mirror {
    fn take(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Save(saving) = effect {
                self.save(saving);
            }
        }
    }

    fn save(&mut self, saving: &Saving) {
        match saving.begins {
            Some(Begins::New) => self.conversations.push(Vec::new()),
            Some(Begins::At { session, .. }) => {
                let there = self.conversations[session.0 as usize].clone();
                self.conversations.push(there);
            }
            None => {}
        }
        let branches = self.conversations.last_mut().expect("it has begun");
        if let Some(head) = &saving.head {
            self.name = head.name.as_deref().map(str::to_owned);
        }
        if let Some(lengths) = &saving.lengths {
            branches.resize(lengths.len(), Vec::new());
            branches.iter_mut().zip(lengths).for_each(|(branch, length)| branch.truncate(*length));
        }
        for change in &saving.entries {
            match change.clone() {
                EntryChange::Whole { branch, position, entry } => {
                    let entries = &mut branches[branch];
                    assert!(position <= entries.len(), "a hole in branch {branch}");
                    entries.truncate(entries.len());
                    if position == entries.len() {
                        entries.push(entry);
                    } else {
                        entries[position] = entry;
                    }
                }
                EntryChange::Grown { branch, position, answer, thoughts } => {
                    branches[branch][position].answer += &answer;
                    branches[branch][position].thoughts += &thoughts;
                }
            }
        }
    }
}

/// The conversation as it would be stored.
fn stored(chat: &Chat) -> Vec<Vec<SavedEntry>> {
    chat.branches.all(&chat.transcript).map(|branch| branch.iter().map(SavedEntry::from).collect()).collect()
}

#[test]
fn an_answer_is_saved_piece_by_piece_before_it_is_shown() {
    let mut session = Session::saved();
    let mut mirror = Mirror::default();
    mirror.take(&session.ask("Who is he?"));
    let whole = |effects: &[Effect]| {
        let savings =
            effects.iter().filter_map(|effect| if let Effect::Save(saving) = effect { Some(saving) } else { None });
        savings.flat_map(|saving| &saving.entries).filter(|change| matches!(change, EntryChange::Whole { .. })).count()
    };
    let mut rewritten = Vec::new();
    for piece in ["A ", "clergy", "man", "."] {
        let effects = session.tell(Event::Piece { job: session.job, channel: Channel::Answer, text: piece.into() });
        rewritten.push(whole(&effects));
        mirror.take(&effects);
        assert_eq!(mirror.conversations, [stored(&session.chat)], "after {piece}");
    }
    assert_eq!(rewritten, [1, 0, 0, 0], "only the first piece says that it runs");
    let figures = Box::new(answer_figures(&session.recipe(), 4));
    mirror.take(&session.tell(Event::Answered { job: session.job, finish: Finish::EndOfGeneration, figures }));
    assert_eq!(mirror.conversations, [stored(&session.chat)]);
    assert_eq!(session.input(Input::Tick), []);
}

#[test]
fn nothing_is_saved_before_the_first_question_or_when_nothing_is_to_be() {
    let mut session = Session::saved();
    let saves = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Save(_)));
    assert!(!saves(&session.act(Action::Rename("Emma".into()))));
    let effects = session.ask("Who?");
    let Some(Effect::Save(saving)) = effects.iter().find(|effect| matches!(effect, Effect::Save(_))) else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (saving.begins, saving.head.as_ref().and_then(|head| head.name.as_deref())),
        (Some(Begins::New), Some("Emma"))
    );
    let mut session = Session::with_document_read("full");
    assert!(!saves(&session.ask("Who?")) && !session.chat.is_saved());
}

#[test]
fn leaving_saves_before_the_program_ends() {
    let mut session = Session::saved();
    session.ask("Who?");
    session.input(Input::NotSaved(NotSaved::Failed(Failure::new(FailureKind::Runtime, "the disk is full", None))));
    let effects = session.act(Action::Quit);
    let place = |is: fn(&Effect) -> bool| effects.iter().position(is).expect("there is one");
    assert!(place(|effect| matches!(effect, Effect::Save(_))) < place(|effect| *effect == Effect::Quit), "{effects:?}");
}

#[test]
fn what_could_not_be_saved_is_told_once_and_tried_again_whole() {
    let mut session = Session::saved();
    session.ask("Who?");
    session.answer("He.");
    let failed = || Input::NotSaved(NotSaved::Failed(Failure::new(FailureKind::Runtime, "the disk is full", None)));
    session.input(failed());
    assert_eq!(
        session.chat.notice.as_ref().map(|notice| notice.text.as_str()),
        Some("this conversation is not saved: the disk is full; it is tried again")
    );
    assert!(!session.chat.is_saved());
    let at_once = session.act(Action::Rename("Emma".into()));
    assert!(!at_once.iter().any(|effect| matches!(effect, Effect::Save(_))), "{at_once:?}");
    session.seconds += 5;
    let mut mirror = Mirror { conversations: vec![Vec::new()], name: None };
    mirror.take(&session.input(Input::Tick));
    assert_eq!((mirror.conversations, mirror.name.as_deref()), (vec![stored(&session.chat)], Some("Emma")));
    let notices = session.chat.notices.len();
    session.input(failed());
    assert_eq!(session.chat.notices.len(), notices, "it is told once");
    session.input(Input::SavedAgain);
    assert!(session.chat.is_saved());
}

#[test]
fn a_conversation_that_another_window_took_goes_on_as_a_new_one() {
    let mut session = Session::saved();
    let mut mirror = Mirror::default();
    mirror.take(&session.ask("Who?"));
    mirror.take(&session.input(Input::NotSaved(NotSaved::Elsewhere)));
    assert_eq!((mirror.conversations.len(), mirror.conversations.last()), (2, Some(&stored(&session.chat))));
}

#[test]
fn another_document_and_a_new_conversation_are_saved_apart() {
    let mut session = Session::saved();
    let mut mirror = Mirror::default();
    mirror.take(&session.ask("Who?"));
    let facts = DocumentFacts { title: "Emma".into(), part: None, text: "Emma Woodhouse.\n".into(), choice: None };
    let opened = News::Opened(Box::new(OpenedDocument { facts, within: None, restored: None }));
    mirror.take(&session.input(Input::News(opened)));
    // The answer ends, and the document takes its place in the same step.
    mirror.take(&session.answer("A clergyman."));
    let first = mirror.conversations[0].clone();
    assert_eq!(first[0][0].answer, "A clergyman.");
    assert!(first[0][0].detail.contains("end_of_generation"), "{}", first[0][0].detail);
    assert!(session.chat.transcript.is_empty() && session.chat.branches.count() == 1);
    session.read(0, DOCUMENT_TOKENS);
    mirror.take(&session.ask("Where?"));
    mirror.take(&session.answer("At Hartfield."));
    mirror.take(&session.act(Action::NewConversation));
    mirror.take(&session.ask("Why?"));
    assert_eq!(mirror.conversations.len(), 3);
    assert_eq!(mirror.conversations[0], first);
    let question = |conversation: usize| mirror.conversations[conversation][0][0].question.as_str();
    assert_eq!((question(1), question(2)), ("Where?", "Why?"));
}

/// What a user and an engine may do.
#[derive(Debug, Clone)]
enum Step {
    Ask,
    Piece(Channel, &'static str),
    End(Finish),
    Fail,
    Regenerate,
    Continue,
    Replace(usize),
    Fork(usize),
    Show(usize),
    LeaveOut,
    New,
    Rename,
    Switch,
    Lost,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let piece = prop_oneof![Just(Channel::Reasoning), Just(Channel::Answer)];
    let text = prop_oneof![Just("A \"truth universally\" "), Just("牧師"), Just("\n")];
    let finish = prop_oneof![Just(Finish::EndOfGeneration), Just(Finish::TokenLimit), Just(Finish::Cancelled)];
    let step = prop_oneof![
        4 => Just(Step::Ask),
        6 => (piece, text).prop_map(|(channel, text)| Step::Piece(channel, text)),
        4 => finish.prop_map(Step::End),
        1 => Just(Step::Fail),
        2 => Just(Step::Regenerate),
        1 => Just(Step::Continue),
        1 => (0_usize..3).prop_map(Step::Replace),
        2 => (0_usize..3).prop_map(Step::Fork),
        2 => (0_usize..3).prop_map(Step::Show),
        1 => Just(Step::LeaveOut),
        1 => Just(Step::New),
        1 => Just(Step::Rename),
        1 => Just(Step::Switch),
        1 => Just(Step::Lost),
    ];
    prop::collection::vec(step, 1..40)
}

fn take(session: &mut Session, step: &Step) -> Vec<Effect> {
    let job = session.job;
    match step {
        Step::Ask => session.ask("Who is he?"),
        Step::Piece(channel, text) => session.tell(Event::Piece { job, channel: *channel, text: (*text).to_owned() }),
        Step::End(finish) => {
            let figures = Box::new(answer_figures(&session.recipe(), 5));
            session.tell(Event::Answered { job, finish: *finish, figures })
        }
        Step::Fail => session.tell(Event::Failed { job, failure: Failure::new(FailureKind::Runtime, "no", None) }),
        Step::Regenerate => session.act(Action::Regenerate),
        Step::Continue => session.act(Action::Continue),
        Step::Replace(entry) if *entry < session.chat.transcript.len() => {
            session.act(Action::Replace { entry: *entry, question: "Where?".into() })
        }
        Step::Fork(after) => session.act(Action::Fork { after: Some(*after) }),
        Step::Show(branch) => session.act(Action::ShowBranch(*branch)),
        Step::LeaveOut => session.act(Action::MakeRoom(crate::chat::WayOut::LeaveOut { turns: 1 })),
        Step::New => session.act(Action::NewConversation),
        Step::Rename => session.act(Action::Rename("Emma".into())),
        Step::Switch => session.switch("fastest"),
        Step::Lost => session.input(Input::NotSaved(NotSaved::Elsewhere)),
        Step::Replace(_) => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// After each step the store has what the screen shows; and what it has makes the same conversation again, with answers that still
    /// ran broken off.
    #[test]
    fn what_is_saved_is_what_is_shown(steps in steps()) {
        let mut session = Session::saved();
        let mut mirror = Mirror::default();
        for step in &steps {
            let effects = take(&mut session, step);
            mirror.take(&effects);
            let is_empty = session.chat.transcript.is_empty() && session.chat.branches.count() == 1;
            if !is_empty {
                prop_assert_eq!(mirror.conversations.last(), Some(&stored(&session.chat)), "after {:?}", step);
            }
        }
        let Some(last) = mirror.conversations.last() else { return Ok(()) };
        let entries = |branch: &Vec<SavedEntry>| branch.iter().map(|entry| entry.clone().entry()).collect::<Option<Vec<_>>>();
        let branches: Vec<Vec<Entry>> = last.iter().map(entries).collect::<Option<_>>().expect("every entry can be read");
        for (read, saved) in branches.iter().flatten().zip(last.iter().flatten()) {
            let again = SavedEntry::from(read);
            prop_assert_eq!((&again.question, &again.answer, &again.thoughts), (&saved.question, &saved.answer, &saved.thoughts));
            prop_assert!(read.exchange().is_none_or(|exchange| !exchange.is_waited_for()));
            if !saved.detail.contains("running") && !saved.detail.contains("waiting") && saved.thoughts.is_empty() {
                prop_assert_eq!(&again.detail, &saved.detail);
            }
        }
    }
}

/// An exchange with everything in it, and a comparison.
fn rich() -> (Exchange, Comparison) {
    let mut session = Session::saved();
    session.act(Action::Attach(Attached::part("Chapter 1", "It is a truth universally acknowledged.")));
    session.ask("Who is @\"Chapter 1\" about?");
    let job = session.job;
    session.tell(Event::Piece { job, channel: Channel::Reasoning, text: "Hm.".into() });
    session.seconds += 4;
    let answer = "\"a truth universally acknowledged\", says it";
    session.tell(Event::Piece { job, channel: Channel::Answer, text: answer.into() });
    let mut figures = answer_figures(&session.recipe(), 40);
    figures.tokens.reasoning = 3;
    figures.reasoning_end = Some(ReasoningEnd::Closed);
    session.tell(Event::Answered { job, finish: Finish::EndOfGeneration, figures: Box::new(figures) });
    let citations = citations::check(answer, &citations::Index::new(&session.chat.document.text), &[]);
    session.input(Input::Checked { entry: 0, answer: answer.into(), citations });
    session.switch("fastest");
    session.forecast(8_000, Some(1));
    session.read(2_000, 8_000);
    let [Entry::Exchange(exchange), Entry::Switch(comparison)] = &session.chat.transcript[..] else {
        panic!("{:?}", session.chat.transcript)
    };
    (exchange.clone(), comparison.clone())
}

/// Databases of earlier versions have entries in this form: what the files have has to be read for ever, and what is written to change on
/// purpose alone.
#[test]
fn entries_have_the_form_of_earlier_versions() {
    let (exchange, comparison) = rich();
    let turn = SavedEntry::from(&Entry::Exchange(exchange.clone()));
    let switch = SavedEntry::from(&Entry::Switch(comparison.clone()));
    let pretty = |json: &str| {
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        serde_json::to_string_pretty(&value).expect("JSON")
    };
    insta::assert_snapshot!("saved_turn", pretty(&turn.detail));
    insta::assert_snapshot!("saved_switch", pretty(&switch.detail));
    let Some(Entry::Exchange(read)) = turn.entry() else { panic!("it is a turn") };
    let times = |exchange: &Exchange| (exchange.reasoning.began, exchange.reasoning.ended, exchange.reasoning.tokens);
    assert_eq!(times(&read), (Some(Duration::ZERO), Some(Duration::from_secs(5)), Some(3)));
    let without_times = |exchange: Exchange| {
        SavedEntry::from(&Entry::Exchange(Exchange {
            reasoning: crate::chat::Reasoning { began: None, ended: None, ..exchange.reasoning.clone() },
            ..exchange
        }))
    };
    assert_eq!(without_times(read), without_times(exchange));
    assert_eq!(switch.entry(), Some(Entry::Switch(comparison)));
}

#[test]
fn a_detail_that_cannot_be_read_costs_no_text() {
    let (exchange, _) = rich();
    let saved = SavedEntry::from(&Entry::Exchange(exchange));
    for detail in ["", "{}", "{\"state\": {\"answered\": \"by magic\"}}", "{\"state\": \"withdrawn\", \"figures\": 3}"]
    {
        let entry = SavedEntry { detail: detail.to_owned(), ..saved.clone() }.entry().expect("a turn");
        let exchange = entry.exchange().expect("a turn");
        assert_eq!((&*exchange.question, &exchange.answer), (saved.question.as_str(), &saved.answer), "{detail}");
    }
    assert_eq!(SavedEntry { kind: "poem".into(), ..saved }.entry(), None);
}

/// Quotes are cut out of the answer wherever it is shown or exported.
#[test]
fn places_that_are_not_in_the_texts_are_left_out() {
    let detail = r#"{"state": {"answered": "end_of_generation"}, "chosen": [{"start": 2, "end": 1}, {"start": 0, "end": 1}],
        "citations": [{"span": {"start": 0, "end": 900}, "verdict": "not_found", "source": null},
            {"span": {"start": 1, "end": 2}, "verdict": "not_found", "source": null},
            {"span": {"start": 0, "end": 3}, "verdict": {"verified": {"start": 3, "end": 2}}, "source": null},
            {"span": {"start": 0, "end": 3}, "verdict": {"verified": {"start": 2, "end": 3}}, "source": null}]}"#;
    let [question, thoughts] = [(); 2].map(|()| String::new());
    let saved = SavedEntry { kind: "question".into(), question, answer: "é!".into(), thoughts, detail: detail.into() };
    let entry = saved.entry().expect("a turn");
    let exchange = entry.exchange().expect("a turn");
    let kept: Vec<_> = exchange.citations.iter().map(|citation| citation.verdict.passage()).collect();
    assert_eq!(kept, [Some(ByteSpan { start: 2, end: 3 })]);
    assert_eq!(exchange.chosen.as_deref(), Some(&[ByteSpan { start: 0, end: 1 }][..]));
}

#[test]
fn a_conversation_goes_on_where_it_was_and_is_taken_over_with_its_first_change() {
    let (exchange, comparison) = rich();
    let branches =
        vec![vec![Entry::Exchange(exchange.clone())], vec![Entry::Exchange(exchange), Entry::Switch(comparison)]];
    let restored = Restored {
        session: SessionId(0),
        revision: 1,
        began: Moment(0),
        name: Some("Emma".into()),
        shown: 1,
        branches: branches.clone(),
        is_about_another_text: false,
        note: "it goes on".into(),
    };
    let mut session = Session::saved();
    let opened = session.input(Input::Restored(Box::new(restored)));
    assert_eq!(opened, [], "who looks at it takes it from nobody");
    assert_eq!((session.chat.branches.shown(), session.chat.transcript.len()), (1, 2));
    assert_eq!(session.chat.notice.as_ref().map(|notice| notice.text.as_str()), Some("it goes on"));
    let saved: Vec<Vec<SavedEntry>> =
        branches.iter().map(|branch| branch.iter().map(SavedEntry::from).collect()).collect();
    let mut mirror = Mirror { conversations: vec![saved], name: None };
    mirror.take(&session.ask("And his wife?"));
    assert_eq!((mirror.conversations.len(), mirror.conversations.last()), (2, Some(&stored(&session.chat))));
    let prompt = session.chat.transcript.len();
    assert_eq!(prompt, 3);
    let _ = Keeping::Saved;
}
