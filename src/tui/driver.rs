//! Opens the terminal, runs the loop in it, and saves the reading position at the end.

use std::sync::Arc;

use ratatui::crossterm::event::EventStream;

use super::display::TerminalDisplay;
use super::event_loop::Loop;
use super::guard::Guard;
use super::options::{Error, Options, ScreenExit};
use super::screen::{DocumentParts, Screen};
use super::terminal_runner::TerminalRunner;
use super::theme::{self, Theme};
use crate::chat::Chat;
use crate::document::Document;
use crate::session::{EffectRunner, Signal, signals};
use crate::store::{History, Place, Positions, Remembered};

/// The signals that end the screen.
const SIGNALS: [Signal; 3] = [Signal::Terminate, Signal::HangUp, Signal::Interrupt];

/// Runs the terminal interface on a chat and its document until the user leaves.
pub fn run(chat: Chat, effects: EffectRunner<'_>, options: &Options) -> Result<ScreenExit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let mut signals = signals::listen(&SIGNALS);
        let positions = Positions::in_directory(&options.state);
        let document = effects.files().document();
        let mut screen = opened(document.clone(), &positions.of(&document.text));
        let files = effects.files();
        screen.parts = DocumentParts::new(files.whole(), files.parts(), options.context, options.reserve_tokens);
        screen.history = History::in_directory(&options.state).load();
        screen.keymap = options.keymap.clone();
        let theme = Theme::of(theme::settled(options.theme, options.true_color));
        let guard = Guard::take(options.mouse, options.state.clone(), options.build.clone())?;
        let display = TerminalDisplay::new()?;
        let runner = TerminalRunner::new(effects, options.clone(), chat.document.title.clone());
        let mut shown = Loop { chat, screen, theme, display, runner };
        let signal = async {
            match signals.recv().await {
                Some(signal) => signal,
                // None of the signals can be handled: they end the process the default way.
                None => std::future::pending().await,
            }
        };
        let ended = shown.run(EventStream::new, signal).await;
        // The position belongs to the document in use now: other parts have a position of their own.
        remember(&shown.screen, &shown.chat, &positions.of(shown.screen.reader.book.text()));
        // Dropping the runner waits for the engine's thread. Give the terminal back before that.
        drop(guard);
        ended
    })
}

/// A screen that shows `document` where it was left last time.
fn opened(document: Arc<Document>, place: &Place) -> Screen {
    let mut screen = Screen::new(document);
    if let Some(known) = place.load() {
        screen.reader.open_at(known.byte);
        screen.reader.bookmarks.marks = known.marks;
    }
    screen
}

/// Saves the reading position. Failing to save it must not block the exit.
fn remember(screen: &Screen, chat: &Chat, place: &Place) {
    if screen.reader.is_empty() {
        return;
    }
    let marks = screen.reader.bookmarks.marks.clone();
    let remembered = Remembered { title: chat.document.title.clone(), byte: screen.reader.top(), marks };
    if let Err(error) = place.save(&remembered) {
        tracing::warn!(%error, "the place in the document is not remembered");
    }
}
