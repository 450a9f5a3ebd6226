//! What happens to readings and conversations when something goes wrong with the disk, on the real binary: nothing wrong is restored, and each
//! fault is one sentence.
//!
//! Models of a megabyte with random weights answer: whatever is wrong in their cache changes what they say. `examples/killed.rs` kills the
//! program at random moments.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    #[cfg(target_os = "linux")]
    pub(crate) mod preloaded;
    pub(crate) mod scripted_model;
    pub(crate) mod toys;
}

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use support::binary::{Home, Ran, finished};
use support::scripted_model;
use support::toys::Toy;

/// Longer than any of these takes on busy cores: whoever needs more is hung.
const PATIENCE: Duration = Duration::from_mins(3);

fn boxes(lines: usize) -> String {
    (1..=lines).map(|n| format!("Box {n} is {}.\n", ["red", "green", "blue"][n % 3])).collect()
}

/// A home with a document of about 1,000 tokens and the model `toy`.
fn home(toy: Toy) -> Home {
    let home = Home::new();
    home.file("boxes.txt", &boxes(60));
    toy.write_to(&home.path("m.gguf"));
    home
}

fn asking<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let asked = ["-p", "Which box is red?", "-n", "12", "--allow-repetition", "--json", "boxes.txt"];
    let model = ["--preset", "full", "-t", "1", "-b", "128", "-m", "m.gguf"];
    [&asked[..], &model, more].concat()
}

/// Asks about the boxes, and returns the object and what was told.
fn asked(home: &Home, more: &[&str]) -> (Value, String) {
    object(finished(home.start(&asking(more), &[]), PATIENCE))
}

fn object(ran: Ran) -> (Value, String) {
    (serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}\n{}", ran.out, ran.err)), ran.err)
}

fn counted(object: &Value, what: &str) -> u64 {
    object["tokens"][what].as_u64().expect("a count")
}

fn groups(home: &Home) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.path(".cache/lunette/kv")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn blocks(home: &Home) -> Vec<PathBuf> {
    let files = groups(home).into_iter().flat_map(|group| fs::read_dir(group).expect("a group").flatten());
    let mut blocks: Vec<PathBuf> =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ending| ending == "kv")).collect();
    blocks.sort();
    blocks
}

#[test]
fn every_block_that_is_cut_off_or_has_a_bit_flipped_is_told_and_read_again() {
    for toy in [Toy::Plain, Toy::DeltaNet] {
        let home = home(toy);
        let (truth, _) = asked(&home, &["--no-cache"]);
        asked(&home, &[]);
        let count = blocks(&home).len();
        assert!(count >= 8, "{toy:?}: {count} blocks");
        let mut unused = 0;
        for number in 0..count {
            let block = &blocks(&home)[number];
            let whole = fs::read(block).expect("a block");
            let mut bytes = whole.clone();
            let middle = bytes.len() / 2;
            if number % 2 == 0 {
                bytes.truncate(middle);
            } else {
                bytes[middle] ^= 1;
            }
            fs::write(block, bytes).expect("written");
            let (answer, notes) = asked(&home, &[]);
            assert_eq!(answer["answer"], truth["answer"], "{toy:?}, block {number}: {notes}");
            let told = notes.lines().filter(|line| {
                line.contains("of an earlier reading") || line.contains("an earlier reading cannot be used")
            });
            let is_used = counted(&answer, "from_disk") < counted(&truth, "document");
            assert_eq!(told.count(), usize::from(is_used), "{toy:?}, block {number}: {notes}");
            assert_eq!(blocks(&home).len(), count, "{toy:?}, block {number} was written anew");
            if !is_used {
                fs::write(block, whole).expect("written");
                unused += 1;
            }
        }
        // A state at window and sinks of a preset is for a switch to that preset. The same preset begins with the state at the document's end.
        assert_eq!(unused, usize::from(matches!(toy, Toy::DeltaNet)), "{toy:?}");
        assert_eq!(counted(&asked(&home, &[]).0, "from_disk"), counted(&truth, "document"), "{toy:?}");
    }
}

#[test]
fn a_clock_that_was_set_back_costs_nothing() {
    let home = home(Toy::Plain);
    let (truth, _) = asked(&home, &[]);
    for block in blocks(&home) {
        let tomorrow = SystemTime::now() + Duration::from_hours(24);
        let file = File::options().write(true).open(block).expect("a block");
        file.set_times(FileTimes::new().set_modified(tomorrow)).expect("its time is set");
    }
    let listed = home.run(&["cache", "ls"]);
    assert!(listed.out.contains("used in the future, by the clock"), "{}", listed.out);
    let (again, _) = asked(&home, &[]);
    assert_eq!((counted(&again, "from_disk"), &again["answer"]), (counted(&truth, "document"), &truth["answer"]));
}

