//! The command line of the real binary, as far as it goes without a model: lists, refusals, exit codes, and that nothing hangs.

mod support {
    pub(crate) mod binary;
}

use std::fs;

use serde_json::Value;
use support::binary::{Home, sentence};

#[test]
fn help_and_version_are_on_standard_output() {
    let home = Home::new();
    let help = home.run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.out.contains("Exit codes:") && help.out.contains("--preset <NAME>"), "{}", help.out);
    assert_eq!(home.run(&["--version"]).code, 0);
}

#[test]
fn the_version_tells_the_library_and_its_patches_too() {
    let home = Home::new();
    let (library, stamp) = (lunette::engine::library_version(), lunette::engine::patch_stamp());
    assert!(stamp.contains('-') && !library.is_empty(), "{library:?} {stamp:?}");
    let expected = format!("lunette {}\nllama.cpp {library}, patched as {stamp}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["--version", "-V"] {
        assert_eq!(home.run(&[flag]).out, expected);
    }
}

#[test]
fn wrong_usage_is_a_sentence_and_exits_with_2() {
    let home = Home::new();
    home.file("book.txt", "It is a truth.");
    let cases: &[(&[&str], &str)] = &[
        (&["--no-such-flag"], "unexpected argument '--no-such-flag'"),
        (&["-p", "?", "--preset", "speedy", "book.txt"], "unknown preset \"speedy\""),
        (&["-p", "?", "--window", "0", "book.txt"], "invalid value '0' for '--window <WINDOW>'"),
        (&["-p", "?", "--window", "2k", "--sinks", "5000", "book.txt"], "sinks 5000 exceed the window 2k"),
        (
            &["-p", "?", "-ctk", "q8_0", "book.txt"],
            "cannot cache keys as q8_0 and values as f16: the types must be the same",
        ),
        (&["-p", "?", "--temp", "-1", "book.txt"], "invalid value '-1' for '--temp <T>': a number from 0 to 1000"),
        (&["-p", "?", "--parts", "seven", "book.txt"], "seven"),
        (&["-p", "?", "-hf", "nowhere", "book.txt"], "`nowhere` is no repository of the hub"),
        (&["--headless", "book.txt"], "no question"),
        (&["book.txt"], "no question, and no terminal to chat in"),
        (&[], "no question, and no terminal to chat in"),
    ];
    for (line, expected) in cases {
        let ran = home.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{line:?}: {}", ran.err);
    }
}

#[test]
fn a_document_that_cannot_be_read_is_named_and_exits_with_3() {
    let home = Home::new();
    fs::create_dir(home.path("folder")).unwrap();
    home.file("empty.txt", "");
    home.file("blank.txt", " \n\t\n");
    fs::write(home.path("binary.dat"), [0_u8, 159, 146, 150, 0, 1, 2, 3].repeat(64)).unwrap();
    let cases = [
        ("missing.txt", "cannot read missing.txt: no such file"),
        ("folder", "nothing to read in the folder folder"),
        ("empty.txt", "empty.txt is empty"),
        ("blank.txt", "blank.txt has only white space"),
        ("binary.dat", "cannot read binary.dat: it is binary"),
    ];
    for (name, expected) in cases {
        let ran = home.run(&["-p", "Who?", name]);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{name}: {}", ran.err);
        assert!(sentence(&ran.err).contains(expected), "{}", ran.err);
    }
    assert_eq!(home.run(&["-p", "Who?", "-f", "missing.txt", "-"]).code, 3);
}

#[test]
fn a_model_that_is_not_here_is_named_and_exits_with_5() {
    let home = Home::new();
    home.file("book.txt", "It is a truth.");
    let ran = home.run(&["-p", "Who?", "book.txt"]);
    assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{}", ran.err);
    assert!(ran.err.contains("is not on this machine") && ran.err.contains("hint: lunette pull"), "{}", ran.err);
    let ran = home.run(&["-p", "Who?", "-m", "nowhere.gguf", "book.txt"]);
    assert_eq!(ran.code, 5);
    assert!(sentence(&ran.err).contains("there is no model nowhere.gguf"), "{}", ran.err);
}

