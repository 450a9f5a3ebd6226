//! Fetches a missing model once the user agrees; then it is loaded like any other.

use std::path::PathBuf;

use crate::chat::input::{Effect, Fetched};
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Model};
use crate::engine::message::CancelToken;
use crate::failure::Failure;

pub(super) fn start(chat: &mut Chat) -> Vec<Effect> {
    let Model::Absent(offered) = &chat.model else { return Vec::new() };
    let cancel = CancelToken::default();
    let fetched = Fetched { total: offered.bytes, ..Fetched::default() };
    chat.model = Model::Fetching { offered: offered.clone(), fetched, cancel: cancel.clone() };
    chat.notice = None;
    vec![Effect::Fetch(cancel)]
}

/// Stops the download. The next one continues where it stopped.
pub(super) fn stop(chat: &mut Chat) -> Vec<Effect> {
    let Model::Fetching { offered, cancel, .. } = &chat.model else { return Vec::new() };
    let effects = vec![Effect::Cancel(cancel.clone())];
    chat.model = Model::Absent(offered.clone());
    chat.tell(Notice::info("stopped; the downloaded part is kept").with_hint("Enter continues"));
    effects
}

pub(super) fn progress(chat: &mut Chat, now: Fetched) {
    if let Model::Fetching { fetched, .. } = &mut chat.model {
        *fetched = now;
    }
}

/// Takes the fetched file, or the failure. Ignored after a stop.
pub(super) fn ended(chat: &mut Chat, came: Result<PathBuf, Failure>) -> Vec<Effect> {
    let Model::Fetching { offered, .. } = &chat.model else { return Vec::new() };
    match came {
        Ok(file) => {
            chat.model = Model::Loading { fraction: 0.0 };
            vec![Effect::Start(file)]
        }
        Err(failure) => {
            chat.model = Model::Absent(offered.clone());
            chat.tell(Notice::from(&failure));
            Vec::new()
        }
    }
}

pub(super) fn take(chat: &mut Chat, file: PathBuf) -> Vec<Effect> {
    if !matches!(chat.model, Model::Absent(_)) {
        return Vec::new();
    }
    chat.model = Model::Loading { fraction: 0.0 };
    chat.notice = None;
    vec![Effect::Start(file)]
}
