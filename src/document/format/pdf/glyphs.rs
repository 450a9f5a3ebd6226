//! The reader: collects the glyphs of each page with `hayro`, and puts them in reading order by [`layout`].
//!
//! `hayro` knows the objects of a PDF, its fonts, and its encryption. What the operators of a page do with text is
//! [`content`]'s: nothing is drawn, and pictures are not unpacked.
//!
//! [`layout`]: super::layout

mod annotations;
mod content;
mod font;
mod layers;
mod outline;
mod owner;
mod page_labels;
mod paint;
mod reverse;
mod text_state;
mod text_string;

use std::io;
use std::sync::Arc;

use hayro_syntax::object::Dict;
use hayro_syntax::page::Page;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use self::content::{Collector, Shown};
use self::font::FontStore;
use self::layers::Layers;
use super::answer::{SendMessage, broken, guarded, page};
use super::layout::{Matrix, PageText, page_text};
use super::protocol::{PageContent, ReaderMessage, Refusal, Request, Unseen, UnseenLines};

/// Reports on the PDF in `bytes`: number of pages, outline, and the requested pages.
pub(super) fn read(request: &Request, bytes: Vec<u8>, send: SendMessage<'_>) -> io::Result<()> {
    let pdf = match guarded(|| open(request, Arc::new(bytes))).unwrap_or_else(|panic| Err(broken(panic))) {
        Ok(pdf) => pdf,
        Err(refused) => return send(refused),
    };
    let pages = u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX);
    send(ReaderMessage::Opened { pages })?;
    let catalog = guarded(|| pdf.xref().get::<Dict<'_>>(pdf.xref().root_id())).ok().flatten().unwrap_or_default();
    if request.from_page <= 1
        && let Ok((bookmarks, is_cut)) = guarded(|| outline::bookmarks(pdf.xref(), &catalog, pdf.pages()))
    {
        let labels = guarded(|| page_labels::page_labels(&catalog, pages)).unwrap_or_default();
        send(ReaderMessage::Outline { bookmarks, is_cut, labels })?;
    }
    let layers = guarded(|| Layers::of(&catalog)).unwrap_or_default();
    let reader = PageReader { pages: pdf.pages(), fonts: FontStore::new(), layers };
    for number in request.wanted(pages) {
        send(page(number, || reader.read(number as usize - 1)))?;
    }
    Ok(())
}

/// Opens `bytes`, with an empty password first: the given one may be for other files.
fn open(request: &Request, bytes: Arc<Vec<u8>>) -> Result<Pdf, ReaderMessage> {
    let password = &request.password;
    let is_locked = |error: &LoadPdfError| *error == LoadPdfError::Decryption(DecryptionError::PasswordProtected);
    let mut opened = Pdf::new(Arc::clone(&bytes));
    if opened.as_ref().is_err_and(is_locked) && !password.is_empty() {
        opened = Pdf::new_with_password(Arc::clone(&bytes), password);
        if opened.as_ref().is_err_and(is_locked)
            && let Some(Ok(user_password)) = owner::user_password(&bytes, password).map(String::from_utf8)
        {
            opened = Pdf::new_with_password(bytes, &user_password);
        }
    }
    opened.map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => ReaderMessage::Refused(Refusal::Locked),
        LoadPdfError::Decryption(DecryptionError::UnsupportedAlgorithm) => broken("its encryption is not supported"),
        LoadPdfError::Decryption(_) => broken("its encryption is damaged"),
        LoadPdfError::Invalid => broken("no pages are found in it"),
    })
}

/// Reads the pages of a document. Fonts are kept from page to page.
struct PageReader<'a> {
    pages: &'a [Page<'a>],
    fonts: FontStore<'a>,
    layers: Layers,
}

impl<'a> PageReader<'a> {
    /// Reads the page at `index`, from 0. Fails if it has more in it than a page can have.
    fn read(&self, index: usize) -> Result<PageContent, String> {
        let page = &self.pages[index];
        let (width, height) = page.render_dimensions();
        let (width, height) = (f64::from(width), f64::from(height));
        let (shown, comments) = self.shown(page, (width, height))?;
        let Shown { glyphs, faint, outside, tiny, rules, has_picture, unmapped } = shown;
        let lines = |why, glyphs| UnseenLines { why, text: page_text(glyphs, &[], height).text };
        let mut unseen = vec![lines(Unseen::Faint, faint), lines(Unseen::Outside, outside), lines(Unseen::Tiny, tiny)];
        unseen.retain(|lines| !lines.text.trim().is_empty());
        let PageText { text, looks } = page_text(glyphs, &rules, height);
        Ok(PageContent { text, looks, has_picture, unmapped, comments, unseen })
    }

    /// What is shown on `page`, which is of this size, and the comments on it.
    fn shown(&self, page: &Page<'a>, size: (f64, f64)) -> Result<(Shown, Vec<String>), String> {
        let to_page = Matrix(page.initial_transform(true).as_coeffs());
        let mut collector = Collector::new(&self.fonts, &self.layers);
        collector.run(page.page_stream().unwrap_or_default(), page.resources(), to_page);
        let annotations = annotations::all(page);
        let comments = annotations::comments(&annotations, to_page, &collector);
        annotations::run(&annotations, page, to_page, &mut collector);
        Ok((collector.finish(size)?, comments))
    }
}
