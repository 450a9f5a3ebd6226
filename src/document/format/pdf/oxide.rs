//! The first engine: `pdf_oxide`, which puts columns in reading order and knows most font encodings. [`columns`]
//! separates short columns that it interleaves.

mod columns;

use std::io;

use pdf_oxide::PdfDocument;
use pdf_oxide::error::Error;

use super::answer::{SendMessage, broken, guarded, page};
use super::protocol::{ReaderMessage, Refusal, Request};

/// Reports on the PDF in `bytes`: number of pages, and the text of the requested pages.
pub(super) fn read(request: &Request, bytes: Vec<u8>, send: SendMessage<'_>) -> io::Result<()> {
    let document = match guarded(|| open(request, bytes)).unwrap_or_else(|panic| Err(broken(panic))) {
        Ok(document) => document,
        Err(refused) => return send(refused),
    };
    let pages = match guarded(|| document.page_count()).map_err(broken).and_then(|count| count.map_err(broken)) {
        Ok(pages) => u32::try_from(pages).unwrap_or(u32::MAX),
        Err(refused) => return send(refused),
    };
    send(ReaderMessage::Opened { pages })?;
    for number in request.wanted(pages) {
        send(page(number, || text(&document, number as usize - 1)))?;
    }
    Ok(())
}

fn text(document: &PdfDocument, index: usize) -> Result<String, String> {
    let text = document.extract_text(index).map_err(|error| error.to_string())?;
    // Cached by the library when it extracted the text.
    Ok(match document.extract_spans(index) {
        Ok(spans) => columns::parted(text, &spans),
        Err(_) => text,
    })
}

fn open(request: &Request, bytes: Vec<u8>) -> Result<PdfDocument, ReaderMessage> {
    let document = PdfDocument::from_bytes(bytes).map_err(|error| refusal(&error))?;
    let opens = |password: &[u8]| document.authenticate(password).map_err(|error| refusal(&error));
    // The empty password first: the given one may be for other files.
    let is_open = opens(b"")? || opens(request.password.as_bytes())?;
    if is_open && document.is_authenticated() { Ok(document) } else { Err(ReaderMessage::Refused(Refusal::Locked)) }
}

fn refusal(error: &Error) -> ReaderMessage {
    match error {
        Error::EncryptedPdf => ReaderMessage::Refused(Refusal::Locked),
        other => broken(other),
    }
}
