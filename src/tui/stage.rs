//! The screen on a stage: drawn into memory, without a terminal and without an engine, for benchmarks.
//!
//! What is drawn is what the terminal gets: the same screen, the same view, and the cells that have changed are found out as they are
//! there. What writing them to a terminal costs is the terminal's, and not in here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Rect};

use super::layout::lay_out;
use super::screen::Screen;
use super::theme::Theme;
use super::view;
use crate::chat::Chat;
use crate::document::Document;
use crate::settings::ThemeChoice;

/// A screen of a size on a document.
pub struct Stage {
    terminal: Terminal<TestBackend>,
    screen: Screen,
    theme: Theme,
}

impl Stage {
    #[must_use]
    pub fn new(document: Arc<Document>, width: u16, height: u16) -> Self {
        let terminal = Terminal::new(TestBackend::new(width, height)).expect("memory does not fail");
        Self { terminal, screen: Screen::new(document), theme: Theme::of(ThemeChoice::Dark) }
    }

    /// Lays one frame out and draws it, and tells how long that took.
    pub fn frame(&mut self, chat: &Chat) -> Duration {
        let start = Instant::now();
        let area = Rect::from((Position::ORIGIN, self.terminal.size().expect("memory does not fail")));
        lay_out(&mut self.screen, chat, &self.theme, area);
        self.terminal.draw(|frame| view::draw(frame, chat, &self.screen, &self.theme)).expect("memory does not fail");
        start.elapsed()
    }

    /// Presses keys that change the screen only: letters, and `\t`, `\r`, `\x1b`.
    pub fn press(&mut self, chat: &Chat, keys: &str) {
        for key in keys.chars() {
            let code = match key {
                '\t' => KeyCode::Tab,
                '\r' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                key => KeyCode::Char(key),
            };
            if let Some(intent) = self.screen.intent(KeyEvent::new(code, KeyModifiers::NONE)) {
                self.screen.handle(chat, intent);
            }
        }
    }

    /// What is seen.
    #[must_use]
    pub fn seen(&self) -> String {
        self.terminal.backend().to_string()
    }
}
