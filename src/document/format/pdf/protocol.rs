//! What the process that takes a PDF apart and the one that asked it say to each other.
//!
//! Asked: one line of JSON, a [`Request`], then the bytes of the file until the end of the input. Said: [`ReaderMessage`]s as JSON, one a line, pages in
//! ascending order, [`ReaderMessage::Done`] last. Lines that are none of ours are passed over: a library that prints does no harm.
//!
//! A process that dies has not said `Done`, and the page that it died on is the first of those asked for that it said nothing about.

use serde::{Deserialize, Serialize};

/// The longest books have some thousands; no more are read.
pub(super) const MOST_PAGES: u32 = 100_000;

/// Which library reads. No one of them reads every file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum PdfEngine {
    /// `pdf_oxide`: the text of pages in reading order.
    Oxide,
    /// `lopdf` and `pdf-extract`: outline, pictures, and a second opinion on the text of pages.
    Extract,
}

/// What is asked of a reading process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub engine: PdfEngine,
    /// Empty: what the file opens with by itself.
    pub password: String,
    /// Text of pages from this one on, counted from 1.
    pub from_page: u32,
    /// Only of these, ascending; of all when absent.
    pub pages: Option<Vec<u32>>,
    /// Address space of the process.
    pub memory_bytes: u64,
    /// Processor time of the process.
    pub cpu_s: u64,
}

impl Request {
    /// The pages of a document of `count` that are asked for.
    pub fn wanted(&self, count: u32) -> Vec<u32> {
        let count = count.min(MOST_PAGES);
        let is_wanted = |page: &u32| *page >= self.from_page.max(1) && *page <= count;
        match &self.pages {
            Some(pages) => pages.iter().copied().filter(is_wanted).collect(),
            None => (self.from_page.max(1)..=count).collect(),
        }
    }
}

/// A line of the document's own outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bookmark {
    pub title: String,
    /// 1 is the outermost.
    pub level: u8,
    /// From 1.
    pub page: u32,
}

/// Why a document does not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Refusal {
    /// The password does not open it.
    Locked,
    Broken(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ReaderMessage {
    Refused(Refusal),
    Opened {
        pages: u32,
    },
    Outline {
        bookmarks: Vec<Bookmark>,
        is_cut: bool,
    },
    /// Pages with a picture on them.
    Pictures(Vec<u32>),
    Page {
        number: u32,
        text: String,
    },
    /// A page that the library gave up on.
    Failed {
        number: u32,
        reason: String,
    },
    Done,
}
