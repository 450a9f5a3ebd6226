//! The interface's own state: focus, input box, scrolling, popups.

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
use super::line_input::{input_box, is_text};
use super::names::NameList;
use super::overlay::{ListKind, Overlay};
use super::parts::{DocumentParts, PartSelection};
use super::scrolling::{PopupText, Rest, ScrollExtent};
use super::search::{SearchEntry, TranscriptSearch};
use super::sessions::SessionList;
use super::start::RecentRow;
use crate::chat::KnownModel;
use crate::document::Document;

/// The state of the interface.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Screen {
    pub keymap: Keymap,
    /// Input, transcript or reader.
    pub focus: Focus,
    /// The pane that had the focus last, transcript or reader. It is shown if there is room for one only.
    pub pane: Focus,
    pub panes: Panes,
    pub input: TextArea<'static>,
    /// The first visible line of the transcript; `None` means it rests at [`Rest`].
    pub top: Option<usize>,
    pub reasoning_open: bool,
    pub overlay: Option<Overlay>,
    pub reader: DocumentReader,
    /// A search being typed.
    pub search_entry: Option<SearchEntry>,
    /// The search in the transcript.
    pub transcript_search: Option<TranscriptSearch>,
    /// Number of searches so far.
    pub(super) searches: usize,
    /// The next key names a mark.
    pub mark: Option<MarkKey>,
    /// The selected quote.
    pub citation: Option<ChosenCitation>,
    /// It was selected by the last key, so the next frame scrolls to it.
    pub(super) quote_is_new: bool,
    /// The transcript's lines.
    pub entries: RenderedEntries,
    /// Shown instead while nothing was asked.
    pub greeting: Vec<Line<'static>>,
    /// The parts of the document, and which are in use.
    pub parts: DocumentParts,
    /// The documents that were opened last.
    pub recent: Vec<RecentRow>,
    /// The models of the catalogue, as they were when the list was opened.
    pub models: Vec<KnownModel>,
    /// The path that was typed last and is not open yet.
    pub(super) typed_path: String,
    /// Something was being opened.
    pub(super) was_opening: bool,
    /// The ways out of a full context were shown.
    pub(super) has_shown_ways_out: bool,
    /// Number of keys so far.
    pub(super) keys: u64,
    /// The key that was asked whether to leave; the same again leaves.
    pub(super) asked_to_leave: Option<u64>,
    /// How many answers the conversation had when it was exported.
    pub(super) exported: usize,
    /// A message that stays until the next key.
    pub message: Option<String>,
    /// The length of the transcript in the last frame.
    pub(super) extent: ScrollExtent,
    /// The text of the open popup.
    pub popup: PopupText,
    /// The layout of the last frame.
    pub layout: FrameLayout,
    /// Commands that wait for the loop.
    pub commands: Vec<UiCommand>,
    /// Questions asked in this and earlier runs.
    pub history: Vec<String>,
    /// The entry whose question is being edited.
    pub editing: Option<usize>,
    /// Large pastes and their placeholders.
    pub(super) pasted: Vec<(String, String)>,
    /// The recalled question.
    pub(super) recalled: Option<usize>,
    /// The list of names, while one is being typed.
    pub name_list: Option<NameList>,
    /// Names in the input box that were attached already.
    pub(super) looked_up: Vec<String>,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new(Arc::new(Document::default()))
    }
}

impl Screen {
    /// A screen that shows `document`, with the focus on the question.
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
            citation: None,
            quote_is_new: false,
            entries: RenderedEntries::default(),
            greeting: Vec::new(),
            recent: Vec::new(),
            models: Vec::new(),
            typed_path: String::new(),
            was_opening: false,
            has_shown_ways_out: false,
            keys: 0,
            asked_to_leave: None,
            exported: 0,
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

    /// Shows another `document`, which consists of all parts of `whole`.
    pub(in crate::tui) fn open_document(&mut self, document: Arc<Document>, whole: Arc<Document>) {
        self.parts = self.parts.of_another(whole);
        self.reader = DocumentReader::new(document);
        self.search_entry = None;
        self.transcript_search = None;
        self.citation = None;
        self.top = None;
        self.editing = None;
        self.mark = None;
        self.looked_up.clear();
        self.typed_path.clear();
        self.exported = 0;
        self.focus = Focus::Input;
        self.pane = Focus::Transcript;
    }

    /// What receives the keys.
    pub(in crate::tui) fn key_focus(&self) -> Focus {
        if self.mark.is_some() {
            Focus::MarkName
        } else if self.search_entry.is_some()
            || matches!(
                self.overlay,
                Some(
                    Overlay::Palette(_)
                        | Overlay::Field(_)
                        | Overlay::Parts(PartSelection { field: Some(_), .. })
                        | Overlay::Sessions(SessionList { entry: Some(_), .. })
                )
            )
            || self.has_open_names()
        {
            Focus::Entry
        } else if matches!(self.overlay, Some(Overlay::Parts(_))) {
            Focus::Parts
        } else if matches!(self.overlay, Some(Overlay::Sessions(_))) {
            Focus::Sessions
        } else if self.overlay.is_some() {
            Focus::List
        } else {
            self.focus
        }
    }

    /// The intent of a key. The ways out of a full context open by themselves, perhaps between two keys of a question, so
    /// letters stay text there.
    pub(in crate::tui) fn intent(&self, key: KeyEvent) -> Option<Intent> {
        if self.shows_ways_out() && self.focus == Focus::Input && is_text(key) {
            return Some(Intent::Type(key));
        }
        self.keymap.intent(key, self.key_focus())
    }

    fn shows_ways_out(&self) -> bool {
        matches!(&self.overlay, Some(Overlay::List(list)) if list.kind == ListKind::WaysOut)
    }

    /// Whether the list of names is visible and has the keys.
    pub(super) fn has_open_names(&self) -> bool {
        self.focus == Focus::Input && self.name_list.as_ref().is_some_and(|list| !list.rows.is_empty())
    }

    /// Sets the length of the transcript, its visible lines and where it rests. Returns the first visible line.
    pub(in crate::tui) fn measured(&mut self, lines: usize, shown: usize, rest: Rest) -> usize {
        self.extent = ScrollExtent { lines, shown, rest };
        self.top = self.top.map(|top| top.min(self.extent.end())).filter(|&top| top != self.extent.home());
        self.top.unwrap_or(self.extent.home())
    }

    /// Focuses a pane, the transcript or the reader.
    pub(super) fn focus_pane(&mut self, place: Focus) {
        self.focus = place;
        self.pane = place;
    }
}

/// What to do with the mark that the next key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum MarkKey {
    Set,
    GoTo,
}

/// A quote of an answer, by transcript entry and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct ChosenCitation {
    pub entry: usize,
    pub index: usize,
}
