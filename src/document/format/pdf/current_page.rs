//! Which page a reading process is at, from what it has sent so far.
//!
//! Example: a process that was asked for the pages 1, 3 and 5 of 6 has sent page 1. It is at page 3, until it sends that or dies.

use super::protocol::{ReaderMessage, Request};
use crate::progress::LoadProgress;

/// The page of one process. When this value is dropped, the process is at none.
pub(super) struct CurrentPage<'a> {
    progress: &'a LoadProgress,
    request: &'a Request,
    /// The pages after it, once their number is known.
    coming: std::vec::IntoIter<u32>,
    page: Option<u32>,
}

impl<'a> CurrentPage<'a> {
    pub(super) fn new(progress: &'a LoadProgress, request: &'a Request) -> Self {
        Self { progress, request, coming: Vec::new().into_iter(), page: None }
    }

    /// The process has sent `message`.
    pub(super) fn hear(&mut self, message: &ReaderMessage) {
        match message {
            ReaderMessage::Opened { pages } => {
                self.progress.count_pages(*pages);
                self.coming = self.request.wanted(*pages).into_iter();
                self.turn();
            }
            ReaderMessage::Page { .. } | ReaderMessage::Failed { .. } => self.turn(),
            ReaderMessage::Refused(_) | ReaderMessage::Outline { .. } | ReaderMessage::Done => {}
        }
    }

    fn turn(&mut self) {
        let next = self.coming.next();
        self.progress.turn_page(std::mem::replace(&mut self.page, next), next);
    }
}

impl Drop for CurrentPage<'_> {
    fn drop(&mut self) {
        self.progress.turn_page(self.page, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_at_the_first_page_that_it_has_not_sent() {
        let progress = LoadProgress::default();
        progress.begin_file("book.pdf", None);
        let pages = Some(vec![1, 3, 5]);
        let request = Request { password: String::new(), from_page: 1, pages, memory_bytes: 0, cpu_s: 0 };
        let place = || progress.now().expect("a file").to_string();
        let mut current = CurrentPage::new(&progress, &request);
        assert_eq!(place(), "book.pdf");
        current.hear(&ReaderMessage::Opened { pages: 6 });
        assert_eq!(place(), "book.pdf, page 1 of 6");
        current.hear(&ReaderMessage::Failed { number: 1, reason: "bad luck".into() });
        assert_eq!(place(), "book.pdf, page 3 of 6");
        drop(current);
        assert_eq!(place(), "book.pdf");
    }
}
