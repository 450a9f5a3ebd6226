//! Plans for a toy model with one token per word: what fits, what does not, and that proposals fit.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::*;
use crate::chat::titles::title;
use crate::chat::{ChatTemplate, Moment, PromptRequest, Source, SystemPrompt, build_prompt};
use crate::document::{ByteSpan, Document, Input, ReadOptions, load};
use crate::engine::Measured;
use crate::engine::message::{ModelInfo, Part, Prompt, SamplingPatch, Segment};
use crate::models::{HubVariables, Places};
use crate::settings::{
    Directories, LowArgs, ScreenVariables, ServerVariables, Settings, StandardInput, Surroundings, Terminal, argv,
};
use crate::swaa::cost::PrefillCost;
use crate::swaa::{Attention, ChainOfThought, ModelLayers};

/// One token per word.
struct Toy {
    info: ModelInfo,
    free_bytes: Option<u64>,
    measured: Option<Measured>,
}

impl Toy {
    fn holding(train_context_tokens: u32) -> Self {
        let info = ModelInfo {
            path: PathBuf::from("toy.gguf"),
            name: "Toy".to_owned(),
            called: None,
            quantisation: None,
            architecture: "qwen2".to_owned(),
            layers: ModelLayers::All(24),
            train_context_tokens,
            stretched_from: None,
            vocab_tokens: 100,
            cache: crate::engine::message::CacheShape::plain(1000),
            model_bytes: 1_000_000,
            repacked_bytes: 0,
            load_time: Duration::ZERO,
            chat_template: Some("{% for m in messages %}<{{ m.role }}> {{ m.content }} </>\n{% endfor %}".to_owned()),
            turn_marks: crate::engine::message::TurnMarks::default(),
            bos_text: String::new(),
            eos_text: String::new(),
            sliding_refused: None,
            sampling: SamplingPatch::default(),
            without_gpu: None,
            prefill_cost: PrefillCost { pairs_per_token: 1_500.0, token_s: None },
            patch_stamp: String::new(),
            devices: vec!["CPU".to_owned()],
            offloaded_layers: 0,
            server: None,
            context: crate::engine::config::ContextSize::Fit,
            heads: crate::engine::message::HeadsKnown::default(),
            runs_on: None,
        };
        Self { info, free_bytes: Some(1_000_000_000), measured: None }
    }

    fn with_free(mut self, bytes: u64) -> Self {
        self.free_bytes = Some(bytes);
        self
    }
}

fn words(text: &str) -> u32 {
    text.split_whitespace().count() as u32
}

impl Estimator for Toy {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn count(&self, text: &str) -> u32 {
        words(text)
    }

    fn count_each(&self, texts: &[&str]) -> Vec<u32> {
        texts.iter().map(|text| words(text)).collect()
    }

    fn count_prompt(&self, prompt: &Prompt) -> PromptTokens {
        let of = |is_counted: &dyn Fn(&Part) -> bool| {
            prompt.parts.iter().filter(|part| is_counted(part)).map(|part| words(&part.text)).sum()
        };
        PromptTokens {
            document: of(&|part| part.segment != Segment::Tail),
            front: of(&|part| part.segment == Segment::Front),
            prompt: of(&|_| true),
        }
    }

    fn count_spans(&self, text: &str, spans: &[ByteSpan]) -> Vec<u32> {
        spans.iter().map(|span| words(&text[span.start..span.end])).collect()
    }

    fn measured(&self) -> Option<Measured> {
        self.measured
    }

    fn free_bytes(&self) -> Option<u64> {
        self.free_bytes
    }
}

fn settings(line: &[&str]) -> Settings {
    let words = ["lunette", "fit"].into_iter().chain(line.iter().copied()).map(std::ffi::OsString::from);
    let low = LowArgs::try_parse_from(argv::rewrite(words)).expect("a command line");
    let folder = PathBuf::from("nowhere");
    let surroundings = Surroundings {
        stdin: StandardInput::Nothing,
        terminal: Terminal { stdin: false, stdout: false, stderr: false, color: false },
        directories: Directories {
            config: folder.clone(),
            cache: folder.clone(),
            data: folder.clone(),
            state: folder.clone(),
        },
        home: None,
        config: None,
        log_filter: String::new(),
        places: Places::new(&folder, None, HubVariables::default()),
        program: None,
        pdf_password: None,
        api_key: None,
        server: ServerVariables::default(),
        screen: ScreenVariables::default(),
    };
    Settings::resolve(low, surroundings).expect("settings that go together")
}

