//! Disks that are full or broken in the middle of a write: what was said to be kept is there afterwards, what is not is told, and no half file
//! lies under its name.
//!
//! Every write, sync and rename fails in turn, once or from then on. Writers are this test binary, started again on the test that is called
//! [`WRITER`], or the program. The program makes hundreds of such calls in a run, of which one in so many fails here; with
//! `LUNETTE_EVERY_CALL=1` each does.
#![cfg(target_os = "linux")]

mod support {
    pub(crate) mod binary;
    pub(crate) mod failing_disk;
    pub(crate) mod gguf;
    pub(crate) mod hub;
    pub(crate) mod preloaded;
    pub(crate) mod scripted_model;
}

use std::fs;
use std::path::Path;
use std::process::Command;

use lunette::settings::add_preset;
use lunette::store::blocks::{About, BlockKey, BlockName, PartOf, Store};
use lunette::store::sessions::{Documents, Head, Saving, Target, Turn, TurnChange, Writer};
use lunette::store::{Database, RecentDocument, Remembered};
use lunette::swaa::{Preset, RecipeSpec};
use support::binary::{Home, Ran};
use support::failing_disk::{FailingDisk, Fails, failures};
use support::hub::{Hub, Repository};
use support::scripted_model::{self, CHATML};

const WRITER: &str = "a_writer_for_the_other_tests";
const TASK: &str = "LUNETTE_TEST_TASK";
const FOLDER: &str = "LUNETTE_TEST_FOLDER";

/// Does what the variables say, and prints a line for each thing: `kept WHAT`, or `refused WHAT: why`.
#[test]
#[ignore = "is started by other tests"]
fn a_writer_for_the_other_tests() {
    let (Ok(task), Ok(folder)) = (std::env::var(TASK), std::env::var(FOLDER)) else { return };
    let folder = Path::new(&folder);
    match task.as_str() {
        "preset" => told("preset", add_preset(&folder.join("config.toml"), &preset())),
        "block" => told("block", write_block(folder)),
        "session" => write_session(folder),
        other => panic!("no task {other}"),
    }
}

#[allow(clippy::print_stdout, reason = "the test that started this process reads it")]
fn told<T, E: std::fmt::Display>(what: &str, done: Result<T, E>) {
    match done {
        Ok(_) => println!("\nkept {what}"),
        Err(why) => println!("\nrefused {what}: {why}"),
    }
}

fn preset() -> Preset {
    Preset {
        name: "mine".into(),
        key: None,
        summary: "full".into(),
        recipe: Some(RecipeSpec::FULL),
        cot: None,
        has_own_adapters: false,
    }
}

const NAME: BlockName = BlockName {
    start: 0,
    tokens: 3,
    call_tokens: 3,
    parent: BlockKey::ROOT,
    key: BlockKey([7; 16]),
    part: PartOf::Document,
};
const GROUP: &str = "0123456789abcdef0123456789abcdef";

fn write_block(folder: &Path) -> std::io::Result<u64> {
    let about =
        About { model: "tiny".into(), file: "/m.gguf".into(), cache_type: "f16".into(), library: "none".into() };
    Store::at(folder.to_owned()).group(GROUP).write(&NAME, b"head", &vec![1; 100_000], &about)
}

const QUESTION: &str = "Who is Mr. Collins?";

fn write_session(folder: &Path) {
    let mut database = match Database::open(folder) {
        Ok(database) => database,
        Err(error) => return told::<(), _>("database", Err(error)),
    };
    let writer = Writer { token: "a window", folder: "/", now_s: 1 };
    let turn = Turn { kind: "question".into(), question: QUESTION.into(), detail: "{}".into(), ..Turn::default() };
    let asked = Saving {
        head: Some(Head { title: "Emma".into(), ..Head::default() }),
        documents: Some(Documents { names: vec!["/emma.txt".into()], detail: "{}".into() }),
        turns: vec![TurnChange::Whole(turn)],
        ..Saving::default()
    };
    let saved = database.save(Target::New, writer, &asked);
    let target = saved.as_ref().ok().map(|id| Target::Own(*id));
    told("turn", saved);
    if let Some(target) = target {
        let piece = TurnChange::Grown { branch: 0, position: 0, answer: "A clergyman".into(), thoughts: String::new() };
        told("piece", database.save(target, writer, &Saving { turns: vec![piece], ..Saving::default() }));
    }
    told("question", database.add_question(QUESTION));
    let recent = RecentDocument { names: vec!["/emma.txt".into()], title: "Emma".into(), opened_s: 1, tokens: None };
    told("recent", database.add_recent(&recent));
    told("place", database.put_place("a text", &Remembered { title: "Emma".into(), byte: 3, marks: [].into() }));
}

/// What the writer said of `task` in `folder`, line by line.
fn written(disk: &FailingDisk, fails: Fails, task: &str, folder: &Path) -> Vec<String> {
    let output = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", WRITER, "--ignored", "--nocapture"])
        .envs(disk.variables(fails))
        .env(TASK, task)
        .env(FOLDER, folder)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{fails:?}: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("text");
    said.lines().filter(|line| line.starts_with("kept ") || line.starts_with("refused ")).map(str::to_owned).collect()
}

