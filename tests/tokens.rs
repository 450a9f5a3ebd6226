//! Tokens by all cores are the tokens of the whole: over every vocabulary that llama.cpp brings cases for, and over documents.
//!
//! The vocabularies are llama.cpp's `models/ggml-vocab-*.gguf`, each with 47 texts and their tokens; `make vocabularies` fetches them into
//! `target/vocabularies`. A text is put to the test as it is, and again among enough others that it is cut.

mod support {
    pub(crate) mod models;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lunette::chat::{ChatTemplate, Moment, PromptRequest, SystemPrompt, Turn, build_prompt};
use lunette::document::{Input, PRIDE_AND_PREJUDICE, ReadOptions, load};
use lunette::engine::Vocabulary;
use lunette::engine::message::{CacheShape, ModelInfo, Prompt};
use lunette::swaa::cost::PrefillCost;
use lunette::swaa::{ChainOfThought, ModelLayers};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Where `make vocabularies` puts them.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/vocabularies")
}

/// The vocabularies with their names; those that llama.cpp itself refuses are none.
fn vocabularies() -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(folder()).expect("`make vocabularies` fetches them");
    let paths = files.map(|file| file.expect("a file").path());
    let mut all: Vec<(String, PathBuf)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "gguf"))
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path))
        .collect();
    all.sort();
    assert!(all.len() >= 15, "{} vocabularies in {}", all.len(), folder().display());
    all
}

/// llama.cpp's own cases: a text, and its tokens.
fn cases(vocabulary: &Path) -> Vec<(String, Vec<i32>)> {
    let beside = |ending: &str| fs::read_to_string(format!("{}.{ending}", vocabulary.display()));
    let (Ok(texts), Ok(tokens)) = (beside("inp"), beside("out")) else { return Vec::new() };
    let texts = texts.split("\n__ggml_vocab_test__\n").map(str::to_owned);
    let tokens = tokens.lines().map(|line| line.split_whitespace().map(|id| id.parse().expect("a number")).collect());
    texts.zip(tokens).collect()
}

/// Fails unless the quick way gives what llama.cpp gives for the whole, with places that lead through the whole text.
fn assert_same(name: &str, vocabulary: &Vocabulary, text: &str) {
    let (quick, whole) = (vocabulary.numbers(text), vocabulary.reference(text));
    if let Some(at) = quick.iter().zip(&whole).position(|(quick, whole)| quick != whole) {
        panic!("{name}: token {at} is {} and should be {}", quick[at], whole[at]);
    }
    assert_eq!(quick.len(), whole.len(), "{name}");
    if let Some(tokens) = vocabulary.tokens(text) {
        assert_eq!((tokens.len(), tokens.count_in(0..text.len())), (whole.len(), whole.len()), "{name}");
    }
}

/// All documents that come with the sources, and sources.
fn documents() -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| {
        let document = load(&[Input::Path(here.join(path))], &ReadOptions::default(), &mut std::io::empty());
        document.map(|document| document.text).expect("a folder of text")
    };
    let fixtures = fs::read_dir(here.join("tests/fixtures/documents")).expect("the fixtures");
    let fixtures = fixtures.filter_map(|file| {
        let input = Input::Path(file.expect("a file").path());
        load(&[input], &ReadOptions::default(), &mut std::io::empty()).ok().map(|document| document.text)
    });
    [PRIDE_AND_PREJUDICE.to_owned(), read("src"), read("tests"), CHINESE.repeat(9_000), JAPANESE.repeat(9_000)]
        .into_iter()
        .chain(fixtures)
        .collect()
}

/// Templates with marks, with words in brackets, with and without white space at the edges.
const TEMPLATES: [&str; 5] = [
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n",
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %} {{ m.content }}</s>{% endif %}{% endfor %}",
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}<|assistant|>\n",
    "{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content | trim }}<end_of_turn>\n{% endfor %}<start_of_turn>model\n",
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n\n{% endfor %}assistant:",
];

/// Documents and questions. The documents end in a letter: at other ends, a tokeniser may join the line end behind it,
/// which belongs to the question here.
const TALKS: [(&str, &str); 4] = [
    ("It was red", "x"),
    ("  1. It was red.\n  2. It was 12 m high", "What was red, and why?"),
    ("fn main() {\n    println!(\"a\");\n} // main", "12 + 3?"),
    ("吾輩は猫である", "名前は？"),
];

fn model_with(template: &str) -> ModelInfo {
    ModelInfo {
        path: PathBuf::from("m.gguf"),
        name: "m".into(),
        called: None,
        quantisation: None,
        repacked_bytes: 0,
        architecture: "llama".into(),
        layers: ModelLayers::All(4),
        train_context_tokens: 8192,
        stretched_from: None,
        vocab_tokens: 100,
        cache: CacheShape::plain(1),
        model_bytes: 1,
        load_time: Duration::ZERO,
        chat_template: Some(template.into()),
        turn_marks: lunette::engine::message::TurnMarks::default(),
        bos_text: "<s>".into(),
        eos_text: "</s>".into(),
        sliding_refused: None,
        sampling: lunette::engine::message::SamplingPatch::default(),
        without_gpu: None,
        prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: None },
        patch_stamp: String::new(),
        devices: Vec::new(),
        offloaded_layers: 0,
        server: None,
        context: lunette::engine::config::ContextSize::Fit,
        heads: lunette::engine::message::HeadsKnown::default(),
        runs_on: None,
    }
}

