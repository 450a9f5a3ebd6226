//! Asks a server by many clients for a long time, beside some that behave badly, and looks whether anything fails, hangs or grows.
//!
//! ```text
//! cargo run --release --example load -- --program target/release/lunette --clients 32 --minutes 10
//! ```
//!
//! A model of a megabyte answers; the server is the real one, on loopback. Each client asks as soon as it has its answer, every fourth time as a
//! stream. Meanwhile others send a head byte by byte, bodies that are too large or no JSON, a wrong key, half a request, and go away in the middle of
//! an answer. Then a second server with room for four waiting requests is asked by all clients at once: it answers with 200 or 429, and says with
//! 429 when to come back.
//!
//! It fails if a good client gets anything but its answer, a bad one an answer or a connection that stays, if memory or open files have
//! grown from the second sixth of the time to the last by more than 5%, or if a server does not end by itself. Times are printed and
//! decide nothing: they are the machine's. Linux only: it reads `/proc`.

#![allow(clippy::print_stdout, reason = "the figures are the output")]

#[path = "../tests/support/gguf.rs"]
mod gguf;
#[path = "../tests/support/scripted_model.rs"]
mod scripted_model;
#[path = "../tests/support/server_process.rs"]
mod server_process;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use server_process::start_until;

/// Whoever waits longer is hung.
const HUNG: Duration = Duration::from_mins(2);
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
const KEY: &str = "a key";
const ANSWER: &str = "Yes, it.";
/// Bodies may have as much.
const MOST_BODY_BYTES: usize = 200_000;
/// How long the second server is asked.
const OVERLOAD: Duration = Duration::from_secs(10);

