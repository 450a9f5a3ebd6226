//! Pulling from a server of our own on the loopback address that breaks off, stalls and lies.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::job::hexadecimal;
use super::*;
use crate::failure::Hint;
use crate::models::{Catalogue, HubName, HubVariables, ModelRef, Patience, Resolved};

/// What the server does with one request.
#[derive(Clone)]
enum Answer {
    /// The file, or the range of it that was asked for.
    File(Vec<u8>),
    /// The same, but the connection is closed after so many bytes.
    Cut(Vec<u8>, usize),
    /// The same, but after so many bytes nothing comes any more.
    Stall(Vec<u8>, usize),
    /// All of the file, whatever was asked for.
    NoRanges(Vec<u8>),
    /// The same, cut.
    CutAfresh(Vec<u8>, usize),
    Status(u16),
    /// 503, and when to ask again.
    Busy(&'static str),
    /// A file without a length that never ends.
    Endless,
    Redirect(&'static str),
}

/// A server that gives one answer after another, the last one for ever, and keeps the requests.
struct Server {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for (index, connection) in listener.incoming().enumerate() {
                let answer = answers[index.min(answers.len() - 1)].clone();
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(connection.expect("a connection"), &answer, &seen));
            }
        });
        Self { endpoint, requests }
    }

    /// The requests so far, headers in lower case.
    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no server thread panicked").clone()
    }
}

fn serve(mut connection: TcpStream, answer: &Answer, seen: &Mutex<Vec<String>>) {
    let mut request = String::new();
    let mut reader = BufReader::new(connection.try_clone().expect("a socket"));
    while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request).is_ok_and(|count| count > 0) {}
    let request = request.to_lowercase();
    seen.lock().expect("no server thread panicked").push(request.clone());
    let start = request.split("range: bytes=").nth(1).and_then(|rest| rest.split('-').next()?.parse().ok());
    match answer {
        Answer::File(body) => send(&mut connection, body, start, body.len()),
        Answer::Cut(body, most) => send(&mut connection, body, start, *most),
        Answer::Stall(body, most) => {
            send(&mut connection, body, start, *most);
            thread::sleep(Duration::from_secs(5));
        }
        Answer::NoRanges(body) => send(&mut connection, body, None, body.len()),
        Answer::CutAfresh(body, most) => send(&mut connection, body, None, *most),
        Answer::Status(status) => head(&mut connection, &format!("{status} No"), "content-length: 0\r\n"),
        Answer::Busy(seconds) => {
            head(&mut connection, "503 Busy", &format!("retry-after: {seconds}\r\ncontent-length: 0\r\n"));
        }
        Answer::Endless => {
            head(&mut connection, "200 OK", "");
            while connection.write_all(&[0; 1 << 12]).is_ok() {}
        }
        Answer::Redirect(to) => head(&mut connection, "302 Found", &format!("location: {to}\r\ncontent-length: 0\r\n")),
    }
}

fn head(connection: &mut TcpStream, status: &str, headers: &str) {
    // The client may be gone: it was cancelled, or had enough.
    let _ = write!(connection, "HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n");
}

fn send(connection: &mut TcpStream, body: &[u8], start: Option<usize>, most: usize) {
    let (total, rest) = (body.len(), &body[start.unwrap_or(0).min(body.len())..]);
    let length = format!("content-length: {}\r\n", rest.len());
    match start {
        Some(start) if rest.is_empty() => {
            head(connection, "416 No", &format!("content-range: bytes */{total}\r\nx-asked: {start}\r\n"));
        }
        Some(start) => {
            let range = format!("content-range: bytes {start}-{}/{total}\r\n", total - 1);
            head(connection, "206 Partial Content", &(length + &range));
        }
        None => head(connection, "200 OK", &length),
    }
    let _ = connection.write_all(&rest[..most.min(rest.len())]);
}

/// A model of a megabyte, a folder for it and a hub.
struct Scene {
    folder: tempfile::TempDir,
    body: Vec<u8>,
    entry: Entry,
    places: Places,
    progress: Vec<PullProgress>,
    cancel: CancelToken,
}

