//! The contract, tested against a scripted engine. `tests/headless.rs` tests the real binary.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use super::*;
use crate::chat::described::objections;
use crate::engine::message::{Channel, Event, Finish};
use crate::failure::{Failure, FailureKind};
use crate::models::{HubVariables, Places};
use crate::session::client::ECHO;
use crate::session::scripted_engine::{Script, ScriptedEngine, says, tokens_of};
use crate::session::{EngineChannels, Signal, Stops};
use crate::settings::{
    Directories, LowArgs, ScreenVariables, ServerVariables, StandardInput, Surroundings, Terminal, argv,
};

/// The output of a run.
struct Ran {
    out: String,
    err: String,
    exit: Exit,
}

impl Ran {
    fn objects(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }
}

fn settings(line: &[&str]) -> Settings {
    settings_with(line, StandardInput::Nothing)
}

fn settings_with(line: &[&str], stdin: StandardInput) -> Settings {
    let words = ["lunette"].into_iter().chain(line.iter().copied()).map(OsString::from);
    let low = LowArgs::try_parse_from(argv::rewrite(words)).unwrap();
    let directory = PathBuf::from("nowhere");
    let surroundings = Surroundings {
        stdin,
        terminal: Terminal { stdin: false, stdout: false, stderr: false, color: false },
        directories: Directories {
            config: directory.clone(),
            cache: directory.clone(),
            data: directory.clone(),
            state: directory,
        },
        home: None,
        config: None,
        log_filter: String::new(),
        places: Places::new(Path::new("nowhere"), None, HubVariables::default()),
        program: None,
        pdf_password: None,
        api_key: None,
        server: ServerVariables::default(),
        screen: ScreenVariables::default(),
    };
    Settings::resolve(low, surroundings).unwrap()
}

async fn ran_with(
    line: &[&str],
    stdin: &str,
    stops: Stops,
    start: impl FnOnce() -> Result<EngineChannels, ExitError>,
) -> Ran {
    ran_by(&settings(line), stdin, stops, start).await
}

async fn ran_by(
    settings: &Settings,
    stdin: &str,
    stops: Stops,
    start: impl FnOnce() -> Result<EngineChannels, ExitError>,
) -> Ran {
    let start = |_: &mut Reporter<'_>| Ok(started(settings, start()?, stops));
    let crate::settings::FrontEnd::Headless(headless) = settings.front_end else { panic!("it is not headless") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut reporter = Reporter::new(&mut out, &mut err, headless.output, settings.terminal);
    let exit = run(settings, headless, Kept::nothing(), &mut stdin.as_bytes(), start, &mut reporter).await;
    drop(reporter);
    Ran { out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap(), exit }
}

fn started(settings: &Settings, engine: EngineChannels, stops: Stops) -> Started {
    let count = |texts: &[&str]| texts.iter().map(|text| tokens_of(text)).collect();
    let retriever = Retriever::counting_by(settings, Box::new(count));
    Started { client: EngineClient::new(engine, stops), model: PathBuf::from("toy.gguf"), retriever }
}

/// Runs `line` on the text `stdin` with an engine that follows `script`.
async fn ran(line: &[&str], stdin: &str, script: Script) -> Ran {
    ran_with(line, stdin, Stops::never(), || Ok(ScriptedEngine::start(script))).await
}

#[tokio::test]
async fn standard_output_is_the_answer_and_one_newline() {
    let script = Script::Says(
        vec![(Channel::Answer, "\n A clergy"), (Channel::Answer, "man.\n"), (Channel::Answer, "\n")],
        Finish::EndOfGeneration,
    );
    let ran = ran(&["-p", "Who?", "-"], "It is a truth.", script).await;
    assert_eq!((ran.out.as_str(), ran.exit), ("A clergyman.\n", Exit::Ok));
}

#[tokio::test]
async fn reasoning_is_on_standard_error_only_and_can_be_hidden() {
    let script =
        Script::Says(vec![(Channel::Reasoning, "Let me see."), (Channel::Answer, "Darcy.")], Finish::EndOfGeneration);
    let shown = ran(&["-p", "Who?", "-"], "text", script.clone()).await;
    assert_eq!(shown.out, "Darcy.\n");
    assert!(shown.err.contains("Let me see."), "{}", shown.err);
    let hidden = ran(&["-p", "Who?", "-R", "-"], "text", script.clone()).await;
    assert!(!hidden.err.contains("Let me see."), "{}", hidden.err);
    let objects = ran(&["-p", "Who?", "--json", "-"], "text", script).await.objects();
    assert_eq!(objects[0]["reasoning"], "Let me see.");
}

#[tokio::test]
async fn json_is_one_object_with_the_promised_fields() {
    let ran = ran(&["-p", "Who?", "--json", "--preset", "quick", "-"], "It is a truth.", says("Darcy.")).await;
    let [object] = &ran.objects()[..] else { panic!("{}", ran.out) };
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let expected = "schema question answer reasoning preset recipe tokens timings memory threads finish reasoning_end note model \
                    devices offloaded_layers documents part until attached reread citations";
    assert_eq!(keys(object), expected);
    assert_eq!(
        keys(&object["tokens"]),
        "document front prompt cached from_disk prefilled generated reasoning asking reread drafted accepted"
    );
    assert_eq!(keys(&object["timings"]), "load_s prefill_s prefill_tok_s ttft_s decode_tok_s reasoning_s");
    assert_eq!((&object["schema"], &object["question"]), (&1.into(), &"Who?".into()));
    assert_eq!(keys(&object["memory"]), "model_bytes kv_bytes kv_used_bytes rss_bytes device_bytes");
    assert_eq!(keys(&object["threads"]), "count cores busy_cores");
    assert_eq!(keys(&object["recipe"]), "window sinks far full_layers fa_decode dense_tail adapters");
    assert_eq!((&object["answer"], &object["preset"]), (&"Darcy.".into(), &"quick".into()));
    assert_eq!((&object["recipe"]["window"], &object["finish"]), (&4096.into(), &"end".into()));
    assert_eq!((&object["model"], &object["documents"]), (&"Toy".into(), &serde_json::json!(["-"])));
    assert_eq!(object["timings"]["ttft_s"], Value::Null, "what was not measured is null");
    assert_eq!(ran.exit, Exit::Ok);
}

#[tokio::test]
async fn several_questions_give_one_answer_each_in_order() {
    let line = ["-p", "Who?", "-p", "Where is it?"];
    let text = ran(&[&line[..], &["-"]].concat(), "text", says("So.")).await;
    assert_eq!(text.out, "So.\n\nSo.\n");
    let json = ran(&[&line[..], &["--json", "-"]].concat(), "text", says("So.")).await;
    let objects = json.objects();
    assert_eq!(objects.len(), 2);
    assert_eq!(
        (&objects[0]["tokens"]["cached"], &objects[1]["tokens"]["cached"]),
        (&0.into(), &objects[0]["tokens"]["prompt"])
    );
}

#[tokio::test]
async fn jsonl_tells_what_happens_as_it_happens() {
    let script = Script::Says(vec![(Channel::Reasoning, "Hm."), (Channel::Answer, "So.")], Finish::EndOfGeneration);
    let ran = ran(&["-p", "Who?", "--jsonl", "-"], "text", script).await;
    let kinds: Vec<String> = ran.objects().iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["loaded", "planned", "progress", "reasoning", "answer", "done"]);
    assert_eq!(ran.objects()[5]["answer"], "So.");
}

