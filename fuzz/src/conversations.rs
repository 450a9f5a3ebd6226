//! Saved conversations: a database that was damaged, rows that nobody wrote like this, files of earlier versions.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::chat::recording::SavedEntry;
use crate::chat::{
    Asking, Chat, DocumentFacts, Entry, Input, Keeping, Moment, Questions, Restored, SessionId, Setup, Suggestions,
    SystemPrompt, export, update,
};
use crate::engine::config::ContextSize;
use crate::engine::message::{Limits, Reread, Sampling, SamplingPatch};
use crate::store::sessions::{Documents, Head, Saving, Target, Turn, TurnChange, Writer};
use crate::store::{Database, Remembered};
use crate::swaa::Presets;
use crate::swaa::preset::RecipePatch;
use crate::swaa::selection::PresetSelection;

const FILE: &str = "sessions.db";
const WRITER: Writer<'static> = Writer { token: "a window", folder: "/", now_s: 1_700_000_000 };

/// Opens the database of a conversation after `damage` was done to its file, and uses all that is in it.
///
/// Every four bytes of `damage` are a place in the file and the byte that is put there.
pub fn damage_database(damage: &[u8]) {
    let folder = folder();
    let mut file = whole_file().to_vec();
    for change in damage.chunks_exact(4) {
        let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % file.len();
        file[at] = change[3];
    }
    fs::write(folder.path().join(FILE), file).expect("a file");
    use_all(folder.path());
}

fn use_all(folder: &Path) {
    let Ok(mut database) = Database::open(folder) else { return };
    let _ = (database.questions(), database.recent(), database.place("a text"), database.search("truth acknow"));
    let Ok(sessions) = database.sessions() else { return };
    for session in sessions {
        let turns = database.turns(session.id).unwrap_or_default();
        restored(turns.into_iter().filter_map(|turn| entry(turn).entry()).collect(), session.head.shown);
    }
    let _ = database.save(Target::New, WRITER, &saving(vec![]));
}

fn entry(Turn { kind, question, answer, thoughts, detail, .. }: Turn) -> SavedEntry {
    SavedEntry { kind, question, answer, thoughts, detail }
}

/// The file of a database with a conversation, a question, a place and a mark.
fn whole_file() -> &'static [u8] {
    static FILE_BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    FILE_BYTES.get_or_init(|| {
        let folder = folder();
        let mut database = Database::open(folder.path()).expect("a new database");
        database.add_question("Who is Mr. Collins?").expect("written");
        let place = Remembered { title: "Emma".into(), byte: 3, marks: [('a', 1)].into() };
        database.put_place("a text", &place).expect("written");
        let turns = (0..12).map(|position| {
            TurnChange::Whole(Turn {
                position,
                kind: "question".into(),
                question: "Who is it?".into(),
                answer: "\"It is a truth universally acknowledged\"".into(),
                detail: r#"{"state": {"answered": "end_of_generation"}, "citations": []}"#.into(),
                ..Turn::default()
            })
        });
        database.save(Target::New, WRITER, &saving(turns.collect())).expect("saved");
        drop(database);
        fs::read(folder.path().join(FILE)).expect("it is there")
    })
}

fn saving(turns: Vec<TurnChange>) -> Saving {
    let documents = Documents { names: vec!["/book.txt".into()], detail: "{}".into() };
    Saving {
        head: Some(Head { title: "A book".into(), ..Head::default() }),
        documents: Some(documents),
        lengths: None,
        turns,
    }
}

/// Goes on with a conversation whose entry was saved like this, and exports it.
pub fn restore(kind: &str, question: &str, answer: &str, thoughts: &str, detail: &str) {
    let [kind, question, answer, thoughts, detail] = [kind, question, answer, thoughts, detail].map(str::to_owned);
    let Some(entry) = SavedEntry { kind, question, answer, thoughts, detail }.entry() else { return };
    // What was read is saved again: it is read as the same.
    let again = SavedEntry::from(&entry).entry().expect("its kind is known");
    assert_eq!(SavedEntry::from(&entry), SavedEntry::from(&again), "saving it again changes it");
    restored(vec![entry], 0);
}

fn restored(entries: Vec<Entry>, shown: usize) {
    let mut chat = Chat::new(setup());
    let restored = Restored {
        session: SessionId(1),
        revision: 0,
        began: Moment(0),
        name: None,
        shown,
        branches: vec![entries],
        is_about_another_text: false,
        note: String::new(),
    };
    update(&mut chat, Duration::ZERO, Input::Restored(Box::new(restored)));
    let _ = export::as_markdown(&chat);
    let json = export::as_json(&chat);
    serde_json::from_str::<serde_json::Value>(&json).expect("an export is JSON");
}

fn setup() -> Setup {
    Setup {
        document: DocumentFacts {
            title: "A book".into(),
            part: None,
            text: "It is a truth universally acknowledged.\n".into(),
            choice: None,
        },
        within: None,
        reading: PresetSelection {
            presets: Presets::built_in(),
            preset: "full".to_owned(),
            changes: RecipePatch::default(),
            cot: None,
        },
        asking: Asking {
            questions: Questions::Conversation,
            system: SystemPrompt::Absent,
            sampling: Sampling::GREEDY,
            given: SamplingPatch::default(),
            limits: Limits::default(),
            schema: None,
            reread: Reread::Off,
            drafting: crate::engine::message::Drafting::Off,
            question_first: false,
            calibrate: crate::chat::Calibrate::Never,
        },
        now: Moment(0),
        context: ContextSize::Fit,
        absent: None,
        suggestions: Suggestions::default(),
        keeping: Keeping::Saved,
        earlier: None,
    }
}

/// Looks for what somebody typed.
pub fn find_said(query: &str) {
    thread_local! {
        static DATABASE: std::cell::RefCell<(tempfile::TempDir, Database)> = {
            let folder = folder();
            fs::write(folder.path().join(FILE), whole_file()).expect("a file");
            let database = Database::open(folder.path()).expect("it is whole");
            std::cell::RefCell::new((folder, database))
        };
    }
    DATABASE.with_borrow_mut(|(_, database)| {
        database.search(query).expect("every query is understood");
        database.sessions_called(query).expect("every name is understood");
    });
}

/// Moves in what an earlier version kept: `text` in each of its files.
pub fn move_in(text: &[u8]) {
    let (folder, state) = (folder(), folder());
    fs::create_dir(state.path().join("reading")).expect("a folder");
    for file in ["questions.jsonl", "recent.json", "reading/0123456789abcdef.json"] {
        fs::write(state.path().join(file), text).expect("a file");
    }
    let database = Database::open(folder.path()).expect("a new database");
    database.move_in(state.path()).expect("moved, or left");
    let _ = (database.questions(), database.recent());
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}
