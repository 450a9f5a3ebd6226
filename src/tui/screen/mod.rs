//! What is the screen's own: the focus, the input box, scrolling, what is folded or lies open. An intent goes in, the chat's actions come out.
//!
//! The chat knows nothing of this, and this changes nothing in the chat. Scrolling follows the end of the transcript until the
//! person scrolls up; at the bottom it follows again.
//!
//! | file | answers |
//! |---|---|
//! | [`question`] | what happens to what is typed? |
//! | [`reading`] | what do the reader's keys do? |
//! | [`finding`] | what is searched for in the transcript? |
//! | [`quoting`] | which quote of an answer is the cursor on, and where does it lead? |
//! | [`answers`], [`pasted`], [`palette`] | asking again, copying, exporting; large pastes; commands by name |
//! | [`branching`] | where does the conversation fork, and which branch is shown? |
//! | [`parts`] | which parts of the document are read, and what would others take? |
//! | [`naming`] | what does `@` refer to? |
//! | [`picker`] | what are the presets, and how is one changed? |
//! | [`mouse`] | what do clicks and the wheel do? |
//! | [`overlay`] | what lies over everything, and how is it moved through? |

mod answers;
mod branching;
mod finding;
mod mouse;
mod naming;
mod overlay;
mod palette;
mod parts;
mod pasted;
mod picker;
mod question;
mod quoting;
mod reading;

use std::sync::Arc;

use ratatui::crossterm::event::KeyEvent;
use ratatui_textarea::TextArea;

pub(super) use finding::Finding;
pub(super) use mouse::Areas;
pub(super) use naming::{Named, Naming};
pub(super) use overlay::{List, ListOf, Overlay};
pub(super) use palette::{Palette, what};
pub(super) use parts::{Parts, Plan, Scale, Verdict, WouldFit};
pub(super) use picker::{Draft, Field, Picker};
pub(super) use quoting::Chosen;
pub(super) use reading::SearchEntry;

use super::errand::Errand;
use super::keymap::{Intent, Keymap, Place, Scroll};
use super::panes::Panes;
use super::reader::Reader;
use super::sheets::Sheets;
use crate::chat::{Action, Chat, Model, Run, Work};
use crate::document::Document;

/// The screen's own state.
#[derive(Debug, Clone)]
pub(super) struct Screen {
    pub keymap: Keymap,
    /// Input, transcript or reader.
    pub focus: Place,
    /// Transcript or reader: which of them had the focus last, and is shown where only one is.
    pub pane: Place,
    pub panes: Panes,
    pub input: TextArea<'static>,
    /// The first line of the transcript that is shown; `None` rests at [`Rest`].
    pub top: Option<usize>,
    pub reasoning_open: bool,
    pub overlay: Option<Overlay>,
    pub reader: Reader,
    /// What is searched for is being typed.
    pub entry: Option<reading::SearchEntry>,
    /// What is searched for in the transcript.
    pub finding: Option<Finding>,
    /// How often something was searched for there.
    searches: usize,
    /// A mark's name is waited for: to set it, or to go there.
    pub mark: Option<reading::MarkKey>,
    /// The quote that the transcript's cursor is on.
    pub quote: Option<Chosen>,
    /// It was chosen by the last key, and is to be seen.
    quote_is_new: bool,
    /// What was drawn of the transcript.
    pub sheets: Sheets,
    /// What can be read, and what is.
    pub parts: Parts,
    /// What the reader has to say, until the next key.
    pub told: Option<String>,
    /// As the last frame had it.
    measured: Measured,
    /// The same of a text that lies over everything.
    pub popup: Measured,
    /// Where the last frame had the panes.
    pub areas: Areas,
    /// What is to be done outside.
    pub errands: Vec<Errand>,
    /// Questions that were asked, in this run and before.
    pub history: Vec<String>,
    /// The entry whose question is in the input box to be asked anew.
    pub editing: Option<usize>,
    /// Large pastes, with the notes that stand for them.
    pasted: Vec<(String, String)>,
    /// Which earlier question is in the input box.
    recalled: Option<usize>,
    /// What can be referred to, while a name is typed.
    pub naming: Option<Naming>,
    /// The names in the input box that were looked up.
    sought: Vec<String>,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new(Arc::new(Document::default()))
    }
}

