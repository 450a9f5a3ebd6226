//! How much of a PDF's words is read, beside other programs, on documents whose text is known? And how long does it take?
//!
//! ```sh
//! mkdir peers && cd peers
//! apt-get download debian-reference-en debian-reference-ja debian-reference-zh-cn developers-reference
//! for package in *.deb; do dpkg-deb -x "$package" .; done
//! pip download --no-deps --no-binary :all: pypdf==7.1.0 && tar xzf pypdf-7.1.0.tar.gz
//! cd .. && cargo bench --bench documents_peers -- peers
//! ```
//!
//! Recall: of the words of the known text, so many are found (each as often as it is there). Precision: of the words found, so many are known. A Chinese or
//! Japanese character is a word. Order: of the pairs of neighbouring words in the known text, so many are neighbours in what was found.
//! Seconds are of the processor, children included, so that what else runs on the machine matters less. The pass mark for recall on whole
//! documents is 0.95; below it the program fails, and so it does when none of the documents is in the folder.

#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lunette::document::{Input, PdfReader, ReadOptions, load};

const PASS_MARK: f64 = 0.95;

/// A known text may have been taken from the PDF itself, ligatures and all.
const LIGATURES: [(&str, &str); 5] = [("ﬀ", "ff"), ("ﬁ", "fi"), ("ﬂ", "fl"), ("ﬃ", "ffi"), ("ﬄ", "ffl")];

/// A PDF, its known text, and whether the text is all of it in the same words: then the pass mark holds.
struct Peer {
    pdf: String,
    text: String,
    is_whole: bool,
}