/// The plan that `line` asks for, of documents from `tree/`.
fn planned(line: &[&str], document: &Document, folder: Option<&str>, toy: &Toy) -> Result<Fit, Error> {
    planned_with(&SystemPrompt::Absent, line, document, folder, toy)
}

fn planned_with(
    system: &SystemPrompt,
    line: &[&str],
    document: &Document,
    folder: Option<&str>,
    toy: &Toy,
) -> Result<Fit, Error> {
    let settings = settings(line);
    let questions = settings.questions.join("\n");
    let wish = PlanRequest {
        whole: document,
        parts: settings.parts.as_deref(),
        within: settings.within,
        pick: settings.pick,
        folder,
        question: Some(questions.as_str()).filter(|text| !text.is_empty()),
        question_first: settings.question_first,
        system,
        source: &Source::Named(vec!["tree/".to_owned()]),
        reading: &settings.reading,
        engine: &settings.engine,
        answer_tokens: settings.limits.max_tokens,
        now: Moment(0),
    };
    plan(&wish, toy)
}

fn loaded(files: &[(&str, String)]) -> Document {
    let input = |(name, text): &(&str, String)| Input::Memory {
        name: (*name).to_owned(),
        bytes: text.as_bytes().to_vec().into(),
    };
    let inputs: Vec<Input> = files.iter().map(input).collect();
    load(&inputs, &ReadOptions::default(), &mut std::io::empty()).expect("text")
}

/// Chapters with these numbers of tokens, including their headings (three tokens).
fn book(chapters: &[usize]) -> Document {
    let chapter =
        |(number, tokens): (usize, &usize)| format!("# Chapter {number}\n\n{}\n\n", "word ".repeat(tokens - 3));
    loaded(&[("book.md", (1..).zip(chapters).map(chapter).collect())])
}

/// Returns the proposals' flags, after checking that the plan with each of them fits, answer included.
fn proposed(line: &[&str], document: &Document, folder: Option<&str>, toy: &Toy) -> Vec<String> {
    let fit = planned(line, document, folder, toy).expect("a plan");
    assert!(!fit.fits());
    let try_one = |proposal: &Proposal| {
        let flags: Vec<&str> = proposal.flags.split(' ').collect();
        let is_for_the_disk = proposal.flags.starts_with("--exclude")
            || proposal.flags.ends_with("QUESTION")
            || proposal.flags.starts_with("tree/");
        if !is_for_the_disk && !proposal.flags.starts_with("-ctk") {
            let instead: Vec<&str> = line.iter().copied().filter(|word| !word.starts_with("-c=")).collect();
            let again = planned(&[&instead[..], &flags[..]].concat(), document, folder, toy).expect("a plan");
            assert!(again.fits() && again.needed_tokens <= again.limit_tokens, "{proposal:?}: {again:?}");
            assert_eq!(again.tokens.prompt, proposal.tokens, "{proposal:?}");
        }
        proposal.flags.clone()
    };
    fit.proposals.iter().map(try_one).collect()
}

/// `--dry-run --within` planned the whole book, and said that it does not fit.
#[test]
fn what_a_run_would_read_within_a_time_is_planned() {
    let book = book(&[1000, 1000, 1000, 1000, 1000, 1000]);
    let mut toy = Toy::holding(32_768);
    // A token takes 10 ms with what it sees.
    toy.info.prefill_cost = PrefillCost { pairs_per_token: 1e12, token_s: Some(0.01) };
    let plan = |line: &[&str], toy: &Toy| {
        let fit = planned(line, &book, None, toy).expect("a plan");
        let numbers: Vec<usize> = fit.parts.iter().map(|cost| cost.part.number).collect();
        (fit.within.expect("a time was given"), numbers, fit.fits())
    };
    let time = Duration::from_secs(35);
    let within = WithinTime { time, parts: 3, of: 6, is_predicted: true };
    assert_eq!(plan(&["--within", "35s", "b"], &toy), (within, vec![1, 2, 3], true));
    let within = WithinTime { of: 4, ..within };
    assert_eq!(plan(&["--within", "35s", "--parts", "3-", "b"], &toy), (within, vec![3, 4, 5], true));
    // Before anything was measured, room decides: 2,048 tokens are kept for the answer.
    let within = WithinTime { parts: 5, of: 6, is_predicted: false, ..within };
    assert_eq!(plan(&["--within", "35s", "b"], &Toy::holding(7500)), (within, vec![1, 2, 3, 4, 5], true));
    assert_eq!(plan(&["--within", "1s", "b"], &toy).1, [1], "one part is always read");
}

