//! How long does it take to load a document? A megabyte of novel, beside reading the same file without looking at it.
//!
//! `cargo bench --bench document`. Prints the median and the spread of `RUNS` runs.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use lunette::document::{Input, PRIDE_AND_PREJUDICE, ReadOptions, load};

const RUNS: usize = 21;

fn main() {
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
