//! The engine with a toy of each memory class: what a conversation does to the cache costs its tail alone, and never
//! changes an answer.
//!
//! Every answer is compared with that of a new engine, which is asked the turns before it and nothing else: the same
//! tokens in calls of other lengths differ by rounding, and a model that knows nothing turns that into another answer.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/gguf.rs"]
mod gguf;
#[path = "support/toys.rs"]
mod toys;

use desk::{Desk, REQUEST, book, config, prompt};
use lunette::engine::Survey;
use lunette::engine::config::*;
use lunette::engine::message::*;
use lunette::swaa::RecipeSpec;
use toys::{ALL, SLIDING, Toy};

/// The toys' files, which are gone with it.
struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a temporary folder"))
    }

    fn config(&self, toy: Toy) -> EngineConfig {
        let path = self.0.path().join(format!("{}.gguf", toy.architecture()));
        if !path.exists() {
            toy.write_to(&path);
        }
        let mut config = config(path);
        config.settings.presets = vec![RecipeSpec::FULL, SLIDING];
        config
    }

    /// The same, with readings and conversations kept on disk.
    fn keeping(&self, toy: Toy) -> EngineConfig {
        let mut config = self.config(toy);
        let folder = self.0.path().join("kv");
        config.settings.disk_cache = Some(DiskCacheSettings { folder, most_bytes: None, keeps: Keeps::Conversations });
        config
    }
}

/// What an engine says that was asked the earlier questions before, and nothing else.
fn answer_of_a_new_engine(config: &EngineConfig, document: &str, turns: &[&str], recipe: &RecipeSpec) -> String {
    let mut desk = Desk::start(config.clone());
    let mut said = String::new();
    for turn in (0..turns.len()).step_by(2) {
        said = desk.ask(&prompt(document, &turns[..=turn]), recipe).text;
    }
    said
}

/// The recipes under which a toy can read.
fn recipes(config: &EngineConfig) -> Vec<RecipeSpec> {
    let survey = Survey::of(config).expect("the file has its tables");
    let slides = survey.info().sliding_refused.is_none();
    [Some(RecipeSpec::FULL), slides.then_some(SLIDING)].into_iter().flatten().collect()
}

#[test]
fn the_attention_layers_of_plain_models_and_hybrids_can_slide() {
    let shelf = Shelf::new();
    let can_slide = |toy: &Toy| recipes(&shelf.config(*toy)).len() == 2;
    let sliding: Vec<Toy> = ALL.into_iter().filter(can_slide).collect();
    let expected = [
        Toy::Plain,
        Toy::Sections,
        Toy::DeltaNet,
        Toy::DeltaExperts,
        Toy::ShortConvolution,
        Toy::Granite,
        Toy::Falcon,
        Toy::Nemotron,
    ];
    assert_eq!(sliding, expected);
}

#[test]
fn which_layers_attend_is_known_in_every_class() {
    let shelf = Shelf::new();
    let layers = |toy| Survey::of(&shelf.config(toy)).expect("the file has its tables").info().layers.to_string();
    for (toy, expected) in [
        (Toy::Plain, "8 layers"),
        (Toy::DeltaNet, "8 layers, of which 2 attend (3,7)"),
        (Toy::DeltaExperts, "8 layers, of which 2 attend (3,7)"),
        (Toy::ShortConvolution, "8 layers, of which 2 attend (2,6)"),
        (Toy::Granite, "8 layers, of which 2 attend (3,7)"),
        (Toy::Falcon, "8 layers"),
        (Toy::Nemotron, "8 layers, of which 2 attend (3,7)"),
        (Toy::Gemma, "8 layers"),
    ] {
        assert_eq!(layers(toy), expected, "{toy:?}");
    }
}

#[test]
fn a_conversation_costs_its_tail_alone_in_every_class() {
    let shelf = Shelf::new();
    for toy in ALL {
        let config = shelf.config(toy);
        for recipe in recipes(&config) {
            hold_a_conversation(toy, &config, &recipe);
        }
    }
}

