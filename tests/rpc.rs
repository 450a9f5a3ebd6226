//! Layers on another machine: a second process on this one, `lunette rpc-server`. `make test-rpc` runs these; other builds have no RPC, and one
//! test says so.
//!
//! Weights are not repacked here: a peer has them as they are in the file, and repacked ones give sums in another order. Everything else
//! is the same to the bit, so that answers are compared as they are.

#![allow(clippy::print_stdout, reason = "what was measured has to be said")]

mod support {
    pub(crate) mod binary;
    #[cfg(feature = "rpc")]
    pub(crate) mod desk;
    #[cfg(feature = "rpc")]
    pub(crate) mod gguf;
    #[cfg(feature = "rpc")]
    pub(crate) mod models;
    #[cfg(feature = "rpc")]
    pub(crate) mod peer;
    #[cfg(feature = "rpc")]
    pub(crate) mod scripted_model;
    #[cfg(feature = "rpc")]
    pub(crate) mod toys;
}

use support::binary::{Home, sentence};

#[test]
fn a_build_without_rpc_says_how_to_build_it() {
    if cfg!(feature = "rpc") {
        return;
    }
    let home = Home::new();
    for (arguments, said) in [
        (
            &["-p", "?", "--rpc", "127.0.0.1:1"][..],
            "--rpc has other machines compute layers, and this program is built without RPC",
        ),
        (&["rpc-server"], "this program is built without RPC"),
    ] {
        let ran = home.run(arguments);
        assert_eq!((ran.code, sentence(&ran.err)), (2, &*format!("error: {said}")), "{arguments:?}");
        assert!(ran.err.contains("cargo build --release --features rpc"), "{}", ran.err);
    }
    let doctor = home.run(&["doctor"]).out;
    assert!(doctor.contains("built without RPC"), "{doctor}");
}

#[cfg(feature = "rpc")]
mod built {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::path::Path;
    use std::time::Duration;

    use lunette::engine::config::*;
    use lunette::engine::message::*;
    use lunette::swaa::RecipeSpec;
    use serde_json::Value;

    use super::support::binary::{Home, Ran, finished, sentence};
    use super::support::desk::{Desk, book, config, prompt};
    use super::support::models::model;
    use super::support::peer::Peer;
    use super::support::scripted_model::{self, CHATML};
    use super::support::toys::{ALL, SLIDING, Toy};

    /// Longer than any of these takes on busy cores: whoever needs more is hung.
    const PATIENCE: Duration = Duration::from_mins(8);

    // --- toys: the engine in this process, half of the layers in another ---------------------------------------------

    /// Half of the layers and the output on the peer, or none.
    fn placed(mut config: EngineConfig, peer: Option<&Peer>) -> EngineConfig {
        config.settings.offload = Offload {
            layers: GpuLayers::Count(if peer.is_some() { 5 } else { 0 }),
            peers: peer.iter().map(|peer| peer.address.clone()).collect(),
            weights: WeightForm::AsStored,
            ..Offload::default()
        };
        config.settings.presets = vec![RecipeSpec::FULL, SLIDING];
        config
    }

    /// What is said in a conversation that goes back, goes on and changes presets. Drawn, not the likeliest: a small change of any score
    /// gives another answer.
    fn conversation(config: EngineConfig) -> Vec<String> {
        let mut desk = Desk::start(config);
        let slides = desk.model.sliding_refused.is_none();
        let recipes = [RecipeSpec::FULL, if slides { SLIDING } else { RecipeSpec::FULL }];
        let turns: [&[&str]; 3] = [&["Who is she?"], &["Who is she?", "Jane.", "And he?"], &["Where is Longbourn?"]];
        let mut said = Vec::new();
        for turn in turns {
            for recipe in &recipes {
                said.push(desk.ask_drawn(&prompt(&book(), turn), recipe).text);
            }
        }
        desk.end();
        said
    }

    #[test]
    fn layers_on_a_peer_answer_as_here() {
        let home = Home::new();
        let peer = Peer::start(&home, &[]);
        for toy in ALL {
            let file = home.path(toy.architecture());
            toy.write_to(&file);
            let here = conversation(placed(config(file.clone()), None));
            let shared = conversation(placed(config(file), Some(&peer)));
            assert_eq!(shared, here, "{toy:?}");
        }
    }

