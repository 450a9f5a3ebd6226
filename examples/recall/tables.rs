//! Documents that are one kind of line after another: numbers by key, pairs of uuids, source code.

use std::fs;
use std::path::{Path, PathBuf};

use lunette::eval::draws::Draws;
use regex::Regex;

use crate::words::{keys, number, spread};
use crate::{Asked, Made};

const HEADING: &str = "Some special magic numbers are hidden within the following text. Make sure to memorize them. I will quiz you \
                       about the numbers afterwards.\n";

/// Keys and numbers, one a line: every line is what is asked for somewhere else.
pub(crate) fn needles(draws: &mut Draws, units: usize, questions: usize) -> Made {
    let lines: Vec<(String, String)> = keys(draws, units).into_iter().map(|key| (key, number(draws))).collect();
    let asked = spread(draws, questions, lines.len()).into_iter().map(|index| {
        let (key, number) = &lines[index];
        Asked {
            task: "needles",
            question: format!("What is the special magic number for {key} mentioned in the provided text?"),
            lead: format!("The special magic number for {key} mentioned in the provided text is"),
            gold: format!(" {number}."),
            answers: vec![number.clone()],
        }
    });
    let asked = asked.collect();
    let text = lines.iter().map(|(key, number)| format!("One of the special magic numbers for {key} is: {number}.\n"));
    Made { text: HEADING.to_owned() + &text.collect::<String>(), asked }
}

/// Pairs of uuids as JSON.
pub(crate) fn pairs(draws: &mut Draws, units: usize, questions: usize) -> Made {
    let pairs: Vec<(String, String)> = (0..units).map(|_| (uuid(draws), uuid(draws))).collect();
    let asked = spread(draws, questions, pairs.len()).into_iter().map(|index| {
        let (key, value) = &pairs[index];
        Asked {
            task: "pairs",
            question: format!("Extract the value corresponding to the key \"{key}\" in the JSON object."),
            lead: format!("The value corresponding to the key \"{key}\" is \""),
            gold: value.clone(),
            answers: vec![value.clone()],
        }
    });
    let lines: Vec<String> = pairs.iter().map(|(key, value)| format!("\"{key}\": \"{value}\"")).collect();
    Made { text: format!("JSON data:\n{{{}}}\n", lines.join(",\n ")), asked: asked.collect() }
}

/// Version 4.
fn uuid(draws: &mut Draws) -> String {
    let high = (draws.next() & !0xf000) | 0x4000;
    let low = (draws.next() & !(0b11 << 62)) | 1 << 63;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// Files of this program's own source, as many as have about `units` times 1,600 bytes, and functions to quote.
pub(crate) fn code(draws: &mut Draws, units: usize, questions: usize) -> Made {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source, &mut files);
    files.sort();
    draws.shuffle(&mut files);
    let (mut text, most) = (String::new(), units * 1_600);
    for file in files {
        let room = most.saturating_sub(text.len());
        let name = file.strip_prefix(&source).expect("it is below").display().to_string();
        let code = fs::read_to_string(&file).expect("source is text");
        // Of the last one as many lines as there is room for.
        let end = if code.len() <= room {
            code.len()
        } else {
            code[..code.floor_char_boundary(room)].rfind('\n').map_or(0, |at| at + 1)
        };
        text.extend(["// file: src/", &name, "\n", &code[..end], "\n"]);
        if text.len() + 200 >= most {
            break;
        }
    }
    let asked = quotes(draws, &text, questions);
    Made { text, asked }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the source is there").map(|entry| entry.expect("it can be listed").path())
    {
        match entry.extension() {
            _ if entry.is_dir() => collect(&entry, files),
            Some(extension) if extension == "rs" => files.push(entry),
            _ => {}
        }
    }
}

/// Functions with names that are there once, to be quoted.
fn quotes(draws: &mut Draws, text: &str, questions: usize) -> Vec<Asked> {
    let function =
        Regex::new(r"(?m)^ *(?:pub(?:\([a-z]+\))? )?fn ([a-z_0-9]{6,})[^\n]*\{\n[^\n]+\n[^\n]+\n").expect("a pattern");
    let is_once = |name: &str| text.matches(&format!("fn {name}")).count() == 1;
    let found: Vec<_> =
        function.captures_iter(text).filter(|found| found[0].len() < 260 && is_once(&found[1])).collect();
    let asked = spread(draws, questions, found.len()).into_iter().map(|index| {
        let (first, body) = found[index][0].split_once('\n').expect("it has lines");
        Asked {
            task: "code",
            question: format!(
                "Quote the first three lines of the function `{}` exactly as they stand in the text, without comment.",
                &found[index][1]
            ),
            lead: format!("```rust\n{first}\n"),
            gold: body.to_owned(),
            answers: vec![body.trim().to_owned()],
        }
    });
    asked.collect()
}