impl Scene {
    fn new(endpoint: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let body: Vec<u8> = (0..1_000_000_u32).flat_map(|number| [(number >> 8) as u8 ^ number as u8]).collect();
        let entry = Entry {
            name: "tiny".into(),
            title: "A megabyte".into(),
            file: "tiny.gguf".into(),
            bytes: body.len() as u64,
            sha256: Some(hexadecimal(&Sha256::digest(&body))),
            repo: "ada/tiny-GGUF".into(),
            repo_path: None,
            more: Vec::new(),
            default_from_bytes: None,
            core_tokens_per_s: None,
            card: None,
        };
        let mut places = Places::new(folder.path(), Some(folder.path()), HubVariables::default());
        places.hub.endpoint = endpoint.into();
        places.hub.patience = Patience {
            connect: Duration::from_secs(5),
            read: Duration::from_millis(400),
            attempts: 3,
            pause: Duration::from_millis(5),
        };
        Self { folder, body, entry, places, progress: Vec::new(), cancel: CancelToken::default() }
    }

    fn pull(&mut self) -> Result<PathBuf, Error> {
        let mut tell = |progress| self.progress.push(progress);
        pull(&self.entry, &self.places, &mut tell, &self.cancel)
    }

    /// Pulls, and sees that the file is there, whole, and alone but for the lock.
    fn pull_well(&mut self) {
        let path = self.pull().expect("it is fetched in the end");
        assert_eq!(path, self.places.own.join("tiny.gguf"));
        assert_eq!(fs::read(path).expect("a file"), self.body);
        assert_eq!(self.cached(), ["tiny.gguf", "tiny.gguf.lock"]);
    }

