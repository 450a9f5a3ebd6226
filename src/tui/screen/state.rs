//! What is the screen's own: the focus, the input box, scrolling, what is folded or lies open.

use std::sync::Arc;

use ratatui::crossterm::event::KeyEvent;
use ratatui::text::Line;
use ratatui_textarea::TextArea;

use super::super::keymap::{Focus, Intent, Keymap};
use super::super::panes::Panes;
use super::super::reader::DocumentReader;
use super::super::rendered_entries::RenderedEntries;
use super::super::ui_command::UiCommand;
use super::frame_layout::FrameLayout;
use super::line_input::input_box;
use super::names::NameList;
use super::overlay::Overlay;
use super::parts::{DocumentParts, PartSelection};
use super::scrolling::{PopupText, Rest, ScrollExtent};
use super::search::{SearchEntry, TranscriptSearch};
use crate::document::Document;

/// The screen's own state.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Screen {
    pub keymap: Keymap,
    /// Input, transcript or reader.
    pub focus: Focus,
    /// Transcript or reader: which of them had the focus last, and is shown where only one is.
    pub pane: Focus,
    pub panes: Panes,
    pub input: TextArea<'static>,
    /// The first line of the transcript that is shown; `None` rests at [`Rest`].
    pub top: Option<usize>,
    pub reasoning_open: bool,
    pub overlay: Option<Overlay>,
    pub reader: DocumentReader,
    /// What is searched for is being typed.
    pub search_entry: Option<SearchEntry>,
    /// What is searched for in the transcript.
    pub transcript_search: Option<TranscriptSearch>,
    /// How often something was searched for there.
    pub(super) searches: usize,
    /// A mark's name is waited for: to set it, or to go there.
    pub mark: Option<MarkKey>,
    /// The quote that the transcript's cursor is on.
    pub quote: Option<ChosenQuote>,
    /// It was chosen by the last key, and is to be seen.
    pub(super) quote_is_new: bool,
    /// The transcript's lines.
    pub entries: RenderedEntries,
    /// What is shown in their place while nothing was asked.
    pub greeting: Vec<Line<'static>>,
    /// What can be read, and what is.
    pub parts: DocumentParts,
    /// What the screen has to say, until the next key.
    pub message: Option<String>,
    /// How long the transcript was in the last frame.
    pub(super) extent: ScrollExtent,
    /// The text that lies over everything.
    pub popup: PopupText,
    /// Where everything is in the last frame.
    pub layout: FrameLayout,
    /// What is to be done outside.
    pub commands: Vec<UiCommand>,
    /// Questions that were asked, in this run and before.
    pub history: Vec<String>,
    /// The entry whose question is in the input box to be asked anew.
    pub editing: Option<usize>,
    /// Large pastes, with the notes that stand for them.
    pub(super) pasted: Vec<(String, String)>,
    /// Which earlier question is in the input box.
    pub(super) recalled: Option<usize>,
    /// What can be referred to, while a name is typed.
    pub name_list: Option<NameList>,
    /// The names in the input box that were looked up.
    pub(super) looked_up: Vec<String>,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new(Arc::new(Document::default()))
    }
}

impl Screen {
    /// A screen on `document`, the question waited for.
    pub(in crate::tui) fn new(document: Arc<Document>) -> Self {
        Self {
            keymap: Keymap::default(),
            focus: Focus::Input,
            pane: Focus::Transcript,
            panes: Panes::default(),
            input: input_box(""),
            top: None,
            reasoning_open: false,
            overlay: None,
            parts: DocumentParts::all(document.clone()),
            reader: DocumentReader::new(document),
            search_entry: None,
            transcript_search: None,
            searches: 0,
            mark: None,
            quote: None,
            quote_is_new: false,
            entries: RenderedEntries::default(),
            greeting: Vec::new(),
            message: None,
            extent: ScrollExtent::default(),
            popup: PopupText::default(),
            layout: FrameLayout::default(),
            commands: Vec::new(),
            history: Vec::new(),
            editing: None,
            pasted: Vec::new(),
            recalled: None,
            name_list: None,
            looked_up: Vec::new(),
        }
    }

    /// Who gets the keys.
    pub(in crate::tui) fn key_focus(&self) -> Focus {
        if self.mark.is_some() {
            Focus::MarkName
        } else if self.search_entry.is_some()
            || matches!(self.overlay, Some(Overlay::Palette(_) | Overlay::Parts(PartSelection { typing: true, .. })))
            || self.has_open_names()
        {
            Focus::Entry
        } else if matches!(self.overlay, Some(Overlay::Parts(_))) {
            Focus::Parts
        } else if self.overlay.is_some() {
            Focus::List
        } else {
            self.focus
        }
    }

    /// What a key means now.
    pub(in crate::tui) fn intent(&self, key: KeyEvent) -> Option<Intent> {
        self.keymap.intent(key, self.key_focus())
    }

    /// Whether the list of names is seen, and has the keys.
    pub(super) fn has_open_names(&self) -> bool {
        self.focus == Focus::Input && self.name_list.as_ref().is_some_and(|list| !list.rows.is_empty())
    }

    /// Notes how many lines the transcript has, how many of them are shown, and where it rests. Returns the first that is shown.
    pub(in crate::tui) fn measured(&mut self, lines: usize, shown: usize, rest: Rest) -> usize {
        self.extent = ScrollExtent { lines, shown, rest };
        self.top = self.top.map(|top| top.min(self.extent.end())).filter(|&top| top != self.extent.home());
        self.top.unwrap_or(self.extent.home())
    }

    /// Gives `place`, the transcript or the reader, the focus.
    pub(super) fn focus_pane(&mut self, place: Focus) {
        self.focus = place;
        self.pane = place;
    }
}

/// What the next letter names a mark for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum MarkKey {
    Set,
    GoTo,
}

/// A quote of an answer, by its entry in the transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct ChosenQuote {
    pub entry: usize,
    pub index: usize,
}
