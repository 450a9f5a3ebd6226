//! Readings that are kept on disk, on the real binary with a real model: the same answers, nothing read twice, and no fault that shows.
//!
//! One thread computes in each: two that wait for each other at every step crawl where something else runs, too.

mod support {
    pub(crate) mod binary;
    pub(crate) mod models;
}

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use support::binary::{Home, Ran, finished};
use support::models::model;

/// Longer than any of these takes on busy cores: whoever needs more is hung.
const PATIENCE: Duration = Duration::from_mins(5);
const PRESETS: [&str; 8] = ["full", "accurate", "balanced", "quick", "fastest", "stream", "paper", "naive"];

/// A text of about `lines` × 16 tokens with a fact in each line.
fn inventory(lines: usize) -> String {
    let colours = ["red", "green", "blue", "white", "black"];
    let line = |n: usize| format!("Box number {n} in the cellar is painted {}.\n", colours[n % colours.len()]);
    (1..=lines).map(line).collect::<Vec<_>>().concat()
}

fn home(lines: usize) -> Home {
    let home = Home::new();
    home.file("cellar.txt", &inventory(lines));
    home
}

/// Starts the binary with the small model, in calls of 128 tokens.
fn started(home: &Home, arguments: &[&str]) -> Child {
    let model = model("smollm2-135m");
    let arguments = [arguments, &["-t", "1", "-b", "128", "-m", model.to_str().expect("a path in UTF-8")]].concat();
    home.start(&arguments, &[])
}

fn ran(home: &Home, arguments: &[&str]) -> Ran {
    finished(started(home, arguments), PATIENCE)
}

/// Asks about the cellar and returns the object.
fn asked(home: &Home, more: &[&str]) -> (Value, String) {
    let question = ["-p", "Which colour has box number 7?", "-n", "16", "--json", "cellar.txt"];
    let ran = ran(home, &[&question[..], more].concat());
    let object = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}\n{}", ran.out, ran.err));
    (object, ran.err)
}

fn counted(object: &Value, what: &str) -> u64 {
    object["tokens"][what].as_u64().expect("a count")
}

fn blocks(home: &Home) -> Vec<PathBuf> {
    let groups = fs::read_dir(home.path(".cache/lunette/kv")).into_iter().flatten().flatten();
    let groups = groups.filter(|entry| entry.path().is_dir());
    let files = groups.flat_map(|group| fs::read_dir(group.path()).expect("a group").flatten());
    let mut blocks: Vec<PathBuf> =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ending| ending == "kv")).collect();
    blocks.sort();
    blocks
}

#[test]
#[ignore = "needs a model"]
fn greedy_answers_from_disk_are_those_of_a_reading_under_every_preset() {
    for cache_type in ["f16", "q8_0"] {
        let home = home(60);
        for preset in PRESETS {
            let window: &[&str] = if preset == "full" { &[] } else { &["--window", "256", "--sinks", "16"] };
            let flags = [&["--preset", preset, "-ctk", cache_type, "-ctv", cache_type], window].concat();
            let (first, _) = asked(&home, &flags);
            let (second, notes) = asked(&home, &flags);
            let (never, _) = asked(&home, &[&flags[..], &["--no-cache"]].concat());
            let what = format!("{cache_type} {preset}: {notes}");
            assert_eq!(second["answer"], first["answer"], "{what}");
            assert_eq!(counted(&second, "from_disk"), counted(&second, "document"), "{what}");
            assert_eq!(
                counted(&second, "cached") + counted(&second, "prefilled"),
                counted(&second, "prompt"),
                "{what}"
            );
            assert_eq!(counted(&never, "from_disk") + counted(&never, "cached"), 0, "{what}");
            // What another preset has read in the same calls is the same, too.
            assert_eq!(never["answer"], first["answer"], "{what}");
        }
    }
}

#[test]
#[ignore = "needs a model"]
fn the_same_call_twice_reads_once_and_a_longer_document_appends() {
    let home = home(40);
    let flags = ["--preset", "full"];
    let (first, _) = asked(&home, &flags);
    let document = counted(&first, "document");
    assert_eq!((counted(&first, "from_disk"), blocks(&home).len() as u64), (0, document.div_ceil(128)));
    let (second, notes) = asked(&home, &flags);
    assert_eq!((counted(&second, "from_disk"), counted(&second, "document")), (document, document));
    assert!(notes.contains("tokens were read before; they came from disk in "), "{notes}");
    home.file("cellar.txt", &inventory(60));
    let (longer, _) = asked(&home, &flags);
    assert!(counted(&longer, "from_disk") >= document / 128 * 128, "{longer}");
    home.file("cellar.txt", &inventory(60).replacen("number 30 in", "number thirty in", 1));
    let (changed, _) = asked(&home, &flags);
    let kept = counted(&changed, "from_disk");
    assert!(kept > 0 && kept.is_multiple_of(128) && kept < counted(&longer, "from_disk"), "{changed}");
}