#[derive(Parser)]
struct Args {
    /// The program to use.
    #[arg(long)]
    program: PathBuf,
    #[arg(long, default_value_t = 32)]
    clients: usize,
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let home = tempfile::tempdir().expect("a temporary folder");
    scripted_model::write(&home.path().join("m.gguf"), ANSWER, scripted_model::CHATML);
    let book: String =
        (1..=100).map(|n| format!("Chapter {n}\n\nIn it there are {n} cats, and no dogs at all.\n\n")).collect();
    fs::write(home.path().join("book.txt"), book).expect("written");
    let program = fs::canonicalize(&args.program).expect("the program is there");
    println!("machine: {}", machine());
    let is_sound = [load(&program, home.path(), &args), overload(&program, home.path(), args.clients)];
    if is_sound == [true; 2] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Asks a server by good clients and bad ones.
fn load(program: &Path, home: &Path, args: &Args) -> bool {
    let server = Server::start(program, home, &[]);
    let time = Duration::from_secs_f64(args.minutes * 60.0);
    let begun = Instant::now();
    let is_over = AtomicBool::new(false);
    let (mut looks, mut asked, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    thread::scope(|scope| {
        let asking = |client| {
            let (address, is_over) = (&server.address, &is_over);
            scope.spawn(move || ask_until(address, client, is_over))
        };
        let good: Vec<_> = (0..args.clients).map(asking).collect();
        let worse: Vec<_> = BAD
            .map(|kind| {
                let (address, is_over) = (&server.address, &is_over);
                scope.spawn(move || behave_badly(address, kind, is_over))
            })
            .into_iter()
            .collect();
        while begun.elapsed() < time {
            thread::sleep(BETWEEN_LOOKS);
            looks.extend(server.look());
        }
        is_over.store(true, Ordering::Relaxed);
        asked = good.into_iter().map(|client| client.join().expect("it does not panic")).collect();
        bad = worse.into_iter().map(|client| client.join().expect("it does not panic")).collect();
    });
    println!("load: {} clients for {:.0} s", args.clients, begun.elapsed().as_secs_f64());
    let good = tell_answers(&asked);
    let bad = tell_bad(&bad);
    let flat = tell_growth(&looks);
    good & bad & flat & server.ends_by_itself()
}

/// What became of the questions of one client.
#[derive(Debug, Default)]
struct Asked {
    seconds: Vec<f64>,
    /// Everything but the answer, with how often.
    errors: BTreeMap<String, usize>,
}

fn ask_until(address: &str, client: usize, is_over: &AtomicBool) -> Asked {
    let mut asked = Asked::default();
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let begun = Instant::now();
        match ask(address, &format!("Client {client} asks for the time {number}: is it?"), number % 4 == 3) {
            Ok(()) => asked.seconds.push(begun.elapsed().as_secs_f64()),
            Err(error) => *asked.errors.entry(error).or_default() += 1,
        }
    }
    asked
}

/// Errors: what came in place of the answer.
fn ask(address: &str, text: &str, is_streamed: bool) -> Result<(), String> {
    let body = format!(r#"{{"messages": [{{"role": "user", "content": "{text}"}}], "stream": {is_streamed}}}"#);
    let reply = exchange(address, request(KEY, &body).as_bytes());
    let said = if is_streamed { "data: [DONE]" } else { "\"content\":\"Yes, it.\"" };
    if reply.starts_with("HTTP/1.1 200 ") && reply.contains(said) { Ok(()) } else { Err(short(&reply)) }
}

fn request(key: &str, body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends `request`, and reads all that comes.
fn exchange(address: &str, request: &[u8]) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return "no connection".to_owned() };
    let _ = stream.set_read_timeout(Some(HUNG));
    let _ = stream.write_all(request);
    rest_of(&mut stream)
}

fn rest_of(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(error) if all.is_empty() && is_timeout(&error) => "hung".to_owned(),
        _ => String::from_utf8_lossy(&all).into_owned(),
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn short(reply: &str) -> String {
    reply.lines().next().unwrap_or("nothing").chars().take(60).collect()
}

// --- bad clients -----------------------------------------------------------------------------------------------------

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    /// Sends a head byte by byte.
    SlowHead,
    /// A body that is too large, whose length is told or not.
    Giant,
    NoJson,
    WrongKey,
    /// Half a request, and then nothing more is sent.
    Half,
    /// Leaves in the middle of an answer.
    Leaves,
    /// A form that is none.
    NoForm,
}

const BAD: [Bad; 7] = [Bad::SlowHead, Bad::Giant, Bad::NoJson, Bad::WrongKey, Bad::Half, Bad::Leaves, Bad::NoForm];

/// Returns how often each thing came back.
fn behave_badly(address: &str, kind: Bad, is_over: &AtomicBool) -> (Bad, BTreeMap<String, usize>) {
    let mut came = BTreeMap::new();
    while !is_over.load(Ordering::Relaxed) {
        *came.entry(short(&once(address, kind))).or_default() += 1;
        thread::sleep(Duration::from_millis(50));
    }
    (kind, came)
}

fn once(address: &str, kind: Bad) -> String {
    match kind {
        Bad::SlowHead => slowly(address),
        Bad::Giant => exchange(address, request(KEY, &"x".repeat(2 * MOST_BODY_BYTES)).as_bytes()),
        Bad::NoJson => exchange(address, request(KEY, "{\"messages\": [").as_bytes()),
        Bad::WrongKey => exchange(address, request("another key", "{}").as_bytes()),
        Bad::Half => {
            let Ok(mut stream) = TcpStream::connect(address) else { return "no connection".to_owned() };
            let _ = stream.set_read_timeout(Some(HUNG));
            let whole = request(KEY, "{\"messages\": []}");
            let _ = stream.write_all(&whole.as_bytes()[..whole.len() - 5]);
            let _ = stream.shutdown(Shutdown::Write);
            rest_of(&mut stream)
        }
        Bad::Leaves => {
            let Ok(mut stream) = TcpStream::connect(address) else { return "no connection".to_owned() };
            let body = r#"{"messages": [{"role": "user", "content": "Is it?"}], "stream": true}"#;
            let _ = stream.write_all(request(KEY, body).as_bytes());
            let _ = stream.read(&mut [0; 16]);
            "it left".to_owned()
        }
        Bad::NoForm => {
            let head = "POST /v1/files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer a key\r\n\
                        Content-Type: multipart/form-data; boundary=X\r\nContent-Length: 9\r\n\r\n--X\r\nabcd";
            exchange(address, head.as_bytes())
        }
    }
}

/// A head that never ends.
fn slowly(address: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return "no connection".to_owned() };
    let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
    let begun = Instant::now();
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\nX: ");
    while begun.elapsed() < HUNG {
        let _ = stream.write_all(b"x");
        match stream.read(&mut [0; 256]) {
            Err(error) if is_timeout(&error) => {}
            _ => return "let go".to_owned(),
        }
    }
    "hung".to_owned()
}

/// What may come back.
fn is_right(kind: Bad, came: &str) -> bool {
    match kind {
        Bad::SlowHead => came == "let go",
        // The answer may be lost with the connection, as the client still sends.
        Bad::Giant => came.contains(" 413 ") || came == "nothing",
        Bad::NoJson | Bad::NoForm => came.contains(" 400 "),
        Bad::WrongKey => came.contains(" 401 "),
        Bad::Half => came.contains(" 400 ") || came == "nothing",
        Bad::Leaves => came == "it left",
    }
}

fn tell_bad(bad: &[(Bad, BTreeMap<String, usize>)]) -> bool {
    for (kind, came) in bad {
        let all: Vec<String> = came.iter().map(|(what, count)| format!("{count} × {what}")).collect();
        println!("bad client {kind:?}: {}", all.join(", "));
    }
    bad.iter().all(|(kind, came)| came.keys().all(|what| is_right(*kind, what)))
}

// --- what came of it -------------------------------------------------------------------------------------------------

