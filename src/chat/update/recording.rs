//! Saves the conversation after each input that changed it: see [`crate::chat::recording`].
//!
//! What is to be saved is found by comparison with what was saved last, so no step has to say that it changed something. A piece of an
//! answer is compared with its own branch alone.

use std::mem;
use std::time::Duration;

use crate::chat::exchange::Exchange;
use crate::chat::input::{Effect, Input};
use crate::chat::notice::Notice;
use crate::chat::recording::{Begins, EntryChange, Head, NotSaved, Recording, Saving};
use crate::chat::state::{Chat, Model};
use crate::chat::transcript::Entry;
use crate::engine::message::Event;

/// How long after a failed save the next is tried: all has to be written again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// How much of the conversation an input can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The shown branch.
    Shown,
    All,
}

impl Reach {
    pub(super) fn of(input: &Input) -> Self {
        match input {
            Input::Engine(Event::Piece { .. } | Event::Prefilling { .. } | Event::Loading { .. }) | Input::Tick => {
                Self::Shown
            }
            _ => Self::All,
        }
    }
}

/// The effect that saves what has changed, if anything has.
pub(super) fn save(chat: &mut Chat, reach: Reach) -> Option<Effect> {
    let mut recording = chat.recording.take()?;
    let waits = recording.failed_at.is_some_and(|at| chat.now.saturating_sub(at) < TRY_AGAIN);
    let is_empty = chat.transcript.is_empty() && chat.branches.count() == 1 && recording.branches.is_empty();
    let saving = if waits || is_empty { Saving::default() } else { changes(chat, &mut recording, reach) };
    chat.recording = Some(recording);
    (saving != Saving::default()).then(|| Effect::Save(Box::new(saving)))
}

/// What has changed; from now on it counts as saved.
fn changes(chat: &Chat, recording: &mut Recording, reach: Reach) -> Saving {
    let reach = if recording.has_lengths { reach } else { Reach::All };
    let mut entries = Vec::new();
    let mut has_lengths = mem::replace(&mut recording.has_lengths, true);
    recording.failed_at = None;
    for (branch, now) in chat.branches.all(&chat.transcript).enumerate() {
        if reach == Reach::Shown && branch != chat.branches.shown() {
            continue;
        }
        if recording.branches.len() <= branch {
            recording.branches.resize_with(branch + 1, Vec::new);
            has_lengths = false;
        }
        let saved = &mut recording.branches[branch];
        has_lengths &= saved.len() == now.len();
        entries.extend(changed_entries(branch, saved, now));
    }
    has_lengths &= recording.branches.len() == chat.branches.count();
    recording.branches.truncate(chat.branches.count());
    let lengths = (!has_lengths).then(|| recording.branches.iter().map(Vec::len).collect());
    let head = head(chat);
    let is_named = recording.head.as_ref().is_none_or(|known| (&known.name, known.shown) != (&head.name, head.shown));
    let goes_on = matches!(recording.begins, Some(Begins::At { .. }));
    if goes_on && entries.is_empty() && lengths.is_none() && !is_named {
        // Who merely opens a conversation doesn't take it from another window.
        return Saving::default();
    }
    let head = (recording.head.as_ref() != Some(&head)).then(|| recording.head.insert(head).clone());
    Saving { begins: recording.begins.take(), head, lengths, entries }
}

/// The entries of a branch that are not as `saved` has them; afterwards it has them.
fn changed_entries(branch: usize, saved: &mut Vec<Entry>, now: &[Entry]) -> Vec<EntryChange> {
    saved.truncate(now.len());
    let mut changes = Vec::new();
    for (position, entry) in now.iter().enumerate() {
        match saved.get_mut(position) {
            Some(known) if known == entry => {}
            Some(known) => {
                changes.push(growth(branch, position, known, entry).unwrap_or_else(|| whole(branch, position, entry)));
                known.clone_from(entry);
            }
            None => {
                changes.push(whole(branch, position, entry));
                saved.push(entry.clone());
            }
        }
    }
    changes
}

fn whole(branch: usize, position: usize, entry: &Entry) -> EntryChange {
    EntryChange::Whole { branch, position, entry: entry.into() }
}

/// What the texts of an entry have grown by, if nothing else changed.
fn growth(branch: usize, position: usize, known: &Entry, entry: &Entry) -> Option<EntryChange> {
    let (Entry::Exchange(known), Entry::Exchange(now)) = (known, entry) else { return None };
    let answer = now.answer.strip_prefix(known.answer.as_str())?.to_owned();
    let thoughts = now.reasoning.text.strip_prefix(known.reasoning.text.as_str())?.to_owned();
    is_same_beside_texts(known, now).then_some(EntryChange::Grown { branch, position, answer, thoughts })
}

fn is_same_beside_texts(known: &Exchange, now: &Exchange) -> bool {
    let bare = |exchange: &Exchange| {
        let mut bare = exchange.clone();
        bare.answer.clear();
        bare.reasoning.text.clear();
        bare
    };
    bare(known) == bare(now)
}

pub(super) fn head(chat: &Chat) -> Head {
    let model = match &chat.model {
        Model::Ready { info, .. } => Some(info.name.clone()),
        _ => None,
    };
    Head {
        name: chat.name.clone(),
        title: chat.document.title.clone(),
        part: chat.document.part.clone(),
        model,
        preset: chat.resolved_preset.as_ref().map(|resolved_preset| resolved_preset.name.clone()),
        shown: chat.branches.shown(),
        parts_taken: chat.parts_taken,
    }
}

/// Tries again with all of it: after a while, or as a conversation of its own if another window has this one.
pub(super) fn not_saved(chat: &mut Chat, why: NotSaved) {
    let Some(recording) = &mut chat.recording else { return };
    match why {
        NotSaved::Elsewhere => {
            *recording = Recording::new();
            chat.tell(Notice::info(
                "another window goes on with this conversation, or has removed it; here it is kept as a new one",
            ));
        }
        NotSaved::Failed(failure) => {
            let begins = recording.begins;
            let was_failing = mem::replace(&mut chat.saving_fails, true);
            *recording = Recording { begins, failed_at: Some(chat.now), ..Recording::default() };
            if !was_failing {
                let text = format!("this conversation is not saved: {}; it is tried again", failure.message);
                chat.tell(Notice { hint: failure.hint.clone(), text, ..Notice::from(&failure) });
            }
        }
    }
}

/// Saving works again.
pub(super) fn saved_again(chat: &mut Chat) {
    if mem::take(&mut chat.saving_fails) {
        chat.tell(Notice::info("this conversation is saved again"));
    }
}

/// Saves at once what could not be saved before: the program is left.
pub(super) fn at_last(chat: &mut Chat) {
    if let Some(recording) = &mut chat.recording {
        recording.failed_at = None;
    }
}