    #[test]
    fn two_peers_share_the_layers() {
        let home = Home::new();
        let (one, other) = (Peer::start(&home, &[]), Peer::start(&home, &[]));
        let file = home.path("toy.gguf");
        Toy::Plain.write_to(&file);
        let here = conversation(placed(config(file.clone()), None));
        let mut shared = placed(config(file), Some(&one));
        shared.settings.offload.layers = GpuLayers::All;
        shared.settings.offload.peers.push(other.address.clone());
        let desk = Desk::start(shared.clone());
        let devices = [format!("CPU at {}", one.address), format!("CPU at {}", other.address)];
        assert_eq!(
            (&desk.model.devices[..], desk.model.offloaded_layers),
            (&devices[..], 9),
            "8 layers and the output"
        );
        desk.end();
        assert_eq!(conversation(shared), here);
    }

    /// The cache of a peer's layers comes back from disk, and is written to it, as that of layers here.
    #[test]
    fn what_a_peer_has_read_is_kept_on_disk_and_is_of_use_without_it() {
        let home = Home::new();
        let peer = Peer::start(&home, &[]);
        let file = home.path("toy.gguf");
        Toy::Plain.write_to(&file);
        let keeping = |peer: Option<&Peer>| {
            let mut config = placed(config(file.clone()), peer);
            let folder = home.path("kv");
            config.settings.disk_cache =
                Some(DiskCacheSettings { folder, most_bytes: None, keeps: Keeps::Conversations });
            config
        };
        let asked = |peer: Option<&Peer>| {
            let mut desk = Desk::start(keeping(peer));
            let answer = desk.ask_drawn(&prompt(&book(), &["Who is she?"]), &SLIDING);
            desk.end();
            (answer.text, answer.figures.tokens.prefilled)
        };
        let first = asked(Some(&peer));
        let (again, here) = (asked(Some(&peer)), asked(None));
        assert_eq!((&again.0, &here.0), (&first.0, &first.0));
        assert!(first.1 > 1000 && again.1 < 200 && here.1 < 200, "{first:?} {again:?} {here:?}");
    }

    /// As it does from the memory of a GPU. Host memory has room for a hybrid's state here and for no cells, so a cache that lies in it is
    /// computed again.
    #[test]
    fn a_preset_comes_back_from_the_memory_of_the_machine_that_holds_it() {
        let home = Home::new();
        let peer = Peer::start(&home, &[]);
        for toy in [Toy::Plain, Toy::ShortConvolution] {
            let file = home.path("toy.gguf");
            toy.write_to(&file);
            let asked = |peer: Option<&Peer>| {
                let mut config = placed(config(file.clone()), peer);
                config.settings.resident_bytes = 1 << 17;
                let mut desk = Desk::start(config);
                let mut ask = |question: &str, recipe: &RecipeSpec| {
                    let answer = desk.ask_drawn(&prompt(&book(), &[question]), recipe);
                    (answer.text, answer.figures.tokens.prefilled)
                };
                ask("Who is she?", &RecipeSpec::FULL);
                ask("Who is she?", &SLIDING);
                let back = ask("Who is he?", &RecipeSpec::FULL);
                desk.end();
                back
            };
            let (there, here) = (asked(Some(&peer)), asked(None));
            assert_eq!(there.0, here.0, "{toy:?}");
            assert!(there.1 < 100 && here.1 > 500, "{toy:?}: {there:?} {here:?}");
        }
    }

    /// When the context grows, its copies on the peer come here, and are of use all the same.
    #[test]
    fn copies_leave_a_peer_when_the_context_grows() {
        let home = Home::new();
        let peer = Peer::start(&home, &[]);
        for toy in [Toy::Plain, Toy::ShortConvolution] {
            let file = home.path("toy.gguf");
            toy.write_to(&file);
            let asked = |peer: Option<&Peer>| {
                let mut desk = Desk::start(placed(config(file.clone()), peer));
                let mut ask = |document: &str, question: &str, recipe: &RecipeSpec| {
                    let answer = desk.ask_drawn(&prompt(document, &[question]), recipe);
                    (answer.text, answer.figures.tokens.prefilled, answer.figures.context_tokens)
                };
                let before = ask(&book(), "Who is she?", &RecipeSpec::FULL);
                ask(&book(), "Who is she?", &SLIDING);
                ask(&book().repeat(3), "Who is she?", &SLIDING);
                let back = ask(&book(), "Who is he?", &RecipeSpec::FULL);
                desk.end();
                assert!(back.2 > before.2, "{toy:?}: the context has grown: {} {}", before.2, back.2);
                (back.0, back.1)
            };
            let (there, here) = (asked(Some(&peer)), asked(None));
            assert_eq!(there.0, here.0, "{toy:?}");
            assert!(there.1 < 100, "{toy:?}: {there:?} {here:?}");
        }
    }