#[tokio::test]
async fn a_failure_is_a_sentence_with_a_hint_and_its_exit_code() {
    let script = Script::Fails(FailureKind::DoesNotFit, "the prompt has 9000 tokens, 8192 fit");
    let text = ran(&["-p", "Who?", "-"], "text", script.clone()).await;
    assert_eq!((text.out.as_str(), text.exit), ("", Exit::DoesNotFit));
    assert!(text.err.ends_with("error: the prompt has 9000 tokens, 8192 fit\nhint: take less\n"), "{}", text.err);
    let json = ran(&["-p", "Who?", "--json", "-"], "text", script).await;
    let expected = serde_json::json!({
        "error": { "message": "the prompt has 9000 tokens, 8192 fit", "hint": "take less", "exit_code": 4 }
    });
    assert_eq!((json.objects(), json.exit), (vec![expected], Exit::DoesNotFit));
}

#[tokio::test]
async fn an_answer_cut_at_a_limit_is_printed_and_exits_with_6() {
    let script = Script::Says(vec![(Channel::Answer, "Mr. Bing")], Finish::TokenLimit);
    let ran = ran(&["-p", "Who?", "-n", "3", "-"], "text", script).await;
    assert_eq!((ran.out.as_str(), ran.exit), ("Mr. Bing\n", Exit::Limit));
    assert!(ran.err.contains("note: cut off: token limit reached\n"), "{}", ran.err);
}

#[tokio::test]
async fn an_answer_that_repeats_itself_says_so_and_exits_with_6() {
    let script = Script::Says(vec![(Channel::Answer, "So it is. So it is.")], Finish::Repetition);
    let text = ran(&["-p", "Who?", "-"], "text", script.clone()).await;
    assert_eq!((text.out.as_str(), text.exit), ("So it is. So it is.\n", Exit::Limit));
    assert!(text.err.contains("note: cut off: the answer repeats itself\n"), "{}", text.err);
    let json = ran(&["-p", "Who?", "--json", "-"], "text", script).await;
    assert_eq!(json.objects()[0]["finish"], "repetition");
}

#[tokio::test]
async fn a_signal_prints_what_there_is() {
    for (stop, code) in [(Signal::Interrupt, 130), (Signal::Terminate, 143)] {
        let (signal, signals) = unbounded_channel();
        let stops = Stops { signals, deadline: None };
        let start = || {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                signal.send(stop)
            });
            Ok(ScriptedEngine::start(Script::UntilCancelled("Mr. Bing")))
        };
        let ran = ran_with(&["-p", "Who?", "-p", "And?", "-"], "text", stops, start).await;
        assert_eq!((ran.out.as_str(), ran.exit.code()), ("Mr. Bing\n", code), "the second question is not asked");
    }
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let (signal, signals) = unbounded_channel();
    let start = || {
        tokio::spawn(async move {
            for _ in 0..2 {
                tokio::time::sleep(ECHO * 2).await;
                let _ = signal.send(Signal::Interrupt);
            }
        });
        Ok(ScriptedEngine::start(Script::Deaf("Mr. Bing")))
    };
    let ran = ran_with(&["-p", "Who?", "-"], "text", Stops { signals, deadline: None }, start).await;
    assert_eq!(ran.exit, Exit::Interrupted);
}

