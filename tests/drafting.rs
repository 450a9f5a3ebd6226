//! Drafts never change an answer: the real binary with a model whose logits don't depend on the size of a call, so that what is
//! written has to be the same to the byte, greedy or sampled.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod scripted_model;
}

use serde_json::Value;
use support::binary::Home;
use support::scripted_model;

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// A home with a model that goes round in the letters, and a document that is full of them.
fn home() -> Home {
    let home = Home::new();
    scripted_model::write_wandering(&home.path("m.gguf"), LETTERS);
    home.file("book.txt", &format!("{LETTERS}.\n[\"abc\", \"xyz\"]\n").repeat(40));
    home
}

/// The answer as `--json` tells it.
fn ask(home: &Home, drafting: &str, flags: &[&str]) -> Value {
    let line = ["--json", "-p", "say the letters", "-m", "m.gguf", "--preset", "full", "--draft", drafting, "book.txt"];
    let ran = home.run(&[&line[..], flags].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|why| panic!("{why}: {ran:?}"))
}

/// What must not depend on drafts.
fn told(answer: &Value) -> [&Value; 4] {
    [&answer["answer"], &answer["finish"], &answer["reasoning"], &answer["tokens"]["generated"]]
}

/// Asks with and without drafts. Returns how many tokens were drafted and accepted in all.
fn compare(home: &Home, flags: &[&str]) -> [u64; 2] {
    let off = ask(home, "off", flags);
    assert_eq!((&off["tokens"]["drafted"], &off["tokens"]["accepted"]), (&Value::from(0), &Value::from(0)));
    let mut counts = [0, 0];
    for drafting in ["auto", "1", "6", "15"] {
        let with = ask(home, drafting, flags);
        assert_eq!(told(&with), told(&off), "{drafting}: {flags:?}");
        for (sum, name) in counts.iter_mut().zip(["drafted", "accepted"]) {
            *sum += with["tokens"][name].as_u64().expect("a count");
        }
    }
    counts
}

#[test]
fn a_greedy_answer_is_the_same_and_most_of_it_is_drafted() {
    let [drafted, accepted] = compare(&home(), &["-n", "120", "--allow-repetition"]);
    assert!(accepted > 250 && accepted * 10 > drafted * 9, "{accepted} of {drafted}");
}

#[test]
fn a_sampled_answer_is_the_same_for_the_same_seed() {
    let home = home();
    let mut counts = [0, 0];
    for seed in ["1", "2"] {
        let wild = ["-n", "150", "--seed", seed, "--temp", "1", "--top-k", "0", "--top-p", "1", "--min-p", "0"];
        let penalised = ["--repeat-penalty", "1.1", "--repeat-last-n", "30"];
        for flags in [&wild[..], &[&wild[..], &penalised].concat()] {
            let these = compare(&home, flags);
            counts = [counts[0] + these[0], counts[1] + these[1]];
        }
    }
    let [drafted, accepted] = counts;
    assert!(accepted > 100 && accepted < drafted, "some are accepted and some are not: {accepted} of {drafted}");
}

#[test]
fn stop_strings_repetition_and_schemas_hold() {
    let home = home();
    compare(&home, &["-n", "120", "--stop", "pqr"]);
    compare(&home, &["-n", "-1"]);
    let schema = r#"{"type": "array", "items": {"enum": ["abc", "xyz"]}, "minItems": 4, "maxItems": 9}"#;
    let schema = home.file("schema.json", schema);
    let [_, accepted] = compare(&home, &["-n", "120", "--schema", schema.to_str().expect("a path in UTF-8")]);
    assert!(accepted > 0);
}
