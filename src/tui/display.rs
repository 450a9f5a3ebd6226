//! Where frames go: the terminal, or memory in tests.

use std::io::{self, Stdout, stdout};

use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::layout::{Position, Rect};

use super::screen::Screen;
use super::theme::Theme;
use super::view;
use crate::chat::Chat;

/// Shows frames.
pub(super) trait Display {
    /// The area that the next frame has.
    fn area(&self) -> io::Result<Rect>;

    /// Draws a frame that was laid out; `afresh` clears the screen first.
    fn draw(&mut self, chat: &Chat, screen: &Screen, theme: &Theme, afresh: bool) -> io::Result<()>;
}

/// The terminal that the program runs in.
pub(super) struct TerminalDisplay(Terminal<CrosstermBackend<Stdout>>);

impl TerminalDisplay {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Terminal::new(CrosstermBackend::new(stdout()))?))
    }
}

impl Display for TerminalDisplay {
    fn area(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.0.size()?)))
    }

    /// All of it is shown at once: a terminal that knows synchronised updates never shows half of a frame.
    fn draw(&mut self, chat: &Chat, screen: &Screen, theme: &Theme, afresh: bool) -> io::Result<()> {
        execute!(stdout(), BeginSynchronizedUpdate)?;
        if afresh {
            // Not `Terminal::clear`: it asks where the cursor is, and the thread that waits for keys would get the answer.
            self.0.backend_mut().clear_region(ClearType::All)?;
            self.0.swap_buffers();
        }
        self.0.draw(|frame| view::draw(frame, chat, screen, theme))?;
        execute!(stdout(), EndSynchronizedUpdate)
    }
}
