//! Keys in the tree of parts.

use std::sync::Arc;

use super::super::keymap::{Intent, Scroll};
use super::super::ui_command::UiCommand;
use super::line_input::{LineInput, is_backspace};
use super::overlay::Overlay;
use super::parts::{DocumentParts, PartSelection, SelectionVerdict, WouldFit};
use super::scrolling::scrolled;
use super::state::Screen;
use crate::chat::{Action, Chat, Choice, Draft, Model};
use crate::fit::Proposal;
use crate::fit::ticks::{Mark, Ticks};
use crate::session::{CountRequest, PartsResult};
use crate::units::counted;

impl Screen {
    /// Opens the tree with the parts in use ticked.
    pub(super) fn open_parts(&mut self, chat: &Chat) -> Vec<Action> {
        let tree = self.parts.tree();
        if self.reader.is_empty() {
            self.message = Some("there is no document".to_owned());
            return Vec::new();
        }
        let read = chat.parts_read(self.parts.taken.len());
        let ticks = Ticks::new(tree, &self.parts.taken[..read]);
        let drafted = Choice::default();
        // Users look for what is in use first.
        let at = ticks.rows().iter().position(|&row| ticks.mark(row) != Mark::Nothing).unwrap_or(0);
        self.overlay = Some(Overlay::Parts(PartSelection {
            ticks,
            at,
            shown: 10,
            field: None,
            preset_entry: None,
            would_fit: None,
            drafted,
        }));
        self.attend(chat)
    }

    /// Opens the tree if the document turned out to be too long, or the ways out if the conversation did, and updates an
    /// open tree. Nothing opens while a question is being typed. Call it after each event of the chat.
    pub(in crate::tui) fn attend(&mut self, chat: &Chat) -> Vec<Action> {
        self.notice_opening(chat);
        self.has_shown_ways_out &= chat.full.is_some();
        if chat.full.is_some() && !self.has_shown_ways_out && self.may_open_by_itself() {
            self.has_shown_ways_out = true;
            self.open_ways_out(chat);
            return Vec::new();
        }
        self.parts.has_opened &= chat.too_long;
        if chat.too_long && !self.parts.has_opened && self.may_open_by_itself() {
            self.parts.has_opened = true;
            return if self.parts.tree().parts() > 1 { self.open_parts(chat) } else { Vec::new() };
        }
        let mut selection = match self.overlay.take() {
            Some(Overlay::Parts(selection)) => selection,
            other => {
                self.overlay = other;
                return Vec::new();
            }
        };
        self.have_counted(chat);
        let actions = self.draft(chat, &mut selection);
        self.overlay = Some(Overlay::Parts(selection));
        actions
    }

    /// Whether a popup that nobody asked for may open: it would take the keys that are meant for something else.
    fn may_open_by_itself(&self) -> bool {
        self.overlay.is_none() && self.search_entry.is_none() && self.input.is_empty()
    }

    /// Requests the token counts, once.
    fn have_counted(&mut self, chat: &Chat) {
        let Some(request) = self.count_request(chat) else { return };
        // Another model has another vocabulary.
        if self.parts.asked.as_ref().is_some_and(|asked| asked.model != request.model) {
            self.parts.tokens.fill(None);
        }
        if !self.parts.tokens.contains(&None) {
            return;
        }
        if self.parts.asked.as_ref() != Some(&request) {
            self.parts.asked = Some(request.clone());
            self.commands.push(UiCommand::CountParts(request));
        }
    }

    fn count_request(&self, chat: &Chat) -> Option<CountRequest> {
        let Model::Ready { info, .. } = &chat.model else { return None };
        Some(CountRequest { model: info.path.clone(), whole: self.parts.whole.clone() })
    }

    /// Sends the selection to the chat as a draft if it changed and could be loaded.
    fn draft(&mut self, chat: &Chat, selection: &mut PartSelection) -> Vec<Action> {
        let choice = selection.choice();
        let sum = selection.ticks.sum_of_ticked(&self.parts.tokens);
        let could_be_read = DocumentParts::limit(chat).is_some_and(|limit| sum.tokens < limit);
        if choice.parts.is_empty() || sum.uncounted > 0 || !could_be_read {
            selection.drafted = Choice::default();
            return if chat.drafted.is_some() { vec![Action::Draft(None)] } else { Vec::new() };
        }
        if selection.drafted == choice {
            return Vec::new();
        }
        let text = Arc::from(self.parts.whole.with_parts(&choice.parts).text);
        let draft = Draft { text, preset_entry: choice.preset_entry };
        selection.drafted = choice;
        vec![Action::Draft(Some(draft))]
    }

