//! Shows frames: in the terminal, or in memory for tests.

use std::io::{self, Stdout, stdout};

use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::layout::{Position, Rect};

use super::screen::Screen;
use super::theme::Theme;
use super::view;
use super::whole_rows::WholeRows;
use crate::chat::Chat;

/// Where frames are drawn.
pub(super) trait Display {
    /// The area of the next frame.
    fn area(&self) -> io::Result<Rect>;

    /// Draws a frame that was laid out before. `afresh` clears the screen first.
    fn draw(&mut self, chat: &Chat, screen: &Screen, theme: &Theme, afresh: bool) -> io::Result<()>;
}

/// The terminal that the program runs in.
pub(super) struct TerminalDisplay(Terminal<WholeRows<CrosstermBackend<Stdout>>>);

impl TerminalDisplay {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Terminal::new(WholeRows::new(CrosstermBackend::new(stdout())))?))
    }
}

impl Display for TerminalDisplay {
    fn area(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.0.size()?)))
    }

    /// Draws inside a synchronised update: terminals that support it never show half a frame.
    fn draw(&mut self, chat: &Chat, screen: &Screen, theme: &Theme, afresh: bool) -> io::Result<()> {
        execute!(stdout(), BeginSynchronizedUpdate)?;
        if afresh {
            // Not `Terminal::clear`: that asks for the cursor position, and the thread that reads keys would swallow
            // the answer.
            self.0.backend_mut().clear_region(ClearType::All)?;
            self.0.swap_buffers();
        }
        self.0.draw(|frame| view::draw(frame, chat, screen, theme))?;
        execute!(stdout(), EndSynchronizedUpdate)
    }
}
