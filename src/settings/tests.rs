use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use super::*;
use crate::engine::config::{
    ContextSize, DiskCacheSettings, EngineSettings, GpuLayers, Keeps, KvDtype, Offload, OwnWindows, Parallel,
    RopeScaling, SplitMode,
};
use crate::engine::message::{Limits, SamplingPatch};
use crate::engine::peers;
use crate::exit::{Exit, ExitError};
use crate::models::{HubVariables, ModelRef, Places};
use crate::swaa::{ChainOfThought, LayerSpec, Preset, Presets, RecipeSpec, WindowSpec};

const AT_A_TERMINAL: Terminal = Terminal { stdin: true, stdout: true, stderr: true, color: true };
const IN_A_PIPE: Terminal = Terminal { stdin: false, stdout: false, stderr: false, color: false };

fn surroundings(terminal: Terminal, config: &str) -> Surroundings {
    let directory = |name: &str| PathBuf::from(format!("/home/reader/{name}"));
    Surroundings {
        stdin: StandardInput::Nothing,
        terminal,
        directories: Directories {
            config: directory("config"),
            cache: directory("cache"),
            data: directory("data"),
            state: directory("state"),
        },
        home: Some(PathBuf::from("/home/reader")),
        config: (!config.is_empty()).then(|| ("config.toml".to_owned(), config.to_owned())),
        log_filter: "info".to_owned(),
        places: Places::new(&directory("cache"), None, HubVariables::default()),
        program: Some("lunette".into()),
        pdf_password: None,
        api_key: None,
        server: ServerVariables::default(),
        screen: ScreenVariables::default(),
    }
}

