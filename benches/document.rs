//! How long does it take to load a document, and to count its tokens? A megabyte of novel, beside reading the same file without looking
//! at it; a PDF of 352 pages that is made of the same novel, beside `pdftotext` where that is installed; with `--tree FOLDER` a tree of
//! sources, too.
//!
//! `cargo bench --bench document -- [--model MODEL] [--tree FOLDER] [--pdf FILE]`. Prints the median and the spread of `RUNS` runs, and of the
//! tokens the processor time, which other work on the machine changes less. Without a model nothing is tokenised. `--pdf` measures one more
//! PDF, as the one that is made: whole processes, start to end, the least of [`PDF_RUNS`] runs, and how much memory the asking process takes
//! beyond what it takes for a page of two lines.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lunette::document::{Input, PRIDE_AND_PREJUDICE, PdfReader, ReadOptions, load};
use lunette::engine::Vocabulary;

#[path = "../tests/support/pdf.rs"]
mod pdf;

use pdf::{Made, line, lines};

const RUNS: usize = 21;
const PDF_RUNS: usize = 5;
/// A long novel's, with about so many characters each.
const PDF_PAGES: usize = 352;
const LINES_A_PAGE: usize = 44;
const CHARACTERS_A_LINE: usize = 68;
const LUNETTE: &str = env!("CARGO_BIN_EXE_lunette");
/// Makes this program load one document and print the most memory that it took.
const PEAK: &str = "--peak-of";

fn main() {
    if let Some(path) = argument(PEAK) {
        black_box(loaded(Path::new(&path)));
        println!("{}", memory());
        return;
    }
    pdfs();
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

/// The novel that is made, and the PDF that was named.
fn pdfs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (small, made) = (folder.path().join("two-lines.pdf"), folder.path().join("novel.pdf"));
    std::fs::write(&small, Made::new().page(lines(72, 700, &["One line", "and another."])).bytes()).expect("a file");
    std::fs::write(&made, novel()).expect("a file");
    let least_bytes = peak_bytes(&small);
    report_pdf(&made, least_bytes);
    if let Some(path) = argument("--pdf") {
        report_pdf(Path::new(&path), least_bytes);
    }
}

/// A novel as it is printed: full pages with a running head and a number.
fn novel() -> Vec<u8> {
    let text = set(PRIDE_AND_PREJUDICE);
    let mut lines_left = text.iter().cycle();
    let page = |made: Made, number: usize| {
        let texts: Vec<&str> = lines_left.by_ref().take(LINES_A_PAGE).map(String::as_str).collect();
        let head = if number.is_multiple_of(2) { "PRIDE AND PREJUDICE" } else { "JANE AUSTEN" };
        made.page(line(230, 800, 9, head) + &lines(72, 760, &texts) + &line(290, 60, 9, &number.to_string()))
    };
    (1..=PDF_PAGES).fold(Made::new(), page).bytes()
}

/// `text` in lines that fill a page's width; what was parted by an empty line is so still.
fn set(text: &str) -> Vec<String> {
    let mut set = Vec::new();
    for paragraph in text.split("\n\n") {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.len() + 1 + word.len() > CHARACTERS_A_LINE {
                set.push(std::mem::take(&mut line));
            }
            line += if line.is_empty() { "" } else { " " };
            line += word;
        }
        set.extend((!line.is_empty()).then_some(line));
    }
    set
}

fn report_pdf(path: &Path, least_bytes: usize) {
    let document = loaded(path);
    let (pages, text) = (document.report.files[0].pages.len(), document.text.len());
    println!("{}: {pages} pages, {text} bytes of text", path.display());
    report_process("lunette", || {
        Command::new(LUNETTE).args(["inspect", "--text"]).arg(path).stdout(Stdio::null()).status()
    });
    report_process("pdftotext", || Command::new("pdftotext").arg(path).arg("-").stdout(Stdio::null()).status());
    let (peak, least) = (peak_bytes(path) as f64, least_bytes as f64);
    let times = (peak - least) / text as f64;
    println!(
        "  {:>15}: {:.1} MB, {:.1} MB of it for any PDF; the rest is {times:.1} times the text",
        "memory",
        peak / 1e6,
        least / 1e6
    );
}

/// The least of some runs of a whole process, children included; nothing when it can't be started.
fn report_process(name: &str, start: impl Fn() -> std::io::Result<std::process::ExitStatus>) {
    let run = |_| {
        let (before, started) = (processor_of_children(), Instant::now());
        start().ok().filter(std::process::ExitStatus::success)?;
        Some((started.elapsed(), processor_of_children().saturating_sub(before)))
    };
    let runs: Vec<(Duration, Duration)> = (0..PDF_RUNS).map_while(run).collect();
    let (took, worked) = (runs.iter().map(|run| run.0).min(), runs.iter().map(|run| run.1).min());
    match (took, worked) {
        (Some(took), Some(worked)) => println!("  {name:>15}: {took:.2?}, processor time {worked:.2?}"),
        _ => println!("  {name:>15}: could not be run"),
    }
}

/// The most memory that this program takes when it does nothing but load `path`.
fn peak_bytes(path: &Path) -> usize {
    let me = std::env::current_exe().expect("a program");
    let output = Command::new(me).arg(PEAK).arg(path).output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of bytes")
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

/// Processor time of this process so far.
fn processor() -> Duration {
    processor_ticks(11)
}

/// Of its children that have ended, and theirs.
fn processor_of_children() -> Duration {
    processor_ticks(13)
}

/// Two times from field `first` on, in hundredths of a second as the system counts; 0 where it does not say.
fn processor_ticks(first: usize) -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        behind_name.split_whitespace().skip(first).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
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
    let options = ReadOptions { pdf_reader: PdfReader::Program(LUNETTE.into()), ..ReadOptions::default() };
    load(&[Input::Path(path.into())], &options, &mut std::io::empty()).expect("it is text")
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
