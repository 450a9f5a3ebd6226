//! Changes how questions are asked: the system prompt, sampling, the length of answers, the conversation's name.
//!
//! Sampling and length apply from the next answer on. A system prompt stands before the document, so the document is
//! prefilled again behind it.

use crate::chat::input::Effect;
use crate::chat::notice::Notice;
use crate::chat::state::{Change, Chat, Model, Phase};
use crate::chat::system_prompt::SystemPrompt;
use crate::engine::message::Sampling;

/// Replaces the system prompt. A blank one is none.
pub(super) fn set_system(chat: &mut Chat, system: Option<&str>) -> Vec<Effect> {
    let system = SystemPrompt::edited(system);
    if system == chat.asking.system {
        chat.tell(Notice::info("the system prompt is unchanged"));
        return Vec::new();
    }
    if chat.is_waited_for() {
        chat.tell(Notice::info("an answer is in progress; set the system prompt after it"));
        return Vec::new();
    }
    let is_none = system == SystemPrompt::Absent;
    let words = if is_none { "there is no system prompt now" } else { "the system prompt is set" };
    chat.asking.system = system;
    if !chat.has_document() || !matches!(chat.model, Model::Ready { .. }) {
        chat.tell(Notice::info(words));
        return Vec::new();
    }
    let effects = if let Phase::Prefilling { run, .. } = &mut chat.work {
        run.stop()
    } else {
        chat.work = Phase::Idle;
        Vec::new()
    };
    chat.cache_state = None;
    chat.paused = None;
    chat.changed_at = Some(Change::System(words.to_owned()));
    effects
}

/// Samples like this from the next answer on. What the user changes holds for the next model, too.
pub(super) fn set_sampling(chat: &mut Chat, sampling: Sampling) {
    chat.asking.given = chat.asking.given.with_changes(chat.asking.sampling, sampling);
    chat.asking.sampling = sampling;
}

/// Names the conversation; a blank name takes the name away.
pub(super) fn rename(chat: &mut Chat, name: &str) {
    let name = name.trim();
    chat.name = (!name.is_empty()).then(|| name.into());
}
