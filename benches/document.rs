//! How long does it take to load a document, and to count its tokens? A megabyte of novel, beside reading the same file without looking
//! at it; with `--tree FOLDER` a tree of sources, too.
//!
//! `cargo bench --bench document -- --model MODEL [--tree FOLDER]`. Prints the median and the spread of `RUNS` runs, and of the tokens the
//! processor time, which other work on the machine changes less. Without a model nothing is tokenised.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use lunette::document::{Input, PRIDE_AND_PREJUDICE, ReadOptions, load};
use lunette::engine::Vocabulary;

const RUNS: usize = 21;

fn main() {
    documents();
    let Some(model) = argument("--model") else { return };
    let (took, vocabulary) = timed(|| Vocabulary::open(Path::new(&model)).expect("a model"));
    println!("vocabulary of {model}: opened in {took:.1?}");
    let novel: String = PRIDE_AND_PREJUDICE.chars().cycle().take(1_000_000).collect();
    tokens("1 MB of novel", &novel, &vocabulary);
    if let Some(folder) = argument("--tree") {
        tree(Path::new(&folder), &vocabulary);
    }
}

/// The word behind `flag`.
fn argument(flag: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != flag).nth(1)
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let made = work();
    (started.elapsed(), made)
}

fn tokens(name: &str, text: &str, vocabulary: &Vocabulary) {
    let before = memory();
    println!("{name}: {} bytes, {} tokens", text.len(), vocabulary.numbers(text).len());
    let more = memory().saturating_sub(before);
    println!("  {:>15}: {:.1} times the text", "memory", more as f64 / text.len() as f64);
    let same = vocabulary.numbers(text) == vocabulary.reference(text);
    println!("  {:>15}: {}", "as llama.cpp", if same { "the same tokens" } else { "OTHER TOKENS" });
    report_work("in one call", || vocabulary.reference(text));
    report_work("on all cores", || vocabulary.numbers(text));
    report_work("with offsets", || vocabulary.tokens(text));
}

fn tree(folder: &Path, vocabulary: &Vocabulary) {
    let document = loaded(folder);
    println!("{}: {} files", folder.display(), document.report.files.len());
    report_work("walk and read", || loaded(folder));
    report_work("and count", || vocabulary.tokens(&loaded(folder).text).map(|tokens| tokens.len()));
    tokens("its text", &document.text, vocabulary);
}

/// The most memory that this process has had, in bytes; 0 where the system does not say.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) * 1024
}

/// Processor time of this process so far, in hundredths of a second as the system counts it.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn report_work<T>(what: &str, work: impl Fn() -> T) {
    let before = processor();
    report(what, work);
    let each = processor().saturating_sub(before) / RUNS as u32;
    println!("  {:>15}  processor time {each:.1?} each", "");
}

fn documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let novel: String = PRIDE_AND_PREJUDICE.chars().cycle().take(1_000_000).collect();
    let cases = [
        ("novel, LF", novel.clone()),
        ("novel, CRLF", novel.replace('\n', "\r\n")),
        ("one line", novel.replace('\n', " ")),
        ("5 MB on one line", novel.replace('\n', " ").repeat(5)),
    ];
    for (name, text) in cases {
        let path = folder.path().join("document.txt");
        std::fs::write(&path, &text).expect("a file");
        println!("{name}: {} bytes", text.len());
        report("read only", || std::fs::read_to_string(&path).expect("a file"));
        report("load", || loaded(&path));
        let document = loaded(&path);
        report("parts", || document.parts());
        report("locate the end", || document.locate(document.text.len() - 1));
    }
}

fn loaded(path: &Path) -> lunette::document::Document {
    load(&[Input::Path(path.into())], &ReadOptions::default(), &mut std::io::empty()).expect("it is text")
}

fn report<T>(what: &str, work: impl Fn() -> T) {
    let time = |_| {
        let started = Instant::now();
        black_box(work());
        started.elapsed()
    };
    let mut times: Vec<Duration> = (0..RUNS).map(time).collect();
    times.sort();
    println!("  {what:>15}: {:>10.1?} ({:.1?} to {:.1?})", times[RUNS / 2], times[0], times[RUNS - 1]);
}