#[test]
fn every_part_is_weighed_and_the_whole_is_the_sum_with_its_frame() {
    let fit = planned(&["-p", "Who is it?", "b"], &book(&[100, 200, 300]), None, &Toy::holding(8192)).expect("a plan");
    let weights: Vec<(u32, u64)> = fit.parts.iter().map(|part| (part.tokens, part.kv_bytes)).collect();
    assert_eq!(weights, [(100, 100_000), (200, 200_000), (300, 300_000)]);
    // <user> before the document; the question and its end after it.
    assert_eq!(fit.tokens, PromptTokens { document: 601, front: 0, prompt: 605 });
    assert_eq!((fit.needed_tokens, fit.limit_tokens, fit.fits()), (605 + 2048, 8192, true));
    assert_eq!(fit.kv_bytes, 3072 * 1000, "in steps of 1,024 tokens");
    assert_eq!((fit.predicted, fit.measured, fit.proposals), (None, None, vec![]));
}

#[test]
fn every_preset_has_its_time_once_something_was_measured() {
    let measured = Some(Measured { tokens: 5000, at: std::time::SystemTime::UNIX_EPOCH });
    let mut toy = Toy { measured, ..Toy::holding(8192) };
    // 100 tokens per second under any attention.
    toy.info.prefill_cost = PrefillCost { pairs_per_token: f64::INFINITY, token_s: Some(0.01) };
    let fit = planned(&["b"], &book(&[100, 200]), None, &toy).expect("a plan");
    assert_eq!(fit.predicted, Some(Duration::from_millis(3010)));
    let names: Vec<&str> = fit.presets.iter().map(|preset| preset.name.as_str()).collect();
    assert_eq!(names, ["full", "accurate", "balanced", "quick", "fastest", "stream", "paper", "naive"]);
    assert!(fit.presets.iter().all(|preset| preset.predicted == fit.predicted));
    let has_other_size = |preset: &&PresetCost| preset.kv_bytes != fit.kv_bytes;
    let others: Vec<&str> = fit.presets.iter().filter(has_other_size).map(|preset| preset.name.as_str()).collect();
    assert_eq!(others, ["stream", "naive"], "their memory is bounded");
}

#[test]
fn where_memory_is_bounded_any_length_fits_and_takes_as_much() {
    let kept = |toy: &Toy, tokens: usize, flags: &[&str]| {
        let line = [&["b", "--preset", "stream"], flags].concat();
        let fit = planned(&line, &book(&[tokens]), None, toy).expect("a plan");
        (fit.fits(), fit.has_room_for_answer(), fit.bounded_tokens, fit.kv_bytes)
    };
    let toy = Toy::holding(8192);
    let bounded = (true, true, Some(5632), 5632 * 1000);
    assert_eq!(kept(&toy, 100, &[]), bounded);
    assert_eq!(kept(&toy, 20_000, &[]), bounded);
    assert_eq!(kept(&toy, 20_000, &["-c", "6000"]), bounded);
    assert_eq!(kept(&toy, 20_000, &["-c", "4096"]).2, None, "not even the window has room");
    assert_eq!(kept(&toy, 20_000, &["--swa-full"]).2, None, "everything is to be kept");
    let full = planned(&["b", "--preset", "full"], &book(&[20_000]), None, &toy).expect("a plan");
    assert!(matches!(full.obstacles[..], [Obstacle::Context { .. }]), "{:?}", full.obstacles);
    let mut windowed = Toy::holding(8192);
    windowed.info.cache.class = crate::engine::message::MemoryClass::Windowed;
    assert_eq!(kept(&windowed, 20_000, &[]).2, None, "this model keeps tokens in another form");
}

