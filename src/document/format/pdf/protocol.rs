//! The protocol between Lunette and the process that reads a PDF.
//!
//! The input is one line of JSON, a [`Request`], followed by the bytes of the file. The output is [`ReaderMessage`]s as
//! JSON, one per line: pages in ascending order, and [`ReaderMessage::Done`] last. Other lines are ignored, in case a
//! library prints.
//!
//! If there is no `Done`, the process died on the first requested page without a message.

use serde::{Deserialize, Serialize};

use super::layout::LineLook;

/// Maximum number of pages. The longest books have some thousands.
pub(super) const MOST_PAGES: u32 = 100_000;

/// What a reading process shall do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    /// The password; empty if there is none.
    pub password: String,
    /// First page whose text is wanted, from 1.
    pub from_page: u32,
    /// Pages whose text is wanted, ascending; all if absent.
    pub pages: Option<Vec<u32>>,
    /// Limit on the address space of the process.
    pub memory_bytes: u64,
    /// Limit on the processor time of the process.
    pub cpu_s: u64,
}

impl Request {
    /// The wanted pages of a document of `count` pages.
    pub(super) fn wanted(&self, count: u32) -> Vec<u32> {
        let count = count.min(MOST_PAGES);
        let is_wanted = |page: &u32| *page >= self.from_page.max(1) && *page <= count;
        match &self.pages {
            Some(pages) => pages.iter().copied().filter(is_wanted).collect(),
            None => (self.from_page.max(1)..=count).collect(),
        }
    }
}

/// An entry of the document's own outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bookmark {
    pub title: String,
    /// 1 is the outermost.
    pub level: u8,
    /// From 1.
    pub page: u32,
}

/// What is on a page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct PageContent {
    /// In reading order.
    pub text: String,
    /// One for each line that is not blank.
    pub looks: Vec<LineLook>,
    /// Whether it shows an image.
    pub has_picture: bool,
    /// Glyphs that nothing maps to text.
    pub unmapped: usize,
    /// Comments on the page, each in brackets.
    pub comments: Vec<String>,
    /// What is in the file, but not to be seen on the page.
    pub unseen: Vec<UnseenLines>,
}

impl PageContent {
    /// Bytes of text, seen or not.
    pub(super) fn bytes(&self) -> usize {
        let comments = self.comments.iter().map(String::len);
        self.text.len() + comments.sum::<usize>() + self.unseen.iter().map(|lines| lines.text.len()).sum::<usize>()
    }
}

/// Lines that are not to be seen, for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnseenLines {
    pub why: Unseen,
    pub text: String,
}

/// Why text is not to be seen on its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Unseen {
    /// White or transparent, on nothing.
    Faint,
    /// Beyond the edges of the page.
    Outside,
    /// Far smaller than the smallest print.
    Tiny,
}

impl Unseen {
    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::Faint => "white or transparent letters on an empty page",
            Self::Outside => "outside of the page",
            Self::Tiny => "letters too small to be read",
        }
    }
}

/// Why a document cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Refusal {
    /// Encrypted, and the password does not open it.
    Locked,
    Broken(String),
}

/// A message of the reading process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ReaderMessage {
    Refused(Refusal),
    Opened {
        pages: u32,
    },
    Outline {
        bookmarks: Vec<Bookmark>,
        is_cut: bool,
        /// What each page is called; empty if the pages are called by their numbers.
        labels: Vec<String>,
    },
    Page {
        number: u32,
        content: PageContent,
    },
    /// The library failed on this page.
    Failed {
        number: u32,
        reason: String,
    },
    Done,
}
