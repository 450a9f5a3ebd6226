//! Where loading is right now: which file, which page. For whoever waits for it.
//!
//! The threads that load write it, and a front end reads it as often as it draws. Nothing is called back, so the page that a PDF
//! is stuck on is told, too.
//!
//! Example: `papers/` has 40 files, and the 12th is a PDF of 300 pages that two processes read. They are at pages 41 and 44, so
//! [`LoadProgress::now`] is `papers/long.pdf (file 12 of 40), page 41 of 300`: the page that the reader has been at for longest.
//!
//! It does not predict how much time is left.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::controls::printable;

/// Where loading is. Clones share one place.
#[derive(Debug, Clone, Default)]
pub struct LoadProgress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    file: String,
    among: Option<FileOf>,
    /// The number of pages, once it is known.
    count: Option<u32>,
    step: PageStep,
    /// The pages that processes are at.
    pages: BTreeSet<u32>,
}

/// A file's place among the files of a folder or an archive, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOf {
    pub number: usize,
    pub total: usize,
}

/// What is done with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PageStep {
    #[default]
    Read,
    /// Recognised from an image.
    Recognise,
}

/// Where loading is at a moment. Printed as a phrase: `long.pdf, page 41 of 300`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadPlace {
    pub file: String,
    pub among: Option<FileOf>,
    /// The page, from 1, of so many.
    pub page: Option<(u32, u32)>,
    pub step: PageStep,
}

/// Progress is no part of what was asked for: two requests are the same wherever they are.
impl PartialEq for LoadProgress {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LoadProgress {}

impl LoadProgress {
    /// Where loading is; `None` before the first file.
    #[must_use]
    pub fn now(&self) -> Option<LoadPlace> {
        let state = self.state();
        let page = state.pages.first().copied().zip(state.count);
        let place = LoadPlace { file: state.file.clone(), among: state.among, page, step: state.step };
        Some(place).filter(|place| !place.file.is_empty())
    }

    /// The file `name` begins.
    pub(super) fn begin_file(&self, name: &str, among: Option<FileOf>) {
        *self.state() = State { file: printable(name), among, ..State::default() };
    }

    /// The file has `count` pages.
    pub(super) fn count_pages(&self, count: u32) {
        self.state().count = Some(count);
    }

    /// Something has done the page `before`, if any, and begins with `page`, if any.
    pub(super) fn turn_page(&self, before: Option<u32>, page: Option<u32>) {
        let mut state = self.state();
        before.map(|before| state.pages.remove(&before));
        state.pages.extend(page);
    }

    /// Pages are taken up for something else from here on.
    pub(super) fn begin_step(&self, step: PageStep) {
        let mut state = self.state();
        state.step = step;
        state.pages.clear();
    }

    /// A thread that panics leaves nothing half written here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Display for LoadPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(FileOf { number, total }) = self.among {
            write!(formatter, " (file {number} of {total})")?;
        }
        match (self.page, self.step) {
            (None, _) => Ok(()),
            (Some((page, count)), PageStep::Read) => write!(formatter, ", page {page} of {count}"),
            (Some((page, count)), PageStep::Recognise) => write!(formatter, ", OCR of page {page} of {count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(progress: &LoadProgress) -> String {
        progress.now().expect("a place").to_string()
    }

    #[test]
    fn the_page_that_takes_longest_is_told_whatever_other_processes_do() {
        let progress = LoadProgress::default();
        assert_eq!(progress.now(), None);
        progress.begin_file("long.pdf", Some(FileOf { number: 12, total: 40 }));
        assert_eq!(told(&progress), "long.pdf (file 12 of 40)");
        progress.count_pages(300);
        progress.turn_page(None, Some(41));
        progress.turn_page(None, Some(44));
        progress.turn_page(Some(44), Some(46));
        assert_eq!(told(&progress), "long.pdf (file 12 of 40), page 41 of 300");
        progress.turn_page(Some(41), None);
        assert_eq!(told(&progress), "long.pdf (file 12 of 40), page 46 of 300");
    }

    #[test]
    fn a_step_and_a_file_begin_without_a_page() {
        let progress = LoadProgress::default();
        progress.begin_file("scan.pdf", None);
        progress.count_pages(3);
        progress.turn_page(None, Some(2));
        progress.begin_step(PageStep::Recognise);
        assert_eq!(told(&progress), "scan.pdf");
        progress.turn_page(None, Some(1));
        assert_eq!(told(&progress), "scan.pdf, OCR of page 1 of 3");
        progress.begin_file("odd\u{1b}.txt", None);
        assert_eq!(told(&progress), "odd␛.txt");
    }
}