    pub(super) fn in_parts(&mut self, chat: &Chat, mut selection: PartSelection, intent: &Intent) -> Vec<Action> {
        let stays_open = match () {
            () if selection.field.is_some() => type_filter(&mut selection, intent),
            () if selection.would_fit.is_some() => self.among_proposals(&mut selection, intent),
            () => self.among_parts(chat, &mut selection, intent),
        };
        if !stays_open {
            return vec![Action::Draft(None)];
        }
        let actions = self.draft(chat, &mut selection);
        self.overlay = Some(Overlay::Parts(selection));
        actions
    }

    /// Returns false to close the tree.
    fn among_parts(&mut self, chat: &Chat, selection: &mut PartSelection, intent: &Intent) -> bool {
        match intent {
            Intent::Scroll(scroll) => {
                let last = selection.ticks.rows().len().saturating_sub(1);
                selection.at = scrolled(*scroll, selection.at, last, selection.shown).min(last);
            }
            Intent::Tick => selection.node().into_iter().for_each(|node| selection.ticks.toggle(node)),
            Intent::TickAll => selection.ticks.set_all(true),
            Intent::TickNone => selection.ticks.set_all(false),
            Intent::TickOthers => selection.ticks.invert(),
            Intent::TickFitting => self.fill(chat, selection),
            Intent::Less => selection.node().into_iter().for_each(|node| {
                let node = selection.ticks.fold(node);
                selection.look_at(node);
            }),
            Intent::More => selection.node().into_iter().for_each(|node| selection.ticks.unfold(node)),
            Intent::Search => {
                // A filter is begun anew.
                selection.field = Some(LineInput::new(""));
                set_filter(selection, "");
            }
            Intent::Preset(_) | Intent::NextPreset | Intent::PreviousPreset => choose_preset(chat, selection, intent),
            Intent::Submit => return self.take_ticked(chat, selection),
            Intent::Escape if !selection.ticks.filter().is_empty() => set_filter(selection, ""),
            Intent::Escape | Intent::Interrupt => return false,
            _ => {}
        }
        true
    }

    /// Ticks what fits with room for questions and answers, or what fits half the context if that is more.
    fn fill(&mut self, chat: &Chat, selection: &mut PartSelection) {
        let Some(limit) = DocumentParts::limit(chat) else {
            self.message = Some("what fits is known once the model is loaded".to_owned());
            return;
        };
        selection.fill(limit.saturating_sub(self.parts.reserve_tokens).max(limit / 2), &self.parts.tokens);
        let sum = selection.ticks.sum_of_ticked(&self.parts.tokens);
        if sum.tokens == 0 {
            let is_counted = !self.parts.tokens.contains(&None);
            let why = if is_counted { "not even this part fits" } else { "the parts are still being counted" };
            self.message = Some(why.to_owned());
        }
    }

    /// Loads the selection, or says why not. Returns false if the tree closes.
    fn take_ticked(&mut self, chat: &Chat, selection: &mut PartSelection) -> bool {
        let choice = selection.choice();
        match self.parts.cost(chat, selection).verdict() {
            SelectionVerdict::NothingTicked => {
                self.message = Some("nothing is ticked: Space ticks, a ticks all".to_owned());
            }
            SelectionVerdict::Counting(parts) => {
                self.message = Some(format!("{} still to be counted", counted(parts, "part")));
            }
            SelectionVerdict::TooMany(_) => self.ask_what_would_fit(chat, selection, choice.parts),
            SelectionVerdict::Fits(_) if self.is_read(chat, &choice) => {
                self.message = Some("these parts are loaded already".to_owned());
                return false;
            }
            SelectionVerdict::Fits(_) => {
                self.commands.push(UiCommand::TakeParts(choice));
                return false;
            }
        }
        true
    }

    /// Whether `choice` is loaded already.
    fn is_read(&self, chat: &Chat, choice: &Choice) -> bool {
        let read = &self.parts.taken[..chat.parts_read(self.parts.taken.len())];
        let same = read.len() == choice.parts.len()
            && read.iter().zip(&choice.parts).all(|(part, number)| part + 1 == *number);
        same && chat.is_read()
            && choice.preset_entry.is_none_or(|preset_entry| preset_entry == chat.current_preset_entry())
    }