    /// Nothing that a lost peer did not compute is said, or kept.
    #[test]
    fn a_peer_that_dies_is_told_and_nothing_else_is_lost() {
        let home = Home::new();
        let file = home.path("toy.gguf");
        Toy::Plain.write_to(&file);
        let peer = Peer::start(&home, &[]);
        let address = peer.address.clone();
        let mut desk = Desk::start(placed(config(file.clone()), Some(&peer)));
        let question = prompt(&book(), &["Who is she?"]);
        let before = desk.ask_drawn(&question, &RecipeSpec::FULL).text;
        peer.die();
        for recipe in [RecipeSpec::FULL, SLIDING] {
            let failure = desk.refusal(&prompt(&book().repeat(2), &["Who is he?"]), &recipe);
            let said = format!("the connection to {address} (--rpc) is lost");
            assert_eq!((failure.kind, failure.message), (FailureKind::Runtime, said));
        }
        desk.end();
        // The process goes on, and so does a new engine in it.
        let mut desk = Desk::start(placed(config(file), None));
        assert_eq!(desk.ask_drawn(&question, &RecipeSpec::FULL).text, before);
        desk.end();
    }

    /// A peer that comes back at the same address is used again by the next engine.
    #[test]
    fn a_peer_that_is_back_is_used_again() {
        let home = Home::new();
        let file = home.path("toy.gguf");
        Toy::Plain.write_to(&file);
        let peer = Peer::start(&home, &[]);
        let address = peer.address.clone();
        let config = placed(config(file), Some(&peer));
        let before = conversation(config.clone());
        peer.die();
        let _back = Peer::at(&address, &home, &[]);
        assert_eq!(conversation(config), before);
    }

    // --- the real binary ---------------------------------------------------------------------------------------------

    fn scripted(home: &Home) -> String {
        let model = home.path("scripted.gguf");
        scripted_model::write(&model, "Yes, it.", CHATML);
        model.to_str().expect("a path in UTF-8").to_owned()
    }

    fn asked_of(peer: &str) -> Ran {
        let home = Home::new();
        let model = scripted(&home);
        home.run(&["-p", "Is it?", "--rpc", peer, "-ngl", "all", "-m", &model])
    }

    /// The address of something that reads a line and answers `answer`.
    fn stranger(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = BufReader::new(&stream).read_line(&mut String::new());
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    }

    #[test]
    fn a_peer_that_is_none_is_told_in_a_sentence_before_the_model_is_loaded() {
        let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let cases = [
            (nobody.to_string(), "nothing listens there"),
            (stranger("HTTP/1.1 400 Bad Request\r\n\r\n"), "is not `lunette rpc-server`: it answers"),
            (stranger(""), "is not `lunette rpc-server`: it closes the connection"),
            (
                stranger("{\"lunette_rpc\":1,\"stamp\":\"0.1.0-other\"}\n"),
                "has llama.cpp 0.1.0-other, and this program",
            ),
            (stranger("{\"lunette_rpc\":2,\"stamp\":\"\"}\n"), "has llama.cpp , and this program"),
        ];
        for (peer, said) in cases {
            let ran = asked_of(&peer);
            assert_eq!(ran.code, 5, "{said}: {}", ran.err);
            assert!(sentence(&ran.err).contains(&peer) && sentence(&ran.err).contains(said), "{said}: {}", ran.err);
            assert!(ran.err.contains("hint: ") && ran.err.trim().lines().count() <= 3, "{said}: {}", ran.err);
        }
    }

    #[test]
    fn a_peer_says_what_it_offers_and_that_it_is_for_trusted_networks() {
        let home = Home::new();
        let mut child = home.start(&["rpc-server", "--listen", "127.0.0.1:0", "--memory", "2GB"], &[]);
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let said: Vec<String> = out.lines().take(3).map(|line| line.expect("UTF-8")).collect();
        let address = said[0].strip_prefix("listening on ").expect("an address");
        let doctor = home.run_with(&["doctor"], &[("LUNETTE_RPC", address)], "").out;
        let wrong = home.run(&["doctor", "--rpc", &stranger("")]).out;
        child.kill().expect("it runs");
        let ran = finished(child, PATIENCE);
        assert!(said[1].starts_with("CPU: ") && said[2] == "clients may take 2.00 GB", "{said:?}");
        assert!(ran.err.starts_with("warning: for trusted networks only"), "{}", ran.err);
        assert!(doctor.contains(&format!("ok    peer        {address} has CPU: ")), "{doctor}");
        assert!(wrong.contains("wrong peer") && wrong.contains("closes the connection"), "{wrong}");
    }

