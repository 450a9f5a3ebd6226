//! A document that changes on disk between two questions: noticed when the next is asked, and read again from the first change on.
//!
//! ```text
//! note: the document changed on disk, from line 812 of book.txt on: 30,012 of 31,003 tokens are kept
//! ```
//!
//! The same parts are taken as before, by number, and read by the same recipe. What can't be read any more is answered from as it was.

use std::sync::Arc;

use super::rows::grouped;
use super::{Session, Taken, Voice, chosen_parts};
use crate::document::Document;
use crate::exit::Trouble;

impl Session<'_> {
    /// Takes the document as it is now, if it is another, before `question` is asked about it.
    pub(super) async fn take_changes(&mut self, question: &str, voice: &mut Voice<'_>) -> Result<(), Trouble> {
        let whole = match self.watched.changed() {
            Ok(None) => return Ok(()),
            Ok(Some(whole)) => whole,
            Err(error) => {
                voice.note(&format!("note: {error}; the answer is from what was read before"));
                return Ok(());
            }
        };
        let before = self.document.clone();
        let parts = chosen_parts(self.settings, whole)?;
        let document = match self.taken {
            Taken::All => parts,
            Taken::First(count) => parts.first_parts(count),
            Taken::Picked(room) => return self.pick_parts(&parts, room, voice).await,
        };
        if *document.text == *before {
            return Ok(());
        }
        self.take(&document);
        let (prompt, _) = self.prompt(&self.document, Some(&Arc::from(question)))?;
        let plan = self.talk.forecast(prompt, self.chosen.recipe.clone()).await?;
        let kept = grouped(plan.cached_tokens.min(plan.document_tokens) as usize);
        let tokens = grouped(plan.document_tokens as usize);
        let place = place(&document, &before);
        voice.note(&format!("note: the document changed on disk, {place}: {kept} of {tokens} tokens are kept"));
        Ok(())
    }
}

/// Where the first change is, for people.
#[must_use]
pub fn place(document: &Document, before: &str) -> String {
    let changed = document.first_change_from(before).and_then(|byte| document.locate(byte));
    changed.map_or("at its end".to_owned(), |place| format!("from {} of {} on", place.position, place.file))
}
