//! Waits for the terminal on a thread of its own, and gives what comes as a stream.
//!
//! The thread waits with `select(2)`, which all systems have for terminals. Dropping the stream ends the thread before
//! anybody else reads the terminal: an editor gets its first key. Keys come from standard input if that is the terminal,
//! and else from `/dev/tty`.
//!
//! An ESC alone is the Esc key after 30 ms. While a reply of the terminal is missing, after half a second: the reply
//! begins with an ESC, and a slow line may deliver it in two pieces.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IsTerminal, PipeReader, PipeWriter, Read, stdin};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_util::Stream;
use nix::errno::Errno;
use nix::sys::select::{FdSet, select};
use nix::sys::time::{TimeVal, TimeValLike};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::burst::Bursts;
use super::decoder::event;
use super::event::{Background, TerminalEvent};
use super::sequence::{DoubledEsc, Sequence, Splitter, Waiting};
use super::stops;

/// After an ESC, the rest of a key comes sooner. vim waits for 50 ms, tmux for 10.
const KEY_WITHIN: Duration = Duration::from_millis(30);
/// The same while a reply of the terminal is missing.
const REPLY_WITHIN: Duration = Duration::from_millis(500);
/// A sequence that is begun ends sooner; one that doesn't is dropped.
const REST_WITHIN: Duration = Duration::from_secs(3);
/// A terminal that hasn't replied by then never will.
const REPLIES_WITHIN: Duration = Duration::from_secs(10);

/// Whether the terminal was asked something that it may still answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Expecting {
    Nothing,
    Replies,
}

/// Events of the terminal, as a stream. It ends when the terminal is gone.
pub(in crate::tui) struct TerminalInput {
    /// Events that were read before anybody wanted them.
    early: VecDeque<io::Result<TerminalEvent>>,
    events: UnboundedReceiver<io::Result<TerminalEvent>>,
    resized: Option<Signal>,
    continued: Option<Signal>,
    reading: Option<(PipeWriter, JoinHandle<()>)>,
}

impl TerminalInput {
    /// Reads from now on. Must be called in a runtime. A terminal that can't be read is the first event.
    pub(in crate::tui) fn open(expecting: Expecting, doubled: DoubledEsc) -> Self {
        let (sender, events) = unbounded_channel();
        let listen = |kind| signal(kind).ok();
        stops::tell(&sender);
        let input = Input::new(expecting, doubled, Instant::now());
        let reading = start(input, sender.clone()).map_err(|error| sender.send(Err(error))).ok();
        Self {
            early: VecDeque::new(),
            events,
            resized: listen(SignalKind::window_change()),
            continued: listen(SignalKind::from_raw(libc::SIGCONT)),
            reading,
        }
    }

    /// The background that the terminal reports within `limit`. What else comes meanwhile is kept.
    pub(in crate::tui) async fn background_within(&mut self, limit: Duration) -> Option<Background> {
        let mut early = Vec::new();
        let reply = async {
            while let Some(event) = self.events.recv().await {
                match event {
                    Ok(TerminalEvent::Background(background)) => return Some(background),
                    Ok(TerminalEvent::EndOfReplies) => return None,
                    other => early.push(other),
                }
            }
            None
        };
        let background = timeout(limit, reply).await.ok().flatten();
        self.early.extend(early);
        background
    }
}

impl Stream for TerminalInput {
    type Item = io::Result<TerminalEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(event) = self.early.pop_front() {
            return Poll::Ready(Some(event));
        }
        let this = &mut *self;
        let came = |signal: &mut Option<Signal>, context: &mut Context<'_>| {
            signal.as_mut().is_some_and(|signal| signal.poll_recv(context).is_ready())
        };
        if came(&mut this.continued, context) {
            return Poll::Ready(Some(Ok(TerminalEvent::Continued)));
        }
        if came(&mut this.resized, context) {
            return Poll::Ready(Some(Ok(TerminalEvent::Resized)));
        }
        this.events.poll_recv(context)
    }
}

impl Drop for TerminalInput {
    /// Waits for the thread, so that nothing reads the terminal any more.
    fn drop(&mut self) {
        if let Some((wake, thread)) = self.reading.take() {
            drop(wake);
            // A panic there has been reported.
            let _ = thread.join();
        }
    }
}

/// Starts the thread. It ends when the pipe closes, or the terminal.
fn start(input: Input, events: UnboundedSender<io::Result<TerminalEvent>>) -> io::Result<(PipeWriter, JoinHandle<()>)> {
    let tty = open_tty()?;
    let (woken, wake) = io::pipe()?;
    let thread = thread::Builder::new().name("terminal".to_owned()).spawn(move || read(tty, &woken, input, &events))?;
    Ok((wake, thread))
}

/// The terminal to read keys from.
fn open_tty() -> io::Result<File> {
    if stdin().is_terminal() {
        return Ok(stdin().as_fd().try_clone_to_owned()?.into());
    }
    File::options().read(true).write(true).open("/dev/tty")
}

fn read(mut tty: File, woken: &PipeReader, mut input: Input, events: &UnboundedSender<io::Result<TerminalEvent>>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let came = match wait(&tty, woken, input.deadline()) {
            Ok(Ready::Woken) => return,
            Ok(Ready::Late) => Ok(input.give_up(Instant::now())),
            Ok(Ready::Terminal) => match tty.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(input.take(&buffer[..count], Instant::now())),
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                    continue;
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let is_over = came.is_err();
        let mut came = came.map_or_else(|error| vec![Err(error)], |came| came.into_iter().map(Ok).collect());
        if came.drain(..).any(|event| events.send(event).is_err()) || is_over {
            return;
        }
    }
}