#[test]
fn where_memory_is_bounded_only_a_smaller_cache_is_proposed() {
    let toy = Toy::holding(8192).with_free(5_000_000);
    let fit = planned(&["b", "--preset", "stream"], &book(&[20_000]), None, &toy).expect("a plan");
    assert!(matches!(fit.obstacles[..], [Obstacle::Memory { need_bytes: 6_632_000, .. }]), "{:?}", fit.obstacles);
    let flags: Vec<&str> = fit.proposals.iter().map(|proposal| proposal.flags.as_str()).collect();
    assert_eq!(flags, ["-ctk q8_0 -ctv q8_0"]);
}

#[test]
fn a_model_that_cannot_slide_is_read_in_full_only() {
    let mut toy = Toy::holding(8192);
    toy.info.sliding_refused = Some("it is recurrent".to_owned());
    let fit = planned(&["b"], &book(&[100, 200]), None, &toy).expect("a plan");
    let refused: Vec<bool> = fit.presets.iter().map(|preset| preset.refused.is_some()).collect();
    assert_eq!(refused, [false, true, true, true, true, true, true, true]);
}

#[test]
fn what_does_not_fit_is_refused_with_parts_that_do() {
    let document = book(&[1000, 900, 5000, 800, 700, 600]);
    let flags = proposed(&["b"], &document, None, &Toy::holding(8192));
    assert_eq!(flags, ["--parts 1-2,4-6", "--parts 1-2", "--pick 5k -p QUESTION"]);
    let with_a_question = proposed(&["-p", "Chapter 5", "b"], &document, None, &Toy::holding(8192));
    assert_eq!(with_a_question, ["--parts 1-2,4-6", "--parts 1-2", "--pick 5k"]);
}

#[test]
fn parts_that_were_chosen_are_dropped_by_their_own_numbers() {
    let document = book(&[1000, 900, 5000, 800, 700, 600]);
    let fit = planned(&["--parts", "2-5", "b"], &document, None, &Toy::holding(4096)).expect("a plan");
    let flags: Vec<&str> = fit.proposals.iter().map(|proposal| proposal.flags.as_str()).collect();
    assert_eq!(flags, ["--parts 4-5", "--parts 2", "--pick 1k -p QUESTION"]);
}

#[test]
fn a_context_chosen_too_small_is_told_the_size_that_holds_it() {
    let fit = planned(&["-c", "1000", "b"], &book(&[1000, 900, 800]), None, &Toy::holding(8192)).expect("a plan");
    assert_eq!(fit.obstacles, [Obstacle::Context { too_many: 2701 + 1 - 1000 }]);
    assert_eq!(fit.proposals[0].flags, "-c 5120");
}

#[test]
fn where_memory_is_short_a_smaller_cache_or_context_is_proposed() {
    // 1 MB of model, and room for 4 MB of cache when slightly more than 4 MB is needed.
    let toy = Toy::holding(32_768).with_free(5_000_000);
    let document = book(&[1000, 900, 800]);
    let fit = planned(&["b"], &document, None, &toy).expect("a plan");
    assert_eq!(fit.obstacles, [Obstacle::Memory { need_bytes: 5120 * 1000 + 1_000_000, free_bytes: 5_000_000 }]);
    assert_eq!(fit.proposals[0].flags, "-ctk q8_0 -ctv q8_0");
    assert_eq!(fit.proposals[0].kv_bytes, 5120 * 1000 * 34 / 64);
    let too_large = planned(&["-c", "30000", "b"], &document, None, &toy.with_free(7_000_000)).expect("a plan");
    assert_eq!(too_large.proposals[0].flags, "-c 5120");
    assert!(too_large.proposals.iter().all(|proposal| !proposal.flags.contains("q8_0")), "not enough by itself");
}

