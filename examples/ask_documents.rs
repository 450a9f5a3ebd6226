//! Asks a model questions about pages of real documents, and compares how the text of the pages was taken from the files.
//!
//! ```text
//! cargo run --release --example ask_documents -- --list benches/answers/pages.tsv --documents FOLDER --program target/release/lunette \
//!     --model qwen2.5-coder-1.5b --texts other=FOLDER
//! ```
//!
//! Each line of the list has, between tabs: a name, a document, the flags that select its pages, a question, and a pattern that the
//! right answer matches. The document is below the folder of `--documents`. `--texts` names a folder with another program's text of
//! the same pages, one file for each question (`NAME.txt`); it can be repeated. Every text is asked about by the same program, with
//! the same model and full attention, so that a difference between two columns comes from the text.
//!
//! Prints a Markdown table. An answer is right if it matches the pattern; a wrong one is shown.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table is the output")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use regex::Regex;

#[derive(Parser)]
struct Args {
    /// The questions.
    #[arg(long)]
    list: PathBuf,
    /// The folder of the documents.
    #[arg(long)]
    documents: PathBuf,
    #[arg(long)]
    program: PathBuf,
    /// A model as `-m` takes it.
    #[arg(long)]
    model: String,
    /// NAME=FOLDER: texts of the same pages by another program.
    #[arg(long)]
    texts: Vec<String>,
    #[arg(long, default_value_t = 0)]
    threads: u32,
}

struct Asked {
    name: String,
    document: String,
    flags: Vec<String>,
    question: String,
    right: Regex,
}

impl Asked {
    fn of(line: &str) -> Self {
        let [name, document, flags, question, right] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not five fields: {line}")
        };
        Self {
            name: name.into(),
            document: document.into(),
            flags: flags.split_whitespace().map(str::to_owned).collect(),
            question: question.into(),
            right: Regex::new(right).expect("a pattern"),
        }
    }
}

/// Where the text of the pages comes from.
enum Text {
    /// The program reads the document.
    Own,
    Folder(String, PathBuf),
}

impl Text {
    fn of(named: &str) -> Self {
        let (name, folder) = named.split_once('=').expect("NAME=FOLDER");
        Self::Folder(name.into(), folder.into())
    }

    fn name(&self) -> &str {
        match self {
            Self::Own => "lunette",
            Self::Folder(name, _) => name,
        }
    }

    /// The document and the flags that select the pages that `asked` is about.
    fn source(&self, asked: &Asked, documents: &Path) -> Vec<String> {
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        match self {
            Self::Own => [asked.flags.clone(), vec![path(documents.join(&asked.document))]].concat(),
            Self::Folder(_, folder) => vec![path(folder.join(format!("{}.txt", asked.name)))],
        }
    }
}

/// The answer to `asked` about `text`.
fn answer(args: &Args, asked: &Asked, text: &Text) -> String {
    let mut command = Command::new(&args.program);
    command.args(["-p", &asked.question, "-m", &args.model, "--preset", "full", "--temp", "0", "-n", "80"]);
    command.args(["--no-cache", "--no-session", "-t", &args.threads.to_string()]);
    command.args(text.source(asked, &args.documents));
    let output = command.output().expect("the program starts");
    if !output.status.success() {
        eprintln!("{}: {}", asked.name, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn main() {
    let args = Args::parse();
    let list = fs::read_to_string(&args.list).expect("the list");
    let is_question = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let all: Vec<Asked> = list.lines().filter(is_question).map(Asked::of).collect();
    let texts: Vec<Text> = args.texts.iter().map(|named| Text::of(named)).chain([Text::Own]).collect();
    let names: Vec<&str> = texts.iter().map(Text::name).collect();
    println!("| question | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    let mut right = vec![0; texts.len()];
    for asked in &all {
        let mut row = Vec::new();
        for (text, right) in texts.iter().zip(&mut right) {
            let answer = answer(&args, asked, text);
            let is_right = asked.right.is_match(&answer);
            *right += usize::from(is_right);
            row.push(if is_right { "right".into() } else { format!("wrong: {}", answer.replace('|', "/")) });
        }
        println!("| {} | {} |", asked.name, row.join(" | "));
    }
    let right: Vec<String> = right.iter().map(|right| format!("{right} of {}", all.len())).collect();
    println!("| right | {} |", right.join(" | "));
}
