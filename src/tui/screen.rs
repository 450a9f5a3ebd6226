//! What is the screen's own: the focus, the input box, scrolling, what is folded. An intent goes in, the chat's actions come out.
//!
//! The chat knows nothing of this, and this changes nothing in the chat. Scrolling follows the end of the transcript until the
//! person scrolls up; at the bottom it follows again.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::style::Style;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use super::keymap::{Focus, Intent, Scroll};
use crate::chat::{Action, Chat, Run, Work};

/// The screen's own state.
#[derive(Debug, Clone)]
pub(super) struct Screen {
    pub focus: Focus,
    pub input: TextArea<'static>,
    /// The first line of the transcript that is shown; `None` follows its end.
    pub top: Option<usize>,
    pub reasoning_open: bool,
    /// The help is open, from this line on.
    pub help: Option<usize>,
    /// As the last frame had it: all lines of the transcript, and how many of them are shown.
    measured: (usize, usize),
    /// Which earlier question is in the input box.
    recalled: Option<usize>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            focus: Focus::Input,
            input: input_box(""),
            top: None,
            reasoning_open: false,
            help: None,
            measured: (0, 0),
            recalled: None,
        }
    }
}

/// An input box with `text` in it, the caret at its end. The hardware cursor is the caret, so the box draws none of its own.
fn input_box(text: &str) -> TextArea<'static> {
    let mut input = TextArea::from(text.split('\n'));
    input.set_wrap_mode(WrapMode::WordOrGlyph);
    input.set_cursor_style(Style::new());
    input.set_cursor_line_style(Style::new());
    input.set_max_histories(100);
    input.move_cursor(CursorMove::Bottom);
    input.move_cursor(CursorMove::End);
    input
}

/// Where the help is after `intent`: keys that go up and down move it, all others close it.
fn after_help(intent: &Intent, line: usize) -> Option<usize> {
    match intent {
        Intent::Scroll(Scroll::Up | Scroll::PageUp | Scroll::HalfUp) | Intent::Earlier => Some(line.saturating_sub(4)),
        Intent::Scroll(Scroll::Down | Scroll::PageDown | Scroll::HalfDown) | Intent::Later => Some(line + 4),
        _ => None,
    }
}

impl Screen {
    /// Takes an intent; the actions are for [`crate::chat::update`].
    pub(super) fn handle(&mut self, chat: &Chat, intent: Intent) -> Vec<Action> {
        if let Some(line) = self.help {
            self.help = after_help(&intent, line);
            return Vec::new();
        }
        match intent {
            Intent::Type(key) if self.asks_for_help(key) => self.help = Some(0),
            Intent::Type(key) => {
                self.input.input(key);
            }
            Intent::Paste(text) => self.paste(&text),
            Intent::Newline => self.input.insert_newline(),
            Intent::ToggleFocus => self.toggle_focus(),
            Intent::ToggleReasoning => self.reasoning_open ^= true,
            Intent::Help => self.help = Some(0),
            Intent::Scroll(scroll) => self.scroll(scroll),
            Intent::Earlier => self.recall(chat, -1),
            Intent::Later => self.recall(chat, 1),
            Intent::Redraw => {}
            Intent::Submit => return self.submit(chat),
            Intent::Interrupt => return self.interrupt(chat),
            Intent::Escape => return self.escape(chat),
            Intent::EndOfInput if self.input.is_empty() => return vec![Action::Quit],
            Intent::EndOfInput => {
                self.input.delete_next_char();
            }
            Intent::Leave => return vec![Action::Quit],
            Intent::AnswerNow => return vec![Action::AnswerNow],
            Intent::Resume => return vec![Action::Resume],
            Intent::Preset(key) => return Self::preset(chat, key),
            Intent::NextPreset => return Self::neighbour(chat, 1),
            Intent::PreviousPreset => return Self::neighbour(chat, -1),
        }
        Vec::new()
    }

    /// Remembers what the last frame could show.
    pub(super) fn measured(&mut self, lines: usize, shown: usize) {
        self.measured = (lines, shown);
        self.top = self.top.filter(|&top| top + shown < lines);
    }

