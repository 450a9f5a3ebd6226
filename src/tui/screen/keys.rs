//! Handles intents: changes the screen, or returns actions for the chat.

use super::super::keymap::{Focus, Intent, Scroll};
use super::super::ui_command::UiCommand;
use super::overlay::{ListKind, ListPopup, Overlay};
use super::palette::CommandPalette;
use super::scrolling::{ScrollExtent, scrolled};
use super::state::Screen;
use crate::chat::{Action, Chat, KnownModel, Model, Phase, Run, Source};
use crate::session::places::until;

impl Screen {
    /// Handles an intent. The returned actions are for [`crate::chat::update`].
    pub(in crate::tui) fn handle(&mut self, chat: &Chat, intent: Intent) -> Vec<Action> {
        self.message = None;
        self.keys += 1;
        match self.key_focus() {
            Focus::MarkName => self.name_mark(&intent),
            Focus::Entry if self.search_entry.is_some() => self.search_entry(&intent),
            Focus::Entry if self.has_open_names() => return self.name(chat, intent),
            Focus::Entry | Focus::List | Focus::Parts | Focus::Sessions => return self.in_overlay(chat, &intent),
            _ => return self.at_work(chat, intent),
        }
        Vec::new()
    }

    pub(super) fn at_work(&mut self, chat: &Chat, intent: Intent) -> Vec<Action> {
        match intent {
            Intent::Type(key) => return self.type_question(chat, key),
            Intent::Paste(text) => self.paste(&text),
            Intent::Newline => self.input.insert_newline(),
            Intent::NextPane => self.go_around(1),
            Intent::PreviousPane => self.go_around(-1),
            Intent::ToInput => self.focus = Focus::Input,
            Intent::Panes => {
                self.panes = self.panes.next();
                self.message = Some(self.panes.name().to_owned());
            }
            Intent::ToggleReasoning => self.reasoning_open ^= true,
            Intent::Help => self.overlay = Some(Overlay::Help(0)),
            Intent::Scroll(scroll) if self.focus == Focus::Reader => self.reader.scroll(scroll),
            Intent::Scroll(scroll) => self.scroll(scroll),
            Intent::Earlier => self.recall(-1),
            Intent::Later => self.recall(1),
            Intent::Submit => return self.submit(chat),
            Intent::Interrupt => return self.interrupt(chat),
            Intent::Escape => return self.escape(chat),
            Intent::EndOfInput if self.input.is_empty() => return vec![Action::Quit],
            Intent::NewConversation => {
                self.leave_branch();
                self.focus = Focus::Input;
                return vec![Action::NewConversation];
            }
            Intent::UntilHere => return self.ask_until_here(chat),
            Intent::Demo => return vec![Action::Open(Source::Demo)],
            Intent::Start => self.open_list(ListKind::Start),
            Intent::Themes => self.open_list(ListKind::Themes),
            Intent::Models => self.commands.push(UiCommand::ListModels),
            Intent::Sessions => self.commands.push(UiCommand::ListSessions),
            Intent::Room => self.open_ways_out(chat),
            Intent::Edit(field) => self.open_field(chat, field),
            Intent::EndOfInput => {
                self.input.delete_next_char();
            }
            Intent::Find => self.open_finding(chat),
            Intent::NextHit if self.step_finding(1) => {}
            Intent::PreviousHit if self.step_finding(-1) => {}
            Intent::NextHit if self.walks_through_quotes() => self.step_quote(chat, 1),
            Intent::PreviousHit if self.walks_through_quotes() => self.step_quote(chat, -1),
            Intent::Leave => return self.leave(chat),
            Intent::AnswerNow => return vec![Action::AnswerNow],
            Intent::Think(mode) => return vec![Action::Think(mode.unwrap_or_else(|| chat.next_thinking()))],
            Intent::ReasoningBudget(tokens) => return vec![Action::SetReasoningBudget(tokens)],
            Intent::Resume => return vec![Action::Resume],
            Intent::Preset(key) => return Self::preset(chat, key),
            Intent::NextPreset => return Self::neighbour(chat, 1),
            Intent::PreviousPreset => return Self::neighbour(chat, -1),
            Intent::Redraw | Intent::Seen => {}
            Intent::Presets => return self.open_picker(chat, false),
            Intent::Versus => return self.open_picker(chat, true),
            Intent::ReadAhead => return vec![Action::ReadAhead],
            Intent::Parts => return self.open_parts(chat),
            Intent::Figures => self.overlay = Some(Overlay::Figures(0)),
            Intent::Palette => self.overlay = Some(Overlay::Palette(CommandPalette::new())),
            Intent::Refer => return self.refer(chat),
            Intent::Editor => self.commands.push(UiCommand::Edit(self.text())),
            Intent::Suspend => self.commands.push(UiCommand::Suspend),
            Intent::DropSource => return self.drop_source(chat),
            Intent::AddSource => return self.add_source(chat),
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

    /// Asks up to the end of the page that the reader shows, or about the whole document again.
    fn ask_until_here(&self, chat: &Chat) -> Vec<Action> {
        if chat.until.is_some() {
            return vec![Action::AskUntil(None)];
        }
        vec![Action::AskUntil(until(self.reader.book.document(), self.reader.page_end()))]
    }

    /// Moves the focus: question, transcript, document if there is one.
    fn go_around(&mut self, step: isize) {
        let all = [Focus::Input, Focus::Transcript, Focus::Reader];
        let places = if self.reader.is_empty() { &all[..2] } else { &all[..] };
        let here = places.iter().position(|place| *place == self.focus).unwrap_or(0);
        match places[(here + places.len()).wrapping_add_signed(step) % places.len()] {
            Focus::Input => self.focus = Focus::Input,
            pane => self.focus_pane(pane),
        }
    }

    /// Stops what is running, else clears the input, else quits.
    fn interrupt(&mut self, chat: &Chat) -> Vec<Action> {
        let stopping = chat.run().is_some_and(|run: &Run| run.stopping);
        if (chat.work != Phase::Idle || chat.download.is_some() || matches!(chat.model, Model::Fetching { .. }))
            && !stopping
        {
            return vec![Action::Cancel];
        }
        if self.input.is_empty() {
            return self.ask_to_leave("Ctrl-C again leaves");
        }
        self.clear();
        Vec::new()
    }

    /// Leaves, unless there are answers that would be lost: then the second time.
    pub(super) fn leave(&mut self, chat: &Chat) -> Vec<Action> {
        if chat.is_saved() {
            return vec![Action::Quit];
        }
        let answers = chat.exchanges().filter(|exchange| !exchange.answer.is_empty()).count();
        if answers <= self.exported {
            return vec![Action::Quit];
        }
        self.ask_to_leave("the conversation is not saved · x exports it · q again leaves")
    }

    /// Leaves if the key before asked the same; otherwise asks.
    pub(super) fn ask_to_leave(&mut self, question: &str) -> Vec<Action> {
        if self.asked_to_leave == Some(self.keys - 1) {
            return vec![Action::Quit];
        }
        self.asked_to_leave = Some(self.keys);
        self.message = Some(question.to_owned());
        Vec::new()
    }

    fn open_list(&mut self, kind: ListKind) {
        self.overlay = Some(Overlay::List(ListPopup::new(kind, 0)));
    }

    /// Lists the models, at the one in use.
    pub(in crate::tui) fn list_models(&mut self, chat: &Chat, models: Vec<KnownModel>) {
        let used = match &chat.model {
            Model::Ready { info, .. } => models.iter().position(|model| model.file.as_ref() == Some(&info.path)),
            _ => None,
        };
        self.models = models;
        self.overlay = Some(Overlay::List(ListPopup::new(ListKind::Models, used.unwrap_or(0))));
    }

    fn escape(&mut self, chat: &Chat) -> Vec<Action> {
        if self.editing.is_some() {
            self.clear();
            return Vec::new();
        }
        if self.focus == Focus::Transcript && self.transcript_search.take().is_some() {
            return Vec::new();
        }
        let reading = self.focus == Focus::Reader;
        if reading && self.forget_found() {
            return Vec::new();
        }
        if reading || (chat.work == Phase::Idle && chat.notice.is_none()) {
            self.top = None;
            self.citation = None;
            self.focus = Focus::Input;
            self.pane = Focus::Transcript;
        }
        if reading { Vec::new() } else { vec![Action::Cancel] }
    }

    fn preset(chat: &Chat, key: char) -> Vec<Action> {
        let preset_entry = chat.preset_entries.iter().position(|preset_entry| preset_entry.key == Some(key));
        preset_entry.map(Action::Switch).into_iter().collect()
    }

    fn neighbour(chat: &Chat, step: isize) -> Vec<Action> {
        let target = match &chat.work {
            Phase::Deciding { to, .. } | Phase::Forecasting { to, .. } => chat
                .preset_entries
                .iter()
                .position(|preset_entry| *preset_entry.name == *to.name)
                .unwrap_or_else(|| chat.current_preset_entry()),
            _ => chat.current_preset_entry(),
        };
        let next = target.checked_add_signed(step).filter(|&next| next < chat.preset_entries.len());
        next.map(Action::Switch).into_iter().collect()
    }

    pub(super) fn scroll(&mut self, scroll: Scroll) {
        let ScrollExtent { shown, .. } = self.extent;
        let (home, end) = (self.extent.home(), self.extent.end());
        let moved = scrolled(scroll, self.top.unwrap_or(home), end, shown).min(end);
        self.top = (moved != home).then_some(moved);
    }
}
