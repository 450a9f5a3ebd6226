//! What the targets do: read a document, a model's header, a chat template or a configuration, and check what is promised of it.
//!
//! The modules are compiled here from their own files, so targets need neither llama.cpp nor a model.

#[allow(dead_code, unreachable_pub, unused)]
#[path = "../../src/document/mod.rs"]
pub mod document;

#[allow(dead_code, unreachable_pub, unused)]
#[path = "../../src/gguf/mod.rs"]
pub mod gguf;
#[allow(dead_code, unreachable_pub, unused)]
#[path = "../../src/chat/template_limits.rs"]
mod template_limits;

// What a server makes of a request, with the plain data that it is made of.
#[allow(dead_code, unreachable_pub, unused)]
#[path = "../../src/failure.rs"]
pub mod failure;
#[allow(dead_code, unreachable_pub, unused)]
#[path = "../../src/passages/mod.rs"]
pub mod passages;
#[allow(dead_code, unreachable_pub, unused)]
#[path = "../../src/swaa/mod.rs"]
pub mod swaa;
#[allow(dead_code, unreachable_pub, unused)]
#[path = "../../src/units.rs"]
pub mod units;
#[allow(dead_code, unreachable_pub, unused)]
pub mod chat {
    #[path = "../../../src/chat/turn.rs"]
    mod turn;
    pub use turn::Turn;
}
#[allow(dead_code, unreachable_pub, unused)]
pub mod engine {
    #[path = "../../../src/engine/cache_shape.rs"]
    pub mod cache_shape;
    #[path = "../../../src/engine/config.rs"]
    pub mod config;
    #[path = "../../../src/engine/message.rs"]
    pub mod message;
}
#[allow(dead_code, unreachable_pub, unused)]
pub mod settings {
    #[path = "../../../src/settings/values.rs"]
    mod values;
    pub use values::{Count, from_zero, limit, look_back, penalty, seed, share};
}
#[allow(dead_code, unreachable_pub, unused)]
pub mod server {
    #[path = "../../../src/server/conversation.rs"]
    mod conversation;
    #[path = "../../../src/server/error.rs"]
    mod error;
    #[path = "../../../src/server/fields.rs"]
    mod fields;
    #[path = "../../../src/server/request.rs"]
    mod request;

    use request::{Request, Said, Way};

    /// Reads `body` as a request of each kind. What is refused is the request's fault, told in a short sentence.
    pub fn read(body: &[u8]) {
        for way in [Way::Chat, Way::Text] {
            match Request::read(way, body) {
                Err(error) => {
                    let told = error.to_json()["error"]["message"].as_str().map_or(0, str::len);
                    assert!(error.status == 400 && (1..600).contains(&told), "{error:?}");
                }
                Ok(request) => {
                    assert!(request.stop.len() <= 16 && request.stop.iter().all(|stop| !stop.is_empty()));
                    match request.said {
                        Said::Conversation(said) => {
                            assert!(!said.question.trim().is_empty());
                            let turns = said.turns.len();
                            assert_eq!(said.behind_document().turns.len(), turns);
                        }
                        Said::Text(text) => assert!(!text.is_empty()),
                    }
                }
            }
        }
    }
}
#[allow(dead_code, unreachable_pub, unused)]
#[path = "../../src/toml_fields.rs"]
pub mod toml_fields;

use std::io::{Cursor, Write};

use document::{ByteSpan, Document, Input, PdfReader, ReadOptions, load};

/// Reads `bytes` as a file with this name. A panic, a hang or a broken guarantee is a finding.
pub fn read(name: &str, bytes: &[u8]) {
    read_with(name, bytes, &ReadOptions::default());
}

/// The same, with PDFs read by child processes of the program that `LUNETTE` names, because the PDF libraries do not
/// survive every file. Panics without that variable.
pub fn read_pdf(name: &str, bytes: &[u8]) {
    let Some(program) = std::env::var_os("LUNETTE") else { panic!("set LUNETTE to the program that reads PDFs") };
    read_with(name, bytes, &ReadOptions { pdf_reader: PdfReader::Program(program.into()), ..ReadOptions::default() });
}

/// Reads `bytes` in this process, unless they are a PDF.
pub fn read_but_pdf(name: &str, bytes: &[u8]) {
    if !bytes.trim_ascii_start().starts_with(b"%PDF-") {
        read(name, bytes);
    }
}

fn read_with(name: &str, bytes: &[u8], options: &ReadOptions) {
    let input = Input::Memory { name: name.into(), bytes: bytes.to_vec().into() };
    match load(&[input], options, &mut std::io::empty()) {
        Ok(document) => check(&document),
        Err(error) => assert!(!error.to_string().contains(char::is_control), "an error that a terminal obeys: {error}"),
    }
}

fn check(document: &Document) {
    let text = &document.text;
    assert!(!text.trim().is_empty(), "an empty success");
    assert!(text.chars().all(|char| matches!(char, '\n' | '\t') || !char.is_control()), "a terminal would obey it");
    let is_inside = |span: ByteSpan| {
        span.start <= span.end && text.get(span.start..span.end).is_some()
    };
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

/// Renders `source` as a chat template, within the limits that the program sets.
pub fn render(source: &str) {
    if template_limits::check_source(source).is_err() {
        return;
    }
    template_limits::on_a_large_stack(|| {
        let mut environment = minijinja::Environment::new();
        template_limits::limit(&mut environment);
        if environment.add_template("template", source).is_err() {
            return;
        }
        let message = minijinja::context! { role => "user", content => "text" };
        let context = minijinja::context! { messages => [message.clone(), message], add_generation_prompt => true };
        let template = environment.get_template("template").expect("it was just added");
        let _ = template.render_captured_to(context, &mut template_limits::Rendered::default());
    });
}

/// Reads `text` as a configuration file: fields have their lines, errors too.
pub fn read_config(text: &str) {
    if let Ok(fields) = toml_fields::read("config.toml", text) {
        assert!(fields.iter().all(|field| !field.path.is_empty()), "a field without a name");
    }
}