fn hold_a_conversation(toy: Toy, config: &EngineConfig, recipe: &RecipeSpec) {
    let book = book();
    let mut desk = Desk::start(config.clone());
    let toy = format!("{toy:?}, {recipe}");
    let mut asked = |turns: &[&str], what: &str, most: u32| {
        let prompt = prompt(&book, turns);
        let answer = desk.ask(&prompt, recipe);
        assert_eq!(answer.text, answer_of_a_new_engine(config, &book, turns, recipe), "{toy}, {what}");
        assert!(answer.figures.tokens.prefilled <= most, "{toy}, {what}: {:?}", answer.figures.tokens);
        assert_eq!(answer.planned, answer.figures.tokens.prefilled, "{toy}, {what}: told beforehand");
        answer
    };
    let tail = |text: &str| text.len() as u32 + REQUEST;
    let whole = book.len() as u32;
    let first = asked(&["Who is she?"], "first question", whole + tail("Who is she?"));
    assert_eq!(first.figures.tokens.prefilled, whole + tail("Who is she?"), "{toy}");
    asked(&["Where is Longbourn?"], "second question", tail("Where is Longbourn?"));
    asked(&["Where is Longbourn?"], "the same again", REQUEST.max(tail("Where is Longbourn?")));
    let turns = ["Where is Longbourn?", "In Hertfordshire.", "Who lives there?"];
    asked(&turns, "another turn", tail("Where is Longbourn?In Hertfordshire.Who lives there?") + 2 * REQUEST);
    let edited = ["Where is Longbourn?", "In Hertfordshire.", "Who left it?"];
    asked(&edited, "an edited question", tail("In Hertfordshire.Who left it?") + 2 * REQUEST);
    asked(&["What is entailed?"], "a branch at the document", tail("What is entailed?"));
}

/// Two presets by turns, as an A/B comparison asks them: each switch costs the tail, once both have read the document.
#[test]
fn the_presets_of_a_comparison_keep_apart_what_they_read_in_every_class() {
    let shelf = Shelf::new();
    let book = book();
    let turns = ["Who is she?"];
    let question = prompt(&book, &turns);
    let tail = turns[0].len() as u32 + REQUEST;
    for toy in ALL {
        let config = shelf.config(toy);
        let recipes = recipes(&config);
        let mut desk = Desk::start(config.clone());
        let expected = recipes.iter().map(|recipe| Desk::start(config.clone()).ask_drawn(&question, recipe).text);
        let expected: Vec<String> = expected.collect();
        for round in 0..3 {
            for (recipe, expected) in recipes.iter().zip(&expected) {
                let answer = desk.ask_drawn(&question, recipe);
                assert_eq!(&answer.text, expected, "{toy:?}, {recipe}, round {round}");
                let most = if round == 0 { book.len() as u32 + tail } else { tail };
                let tokens = answer.figures.tokens;
                assert!(tokens.prefilled <= most, "{toy:?}, {recipe}, round {round}: {tokens:?}");
                assert_eq!(answer.planned, tokens.prefilled, "{toy:?}, {recipe}, round {round}: told beforehand");
            }
        }
    }
}

#[test]
fn other_documents_and_presets_come_back_from_snapshots_in_every_class() {
    let shelf = Shelf::new();
    let (one, other) = (prompt(&book(), &[]), prompt(&book().replace("truth", "story"), &[]));
    let sliding = SLIDING;
    let never = CancelToken::default();
    for toy in ALL {
        let mut desk = Desk::start(shelf.config(toy));
        let whole = desk.read(&one, &RecipeSpec::FULL, &never).tokens.prefilled;
        desk.read(&other, &RecipeSpec::FULL, &never);
        assert_eq!(desk.read(&one, &RecipeSpec::FULL, &never).tokens.prefilled, 0, "{toy:?}");
        let asked = prompt(&book(), &["Who is she?"]);
        let answer = desk.ask(&asked, &RecipeSpec::FULL);
        assert_eq!(answer.text, Desk::start(shelf.config(toy)).ask(&asked, &RecipeSpec::FULL).text, "{toy:?}");
        if desk.model.sliding_refused.is_none() {
            let switched = desk.read(&one, &sliding, &never).tokens;
            assert_eq!(switched.cached, 256 + 16, "{toy:?}: up to where the window begins to hide");
            assert_eq!(desk.read(&one, &RecipeSpec::FULL, &never).tokens.prefilled, 0, "{toy:?}: and back");
            assert_eq!(desk.read(&one, &sliding, &never).tokens.prefilled, 0, "{toy:?}: and again");
        }
        assert_eq!(whole, 1140, "{toy:?}");
    }
}