impl Screen {
    /// A screen on `document`, the question waited for.
    pub(super) fn new(document: Arc<Document>) -> Self {
        Self {
            keymap: Keymap::default(),
            focus: Place::Input,
            pane: Place::Transcript,
            panes: Panes::default(),
            input: question::input_box(""),
            top: None,
            reasoning_open: false,
            overlay: None,
            parts: Parts::all(document.clone()),
            reader: Reader::new(document),
            entry: None,
            finding: None,
            searches: 0,
            mark: None,
            quote: None,
            quote_is_new: false,
            sheets: Sheets::default(),
            told: None,
            measured: Measured::default(),
            popup: Measured::default(),
            areas: Areas::default(),
            errands: Vec::new(),
            history: Vec::new(),
            editing: None,
            pasted: Vec::new(),
            recalled: None,
            naming: None,
            sought: Vec::new(),
        }
    }

    /// Who gets the keys.
    pub(super) fn place(&self) -> Place {
        if self.mark.is_some() {
            Place::MarkName
        } else if self.entry.is_some()
            || matches!(self.overlay, Some(Overlay::Palette(_) | Overlay::Parts(Plan { typing: true, .. })))
            || self.names()
        {
            Place::Entry
        } else if matches!(self.overlay, Some(Overlay::Parts(_))) {
            Place::Parts
        } else if self.overlay.is_some() {
            Place::List
        } else {
            self.focus
        }
    }

    /// What a key means now.
    pub(super) fn intent(&self, key: KeyEvent) -> Option<Intent> {
        self.keymap.intent(key, self.place())
    }

    /// Takes an intent; the actions are for [`crate::chat::update`].
    pub(super) fn handle(&mut self, chat: &Chat, intent: Intent) -> Vec<Action> {
        self.told = None;
        match self.place() {
            Place::MarkName => self.name_mark(&intent),
            Place::Entry if self.entry.is_some() => self.search_entry(&intent),
            Place::Entry if self.names() => return self.name(chat, intent),
            Place::Entry | Place::List | Place::Parts => return self.in_overlay(chat, &intent),
            _ => return self.at_work(chat, intent),
        }
        Vec::new()
    }

    fn at_work(&mut self, chat: &Chat, intent: Intent) -> Vec<Action> {
        match intent {
            Intent::Type(key) => return self.type_question(chat, key),
            Intent::Paste(text) => self.paste(&text),
            Intent::Newline => self.input.insert_newline(),
            Intent::NextPane => self.go_around(1),
            Intent::PreviousPane => self.go_around(-1),
            Intent::ToInput => self.focus = Place::Input,
            Intent::Panes => {
                self.panes = self.panes.next();
                self.told = Some(self.panes.name().to_owned());
            }
            Intent::ToggleReasoning => self.reasoning_open ^= true,
            Intent::Help => self.overlay = Some(Overlay::Help(0)),
            Intent::Scroll(scroll) if self.focus == Place::Reader => self.reader.scroll(scroll),
            Intent::Scroll(scroll) => self.scroll(scroll),
            Intent::Earlier => self.recall(-1),
            Intent::Later => self.recall(1),
            Intent::Submit => return self.submit(chat),
            Intent::Interrupt => return self.interrupt(chat),
            Intent::Escape => return self.escape(chat),
            Intent::EndOfInput if self.input.is_empty() => return vec![Action::Quit],
            Intent::EndOfInput => {
                self.input.delete_next_char();
            }
            Intent::Find => self.open_finding(chat),
            Intent::NextHit if self.step_finding(1) => {}
            Intent::PreviousHit if self.step_finding(-1) => {}
            Intent::NextHit if self.walks_through_quotes() => self.step_quote(chat, 1),
            Intent::PreviousHit if self.walks_through_quotes() => self.step_quote(chat, -1),
            Intent::Leave => return vec![Action::Quit],
            Intent::AnswerNow => return vec![Action::AnswerNow],
            Intent::Resume => return vec![Action::Resume],
            Intent::Preset(key) => return Self::preset(chat, key),
            Intent::NextPreset => return Self::neighbour(chat, 1),
            Intent::PreviousPreset => return Self::neighbour(chat, -1),
            Intent::Redraw | Intent::Seen => {}
            Intent::Presets => return self.open_picker(chat, false),
            Intent::Versus => return self.open_picker(chat, true),
            Intent::Parts => return self.open_parts(chat),
            Intent::Figures => self.overlay = Some(Overlay::Figures(0)),
            Intent::Palette => self.overlay = Some(Overlay::Palette(Palette::new())),
            Intent::Refer => return self.refer(chat),
            Intent::Editor => self.errands.push(Errand::Edit(self.text())),
            Intent::Suspend => self.errands.push(Errand::Suspend),
            answers @ (Intent::EditLast
            | Intent::Regenerate
            | Intent::Continue
            | Intent::CopyAnswer
            | Intent::CopyCode
            | Intent::ExportMarkdown
            | Intent::ExportJson) => return self.with_answers(chat, &answers),
            branching @ (Intent::Fork | Intent::Branches | Intent::NextBranch | Intent::PreviousBranch) => {
                return self.with_branches(chat, &branching);
            }
            reading => self.read(&reading),
        }
        Vec::new()
    }