/// `timeout 60 lunette` signals its child and then the child's group. The partial answer was lost that way.
#[tokio::test]
async fn a_signal_that_is_heard_twice_is_one_signal() {
    let (signal, signals) = unbounded_channel();
    let start = || {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            signal.send(Signal::Terminate).and_then(|()| signal.send(Signal::Terminate))
        });
        Ok(ScriptedEngine::start(Script::UntilCancelled("Mr. Bing")))
    };
    let line = ["-p", "Who?", "--json", "-"];
    let ran = ran_with(&line, "text", Stops { signals, deadline: None }, start).await;
    assert_eq!((&ran.objects()[0]["answer"], ran.exit), (&"Mr. Bing".into(), Exit::Terminated));
}

#[tokio::test]
async fn the_timeout_is_its_own_exit_code() {
    let stops = Stops { signals: unbounded_channel().1, deadline: Some(Instant::now() + Duration::from_millis(100)) };
    let ran = ran_with(&["-p", "Who?", "--json", "-"], "text", stops, || {
        Ok(ScriptedEngine::start(Script::UntilCancelled("Mr. Bing")))
    })
    .await;
    let objects = ran.objects();
    assert_eq!((&objects[0]["answer"], &objects[0]["finish"]), (&"Mr. Bing".into(), &"time_limit".into()));
    assert_eq!(ran.exit, Exit::Timeout);
}

/// A reader that leaves at once, like `head -0`.
struct Gone;

impl std::io::Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_reader_that_leaves_ends_it_quietly() {
    let settings = settings(&["-p", "Who?", "-"]);
    let crate::settings::FrontEnd::Headless(headless) = settings.front_end else { unreachable!() };
    let (mut out, mut err) = (Gone, Vec::new());
    let mut reporter = Reporter::new(&mut out, &mut err, headless.output, settings.terminal);
    let start = |_: &mut Reporter<'_>| {
        Ok(started(&settings, ScriptedEngine::start(Script::UntilCancelled("Mr. Bing")), Stops::never()))
    };
    let exit = run(&settings, headless, Kept::nothing(), &mut "text".as_bytes(), start, &mut reporter).await;
    drop(reporter);
    assert_eq!(exit, Exit::Ok);
    assert!(!String::from_utf8(err).unwrap().contains("error"));
}

#[tokio::test]
async fn a_document_that_is_missing_is_told_before_a_model_is_looked_for() {
    let ran = ran_with(&["-p", "Who?", "missing.txt"], "", Stops::never(), || panic!("no engine is needed")).await;
    assert_eq!((ran.out.as_str(), ran.exit), ("", Exit::Input));
    assert!(ran.err.starts_with("error: cannot read missing.txt: no such file\nhint: "), "{}", ran.err);
}

#[tokio::test]
async fn a_model_that_is_missing_is_told_with_its_hint() {
    let failure = Failure::new(FailureKind::Model, "there is no model yet", Some("lunette pull".to_owned()));
    let ran = ran_with(&["-p", "Who?", "-"], "text", Stops::never(), || Err(failure.into())).await;
    assert_eq!((ran.err.as_str(), ran.exit), ("error: there is no model yet\nhint: lunette pull\n", Exit::Model));
}

#[tokio::test]
async fn a_layer_that_the_model_lacks_is_refused() {
    let ran = ran(&["-p", "Who?", "--window", "2k", "--full-layers", "1,40", "-"], "text", says("So.")).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert_eq!(ran.err, "error: there is no layer 40: Toy has 24 layers\nhint: layers are numbered 0 to 23\n");
}

#[tokio::test]
async fn layers_by_the_catalogue_need_a_model_that_it_knows() {
    let ran = ran(&["-p", "Who?", "--window", "2k", "--full-layers", "model", "-"], "text", says("So.")).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert_eq!(
        ran.err,
        "error: no full layers are known for Toy\nhint: give them yourself, e.g. --full-layers first-half\n"
    );
}

fn book(folder: &Path, chapters: usize) -> PathBuf {
    let chapter = |number: usize| format!("# Chapter {number}\n\n{}\n\n", "word ".repeat(400));
    let path = folder.join("book.md");
    fs::write(&path, (1..=chapters).map(chapter).collect::<String>()).unwrap();
    path
}

#[tokio::test]
async fn as_many_parts_are_read_as_the_time_allows() {
    let folder = tempfile::tempdir().unwrap();
    let book = book(folder.path(), 20);
    // A chapter has some 500 tokens: 5 s at 100 tokens a second.
    let line = ["-p", "Who?", "--within", "28s", "--json", book.to_str().unwrap()];
    let ran = ran(&line, "", says("So.")).await;
    assert!(
        ran.err.contains("note: 5 of 20 parts are read, as many as this machine can prefill in 28 s"),
        "{}",
        ran.err
    );
    let prompt = ran.objects()[0]["tokens"]["prompt"].as_u64().unwrap();
    assert!((2500..2700).contains(&prompt), "{prompt}");
    assert!(ran.objects()[0]["tokens"]["cached"].as_u64().unwrap() > 400, "what was timed is not read again");
}

#[tokio::test]
async fn auto_says_what_it_chose_and_why() {
    let ran = ran(&["-p", "Who?", "--json", "-"], "text", says("So.")).await;
    assert_eq!(ran.err, "note: auto chose full: the document is so short that every preset sees all of it\n");
    assert_eq!(ran.objects()[0]["preset"], "full");
}