/// The prompt of a second question about `document`.
fn prompt_of(template: &str, document: &str, question: &str) -> Prompt {
    let template = ChatTemplate::of(&model_with(template), Moment(0));
    let turns = [Turn { question: "And before?".into(), answer: "It was blue.".into() }];
    let request = PromptRequest {
        template: &template,
        system: &SystemPrompt::Absent,
        title: "",
        document: &document.into(),
        front: None,
        turns: &turns,
        question: Some(&question.into()),
        cot: ChainOfThought::Auto,
    };
    build_prompt(&request).expect("the template renders").0
}

#[test]
#[ignore = "needs the vocabularies: `make vocabularies`"]
fn a_prompt_in_parts_has_llama_cpps_own_tokens() {
    let mut wrong = Vec::new();
    for (name, path) in vocabularies() {
        // WordPiece and Unigram are for embeddings.
        let Ok(vocabulary) = Vocabulary::open(&path) else { continue };
        if name.contains("bert") {
            continue;
        }
        for (number, template) in TEMPLATES.iter().enumerate() {
            for (document, question) in TALKS {
                let prompt = prompt_of(template, document, question);
                let whole: String = prompt.parts.iter().map(|part| &*part.text).collect();
                let (ours, reference) = (vocabulary.prompt_numbers(&prompt), vocabulary.prompt_reference(&whole));
                if ours != reference {
                    let at = ours.iter().zip(&reference).position(|(ours, reference)| ours != reference);
                    wrong.push(format!(
                        "{name}, template {number}, {question}: {} for {} from {at:?}",
                        ours.len(),
                        reference.len()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} prompts:\n{}", wrong.len(), wrong.join("\n"));
}

const CHINESE: &str = "道可道，非常道。名可名，非常名。\n無名天地之始，有名萬物之母。故常無欲，以觀其妙 12 34。\n";
const JAPANESE: &str = "吾輩は猫である。名前はまだ無い。どこで生れたか、とんと見当がつかぬ。ヴァイオリンの音。\n\n";

#[test]
#[ignore = "needs the vocabularies: `make vocabularies`"]
fn llama_cpps_own_cases_have_llama_cpps_own_tokens() {
    let mut checked = 0;
    for (name, path) in vocabularies() {
        let cases = cases(&path);
        if cases.is_empty() {
            continue;
        }
        let vocabulary = Vocabulary::open(&path).expect("llama.cpp brings it");
        for (text, tokens) in &cases {
            assert_eq!(&vocabulary.numbers(text), tokens, "{name}: {text:?}");
            checked += 1;
        }
        // The same texts in one that is long enough to be cut.
        let all = cases.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("\nand then\n");
        assert_same(&name, &vocabulary, &all.repeat(400));
    }
    assert!(checked >= 47 * 12, "{checked} cases");
}

#[test]
#[ignore = "needs the vocabularies: `make vocabularies`"]
fn documents_have_the_tokens_of_the_whole_under_every_vocabulary() {
    let documents = documents();
    for (name, vocabulary) in byte_level() {
        for text in &documents {
            assert_same(&name, &vocabulary, text);
        }
    }
}

/// So many of llama.cpp's vocabularies are byte-level ones that it opens.
const BYTE_LEVEL: usize = 13;

/// The vocabularies that are cut, those that llama.cpp itself refuses left out. One of another kind takes its time over a book.
fn byte_level() -> Vec<(String, Vocabulary)> {
    let paths = vocabularies().into_iter().filter(|(name, _)| is_byte_level(name));
    let opened = paths.filter_map(|(name, path)| Some((name, Vocabulary::open(&path).ok()?)));
    let all: Vec<(String, Vocabulary)> = opened.collect();
    assert!(
        all.len() >= BYTE_LEVEL,
        "only {} open: {:?}",
        all.len(),
        all.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    all
}

fn is_byte_level(name: &str) -> bool {
    !["bert", "spm", "phi-3", "baichuan", "nomic", "gemma"].iter().any(|other| name.contains(other))
}

/// Words, numbers, marks and white space of many scripts, in any order.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        4 => "[a-zA-Z]{1,8}",
        2 => "[ \n]{1,3}",
        1 => "[ \t\r\n\u{a0}\u{3000}\u{200b}]{1,4}",
        1 => "[0-9]{1,5}",
        1 => "[.,;:!?'\"(){}<>/\\\\-]{1,3}",
        1 => "'(s|t|re|ve|LL|D)",
        1 => "[猫漢字かなカナ。、，！]{1,6}",
        1 => "\\PC{1,6}",
    ];
    prop::collection::vec(piece, 1..400)
}

#[test]
#[ignore = "needs the vocabularies: `make vocabularies`"]
fn random_text_has_the_tokens_of_the_whole() {
    for (name, vocabulary) in byte_level() {
        let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
        let put_to_the_test = |pieces: Vec<String>| {
            // Turned by one piece each time, so that cuts fall everywhere.
            let turned = |by: usize| pieces.iter().cycle().skip(by).take(pieces.len()).map(String::as_str);
            let text: String = (0..240).flat_map(turned).collect();
            assert_same(&name, &vocabulary, &text);
            Ok(())
        };
        runner.run(&pieces(), put_to_the_test).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
#[ignore = "needs the models: `make test` fetches them"]
fn the_test_models_give_a_book_the_tokens_of_the_whole() {
    for name in ["smollm2-135m", "qwen2.5-coder-0.5b"] {
        let vocabulary = Vocabulary::open(&support::models::model(name)).expect("the file is whole");
        for text in documents() {
            assert_same(name, &vocabulary, &text);
        }
        assert!(vocabulary.tokens(PRIDE_AND_PREJUDICE).is_some(), "{name}: every token of the book has its place");
    }
}