/// Runs `task` in new folders that `begin` prepares, with every failure in turn, and has `check` look at each folder.
fn with_every_failure(task: &str, begin: impl Fn(&Path), check: impl Fn(&Path, &[String], &str)) {
    let scratch = tempfile::tempdir().expect("a folder");
    let run = |fails: Fails| {
        let folder = tempfile::tempdir().expect("a folder");
        begin(folder.path());
        let disk = FailingDisk::new(folder.path(), scratch.path());
        let said = written(&disk, fails, task, folder.path());
        assert!(!said.is_empty(), "{fails:?}: nothing was said");
        check(folder.path(), &said, &format!("{fails:?}: {said:?}"));
        (disk.calls(), said)
    };
    let (calls, said) = run(Fails::Nothing);
    assert!(calls > 2 && said.iter().all(|line| line.starts_with("kept ")), "{calls} calls: {said:?}");
    let refused =
        failures(calls, 1).filter(|&fails| run(fails).1.iter().any(|line| line.starts_with("refused "))).count();
    assert!(refused > 0, "no failure of {calls} calls was noticed");
}

fn was_kept(said: &[String], what: &str) -> bool {
    said.iter().any(|line| *line == format!("kept {what}"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_configuration_is_the_old_one_or_the_new_one() {
    let before = "# mine\ntheme = \"dark\"\n";
    let begin = |folder: &Path| fs::write(folder.join("config.toml"), before).expect("written");
    with_every_failure("preset", begin, |folder, said, what| {
        let now = fs::read_to_string(folder.join("config.toml")).expect("it is there");
        let is_new = now.starts_with(before) && now.contains("[presets.mine]");
        assert!(if was_kept(said, "preset") { is_new } else { now == before }, "{what}: {now}");
        assert_eq!(names(folder), ["config.toml"], "{what}");
    });
}

#[test]
fn a_block_is_whole_or_not_there() {
    with_every_failure(
        "block",
        |_| (),
        |folder, said, what| {
            let verified = Store::at(folder.to_owned()).verify(|_| ()).expect("it is looked through");
            let expected = usize::from(was_kept(said, "block"));
            assert_eq!((verified.whole, verified.dropped), (expected, vec![]), "{what}");
            let unfinished = folder.join(GROUP).read_dir().into_iter().flatten().flatten();
            let unfinished = unfinished.filter(|file| file.file_name().to_string_lossy().starts_with('.')).count();
            assert_eq!(unfinished, 0, "{what}");
        },
    );
}

#[test]
fn what_was_saved_of_a_conversation_is_there() {
    with_every_failure(
        "session",
        |_| (),
        |folder, said, what| {
            let mut database = Database::open(folder).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(database.note(), None, "{what}");
            let turns = database
                .sessions()
                .expect("a list")
                .first()
                .map_or(vec![], |first| database.turns(first.id).expect("turns"));
            let there = [
                ("turn", turns.first().is_some_and(|turn| turn.question == QUESTION)),
                ("piece", turns.first().is_some_and(|turn| turn.answer == "A clergyman")),
                ("question", database.questions().expect("a list") == [QUESTION]),
                ("recent", database.recent().expect("a list").len() == 1),
                ("place", database.place("a text").expect("read").is_some()),
            ];
            for (kind, is_there) in there {
                assert!(is_there || !was_kept(said, kind), "{kind} was lost: {what}");
            }
        },
    );
}

/// One in so many calls of the program fails.
fn step(calls: u64, runs: u64) -> u64 {
    if std::env::var_os("LUNETTE_EVERY_CALL").is_some() { 1 } else { (calls / runs).max(1) }
}

/// A home with a model and a document of some hundred tokens.
fn home() -> Home {
    let home = Home::new();
    scripted_model::write(&home.path("m.gguf"), "Hi.", CHATML);
    let chapters: Vec<String> = (1..=20).map(|n| format!("Chapter {n}\n\nThere are {n} cats.\n")).collect();
    home.file("book.txt", &chapters.join("\n"));
    home
}

fn run(home: &Home, disk: &FailingDisk, fails: Fails, arguments: &[&str], stdin: &str) -> Ran {
    let variables = disk.variables(fails);
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.to_str().expect("a path in UTF-8"))).collect();
    home.run_with(arguments, &variables, stdin)
}

/// Runs the program in new homes with failures of its disk, and has `check` look at each.
fn program_with_failures(arguments: &[&str], stdin: &str, runs: u64, check: impl Fn(&Home, &Ran, &str)) {
    let scratch = tempfile::tempdir().expect("a folder");
    let run = |fails: Fails| {
        let home = home();
        let disk = FailingDisk::new(&home.path(""), scratch.path());
        let ran = run(&home, &disk, fails, arguments, stdin);
        check(&home, &ran, &format!("{fails:?}: {ran:?}"));
        disk.calls()
    };
    let calls = run(Fails::Nothing);
    assert!(calls > 5, "{calls} calls");
    for fails in failures(calls, step(calls, runs)) {
        run(fails);
    }
}

const QUIET: [&str; 10] = ["--headless", "-p", "hi", "-m", "m.gguf", "--preset", "full", "-t", "1", "book.txt"];

/// Speeds, blocks, fingerprints and the models that were tried: an answer needs none of them.
#[test]
fn an_answer_comes_whatever_cannot_be_kept() {
    program_with_failures(&QUIET, "", 4, |home, ran, what| {
        assert_eq!((ran.code, ran.out.as_str()), (0, "Hi.\n"), "{what}");
        assert!(!ran.err.contains("tracing") && !ran.err.contains("panicked"), "{what}");
        let again = home.run(&QUIET);
        assert_eq!((again.code, again.out.as_str()), (0, "Hi.\n"), "{what}, then {again:?}");
        let verified = home.run(&["cache", "verify"]);
        assert!(verified.code == 0 && verified.out.contains(" 0 dropped"), "{what}, then {verified:?}");
    });
}

#[test]
fn a_conversation_is_saved_or_that_it_is_not_is_told() {
    let plain = ["--plain", "-m", "m.gguf", "--preset", "full", "-t", "1", "--no-cache", "book.txt"];
    program_with_failures(&plain, "hi\n", 5, |home, ran, what| {
        assert!(ran.code == 0 && ran.out.contains("Hi."), "{what}");
        let told = format!("{}{}", ran.out, ran.err);
        let is_told = told.contains("is not saved") || told.contains("cannot keep conversations");
        let shown = home.run(&["sessions", "show", "1"]);
        let is_saved = shown.code == 0 && shown.out.contains("Hi.");
        assert!(is_saved || is_told, "neither saved nor told: {what}, then {shown:?}");
        assert!(!shown.err.contains("damaged"), "{what}, then {shown:?}");
    });
}

#[test]
fn an_export_is_whole_or_not_there() {
    let home = home();
    let plain = ["--plain", "-m", "m.gguf", "--preset", "full", "-t", "1", "--no-cache", "book.txt"];
    assert_eq!(home.run_on(&plain, "hi\n").code, 0);
    let (out, scratch) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (file, disk) = (out.path().join("talk.md"), FailingDisk::new(out.path(), scratch.path()));
    let export = |fails: Fails| {
        let ran = run(&home, &disk, fails, &["sessions", "export", "1", file.to_str().expect("UTF-8")], "");
        let is_whole = fs::read_to_string(&file).is_ok_and(|text| text.contains("Hi."));
        assert_eq!(
            (ran.code == 0, is_whole, names(out.path()).len()),
            (is_whole, is_whole, usize::from(is_whole)),
            "{fails:?}: {ran:?}"
        );
        assert!(is_whole || ran.err.contains("cannot write "), "{fails:?}: {ran:?}");
        let _ = fs::remove_file(&file);
        disk.calls()
    };
    let calls = export(Fails::Nothing);
    assert!(calls > 2, "{calls} calls");
    for fails in failures(calls, 1) {
        export(fails);
    }
}

const FETCHED: &str = ".cache/lunette/models/ada--tiny-GGUF/tiny-q8_0.gguf";

#[test]
fn a_model_on_its_way_is_whole_or_goes_on() {
    let model = tempfile::tempdir().expect("a folder");
    scripted_model::write(&model.path().join("m.gguf"), "Hi.", CHATML);
    let bytes = fs::read(model.path().join("m.gguf")).expect("a file");
    let repository = || Repository {
        name: "ada/tiny-GGUF",
        old_name: "ada/tiny",
        path: "gguf/tiny-q8_0.gguf",
        file: bytes.clone().into(),
        token: None,
        listing: None,
    };
    let fetch = ["inspect", "--pull", "-hf", "ada/tiny-GGUF:Q8_0", "book.txt"];
    let scratch = tempfile::tempdir().expect("a folder");
    let run_with = |fails: Fails| {
        let (home, hub) = (Home::new(), Hub::start(repository(), &[]));
        home.file("book.txt", "It is a truth.");
        let disk = FailingDisk::new(&home.path(""), scratch.path());
        let mut variables = disk.variables(fails);
        variables.push(("HF_ENDPOINT", hub.endpoint.clone().into()));
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.to_str().expect("UTF-8"))).collect();
        let ran = home.run_with(&fetch, &variables, "");
        let there = fs::read(home.path(FETCHED)).ok();
        assert!(there.as_ref().is_none_or(|there| *there == bytes), "half a model under its name: {fails:?}: {ran:?}");
        assert!(there.is_some() || ran.code == 5 && ran.err.contains("tiny-q8_0.gguf"), "{fails:?}: {ran:?}");
        let again = home.run_with(&fetch, &[("HF_ENDPOINT", &hub.endpoint)], "");
        assert_eq!((again.code, fs::read(home.path(FETCHED)).ok()), (0, Some(bytes.clone())), "{fails:?}: {again:?}");
        disk.calls()
    };
    let calls = run_with(Fails::Nothing);
    for fails in failures(calls, step(calls, 3)) {
        run_with(fails);
    }
}