#[test]
fn of_a_folder_the_smallest_that_makes_room_is_left_out() {
    let file = |tokens: usize| "word ".repeat(tokens);
    let files = [
        ("tree/a.txt", file(500)),
        ("tree/data/x.txt", file(4000)),
        ("tree/data/y.txt", file(100)),
        ("tree/docs/z.txt", file(6000)),
        ("tree/tests/t.txt", file(50)),
    ];
    let flags = proposed(&["tree"], &loaded(&files), Some("tree"), &Toy::holding(8192 + 1024));
    assert_eq!(flags[..2], ["--exclude '/data/'", "tree/docs"], "{flags:?}");
}

#[test]
fn where_no_part_fits_passages_do_or_the_longest_part_that_does() {
    let flags = |chapters: &[usize]| proposed(&["b"], &book(chapters), None, &Toy::holding(8192));
    assert_eq!(flags(&[9000, 9000, 9000]), ["--pick 5k -p QUESTION"]);
    assert_eq!(flags(&[9000, 900, 4000, 9000]), ["--parts 2-3", "--parts 3", "--pick 5k -p QUESTION"]);
    let tiny = planned(&["b"], &book(&[9000]), None, &Toy::holding(2100)).expect("a plan");
    assert_eq!((tiny.fits(), tiny.proposals), (false, vec![]), "no room beside the answer");
}

#[test]
fn a_document_that_is_many_times_too_long_is_estimated_and_said_so() {
    let log = loaded(&[("a.log", "all is well\n".repeat(1 << 19))]);
    let fit = planned(&["b"], &log, None, &Toy::holding(8192)).expect("a plan");
    assert!(fit.is_estimate && !fit.fits());
    let exact = 3.0 * f64::from(1 << 19);
    assert!((f64::from(fit.tokens.document) / exact - 1.0).abs() < 0.01, "{:?}", fit.tokens);
    assert!(fit.proposals.iter().any(|proposal| proposal.flags == "--pick 5k -p QUESTION"), "{:?}", fit.proposals);
    assert!(fit.proposals.iter().any(|proposal| proposal.flags.starts_with("--parts ")), "{:?}", fit.proposals);
}

#[test]
fn a_pick_is_planned_as_it_would_be_read() {
    let chapter = |number: usize| {
        let about = if number == 4 { "whale " } else { "sea " };
        format!("# Chapter {number}\n\n{}\n\n", about.repeat(50))
    };
    let chapters: Vec<String> = (1..=6).map(chapter).collect();
    let document = loaded(&[("book.md", chapters.concat())]);
    let fit = planned(&["--pick", "100", "-p", "A whale?", "b"], &document, None, &Toy::holding(8192)).expect("a plan");
    let picked = fit.picked.as_ref().expect("a chapter");
    let parts: Vec<usize> = picked.pieces.iter().map(|piece| piece.part).collect();
    assert_eq!((parts, fit.tokens.document), (vec![4], picked.tokens + 1));
    let none = planned(&["--pick", "100", "-p", "Elephants", "b"], &document, None, &Toy::holding(8192));
    assert!(matches!(none, Err(Error::NothingPicked { room: 100 })));
}

#[test]
fn parts_are_weighed_batch_by_batch_until_nobody_wants_to_know() {
    let document = book(&[12_000, 12_000, 12_000, 12_000, 12_000, 12_000, 100]);
    let (mut batches, toy) = (Vec::new(), Toy::holding(8192));
    count_parts(&toy, &document, &mut |first, tokens| {
        batches.push((first, tokens));
        true
    });
    assert_eq!(batches, [(0, vec![12_000; 5]), (5, vec![12_000, 100])]);
    let mut told = 0;
    count_parts(&toy, &document, &mut |_, _| {
        told += 1;
        false
    });
    assert_eq!(told, 1);
}

#[test]
fn parts_that_are_to_stay_are_named_by_number_with_the_flags() {
    let document = book(&[1000, 900, 5000, 800, 700, 600]);
    let fit = planned(&["b"], &document, None, &Toy::holding(8192)).expect("a plan");
    let parts: Vec<Option<&[usize]>> = fit.proposals.iter().map(|proposal| proposal.parts.as_deref()).collect();
    assert_eq!(parts, [Some(&[1, 2, 4, 5, 6][..]), Some(&[1, 2][..]), None]);
    let too_small = planned(&["-c", "1000", "b"], &book(&[1000]), None, &Toy::holding(8192)).expect("a plan");
    assert_eq!(too_small.proposals[0].parts, None, "another context is none of parts");
}

