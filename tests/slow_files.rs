//! Files that do not come: the program waits for them, and its user for nothing.
//!
//! A pipe that nobody writes to stands for a network that hangs and a document that takes long to read.
#![cfg(unix)]

#[path = "support/gguf.rs"]
mod gguf;
#[path = "support/pty.rs"]
mod pty;
#[path = "support/scripted_model.rs"]
mod scripted_model;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use pty::Terminal;
use scripted_model::CHATML;

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);
/// The screen answers a key sooner, whatever it waits for.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A folder with a model and a document in it.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    scripted_model::write(&folder.path().join("m.gguf"), "Hi.", CHATML);
    let book = folder.path().join("book.txt");
    std::fs::write(&book, "A book about cats.\n").expect("a file");
    (folder, book)
}

fn open(model: &Path, document: &Path) -> Terminal {
    let [model, document] = [model, document].map(|path| path.to_str().expect("a path in UTF-8"));
    Terminal::open(80, 24, &[], &["-m", model, "--preset", "full", "-t", "1", document])
}

fn become_a_pipe(path: &Path) {
    std::fs::remove_file(path).expect("it was there");
    mkfifo(path, Mode::S_IRWXU).expect("a pipe");
}

#[test]
fn a_document_that_became_a_pipe_holds_the_question_and_not_the_screen() {
    let (folder, book) = folder();
    let mut terminal = open(&folder.path().join("m.gguf"), &book);
    terminal.wait_for("is read. Ask it anything.", LONG);
    become_a_pipe(&book);
    terminal.press("Who?\r");
    terminal.wait_for("looking whether the document has changed", AT_ONCE);
    // Esc takes the question back.
    terminal.press("\x1b");
    terminal.wait_for("not asked", AT_ONCE);
    terminal.wait_for("Who?", AT_ONCE);
    // It is asked about the document as it was, once it has been waited for.
    terminal.press("\r");
    terminal.wait_for("looking whether the document has changed", AT_ONCE);
    terminal.press("Why");
    terminal.wait_for("Why", AT_ONCE);
    terminal.wait_for("Hi.", LONG);
    terminal.wait_for("the files are still being read", LONG);
    terminal.press("\x03\x04");
    assert_eq!(terminal.exit_code(LONG), 0, "{}", terminal.screen());
}

#[test]
fn a_document_that_does_not_come_is_told_before_the_screen_and_given_up_by_ctrl_c() {
    let (folder, book) = folder();
    become_a_pipe(&book);
    let mut terminal = open(&folder.path().join("m.gguf"), &book);
    terminal.wait_for("book.txt", LONG);
    terminal.wait_for("Ctrl-C gives up", LONG);
    assert_eq!(terminal.frames(), 0, "{}", terminal.screen());
    terminal.press("\x03");
    // The default action of SIGINT ends it.
    assert_ne!(terminal.exit_code(AT_ONCE), 0);
}

/// A PDF of `pages` pages, each with millions of operators that show nothing: a form draws a form that draws a form.
fn slow_pdf(pages: usize) -> String {
    let stream = |head: &str, text: &str| format!("<<{head}/Length {}>>stream\n{text}\nendstream", text.len());
    let form = |inner: &str, text: &str| {
        stream(&format!("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<<{inner}>>"), text)
    };
    let kids: String = (6..6 + pages).map(|page| format!("{page} 0 R ")).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Kids[{kids}]/Count {pages}>>"),
        stream("", &"/A Do ".repeat(190)),
        form("/XObject<</B 5 0 R>>", &"/B Do ".repeat(100)),
        form("", &"q Q ".repeat(500)),
    ];
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 3 0 R/Resources<</XObject<</A 4 0 R>>>>>>";
    objects.extend(std::iter::repeat_n(page.to_owned(), pages));
    let numbered = (1..).zip(&objects).map(|(number, object)| format!("{number} 0 obj{object}endobj\n"));
    format!("%PDF-1.7\n{}trailer<</Root 1 0 R>>\n", numbered.collect::<String>())
}

#[test]
fn a_pdf_that_takes_long_tells_the_page_that_it_is_at() {
    let (folder, _) = folder();
    let pdf = folder.path().join("slow.pdf");
    std::fs::write(&pdf, slow_pdf(9)).expect("a file");
    let mut terminal = open(&folder.path().join("m.gguf"), &pdf);
    terminal.wait_for("slow.pdf, page", LONG);
    terminal.wait_for("of 9", LONG);
    assert_eq!(terminal.frames(), 0, "{}", terminal.screen());
    terminal.press("\x03");
    assert_ne!(terminal.exit_code(AT_ONCE), 0);
}

#[test]
fn a_pdf_whose_pages_contain_themselves_is_told() {
    let (folder, _) = folder();
    let pdf = folder.path().join("loop.pdf");
    let pages = "2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R 2 0 R]/Count 99999>>endobj";
    let text = format!("%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n{pages}\ntrailer<</Root 1 0 R>>\n");
    std::fs::write(&pdf, text).expect("a file");
    let mut terminal = open(&folder.path().join("m.gguf"), &pdf);
    assert_eq!(terminal.exit_code(LONG), 3, "{}", terminal.screen());
    assert!(terminal.shows("it has no pages"), "{}", terminal.screen());
}

#[test]
fn a_model_that_cannot_be_loaded_is_told_and_not_waited_for() {
    let (folder, book) = folder();
    let model = folder.path().join("m.gguf");
    let bytes = std::fs::read(&model).expect("a file");
    std::fs::write(&model, &bytes[..bytes.len() / 2]).expect("a file");
    let mut terminal = open(&model, &book);
    terminal.wait_for("cannot load", LONG);
    terminal.press("Who?\r");
    terminal.wait_for("› Who?", LONG);
    terminal.wait_for("it ends too early", AT_ONCE);
    assert!(!terminal.shows("waits for the model"), "{}", terminal.screen());
    terminal.press("\x03\x03");
    assert_eq!(terminal.exit_code(LONG), 0, "{}", terminal.screen());
}