fn main() -> ExitCode {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let Some(folder) = folder.map(PathBuf::from) else {
        println!(
            "documents_peers: no folder of documents was named; the head of benches/documents_peers.rs says how to get them"
        );
        return ExitCode::SUCCESS;
    };
    println!("| document | pages | reader | recall | precision | order | processor s |\n|---|---|---|---|---|---|---|");
    let passed: Vec<bool> = peers(&folder)
        .iter()
        .filter(|peer| folder.join(&peer.pdf).exists())
        .map(|peer| compare(&folder, peer))
        .collect();
    println!("\n| encrypted | without a password | with it |\n|---|---|---|");
    let opened: Vec<bool> = encrypted(&folder).iter().map(|(file, password)| try_passwords(file, password)).collect();
    if passed.is_empty() {
        println!("documents_peers: none of the documents is in {}", folder.display());
    }
    let is_good = !passed.is_empty() && passed.iter().chain(&opened).all(|&good| good);
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn peers(folder: &Path) -> Vec<Peer> {
    let mut peers = Vec::new();
    for language in ["en", "ja", "zh-cn"] {
        let path = format!("usr/share/debian-reference/debian-reference.{language}");
        peers.push(Peer { pdf: format!("{path}.pdf"), text: format!("{path}.txt.gz"), is_whole: true });
    }
    let path = "usr/share/developers-reference/developers-reference";
    peers.push(Peer { pdf: format!("{path}.pdf"), text: format!("{path}.txt.gz"), is_whole: true });
    let resources = "pypdf-7.1.0/resources";
    for (pdf, text) in [("crazyones", "crazyones"), ("pdflatex-forms", "010-pdflatex-forms"), ("toy", "toy.layout")] {
        let peer =
            Peer { pdf: format!("{resources}/{pdf}.pdf"), text: format!("{resources}/{text}.txt"), is_whole: false };
        if folder.join(&peer.pdf).exists() {
            peers.push(peer);
        }
    }
    peers
}

fn compare(folder: &Path, peer: &Peer) -> bool {
    let pdf = folder.join(&peer.pdf);
    let truth = words(&known_text(&folder.join(&peer.text)));
    let title = pdf.file_name().expect("a file").to_string_lossy().into_owned();
    let (ours, pages, seconds) = ours(&pdf);
    let recall = row(&title, &pages, "lunette", &truth, &ours, seconds);
    let before = processor_s();
    let theirs = poppler(&pdf);
    row(&title, "", "pdftotext", &truth, &theirs, processor_s() - before);
    !peer.is_whole || recall >= PASS_MARK
}

/// Prints a line of the table; returns the recall.
fn row(title: &str, pages: &str, reader: &str, truth: &[String], text: &str, seconds: f64) -> f64 {
    let found = words(text);
    let both = common(truth, &found);
    let recall = both as f64 / truth.len().max(1) as f64;
    let precision = both as f64 / found.len().max(1) as f64;
    let pairs = |words: &[String]| words.windows(2).map(|two| two.join(" ")).collect::<Vec<_>>();
    let (known, ours) = (pairs(truth), pairs(&found));
    let order = common(&known, &ours) as f64 / known.len().max(1) as f64;
    println!("| {title} | {pages} | {reader} | {recall:.4} | {precision:.4} | {order:.4} | {seconds:.2} |");
    recall
}

/// How many of `truth` are in `found`, each as often as in both.
fn common(truth: &[String], found: &[String]) -> usize {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in found {
        *left.entry(word).or_default() += 1;
    }
    let is_there =
        |word: &&String| left.get_mut(word.as_str()).filter(|count| **count > 0).map(|count| *count -= 1).is_some();
    truth.iter().filter(is_there).count()
}

/// Runs of letters and digits in small letters; ideographs and kana one by one.
fn words(text: &str) -> Vec<String> {
    let text = LIGATURES.iter().fold(text.to_owned(), |text, (ligature, letters)| text.replace(*ligature, letters));
    let mut words = Vec::new();
    for run in text.split(|character: char| !character.is_alphanumeric()).filter(|run| !run.is_empty()) {
        let mut word = String::new();
        for character in run.chars().flat_map(char::to_lowercase) {
            if character >= '\u{2e80}' {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                words.push(character.to_string());
            } else {
                word.push(character);
            }
        }
        words.extend((!word.is_empty()).then_some(word));
    }
    words
}

fn known_text(path: &Path) -> String {
    let bytes = fs::read(path).expect("the known text");
    let mut text = Vec::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).expect("it is whole");
    } else {
        text = bytes;
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn options(password: Option<&str>) -> ReadOptions {
    let pdf_reader = PdfReader::Program(env!("CARGO_BIN_EXE_lunette").into());
    ReadOptions { pdf_reader, pdf_password: password.map(str::to_owned), ..ReadOptions::default() }
}

fn ours(pdf: &Path) -> (String, String, f64) {
    let before = processor_s();
    let read = load(&[Input::Path(pdf.into())], &options(None), &mut std::io::empty());
    let seconds = processor_s() - before;
    match read {
        Ok(document) => {
            let pages = document.report.files[0].pages.len().to_string();
            (document.text, pages, seconds)
        }
        Err(error) => (String::new(), error.to_string(), seconds),
    }
}

fn poppler(pdf: &Path) -> String {
    let output = Command::new("pdftotext").args(["-enc", "UTF-8"]).arg(pdf).arg("-").output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Processor time of this process and of its children that have ended. Linux only; 0 elsewhere.
fn processor_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // utime, stime, cutime, cstime, in hundredths of a second; the state is the first field here.
    let ticks: u64 = fields.get(11..15).into_iter().flatten().filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

/// pypdf's encrypted files. What opens them is in its tests: nothing, `asdfzxcv` or `password`.
fn encrypted(folder: &Path) -> Vec<(PathBuf, String)> {
    let resources = folder.join("pypdf-7.1.0/resources");
    let Ok(entries) = fs::read_dir(resources.join("encryption")) else { return Vec::new() };
    let password = |path: &Path| {
        if path.ends_with("r6-both-passwords.pdf") || path.ends_with("r6-cleartext-metadata.pdf") {
            "foo"
        } else {
            "asdfzxcv"
        }
        .to_owned()
    };
    let mut files: Vec<(PathBuf, String)> =
        entries.flatten().map(|entry| (entry.path(), password(&entry.path()))).collect();
    files.sort();
    files.push((resources.join("crazyones-encrypted-256.pdf"), "password".into()));
    files.push((resources.join("libreoffice-writer-password.pdf"), "openpassword".into()));
    files
}

fn try_passwords(file: &Path, password: &str) -> bool {
    let read = |password| match load(&[Input::Path(file.into())], &options(password), &mut std::io::empty()) {
        Ok(document) => Ok(document.text.split_whitespace().take(4).collect::<Vec<_>>().join(" ")),
        Err(error) => Err(error.to_string().rsplit(": ").next().unwrap_or_default().to_owned()),
    };
    let (without, with) = (read(None), read(Some(password)));
    let shown = |read: &Result<String, String>| match read {
        Ok(text) => format!("“{text} …”"),
        Err(error) => error.clone(),
    };
    println!("| {} | {} | {} |", file.file_name().expect("a file").to_string_lossy(), shown(&without), shown(&with));
    with.is_ok()
}