    #[test]
    fn a_peer_gives_no_more_memory_than_it_may() {
        let home = Home::new();
        let peer = Peer::start(&home, &["--memory", "100kB"]);
        let ran = asked_of(&peer.address);
        assert_eq!(ran.code, 5, "{}", ran.err);
        assert!(sentence(&ran.err).contains("cannot load"), "{}", ran.err);
        let peer = Peer::start(&home, &["--memory", "1GB"]);
        let ran = asked_of(&peer.address);
        assert_eq!((ran.code, ran.out.trim()), (0, "Yes, it."), "{}", ran.err);
    }

    /// What was lent is free again when a client has gone, however it went.
    #[test]
    fn a_client_that_is_gone_leaves_its_memory() {
        let home = Home::new();
        let peer = Peer::start(&home, &["--memory", "100MB"]);
        for _ in 0..8 {
            let ran = asked_of(&peer.address);
            assert_eq!((ran.code, ran.out.trim()), (0, "Yes, it."), "{}", ran.err);
            peer.says("is gone");
        }
    }

    // --- real models -------------------------------------------------------------------------------------------------

    /// A text of about `lines` × 16 tokens with a fact in each line.
    fn inventory(lines: usize) -> String {
        let colours = ["red", "green", "blue", "white", "black"];
        let line = |n: usize| format!("Box number {n} in the cellar is painted {}.\n", colours[n % colours.len()]);
        (1..=lines).map(line).collect::<Vec<_>>().concat()
    }

    fn started_with(home: &Home, name: &str, arguments: &[&str]) -> std::process::Child {
        let model = model(name);
        let model = ["--no-repack", "-t", "1", "-m", model.to_str().expect("a path in UTF-8")];
        home.start(&[arguments, &model].concat(), &[])
    }