/// The clock itself, under the program: a month back, and a month ahead again.
#[cfg(target_os = "linux")]
#[test]
fn a_conversation_goes_on_whatever_the_clock_says() {
    let home = home(Toy::Plain);
    // What it says is the same text when it is read again.
    scripted_model::write(&home.path("m.gguf"), "Hi.", scripted_model::CHATML);
    let library = support::preloaded::build("moved_clock");
    let asked_at = |moved_days: i64, question: &str| {
        let moved = (moved_days * 24 * 3600).to_string();
        let clock = [("LD_PRELOAD", library.to_str().expect("UTF-8")), ("CLOCK_MOVED_S", &moved)];
        let arguments = [&["-p", question][..], &asking(&["--headless", "--session", "talk"])[2..]].concat();
        object(finished(home.start(&arguments, &clock), PATIENCE))
    };
    let (first, _) = asked_at(0, "Which box is red?");
    let mut read = counted(&first, "prompt") + counted(&first, "generated");
    for (moved_days, question) in [(-30, "Which is green?"), (30, "Which is blue?"), (0, "Which is white?")] {
        let (next, notes) = asked_at(moved_days, question);
        assert_eq!((&next["answer"], counted(&next, "from_disk")), (&first["answer"], read), "{question}: {notes}");
        read = counted(&next, "prompt") + counted(&next, "generated");
    }
    let shown = home.run(&["sessions", "show", "talk"]).out;
    let places = ["red?", "green?", "blue?", "white?"].map(|question| shown.find(question).expect(question));
    assert!(places.is_sorted(), "{shown}");
    assert_eq!(home.run(&["sessions", "ls", "--json"]).out.lines().count(), 1);
    assert_eq!(home.run(&["cache", "verify"]).code, 0);
}

#[test]
fn another_model_cache_type_or_version_uses_nothing_and_is_used_by_nothing() {
    let home = home(Toy::Plain);
    let (truth, _) = asked(&home, &[]);
    Toy::Latent.write_to(&home.path("m.gguf"));
    let (other, _) = asked(&home, &[]);
    assert_eq!((counted(&other, "from_disk"), groups(&home).len()), (0, 2), "another model");
    Toy::Plain.write_to(&home.path("m.gguf"));
    let (quantised, _) = asked(&home, &["-ctk", "q8_0", "-ctv", "q8_0"]);
    assert_eq!((counted(&quantised, "from_disk"), groups(&home).len()), (0, 3), "another cache type");

    // The blocks of the one under the names of the other: as if their keys were the same by chance.
    let [mut of_f16, mut of_q8_0] = [PathBuf::new(), PathBuf::new()];
    for group in groups(&home) {
        let about = fs::read_to_string(group.join("about.json")).expect("it says what it is");
        match about {
            _ if about.contains("deepseek2") => {}
            _ if about.contains("q8_0") => of_q8_0 = group,
            _ => of_f16 = group,
        }
    }
    for entry in fs::read_dir(&of_f16).expect("a group").flatten() {
        fs::copy(entry.path(), of_q8_0.join(entry.file_name())).expect("copied");
    }
    let (mixed, notes) = asked(&home, &["-ctk", "q8_0", "-ctv", "q8_0"]);
    assert_eq!(mixed["answer"], quantised["answer"], "{notes}");
    assert!(notes.contains("an earlier reading cannot be used from token 0 on: cannot append tokens"), "{notes}");

    // A store of another version is another group: this one lists it, and drops it when asked to.
    let about = fs::read_to_string(of_f16.join("about.json")).expect("it says what it is");
    let library = serde_json::from_str::<Value>(&about).expect("an object")["library"].clone();
    let older = about.replace(library.as_str().expect("a stamp"), "0.0.1-older");
    fs::write(of_f16.join("about.json"), older).expect("written");
    let listed = home.run(&["cache", "ls"]);
    assert!(listed.out.contains("of another version, which cannot be used"), "{}", listed.out);
    assert_eq!(home.run(&["cache", "prune"]).code, 0);
    assert!(!of_f16.exists());
    assert_eq!(asked(&home, &[]).0["answer"], truth["answer"]);
}