/// What was waited for.
enum Ready {
    Terminal,
    /// The reader is no longer wanted.
    Woken,
    /// The deadline has passed.
    Late,
}

fn wait(tty: &File, woken: &PipeReader, deadline: Option<Instant>) -> io::Result<Ready> {
    loop {
        let mut ready = FdSet::new();
        ready.insert(tty.as_fd());
        ready.insert(woken.as_fd());
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // Rounded up: a wait that ends too early would be one more.
        let mut left = left.map(|left| TimeVal::microseconds(left.as_micros() as i64 + 1));
        match select(None, Some(&mut ready), None, None, left.as_mut()) {
            Ok(0) => return Ok(Ready::Late),
            Ok(_) if ready.contains(woken.as_fd()) => return Ok(Ready::Woken),
            Ok(_) => return Ok(Ready::Terminal),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Bytes to events, with the time passed in.
struct Input {
    splitter: Splitter,
    bursts: Bursts,
    last: Instant,
    /// Until then a reply may come.
    replies_until: Option<Instant>,
}

impl Input {
    fn new(expecting: Expecting, doubled: DoubledEsc, now: Instant) -> Self {
        let replies_until = (expecting == Expecting::Replies).then(|| now + REPLIES_WITHIN);
        Self { splitter: Splitter::new(doubled), bursts: Bursts::default(), last: now, replies_until }
    }

    fn take(&mut self, bytes: &[u8], now: Instant) -> Vec<TerminalEvent> {
        self.last = now;
        let certain = self.bursts.take(&self.splitter.take(bytes), now);
        self.decoded(certain)
    }

    /// When something has to be given up, if anything is waited for.
    fn deadline(&self) -> Option<Instant> {
        self.splitter_deadline().into_iter().chain(self.bursts.deadline()).min()
    }

    fn give_up(&mut self, now: Instant) -> Vec<TerminalEvent> {
        let is_late = |deadline: Option<Instant>| deadline.is_some_and(|deadline| now >= deadline);
        let mut certain = if is_late(self.bursts.deadline()) { self.bursts.give_up() } else { Vec::new() };
        if is_late(self.splitter_deadline()) {
            certain.extend(self.bursts.take(&self.splitter.give_up(), now));
        }
        self.decoded(certain)
    }

    fn splitter_deadline(&self) -> Option<Instant> {
        let is_asked = self.replies_until.is_some_and(|until| self.last < until);
        self.splitter.waiting().map(|waiting| {
            self.last
                + match waiting {
                    Waiting::CouldBeKey if is_asked => REPLY_WITHIN,
                    Waiting::CouldBeKey => KEY_WITHIN,
                    Waiting::IsBegun => REST_WITHIN,
                }
        })
    }

    fn decoded(&mut self, sequences: Vec<Sequence>) -> Vec<TerminalEvent> {
        let events: Vec<TerminalEvent> = sequences.into_iter().filter_map(event).collect();
        if events.contains(&TerminalEvent::EndOfReplies) {
            self.replies_until = None;
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::*;

    fn esc() -> TerminalEvent {
        TerminalEvent::Key(KeyCode::Esc.into())
    }

    /// What is read of `pieces`, each `apart` after the one before.
    fn read_slowly(expecting: Expecting, pieces: &[&[u8]], apart: Duration) -> Vec<TerminalEvent> {
        let mut now = Instant::now();
        let mut input = Input::new(expecting, DoubledEsc::Alt, now);
        let mut events = Vec::new();
        for piece in pieces.iter().map(Some).chain([None]) {
            now += if piece.is_some() { apart } else { REST_WITHIN };
            while let Some(deadline) = input.deadline().filter(|deadline| *deadline <= now) {
                events.extend(input.give_up(deadline));
            }
            events.extend(piece.map_or_else(Vec::new, |piece| input.take(piece, now)));
        }
        events
    }

    const REPLY: &[u8] = b"\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\\x1b[?62;22c";

    #[test]
    fn a_late_reply_is_read_wherever_it_is_split() {
        let expected = [TerminalEvent::Background(Background::Dark), TerminalEvent::EndOfReplies];
        for cut in 1..REPLY.len() {
            let (one, other) = REPLY.split_at(cut);
            let read = read_slowly(Expecting::Replies, &[one, other], Duration::from_millis(400));
            assert_eq!(read, expected, "split at {cut}");
        }
        let bytes: Vec<&[u8]> = REPLY.chunks(1).collect();
        assert_eq!(read_slowly(Expecting::Replies, &bytes, Duration::from_millis(100)), expected);
    }

    #[test]
    fn esc_alone_is_a_key_after_a_moment() {
        let apart = Duration::from_millis(31);
        assert_eq!(read_slowly(Expecting::Nothing, &[b"\x1b", b"\x1b"], apart), [esc(), esc()]);
        let left = TerminalEvent::Key(KeyCode::Left.into());
        assert_eq!(read_slowly(Expecting::Nothing, &[b"\x1b", b"\x1b[D"], Duration::from_millis(1)), [esc(), left]);
    }

    #[test]
    fn lines_that_come_at_once_are_one_event() {
        let read = read_slowly(Expecting::Nothing, &[b"one\rtwo\r", b"three"], Duration::from_millis(5));
        assert_eq!(read, [TerminalEvent::Paste("one\rtwo\rthree".into())]);
    }

    #[test]
    fn a_reply_that_never_ends_is_dropped_and_the_next_key_is_read() {
        let read = read_slowly(Expecting::Nothing, &[b"\x1b]11;rgb:1e", b"x"], Duration::from_secs(4));
        assert_eq!(read, [TerminalEvent::Key(KeyCode::Char('x').into())]);
    }
}
