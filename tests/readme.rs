//! README.md promises only what is there: its commands are run.

use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of README.md's shell blocks.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends"));
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// Runs one line as a reader would type it: with `lunette` on the path, and a `book.txt` beside them. The configuration keeps answers
/// short, since a small model may go round in circles until its context is full, and takes one thread: two that wait for each other at
/// every step crawl where something else runs, too.
fn run(line: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let book = root().join("tests/fixtures/documents/alice-openings.txt");
    std::fs::copy(book, folder.path().join("book.txt")).expect("a book");
    std::fs::write(folder.path().join("config.toml"), "predict = 32\nthreads = 1\n").expect("a configuration");
    let binary = Path::new(env!("CARGO_BIN_EXE_lunette"));
    let mut path = binary.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder.path()).env("PATH", path).env("LUNETTE_CONFIG", "config.toml");
    shell.output().expect("a shell")
}

#[test]
fn files_that_it_links_to_or_shows_are_there() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let named = ["](", "src=\"", "srcset=\""].into_iter().flat_map(|mark| readme.split(mark).skip(1));
    let files: Vec<&str> = named
        .map(|rest| rest.split([')', '"']).next().expect("split gives one"))
        .filter(|target| !target.starts_with("http"))
        .collect();
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        assert!(root().join(file).is_file(), "{file} is not there");
    }
}

#[test]
fn make_targets_that_are_promised_are_there() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("it is there");
    let targets: Vec<String> =
        commands().iter().filter_map(|line| line.strip_prefix("make ")).map(str::to_owned).collect();
    assert_eq!(targets, ["demo", "test"]);
    for target in targets {
        assert!(makefile.lines().any(|line| line.starts_with(&format!("{target}:"))), "no target {target}");
    }
}

#[test]
#[ignore = "needs the default model"]
fn the_commands_run() {
    let lines: Vec<String> = commands().into_iter().filter(|line| line.starts_with("lunette ")).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        let output = run(&line);
        let errors = String::from_utf8_lossy(&output.stderr);
        let opens_the_screen = line == "lunette book.txt";
        // Without a terminal the screen is refused: wrong usage, with a way out. An answer of 32 tokens may be cut there.
        let expected: &[i32] = if opens_the_screen { &[2] } else { &[0, 6] };
        assert!(
            output.status.code().is_some_and(|code| expected.contains(&code)),
            "{line}: {}\n{errors}",
            output.status
        );
        assert_eq!(output.stdout.is_empty(), opens_the_screen, "{line}\n{errors}");
    }
}
