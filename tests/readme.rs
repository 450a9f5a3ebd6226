//! README.md and docs/ promise only what is there: their commands are run, their links are followed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md, then the pages of docs/ by name.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).expect("it is there");
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.expect("readable").path()).collect();
    pages.sort();
    pages.insert(0, root().join("README.md"));
    pages
}

fn text(page: &Path) -> String {
    std::fs::read_to_string(page).expect("it is there")
}

/// The lines of a page's shell blocks.
fn commands(page: &Path) -> Vec<String> {
    let text = text(page);
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends"));
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// The files that a page links to or shows, from its own folder.
fn links(page: &Path) -> Vec<PathBuf> {
    headings_linked(page).into_iter().map(|(file, _)| file).collect()
}

/// The files that a page links to or shows, each with the name of the heading that it leads to, if it leads to one.
fn headings_linked(page: &Path) -> Vec<(PathBuf, Option<String>)> {
    let text = text(page);
    let named = ["](", "src=\"", "srcset=\""].into_iter().flat_map(|mark| text.split(mark).skip(1));
    let targets = named.map(|rest| rest.split([')', '"']).next().expect("split gives one"));
    let place = |target: &str| match target.split_once('#') {
        Some(("", heading)) => (page.to_owned(), Some(heading.to_owned())),
        Some((file, heading)) => (page.with_file_name(file), Some(heading.to_owned())),
        None => (page.with_file_name(target), None),
    };
    targets.filter(|target| !target.starts_with("http")).map(place).collect()
}

/// The names under which a page's headings are linked to: `bounded-memory` for `## Bounded memory`.
fn heading_names(page: &Path) -> Vec<String> {
    let text = text(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| heading_name(line.trim_start_matches('#').trim())).collect()
}

fn heading_name(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// Runs one line as a reader would type it: with `lunette` on the path and a `book.txt` in the folder. The configuration names the
/// small test model, keeps answers short, since a small model may repeat itself until its context is full, and uses one thread: two that wait for each other at
/// every step crawl when something else runs, too.
fn run(line: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let book = root().join("tests/fixtures/documents/alice-openings.txt");
    std::fs::copy(book, folder.path().join("book.txt")).expect("a book");
    std::fs::write(folder.path().join("config.toml"), "model = \"qwen2.5-coder-0.5b\"\npredict = 32\nthreads = 1\n")
        .expect("a configuration");
    let binary = Path::new(env!("CARGO_BIN_EXE_lunette"));
    let mut path = binary.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(folder.path()).env("PATH", path).env("LUNETTE_CONFIG", "config.toml");
    // Conversations and measurements of whoever runs the tests stay as they are.
    shell.env("XDG_DATA_HOME", folder.path().join("data")).env("XDG_STATE_HOME", folder.path().join("state"));
    shell.output().expect("a shell")
}

#[test]
fn linked_files_exist() {
    for page in pages() {
        for file in links(&page) {
            assert!(file.is_file(), "{}: {} does not exist", page.display(), file.display());
        }
    }
    assert!(links(&pages()[0]).len() > 10, "README.md links to the pages of docs/");
}

#[test]
fn linked_headings_exist() {
    let linked: Vec<_> = pages().iter().flat_map(|page| headings_linked(page)).collect();
    let headings: Vec<_> = linked.iter().filter_map(|(file, heading)| Some((file, heading.as_ref()?))).collect();
    for (file, heading) in &headings {
        assert!(heading_names(file).contains(heading), "{} has no heading {heading}", file.display());
    }
    assert!(headings.len() >= 4, "{headings:?}");
}

#[test]
fn every_page_is_linked_from_the_readme() {
    let linked = links(&pages()[0]);
    for page in &pages()[1..] {
        assert!(linked.contains(page), "README.md does not link to {}", page.display());
    }
}

#[test]
fn promised_make_targets_exist() {
    let makefile = text(&root().join("Makefile"));
    let lines = commands(&root().join("README.md"));
    let targets: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("make ")).collect();
    assert_eq!(targets, ["demo", "test"]);
    for target in targets {
        assert!(makefile.lines().any(|line| line.starts_with(&format!("{target}:"))), "no target {target}");
    }
}

#[test]
#[ignore = "needs the 0.5B of the test models"]
fn commands_run() {
    let mut lines: Vec<String> = pages().iter().flat_map(|page| commands(page)).collect();
    lines.retain(|line| line.starts_with("lunette "));
    lines.sort();
    lines.dedup();
    assert!(lines.len() >= 8, "{lines:?}");
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
