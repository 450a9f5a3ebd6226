//! On request, reads the presets that are not in use while nothing else is to be done, so that switching to one takes a moment.
//!
//! Whatever the user does comes first: the reading stops within a decode call, keeps what it has, and goes on when the engine has had nothing
//! to do for 5 seconds. What it reads is kept as any reading is, in memory or on disk, and the present reading stays at hand.
//!
//! Example: a book is open under `quick`, and `balanced` would take 4 minutes. While its reader looks something up, it is read.

use std::time::Duration;

use super::prompts::document_prompt_for;
use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::{Ahead, AheadRun, Chat, Model, Questions, Run};
use crate::engine::message::{Command, Event, JobId, Prompt, ReadAhead};
use crate::failure::Failure;
use crate::swaa::selection::ResolvedPreset;

/// After something else, so much time has to pass.
const QUIET: Duration = Duration::from_secs(5);

/// Begins to read ahead, or ends it.
pub(super) fn toggle(chat: &mut Chat) -> Vec<Effect> {
    if let Some(ahead) = chat.ahead.take() {
        chat.tell(Notice::info("no preset is read in the background any more"));
        return ahead.run.map(|run| Effect::Cancel(run.run.cancel)).into_iter().collect();
    }
    chat.ahead = Some(Ahead::default());
    chat.tell(Notice::info("the other presets are read in the background; whatever you do comes first"));
    Vec::new()
}

/// Starts the next preset, if there is one and nothing runs; `None` otherwise.
pub(super) fn go_on(chat: &mut Chat) -> Option<Vec<Effect>> {
    let ahead = chat.ahead.as_ref().filter(|ahead| ahead.run.is_none())?;
    let is_ready = chat.is_read() && chat.until.is_none() && chat.paused.is_none();
    if !is_ready || chat.asking.questions != Questions::Conversation || chat.now < ahead.not_before {
        return None;
    }
    let home = chat.resolved_preset.clone()?;
    let home_prompt = document_prompt_for(chat, &home)?;
    let Some((preset, prompt)) = next(chat, ahead, &home) else {
        chat.ahead = None;
        chat.tell_beside("all presets are read".to_owned());
        return None;
    };
    let run = Run::new(chat.new_job());
    let command = Command::ReadAhead(Box::new(ReadAhead {
        job: run.job,
        prompt: prompt.clone(),
        recipe: preset.recipe.clone(),
        home: (home_prompt, home.recipe),
        cancel: run.cancel.clone(),
    }));
    let ahead = chat.ahead.as_mut().expect("it is on");
    ahead.run = Some(AheadRun { preset, run, prompt });
    Some(vec![Effect::Send(command)])
}

/// The next preset entry after the current one that was not read and reads otherwise than the current one.
fn next(chat: &Chat, ahead: &Ahead, home: &ResolvedPreset) -> Option<(ResolvedPreset, Prompt)> {
    let entries = chat.preset_entries.len();
    let at = chat.preset_entries.iter().position(|preset| *preset.name == *home.name).unwrap_or(0);
    let others = (1..=entries).map(|step| (at + step) % entries);
    let resolved = others.filter_map(|entry| chat.resolve_entry(entry)).filter(|preset| preset.recipe != home.recipe);
    let mut wanted = resolved.filter_map(|preset| Some((document_prompt_for(chat, &preset)?, preset)));
    wanted.find(|(prompt, preset)| !ahead.is_done(&preset.recipe, prompt)).map(|(prompt, preset)| (preset, prompt))
}

/// Whether `event` is of the reading in the background.
pub(super) fn is_its(chat: &Chat, event: &Event) -> bool {
    let job = chat.ahead.as_ref().and_then(|ahead| ahead.run.as_ref()).map(|run| run.run.job);
    job.is_some() && event.job() == job
}

pub(super) fn heard(chat: &mut Chat, event: Event) {
    let Some(run) = chat.ahead.as_mut().and_then(|ahead| ahead.run.as_mut()) else { return };
    match event {
        Event::Prefilling { progress, .. } => run.run.progress = Some(progress),
        Event::Prefilled { stopped: false, .. } => ended(chat),
        Event::Prefilled { .. } => give_way(chat),
        Event::Noted { text, .. } => chat.tell_beside(text),
        Event::Failed { failure, .. } => failed(chat, &failure),
        _ => {}
    }
}

fn ended(chat: &mut Chat) {
    let Some(ahead) = &mut chat.ahead else { return };
    let Some(AheadRun { preset, prompt, .. }) = ahead.run.take() else { return };
    ahead.done.push((preset.recipe, prompt));
    chat.tell_beside(format!("{} was read in the background", preset.name));
    // What switching costs has changed.
    chat.survey.clear();
    chat.next_survey = None;
}

fn failed(chat: &mut Chat, failure: &Failure) {
    chat.ahead = None;
    chat.tell(Notice::from(failure));
}

/// Stops the reading in the background for what the engine is sent in `effects`. With its model, it ends.
pub(super) fn yield_to(chat: &mut Chat, effects: &mut Vec<Effect>) {
    if !matches!(chat.model, Model::Ready { .. }) {
        chat.ahead = None;
    }
    let Some(run) = chat.ahead.as_ref().and_then(|ahead| ahead.run.as_ref()) else { return };
    let job = run.run.job;
    let Some(first) = effects.iter().position(|effect| is_sent_for_another(effect, job)) else { return };
    effects.insert(first, Effect::Cancel(run.run.cancel.clone()));
    give_way(chat);
}

fn is_sent_for_another(effect: &Effect, job: JobId) -> bool {
    match effect {
        Effect::Send(Command::ReadAhead(ahead)) => ahead.job != job,
        Effect::Send(_) => true,
        _ => false,
    }
}

/// What was read is kept, and it goes on once nothing else was to be done for a while.
fn give_way(chat: &mut Chat) {
    let now = chat.now;
    if let Some(ahead) = &mut chat.ahead {
        ahead.run = None;
        ahead.not_before = now + QUIET;
    }
}