fn typed(line: &[&str]) -> LowArgs {
    let words = ["lunette"].into_iter().chain(line.iter().copied()).map(OsString::from);
    LowArgs::try_parse_from(argv::rewrite(words)).unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

fn resolved(line: &[&str], terminal: Terminal, config: &str) -> Result<Settings, Error> {
    Settings::resolve(typed(line), surroundings(terminal, config))
}

fn headless(line: &[&str]) -> Settings {
    resolved(line, IN_A_PIPE, "").unwrap()
}

fn refused(line: &[&str]) -> (String, Exit) {
    let error = resolved(line, IN_A_PIPE, "").expect_err("it should be refused");
    let error = ExitError::from(error);
    let (message, hint) = error.told().expect("a sentence");
    (format!("{message}; hint: {}", hint.unwrap_or_default()), error.exit())
}

#[test]
fn the_command_line_is_well_formed() {
    LowArgs::command().debug_assert();
}

/// How `line` serves.
fn serving(line: &[&str]) -> Serving {
    let settings = headless(&[&["serve"], line].concat());
    let FrontEnd::Serve(serving) = settings.front_end else { panic!("{line:?} does not serve") };
    serving
}

#[test]
fn a_server_listens_on_this_machine_alone_unless_it_has_a_key() {
    let here = serving(&["book.txt"]);
    assert_eq!((here.listen, here.api_key), (Listen { host: "127.0.0.1".into(), port: 8080 }, None));
    let open = "other machines can reach 0.0.0.0, and there is no API key";
    for line in [&["serve", "--listen", "0.0.0.0:80"][..], &["serve", "--host", "0.0.0.0"]] {
        let (told, exit) = refused(line);
        assert!(told.starts_with(open) && exit == Exit::Usage, "{told}");
    }
    let known = serving(&["--host", "0.0.0.0", "--port", "9000", "--api-key", " secret "]);
    assert_eq!(known.listen, Listen { host: "0.0.0.0".into(), port: 9000 });
    assert_eq!(
        (known.api_key.clone(), format!("{:?}", known.api_key)),
        (Some(ApiKey("secret".into())), "Some(ApiKey(…))".into())
    );
    assert!(refused(&["serve", "--api-key", " "]).0.starts_with("the API key is empty"));
}

#[test]
fn the_key_of_a_server_comes_from_a_flag_a_file_or_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    std::fs::write(&file, "from a file\n").expect("written");
    let given = |line: &[&str]| {
        let known = Surroundings { api_key: Some("from outside".into()), ..surroundings(IN_A_PIPE, "") };
        match Settings::resolve(typed(line), known).expect("settings").front_end {
            FrontEnd::Serve(serving) => serving.api_key.expect("a key").0,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(given(&["serve"]), "from outside");
    assert_eq!(given(&["serve", "--api-key-file", &file.to_string_lossy()]), "from a file");
    let missing = refused(&["serve", "--api-key-file", "/no/such/key"]);
    assert!(missing.0.starts_with("cannot read the API key from /no/such/key: no such file"), "{}", missing.0);
}

#[test]
fn flags_about_a_server_need_one_and_fields_are_a_json_object() {
    let line =
        ["--server", "box:8000", "--tokenizer", "a.gguf", "--server-body", r#"{"keep_first": 10}"#, "-p", "Who?"];
    let server = headless(&line).server.expect("one was named");
    let keep_first = server.body.get("keep_first").and_then(serde_json::Value::as_u64);
    assert_eq!((server.tokenizer, keep_first), (Some("a.gguf".into()), Some(10)));
    for flag in ["--tokenizer", "--server-body"] {
        let (told, exit) = refused(&[flag, "{}", "-p", "Who?"]);
        assert!(told.starts_with(&format!("{flag} is about a server's engine")) && exit == Exit::Usage, "{told}");
    }
    for wrong in ["[]", "keep_first=10", r#"{"messages": []}"#] {
        assert!(LowArgs::try_parse_from(["lunette", "--server-body", wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn a_server_takes_the_flags_of_the_reference_and_limits_each_answer() {
    let settings =
        headless(&["serve", "--sliding_window_size", "2048", "--keep_first", "10", "--force_fa_decode", "-n", "9"]);
    let changes = &settings.reading.changes;
    assert_eq!(
        (changes.window, changes.sinks, changes.fa_decode),
        (Some(WindowSpec::Tokens(2048)), Some(10), Some(true))
    );
    assert_eq!((settings.limits.time, settings.limits.max_tokens), (Some(Duration::from_mins(30)), Some(9)));
}

#[test]
fn nothing_said_gives_the_defaults() {
    let settings = resolved(&["book.txt"], AT_A_TERMINAL, "").unwrap();
    assert!(matches!(settings.front_end, FrontEnd::Screen));
    assert_eq!(settings.documents, Documents::Named(vec!["book.txt".into()]));
    assert_eq!(settings.model, ModelRef::Default);
    assert_eq!(
        (settings.reading.preset.as_str(), settings.reading.recipe_of(settings.reading.asked())),
        ("auto", None)
    );
    assert_eq!(settings.sampling, SamplingPatch::default());
    assert_eq!(settings.limits, Limits { max_tokens: Some(2048), ..Limits::default() });
    let expected = EngineSettings {
        context: ContextSize::Fit,
        reserve_tokens: 2048,
        n_batch: None,
        n_ubatch: None,
        threads: None,
        kv_dtype: KvDtype::F16,
        own_windows: OwnWindows::Short,
        rope: RopeScaling::default(),
        adapters: Vec::new(),
        presets: Presets::built_in().iter().filter_map(|preset| preset.recipe.clone()).collect(),
        parallel: Parallel::ONE,
        flash_attention: true,
        offload: Offload::default(),
        resident_bytes: 2 << 30,
        device_snapshots: 4,
        speeds: Some("/home/reader/state/speeds.json".into()),
        disk_cache: Some(DiskCacheSettings {
            folder: "/home/reader/cache/kv".into(),
            most_bytes: None,
            keeps: Keeps::Conversations,
        }),
        first_use: settings.engine.first_use.clone(),
        heads: Some("/home/reader/state/heads.json".into()),
    };
    assert_eq!(settings.engine, expected);
}

#[test]
fn llama_cpp_flags_keep_their_meaning() {
    let line = "-m model.gguf -c 32768 -n 64 -b 1024 -ub 256 -t 2 -ngl 12 -dev CUDA0,CUDA1 -sm none -ts 3,1 -mg 1 -fa on -ctk q8_0 -ctv q8_0 --temp 0.8 --top-k 20 \
                --top-p 0.9 --min-p 0.1 --repeat-penalty 1.1 --repeat-last-n 128 --seed 7 -sys Be_brief -p Who? a.txt";
    let settings = headless(&line.split_whitespace().collect::<Vec<_>>());
    let expected = EngineSettings {
        context: ContextSize::Tokens(32768),
        reserve_tokens: 2048,
        n_batch: Some(1024),
        n_ubatch: Some(256),
        threads: Some(2),
        kv_dtype: KvDtype::Q8_0,
        own_windows: OwnWindows::Short,
        rope: RopeScaling::default(),
        adapters: Vec::new(),
        presets: Presets::built_in().iter().filter_map(|preset| preset.recipe.clone()).collect(),
        parallel: Parallel::ONE,
        flash_attention: true,
        offload: Offload {
            layers: GpuLayers::Count(12),
            devices: vec!["CUDA0".to_owned(), "CUDA1".to_owned()],
            split_mode: SplitMode::None,
            tensor_split: vec![3.0, 1.0],
            main_gpu: 1,
            ..Offload::default()
        },
        resident_bytes: 2 << 30,
        device_snapshots: 4,
        speeds: Some("/home/reader/state/speeds.json".into()),
        disk_cache: Some(DiskCacheSettings {
            folder: "/home/reader/cache/kv".into(),
            most_bytes: None,
            keeps: Keeps::Documents,
        }),
        first_use: settings.engine.first_use.clone(),
        heads: Some("/home/reader/state/heads.json".into()),
    };
    assert_eq!(settings.engine, expected);
    let sampling = SamplingPatch {
        temperature: Some(0.8),
        top_k: Some(20),
        top_p: Some(0.9),
        min_p: Some(0.1),
        repeat_penalty: Some(1.1),
        repeat_last_n: Some(128),
        seed: Some(7),
    };
    assert_eq!(settings.sampling, sampling);
    assert_eq!(settings.limits.max_tokens, Some(64));
    assert_eq!(settings.model, ModelRef::Named("model.gguf".to_owned()));
    assert_eq!(settings.system_prompt.as_deref(), Some("Be_brief"));
    assert_eq!(settings.questions, ["Who?"]);
    assert_eq!(settings.documents, Documents::Named(vec!["a.txt".into()]));
}

#[test]
fn machines_that_compute_layers_come_from_the_flag_else_the_environment_else_the_configuration() {
    let resolved = |line: &[&str], variable: Option<&str>| {
        let mut surroundings = surroundings(IN_A_PIPE, "rpc = \"a:1,b:2\"\n");
        surroundings.server.rpc = variable.map(str::to_owned);
        Settings::resolve(typed(line), surroundings)
    };
    let peers = |line: &[&str], variable| resolved(line, variable).map(|settings| settings.engine.offload.peers);
    assert_eq!(peers(&["paths"], None).unwrap(), ["a:1", "b:2"]);
    assert_eq!(peers(&["paths"], Some("c:3")).unwrap(), ["c:3"]);
    assert_eq!(peers(&["paths"], Some("none")).unwrap(), [""; 0]);
    assert_eq!(peers(&["doctor", "--rpc", "d:4"], Some("c:3")).unwrap(), ["d:4"]);
    assert_eq!(peers(&["-p", "?", "--rpc", "none"], None).unwrap(), [""; 0]);
    assert!(matches!(peers(&["paths"], Some("c")), Err(Error::PeersVariable { .. })));
    let named = peers(&["-p", "?", "--rpc", "d:4,e:5,d:4"], None);
    if peers::BUILT {
        assert_eq!(named.unwrap(), ["d:4", "e:5"]);
    } else {
        assert!(matches!(named, Err(Error::WithoutRpc)));
    }
}

#[test]
fn llama_cpp_minus_one_is_no_limit() {
    let settings =
        headless(&["-n", "-1", "-t", "-1", "-ngl", "-1", "--seed", "-1", "--reasoning-budget", "-1", "-p", "?"]);
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(
        (settings.engine.threads, settings.engine.offload, settings.sampling.seed),
        (None, Offload::default(), Some(u32::MAX))
    );
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let config = "model = \"small\"\npreset = \"quick\"\nctx_size = 4096\n[sampling]\ntemp = 0.5\ntop_k = 10\n";
    let settings = resolved(&["-p", "?", "--temp", "0.9", "--preset", "fastest"], IN_A_PIPE, config).unwrap();
    assert_eq!(settings.model, ModelRef::Named("small".to_owned()));
    assert_eq!(settings.reading.preset, "fastest");
    assert_eq!(settings.engine.context, ContextSize::Tokens(4096));
    let SamplingPatch { temperature, top_k, top_p, .. } = settings.sampling;
    assert_eq!((temperature, top_k, top_p), (Some(0.9), Some(10), None));
}

#[test]
fn single_fields_change_a_preset_under_both_names() {
    let ours = ["--window", "8k", "--sinks", "10", "--far", "16", "--full-layers", "odd", "--fa-decode=off", "--paper"];
    let reference = [
        "--sliding-window-size",
        "8192",
        "--keep-first",
        "10",
        "--far=16",
        "--non-sliding-layers",
        "odd",
        "--force-fa-decode",
        "False",
    ];
    let expected = RecipeSpec {
        window: WindowSpec::Tokens(8192),
        sinks: 10,
        far: 16,
        full_layers: LayerSpec::Odd,
        fa_decode: false,
        dense_tail: false,
        adapters: Vec::new(),
    };
    for flags in [ours.to_vec(), [&reference[..], &["--dense-tail", "off"]].concat()] {
        let settings = headless(&[&["-p", "?", "--preset", "naive"], &flags[..]].concat());
        let reading = settings.reading;
        assert_eq!(reading.recipe_of(reading.asked()), Some(("custom".to_owned(), expected.clone())), "{flags:?}");
    }
}

#[test]
fn a_window_settles_a_recipe_that_auto_would_choose() {
    let reading = headless(&["-p", "?", "--window", "4k"]).reading;
    let expected = RecipeSpec { window: WindowSpec::Tokens(4096), ..RecipeSpec::SLIDING };
    assert_eq!(reading.recipe_of(reading.asked()), Some(("custom".to_owned(), expected)));
}

#[test]
fn a_field_that_auto_has_no_recipe_for_is_refused_and_a_window_or_a_preset_takes_it() {
    let flags = ["--sinks=4", "--far=16", "--full-layers=odd", "--fa-decode=off", "--dense-tail=off", "--paper"];
    for flag in flags {
        let (refusal, exit) = refused(&["-p", "?", flag]);
        let named = flag.split('=').next().unwrap();
        let expected = format!(
            "{named} needs a recipe to change, and auto chooses one only after it has seen the document; hint: also"
        );
        assert!(refusal.starts_with(&expected), "{refusal}");
        assert_eq!(exit, Exit::Usage);
        for base in [["--window", "1k"], ["--preset", "quick"]] {
            let reading = headless(&[&["-p", "?", flag], &base[..]].concat()).reading;
            assert_eq!(reading.recipe_of(reading.asked()).unwrap().0, "custom", "{flag} {base:?}");
        }
    }
}

#[test]
fn full_attention_stays_what_it_is_when_only_sinks_are_named() {
    let reading = headless(&["-p", "?", "--preset", "full", "--sinks", "4"]).reading;
    assert_eq!(reading.recipe_of(reading.asked()).unwrap().0, "full");
}

#[test]
fn what_flags_make_of_a_preset_is_an_offer_of_its_own_and_comes_first() {
    let preset_entries = |line: &[&str], config| {
        let (preset_entries, first) = resolved(line, AT_A_TERMINAL, config).unwrap().reading.preset_entries();
        let Preset { name, key, summary, .. } = preset_entries[first].clone();
        (preset_entries.len(), name, key, summary)
    };
    let (number, ..) = preset_entries(&[], "");
    let summary = "from your flags: window 1k, sinks 100, every layer sliding, full decode, dense tail";
    let custom = |key| (number + 1, "custom".to_owned(), key, summary.to_owned());
    assert_eq!(preset_entries(&["--window", "1k"], ""), custom(Some('9')));
    assert_eq!(preset_entries(&["--preset", "fastest", "--far", "none"], ""), custom(Some('9')));
    let taken = "[presets.quick]\nkey = 9\n";
    assert_eq!(preset_entries(&["--window", "1k"], taken), custom(None));
    let (unchanged, name, key, _) = preset_entries(&["--preset", "quick", "--window", "4k"], "");
    assert_eq!((unchanged, name.as_str(), key), (number, "quick", Some('4')));
}

#[test]
fn fields_that_change_nothing_leave_the_name() {
    let reading = headless(&["-p", "?", "--preset", "quick", "--window", "4096"]).reading;
    assert_eq!(reading.recipe_of(reading.asked()).unwrap().0, "quick");
}

#[test]
fn the_chain_of_thought_is_the_flags_then_the_presets() {
    let config = "[presets.thinker]\nwindow = \"4k\"\ncot = \"prompted\"\n";
    let cot = |line: &[&str]| {
        let reading = resolved(line, IN_A_PIPE, config).unwrap().reading;
        reading.cot_of(reading.asked())
    };
    assert_eq!(cot(&["-p", "?"]), ChainOfThought::Auto);
    assert_eq!(cot(&["-p", "?", "--cot", "native"]), ChainOfThought::Native);
    assert_eq!(cot(&["-p", "?", "--cot", "native", "--reasoning-budget", "0"]), ChainOfThought::Off);
    assert_eq!(cot(&["-p", "?", "--preset", "thinker"]), ChainOfThought::Prompted);
    assert_eq!(cot(&["-p", "?", "--preset", "thinker", "--cot", "off"]), ChainOfThought::Off);
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let cases = [
        (vec!["-p", "?", "--preset", "speedy"], "unknown preset \"speedy\"; hint: known presets: auto, full, accurate"),
        (vec!["-p", "?", "--sinks", "5000", "--window", "2k"], "sinks 5000 exceed the window 2k; hint: at most"),
        (
            vec!["-p", "?", "-ctk", "q8_0"],
            "cannot cache keys as q8_0 and values as f16: the types must be the same; hint: give -ctk and -ctv",
        ),
        (vec!["-p", "?", "-ctk", "q4_0", "-ctv", "q4_0", "-fa", "off"], "cannot cache values as q4_0 without flash"),
        (vec!["-p", "?", "-hf", "nowhere"], "`nowhere` is no repository of the hub; hint: write it as USER/REPO"),
        (vec!["book.txt"], "no question, and no terminal to chat in; hint: ask with -p"),
        (vec!["--json", "book.txt"], "no question; hint: ask with -p"),
        (vec!["-p", " ", "--headless"], "no question; hint: ask with -p"),
    ];
    for (line, message) in cases {
        let (refusal, exit) = refused(&line);
        assert!(refusal.starts_with(message), "{refusal}");
        assert_eq!(exit, Exit::Usage);
    }
}

#[test]
fn clap_refuses_values_with_what_is_allowed() {
    for (line, allowed) in [
        (["--window", "0"], "\"full\""),
        (["--full-layers", "third"], "first half"),
        (["--timeout", "soon"], "60s"),
        (["-ctk", "q5"], "q8_0"),
        (["--cot", "maybe"], "prompted"),
    ] {
        let words = ["lunette"].into_iter().chain(line).map(OsString::from);
        let error = LowArgs::try_parse_from(argv::rewrite(words)).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(allowed), "{error}");
    }
}

#[test]
fn a_pipe_is_never_interactive_and_a_terminal_only_when_wanted() {
    let is_screen =
        |line: &[&str], terminal| matches!(resolved(line, terminal, "").unwrap().front_end, FrontEnd::Screen);
    assert!(is_screen(&["-p", "?", "a.txt"], AT_A_TERMINAL));
    assert!(!is_screen(&["-p", "?", "a.txt"], IN_A_PIPE));
    assert!(!is_screen(&["-p", "?", "--headless"], AT_A_TERMINAL));
    assert!(!is_screen(&["-p", "?", "--json"], AT_A_TERMINAL));
    assert!(!is_screen(&["--dry-run", "a.txt"], AT_A_TERMINAL));
    let is_plain = |line: &[&str], terminal| matches!(resolved(line, terminal, "").unwrap().front_end, FrontEnd::Plain);
    assert!(is_plain(&["--plain", "a.txt"], AT_A_TERMINAL));
    assert!(is_plain(&["--plain", "a.txt"], IN_A_PIPE));
    assert!(!is_plain(&["--plain", "--json", "-p", "?", "a.txt"], IN_A_PIPE));
    let input_piped = Terminal { stdin: false, ..AT_A_TERMINAL };
    assert!(!is_screen(&["-p", "?", "-"], input_piped));
}

/// `cat book.txt | lunette -`, typed at a terminal.
#[test]
fn a_piped_document_is_talked_about_on_the_screen_if_keys_can_be_read() {
    let input_piped = Terminal { stdin: false, ..AT_A_TERMINAL };
    let front_end = |line: &[&str], terminal, variables: ScreenVariables| {
        let surroundings = Surroundings { screen: variables, ..surroundings(terminal, "") };
        Settings::resolve(typed(line), surroundings).map(|settings| settings.front_end)
    };
    let tty = ScreenVariables { tty: true, ..ScreenVariables::default() };
    assert!(matches!(front_end(&["-"], input_piped, tty.clone()), Ok(FrontEnd::Screen)));
    assert!(matches!(front_end(&["-", "b.txt"], input_piped, tty.clone()), Ok(FrontEnd::Screen)));
    assert!(matches!(front_end(&["-p", "?", "-"], input_piped, tty.clone()), Ok(FrontEnd::Headless(_))));
    let refused = [
        (input_piped, ScreenVariables::default()),
        (input_piped, ScreenVariables { dumb: true, ..tty.clone() }),
        (input_piped, ScreenVariables { accessible: true, ..tty.clone() }),
        (IN_A_PIPE, tty),
    ];
    for (terminal, variables) in refused {
        assert!(matches!(front_end(&["-"], terminal, variables.clone()), Err(Error::NoTerminal)), "{variables:?}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_plain_lines() {
    let dumb = ScreenVariables { dumb: true, ..ScreenVariables::default() };
    let surroundings = Surroundings { screen: dumb, ..surroundings(AT_A_TERMINAL, "") };
    let settings = Settings::resolve(typed(&["a.txt"]), surroundings).expect("a front end");
    assert!(matches!(settings.front_end, FrontEnd::Plain));
}

#[test]
fn the_timeout_ends_the_run_without_a_screen_and_each_answer_in_it() {
    let line = ["-p", "?", "--timeout", "90s", "a.txt"];
    let of = |terminal| {
        let settings = resolved(&line, terminal, "").unwrap();
        (settings.timeout, settings.limits.time)
    };
    let time = Some(Duration::from_secs(90));
    assert_eq!((of(IN_A_PIPE), of(AT_A_TERMINAL)), ((time, None), (time, time)));
}

#[test]
fn a_subcommand_stands_first_and_a_path_is_no_subcommand() {
    let front_end = |line: &[&str]| resolved(line, AT_A_TERMINAL, "").unwrap().front_end;
    assert!(matches!(front_end(&["paths"]), FrontEnd::Paths { json: false }));
    assert!(matches!(front_end(&["presets", "--json", "-m", "x.gguf"]), FrontEnd::Presets { json: true }));
    assert!(matches!(front_end(&["pull", "small"]), FrontEnd::Pull { name: Some(_) }));
    let as_documents = |line: &[&str]| match resolved(line, AT_A_TERMINAL, "").unwrap().documents {
        Documents::Named(names) => names,
        Documents::BundledBook | Documents::Piped => Vec::new(),
    };
    assert_eq!(as_documents(&["./paths"]), ["./paths"]);
    assert_eq!(as_documents(&["book.txt", "paths"]), ["book.txt", "paths"]);
    assert_eq!(as_documents(&["--", "paths"]), ["paths"]);
}

#[test]
fn a_demo_without_a_terminal_asks_by_itself_and_reads_for_a_minute() {
    let settings = headless(&["demo"]);
    assert_eq!((settings.documents, settings.within), (Documents::BundledBook, Some(Duration::from_mins(1))));
    assert_eq!(settings.questions.len(), 1);
    assert!(matches!(settings.front_end, FrontEnd::Headless(Headless { stats: true, .. })));
    let settings = resolved(&["demo", "--parts", "1-3"], AT_A_TERMINAL, "").unwrap();
    assert!(settings.questions.is_empty() && settings.within.is_none());
}

#[test]
fn eval_checks_its_presets() {
    let settings = headless(&["eval", "a.jsonl.gz", "--presets", "full,paper", "--limit", "20", "-t", "2"]);
    let FrontEnd::Eval(args) = settings.front_end else { panic!("not eval") };
    assert_eq!(
        (args.presets, args.limit, settings.engine.threads),
        (vec!["full".into(), "paper".into()], Some(20), Some(2))
    );
    assert_eq!(refused(&["eval", "a.jsonl.gz", "--presets", "speedy"]).1, Exit::Usage);
}

#[test]
fn a_plan_takes_what_a_session_takes_and_needs_no_question() {
    let planned = |line: &[&str]| resolved(line, IN_A_PIPE, "").unwrap();
    let fit = planned(&["fit", "a.txt", "--json", "--parts", "1-2", "--measure", "--preset", "quick"]);
    assert!(matches!(fit.front_end, FrontEnd::Fit(FitAs { json: true, measure: true })));
    assert_eq!((fit.parts.as_deref(), fit.reading.preset.as_str()), (Some("1-2"), "quick"));
    let dry = planned(&["--dry-run", "-p", "Who?", "a.txt"]);
    assert!(matches!(dry.front_end, FrontEnd::Fit(FitAs { json: false, measure: false })));
    assert_eq!(dry.questions, ["Who?"]);
}

/// `lunette fit` printed a table of zeros.
#[test]
fn a_plan_needs_a_document() {
    let expected =
        "no document to plan for; hint: name one, as in `lunette fit book.txt`, or give it on standard input";
    for line in [&["fit"][..], &["fit", "-p", "Who?"], &["--dry-run"]] {
        assert_eq!(refused(line), (expected.to_owned(), Exit::Usage), "{line:?}");
    }
    assert_eq!(headless(&["--dry-run", "-p", "Who?"]).questions, ["Who?"], "a question can stand alone");
    let piped = Surroundings { stdin: StandardInput::Piped, ..surroundings(IN_A_PIPE, "") };
    assert_eq!(Settings::resolve(typed(&["fit"]), piped).unwrap().documents, Documents::Piped);
}

#[test]
fn a_pick_needs_a_question() {
    assert_eq!(headless(&["--pick", "20k", "-p", "Who?", "a.txt"]).pick, Some(20_480));
    let (told, exit) = refused(&["fit", "--pick", "20k", "a.txt"]);
    assert_eq!((told.as_str(), exit), ("--pick needs a question; hint: ask with -p 'QUESTION'", Exit::Usage));
}

#[test]
fn standard_input_is_a_document_in_scripts_alone_and_only_if_no_other_is_named() {
    let documents = |line: &[&str], stdin| {
        let surroundings = Surroundings { stdin, ..surroundings(IN_A_PIPE, "") };
        Settings::resolve(typed(line), surroundings).unwrap().documents
    };
    let named = |names: &[&str]| Documents::Named(names.iter().map(OsString::from).collect());
    assert_eq!(documents(&["-p", "?"], StandardInput::Piped), Documents::Piped);
    assert_eq!(documents(&["--dry-run"], StandardInput::Piped), Documents::Piped);
    assert_eq!(documents(&["-p", "?", "a.txt"], StandardInput::Piped), named(&["a.txt"]));
    assert_eq!(documents(&["demo"], StandardInput::Piped), Documents::BundledBook);
    assert_eq!(documents(&["--plain"], StandardInput::Piped), named(&[]), "its lines are questions");
    for stdin in [StandardInput::Nothing, StandardInput::Begun, StandardInput::Terminal] {
        assert_eq!(documents(&["-p", "?"], stdin), named(&[]), "{stdin:?}");
    }
}

#[test]
fn a_system_prompt_is_a_text_or_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("system.txt");
    std::fs::write(&file, "Be brief.\n").unwrap();
    let named = format!("@{}", file.display());
    for (given, expected) in [("Be brief.", "Be brief."), (&*named, "Be brief."), ("@@all", "@all"), ("-x", "-x")] {
        for flag in ["--system", "--system-prompt", "-sys"] {
            assert_eq!(headless(&[flag, given, "-p", "?"]).system_prompt.as_deref(), Some(expected));
        }
    }
    let (told, exit) = refused(&["--system", "@nowhere.txt", "-p", "?"]);
    assert!(told.starts_with("cannot read the system prompt from nowhere.txt: no such file;"), "{told}");
    assert_eq!(exit, Exit::Input);
    assert_eq!(resolved(&[], AT_A_TERMINAL, "system_prompt = \"@b\"").unwrap().system_prompt.as_deref(), Some("@b"));
}

#[test]
fn a_schema_is_checked_before_anything_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.json");
    let with = |text: &str| {
        std::fs::write(&file, text).unwrap();
        ["--schema", file.to_str().unwrap(), "-p", "?"].map(str::to_owned)
    };
    let line = with("{\"type\": \"integer\"}");
    let settings = resolved(&line.each_ref().map(|word| &**word), AT_A_TERMINAL, "").unwrap();
    assert_eq!(settings.schema.as_deref(), Some("{\"type\": \"integer\"}"));
    assert!(matches!(settings.front_end, FrontEnd::Headless(_)), "it is for scripts");
    let (told, exit) = refused(&with("{\"type\": \"person\"}").each_ref().map(|word| &**word));
    assert!(told.starts_with(&format!("cannot use the schema {}: ", file.display())), "{told}");
    assert_eq!((exit, refused(&["--schema", "nowhere.json", "-p", "?"]).1), (Exit::Usage, Exit::Input));
}

/// `--sinks -4` was an "unexpected argument", and `-n -5` a sentence about the range.
#[test]
fn a_negative_number_is_a_value_and_is_refused_with_what_is_allowed() {
    const NUMBERS: [&str; 10] = ["TOKENS", "N", "NUMBERS", "TIME", "WINDOW", "LAYERS", "SIZE", "T", "P", "X"];
    let known = LowArgs::command();
    let commands = std::iter::once(&known).chain(known.get_subcommands());
    for argument in commands.flat_map(clap::Command::get_arguments) {
        let is_number = argument.get_value_names().is_some_and(|names| NUMBERS.contains(&names[0].as_str()));
        let takes_a_minus = argument.is_allow_negative_numbers_set() || argument.is_allow_hyphen_values_set();
        assert!(!is_number || takes_a_minus, "{argument}");
    }
    for line in [["--sinks", "-4", "a.txt"], ["--window", "-5", "a.txt"], ["-b", "-1", "a.txt"]] {
        let words = ["lunette"].iter().chain(&line).map(OsString::from);
        let told = LowArgs::try_parse_from(argv::rewrite(words)).expect_err("it is out of range").to_string();
        assert!(told.contains(&format!("invalid value '{}'", line[1])), "{told}");
    }
}