    fn asks_for_help(&self, key: KeyEvent) -> bool {
        key.code == KeyCode::Char('?') && self.input.is_empty()
    }

    fn text(&self) -> String {
        self.input.lines().join("\n")
    }

    fn paste(&mut self, text: &str) {
        self.focus = Focus::Input;
        self.input.insert_str(text.replace("\r\n", "\n").replace('\r', "\n"));
    }

    fn toggle_focus(&mut self) {
        self.focus = match self.focus {
            Focus::Input => Focus::Transcript,
            Focus::Transcript => Focus::Input,
        };
    }

    /// Asks what is written; an empty line says yes to what is asked, or lets a stopped reading go on.
    fn submit(&mut self, chat: &Chat) -> Vec<Action> {
        let text = self.text();
        if self.focus == Focus::Input && !text.trim().is_empty() {
            self.clear();
            self.top = None;
            return vec![Action::Ask(text)];
        }
        match chat.work {
            Work::Deciding { .. } => vec![Action::Confirm],
            _ => vec![Action::Resume],
        }
    }

    fn clear(&mut self) {
        self.input = input_box("");
        self.recalled = None;
    }

    /// Stop; or, with nothing to stop, clear; or, with nothing to clear, leave.
    fn interrupt(&mut self, chat: &Chat) -> Vec<Action> {
        let stopping = chat.run().is_some_and(|run: &Run| run.stopping);
        if chat.work != Work::Idle && !stopping {
            return vec![Action::Cancel];
        }
        if self.input.is_empty() {
            return vec![Action::Quit];
        }
        self.clear();
        Vec::new()
    }

    fn escape(&mut self, chat: &Chat) -> Vec<Action> {
        if chat.work == Work::Idle && chat.notice.is_none() {
            self.top = None;
            self.focus = Focus::Input;
        }
        vec![Action::Cancel]
    }

    fn preset(chat: &Chat, key: char) -> Vec<Action> {
        let offer = chat.offers.iter().position(|offer| offer.key == Some(key));
        offer.map(Action::Switch).into_iter().collect()
    }

    fn neighbour(chat: &Chat, step: isize) -> Vec<Action> {
        let target = match &chat.work {
            Work::Deciding { to, .. } | Work::Forecasting { to, .. } => {
                chat.offers.iter().position(|offer| *offer.name == *to.name).unwrap_or_else(|| chat.current_offer())
            }
            _ => chat.current_offer(),
        };
        let next = target.checked_add_signed(step).filter(|&next| next < chat.offers.len());
        next.map(Action::Switch).into_iter().collect()
    }

    /// Up and down walk through the questions from the first and the last line of the box, and move the caret elsewhere.
    fn recall(&mut self, chat: &Chat, step: isize) {
        let row = self.input.screen_cursor().row;
        let inside = if step < 0 { row > 0 } else { self.input.cursor().0 + 1 < self.input.lines().len() };
        if inside {
            self.input.move_cursor(if step < 0 { CursorMove::Up } else { CursorMove::Down });
            return;
        }
        let asked: Vec<&str> = chat.exchanges().map(|exchange| &*exchange.question).collect();
        let Some(next) = self.recalled.unwrap_or(asked.len()).checked_add_signed(step) else { return };
        match asked.get(next) {
            Some(question) => {
                self.input = input_box(question);
                self.recalled = Some(next);
            }
            None if self.recalled.is_some() => self.clear(),
            None => {}
        }
    }

    fn scroll(&mut self, scroll: Scroll) {
        let (lines, shown) = self.measured;
        let end = lines.saturating_sub(shown);
        let top = self.top.unwrap_or(end);
        let moved = match scroll {
            Scroll::Up => top.saturating_sub(1),
            Scroll::Down => top + 1,
            Scroll::HalfUp => top.saturating_sub(shown / 2),
            Scroll::HalfDown => top + shown / 2,
            Scroll::PageUp => top.saturating_sub(shown.saturating_sub(1).max(1)),
            Scroll::PageDown => top + shown.saturating_sub(1).max(1),
            Scroll::Top => 0,
            Scroll::Bottom => end,
        };
        self.top = (moved < end).then_some(moved);
    }
}
