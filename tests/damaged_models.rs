//! A damaged model is refused with a sentence, whatever is damaged: it never ends the process, hangs it or fills the memory.
//!
//! `cargo run --release --example damaged_models` tries every damage with the real program and prints the counts.

mod support {
    pub(crate) mod binary;
    pub(crate) mod damaged_models;
    pub(crate) mod gguf;
    pub(crate) mod hostile_templates;
    pub(crate) mod scripted_model;
}

use lunette::gguf::{self, Header};
use support::binary::{Home, Ran, sentence};
use support::damaged_models;
use support::hostile_templates;
use support::scripted_model::{self, CHATML};

/// Answers and refusals both are fine: what is not is a signal, a panic, or a hang, which fails by itself.
fn assert_told(what: &str, ran: &Ran) {
    match ran.code {
        0 | 6 | 8 => {}
        2..=5 => assert!(ran.out.is_empty() && !sentence(&ran.err).is_empty(), "{what}: {ran:?}"),
        code => panic!("{what}: exit {code}: {ran:?}"),
    }
}

/// One in so many is tried with the real program here.
const EVERY: usize = 29;

#[test]
fn a_sound_model_is_tried_once_and_answers() {
    let home = Home::new();
    let model = home.path("m.gguf");
    scripted_model::write(&model, "Hi.", CHATML);
    home.file("book.txt", "A book about cats.\n");
    for _ in 0..2 {
        let ran = home.run(&["--headless", "-p", "hi", "-m", "m.gguf", "--preset", "full", "book.txt"]);
        assert_eq!((ran.code, ran.out.as_str()), (0, "Hi.\n"), "{}", ran.err);
    }
    let remembered = std::fs::read_to_string(home.path(".local/state/lunette/tried-models.jsonl")).expect("remembered");
    assert_eq!(remembered.lines().count(), 1, "{remembered}");
}

#[test]
fn no_header_makes_the_check_panic() {
    let home = Home::new();
    let (base, model) = (home.path("base.gguf"), home.path("m.gguf"));
    scripted_model::write(&base, "Hi.", CHATML);
    Header::read(&base).and_then(|header| gguf::check(&header)).expect("the base is sound");
    let (mut sound, mut refused) = (0, 0);
    for damaged in damaged_models::all(&base) {
        damaged.write_to(&model);
        match Header::read(&model).and_then(|header| gguf::check(&header)) {
            Ok(()) => sound += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(sound > 100 && refused > 500, "{sound} are sound, {refused} refused");
}

#[test]
fn a_damaged_model_is_refused_with_a_sentence_or_answers() {
    let home = Home::new();
    let (base, model) = (home.path("base.gguf"), home.path("m.gguf"));
    scripted_model::write(&base, "Hi.", CHATML);
    home.file("book.txt", "A book about cats.\n");
    for damaged in damaged_models::all(&base).iter().step_by(EVERY) {
        damaged.write_to(&model);
        let ran = home.run(&["--headless", "-p", "hi", "-m", "m.gguf", "--preset", "full", "-n", "4", "book.txt"]);
        assert_told(&damaged.what, &ran);
    }
}

#[test]
fn a_hostile_chat_template_ends_nothing_but_itself() {
    let home = Home::new();
    home.file("book.txt", "A book about cats.\n");
    for (what, template) in hostile_templates::all() {
        scripted_model::write(&home.path("m.gguf"), "Hi.", &template);
        let ran = home.run(&["--headless", "-p", "hi", "-m", "m.gguf", "--preset", "full", "-n", "4", "book.txt"]);
        assert_told(what, &ran);
    }
}
