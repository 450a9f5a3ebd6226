//! Real disks that are full, small or read-only, under the real program: each is one sentence, the answer comes, and nothing half is left.
//!
//! Each run has a disk of its own in memory (`tmpfs`), in a mount namespace that ends with it. Where the system permits no mounts, these tests
//! say so and pass. `failing_disk.rs` lets single calls fail, without mounts.
#![cfg(target_os = "linux")]

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod scripted_model;
    pub(crate) mod toys;
}

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::binary::{Home, Ran, finished};
use support::scripted_model::{self, CHATML};
use support::toys::Toy;

/// Longer than any of these takes on busy cores: whoever needs more is hung.
const PATIENCE: Duration = Duration::from_mins(3);

/// How `unshare` gets a namespace in which this user may mount; `None`, and says so, if it does not.
#[allow(clippy::print_stderr, reason = "what was left out has to be said")]
fn namespace() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    let may_mount = |way: &&&[&str]| {
        let tried = Command::new("unshare").args(**way).args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let way = WAYS.iter().find(may_mount);
    if way.is_none() {
        eprintln!("LEFT OUT: this user may not mount anything in a namespace");
    }
    way.copied()
}

/// Runs `script` in `home`, in which the program is `$0`, and its arguments are `$@`.
fn in_namespace(way: &[&str], home: &Home, script: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new("unshare");
    command.args(way).args(["bash", "-c", script]).arg(assert_cmd::cargo::cargo_bin!("lunette")).args(arguments);
    command.current_dir(home.path("")).env_clear().env("HOME", home.path(""));
    std::env::var_os("PATH").map(|path| command.env("PATH", path));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    finished(child.expect("unshare was there a moment ago"), PATIENCE)
}

fn home(toy: Toy) -> Home {
    let home = Home::new();
    let boxes = |n: usize| format!("Box {n} is {}.\n", ["red", "green", "blue"][n % 3]);
    home.file("boxes.txt", &(1..=60).map(boxes).collect::<String>());
    toy.write_to(&home.path("m.gguf"));
    for folder in [".cache", ".local/share"] {
        std::fs::create_dir_all(home.path(folder)).expect("a folder");
    }
    home
}

/// A question about some 1,000 tokens, in calls of 128.
const ASKED: [&str; 16] = [
    "-p",
    "Which box is red?",
    "-n",
    "12",
    "--allow-repetition",
    "--json",
    "boxes.txt",
    "--preset",
    "full",
    "-t",
    "1",
    "-b",
    "128",
    "-m",
    "m.gguf",
    "--headless",
];

fn without_cache(home: &Home) -> Value {
    object(&home.run(&[&ASKED[..], &["--no-cache"]].concat())).remove(0)
}

/// The objects of one run after the other.
fn object(ran: &Ran) -> Vec<Value> {
    let lines = ran.out.lines().filter(|line| line.starts_with('{'));
    let objects: Vec<Value> = lines.map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert!(!objects.is_empty(), "{ran:?}");
    objects
}

fn counted(object: &Value, what: &str) -> u64 {
    object["tokens"][what].as_u64().expect("a count")
}

/// A disk on which no more than a few files fit: writing begins, and breaks off.
#[test]
fn a_disk_that_gets_full_in_the_middle_of_a_reading_keeps_what_was_written_and_says_so_once() {
    let Some(way) = namespace() else { return };
    for toy in [Toy::Plain, Toy::DeltaNet] {
        let home = home(toy);
        let truth = without_cache(&home);
        let script = "mount -t tmpfs -o size=64g,nr_inodes=12 none .cache && { \"$0\" \"$@\"; echo first >&2; \"$0\" \"$@\"; echo second >&2; \
                      \"$0\" cache verify; find .cache -name '.*' -type f; }";
        let ran = in_namespace(way, &home, script, &ASKED);
        let (first, second) = ran.err.split_once("first\n").unwrap_or_else(|| panic!("{toy:?}: {ran:?}"));
        let told = "this reading is not kept on disk: cannot write to ";
        for notes in [first, second] {
            assert_eq!(notes.matches(told).count(), 1, "{toy:?}: {notes}");
            assert!(notes.contains("no storage space") || notes.contains("No space left"), "{toy:?}: {notes}");
        }
        let answers = object(&ran);
        assert!(answers.iter().all(|answer| answer["answer"] == truth["answer"]), "{toy:?}: {ran:?}");
        assert_eq!(counted(&answers[0], "from_disk"), 0, "{toy:?}");
        // A hybrid goes on from a state, which comes behind all blocks before it.
        let is_used = counted(&answers[1], "from_disk") > 0;
        assert!(is_used || matches!(toy, Toy::DeltaNet), "{toy:?}: {}", answers[1]);
        let (_, verified) = ran.out.rsplit_once("}\n").expect("there were objects");
        assert!(verified.contains("; 0 dropped\n") && verified.lines().count() == 1, "{toy:?}: {verified}");
    }
}

