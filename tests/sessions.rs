//! Faults of the store of conversations, with processes of their own: killed at any moment, two at once, no room for the file.
//!
//! A writer is this test binary, started again on the test that is called [`WRITER`]. It saves pieces and says of each that it is saved; only
//! what was said counts.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use lunette::store::sessions::{Head, SaveError, Saving, Target, Turn, TurnChange, Writer};
use lunette::store::{Database, Error};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const WRITER: &str = "a_writer_for_the_other_tests";
const FOLDER: &str = "LUNETTE_TEST_FOLDER";
const TOKEN: &str = "LUNETTE_TEST_TOKEN";
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// No model writes faster. Without it two writers may keep a third one out for longer than it waits.
const PAUSE: Duration = Duration::from_millis(1);

fn writer(token: &str) -> Writer<'_> {
    Writer { token, folder: "/", now_s: 0 }
}

fn turn(position: usize, answer: String) -> Turn {
    let question = format!("Question {position}?");
    Turn { position, kind: "question".into(), question, answer, detail: "{}".into(), ..Turn::default() }
}

fn asked(position: usize, answer: String) -> Saving {
    let turns = vec![TurnChange::Whole(turn(position, answer))];
    let head = Some(Head { title: "Emma".into(), ..Head::default() });
    Saving { head, lengths: Some(vec![position + 1]), turns, ..Saving::default() }
}

fn grown(position: usize, piece: &str) -> Saving {
    let grown = TurnChange::Grown { branch: 0, position, answer: piece.to_owned(), thoughts: String::new() };
    Saving { turns: vec![grown], ..Saving::default() }
}

/// Saves turns of 20 pieces without an end, and prints the number of the conversation, then a line for each piece.
#[test]
#[ignore = "is started by other tests"]
fn a_writer_for_the_other_tests() {
    let (Ok(folder), Ok(token)) = (std::env::var(FOLDER), std::env::var(TOKEN)) else { return };
    let mut database = Database::open(Path::new(&folder)).expect("opened");
    let mut target = Target::New;
    for position in 0.. {
        let mut answer = String::new();
        let id = database.save(target, writer(&token), &asked(position, String::new())).expect("saved");
        if target == Target::New {
            println!("\nconversation {id}");
        }
        target = Target::Own(id);
        for piece in 0..20 {
            let piece = format!("{position}.{piece} ");
            database.save(target, writer(&token), &grown(position, &piece)).expect("saved");
            println!("saved {piece}");
            answer += &piece;
            thread::sleep(PAUSE);
        }
        database.save(target, writer(&token), &asked(position, answer)).expect("saved");
    }
}

fn started(folder: &Path, token: &str) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", WRITER, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(TOKEN, token)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// From when the time of a writer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    FromStart,
    /// On a busy machine three writers may take seconds until each had its first turn.
    FromFirstPiece,
}

/// Kills the writer after `time`. Returns its conversation, and the pieces that it said were saved.
fn killed(mut child: Child, counting: Counting, time: Duration) -> (Option<i64>, Vec<String>) {
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let (saves, saving) = channel();
    let reader = thread::spawn(move || {
        let mut lines = Vec::new();
        for line in out.lines().map_while(Result::ok) {
            if line.starts_with("saved ") {
                let _ = saves.send(());
            }
            lines.push(line);
        }
        lines
    });
    if counting == Counting::FromFirstPiece {
        saving.recv_timeout(LONGEST_WAIT).expect("it saves");
    }
    thread::sleep(time);
    child.kill().expect("it runs");
    child.wait().expect("it ended");
    let lines = reader.join().expect("it reads");
    let id = lines.iter().find_map(|line| line.strip_prefix("conversation ")?.parse().ok());
    // The last line may be cut.
    let whole = lines.iter().filter_map(|line| line.strip_prefix("saved ")).filter(|piece| piece.ends_with(' '));
    (id, whole.map(str::to_owned).collect())
}

fn text_of(database: &mut Database, id: i64) -> String {
    database.turns(id).expect("turns").into_iter().map(|turn| turn.answer).collect()
}

/// A number that differs from round to round, below `end`.
fn scattered(round: u64, end: u64) -> u64 {
    (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) % end
}

#[test]
fn what_was_saved_when_a_writer_is_killed_is_there() {
    let home = tempfile::tempdir().expect("a folder");
    let mut said = 0;
    for round in 0..25 {
        let time = Duration::from_millis(20 + scattered(round, 300));
        let (id, pieces) = killed(started(home.path(), &format!("writer {round}")), Counting::FromStart, time);
        let mut database = Database::open(home.path()).expect("whole");
        assert_eq!(database.note(), None, "round {round}");
        let Some(id) = id else { continue };
        let text = text_of(&mut database, id);
        assert!(text.starts_with(&pieces.concat()), "round {round}: {} pieces are not in {text}", pieces.len());
        said += pieces.len();
    }
    assert!(said > 100, "only {said} pieces were saved in all rounds");
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let children = ["one", "two", "three"].map(|token| started(home.path(), token));
    let ends: Vec<_> = children
        .into_iter()
        .map(|child| thread::spawn(|| killed(child, Counting::FromFirstPiece, Duration::from_millis(500))))
        .collect();
    let mut database = Database::open(home.path()).expect("whole");
    for end in ends {
        let (id, pieces) = end.join().expect("it ends");
        let text = text_of(&mut database, id.expect("it had begun"));
        assert!(text.starts_with(&pieces.concat()) && !pieces.is_empty(), "{} pieces are not in {text}", pieces.len());
    }
}

/// A limit on the size of files stands for a full disk: writing fails in the middle of a save. The limit is for a whole process, and instead
/// of a signal, which a shell has it ignore, writing gets an error.
#[test]
fn without_room_nothing_half_is_saved_and_it_goes_on_once_there_is_room() {
    let test = std::env::current_exe().expect("this test");
    let home = tempfile::tempdir().expect("a folder");
    let ended = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact without_room_in_a_process_of_its_own --ignored --nocapture"])
        .arg(test)
        .env(FOLDER, home.path())
        .output()
        .expect("a shell");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(String::from_utf8_lossy(&ended.stdout).contains("1 passed"));
}

#[test]
#[ignore = "is started by another test"]
fn without_room_in_a_process_of_its_own() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let mut database = Database::open(Path::new(&folder)).expect("opened");
    let id = database.save(Target::New, writer("ada"), &asked(0, "It is.".into())).expect("saved");
    let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).expect("a limit");
    setrlimit(Resource::RLIMIT_FSIZE, 400 << 10, hard).expect("a lower limit");
    let mut saved = 0;
    let failed = (1..10_000).find_map(|position| {
        let save = database.save(Target::Own(id), writer("ada"), &asked(position, "x".repeat(4_000)));
        saved = if save.is_ok() { position } else { saved };
        save.err()
    });
    setrlimit(Resource::RLIMIT_FSIZE, soft, hard).expect("the limit before");
    assert!(matches!(failed, Some(SaveError::Failed(Error::Sqlite { .. }))), "{failed:?}");
    assert_eq!(database.turns(id).expect("turns").len(), saved + 1);
    database.save(Target::Own(id), writer("ada"), &asked(saved + 1, "It was.".into())).expect("there is room again");
    drop(database);
    let mut database = Database::open(Path::new(&folder)).expect("whole");
    assert_eq!((database.turns(id).expect("turns").len(), database.note()), (saved + 2, None));
}