/// A run, which knows how long the prompt is, chose another preset near the length from which one is worth it.
#[test]
fn auto_chooses_by_all_that_is_read_before_a_question() {
    let mut toy = Toy::holding(32_768);
    let cost = toy.info.prefill_cost.tokens_worth(0, &[(30_000, &Attention::Full)], 24);
    // Full attention is always taken where it takes less than five seconds: 30,000 tokens take as long.
    toy.info.prefill_cost.token_s = Some(5.0 / cost);
    let book = book(&[29_900]);
    let chosen = |system: &SystemPrompt| {
        let fit = planned_with(system, &["b", "--preset", "auto"], &book, None, &toy).expect("a plan");
        fit.chosen.name.to_string()
    };
    let instructions = SystemPrompt::Own("word ".repeat(200).into());
    assert_eq!([chosen(&SystemPrompt::Absent), chosen(&instructions)], ["full", "accurate"]);
}

/// The title of the whole was planned with, which has other tokens.
#[test]
fn what_is_read_is_called_as_in_a_run() {
    let file = |name: &'static str| (name, format!("# {name}\n\nwords of {name}\n"));
    let tree = loaded(&[file("tree/a.md"), file("tree/b.md"), file("tree/c.md")]);
    let toy = Toy::holding(8192);
    let source = Source::Named(vec!["tree/".to_owned()]);
    let template = ChatTemplate::of(toy.info(), Moment(0));
    for parts in ["1-3", "2-3", "2"] {
        let read = tree.select(parts).expect("parts");
        let request = PromptRequest {
            template: &template,
            system: &SystemPrompt::Reading,
            title: &title(&source, &tree, &read),
            document: &read.text.as_str().into(),
            front: None,
            turns: &[],
            question: None,
            cot: ChainOfThought::Auto,
        };
        let (prompt, _) = build_prompt(&request).expect("a prompt");
        let line = ["tree", "--preset", "full", "--parts", parts];
        let fit = planned_with(&SystemPrompt::Reading, &line, &tree, None, &toy).expect("a plan");
        assert_eq!(fit.tokens, toy.count_prompt(&prompt), "{parts}: {}", request.title);
    }
}

#[test]
fn a_context_beyond_the_training_makes_no_room() {
    let toy = Toy::holding(8192);
    let fit = planned(&["-c", "200000", "b"], &book(&[10_000]), None, &toy).expect("a plan");
    assert_eq!((fit.limit_tokens, fit.beyond_training, fit.fits()), (8192, Some(200_000), false));
    let fit = planned(&["-c", "200000", "b"], &book(&[1_000]), None, &toy).expect("a plan");
    assert_eq!((fit.fits(), fit.beyond_training), (true, Some(200_000)));
    let fit = planned(&["-c", "8192", "b"], &book(&[1_000]), None, &toy).expect("a plan");
    assert_eq!(fit.beyond_training, None);
}

#[test]
fn what_a_document_that_is_too_long_would_take_is_not_cut_to_the_context() {
    let fit = planned(&["b"], &book(&[20_000]), None, &Toy::holding(8192)).expect("a plan");
    assert_eq!(fit.kv_bytes, u64::from(fit.tokens.prompt) * 1000);
}

#[test]
fn weights_are_weighed_with_their_rearranged_copy() {
    let mut toy = Toy::holding(8192).with_free(5_000_000);
    assert!(planned(&["b"], &book(&[100]), None, &toy).expect("a plan").fits());
    toy.info.repacked_bytes = 2_000_000;
    let fit = planned(&["b"], &book(&[100]), None, &toy).expect("a plan");
    assert_eq!((fit.model_bytes, fit.repacked_bytes), (3_000_000, 2_000_000));
    let kv = fit.kv_bytes;
    assert_eq!(fit.obstacles, [Obstacle::Memory { need_bytes: 3_000_000 + kv, free_bytes: 5_000_000 }]);
}