    fn cached(&self) -> Vec<String> {
        let entries = self.places.own.read_dir().expect("our cache");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The only source's error.
    fn refused(&mut self) -> Error {
        match self.pull().expect_err("it can't be fetched") {
            Error::NotFetched { source, .. } => *source,
            error => error,
        }
    }
}

/// The scene's bytes, for a server that is started before the scene.
fn body() -> Vec<u8> {
    Scene::new("").body
}

#[test]
fn a_file_is_fetched_checked_and_named_in_one_step() {
    let server = Server::start(vec![Answer::File(body())]);
    let mut scene = Scene::new(&server.endpoint);
    scene.pull_well();
    assert!(server.requests()[0].starts_with("get /ada/tiny-gguf/resolve/main/tiny.gguf http/1.1"));
    let total = scene.entry.bytes;
    assert!(scene.progress.contains(&PullProgress::Fetching { done: total, total }));
    assert_eq!(scene.progress.last(), Some(&PullProgress::Checking { done: total, total }));
    scene.pull_well();
    assert_eq!(server.requests().len(), 1, "a file that is there is not fetched again");
}

#[test]
fn a_broken_connection_is_gone_on_with_where_it_broke() {
    let server = Server::start(vec![Answer::Cut(body(), 300_000), Answer::Cut(body(), 200_000), Answer::File(body())]);
    Scene::new(&server.endpoint).pull_well();
    let requests = server.requests();
    assert!(!requests[0].contains("range:"), "{}", requests[0]);
    assert!(requests[1].contains("range: bytes=300000-"), "{}", requests[1]);
    assert!(requests[2].contains("range: bytes=500000-"), "{}", requests[2]);
}

#[test]
fn what_an_earlier_run_left_is_gone_on_with() {
    let server = Server::start(vec![Answer::File(body())]);
    let mut scene = Scene::new(&server.endpoint);
    fs::create_dir_all(&scene.places.own).expect("our cache");
    fs::write(scene.places.own.join("tiny.gguf.partial"), &scene.body[..700_000]).expect("a partial file");
    scene.pull_well();
    assert!(server.requests()[0].contains("range: bytes=700000-"));
}

#[test]
fn a_server_without_ranges_is_read_from_the_start() {
    let server = Server::start(vec![Answer::Cut(body(), 300_000), Answer::NoRanges(body())]);
    Scene::new(&server.endpoint).pull_well();
}

#[test]
fn a_partial_file_that_is_too_long_is_thrown_away() {
    let server = Server::start(vec![Answer::File(body())]);
    let mut scene = Scene::new(&server.endpoint);
    fs::create_dir_all(&scene.places.own).expect("our cache");
    fs::write(scene.places.own.join("tiny.gguf.partial"), vec![0; 2_000_000]).expect("a partial file");
    scene.pull_well();
}

#[test]
fn a_server_that_only_ever_begins_anew_is_given_up() {
    let afresh = |most| Answer::CutAfresh(body(), most);
    let server =
        Server::start([300_000, 200_000].repeat(3).into_iter().map(afresh).chain([Answer::File(body())]).collect());
    let error = Scene::new(&server.endpoint).refused();
    assert!(matches!(error, Error::Broken { got: 300_000, .. }), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_file_without_end_is_refused_before_it_fills_the_disk() {
    let server = Server::start(vec![Answer::Endless]);
    let mut scene = Scene::new(&server.endpoint);
    let error = scene.refused();
    assert!(matches!(error, Error::OtherSize { got: 1_000_001, expected: 1_000_000, .. }), "{error}");
    assert_eq!(scene.cached(), ["tiny.gguf.lock"]);
}

#[test]
fn a_busy_server_is_asked_again_when_it_said() {
    let server = Server::start(vec![Answer::Busy("0"), Answer::File(body())]);
    let mut scene = Scene::new(&server.endpoint);
    scene.places.hub.patience.pause = Duration::from_hours(1);
    scene.pull_well();
}

#[test]
fn a_pause_is_cut_short_by_cancelling() {
    let server = Server::start(vec![Answer::Busy("3600")]);
    let scene = Scene::new(&server.endpoint);
    let cancel = scene.cancel.clone();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        cancel.cancel();
    });
    let error = pull(&scene.entry, &scene.places, &mut |_| {}, &scene.cancel).expect_err("cancelled");
    assert!(matches!(error, Error::Cancelled), "{error}");
}

#[test]
fn redirects_are_followed() {
    let server = Server::start(vec![Answer::Redirect("/elsewhere"), Answer::File(body())]);
    Scene::new(&server.endpoint).pull_well();
    assert!(server.requests()[1].starts_with("get /elsewhere"));
}

#[test]
fn a_stalled_server_is_given_up_and_what_came_is_kept() {
    let server = Server::start(vec![Answer::Stall(body(), 400_000), Answer::Status(503)]);
    let mut scene = Scene::new(&server.endpoint);
    let error = scene.refused();
    assert!(matches!(error, Error::Status { status: 503, .. }), "{error}");
    assert_eq!(length(&scene, "tiny.gguf.partial"), 400_000);
}

fn length(scene: &Scene, name: &str) -> u64 {
    scene.places.own.join(name).metadata().expect("a file").len()
}

#[test]
fn a_file_with_another_checksum_is_refused_and_removed() {
    let mut wrong = body();
    wrong[500_000] ^= 1;
    let server = Server::start(vec![Answer::File(wrong)]);
    let mut scene = Scene::new(&server.endpoint);
    let error = scene.refused();
    assert!(
        matches!(&error, Error::Checksum { expected, .. } if Some(expected) == scene.entry.sha256.as_ref()),
        "{error}"
    );
    assert_eq!(scene.cached(), ["tiny.gguf.lock"]);
}

#[test]
fn a_file_of_another_size_is_refused_before_it_is_fetched() {
    let server = Server::start(vec![Answer::File(vec![0; 5000])]);
    let error = Scene::new(&server.endpoint).refused();
    let message = "/ada/tiny-GGUF/resolve/main/tiny.gguf has 5000 bytes, not the 1000000 that are expected";
    assert_eq!(error.to_string(), format!("{}{message}", server.endpoint));
}

#[test]
fn a_missing_file_is_told_with_its_address_and_not_asked_for_again() {
    let server = Server::start(vec![Answer::Status(404)]);
    let error = Scene::new(&server.endpoint).pull().expect_err("not there");
    let url = format!("{}/ada/tiny-GGUF/resolve/main/tiny.gguf", server.endpoint);
    assert_eq!(error.to_string(), format!("cannot fetch tiny: {url} answered with status 404"));
    assert!(error.hint().expect("a hint").contains("HF_TOKEN"));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_token_is_shown_to_the_hub() {
    let server = Server::start(vec![Answer::File(body())]);
    let mut scene = Scene::new(&server.endpoint);
    scene.places.hub.token = Some("secret".into());
    scene.pull_well();
    assert!(server.requests()[0].contains("authorization: bearer secret"));
}

#[test]
fn cancelling_keeps_what_came() {
    let server = Server::start(vec![Answer::Stall(body(), 400_000)]);
    let mut scene = Scene::new(&server.endpoint);
    let cancel = scene.cancel.clone();
    let mut tell = |progress| {
        if matches!(progress, PullProgress::Fetching { done, .. } if done >= 200_000) {
            cancel.cancel();
        }
    };
    let error = pull(&scene.entry, &scene.places, &mut tell, &scene.cancel).expect_err("cancelled");
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert!(length(&scene, "tiny.gguf.partial") >= 200_000);
    scene.cancel = CancelToken::default();
}

#[test]
fn two_who_want_the_same_file_fetch_it_once() {
    let server = Server::start(vec![Answer::File(body())]);
    let scene = Scene::new(&server.endpoint);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| pull(&scene.entry, &scene.places, &mut |_| {}, &scene.cancel).expect("fetched"));
        }
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn nothing_is_fetched_while_offline() {
    let mut scene = Scene::new("http://127.0.0.1:9");
    scene.places.hub.offline = true;
    let error = scene.refused();
    assert_eq!(error.to_string(), "tiny is not on this machine, and nothing is fetched while offline");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_it_with_what_is_needed() {
    let server = Server::start(vec![Answer::File(body())]);
    let mut scene = Scene::new(&server.endpoint);
    fs::create_dir_all(&scene.places.own).expect("our cache");
    std::os::unix::fs::symlink("/dev/full", scene.places.own.join("tiny.gguf.partial")).expect("a link");
    let error = scene.pull().expect_err("nothing can be written");
    assert!(error.to_string().ends_with("tiny.gguf.partial needs 1000000 bytes"), "{error}");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let mut scene = Scene::new("http://127.0.0.1:9");
    let file = scene.folder.path().join("file");
    fs::write(&file, "").expect("a file");
    scene.places.own = file.join("cache");
    let error = scene.pull().expect_err("a file is no folder");
    assert!(error.to_string().starts_with(&format!("cannot write {}", scene.places.own.display())), "{error}");
}

#[test]
fn an_unlisted_repository_is_looked_up_and_fetched() {
    let folder = tempfile::tempdir().expect("a folder");
    let body = body();
    let sha256 = hexadecimal(&Sha256::digest(&body));
    let listing = format!(
        r#"[{{"type":"file","path":"README.md","size":5}},
            {{"type":"file","path":"gguf/tiny-Q8_0.gguf","size":1,"lfs":{{"oid":"{sha256}","size":{},"pointerSize":1}}}}]"#,
        body.len()
    );
    let server = Server::start(vec![Answer::File(listing.into_bytes()), Answer::File(body)]);
    let mut places = Places::new(folder.path(), None, HubVariables::default());
    places.hub.endpoint.clone_from(&server.endpoint);
    let name: HubName = "ada/tiny:Q8_0".parse().expect("a name");
    let resolve = || Catalogue::bundled().resolve(&ModelRef::Hub(name.clone()), &places).expect("it is there");
    let Resolved::Missing(entry) = resolve() else { panic!("nothing was fetched yet") };
    let path = pull(&entry, &places, &mut |_| {}, &CancelToken::default()).expect("fetched");
    assert_eq!(path, folder.path().join("models/ada--tiny/tiny-Q8_0.gguf"));
    assert!(server.requests()[1].starts_with("get /ada/tiny/resolve/main/gguf/tiny-q8_0.gguf"));
    assert_eq!(resolve(), Resolved::Found(path), "the second time no one is asked");
    assert_eq!(server.requests().len(), 2);
}

/// What the hub says of files in a repository.
fn listing(files: &[(&str, &[u8])]) -> Answer {
    let file = |(path, body): &(&str, &[u8])| serde_json::json!({ "path": path, "lfs": { "oid": hexadecimal(&Sha256::digest(body)), "size": body.len() } });
    Answer::File(files.iter().map(file).collect::<serde_json::Value>().to_string().into_bytes())
}

#[test]
fn a_model_in_several_files_is_fetched_file_by_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (body(), b"the second file".to_vec());
    let names = ["Q8_0/big-Q8_0-00001-of-00002.gguf", "Q8_0/big-Q8_0-00002-of-00002.gguf"];
    let all = listing(&[(names[1], &two), (names[0], &one)]);
    let server = Server::start(vec![all, Answer::File(one.clone()), Answer::Status(404), Answer::File(two.clone())]);
    let mut places = Places::new(folder.path(), None, HubVariables::default());
    places.hub.endpoint.clone_from(&server.endpoint);
    let name: HubName = "ada/big:Q8_0".parse().expect("a name");
    let Ok(Resolved::Missing(entry)) = Catalogue::bundled().resolve(&ModelRef::Hub(name.clone()), &places) else {
        panic!("nothing was fetched yet")
    };
    assert_eq!(entry.all_bytes(), (one.len() + two.len()) as u64);
    let mut told = Vec::new();
    let mut pull_it = || pull(&entry, &places, &mut |progress| told.push(progress), &CancelToken::default());
    pull_it().expect_err("the second file is not there");
    let path = pull_it().expect("now it is");
    assert_eq!(path, folder.path().join("models/ada--big/big-Q8_0-00001-of-00002.gguf"));
    assert_eq!(fs::read(path.with_file_name("big-Q8_0-00002-of-00002.gguf")).expect("a file"), two);
    let all = entry.all_bytes();
    assert_eq!(told.last(), Some(&PullProgress::Checking { done: all, total: all }));
    assert_eq!(server.requests().len(), 4, "the first file was fetched once");
    let found = places.models_on_disk(Catalogue::bundled());
    assert_eq!(found.iter().map(|model| model.bytes).collect::<Vec<_>>(), [all]);
    assert_eq!(places.find(&entry), Some(path.clone()));
    found[0].remove().expect("removed");
    assert!(!path.exists() && !path.with_file_name("big-Q8_0-00002-of-00002.gguf").exists());
}