    fn ask_what_would_fit(&mut self, chat: &Chat, selection: &mut PartSelection, parts: Vec<usize>) {
        let Some(of) = self.count_request(chat) else { return };
        self.commands.push(UiCommand::Propose { of, parts: parts.clone() });
        selection.would_fit = Some(WouldFit { parts, proposals: None, at: 0 });
    }

    /// A proposal of parts is ticked; a proposal of flags is for the next start.
    fn among_proposals(&mut self, selection: &mut PartSelection, intent: &Intent) -> bool {
        let Some(would_fit) = &mut selection.would_fit else { return true };
        let proposals = would_fit.proposals.as_deref().unwrap_or_default();
        match intent {
            Intent::Scroll(scroll) => {
                let last = proposals.len().saturating_sub(1);
                would_fit.at = scrolled(*scroll, would_fit.at, last, proposals.len()).min(last);
            }
            Intent::Submit => match proposals.get(would_fit.at) {
                Some(Proposal { parts: Some(parts), .. }) => {
                    selection.ticks.set(&parts.iter().map(|number| number - 1).collect::<Vec<_>>());
                    selection.would_fit = None;
                    self.message = Some("ticked; press Enter to load".to_owned());
                }
                Some(Proposal { flags, .. }) => self.message = Some(format!("quit and start again with {flags}")),
                None => {}
            },
            Intent::Escape | Intent::Interrupt => selection.would_fit = None,
            _ => {}
        }
        true
    }

    /// Handles a result of counting.
    pub(in crate::tui) fn take_parts_result(&mut self, chat: &Chat, result: PartsResult) -> Vec<Action> {
        match result {
            PartsResult::Counted { of, first, tokens } if Arc::ptr_eq(&of.whole, &self.parts.whole) => {
                let places = self.parts.tokens.iter_mut().skip(first);
                places.zip(tokens).for_each(|(place, tokens)| *place = Some(tokens));
            }
            PartsResult::Proposed { of, parts, proposals } if Arc::ptr_eq(&of.whole, &self.parts.whole) => {
                if let Some(Overlay::Parts(PartSelection { would_fit: Some(would_fit), .. })) = &mut self.overlay
                    && would_fit.parts == parts
                {
                    would_fit.proposals = Some(proposals);
                }
            }
            PartsResult::Failed(why) => self.parts.failed = Some(why),
            PartsResult::Counted { .. } | PartsResult::Proposed { .. } => {}
        }
        self.attend(chat)
    }
}

/// Filters the tree as the user types.
fn type_filter(selection: &mut PartSelection, intent: &Intent) -> bool {
    let Some(mut field) = selection.field.take() else { return true };
    let stays = match intent {
        Intent::Type(key) if is_backspace(*key) && field.is_empty() => false,
        Intent::Type(key) => {
            field.press(*key);
            true
        }
        Intent::Paste(pasted) => {
            field.paste(pasted);
            true
        }
        Intent::Submit | Intent::Scroll(Scroll::Down) => false,
        Intent::Escape | Intent::Interrupt => {
            set_filter(selection, "");
            return true;
        }
        _ => true,
    };
    if field.text() != selection.ticks.filter() {
        set_filter(selection, field.text());
    }
    selection.field = stays.then_some(field);
    true
}

fn set_filter(selection: &mut PartSelection, text: &str) {
    let node = selection.node().unwrap_or(0);
    selection.ticks.set_filter(text);
    selection.look_at(node);
}

/// Selects the preset to use with the parts. Nothing switches before they are loaded.
fn choose_preset(chat: &Chat, selection: &mut PartSelection, intent: &Intent) {
    let here = selection.preset_entry.unwrap_or_else(|| chat.current_preset_entry());
    let chosen = match intent {
        Intent::Preset(key) => chat.preset_entries.iter().position(|preset_entry| preset_entry.key == Some(*key)),
        Intent::NextPreset => Some(here + 1),
        _ => here.checked_sub(1),
    };
    selection.preset_entry =
        chosen.filter(|&preset_entry| preset_entry < chat.preset_entries.len()).or(selection.preset_entry);
}
