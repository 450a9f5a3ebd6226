//! Draws the interface into memory, without terminal and engine, for benchmarks.
//!
//! It runs the same layout, view and cell comparison as the terminal does. It does not measure what writing to a
//! terminal costs.

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

/// An interface of fixed size on a document.
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

    /// Each part of the document has been counted, and has so many tokens.
    pub fn count_parts(&mut self, tokens: u32) {
        self.screen.parts.tokens.fill(Some(tokens));
    }

    /// Lays out and draws one frame, and returns how long that took.
    pub fn frame(&mut self, chat: &Chat) -> Duration {
        let start = Instant::now();
        let area = Rect::from((Position::ORIGIN, self.terminal.size().expect("memory does not fail")));
        lay_out(&mut self.screen, chat, &self.theme, area);
        self.terminal.draw(|frame| view::draw(frame, chat, &self.screen, &self.theme)).expect("memory does not fail");
        start.elapsed()
    }

    /// Presses keys that only change the screen: letters, `\t`, `\r`, `\x1b`, and `↓`.
    pub fn press(&mut self, chat: &Chat, keys: &str) {
        for key in keys.chars() {
            let code = match key {
                '\t' => KeyCode::Tab,
                '\r' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '↓' => KeyCode::Down,
                key => KeyCode::Char(key),
            };
            if let Some(intent) = self.screen.intent(KeyEvent::new(code, KeyModifiers::NONE)) {
                self.screen.handle(chat, intent);
            }
        }
    }

    /// The drawn text.
    #[must_use]
    pub fn seen(&self) -> String {
        self.terminal.backend().to_string()
    }
}
