//! `--question-first`: the question before the document as well as behind it. The real binary with a model that has a token for each byte,
//! so that every count can be told.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod scripted_model;
}

use serde_json::Value;
use support::binary::{Home, Ran};
use support::scripted_model::{self, CHATML};

const SYSTEM: &str = "Read it.";
const CHAPTER: &str = "# The ferry\n\nThe ferry crossed at noon. Nobody saw who was on board of it.\n\n";

/// A home with a model that answers `Hi.`, and a document of 40 chapters.
fn home() -> Home {
    let home = Home::new();
    scripted_model::write(&home.path("m.gguf"), "Hi.", CHATML);
    home.file("book.md", &CHAPTER.repeat(40));
    home
}

/// The tokens of `question` before a document, with all that stands before it.
fn front_tokens(question: &str) -> u64 {
    let marks = ["<|im_start|>", "<|im_end|>", "<|im_start|>"].len();
    (marks + "system\n".len() + SYSTEM.len() + "\nuser\n".len() + question.len() + "\n\n".len()) as u64
}

fn run(home: &Home, flags: &[&str]) -> Ran {
    home.run(&[&["-m", "m.gguf", "--system-prompt", SYSTEM], flags].concat())
}

/// The objects that a run prints, one on each line.
fn objects(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {ran:?}"))).collect()
}

fn count(object: &Value, name: &str) -> u64 {
    object["tokens"][name].as_u64().unwrap_or_else(|| panic!("{name} in {object}"))
}

#[test]
fn each_question_reads_the_document_behind_itself_and_counts_among_the_sinks() {
    let home = home();
    let ask = ["--json", "-p", "Who?", "-p", "Where?", "--preset", "fastest", "--window", "200", "book.md"];
    let plain = objects(&run(&home, &ask));
    let first = objects(&run(&home, &[&ask[..], &["--question-first"]].concat()));
    for ((plain, first), question) in plain.iter().zip(&first).zip(["Who?", "Where?"]) {
        let before = question.len() as u64 + 2;
        assert_eq!((count(plain, "front"), count(first, "front")), (0, front_tokens(question)));
        assert_eq!(count(first, "document"), count(plain, "document") + before);
        assert_eq!(count(first, "prompt"), count(plain, "prompt") + before);
        let sinks = |object: &Value| object["recipe"]["sinks"].as_u64().expect("a count");
        assert_eq!((sinks(plain), sinks(first)), (100, 100 + front_tokens(question)));
        assert_eq!((&first["answer"], &first["recipe"]["window"]), (&"Hi.".into(), &200.into()));
    }
    assert_eq!(count(&plain[1], "cached"), count(&plain[1], "document"), "questions share the document");
    assert_eq!(count(&first[1], "cached"), front_tokens("Wh") - 2, "they share what is before them");
    let again = objects(&run(&home, &[&ask[..], &["--question-first"]].concat()));
    assert_eq!(count(&again[0], "from_disk"), 0, "what no other question can use is not kept");
}

#[test]
fn a_plan_tells_the_sinks_under_each_preset() {
    let home = home();
    let flags = ["--dry-run", "--json", "-p", "Who?", "book.md"];
    let plain = objects(&run(&home, &flags)).remove(0);
    let first = objects(&run(&home, &[&flags[..], &["--question-first"]].concat())).remove(0);
    assert_eq!((count(&plain, "front"), count(&first, "front")), (0, front_tokens("Who?")));
    assert_eq!(count(&first, "prompt"), count(&plain, "prompt") + "Who?\n\n".len() as u64);
    let sinks = |object: &Value| -> Vec<(String, Option<u64>)> {
        let presets = object["presets"].as_array().expect("presets").iter();
        let sinks = |preset: &Value| preset["recipe"]["window"].as_u64().and(preset["recipe"]["sinks"].as_u64());
        presets.map(|preset| (preset["name"].to_string(), sinks(preset))).collect()
    };
    let raised: Vec<_> = sinks(&plain)
        .into_iter()
        .map(|(name, sinks)| (name, sinks.map(|sinks| sinks + front_tokens("Who?"))))
        .collect();
    assert!(raised.iter().filter(|(_, sinks)| sinks.is_some()).count() >= 6, "{raised:?}");
    assert_eq!(sinks(&first), raised);
    let words = run(&home, &["--dry-run", "-p", "Who?", "book.md", "--question-first"]);
    let told = format!("({} of them before it, which are sinks)", front_tokens("Who?"));
    assert!(words.out.contains(&told), "{words:?}");
}

#[test]
fn it_goes_with_everything_else_that_a_script_asks_for() {
    let home = home();
    let book = CHAPTER.repeat(40);
    for flags in [
        &["--preset", "full"][..],
        &["--preset", "stream"],
        &["--preset", "naive"],
        &["--ab", "full,fastest"],
        &["--within", "60s"],
        &["--pick", "400"],
        &["--cot", "prompted"],
        &["--cot", "off"],
        &["--reread", "on"],
        &["--cite"],
        &["--until", "2"],
        &["--parts", "3-5"],
    ] {
        let line = [&["--json", "--question-first", "-p", "When did the ferry cross?", "book.md"], flags].concat();
        for object in objects(&run(&home, &line)) {
            assert_eq!(count(&object, "front"), front_tokens("When did the ferry cross?"), "{flags:?}");
        }
    }
    let line = ["-m", "m.gguf", "--system-prompt", SYSTEM, "--json", "--question-first", "-p", "Who?"];
    let piped = objects(&home.run_on(&line, &book));
    assert_eq!(count(&piped[0], "front"), front_tokens("Who?"));
    home.file("notes.txt", "A ferry is a boat.");
    let named = objects(&run(&home, &["--json", "--question-first", "-p", "Is @notes.txt right?", "book.md"]));
    assert_eq!(count(&named[0], "front"), front_tokens("Is @notes.txt right?"), "what it refers to stands behind");
    let stats = run(&home, &["--stats", "--question-first", "-p", "Who?", "book.md"]);
    assert!(stats.err.contains(&format!("({} before it)", front_tokens("Who?"))), "{stats:?}");
}

#[test]
fn a_conversation_is_refused_and_so_is_no_question() {
    let home = home();
    for (flags, sentence) in [
        (&["--plain", "-p", "Who?"][..], "--question-first is about questions that stand alone"),
        (&["--continue", "-p", "Who?"], "--question-first is about questions that stand alone"),
        (&["--session", "mine", "-p", "Who?"], "--question-first is about questions that stand alone"),
        (&[], "no question"),
    ] {
        let ran = run(&home, &[&["--question-first", "book.md"], flags].concat());
        assert_eq!((ran.code, ran.err.contains(sentence)), (2, true), "{flags:?}: {ran:?}");
    }
}
