//! The second engine: `lopdf` reads the outline and finds pages with images, `pdf-extract` extracts text.
//!
//! It fails on some files that the first engine reads, and the other way round. If it fails, only its findings are
//! missing.

mod dictionary;
mod outline;

use std::collections::{BTreeMap, HashSet};
use std::io;

use pdf_extract::{Dictionary, Document, LoadOptions, Object, ObjectId, PlainTextOutput, output_doc_page};

use self::dictionary::child;
use super::answer::{SendMessage, broken, guarded, page};
use super::protocol::{ReaderMessage, Refusal, Request};

/// Maximum depth of nested forms that are searched for images.
const MOST_FORMS_DEEP: usize = 4;

/// Reports on the PDF in `bytes`: number of pages, outline, pages with images, and the text of the requested pages.
pub(super) fn read(request: &Request, bytes: &[u8], send: SendMessage<'_>) -> io::Result<()> {
    let document = match guarded(|| open(request, bytes)).unwrap_or_else(|panic| Err(broken(panic))) {
        Ok(document) => document,
        Err(refused) => return send(refused),
    };
    let pages = document.get_pages();
    send(ReaderMessage::Opened { pages: pages.len() as u32 })?;
    if request.from_page <= 1 {
        if let Ok((bookmarks, is_cut)) = guarded(|| outline::bookmarks(&document, &pages)) {
            send(ReaderMessage::Outline { bookmarks, is_cut })?;
        }
        send(ReaderMessage::Pictures(with_pictures(&document, &pages)))?;
    }
    for number in request.wanted(pages.len() as u32) {
        send(page(number, || text(&document, number)))?;
    }
    Ok(())
}

fn open(request: &Request, bytes: &[u8]) -> Result<Document, ReaderMessage> {
    let document =
        Document::load_mem_with_options(bytes, LoadOptions::with_password(&request.password)).map_err(|error| {
            match error {
                pdf_extract::Error::InvalidPassword => ReaderMessage::Refused(Refusal::Locked),
                error => broken(error),
            }
        })?;
    let is_open = document.was_encrypted() || !document.is_encrypted();
    if is_open { Ok(document) } else { Err(ReaderMessage::Refused(Refusal::Locked)) }
}

fn text(document: &Document, number: u32) -> Result<String, String> {
    let mut text = String::new();
    output_doc_page(document, &mut PlainTextOutput::new(&mut text), number).map_err(|error| error.to_string())?;
    Ok(text)
}

fn with_pictures(document: &Document, pages: &BTreeMap<u32, ObjectId>) -> Vec<u32> {
    let has_picture = |&(_, &id): &(&u32, &ObjectId)| guarded(|| page_has_picture(document, id)).unwrap_or(false);
    pages.iter().filter(has_picture).map(|(&number, _)| number).collect()
}

fn page_has_picture(document: &Document, page: ObjectId) -> bool {
    let mut seen = HashSet::new();
    let mut node = document.get_dictionary(page).ok();
    while let Some(dictionary) = node {
        if let Some(resources) = child(document, dictionary, b"Resources") {
            return has_picture(document, resources, MOST_FORMS_DEEP);
        }
        // Resources are inherited from parent nodes.
        let parent = dictionary.get(b"Parent").and_then(Object::as_reference).ok();
        node = parent.filter(|&id| seen.insert(id)).and_then(|id| document.get_dictionary(id).ok());
    }
    false
}

/// Whether these resources, or those of nested forms, contain an image.
fn has_picture(document: &Document, resources: &Dictionary, deep: usize) -> bool {
    let Some(objects) = child(document, resources, b"XObject") else { return false };
    objects.iter().any(|(_, object)| {
        let Ok((_, Object::Stream(stream))) = document.dereference(object) else { return false };
        match stream.dict.get(b"Subtype").and_then(Object::as_name) {
            Ok(b"Image") => true,
            Ok(b"Form") if deep > 0 => {
                child(document, &stream.dict, b"Resources").is_some_and(|inner| has_picture(document, inner, deep - 1))
            }
            _ => false,
        }
    })
}
