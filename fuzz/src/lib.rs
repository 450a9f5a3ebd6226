//! What the targets do: read a document, a model's header, a template, a configuration, a saved conversation, what a model wrote or what a
//! terminal sent, and check what is promised of it. A panic, a hang or a broken promise is a finding.
//!
//! But for `document`, a crate of its own, the modules are compiled here from their own files, so targets need neither llama.cpp nor a model. Those that need llama.cpp in part are
//! in `engine.rs`, `settings.rs` and `tui.rs`, with what is left of them.

#![allow(dead_code, unreachable_pub, unused, clippy::all, reason = "most of what is compiled here is not called")]

#[path = "../../src/chat/mod.rs"]
pub mod chat;
#[path = "../../src/citations/mod.rs"]
pub mod citations;
pub use lunette_document as document;
pub mod engine;
#[path = "../../src/failure.rs"]
pub mod failure;
#[path = "../../src/gguf/mod.rs"]
pub mod gguf;
#[path = "../../src/harmless.rs"]
pub mod harmless;
#[path = "../../src/passages/mod.rs"]
pub mod passages;
pub mod remote;
pub mod server;
pub mod settings;
#[path = "../../src/store/mod.rs"]
pub mod store;
#[path = "../../src/swaa/mod.rs"]
pub mod swaa;
#[path = "../../src/toml_fields.rs"]
pub mod toml_fields;
pub mod tui;
#[path = "../../src/units.rs"]
pub mod units;

mod conversations;
mod kept;

use std::io::{Cursor, Write};

pub use conversations::{damage_database, find_said, move_in, restore};
use document::{ByteSpan, Document, Input, ReadOptions, load};
pub use kept::{read_block, read_config, read_tried};

/// Reads `bytes` as a file with this name.
pub fn read(name: &str, bytes: &[u8]) {
    if let Some(document) = opened(name, bytes) {
        check(&document);
    }
}

/// The document in `bytes`, if there is one. What is refused is refused in words that no terminal obeys.
pub fn opened(name: &str, bytes: &[u8]) -> Option<Document> {
    let input = Input::Memory { name: name.into(), bytes: bytes.to_vec().into() };
    match load(&[input], &ReadOptions::default(), &mut std::io::empty()) {
        Ok(document) => Some(document),
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control), "an error that a terminal obeys: {error}");
            None
        }
    }
}

/// From now on a panic of a PDF library is none of ours: the process that reads PDFs takes it for a page that can't be read.
pub fn forgive_libraries() {
    let ours = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Files of ours are named from this folder on.
        let is_foreign = panic.location().is_some_and(|location| location.file().starts_with('/'));
        if !is_foreign {
            ours(panic);
        }
    }));
}

/// Reads `bytes` in this process, unless they are a PDF.
pub fn read_but_pdf(name: &str, bytes: &[u8]) {
    if !bytes.trim_ascii_start().starts_with(b"%PDF-") {
        read(name, bytes);
    }
}

fn check(document: &Document) {
    let text = &document.text;
    assert!(!text.trim().is_empty(), "an empty success");
    assert!(text.chars().all(|char| matches!(char, '\n' | '\t') || !char.is_control()), "a terminal would obey it");
    let is_inside = |span: ByteSpan| span.start <= span.end && text.get(span.start..span.end).is_some();
    assert!(document.sources.iter().all(|source| is_inside(source.span)), "{:?}", document.sources);
    assert!(document.outline.iter().all(|entry| is_inside(entry.span)), "{:?}", document.outline);
    assert!(document.sources.windows(2).all(|two| two[0].span.end <= two[1].span.start), "{:?}", document.sources);
    assert!(document.outline.windows(2).all(|two| two[0].span.start <= two[1].span.start), "{:?}", document.outline);
    let parts = document.parts();
    assert!(parts[0].span.start == 0 && parts[parts.len() - 1].span.end == text.len(), "{parts:?}");
    assert!(parts.windows(2).all(|two| two[0].span.end == two[1].span.start), "{parts:?}");
    assert!(document.locate(0).is_some() && document.locate(text.len()).is_none());
    let first = document.select("1").expect("there is a first part");
    assert!(first.text.len() <= text.len() + 4096);
}

/// Packs a zip archive of these members.
pub fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a new member");
        writer.write_all(bytes).expect("memory");
    }
    writer.finish().expect("memory").into_inner()
}

/// Reads `bytes` as a model's file. What is found sound has no more than it says.
pub fn read_header(bytes: &[u8]) {
    let Ok(header) = gguf::Header::read_from(bytes, bytes.len() as u64) else { return };
    let _ = (gguf::check(&header), gguf::check_vocabulary(&header));
    let listed: u64 = header.tensors.iter().map(|tensor| tensor.bytes).sum();
    assert!(listed <= bytes.len() as u64, "the tensors are larger than the file");
}

/// Renders `source` as a chat template, as conversations would.
pub fn render(source: &str) {
    chat::ChatTemplate::exercise(source, "<s>", "</s>");
}

/// Looks for quotes, code and references in an answer, and shows it.
pub fn read_answer(text: &str, cells: usize, step: usize) {
    tui::show_answer(text, cells, step);
    let _ = (chat::code_blocks(text), chat::open_fence(text), chat::attached::references(text));
    static BOOK: std::sync::OnceLock<citations::Index> = std::sync::OnceLock::new();
    let book = BOOK.get_or_init(|| {
        citations::Index::new(
            "It is a truth universally acknowledged, that a single man in possession of a good fortune",
        )
    });
    for citation in citations::check(text, book, &[]) {
        let _ = citation.in_words(text);
    }
    let shown = harmless::text(text);
    assert!(shown.chars().all(|char| matches!(char, '\n' | '\t') || !char.is_control()), "a terminal would obey it");
}
