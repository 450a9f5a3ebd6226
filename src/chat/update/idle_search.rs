//! Has the heads that point at passages looked for while nothing else is to be done.
//!
//! Passages are read again where the model's own heads point. Which heads these are is found once for a model, with facts planted in a text.
//! That takes seconds to minutes, so nobody is kept waiting for it: it begins after the first answer of a conversation that reads passages
//! again, when nothing was done for 5 seconds. Any key stops it within a decode call; what it has found is kept, and it goes on later. Until
//! it is done, the words of a question choose its passages.
//!
//! Example: 24 questions about 3,900 tokens. After 9 of them the user types; 5 seconds after the last key the tenth is asked.
//!
//! It doesn't know the questions (`session::calibrating` does), nor what becomes of the cache meanwhile (the engine puts it back).

use std::time::Duration;

use crate::chat::exchange::{Exchange, ExchangeState};
use crate::chat::input::{Effect, Input};
use crate::chat::notice::Notice;
use crate::chat::state::{Calibrate, Chat, IdleSearch, Model, Phase, Questions, Run};
use crate::chat::transcript::Entry;
use crate::engine::message::{Event, HeadsKnown, Reread};
use crate::units::counted;

/// After anything else, so much time has to pass.
const QUIET: Duration = Duration::from_secs(5);
/// After the engine found the machine busy.
const BUSY: Duration = Duration::from_secs(30);

impl Chat {
    /// Whether heads are looked for once nothing was done for a while.
    #[must_use]
    pub fn awaits_quiet(&self) -> bool {
        let is_free =
            self.work == Phase::Idle && self.ahead.is_none() && self.opening.is_none() && self.download.is_none();
        let was_answered =
            || self.transcript.iter().skip(self.earlier_entries).filter_map(Entry::exchange).any(is_answered);
        is_free
            && self.asking.calibrate == Calibrate::Idle
            && self.asking.questions == Questions::Conversation
            && self.asking.reread != Reread::Off
            && self.idle_search.run.is_none()
            && !self.idle_search.has_failed
            && self.has_document()
            && self.paused.is_none()
            && self.is_read()
            && is_wanted(&self.model)
            && !self.is_waited_for()
            && was_answered()
    }

    /// Whether what the user does makes a difference even if it is no action: then it comes as [`Input::Stirred`].
    #[must_use]
    pub fn yields_to_keys(&self) -> bool {
        self.idle_search.run.is_some() || self.awaits_quiet()
    }
}

fn is_answered(exchange: &Exchange) -> bool {
    matches!(exchange.state, ExchangeState::Answered(_))
}

/// Whether the heads of this model are not known, and its engine is on this machine.
fn is_wanted(model: &Model) -> bool {
    match model {
        Model::Ready { info, .. } => {
            info.heads == HeadsKnown::NotYet && info.server.is_none() && info.runs_on.is_none()
        }
        _ => false,
    }
}

/// Starts to look, or goes on; `None` if it is not wanted, or not yet.
pub(super) fn go_on(chat: &mut Chat) -> Option<Vec<Effect>> {
    if !chat.awaits_quiet() || chat.now < chat.idle_search.not_before {
        return None;
    }
    let Model::Ready { template, .. } = &chat.model else { return None };
    let template = Box::new(template.clone());
    let run = Run::new(chat.new_job());
    let effect = Effect::FindHeads { job: run.job, template, cancel: run.cancel.clone() };
    chat.idle_search.run = Some(run);
    if !std::mem::replace(&mut chat.idle_search.is_told, true) {
        let text =
            "Lunette looks for the attention heads that point at passages, for --reread; anything you do stops it";
        chat.tell_beside(text.to_owned());
    }
    Some(vec![effect])
}

/// Whether `event` is of the search.
pub(super) fn is_its(chat: &Chat, event: &Event) -> bool {
    let job = chat.idle_search.run.as_ref().map(|run| run.job);
    job.is_some() && event.job() == job
}

pub(super) fn heard(chat: &mut Chat, event: Event) {
    match event {
        Event::FindingHeads { done, total, .. } => (chat.idle_search.done, chat.idle_search.total) = (done, total),
        Event::HeadsFound { stopped: true, .. } => {
            chat.idle_search.run = None;
            wait(chat, BUSY);
        }
        Event::HeadsFound { heads, .. } => found(chat, heads.len()),
        Event::Failed { failure, .. } => {
            chat.idle_search = IdleSearch { has_failed: true, ..IdleSearch::default() };
            chat.tell(Notice::from(&failure));
        }
        Event::Noted { text, .. } => chat.tell_beside(text),
        _ => {}
    }
}

fn found(chat: &mut Chat, heads: usize) {
    chat.idle_search = IdleSearch::default();
    if let Model::Ready { info, .. } = &mut chat.model {
        info.heads = if heads > 0 { HeadsKnown::Some } else { HeadsKnown::None };
    }
    let text = match heads {
        0 => "no attention head of this model points at passages: the words of a question still choose them".to_owned(),
        _ => format!("passages are chosen by {} of this model from now on", counted(heads, "attention head")),
    };
    chat.tell(Notice::info(text));
}

/// Stops the search for what has happened: the user did something. What it has found is kept.
pub(super) fn stir(chat: &mut Chat, input: &Input) -> Vec<Effect> {
    if !matches!(input, Input::User(_) | Input::Stirred) {
        return Vec::new();
    }
    let stopped = chat.idle_search.run.take().map(|run| Effect::Cancel(run.cancel));
    wait(chat, QUIET);
    stopped.into_iter().collect()
}

/// Puts the search off if something was in progress and has just ended.
pub(super) fn wait_after_work(chat: &mut Chat, was_busy: bool) {
    if was_busy && chat.work == Phase::Idle {
        wait(chat, QUIET);
    }
}

/// Stops the search for what the engine is sent in `effects`. With its model, it ends.
pub(super) fn yield_to(chat: &mut Chat, effects: &mut Vec<Effect>) {
    if !matches!(chat.model, Model::Ready { .. }) {
        chat.idle_search = IdleSearch::default();
        return;
    }
    let Some(first) = effects.iter().position(|effect| matches!(effect, Effect::Send(_))) else { return };
    if let Some(run) = chat.idle_search.run.take() {
        effects.insert(first, Effect::Cancel(run.cancel));
        wait(chat, QUIET);
    }
}

/// Not before so much time has passed.
fn wait(chat: &mut Chat, time: Duration) {
    chat.idle_search.not_before = chat.now + time;
}