#[test]
fn a_file_that_is_no_model_is_named_and_exits_with_5() {
    let home = Home::new();
    home.file("book.txt", "It is a truth.");
    home.file("letter.gguf", &"Dear Jane, ".repeat(1000));
    home.file("short.gguf", "GGUF");
    home.file("empty.gguf", "");
    for model in ["letter.gguf", "short.gguf", "empty.gguf"] {
        let ran = home.run(&["-p", "Who?", "-m", model, "book.txt"]);
        assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{model}: {}", ran.err);
        assert!(sentence(&ran.err).contains(model), "{}", ran.err);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_cannot_be_written_exits_with_1() {
    let home = Home::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = home.run_into(full.into(), &["presets"]);
    assert_eq!(
        (ran.code, sentence(&ran.err).split(" (").next()),
        (1, Some("error: cannot write the answer: No space left on device"))
    );
}

#[test]
fn with_json_errors_are_json_too() {
    let home = Home::new();
    let cases: &[(&[&str], i32)] = &[
        (&["--json", "--no-such-flag"], 2),
        (&["--json", "-p", "?", "--preset", "speedy", "-"], 2),
        (&["--json", "-p", "?", "missing.txt"], 3),
        (&["--json", "-p", "?", "-m", "nowhere.gguf", "-"], 5),
    ];
    for (line, code) in cases {
        let ran = home.run_on(line, "It is a truth.");
        let object: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{line:?}: {}", ran.out));
        assert_eq!((ran.code, &object["error"]["exit_code"]), (*code, &Value::from(*code)), "{line:?}");
        assert!(object["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{line:?}");
    }
}

#[test]
fn a_wrong_configuration_names_file_line_and_field() {
    let home = Home::new();
    home.file("config.toml", "preset = \"mine\"\n\n[presets.mine]\nwindow = 0\n");
    let ran = home.run_with(&["-p", "?", "-"], &[("LUNETTE_CONFIG", "config.toml")], "text");
    assert_eq!(ran.code, 2);
    assert_eq!(sentence(&ran.err), "error: config.toml, line 4, presets.mine.window: invalid window \"0\"");
    assert!(ran.err.contains("hint: allowed: \"full\", tokens from 1 up"), "{}", ran.err);
    let ran = home.run_with(&["paths"], &[("LUNETTE_CONFIG", "nowhere.toml")], "");
    assert_eq!((ran.code, sentence(&ran.err)), (2, "error: cannot read nowhere.toml: no such file"));
}

#[test]
fn presets_are_listed_with_those_of_the_user() {
    let home = Home::new();
    home.file("config.toml", "[presets.mine]\nwindow = \"8k\"\nsummary = \"my own\"\nkey = 9\n");
    let listed = home.run_with(&["presets"], &[("LUNETTE_CONFIG", "config.toml")], "");
    assert_eq!(listed.code, 0);
    assert!(listed.out.contains("9  mine       my own\n"), "{}", listed.out);
    assert!(!listed.out.contains('\x1b') && !listed.out.to_lowercase().contains("lossless"), "{}", listed.out);
    let object: Value = serde_json::from_str(&home.run(&["presets", "--json"]).out).unwrap();
    let names: Vec<&str> = object["presets"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["auto", "full", "accurate", "balanced", "quick", "fastest", "stream", "paper", "naive"]);
}

#[test]
fn paths_are_printed_and_a_file_of_that_name_is_read() {
    let home = Home::new();
    let paths = home.run(&["paths"]);
    let (folders, default) = paths.out.split_once("\n\n").unwrap_or_else(|| panic!("{}", paths.out));
    assert_eq!((paths.code, folders.lines().count()), (0, 5), "{}", paths.out);
    assert!(paths.out.starts_with("config "), "{}", paths.out);
    let object: Value = serde_json::from_str(&home.run(&["paths", "--json"]).out).unwrap();
    assert!(object["models"].as_str().is_some_and(|path| path.contains("models")), "{object}");
    let name = object["default_model"].as_str().unwrap_or_else(|| panic!("{object}"));
    assert_eq!(default.trim(), format!("the default model on this machine is {name}"));
    let read = home.run(&["-p", "?", "./paths"]);
    assert_eq!((read.code, sentence(&read.err)), (3, "error: cannot read ./paths: no such file"));
}

#[test]
#[cfg(unix)]
fn installing_puts_the_program_its_completions_and_its_manual_page_where_they_are_looked_for() {
    let home = Home::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install.sh");
    let install = |program: &str| {
        let mut command = std::process::Command::new(script);
        command.args([program, "/usr"]).env("DESTDIR", home.path("root")).env("HOME", home.path("")).output().unwrap()
    };
    let installed = install(env!("CARGO_BIN_EXE_lunette"));
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let text = |name: &str| fs::read_to_string(home.path("root/usr").join(name)).unwrap_or_else(|_| panic!("{name}"));
    assert!(text("share/bash-completion/completions/lunette").contains("complete -F _lunette"));
    assert!(text("share/zsh/site-functions/_lunette").starts_with("#compdef lunette"));
    assert!(text("share/fish/vendor_completions.d/lunette.fish").contains("complete -c lunette"));
    assert!(text("share/man/man1/lunette.1").contains(".TH lunette 1"));
    let version = std::process::Command::new(home.path("root/usr/bin/lunette")).arg("--version").output().unwrap();
    assert!(version.status.success() && version.stdout.starts_with(b"lunette "));
    assert!(!install("/bin/false").status.success(), "a program that doesn't run is told");
    let script = home.path("root/usr/share/bash-completion/completions/lunette");
    let parsed = std::process::Command::new("bash").arg("-n").arg(script).status();
    assert!(parsed.is_ok_and(|status| status.success()), "bash reads it");
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = home.run(&["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("require-citations"), "{shell}: {}", ran.err);
    }
    assert_eq!(home.run(&["completions", "tcsh"]).code, 2);
    assert!(home.run(&["man"]).out.contains(".SH OPTIONS"));
}

/// Standard input as scripts leave it. Without a model the run ends with 5, after the documents are read.
#[test]
#[cfg(unix)]
fn standard_input_that_is_not_for_us_is_left_alone() {
    let home = Home::new();
    home.file("list", "one\ntwo\nthree\n");
    home.file("book.txt", "It is a truth.");
    let ask = format!("{} -p 'Who?'", env!("CARGO_BIN_EXE_lunette"));
    let shell = |line: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", line]).current_dir(home.path("")).env_clear().env("HOME", home.path(""));
        let output = command.env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
    };
    let notes = |line: &str| {
        let (code, err) = shell(&line.replace("ASK", &ask));
        assert_eq!(code, 5, "{line}: {err}");
        err.lines().filter(|line| line.starts_with("note: standard input")).map(str::to_owned).collect::<Vec<_>>()
    };
    let begun = "note: standard input is not read, because another program has read part of it; `-` reads the rest";
    let ignored = "note: standard input is not read, because a document is named; `-` beside it reads both";
    assert_eq!(notes("ASK < book.txt"), ["note: standard input is the document (14 B)"]);
    assert_eq!(notes("cat book.txt | ASK"), ["note: standard input is the document (14 B)"]);
    assert_eq!(notes("true | ASK"), ["note: standard input is empty, so there is no document"]);
    assert_eq!((notes("ASK < /dev/null"), notes("ASK <&-")), (vec![], vec![]));
    assert_eq!(notes("{ read line; ASK; } < list"), [begun]);
    assert_eq!(notes("cat list | { sleep 0.1; ASK book.txt; }"), [ignored]);
    assert_eq!((notes("ASK book.txt < /dev/null"), notes("cat list | ASK -")), (vec![], vec![]));
    let (_, all) = shell(&format!("while read line; do echo \"$line\" >&2; {ask}; done < list"));
    assert_eq!(all.matches(begun).count(), 3, "the loop goes through its whole list: {all}");
}
