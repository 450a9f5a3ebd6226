//! Compares what programs read of documents with texts that are known: how much is found, how much is not in the known text, and
//! how many lines are out of order.
//!
//! ```text
//! cargo run --release --example known_texts -- --list pairs.tsv --program target/release/lunette --program older/lunette --peers
//! ```
//!
//! Each line of the list has a document, its known text (plain text in UTF-8), and the set it belongs to, between tabs; the paths
//! are relative to the list. With `--peers`, PDFs are read by `pdftotext`, too, other documents by `pandoc -t plain`.
//!
//! The measures, per document, and as means over each set:
//!
//! * recall: of the runs of five words of the known text, so many are found, each as often as it is there;
//! * precision: of the runs of five words found, so many are in the known text;
//! * out of order: of the lines that are found, told by four words that the known text has once, the share that is outside of the
//!   longest sequence that goes on. Tables of contents, whose titles come again, are such lines, too, in all programs.
//!
//! A word is a run of letters and digits in small letters; an ideograph is a word. `--each` prints every document.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table is the output")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;

#[derive(Parser)]
struct Args {
    /// Documents with their known texts and sets.
    #[arg(long)]
    list: PathBuf,
    /// A lunette to try; several are compared.
    #[arg(long)]
    program: Vec<PathBuf>,
    /// Also try `pdftotext` and `pandoc`.
    #[arg(long)]
    peers: bool,
    /// Print every document, not only the sets.
    #[arg(long)]
    each: bool,
}

struct Pair {
    document: PathBuf,
    known: PathBuf,
    set: String,
}

enum Reader {
    Lunette(PathBuf),
    Peer,
}

impl Reader {
    fn name(&self, document: &Path) -> String {
        match self {
            Self::Lunette(program) => program.display().to_string(),
            Self::Peer if is_pdf(document) => "pdftotext".into(),
            Self::Peer => "pandoc".into(),
        }
    }

    /// The text of `document`; empty if it is not read.
    fn read(&self, document: &Path) -> String {
        let mut command = match self {
            Self::Lunette(program) => with_arguments(program, &["inspect", "--text"]),
            Self::Peer if is_pdf(document) => with_arguments(Path::new("pdftotext"), &["-enc", "UTF-8"]),
            Self::Peer => with_arguments(Path::new("pandoc"), &["-t", "plain", "--wrap=none"]),
        };
        command.arg(document);
        if matches!(self, Self::Peer) && is_pdf(document) {
            command.arg("-");
        }
        let output = command.output().expect("the program starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn with_arguments(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn is_pdf(document: &Path) -> bool {
    document.extension().is_some_and(|extension| extension == "pdf")
}

/// What was measured of one document, or the sums of several.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    documents: usize,
    unread: usize,
    recall: f64,
    precision: f64,
    out_of_order: f64,
    took: Duration,
}

impl Measured {
    fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.unread += other.unread;
        self.recall += other.recall;
        self.precision += other.precision;
        self.out_of_order += other.out_of_order;
        self.took += other.took;
    }

    fn row(&self, set: &str, reader: &str) -> String {
        let mean = |sum: f64| sum / self.documents.max(1) as f64;
        let (recall, precision, order) = (mean(self.recall), mean(self.precision), 100.0 * mean(self.out_of_order));
        let (documents, unread, took) = (self.documents, self.unread, self.took.as_secs_f64());
        format!(
            "| {set} | {documents} | {unread} | {reader} | {recall:.4} | {precision:.4} | {order:.2} % | {took:.1} |"
        )
    }
}

fn main() {
    let args = Args::parse();
    let pairs = pairs(&args.list);
    let mut readers: Vec<Reader> = args.program.into_iter().map(Reader::Lunette).collect();
    if args.peers {
        readers.push(Reader::Peer);
    }
    println!(
        "| set | documents | not read | program | recall | precision | out of order | s |\n|---|---|---|---|---|---|---|---|"
    );
    let mut sets: BTreeMap<(String, usize, String), Measured> = BTreeMap::new();
    for pair in &pairs {
        let known = Known::of(&fs::read_to_string(&pair.known).expect("the known text, in UTF-8"));
        for (number, reader) in readers.iter().enumerate() {
            let started = Instant::now();
            let text = reader.read(&pair.document);
            let measured = known.measure(&text, started.elapsed());
            let name = reader.name(&pair.document);
            if args.each {
                println!("{}", measured.row(&pair.document.display().to_string(), &name));
            }
            sets.entry((pair.set.clone(), number, name)).or_default().add(measured);
        }
    }
    for ((set, _, reader), measured) in &sets {
        println!("{}", measured.row(set, reader));
    }
}

fn pairs(list: &Path) -> Vec<Pair> {
    let folder = list.parent().unwrap_or(Path::new("."));
    let text = fs::read_to_string(list).expect("the list");
    let pair = |line: &str| {
        let mut fields = line.split('\t');
        let mut path = || folder.join(fields.next().expect("a document and its text"));
        let (document, known) = (path(), path());
        Pair { document, known, set: fields.next().unwrap_or("all").to_owned() }
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(pair).collect()
}

/// A known text.
struct Known {
    runs: Counts,
    /// Where each run of four words is that is there once.
    places: HashMap<Vec<String>, Option<usize>>,
}

type Counts = HashMap<Vec<String>, usize>;

const RUN: usize = 5;
const TOLD_BY: usize = 4;

impl Known {
    fn of(text: &str) -> Self {
        let words = words(text);
        let mut places = HashMap::new();
        for (place, run) in words.windows(TOLD_BY).enumerate() {
            places.entry(run.to_vec()).and_modify(|place| *place = None).or_insert(Some(place));
        }
        Self { runs: counts(&words), places }
    }

    fn measure(&self, text: &str, took: Duration) -> Measured {
        let found = counts(&words(text));
        let both: usize =
            found.iter().map(|(run, count)| self.runs.get(run).map_or(0, |known| *known.min(count))).sum();
        let share = |all: &Counts| both as f64 / all.values().sum::<usize>().max(1) as f64;
        let places: Vec<usize> = text.lines().filter_map(|line| self.place(line)).collect();
        let out = places.len() - longest_ascending(&places);
        Measured {
            documents: 1,
            unread: usize::from(text.trim().is_empty()),
            recall: share(&self.runs),
            precision: share(&found),
            out_of_order: out as f64 / places.len().max(1) as f64,
            took,
        }
    }

    fn place(&self, line: &str) -> Option<usize> {
        words(line).windows(TOLD_BY).find_map(|run| *self.places.get(run)?)
    }
}

fn counts(words: &[String]) -> Counts {
    let mut counts = Counts::new();
    for run in words.windows(RUN) {
        *counts.entry(run.to_vec()).or_default() += 1;
    }
    counts
}

/// The length of the longest ascending sequence: after each place, `ends` has the lowest end of a sequence of each length.
fn longest_ascending(places: &[usize]) -> usize {
    let mut ends: Vec<usize> = Vec::new();
    for &place in places {
        let at = ends.partition_point(|&end| end < place);
        if at == ends.len() {
            ends.push(place);
        } else {
            ends[at] = place;
        }
    }
    ends.len()
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for sign in text.chars().chain([' ']) {
        let is_alone = sign >= '\u{2e80}' && sign.is_alphanumeric();
        if sign.is_alphanumeric() && !is_alone {
            word.extend(sign.to_lowercase());
            continue;
        }
        words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        words.extend(is_alone.then(|| sign.to_string()));
    }
    words
}