/// A limit on the size of files stands for a full disk: writing fails in the middle of a block. A shell has the signal ignored, so that
/// writing gets an error.
#[test]
fn a_disk_without_room_is_told_once_and_the_answer_comes() {
    let home = home(Toy::Plain);
    let (truth, _) = asked(&home, &["--no-cache"]);
    let program = assert_cmd::cargo::cargo_bin!("lunette");
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""]).arg(program).args(asking(&[]));
    command.current_dir(home.path("")).env_clear().env("HOME", home.path(""));
    std::env::var_os("PATH").map(|path| command.env("PATH", path));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let (answer, notes) = object(finished(child, PATIENCE));
    assert_eq!(answer["answer"], truth["answer"], "{notes}");
    assert_eq!(notes.matches("this reading is not kept on disk: cannot write to ").count(), 1, "{notes}");
    assert_eq!(blocks(&home), Vec::<PathBuf>::new(), "nothing half is left");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_once_and_the_answer_comes() {
    let home = home(Toy::Plain);
    home.file("boxes.txt", &boxes(120));
    let (truth, _) = asked(&home, &["--no-cache"]);
    // Nobody can write there, whoever they are.
    let child = home.start(&asking(&[]), &[("XDG_CACHE_HOME", "/proc/self")]);
    let (answer, notes) = object(finished(child, PATIENCE));
    assert_eq!(answer["answer"], truth["answer"], "{notes}");
    assert_eq!(notes.matches("this reading is not kept on disk: cannot write to ").count(), 1, "{notes}");
}

#[test]
fn two_programs_on_one_session_and_one_store_lose_nothing() {
    let home = home(Toy::Plain);
    let (truth, _) = asked(&home, &["--no-cache"]);
    let children = [(); 2].map(|()| home.start(&asking(&["--headless", "--session", "both"]), &[]));
    let answers = children.map(|child| object(finished(child, PATIENCE)));
    let saved = home.run(&["sessions", "ls", "--json"]).out;
    let questions: u64 = saved
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("an object")["questions"].as_u64().expect("a count"))
        .sum();
    // One that begins late goes on with the other's turn, and has it, too.
    assert!(questions >= 2, "{saved}");
    let is_there = |answer: &Value| answer["answer"].as_str().is_some_and(|text| !text.is_empty());
    assert!(answers.iter().all(|(answer, _)| is_there(answer)), "{answers:?}");
    let (after, _) = asked(&home, &[]);
    assert_eq!((counted(&after, "from_disk"), &after["answer"]), (counted(&truth, "document"), &truth["answer"]));
    assert_eq!(home.run(&["cache", "verify"]).code, 0);
}

#[test]
fn a_store_that_is_deleted_while_the_program_runs_is_made_anew() {
    let home = home(Toy::DeltaNet);
    let arguments = [
        "--plain",
        "-n",
        "12",
        "--allow-repetition",
        "--preset",
        "full",
        "-t",
        "1",
        "-b",
        "128",
        "-m",
        "m.gguf",
        "boxes.txt",
    ];
    let mut child = home.start(&arguments, &[]);
    let mut input = child.stdin.take().expect("it is piped");
    writeln!(input, "Which box is red?").expect("it listens");
    let begun = SystemTime::now();
    while blocks(&home).is_empty() {
        assert!(begun.elapsed().is_ok_and(|waited| waited < PATIENCE), "nothing is kept");
        std::thread::sleep(Duration::from_millis(20));
    }
    // It may be writing there.
    while home.path(".cache/lunette/kv").exists() {
        let _ = fs::remove_dir_all(home.path(".cache/lunette/kv"));
    }
    writeln!(input, "Which box is blue?").expect("it listens");
    writeln!(input, "/quit").expect("it listens");
    drop(input);
    let ran = finished(child, PATIENCE);
    // The toy never ends an answer by itself.
    assert_eq!(ran.code, 6, "{}\n{}", ran.out, ran.err);
    assert_eq!(home.run(&["cache", "verify"]).code, 0);
    let (truth, _) = asked(&home, &["--no-cache"]);
    assert_eq!(asked(&home, &[]).0["answer"], truth["answer"]);
}

/// What is asked and answered is kept beside the reading as long as the conversation is.
#[test]
fn a_conversation_goes_on_in_another_run_for_the_cost_of_its_next_turn_and_leaves_nothing_when_it_is_removed() {
    let home = home(Toy::Plain);
    // What it says is the same text when it is read again.
    scripted_model::write(&home.path("m.gguf"), "Hi.", scripted_model::CHATML);
    let flags = ["--headless", "--session", "talk"];
    let (first, _) = asked(&home, &flags);
    let (second, _) = asked(&home, &flags);
    let (new, answer) = (counted(&second, "prefilled"), counted(&first, "generated"));
    assert_eq!(counted(&second, "from_disk"), counted(&first, "prompt") + answer, "{second}");
    assert_eq!(new, counted(&second, "prompt") - counted(&first, "prompt") - answer, "{second}");
    let of_turns = || {
        let files = groups(&home).into_iter().flat_map(|group| fs::read_dir(group).expect("a group").flatten());
        files.filter(|file| file.path().extension().is_some_and(|ending| ending == "turn")).count()
    };
    assert!(of_turns() > 0);
    let removed = home.run(&["sessions", "rm", "talk"]);
    assert_eq!((removed.code, of_turns()), (0, 0), "{}", removed.err);
    assert!(!blocks(&home).is_empty(), "the reading stays");
}