fn tell_answers(asked: &[Asked]) -> bool {
    let mut seconds: Vec<f64> = asked.iter().flat_map(|client| client.seconds.clone()).collect();
    seconds.sort_by(f64::total_cmp);
    let at =
        |share: f64| seconds.get((seconds.len() as f64 * share) as usize).or(seconds.last()).copied().unwrap_or(0.0);
    let (median, p99, slowest) = (at(0.5), at(0.99), at(1.0));
    let each: Vec<usize> = asked.iter().map(|client| client.seconds.len()).collect();
    let (fewest, most) = (each.iter().min().unwrap_or(&0), each.iter().max().unwrap_or(&0));
    println!("answers: {} ({fewest} to {most} for a client)", seconds.len());
    let times = slowest / median.max(1e-9);
    println!("seconds: median {median:.3}, p99 {p99:.3}, slowest {slowest:.3} ({times:.1} times the median)");
    let errors: Vec<String> =
        asked.iter().flat_map(|client| client.errors.iter().map(|(what, count)| format!("{count} × {what}"))).collect();
    println!("errors: {}", if errors.is_empty() { "none".to_owned() } else { errors.join(", ") });
    errors.is_empty() && !seconds.is_empty()
}

fn tell_growth(looks: &[Look]) -> bool {
    let sixth = (looks.len() / 6).max(1);
    if looks.len() < 2 * sixth {
        println!("only {} looks: it takes longer, or the server ended early", looks.len());
        return false;
    }
    let most = |looks: &[Look]| {
        let memory_bytes = looks.iter().map(|look| look.memory_bytes).max().unwrap_or(0);
        (memory_bytes, looks.iter().map(|look| look.files).max().unwrap_or(0))
    };
    // The first sixth warms up.
    let (early, late) = (most(&looks[sixth..2 * sixth]), most(&looks[looks.len() - sixth..]));
    let [first, last] = [early.0 >> 10, late.0 >> 10];
    println!(
        "memory: {} kB at first, {first} -> {last} kB; open files {} -> {}",
        looks[0].memory_bytes >> 10,
        early.1,
        late.1
    );
    late.0 <= early.0 + early.0 / 20
}

/// Asks a server that lets four wait by all clients at once.
fn overload(program: &Path, home: &Path, clients: usize) -> bool {
    let server = Server::start(program, home, &["--max-queue", "4"]);
    let begun = Instant::now();
    let mut came: BTreeMap<String, usize> = BTreeMap::new();
    thread::scope(|scope| {
        let ask = |_| {
            scope.spawn(|| {
                let mut replies = Vec::new();
                while begun.elapsed() < OVERLOAD {
                    let body = r#"{"messages": [{"role": "user", "content": "Is it?"}]}"#;
                    let reply = exchange(&server.address, request(KEY, body).as_bytes());
                    let when = if reply.to_lowercase().contains("retry-after: ") { ", with Retry-After" } else { "" };
                    replies.push(short(&reply) + when);
                }
                replies
            })
        };
        let asking: Vec<_> = (0..clients).map(ask).collect();
        for reply in asking.into_iter().flat_map(|client| client.join().expect("it does not panic")) {
            *came.entry(reply).or_default() += 1;
        }
    });
    let all: Vec<String> = came.iter().map(|(what, count)| format!("{count} × {what}")).collect();
    println!("overload: {clients} clients, room for 4 to wait: {}", all.join("; "));
    let expected = ["HTTP/1.1 200 OK", "HTTP/1.1 429 Too Many Requests, with Retry-After"];
    came.keys().eq(expected.iter()) & server.ends_by_itself()
}

// --- the server ------------------------------------------------------------------------------------------------------

struct Server {
    child: Child,
    address: String,
}

/// What the process has at a moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    memory_bytes: u64,
    files: usize,
}

impl Server {
    fn start(program: &Path, home: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(["serve", "book.txt", "--port", "0", "-m", "m.gguf", "-t", "1", "--preset", "full", "--no-cache"]);
        command.args(["--max-body", &MOST_BODY_BYTES.to_string(), "--api-key", KEY]).args(more);
        command.current_dir(home).env_clear().env("HOME", home);
        let (child, address) = start_until("read", command);
        Self { child, address }
    }

    fn look(&self) -> Option<Look> {
        let id = self.child.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(Look { memory_bytes: kilobytes << 10, files: fs::read_dir(format!("/proc/{id}/fd")).ok()?.count() })
    }

    /// Asks it to end. Whether it does so without an error.
    fn ends_by_itself(mut self) -> bool {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let ended = self.child.wait().expect("it is ours");
        println!("the server {}", if ended.success() { "ended by itself" } else { "failed" });
        asked.is_ok_and(|status| status.success()) && ended.success()
    }
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{}, {cores} cores", name.trim_start_matches([' ', '\t', ':']))
}
