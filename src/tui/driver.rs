//! Opens the terminal, runs the loop in it, and saves the reading position at the end.

use std::io::{self, Write, stdout};
use std::sync::Arc;
use std::time::Duration;

use super::display::TerminalDisplay;
use super::event_loop::Loop;
use super::guard::Guard;
use super::options::{Ended, Error, Options, ScreenExit};
use super::recents::{self, left};
use super::screen::{DocumentParts, ListKind, ListPopup, Overlay, Screen};
use super::terminal_input::{DoubledEsc, Expecting, TerminalInput};
use super::terminal_runner::TerminalRunner;
use super::theme::{self, Theme};
use crate::chat::{Chat, Model};
use crate::document::Document;
use crate::session::{EffectRunner, Recorder, Signal, signals};
use crate::settings::ThemeChoice;

/// The signals that end the screen.
const SIGNALS: [Signal; 4] = [Signal::Terminate, Signal::HangUp, Signal::Interrupt, Signal::Quit];

/// Asks for the background (OSC 11), and then what every terminal answers (DA1): with that, nothing more will come. The
/// BEL is for urxvt, which ends its reply in the way that the question ends.
const WHICH_BACKGROUND: &[u8] = b"\x1b]11;?\x07\x1b[c";
/// How long the first frame waits for the reply. A remote or silent terminal must not delay the start; a reply that
/// comes later changes the colours then.
const REPLY_WITHIN: Duration = Duration::from_millis(80);

/// Runs the terminal interface on a chat and its document until the user leaves.
pub fn run(chat: Chat, mut effects: EffectRunner<'_>, options: &Options) -> Result<Ended, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let mut signals = signals::listen(&SIGNALS);
        let document = effects.files().document();
        let mut screen = opened(document, effects.recorder());
        let files = effects.files();
        screen.parts = DocumentParts::new(files.whole(), files.parts(), options.reserve_tokens);
        screen.history = history(effects.recorder());
        screen.keymap = options.keymap.clone();
        screen.recent = recents::rows(effects.recorder());
        begin(&mut screen, &chat);
        let guard = Guard::take(options.mouse, options.state.clone(), options.build.clone())?;
        let follows_background = options.theme == ThemeChoice::Auto && options.true_color;
        let doubled = if options.in_tmux { DoubledEsc::EscAndKey } else { DoubledEsc::Alt };
        let (input, theme) =
            if follows_background { on_background(doubled).await? } else { as_chosen(options.theme, doubled) };
        let display = TerminalDisplay::new()?;
        let options = Options { theme, ..options.clone() };
        let mut runner = TerminalRunner::new(effects, options.clone(), chat.document.title.clone());
        runner.note(&chat);
        let theme = Theme::of(theme);
        let mut shown = Loop { chat, screen, theme, follows_background, display, runner, held: None };
        let signal = async {
            match signals.recv().await {
                Some(signal) => signal,
                // None of the signals can be handled: they end the process the default way.
                None => std::future::pending().await,
            }
        };
        let mut first = Some(input);
        let open = || first.take().unwrap_or_else(|| TerminalInput::open(Expecting::Nothing, doubled));
        let ended = shown.run(open, signal).await;
        // The position belongs to the document in use now: other parts have a position of their own.
        if let Some(left) = left(&shown.screen, &shown.chat) {
            recents::remember(shown.runner.recorder(), &left);
        }
        shown.runner.note(&shown.chat);
        // Dropping the runner waits for the engine's thread. Give the terminal back before that.
        drop(guard);
        let farewell = shown.runner.farewell(&shown.chat);
        ended.map(|exit| Ended { exit, farewell: farewell.filter(|_| exit == ScreenExit::ByUser) })
    })
}

/// The terminal's input, and the theme for its background if it tells in time.
async fn on_background(doubled: DoubledEsc) -> io::Result<(TerminalInput, ThemeChoice)> {
    let mut input = TerminalInput::open(Expecting::Replies, doubled);
    stdout().write_all(WHICH_BACKGROUND)?;
    stdout().flush()?;
    let background = input.background_within(REPLY_WITHIN).await;
    Ok((input, background.map_or(ThemeChoice::Auto, theme::on)))
}

fn as_chosen(theme: ThemeChoice, doubled: DoubledEsc) -> (TerminalInput, ThemeChoice) {
    (TerminalInput::open(Expecting::Nothing, doubled), theme)
}

/// A screen that shows `document` where it was left last time.
fn opened(document: Arc<Document>, recorder: &mut Recorder) -> Screen {
    let place = recents::place(recorder, &document);
    let mut screen = Screen::new(document);
    if let Some(known) = place {
        screen.reader.open_at(known.byte);
        screen.reader.bookmarks.marks = known.marks;
    }
    screen
}

/// The questions that were asked before.
fn history(recorder: &mut Recorder) -> Vec<String> {
    recorder.database().and_then(|database| database.questions().ok()).unwrap_or_default()
}

/// Without a document, the screen begins with what can be opened.
fn begin(screen: &mut Screen, chat: &Chat) {
    let is_offered = !matches!(chat.model, Model::Absent(_));
    if screen.reader.is_empty() && chat.transcript.is_empty() && is_offered {
        screen.overlay = Some(Overlay::List(ListPopup::new(ListKind::Start, 0)));
    }
}
