//! The way back to the preset that was in force before a comparison. [`super::versus`] begins it.

use crate::chat::notice::Notice;
use crate::chat::state::{Chat, Home, Phase};

/// Whether the cost of the way back is being estimated.
pub(super) fn is_going_home(chat: &Chat) -> bool {
    matches!((&chat.home, &chat.work), (Some(Home::Going(_)), Phase::Forecasting { .. }))
}

/// Takes the end of a prefill. Returns true if it was the way back, which is told.
pub(super) fn is_home(chat: &mut Chat) -> bool {
    let Some(Home::Going(home)) = &chat.home else { return false };
    if chat.resolved_preset.as_ref() != Some(home) {
        return false;
    }
    let text = format!("back to {}, as before the comparison", home.name);
    chat.home = None;
    chat.tell(Notice::info(text));
    true
}

/// Forgets the way back, if it has begun: it failed or was declined.
pub(super) fn give_up(chat: &mut Chat) {
    chat.home = chat.home.take().filter(|home| !matches!(home, Home::Going(_)));
}