    /// Notes how many lines the transcript has, how many of them are shown, and where it rests. Returns the first that is shown.
    pub(super) fn measured(&mut self, lines: usize, shown: usize, rest: Rest) -> usize {
        self.measured = Measured { lines, shown, rest };
        self.top = self.top.map(|top| top.min(self.measured.end())).filter(|&top| top != self.measured.home());
        self.top.unwrap_or(self.measured.home())
    }

    /// Gives `place`, the transcript or the reader, the focus.
    fn focus_pane(&mut self, place: Place) {
        self.focus = place;
        self.pane = place;
    }

    /// From one place to the next: question, transcript, document, where there is one.
    fn go_around(&mut self, step: isize) {
        let all = [Place::Input, Place::Transcript, Place::Reader];
        let places = if self.reader.is_empty() { &all[..2] } else { &all[..] };
        let here = places.iter().position(|place| *place == self.focus).unwrap_or(0);
        match places[(here + places.len()).wrapping_add_signed(step) % places.len()] {
            Place::Input => self.focus = Place::Input,
            pane => self.focus_pane(pane),
        }
    }

    /// Stop; or, with nothing to stop, clear; or, with nothing to clear, leave.
    fn interrupt(&mut self, chat: &Chat) -> Vec<Action> {
        let stopping = chat.run().is_some_and(|run: &Run| run.stopping);
        if (chat.work != Work::Idle || matches!(chat.model, Model::Fetching { .. })) && !stopping {
            return vec![Action::Cancel];
        }
        if self.input.is_empty() {
            return vec![Action::Quit];
        }
        self.clear();
        Vec::new()
    }

    fn escape(&mut self, chat: &Chat) -> Vec<Action> {
        if self.editing.is_some() {
            self.clear();
            return Vec::new();
        }
        if self.focus == Place::Transcript && self.finding.take().is_some() {
            return Vec::new();
        }
        let reading = self.focus == Place::Reader;
        if reading && self.forget_found() {
            return Vec::new();
        }
        if reading || (chat.work == Work::Idle && chat.notice.is_none()) {
            self.top = None;
            self.quote = None;
            self.focus = Place::Input;
            self.pane = Place::Transcript;
        }
        if reading { Vec::new() } else { vec![Action::Cancel] }
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

    fn scroll(&mut self, scroll: Scroll) {
        let Measured { shown, .. } = self.measured;
        let (home, end) = (self.measured.home(), self.measured.end());
        let moved = scrolled(scroll, self.top.unwrap_or(home), end, shown).min(end);
        self.top = (moved != home).then_some(moved);
    }
}

/// What a frame had room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Measured {
    pub lines: usize,
    /// How many of them are shown.
    pub shown: usize,
    pub rest: Rest,
}

/// Where a text stands that nobody has moved: a greeting at its beginning, a conversation at its end, which grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Rest {
    #[default]
    Beginning,
    End,
}

impl Measured {
    /// The last line that can be the first.
    pub(super) fn end(self) -> usize {
        self.lines.saturating_sub(self.shown)
    }

    fn home(self) -> usize {
        match self.rest {
            Rest::Beginning => 0,
            Rest::End => self.end(),
        }
    }
}

/// Where `top` is after a movement, in lines of which `end` is the last that can be the first.
pub(super) fn scrolled(scroll: Scroll, top: usize, end: usize, shown: usize) -> usize {
    match scroll {
        Scroll::Up => top.saturating_sub(1),
        Scroll::Down => top + 1,
        Scroll::HalfUp => top.saturating_sub(shown / 2),
        Scroll::HalfDown => top + shown / 2,
        Scroll::PageUp => top.saturating_sub(shown.saturating_sub(1).max(1)),
        Scroll::PageDown => top + shown.saturating_sub(1).max(1),
        Scroll::Top => 0,
        Scroll::Bottom => end,
    }
}