#[test]
#[ignore = "needs a model"]
fn what_was_read_ahead_is_there_under_each_preset() {
    let home = home(60);
    let ran = ran(&home, &["read", "cellar.txt", "--presets", "full,paper", "--json"]);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!((ran.code, lines.len()), (0, 2), "{}{}", ran.out, ran.err);
    for (line, preset) in lines.iter().zip(["full", "paper"]) {
        assert_eq!(line["preset"], preset);
        let (object, notes) = asked(&home, &["--preset", preset]);
        assert_eq!(counted(&object, "from_disk"), counted(&object, "document"), "{preset}: {notes}");
    }
}

#[test]
#[ignore = "needs a model"]
fn a_run_that_is_killed_at_any_moment_leaves_a_store_that_is_whole() {
    let home = home(60);
    let (truth, _) = asked(&home, &["--no-cache", "--preset", "full"]);
    for moment in 0..20_u64 {
        let flags = ["-p", "Which colour has box number 7?", "-n", "4", "--preset", "full", "cellar.txt"];
        let mut child = started(&home, &flags);
        thread::sleep(Duration::from_millis(100 + moment * 97));
        child.kill().expect("ours");
        child.wait().expect("ours");
        let verified = home.run(&["cache", "verify"]);
        assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    }
    let (after, _) = asked(&home, &["--preset", "full"]);
    assert_eq!(after["answer"], truth["answer"]);
}

#[test]
#[ignore = "needs a model"]
fn damaged_blocks_are_told_and_read_again() {
    let home = home(40);
    let (truth, _) = asked(&home, &["--preset", "full"]);
    let all = blocks(&home);
    for (number, spoil) in all.iter().enumerate() {
        let mut bytes = fs::read(spoil).expect("a block");
        if number % 2 == 0 {
            bytes.truncate(bytes.len() / 2);
        } else {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        fs::write(spoil, bytes).expect("written");
        let (again, notes) = asked(&home, &["--preset", "full"]);
        assert_eq!(again["answer"], truth["answer"]);
        assert_eq!(counted(&again, "from_disk"), number as u64 * 128, "{notes}");
        let told = format!("an earlier reading cannot be used from token {} on: it", number * 128);
        assert!(notes.contains(&told), "{notes}");
    }
    assert_eq!(home.run(&["cache", "verify"]).code, 0);
}

#[test]
#[ignore = "needs a model"]
fn two_programs_at_once_share_one_store() {
    let home = home(60);
    let arguments = ["-p", "Which colour has box number 7?", "-n", "16", "--json", "--preset", "full", "cellar.txt"];
    let children: Vec<Child> = (0..2).map(|_| started(&home, &arguments)).collect();
    let answers: Vec<Value> = children
        .into_iter()
        .map(|child| serde_json::from_str(&finished(child, PATIENCE).out).expect("an object"))
        .collect();
    assert_eq!(answers[0]["answer"], answers[1]["answer"]);
    let (third, _) = asked(&home, &["--preset", "full"]);
    assert_eq!((counted(&third, "from_disk"), &third["answer"]), (counted(&third, "document"), &answers[0]["answer"]));
}

#[test]
#[ignore = "needs a model"]
fn without_a_place_to_keep_it_the_answer_comes_all_the_same() {
    let home = home(100);
    fs::create_dir_all(home.path(".cache/lunette")).expect("a folder");
    home.file(".cache/lunette/kv", "in the way");
    let (object, notes) = asked(&home, &["--preset", "full"]);
    assert_eq!(counted(&object, "prefilled"), counted(&object, "prompt"));
    assert!(notes.contains("this reading is not kept on disk: cannot write to "), "{notes}");
}

#[test]
fn an_empty_cache_is_listed_checked_and_removed() {
    let home = Home::new();
    let listed = home.run(&["cache", "ls"]);
    assert!(listed.code == 0 && listed.out.starts_with("0 B in "), "{}{}", listed.out, listed.err);
    assert_eq!(home.run(&["cache", "verify"]).out, "0 blocks whole, 0 B; 0 dropped\n");
    assert_eq!(home.run(&["cache", "rm", "--all"]).out, "0 B freed, 0 B left\n");
    let path = home.run(&["cache", "path"]).out;
    assert_eq!(PathBuf::from(path.trim_end()), home.path(".cache/lunette/kv"));
    let nothing = home.run(&["cache", "rm"]);
    assert_eq!(nothing.code, 2, "{}", nothing.err);
    let object: Value = serde_json::from_str(&home.run(&["cache", "ls", "--json"]).out).expect("an object");
    assert_eq!(object["bytes"], 0);
}