#[tokio::test]
async fn under_several_presets_each_answer_has_a_heading_or_an_object() {
    let line = ["-p", "Who?", "-p", "And?", "--ab", "full,quick,fastest"];
    let text = ran(&[&line[..], &["-"]].concat(), "text", says("So.")).await;
    let one_question = "== full\n\nSo.\n\n== quick\n\nSo.\n\n== fastest\n\nSo.\n";
    assert_eq!((text.out.as_str(), text.exit), (format!("{one_question}\n{one_question}").as_str(), Exit::Ok));
    let json = ran(&[&line[..], &["--json", "-"]].concat(), "text", says("So.")).await;
    let presets: Vec<Value> = json.objects().iter().map(|object| object["preset"].clone()).collect();
    assert_eq!(presets, ["full", "quick", "fastest", "full", "quick", "fastest"]);
}

#[tokio::test]
async fn presets_that_are_the_same_here_are_not_compared() {
    let ran = ran(&["-p", "Who?", "--ab", "auto,full", "-"], "text", says("So.")).await;
    let told = "error: auto and full both resolve to full here\nhint: compare presets that differ\n";
    assert_eq!((ran.out.as_str(), ran.exit), ("", Exit::Usage));
    assert!(ran.err.ends_with(told), "{}", ran.err);
}

#[tokio::test]
async fn a_signal_during_a_comparison_keeps_the_answer_that_was_begun() {
    let (signal, signals) = unbounded_channel();
    let start = || {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            signal.send(Signal::Interrupt)
        });
        Ok(ScriptedEngine::start(Script::UntilCancelled("Mr. Bing")))
    };
    let stops = Stops { signals, deadline: None };
    let ran = ran_with(&["-p", "Who?", "--ab", "full,quick", "-"], "text", stops, start).await;
    assert_eq!((ran.out.as_str(), ran.exit), ("== full\n\nMr. Bing\n", Exit::Interrupted));
}

#[tokio::test]
async fn only_the_code_block_is_printed_when_that_is_asked_for() {
    let ran = ran(&["-p", "Code?", "-x", "-"], "text", says("Here:\n```sh\nls\n```\nDone.")).await;
    assert_eq!(ran.out, "ls\n");
}

#[tokio::test]
async fn figures_are_on_standard_error() {
    let ran = ran(&["-p", "Who?", "-u", "-"], "text", says("So.")).await;
    assert_eq!(ran.out, "So.\n");
    assert!(ran.err.contains("model    Toy on CPU, loaded in 0.2 s\n"), "{}", ran.err);
}

#[tokio::test]
async fn the_parts_nearest_to_the_questions_are_picked_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let chapter = |number: usize| {
        let about = if number == 3 { "whale " } else { "sea " };
        format!("# Chapter {number}\n\n{}\n\n", about.repeat(100))
    };
    let path = folder.path().join("book.md");
    fs::write(&path, (1..=6).map(chapter).collect::<String>()).unwrap();
    let line = ["-p", "What of the whale?", "--pick", "300", "--json", path.to_str().unwrap()];
    let picked = ran(&line, "", says("So.")).await;
    assert!(picked.err.starts_with("note: selected 1 of 6 parts, "), "{}", picked.err);
    let object = &picked.objects()[0];
    assert_eq!((&object["picked"][0]["part"], &object["picked"][0]["title"]), (&3.into(), &"Chapter 3".into()));
    assert_eq!(object["picked"][1], Value::Null);
    assert!(object["tokens"]["document"].as_u64().unwrap() < 310, "{object}");
    let none = ran(&["-p", "Elephants?", "--pick", "300", path.to_str().unwrap()], "", says("So.")).await;
    assert_eq!((none.out.as_str(), none.exit), ("", Exit::Input));
    assert!(
        none.err.contains("error: nothing to pick: no part with a word of the question fits in 300 tokens\nhint: ")
    );
}

/// Runs two questions about `path`; while the first is answered, `change` happens.
async fn ran_and_changed(path: &Path, flags: &[&str], change: impl FnOnce() + Send + 'static) -> Ran {
    let EngineChannels { commands, mut events, .. } = ScriptedEngine::start(says("So."));
    let (pass_on, passed_on) = unbounded_channel();
    let mut change = Some(change);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if matches!(event, Event::Answered { .. })
                && let Some(change) = change.take()
            {
                change();
            }
            let _ = pass_on.send(event);
        }
    });
    let line = ["-p", "Who?", "-p", "And?", "--json", path.to_str().unwrap()];
    ran_with(&[&line, flags].concat(), "", Stops::never(), || {
        Ok(EngineChannels { commands, events: passed_on, thread: None })
    })
    .await
}

#[tokio::test]
async fn a_document_that_changes_between_two_questions_is_read_again_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.txt");
    fs::write(&path, "It is a truth.\nIt is long.\n").unwrap();
    let changing = path.clone();
    let ran = ran_and_changed(&path, &[], move || {
        fs::write(changing, "It is a truth.\nIt is longer than it was before.\n").unwrap();
    })
    .await;
    let place = format!("note: the document changed on disk, from line 2 of {} on: ", path.display());
    assert!(ran.err.contains(&place), "{}", ran.err);
    let tokens: Vec<u64> = ran.objects().iter().map(|object| object["tokens"]["document"].as_u64().unwrap()).collect();
    assert!(tokens[1] > tokens[0], "{tokens:?}");
}

