//! What does it cost when another machine computes layers? Prefill and decode speed, and bytes on the link, with all layers here, with
//! layers in a second process on this machine, and with a link between the two that takes time.
//!
//! ```text
//! cargo bench --features rpc --bench rpc -- --model MODEL.gguf [--layers 12,all] [--delays 0,1,10] [--tokens 2000] [--rounds 3]
//! ```
//!
//! Each row is a run of `lunette --jsonl` beside a `lunette rpc-server`, one thread each. Between them is a link that passes on what comes
//! after `delay` milliseconds each way, without a limit on how much is on its way. Bytes are counted there, from the first progress of the
//! reading to the first piece of the answer, and from there to the end. Medians of all rounds.
//!
//! Both processes share this machine's cores, so that the rows with a peer say what the detour costs, and not what a second machine brings.

#![allow(clippy::print_stdout, reason = "the table is the output")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::Value;

const LUNETTE: &str = env!("CARGO_BIN_EXE_lunette");
/// Tokens of a line of the text, about.
const LINE_TOKENS: usize = 16;

#[derive(Parser)]
struct Args {
    #[arg(long, env = "LUNETTE_BENCH_MODEL")]
    model: PathBuf,
    /// Layers on the peer, one row each.
    #[arg(long, value_delimiter = ',', default_values = ["all"])]
    layers: Vec<String>,
    /// Milliseconds each way on the link, one row each.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1, 10])]
    delays: Vec<u64>,
    /// Tokens of the document, about.
    #[arg(long, default_value_t = 2000)]
    tokens: usize,
    /// Tokens of the answer.
    #[arg(long, default_value_t = 32)]
    answer: u32,
    #[arg(long, value_delimiter = ',', default_values = ["full", "fastest"])]
    presets: Vec<String>,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// What cargo hands to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a run gave.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    prefill_tok_s: f64,
    decode_tok_s: f64,
    /// To the peer and from it, per token.
    prefill_bytes: [f64; 2],
    decode_bytes: [f64; 2],
}

fn main() {
    let args = Args::parse();
    let name = args.model.file_name().unwrap_or_default().display().to_string();
    println!(
        "{name}: a document of about {} tokens, answers of {}, {} rounds, one thread for each process",
        args.tokens, args.answer, args.rounds
    );
    let folder = tempfile::tempdir().expect("a folder");
    let document = folder.path().join("cellar.txt");
    std::fs::write(&document, inventory(args.tokens / LINE_TOKENS)).expect("a file");
    let peer = Peer::start();
    for preset in &args.presets {
        println!("\n`{preset}`:\n");
        println!(
            "| layers on the peer | delay each way | prefill, tok/s | decode, tok/s | to and from the peer per token read | per token written |"
        );
        println!("|---|---|---|---|---|---|");
        row(&args, preset, &document, None);
        for layers in &args.layers {
            for &delay in &args.delays {
                let link = Link::to(&peer.address, Duration::from_millis(delay));
                row(&args, preset, &document, Some((layers, delay, &link)));
            }
        }
    }
}

fn row(args: &Args, preset: &str, document: &PathBuf, shared: Option<(&String, u64, &Link)>) {
    let runs: Vec<Figures> = (0..args.rounds).map(|_| run(args, preset, document, shared)).collect();
    let median = |figure: fn(&Figures) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let (prefill, decode) = (median(|run| run.prefill_tok_s), median(|run| run.decode_tok_s));
    let mut line = match shared {
        None => format!("| none | | {prefill:.0} | {decode:.1} | | |"),
        Some((layers, delay, _)) => format!("| {layers} | {delay} ms | {prefill:.0} | {decode:.1} | "),
    };
    if shared.is_some() {
        let [to, from] = [median(|run| run.prefill_bytes[0]), median(|run| run.prefill_bytes[1])];
        let [on, back] = [median(|run| run.decode_bytes[0]), median(|run| run.decode_bytes[1])];
        let _ = write!(line, "{to:.0} + {from:.0} B | {on:.0} + {back:.0} B |");
    }
    println!("{line}");
}