    fn objects(ran: &Ran) -> Vec<Value> {
        let object = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}\n{}", ran.err));
        ran.out.lines().map(object).collect()
    }

    /// Two questions under three presets by turns, so that what was read comes back from memory; then a conversation of two runs, whose
    /// reading comes back from disk.
    fn answers(name: &str, placed: &[&str]) -> Vec<(String, String, u64)> {
        let home = Home::new();
        home.file("cellar.txt", &inventory(100));
        let compared =
            ["--ab", "full,balanced,fastest", "-p", "Which colour has box number 7?", "-p", "And number 93?"];
        let ask = |more: &[&str]| {
            let always = ["-n", "24", "--json", "cellar.txt"];
            let ran = finished(started_with(&home, name, &[more, &always, placed].concat()), PATIENCE);
            objects(&ran)
        };
        let mut all = ask(&compared);
        all.extend(ask(&["--preset", "fastest", "--session", "mine", "-p", "How many boxes are there?"]));
        all.extend(ask(&["--preset", "fastest", "--session", "mine", "-p", "Which of them are red?"]));
        let answer = |object: &Value| {
            let text = |name: &str| object[name].as_str().unwrap_or_else(|| panic!("{object}")).to_owned();
            (text("preset"), text("answer"), object["tokens"]["cached"].as_u64().expect("a count"))
        };
        assert_eq!(all.len(), 8, "{all:?}");
        all.iter().map(answer).collect()
    }

    fn a_model_answers_alike(name: &str, layers: [&str; 2]) {
        let peer = Peer::start(&Home::new(), &[]);
        let here = answers(name, &["-b", "256", "-ub", "256"]);
        assert!(here.last().is_some_and(|(_, _, cached)| *cached > 1000), "{here:?}");
        for layers in layers {
            let shared = answers(name, &["--rpc", &peer.address, "-ngl", layers, "-b", "256", "-ub", "256"]);
            assert_eq!(shared, here, "{layers} layers");
        }
    }

    #[test]
    #[ignore = "needs a model"]
    fn a_small_model_gives_the_same_greedy_tokens_with_layers_on_a_peer() {
        a_model_answers_alike("smollm2-135m", ["all", "15"]);
    }

    #[test]
    #[ignore = "needs a model"]
    fn a_model_with_types_that_are_repacked_gives_the_same_greedy_tokens_where_they_are_not() {
        a_model_answers_alike("qwen2.5-coder-0.5b", ["all", "12"]);
    }

    /// Nats per token of the right answers.
    fn nats(home: &Home, placed: &[&str]) -> Vec<f64> {
        let model = model("qwen2.5-coder-0.5b");
        let out = home.path("out.json");
        let fixed = [
            "eval",
            "records.jsonl",
            "--presets",
            "full,balanced,fastest",
            "-n",
            "0",
            "-t",
            "1",
            "-b",
            "256",
            "-ub",
            "256",
        ];
        let files = ["--out", out.to_str().expect("UTF-8"), "-m", model.to_str().expect("UTF-8")];
        let ran = finished(home.start(&[&fixed[..], &files, placed].concat(), &[]), PATIENCE);
        assert_eq!(ran.code, 0, "{}", ran.err);
        weighed(&out)
    }

    fn weighed(out: &Path) -> Vec<f64> {
        fn collect(value: &Value, nats: &mut Vec<f64>) {
            match value {
                Value::Object(fields) if fields.contains_key("answer") && fields.contains_key("nats") => {
                    nats.push(fields["nats"].as_f64().expect("a number"));
                }
                Value::Object(fields) => fields.values().for_each(|value| collect(value, nats)),
                Value::Array(values) => values.iter().for_each(|value| collect(value, nats)),
                _ => {}
            }
        }
        let results = serde_json::from_str(&std::fs::read_to_string(out).expect("results")).expect("JSON");
        let mut nats = Vec::new();
        collect(&results, &mut nats);
        std::fs::remove_file(out).expect("it is there");
        nats
    }

    /// Repacked here, as stored there: sums in another order, and no more than that. So the right answers, of which the model is sure, are as
    /// probable as with weights that are all as stored, within what repacking itself changes.
    #[test]
    #[ignore = "needs a model"]
    fn repacked_weights_here_and_stored_ones_there_differ_by_rounding() {
        let home = Home::new();
        let peer = Peer::start(&home, &[]);
        let record = |n: usize| {
            let colours = ["red", "green", "blue", "white", "black"];
            let (context, colour) = (inventory(60), colours[n % colours.len()]);
            let question = format!("Which colour has box number {n}?");
            let (lead, gold) = (format!("Box number {n} in the cellar is painted"), format!(" {colour}"));
            serde_json::json!({"id": format!("{n}"), "task": "t", "context": context, "question": question, "lead": lead, "gold": gold,
                "answers": [colour], "metric": "contains_all"})
            .to_string()
        };
        home.file("records.jsonl", &[7, 23, 41, 58].map(record).join("\n"));
        let repacked = nats(&home, &["-ngl", "0"]);
        let stored = nats(&home, &["-ngl", "0", "--no-repack"]);
        let shared = nats(&home, &["--rpc", &peer.address, "-ngl", "12"]);
        assert_eq!(repacked.len(), 12);
        let farthest =
            |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let (here, there) = (farthest(&repacked, &stored), farthest(&repacked, &shared));
        println!(
            "nats from repacked ones: {here} as stored, {there} with 12 layers and the output on a peer; {repacked:?}"
        );
        assert!(there <= 0.01 + 2.0 * here && there <= 0.1, "{here} {there}: {repacked:?} {stored:?} {shared:?}");
    }

    #[test]
    #[ignore = "needs a model"]
    fn a_peer_that_dies_in_the_middle_ends_a_script_with_a_sentence() {
        let home = Home::new();
        home.file("cellar.txt", &inventory(300));
        let question = ["-p", "Which colour has box number 7?", "-n", "16", "-b", "128", "cellar.txt"];
        let ask = |placed: &[&str]| started_with(&home, "smollm2-135m", &[&question[..], placed].concat());
        let peer = Peer::start(&home, &[]);
        let address = peer.address.clone();
        let child = ask(&["--rpc", &address, "-ngl", "all"]);
        peer.says("computes");
        std::thread::sleep(Duration::from_secs(4));
        peer.die();
        let ran = finished(child, PATIENCE);
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert_eq!(sentence(&ran.err), format!("error: the connection to {address} (--rpc) is lost"));
        assert!(
            !ran.err.contains("SIG") && !ran.err.contains("gave up") && !ran.err.contains("panicked"),
            "{}",
            ran.err
        );
        // What was kept of the reading is sound: with it, the answer is that of a reading without a peer.
        let after = finished(ask(&["-ngl", "0"]), PATIENCE);
        let fresh = finished(ask(&["-ngl", "0", "--no-cache"]), PATIENCE);
        assert_eq!((after.code, &after.out), (fresh.code, &fresh.out), "{}", after.err);
    }
}