#[tokio::test]
async fn a_document_that_is_gone_is_answered_from_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.txt");
    fs::write(&path, "It is a truth.\n").unwrap();
    let going = path.clone();
    let ran = ran_and_changed(&path, &[], move || fs::remove_file(going).unwrap()).await;
    assert!(ran.err.contains("no such file; answers still use the earlier text"), "{}", ran.err);
    assert_eq!((ran.objects().len(), ran.exit), (2, Exit::Ok));
}

/// Runs two questions; in between the document loses what the flags select.
async fn ran_and_shortened(flags: &[&str], before: &str, after: &'static str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.md");
    fs::write(&path, before).unwrap();
    let changing = path.clone();
    ran_and_changed(&path, flags, move || fs::write(changing, after).unwrap()).await
}

#[tokio::test]
async fn parts_that_the_changed_document_lacks_are_answered_from_as_they_were() {
    let ran =
        ran_and_shortened(&["--parts", "2-3"], "# One\n\na\n\n# Two\n\nb\n\n# Three\n\nc\n", "# One\n\nnew\n").await;
    let told = "note: there is no part 2: the document has 1; answers still use the earlier text\n";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert_eq!((ran.objects().len(), ran.exit), (2, Exit::Ok));
}

#[tokio::test]
async fn a_changed_document_without_the_words_is_answered_from_as_it_was() {
    let ran = ran_and_shortened(&["--pick", "300"], "# One\n\nWho is it?\n", "# One\n\nnew\n").await;
    let told = "note: nothing to pick: no part with a word of the question fits in 300 tokens; \
                answers still use the earlier text\n";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert_eq!((ran.objects().len(), ran.exit), (2, Exit::Ok));
}

#[tokio::test]
async fn parts_are_picked_again_of_a_changed_document_and_the_change_is_told() {
    let ran = ran_and_shortened(&["--pick", "300"], "# One\n\nWho is it?\n", "# One\n\nWho is it now?\n").await;
    assert!(ran.err.contains("note: the document changed on disk, from line 3 of "), "{}", ran.err);
    assert_eq!(ran.err.matches("note: selected 1 of 1 parts, ").count(), 2, "{}", ran.err);
}

#[tokio::test]
async fn a_file_that_came_into_the_folder_is_named_with_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "It is a truth.\n").unwrap();
    let coming = folder.path().join("b.txt");
    let ran = ran_and_changed(folder.path(), &[], move || fs::write(coming, "It is long.\n").unwrap()).await;
    let names = |object: &Value| object["documents"].as_array().unwrap().len();
    assert_eq!(ran.objects().iter().map(names).collect::<Vec<_>>(), [1, 2]);
}

/// Runs a question about a book with two chapters, to which the engine says `answer`.
async fn about_a_book(flags: &[&str], answer: &'static str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.md");
    let book = "# One\n\nIt is a truth universally acknowledged.\n\n# Two\n\nMr. Bennet was so odd a mixture.\n";
    fs::write(&path, book).unwrap();
    ran(&[&["-p", "Who?"], flags, &[path.to_str().unwrap()]].concat(), "", says(answer)).await
}

const QUOTES: &str =
    "\"a truth universally acknowledged\", \"Mr. Bennet was so odd a mix\", \"men should marry for love\"";

#[tokio::test]
async fn quotes_are_looked_up_and_told_below_the_answer_if_that_is_asked_for() {
    let expected = format!(
        "{QUOTES}\n\nquoted from One, line 3: \"a truth universally acknowledged\"\n\
         close to Two, line 7 (86% of the words match): \"Mr. Bennet was so odd a mix\"\n\
         not in the document: \"men should marry for love\"\n"
    );
    let cited = about_a_book(&["--cite"], QUOTES).await;
    assert_eq!((cited.out, cited.exit), (expected, Exit::Ok));
    let without = about_a_book(&["--cite"], "A truth.").await;
    assert_eq!(without.out, "A truth.\n");
    let why = "note: the answer has no quote of four words or more to look up\n";
    assert_eq!(without.err.matches(why).count(), 1, "{}", without.err);
    assert!(!about_a_book(&[], "A truth.").await.err.contains(why));
    let alone = ran(&["-p", "Who?", "--cite"], "", says("A truth.")).await;
    assert!(alone.err.contains("note: there is no document to look quotes up in\n"), "{}", alone.err);
    assert_eq!(about_a_book(&[], QUOTES).await.out, format!("{QUOTES}\n"));
}

