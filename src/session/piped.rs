//! Standard input that nobody named: it is the document if there is text in it.
//!
//! ```text
//! cat vault.txt | lunette -p "What is the code?"      note: standard input is the document (1.2 kB)
//! lunette -p "What is a code?" < /dev/null            (nothing is read)
//! true | lunette -p "What is a code?"                 note: standard input is empty, so there is no document
//! sleep 60 | lunette -p "What is a code?"             note after 2 s, error after 30 s
//! ```
//!
//! A pipe that somebody holds open without writing (ssh without `-n`, a program started by another program) can't be told from a slow one.
//! It is waited for, for a while, with a note; then the run fails, because an answer without the document would be made up. `-` waits without
//! a limit.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::Error;
use super::observer::Observer;
use crate::document;

/// How long a [`Patient`] reader waits before it says so.
const STEP: Duration = Duration::from_secs(2);
/// How often it does until the run fails: 30 s. A file, a page or a query gives its first line by then.
const STEPS: u32 = 15;
/// Leading white space that is read in search of text. More than that is a document, if not one that can be used.
const MOST_BLANK: usize = 1 << 20;

/// Standard input whose first read fails with [`io::ErrorKind::TimedOut`] if nothing comes within [`STEP`]. It can be
/// tried again.
pub struct Patient<'a> {
    stdin: io::StdinLock<'a>,
    has_begun: bool,
}

impl Patient<'_> {
    /// That of this process.
    #[must_use]
    pub fn stdin() -> Self {
        Self { stdin: io::stdin().lock(), has_begun: false }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.has_begun && !is_ready(self.stdin.as_fd(), STEP)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.has_begun = true;
        self.stdin.read(buffer)
    }
}

/// Whether text waits on standard input now.
pub(super) fn waits_on_stdin() -> bool {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    let is_polled = poll(&mut fds, PollTimeout::ZERO).is_ok();
    is_polled && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN))
}

/// Whether `descriptor` has text, or has ended, within `time`.
fn is_ready(descriptor: BorrowedFd<'_>, time: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(descriptor, PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    Ok(poll(&mut fds, timeout)? > 0)
}

/// Reads up to the first text. Returns what was read, or `None` if there is no text.
///
/// Errors: [`Error::NothingCame`], or the stream can't be read.
pub(super) fn begun(stdin: &mut dyn Read, observer: &mut dyn Observer) -> Result<Option<Vec<u8>>, Error> {
    let (mut read, mut chunk, mut waited) = (Vec::new(), [0; 8192], 0);
    while read.len() < MOST_BLANK {
        match stdin.read(&mut chunk) {
            Ok(0) => return Ok(None),
            Ok(length) => read.extend(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                waited += 1;
                wait(waited, observer)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(document::Error::Io { name: "-".to_owned(), source: error }.into()),
        }
        if !read.trim_ascii().is_empty() {
            break;
        }
    }
    Ok(Some(read))
}

fn wait(waited: u32, observer: &mut dyn Observer) -> Result<(), Error> {
    if waited == 1 {
        observer.note("waiting for standard input; `< /dev/null` asks without it");
    }
    if waited == STEPS { Err(Error::NothingCame { after: STEP * STEPS }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::fixtures::Recorder;

    /// Gives `text` after some reads in which nothing came.
    struct Slow {
        silent: u32,
        text: &'static [u8],
    }

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.silent > 0 {
                self.silent -= 1;
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.text.read(buffer)
        }
    }

    fn read(silent: u32, text: &'static str) -> (Result<Option<String>, String>, Vec<String>) {
        let mut observer = Recorder::default();
        let read = begun(&mut Slow { silent, text: text.as_bytes() }, &mut observer);
        let read = read.map(|read| read.map(|bytes| String::from_utf8(bytes).expect("text")));
        (read.map_err(|error| error.to_string()), observer.heard)
    }

    #[test]
    fn text_is_what_comes_and_white_space_alone_is_nothing() {
        assert_eq!(read(0, "\n It is red."), (Ok(Some("\n It is red.".into())), vec![]));
        assert_eq!((read(0, " \n\t").0, read(0, "").0), (Ok(None), Ok(None)));
    }

    #[test]
    fn what_is_slow_is_waited_for_and_what_never_comes_is_told() {
        let waiting = "waiting for standard input; `< /dev/null` asks without it".to_owned();
        assert_eq!(read(3, "It is red."), (Ok(Some("It is red.".into())), vec![waiting.clone()]));
        let never = "nothing came on standard input within 30 s, and no document is named".to_owned();
        assert_eq!(read(u32::MAX, ""), (Err(never), vec![waiting]));
    }
}