#[test]
fn a_model_of_which_a_file_is_missing_is_refused_before_anything_is_fetched() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(vec![listing(&[("big-Q8_0-00001-of-00002.gguf", b"one")])]);
    let mut places = Places::new(folder.path(), None, HubVariables::default());
    places.hub.endpoint.clone_from(&server.endpoint);
    let name: HubName = "ada/big:Q8_0".parse().expect("a name");
    let error = Catalogue::bundled().resolve(&ModelRef::Hub(name), &places).expect_err("half a model");
    assert_eq!(error.to_string(), "ada/big has no file big-Q8_0-00002-of-00002.gguf");
}

/// The catalogue's entry without a sha256, with a hub that has other bytes than were listed, under a name of another case.
fn revised() -> (Scene, Server) {
    let server = Server::start(vec![listing(&[("Tiny.gguf", &body())]), Answer::File(body())]);
    let mut scene = Scene::new(&server.endpoint);
    scene.entry = Entry { bytes: 7, sha256: None, ..scene.entry };
    (scene, server)
}

#[test]
fn size_and_sha256_of_an_entry_without_one_are_asked_of_the_hub_and_noted() {
    let (mut scene, server) = revised();
    let path = scene.pull().expect("it is fetched");
    assert_eq!(fs::read(&path).expect("a file"), scene.body);
    assert!(server.requests()[1].starts_with("get /ada/tiny-gguf/resolve/main/tiny.gguf"));
    assert_eq!(scene.cached(), ["tiny.gguf", "tiny.gguf.lock", "tiny.gguf.sha256"]);
    scene.pull().expect("it is here");
    assert_eq!(server.requests().len(), 2, "what is here with the noted sha256 is not asked for again");
}

#[test]
fn a_damaged_copy_of_such_an_entry_is_fetched_again() {
    let (mut scene, _server) = revised();
    let path = scene.pull().expect("it is fetched");
    fs::write(&path, b"damaged").expect("written");
    assert!(check(&path, &scene.entry, &mut |_| {}, &CancelToken::default()).is_err());
}

#[test]
fn an_entry_that_its_repository_no_longer_has_is_told() {
    let server = Server::start(vec![listing(&[("other-Q8_0.gguf", b"other")])]);
    let mut scene = Scene::new(&server.endpoint);
    scene.entry.sha256 = None;
    let error = scene.refused();
    assert_eq!(error.to_string(), "ada/tiny-GGUF has no file tiny.gguf");
    assert!(error.hint().expect("a hint").contains("other-Q8_0.gguf"));
}
