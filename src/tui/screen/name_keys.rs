//! Keys while the user types a name after `@`.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::keymap::{Focus, Intent};
use super::names::NameList;
use super::scrolling::scrolled;
use super::state::Screen;
use crate::chat::attached::{begins_a_word, written};
use crate::chat::{Action, Chat};
use crate::session::references::{NamedPart, named_parts, resolve, unattached};

impl Screen {
    /// Handles a key in the question. An `@` at the start of a word opens the list; a complete name is attached.
    pub(super) fn type_question(&mut self, chat: &Chat, key: KeyEvent) -> Vec<Action> {
        let begins = begins_a_word(&self.before_caret());
        self.type_key(key);
        let is_at = key.code == KeyCode::Char('@') && (key.modifiers - KeyModifiers::SHIFT).is_empty();
        if is_at && begins && self.overlay.is_none() {
            let all = named_parts(&self.parts.whole);
            self.name_list = Some(NameList { all, rows: Vec::new(), at: 0, shown: 8 });
        }
        self.filter_names();
        self.attach(chat, |is_closed| is_closed)
    }

    /// Starts a reference as if the user had typed `@` as a word of its own.
    pub(super) fn refer(&mut self, chat: &Chat) -> Vec<Action> {
        if !begins_a_word(&self.before_caret()) {
            self.input.insert_char(' ');
        }
        self.type_question(chat, KeyEvent::from(KeyCode::Char('@')))
    }

    /// Handles a key while the list is open.
    pub(super) fn name(&mut self, chat: &Chat, intent: Intent) -> Vec<Action> {
        let Some(naming) = &mut self.name_list else { return Vec::new() };
        let last = naming.rows.len().saturating_sub(1);
        match intent {
            Intent::Scroll(scroll) => naming.at = scrolled(scroll, naming.at, last, naming.shown).min(last),
            Intent::Submit | Intent::Type(KeyEvent { code: KeyCode::Tab, .. }) => return self.choose_name(chat),
            Intent::Type(key) => match self.keymap.intent(key, Focus::Input) {
                Some(Intent::Type(key)) => return self.type_question(chat, key),
                Some(other) => return self.leave_names(chat, other),
                None => {}
            },
            Intent::Escape => self.name_list = None,
            other => return self.leave_names(chat, other),
        }
        Vec::new()
    }

    fn leave_names(&mut self, chat: &Chat, intent: Intent) -> Vec<Action> {
        self.name_list = None;
        self.at_work(chat, intent)
    }

    /// Filters the list by the typed text; names that begin with it come first. The list closes if there is no name to
    /// complete.
    fn filter_names(&mut self) {
        let typed = self.typed_name();
        let Some(naming) = &mut self.name_list else { return };
        let Some(typed) = typed else {
            self.name_list = None;
            return;
        };
        let typed = typed.trim_start_matches('"').to_lowercase();
        let mut rows: Vec<(bool, &NamedPart)> = Vec::new();
        for named in &naming.all {
            let name = named.name.to_lowercase();
            if name.contains(&typed) {
                rows.push((!name.starts_with(&typed), named));
            }
        }
        rows.sort_by_key(|(is_inside, _)| *is_inside);
        naming.rows = rows.into_iter().map(|(_, named)| named.clone()).collect();
        naming.at = 0;
    }

    /// Replaces the typed text with the selected name.
    fn choose_name(&mut self, chat: &Chat) -> Vec<Action> {
        let typed = self.typed_name().unwrap_or_default();
        let Some(naming) = self.name_list.take() else { return Vec::new() };
        let Some(named) = naming.rows.get(naming.at) else { return Vec::new() };
        for _ in 0..=typed.chars().count() {
            self.input.delete_char();
        }
        self.input.insert_str(format!("{} ", written(&named.name)));
        self.attach(chat, |is_closed| is_closed)
    }

    /// The text between the last `@` that begins a word and the caret, if it can be a name.
    fn typed_name(&self) -> Option<String> {
        let before = self.before_caret();
        let at = before.rfind('@').filter(|&at| begins_a_word(&before[..at]))?;
        let typed = &before[at + 1..];
        let is_name = match typed.strip_prefix('"') {
            Some(quoted) => !quoted.contains('"'),
            None => !typed.contains(char::is_whitespace),
        };
        is_name.then(|| typed.to_owned())
    }

    /// The caret's line, up to the caret.
    fn before_caret(&self) -> String {
        let caret = self.input.cursor();
        self.input.lines()[caret.0].chars().take(caret.1).collect()
    }

    /// Attaches the names in the question that were not attached before. `is_wanted` gets whether a name is complete.
    pub(super) fn attach(&mut self, chat: &Chat, is_wanted: impl Fn(bool) -> bool) -> Vec<Action> {
        let mut actions = Vec::new();
        for reference in unattached(chat, &self.text()) {
            if is_wanted(reference.is_closed) && !self.looked_up.contains(&reference.name) {
                actions.push(Action::Attach(resolve(&self.parts.whole, &reference.name)));
                self.looked_up.push(reference.name);
            }
        }
        actions
    }
}
