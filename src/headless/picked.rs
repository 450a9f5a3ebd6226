//! `--pick 20k`: the parts nearest to the questions. [`crate::fit::pick`] has the picture.
//!
//! All questions of a run are picked for together: they share one reading.

use super::{Session, Voice};
use crate::document::Document;
use crate::exit::Trouble;
use crate::fit::Error;
use crate::fit::pick::{Picked, pick};

impl Session<'_> {
    /// Makes the session's document the parts of `document` that are nearest to the questions, with at most `room` tokens.
    pub(super) async fn pick_parts(
        &mut self,
        document: &Document,
        room: u32,
        voice: &mut Voice<'_>,
    ) -> Result<(), Trouble> {
        let picked = self.nearest(document, room).await?.ok_or(Error::NothingPicked { room })?;
        self.take_picked(picked, voice);
        Ok(())
    }

    /// The parts of `document` nearest to all questions; `None` when no word of them is in it, or no part has room.
    pub(super) async fn nearest(&mut self, document: &Document, room: u32) -> Result<Option<Picked>, Trouble> {
        let questions = self.settings.questions.join("\n");
        let talk = &mut self.talk;
        pick(document, &questions, room, async |texts| talk.count_each(texts).await).await
    }

    /// Makes `picked` the session's document, and says what it is.
    pub(super) fn take_picked(&mut self, picked: Picked, voice: &mut Voice<'_>) {
        voice.note(&format!("note: {}", picked.in_words()));
        self.take(&picked.document);
        self.picked = Some(picked.pieces);
    }
}