/// Cancels the reading of `prompt` after 512 tokens. Returns how many were read.
fn cancelled(desk: &mut Desk, prompt: &Prompt) -> u32 {
    let (job, cancel) = (desk.job(), CancelToken::default());
    let command = Command::Prefill { job, prompt: prompt.clone(), recipe: RecipeSpec::FULL, cancel: cancel.clone() };
    desk.engine.commands.send(command).expect("the engine listens");
    loop {
        match desk.engine.events.blocking_recv().expect("a reading ends") {
            Event::Prefilling { progress, .. } if progress.done_tokens >= 512 => cancel.cancel(),
            Event::Prefilled { figures, .. } => return figures.tokens.prefilled,
            _ => {}
        }
    }
}

#[test]
fn a_restart_costs_what_a_turn_costs_in_every_class() {
    let shelf = Shelf::new();
    let (book, question) = (book(), prompt(&book(), &["Who is she?"]));
    let whole = book.len() as u32;
    let tail = "Who is she?".len() as u32 + REQUEST;
    for toy in ALL {
        let start = || Desk::start(shelf.keeping(toy));
        let mut desk = start();
        let first = desk.ask(&question, &RecipeSpec::FULL);
        assert_eq!(first.figures.tokens.prefilled, whole + tail, "{toy:?}");
        desk.end();

        let mut desk = start();
        let again = desk.ask(&question, &RecipeSpec::FULL);
        let tokens = again.figures.tokens;
        assert_eq!((tokens.from_disk, tokens.cached, tokens.prefilled), (whole, whole, tail), "{toy:?}");
        assert_eq!((again.text, again.planned), (first.text, tail), "{toy:?}");
        let turns = ["Who is she?", "Nobody.", "Who left?"];
        let more = desk.ask(&prompt(&book, &turns), &RecipeSpec::FULL);
        assert_eq!(more.text, answer_of_a_new_engine(&shelf.config(toy), &book, &turns, &RecipeSpec::FULL), "{toy:?}");
        desk.end();

        let longer = format!("{book}And so on.");
        let mut desk = start();
        let answer = desk.ask(&prompt(&longer, &["Who is she?"]), &RecipeSpec::FULL);
        assert_eq!(answer.figures.tokens.prefilled, 10 + tail, "{toy:?}: a longer document");
        if desk.model.sliding_refused.is_none() {
            let never = CancelToken::default();
            let read = desk.read(&prompt(&book, &[]), &SLIDING, &never).tokens.prefilled;
            assert!(read > 0, "{toy:?}: another preset");
            desk.end();
            let tokens = start().read(&prompt(&book, &[]), &SLIDING, &never).tokens;
            assert_eq!((tokens.from_disk, tokens.prefilled), (whole, 0), "{toy:?}: the other preset after a restart");
        }
    }
}

#[test]
fn a_reading_that_was_cancelled_goes_on_in_another_run_in_every_class() {
    let shelf = Shelf::new();
    let one = prompt(&book(), &[]);
    for toy in ALL {
        let mut desk = Desk::start(shelf.keeping(toy));
        let read = cancelled(&mut desk, &one);
        desk.end();
        let mut desk = Desk::start(shelf.keeping(toy));
        let rest = desk.read(&one, &RecipeSpec::FULL, &CancelToken::default()).tokens;
        assert_eq!((rest.cached, rest.from_disk), (read, read), "{toy:?}: what was computed is kept");
        let asked = prompt(&book(), &["Who is she?"]);
        let answer = desk.ask(&asked, &RecipeSpec::FULL);
        assert_eq!(answer.text, Desk::start(shelf.config(toy)).ask(&asked, &RecipeSpec::FULL).text, "{toy:?}");
    }
}

#[test]
fn what_a_cache_takes_is_known_before_it_is_made_in_every_class() {
    let shelf = Shelf::new();
    for toy in ALL {
        for (kv_dtype, own_windows) in
            [(KvDtype::F16, OwnWindows::Short), (KvDtype::Q8_0, OwnWindows::Short), (KvDtype::F16, OwnWindows::Whole)]
        {
            let mut config = shelf.config(toy);
            config.settings.kv_dtype = kv_dtype;
            config.settings.own_windows = own_windows;
            let predicted = Survey::of(&config).expect("the file has its tables").info().cache;
            let mut desk = Desk::start(config);
            assert_eq!(predicted, desk.model.cache, "{toy:?}, {kv_dtype:?}: with weights and without");
            for length in [400, 1100] {
                let figures = desk.ask(&prompt(&book()[..length], &["Who?"]), &RecipeSpec::FULL).figures;
                let allocated = figures.memory.kv_bytes;
                assert_eq!(predicted.bytes(figures.context_tokens), allocated, "{toy:?}, {kv_dtype:?}, {length}");
            }
        }
    }
}

