//! How an engine answers, whatever its library does: a panic or too much text is the failure of one page.

use std::io;
use std::panic::{self, AssertUnwindSafe};

use super::protocol::{ReaderMessage, Refusal};

/// A page of print has 5,000 characters; a page with more text than this is made to do harm.
pub(super) const MOST_PAGE_BYTES: usize = 4 << 20;

/// Where findings go; an error ends the work.
pub(super) type SendMessage<'a> = &'a mut dyn FnMut(ReaderMessage) -> io::Result<()>;

/// What `work` gives, or what its panic said.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        format!("the reader failed: {}", words.unwrap_or("it gave no reason"))
    })
}

/// The answer about page `number`, whatever the library made of it.
pub(super) fn page(number: u32, read: impl FnOnce() -> Result<String, String>) -> ReaderMessage {
    match guarded(read).and_then(|read| read) {
        Ok(text) if text.len() > MOST_PAGE_BYTES => {
            ReaderMessage::Failed { number, reason: format!("it has {} MB of text", text.len() / 1_000_000) }
        }
        Ok(text) => ReaderMessage::Page { number, text },
        Err(reason) => ReaderMessage::Failed { number, reason },
    }
}

/// The refusal of a file that does not even open.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
pub(super) fn broken(reason: impl ToString) -> ReaderMessage {
    ReaderMessage::Refused(Refusal::Broken(reason.to_string()))
}