#[tokio::test]
async fn quotes_are_in_the_object_with_their_part_and_line() {
    let object = about_a_book(&["--json"], QUOTES).await.objects().remove(0);
    let of = |name: &str| object["citations"].as_array().unwrap().iter().map(|it| it[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("verdict"), ["verified", "repaired", "not_found"]);
    assert_eq!(of("part"), [1.into(), 2.into(), Value::Null]);
    assert_eq!(of("title"), ["One".into(), "Two".into(), Value::Null]);
    assert_eq!((of("line"), of("page")), (vec![3.into(), 7.into(), Value::Null], vec![Value::Null; 3]));
    let chosen =
        about_a_book(&["--json", "--parts", "2"], "\"Mr. Bennet was so odd a mixture\"").await.objects().remove(0);
    assert_eq!((&chosen["citations"][0]["part"], &chosen["citations"][0]["line"]), (&2.into(), &7.into()));
}

#[tokio::test]
async fn an_answer_without_a_verified_quote_exits_with_7_if_one_is_required() {
    let told = "note: the answer has no quote that is in the document word for word\n";
    for (answer, exit) in
        [(QUOTES, Exit::Ok), ("\"Mr. Bennet was so odd a mix\"", Exit::NotCited), ("He.", Exit::NotCited)]
    {
        for flags in [&["--require-citations"][..], &["--require-citations", "--json"]] {
            let ran = about_a_book(flags, answer).await;
            assert_eq!((ran.exit, ran.err.contains(told)), (exit, exit == Exit::NotCited), "{answer}");
            let printed = if flags.len() == 1 { ran.out.trim_end().into() } else { ran.objects()[0]["answer"].clone() };
            assert_eq!(printed, answer, "it is printed");
        }
    }
    let cut = Script::Says(vec![(Channel::Answer, "He")], Finish::TokenLimit);
    let ran = ran(&["-p", "Who?", "--require-citations", "-"], "text", cut).await;
    assert_eq!(ran.exit, Exit::Limit, "the first cause counts");
}

#[tokio::test]
async fn what_a_question_names_goes_along_and_what_is_nowhere_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.txt");
    fs::write(&notes, "The code is 7319.\n").unwrap();
    let question = format!("What does @{} say, @nobody?", notes.display());
    let ran = ran(&["-p", &question, "--json", "-"], "text", says("So.")).await;
    let told = "note: no document part or file is named nobody; the reference is left as typed\n";
    assert!(ran.err.contains(told) && ran.err.contains("notes.txt, 4 tokens\n"), "{}", ran.err);
    let object = &ran.objects()[0];
    assert_eq!(object["question"], question);
    assert_eq!(object["attached"], serde_json::json!([{ "name": notes, "goes_along": true, "tokens": 4 }]));
    assert!(object["tokens"]["prompt"].as_u64().unwrap() > 30, "{object}");
}

/// `--parts 7` of a folder listed its twenty files, and nothing told which of them was read.
#[tokio::test]
async fn the_object_has_the_parts_that_were_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = book(folder.path(), 6);
    let parts = async |flags: &[&str]| {
        let line = [&["-p", "Who?", "--json"], flags, &[path.to_str().unwrap()]].concat();
        let object = ran(&line, "", says("So.")).await.objects().remove(0);
        assert_eq!(objections("answer", &object), [""; 0]);
        let numbers = object["parts"].as_array().map(|parts| parts.iter().map(|part| part["part"].clone()).collect());
        (object["part"].clone(), numbers, object["parts"][0]["title"].clone())
    };
    let expected = |numbers: &[u32]| Some(numbers.iter().map(|&number| number.into()).collect::<Vec<Value>>());
    assert_eq!(parts(&["--parts", "2,5"]).await, ("parts 2,5".into(), expected(&[2, 5]), "Chapter 2".into()));
    let within = parts(&["--within", "12s"]).await;
    assert_eq!(within, ("parts 1-2 of 6".into(), expected(&[1, 2]), "Chapter 1".into()));
    assert_eq!(parts(&[]).await, (Value::Null, None, Value::Null));
}

#[tokio::test]
async fn a_question_that_is_only_the_name_of_nothing_is_an_error() {
    let nowhere = ran(&["-p", "@nofile.txt", "-"], "text", says("So.")).await;
    assert_eq!((nowhere.out.as_str(), nowhere.exit), ("", Exit::Input));
    assert!(nowhere.err.contains("error: no document part or file is named nofile.txt\nhint: "), "{}", nowhere.err);
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes.txt");
    fs::write(&notes, "The code is 7319.\n").unwrap();
    let there = ran(&["-p", &format!("@{}", notes.display()), "-"], "text", says("So.")).await;
    assert_eq!((there.out.as_str(), there.exit), ("So.\n", Exit::Ok), "{}", there.err);
}

#[tokio::test]
async fn parts_that_a_question_names_are_attached_under_each_preset() {
    let folder = tempfile::tempdir().unwrap();
    let path = book(folder.path(), 2);
    let line =
        ["-p", "Is @\"Chapter 2\" long?", "--ab", "full,quick", "--json", "--parts", "1", path.to_str().unwrap()];
    let ran = ran(&line, "", says("So.")).await;
    let attached = |object: &Value| object["attached"][0]["goes_along"].clone();
    assert_eq!(ran.objects().iter().map(attached).collect::<Vec<_>>(), [true, true], "{}", ran.err);
    assert_eq!(ran.err.matches("note: with Chapter 2, ").count(), 1, "{}", ran.err);
}

/// Runs with standard input connected as a script's may be.
async fn ran_on(line: &[&str], stdin: StandardInput, text: &str) -> Ran {
    ran_by(&settings_with(line, stdin), text, Stops::never(), || Ok(ScriptedEngine::start(says("So.")))).await
}

