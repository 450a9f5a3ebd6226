//! Clients that know nothing of Lunette, unchanged, against `lunette serve`: `openai` and `llm` from `PyPI`, `aichat` from crates.io, and curl.
//!
//! ```text
//! pip install openai llm && cargo install aichat && cargo test --test clients -- --ignored --nocapture
//! ```
//!
//! A client that is not installed is left out, loudly. `PYTHON` names another interpreter than `python3`, `AICHAT` another program than `aichat`.

mod support {
    pub(crate) mod binary;
    pub(crate) mod gguf;
    pub(crate) mod scripted_model;
    pub(crate) mod serving;
}

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};

use support::binary::Home;
use support::serving::Serving;

const KEY: &str = "secret";

fn python() -> OsString {
    std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into())
}

/// Whether Python has `module`; if not, says so.
#[allow(clippy::print_stderr, reason = "what was left out has to be said")]
fn has(module: &str) -> bool {
    let import = Command::new(python()).args(["-c", &format!("import {module}")]).output();
    let is_there = import.is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("LEFT OUT: {} has no module {module}: pip install {module}", python().display());
    }
    is_there
}

/// Has `aichat` ask, whole and streamed.
#[allow(clippy::print_stderr, clippy::print_stdout, reason = "what was asked and what was left out has to be said")]
fn ask_by_aichat(home: &Home, base: &str) {
    let program = std::env::var_os("AICHAT").unwrap_or_else(|| "aichat".into());
    let client = format!(
        "- {{ type: openai-compatible, name: served, api_base: \"{base}\", api_key: {KEY}, models: [{{ name: scripted }}] }}"
    );
    home.file("config.yaml", &format!("model: served:scripted\nclients:\n{client}\n"));
    for more in [&["--no-stream"][..], &[]] {
        let mut aichat = Command::new(&program);
        aichat.args(more).arg("Is it?").env("AICHAT_CONFIG_DIR", home.path(""));
        match aichat.output() {
            Ok(output) => assert_eq!(said(output).trim(), "Yes, it."),
            Err(error) => return eprintln!("LEFT OUT: aichat: {error}"),
        }
    }
    println!("aichat: whole and streamed");
}

fn said(output: Output) -> String {
    let (out, err) = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).into();
    assert!(output.status.success(), "{out}\n{err}");
    out
}

#[test]
#[ignore = "needs Python with openai and llm, and curl"]
fn other_people_s_clients_get_their_answers() {
    let home = Home::new();
    let serving = Serving::start(&home, &["--preset", "full", "--no-cache", "--api-key", KEY]);
    let base = format!("http://{}/v1", serving.address);
    if has("openai") {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/openai_client.py");
        print!("{}", said(Command::new(python()).arg(script).args([&base, KEY]).output().expect("it starts")));
    }
    if has("llm") {
        let models =
            format!("- model_id: served\n  model_name: scripted\n  api_base: {base}\n  api_key_name: served\n");
        home.file("extra-openai-models.yaml", &models);
        home.file("keys.json", &format!("{{\"served\": \"{KEY}\"}}"));
        for more in [&["--no-stream"][..], &[]] {
            let mut llm = Command::new(python());
            llm.args(["-m", "llm", "-m", "served", "Is it?"]).args(more).env("LLM_USER_PATH", home.path(""));
            assert_eq!(said(llm.output().expect("it starts")).trim(), "Yes, it.");
        }
        println!("llm: whole and streamed");
    }
    ask_by_aichat(&home, &base);
    let body = r#"{"messages": [{"role": "user", "content": "Is it?"}], "stream": true}"#;
    let curl = Command::new("curl")
        .args(["-sN", &format!("{base}/chat/completions"), "-H", &format!("Authorization: Bearer {KEY}"), "-d", body])
        .output();
    match curl {
        Ok(output) => assert!(said(output).trim_end().ends_with("data: [DONE]")),
        Err(error) => eprintln!("LEFT OUT: curl: {error}"),
    }
    let book = format!("file=@{}", home.path("book.txt").display());
    let upload = Command::new("curl")
        .args([
            "-s",
            &format!("{base}/files"),
            "-H",
            &format!("Authorization: Bearer {KEY}"),
            "-F",
            "purpose=user_data",
            "-F",
            &book,
        ])
        .output();
    if let Ok(output) = upload {
        let file = said(output);
        assert!(file.contains("\"filename\":\"book.txt\"") && file.contains("\"parts\":1"), "{file}");
        println!("curl: a stream, and a file");
    }
    serving.stop();
}