/// One run of the program, in a home of its own.
fn run(args: &Args, preset: &str, document: &PathBuf, shared: Option<(&String, u64, &Link)>) -> Figures {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(LUNETTE);
    command.args(["--jsonl", "--no-cache", "--no-repack", "-t", "1", "-b", "512", "-ub", "512", "--preset", preset]);
    command.args(["-p", "Which colour has box number 7? Then list the boxes.", "-n", &args.answer.to_string()]);
    command.arg("-m").arg(&args.model).arg(document);
    match shared {
        Some((layers, _, link)) => command.args(["--rpc", &link.address, "-ngl", layers]),
        None => command.args(["-ngl", "0"]),
    };
    command.env("HOME", home.path()).stdout(Stdio::piped()).stdin(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let events = BufReader::new(child.stdout.take().expect("it is piped"));
    let counted = || shared.map_or([0, 0], |(_, _, link)| link.counted());
    let (mut begun, mut first, mut last) = (None, None, Value::Null);
    for line in events.lines().map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).expect("JSON");
        match event["type"].as_str() {
            Some("planned") => begun = begun.or_else(|| Some(counted())),
            Some("answer" | "reasoning") => first = first.or_else(|| Some(counted())),
            Some("done") => last = event,
            Some("error") => panic!("{line}"),
            _ => {}
        }
    }
    let ended = counted();
    child.wait().expect("it ends");
    figures(&last, begun.unwrap_or_default(), first.unwrap_or_default(), ended)
}

fn figures(done: &Value, begun: [u64; 2], first: [u64; 2], ended: [u64; 2]) -> Figures {
    let number = |path: &str| done.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path}: {done}"));
    let (read, written) = (number("/tokens/prefilled"), number("/tokens/generated"));
    let each = |from: [u64; 2], to: [u64; 2], tokens: f64| {
        [0, 1].map(|way| (to[way].saturating_sub(from[way])) as f64 / tokens)
    };
    Figures {
        prefill_tok_s: number("/timings/prefill_tok_s"),
        decode_tok_s: number("/timings/decode_tok_s"),
        prefill_bytes: each(begun, first, read),
        decode_bytes: each(first, ended, written - 1.0),
    }
}

/// A text of so many lines with a fact in each.
fn inventory(lines: usize) -> String {
    let colours = ["red", "green", "blue", "white", "black"];
    let line = |n: usize| format!("Box number {n} in the cellar is painted {}.\n", colours[n % colours.len()]);
    (1..=lines).map(line).collect::<Vec<_>>().concat()
}

/// `lunette rpc-server` on one thread.
struct Peer {
    child: Child,
    address: String,
}

impl Peer {
    fn start() -> Self {
        let mut command = Command::new(LUNETTE);
        command.args(["rpc-server", "--listen", "127.0.0.1:0", "-t", "1"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let first = lines.next().expect("a line").expect("UTF-8");
        let address = first.strip_prefix("listening on ").expect("built with --features rpc").to_owned();
        thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A wire that takes time.
struct Link {
    address: String,
    /// Bytes to the peer, and from it.
    passed: [Arc<AtomicU64>; 2],
}

impl Link {
    fn to(peer: &str, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let passed: [Arc<AtomicU64>; 2] = Default::default();
        let (peer, counters) = (peer.to_owned(), passed.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&peer) else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                pass(&client, &server, delay, counters[0].clone());
                pass(&server, &client, delay, counters[1].clone());
            }
        });
        Self { address, passed }
    }

    fn counted(&self) -> [u64; 2] {
        [0, 1].map(|way: usize| self.passed[way].load(Ordering::SeqCst))
    }
}

/// One direction: what comes goes on `delay` later, however much is on its way.
fn pass(from: &TcpStream, to: &TcpStream, delay: Duration, passed: Arc<AtomicU64>) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    let (sender, on_its_way) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut some = vec![0; 256 << 10];
        while let Ok(length @ 1..) = from.read(&mut some) {
            passed.fetch_add(length as u64, Ordering::SeqCst);
            if sender.send((Instant::now() + delay, some[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in on_its_way {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