#[tokio::test]
async fn standard_input_is_the_document_if_it_has_text_and_no_other_is_named() {
    let piped = ran_on(&["-p", "Who?", "--json"], StandardInput::Piped, "It is a truth.").await;
    assert!(piped.err.contains("note: standard input is the document (14 B)\n"), "{}", piped.err);
    assert_eq!(piped.objects()[0]["documents"], serde_json::json!(["-"]));
    for (stdin, told) in [
        (StandardInput::Piped, "note: standard input is empty, so there is no document\n"),
        (StandardInput::Nothing, ""),
        (
            StandardInput::Begun,
            "note: standard input is not read, because another program has read part of it; `-` reads the rest\n",
        ),
    ] {
        let ran = ran_on(&["-p", "Who?", "--json"], stdin, " \n").await;
        assert!(ran.err.starts_with(told), "{stdin:?}: {}", ran.err);
        assert_eq!((&ran.objects()[0]["documents"], ran.exit), (&serde_json::json!([]), Exit::Ok), "{stdin:?}");
    }
}

#[tokio::test]
async fn a_line_end_of_windows_is_one_wherever_the_answer_is_cut() {
    let pieces = [
        (Channel::Reasoning, "So\r"),
        (Channel::Reasoning, "\nit\ris."),
        (Channel::Answer, "a\r"),
        (Channel::Answer, "\nb\rc\u{b}d\u{85}e\r\n"),
    ];
    let script = Script::Says(pieces.to_vec(), Finish::EndOfGeneration);
    let ran = ran(&["-p", "Who?", "-"], "text", script).await;
    assert_eq!(ran.out, "a\nb␍c␋d�e\n");
    assert!(ran.err.contains("So\nit␍is."), "{:?}", ran.err);
}

#[tokio::test]
async fn every_object_is_as_the_schema_says() {
    let both = |text| Script::Says(vec![(Channel::Reasoning, "Hm."), (Channel::Answer, text)], Finish::TokenLimit);
    let line = ["-p", "Is word in @\"Chapter 2\"?", "-p", "And?"];
    let folder = tempfile::tempdir().unwrap();
    let path = book(folder.path(), 2);
    let path = path.to_str().unwrap();
    let answers = ran(&[&line[..], &["--json", "--pick", "900", path]].concat(), "", both(QUOTES)).await;
    let error = ran(&["-p", "Who?", "--json", "-"], "text", Script::Fails(FailureKind::Model, "no")).await;
    let events = ran(&[&line[..], &["--jsonl", "--preset", "quick", path]].concat(), "", both(QUOTES)).await;
    let failed = ran(&["-p", "Who?", "--jsonl", "-"], "text", Script::Fails(FailureKind::Model, "no")).await;
    for (name, ran) in [("answer", answers), ("error", error), ("event", events), ("event", failed)] {
        for object in ran.objects() {
            assert_eq!(objections(name, &object), [""; 0], "{object}");
        }
    }
}

#[test]
fn every_exit_code_is_told_once_in_the_help_and_in_the_docs() {
    let help = <LowArgs as clap::CommandFactory>::command().render_long_help().to_string();
    let docs = include_str!("../../docs/scripting.md");
    for exit in Exit::ALL {
        let code = exit.code();
        let row = docs.lines().filter(|line| line.starts_with(&format!("| {code} |"))).count();
        assert_eq!(row, 1, "{code} has a row in docs/scripting.md");
        assert_eq!(help.matches(&format!("\n  {code} ")).count(), 1, "{code} is in: {help}");
    }
    let rows = docs.lines().skip_while(|line| *line != "| exit code | meaning |").skip(2);
    assert_eq!(rows.take_while(|line| line.starts_with('|')).count(), Exit::ALL.len());
}

/// The settings of `line`, whose files lie in `home`.
fn settings_in(home: &Path, line: &[&str]) -> Settings {
    crate::session::fixtures::settings(home, line)
}

