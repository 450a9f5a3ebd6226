//! How far is the model? For clients that wait for it, and for whoever started the server.

use super::shared::Server;
use crate::session::{Activity, Observer};

/// Passes notes and progress on to `observer`. Nothing is fetched any more.
pub(super) struct Loading<'a> {
    pub(super) server: &'a Server,
    pub(super) observer: &'a mut dyn Observer,
}

impl Observer for Loading<'_> {
    fn note(&mut self, text: &str) {
        self.observer.note(text);
    }

    fn progress(&mut self, activity: Activity<'_>) {
        if let Activity::LoadingModel(fraction) = activity {
            self.server.set_loading(fraction);
        }
        self.observer.progress(activity);
    }
}