#[test]
fn layers_with_windows_of_their_own_keep_what_these_see() {
    let shelf = Shelf::new();
    let cache = |toy: Toy, own_windows| {
        let mut config = shelf.config(toy);
        config.settings.own_windows = own_windows;
        Survey::of(&config).expect("the file has its tables").info().cache
    };
    // 7 of Gemma's 8 layers, and 4 of gpt-oss's, see 64 tokens; a call adds 128, in steps of 256.
    for (toy, layers) in [(Toy::Gemma, 7), (Toy::GptOss, 4)] {
        let (short, whole) = (cache(toy, OwnWindows::Short), cache(toy, OwnWindows::Whole));
        let of_layer = whole.bytes_per_token / 8;
        let windows = short.own_windows.expect("it has some");
        assert_eq!((windows.tokens, windows.bytes_per_token), (256, layers * of_layer), "{toy:?}");
        assert_eq!(short.bytes_per_token, (8 - layers) * of_layer, "{toy:?}");
        assert_eq!((whole.own_windows, whole.cuts_anywhere()), (None, true), "{toy:?}");
    }
}

#[test]
fn each_toy_is_of_the_class_that_it_stands_for() {
    let shelf = Shelf::new();
    let classes = ALL.map(|toy| Survey::of(&shelf.config(toy)).expect("the file has its tables").info().cache.class);
    let expected = [
        MemoryClass::Plain,
        MemoryClass::Plain,
        MemoryClass::Hybrid,
        MemoryClass::Hybrid,
        MemoryClass::Hybrid,
        MemoryClass::Hybrid,
        MemoryClass::Hybrid,
        MemoryClass::Hybrid,
        MemoryClass::Windowed,
        MemoryClass::Windowed,
        MemoryClass::Windowed,
        MemoryClass::Latent,
    ];
    assert_eq!(classes, expected);
}

#[test]
fn a_cancelled_reading_goes_on_where_it_stopped_in_every_class() {
    let shelf = Shelf::new();
    let one = prompt(&book(), &[]);
    for toy in ALL {
        let mut desk = Desk::start(shelf.config(toy));
        let read = cancelled(&mut desk, &one);
        let rest = desk.read(&one, &RecipeSpec::FULL, &CancelToken::default()).tokens;
        assert_eq!(rest.cached, read, "{toy:?}: what was computed is kept");
        let asked = prompt(&book(), &["Who is she?"]);
        let answer = desk.ask(&asked, &RecipeSpec::FULL);
        assert_eq!(answer.text, Desk::start(shelf.config(toy)).ask(&asked, &RecipeSpec::FULL).text, "{toy:?}");
    }
}

/// Half the distance between positions: twice the context, and keys that are of no use to any other distance.
#[test]
fn scaled_positions_reach_further_and_are_a_cache_of_their_own() {
    let shelf = Shelf::new();
    let (book, question) = (book(), prompt(&book(), &["Who is she?"]));
    let whole = book.len() as u32;
    for toy in [Toy::Plain, Toy::Sections, Toy::DeltaNet] {
        let start = |rope: RopeScaling| {
            let mut config = shelf.keeping(toy);
            config.settings.rope = rope;
            Desk::start(config)
        };
        let ask = |rope: RopeScaling| {
            let mut desk = start(rope);
            let (reach, from) = (desk.model.train_context_tokens, desk.model.stretched_from);
            let answer = desk.ask_drawn(&question, &RecipeSpec::FULL);
            desk.end();
            (answer.text, answer.figures.tokens.from_disk, reach, from)
        };
        let halved = RopeScaling { freq_scale: Some(0.5), ..RopeScaling::default() };
        let same = RopeScaling { method: Some(RopeMethod::None), ..RopeScaling::default() };
        let plain = ask(RopeScaling::default());
        assert_eq!((plain.1, plain.2, plain.3), (0, 1 << 15, None), "{toy:?}");
        let scaled = ask(halved);
        assert_eq!((scaled.1, scaled.2, scaled.3), (0, 1 << 16, Some(1 << 15)), "{toy:?}: nothing of the other");
        assert_ne!(scaled.0, plain.0, "{toy:?}: positions matter to this question");
        assert_eq!(ask(halved), (scaled.0, whole, scaled.2, scaled.3), "{toy:?}: again, from disk");
        assert_eq!(ask(same), (plain.0, whole, plain.2, None), "{toy:?}: not scaled is what the file says");
    }
}
