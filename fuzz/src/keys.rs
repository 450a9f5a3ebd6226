//! What the terminal sends, from bytes to events, without the terminal.

#[path = "../../src/tui/terminal_input/burst.rs"]
mod burst;
#[path = "../../src/tui/terminal_input/decoder.rs"]
mod decoder;
#[path = "../../src/tui/terminal_input/event.rs"]
mod event;
#[path = "../../src/tui/terminal_input/sequence.rs"]
mod sequence;

use std::time::{Duration, Instant};

use burst::Bursts;
pub(super) use event::{Background, TerminalEvent};
use sequence::{DoubledEsc, Splitter};

/// The events of `bytes`, read `read_bytes` at a time, `apart` after one another.
pub(super) fn events(in_tmux: bool, read_bytes: usize, apart: Duration, bytes: &[u8]) -> Vec<TerminalEvent> {
    let mut splitter = Splitter::new(if in_tmux { DoubledEsc::EscAndKey } else { DoubledEsc::Alt });
    let mut bursts = Bursts::default();
    let mut now = Instant::now();
    let mut sequences = Vec::new();
    for read in bytes.chunks(read_bytes.max(1)) {
        sequences.extend(bursts.take(&splitter.take(read), now));
        let _ = (splitter.waiting(), bursts.deadline());
        now += apart;
    }
    sequences.extend(bursts.take(&splitter.give_up(), now));
    sequences.extend(bursts.give_up());
    sequences.into_iter().filter_map(decoder::event).collect()
}