#[test]
fn a_small_disk_keeps_nothing_and_says_why() {
    let Some(way) = namespace() else { return };
    let home = home(Toy::Plain);
    let truth = without_cache(&home);
    let script =
        "mount -t tmpfs -o size=3m none .cache && \"$0\" \"$@\"; code=$?; find .cache -name '*.kv' >&2; exit $code";
    let ran = in_namespace(way, &home, script, &ASKED);
    assert_eq!(object(&ran)[0]["answer"], truth["answer"], "{ran:?}");
    assert_eq!(ran.err.matches("this reading is not kept on disk: ").count(), 1, "{ran:?}");
    assert!(ran.err.contains(" that the cache may have\n") && !ran.err.contains(".kv\n"), "{ran:?}");
}

#[test]
fn a_store_on_a_read_only_disk_is_used_and_what_is_new_is_told_not_to_be_kept() {
    let Some(way) = namespace() else { return };
    let home = home(Toy::Plain);
    let truth = without_cache(&home);
    home.run(&ASKED);
    let read_only = "mount --bind .cache .cache && mount -o remount,ro,bind .cache && \"$0\" \"$@\"";
    let again = in_namespace(way, &home, read_only, &ASKED);
    let answer = &object(&again)[0];
    assert_eq!((counted(answer, "from_disk"), &answer["answer"]), (counted(&truth, "document"), &truth["answer"]));
    assert!(!again.err.contains("not kept"), "{again:?}");
    let other = [&ASKED[..], &["--window", "256", "--sinks", "16"]].concat();
    let other = in_namespace(way, &home, read_only, &other);
    assert_eq!(object(&other)[0]["tokens"]["from_disk"], 256, "{other:?}");
    let told = "this reading is not kept on disk: cannot write to ";
    assert_eq!(other.err.matches(told).count(), 1, "{other:?}");
    assert!(other.err.to_lowercase().contains("read-only file"), "{other:?}");
    let removed = in_namespace(way, &home, read_only, &["cache", "rm", "--all"]);
    assert!(removed.code != 0 && removed.err.matches("error: cannot ").count() == 1, "{removed:?}");
    let listed = in_namespace(way, &home, read_only, &["cache", "verify"]);
    assert!(listed.code == 0 && listed.out.contains("; 0 dropped"), "{listed:?}");
}

/// Of any size: a turn is saved, or it is told that it is not, and the answer comes unless the conversation could not even begin.
#[test]
fn a_conversation_on_a_full_disk_is_saved_or_told_not_to_be() {
    let Some(way) = namespace() else { return };
    let home = home(Toy::Plain);
    scripted_model::write(&home.path("m.gguf"), "Hi.", CHATML);
    let talk = [&ASKED[..], &["--session", "talk", "--no-cache"]].concat();
    let (mut saved, mut told) = (0, 0);
    for size in ["4k", "48k", "96k", "128k", "192k", "256k", "512k", "2m"] {
        let script = format!(
            "mount -t tmpfs -o size={size} none .local/share && \"$0\" \"$@\"; echo \"code $?\"; \"$0\" sessions show talk"
        );
        let ran = in_namespace(way, &home, &script, &talk);
        let (run, shown) = ran.out.split_once("code ").unwrap_or_else(|| panic!("{size}: {ran:?}"));
        let is_saved = shown.contains("Hi.");
        let is_told = run.contains("is not saved") || ran.err.contains("is not saved");
        assert!(is_saved || is_told, "{size}: neither saved nor told: {ran:?}");
        assert!(run.contains("\"answer\":\"Hi.\"") || run.contains("\"error\":"), "{size}: {ran:?}");
        assert!(!ran.err.contains("panicked") && !ran.err.contains("damaged"), "{size}: {ran:?}");
        (saved, told) = (saved + u32::from(is_saved), told + u32::from(is_told));
    }
    assert!(saved > 0 && told > 0, "{saved} saved, {told} told: the sizes show both");
}

#[test]
fn conversations_on_a_read_only_disk_are_told_not_to_be_saved() {
    let Some(way) = namespace() else { return };
    let home = home(Toy::Plain);
    scripted_model::write(&home.path("m.gguf"), "Hi.", CHATML);
    let talk = [&ASKED[..], &["--session", "talk", "--no-cache"]].concat();
    assert_eq!(home.run(&talk).code, 0);
    let read_only = "mount --bind .local .local && mount -o remount,ro,bind .local && \"$0\" \"$@\"";
    let named = in_namespace(way, &home, read_only, &talk);
    assert!(named.code != 0 && named.out.matches("this conversation is not saved").count() == 1, "{named:?}");
    let listed = in_namespace(way, &home, read_only, &["sessions", "ls"]);
    assert_eq!((listed.code, listed.err.matches("error: cannot keep conversations in ").count()), (1, 1), "{listed:?}");
    assert!(listed.err.trim_end().ends_with("(os error 30)"), "it is about no conversation in particular: {listed:?}");
    let unnamed = in_namespace(way, &home, read_only, &[&ASKED[..], &["--no-cache"]].concat());
    assert_eq!((object(&unnamed)[0]["answer"].as_str(), unnamed.err.contains("not saved")), (Some("Hi."), false));
    assert!(home.run(&["sessions", "show", "talk"]).out.contains("Hi."), "it is as it was");
}