/// Runs `line` with what it keeps in `home`. With the documents that it reads from standard input.
async fn kept_run(home: &Path, line: &[&str], answer: &'static str) -> Ran {
    let mut settings = settings_in(home, line);
    let kept = Kept::open(&mut settings).expect("the conversation is there");
    let crate::settings::FrontEnd::Headless(headless) = settings.front_end else { panic!("it is not headless") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut reporter = Reporter::new(&mut out, &mut err, headless.output, settings.terminal);
    let start = |_: &mut Reporter<'_>| Ok(started(&settings, ScriptedEngine::start(says(answer)), Stops::never()));
    let exit = run(&settings, headless, kept, &mut "".as_bytes(), start, &mut reporter).await;
    drop(reporter);
    Ran { out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap(), exit }
}

/// Runs `lunette sessions` with `line`. Returns both outputs.
fn sessions_of(home: &Path, line: &[&str]) -> Result<(String, String), String> {
    let settings = settings_in(home, &[&["sessions"], line].concat());
    let crate::settings::FrontEnd::Sessions(command) = &settings.front_end else { panic!("it is another command") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut reporter = Reporter::new(&mut out, &mut err, crate::settings::Output::Text, settings.terminal);
    let done = sessions(&settings, command, &mut reporter);
    drop(reporter);
    done.map_err(|error| error.told().map(|(message, _)| message.to_owned()).unwrap_or_default())?;
    Ok((String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap()))
}

#[tokio::test]
async fn a_script_that_names_a_session_goes_on_with_it_and_others_leave_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let book = home.path().join("book.txt");
    fs::write(&book, "It is a truth universally acknowledged.\n").unwrap();
    let book = book.to_str().unwrap();
    let ran = kept_run(home.path(), &["--headless", "-p", "Nobody?", book], "Nobody.").await;
    assert_eq!((ran.out.as_str(), ran.exit), ("Nobody.\n", Exit::Ok));
    assert!(!home.path().join("sessions").exists(), "a script leaves nothing");
    let first = ["--headless", "--session", "review", "-p", "Who is he?", book];
    assert_eq!(kept_run(home.path(), &first, "A single man.").await.out, "A single man.\n");
    // Its documents are those that it had.
    let second = kept_run(home.path(), &["--headless", "--session", "review", "-p", "And she?"], "His wife.").await;
    assert_eq!((second.out.as_str(), second.exit), ("His wife.\n", Exit::Ok));
    assert!(second.err.contains("the conversation of today goes on (1 question)"), "{}", second.err);
    fs::write(book, "It is a lie.\n").unwrap();
    let third = kept_run(home.path(), &["--headless", "--continue", "-p", "Why?", book], "So.").await;
    let changed =
        "book.txt has changed since; the conversation is kept (2 questions), and goes on about the text as it is now";
    assert!(third.err.contains(changed), "{}", third.err);
    fs::remove_file(book).unwrap();
    let fourth = kept_run(home.path(), &["--headless", "--session", "1", "-p", "Where?"], "There.").await;
    let gone = "no such file; its conversation is kept (3 questions), and goes on without the document";
    assert!(fourth.err.contains(gone) && fourth.exit == Exit::Ok, "{}", fourth.err);
    let (shown, _) = sessions_of(home.path(), &["show", "review"]).unwrap();
    let asked: Vec<&str> = shown.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(asked, ["## Who is he?", "## And she?", "## Why?", "## Where?"], "{shown}");
    assert!(shown.starts_with("# review\n") && shown.contains("A single man."), "{shown}");
}

#[tokio::test]
async fn sessions_are_listed_found_named_copied_exported_and_removed() {
    let home = tempfile::tempdir().expect("a folder");
    assert_eq!(sessions_of(home.path(), &["ls"]).unwrap(), (String::new(), "no conversation is saved yet\n".into()));
    let ask = |name, question| ["--headless", "--session", name, "-p", question];
    kept_run(home.path(), &ask("one", "Who wants a wife?"), "A single man in possession of a good fortune.").await;
    kept_run(home.path(), &ask("two", "Where?\u{1b}[2J"), "At Netherfield.").await;
    let (listed, _) = sessions_of(home.path(), &["ls"]).unwrap();
    assert_eq!(
        listed,
        "     2  today          1 question   two (no document)\n     1  today          1 question   one (no document)\n"
    );
    let (json, _) = sessions_of(home.path(), &["ls", "--json"]).unwrap();
    let rows: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&rows[1]["number"], &rows[1]["name"], &rows[1]["last_question"]),
        (&1.into(), &"one".into(), &"Who wants a wife?".into())
    );
    assert!(!json.contains('\u{1b}'), "a terminal would obey it");
    let (found, _) = sessions_of(home.path(), &["search", "good", "fortu"]).unwrap();
    assert_eq!(found, "     1  one: answer of “Who wants a wife?”: A single man in possession of a good fortune.\n");
    let (found, _) = sessions_of(home.path(), &["search", "--json", "netherfield"]).unwrap();
    let hit: Value = serde_json::from_str(&found).unwrap();
    assert_eq!((&hit["session"], &hit["turn"], &hit["place"]), (&2.into(), &1.into(), &"answer".into()));
    assert_eq!(sessions_of(home.path(), &["fork", "one", "three"]).unwrap().1, "3 is a copy of 1\n");
    assert_eq!(sessions_of(home.path(), &["rename", "3", "one"]).unwrap().1, "3 is called one\n");
    assert_eq!(sessions_of(home.path(), &["show", "one"]).unwrap_err(), "2 conversations are called one");
    let file = home.path().join("out.json");
    sessions_of(home.path(), &["export", "3", file.to_str().unwrap()]).unwrap();
    let exported: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(objections("conversation", &exported), [""; 0]);
    assert_eq!(exported["turns"][0]["question"], "Who wants a wife?");
    assert!(sessions_of(home.path(), &["export", "3", file.to_str().unwrap()]).unwrap_err().contains("out.json"));
    assert_eq!(sessions_of(home.path(), &["rm", "3", "9"]).unwrap_err(), "no conversation is called 9");
    assert_eq!(sessions_of(home.path(), &["rm", "3", "2"]).unwrap().0, "");
    assert_eq!(sessions_of(home.path(), &["ls"]).unwrap().0, "     1  today          1 question   one (no document)\n");
}

#[test]
fn a_session_that_is_not_there_is_told_before_anything_is_opened() {
    let home = tempfile::tempdir().expect("a folder");
    let refused =
        |line: &[&str]| Kept::open(&mut settings_in(home.path(), line)).expect_err("it is not there").to_string();
    assert_eq!(refused(&["--continue", "book.txt"]), "no conversation is saved about this");
    assert_eq!(refused(&["--session", "7"]), "no conversation is called 7");
    fs::remove_dir_all(home.path().join("sessions")).unwrap();
    fs::write(home.path().join("sessions"), "a file").unwrap();
    let why = refused(&["--continue"]);
    assert!(why.contains("cannot keep conversations in") && why.ends_with("this conversation is not saved"), "{why}");
    // A new conversation goes on without being saved, and says so.
    let mut settings = settings_in(home.path(), &["book.txt"]);
    assert!(!Kept::open(&mut settings).expect("it goes on").recorder.is_on());
}
