//! The mouse: the wheel scrolls the pane under the pointer, a click focuses it. Everything else has a key.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::keymap::{Focus, Intent, Scroll};
use super::frame_layout::FrameLayout;
use super::state::Screen;

/// Lines per wheel step.
const WHEEL: usize = 3;

impl Screen {
    /// Handles a mouse event. Most are done here; the rest become intents.
    pub(in crate::tui) fn mouse(&mut self, event: MouseEvent) -> Option<Intent> {
        let scroll = match event.kind {
            MouseEventKind::ScrollUp => Some(Scroll::Up),
            MouseEventKind::ScrollDown => Some(Scroll::Down),
            _ => None,
        };
        if self.overlay.is_some() {
            return scroll.map(Intent::Scroll);
        }
        let place = self.under(Position { x: event.column, y: event.row })?;
        match (event.kind, scroll) {
            (_, Some(scroll)) => self.wheel(place, scroll),
            (MouseEventKind::Down(MouseButton::Left), None) => match place {
                Focus::Input => self.focus = Focus::Input,
                pane => self.focus_pane(pane),
            },
            _ => return None,
        }
        Some(Intent::Seen)
    }

    fn wheel(&mut self, place: Focus, scroll: Scroll) {
        for _ in 0..WHEEL {
            if place == Focus::Reader { self.reader.scroll(scroll) } else { self.scroll(scroll) }
        }
    }

    fn under(&self, position: Position) -> Option<Focus> {
        let FrameLayout { reader, transcript, input, .. } = self.layout;
        let has = |area: Option<Rect>| area.is_some_and(|area| area.contains(position));
        match () {
            () if has(reader.map(|reader| reader.area)) => Some(Focus::Reader),
            () if has(transcript.map(|transcript| transcript.area)) => Some(Focus::Transcript),
            () if input.contains(position) => Some(Focus::Input),
            () => None,
        }
    }
}
