//! Fetches a missing model once the user agrees; then it is loaded like any other.
//!
//! If a model is loaded already, it goes on answering meanwhile ([`crate::chat::Download`]).

use std::path::PathBuf;

use super::remodelling;
use crate::chat::input::{Effect, Fetched, KnownModel, Offered};
use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Download, Model};
use crate::engine::message::CancelToken;
use crate::failure::Failure;

pub(super) fn start(chat: &mut Chat) -> Vec<Effect> {
    let Model::Absent(offered) = &chat.model else { return Vec::new() };
    let offered = offered.clone();
    fetch(chat, offered)
}

/// Uses a model of the catalogue; one that is not on this machine is fetched first.
pub(super) fn use_model(chat: &mut Chat, model: KnownModel) -> Vec<Effect> {
    match model.file {
        Some(file) => remodelling::load(chat, file),
        None if chat.download.is_some() || matches!(chat.model, Model::Fetching { .. }) => {
            chat.tell(Notice::info("another model is being fetched"));
            Vec::new()
        }
        None => fetch(chat, model.offered),
    }
}

/// Fetches `offered`: beside the loaded model, if there is one.
fn fetch(chat: &mut Chat, offered: Offered) -> Vec<Effect> {
    let (cancel, name) = (CancelToken::default(), offered.name.clone());
    let fetched = Fetched { total: offered.bytes, ..Fetched::default() };
    let effect = Effect::Fetch { name, cancel: cancel.clone() };
    if matches!(chat.model, Model::Ready { .. } | Model::Loading { .. }) {
        chat.download = Some(Download { offered, fetched, cancel });
    } else {
        chat.model = Model::Fetching { offered, fetched, cancel };
    }
    chat.notice = None;
    vec![effect]
}

/// Stops the download. The next one continues where it stopped.
pub(super) fn stop(chat: &mut Chat) -> Vec<Effect> {
    if let Some(download) = chat.download.take() {
        chat.tell(Notice::info("stopped; the downloaded part is kept"));
        return vec![Effect::Cancel(download.cancel)];
    }
    let Model::Fetching { offered, cancel, .. } = &chat.model else { return Vec::new() };
    let effects = vec![Effect::Cancel(cancel.clone())];
    chat.model = Model::Absent(offered.clone());
    chat.tell(Notice::info("stopped; the downloaded part is kept").with_hint("Enter continues"));
    effects
}

pub(super) fn progress(chat: &mut Chat, now: Fetched) {
    if let Some(download) = &mut chat.download {
        download.fetched = now;
    } else if let Model::Fetching { fetched, .. } = &mut chat.model {
        *fetched = now;
    }
}

/// Takes the fetched file, or the failure. Ignored after a stop.
pub(super) fn ended(chat: &mut Chat, came: Result<PathBuf, Failure>) -> Vec<Effect> {
    if chat.download.take().is_some() {
        return match came {
            Ok(file) => remodelling::load(chat, file),
            Err(failure) => {
                chat.tell(Notice::from(&failure));
                Vec::new()
            }
        };
    }
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
