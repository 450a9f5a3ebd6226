//! What standard input is connected to, as far as it can be known without reading from it.
//!
//! A script may leave it connected to something that is not for us: cron and systemd to `/dev/null`, a `while read` loop to its own list.
//! Only a pipe, a socket or a file that nobody has read from may be a document; whether there is text in it, only reading tells.

use std::fs::File;
use std::io::{IsTerminal, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

/// What standard input is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandardInput {
    Terminal,
    /// Closed, `/dev/null` or another device.
    Nothing,
    /// A pipe, a socket, or a file from its beginning.
    Piped,
    /// A file that another program has begun to read.
    Begun,
}

impl StandardInput {
    /// Looks at that of this process. A closed one is `/dev/null`: Rust's runtime opens it.
    #[must_use]
    pub fn of_process() -> Self {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Self::Terminal;
        }
        // A copy of the descriptor has the same position, and closing it leaves the original open.
        stdin.as_fd().try_clone_to_owned().map_or(Self::Nothing, |copy| Self::of(File::from(copy)))
    }

    fn of(mut file: File) -> Self {
        let Ok(metadata) = file.metadata() else { return Self::Nothing };
        let kind = metadata.file_type();
        if kind.is_fifo() || kind.is_socket() {
            return Self::Piped;
        }
        match file.stream_position() {
            Ok(0) if kind.is_file() => Self::Piped,
            Ok(_) if kind.is_file() => Self::Begun,
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn a_device_is_nothing_and_a_file_that_somebody_reads_is_not_ours() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list");
        std::fs::write(&path, "one\ntwo\n").expect("written");
        let open = || File::open(&path).expect("a file");
        let mut begun = open();
        begun.read_exact(&mut [0; 4]).expect("a line");
        let (reader, _writer) = std::io::pipe().expect("a pipe");
        let (socket, _other) = std::os::unix::net::UnixStream::pair().expect("sockets");
        let seen = [
            File::open("/dev/null").expect("a device"),
            open(),
            begun,
            File::from(OwnedFd::from(reader)),
            File::from(OwnedFd::from(socket)),
        ]
        .map(StandardInput::of);
        let expected = [
            StandardInput::Nothing,
            StandardInput::Piped,
            StandardInput::Begun,
            StandardInput::Piped,
            StandardInput::Piped,
        ];
        assert_eq!(seen, expected);
    }
}
