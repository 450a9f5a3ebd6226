//! Turns what a PDF library does into messages: a panic, or too much text, is the failure of one page.

use std::io;
use std::panic::{self, AssertUnwindSafe};

use super::protocol::{PageContent, ReaderMessage, Refusal};

/// Maximum text of a page. A printed page has 5,000 characters; a page with more text than this is hostile.
pub(super) const MOST_PAGE_BYTES: usize = 4 << 20;

/// Sends a message. An error ends the work.
pub(super) type SendMessage<'a> = &'a mut dyn FnMut(ReaderMessage) -> io::Result<()>;

/// The result of `work`, or the message of its panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        format!("the PDF library failed: {}", words.unwrap_or("no reason given"))
    })
}

/// The message about page `number`, whatever the library does.
pub(super) fn page(number: u32, read: impl FnOnce() -> Result<PageContent, String>) -> ReaderMessage {
    match guarded(read).and_then(|read| read) {
        Ok(content) if content.bytes() > MOST_PAGE_BYTES => {
            ReaderMessage::Failed { number, reason: format!("it has {} MB of text", content.bytes() / 1_000_000) }
        }
        Ok(content) => ReaderMessage::Page { number, content },
        Err(reason) => ReaderMessage::Failed { number, reason },
    }
}

/// The message for a file that does not open.
#[expect(clippy::needless_pass_by_value, reason = "map_err needs this signature")]
pub(super) fn broken(reason: impl ToString) -> ReaderMessage {
    ReaderMessage::Refused(Refusal::Broken(reason.to_string()))
}
